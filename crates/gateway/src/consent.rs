//! How do we come to know a user's consent, and who writes it down?
//!
//! [`note`] is the only place that writes an entry of the ledger. Replies and ends of calls come from
//! webhooks, requests from us, differences from the platform's own answer. That a temporary permission
//! ran out no webhook says: [`run`] waits for it, by the platform's clock, and writes it once, also
//! when it happened while no gateway ran.

use std::{sync::Arc, time::Duration};

use rules::limits::{Rolling, Use};
use serde_json::Value;
use switchboard::consent::{Entry, EntryNo, Grant, Periods, Standing, Told, What};
use terms::{Direction, MessageId, Timestamp, UserRef};
use wire::{
    console::Peer,
    graph::permission::{ActionName, CallPermissions, PermissionStatus},
    webhook::message::{CallPermissionReply, Message, Response, ResponseSource},
};

use crate::{
    cdr::Cdr,
    contacts,
    line::Line,
    office::Office,
    outbox::news,
    store::{Draft, Evidence, News, StoreError},
};

/// How long the timer sleeps when nothing is to run out, and at least between two looks.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_secs(3_600), Duration::from_millis(100));

/// Writes an entry of the ledger; `None` when it is there or has no place. The key names the event, so
/// that it is written once. Nobody else writes entries: what must follow from one belongs here.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn note(
    office: &Office,
    line: &Line,
    user: &UserRef,
    key: String,
    entry: Entry,
    evidence: Evidence,
) -> Result<Option<EntryNo>, StoreError> {
    note_telling(office, line, user, key, entry, evidence, None).await
}

/// The same, and tells the business's systems, if it was new.
async fn note_telling(
    office: &Office,
    line: &Line,
    user: &UserRef,
    key: String,
    entry: Entry,
    evidence: Evidence,
    news: Option<News>,
) -> Result<Option<EntryNo>, StoreError> {
    let draft = Draft { key, contact: line.contact(user), entry, evidence };
    let written = office.store.add_consent(draft, periods(line), news).await?;
    if written.is_some() {
        line.ledger.send_modify(|count| *count = count.wrapping_add(1));
    }
    Ok(written)
}

/// The user answered a request, allowed calls or took that back.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn note_reply(
    office: &Office,
    line: &Line,
    user: &UserRef,
    message: &Message,
    reply: &CallPermissionReply,
) -> Result<(), StoreError> {
    let lifetime = line.config.price.rulebook.permission.lifetime.value;
    let Some(what) = meaning(message, reply, lifetime) else { return Ok(()) };
    let evidence = Evidence {
        message_id: Some(message.id.clone()),
        in_answer_to: message.context.as_ref().and_then(|context| context.id.clone()),
        source: reply.response_source.as_ref().map(|source| source.as_str().to_owned()),
        body: message.interactive.as_ref().and_then(|body| serde_json::to_value(body).ok()),
        ..Evidence::default()
    };
    let entry = Entry { at: message.timestamp, what };
    note(office, line, user, format!("message:{}", message.id), entry, evidence).await?;
    Ok(())
}

/// Whether the user decided, and not the platform.
pub(crate) fn is_by_user(reply: &CallPermissionReply) -> bool {
    reply.response_source == Some(ResponseSource::UserAction)
}

fn meaning(message: &Message, reply: &CallPermissionReply, lifetime: Duration) -> Option<What> {
    match reply.response {
        Response::Accept if reply.is_permanent == Some(true) => {
            Some(What::Granted(Grant::Permanent))
        }
        Response::Accept => {
            let until = reply.expiration_timestamp.unwrap_or(message.timestamp + lifetime);
            Some(What::Granted(Grant::Temporary { until }))
        }
        Response::Reject if message.context.is_some() => Some(What::Refused),
        Response::Reject => Some(What::Revoked),
        Response::Unknown(_) => None,
    }
}

/// We asked.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn note_request(
    office: &Office,
    line: &Line,
    user: &UserRef,
    id: &MessageId,
    template: Option<String>,
) -> Result<(), StoreError> {
    let evidence = Evidence { message_id: Some(id.clone()), template, ..Evidence::default() };
    let entry = Entry { at: line.now(), what: What::Requested };
    note(office, line, user, format!("request:{id}"), entry, evidence).await?;
    Ok(())
}

