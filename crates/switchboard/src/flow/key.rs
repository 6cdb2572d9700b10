//! Which keys does a phone have?

use std::fmt;

/// A key of the caller's dial pad: `0` to `9`, `*`, `#`, `A` to `D`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(char);

impl Key {
    /// The key of this sign, if there is one.
    #[must_use]
    pub fn new(sign: char) -> Option<Self> {
        matches!(sign, '0'..='9' | '*' | '#' | 'A'..='D').then_some(Self(sign))
    }

    /// Its sign.
    #[must_use]
    pub fn sign(self) -> char {
        self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
