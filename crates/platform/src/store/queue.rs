//! Which webhooks may go, and in which order?
//!
//! Rows of one lane (one endpoint, one call) start in the order they were made
//! ([`rules::delivery::may_start`] with order `call`): `ready` marks those that may start once due,
//! which are the oldest untried row of every lane and all that were tried before. A row that fails
//! no longer holds up those behind it. One that yields waits until the next of its lane has
//! overtaken it, or until it is due.

use std::sync::{Arc, atomic::Ordering};

use rusqlite::{Connection, OptionalExtension as _, params};
use terms::{CallId, Timestamp};

use super::{Age, Attempt, DeliveryState, NewWebhook, Store, StoreFault};

/// Settled rows kept for the journal; higher costs disk only.
const JOURNAL_ROWS_MAX: i64 = 20_000;

impl Store {
    /// Writes webhooks; those without a URL, and dropped ones, never wait.
    pub(crate) async fn add_webhooks(&self, webhooks: Vec<NewWebhook>) -> Result<(), StoreFault> {
        self.writer.run(move |db| add_all(db, &webhooks)).await
    }

    /// The targets that have a row due.
    pub(crate) async fn due_targets(&self, now: Timestamp) -> Result<Vec<String>, StoreFault> {
        self.writer
            .run(move |db| {
                db.prepare_cached(DUE_TARGETS)?
                    .query_map(params![now.unix_ms()], |row| row.get(0))?
                    .collect()
            })
            .await
    }

    /// The ids of a target's due rows, the longest due first, at most `rows_max`.
    pub(crate) async fn due_webhooks(
        &self,
        target: &str,
        now: Timestamp,
        rows_max: usize,
    ) -> Result<Vec<String>, StoreFault> {
        let target = target.to_owned();
        let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "SELECT id FROM webhooks
                     WHERE state = 'pending' AND ready AND target = ?1 AND due_ms <= ?2
                     ORDER BY due_ms, seq LIMIT ?3",
                )?
                .query_map(params![target, now.unix_ms(), rows_max], |row| row.get(0))?
                .collect()
            })
            .await
    }

    /// When the next row after `now` becomes due.
    pub(crate) async fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreFault> {
        self.writer
            .run(move |db| {
                let due: Option<i64> = db
                    .prepare_cached(
                        "SELECT min(due_ms) FROM webhooks
                         WHERE state = 'pending' AND ready AND due_ms > ?1",
                    )?
                    .query_row(params![now.unix_ms()], |row| row.get(0))?;
                Ok(due.map(Timestamp::from_unix_ms))
            })
            .await
    }

    /// Whether any row is due now, sent or not.
    pub(crate) async fn has_due(&self, now: Timestamp) -> Result<bool, StoreFault> {
        Ok(!self.due_targets(now).await?.is_empty())
    }

    /// Notes an attempt and what follows from it; the next of the lane may go. A row of an `age`
    /// that has passed is another one by now and stays as it is.
    pub(crate) async fn note_attempt(
        &self,
        (age, id): (Age, &str),
        url: Option<&str>,
        attempts: &[Attempt],
        state: DeliveryState,
        due_at: Timestamp,
    ) -> Result<(), StoreFault> {
        let attempts = serde_json::to_string(attempts).map_err(StoreFault::Document)?;
        let (id, url) = (id.to_owned(), url.map(str::to_owned));
        let replaced = Arc::clone(&self.replaced);
        self.writer
            .run(move |db| {
                if Age(replaced.load(Ordering::Acquire)) != age {
                    return Ok(());
                }
                let lane: Option<String> = db
                    .prepare_cached(
                        "UPDATE webhooks SET attempts = ?2, state = ?3, due_ms = ?4,
                           url = ifnull(?5, url),
                           tried = 1, ready = 1, yields = 0 WHERE id = ?1 RETURNING lane",
                    )?
                    .query_row(
                        params![id, attempts, state.as_str(), due_at.unix_ms(), url],
                        |row| row.get(0),
                    )
                    .optional()?;
                lane.map_or(Ok(()), |lane| promote(db, &lane))
            })
            .await
    }

    /// Makes a webhook due at `now`, whatever became of it; false when there is none of that id.
    pub(crate) async fn redeliver(&self, id: &str, now: Timestamp) -> Result<bool, StoreFault> {
        let id = id.to_owned();
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "UPDATE webhooks SET state = 'pending', due_ms = ?2, tried = 1, ready = 1,
                       yields = 0 WHERE id = ?1",
                )?
                .execute(params![id, now.unix_ms()])
                .map(|rows| rows > 0)
            })
            .await
    }
}

