//! What do a test's faults do to a webhook before it is written?
//!
//! All of it is decided when the webhook is made, and stands in its row: when it is due, whether it
//! yields to the next, whether it is sent at all, and why. Waiting is by the platform's clock, so a
//! frozen clock holds a late webhook until it is advanced.

use std::time::Duration;

use terms::CallId;
use wire::{
    sandbox::{FaultDone, FaultScope, WebhookFault, WebhookFaults},
    webhook::{envelope::Change, message::Message, signature},
};

use crate::{ids::Ids, store::NewWebhook};

use super::outbox::new_id;

/// How long a webhook waits for the next one to overtake it: longer than a quick call's steps are
/// apart, shorter than an answer window.
const YIELD: Duration = Duration::from_secs(2);

/// What ids of calls begin with, and those of messages do not.
const CALL: &str = "wacid.";

/// The call a change is about.
pub(super) fn call_of(change: &Change) -> Option<CallId> {
    match change {
        Change::Calls(value) => {
            let call = value.calls.first().map(|call| &call.id);
            call.or_else(|| value.statuses.first().map(|status| &status.id)).cloned()
        }
        Change::Messages(value) => value.messages.first().and_then(call_behind),
        Change::SettingsUpdate(_)
        | Change::AccountUpdate(_)
        | Change::Other { .. }
        | Change::TemplateStatus(_)
        | Change::Unreadable { .. } => None,
    }
}

/// The call a message came from: a voicemail has its id, a permission given by calling names it.
fn call_behind(message: &Message) -> Option<CallId> {
    let context = message.context.as_ref().and_then(|context| context.id.as_ref());
    [Some(&message.id), context]
        .into_iter()
        .flatten()
        .find(|id| id.as_str().starts_with(CALL))
        .and_then(|id| id.as_str().parse().ok())
}

/// The rows a webhook becomes: itself, changed, and a second copy if that was asked for.
pub(super) fn spoil(
    mut row: NewWebhook,
    faults: WebhookFaults,
    scope: FaultScope,
    ids: &Ids,
) -> Vec<NewWebhook> {
    let note = |row: &mut NewWebhook, fault, delay_ms, of| {
        row.faults.push(FaultDone { fault, scope, delay_ms, of });
    };
    if faults.bad_signature {
        row.signature = wrong(&row);
        note(&mut row, WebhookFault::BadSignature, None, None);
    }
    if faults.drop {
        row.dropped = true;
        note(&mut row, WebhookFault::Drop, None, None);
        return vec![row];
    }
    if faults.delay_ms > 0 {
        row.due_at = row.due_at + Duration::from_millis(faults.delay_ms);
        note(&mut row, WebhookFault::Delay, Some(faults.delay_ms), None);
    }
    let copy = faults.duplicate.then(|| {
        let mut copy = NewWebhook { id: new_id(ids), ..row.clone() };
        note(&mut copy, WebhookFault::Duplicate, None, Some(row.id.clone()));
        copy
    });
    if faults.reorder {
        row.yields_until = Some(row.due_at + YIELD);
        note(&mut row, WebhookFault::Reorder, None, None);
    }
    std::iter::once(row).chain(copy).collect()
}

/// A signature of the right form by somebody who does not know the secret.
fn wrong(row: &NewWebhook) -> String {
    signature::sign(&row.signature, row.body.as_bytes())
}

#[cfg(test)]
mod tests {
    use terms::Timestamp;

    use super::*;
    use crate::ids::Randomness;

    fn spoiled(faults: WebhookFaults) -> Vec<NewWebhook> {
        let at = Timestamp::from_unix(100);
        let row = NewWebhook {
            id: "wh_1".into(),
            target: "t".into(),
            lane: "l".into(),
            field: "calls".into(),
            call_id: None,
            url: Some("http://127.0.0.1:1".into()),
            body: "{}".into(),
            signature: signature::sign("secret", b"{}"),
            made_at: at,
            due_at: at,
            yields_until: None,
            dropped: false,
            faults: Vec::new(),
            synthetic: false,
        };
        spoil(row, faults, FaultScope::Global, &Ids::new(Randomness::Seeded(1), 0))
    }

    fn done(row: &NewWebhook) -> Vec<WebhookFault> {
        row.faults.iter().map(|done| done.fault).collect()
    }

    #[test]
    fn nothing_is_done_unasked() {
        let rows = spoiled(WebhookFaults::default());
        assert_eq!((rows.len(), rows[0].due_at.unix()), (1, 100));
        assert!(rows[0].faults.is_empty() && !rows[0].dropped && rows[0].yields_until.is_none());
        assert!(signature::verify("secret", b"{}", &rows[0].signature));
    }

    #[test]
    fn each_fault_is_done_and_noted() {
        let none = WebhookFaults::default();
        let late = spoiled(WebhookFaults { delay_ms: 1_500, ..none });
        assert_eq!(late[0].due_at.unix_ms(), 101_500);
        assert_eq!(late[0].faults[0].delay_ms, Some(1_500));

        let twice = spoiled(WebhookFaults { duplicate: true, delay_ms: 1_500, ..none });
        assert_eq!((twice.len(), twice[1].body == twice[0].body), (2, true));
        assert_eq!(done(&twice[1]), [WebhookFault::Delay, WebhookFault::Duplicate]);
        assert_eq!(twice[1].faults[1].of.as_deref(), Some("wh_1"));
        assert_ne!(twice[0].id, twice[1].id);

        let swapped = spoiled(WebhookFaults { reorder: true, duplicate: true, ..none });
        assert_eq!(swapped[0].yields_until.unwrap().unix(), 102);
        assert!(swapped[1].yields_until.is_none(), "the copy would be what overtakes");

        let gone = spoiled(WebhookFaults { drop: true, duplicate: true, ..none });
        assert_eq!(
            (gone.len(), gone[0].dropped, done(&gone[0])),
            (1, true, vec![WebhookFault::Drop])
        );

        let forged = spoiled(WebhookFaults { bad_signature: true, ..none });
        assert!(forged[0].signature.starts_with("sha256="));
        assert!(!signature::verify("secret", b"{}", &forged[0].signature));
    }
}
