//! Is every row of `docs/errors.md` reached by a request?
//!
//! Each test makes its requests and meets rows: HTTP status, code and title are compared with the
//! document, and the details with a part of their text. A row nobody meets fails the last test.

mod access;
mod calls;
mod messages;
mod requests;
mod sandbox;
mod settings;
mod templates;

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

/// A row by which it is known: code and the rule's name.
pub(crate) type Key = (i64, &'static str);

/// Every row some test here meets.
const MET: [&[Key]; 7] = [
    access::ROWS,
    calls::ROWS,
    messages::ROWS,
    requests::ROWS,
    sandbox::ROWS,
    settings::ROWS,
    templates::ROWS,
];

/// A row as the document has it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    code: i64,
    http: u16,
    title: String,
    rule: String,
}

/// The rows met so far in one test.
#[derive(Debug)]
pub(crate) struct Meeting {
    rows: Vec<Row>,
    met: BTreeSet<Key>,
}

impl Meeting {
    pub(crate) fn new() -> Self {
        Self { rows: rows(), met: BTreeSet::new() }
    }

    /// A Graph answer is this row's.
    #[track_caller]
    pub(crate) fn graph(&mut self, key: Key, details: &str, answer: &(u16, Value)) {
        let error = &answer.1["error"];
        let said = error["error_data"]["details"].as_str().unwrap_or_default();
        assert!(said.contains(details), "{key:?}: {answer:?}");
        let message = error["message"].as_str().unwrap_or_default();
        let title = message.strip_prefix(&format!("(#{}) ", key.0)).unwrap_or(message);
        let is_row = |row: &Row| {
            (row.code, row.rule.as_str()) == key && row.http == answer.0 && row.title == title
        };
        assert!(self.rows.iter().any(is_row), "{key:?} has no such row: {answer:?}");
        assert_eq!(error["code"], key.0);
        self.met.insert(key);
    }

    /// An answer of the sandbox API is this row's.
    #[track_caller]
    pub(crate) fn sandbox(&mut self, key: Key, text: &str, answer: &(u16, Value)) {
        let (code, rule) = (answer.1["code"].as_i64(), answer.1["rule"].as_str());
        assert_eq!((code, rule), (Some(key.0), Some(key.1)), "{answer:?}");
        assert!(answer.1["text"].as_str().is_some_and(|said| said.contains(text)), "{answer:?}");
        assert!(self.rows.iter().any(|row| (row.code, row.rule.as_str()) == key), "{key:?}");
        self.met.insert(key);
    }

    /// What a phone is told is this row's.
    #[track_caller]
    pub(crate) fn phone(&mut self, key: Key, text: &str, frame: &Value) {
        assert_eq!((&frame["type"], &frame["code"]), (&"refused".into(), &key.1.into()), "{frame}");
        assert!(frame["text"].as_str().is_some_and(|said| said.contains(text)), "{frame}");
        self.met.insert(key);
    }

    /// The error of a failed message's status is this row's.
    #[track_caller]
    pub(crate) fn status(&mut self, key: Key, details: &str, status: &Value) {
        let error = &status["errors"][0];
        let said = error["error_data"]["details"].as_str().unwrap_or_default();
        assert!(error["code"] == key.0 && said.contains(details), "{key:?}: {status}");
        self.met.insert(key);
    }

    /// All of these were met, and no other.
    #[track_caller]
    pub(crate) fn all_of(self, keys: &[&'static [Key]]) {
        let wanted: BTreeSet<Key> = keys.iter().flat_map(|keys| keys.iter().copied()).collect();
        assert_eq!(self.met, wanted);
    }
}

fn rows() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    let text = std::fs::read_to_string(Path::new(path)).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let rule = cells.get(3)?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        let (code, http) = (cells[0].parse().ok()?, cells[1].parse().ok()?);
        Some(Row { code, http, title: cells[2].to_owned(), rule })
    };
    text.lines().filter(|line| line.starts_with('|')).filter_map(row).collect()
}

#[test]
fn every_row_is_met() {
    let met: BTreeSet<Key> = MET.iter().flat_map(|keys| keys.iter().copied()).collect();
    let rows = rows();
    assert!(rows.len() > 40, "{}", rows.len());
    let unmet: Vec<&Row> =
        rows.iter().filter(|row| !met.contains(&(row.code, row.rule.as_str()))).collect();
    assert!(unmet.is_empty(), "no test meets {unmet:#?}");
}
