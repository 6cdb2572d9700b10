//! Which webhooks were made, which wait, and what did the endpoint say?
//!
//! A webhook is a row from the moment it exists, so a killed platform sends it after its restart.
//! Rows of one lane (one app, one call) start in the order they were made; one that fails no longer
//! holds up those behind it.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use terms::Timestamp;

use super::{Store, StoreFault};

/// Settled rows kept for the journal; higher costs disk only.
const JOURNAL_ROWS_MAX: i64 = 20_000;

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
}

impl DeliveryState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Expired => "expired",
            Self::Journalled => "journalled",
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "pending" => Self::Pending,
            "delivered" => Self::Delivered,
            "journalled" => Self::Journalled,
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
    pub(crate) url: Option<String>,
    pub(crate) body: String,
    pub(crate) signature: String,
    pub(crate) made_at: Timestamp,
}

/// A webhook as it lies in the table.
#[derive(Debug, Clone)]
pub(crate) struct WebhookRow {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) field: String,
    pub(crate) url: Option<String>,
    pub(crate) body: String,
    pub(crate) signature: String,
    pub(crate) made_at: Timestamp,
    pub(crate) state: DeliveryState,
    pub(crate) attempts: Vec<Attempt>,
}

/// A row that may be sent once due.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) id: String,
    pub(crate) target: String,
    pub(crate) due_at: Timestamp,
}

impl Store {
    /// Writes webhooks; those without a URL are journalled and never wait.
    pub(crate) async fn add_webhooks(&self, webhooks: Vec<NewWebhook>) -> Result<(), StoreFault> {
        self.writer
            .run(move |db| {
                for webhook in &webhooks {
                    insert(db, webhook)?;
                }
                prune(db)
            })
            .await
    }

    /// The rows that may be sent once due: those that failed before, and of the untried ones the
    /// oldest of every lane ([`rules::delivery::may_start`] with order `call`).
    pub(crate) async fn waiting_webhooks(&self) -> Result<Vec<Waiting>, StoreFault> {
        self.writer
            .run(|db| {
                db.prepare_cached(
                    "SELECT id, target, due_ms FROM webhooks
                     WHERE state = 'pending' AND (attempts <> '[]' OR seq IN
                       (SELECT min(seq) FROM webhooks
                        WHERE state = 'pending' AND attempts = '[]' GROUP BY lane))
                     ORDER BY seq",
                )?
                .query_map([], |row| {
                    Ok(Waiting {
                        id: row.get(0)?,
                        target: row.get(1)?,
                        due_at: Timestamp::from_unix_ms(row.get(2)?),
                    })
                })?
                .collect()
            })
            .await
    }

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

    /// The newest `rows_max` webhooks, oldest first.
    pub(crate) async fn webhooks(&self, rows_max: u32) -> Result<Vec<WebhookRow>, StoreFault> {
        self.writer
            .run(move |db| {
                let mut rows: Vec<WebhookRow> = db
                    .prepare_cached(&format!("{SELECT} ORDER BY seq DESC LIMIT ?1"))?
                    .query_map(params![rows_max], read)?
                    .collect::<rusqlite::Result<_>>()?;
                rows.reverse();
                Ok(rows)
            })
            .await
    }

    /// Notes an attempt and what follows from it.
    pub(crate) async fn note_attempt(
        &self,
        id: &str,
        url: &str,
        attempts: &[Attempt],
        state: DeliveryState,
        due_at: Timestamp,
    ) -> Result<(), StoreFault> {
        let attempts = serde_json::to_string(attempts).map_err(StoreFault::Document)?;
        let (id, url) = (id.to_owned(), url.to_owned());
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "UPDATE webhooks SET attempts = ?2, state = ?3, due_ms = ?4, url = ?5 WHERE id = ?1",
                )?
                .execute(params![id, attempts, state.as_str(), due_at.unix_ms(), url])
                .map(drop)
            })
            .await
    }

    /// Sets where a webhook stands, due at once; false when there is none of that id.
    pub(crate) async fn set_webhook_state(
        &self,
        id: &str,
        state: DeliveryState,
    ) -> Result<bool, StoreFault> {
        let id = id.to_owned();
        self.writer
            .run(move |db| {
                db.prepare_cached("UPDATE webhooks SET state = ?2, due_ms = 0 WHERE id = ?1")?
                    .execute(params![id, state.as_str()])
                    .map(|rows| rows > 0)
            })
            .await
    }
}

