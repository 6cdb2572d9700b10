//! What is everything, and how does everything become something else at once?
//!
//! Every table with every row, by name, so that nothing anybody keeps is forgotten; put back in one
//! transaction, so that nobody sees half of it. Columns called `json` are shown as what they hold.
//! What a server remembers of itself ([`Kind::Server`]) stays with it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rusqlite::{Connection, params_from_iter, types::Value};
use serde_json::{Map, Value as Json, json};

use super::{Kind, Store, StoreFault};

/// The column whose text is itself JSON.
const JSON: &str = "json";

/// The table with the documents.
const DOCUMENTS: &str = "documents";

/// Every row of every table.
pub(crate) type Tables = BTreeMap<String, Vec<Map<String, Json>>>;

/// Why tables cannot be put in place of what is there.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreFault {
    /// They are not those of this version.
    #[error("{0}")]
    Shape(String),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreFault),
}

impl Store {
    /// Everything, as of one moment.
    pub(crate) async fn tables(&self) -> Result<Tables, StoreFault> {
        self.writer
            .run(|db| {
                let names = table_names(db)?;
                names.into_iter().map(|name| Ok((name.clone(), rows(db, &name)?))).collect()
            })
            .await
    }

    /// Puts these tables in place of everything, or changes nothing.
    ///
    /// # Errors
    ///
    /// A table, a column or a value this version does not have, or the store.
    pub(crate) async fn replace(&self, tables: Tables) -> Result<(), RestoreFault> {
        let age = Arc::clone(&self.replaced);
        let replaced = self
            .writer
            .run(move |db| {
                if let Err(why) = check(db, &tables)? {
                    return Ok(Err(why));
                }
                for name in table_names(db)? {
                    clear(db, &name)?;
                    for row in tables.get(&name).into_iter().flatten() {
                        insert(db, &name, row)?;
                    }
                }
                age.fetch_add(1, Ordering::Release);
                Ok(Ok(()))
            })
            .await;
        match replaced {
            Ok(replaced) => replaced.map_err(RestoreFault::Shape),
            Err(StoreFault::Statement(fault)) => {
                Err(RestoreFault::Shape(format!("a row does not fit its table: {fault}")))
            }
            Err(fault) => Err(fault.into()),
        }
    }
}

fn table_names(db: &Connection) -> rusqlite::Result<Vec<String>> {
    db.prepare_cached(
        "SELECT name FROM sqlite_schema
         WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )?
    .query_map([], |row| row.get(0))?
    .collect()
}

fn columns(db: &Connection, table: &str) -> rusqlite::Result<BTreeSet<String>> {
    db.prepare_cached("SELECT name FROM pragma_table_info(?1)")?
        .query_map([table], |row| row.get(0))?
        .collect()
}

/// The rows of a table of ours; its name is not a stranger's.
fn rows(db: &Connection, table: &str) -> rusqlite::Result<Vec<Map<String, Json>>> {
    let order = if table == DOCUMENTS { "kind, seq" } else { "1" };
    let mut statement = db.prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let rows = statement.query_map([], |row| {
        let mut shown = Map::new();
        for (at, name) in names.iter().enumerate() {
            shown.insert(name.clone(), show(name, row.get(at)?));
        }
        Ok(shown)
    })?;
    let is_own = |row: &Map<String, Json>| !(table == DOCUMENTS && is_servers(row));
    rows.filter(|row| row.as_ref().map_or(true, is_own)).collect()
}

fn is_servers(row: &Map<String, Json>) -> bool {
    row.get("kind").and_then(Json::as_str) == Some(Kind::Server.as_str())
}

fn show(column: &str, value: Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(number) => json!(number),
        Value::Real(number) => json!(number),
        Value::Text(text) if column == JSON => {
            serde_json::from_str(&text).unwrap_or(Json::String(text))
        }
        Value::Text(text) => Json::String(text),
        Value::Blob(bytes) => json!({ "base64": BASE64_STANDARD.encode(bytes) }),
    }
}

