//! Where do accounts, users, consent and calls lie?
//!
//! One JSON document a thing, found by kind and id, listed in the order of first saving. The types
//! decide the shape; the store does not look inside.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{NewWebhook, Store, StoreFault, queue::add_all};

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A WABA.
    Account,
    /// An app.
    App,
    /// A business number.
    Number,
    /// A WhatsApp user.
    User,
    /// What one number and one user owe each other: permission, window, counters.
    Consent,
    /// The calls a number placed of late.
    Placed,
    /// One call.
    Call,
    /// A rate card that was added.
    RateCard,
    /// How a number stands with its users: warnings, and since when its figures count.
    Quality,
    /// A template of messages.
    Template,
    /// What a test wants to go wrong.
    Faults,
    /// What this server remembers of itself: its clock, its runs.
    Server,
    /// What is known about a media file; its bytes lie elsewhere.
    MediaFile,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::App => "app",
            Self::Number => "number",
            Self::User => "user",
            Self::Consent => "consent",
            Self::Placed => "placed",
            Self::Call => "call",
            Self::RateCard => "rate_card",
            Self::Quality => "quality",
            Self::Template => "template",
            Self::Faults => "faults",
            Self::Server => "server",
            Self::MediaFile => "media_file",
        }
    }
}

impl Store {
    /// Saves a document, replacing an older version.
    pub(crate) async fn save<T: Serialize + Sync>(
        &self,
        kind: Kind,
        id: &str,
        document: &T,
    ) -> Result<(), StoreFault> {
        let json = serde_json::to_string(document).map_err(StoreFault::Document)?;
        let id = id.to_owned();
        self.writer.run(move |db| put(db, kind, &id, &json)).await
    }

    /// Saves a document and writes the webhooks that tell of it, in one step: whoever finds the one
    /// finds the others.
    pub(crate) async fn save_telling<T: Serialize + Sync>(
        &self,
        kind: Kind,
        id: &str,
        document: &T,
        webhooks: Vec<NewWebhook>,
    ) -> Result<(), StoreFault> {
        let json = serde_json::to_string(document).map_err(StoreFault::Document)?;
        let id = id.to_owned();
        self.writer
            .run(move |db| {
                put(db, kind, &id, &json)?;
                add_all(db, &webhooks)
            })
            .await
    }

    /// Loads one document.
    pub(crate) async fn load<T: DeserializeOwned>(
        &self,
        kind: Kind,
        id: &str,
    ) -> Result<Option<T>, StoreFault> {
        let id = id.to_owned();
        let json: Option<String> = self
            .writer
            .run(move |db| {
                db.prepare_cached("SELECT json FROM documents WHERE kind = ?1 AND id = ?2")?
                    .query_row(params![kind.as_str(), id], |row| row.get(0))
                    .optional()
            })
            .await?;
        json.map(|json| serde_json::from_str(&json).map_err(StoreFault::Document)).transpose()
    }

    /// Changes a document in one step, starting from the default where there is none. `edit` runs
    /// on the store's thread, so nobody sees or makes a change in between.
    pub(crate) async fn update<T, R, F>(
        &self,
        kind: Kind,
        id: &str,
        edit: F,
    ) -> Result<R, StoreFault>
    where
        T: Serialize + DeserializeOwned + Default,
        R: Send + 'static,
        F: FnOnce(&mut T) -> R + Send + 'static,
    {
        self.update_telling(kind, id, |document| (edit(document), Vec::new())).await
    }

    /// As [`Store::update`], with the webhooks that tell of the change in the same step.
    pub(crate) async fn update_telling<T, R, F>(
        &self,
        kind: Kind,
        id: &str,
        edit: F,
    ) -> Result<R, StoreFault>
    where
        T: Serialize + DeserializeOwned + Default,
        R: Send + 'static,
        F: FnOnce(&mut T) -> (R, Vec<NewWebhook>) + Send + 'static,
    {
        let id = id.to_owned();
        self.writer
            .run(move |db| {
                let json: Option<String> = db
                    .prepare_cached("SELECT json FROM documents WHERE kind = ?1 AND id = ?2")?
                    .query_row(params![kind.as_str(), id], |row| row.get(0))
                    .optional()?;
                let mut document: T = json
                    .map_or_else(|| Ok(T::default()), |json| serde_json::from_str(&json))
                    .map_err(unreadable)?;
                let (result, webhooks) = edit(&mut document);
                put(db, kind, &id, &serde_json::to_string(&document).map_err(unreadable)?)?;
                add_all(db, &webhooks)?;
                Ok(result)
            })
            .await
    }

    /// Removes one document of a kind, or all of them.
    pub(crate) async fn remove(&self, kind: Kind, id: Option<&str>) -> Result<(), StoreFault> {
        let id = id.map(str::to_owned);
        self.writer
            .run(move |db| {
                db.prepare_cached("DELETE FROM documents WHERE kind = ?1 AND id = ifnull(?2, id)")?
                    .execute(params![kind.as_str(), id])
                    .map(drop)
            })
            .await
    }