/// A call ended: what of it counts.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn note_call(
    office: &Office,
    line: &Line,
    user: &UserRef,
    cdr: &Cdr,
) -> Result<(), StoreError> {
    let by_user = ["user_rejected", "user_did_not_answer"].contains(&cdr.reason.as_str());
    let what = match (cdr.answered_at, cdr.direction) {
        (Some(_), direction) => What::Connected { direction },
        (None, Direction::BusinessInitiated) if by_user => What::Unanswered,
        (None, Direction::BusinessInitiated | Direction::UserInitiated) => return Ok(()),
    };
    // A picked-up call counts from its start, which our own clock may have told.
    let now = line.now();
    let at = cdr.answered_at.map_or(now, |at| at.min(now));
    let evidence = Evidence { call_id: Some(cdr.call_id.clone()), ..Evidence::default() };
    note(office, line, user, format!("call:{}", cdr.call_id), Entry { at, what }, evidence).await?;
    Ok(())
}

/// The platform told how it stands: where that differs from our account, it wins, and that is noted.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn reconcile(
    office: &Office,
    line: &Line,
    user: &UserRef,
    said: &CallPermissions,
) -> Result<(), StoreError> {
    let now = line.now();
    let standing = office.store.standing(line.contact(user)).await?;
    let lifetime = line.config.price.rulebook.permission.lifetime.value;
    let told = told(said, &standing, now, lifetime);
    if !standing.differs(&told, now, periods(line)) {
        return Ok(());
    }
    let body: Option<Value> = serde_json::to_value(said).ok();
    let evidence = Evidence { body, ..Evidence::default() };
    let entry = Entry { at: now, what: What::Reconciled(told) };
    let key = format!("reconciled:{}", uuid::Uuid::now_v7());
    note(office, line, user, key, entry, evidence).await?;
    Ok(())
}

/// A word we do not know leaves the permission as we have it.
fn told(said: &CallPermissions, ours: &Standing, now: Timestamp, lifetime: Duration) -> Told {
    let permission = match said.permission.status {
        PermissionStatus::Temporary => {
            let until = said.permission.expiration_time.or_else(|| ours.expires_at());
            Some(Grant::Temporary { until: until.unwrap_or(now + lifetime) })
        }
        PermissionStatus::Permanent => Some(Grant::Permanent),
        PermissionStatus::NoPermission => None,
        PermissionStatus::Unknown(_) => ours.permission(now).ok(),
    };
    let used = |action: &ActionName, periods: [&str; 2]| {
        let limits = &said.action(action)?.limits;
        let limit = limits.iter().find(|limit| periods.contains(&limit.time_period.as_str()))?;
        Some(limit.current_usage)
    };
    let asking = ActionName::SendCallPermissionRequest;
    Told {
        permission,
        connected_in_a_day: used(&ActionName::StartCall, DAY),
        requests_in_a_day: used(&asking, DAY),
        requests_in_a_week: used(&asking, WEEK),
    }
}

/// How the platform writes the periods of its limits.
const DAY: [&str; 2] = ["PT24H", "P1D"];
const WEEK: [&str; 2] = ["P7D", "P1W"];

/// The periods of the rulebook's limits.
pub(crate) fn periods(line: &Line) -> Periods {
    let limits = &line.config.price.rulebook.limits;
    Periods { day: limits.day.value, week: limits.week.value }
}

/// How much of a limit these moments use up at `now`.
pub(crate) fn usage(moments: &[Timestamp], max: u32, period: Duration, now: Timestamp) -> Use {
    let mut rolling = Rolling::default();
    for at in moments {
        rolling.record(*at, period);
    }
    rolling.usage(max, period, now)
}

