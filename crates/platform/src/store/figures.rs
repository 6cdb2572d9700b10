//! What do the calls that ended say: for analytics, for the quality of a number?
//!
//! Read in pages, so that others may write in between.

use std::time::Duration;

use rules::analytics;
use rusqlite::{OptionalExtension as _, Row, params};
use terms::{Currency, Direction, PhoneNumberId, Timestamp, WaId, WabaId};

use super::{Store, StoreFault};

/// Calls that are read in one job.
const PAGE: usize = 2_000;

impl Store {
    /// Gives the connected calls of an account in a stretch of time to `take`, by time. A call that
    /// was priced in another currency than this has no cost there.
    pub(crate) async fn connected_calls(
        &self,
        account: &WabaId,
        currency: Currency,
        (start, end): (Timestamp, Timestamp),
        mut take: impl FnMut(&analytics::Call),
    ) -> Result<(), StoreFault> {
        let mut after = (start.unix_ms(), String::new());
        loop {
            let (account, from, until) = (account.as_str().to_owned(), after, end.unix_ms());
            let (currency, page) = (currency.to_string(), i64::try_from(PAGE).unwrap_or(1));
            let page: Vec<(String, analytics::Call)> = self
                .writer
                .run(move |db| {
                    db.prepare_cached(
                        "SELECT id, at_ms, phone, direction, country, connected_ms,
                           CASE currency WHEN ?6 THEN cost END
                         FROM ended_calls
                         WHERE account = ?1 AND (at_ms, id) > (?2, ?3) AND at_ms < ?4
                           AND connected_ms IS NOT NULL
                         ORDER BY at_ms, id LIMIT ?5",
                    )?
                    .query_map(params![account, from.0, from.1, until, page, currency], read_call)?
                    .collect()
                })
                .await?;
            page.iter().for_each(|(_, call)| take(call));
            match page.last() {
                Some((id, call)) if page.len() == PAGE => {
                    after = (call.at.unix_ms(), id.clone());
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// How many calls of a number ended after then, and how many of them were answered.
    pub(crate) async fn count_calls(
        &self,
        number: &PhoneNumberId,
        direction: Option<Direction>,
        since: Timestamp,
    ) -> Result<(u32, u32), StoreFault> {
        let (number, direction) = (number.as_str().to_owned(), direction.map(Direction::as_str));
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "SELECT count(*), count(connected_ms) FROM ended_calls
                     WHERE number = ?1 AND direction = ifnull(?2, direction) AND ended_ms > ?3",
                )?
                .query_row(params![number, direction, since.unix_ms()], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
            })
            .await
    }

    /// The direction of the newest ended call of a pair.
    pub(crate) async fn last_direction(
        &self,
        number: &PhoneNumberId,
        user: &WaId,
    ) -> Result<Option<Direction>, StoreFault> {
        let (number, user) = (number.as_str().to_owned(), user.as_str().to_owned());
        self.writer
            .run(move |db| {
                let direction: Option<String> = db
                    .prepare_cached(
                        "SELECT direction FROM ended_calls WHERE number = ?1 AND user = ?2
                         ORDER BY ended_ms DESC LIMIT 1",
                    )?
                    .query_row(params![number, user], |row| row.get(0))
                    .optional()?;
                Ok(direction.as_deref().map(read_direction))
            })
            .await
    }

    /// Notes feedback of a user; another of the same kind takes its place.
    pub(crate) async fn add_feedback(
        &self,
        number: &PhoneNumberId,
        user: &WaId,
        kind: &'static str,
        about: Direction,
        at: Timestamp,
    ) -> Result<(), StoreFault> {
        let (number, user) = (number.as_str().to_owned(), user.as_str().to_owned());
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "INSERT OR REPLACE INTO feedback (number, user, kind, direction, at_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![number, user, kind, about.as_str(), at.unix_ms()])
                .map(drop)
            })
            .await
    }

