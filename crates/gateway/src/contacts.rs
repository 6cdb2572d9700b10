//! What does the business know about a user?
//!
//! Every webhook and every request of ours leaves its mark here: the name, the permission to call, the
//! service window, the chat. The ledger is what we were told; the platform's own answer at the moment
//! of a call decides.

use std::time::Duration;

use terms::{MessageId, Timestamp, UserId, UserRef, WaId};
use wire::{
    console::{ChatLine, Contact, ContactPermission, Peer, PermissionState, ToConsole},
    graph::message::Sent,
    handset::{ChatAuthor, ChatEntryState, ChatKind},
    webhook::{
        Contact as WebhookContact,
        message::{CallPermissionReply, Message, Response},
    },
};

use crate::{
    cdr::Cdr,
    clock, consent,
    line::Line,
    office::Office,
    outbox::news,
    store::{ContactRow, Grant, StoreError},
};

/// How long a service window stays open (fact sheet 7).
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// Who sent this: the entry's own ids, completed from the value's contacts.
pub(crate) fn peer(
    wa_id: Option<&WaId>,
    user_id: Option<&UserId>,
    parent_user_id: Option<&UserId>,
    contacts: &[WebhookContact],
) -> Peer {
    let same = |contact: &&WebhookContact| {
        let by_user = user_id.is_some() && contact.user_id.as_ref() == user_id;
        by_user || wa_id.is_some() && contact.wa_id.as_ref() == wa_id
    };
    let only = || contacts.first().filter(|_| contacts.len() == 1);
    let contact = contacts.iter().find(same).or_else(only);
    let profile = contact.and_then(|contact| contact.profile.as_ref());
    Peer {
        name: profile.and_then(|profile| profile.name.clone().or_else(|| profile.username.clone())),
        wa_id: wa_id.or_else(|| contact.and_then(|contact| contact.wa_id.as_ref())).cloned(),
        user_id: user_id.or_else(|| contact.and_then(|contact| contact.user_id.as_ref())).cloned(),
        parent_user_id: parent_user_id
            .or_else(|| contact.and_then(|contact| contact.parent_user_id.as_ref()))
            .cloned(),
    }
}

/// A user with all ids that are known: one who was named by the BSUID has a number where we saw it,
/// and the other way round.
pub(crate) async fn complete(
    office: &Office,
    line: &Line,
    user: UserRef,
) -> Result<UserRef, StoreError> {
    let known = office.store.contact(line.contact(&user)).await?;
    Ok(known.map_or(user, |contact| contact.user))
}

/// The user did something that opens or renews the service window.
pub(crate) async fn note_window(
    office: &Office,
    line: &Line,
    peer: &Peer,
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(user) = peer.user() else { return Ok(()) };
    let seen = peer.clone();
    let change = move |contact: &mut ContactRow| {
        contact.see(seen);
        contact.window_until = contact.window_until.max(Some(at + WINDOW));
    };
    office.store.open_window(line.contact(&user), at, line.now(), change).await?;
    tell(office, line, user).await
}

/// A call ended: a line in the chat, and a window when the user took part.
pub(crate) async fn note_call(office: &Office, line: &Line, cdr: &Cdr) {
    let Some(user) = cdr.contact.user() else { return };
    let state =
        if cdr.answered_at.is_some() { ChatEntryState::Completed } else { ChatEntryState::Missed };
    let entry = ChatLine {
        id: cdr.call_id.as_str().to_owned(),
        at: cdr.ended_at,
        from: ChatAuthor::System,
        kind: ChatKind::Call,
        text: Some(cdr.text.clone()),
        state: Some(state),
    };
    let noted = match cdr.answered_at {
        Some(at) => note_window(office, line, &cdr.contact, at).await,
        None => Ok(()),
    };
    if let Err(error) = consent::note_call(office, line, &user, cdr).await {
        tracing::error!(%error, "a call is missing in the consent ledger");
    }
    let saved = office.store.save_line(line.contact(&user), entry).await;
    if let Err(error) = noted.and(saved).and(tell(office, line, user).await) {
        tracing::error!(%error, "a call is missing in its chat");
    }
}

/// A user wrote, or answered a permission request.
pub(crate) async fn note_message(
    office: &Office,
    line: &Line,
    peer: &Peer,
    message: &Message,
) -> Result<(), StoreError> {
    let Some(user) = peer.user() else { return Ok(()) };
    if let Some(reply) = message.call_permission_reply() {
        note_reply(office, line, peer.clone(), message, reply).await?;
        consent::note_reply(office, line, &user, message, reply).await?;
        let opens = line.config.price.rulebook.window.opened_by_permission_reply.value;
        if opens && message.context.is_some() && consent::is_by_user(reply) {
            note_window(office, line, peer, message.timestamp).await?;
        }
    } else {
        let entry = ChatLine {
            id: message.id.as_str().to_owned(),
            at: message.timestamp,
            from: ChatAuthor::User,
            kind: ChatKind::Text,
            text: message.text.as_ref().map(|text| text.body.clone()),
            state: None,
        };
        office.store.save_line(line.contact(&user), entry).await?;
        note_window(office, line, peer, message.timestamp).await?;
    }
    tell(office, line, user).await
}

