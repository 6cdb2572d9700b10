//! What are recordings encrypted with?
//!
//! A file of 32 random bytes, written as 64 hexadecimal digits or as base64, such as
//! `openssl rand -hex 32` writes.

use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};

use super::{
    Secret,
    read::{ConfigError, value},
};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// What a key's name is hashed with, so that it is a hash of nothing else.
const NAME_OF: &[u8] = b"offhook recording key";

/// A key of recordings and the file it came from; the key is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordingKey {
    /// Where it was read.
    pub file: PathBuf,
    bytes: [u8; KEY_BYTES],
}

/// Which key something is encrypted with; says nothing of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

impl RecordingKey {
    /// The key of these bytes.
    #[must_use]
    pub fn new(file: PathBuf, bytes: [u8; KEY_BYTES]) -> Self {
        Self { file, bytes }
    }

    /// What is written in front of what it encrypts.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let hash = Sha256::new().chain_update(NAME_OF).chain_update(self.bytes).finalize();
        let mut id = [0; 8];
        id.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        KeyId(id)
    }

    /// The key itself, for the one place that derives others from it.
    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// The key that this text writes.
    pub(super) fn read(key: &str, file: &Path, text: &Secret) -> Result<Self, ConfigError> {
        let why = "write 32 random bytes, in hexadecimal or base64, such as `openssl rand -hex 32` \
                   does";
        let bytes = bytes(text.expose()).ok_or_else(|| value(key, why.into()))?;
        Ok(Self::new(file.to_owned(), bytes))
    }
}

impl std::fmt::Debug for RecordingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RecordingKey({})", self.id())
    }
}

impl KeyId {
    /// As it is written in front of what is encrypted.
    pub(crate) fn bytes(self) -> [u8; 8] {
        self.0
    }

    /// As it was read there.
    pub(crate) fn of(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn bytes(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES {
        return BASE64_STANDARD.decode(text).ok()?.try_into().ok();
    }
    let mut bytes = [0; KEY_BYTES];
    let (pairs, _) = text.as_bytes().as_chunks::<2>();
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = u8::try_from(digit(*high)? << 4 | digit(*low)?).ok()?;
    }
    Some(bytes)
}

fn digit(letter: u8) -> Option<u32> {
    char::from(letter).to_digit(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_two_bytes_in_either_writing_are_the_same_key_and_nothing_else_is_one() {
        let hex: String = (0..KEY_BYTES).map(|nth| format!("{nth:02x}")).collect();
        let base64 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let read = |text: &str| RecordingKey::read("key", Path::new("f"), &Secret::new(text));
        let key = read(&hex).unwrap();
        assert_eq!(key, read(base64).unwrap());
        assert_eq!(key, read(&hex.to_uppercase()).unwrap());
        assert_eq!(key.expose()[31], 31);
        assert!(!format!("{key:?}").contains("0405"), "{key:?}");
        let other = RecordingKey::new("f".into(), [7; KEY_BYTES]);
        assert_ne!(key.id(), other.id());
        for wrong in [&hex[2..], &base64[4..], "é", "", &hex.replace('0', "g"), "sesame"] {
            let fault = read(wrong).unwrap_err().to_string();
            assert!(fault.contains("32 random bytes"), "{fault}");
        }
    }
}
