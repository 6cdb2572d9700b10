//! How does a bot know that it is us who dial?
//!
//! As Twilio signs: HMAC-SHA1 over the URL with the account's token, in base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The header that carries it.
pub const HEADER: &str = "X-Twilio-Signature";

/// The signature of a URL without a body.
///
/// # Panics
///
/// Never: every length is a key.
#[must_use]
pub fn sign(token: &str, url: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("every length is a key");
    mac.update(url.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202, test case 2.
    #[test]
    fn it_is_hmac_sha1_in_base64() {
        let known = hex::decode("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79").unwrap();
        assert_eq!(sign("Jefe", "what do ya want for nothing?"), STANDARD.encode(known));
    }
}
