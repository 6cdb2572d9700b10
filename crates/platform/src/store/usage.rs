//! How long did calls last, what did they and the messages cost, and how much of a month is used?
//!
//! Columns, not documents: analytics and the pick-up rate look at many calls at once. A price and the
//! minutes it uses up are one step, so that two calls that end together do not share a tier's rest.

use std::time::Duration;

use rules::price::{Category, Charge, Price};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use terms::{CallId, Country, Direction, MessageId, Money, PhoneNumberId, Timestamp, WaId, WabaId};

use super::{NewWebhook, Store, StoreFault, queue::add_all};

/// A call that ended.
#[derive(Debug, Clone)]
pub(crate) struct EndedCall {
    pub(crate) id: CallId,
    pub(crate) account: WabaId,
    pub(crate) number: PhoneNumberId,
    pub(crate) phone: WaId,
    pub(crate) user: WaId,
    pub(crate) direction: Direction,
    pub(crate) country: Option<Country>,
    /// The moment it counts at.
    pub(crate) at: Timestamp,
    pub(crate) ended_at: Timestamp,
    /// `None` if it was never answered.
    pub(crate) connected: Option<Duration>,
}

/// What is used up by the month: a portfolio's minutes of a market, a number's free messages.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub(crate) owner: String,
    pub(crate) what: String,
    pub(crate) month: String,
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub(crate) struct SentMessage {
    pub(crate) id: MessageId,
    pub(crate) account: WabaId,
    pub(crate) number: PhoneNumberId,
    pub(crate) user: WaId,
    /// The call it was sent in, unless that has just ended.
    pub(crate) call: Option<CallId>,
    pub(crate) category: Category,
    pub(crate) at: Timestamp,
}

/// What a message sent in a call cost.
#[derive(Debug, Clone)]
pub(crate) struct MessageCost {
    pub(crate) id: String,
    pub(crate) category: String,
    /// Absent where it was free, and where no rate is known.
    pub(crate) cost: Option<Money>,
    pub(crate) charge: String,
}

/// A message that was sent, of a call or not.
#[derive(Debug, Clone)]
pub(crate) struct MessageRow {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) number: String,
    pub(crate) user: String,
    pub(crate) call: Option<String>,
    pub(crate) category: String,
    pub(crate) charge: String,
    /// Absent where it was free, and where no rate is known.
    pub(crate) cost: Option<Money>,
}

/// Messages that are read in one job.
const PAGE: usize = 2_000;

