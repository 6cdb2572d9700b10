//! Who talks at the other end of the calls that a gateway gives to a bot?
//!
//! A program with a WebSocket, as any bot is (`offhook.bot.v1`): the gateway dials it for each call. It says its
//! tone as long as the call lasts, a piece for each mark that was heard, and listens for the user's tone in the
//! calls that are decoded. What it says was encoded by the gateway, so its packets carry no marks.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, LazyLock},
    time::Duration,
};

use audio::{
    measure::{Measure, Report},
    resample::resample,
    tone,
};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::json;
use terms::WaId;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        self, Message,
        handshake::server::{ErrorResponse, Request, Response},
    },
};

use crate::{
    plan::{Kind, Plan},
    sound::{self, Voice},
    world,
};

/// The rate of what it hears and says.
pub(crate) const RATE: u32 = 16_000;

/// How loud its tone is.
const DBFS: f32 = -18.0;

/// The length of a piece: what 48,000 samples are at that rate.
const PIECE_MS: usize = 3_000;

/// Pieces that wait to be heard.
const AHEAD: usize = 2;

/// Conversations beyond the seats: those of calls that have just ended.
const LEAVING_MAX: usize = 64;

/// When a connection that could not be taken is tried again.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The header that names the protocol.
const PROTOCOL: &str = "sec-websocket-protocol";

/// What the bot of a seat has heard of its call.
type Hears = watch::Sender<Option<Report>>;

/// What each of the tones sounds like, in pieces that go on without a break.
static PIECES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    // Three times the tone at three times the rate.
    let piece = |hz: f32| tone::sine(hz * 3.0, DBFS, PIECE_MS / 3);
    sound::tones()
        .map(|hz| piece(hz).iter().flat_map(|sample| sample.to_le_bytes()).collect())
        .collect()
});

/// The bots of a run; they go with it.
#[derive(Debug, Clone)]
pub struct Bots {
    address: SocketAddr,
    seats: Arc<[Seat]>,
    _serving: Arc<Serving>,
}

/// The bot of one seat.
#[derive(Debug)]
struct Seat {
    hears: Hears,
    decodes: bool,
}

/// The task that takes connections, until this is dropped.
#[derive(Debug)]
struct Serving(AbortHandle);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Bots {
    /// Waits for the gateway to dial, at this address.
    ///
    /// # Errors
    ///
    /// The address cannot be taken.
    pub async fn start(at: SocketAddr, plan: &Plan) -> io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let seat = |number| Seat { hears: Hears::default(), decodes: plan.decodes(number) };
        let seats: Arc<[Seat]> = (0..plan.calls).map(seat).collect();
        let serving = tokio::spawn(serve(listener, Arc::clone(&seats))).abort_handle();

        Ok(Self { address, seats, _serving: Arc::new(Serving(serving)) })
    }

    /// What a gateway dials.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// What the bot of this seat hears of its call.
    pub(crate) fn of(&self, seat: u32) -> Option<watch::Receiver<Option<Report>>> {
        self.seats.get(seat as usize).map(|seat| seat.hears.subscribe())
    }
}

async fn serve(listener: TcpListener, seats: Arc<[Seat]>) {
    let places = Arc::new(Semaphore::new(seats.len() + LEAVING_MAX));
    let mut talks = JoinSet::new();
    loop {
        // None is turned away: who is too many waits until another has gone.
        let place = Arc::clone(&places).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(fault) => {
                tracing::warn!(%fault, "a bot cannot be reached");
                // Out of descriptors: the next accept would fail at once, and the one after it.
                tokio::time::sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        while talks.try_join_next().is_some() {}
        let seats = Arc::clone(&seats);
        talks.spawn(async move {
            let _place = place;
            if let Err(fault) = talk(stream, &seats).await {
                tracing::debug!(%fault, "a conversation with a bot broke off");
            }
        });
    }
}

/// What a bot is told; the rest does not concern this one.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Told {
    Start {
        from: Option<String>,
    },
    Mark {},
    Stop,
    #[serde(other)]
    Other,
}

type Socket = WebSocketStream<TcpStream>;

/// One call.
async fn talk(stream: TcpStream, seats: &[Seat]) -> Result<(), tungstenite::Error> {
    let mut socket = accept_hdr_async(stream, agree).await?;
    let (mut piece, mut ear) = (None, None);
    while let Some(message) = socket.next().await {
        match message? {
            Message::Text(text) => match serde_json::from_str(&text).unwrap_or(Told::Other) {
                Told::Start { from } => {
                    let Some((number, seat)) = seat_of(from.as_deref(), seats) else { break };
                    ear = seat.decodes.then(|| Ear::new(&seat.hears));
                    let said = piece.insert(&*PIECES[Voice::Agent(number).tone()]);
                    for _ in 0..AHEAD {
                        say(&mut socket, said).await?;
                    }
                }
                Told::Mark {} => {
                    if let Some(said) = piece {
                        say(&mut socket, said).await?;
                    }
                }
                Told::Stop => break,
                Told::Other => {}
            },
            Message::Binary(bytes) => {
                if let Some(ear) = &mut ear {
                    ear.hear(&bytes);
                }
            }
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }
    Ok(())
}

/// Speaks the protocol that is asked for.
#[expect(clippy::result_large_err, clippy::unnecessary_wraps, reason = "what the library calls")]
fn agree(asked: &Request, mut answer: Response) -> Result<Response, ErrorResponse> {
    if let Some(protocol) = asked.headers().get(PROTOCOL) {
        answer.headers_mut().insert(PROTOCOL, protocol.clone());
    }
    Ok(answer)
}

/// Whose call this is, by the user's number.
fn seat_of<'a>(from: Option<&str>, seats: &'a [Seat]) -> Option<(u32, &'a Seat)> {
    let user: WaId = from?.parse().ok()?;
    let number = world::seat_of(&user, Kind::Bot)?;

    Some((number, seats.get(number as usize)?))
}

async fn say(socket: &mut Socket, piece: &'static [u8]) -> Result<(), tungstenite::Error> {
    socket.feed(Message::binary(piece)).await?;
    socket.send(Message::text(json!({ "type": "mark", "name": "heard" }).to_string())).await
}

/// Listens to one user.
struct Ear<'a> {
    hears: &'a Hears,
    /// Less than a second.
    samples: Vec<i16>,
    measure: Measure,
}

impl<'a> Ear<'a> {
    fn new(hears: &'a Hears) -> Self {
        // Of the call before.
        hears.send_replace(None);
        Self { hears, samples: Vec::new(), measure: Measure::default() }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.samples
            .extend(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        if self.samples.len() < RATE as usize {
            return;
        }
        let second =
            resample(&self.samples, RATE, audio::SAMPLE_RATE).expect("both rates are known");
        self.samples.clear();
        self.measure.push(&second);
        self.hears.send_replace(Some(self.measure.report()));
    }
}
