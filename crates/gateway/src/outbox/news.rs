//! Which event does a fact make?
//!
//! Pure: facts in, [`News`] out. The key says what an event is the event of, so that a webhook that
//! comes twice, or a gateway that acts on one again after a kill, tells it once.

use sha2::{Digest, Sha256};
use switchboard::queue::Left;
use terms::{Direction, PhoneNumberId, Timestamp};
use wire::{
    console::{Call, CallState, Peer, PermissionState},
    event::{Missed, MissedCall, Permission, What},
    webhook::account::AccountUpdate,
};

use crate::{
    cdr::Cdr,
    store::{ContactKey, Grant, News},
};

/// Something about a running call that happens to it once.
pub(crate) fn of_call(
    line: &PhoneNumberId,
    call: Call,
    at: Timestamp,
    what: fn(Box<Call>) -> What,
) -> News {
    of_call_by(line, "", call, at, what)
}

/// Something about a running call that each of several can do: `who` tells them apart.
pub(crate) fn of_call_by(
    line: &PhoneNumberId,
    who: &str,
    call: Call,
    at: Timestamp,
    what: fn(Box<Call>) -> What,
) -> News {
    let call_id = call.call_id.clone();
    let what = what(Box::new(call));
    let key = format!("{}:{call_id}:{who}", what.kind());
    let subject = call_id.as_str().to_owned();
    News { line: line.clone(), key, subject, call_id: Some(call_id), at, what }
}

/// A call is where consoles see it now: rings at the user, or the flow talks.
pub(crate) fn of_state(line: &PhoneNumberId, call: Call, at: Timestamp) -> Option<News> {
    match (call.state, call.direction) {
        (CallState::Ringing, Direction::BusinessInitiated) => {
            Some(of_call(line, call, at, What::CallRinging))
        }
        // A telephone that rings is nobody yet, and tells of itself when it answers.
        (CallState::InFlow, _) if call.trunk.is_some() => None,
        (CallState::InFlow, _) => Some(of_call_by(line, "flow", call, at, What::CallAnswered)),
        // The arrival of a user's call and an agent's answer are told where they are known first.
        (CallState::Ringing, Direction::UserInitiated)
        | (
            CallState::Placing
            | CallState::Connected
            | CallState::Held
            | CallState::Transferring
            | CallState::Consulting
            | CallState::ThreeWay
            | CallState::Ended,
            _,
        ) => None,
    }
}

/// A call is over: that it was missed, if it was, and its record.
pub(crate) fn of_end(cdr: &Cdr, number: &str) -> Vec<News> {
    let mut end = Vec::new();
    if let Some(missed) = missed(cdr) {
        let missed = MissedCall { call: cdr.to_call(number), missed };
        end.push(of_record(cdr, What::CallMissed(Box::new(missed))));
    } else if cdr.queue.as_ref().is_some_and(|queue| queue.left == Left::Abandoned.as_str()) {
        let missed = MissedCall { call: cdr.to_call(number), missed: Missed::Abandoned };
        end.push(of_record(cdr, What::CallMissed(Box::new(missed))));
    }
    end.push(of_record(cdr, What::CallEnded(record(cdr))));
    end
}

/// The record of a call has figures it had not.
pub(crate) fn of_amendment(cdr: &Cdr) -> News {
    of_record(cdr, What::CallAmended(record(cdr)))
}

fn of_record(cdr: &Cdr, what: What) -> News {
    News {
        line: cdr.phone_number_id.clone(),
        key: format!("{}:{}:", what.kind(), cdr.call_id),
        subject: cdr.call_id.as_str().to_owned(),
        call_id: Some(cdr.call_id.clone()),
        at: cdr.ended_at,
        what,
    }
}

fn record(cdr: &Cdr) -> serde_json::Value {
    serde_json::to_value(cdr).expect("a record has only names as keys")
}

/// Whether and how a call was missed. The words are those of `switchboard::call::EndReason`, as records
/// keep them.
fn missed(cdr: &Cdr) -> Option<Missed> {
    if cdr.direction == Direction::BusinessInitiated {
        return None;
    }
    if cdr.has_message() {
        return Some(Missed::Voicemail);
    }
    if cdr.outside_hours == Some(true) {
        return Some(Missed::OutsideHours);
    }
    cdr.answered_at.is_none().then_some(match cdr.reason.as_str() {
        "caller_gave_up" => Missed::CallerGaveUp,
        "nobody_answered" => Missed::NobodyAnswered,
        _ => Missed::Failed,
    })
}

/// What a user's answer about permission means; `by` is the message that brought it.
pub(crate) fn of_permission(
    line: &PhoneNumberId,
    contact: Peer,
    grant: &Grant,
    by: &str,
    answers: bool,
) -> Option<News> {
    let subject = contact.user()?.as_str().to_owned();
    let permission = |permanent, expires_at| Permission { contact, permanent, expires_at };
    let what = match grant.state {
        PermissionState::Permanent => What::PermissionGranted(permission(Some(true), None)),
        PermissionState::Temporary => {
            What::PermissionGranted(permission(Some(false), grant.expires_at))
        }
        PermissionState::None if answers => What::PermissionRejected(permission(None, None)),
        PermissionState::None => What::PermissionRevoked(permission(None, None)),
        PermissionState::Requested => return None,
    };
    let key = format!("permission:{by}");
    let at = grant.learnt_at?;
    Some(News { line: line.clone(), key, subject, call_id: None, at, what })
}

