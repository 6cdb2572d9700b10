//! `POST /{PNID}/messages`: what does a business write to a user?
//!
//! Text, the request for permission to call, and the call button. All three need an open service
//! window; the request has rules of its own.

use std::{sync::Arc, time::Duration};

use axum::{Json, response::IntoResponse as _};
use rules::{Refusal, eligibility::RequestForm, price::Category};
use terms::{MessageId, Timestamp};
use wire::{
    RequestFault,
    graph::{
        Success,
        call::Recipient,
        message::{
            BUTTON_MINUTES_DEFAULT, BUTTON_TEXT_DEFAULT, CallButton, Content, MessageRequest, Sent,
            SentContact, SentMessage,
        },
    },
    handset::{ChatAuthor, ChatEntry, ChatEntryState, ChatKind, PermissionChoice},
    sandbox::PermissionHabit,
    webhook::message::Delivery,
};

use super::{Answer, refusals::ApiRefusal};
use crate::{
    billing,
    calls::place,
    chats, consent,
    directory::{Number, User},
    ids::Stream,
    users,
    webhooks::compose,
    world::World,
};

/// How long a scripted user looks at a request before deciding.
const DECISION_PAUSE: Duration = Duration::from_millis(500);

/// Sends one message.
pub(super) async fn send(world: &Arc<World>, number: &Arc<Number>, body: &[u8]) -> Answer {
    let request = MessageRequest::parse(body).map_err(ApiRefusal::Message)?;
    let (to, content) = match request {
        MessageRequest::Send { to, content } => (to, content),
        MessageRequest::MarkRead { .. } => return Ok(Json(Success::bare()).into_response()),
    };
    let user = place::find_user(world, &to)
        .ok_or(Refusal::Uncallable { why: "this number is not on WhatsApp" })?;
    let id = wire::wacid::wamid(&user.wa_id, world.ids.bytes(Stream::Message));
    let now = world.clock.now();
    let entry = match content {
        Content::Text { body } => {
            check_window(world, number, &user).await?;
            text_entry(id.clone(), now, body)
        }
        Content::CallPermissionRequest { body } => {
            let form = RequestForm::FreeForm;
            consent::request(world, number, &user, form, id.clone()).await??;
            request_entry(world, number, id.clone(), now, body)
        }
        Content::VoiceCall(button) => {
            check_window(world, number, &user).await?;
            button_entry(id.clone(), now, button)
        }
        Content::Template(_) => {
            let fault = RequestFault::UnsupportedType { path: "type".to_owned() };
            return Err(ApiRefusal::Message(fault));
        }
    };
    billing::message(world, number, &user, &id, Category::Service).await?;
    let is_request = entry.kind == ChatKind::PermissionRequest;
    chats::add(world, number, &user.wa_id, entry).await?;
    for delivery in [Delivery::Sent, Delivery::Delivered] {
        let change = compose::message_status(number, &user, id.clone(), delivery, now);
        world.outbox.emit(number, &consent::lane(number, &user), change).await?;
    }
    if is_request {
        decide_by_habit(world, number, &user, id.clone());
    }
    Ok(Json(sent(&to, &user, id)).into_response())
}

async fn check_window(world: &World, number: &Number, user: &User) -> Result<(), ApiRefusal> {
    let pair = consent::load(world, number, user).await?;
    pair.window.check(&world.book(number), world.clock.now())?;
    Ok(())
}

fn text_entry(id: MessageId, at: Timestamp, body: String) -> ChatEntry {
    let mut entry = ChatEntry::new(id, at, ChatAuthor::Business, ChatKind::Text);
    entry.text = Some(body);
    entry.state = Some(ChatEntryState::Sent);
    entry
}

fn request_entry(
    world: &World,
    number: &Number,
    id: MessageId,
    at: Timestamp,
    body: Option<String>,
) -> ChatEntry {
    let mut entry = ChatEntry::new(id, at, ChatAuthor::Business, ChatKind::PermissionRequest);
    entry.text = body;
    entry.state = Some(ChatEntryState::Open);
    entry.expires_at = Some(at + world.book(number).permission.request_lifetime.value);
    entry
}

fn button_entry(id: MessageId, at: Timestamp, button: CallButton) -> ChatEntry {
    let minutes = button.ttl_minutes.unwrap_or(BUTTON_MINUTES_DEFAULT);
    let mut entry = ChatEntry::new(id, at, ChatAuthor::Business, ChatKind::CallButton);
    entry.text = Some(button.body);
    entry.button_text = Some(button.display_text.unwrap_or_else(|| BUTTON_TEXT_DEFAULT.to_owned()));
    entry.payload = button.payload;
    entry.expires_at = Some(at + Duration::from_secs(u64::from(minutes) * 60));
    entry.state = Some(ChatEntryState::Sent);
    entry
}

fn sent(to: &Recipient, user: &User, id: MessageId) -> Sent {
    let by_number = to.wa_id.as_ref().map(|wa_id| wa_id.as_str().to_owned());
    let by_id = || to.user_id.as_ref().map(|id| id.as_str().to_owned());
    Sent {
        messaging_product: wire::WHATSAPP.to_owned(),
        contacts: vec![SentContact {
            input: by_number.or_else(by_id).unwrap_or_default(),
            wa_id: Some(user.wa_id.clone()),
            user_id: user.user_id.clone(),
        }],
        messages: vec![SentMessage { id, message_status: None }],
    }
}

/// A user without a phone decides as their behaviour says.
fn decide_by_habit(world: &Arc<World>, number: &Arc<Number>, user: &Arc<User>, id: MessageId) {
    let choice = match user.behaviour.permission {
        PermissionHabit::Temporary => PermissionChoice::Temporary,
        PermissionHabit::Permanent => PermissionChoice::Permanent,
        PermissionHabit::Reject => PermissionChoice::Reject,
        PermissionHabit::Ignore => return,
    };
    if !world.phones.of(&user.wa_id).is_empty() {
        return;
    }
    let (world, number, user) = (Arc::clone(world), Arc::clone(number), Arc::clone(user));
    let tasks = world.tasks.clone();
    tasks.spawn(async move {
        tokio::time::sleep(DECISION_PAUSE).await;
        let decided = users::decide(&world, &user, &number.digits, Some(id), choice).await;
        if let Err(refusal) = decided {
            tracing::debug!(%refusal, "a scripted user could not decide");
        }
    });
}
