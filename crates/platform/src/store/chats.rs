//! What stands in a chat between a user and a business number?

use rusqlite::{OptionalExtension as _, params};

use super::{Store, StoreFault};

/// Entries of one chat that are kept and shown.
const ENTRIES_MAX: i64 = 200;

impl Store {
    /// Adds or replaces a chat entry, given as JSON.
    pub(crate) async fn save_entry(
        &self,
        chat: &str,
        id: &str,
        json: String,
    ) -> Result<(), StoreFault> {
        let (chat, id) = (chat.to_owned(), id.to_owned());
        self.writer
            .run(move |db| {
                db.prepare_cached(
                    "INSERT INTO chat_entries (chat, id, json) VALUES (?1, ?2, ?3)
                     ON CONFLICT (chat, id) DO UPDATE SET json = excluded.json",
                )?
                .execute(params![chat, id, json])?;
                db.prepare_cached(
                    "DELETE FROM chat_entries WHERE chat = ?1 AND seq <=
                       (SELECT max(seq) FROM chat_entries WHERE chat = ?1) - ?2 * 10",
                )?
                .execute(params![chat, ENTRIES_MAX])
                .map(drop)
            })
            .await
    }

    /// One entry of a chat, as JSON.
    pub(crate) async fn entry(&self, chat: &str, id: &str) -> Result<Option<String>, StoreFault> {
        let (chat, id) = (chat.to_owned(), id.to_owned());
        self.writer
            .run(move |db| {
                db.prepare_cached("SELECT json FROM chat_entries WHERE chat = ?1 AND id = ?2")?
                    .query_row(params![chat, id], |row| row.get(0))
                    .optional()
            })
            .await
    }

    /// The chats that have an entry of this id.
    pub(crate) async fn chats_with(&self, id: &str) -> Result<Vec<String>, StoreFault> {
        let id = id.to_owned();
        self.writer
            .run(move |db| {
                db.prepare_cached("SELECT chat FROM chat_entries WHERE id = ?1")?
                    .query_map(params![id], |row| row.get(0))?
                    .collect()
            })
            .await
    }

    /// The newest entries of a chat, oldest first, as JSON.
    pub(crate) async fn entries(&self, chat: &str) -> Result<Vec<String>, StoreFault> {
        let chat = chat.to_owned();
        self.writer
            .run(move |db| {
                let mut rows: Vec<String> = db
                    .prepare_cached(
                        "SELECT json FROM chat_entries WHERE chat = ?1 ORDER BY seq DESC LIMIT ?2",
                    )?
                    .query_map(params![chat, ENTRIES_MAX], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                rows.reverse();
                Ok(rows)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_entry_is_replaced_in_its_place() {
        let store = Store::open(None).unwrap();
        store.save_entry("c", "1", "a".into()).await.unwrap();
        store.save_entry("c", "2", "b".into()).await.unwrap();
        store.save_entry("c", "1", "A".into()).await.unwrap();
        assert_eq!(store.entries("c").await.unwrap(), ["A", "b"]);
        store.save_entry("d", "2", "x".into()).await.unwrap();
        assert_eq!(store.entry("c", "2").await.unwrap().as_deref(), Some("b"));
        assert_eq!(store.entry("c", "3").await.unwrap(), None);
        assert_eq!(store.chats_with("2").await.unwrap(), ["c", "d"]);
    }
}
