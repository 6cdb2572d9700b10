//! What does one phone say, and what does it hear?
//!
//! `GET /phone/ws?wa_id=DIGITS`, with `&once=true` for a phone that is there for one call. Frames are JSON texts; one we cannot read is answered with an error
//! frame. When the socket goes, the phone's calls hear of it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{
        ConnectInfo, Query, State,
        ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use futures_util::{SinkExt as _, StreamExt as _};
use rules::call::Input;
use serde::Deserialize;
use terms::{CallId, WaId};
use tokio::time::interval;
use wire::handset::{FromPhone, PhoneUser, ToPhone};

use super::{PhoneHandle, businesses, registry::Connected};
use crate::{
    api::refusals::ApiRefusal,
    calls::{Command, place},
    chats,
    directory::User,
    sandbox::access::is_own_page,
    users,
    world::World,
};

/// The largest frame of a phone: an SDP offer and little else.
const FRAME_BYTES_MAX: usize = 128 * 1024;

/// How often an idle socket is pinged, so that a dead one is noticed.
const PING_EVERY: Duration = Duration::from_secs(10);

/// The query of the socket's address.
#[derive(Debug, Deserialize)]
pub(crate) struct Who {
    wa_id: String,
    /// Whether it is there for one call.
    #[serde(default)]
    once: bool,
}

/// Opens a phone's socket.
pub(crate) async fn open(
    State(world): State<Arc<World>>,
    Query(who): Query<Who>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_own_page(&world, Some(peer), &headers) {
        return (StatusCode::FORBIDDEN, "a page of another site").into_response();
    }
    let user = WaId::from_dialled(&who.wa_id).ok().and_then(|id| world.directory.user(&id));
    let Some(user) = user else {
        return (StatusCode::NOT_FOUND, "no user of this wa_id").into_response();
    };
    upgrade
        .max_message_size(FRAME_BYTES_MAX)
        .max_frame_size(FRAME_BYTES_MAX)
        .on_upgrade(move |socket| run(world, user, who.once, socket))
}

async fn run(world: Arc<World>, user: Arc<User>, once: bool, socket: WebSocket) {
    let mut connected = world.phones.connect(user.wa_id.clone(), once);
    let phone = connected.phone.clone();
    match hello(&world, &user).await {
        Ok(hello) => {
            phone.tell(hello);
            converse(&world, &user, socket, &mut connected).await;
        }
        Err(fault) => tracing::error!(fault = %crate::api::chain(&fault), "cannot greet a phone"),
    }
    world.phones.disconnect(&user.wa_id, phone.id());
    for call in world.calls.all().into_iter().filter(|call| call.user == user.wa_id) {
        drop(call.inbox.send(Command::PhoneGone { phone: phone.id() }).await);
    }
}

async fn converse(
    world: &Arc<World>,
    user: &Arc<User>,
    socket: WebSocket,
    connected: &mut Connected,
) {
    let (mut sink, mut stream) = socket.split();
    let mut ping = interval(PING_EVERY);
    loop {
        tokio::select! {
            frame = connected.frames.recv() => {
                let Some(frame) = frame else { return };
                let text = serde_json::to_string(&frame).expect("our own types have only text keys");
                if sink.send(Message::Text(text.into())).await.is_err() {
                    return;
                }
            }
            message = stream.next() => match message {
                Some(Ok(Message::Text(text))) => read(world, user, &connected.phone, &text).await,
                Some(Ok(Message::Binary(_))) => {
                    connected.phone.tell(ToPhone::Error { text: "frames are JSON texts".into() });
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            _ = ping.tick() => {
                if sink.send(Message::Ping(Vec::new().into())).await.is_err() {
                    return;
                }
            }
            () = connected.too_slow.cancelled() => return,
            () = world.stopped.cancelled() => return,
        }
    }
}

async fn hello(world: &World, user: &User) -> Result<ToPhone, crate::store::StoreFault> {
    let mut listed = Vec::new();
    let mut shown = Vec::new();
    for number in world.directory.numbers() {
        listed.push(businesses::shown(world, &number, user));
        shown.push(chats::load(world, &number, &user.wa_id).await?);
    }
    Ok(ToPhone::Hello {
        user: PhoneUser {
            wa_id: user.wa_id.clone(),
            name: user.name.clone(),
            country: user.country,
        },
        businesses: listed,
        chats: shown,
        now: world.clock.now(),
    })
}

async fn read(world: &Arc<World>, user: &Arc<User>, phone: &PhoneHandle, text: &Utf8Bytes) {
    match serde_json::from_str::<FromPhone>(text) {
        Ok(frame) => obey(world, user, phone, frame).await,
        Err(fault) => {
            phone.tell(ToPhone::Error { text: format!("cannot read this frame: {fault}") })
        }
    }
}

async fn obey(world: &Arc<World>, user: &Arc<User>, phone: &PhoneHandle, frame: FromPhone) {
    let (what, result) = match frame {
        FromPhone::Call { to, sdp, deeplink_payload, cta_payload, button } => {
            let call = place::UserCall {
                user: Arc::clone(user),
                to,
                phone: phone.clone(),
                offer: sdp.into_string(),
                deeplink_payload,
                cta_payload,
                button,
            };
            ("call", place::from_user(world, call).await.map(drop))
        }
        FromPhone::PickUp { call_id, sdp } => {
            let command = Command::PickUp { phone: phone.clone(), offer: sdp.into_string() };
            ("pick_up", tell_call(world, user, &call_id, command).await)
        }
        FromPhone::Reject { call_id } => {
            ("reject", from_phone(world, user, phone, &call_id, Input::UserRejected).await)
        }
        FromPhone::HangUp { call_id } => {
            ("hang_up", from_phone(world, user, phone, &call_id, Input::UserHungUp).await)
        }
        FromPhone::Busy { call_id } => {
            ("busy", from_phone(world, user, phone, &call_id, Input::UserBusy).await)
        }
        FromPhone::AskCallback { to } => {
            ("ask_callback", users::ask_callback(world, user, &to).await)
        }
        FromPhone::Message { to, text, reply_to } => {
            ("message", users::write_message(world, user, &to, text, reply_to).await)
        }
        FromPhone::Permission { to, request_id, choice } => {
            ("permission", users::decide(world, user, &to, request_id, choice).await)
        }
        FromPhone::Read { chat } => ("read", users::read_chat(world, user, &chat).await),
    };
    if let Err(refusal) = result {
        phone.refuse_by(what, &refusal);
    }
}

async fn from_phone(
    world: &World,
    user: &User,
    phone: &PhoneHandle,
    id: &CallId,
    input: Input,
) -> Result<(), ApiRefusal> {
    tell_call(world, user, id, Command::FromPhone { phone: phone.id(), input }).await
}

/// Hands a command to a live call of this user.
async fn tell_call(
    world: &World,
    user: &User,
    id: &CallId,
    command: Command,
) -> Result<(), ApiRefusal> {
    let unknown = || ApiRefusal::Rule(rules::Refusal::UnknownCall);
    let call = world.calls.get(id).filter(|call| call.user == user.wa_id).ok_or_else(unknown)?;
    call.inbox.send(command).await.map_err(|_| unknown())
}
