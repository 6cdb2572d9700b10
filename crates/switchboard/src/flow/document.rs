//! What does a flow's text say, and where does each word stand?
//!
//! A flow is written in TOML by people and in JSON by programs. Both become one tree whose values know
//! their place, so that there is one reader and each fault names where it is.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use toml::de::{DeTable, DeValue};

use super::Fault;

/// The text of a flow as a tree, not checked.
#[derive(Debug, Clone)]
pub struct Document {
    pub(super) root: Vec<Entry>,
}

/// Where something stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On this line of a TOML text, from 1.
    Line(usize),
    /// Under this path of a JSON document, such as `step.welcome.next`.
    Path(String),
}

/// A name and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: Name,
    pub(super) value: Value,
}

/// A key of a table.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) place: Place,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) what: What,
    pub(super) place: Place,
}

/// What a value is. Flows know no fractions, dates and nulls.
#[derive(Debug, Clone)]
pub(super) enum What {
    Text(String),
    Whole(i64),
    Truth(bool),
    List(Vec<Value>),
    Table(Vec<Entry>),
    Other,
}

impl Place {
    fn nowhere() -> Self {
        Self::Path(String::new())
    }

    /// The place of the whole document.
    pub(super) fn top(&self) -> Self {
        match self {
            Self::Line(_) => Self::Line(1),
            Self::Path(_) => Self::nowhere(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Path(path) if path.is_empty() => f.write_str("the document"),
            Self::Path(path) => f.write_str(path),
        }
    }
}

impl Document {
    /// Reads a TOML text.
    ///
    /// # Errors
    ///
    /// It is no TOML; the fault says where.
    pub fn from_toml(text: &str) -> Result<Self, Fault> {
        match DeTable::parse(text) {
            Ok(table) => Ok(Self { root: Lines { text }.entries(table.get_ref()) }),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let place = Lines { text }.place(at);
                Err(Fault::new(place, error.message().to_owned()))
            }
        }
    }

    /// The place of the document as a whole.
    pub(super) fn top(&self) -> Place {
        self.root.first().map_or(Place::Line(1), |entry| entry.name.place.top())
    }
}

/// The value of a name.
pub(super) fn get<'a>(table: &'a [Entry], name: &str) -> Option<&'a Value> {
    table.iter().find(|entry| entry.name.text == name).map(|entry| &entry.value)
}

/// Turns offsets of a TOML text into lines.
struct Lines<'a> {
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, offset: usize) -> Place {
        Place::Line(1 + self.text.bytes().take(offset).filter(|&b| b == b'\n').count())
    }

    fn entries(&self, table: &DeTable<'_>) -> Vec<Entry> {
        let entry = |(name, value): (&toml::Spanned<toml::de::DeString<'_>>, _)| Entry {
            name: Name {
                text: name.get_ref().clone().into_owned(),
                place: self.place(name.span().start),
            },
            value: self.value(value),
        };
        table.iter().map(entry).collect()
    }

    fn value(&self, value: &toml::Spanned<DeValue<'_>>) -> Value {
        let what = match value.get_ref() {
            DeValue::String(text) => What::Text(text.clone().into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(What::Other, What::Whole),
            DeValue::Boolean(truth) => What::Truth(*truth),
            DeValue::Array(values) => {
                What::List(values.iter().map(|value| self.value(value)).collect())
            }
            DeValue::Table(table) => What::Table(self.entries(table)),
            DeValue::Float(_) | DeValue::Datetime(_) => What::Other,
        };
        Value { what, place: self.place(value.span().start) }
    }
}

impl<'de> Deserialize<'de> for Document {
    /// From a self-describing format, JSON.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let What::Table(mut root) = What::deserialize(deserializer)? else {
            return Err(serde::de::Error::custom("a flow is an object"));
        };
        place_entries(&mut root, "");
        Ok(Self { root })
    }
}

impl<'de> Deserialize<'de> for What {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Tree)
    }
}

/// Gives the values of a JSON document their paths.
fn place_entries(entries: &mut [Entry], path: &str) {
    for entry in entries {
        let dot = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{dot}{}", entry.name.text);
        entry.name.place = Place::Path(path.clone());
        place_value(&mut entry.value, path);
    }
}

fn place_value(value: &mut Value, path: String) {
    match &mut value.what {
        What::List(values) => {
            for (index, value) in values.iter_mut().enumerate() {
                place_value(value, format!("{path}[{index}]"));
            }
        }
        What::Table(entries) => place_entries(entries, &path),
        What::Text(_) | What::Whole(_) | What::Truth(_) | What::Other => {}
    }
    value.place = Place::Path(path);
}

struct Tree;

impl<'de> Visitor<'de> for Tree {
    type Value = What;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of a flow")
    }

    fn visit_str<E>(self, text: &str) -> Result<What, E> {
        Ok(What::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<What, E> {
        Ok(What::Truth(truth))
    }

    fn visit_i64<E>(self, number: i64) -> Result<What, E> {
        Ok(What::Whole(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<What, E> {
        Ok(i64::try_from(number).map_or(What::Other, What::Whole))
    }

    fn visit_f64<E>(self, _: f64) -> Result<What, E> {
        Ok(What::Other)
    }

    fn visit_unit<E>(self) -> Result<What, E> {
        Ok(What::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<What, A::Error> {
        let mut values = Vec::new();
        while let Some(what) = list.next_element()? {
            values.push(Value { what, place: Place::nowhere() });
        }
        Ok(What::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<What, A::Error> {
        let mut entries: Vec<Entry> = Vec::new();
        while let Some((text, what)) = map.next_entry::<String, What>()? {
            if get(&entries, &text).is_some() {
                return Err(serde::de::Error::custom(format_args!("`{text}` stands twice")));
            }
            let name = Name { text, place: Place::nowhere() };
            entries.push(Entry { name, value: Value { what, place: Place::nowhere() } });
        }
        Ok(What::Table(entries))
    }
}
