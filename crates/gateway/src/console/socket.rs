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
use switchboard::{agent::Says, flow::Key};
use terms::{CallId, WaId};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use wire::{
    SdpText,
    console::{FromConsole, Number, Presence, Queue, Role, ToConsole},
};

use super::session::Caller;
use crate::{
    api::ApiError,
    calls::{
        actor::{self, Outgoing, PlaceError},
        agent_first as offered,
        order::{Asker, Order, destination},
        registry::Letter,
    },
    config::Agent,
    events::{ConsoleId, Opened},
    office::Office,
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
    let Caller::Agent(agent) = caller else {
        return ApiError::forbidden("a console is opened by an agent who logged in")
            .into_response();
    };
    if !same_origin(&headers) {
        return ApiError::forbidden("the console is opened from another site").into_response();
    }
    upgrade
        .max_message_size(FRAME_MAX)
        .max_frame_size(FRAME_MAX)
        .on_upgrade(move |socket| serve(office, agent, socket))
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

async fn serve(office: Arc<Office>, agent: Agent, mut socket: WebSocket) {
    let Opened { id, mut frames, there, agent: shown, calls, notice } =
        office.consoles.open(&agent);
    office.metrics.consoles(1);
    let number = Number {
        phone_number_id: office.config.number.phone_number_id.clone(),
        display: office.number().to_owned(),
        name: office.config.number.name.clone(),
    };
    let hello = ToConsole::Hello { agent: shown, calls, number };
    let mut greeted = send(&mut socket, &hello).await;
    if let Some(notice) = notice {
        greeted = greeted && send(&mut socket, &notice).await;
    }
    if greeted {
        talk(&office, &agent, id, &mut socket, (&mut frames, there)).await;
    }
    office.metrics.consoles(-1);
    let last = office.consoles.close(id);
    if last {
        office.offers.agent_gone(&agent.id);
    }
    office.registry.send_to_all(|| Letter::ConsoleClosed {
        agent: agent.id.clone(),
        console: id,
        last,
    });
}

async fn talk(
    office: &Arc<Office>,
    agent: &Agent,
    id: ConsoleId,
    socket: &mut WebSocket,
    (frames, mut there): (&mut mpsc::Receiver<ToConsole>, watch::Receiver<Arc<str>>),
) {
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut not_before = Instant::now();
    let mut silent = 0;
    let mut board = (agent.role == Role::Supervisor).then(|| office.queues.board());
    let mut board_not_before = not_before;
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
            queues = waiting(&mut board, board_not_before) => {
                board_not_before = Instant::now() + AGENTS_EVERY;
                let queues = queues.to_vec();
                if !send(socket, &ToConsole::Queues { queues }).await { return }
            }
            message = socket.recv() => {
                silent = 0;
                match message {
                    Some(Ok(Message::Text(text))) => act(office, agent, id, text.as_str()).await,
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

/// Who waits in queues, once that changed; for ever for whom it is not meant.
async fn waiting(
    board: &mut Option<watch::Receiver<Arc<[Queue]>>>,
    not_before: Instant,
) -> Arc<[Queue]> {
    let Some(board) = board else { return std::future::pending().await };
    tokio::time::sleep_until(not_before).await;
    match board.changed().await {
        Ok(()) => Arc::clone(&board.borrow_and_update()),
        Err(_) => std::future::pending().await,
    }
}

async fn send(socket: &mut WebSocket, frame: &ToConsole) -> bool {
    let Ok(text) = serde_json::to_string(frame) else { return true };
    socket.send(Message::Text(text.into())).await.is_ok()
}

async fn act(office: &Arc<Office>, agent: &Agent, console: ConsoleId, text: &str) {
    let frame = match serde_json::from_str::<FromConsole>(text) {
        Ok(frame) => frame,
        Err(error) => {
            return refuse(office, console, "frame", "malformed", error.to_string());
        }
    };
    let mine = || agent.id.clone();
    match frame {
        FromConsole::Presence { state } => {
            office.consoles.agent_says(&agent.id, says(state));
        }
        FromConsole::Take { offer_id, sdp } => {
            let answer = offered::Answer::Takes { console, offer: sdp };
            if !office.offers.answer(&offer_id, &agent.id, answer) {
                let text = "It is no longer offered to you.".into();
                refuse(office, console, "take", "taken", text);
            }
        }
        FromConsole::Pass { offer_id } => {
            office.offers.answer(&offer_id, &agent.id, offered::Answer::Passes);
        }
        FromConsole::Answer { call_id, sdp } => {
            let letter = Letter::AgentAnswers { agent: mine(), console, offer: sdp };
            if !to_call(office, &call_id, letter) {
                let text = "The call no longer rings.".into();
                refuse(office, console, "answer", "taken", text);
            }
        }
        FromConsole::Decline { call_id } => {
            to_call(office, &call_id, Letter::AgentDeclines(mine()));
        }
        FromConsole::Place { to, sdp } => place(office, agent, console, to, sdp).await,
        FromConsole::Rejoin { call_id, sdp } => {
            let letter = Letter::AgentReturns { agent: mine(), console, offer: sdp };
            if !to_call(office, &call_id, letter) {
                refuse(office, console, "rejoin", "over", "The call is over.".into());
            }
        }
        FromConsole::HangUp { call_id } => order(office, agent, console, call_id, Order::HangUp),
        FromConsole::Hold { call_id } => order(office, agent, console, call_id, Order::Hold),
        FromConsole::Resume { call_id } => order(office, agent, console, call_id, Order::Resume),
        FromConsole::Transfer { call_id, to } => {
            order(office, agent, console, call_id, Order::Transfer(destination(to)));
        }
        FromConsole::Consult { call_id, agent: with } => {
            order(office, agent, console, call_id, Order::Consult(with));
        }
        FromConsole::HandOver { call_id } => {
            order(office, agent, console, call_id, Order::HandOver);
        }
        FromConsole::Mute { call_id, on } => {
            to_call(office, &call_id, Letter::AgentMutes { agent: mine(), on });
        }
        FromConsole::Digit { call_id, digit } => match Key::new(digit) {
            Some(key) => {
                to_call(office, &call_id, Letter::AgentKey { agent: mine(), key });
            }
            None => {
                let text = "Only 0 to 9, *, # and A to D are keys.".into();
                refuse(office, console, "digit", "invalid", text);
            }
        },
    }
}

/// The console's word as the roster has it.
pub(crate) fn says(state: Presence) -> Says {
    match state {
        Presence::Available => Says::Available,
        Presence::Away => Says::Away,
        Presence::WrapUp => Says::WrapUp,
    }
}

/// Asks the call's task beside the socket's own work; a refusal goes to the console.
fn order(office: &Arc<Office>, agent: &Agent, console: ConsoleId, call_id: CallId, order: Order) {
    let what = order.as_str();
    let (office, asker) = (Arc::clone(office), Asker::Agent(agent.id.clone()));
    let (answer, answered) = oneshot::channel();
    if !to_call(&office, &call_id, Letter::Do { order, asker, answer }) {
        return refuse(&office, console, what, "over", "The call is over.".into());
    }
    tokio::spawn(async move {
        match answered.await {
            Ok(Ok(())) => {}
            Ok(Err(text)) => refuse(&office, console, what, "out_of_place", text),
            Err(_) => refuse(&office, console, what, "over", "The call is over.".into()),
        }
    });
}

fn to_call(office: &Office, call_id: &CallId, letter: Letter) -> bool {
    office.registry.find(call_id, None).is_some_and(|call| call.send(letter))
}

fn refuse(office: &Office, console: ConsoleId, what: &str, code: &str, text: String) {
    let refused = ToConsole::Refused { what: what.into(), code: code.into(), text };
    office.consoles.send(console, refused);
}

async fn place(office: &Arc<Office>, agent: &Agent, console: ConsoleId, to: WaId, offer: SdpText) {
    if !office.consoles.claim(&agent.id) {
        let text = "You are in another call.".into();
        return refuse(office, console, "place", "busy", text);
    }
    let contact = office.store.contact(to.clone()).await;
    let name = contact.ok().flatten().and_then(|contact| contact.name);
    let agent_id = agent.id.clone();
    let outgoing = Outgoing { to, name, agent: agent_id, console, offer, program: None };
    if let Err(error) = actor::place(office, outgoing) {
        office.consoles.release(&agent.id, false);
        let code = match error {
            PlaceError::Leg(_) => "offer",
            PlaceError::Stopping => "draining",
        };
        refuse(office, console, "place", code, error.to_string());
    }
}
