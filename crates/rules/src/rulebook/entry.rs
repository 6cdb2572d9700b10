//! How is one rule written in the file, and which line is wrong?
//!
//! A rulebook is a TOML file of sections; every rule is `name = { value = …, source = "…" }`. The
//! value is kept as text or a list of texts until the section that knows the rule reads it, so an
//! error names the file, the line, the rule and what was expected.

use std::{collections::BTreeMap, fmt, time::Duration};

use terms::Country;
use toml::de::{DeTable, DeValue};

use crate::{client::ClientVersion, limits::NumberKind};

/// Why a rulebook cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {reason}", Place(*line))]
pub struct RulebookError {
    /// The file's name.
    pub file: String,
    /// The line, from 1; 0 where no line exists (a missing rule, one replaced at a start).
    pub line: usize,
    /// What is wrong, in words.
    pub reason: String,
}

/// A line of a file, if there is one.
struct Place(usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            line => write!(f, ":{line}"),
        }
    }
}

/// One rule as it stands in a file, for listing and comparing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Section and name, such as `call.answer_window`.
    pub path: String,
    /// The value.
    pub value: Raw,
    /// Where the value comes from.
    pub source: String,
    pub(super) line: usize,
}

/// A value before its meaning is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// A number, text or switch.
    One(String),
    /// A list of them.
    Many(Vec<String>),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(text) => f.write_str(text),
            Self::Many(items) => f.write_str(&items.join(", ")),
        }
    }
}

/// A rule's value with the place it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<T> {
    /// The value.
    pub value: T,
    /// Where it comes from: a page of the API's documents, a trace, or a decision of ours.
    pub source: String,
}

/// What a rule's value may be.
pub(super) trait Reads: Sized {
    /// What is expected, for an error.
    const EXPECTED: &'static str;
    fn read(raw: &Raw) -> Option<Self>;
}

fn one<T: std::str::FromStr>(raw: &Raw) -> Option<T> {
    match raw {
        Raw::One(text) => text.parse().ok(),
        Raw::Many(_) => None,
    }
}

fn many<T>(raw: &Raw, item: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    match raw {
        Raw::One(_) => None,
        Raw::Many(items) => items.iter().map(|text| item(text)).collect(),
    }
}

impl Reads for u32 {
    const EXPECTED: &'static str = "a whole number from 0 to 4294967295";
    fn read(raw: &Raw) -> Option<Self> {
        one(raw)
    }
}

impl Reads for u16 {
    const EXPECTED: &'static str = "a whole number from 0 to 65535";
    fn read(raw: &Raw) -> Option<Self> {
        one(raw)
    }
}

impl Reads for ClientVersion {
    const EXPECTED: &'static str = "a version of the app, such as \"2.24.14\"";
    fn read(raw: &Raw) -> Option<Self> {
        one(raw)
    }
}

impl Reads for bool {
    const EXPECTED: &'static str = "true or false";
    fn read(raw: &Raw) -> Option<Self> {
        one(raw)
    }
}

impl Reads for Duration {
    const EXPECTED: &'static str =
        "a time longer than nothing, such as \"45 s\", \"24 h\" or \"7 d\"";
    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::One(text) => read_span(text).filter(|span| !span.is_zero()),
            Raw::Many(_) => None,
        }
    }
}

impl Reads for String {
    const EXPECTED: &'static str = "a text that is not empty";
    fn read(raw: &Raw) -> Option<Self> {
        match raw {
            Raw::One(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
            Raw::Many(_) => None,
        }
    }
}

impl Reads for Vec<Duration> {
    const EXPECTED: &'static str = "a list of times, such as [\"10 s\", \"1 min\"]";
    fn read(raw: &Raw) -> Option<Self> {
        many(raw, read_span).filter(|spans| !spans.is_empty())
    }
}

impl Reads for Vec<Country> {
    const EXPECTED: &'static str = "a list of country codes, such as [\"US\", \"CA\"]";
    fn read(raw: &Raw) -> Option<Self> {
        many(raw, |text| text.parse().ok())
    }
}

impl Reads for Vec<NumberKind> {
    const EXPECTED: &'static str = "a list of \"production\", \"test\" and \"sandbox\"";
    fn read(raw: &Raw) -> Option<Self> {
        many(raw, |text| NumberKind::ALL.into_iter().find(|kind| kind.as_str() == text))
    }
}

impl Reads for Vec<String> {
    const EXPECTED: &'static str = "a list of texts";
    fn read(raw: &Raw) -> Option<Self> {
        many(raw, |text| Some(text.to_owned()))
    }
}

/// A type of file and its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileType {
    /// Such as `audio/ogg`.
    pub mime: String,
    /// The largest such file.
    pub bytes_max: u64,
}

impl Reads for Vec<FileType> {
    const EXPECTED: &'static str =
        "a list of types with their largest size in bytes, such as [\"audio/ogg 16777216\"]";
    fn read(raw: &Raw) -> Option<Self> {
        many(raw, |text| {
            let (mime, bytes_max) = text.trim().split_once(' ')?;
            Some(FileType { mime: mime.to_owned(), bytes_max: bytes_max.parse().ok()? })
        })
    }
}

