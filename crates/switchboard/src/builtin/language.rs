//! In which language does a built-in bot speak?

use terms::{Country, WaId};

/// Where Portuguese is what callers of a number expect.
const PORTUGUESE: [&str; 9] = ["AO", "BR", "CV", "GW", "MO", "MZ", "PT", "ST", "TL"];

/// A language there are recordings of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// English.
    English,
    /// Portuguese, as in Brazil.
    Portuguese,
}

impl Language {
    /// The language of a tag such as `pt` or `en-gb`, if there are recordings of it.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let first = tag.split(['-', '_']).next().unwrap_or_default();
        match first.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "pt" => Some(Self::Portuguese),
            _ => None,
        }
    }

    /// The language of the country of a number; English where there are no recordings of it.
    #[must_use]
    pub fn of_number(number: &WaId) -> Self {
        match Country::of(number) {
            Some(country) if PORTUGUESE.contains(&country.as_str()) => Self::Portuguese,
            Some(_) | None => Self::English,
        }
    }
}
