//! Is every row of `docs/errors.md` reached by a request?
//!
//! Each scenario makes its requests and meets rows: HTTP status, code and title are compared with the
//! document, and the details with a part of their text. Only what was met while they ran counts; a row
//! that none of them met fails.

mod access;
mod calls;
mod failures;
mod messages;
mod requests;
mod sandbox;
mod settings;
mod templates;

use std::{collections::BTreeSet, path::Path};

use futures_util::future::{FutureExt as _, LocalBoxFuture, join_all};
use serde_json::Value;

/// Code and the rule's name, by which a row is looked for.
pub(crate) type Key = (i64, &'static str);

/// A row as the document has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    code: i64,
    /// None for what is never an answer's status.
    http: Option<u16>,
    title: String,
    rule: String,
}

/// The rows met so far in one scenario.
#[derive(Debug)]
pub(crate) struct Meeting {
    rows: Vec<Row>,
    met: BTreeSet<Row>,
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
        assert_eq!(error["code"], key.0);
        let message = error["message"].as_str().unwrap_or_default();
        let title = message.strip_prefix(&format!("(#{}) ", key.0)).unwrap_or(message);
        self.meet(key, |row| row.http == Some(answer.0) && row.title == title, &answer.1);
    }

    /// An answer of the sandbox API is this row's.
    #[track_caller]
    pub(crate) fn sandbox(&mut self, key: Key, text: &str, answer: &(u16, Value)) {
        let (code, rule) = (answer.1["code"].as_i64(), answer.1["rule"].as_str());
        assert_eq!((code, rule), (Some(key.0), Some(key.1)), "{answer:?}");
        assert!(answer.1["text"].as_str().is_some_and(|said| said.contains(text)), "{answer:?}");
        self.meet(key, |_| true, &answer.1);
    }

    /// What a phone is told is this row's.
    #[track_caller]
    pub(crate) fn phone(&mut self, key: Key, text: &str, frame: &Value) {
        assert_eq!((&frame["type"], &frame["code"]), (&"refused".into(), &key.1.into()), "{frame}");
        assert!(frame["text"].as_str().is_some_and(|said| said.contains(text)), "{frame}");
        self.meet(key, |_| true, frame);
    }

    /// The error of a webhook (a failed message's status, a failed call's end) is this row's.
    #[track_caller]
    pub(crate) fn webhook(&mut self, key: Key, details: &str, failed: &Value) {
        let error = &failed["errors"][0];
        let said = error["error_data"]["details"].as_str().unwrap_or_default();
        assert!(error["code"] == key.0 && said.contains(details), "{key:?}: {failed}");
        self.meet(key, |row| error["title"] == row.title, failed);
    }

    /// An error of a number's health is this row's.
    #[track_caller]
    pub(crate) fn health(&mut self, key: Key, entity: &Value) {
        let errors = entity["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
        let error = errors.iter().find(|error| error["error_code"] == key.0);
        let error = error.unwrap_or_else(|| panic!("{key:?}: {entity}"));
        self.meet(key, |row| error["error_description"] == row.title, entity);
    }

    /// The one row of this key that fits was met.
    #[track_caller]
    fn meet(&mut self, key: Key, fits: impl Fn(&Row) -> bool, seen: &Value) {
        let is_row = |row: &&Row| (row.code, row.rule.as_str()) == key && fits(row);
        let found: Vec<&Row> = self.rows.iter().filter(is_row).collect();
        let [row] = found[..] else { panic!("{key:?} is not one row: {found:?}: {seen}") };
        self.met.insert(row.clone());
    }
}

fn rows() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    let text = std::fs::read_to_string(Path::new(path)).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let rule = cells.get(3)?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        let (code, http) = (cells[0].parse().ok()?, cells[1].parse().ok());
        Some(Row { code, http, title: cells[2].to_owned(), rule })
    };
    text.lines().filter(|line| line.starts_with('|')).filter_map(row).collect()
}

fn scenarios() -> Vec<LocalBoxFuture<'static, Meeting>> {
    vec![
        access::of_access().boxed_local(),
        calls::of_eligibility().boxed_local(),
        calls::of_limits().boxed_local(),
        calls::of_actions().boxed_local(),
        failures::of_health().boxed_local(),
        failures::of_calls_that_fail().boxed_local(),
        failures::of_a_phone_without_a_path().boxed_local(),
        messages::of_messages().boxed_local(),
        messages::of_numbers().boxed_local(),
        messages::of_what_does_not_arrive().boxed_local(),
        requests::of_requests().boxed_local(),
        sandbox::of_the_user().boxed_local(),
        sandbox::of_a_platform_that_cannot_write().boxed_local(),
        settings::of_settings().boxed_local(),
        templates::of_templates().boxed_local(),
    ]
}

/// One test for all, as only together do they meet every row; they run side by side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_row_is_met() {
    let rows: BTreeSet<Row> = rows().into_iter().collect();
    assert!(rows.len() > 60, "{}", rows.len());
    let meetings = join_all(scenarios()).await;
    let met: BTreeSet<Row> = meetings.into_iter().flat_map(|meeting| meeting.met).collect();
    let unmet: Vec<&Row> = rows.difference(&met).collect();
    assert!(unmet.is_empty(), "no request meets {unmet:#?}");
}
