//! What does each webhook say?
//!
//! From the platform's facts to the bodies of fact sheet 2.8, 3.4, 3.7, 4.5 and 4.9 to 4.11. Nothing
//! is decided here.

use rules::{
    call::{self, Ending, Status},
    price::Price,
    quality::{Restriction, RestrictionKind, Violation, pickup_remediation},
    rulebook::Rulebook,
    usage::Month,
};
use terms::{Direction, MessageId, Timestamp};
use wire::{
    graph::call::Session,
    webhook::{
        Contact, MediaRef, Metadata, Profile, WebhookError,
        account::{AccountEvent, AccountUpdate, RestrictionNotice, SettingsUpdate, VolumeTier},
        call::{CallEntry, CallEvent, CallStatus, CallsValue, EndStatus, Progress},
        envelope::{Change, Envelope},
        message::{CallPermissionReply, Context, Delivery, Message, MessageStatus, MessagesValue},
        template::{TemplateEvent, TemplateStatusUpdate},
    },
};

use crate::{
    calls::Facts,
    directory::{Number, User},
    templates::Stored,
};

/// Wraps a change of a number into the envelope's bytes.
///
/// An entry of `account_update` has a time (fact sheet 10.3). Its id is `0` in the samples of
/// violations and restrictions (11), and the account's in that of a new tier (10.3).
pub(crate) fn body(number: &Number, change: Change, at: Timestamp) -> String {
    let event = if let Change::AccountUpdate(it) = &change { Some(it.event.clone()) } else { None };
    let mut envelope = Envelope::of(number.account.clone(), change);
    if let Some(event) = event {
        for entry in &mut envelope.entry {
            entry.time = Some(at.unix());
            if event != AccountEvent::VolumeTier {
                entry.id = "0".parse().expect("a digit");
            }
        }
    }
    serde_json::to_string(&envelope).expect("our own types have only text keys")
}

/// A call was placed: the offer of a user's call, the answer of a business's call.
pub(crate) fn connect(facts: &Facts, opaque: Option<&str>, at: Timestamp) -> Change {
    let sdp = facts.platform_sdp.as_str();
    let mut entry = entry(facts, CallEvent::Connect, opaque, at);
    entry.session = Some(match facts.direction {
        Direction::UserInitiated => Session::offer(sdp),
        Direction::BusinessInitiated => Session::answer(sdp),
    });
    let mut value = calls_value(facts);
    value.calls.push(entry);
    Change::Calls(Box::new(value))
}

/// A call over SIP was placed; its SDP went that way (fact sheet 6.9).
pub(crate) fn created(facts: &Facts, opaque: Option<&str>, at: Timestamp) -> Change {
    let mut value = calls_value(facts);
    value.calls.push(entry(facts, CallEvent::CallCreated, opaque, at));
    Change::Calls(Box::new(value))
}

/// A business's call rings, was answered or declined.
pub(crate) fn status(facts: &Facts, status: Status, opaque: Option<&str>, at: Timestamp) -> Change {
    let progress = match status {
        Status::Ringing => Progress::Ringing,
        Status::Accepted => Progress::Accepted,
        Status::Rejected => Progress::Rejected,
    };
    let mut status = CallStatus::new(facts.id.clone(), progress, at);
    status.recipient_id = facts.user.shown_wa_id();
    status.recipient_user_id.clone_from(&facts.user.user_id);
    status.recipient_parent_user_id.clone_from(&facts.user.parent_user_id);
    status.biz_opaque_callback_data = opaque.map(str::to_owned);
    let mut value = CallsValue::new(metadata(&facts.number));
    value.statuses.push(status);
    Change::Calls(Box::new(value))
}

/// A call is over; a failed one carries its error in both places (fact sheet 3.7).
pub(crate) fn terminate(
    facts: &Facts,
    ending: &Ending,
    opaque: Option<&str>,
    book: &Rulebook,
) -> Change {
    let mut entry = entry(facts, CallEvent::Terminate, opaque, ending.ended_at);
    entry.start_time = ending.answered_at;
    entry.end_time = ending.answered_at.map(|_| ending.ended_at);
    entry.duration = ending.duration_s().and_then(|seconds| u64::try_from(seconds).ok());
    let error = ending.reason.error().map(|error| {
        WebhookError::new(i64::from(error.code()), error.title(), ending.reason.text())
    });
    entry.status = Some(match ending.status(facts.direction, book) {
        call::CallStatus::Completed => EndStatus::Completed,
        call::CallStatus::Failed => EndStatus::Failed,
    });
    entry.errors.extend(error.clone());
    let mut value = calls_value(facts);
    value.errors.extend(error);
    value.calls.push(entry);
    Change::Calls(Box::new(value))
}

