//! What does this text say to this caller?
//!
//! A text of a flow may hold places in braces: `{caller}`, `{name}`, `{country}`, `{payload}`,
//! `{keys}` or the name of a variable. What is not known leaves nothing.

use super::{Caller, Trail};

/// The names a variable cannot have.
pub(super) const BUILT_IN: [&str; 5] = ["caller", "name", "country", "payload", "keys"];

/// A text with places to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Place(String),
}

/// Braces that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unclosed;

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, Unclosed> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or(Unclosed)?;
            if before.contains('}') || name.contains('{') {
                return Err(Unclosed);
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Place(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err(Unclosed);
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Ok(Self(pieces))
    }

    /// One that says this to everybody.
    pub(super) fn fixed(text: &str) -> Self {
        Self(vec![Piece::Text(text.to_owned())])
    }

    /// The names in braces.
    pub(super) fn places(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Place(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Whether it says the same to everybody.
    pub(super) fn is_fixed(&self) -> bool {
        self.places().next().is_none()
    }

    pub(super) fn filled(&self, caller: &Caller, trail: &Trail) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Place(name) => text.push_str(&value(name, caller, trail)),
            }
        }
        text
    }

    /// The text as it was written.
    pub(super) fn source(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Place(name) => format!("{{{name}}}"),
        };
        self.0.iter().map(piece).collect()
    }
}

fn value(name: &str, caller: &Caller, trail: &Trail) -> String {
    match name {
        "caller" => caller.number.as_ref().map(|number| number.as_str().to_owned()),
        "name" => caller.name.clone(),
        "country" => caller.country().map(|country| country.as_str().to_owned()),
        "payload" => caller.payload.clone(),
        "keys" => Some(trail.keys().to_owned()),
        variable => trail.variables().get(variable).cloned(),
    }
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_the_unknown_leaves_nothing() {
        let caller = Caller { number: Some("5511988887777".parse().unwrap()), ..Caller::default() };
        let mut trail = Trail::default();
        trail.set("topic", "bills");
        let said = |text| Template::parse(text).unwrap().filled(&caller, &trail);
        assert_eq!(said("{caller} of {country}{name}: {topic}."), "5511988887777 of BR: bills.");
        assert_eq!(said("plain"), "plain");
        for text in ["{open", "close}", "{a{b}}", "a } b {c}"] {
            assert_eq!(Template::parse(text), Err(Unclosed), "{text}");
        }
    }
}
