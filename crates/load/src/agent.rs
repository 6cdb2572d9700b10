//! Who is at the console? An agent without a browser, who takes or places one call at a time.
//!
//! The same log-in, WebSocket and WebRTC leg as the console's page. An agent is available only while
//! it expects a call, and declines whoever else rings: so a flow's callers reach the flow, and each
//! user the agent of the same seat.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use engine::Engine;
use futures_util::{SinkExt, StreamExt};
use handset::{Closed, Ears, Heard, Lost, MediaLeg, Tags};
use media::{frame::AudioFrame, mark::Marks};
use reqwest::header::SET_COOKIE;
use terms::{AgentId, CallId, WaId};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};
use wire::console::{AgentState, Call, CallState, FromConsole, LogIn, Presence, ToConsole};

/// How often the ears are drained; their channel holds five seconds.
const DRAIN_EVERY: Duration = Duration::from_millis(40);

/// Orders and news that may wait; a seat has one call at a time.
const WAITING_MAX: usize = 16;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// An agent's log-in.
#[derive(Debug, Clone)]
pub struct LogInAs {
    /// The id.
    pub id: AgentId,
    /// The password.
    pub password: String,
}

/// What an agent says and how it listens.
#[derive(Debug, Clone)]
pub(crate) struct Speech {
    pub(crate) sound: Arc<[AudioFrame]>,
    pub(crate) decodes: bool,
}

/// What a seat wants of its agent.
#[derive(Debug)]
enum Order {
    Expect { caller: WaId, tags: Tags },
    Place { to: WaId, tags: Tags },
    HangUp,
    Look { reply: oneshot::Sender<Option<(Marks, Heard)>> },
}

/// What an agent tells its seat.
#[derive(Debug)]
pub(crate) enum News {
    /// Calls may ring.
    Ready,
    /// The expected call rings.
    Ringing(Instant),
    /// The gateway took the offer.
    Answered,
    /// Both are on the line.
    Connected(Instant),
    /// The call is over, and this is what was heard.
    Over { reason: String, closed: Option<Box<Closed>> },
    /// The gateway said no.
    Refused { code: String, text: String },
}

/// Why an agent is not at its desk.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The gateway does not answer.
    #[error("cannot reach the gateway")]
    Http(#[source] reqwest::Error),
    /// It does not know the agent or the password.
    #[error("the gateway refused the log-in of {agent} with status {status}")]
    LogIn {
        /// Who.
        agent: AgentId,
        /// The HTTP status.
        status: u16,
    },
    /// The console did not open.
    #[error("cannot open the console")]
    Console(#[source] Box<tokio_tungstenite::tungstenite::Error>),
    /// The gateway's address or cookie is none.
    #[error("the gateway's address or cookie cannot be used")]
    Address,
}

/// An agent at its console.
#[derive(Debug)]
pub(crate) struct Agent {
    orders: mpsc::Sender<Order>,
    news: mpsc::Receiver<News>,
}

impl Agent {
    /// Logs in and opens the console.
    pub(crate) async fn sign_in(
        engine: &Engine,
        http: &reqwest::Client,
        gateway: &str,
        who: &LogInAs,
        speech: Speech,
    ) -> Result<Self, AgentError> {
        let cookie = log_in(http, gateway, who).await?;
        let rest = gateway.strip_prefix("http").ok_or(AgentError::Address)?;
        let url = format!("ws{rest}/v1/console/ws");
        let mut request = url.into_client_request().map_err(|_| AgentError::Address)?;
        request.headers_mut().insert("cookie", cookie);
        let (socket, _) = tokio_tungstenite::connect_async_with_config(request, None, true)
            .await
            .map_err(|fault| AgentError::Console(Box::new(fault)))?;
        let (orders, inbox) = mpsc::channel(WAITING_MAX);
        let (teller, news) = mpsc::channel(WAITING_MAX);
        let desk = Desk {
            engine: engine.clone(),
            socket,
            inbox,
            news: teller,
            speech,
            me: who.id.clone(),
            stand: Stand::Away,
        };
        tokio::spawn(desk.run());
        Ok(Self { orders, news })
    }

    /// Takes the next call of this user; told by [`News::Ready`] once it can ring.
    pub(crate) async fn expect(&self, caller: WaId, tags: Tags) {
        self.order(Order::Expect { caller, tags }).await;
    }

    /// Calls this user.
    pub(crate) async fn place(&self, to: WaId, tags: Tags) {
        self.order(Order::Place { to, tags }).await;
    }

    /// Ends the call, or stops waiting for one.
    pub(crate) async fn hang_up(&self) {
        self.order(Order::HangUp).await;
    }

    /// What was heard so far; absent when no call is up.
    pub(crate) async fn look(&self) -> Option<(Marks, Heard)> {
        let (reply, seen) = oneshot::channel();
        self.order(Order::Look { reply }).await;
        seen.await.ok().flatten()
    }

    /// What happens next; absent when the console is closed.
    pub(crate) async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }

    async fn order(&self, order: Order) {
        // A closed console says so by the end of its news.
        drop(self.orders.send(order).await);
    }
}