/// A recording of a call can be fetched (fact sheet 12.1).
pub(crate) fn recording(facts: &Facts, audio: &MediaRef, at: Timestamp) -> Change {
    let event = CallEvent::RecordingAvailable;
    kept(facts, bare_entry(facts, event, at).with_recording(audio))
}

/// A transcript of a call can be fetched (fact sheet 12.2).
pub(crate) fn transcript(facts: &Facts, document: &MediaRef, at: Timestamp) -> Change {
    let event = CallEvent::TranscriptionAvailable;
    kept(facts, bare_entry(facts, event, at).with_transcript(document))
}

/// A user left a voicemail; its message has the call's id (fact sheet 2.6).
pub(crate) fn voicemail(facts: &Facts, audio: &MediaRef, at: Timestamp) -> Change {
    let id = facts.id.as_str().parse().expect("a call id is a token");
    message(&facts.number, &facts.user, Message::audio(id, at, audio))
}

fn kept(facts: &Facts, entry: CallEntry) -> Change {
    let mut value = calls_value(facts);
    value.calls.push(entry);
    Change::Calls(Box::new(value))
}

/// An entry of the short form these events have: who called, and no more.
fn bare_entry(facts: &Facts, event: CallEvent, at: Timestamp) -> CallEntry {
    let full = entry(facts, event, None, at);
    CallEntry {
        to: None,
        to_user_id: None,
        to_parent_user_id: None,
        direction: None,
        deeplink_payload: None,
        cta_payload: None,
        ..full
    }
}

/// A user wrote a message.
pub(crate) fn text(
    number: &Number,
    user: &User,
    id: MessageId,
    body: String,
    answers: Option<MessageId>,
    at: Timestamp,
) -> Change {
    message(number, user, Message::text(id, at, body, answers.map(|id| context(number, id))))
}

/// A user gave, refused or took back the permission to be called, or it changed by itself.
pub(crate) fn permission_reply(
    number: &Number,
    user: &User,
    id: MessageId,
    reply: CallPermissionReply,
    about: Option<MessageId>,
    at: Timestamp,
) -> Change {
    let context = about.map(|id| context(number, id));
    message(number, user, Message::permission_reply(id, at, reply, context))
}

fn context(number: &Number, id: MessageId) -> Context {
    Context { from: Some(number.digits.clone()), id: Some(id) }
}

/// A message of the business was sent, delivered, read, or failed with an error.
pub(crate) fn message_status(
    number: &Number,
    user: &User,
    id: MessageId,
    delivery: Delivery,
    error: Option<WebhookError>,
    at: Timestamp,
) -> Change {
    let mut status = MessageStatus::new(id, delivery, at);
    status.errors.extend(error);
    status.recipient_id = user.shown_wa_id();
    status.recipient_user_id.clone_from(&user.user_id);
    status.recipient_parent_user_id.clone_from(&user.parent_user_id);
    let mut value = MessagesValue::new(metadata(number));
    value.statuses.push(status);
    Change::Messages(Box::new(value))
}

/// A template may be sent from now on.
pub(crate) fn template_approved(stored: &Stored) -> Change {
    Change::TemplateStatus(Box::new(TemplateStatusUpdate {
        event: TemplateEvent::Approved,
        message_template_id: stored.id.clone(),
        message_template_name: stored.template.name.clone(),
        message_template_language: stored.template.language.clone(),
        reason: Some("NONE".to_owned()),
        more: serde_json::Map::new(),
    }))
}

/// A number's calling settings changed.
pub(crate) fn settings(number: &Number, at: Timestamp) -> Change {
    let calling = crate::api::settings::shown(number, at);
    Change::SettingsUpdate(Box::new(SettingsUpdate::new(number.id.clone(), calling, at)))
}

