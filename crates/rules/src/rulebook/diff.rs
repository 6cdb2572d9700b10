//! In what do two rulebooks differ?

use std::collections::BTreeMap;

use super::{Entry, Rulebook};

/// A rule whose value is not the same in two rulebooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Section and name.
    pub path: String,
    /// The rule in the first book.
    pub before: Option<Entry>,
    /// The rule in the second book.
    pub after: Option<Entry>,
}

/// The rules with different values, by path; a different source alone is no difference.
#[must_use]
pub fn diff(before: &Rulebook, after: &Rulebook) -> Vec<Difference> {
    let mut rows: BTreeMap<&str, (Option<&Entry>, Option<&Entry>)> = BTreeMap::new();
    for entry in before.entries() {
        rows.entry(&entry.path).or_default().0 = Some(entry);
    }
    for entry in after.entries() {
        rows.entry(&entry.path).or_default().1 = Some(entry);
    }
    rows.into_iter()
        .filter(|(_, (a, b))| a.map(|e| &e.value) != b.map(|e| &e.value))
        .map(|(path, (a, b))| Difference {
            path: path.to_owned(),
            before: a.cloned(),
            after: b.cloned(),
        })
        .collect()
}