/// Reads `45 s`, `2 min`, `24 h` or `7 d`.
fn read_span(text: &str) -> Option<Duration> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// A rulebook file, taken apart; sections take their rules out, and nothing may be left.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    file: &'a str,
    rules: BTreeMap<String, Entry>,
}

impl<'a> Sheet<'a> {
    /// Takes a file apart.
    pub(super) fn parse(file: &'a str, text: &str) -> Result<Self, RulebookError> {
        let fault = |at: usize, reason: String| RulebookError {
            file: file.into(),
            line: line_of(text, at),
            reason,
        };
        let table = DeTable::parse(text).map_err(|error| {
            fault(error.span().map_or(0, |span| span.start), error.message().to_owned())
        })?;
        let mut rules = BTreeMap::new();
        for (section, body) in table.get_ref() {
            let name = section.get_ref();
            let Some(body_table) = body.get_ref().as_table() else {
                return Err(fault(section.span().start, format!("{name} is not a section")));
            };
            for (key, rule) in body_table {
                let path = format!("{name}.{}", key.get_ref());
                let at = key.span().start;
                let (value, source) =
                    read_rule(rule.get_ref()).map_err(|why| fault(at, format!("{path}: {why}")))?;
                let line = line_of(text, at);
                rules.insert(path.clone(), Entry { path, value, source, line });
            }
        }
        Ok(Self { file, rules })
    }

    /// From the entries of a book that was read before.
    pub(super) fn from_entries(file: &'a str, entries: &[Entry]) -> Self {
        Self { file, rules: entries.iter().map(|e| (e.path.clone(), e.clone())).collect() }
    }

    /// Every rule, by path.
    pub(super) fn entries(&self) -> Vec<Entry> {
        self.rules.values().cloned().collect()
    }

    /// Replaces the value of a rule.
    pub(super) fn replace(
        &mut self,
        path: &str,
        value: Raw,
        source: &str,
    ) -> Result<(), RulebookError> {
        let Some(entry) = self.rules.get_mut(path) else {
            return Err(self.fault(0, format!("{path}: no such rule")));
        };
        entry.value = value;
        source.clone_into(&mut entry.source);
        entry.line = 0;
        Ok(())
    }

    /// Takes one rule out.
    pub(super) fn take<T: Reads>(
        &mut self,
        section: &str,
        name: &str,
    ) -> Result<Rule<T>, RulebookError> {
        let path = format!("{section}.{name}");
        let Some(entry) = self.rules.remove(&path) else {
            return Err(self.fault(0, format!("{path} is missing; expected {}", T::EXPECTED)));
        };
        match T::read(&entry.value) {
            Some(value) => Ok(Rule { value, source: entry.source }),
            None => Err(self.fault(
                entry.line,
                format!("{path}: expected {}, found {:?}", T::EXPECTED, entry.value.to_string()),
            )),
        }
    }

    /// Ends the reading; a rule nobody took is an error.
    pub(super) fn finish(self) -> Result<(), RulebookError> {
        match self.rules.values().next() {
            Some(entry) => Err(self.fault(entry.line, format!("{}: no such rule", entry.path))),
            None => Ok(()),
        }
    }

    /// An error of this file.
    pub(super) fn fault(&self, line: usize, reason: String) -> RulebookError {
        RulebookError { file: self.file.into(), line, reason }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// Reads `{ value = …, source = "…" }`.
fn read_rule(rule: &DeValue<'_>) -> Result<(Raw, String), String> {
    let Some(table) = rule.as_table() else {
        return Err("expected { value = …, source = \"…\" }".into());
    };
    for key in table.keys() {
        if !["value", "source"].contains(&key.get_ref().as_ref()) {
            return Err(format!("unknown key {:?} beside value and source", key.get_ref()));
        }
    }
    let value = table.get("value").ok_or("value is missing")?;
    let source = table.get("source").and_then(|s| s.get_ref().as_str()).unwrap_or("");
    if source.trim().is_empty() {
        return Err("source is missing: every rule says where it comes from".into());
    }
    Ok((read_raw(value.get_ref())?, source.to_owned()))
}

fn read_raw(value: &DeValue<'_>) -> Result<Raw, String> {
    if let Some(items) = value.as_array() {
        return items
            .iter()
            .map(|item| read_scalar(item.get_ref()))
            .collect::<Result<_, _>>()
            .map(Raw::Many);
    }
    read_scalar(value).map(Raw::One)
}

fn read_scalar(value: &DeValue<'_>) -> Result<String, String> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    if let Some(number) = value.as_integer().filter(|n| n.radix() == 10) {
        return Ok(number.as_str().to_owned());
    }
    if let Some(switch) = value.as_bool() {
        return Ok(switch.to_string());
    }
    Err(format!("a {} is not a rule's value", value.type_str()))
}
