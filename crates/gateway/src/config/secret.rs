//! What must never be printed?

use sha2::{Digest, Sha256};
use wire::webhook::signature;

/// A token or password; prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Keeps this text secret.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is the secret; takes the same time for every guess.
    #[must_use]
    pub fn fits(&self, guess: &str) -> bool {
        // A comparison of MACs hides the length, too.
        let key = hex(&Sha256::digest(self.0.as_bytes()));
        signature::verify(&key, guess.as_bytes(), &signature::sign(&key, self.0.as_bytes()))
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let written = write!(text, "{byte:02x}");
        debug_assert!(written.is_ok(), "a String takes all");
        text
    })
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_fits_only_itself_and_is_never_shown() {
        let secret = Secret::new("demo-token");
        assert!(secret.fits("demo-token"));
        assert!(!secret.fits("demo-toke"));
        assert!(!secret.fits(""));
        assert_eq!(format!("{secret:?}"), "***");
    }
}
