//! Who changed what in the house?
//!
//! Entries are written with the change they tell of, and never changed or removed.

use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::Value;
use terms::{OrganisationId, Timestamp};

use super::{Store, StoreError};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS audit (
    no INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, organisation TEXT NOT NULL,
    by TEXT NOT NULL, act TEXT NOT NULL, object TEXT NOT NULL, detail TEXT);
CREATE INDEX IF NOT EXISTS audit_by_organisation ON audit (organisation, no);
";

/// Something that somebody did to the house.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Deed {
    /// When.
    pub at: Timestamp,
    /// In whose house.
    #[serde(skip)]
    pub organisation: OrganisationId,
    /// Who: a person's id or a key's.
    pub by: String,
    /// What, such as `key.created`.
    pub act: String,
    /// To whom or what.
    pub object: String,
    /// What else is worth knowing; never a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub detail: Option<Value>,
}

/// A deed in its place.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct AuditEntry {
    /// Its place.
    pub no: i64,
    /// What was done.
    #[serde(flatten)]
    pub deed: Deed,
}

/// Writes a deed in the transaction of the change.
pub(super) fn write(db: &Connection, deed: &Deed) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit (at_ms, organisation, by, act, object, detail)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let detail = deed.detail.as_ref().map(Value::to_string);
    let (at, house) = (deed.at.unix_ms(), deed.organisation.as_str());
    let row = params![at, house, deed.by, deed.act, deed.object, detail];
    db.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

impl Store {
    /// The deeds in an organisation's house, the newest first, older than `before`.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn deeds(
        &self,
        organisation: OrganisationId,
        limit: u32,
        before: Option<i64>,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.run(move |db| {
            let sql = "SELECT no, at_ms, by, act, object, detail FROM audit
                       WHERE organisation = ?1 AND no < ?2 ORDER BY no DESC LIMIT ?3";
            let before = before.unwrap_or(i64::MAX);
            let mut statement = db.prepare_cached(sql)?;
            let row = params![organisation.as_str(), before, limit];
            let rows = statement.query_map(row, |row| {
                let detail: Option<String> = row.get(5)?;
                let deed = Deed {
                    at: Timestamp::from_unix_ms(row.get(1)?),
                    organisation: organisation.clone(),
                    by: row.get(2)?,
                    act: row.get(3)?,
                    object: row.get(4)?,
                    detail: detail.and_then(|text| serde_json::from_str(&text).ok()),
                };
                Ok(AuditEntry { no: row.get(0)?, deed })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