/// Steps from target to target, so that a target with many rows costs no more than one with few.
const DUE_TARGETS: &str = "
    WITH RECURSIVE targets (target) AS (
      SELECT min(target) FROM webhooks INDEXED BY webhooks_ready WHERE state = 'pending' AND ready
      UNION ALL
      SELECT (SELECT min(webhooks.target) FROM webhooks INDEXED BY webhooks_ready
              WHERE state = 'pending' AND ready AND webhooks.target > targets.target)
      FROM targets WHERE targets.target IS NOT NULL)
    SELECT target FROM targets WHERE EXISTS
      (SELECT 1 FROM webhooks INDEXED BY webhooks_ready
       WHERE state = 'pending' AND ready AND webhooks.target = targets.target AND due_ms <= ?1)";

/// The index holds no pending row, so those that wait cost nothing here.
const PRUNE: &str = "
    DELETE FROM webhooks INDEXED BY webhooks_settled WHERE state <> 'pending'
      AND seq <= (SELECT max(seq) FROM webhooks) - ?1";

/// Writes rows, within the transaction of the caller.
pub(super) fn add_all(db: &Connection, webhooks: &[NewWebhook]) -> rusqlite::Result<()> {
    if webhooks.is_empty() {
        return Ok(());
    }
    for webhook in webhooks {
        add(db, webhook)?;
    }
    db.prepare_cached(PRUNE)?.execute(params![JOURNAL_ROWS_MAX]).map(drop)
}

/// Writes one row in its place.
fn add(db: &Connection, webhook: &NewWebhook) -> rusqlite::Result<()> {
    let state = match (&webhook.url, webhook.dropped) {
        (_, true) => DeliveryState::Dropped,
        (None, false) => DeliveryState::Journalled,
        (Some(_), false) => DeliveryState::Pending,
    };
    if state != DeliveryState::Pending {
        return insert(db, webhook, state, None);
    }
    let yielding = webhook.yields_until.map_or(Ok(None), |_| yielding(db, &webhook.lane))?;
    let yields_until = webhook.yields_until.filter(|_| yielding.is_none());
    insert(db, webhook, state, yields_until)?;
    if let Some(seq) = yielding {
        overtake(db, seq, &webhook.id)?;
    }
    promote(db, &webhook.lane)
}

fn insert(
    db: &Connection,
    webhook: &NewWebhook,
    state: DeliveryState,
    yields_until: Option<Timestamp>,
) -> rusqlite::Result<()> {
    let faults = serde_json::to_string(&webhook.faults)
        .map_err(|fault| rusqlite::Error::ToSqlConversionFailure(Box::new(fault)))?;
    db.prepare_cached(
        "INSERT INTO webhooks (id, target, lane, field, call_id, url, body, signature, made_ms,
           state, due_ms, yields, faults, synthetic, ord)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
           (SELECT ifnull(max(seq), 0) + 1 FROM webhooks))",
    )?
    .execute(params![
        webhook.id,
        webhook.target,
        webhook.lane,
        webhook.field,
        webhook.call_id.as_ref().map(CallId::as_str),
        webhook.url,
        webhook.body,
        webhook.signature,
        webhook.made_at.unix_ms(),
        state.as_str(),
        yields_until.unwrap_or(webhook.due_at).unix_ms(),
        yields_until.is_some(),
        faults,
        webhook.synthetic,
    ])
    .map(drop)
}

/// The row of a lane that waits to be overtaken.
fn yielding(db: &Connection, lane: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached(
        "SELECT seq FROM webhooks
         WHERE lane = ?1 AND state = 'pending' AND NOT tried AND yields LIMIT 1",
    )?
    .query_row(params![lane], |row| row.get(0))
    .optional()
}