impl Store {
    /// Gives the messages of an account in a stretch of time to `take`, oldest first.
    pub(crate) async fn messages_between(
        &self,
        account: &WabaId,
        (start, end): (Timestamp, Timestamp),
        mut take: impl FnMut(MessageRow),
    ) -> Result<(), StoreFault> {
        let mut after = (start.unix_ms(), String::new());
        loop {
            let (account, from, until) = (account.as_str().to_owned(), after, end.unix_ms());
            let page_max = i64::try_from(PAGE).unwrap_or(1);
            let page: Vec<MessageRow> = self
                .writer
                .run(move |db| {
                    db.prepare_cached(
                        "SELECT id, at_ms, number, user, call, category, charge, cost, currency
                         FROM sent_messages
                         WHERE account = ?1 AND (at_ms, id) > (?2, ?3) AND at_ms < ?4
                         ORDER BY at_ms, id LIMIT ?5",
                    )?
                    .query_map(params![account, from.0, from.1, until, page_max], read_message)?
                    .collect()
                })
                .await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|row| (row.at.unix_ms(), row.id.clone())).unwrap_or_default();
            page.into_iter().for_each(&mut take);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Notes a call that ended; one that is there already stays as it is.
    pub(crate) async fn add_call(&self, call: EndedCall) -> Result<(), StoreFault> {
        self.writer.run(move |db| insert_call(db, &call)).await
    }

    /// Prices a call once: `price` gets what the meter had before, and `used` is added to it; the
    /// webhooks it answers with are written in the same step. `None` if this call was priced before,
    /// or `price` knows no rate.
    pub(crate) async fn bill_call(
        &self,
        id: &CallId,
        meter: Option<Meter>,
        used: Duration,
        price: impl FnOnce(Duration) -> (Option<Price>, Vec<NewWebhook>) + Send + 'static,
    ) -> Result<Option<Price>, StoreFault> {
        let id = id.as_str().to_owned();
        self.writer
            .run(move |db| {
                let is_new = db
                    .prepare_cached(
                        "UPDATE ended_calls SET is_billed = 1 WHERE id = ?1 AND is_billed = 0",
                    )?
                    .execute(params![id])?;
                if is_new == 0 {
                    return Ok(None);
                }
                let before = match &meter {
                    Some(meter) => add_to_meter(db, meter, milliseconds(used))?,
                    None => 0,
                };
                let before = Duration::from_millis(u64::try_from(before).unwrap_or(0));
                let (price, webhooks) = price(before);
                add_all(db, &webhooks)?;
                let total = price.as_ref().map(|price| price.total);
                db.prepare_cached("UPDATE ended_calls SET cost = ?2, currency = ?3 WHERE id = ?1")?
                    .execute(params![
                        id,
                        total.map(|total| total.amount.to_string()),
                        total.map(|total| total.currency.to_string()),
                    ])?;
                Ok(price)
            })
            .await
    }

    /// Notes a message once: `price` gets how many free messages its number had used before.
    pub(crate) async fn bill_message(
        &self,
        message: SentMessage,
        free: Meter,
        price: impl FnOnce(u32) -> (Charge, Option<Money>) + Send + 'static,
    ) -> Result<(), StoreFault> {
        self.writer
            .run(move |db| {
                let used = read_meter(db, &free)?;
                let (charge, cost) = price(u32::try_from(used).unwrap_or(u32::MAX));
                let is_new = insert_message(db, &message, charge, cost)?;
                if is_new && charge == Charge::FreeOfMonth {
                    add_to_meter(db, &free, 1)?;
                }
                Ok(())
            })
            .await
    }

    /// The messages sent in a call, oldest first.
    pub(crate) async fn messages_of(&self, call: &CallId) -> Result<Vec<MessageCost>, StoreFault> {
        let call = call.as_str().to_owned();
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "SELECT id, category, cost, currency, charge FROM sent_messages
                     WHERE call = ?1 ORDER BY at_ms, id",
                )?
                .query_map(params![call], |row| {
                    Ok(MessageCost {
                        id: row.get(0)?,
                        category: row.get(1)?,
                        cost: money(row, 2)?,
                        charge: row.get(4)?,
                    })
                })?
                .collect()
            })
            .await
    }
}

fn insert_call(db: &Connection, call: &EndedCall) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO ended_calls
           (id, account, number, phone, user, direction, country, at_ms, ended_ms, connected_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        call.id.as_str(),
        call.account.as_str(),
        call.number.as_str(),
        call.phone.as_str(),
        call.user.as_str(),
        call.direction.as_str(),
        call.country.map(|country| country.to_string()),
        call.at.unix_ms(),
        call.ended_at.unix_ms(),
        call.connected.map(milliseconds),
    ])
    .map(drop)
}

fn insert_message(
    db: &Connection,
    message: &SentMessage,
    charge: Charge,
    cost: Option<Money>,
) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO sent_messages
           (id, account, number, user, call, category, charge, at_ms, cost, currency)
         VALUES (?1, ?2, ?3, ?4,
           CASE WHEN EXISTS (SELECT 1 FROM ended_calls WHERE id = ?5) THEN NULL ELSE ?5 END,
           ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        message.id.as_str(),
        message.account.as_str(),
        message.number.as_str(),
        message.user.as_str(),
        message.call.as_ref().map(CallId::as_str),
        message.category.as_str(),
        charge.as_str(),
        message.at.unix_ms(),
        cost.map(|cost| cost.amount.to_string()),
        cost.map(|cost| cost.currency.to_string()),
    ])
    .map(|rows| rows > 0)
}

