//! How does a console ring, answer and hang up?
//!
//! One WebSocket for each open console. What the agent does becomes a letter to the call's task; what
//! calls tell comes from the console's queue. When the line breaks, the calls of this console learn
//! that its agent is gone.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, Utf8Bytes, WebSocket},
    },
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use switchboard::{
    access::{self, Act},
    flow::Key,
};
use terms::{CallId, WaId};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use wire::{
    SdpText,
    console::{FromConsole, Number, Presence, ToConsole},
};

use super::session::{Caller, Who};
use crate::{
    api::ApiError,
    calls::{
        actor::{self, Outgoing, PlaceError},
        order::{Asker, Order, destination},
        registry::Letter,
    },
    config::Agent,
    events::{ConsoleId, Opened},
    office::Office,
    organisation::Organisation,
};

/// The longest frame of a console: an SDP of a browser with many candidates has some kilobytes.
const FRAME_MAX: usize = 128 * 1024;
/// How often the line is proven; a browser that vanished is noticed within twice this.
const PING_EVERY: Duration = Duration::from_secs(10);
/// Between two frames of who is there: at once for a person.
const AGENTS_EVERY: Duration = Duration::from_millis(100);

/// `GET /v1/console/ws`
pub(crate) async fn open(
    State(office): State<Arc<Office>>,
    caller: Caller,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Caller { who: Who::Agent(agent), organisation } = caller else {
        return ApiError::forbidden("a console is opened by an agent who logged in")
            .into_response();
    };
    if !same_origin(&headers) {
        return ApiError::forbidden("the console is opened from another site").into_response();
    }
    upgrade
        .max_message_size(FRAME_MAX)
        .max_frame_size(FRAME_MAX)
        .on_upgrade(move |socket| serve(office, Desk { agent, organisation }, socket))
}

/// Browsers say where a page comes from; a page of another site must not use our cookie.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority == host)
        }
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// Who sits at a console, and for whom.
struct Desk {
    agent: Agent,
    organisation: Arc<Organisation>,
}

async fn serve(office: Arc<Office>, desk: Desk, mut socket: WebSocket) {
    let Opened { id, mut frames, there, agent: shown, calls, notice } =
        desk.organisation.consoles.open(&desk.agent);
    office.metrics.consoles(1);
    let numbers: Vec<Number> =
        office.lines.of(&desk.organisation).map(|line| line.shown()).collect();
    // An organisation without a number has nothing to call from, and nothing that rings.
    let mut greeted = match numbers.first().cloned() {
        Some(number) => {
            let hello = ToConsole::Hello {
                agent: shown,
                calls,
                number,
                numbers,
                organisation: Some(desk.organisation.shown()),
            };
            send(&mut socket, &hello).await
        }
        None => false,
    };
    if let Some(notice) = notice {
        greeted = greeted && send(&mut socket, &notice).await;
    }
    if greeted {
        talk(&office, &desk, id, &mut socket, (&mut frames, there)).await;
    }
    office.metrics.consoles(-1);
    let last = desk.organisation.consoles.close(id, &desk.agent.id);
    office.registry.send_to_all(|| Letter::ConsoleClosed {
        agent: desk.agent.id.clone(),
        console: id,
        last,
    });
}

async fn talk(
    office: &Arc<Office>,
    desk: &Desk,
    id: ConsoleId,
    socket: &mut WebSocket,
    (frames, mut there): (&mut mpsc::Receiver<ToConsole>, watch::Receiver<Arc<str>>),
) {
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut not_before = Instant::now();
    let mut silent = 0;
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Some(frame) => if !send(socket, &frame).await { return },
                // Our own queue overflowed: this console does not read.
                None => return,
            },
            newest = newest(&mut there, not_before) => {
                not_before = Instant::now() + AGENTS_EVERY;
                if socket.send(Message::Text(Utf8Bytes::from(&*newest))).await.is_err() {
                    return;
                }
            }
            message = socket.recv() => {
                silent = 0;
                match message {
                    Some(Ok(Message::Text(text))) => act(office, desk, id, text.as_str()).await,
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => {}
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                }
            }
            _ = ping.tick() => {
                silent += 1;
                let sent = socket.send(Message::Ping(Vec::new().into())).await;
                if silent > 3 || sent.is_err() {
                    return;
                }
            }
        }
    }
}

/// Who is there, once that changed and was not told just before.
async fn newest(there: &mut watch::Receiver<Arc<str>>, not_before: Instant) -> Arc<str> {
    tokio::time::sleep_until(not_before).await;
    match there.changed().await {
        Ok(()) => Arc::clone(&there.borrow_and_update()),
        Err(_) => std::future::pending().await,
    }
}

async fn send(socket: &mut WebSocket, frame: &ToConsole) -> bool {
    let Ok(text) = serde_json::to_string(frame) else { return true };
    socket.send(Message::Text(text.into())).await.is_ok()
}

