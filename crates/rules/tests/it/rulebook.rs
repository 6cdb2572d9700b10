//! Rulebooks: what they hold, how they differ, how a broken one is refused.

use std::fmt::Write as _;

use offhook_rules::rulebook::{Rulebook, diff, list, named};

use crate::facts::{beta, newest, s};

const TEXT: &str = include_str!("../../rulebooks/2025-beta.toml");

fn refused(text: &str) -> String {
    Rulebook::parse("mine", "mine.toml", text).unwrap_err().to_string()
}

#[test]
fn the_shipped_ones_by_name_oldest_first() {
    let names: Vec<_> = list().iter().map(|book| book.name.as_str()).collect();
    assert_eq!(names, ["2025-beta", "2026-10"]);
    assert_eq!(beta().name, "2025-beta", "the platform's default");
    assert!(named("2027-01").is_none());
}

#[test]
fn the_difference_is_what_the_product_says() {
    let mut out = String::new();
    for row in diff(&beta(), &newest()) {
        let value = |e: Option<&offhook_rules::rulebook::Entry>| {
            e.map_or_else(|| "-".into(), |e| e.value.to_string())
        };
        writeln!(
            out,
            "{}: {} -> {}",
            row.path,
            value(row.before.as_ref()),
            value(row.after.as_ref())
        )
        .unwrap();
    }
    insta::assert_snapshot!("rulebook_diff", out);
    assert_eq!(diff(&beta(), &beta()), []);
}

#[test]
fn every_rule_has_a_source() {
    for book in list() {
        assert!(book.entries().len() >= 40);
        assert!(book.entries().iter().all(|entry| entry.source.len() >= 5), "{}", book.name);
    }
    let window = &beta().call.answer_window;
    assert_eq!((window.value, window.source.contains("3.3")), (s(45), true));
}

/// What we deduced or took from elsewhere must be said to whoever compares us with the real thing.
#[test]
#[expect(clippy::disallowed_methods, reason = "the page is read as text")]
fn every_uncertain_rule_stands_in_the_fidelity_page() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/fidelity.md");
    let page = std::fs::read_to_string(page).unwrap();
    let named: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let is_named = |path: &str| {
        named.iter().any(|name| match name.split_once('*') {
            Some((from, to)) => path.starts_with(from) && path.ends_with(to),
            None => *name == path,
        })
    };
    for book in list() {
        for entry in book.entries() {
            let doubts = ["INFERRED", "GENERAL", "general", "not documented", "CONFLICT"];
            if doubts.iter().any(|word| entry.source.contains(word)) {
                assert!(is_named(&entry.path), "{} of {} is not there", entry.path, book.name);
            }
        }
    }
}

/// What is replaced, by what, in the line of which rule, and the complaint.
const BROKEN: [[&str; 4]; 12] = [
    ["\"45 s\"", "45", "answer_window", "call.answer_window: expected a time longer than nothing"],
    [
        "\"45 s\"",
        "\"0 s\"",
        "answer_window",
        "such as \"45 s\", \"24 h\" or \"7 d\", found \"0 s\"",
    ],
    ["\"45 s\"", "\"45 parsecs\"", "answer_window", "found \"45 parsecs\""],
    ["value = 1000,", "value = -1,", "tier_min", "eligibility.tier_min: expected a whole number"],
    ["\"US\"", "\"USA\"", "blocked_countries", "expected a list of country codes"],
    ["\"calling\"", "\"both\"", "blocked_scope", "expected \"calling\" or \"business_initiated\""],
    [
        "business = { value = true",
        "business = { value = \"yes\"",
        "both_silent",
        "expected true or false",
    ],
    ["source = \"sheet 4.8", "sauce = \"sheet 4.8", "ring_timeout", "unknown key \"sauce\""],
    ["\"sheet 3.1\"", "\" \"", "opaque_chars_max", "call.opaque_chars_max: source is missing"],
    ["silent_mid_call", "silent_mid", "silent_from_start", "media.silent_mid_call is missing"],
    [
        "after = { value = 2",
        "after = { value = 5",
        "nudge_after",
        "permission.nudge_after: 5 is more than",
    ],
    ["[media]", "[media", "[media]", ""],
];

#[test]
fn a_broken_rulebook_names_file_line_and_reason() {
    let line = |what: &str| 1 + TEXT.lines().position(|line| line.starts_with(what)).unwrap();
    for [from, to, rule, reason] in BROKEN {
        assert!(TEXT.contains(from), "{from}");
        let got = refused(&TEXT.replacen(from, to, 1));
        let is_absent = reason.ends_with("is missing") && !reason.contains("source");
        let place = if is_absent { String::new() } else { format!(":{}", line(rule)) };
        assert!(got.starts_with(&format!("mine.toml{place}: ")), "{got} (want {place:?})");
        assert!(got.contains(reason), "{got} (want {reason})");
    }
    let one_more = TEXT.replacen("[media]", "[media]\nextra = { value = 1, source = \"none\" }", 1);
    let want = format!("mine.toml:{}: media.extra: no such rule", line("[media]") + 1);
    assert_eq!(refused(&one_more), want);
}

#[test]
fn single_rules_can_be_replaced() {
    let book = beta()
        .with(&[("call.answer_window", "30 s"), ("eligibility.blocked_countries", "FR, DE")])
        .unwrap();
    assert_eq!(book.call.answer_window.value, s(30));
    assert_eq!(book.eligibility.blocked_countries.value.len(), 2);
    assert_eq!(diff(&beta(), &book).len(), 2);
    let none = beta().with(&[("eligibility.blocked_countries", "")]).unwrap();
    assert!(none.eligibility.blocked_countries.value.is_empty());
    let why = |path, text| beta().with(&[(path, text)]).unwrap_err().to_string();
    assert_eq!(why("call.nothing", "1"), "2025-beta: call.nothing: no such rule");
    let soon = why("call.answer_window", "soon");
    assert!(soon.starts_with("2025-beta: call.answer_window: expected a time"), "{soon}");
}