async fn log_in(
    http: &reqwest::Client,
    gateway: &str,
    who: &LogInAs,
) -> Result<HeaderValue, AgentError> {
    let body = LogIn { user: who.id.to_string(), password: who.password.clone() };
    let url = format!("{gateway}/v1/session");
    let answer = http.post(url).json(&body).send().await.map_err(AgentError::Http)?;
    let status = answer.status().as_u16();
    let cookie = answer.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
    let Some(cookie) = cookie.filter(|_| status == 204) else {
        return Err(AgentError::LogIn { agent: who.id.clone(), status });
    };
    let pair = cookie.split(';').next().unwrap_or_default();
    HeaderValue::from_str(pair).map_err(|_| AgentError::Address)
}

/// The task that owns a console.
struct Desk {
    engine: Engine,
    socket: Socket,
    inbox: mpsc::Receiver<Order>,
    news: mpsc::Sender<News>,
    speech: Speech,
    me: AgentId,
    stand: Stand,
}

/// What the agent is doing.
enum Stand {
    Away,
    Expecting {
        caller: WaId,
        tags: Tags,
        is_ready: bool,
    },
    /// Our offer is out; the gateway's answer brings the call's id.
    Offering {
        media: MediaLeg,
        tags: Tags,
    },
    Talking {
        call: CallId,
        media: MediaLeg,
        is_connected: bool,
    },
}

enum Wake {
    Order(Option<Order>),
    Frame(Option<Result<Message, tokio_tungstenite::tungstenite::Error>>),
    Lost(Lost),
    Drain,
}

impl Stand {
    fn media(&mut self) -> Option<&mut MediaLeg> {
        match self {
            Self::Offering { media, .. } | Self::Talking { media, .. } => Some(media),
            Self::Away | Self::Expecting { .. } => None,
        }
    }
}

impl Desk {
    async fn run(mut self) {
        while let Some(wake) = self.wake().await {
            let went_on = match wake {
                Wake::Order(Some(order)) => self.obey(order).await,
                Wake::Frame(Some(Ok(Message::Text(text)))) => self.read(text.as_str()).await,
                Wake::Frame(Some(Ok(_))) => Some(()),
                Wake::Order(None) | Wake::Frame(None | Some(Err(_))) => None,
                Wake::Lost(lost) => self.heed(lost).await,
                Wake::Drain => {
                    if let Some(media) = self.stand.media() {
                        media.drain();
                    }
                    Some(())
                }
            };
            if went_on.is_none() {
                break;
            }
        }
        drop(self.socket.close(None).await);
    }

    async fn wake(&mut self) -> Option<Wake> {
        let media = self.stand.media();
        let drains = media.as_ref().is_some_and(|media| media.is_listening());
        Some(tokio::select! {
            order = self.inbox.recv() => Wake::Order(order),
            frame = self.socket.next() => Wake::Frame(frame),
            lost = MediaLeg::lost(media) => Wake::Lost(lost),
            () = tokio::time::sleep(DRAIN_EVERY), if drains => Wake::Drain,
        })
    }

    async fn obey(&mut self, order: Order) -> Option<()> {
        match order {
            Order::Expect { caller, tags } => {
                self.stand = Stand::Expecting { caller, tags, is_ready: false };
                self.say(&FromConsole::Presence { state: Presence::Available }).await
            }
            Order::Place { to, tags } => {
                let sdp = self.open(tags).await?;
                self.say(&FromConsole::Place { to: to.into(), from: None, sdp: sdp.into() }).await
            }
            Order::HangUp => match &self.stand {
                Stand::Talking { call, .. } => {
                    let call_id = call.clone();
                    self.say(&FromConsole::HangUp { call_id }).await
                }
                Stand::Away | Stand::Expecting { .. } | Stand::Offering { .. } => {
                    self.leave("given up").await;
                    self.say(&FromConsole::Presence { state: Presence::Away }).await
                }
            },
            Order::Look { reply } => {
                let seen = match self.stand.media() {
                    Some(media) => {
                        let heard = media.heard().await;
                        media.marks().await.map(|marks| (marks, heard))
                    }
                    None => None,
                };
                drop(reply.send(seen));
                Some(())
            }
        }
    }

