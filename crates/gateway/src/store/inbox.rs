//! Which webhooks came, and which were acted on?
//!
//! A webhook is stored before it is acknowledged and removed once its effects are on disk, together
//! with the keys of its events. What a killed gateway left behind is acted on by the next one.

use rusqlite::{OptionalExtension, params};
use terms::{CallId, PhoneNumberId, Timestamp};
use wire::trace::TraceParent;

use super::{LineSet, Store, StoreError, traces};

/// A stored webhook.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    /// Its place in the inbox.
    pub id: i64,
    /// When it came.
    pub received_at: Timestamp,
    /// The raw body.
    pub body: Vec<u8>,
    /// The lines whose platform it is proven to be from: it means nothing to any other.
    pub lines: LineSet,
    /// The trace its request belongs to, if it said so.
    pub trace: Option<TraceParent>,
}

/// How long keys are kept: WhatsApp may deliver again for seven days (fact sheet 10.4).
const SEEN_DAYS: i64 = 8;

impl Store {
    /// Stores a webhook; its signature is right for these lines.
    ///
    /// # Errors
    ///
    /// The store failed; do not acknowledge.
    pub(crate) async fn keep_webhook(
        &self,
        body: Vec<u8>,
        lines: LineSet,
        now: Timestamp,
        trace: Option<TraceParent>,
    ) -> Result<i64, StoreError> {
        self.run(move |db| {
            let sql = "INSERT INTO inbox (received_ms, body, lines) VALUES (?1, ?2, ?3)";
            db.prepare_cached(sql)?.execute(params![now.unix_ms(), body, lines])?;
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
            let sql = "SELECT id, received_ms, body, lines FROM inbox
                       WHERE id > ?1 ORDER BY id LIMIT 100";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([after], |row| {
                let received_at = Timestamp::from_unix_ms(row.get(1)?);
                let lines = LineSet::from_json(&row.get::<_, String>(3)?);
                let (id, body) = (row.get(0)?, row.get(2)?);
                Ok(Delivery { id, received_at, body, lines, trace: None })
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

    /// Whether something of this line with this key was acted on.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn was_seen(
        &self,
        line: PhoneNumberId,
        key: String,
    ) -> Result<bool, StoreError> {
        self.run(move |db| {
            let sql = "SELECT 1 FROM seen WHERE key = ?1 || ':' || ?2";
            let key = [line.as_str(), &key];
            let found = db.prepare_cached(sql)?.query_row(key, |_| Ok(())).optional()?;
            Ok(found.is_some())
        })
        .await
    }

    /// Whether this call is over: its end, which has this key, was acted on, or it has its record.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn was_over(
        &self,
        line: PhoneNumberId,
        call: CallId,
        end: String,
    ) -> Result<bool, StoreError> {
        self.run(move |db| {
            let sql = "SELECT EXISTS (SELECT 1 FROM seen WHERE key = ?1 || ':' || ?2)
                           OR EXISTS (SELECT 1 FROM cdrs WHERE line = ?1 AND call_id = ?3)";
            let keys = params![line.as_str(), end, call.as_str()];
            Ok(db.prepare_cached(sql)?.query_row(keys, |row| row.get(0))?)
        })
        .await
    }

    /// Removes a webhook that was acted on and remembers its events: their lines and keys.
    ///
    /// # Errors
    ///
    /// The store failed; the webhook will be looked at again.
    pub(crate) async fn finish_webhook(
        &self,
        id: i64,
        keys: Vec<(PhoneNumberId, String)>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "INSERT OR IGNORE INTO seen (key, at_ms) VALUES (?1 || ':' || ?2, ?3)";
            for (line, key) in keys {
                db.prepare_cached(sql)?.execute(params![line.as_str(), key, now.unix_ms()])?;
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
