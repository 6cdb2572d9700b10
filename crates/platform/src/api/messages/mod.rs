//! `POST /{PNID}/messages`: what does a business write to a user?
//!
//! [`interactive`] has the request for permission to call and the call button, [`template`] what was
//! approved before, [`deliver`] the way to the user's chat. A message that is taken and cannot be
//! shown there gets the status `failed`, not a refusal.

mod deliver;
mod interactive;
mod read;
mod template;

use std::sync::Arc;

use axum::{Json, response::IntoResponse as _};
use rules::{
    Refusal,
    eligibility::{self, RequestForm, Shows},
    limits, price,
    rulebook::Rulebook,
    words,
};
use terms::MessageId;
use wire::{
    RequestFault,
    graph::{
        Success,
        call::Recipient,
        message::{Content, MessageRequest, Sent, SentContact, SentMessage},
    },
    handset::{ChatAuthor, ChatEntry, ChatEntryState, ChatKind},
};

use super::{Answer, refusals::ApiRefusal};
use crate::{
    calls::place,
    consent,
    directory::{Number, User},
    ids::Stream,
    world::World,
};

/// A message on its way: who writes to whom, and what.
struct Letter<'a> {
    world: &'a Arc<World>,
    number: &'a Arc<Number>,
    user: Arc<User>,
    /// The user is on WhatsApp.
    is_known: bool,
    id: MessageId,
    context: Option<MessageId>,
}

/// What the user will see, and what has to be so for it.
struct Written {
    entry: ChatEntry,
    shows: Shows,
    category: price::Category,
    /// The status of the answer; templates only.
    status: Option<&'static str>,
}

/// Carries out one request.
pub(super) async fn send(world: &Arc<World>, number: &Arc<Number>, body: &[u8]) -> Answer {
    let request = MessageRequest::parse(body).map_err(ApiRefusal::Message)?;
    let (to, content, context, is_direct) = match request {
        MessageRequest::Send { to, content, context, is_direct } => {
            (to, content, context, is_direct)
        }
        MessageRequest::MarkRead { message_id } => {
            read::mark(world, number, &message_id).await?;
            return Ok(Json(Success::bare()).into_response());
        }
    };
    let book = world.book(number);
    check_words(&content, &book)?;
    let second = world.clock.now().unix();
    world.messages.count(&number.id, second, |used| limits::check_message_rate(used, &book))?;
    let found = place::find_user(world, &to);
    let is_known = found.is_some();
    let user = found.unwrap_or_else(|| Arc::new(place::stranger(&to)));
    let id = wire::wacid::wamid(&user.wa_id, world.ids.bytes(Stream::Message));
    let letter = Letter { world, number, user, is_known, id, context };
    let written = write(&letter, content, is_direct).await?;
    let answer = sent(&to, &letter, written.status);
    deliver::deliver(letter, written).await?;
    Ok(Json(answer).into_response())
}

/// Are the words short enough?
fn check_words(content: &Content, book: &Rulebook) -> Result<(), Refusal> {
    match content {
        Content::Text { body } => words::check_text(body, book),
        Content::CallPermissionRequest { body } => {
            body.as_deref().map_or(Ok(()), |body| words::check_body(body, book))
        }
        Content::VoiceCall(button) => words::check_body(&button.body, book),
        Content::Template(_) => Ok(()),
    }
}

async fn write(
    letter: &Letter<'_>,
    content: Content,
    is_direct: bool,
) -> Result<Written, ApiRefusal> {
    match content {
        Content::Text { body } => {
            letter.check(RequestForm::FreeForm).await?;
            let mut entry = letter.entry(ChatKind::Text);
            entry.text = Some(body);
            Ok(Written { entry, ..Written::plain(letter) })
        }
        Content::CallPermissionRequest { body } => interactive::request(letter, body).await,
        Content::VoiceCall(button) => interactive::button(letter, button, is_direct).await,
        Content::Template(named) => template::write(letter, &named).await,
    }
}

impl Letter<'_> {
    /// May this message be sent at all?
    async fn check(&self, form: RequestForm) -> Result<(), ApiRefusal> {
        let pair = consent::load(self.world, self.number, &self.user).await?;
        eligibility::check_message(
            form,
            &consent::number_facts(self.world, self.number),
            &self.user_facts(),
            &pair.window,
            &self.world.book(self.number),
            self.world.clock.now(),
        )?;
        Ok(())
    }

    fn user_facts(&self) -> eligibility::UserFacts {
        consent::user_facts(self.world, self.number, &self.user, self.is_known)
    }

    /// An entry of the user's chat, its state that of a message on its way.
    fn entry(&self, kind: ChatKind) -> ChatEntry {
        let now = self.world.clock.now();
        let mut entry = ChatEntry::new(self.id.clone(), now, ChatAuthor::Business, kind);
        entry.state = Some(ChatEntryState::Sent);
        entry.reply_to.clone_from(&self.context);
        entry
    }

    /// The entry of a request for permission to call.
    fn request_entry(&self) -> ChatEntry {
        let mut entry = self.entry(ChatKind::PermissionRequest);
        let lifetime = self.world.book(self.number).permission.request_lifetime.value;
        entry.state = Some(ChatEntryState::Open);
        entry.expires_at = Some(entry.at + lifetime);
        entry
    }
}

impl Written {
    fn plain(letter: &Letter<'_>) -> Self {
        Self {
            entry: letter.entry(ChatKind::Text),
            shows: Shows::Text,
            category: price::Category::Service,
            status: None,
        }
    }
}

fn sent(to: &Recipient, letter: &Letter<'_>, status: Option<&'static str>) -> Sent {
    let by_number = to.wa_id.as_ref().map(|wa_id| wa_id.as_str().to_owned());
    let by_id = || to.user_id.as_ref().map(|id| id.as_str().to_owned());
    let user = &letter.user;
    Sent {
        messaging_product: wire::WHATSAPP.to_owned(),
        contacts: vec![SentContact {
            input: by_number.or_else(by_id).unwrap_or_default(),
            wa_id: user.shown_wa_id().or_else(|| to.wa_id.clone()),
            user_id: user.user_id.clone(),
        }],
        messages: vec![SentMessage {
            id: letter.id.clone(),
            message_status: status.map(str::to_owned),
        }],
    }
}

/// A value of a message that no rule but its shape refuses.
fn unreadable(fault: RequestFault) -> ApiRefusal {
    ApiRefusal::Message(fault)
}
