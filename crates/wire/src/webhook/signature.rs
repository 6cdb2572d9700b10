//! Does this webhook come from whom it says?
//!
//! `X-Hub-Signature-256: sha256=<hex>`, HMAC-SHA256 of the raw body with the app secret as key.
//! Checked before parsing, on the bytes as they came, in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The header, in lower case.
pub const HEADER: &str = "x-hub-signature-256";

const PREFIX: &str = "sha256=";

fn digest(secret: &str, body: &[u8]) -> [u8; 32] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

/// The header's value for a body.
#[must_use]
pub fn sign(secret: &str, body: &[u8]) -> String {
    format!("{PREFIX}{}", hex::encode(digest(secret, body)))
}

/// Whether the header's value fits the raw body.
#[must_use]
pub fn verify(secret: &str, raw_body: &[u8], header: &str) -> bool {
    let mut claimed = [0; 32];
    let Some(text) = header.strip_prefix(PREFIX) else { return false };
    if hex::decode_to_slice(text, &mut claimed).is_err() {
        return false;
    }
    digest(secret, raw_body).ct_eq(&claimed).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_rfc_4231() {
        assert_eq!(
            sign("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn only_the_right_secret_body_and_form_pass() {
        let header = sign("demo-app-secret", b"{\"a\":1}");
        assert!(verify("demo-app-secret", b"{\"a\":1}", &header));
        assert!(!verify("demo-app-secret", b"{\"a\": 1}", &header), "the raw bytes count");
        assert!(!verify("other", b"{\"a\":1}", &header));
        for bad in ["", "sha256=", "sha256=00", &header[7..], &header.replace("sha256", "sha1")] {
            assert!(!verify("demo-app-secret", b"{\"a\":1}", bad), "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(header in ".{0,90}", body in proptest::collection::vec(0u8.., 0..40)) {
            proptest::prop_assert!(!verify("s", &body, &header));
        }
    }
}
