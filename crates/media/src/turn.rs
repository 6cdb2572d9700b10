//! With which login may a browser use a TURN server, for a while?
//!
//! A server that shares a secret with us takes logins we make ourselves: the user name says until when it
//! holds, the password proves that we wrote it (draft-uberti-behave-turn-rest-00; coturn's
//! `use-auth-secret`). So no lasting password ever reaches a browser.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// A login made from a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TimedLogin {
    /// `until:name`, `until` in Unix seconds.
    pub username: String,
    /// Base64 of the HMAC-SHA1 of the user name.
    pub password: String,
}

impl std::fmt::Debug for TimedLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TimedLogin").finish_non_exhaustive()
    }
}

/// Makes the login of `name` that holds until then, in Unix seconds.
///
/// # Panics
///
/// Never: HMAC takes every secret.
#[must_use]
pub fn timed_login(secret: &str, name: &str, until: i64) -> TimedLogin {
    let username = format!("{until}:{name}");
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length");
    mac.update(username.as_bytes());
    let password = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    TimedLogin { username, password }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `printf %s 1783003600:lia | openssl dgst -sha1 -hmac north -binary | base64`.
    #[test]
    fn a_login_is_what_coturn_computes() {
        let login = timed_login("north", "lia", 1_783_003_600);
        assert_eq!(login.username, "1783003600:lia");
        assert_eq!(login.password, "6LC5bEIoSU/rjnWJOulmUkPpOoQ=");
        assert_eq!(format!("{login:?}"), "TimedLogin { .. }");
    }
}