const SELECT: &str =
    "SELECT id, target, field, url, body, signature, made_ms, state, attempts FROM webhooks";

fn read(row: &Row<'_>) -> rusqlite::Result<WebhookRow> {
    let attempts: String = row.get(8)?;
    Ok(WebhookRow {
        id: row.get(0)?,
        target: row.get(1)?,
        field: row.get(2)?,
        url: row.get(3)?,
        body: row.get(4)?,
        signature: row.get(5)?,
        made_at: Timestamp::from_unix_ms(row.get(6)?),
        state: DeliveryState::read(&row.get::<_, String>(7)?),
        attempts: serde_json::from_str(&attempts).unwrap_or_default(),
    })
}

fn insert(db: &Connection, webhook: &NewWebhook) -> rusqlite::Result<()> {
    let state =
        if webhook.url.is_some() { DeliveryState::Pending } else { DeliveryState::Journalled };
    let made_ms = webhook.made_at.unix_ms();
    db.prepare_cached(
        "INSERT INTO webhooks (id, target, lane, field, url, body, signature, made_ms, state, due_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?8)",
    )?
    .execute(params![
        webhook.id,
        webhook.target,
        webhook.lane,
        webhook.field,
        webhook.url,
        webhook.body,
        webhook.signature,
        made_ms,
        state.as_str(),
    ])
    .map(drop)
}

fn prune(db: &Connection) -> rusqlite::Result<()> {
    db.prepare_cached(
        "DELETE FROM webhooks WHERE state <> 'pending'
           AND seq <= (SELECT max(seq) FROM webhooks) - ?1",
    )?
    .execute(params![JOURNAL_ROWS_MAX])
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(id: &str, lane: &str, url: Option<&str>) -> NewWebhook {
        NewWebhook {
            id: id.into(),
            target: "app".into(),
            lane: lane.into(),
            field: "calls".into(),
            url: url.map(Into::into),
            body: "{}".into(),
            signature: String::new(),
            made_at: Timestamp::from_unix(1),
        }
    }

    #[tokio::test]
    async fn only_the_oldest_of_a_lane_waits() {
        let store = Store::open(None).unwrap();
        let url = Some("http://127.0.0.1:1/");
        store
            .add_webhooks(vec![
                webhook("1", "x", url),
                webhook("2", "x", url),
                webhook("3", "y", url),
                webhook("4", "z", None),
            ])
            .await
            .unwrap();
        let waiting = store.waiting_webhooks().await.unwrap();
        assert_eq!(waiting.iter().map(|w| w.id.as_str()).collect::<Vec<_>>(), ["1", "3"]);

        let failed = [Attempt { at: Timestamp::from_unix(2), status: 500, error: None }];
        let later = Timestamp::from_unix(9);
        store.note_attempt("1", "u", &failed, DeliveryState::Pending, later).await.unwrap();
        let waiting = store.waiting_webhooks().await.unwrap();
        assert_eq!(waiting.iter().map(|w| w.id.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);

        let attempts = [Attempt { at: Timestamp::from_unix(2), status: 200, error: None }];
        let due = Timestamp::from_unix(2);
        store.note_attempt("1", "u", &attempts, DeliveryState::Delivered, due).await.unwrap();
        let waiting = store.waiting_webhooks().await.unwrap();
        assert_eq!(waiting.iter().map(|w| w.id.as_str()).collect::<Vec<_>>(), ["2", "3"]);

        let row = store.webhook("1").await.unwrap().unwrap();
        assert_eq!((row.state, row.attempts.len()), (DeliveryState::Delivered, 1));
        assert_eq!(store.webhook("4").await.unwrap().unwrap().state, DeliveryState::Journalled);
        assert!(store.set_webhook_state("1", DeliveryState::Pending).await.unwrap());
        assert!(!store.set_webhook_state("9", DeliveryState::Pending).await.unwrap());
        assert_eq!(store.waiting_webhooks().await.unwrap()[0].id, "1");
    }
}