/// A temporary permission ran out, which the platform does not tell; `key` is the ledger's.
pub(crate) fn of_expiry(of: &ContactKey, contact: Peer, at: Timestamp, key: &str) -> News {
    let permission = Permission { contact, permanent: Some(false), expires_at: Some(at) };
    News {
        line: of.line.clone(),
        key: format!("permission.{key}"),
        subject: of.user.as_str().to_owned(),
        call_id: None,
        at,
        what: What::PermissionExpired(permission),
    }
}

/// The platform took something from the number or the account.
pub(crate) fn of_restriction(
    update: &AccountUpdate,
    number: &PhoneNumberId,
    at: Timestamp,
) -> News {
    let told = serde_json::to_vec(update).expect("an update has only names as keys");
    // The webhook has no id: the same words are the same restriction.
    let digest = Sha256::digest(told);
    let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    News {
        line: number.clone(),
        key: format!("account.restricted:{name}"),
        subject: number.as_str().to_owned(),
        call_id: None,
        at,
        what: What::AccountRestricted(Box::new(update.clone())),
    }
}

#[cfg(test)]
mod tests {
    use switchboard::call::EndReason;

    use super::*;

    fn line() -> PhoneNumberId {
        "1".parse().unwrap()
    }

    fn ended(direction: Direction, reason: &EndReason) -> Cdr {
        let at = Timestamp::from_unix(1_783_000_000);
        let contact = Peer { wa_id: Some("5511988887777".parse().unwrap()), ..Peer::default() };
        Cdr::new(line(), "wacid.X1".parse().unwrap(), direction, contact, at, at, reason)
    }

    fn kinds(news: &[News]) -> Vec<&'static str> {
        news.iter().map(|news| news.what.kind()).collect()
    }

    #[test]
    fn a_users_call_that_nobody_answered_is_missed_and_ended_in_this_order() {
        for (reason, how) in [
            (EndReason::CallerGaveUp, Missed::CallerGaveUp),
            (EndReason::NobodyAnswered, Missed::NobodyAnswered),
            (EndReason::GatewayDied, Missed::Failed),
        ] {
            let news = of_end(&ended(Direction::UserInitiated, &reason), "551140000000");
            assert_eq!(kinds(&news), ["call.missed", "call.ended"], "{reason:?}");
            let What::CallMissed(missed) = &news[0].what else { panic!("{reason:?}") };
            assert_eq!(missed.missed, how);
        }
    }

    #[test]
    fn a_flow_that_talks_has_answered_and_one_that_rings_a_telephone_has_not() {
        let mut call = ended(Direction::UserInitiated, &EndReason::UserHungUp).to_call("5511");
        call.state = CallState::InFlow;
        let told = |call: &Call| of_state(&line(), call.clone(), Timestamp::from_unix(1));
        assert_eq!(told(&call).map(|news| news.what.kind()), Some("call.answered"));
        let (name, extension) = ("pbx".to_owned(), "200".to_owned());
        call.trunk = Some(wire::console::TrunkPlace {
            name,
            extension,
            state: wire::console::TrunkState::Ringing,
        });
        assert!(told(&call).is_none());
    }

    #[test]
    fn an_answered_call_and_one_of_ours_are_not_missed() {
        let ours = ended(Direction::BusinessInitiated, &EndReason::UserDidNotAnswer);
        assert_eq!(kinds(&of_end(&ours, "551140000000")), ["call.ended"]);
        let mut answered = ended(Direction::UserInitiated, &EndReason::UserHungUp);
        answered.answered_at = Some(answered.started_at);
        assert_eq!(kinds(&of_end(&answered, "551140000000")), ["call.ended"]);
        answered.outside_hours = Some(true);
        let news = of_end(&answered, "551140000000");
        let What::CallMissed(missed) = &news[0].what else { panic!("{news:?}") };
        assert_eq!(missed.missed, Missed::OutsideHours, "only the flow's word about the hours");
    }

    #[test]
    fn a_no_to_a_request_is_rejected_and_one_out_of_nothing_is_revoked() {
        let contact = Peer { wa_id: Some("5511988887777".parse().unwrap()), ..Peer::default() };
        let learnt_at = Some(Timestamp::from_unix(1_783_000_000));
        let grant = Grant { state: PermissionState::None, expires_at: None, learnt_at };
        let kind = |answers| {
            let news = of_permission(&line(), contact.clone(), &grant, "wamid.X", answers).unwrap();
            news.what.kind()
        };
        assert_eq!(kind(true), "permission.rejected");
        assert_eq!(kind(false), "permission.revoked");
        assert!(
            of_permission(&line(), Peer::default(), &grant, "wamid.X", true).is_none(),
            "nobody"
        );
    }
}
