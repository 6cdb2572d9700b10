//! How does our number stand with the platform, before it takes something?
//!
//! Users' calls that end are counted over the guard's window, by the platform's clock. When too few
//! are picked up it is told, once each time it gets worse, and again when it is good.

use std::{sync::Arc, time::Duration};

use rules::quality::{RestrictionKind, Violation};
use serde::Deserialize;
use switchboard::guard::Health;
use terms::Timestamp;
use wire::webhook::account::{AccountUpdate, RestrictionNotice};

use crate::{
    line::Line,
    office::Office,
    store::{Notice, NoticeKind, PickupCounts, StoreError},
};

/// How long between two looks at least, and at most when nothing is told.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// How a number stands, and why.
#[derive(Debug)]
pub(crate) struct Standing {
    /// How.
    pub health: Health,
    /// Calls within the window.
    pub pickups: PickupCounts,
    /// What is or was taken within the window.
    pub restrictions: Vec<Notice>,
    /// What was said within the window.
    pub violations: Vec<Notice>,
}

/// Looks at a line for ever, after calls end and as time passes.
pub(crate) async fn run(office: Arc<Office>, line: Arc<Line>) {
    let mut told = office.store.newest();
    let (shortest, longest) = LOOK_EVERY;
    loop {
        if let Err(error) = look(&office, &line).await {
            tracing::error!(%error, "the health of the number is not known");
        }
        tokio::time::sleep(shortest).await;
        tokio::select! {
            () = tokio::time::sleep(longest) => {}
            Ok(()) = told.changed() => {}
        }
    }
}

async fn look(office: &Office, line: &Line) -> Result<(), StoreError> {
    let (number, pickup, now) = (line.id().clone(), line.config.guard.pickup, line.now());
    let count = office.store.pickups(number.clone(), now - pickup.window).await?.by_users;
    office.store.turn_health(number, pickup.health(count), count, now).await
}

/// How our number stands now.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn standing(office: &Office, line: &Line) -> Result<Standing, StoreError> {
    let (number, pickup, now) = (line.id(), line.config.guard.pickup, line.now());
    let since = now - pickup.window;
    let pickups = office.store.pickups(number.clone(), since).await?;
    let notices = |kind| office.store.notices(number.clone(), kind, since);
    let restrictions = notices(NoticeKind::Restriction).await?;
    let violations = notices(NoticeKind::Violation).await?;
    let restricted = restrictions.iter().any(|notice| is_active(notice, now));
    let by_platform = match (restricted, violations.is_empty()) {
        (true, _) => Health::Critical,
        (false, false) => Health::Warning,
        (false, true) => Health::Good,
    };
    let health = pickup.health(pickups.by_users).max(by_platform);
    Ok(Standing { health, pickups, restrictions, violations })
}

/// Whether it holds, as far as we know: one without an end until the business does something.
pub(crate) fn is_active(restriction: &Notice, now: Timestamp) -> bool {
    restriction.until.is_none_or(|until| now < until)
}

#[derive(Deserialize)]
struct ViolationNotice {
    violation_type: String,
    remediation: Option<String>,
}

/// What an update of the account says against our number, at this moment.
pub(crate) fn notices_in(
    update: &AccountUpdate,
    digits: &str,
    at: Timestamp,
) -> Vec<(NoticeKind, Notice)> {
    let of_another = update.more.get("phone_number").is_some_and(|number| {
        number.as_str().is_some_and(|number| number.trim_start_matches('+') != digits)
    });
    if of_another {
        return Vec::new();
    }
    let mut notices = Vec::new();
    if let Some(list) = update.more.get("restriction_info") {
        let read: Vec<RestrictionNotice> = serde_json::from_value(list.clone()).unwrap_or_default();
        notices.extend(read.into_iter().map(|it| {
            let (what, until) = (it.restriction_type, it.expiration);
            let remediation = it.remediation;
            (NoticeKind::Restriction, Notice { what, since: at, until, remediation })
        }));
    }
    let violation = update.more.get("violation_info").cloned();
    if let Some(it) = violation.and_then(|it| serde_json::from_value::<ViolationNotice>(it).ok()) {
        let (what, remediation) = (it.violation_type, it.remediation);
        let notice = Notice { what, since: at, until: None, remediation };
        notices.push((NoticeKind::Violation, notice));
    }
    // Accounts are violated and restricted for other reasons, too, such as what was written.
    notices.retain(|(_, notice)| is_of_calling(&notice.what));
    notices
}

fn is_of_calling(word: &str) -> bool {
    let restrictions = [
        RestrictionKind::BusinessInitiated,
        RestrictionKind::UserInitiated,
        RestrictionKind::CallButtonHidden,
        RestrictionKind::Both,
    ];
    let violations = [
        Violation::BusinessInitiatedQuality,
        Violation::UserInitiatedQuality,
        Violation::LowPickupRate,
        Violation::CallingQuality,
    ];
    restrictions.iter().any(|it| it.as_str() == word)
        || violations.iter().any(|it| it.as_str() == word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fact_sheets_updates_are_read_and_those_of_other_numbers_left() {
        let at = Timestamp::from_unix(1_783_000_000);
        let read = |update: serde_json::Value| {
            notices_in(&serde_json::from_value(update).unwrap(), "551140000000", at)
        };
        let violation = json!({"phone_number": "551140000000", "event": "ACCOUNT_VIOLATION",
            "violation_info": {"violation_type": "USER_INITIATED_CALLS_LOW_PICKUP_RATE",
                "remediation": "Answer."}});
        let found = read(violation);
        assert_eq!(found[0].0, NoticeKind::Violation);
        assert_eq!(found[0].1.remediation.as_deref(), Some("Answer."));
        let restriction = json!({"phone_number": "551140000000", "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": "RESTRICTED_BUSINESS_INITIATED_CALLING",
                "expiration": 1_783_604_800}]});
        let found = read(restriction.clone());
        assert_eq!(found[0].1.until, Some(Timestamp::from_unix(1_783_604_800)));
        assert!(
            is_active(&found[0].1, at)
                && !is_active(&found[0].1, at + Duration::from_secs(604_800))
        );
        let mut other = restriction;
        other["phone_number"] = json!("5599");
        assert!(read(other).is_empty());
        let spam = json!({"event": "ACCOUNT_VIOLATION",
            "violation_info": {"violation_type": "SPAM"}});
        assert!(read(spam).is_empty(), "not of calling");
    }
}