/// What is wrong with the tables, if anything is.
fn check(db: &Connection, tables: &Tables) -> rusqlite::Result<Result<(), String>> {
    let known = table_names(db)?;
    for (name, rows) in tables {
        if !known.contains(name) {
            return Ok(Err(format!("tables.{name}: there is no such table here")));
        }
        let columns = columns(db, name)?;
        for (at, row) in rows.iter().enumerate() {
            if let Some(strange) = row.keys().find(|key| !columns.contains(*key)) {
                return Ok(Err(format!("tables.{name}[{at}].{strange}: no such column here")));
            }
            if name == DOCUMENTS && is_servers(row) {
                return Ok(Err(format!("tables.{name}[{at}].kind: a server keeps its own")));
            }
        }
    }
    Ok(Ok(()))
}

fn clear(db: &Connection, table: &str) -> rusqlite::Result<()> {
    if table == DOCUMENTS {
        let server = Kind::Server.as_str();
        return db.execute("DELETE FROM documents WHERE kind <> ?1", [server]).map(drop);
    }
    db.execute(&format!("DELETE FROM {table}"), []).map(drop)
}

/// Writes a row whose table and columns were checked.
fn insert(db: &Connection, table: &str, row: &Map<String, Json>) -> rusqlite::Result<()> {
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    let places = vec!["?"; names.len()].join(", ");
    let sql = format!("INSERT INTO {table} ({}) VALUES ({places})", names.join(", "));
    let values = row.iter().map(|(name, value)| read(name, value));
    db.prepare_cached(&sql)?.execute(params_from_iter(values)).map(drop)
}

fn read(column: &str, value: &Json) -> Value {
    if column == JSON {
        return Value::Text(value.to_string());
    }
    match value {
        Json::Null => Value::Null,
        Json::Bool(yes) => Value::Integer(i64::from(*yes)),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Value::Real(number.as_f64().unwrap_or_default()), Value::Integer),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(_) => Value::Text(value.to_string()),
        Json::Object(object) => object
            .get("base64")
            .and_then(Json::as_str)
            .and_then(|text| BASE64_STANDARD.decode(text).ok())
            .map_or(Value::Null, Value::Blob),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::queue::tests::webhook;

    async fn filled() -> Store {
        let store = Store::open(None).unwrap();
        store.save(Kind::User, "1", &json!({ "hz": 440.5, "name": "Ana \"\n" })).await.unwrap();
        store.save(Kind::Server, "runs", &3).await.unwrap();
        let url = Some("http://127.0.0.1:1/");
        store.add_webhooks(vec![webhook("w", "l", url)]).await.unwrap();
        store.save_entry("c", "1", "{\"text\":\"hello\"}".into()).await.unwrap();
        store
    }

    #[tokio::test]
    async fn everything_comes_back_and_the_servers_own_stays() {
        let store = filled().await;
        let before = store.tables().await.unwrap();
        store.save(Kind::User, "2", &1).await.unwrap();
        store.save(Kind::Server, "runs", &4).await.unwrap();
        store.add_webhooks(vec![webhook("x", "l", None)]).await.unwrap();
        store.save_entry("c", "2", "{}".into()).await.unwrap();
        assert_ne!(store.tables().await.unwrap(), before);
        store.replace(before.clone()).await.unwrap();
        assert_eq!(store.tables().await.unwrap(), before);
        assert_eq!(store.load::<u32>(Kind::Server, "runs").await.unwrap(), Some(4));
        assert!(before[DOCUMENTS].iter().all(|row| row["kind"] != "server"));
    }

    #[tokio::test]
    async fn what_does_not_fit_changes_nothing() {
        let store = filled().await;
        let before = store.tables().await.unwrap();
        let row = |text: &str| vec![serde_json::from_str(text).unwrap()];
        for (table, rows, said) in [
            ("sqlite_schema", vec![], "no such table"),
            ("webhooks", row(r#"{ "x); --": 1 }"#), "no such column"),
            ("webhooks", row(r#"{ "id": "w" }"#), "does not fit"),
            ("documents", row(r#"{ "kind": "server" }"#), "keeps its own"),
        ] {
            let mut tables = before.clone();
            tables.insert(table.to_owned(), rows);
            let refused = store.replace(tables).await.unwrap_err().to_string();
            assert!(refused.contains(said), "{refused}");
            assert_eq!(store.tables().await.unwrap(), before);
        }
    }
}
