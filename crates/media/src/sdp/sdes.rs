//! Keys in the SDP (RFC 4568), as WhatsApp writes them (fact sheet 6.6).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

/// The only suite seen and supported.
pub(super) const SUITE: &str = "AES_CM_128_HMAC_SHA1_80";

/// One `a=crypto` line of `AES_CM_128_HMAC_SHA1_80`.
#[derive(Clone, PartialEq, Eq)]
pub struct SdesCrypto {
    /// Its tag; an answer repeats the chosen one.
    pub tag: u32,
    /// 16 bytes of key, 14 of salt.
    pub key_and_salt: [u8; 30],
}

impl SdesCrypto {
    /// Reads what follows `a=crypto:`; `None` for another suite or a broken key.
    pub(super) fn read(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?.parse().ok()?;
        let suite = words.next()?;
        let inline = words.next()?.strip_prefix("inline:")?;
        // A lifetime and a key identifier may follow the key.
        let key = inline.split('|').next()?;
        let key_and_salt = STANDARD.decode(key).ok()?.try_into().ok()?;
        (suite == SUITE).then_some(Self { tag, key_and_salt })
    }
}

impl fmt::Display for SdesCrypto {
    /// Writes the line without `a=`. Holds the key: never for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crypto:{} {SUITE} inline:{}", self.tag, STANDARD.encode(self.key_and_salt))
    }
}

impl fmt::Debug for SdesCrypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SdesCrypto").field("tag", &self.tag).finish_non_exhaustive()
    }
}
