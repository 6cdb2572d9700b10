//! What does a user do besides calling?
//!
//! Writing, reading, and deciding who may call: the same for a phone and for the sandbox API.

use std::sync::Arc;

use rules::{
    Refusal, eligibility,
    permission::{Choice, Input},
    words,
};
use terms::{Direction, MessageId, WaId};
use wire::{
    handset::{ChatAuthor, ChatEntry, ChatEntryState, ChatKind, PermissionChoice},
    webhook::message::Delivery,
};

use crate::{
    api::refusals::ApiRefusal,
    chats, consent,
    directory::{Number, User},
    ids::Stream,
    webhooks::compose,
    world::World,
};

/// A user writes to a business: the window opens, the business hears of it.
pub(crate) async fn write_message(
    world: &World,
    user: &User,
    to: &WaId,
    text: String,
    reply_to: Option<MessageId>,
) -> Result<(), ApiRefusal> {
    let number = business(world, to)?;
    check_not_blocked(&number, user)?;
    let book = world.book(&number);
    if text.trim().is_empty() || words::check_text(&text, &book).is_err() {
        let max = book.messages.text_chars_max.value;
        return Err(ApiRefusal::Parameter(format!("text: 1 to {max} characters")));
    }
    let now = world.clock.now();
    let id = wire::wacid::wamid(&user.wa_id, world.ids.bytes(Stream::Message));
    consent::open_window(world, &number, user).await?;
    let mut entry = ChatEntry::new(id.clone(), now, ChatAuthor::User, ChatKind::Text);
    entry.text = Some(text.clone());
    entry.reply_to.clone_from(&reply_to);
    entry.state = Some(ChatEntryState::Sent);
    chats::add(world, &number, &user.wa_id, entry).await?;
    let change = compose::text(&number, user, id, text, reply_to, now);
    world.outbox.emit(&number, &consent::lane(&number, user), change).await?;
    Ok(())
}

/// A user decides whether a business may call: on a request, or in its profile.
pub(crate) async fn decide(
    world: &Arc<World>,
    user: &User,
    to: &WaId,
    request: Option<MessageId>,
    choice: PermissionChoice,
) -> Result<(), ApiRefusal> {
    let number = business(world, to)?;
    match choice {
        PermissionChoice::Temporary | PermissionChoice::Permanent => {
            eligibility::check_grant(number.known_country(), &world.book(&number))?;
        }
        PermissionChoice::Reject | PermissionChoice::Revoke => {}
    }
    let input = match choice {
        PermissionChoice::Temporary => Input::Answered { request, choice: Choice::Temporary },
        PermissionChoice::Permanent => Input::Answered { request, choice: Choice::Permanent },
        PermissionChoice::Reject => Input::Answered { request, choice: Choice::Reject },
        PermissionChoice::Revoke => Input::Revoked,
    };
    consent::handle(world, &number, user, input).await??;
    Ok(())
}

/// A user looked at a chat: the business's messages are read.
pub(crate) async fn read_chat(world: &World, user: &User, chat: &WaId) -> Result<(), ApiRefusal> {
    let number = business(world, chat)?;
    let shown = chats::load(world, &number, &user.wa_id).await?;
    let unread = shown.entries.into_iter().filter(|entry| {
        entry.from == ChatAuthor::Business
            && entry.kind != ChatKind::Call
            && entry.read_at.is_none()
            && entry.state != Some(ChatEntryState::Read)
    });
    for mut entry in unread {
        let (id, now) = (entry.id.clone(), world.clock.now());
        entry.read_at = Some(now);
        // The state of a request says how it was answered.
        if entry.state == Some(ChatEntryState::Sent) {
            entry.state = Some(ChatEntryState::Read);
        }
        chats::add(world, &number, &user.wa_id, entry).await?;
        let change = compose::message_status(&number, user, id, Delivery::Read, None, now);
        world.outbox.emit(&number, &consent::lane(&number, user), change).await?;
    }
    Ok(())
}

/// A user who blocked a business neither calls nor writes to it.
pub(crate) fn check_not_blocked(number: &Number, user: &User) -> Result<(), Refusal> {
    if user.blocks.contains(&number.id) { Err(Refusal::Blocked) } else { Ok(()) }
}

/// A user asks a business that is closed now to call back.
pub(crate) async fn ask_callback(
    world: &Arc<World>,
    user: &User,
    to: &WaId,
) -> Result<(), ApiRefusal> {
    let number = business(world, to)?;
    eligibility::check_callback_request(
        &consent::number_facts(world, &number),
        number.calling.call_hours.as_ref(),
        number.calling.grants_callback(),
        &world.book(&number),
        world.clock.now(),
    )?;
    // The attempt that was blocked has no call; the reply names it by an id of its own.
    let random = world.ids.bytes(Stream::Call);
    let call = wire::wacid::wacid(&user.wa_id, &number.digits, Direction::UserInitiated, random);
    consent::ask_callback(world, &number, user, call).await??;
    Ok(())
}

/// The business number of these digits.
pub(crate) fn business(world: &World, digits: &WaId) -> Result<Arc<Number>, ApiRefusal> {
    let unknown = || ApiRefusal::UnknownObject { id: digits.as_str().to_owned() };
    world.directory.number_of(digits).ok_or_else(unknown)
}
