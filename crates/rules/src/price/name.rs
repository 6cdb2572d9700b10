//! Of which family is a card, and from which day does it hold?
//!
//! Its name says it: `meta-2026-10-01-part` is of family `meta`, in force from 1 October 2026, and
//! holds a part of the markets; `example` holds always. `-messages` before the date keeps the name of
//! a card of message rates apart from the card of call rates of the same family.

use jiff::civil::Date;

/// The characters of `-2026-10-01`.
const DATE_CHARS: usize = 11;

/// A card's name, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CardName {
    pub(super) family: String,
    pub(super) effective: Option<Date>,
}

impl CardName {
    pub(super) fn of(name: &str) -> Self {
        let rest = name.strip_suffix("-part").unwrap_or(name);
        let dated = rest.len().checked_sub(DATE_CHARS).and_then(|at| {
            let (family, date) = rest.split_at_checked(at)?;
            Some((family, date.strip_prefix('-')?.parse().ok()?))
        });
        let (family, effective) = match dated {
            Some((family, date)) => (family, Some(date)),
            None => (rest, None),
        };
        let family = family.strip_suffix("-messages").unwrap_or(family);
        Self { family: family.to_owned(), effective }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_and_day() {
        let table = [
            ("example", "example", None),
            ("meta-2025-08-01", "meta", Some("2025-08-01")),
            ("meta-2026-10-01-part", "meta", Some("2026-10-01")),
            ("our-eur-messages-2026-01-01", "our-eur", Some("2026-01-01")),
            ("example-messages", "example", None),
            ("x-2026-13-01", "x-2026-13-01", None),
            ("-é26-10-01", "-é26-10-01", None),
            ("", "", None),
        ];
        for (name, family, effective) in table {
            let got = CardName::of(name);
            assert_eq!(got.family, family, "{name}");
            assert_eq!(got.effective.map(|date| date.to_string()).as_deref(), effective, "{name}");
        }
    }
}
