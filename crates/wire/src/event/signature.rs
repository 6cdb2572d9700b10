//! How does a receiver know that an event comes from the gateway?
//!
//! [`Scheme::Standard`] is Standard Webhooks: `webhook-signature: v1,<base64>`, HMAC-SHA256 of
//! `{id}.{timestamp}.{body}`; the key is the base64 after `whsec_`. [`Scheme::Stripe`] is for
//! receivers that check the way Stripe's libraries do: `t=<seconds>,v1=<hex>` over
//! `{timestamp}.{body}`; the key is the secret's text.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use terms::Timestamp;

/// The header with the event's id.
pub const ID_HEADER: &str = "webhook-id";
/// The header with the Unix seconds of the attempt.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// The header that counts attempts, from 1.
pub const ATTEMPT_HEADER: &str = "webhook-attempt";

const PREFIX: &str = "whsec_";
/// The lengths of a key that Standard Webhooks allows.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// How an endpoint checks signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Standard Webhooks.
    Standard,
    /// Stripe's form.
    Stripe,
}

/// What deliveries to one endpoint are signed with.
#[derive(Clone)]
pub struct SigningKey {
    scheme: Scheme,
    bytes: Vec<u8>,
}

/// A secret no key can be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write whsec_ and the base64 of 24 to 64 random bytes")]
pub struct KeyError;

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// Makes the key of a secret.
    ///
    /// # Errors
    ///
    /// A secret of Standard Webhooks that is not `whsec_` and base64 of a fit length.
    pub fn new(scheme: Scheme, secret: &str) -> Result<Self, KeyError> {
        let bytes = match scheme {
            Scheme::Standard => {
                let text = secret.strip_prefix(PREFIX).unwrap_or(secret);
                STANDARD.decode(text).map_err(|_| KeyError)?
            }
            Scheme::Stripe => secret.as_bytes().to_vec(),
        };
        if scheme == Scheme::Standard && !KEY_BYTES.contains(&bytes.len()) {
            return Err(KeyError);
        }
        Ok(Self { scheme, bytes })
    }

    /// The name of the header that [`SigningKey::sign`] fills.
    #[must_use]
    pub fn header(&self) -> &'static str {
        match self.scheme {
            Scheme::Standard => "webhook-signature",
            Scheme::Stripe => "offhook-signature",
        }
    }

    /// The header's value for an attempt at this time.
    #[must_use]
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let seconds = at.unix();
        match self.scheme {
            Scheme::Standard => {
                let mac = self.mac(&format!("{id}.{seconds}.{body}"));
                format!("v1,{}", STANDARD.encode(mac))
            }
            Scheme::Stripe => {
                let mac = self.mac(&format!("{seconds}.{body}"));
                format!("t={seconds},v1={}", hex::encode(mac))
            }
        }
    }

    fn mac(&self, text: &str) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.bytes).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const BODY: &str = r#"{"test": 2432232314}"#;
    const AT: i64 = 1_614_265_330;

    /// The vector in the libraries of Standard Webhooks. The same in Python:
    /// `b64encode(hmac.new(b64decode(SECRET[6:]), f"{ID}.{AT}.{BODY}".encode(), sha256).digest())`.
    #[test]
    fn the_vector_of_standard_webhooks() {
        let key = SigningKey::new(Scheme::Standard, SECRET).unwrap();
        assert_eq!(key.header(), "webhook-signature");
        assert_eq!(
            key.sign(ID, Timestamp::from_unix(AT), BODY),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    /// Computed in Python: `hmac.new(SECRET.encode(), f"{AT}.{BODY}".encode(), sha256).hexdigest()`.
    #[test]
    fn the_form_of_stripe_takes_the_secret_as_it_is_written() {
        let key = SigningKey::new(Scheme::Stripe, SECRET).unwrap();
        assert_eq!(key.header(), "offhook-signature");
        let expected =
            "t=1614265330,v1=2e37df5d4a028c51a7f3133d64ae1e300d2c2c900f1b1d49d4369ad2530f8964";
        assert_eq!(key.sign(ID, Timestamp::from_unix(AT), BODY), expected);
    }

    #[test]
    fn a_secret_that_is_too_short_or_no_base64_is_refused_and_a_key_is_never_shown() {
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "whsec_***"] {
            assert_eq!(SigningKey::new(Scheme::Standard, bad).err(), Some(KeyError), "{bad}");
        }
        let key = SigningKey::new(Scheme::Standard, SECRET).unwrap();
        assert_eq!(format!("{key:?}"), "SigningKey { scheme: Standard, .. }");
    }
}
