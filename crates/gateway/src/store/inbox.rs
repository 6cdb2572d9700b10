//! Which webhooks came, and which were acted on?
//!
//! A webhook is stored before it is acknowledged and removed once its effects are on disk, together
//! with the keys of its events. What a killed gateway left behind is acted on by the next one.

use rusqlite::{OptionalExtension, params};
use terms::{CallId, Timestamp};
use wire::trace::TraceParent;

use super::{Store, StoreError, traces};

/// A stored webhook.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Its place in the inbox.
    pub id: i64,
    /// When it came.
    pub received_at: Timestamp,
    /// The raw body.
    pub body: Vec<u8>,
    /// The trace its request belongs to, if it said so.
    pub trace: Option<TraceParent>,
}

/// How long keys are kept: WhatsApp may deliver again for seven days (fact sheet 10.4).
const SEEN_DAYS: i64 = 8;

impl Store {
    /// Stores a webhook; its signature is right.
    ///
    /// # Errors
    ///
    /// The store failed; do not acknowledge.
    pub(crate) async fn keep_webhook(
        &self,
        body: Vec<u8>,
        now: Timestamp,
        trace: Option<TraceParent>,
    ) -> Result<i64, StoreError> {
        self.run(move |db| {
            let sql = "INSERT INTO inbox (received_ms, body) VALUES (?1, ?2)";
            db.prepare_cached(sql)?.execute(params![now.unix_ms(), body])?;
            let id = db.last_insert_rowid();
            if let Some(trace) = trace {
                traces::keep(db, &traces::of_webhook(id), trace, now)?;
            }
            Ok(id)
        })
        .await
    }

    /// The webhooks that came after this place, in the order they came.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn waiting_webhooks(&self, after: i64) -> Result<Vec<Delivery>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT id, received_ms, body FROM inbox WHERE id > ?1 ORDER BY id LIMIT 100";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([after], |row| {
                let received_at = Timestamp::from_unix_ms(row.get(1)?);
                Ok(Delivery { id: row.get(0)?, received_at, body: row.get(2)?, trace: None })
            })?;
            let mut deliveries = rows.collect::<Result<Vec<_>, _>>()?;
            for delivery in &mut deliveries {
                let trace = traces::find(db, &traces::of_webhook(delivery.id))?;
                delivery.trace = trace.and_then(|text| text.parse().ok());
            }
            Ok(deliveries)
        })
        .await
    }

    /// How many webhooks are not acted on, or not yet on disk with what they brought.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn webhooks_in_inbox(&self) -> Result<u32, StoreError> {
        self.run(|db| {
            let sql = "SELECT COUNT(*) FROM inbox";
            Ok(db.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
        })
        .await
    }

    /// Whether something with this key was acted on.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn was_seen(&self, key: String) -> Result<bool, StoreError> {
        self.run(move |db| {
            let sql = "SELECT 1 FROM seen WHERE key = ?1";
            let found = db.prepare_cached(sql)?.query_row([key], |_| Ok(())).optional()?;
            Ok(found.is_some())
        })
        .await
    }

    /// Whether this call is over: its end, which has this key, was acted on, or it has its record.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn was_over(&self, call: CallId, end: String) -> Result<bool, StoreError> {
        self.run(move |db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM seen WHERE key = ?1)
                           OR EXISTS (SELECT 1 FROM cdrs WHERE call_id = ?2)";
            let keys = params![end, call.as_str()];
            Ok(db.prepare_cached(sql)?.query_row(keys, |row| row.get(0))?)
        })
        .await
    }

    /// Removes a webhook that was acted on and remembers the keys of its events.
    ///
    /// # Errors
    ///
    /// The store failed; the webhook will be looked at again.
    pub(crate) async fn finish_webhook(
        &self,
        id: i64,
        keys: Vec<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "INSERT OR IGNORE INTO seen (key, at_ms) VALUES (?1, ?2)";
            for key in keys {
                db.prepare_cached(sql)?.execute(params![key, now.unix_ms()])?;
            }
            db.prepare_cached("DELETE FROM inbox WHERE id = ?1")?.execute([id])?;
            Ok(())
        })
        .await
    }

    /// Forgets keys too old to come again; called at start.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn forget_old_keys(&self, now: Timestamp) -> Result<(), StoreError> {
        self.run(move |db| {
            let oldest = now.unix_ms() - SEEN_DAYS * 86_400_000;
            db.execute("DELETE FROM seen WHERE at_ms < ?1", [oldest])?;
            Ok(())
        })
        .await
    }
}
