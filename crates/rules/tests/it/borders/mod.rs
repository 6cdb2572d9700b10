//! Does every rule of the rulebooks decide something, and what does it decide at its border?
//!
//! One [`Case`] a rule: facts one step before, at and after its border, and the verdicts in words.
//! A rule without a case, a case without a rule, and a case whose verdicts do not change with its
//! rule all fail. What only a shell asks stands in [`ELSEWHERE`] with the test that covers it.
//!
//! A new rule needs one line in one of the tables of this folder.

mod access;
mod calls;
mod captures;
mod codes;
mod consent;
mod files;
mod messages;
mod money;
mod others;
mod quality;
mod settings;

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use offhook_rules::rulebook::{Rulebook, list};

/// One rule at its border.
#[derive(Clone, Copy)]
pub(super) struct Case {
    /// Section and name of the rule.
    pub(super) rule: &'static str,
    /// Two values the rule might have; the first that is not its value is tried.
    pub(super) other: [&'static str; 2],
    /// The verdicts, in words.
    pub(super) verdict: fn(&Rulebook) -> String,
}

/// A rule that only a shell reads, and the test of that shell that fails without it.
const ELSEWHERE: &[(&str, &str, &str)] = &[
    ("call.opaque_chars_max", BORDERS, "a_text_to_echo_is_as_long_as_the_rulebook_lets_it"),
    ("access.dialog_errors", EDITION, "its_errors_are_graphs_where_a_rule_says_so"),
    ("call.action_required", BORDERS, "a_request_without_an_action_is_what_its_session_says"),
    ("call.payment_error", BORDERS, "a_call_that_is_not_paid_for_is_told_as_the_rulebook_says"),
];

/// The 360dialog edition's own errors.
const EDITION: &str = "platform/tests/it/edition.rs";

/// The server's own table.
const BORDERS: &str = "platform/tests/it/borders.rs";

fn cases() -> Vec<Case> {
    [
        access::CASES,
        calls::CASES,
        consent::CASES,
        messages::CASES,
        settings::CASES,
        others::CASES,
        money::CASES,
        quality::CASES,
        files::CASES,
        captures::CASES,
        codes::CASES,
    ]
    .concat()
}

/// Says what a verdict is at the steps before, at and after `border`.
pub(super) fn around<T: std::fmt::Display>(border: i64, verdict: impl Fn(i64) -> T) -> String {
    let line: Vec<_> =
        [border - 1, border, border + 1].iter().map(|n| format!("{n} {}", verdict(*n))).collect();
    line.join(" | ")
}

/// `ok`, or the rule that says no.
pub(super) fn said<T>(verdict: Result<T, offhook_rules::Refusal>) -> &'static str {
    verdict.map_or_else(|refusal| refusal.rule(), |_| "ok")
}

fn value<'a>(book: &'a Rulebook, rule: &str) -> &'a offhook_rules::rulebook::Raw {
    &book.entries().iter().find(|entry| entry.path == rule).unwrap().value
}

#[test]
fn every_rule_of_the_rulebooks_has_a_case() {
    let covered: Vec<_> = cases()
        .iter()
        .map(|case| case.rule)
        .chain(ELSEWHERE.iter().map(|(rule, _, _)| *rule))
        .collect();
    let unique: BTreeSet<_> = covered.iter().copied().collect();
    assert_eq!(unique.len(), covered.len(), "a rule stands here twice");
    for book in list() {
        let rules: BTreeSet<_> = book.entries().iter().map(|entry| entry.path.as_str()).collect();
        let without: Vec<_> = rules.difference(&unique).collect();
        assert!(
            without.is_empty(),
            "{}: no case for {without:?}: add a line to a table in crates/rules/tests/it/borders, \
             with the verdicts before, at and after its border",
            book.name
        );
        let gone: Vec<_> = unique.difference(&rules).collect();
        assert!(gone.is_empty(), "{}: no such rule any more: {gone:?}", book.name);
    }
}

#[test]
fn another_value_is_another_verdict() {
    for book in list() {
        for case in cases() {
            let now = value(book, case.rule).to_string();
            let other = case.other.iter().find(|other| **other != now).unwrap();
            let changed = book.with(&[(case.rule, other)]).unwrap();
            let (before, after) = ((case.verdict)(book), (case.verdict)(&changed));
            assert_ne!(before, after, "{}: {} decides nothing", book.name, case.rule);
        }
    }
}

#[test]
fn the_verdicts_at_every_border() {
    let mut out = String::new();
    for case in cases() {
        let mut last = String::new();
        for book in list() {
            let verdict = (case.verdict)(book);
            if verdict != last {
                writeln!(out, "{} = {}\n  {verdict}", case.rule, value(book, case.rule)).unwrap();
            }
            last = verdict;
        }
    }
    insta::assert_snapshot!("borders", out);
}

/// The named test exists, and its file names the rule.
#[test]
#[expect(clippy::disallowed_methods, reason = "the other crates' tests are read as text")]
fn what_a_shell_reads_is_tested_there() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for (rule, file, test) in ELSEWHERE {
        let text = std::fs::read_to_string(crates.join(file)).unwrap();
        assert!(text.contains(&format!("fn {test}()")), "{rule}: no test {test} in {file}");
        assert!(text.contains(rule), "{rule}: {file} does not set it");
    }
}
