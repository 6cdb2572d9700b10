//! Whose rows are asked for?
//!
//! Every row is of one line. A question about a user is about one user of one line ([`ContactKey`]);
//! a list is about the lines of whoever asks ([`LineSet`]), and shows nothing of any other.

use std::{collections::BTreeSet, sync::Arc};

use rusqlite::{
    ToSql,
    types::{ToSqlOutput, Value},
};
use terms::{PhoneNumberId, UserRef};

/// A user as one line knows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContactKey {
    /// Our number.
    pub line: PhoneNumberId,
    /// The user, by what is known.
    pub user: UserRef,
}

/// Some lines. In a statement it is a JSON array: `line IN (SELECT value FROM json_each(?1))`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LineSet(Arc<BTreeSet<PhoneNumberId>>);

impl LineSet {
    /// One line alone.
    pub(crate) fn one(line: &PhoneNumberId) -> Self {
        std::iter::once(line.clone()).collect()
    }

    /// Whether this one is among them.
    pub(crate) fn contains(&self, line: &PhoneNumberId) -> bool {
        self.0.contains(line)
    }

    /// What [`LineSet::to_json`] wrote; what cannot be read is no line.
    pub(super) fn from_json(text: &str) -> Self {
        let ids: Vec<PhoneNumberId> = serde_json::from_str(text).unwrap_or_default();
        ids.into_iter().collect()
    }

    pub(super) fn to_json(&self) -> String {
        // Ids are digits.
        let ids: Vec<String> = self.0.iter().map(|id| format!("\"{id}\"")).collect();
        format!("[{}]", ids.join(","))
    }
}

impl FromIterator<PhoneNumberId> for LineSet {
    fn from_iter<I: IntoIterator<Item = PhoneNumberId>>(lines: I) -> Self {
        Self(Arc::new(lines.into_iter().collect()))
    }
}

impl ToSql for LineSet {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(Value::Text(self.to_json())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_and_read_and_knows_its_lines() {
        let [one, two]: [PhoneNumberId; 2] = ["1".parse().unwrap(), "2".parse().unwrap()];
        let set: LineSet = [one.clone(), two.clone()].into_iter().collect();
        assert_eq!(set.to_json(), "[\"1\",\"2\"]");
        assert_eq!(LineSet::from_json(&set.to_json()), set);
        assert!(set.contains(&two) && !LineSet::one(&one).contains(&two));
        assert_eq!(LineSet::from_json("nonsense"), LineSet::default());
    }
}
