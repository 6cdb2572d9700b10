//! Which permission of an app does a request need?
//!
//! A request is to an edge of an object, such as `calls`. The rulebook lists the edges of each
//! scope; an edge on both lists is open to either (fact sheet 1.1, 2.1).

use serde::{Deserialize, Serialize};

use crate::{Refusal, rulebook::Rulebook};

/// A permission a token carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Calls, messages, permissions, media.
    #[serde(rename = "whatsapp_business_messaging")]
    Messaging,
    /// Settings, templates, subscriptions, analytics.
    #[serde(rename = "whatsapp_business_management")]
    Management,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 2] = [Self::Messaging, Self::Management];

    /// Its name in the Graph API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Messaging => "whatsapp_business_messaging",
            Self::Management => "whatsapp_business_management",
        }
    }
}

/// The scopes of which one opens this edge; none means that any token does.
#[must_use]
pub fn scopes_of(edge: &str, book: &Rulebook) -> Vec<Scope> {
    let lists = |scope: &Scope| {
        let edges = match scope {
            Scope::Messaging => &book.access.messaging_edges.value,
            Scope::Management => &book.access.management_edges.value,
        };
        edges.iter().any(|known| known == edge)
    };
    Scope::ALL.into_iter().filter(lists).collect()
}

/// The scope a token lacks for this edge; `None` if it may.
#[must_use]
pub fn missing(edge: &str, held: &[Scope], book: &Rulebook) -> Option<Scope> {
    let needed = scopes_of(edge, book);
    if needed.iter().any(|scope| held.contains(scope)) { None } else { needed.first().copied() }
}

/// The first of these that is no webhook field.
#[must_use]
pub fn strange_field<'a>(fields: &'a [String], book: &Rulebook) -> Option<&'a str> {
    let known = &book.access.webhook_fields.value;
    fields.iter().find(|field| !known.contains(field)).map(String::as_str)
}

/// The version of the API a request means: the one it names, or the newest.
///
/// # Errors
///
/// [`Refusal::VersionTooOld`].
pub fn version(asked: Option<u32>, book: &Rulebook) -> Result<u32, Refusal> {
    let min = book.access.version_min.value;
    match asked {
        Some(version) if version < min => Err(Refusal::VersionTooOld { version, min }),
        Some(version) => Ok(version),
        None => Ok(book.access.version_newest.value),
    }
}
