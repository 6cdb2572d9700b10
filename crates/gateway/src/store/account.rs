//! What did the platform say against a number, and how does it stand?

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use switchboard::guard::{Answered, Health};
use terms::{Direction, PhoneNumberId, Timestamp, UserRef};
use wire::event::{Pickup, What};

use super::{News, Store, StoreError, figures, identity, outbox};

/// How many notices and streaks are told at most.
const TOLD_MAX: u32 = 100;

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS account_notices (
    key TEXT PRIMARY KEY, number TEXT NOT NULL, kind TEXT NOT NULL, what TEXT NOT NULL,
    at_ms INTEGER NOT NULL, until_ms INTEGER, remediation TEXT) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS notices_by_number ON account_notices (number, at_ms);
CREATE TABLE IF NOT EXISTS account_health (
    number TEXT PRIMARY KEY, state TEXT NOT NULL, since_ms INTEGER NOT NULL) WITHOUT ROWID;
";

/// What a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    /// Something is taken from the number.
    Restriction,
    /// Something may be.
    Violation,
}

impl NoticeKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Restriction => "restriction",
            Self::Violation => "violation",
        }
    }
}

/// What the platform said against a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PlatformNotice)]
pub(crate) struct Notice {
    /// What, in its word.
    #[serde(rename = "type")]
    pub what: String,
    /// When it said so.
    pub since: Timestamp,
    /// Until when it holds; absent: not said, or no restriction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
}

/// Ended calls of a number in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PickupCounts {
    /// Those of users.
    pub by_users: Answered,
    /// Ours.
    pub by_us: Answered,
}

impl Store {
    /// Keeps what the platform said; the same words at the same time are kept once.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep_notices(
        &self,
        number: PhoneNumberId,
        notices: Vec<(NoticeKind, Notice)>,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            for (kind, notice) in notices {
                let Notice { what, since, until, remediation } = notice;
                let until_ms = until.map(Timestamp::unix_ms);
                // A webhook that comes again says the same end, or came at the same moment.
                let moment = until_ms.unwrap_or_else(|| since.unix_ms());
                let key = format!("{number}:{}:{what}:{moment}", kind.as_str());
                let sql = "INSERT OR IGNORE INTO account_notices
                             (key, number, kind, what, at_ms, until_ms, remediation)
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                let row = params![
                    key,
                    number.as_str(),
                    kind.as_str(),
                    what,
                    since.unix_ms(),
                    until_ms,
                    remediation
                ];
                db.prepare_cached(sql)?.execute(row)?;
            }
            Ok(())
        })
        .await
    }

    /// What the platform said since then, the newest first.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn notices(
        &self,
        number: PhoneNumberId,
        kind: NoticeKind,
        since: Timestamp,
    ) -> Result<Vec<Notice>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT what, at_ms, until_ms, remediation FROM account_notices
                       WHERE number = ?1 AND kind = ?2 AND (at_ms >= ?3 OR until_ms >= ?3)
                       ORDER BY at_ms DESC LIMIT ?4";
            let mut statement = db.prepare_cached(sql)?;
            let row = params![number.as_str(), kind.as_str(), since.unix_ms(), TOLD_MAX];
            let rows = statement.query_map(row, |row| {
                Ok(Notice {
                    what: row.get(0)?,
                    since: Timestamp::from_unix_ms(row.get(1)?),
                    until: row.get::<_, Option<i64>>(2)?.map(Timestamp::from_unix_ms),
                    remediation: row.get(3)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// The calls of a number that ended after then.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn pickups(
        &self,
        number: PhoneNumberId,
        since: Timestamp,
    ) -> Result<PickupCounts, StoreError> {
        self.run(move |db| {
            let count = |direction: Direction| -> Result<Answered, StoreError> {
                let sql = "SELECT COUNT(*), COALESCE(SUM(answered), 0) FROM call_figures
                           WHERE number = ?1 AND direction = ?2 AND ended_ms > ?3";
                let row = params![number.as_str(), direction.as_str(), since.unix_ms()];
                let read = |row: &rusqlite::Row<'_>| {
                    Ok(Answered {
                        calls: figures::count(row, 0)?,
                        answered: figures::count(row, 1)?,
                    })
                };
                Ok(db.prepare_cached(sql)?.query_row(row, read)?)
            };
            let by_users = count(Direction::UserInitiated)?;
            Ok(PickupCounts { by_users, by_us: count(Direction::BusinessInitiated)? })
        })
        .await
    }

    /// Users who did not pick up so many calls of a number in a row, or more.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn streaks(
        &self,
        number: PhoneNumberId,
        from: u32,
    ) -> Result<Vec<(UserRef, u32)>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT wa_id, user_id, standings.body ->> '$.unanswered_in_a_row' AS streak
                       FROM standings JOIN contacts ON contacts.id = contact
                       WHERE standings.line = ?3 AND streak >= ?1
                       ORDER BY streak DESC, COALESCE(wa_id, user_id) LIMIT ?2";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map(params![from, TOLD_MAX, number.as_str()], |row| {
                let ids: [Option<String>; 2] = [row.get(0)?, row.get(1)?];
                Ok((ids, row.get::<_, u32>(2)?))
            })?;
            let mut streaks = Vec::new();
            for row in rows {
                let ([wa_id, user_id], streak) = row?;
                let user = identity::ids(wa_id.as_deref(), user_id.as_deref());
                streaks.extend(user.map(|user| (user, streak)));
            }
            Ok(streaks)
        })
        .await
    }

    /// Notes how a number stands, and tells it when that is worse than before, or good again.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn turn_health(
        &self,
        number: PhoneNumberId,
        health: Health,
        count: Answered,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let before = known(db, &number)?;
            if before == health {
                return Ok(());
            }
            let sql = "INSERT OR REPLACE INTO account_health (number, state, since_ms)
                       VALUES (?1, ?2, ?3)";
            let row = params![number.as_str(), health.as_str(), at.unix_ms()];
            db.prepare_cached(sql)?.execute(row)?;
            let pickup = Pickup {
                number: number.clone(),
                state: health.as_str().to_owned(),
                calls: count.calls,
                answered: count.answered,
            };
            let what = match health {
                Health::Good => What::AccountRecovered(pickup),
                Health::Warning if before == Health::Critical => return Ok(()),
                Health::Warning | Health::Critical => What::AccountAtRisk(pickup),
            };
            let key = format!("{}:{number}:{}", what.kind(), at.unix_ms());
            let subject = number.as_str().to_owned();
            outbox::keep(db, News { line: number, key, subject, call_id: None, at, what })?;
            Ok(())
        })
        .await
    }
}

