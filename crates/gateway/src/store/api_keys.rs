//! Which keys do programs have?
//!
//! Of a key only its hash is kept. One that was revoked stays, for whoever reads the audit log.

use rusqlite::params;
use switchboard::access::Scope;
use terms::{OrganisationId, Timestamp};

use super::{Deed, Store, StoreError, audit};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS api_keys (
    id TEXT PRIMARY KEY, organisation TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
    hash BLOB NOT NULL, created_ms INTEGER NOT NULL, created_by TEXT NOT NULL,
    used_ms INTEGER, revoked_ms INTEGER) WITHOUT ROWID;
";

/// A key as it is kept.
#[derive(Debug, Clone)]
pub(crate) struct ApiKey {
    /// Its id, `key_…`.
    pub id: String,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// What it is for.
    pub name: String,
    /// What it opens.
    pub scopes: Vec<Scope>,
    /// SHA-256 of the token: it is random, so nothing slower is needed.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was used last, to the minute.
    pub used_at: Option<Timestamp>,
    /// Since when it opens nothing.
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Keeps a new key and writes down who made it.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn add_api_key(&self, key: ApiKey, deed: Deed) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "INSERT INTO api_keys
                       (id, organisation, name, scopes, hash, created_ms, created_by)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let words: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
            db.prepare_cached(sql)?.execute(params![
                key.id,
                key.organisation.as_str(),
                key.name,
                words.join(" "),
                key.hash,
                key.created_at.unix_ms(),
                key.created_by
            ])?;
            audit::write(db, &deed)
        })
        .await
    }

    /// Every key of every organisation, in the order of their ids.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        self.run(|db| {
            let sql =
                "SELECT id, organisation, name, scopes, hash, created_ms, created_by, used_ms,
                       revoked_ms FROM api_keys ORDER BY id";
            let mut statement = db.prepare_cached(sql)?;
            let rows = statement.query_map([], read)?.collect::<Result<Vec<_>, _>>()?;
            Ok(rows.into_iter().flatten().collect())
        })
        .await
    }

    /// Revokes a key and writes down who did.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn revoke_api_key(&self, deed: Deed) -> Result<(), StoreError> {
        self.run(move |db| {
            let sql = "UPDATE api_keys SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL";
            db.prepare_cached(sql)?.execute(params![deed.object, deed.at.unix_ms()])?;
            audit::write(db, &deed)
        })
        .await
    }

    /// Notes that a key was used; nobody waits for it.
    pub(crate) fn post_key_use(&self, id: String, at: Timestamp) {
        let posted = self.post(move |db| {
            let sql = "UPDATE api_keys SET used_ms = ?2 WHERE id = ?1";
            db.prepare_cached(sql)?.execute(params![id, at.unix_ms()])?;
            Ok(())
        });
        if !posted {
            tracing::debug!("the store cannot follow: the use of a key is not noted");
        }
    }
}

/// A row that this version cannot read, such as one of a scope that it does not know, opens nothing.
fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<ApiKey>> {
    let organisation: String = row.get(1)?;
    let scopes: String = row.get(3)?;
    let scopes: Option<Vec<Scope>> = scopes.split(' ').map(Scope::named).collect();
    let (Ok(organisation), Some(scopes)) = (organisation.parse(), scopes) else { return Ok(None) };
    Ok(Some(ApiKey {
        id: row.get(0)?,
        organisation,
        name: row.get(2)?,
        scopes,
        hash: row.get(4)?,
        created_at: Timestamp::from_unix_ms(row.get(5)?),
        created_by: row.get(6)?,
        used_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_unix_ms),
        revoked_at: row.get::<_, Option<i64>>(8)?.map(Timestamp::from_unix_ms),
    }))
}
