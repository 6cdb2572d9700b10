//! Where do the keys come from, and who may see them?
//!
//! Nobody: a [`MasterKey`] can be made and used, not read or printed, and is overwritten when it is
//! dropped.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroize;

use super::Profile;

pub(super) const KEY_MAX: usize = 32;
pub(super) const SALT_MAX: usize = 14;

/// The bytes do not fit the profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{profile:?} takes {expected} bytes of {what}, got {got}")]
pub struct KeyError {
    /// The profile the bytes were meant for.
    pub profile: Profile,
    /// Which bytes.
    pub what: &'static str,
    /// How many the profile takes.
    pub expected: usize,
    /// How many there were.
    pub got: usize,
}

/// One direction's master key and salt.
pub struct MasterKey {
    profile: Profile,
    key: [u8; KEY_MAX],
    /// Right of a 12-byte salt are the zeros RFC 7714 section 11 asks for.
    salt: [u8; SALT_MAX],
}

impl MasterKey {
    /// Takes key and salt.
    ///
    /// # Errors
    ///
    /// Refuses lengths that are not the profile's.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, KeyError> {
        check(profile, "key", profile.key_len(), key)?;
        check(profile, "salt", profile.salt_len(), salt)?;
        let mut master = Self { profile, key: [0; KEY_MAX], salt: [0; SALT_MAX] };
        master.key[..key.len()].copy_from_slice(key);
        master.salt[..salt.len()].copy_from_slice(salt);

        Ok(master)
    }

    /// Takes key and salt in one piece, as an SDP `crypto` line carries them (RFC 4568 6.1).
    ///
    /// # Errors
    ///
    /// Refuses a length that is not the profile's.
    pub fn from_inline(profile: Profile, key_and_salt: &[u8]) -> Result<Self, KeyError> {
        let expected = profile.key_len() + profile.salt_len();
        check(profile, "key and salt", expected, key_and_salt)?;
        let (key, salt) = key_and_salt.split_at(profile.key_len());

        Self::new(profile, key, salt)
    }

    /// What this key is for.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    pub(super) fn key(&self) -> &[u8] {
        &self.key[..self.profile.key_len()]
    }

    pub(super) const fn salt(&self) -> &[u8; SALT_MAX] {
        &self.salt
    }

    #[cfg(test)]
    pub(super) const fn set_salt(&mut self, salt: [u8; SALT_MAX]) {
        self.salt = salt;
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.key.zeroize();
        self.salt.zeroize();
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Both directions' keys of one DTLS handshake. The DTLS client sends with `client` and receives
/// with `server`.
#[derive(Debug)]
pub struct KeyingMaterial {
    /// What the DTLS client sends with.
    pub client: MasterKey,
    /// What the DTLS server sends with.
    pub server: MasterKey,
}

impl KeyingMaterial {
    /// Splits the block exported under `EXTRACTOR-dtls_srtp` (RFC 5764 section 4.2): client key,
    /// server key, client salt, server salt.
    ///
    /// # Errors
    ///
    /// Refuses a block that has not [`Profile::exporter_len`] bytes.
    pub fn from_exporter(profile: Profile, block: &[u8]) -> Result<Self, KeyError> {
        check(profile, "exported block", profile.exporter_len(), block)?;
        let (keys, salts) = block.split_at(2 * profile.key_len());
        let (client_key, server_key) = keys.split_at(profile.key_len());
        let (client_salt, server_salt) = salts.split_at(profile.salt_len());

        Ok(Self {
            client: MasterKey::new(profile, client_key, client_salt)?,
            server: MasterKey::new(profile, server_key, server_salt)?,
        })
    }
}

const fn check(
    profile: Profile,
    what: &'static str,
    expected: usize,
    bytes: &[u8],
) -> Result<(), KeyError> {
    if bytes.len() == expected {
        return Ok(());
    }

    Err(KeyError { profile, what, expected, got: bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_the_exported_block_in_the_order_of_rfc_5764() {
        let block: Vec<u8> = (0..60).collect();
        let keys = KeyingMaterial::from_exporter(Profile::Aes128CmSha1_80, &block).unwrap();
        assert_eq!(keys.client.key(), &block[0..16]);
        assert_eq!(keys.server.key(), &block[16..32]);
        assert_eq!(keys.client.salt(), &block[32..46]);
        assert_eq!(keys.server.salt(), &block[46..60]);

        let block: Vec<u8> = (0..88).collect();
        let keys = KeyingMaterial::from_exporter(Profile::AeadAes256Gcm, &block).unwrap();
        assert_eq!(keys.client.key(), &block[0..32]);
        assert_eq!(keys.server.key(), &block[32..64]);
        assert_eq!(keys.client.salt()[..12], block[64..76]);
        assert_eq!(keys.server.salt()[..12], block[76..88]);
        assert_eq!(keys.server.salt()[12..], [0, 0]);
    }

    #[test]
    fn refuses_other_lengths() {
        let refused = KeyingMaterial::from_exporter(Profile::AeadAes128Gcm, &[0; 57]).unwrap_err();
        assert_eq!((refused.expected, refused.got), (56, 57));
        assert!(MasterKey::from_inline(Profile::Aes128CmSha1_80, &[0; 29]).is_err());
        assert!(MasterKey::from_inline(Profile::Aes128CmSha1_80, &[0; 30]).is_ok());
        assert!(MasterKey::new(Profile::AeadAes256Gcm, &[0; 16], &[0; 12]).is_err());
        assert!(MasterKey::new(Profile::AeadAes256Gcm, &[0; 32], &[0; 14]).is_err());
    }

    #[test]
    fn prints_no_key() {
        let key = MasterKey::new(Profile::AeadAes128Gcm, &[0xab; 16], &[0xcd; 12]).unwrap();
        assert_eq!(format!("{key:?}"), "MasterKey { profile: AeadAes128Gcm, .. }");
    }
}
