//! What does a new leg call itself, so that nobody can guess it?

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use media::transport::IceCredentials;

use crate::Password;

/// Bytes of a user fragment; 12 make 16 characters, as WhatsApp's have, and 96 bits.
const UFRAG_BYTES: usize = 12;

/// Bytes of a plain password: 24 characters without padding.
const PLAIN_BYTES: usize = 18;

/// Bytes of a padded one: 22 characters and `==`.
const PADDED_BYTES: usize = 16;

/// Fresh credentials.
pub(crate) fn ice(password: Password) -> IceCredentials {
    let pwd = match password {
        Password::Plain => STANDARD.encode(rand::random::<[u8; PLAIN_BYTES]>()),
        Password::Padded => STANDARD.encode(rand::random::<[u8; PADDED_BYTES]>()),
    };

    IceCredentials { ufrag: STANDARD.encode(rand::random::<[u8; UFRAG_BYTES]>()), pwd }
}

/// Where a leg's one stream starts; random, as RFC 3550 5.1 asks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StreamStart {
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
}

impl StreamStart {
    pub(crate) fn random() -> Self {
        // The first wrap of the sequence number is left for later: a receiver that misses the first
        // packets would otherwise start with the wrong rollover counter (RFC 3711 3.3.1).
        Self {
            ssrc: rand::random_range(1..=u32::MAX),
            sequence: rand::random::<u16>() >> 1,
            timestamp: rand::random(),
        }
    }
}

/// A session id for `o=`: below 2^63, as RFC 8829 5.2.1 asks.
pub(crate) fn session_id() -> u64 {
    rand::random::<u64>() >> 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_padded_password_looks_like_whatsapps() {
        let credentials = ice(Password::Padded);
        assert_eq!(credentials.ufrag.len(), 16);
        assert_eq!(credentials.pwd.len(), 24);
        assert!(credentials.pwd.ends_with("=="));
    }

    #[test]
    fn a_plain_password_has_ice_characters_only() {
        let credentials = ice(Password::Plain);
        assert_eq!(credentials.pwd.len(), 24);
        let ice_char = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
        assert!(credentials.pwd.bytes().chain(credentials.ufrag.bytes()).all(ice_char));
    }
}
