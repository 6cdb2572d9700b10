//! Which way did the caller go, and what was learnt?
//!
//! Kept with the call and bounded, so that a caller who goes round for an hour leaves a record of a
//! readable length.

use std::collections::BTreeMap;

/// The most steps that are kept; what follows is counted, not named.
const PATH_MAX: usize = 100;
/// The longest value of a variable, in signs.
pub(super) const VALUE_MAX: usize = 256;

/// What a caller did in flows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    path: Vec<Visited>,
    left_out: u32,
    variables: BTreeMap<String, String>,
    keys: String,
}

/// A step the caller was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visited {
    /// The step.
    pub step: String,
    /// What was pressed there, unless the flow calls it private.
    pub keys: Option<String>,
}

impl Trail {
    /// The steps, in order.
    #[must_use]
    pub fn path(&self) -> &[Visited] {
        &self.path
    }

    /// How many steps followed that are not kept.
    #[must_use]
    pub fn left_out(&self) -> u32 {
        self.left_out
    }

    /// What `set` steps set.
    #[must_use]
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// What the caller pressed at the last question.
    pub(super) fn keys(&self) -> &str {
        &self.keys
    }

    pub(super) fn enters(&mut self, step: &str) {
        if self.path.len() < PATH_MAX {
            self.path.push(Visited { step: step.to_owned(), keys: None });
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    pub(super) fn answers(&mut self, keys: String, private: bool) {
        if let Some(visited) = self.path.last_mut()
            && !private
            && self.left_out == 0
        {
            visited.keys = Some(keys.clone());
        }
        self.keys = keys;
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        let value = value.chars().take(VALUE_MAX).collect();
        self.variables.insert(name.to_owned(), value);
    }
}