/// Writes down, for ever, when temporary permissions of a line run out.
pub(crate) async fn run(office: Arc<Office>, line: Arc<Line>) {
    let mut ledger = line.ledger.subscribe();
    let mut clock = line.graph.clock().watch();
    let (longest, shortest) = LOOK_EVERY;
    loop {
        let wait = match write_expired_and_look(&office, &line).await {
            Ok(Some(next)) => next.since(line.now()).clamp(shortest, longest),
            Ok(None) => longest,
            Err(error) => {
                tracing::error!(%error, "the consent ledger cannot be kept");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            Ok(()) = ledger.changed() => {}
            Ok(()) = clock.changed() => {}
        }
    }
}

async fn write_expired_and_look(
    office: &Office,
    line: &Line,
) -> Result<Option<Timestamp>, StoreError> {
    let due = office.store.expired(line.id().clone(), line.now()).await?;
    if let Some((user, _)) = due.first()
        && !line.graph.clock().is_known()
    {
        // What ran out by our clock may stand by the platform's: any answer tells its time.
        drop(line.graph.permissions(user).await);
    }
    write_expired(office, line).await?;
    office.store.next_expiry(line.id().clone()).await
}

/// Writes down what has run out by now; consoles learn it.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn write_expired(office: &Office, line: &Line) -> Result<(), StoreError> {
    for (user, standing) in office.store.expired(line.id().clone(), line.now()).await? {
        let (Some(at), Some(proof)) = (standing.expires_at(), standing.proof()) else { continue };
        let entry = Entry { at, what: What::Expired };
        let key = format!("expired:{}", proof.0);
        let of = line.contact(&user);
        let contact = office.store.contact(of.clone()).await?;
        let contact = contact.map_or_else(|| Peer::of(&user, None), |contact| contact.peer());
        let news = Some(news::of_expiry(&of, contact, at, &key));
        let none = Evidence::default();
        if note_telling(office, line, &user, key, entry, none, news).await?.is_some() {
            contacts::tell(office, line, user).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LIFETIME: Duration = Duration::from_secs(7 * 86_400);

    fn message(reply: &Value, context: Option<&str>) -> Message {
        let mut message = json!({"id": "wamid.R", "timestamp": "1783000000", "type": "interactive",
            "interactive": {"type": "call_permission_reply", "call_permission_reply": reply}});
        if let Some(id) = context {
            message["context"] = json!({ "id": id });
        }
        serde_json::from_value(message).unwrap()
    }

    #[test]
    fn every_reply_of_the_fact_sheet_has_its_meaning() {
        let until = Timestamp::from_unix(1_783_605_300);
        let week_later = Timestamp::from_unix(1_783_000_000) + LIFETIME;
        let temporary = |until| Some(What::Granted(Grant::Temporary { until }));
        let accept = json!({"response": "accept", "is_permanent": false,
            "expiration_timestamp": "1783605300", "response_source": "user_action"});
        let rows = [
            (accept, Some("wamid.CPR"), temporary(until)),
            (json!({"response": "accept"}), Some("wamid.CPR"), temporary(week_later)),
            (
                json!({"response": "accept", "is_permanent": true}),
                None,
                Some(What::Granted(Grant::Permanent)),
            ),
            (json!({"response": "reject"}), Some("wamid.CPR"), Some(What::Refused)),
            (json!({"response": "reject"}), None, Some(What::Revoked)),
            (json!({"response": "later"}), None, None),
        ];
        for (reply, context, wanted) in rows {
            let message = message(&reply, context);
            let read = message.call_permission_reply().unwrap();
            assert_eq!(meaning(&message, read, LIFETIME), wanted, "{reply}");
        }
    }

    #[test]
    fn the_platforms_answer_is_read_and_an_unknown_word_leaves_ours() {
        let now = Timestamp::from_unix(1_783_000_000);
        let said: CallPermissions = serde_json::from_value(json!({
            "permission": {"status": "temporary", "expiration_time": 1_783_605_300},
            "actions": [
                {"action_name": "send_call_permission_request", "can_perform_action": true,
                 "limits": [{"time_period": "PT24H", "max_allowed": 1, "current_usage": 0},
                            {"time_period": "P7D", "max_allowed": 2, "current_usage": 1}]},
                {"action_name": "start_call", "can_perform_action": true,
                 "limits": [{"time_period": "PT24H", "max_allowed": 100, "current_usage": 3}]}]}))
        .unwrap();
        let until = Timestamp::from_unix(1_783_605_300);
        let read = told(&said, &Standing::default(), now, LIFETIME);
        let wanted = Told {
            permission: Some(Grant::Temporary { until }),
            connected_in_a_day: Some(3),
            requests_in_a_day: Some(0),
            requests_in_a_week: Some(1),
        };
        assert_eq!(read, wanted);
        let said = serde_json::from_value(json!({"permission": {"status": "soon"}})).unwrap();
        let periods = Periods { day: LIFETIME / 7, week: LIFETIME };
        let granted = Entry { at: now, what: What::Granted(Grant::Permanent) };
        let ours = Standing::fold([(EntryNo(1), granted)], periods);
        assert_eq!(told(&said, &ours, now, LIFETIME).permission, Some(Grant::Permanent));
    }
}