/// Puts the new row in the place of the yielding one, and that one behind it.
fn overtake(db: &Connection, yielding: i64, new: &str) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE webhooks SET ord = (SELECT ord FROM webhooks WHERE seq = ?1) WHERE id = ?2",
    )?
    .execute(params![yielding, new])?;
    db.prepare_cached(
        "UPDATE webhooks SET yields = 0, ready = 0, (ord, due_ms) =
           (SELECT seq, due_ms FROM webhooks WHERE id = ?2) WHERE seq = ?1",
    )?
    .execute(params![yielding, new])
    .map(drop)
}

/// Lets the oldest untried row of a lane go.
fn promote(db: &Connection, lane: &str) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE webhooks SET ready = 1 WHERE seq =
           (SELECT seq FROM webhooks
            WHERE lane = ?1 AND state = 'pending' AND NOT tried ORDER BY ord LIMIT 1)",
    )?
    .execute(params![lane])
    .map(drop)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const URL: Option<&str> = Some("http://127.0.0.1:1/");

    pub(in crate::store) fn webhook(id: &str, lane: &str, url: Option<&str>) -> NewWebhook {
        NewWebhook {
            id: id.into(),
            target: "app".into(),
            lane: lane.into(),
            field: "calls".into(),
            call_id: None,
            url: url.map(Into::into),
            body: "{}".into(),
            signature: String::new(),
            made_at: Timestamp::from_unix(1),
            due_at: Timestamp::from_unix(1),
            yields_until: None,
            dropped: false,
            faults: Vec::new(),
            synthetic: false,
        }
    }

    async fn due(store: &Store, at: i64) -> String {
        store.due_webhooks("app", Timestamp::from_unix(at), 9).await.unwrap().join(" ")
    }

    async fn note(store: &Store, id: &str, status: u16, due_at: i64) {
        let attempts = [Attempt { at: Timestamp::from_unix(2), status, error: None }];
        let state = if status == 200 { DeliveryState::Delivered } else { DeliveryState::Pending };
        let due_at = Timestamp::from_unix(due_at);
        store.note_attempt((store.age(), id), Some("u"), &attempts, state, due_at).await.unwrap();
    }

    #[tokio::test]
    async fn only_the_oldest_untried_of_a_lane_may_go() {
        let store = Store::open(None).unwrap();
        let rows = [("1", "x", URL), ("2", "x", URL), ("3", "y", URL), ("4", "z", None)];
        let rows = rows.into_iter().map(|(id, lane, url)| webhook(id, lane, url));
        store.add_webhooks(rows.collect()).await.unwrap();
        assert_eq!(due(&store, 1).await, "1 3");
        assert_eq!(due(&store, 0).await, "");
        assert_eq!(store.next_due(Timestamp::from_unix(0)).await.unwrap().unwrap().unix(), 1);

        note(&store, "1", 500, 9).await;
        assert_eq!(due(&store, 8).await, "2 3", "what fails holds up nobody");
        assert_eq!(due(&store, 9).await, "2 3 1");
        note(&store, "1", 200, 9).await;
        assert_eq!(due(&store, 9).await, "2 3");

        let row = store.webhook("1").await.unwrap().unwrap();
        assert_eq!((row.state, row.attempts.len()), (DeliveryState::Delivered, 1));
        assert_eq!(store.webhook("4").await.unwrap().unwrap().state, DeliveryState::Journalled);
        let now = Timestamp::from_unix(3);
        assert!(store.redeliver("1", now).await.unwrap());
        assert!(!store.redeliver("9", now).await.unwrap());
        assert_eq!(due(&store, 3).await, "2 3 1");
    }

    #[tokio::test]
    async fn one_that_yields_goes_after_the_next_of_its_lane_or_when_due() {
        let store = Store::open(None).unwrap();
        let yielding = |id: &str| {
            let until = Some(Timestamp::from_unix(5));
            NewWebhook { yields_until: until, ..webhook(id, "x", URL) }
        };
        store.add_webhooks(vec![yielding("1")]).await.unwrap();
        assert_eq!(due(&store, 4).await, "");
        assert_eq!(due(&store, 5).await, "1", "nothing came to overtake it");
        store.add_webhooks(vec![yielding("2")]).await.unwrap();
        assert_eq!(due(&store, 1).await, "2");
        note(&store, "2", 200, 1).await;
        assert_eq!(due(&store, 1).await, "1");
        note(&store, "1", 200, 1).await;
        store.add_webhooks(vec![yielding("3"), yielding("4"), yielding("5")]).await.unwrap();
        assert_eq!(due(&store, 1).await, "4");
        note(&store, "4", 200, 1).await;
        assert_eq!(due(&store, 1).await, "3");
        note(&store, "3", 200, 1).await;
        assert_eq!((due(&store, 4).await.as_str(), due(&store, 5).await.as_str()), ("", "5"));
    }

    #[tokio::test]
    async fn a_dropped_one_never_waits_and_holds_up_nobody() {
        let store = Store::open(None).unwrap();
        let dropped = NewWebhook { dropped: true, ..webhook("1", "x", URL) };
        store.add_webhooks(vec![dropped, webhook("2", "x", URL)]).await.unwrap();
        assert_eq!(due(&store, 1).await, "2");
        note(&store, "2", 200, 1).await;
        assert!(!store.has_due(Timestamp::from_unix(1)).await.unwrap());
        assert_eq!(store.webhook("1").await.unwrap().unwrap().state, DeliveryState::Dropped);
    }

    /// Whatever waits for a dead endpoint must not be walked for a row that is added.
    #[tokio::test]
    async fn rows_that_wait_cost_those_that_come_nothing() {
        let store = Store::open(None).unwrap();
        let plan = async |query: &'static str| -> Vec<String> {
            let read = move |db: &Connection| {
                let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {query}"))?;
                plan.query_map(params![1], |row| row.get(3))?.collect()
            };
            store.writer.run(read).await.unwrap()
        };
        let prune = plan(PRUNE).await;
        assert!(prune[0].contains("webhooks_settled (seq<?)"), "{prune:?}");
        let targets = plan(DUE_TARGETS).await;
        let walks: Vec<_> = targets.iter().filter(|step| step.contains("SCAN webhooks")).collect();
        assert!(walks.is_empty(), "{targets:?}");

        let row = |n: usize, target: &str| {
            let id = format!("{target}-{n}");
            NewWebhook { target: target.into(), ..webhook(&id, &id, URL) }
        };
        for from in (0..21_000).step_by(1_000) {
            store.add_webhooks((from..from + 1_000).map(|n| row(n, "a")).collect()).await.unwrap();
        }
        let later = NewWebhook { due_at: Timestamp::from_unix(9), ..row(0, "b") };
        store.add_webhooks(vec![later, row(0, "c")]).await.unwrap();
        let at = Timestamp::from_unix;
        assert_eq!(store.due_targets(at(1)).await.unwrap(), ["a", "c"]);
        assert_eq!(store.due_targets(at(9)).await.unwrap(), ["a", "b", "c"]);
        assert!(store.due_targets(at(0)).await.unwrap().is_empty());
        note(&store, "a-0", 200, 1).await;
        store.add_webhooks(vec![row(1, "c")]).await.unwrap();
        assert!(store.webhook("a-0").await.unwrap().is_none(), "settled, and beyond the journal");
        assert!(store.webhook("a-1").await.unwrap().is_some(), "waits");
    }

    #[tokio::test]
    async fn a_store_of_an_earlier_version_keeps_its_webhooks() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join("platform.sqlite")).unwrap();
        old.execute_batch(
            "CREATE TABLE webhooks (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
               target TEXT NOT NULL, lane TEXT NOT NULL, field TEXT NOT NULL, url TEXT,
               body TEXT NOT NULL, signature TEXT NOT NULL, made_ms INTEGER NOT NULL,
               state TEXT NOT NULL, due_ms INTEGER NOT NULL, attempts TEXT NOT NULL DEFAULT '[]');
             CREATE INDEX webhooks_waiting ON webhooks (lane, seq) WHERE state = 'pending';
             INSERT INTO webhooks (id, target, lane, field, url, body, signature, made_ms, state,
               due_ms) VALUES ('1', 'app', 'x', 'calls', 'u', '{}', '', 1, 'pending', 1);",
        )
        .unwrap();
        drop(old);
        let store = Store::open(Some(folder.path())).unwrap();
        assert_eq!(due(&store, 1).await, "1");
    }
}
