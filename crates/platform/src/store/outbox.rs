//! Which webhooks were made, and what did the endpoint say?
//!
//! A webhook is a row from the moment it exists, so a killed platform sends it after its restart;
//! settled rows stay for a while as the journal. In which order rows may go, [`super::queue`] knows.

use rusqlite::{OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use terms::{CallId, Timestamp};
use wire::sandbox::FaultDone;

use super::{Store, StoreFault};

/// Where a webhook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeliveryState {
    /// Waits for its first or next attempt.
    Pending,
    /// The endpoint answered 200.
    Delivered,
    /// Given up.
    Expired,
    /// No callback URL was set; kept for reading only.
    Journalled,
    /// A fault kept it from being sent.
    Dropped,
}

impl DeliveryState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Journalled => "journalled",
            Self::Dropped => "dropped",
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "pending" => Self::Pending,
            "delivered" => Self::Delivered,
            "journalled" => Self::Journalled,
            "dropped" => Self::Dropped,
            _ => Self::Expired,
        }
    }
}

/// One try to deliver: when, and what came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// When the request was sent.
    pub(crate) at: Timestamp,
    /// The HTTP status, or 0 when none came.
    pub(crate) status: u16,
    /// Why no status came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// A webhook about to be written.
#[derive(Debug, Clone)]
pub(crate) struct NewWebhook {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) lane: String,
    pub(crate) field: String,
    pub(crate) call_id: Option<CallId>,
    pub(crate) url: Option<String>,
    pub(crate) body: String,
    pub(crate) signature: String,
    pub(crate) made_at: Timestamp,
    /// Not before this.
    pub(crate) due_at: Timestamp,
    /// Lets the next one of its lane overtake it, until then.
    pub(crate) yields_until: Option<Timestamp>,
    /// Kept from being sent.
    pub(crate) dropped: bool,
    /// What a test did to it.
    pub(crate) faults: Vec<FaultDone>,
    /// Made by a trigger, with nothing behind it.
    pub(crate) synthetic: bool,
}

/// A webhook as it lies in the table.
#[derive(Debug, Clone)]
pub(crate) struct WebhookRow {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) field: String,
    pub(crate) call_id: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) body: String,
    pub(crate) signature: String,
    pub(crate) made_at: Timestamp,
    pub(crate) due_at: Timestamp,
    pub(crate) state: DeliveryState,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) faults: Vec<FaultDone>,
    pub(crate) synthetic: bool,
}

/// Which rows of the journal are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JournalFilter {
    pub(crate) field: Option<String>,
    pub(crate) state: Option<DeliveryState>,
    pub(crate) call_id: Option<String>,
    /// Only rows made after this one.
    pub(crate) after: Option<String>,
}

impl Store {
    /// One webhook.
    pub(crate) async fn webhook(&self, id: &str) -> Result<Option<WebhookRow>, StoreFault> {
        let id = id.to_owned();
        self.writer
            .run(move |db| {
                db.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
                    .query_row(params![id], read)
                    .optional()
            })
            .await
    }

    /// The webhooks that pass the filter, oldest first: the first `rows_max` after a row, else the
    /// newest `rows_max`.
    pub(crate) async fn webhooks(
        &self,
        filter: JournalFilter,
        rows_max: u32,
    ) -> Result<Vec<WebhookRow>, StoreFault> {
        let order = if filter.after.is_some() { "ASC" } else { "DESC" };
        let query = format!(
            "{SELECT} WHERE field = ifnull(?1, field) AND state = ifnull(?2, state)
               AND (?3 IS NULL OR call_id = ?3)
               AND (?4 IS NULL OR seq > (SELECT seq FROM webhooks WHERE id = ?4))
             ORDER BY seq {order} LIMIT ?5"
        );
        self.writer
            .run(move |db| {
                let state = filter.state.map(DeliveryState::as_str);
                let mut rows: Vec<WebhookRow> = db
                    .prepare_cached(&query)?
                    .query_map(
                        params![filter.field, state, filter.call_id, filter.after, rows_max],
                        read,
                    )?
                    .collect::<rusqlite::Result<_>>()?;
                if filter.after.is_none() {
                    rows.reverse();
                }
                Ok(rows)
            })
            .await
    }
}

const SELECT: &str = "SELECT id, target, field, call_id, url, body, signature, made_ms, due_ms, \
                      state, attempts, faults, synthetic FROM webhooks";

fn read(row: &Row<'_>) -> rusqlite::Result<WebhookRow> {
    let (attempts, faults): (String, String) = (row.get(10)?, row.get(11)?);
    Ok(WebhookRow {
        id: row.get(0)?,
        target: row.get(1)?,
        field: row.get(2)?,
        call_id: row.get(3)?,
        url: row.get(4)?,
        body: row.get(5)?,
        signature: row.get(6)?,
        made_at: Timestamp::from_unix_ms(row.get(7)?),
        due_at: Timestamp::from_unix_ms(row.get(8)?),
        state: DeliveryState::read(&row.get::<_, String>(9)?),
        attempts: serde_json::from_str(&attempts).unwrap_or_default(),
        faults: serde_json::from_str(&faults).unwrap_or_default(),
        synthetic: row.get(12)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::queue::tests::webhook;

    #[tokio::test]
    async fn the_journal_is_read_in_pages_and_by_field_state_and_call() {
        let store = Store::open(None).unwrap();
        let rows = (1..=5).map(|n| {
            let mut row = webhook(&n.to_string(), "x", Some("http://127.0.0.1:1/"));
            row.field = if n % 2 == 0 { "messages" } else { "calls" }.into();
            row.call_id = (n == 3).then(|| "wacid.3".parse().unwrap());
            row.dropped = n == 5;
            row
        });
        store.add_webhooks(rows.collect()).await.unwrap();
        let ids = async |filter, rows_max| {
            let rows = store.webhooks(filter, rows_max).await.unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>().join(" ")
        };
        let all = JournalFilter::default;
        assert_eq!(ids(all(), 9).await, "1 2 3 4 5");
        assert_eq!(ids(all(), 2).await, "4 5");
        assert_eq!(ids(JournalFilter { after: Some("2".into()), ..all() }, 2).await, "3 4");
        assert_eq!(ids(JournalFilter { after: Some("none".into()), ..all() }, 2).await, "");
        assert_eq!(ids(JournalFilter { field: Some("messages".into()), ..all() }, 9).await, "2 4");
        let dropped = Some(DeliveryState::Dropped);
        assert_eq!(ids(JournalFilter { state: dropped, ..all() }, 9).await, "5");
        let call = JournalFilter { call_id: Some("wacid.3".into()), ..all() };
        assert_eq!(ids(call, 9).await, "3");
    }
}