async fn note_reply(
    office: &Office,
    line: &Line,
    peer: Peer,
    message: &Message,
    reply: &CallPermissionReply,
) -> Result<(), StoreError> {
    let Some(user) = peer.user() else { return Ok(()) };
    let permanent = reply.is_permanent == Some(true);
    let (state, shown) = match reply.response {
        Response::Accept if permanent => (PermissionState::Permanent, ChatEntryState::Permanent),
        Response::Accept => (PermissionState::Temporary, ChatEntryState::Temporary),
        Response::Reject if message.context.is_some() => {
            (PermissionState::None, ChatEntryState::Rejected)
        }
        Response::Reject => (PermissionState::None, ChatEntryState::Revoked),
        Response::Unknown(_) => return Ok(()),
    };
    let expires_at = reply.expiration_timestamp.filter(|_| state == PermissionState::Temporary);
    let grant = Grant { state, expires_at, learnt_at: Some(message.timestamp) };
    let by = message.id.as_str().to_owned();
    let answers = shown != ChatEntryState::Revoked;
    let change = move |contact: &mut ContactRow| {
        contact.see(peer);
        if !take_grant(contact, grant) {
            return None;
        }
        news::of_permission(&contact.line, contact.peer(), &grant, &by, answers)
    };
    office.store.change_contact_telling(line.contact(&user), clock::now(), change).await?;
    let entry = ChatLine {
        id: message.id.as_str().to_owned(),
        at: message.timestamp,
        from: ChatAuthor::User,
        kind: ChatKind::PermissionReply,
        text: None,
        state: Some(shown),
    };
    office.store.save_line(line.contact(&user), entry).await
}

/// We learnt how the permission stands. An older word never replaces a newer one.
pub(crate) async fn set_grant(
    office: &Office,
    line: &Line,
    user: UserRef,
    grant: Grant,
) -> Result<(), StoreError> {
    let change = move |contact: &mut ContactRow| {
        take_grant(contact, grant);
    };
    office.store.change_contact(line.contact(&user), clock::now(), change).await?;
    Ok(())
}

fn take_grant(contact: &mut ContactRow, grant: Grant) -> bool {
    let newer = !is_older(grant.learnt_at, contact.grant.learnt_at);
    if newer {
        contact.grant = grant;
    }
    newer
}

/// Webhooks tell whole seconds, our own questions finer times: within one second the later to arrive
/// is the newer.
fn is_older(word: Option<Timestamp>, known: Option<Timestamp>) -> bool {
    word.map(Timestamp::unix) < known.map(Timestamp::unix)
}

/// The user a message went to, with the BSUID the answer tells; a number it writes otherwise than we
/// did is left as we have it.
pub(crate) fn addressed(to: UserRef, sent: &Sent) -> UserRef {
    let Some(contact) = sent.contacts.first() else { return to };
    let as_ours = contact.wa_id.is_none() || contact.wa_id.as_ref() == to.wa_id();
    match (&contact.user_id, as_ours || to.wa_id().is_none()) {
        (Some(user_id), true) => to.or(user_id.clone().into()),
        (Some(_) | None, _) => to,
    }
}

/// We sent a text or asked for permission.
pub(crate) async fn note_sent(
    office: &Office,
    line: &Line,
    user: UserRef,
    id: &MessageId,
    kind: ChatKind,
    text: Option<String>,
) -> Result<(), StoreError> {
    let now = clock::now();
    let asked = kind == ChatKind::PermissionRequest;
    let change = move |contact: &mut ContactRow| {
        if asked && contact.grant.state == PermissionState::None {
            contact.grant.state = PermissionState::Requested;
        }
    };
    office.store.change_contact(line.contact(&user), now, change).await?;
    let entry = ChatLine {
        id: id.as_str().to_owned(),
        at: now,
        from: ChatAuthor::Business,
        kind,
        text,
        state: asked.then_some(ChatEntryState::Open),
    };
    office.store.save_line(line.contact(&user), entry).await?;
    tell(office, line, user).await
}

/// One user with the whole chat.
pub(crate) async fn load(
    office: &Office,
    line: &Line,
    user: UserRef,
) -> Result<Option<Contact>, StoreError> {
    let key = line.contact(&user);
    let Some(row) = office.store.contact(key.clone()).await? else { return Ok(None) };
    let mut contact = view(line, row);
    contact.chat = office.store.chat(key).await?;
    Ok(Some(contact))
}

/// A user as consoles see one, without the chat.
pub(crate) fn view(line: &Line, row: ContactRow) -> Contact {
    let now = line.now();
    let expired = row.grant.state == PermissionState::Temporary
        && row.grant.expires_at.is_some_and(|at| at <= now);
    let state = if expired { PermissionState::None } else { row.grant.state };
    let expires_at = row.grant.expires_at.filter(|_| state == PermissionState::Temporary);
    Contact {
        country: row.user.country(),
        peer: row.peer(),
        number: Some(line.digits().to_owned()),
        permission: ContactPermission { state, expires_at },
        window_open_until: row.window_until.filter(|until| *until > now),
        chat: Vec::new(),
    }
}

/// Every console of the line's organisation learns how this user stands.
pub(crate) async fn tell(office: &Office, line: &Line, user: UserRef) -> Result<(), StoreError> {
    if let Some(contact) = load(office, line, user).await? {
        line.consoles().send_to_all(&ToConsole::Contact { contact });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_within_the_second_of_our_question_counts() {
        let asked = Some(Timestamp::from_unix_ms(1_783_000_000_700));
        let same_second = Some(Timestamp::from_unix(1_783_000_000));
        let second_before = Some(Timestamp::from_unix(1_782_999_999));
        assert!(!is_older(same_second, asked));
        assert!(is_older(second_before, asked));
        assert!(!is_older(asked, None));
    }
}
