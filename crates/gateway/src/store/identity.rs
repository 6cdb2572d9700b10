//! Which contact is the user that a webhook or a request names?
//!
//! A contact has an id of its own, to which the chat, the window and the consents belong. It is found by
//! the BSUID first, by the number second. Where both are named they belong together from then on: two
//! contacts that turn out to be one are joined, a changed number moves with its BSUID, and a number
//! that another BSUID now has is taken from who had it.

use rusqlite::{
    Connection, OptionalExtension, ToSql, params,
    types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef},
};
use terms::{Timestamp, UserId, UserRef, WaId};

use super::{ContactKey, StoreError, consent, contacts, windows};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS contacts (
    id INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, wa_id TEXT, user_id TEXT,
    updated_ms INTEGER NOT NULL, body TEXT NOT NULL,
    CHECK (wa_id IS NOT NULL OR user_id IS NOT NULL));
CREATE UNIQUE INDEX IF NOT EXISTS contacts_by_number ON contacts (line, wa_id);
CREATE UNIQUE INDEX IF NOT EXISTS contacts_by_user_id ON contacts (line, user_id);
";

/// A contact's own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContactId(pub(super) i64);

impl std::fmt::Display for ContactId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ToSql for ContactId {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for ContactId {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

/// A contact that has the number somebody is named by.
struct Numbered {
    id: ContactId,
    /// Whose BSUID is known as well.
    is_scoped: bool,
}

/// The contact of this user, if there is one.
pub(super) fn find(db: &Connection, key: &ContactKey) -> Result<Option<ContactId>, StoreError> {
    let user_id = key.user.user_id();
    if let Some(id) = by_user_id(db, key, user_id)? {
        return Ok(Some(id));
    }
    // A number with another BSUID is somebody else's.
    let numbered = by_number(db, key, key.user.wa_id())?;
    let numbered = numbered.filter(|found| user_id.is_none() || !found.is_scoped);
    Ok(numbered.map(|found| found.id))
}

/// The contact of this user, who may be new, with the ids that are named.
pub(super) fn meet(
    db: &Connection,
    key: &ContactKey,
    now: Timestamp,
) -> Result<ContactId, StoreError> {
    let (wa_id, user_id) = (key.user.wa_id(), key.user.user_id());
    let scoped = by_user_id(db, key, user_id)?;
    let numbered = by_number(db, key, wa_id)?;
    match (scoped, numbered) {
        (Some(id), Some(numbered)) if id == numbered.id => Ok(id),
        (Some(id), numbered) => {
            match numbered {
                Some(Numbered { id: other, is_scoped: true }) => set_number(db, other, None)?,
                Some(Numbered { id: other, is_scoped: false }) => join(db, other, id)?,
                None => {}
            }
            if wa_id.is_some() {
                set_number(db, id, wa_id)?;
            }
            Ok(id)
        }
        (None, Some(numbered)) => match (user_id, numbered.is_scoped) {
            (None, _) => Ok(numbered.id),
            (Some(user_id), false) => {
                set_user_id(db, numbered.id, user_id)?;
                Ok(numbered.id)
            }
            (Some(_), true) => {
                set_number(db, numbered.id, None)?;
                add(db, key, now)
            }
        },
        (None, None) => add(db, key, now),
    }
}

/// The ids of a contact.
pub(super) fn ids(wa_id: Option<&str>, user_id: Option<&str>) -> Option<UserRef> {
    UserRef::new(wa_id.and_then(|id| id.parse().ok()), user_id.and_then(|id| id.parse().ok()))
}

fn by_user_id(
    db: &Connection,
    key: &ContactKey,
    user_id: Option<&UserId>,
) -> Result<Option<ContactId>, StoreError> {
    let Some(user_id) = user_id else { return Ok(None) };
    let sql = "SELECT id FROM contacts WHERE line = ?1 AND user_id = ?2";
    let row = [key.line.as_str(), user_id.as_str()];
    Ok(db.prepare_cached(sql)?.query_row(row, |row| row.get(0)).optional()?)
}

fn by_number(
    db: &Connection,
    key: &ContactKey,
    wa_id: Option<&WaId>,
) -> Result<Option<Numbered>, StoreError> {
    let Some(wa_id) = wa_id else { return Ok(None) };
    let sql = "SELECT id, user_id IS NOT NULL FROM contacts WHERE line = ?1 AND wa_id = ?2";
    let row = [key.line.as_str(), wa_id.as_str()];
    let read = |row: &rusqlite::Row<'_>| Ok(Numbered { id: row.get(0)?, is_scoped: row.get(1)? });
    Ok(db.prepare_cached(sql)?.query_row(row, read).optional()?)
}

fn add(db: &Connection, key: &ContactKey, now: Timestamp) -> Result<ContactId, StoreError> {
    let sql = "INSERT INTO contacts (line, wa_id, user_id, updated_ms, body)
               VALUES (?1, ?2, ?3, ?4, ?5)";
    let (wa_id, user_id) = (key.user.wa_id(), key.user.user_id());
    let row = params![
        key.line.as_str(),
        wa_id.map(WaId::as_str),
        user_id.map(UserId::as_str),
        now.unix_ms(),
        serde_json::to_string(&contacts::Known::default())?
    ];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(ContactId(db.last_insert_rowid()))
}

fn set_number(db: &Connection, id: ContactId, wa_id: Option<&WaId>) -> Result<(), StoreError> {
    let sql = "UPDATE contacts SET wa_id = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![id, wa_id.map(WaId::as_str)])?;
    Ok(())
}

fn set_user_id(db: &Connection, id: ContactId, user_id: &UserId) -> Result<(), StoreError> {
    let sql = "UPDATE contacts SET user_id = ?2 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![id, user_id.as_str()])?;
    Ok(())
}

/// What belonged to one contact is another's, and the one is gone.
fn join(db: &Connection, from: ContactId, into: ContactId) -> Result<(), StoreError> {
    for table in ["chat", "consents"] {
        let sql = format!("UPDATE {table} SET contact = ?2 WHERE contact = ?1");
        db.prepare_cached(&sql)?.execute(params![from, into])?;
    }
    consent::join(db, from, into)?;
    windows::join(db, from, into)?;
    contacts::join(db, from, into)?;
    db.prepare_cached("DELETE FROM contacts WHERE id = ?1")?.execute([from])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use switchboard::consent::{Entry, Grant as Permission, Periods, What};
    use terms::PhoneNumberId;
    use wire::console::{ChatLine, PermissionState};

    use super::*;
    use crate::store::{ContactRow, Draft, Evidence, Grant, LineSet, Store};

    const DAY: Duration = Duration::from_secs(86_400);

    fn line() -> PhoneNumberId {
        "1".parse().unwrap()
    }

    fn key(wa_id: &str, user_id: &str) -> ContactKey {
        ContactKey { line: line(), user: ids(Some(wa_id), Some(user_id)).unwrap() }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(1_783_000_000 + second)
    }

    fn said(id: &str) -> ChatLine {
        let line = serde_json::json!({"id": id, "at": at(0), "from": "user", "kind": "text"});
        serde_json::from_value(line).unwrap()
    }

    async fn meets(store: &Store, who: ContactKey) -> ContactRow {
        store.change_contact(who, at(0), |_| {}).await.unwrap()
    }

    async fn notes(store: &Store, who: ContactKey, no: i64, what: What) {
        let draft = Draft {
            key: format!("entry:{no}"),
            contact: who,
            entry: Entry { at: at(no), what },
            evidence: Evidence::default(),
        };
        let periods = Periods { day: DAY, week: DAY * 7 };
        store.add_consent(draft, periods, None).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn two_contacts_that_are_one_are_joined_with_all_they_had() {
        let store = Store::open(None, &line()).unwrap();
        let (number, scoped, both) = (key("551", ""), key("", "BR.1"), key("551", "BR.1"));
        let asked = Grant { state: PermissionState::Permanent, expires_at: None, learnt_at: None };
        let by_number = move |contact: &mut ContactRow| {
            contact.name = Some("Ana".into());
            contact.grant = Grant { learnt_at: Some(at(3)), ..asked };
            contact.window_until = Some(at(500));
        };
        store.open_window(number.clone(), at(0), at(0), by_number).await.unwrap();
        let by_id = |contact: &mut ContactRow| contact.window_until = Some(at(900));
        store.open_window(scoped.clone(), at(0), at(0), by_id).await.unwrap();
        store.save_line(number.clone(), said("wamid.1")).await.unwrap();
        store.save_line(scoped.clone(), said("wamid.2")).await.unwrap();
        notes(&store, number.clone(), 1, What::Granted(Permission::Permanent)).await;
        notes(&store, scoped.clone(), 2, What::Unanswered).await;

        let joined = meets(&store, both.clone()).await;
        assert_eq!(joined.user, both.user);
        assert_eq!(joined.name.as_deref(), Some("Ana"));
        assert_eq!(joined.grant.state, PermissionState::Permanent);
        assert_eq!(joined.window_until, Some(at(900)));
        for who in [number, scoped] {
            assert_eq!(store.contact(who.clone()).await.unwrap().unwrap().id, joined.id);
            let chat = store.chat(who.clone()).await.unwrap();
            assert_eq!(
                chat.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
                ["wamid.1", "wamid.2"]
            );
            let standing = store.standing(who.clone()).await.unwrap();
            assert_eq!(standing.permission(at(9)), Ok(Permission::Permanent));
            assert_eq!(standing.unanswered_in_a_row(), 1);
            let mine = LineSet::one(&line());
            let entries = store.consents(mine.clone(), Some(who.user), 10, None).await.unwrap();
            assert_eq!(entries.len(), 2);
            assert_eq!(entries[0].user_id.as_ref(), both.user.user_id());
            let open = store.open_windows(mine, at(0), 10, None).await.unwrap();
            assert_eq!(open.iter().map(|(_, it)| it.open_until).collect::<Vec<_>>(), [at(900)]);
        }
        let mine = LineSet::one(&line());
        assert_eq!(store.contacts(mine, 10, None).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_changed_number_moves_with_its_bsuid() {
        let store = Store::open(None, &line()).unwrap();
        let before = meets(&store, key("551", "BR.1")).await;
        store.save_line(key("551", ""), said("wamid.1")).await.unwrap();
        let after = meets(&store, key("552", "BR.1")).await;
        assert_eq!(after.id, before.id);
        assert_eq!(store.chat(key("552", "")).await.unwrap().len(), 1);
        assert!(store.contact(key("551", "")).await.unwrap().is_none(), "nobody's any more");
        let hidden = meets(&store, key("", "BR.1")).await;
        assert_eq!(hidden.user, after.user, "the number is known from before");
    }

    #[tokio::test]
    async fn a_number_that_has_another_bsuid_brings_nothing_of_who_had_it() {
        let store = Store::open(None, &line()).unwrap();
        let first = meets(&store, key("551", "BR.1")).await;
        store.save_line(key("551", ""), said("wamid.1")).await.unwrap();
        assert!(store.contact(key("551", "BR.2")).await.unwrap().is_none());
        let second = meets(&store, key("551", "BR.2")).await;
        assert_ne!(second.id, first.id);
        assert!(store.chat(key("551", "")).await.unwrap().is_empty());
        assert_eq!(store.chat(key("", "BR.1")).await.unwrap().len(), 1);
    }
}