    /// Loads all documents of a kind, oldest first.
    pub(crate) async fn load_all<T: DeserializeOwned>(
        &self,
        kind: Kind,
    ) -> Result<Vec<T>, StoreFault> {
        let rows: Vec<String> = self
            .writer
            .run(move |db| {
                db.prepare_cached("SELECT json FROM documents WHERE kind = ?1 ORDER BY seq")?
                    .query_map(params![kind.as_str()], |row| row.get(0))?
                    .collect()
            })
            .await?;
        rows.iter().map(|json| serde_json::from_str(json).map_err(StoreFault::Document)).collect()
    }
}

fn put(db: &Connection, kind: Kind, id: &str, json: &str) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO documents (kind, id, seq, json)
         VALUES (?1, ?2, (SELECT ifnull(max(seq), 0) + 1 FROM documents WHERE kind = ?1), ?3)
         ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json",
    )?
    .execute(params![kind.as_str(), id, json])
    .map(drop)
}

fn unreadable(fault: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(Box::new(fault))
}

impl Store {
    /// Loads the newest documents of a kind, newest first.
    pub(crate) async fn load_newest<T: DeserializeOwned>(
        &self,
        kind: Kind,
        count_max: usize,
    ) -> Result<Vec<T>, StoreFault> {
        let count_max = i64::try_from(count_max).unwrap_or(i64::MAX);
        let rows: Vec<String> = self
            .writer
            .run(move |db| {
                db.prepare_cached(
                    "SELECT json FROM documents WHERE kind = ?1 ORDER BY seq DESC LIMIT ?2",
                )?
                .query_map(params![kind.as_str(), count_max], |row| row.get(0))?
                .collect()
            })
            .await?;
        rows.iter().map(|json| serde_json::from_str(json).map_err(StoreFault::Document)).collect()
    }
}

impl Store {
    /// The documents of a kind that were first saved before the one of this id, newest first.
    pub(crate) async fn load_before<T: DeserializeOwned>(
        &self,
        kind: Kind,
        id: &str,
        count_max: usize,
    ) -> Result<Vec<T>, StoreFault> {
        let count_max = i64::try_from(count_max).unwrap_or(i64::MAX);
        let id = id.to_owned();
        let rows: Vec<String> = self
            .writer
            .run(move |db| {
                db.prepare_cached(
                    "SELECT json FROM documents WHERE kind = ?1
                       AND seq < (SELECT seq FROM documents WHERE kind = ?1 AND id = ?2)
                     ORDER BY seq DESC LIMIT ?3",
                )?
                .query_map(params![kind.as_str(), id, count_max], |row| row.get(0))?
                .collect()
            })
            .await?;
        rows.iter().map(|json| serde_json::from_str(json).map_err(StoreFault::Document)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::queue::tests::webhook;

    /// A change whose webhook cannot be written did not happen.
    #[tokio::test]
    async fn a_change_and_its_webhooks_are_one_step() {
        let store = Store::open(None).unwrap();
        let row = |id: &str| webhook(id, "x", Some("http://127.0.0.1:1/"));
        store.save_telling(Kind::Call, "a", &1, vec![row("1")]).await.unwrap();
        assert!(store.webhook("1").await.unwrap().is_some());
        let twice = store.save_telling(Kind::Call, "a", &2, vec![row("2"), row("1")]).await;
        assert!(twice.is_err());
        let edit = move |number: &mut i32| {
            *number = 3;
            ((), vec![webhook("3", "x", None), webhook("1", "x", None)])
        };
        assert!(store.update_telling(Kind::Call, "a", edit).await.is_err());
        assert_eq!(store.load::<i32>(Kind::Call, "a").await.unwrap(), Some(1));
        for id in ["2", "3"] {
            assert!(store.webhook(id).await.unwrap().is_none(), "{id}");
        }
    }

    #[tokio::test]
    async fn documents_are_kept_in_order_and_replaced_in_place() {
        let folder = tempfile::tempdir().unwrap();
        {
            let store = Store::open(Some(folder.path())).unwrap();
            store.save(Kind::User, "b", &1).await.unwrap();
            store.save(Kind::User, "a", &2).await.unwrap();
            store.save(Kind::User, "b", &3).await.unwrap();
        }
        let store = Store::open(Some(folder.path())).unwrap();
        assert_eq!(store.load_all::<i32>(Kind::User).await.unwrap(), [3, 2]);
        assert_eq!(store.load_before::<i32>(Kind::User, "a", 9).await.unwrap(), [3]);
        assert!(store.load_before::<i32>(Kind::User, "b", 9).await.unwrap().is_empty());
        assert_eq!(store.load::<i32>(Kind::User, "a").await.unwrap(), Some(2));
        assert_eq!(store.load::<i32>(Kind::Call, "a").await.unwrap(), None);
    }
}
