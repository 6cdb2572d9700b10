//! Who works here, beside those of the configuration file?

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};
use switchboard::agent::Skills;
use terms::{AgentId, OrganisationId, Role};

use super::{Deed, Store, StoreError, audit};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
";

/// Somebody who was added at run time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct User {
    /// The log-in name.
    pub id: AgentId,
    /// Where.
    pub organisation: OrganisationId,
    /// The name others see.
    pub name: String,
    /// What for.
    pub role: Role,
    /// What they know about.
    #[serde(default)]
    pub skills: Skills,
    /// The password, as argon2 hashed it.
    pub password: String,
    /// Whether the log-in is shut.
    #[serde(default)]
    pub disabled: bool,
}

impl Store {
    /// Adds somebody and writes down who did; `false` when the id is taken.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn add_user(&self, user: User, deed: Deed) -> Result<bool, StoreError> {
        self.run(move |db| {
            let sql = "INSERT OR IGNORE INTO users (id, body) VALUES (?1, ?2)";
            let row = params![user.id.as_str(), serde_json::to_string(&user)?];
            if db.prepare_cached(sql)?.execute(row)? == 0 {
                return Ok(false);
            }
            audit::write(db, &deed)?;
            Ok(true)
        })
        .await
    }

    /// Changes somebody and writes down who did; `None` when nobody has this id.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn change_user<F>(
        &self,
        id: AgentId,
        deed: Deed,
        change: F,
    ) -> Result<Option<User>, StoreError>
    where
        F: FnOnce(&mut User) + Send + 'static,
    {
        self.run(move |db| {
            let sql = "SELECT body FROM users WHERE id = ?1";
            let mut statement = db.prepare_cached(sql)?;
            let body: Option<String> =
                statement.query_row([id.as_str()], |row| row.get(0)).optional()?;
            let Some(body) = body else { return Ok(None) };
            let mut user: User = serde_json::from_str(&body)?;
            change(&mut user);
            let sql = "UPDATE users SET body = ?2 WHERE id = ?1";
            let row = params![id.as_str(), serde_json::to_string(&user)?];
            db.prepare_cached(sql)?.execute(row)?;
            audit::write(db, &deed)?;
            Ok(Some(user))
        })
        .await
    }

    /// Everybody of every organisation.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn users(&self) -> Result<Vec<User>, StoreError> {
        self.run(|db| {
            let mut statement = db.prepare_cached("SELECT body FROM users ORDER BY id")?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            let mut users = Vec::new();
            for body in rows {
                users.push(serde_json::from_str(&body?)?);
            }
            Ok(users)
        })
        .await
    }
}
