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
    agent::Says,
    flow::Key,
};
use terms::{CallId, UserRef};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};
use wire::{
    SdpText,
    console::{Destination, FromConsole, NoteChange, Number, Presence, Queue, ToConsole},
};

use super::session::{Caller, Who};
use crate::{
    api::ApiError,
    calls::{
        agent_first as offered,
        begin::{self, Outgoing, PlaceError},
        clearance,
        order::{Asker, Order, as_destination, consult, destination, known},
        registry::Letter,
    },
    config::Agent,
    events::{ConsoleId, Opened},
    ice_servers,
    notes::{self, NoteError},
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
    let turn = office.config.turn.as_ref();
    // An organisation without a number has nothing to call from, and nothing that rings.
    let mut greeted = match numbers.first().cloned() {
        Some(number) => {
            let hello = ToConsole::Hello {
                agent: shown,
                calls,
                number,
                numbers,
                organisation: Some(desk.organisation.shown()),
                ice_servers: ice_servers::of(turn, desk.agent.id.as_str()),
                relay_only: turn.is_some_and(|turn| turn.relay_only),
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
    if last {
        desk.organisation.offers.agent_gone(&desk.agent.id);
    }
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
    let sees_queues = access::may(desk.agent.role, Act::ReadFigures);
    let mut board = sees_queues.then(|| desk.organisation.queues.board());
    let mut board_not_before = Instant::now();
    let mut login_ends = next_login(office);
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
            queues = waiting(&mut board, board_not_before) => {
                board_not_before = Instant::now() + AGENTS_EVERY;
                let queues = queues.to_vec();
                if !send(socket, &ToConsole::Queues { queues }).await { return }
            }
            () = at(login_ends) => {
                login_ends = next_login(office);
                if let Some(turn) = &office.config.turn {
                    let frame = ice_servers::frame(turn, desk.agent.id.as_str());
                    if !send(socket, &frame).await {
                        return;
                    }
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

/// When the browser needs a new login for TURN.
fn next_login(office: &Office) -> Option<Instant> {
    office.config.turn.as_ref().map(|turn| Instant::now() + ice_servers::told_every(turn))
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
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

/// What the queues look like, likewise; never for who does not see them.
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
            desk.organisation.consoles.agent_says(&desk.agent.id, says(state));
        }
        FromConsole::Take { offer_id, sdp } => {
            take(desk, console, &offer_id, sdp);
        }
        FromConsole::Pass { offer_id } => {
            desk.organisation.offers.answer(&offer_id, &desk.agent.id, offered::Answer::Passes);
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
            let wanted = Order::Transfer(destination(to.clone()));
            hand(office, desk, console, call_id, &to, wanted);
        }
        FromConsole::Consult { call_id, with } => {
            let to = as_destination(&with);
            hand(office, desk, console, call_id, &to, consult(with));
        }
        FromConsole::HandOver { call_id } => order(office, desk, console, call_id, Order::HandOver),
        FromConsole::Merge { call_id } => order(office, desk, console, call_id, Order::Merge),
        FromConsole::Listen { call_id, sdp } => listen(office, desk, console, call_id, sdp),
        FromConsole::Whisper { call_id } => order(office, desk, console, call_id, Order::Whisper),
        FromConsole::Join { call_id } => order(office, desk, console, call_id, Order::Join),
        FromConsole::Leave { call_id } => order(office, desk, console, call_id, Order::Leave),
        FromConsole::Note { call_id, change } => {
            note(office, desk, console, call_id, change).await;
        }
        FromConsole::Mute { call_id, on } => {
            to_call(&call_id, Letter::AgentMutes { agent: mine(), on });
        }
        FromConsole::Digit { call_id, digit } => {
            press(office, desk, console, &call_id, digit);
        }
    }
}

/// The agent takes a call that is offered, with the browser's offer.
fn take(desk: &Desk, console: ConsoleId, offer_id: &str, sdp: SdpText) {
    let answer = offered::Answer::Takes { console, offer: sdp };
    if !desk.organisation.offers.answer(offer_id, &desk.agent.id, answer) {
        let text = "It is no longer offered to you.".into();
        refuse(desk, console, "take", "taken", text);
    }
}

fn press(office: &Office, desk: &Desk, console: ConsoleId, call_id: &CallId, digit: char) {
    let Some(key) = Key::new(digit) else {
        let text = "Only 0 to 9, *, # and A to D are keys.".into();
        return refuse(desk, console, "digit", "invalid", text);
    };
    to_call(office, desk, call_id, Letter::AgentKey { agent: desk.agent.id.clone(), key });
}

/// The console's word as the roster has it.
pub(crate) fn says(state: Presence) -> Says {
    match state {
        Presence::Available => Says::Available,
        Presence::Away => Says::Away,
        Presence::WrapUp => Says::WrapUp,
    }
}

/// A supervisor begins to listen with an offer, and only listens again without one.
fn listen(
    office: &Arc<Office>,
    desk: &Desk,
    console: ConsoleId,
    call_id: CallId,
    offer: Option<SdpText>,
) {
    if !access::may(desk.agent.role, Act::SteerCalls) {
        let text = "Only a supervisor may listen to a call.".into();
        return refuse(desk, console, "listen", "forbidden", text);
    }
    let Some(offer) = offer else {
        return order(office, desk, console, call_id, Order::Listen);
    };
    let letter = Letter::SupervisorListens { supervisor: desk.agent.id.clone(), console, offer };
    if !to_call(office, desk, &call_id, letter) {
        refuse(desk, console, "listen", "over", "The call is over.".into());
    }
}

/// An order that names somebody or some place, which must be there.
fn hand(
    office: &Arc<Office>,
    desk: &Desk,
    console: ConsoleId,
    call_id: CallId,
    to: &Destination,
    wanted: Order,
) {
    match known(office, &desk.organisation, to) {
        Ok(()) => order(office, desk, console, call_id, wanted),
        Err(text) => refuse(desk, console, wanted.as_str(), "invalid", text),
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

async fn note(
    office: &Arc<Office>,
    desk: &Desk,
    console: ConsoleId,
    call_id: CallId,
    change: NoteChange,
) {
    let by = Some(desk.agent.id.clone());
    let Err(error) = notes::note(office, &desk.organisation, call_id, change, by).await else {
        return;
    };
    let code = match &error {
        NoteError::TooLong | NoteError::Code(_) => "invalid",
        NoteError::Unknown => "not_found",
        NoteError::Store(_) => "store",
    };
    refuse(desk, console, "note", code, error.to_string());
}

async fn place(
    office: &Arc<Office>,
    desk: &Desk,
    console: ConsoleId,
    (to, from): (UserRef, Option<String>),
    offer: SdpText,
) {
    let Desk { agent, organisation } = desk;
    let line = match organisation.line(&office.lines, from.as_deref()) {
        Ok(line) => line,
        Err(why) => return refuse(desk, console, "place", "from", why.to_string()),
    };
    let contact = office.store.contact(line.contact(&to)).await.ok().flatten();
    let name = contact.as_ref().and_then(|contact| contact.name.clone());
    let to = contact.map_or(to, |contact| contact.user);
    let cleared = match clearance::ask(office, line, &to).await {
        Ok(Ok(cleared)) => cleared,
        Ok(Err(held)) => {
            return refuse(desk, console, "place", held.rule, held.evidence.to_string());
        }
        Err(error) => {
            tracing::error!(%error, "whether a call may be placed is not known");
            let text = "The gateway's database failed.".into();
            return refuse(desk, console, "place", "store", text);
        }
    };
    if !organisation.consoles.claim(&agent.id) {
        let text = "You are in another call.".into();
        return refuse(desk, console, "place", "busy", text);
    }
    let agent_id = agent.id.clone();
    let outgoing = Outgoing { to: cleared, name, agent: agent_id, console, offer, program: None };
    if let Err(error) = begin::place(office, line, outgoing, None) {
        organisation.consoles.release(&agent.id, None);
        let code = match error {
            PlaceError::Leg(_) => "offer",
            PlaceError::Stopping => "draining",
        };
        refuse(desk, console, "place", code, error.to_string());
    }
}