    async fn read(&mut self, text: &str) -> Option<()> {
        // The roster goes to every console at every change; it is read only while it is waited for.
        let is_roster = text.starts_with(r#"{"type":"agents""#);
        let awaits = matches!(self.stand, Stand::Expecting { is_ready: false, .. });
        if is_roster && !awaits {
            return Some(());
        }
        let Ok(frame) = serde_json::from_str(text) else {
            tracing::warn!("an agent cannot read a frame of the gateway");
            return Some(());
        };
        match frame {
            ToConsole::Agents { agents } => {
                let mine = agents.iter().find(|colleague| colleague.id == self.me);
                if mine.is_some_and(|me| {
                    matches!(me.state, AgentState::Available | AgentState::Ringing)
                }) {
                    self.be_ready().await;
                }
                Some(())
            }
            ToConsole::Ringing { call } => self.ring(call).await,
            ToConsole::Answer { call_id, sdp } => self.answered(call_id, sdp.as_str()).await,
            ToConsole::Call { call } => self.follow(&call).await,
            ToConsole::Refused { what, code, text } if what == "answer" || what == "place" => {
                self.close().await;
                self.tell(News::Refused { code, text }).await;
                Some(())
            }
            ToConsole::Refused { .. }
            | ToConsole::Hello { .. }
            | ToConsole::IceServers { .. }
            | ToConsole::RingStopped { .. }
            | ToConsole::Contact { .. }
            | ToConsole::Noted(_)
            | ToConsole::Offered { .. }
            | ToConsole::OfferStopped { .. }
            | ToConsole::Queues { .. }
            | ToConsole::Draining { .. } => Some(()),
        }
    }

    async fn be_ready(&mut self) {
        if let Stand::Expecting { is_ready, .. } = &mut self.stand
            && !std::mem::replace(is_ready, true)
        {
            self.tell(News::Ready).await;
        }
    }

    async fn ring(&mut self, call: Call) -> Option<()> {
        let Call { call_id, contact, .. } = call;
        let tags = match &self.stand {
            Stand::Expecting { caller, tags, .. } if contact.wa_id.as_ref() == Some(caller) => {
                *tags
            }
            Stand::Away
            | Stand::Expecting { .. }
            | Stand::Offering { .. }
            | Stand::Talking { .. } => {
                return self.say(&FromConsole::Decline { call_id }).await;
            }
        };
        self.tell(News::Ringing(Instant::now())).await;
        let sdp = self.open(tags).await?.into();
        self.say(&FromConsole::Answer { call_id, sdp }).await?;
        self.say(&FromConsole::Presence { state: Presence::Away }).await
    }

    async fn answered(&mut self, call: CallId, answer: &str) -> Option<()> {
        let (mut media, tags) = match std::mem::replace(&mut self.stand, Stand::Away) {
            Stand::Offering { media, tags } => (media, tags),
            other @ (Stand::Away | Stand::Expecting { .. } | Stand::Talking { .. }) => {
                self.stand = other;
                return Some(());
            }
        };
        if let Err(fault) = media.set_answer(answer) {
            let (code, text) = ("answer".to_owned(), fault.to_string());
            self.tell(News::Refused { code, text }).await;
            return self.say(&FromConsole::HangUp { call_id: call }).await;
        }
        let ears = Ears { decode: self.speech.decodes, record: false };
        media.start(&self.speech.sound, ears, Some(tags), Instant::now());
        self.stand = Stand::Talking { call, media, is_connected: false };
        self.tell(News::Answered).await;
        Some(())
    }

    async fn follow(&mut self, seen: &Call) -> Option<()> {
        let Stand::Talking { call, is_connected, .. } = &mut self.stand else { return Some(()) };
        if *call != seen.call_id {
            return Some(());
        }
        match seen.state {
            CallState::Connected if !std::mem::replace(is_connected, true) => {
                self.tell(News::Connected(Instant::now())).await;
            }
            CallState::Ended => {
                let reason = seen.reason.clone().unwrap_or_default();
                self.leave(&reason).await;
            }
            CallState::Connected
            | CallState::Placing
            | CallState::Ringing
            | CallState::InFlow
            | CallState::Held
            | CallState::Transferring
            | CallState::Consulting
            | CallState::ThreeWay => {}
        }
        Some(())
    }

    async fn heed(&mut self, lost: Lost) -> Option<()> {
        self.leave(&lost.to_string()).await;
        Some(())
    }

    /// Opens a leg and returns its offer.
    async fn open(&mut self, tags: Tags) -> Option<String> {
        match MediaLeg::open(&self.engine) {
            Ok((media, offer)) => {
                self.stand = Stand::Offering { media, tags };
                Some(offer)
            }
            Err(fault) => {
                let (code, text) = ("leg".to_owned(), fault.to_string());
                self.tell(News::Refused { code, text }).await;
                None
            }
        }
    }

    async fn leave(&mut self, reason: &str) {
        let closed = self.close().await.map(Box::new);
        self.tell(News::Over { reason: reason.to_owned(), closed }).await;
    }

    async fn close(&mut self) -> Option<Closed> {
        match std::mem::replace(&mut self.stand, Stand::Away) {
            Stand::Offering { media, .. } | Stand::Talking { media, .. } => {
                Some(media.close().await)
            }
            Stand::Away | Stand::Expecting { .. } => None,
        }
    }

    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "a shared desk could not move between threads"
    )]
    async fn tell(&mut self, news: News) {
        // Whoever had this agent may be gone; then the desk closes with its orders.
        drop(self.news.send(news).await);
    }

    async fn say(&mut self, frame: &FromConsole) -> Option<()> {
        let text = serde_json::to_string(frame).ok()?;
        self.socket.send(Message::text(text)).await.ok()
    }
}