    /// Forgets feedback of a user.
    pub(crate) async fn remove_feedback(
        &self,
        number: &PhoneNumberId,
        user: &WaId,
        kind: &'static str,
    ) -> Result<(), StoreFault> {
        let (number, user) = (number.as_str().to_owned(), user.as_str().to_owned());
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "DELETE FROM feedback WHERE number = ?1 AND user = ?2 AND kind = ?3",
                )?
                .execute(params![number, user, kind])
                .map(drop)
            })
            .await
    }

    /// How much feedback on calls of these directions a number got after then.
    pub(crate) async fn count_feedback(
        &self,
        number: &PhoneNumberId,
        direction: Option<Direction>,
        since: Timestamp,
    ) -> Result<u32, StoreFault> {
        let (number, direction) = (number.as_str().to_owned(), direction.map(Direction::as_str));
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "SELECT count(*) FROM feedback
                     WHERE number = ?1 AND direction = ifnull(?2, direction) AND at_ms > ?3",
                )?
                .query_row(params![number, direction, since.unix_ms()], |row| row.get(0))
            })
            .await
    }
}

fn read_call(row: &Row<'_>) -> rusqlite::Result<(String, analytics::Call)> {
    let phone: String = row.get(2)?;
    let country: Option<String> = row.get(4)?;
    let direction = read_direction(&row.get::<_, String>(3)?);
    let cost: Option<String> = match direction {
        Direction::UserInitiated => Some("0".to_owned()),
        Direction::BusinessInitiated => row.get(6)?,
    };
    let connected_ms: i64 = row.get(5)?;
    let call = analytics::Call {
        at: Timestamp::from_unix_ms(row.get(1)?),
        phone: phone.parse().map_err(unreadable)?,
        direction,
        country: country.and_then(|text| text.parse().ok()),
        connected: Duration::from_millis(u64::try_from(connected_ms).unwrap_or(0)),
        cost: cost.and_then(|text| text.parse().ok()),
    };
    Ok((row.get(0)?, call))
}

fn read_direction(text: &str) -> Direction {
    if text == Direction::BusinessInitiated.as_str() {
        Direction::BusinessInitiated
    } else {
        Direction::UserInitiated
    }
}

fn unreadable(fault: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(fault))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::EndedCall;

    /// Calls of one and the same millisecond lie on both sides of a page's end.
    #[tokio::test]
    async fn every_call_is_read_once() {
        let store = Store::open(None).unwrap();
        let account: WabaId = "1".parse().unwrap();
        let count = 2 * PAGE + 5;
        for nth in 0..count {
            let call = EndedCall {
                id: format!("wacid.{nth:06}").parse().unwrap(),
                account: account.clone(),
                number: "2".parse().unwrap(),
                phone: "551140000000".parse().unwrap(),
                user: "5215550000001".parse().unwrap(),
                direction: Direction::UserInitiated,
                country: None,
                at: Timestamp::from_unix(i64::from(nth >= PAGE)),
                ended_at: Timestamp::from_unix(2),
                connected: (nth > 0).then_some(Duration::from_secs(1)),
            };
            store.add_call(call).await.unwrap();
        }
        let read = async |from, until| {
            let mut calls = Vec::new();
            let range = (Timestamp::from_unix(from), Timestamp::from_unix(until));
            let take = |call: &analytics::Call| calls.push(call.at);
            store.connected_calls(&account, Currency::USD, range, take).await.unwrap();
            calls.len()
        };
        assert_eq!(read(0, 2).await, count - 1, "the unanswered one is not there");
        assert_eq!(read(0, 1).await, PAGE - 1);
        assert_eq!(read(1, 2).await, PAGE + 5);
        let number = "2".parse().unwrap();
        let since = |seconds| store.count_calls(&number, None, Timestamp::from_unix(seconds));
        let all = u32::try_from(count).unwrap();
        assert_eq!(since(1).await.unwrap(), (all, all - 1));
        assert_eq!(since(2).await.unwrap(), (0, 0), "at that moment is not after it");
    }
}