/// Adds to a meter and answers what it had before.
fn add_to_meter(db: &Connection, meter: &Meter, amount: i64) -> rusqlite::Result<i64> {
    let before = read_meter(db, meter)?;
    db.prepare_cached(
        "INSERT INTO meters (owner, what, month, amount) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (owner, what, month) DO UPDATE SET amount = amount + excluded.amount",
    )?
    .execute(params![meter.owner, meter.what, meter.month, amount])?;
    Ok(before)
}

fn read_meter(db: &Connection, meter: &Meter) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT amount FROM meters WHERE owner = ?1 AND what = ?2 AND month = ?3")?
        .query_row(params![meter.owner, meter.what, meter.month], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

fn read_message(row: &Row<'_>) -> rusqlite::Result<MessageRow> {
    Ok(MessageRow {
        id: row.get(0)?,
        at: Timestamp::from_unix_ms(row.get(1)?),
        number: row.get(2)?,
        user: row.get(3)?,
        call: row.get(4)?,
        category: row.get(5)?,
        charge: row.get(6)?,
        cost: money(row, 7)?,
    })
}

fn money(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Money>> {
    let (amount, currency): (Option<String>, Option<String>) = (row.get(at)?, row.get(at + 1)?);
    let read = |(amount, currency): (String, String)| {
        Some(Money { amount: amount.parse().ok()?, currency: currency.parse().ok()? })
    };
    Ok(amount.zip(currency).and_then(read))
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn call(id: &str) -> EndedCall {
        EndedCall {
            id: id.parse().unwrap(),
            account: "1".parse().unwrap(),
            number: "2".parse().unwrap(),
            phone: "551140000000".parse().unwrap(),
            user: "5215550000001".parse().unwrap(),
            direction: Direction::BusinessInitiated,
            country: "MX".parse().ok(),
            at: Timestamp::from_unix(1),
            ended_at: Timestamp::from_unix(7),
            connected: Some(Duration::from_secs(6)),
        }
    }

    fn meter(what: &str) -> Meter {
        Meter { owner: "1".into(), what: what.into(), month: "2026-11".into() }
    }

    /// Two calls that end together each see what the other used up, or come before it; a call that
    /// is priced again uses up nothing.
    #[tokio::test]
    async fn minutes_are_used_up_once() {
        let store = Store::open(None).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let bill = async |id: &str| {
            let seen = Arc::clone(&seen);
            store.add_call(call(id)).await.unwrap();
            let used = Duration::from_secs(6);
            let price = move |before: Duration| {
                seen.lock().unwrap().push(before.as_secs());
                (None, Vec::new())
            };
            let id = id.parse().unwrap();
            let billed = store.bill_call(&id, Some(meter("MX")), used, price).await;
            assert_eq!(billed.unwrap(), None);
        };
        tokio::join!(bill("wacid.A"), bill("wacid.B"));
        bill("wacid.A").await;
        bill("wacid.C").await;
        assert_eq!(*seen.lock().unwrap(), [0, 6, 12]);
    }

    #[tokio::test]
    async fn a_message_is_counted_once_and_a_late_one_belongs_to_no_call() {
        let store = Store::open(None).unwrap();
        let running: CallId = "wacid.A".parse().unwrap();
        let send = async |id: &str| {
            let message = SentMessage {
                id: id.parse().unwrap(),
                account: "1".parse().unwrap(),
                number: "2".parse().unwrap(),
                user: "5215550000001".parse().unwrap(),
                call: Some(running.clone()),
                category: Category::Service,
                at: Timestamp::from_unix(5),
            };
            let charge = |used| (if used < 1 { Charge::FreeOfMonth } else { Charge::Billed }, None);
            store.bill_message(message, meter("free"), charge).await.unwrap();
        };
        send("wamid.1").await;
        send("wamid.1").await;
        send("wamid.2").await;
        store.add_call(call("wacid.A")).await.unwrap();
        send("wamid.3").await;
        let shown = store.messages_of(&running).await.unwrap();
        let shown: Vec<_> = shown.iter().map(|it| (it.id.as_str(), it.charge.as_str())).collect();
        assert_eq!(shown, [("wamid.1", "free_of_month"), ("wamid.2", "billed")]);
    }
}