/// The price of calls to a market changes for the rest of the month (fact sheet 8.5).
pub(crate) fn volume_tier(price: &Price, month: Month, at: Timestamp) -> Change {
    Change::AccountUpdate(Box::new(AccountUpdate::volume_tier(&VolumeTier {
        tier_update_time: at,
        pricing_category: "CALLING".to_owned(),
        tier: price.tier.clone(),
        effective_month: month.to_string(),
        region: price.market.clone(),
    })))
}

/// A number's quality is low (fact sheet 11).
pub(crate) fn violation(number: &Number, violation: Violation) -> Change {
    let remediation = match violation {
        Violation::LowPickupRate => Some(pickup_remediation(false)),
        Violation::BusinessInitiatedQuality
        | Violation::UserInitiatedQuality
        | Violation::CallingQuality => None,
    };
    let update = AccountUpdate::violation(&number.digits, violation.as_str(), remediation);
    Change::AccountUpdate(Box::new(update))
}

/// Something is taken from a number (fact sheet 11).
pub(crate) fn restriction(number: &Number, restriction: &Restriction) -> Change {
    let remediation = match restriction.kind {
        RestrictionKind::CallButtonHidden => Some(pickup_remediation(true).to_owned()),
        RestrictionKind::BusinessInitiated
        | RestrictionKind::UserInitiated
        | RestrictionKind::Both => None,
    };
    let notice = RestrictionNotice {
        restriction_type: restriction.kind.as_str().to_owned(),
        expiration: restriction.until,
        remediation,
    };
    Change::AccountUpdate(Box::new(AccountUpdate::restriction(&number.digits, &notice)))
}

/// A user's call could not be delivered.
pub(crate) fn error(number: &Number, error: WebhookError) -> Change {
    let mut value = CallsValue::new(metadata(number));
    value.errors.push(error);
    Change::Calls(Box::new(value))
}

/// The same as the end of a call that never began.
pub(crate) fn undelivered(facts: &Facts, error: WebhookError, at: Timestamp) -> Change {
    let mut entry = entry(facts, CallEvent::Terminate, None, at);
    entry.status = Some(EndStatus::Failed);
    entry.errors.push(error.clone());
    let mut value = calls_value(facts);
    value.errors.push(error);
    value.calls.push(entry);
    Change::Calls(Box::new(value))
}

fn message(number: &Number, user: &User, mut message: Message) -> Change {
    message.from = user.shown_wa_id();
    message.from_user_id.clone_from(&user.user_id);
    message.from_parent_user_id.clone_from(&user.parent_user_id);
    let mut value = MessagesValue::new(metadata(number));
    value.contacts.push(contact(user));
    value.messages.push(message);
    Change::Messages(Box::new(value))
}

fn calls_value(facts: &Facts) -> CallsValue {
    let mut value = CallsValue::new(metadata(&facts.number));
    value.contacts.push(contact(&facts.user));
    value
}

fn entry(facts: &Facts, event: CallEvent, opaque: Option<&str>, at: Timestamp) -> CallEntry {
    let mut entry = CallEntry::new(facts.id.clone(), event, facts.direction, at);
    let (user, business) = (facts.user.shown_wa_id(), Some(facts.number.digits.clone()));
    match facts.direction {
        Direction::UserInitiated => {
            (entry.from, entry.to) = (user, business);
            entry.from_user_id.clone_from(&facts.user.user_id);
            entry.from_parent_user_id.clone_from(&facts.user.parent_user_id);
        }
        Direction::BusinessInitiated => {
            (entry.from, entry.to) = (business, user);
            entry.to_user_id.clone_from(&facts.user.user_id);
            entry.to_parent_user_id.clone_from(&facts.user.parent_user_id);
        }
    }
    entry.deeplink_payload.clone_from(&facts.deeplink_payload);
    entry.cta_payload.clone_from(&facts.cta_payload);
    entry.biz_opaque_callback_data = opaque.map(str::to_owned);
    entry
}

fn metadata(number: &Number) -> Metadata {
    Metadata {
        display_phone_number: number.digits.as_str().to_owned(),
        phone_number_id: number.id.clone(),
    }
}

fn contact(user: &User) -> Contact {
    Contact {
        profile: Some(Profile { name: Some(user.name.clone()), username: user.username.clone() }),
        wa_id: user.shown_wa_id(),
        user_id: user.user_id.clone(),
        parent_user_id: user.parent_user_id.clone(),
    }
}