async fn act(office: &Arc<Office>, desk: &Desk, console: ConsoleId, text: &str) {
    let frame = match serde_json::from_str::<FromConsole>(text) {
        Ok(frame) => frame,
        Err(error) => {
            return refuse(desk, console, "frame", "malformed", error.to_string());
        }
    };
    if !access::may(desk.agent.role, Act::TakeCalls) {
        let text = format!("Somebody who is here as {} takes no calls.", desk.agent.role.as_str());
        return refuse(desk, console, "frame", "forbidden", text);
    }
    let mine = || desk.agent.id.clone();
    let to_call = |call_id: &CallId, letter| to_call(office, desk, call_id, letter);
    match frame {
        FromConsole::Presence { state } => {
            desk.organisation.consoles.set_available(&desk.agent.id, state == Presence::Available);
        }
        FromConsole::Answer { call_id, sdp } => {
            let letter = Letter::AgentAnswers { agent: mine(), console, offer: sdp };
            if !to_call(&call_id, letter) {
                let text = "The call no longer rings.".into();
                refuse(desk, console, "answer", "taken", text);
            }
        }
        FromConsole::Decline { call_id } => {
            to_call(&call_id, Letter::AgentDeclines(mine()));
        }
        FromConsole::Place { to, from, sdp } => {
            place(office, desk, console, (to, from), sdp).await;
        }
        FromConsole::Rejoin { call_id, sdp } => {
            let letter = Letter::AgentReturns { agent: mine(), console, offer: sdp };
            if !to_call(&call_id, letter) {
                refuse(desk, console, "rejoin", "over", "The call is over.".into());
            }
        }
        FromConsole::HangUp { call_id } => order(office, desk, console, call_id, Order::HangUp),
        FromConsole::Hold { call_id } => order(office, desk, console, call_id, Order::Hold),
        FromConsole::Resume { call_id } => order(office, desk, console, call_id, Order::Resume),
        FromConsole::Transfer { call_id, to } => {
            order(office, desk, console, call_id, Order::Transfer(destination(to)));
        }
        FromConsole::Consult { call_id, agent: with } => {
            order(office, desk, console, call_id, Order::Consult(with));
        }
        FromConsole::HandOver { call_id } => {
            order(office, desk, console, call_id, Order::HandOver);
        }
        FromConsole::Mute { call_id, on } => {
            to_call(&call_id, Letter::AgentMutes { agent: mine(), on });
        }
        FromConsole::Digit { call_id, digit } => match Key::new(digit) {
            Some(key) => {
                to_call(&call_id, Letter::AgentKey { agent: mine(), key });
            }
            None => {
                let text = "Only 0 to 9, *, # and A to D are keys.".into();
                refuse(desk, console, "digit", "invalid", text);
            }
        },
    }
}

/// Asks the call's task beside the socket's own work; a refusal goes to the console.
fn order(office: &Arc<Office>, desk: &Desk, console: ConsoleId, call_id: CallId, order: Order) {
    let what = order.as_str();
    let asker = Asker::Agent(desk.agent.id.clone());
    let (answer, answered) = oneshot::channel();
    if !to_call(office, desk, &call_id, Letter::Do { order, asker, answer }) {
        return refuse(desk, console, what, "over", "The call is over.".into());
    }
    let organisation = Arc::clone(&desk.organisation);
    tokio::spawn(async move {
        let (code, text) = match answered.await {
            Ok(Ok(())) => return,
            Ok(Err(text)) => ("out_of_place", text),
            Err(_) => ("over", "The call is over.".into()),
        };
        let refused = ToConsole::Refused { what: what.into(), code: code.into(), text };
        organisation.consoles.send(console, refused);
    });
}

fn to_call(office: &Office, desk: &Desk, call_id: &CallId, letter: Letter) -> bool {
    office
        .registry
        .find(&desk.organisation.lines, call_id, None)
        .is_some_and(|call| call.send(letter))
}

fn refuse(desk: &Desk, console: ConsoleId, what: &str, code: &str, text: String) {
    let refused = ToConsole::Refused { what: what.into(), code: code.into(), text };
    desk.organisation.consoles.send(console, refused);
}

async fn place(
    office: &Arc<Office>,
    desk: &Desk,
    console: ConsoleId,
    (to, from): (WaId, Option<String>),
    offer: SdpText,
) {
    let Desk { agent, organisation } = desk;
    let line = match organisation.line(&office.lines, from.as_deref()) {
        Ok(line) => line,
        Err(why) => return refuse(desk, console, "place", "from", why.to_string()),
    };
    if !organisation.consoles.claim(&agent.id) {
        let text = "You are in another call.".into();
        return refuse(desk, console, "place", "busy", text);
    }
    let contact = office.store.contact(line.contact(&to)).await;
    let name = contact.ok().flatten().and_then(|contact| contact.name);
    let outgoing = Outgoing { to, name, agent: agent.id.clone(), console, offer };
    if let Err(error) = actor::place(office, line, outgoing) {
        organisation.consoles.release(&agent.id);
        let code = match error {
            PlaceError::Leg(_) => "offer",
            PlaceError::Stopping => "draining",
        };
        refuse(desk, console, "place", code, error.to_string());
    }
}