fn known(db: &Connection, number: &PhoneNumberId) -> Result<Health, StoreError> {
    let sql = "SELECT state FROM account_health WHERE number = ?1";
    let state: Option<String> =
        db.prepare_cached(sql)?.query_row([number.as_str()], |row| row.get(0)).optional()?;
    let states = [Health::Good, Health::Warning, Health::Critical];
    let state = states.into_iter().find(|it| state.as_deref() == Some(it.as_str()));
    Ok(state.unwrap_or(Health::Good))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Asked, LineSet};

    #[tokio::test]
    async fn a_number_that_gets_worse_is_told_once_each_and_that_it_is_good_again() {
        let number: PhoneNumberId = "109876543210987".parse().unwrap();
        let store = Store::open(None, &number).unwrap();
        let states = [
            Health::Good,
            Health::Warning,
            Health::Warning,
            Health::Critical,
            Health::Warning,
            Health::Good,
        ];
        for (second, health) in (0..).zip(states) {
            let at = Timestamp::from_unix(second);
            store.turn_health(number.clone(), health, Answered::default(), at).await.unwrap();
        }
        let events = store
            .events(Asked { lines: LineSet::one(&number), limit: 100, ..Asked::default() })
            .await
            .unwrap();
        let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["account.at_risk", "account.at_risk", "account.recovered"]);
    }

    #[tokio::test]
    async fn a_restriction_is_known_until_its_end_however_often_it_is_told() {
        let number: PhoneNumberId = "109876543210987".parse().unwrap();
        let store = Store::open(None, &number).unwrap();
        let until = Some(Timestamp::from_unix(1_000));
        for second in [1, 2] {
            let notice = Notice {
                what: "RESTRICTED_BUSINESS_INITIATED_CALLING".into(),
                since: Timestamp::from_unix(second),
                until,
                remediation: None,
            };
            let notices = vec![(NoticeKind::Restriction, notice)];
            store.keep_notices(number.clone(), notices).await.unwrap();
        }
        let known = async |since| {
            let since = Timestamp::from_unix(since);
            store.notices(number.clone(), NoticeKind::Restriction, since).await.unwrap().len()
        };
        assert_eq!([known(0).await, known(1_000).await, known(1_001).await], [1, 1, 0]);
    }
}
