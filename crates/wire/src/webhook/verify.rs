//! Is this URL really the business's? The handshake when a callback is set (fact sheet 10.1).
//!
//! `GET <callback>?hub.mode=subscribe&hub.challenge=…&hub.verify_token=…`. The business checks mode
//! and token and answers 200 with the bare challenge, else 403.

use subtle::ConstantTimeEq;

use crate::edition::escape;

/// The three query parameters, as they came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// `hub.mode`
    pub mode: Option<&'a str>,
    /// `hub.challenge`
    pub challenge: Option<&'a str>,
    /// `hub.verify_token`
    pub verify_token: Option<&'a str>,
}

/// Why a handshake is refused, with 403.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeRefusal {
    /// `hub.mode` is not `subscribe`.
    #[error("hub.mode is not subscribe")]
    Mode,
    /// `hub.verify_token` is not ours.
    #[error("hub.verify_token is not the configured one")]
    Token,
    /// `hub.challenge` is missing.
    #[error("hub.challenge is missing")]
    Challenge,
}

impl<'a> Handshake<'a> {
    /// The text to answer with, if mode and token are right.
    ///
    /// # Errors
    ///
    /// The first reason to refuse.
    pub fn check(&self, expected_token: &str) -> Result<&'a str, HandshakeRefusal> {
        if self.mode != Some("subscribe") {
            return Err(HandshakeRefusal::Mode);
        }
        let token = self.verify_token.unwrap_or_default();
        if token.is_empty() || !bool::from(token.as_bytes().ct_eq(expected_token.as_bytes())) {
            return Err(HandshakeRefusal::Token);
        }
        self.challenge.filter(|text| !text.is_empty()).ok_or(HandshakeRefusal::Challenge)
    }
}

/// The URL that the platform gets to verify a callback.
#[must_use]
pub fn url(callback: &str, challenge: &str, verify_token: &str) -> String {
    let base = callback.split_once('#').map_or(callback, |(base, _)| base);
    let joint = if base.contains('?') { '&' } else { '?' };
    format!(
        "{base}{joint}hub.mode=subscribe&hub.challenge={}&hub.verify_token={}",
        escape(challenge),
        escape(verify_token)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_challenge_comes_back_only_for_mode_and_token() {
        let good = Handshake {
            mode: Some("subscribe"),
            challenge: Some("1158000000"),
            verify_token: Some("demo-verify"),
        };
        assert_eq!(good.check("demo-verify"), Ok("1158000000"));
        assert_eq!(good.check("other"), Err(HandshakeRefusal::Token));
        let bad_mode = Handshake { mode: Some("unsubscribe"), ..good };
        assert_eq!(bad_mode.check("demo-verify"), Err(HandshakeRefusal::Mode));
        let none = Handshake { verify_token: None, ..good };
        assert_eq!(none.check(""), Err(HandshakeRefusal::Token), "an unset token opens nothing");
        let empty = Handshake { challenge: Some(""), ..good };
        assert_eq!(empty.check("demo-verify"), Err(HandshakeRefusal::Challenge));
    }

    #[test]
    fn the_url_keeps_the_callbacks_own_query() {
        assert_eq!(
            url("http://127.0.0.1:8500/webhooks/whatsapp", "11", "a b&c"),
            "http://127.0.0.1:8500/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=11&hub.verify_token=a%20b%26c"
        );
        assert!(
            url("https://x.example/h?k=1#f", "1", "t").starts_with("https://x.example/h?k=1&hub.")
        );
    }
}
