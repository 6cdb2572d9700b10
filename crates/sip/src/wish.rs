//! What does the far end of a call that stands want of us?

use rsipstack::sip::Request;

use crate::said::value;
use crate::{Refer, Reoffer};

/// How long a key is pressed where nothing is said of it.
const KEY_MS: u32 = 160;
/// The longest a key is pressed.
const KEY_MS_MAX: u32 = 6_000;

/// Something the far end wants.
#[derive(Debug)]
pub enum Wish {
    /// Another session, or to know whether this one still stands.
    Reoffer(Reoffer),
    /// What it answers to our offer, for which its re-INVITE without one asked (RFC 3261, 14.2).
    LateAnswer(String),
    /// A key pressed (INFO).
    Key(Key),
    /// Somebody else to be called in its place.
    Refer(Refer),
}

/// A key of a telephone that sends them beside the sound (`application/dtmf-relay`, RFC 6086).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// `0` to `9`, `*`, `#`, `A` to `D`.
    pub sign: char,
    /// How long it is pressed, in milliseconds.
    pub ms: u32,
}

impl Key {
    /// The key of an INFO; `None` where that is about something else.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let kind = value(request, "Content-Type").or_else(|| value(request, "c"))?;
        let kind = kind.to_ascii_lowercase();
        let body = std::str::from_utf8(&request.body).ok()?;
        if kind.contains("application/dtmf-relay") {
            return Self::relayed(body);
        }
        let is_bare = kind.contains("application/dtmf");
        is_bare.then(|| sign(body.trim())).flatten().map(|sign| Self { sign, ms: KEY_MS })
    }

    fn relayed(body: &str) -> Option<Self> {
        let value = |name: &str| {
            body.lines().find_map(|line| {
                let (key, value) = line.split_once('=')?;
                key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let ms = value("Duration").and_then(|ms| ms.parse().ok()).unwrap_or(KEY_MS);
        Some(Self { sign: sign(value("Signal")?)?, ms: ms.clamp(40, KEY_MS_MAX) })
    }
}

fn sign(text: &str) -> Option<char> {
    match text {
        "10" => return Some('*'),
        "11" => return Some('#'),
        _ => {}
    }
    let mut signs = text.chars();
    let sign = signs.next()?.to_ascii_uppercase();
    let known = sign.is_ascii_digit() || "*#ABCD".contains(sign);
    (known && signs.next().is_none()).then_some(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, body: &str) -> Option<(char, u32)> {
        let text = format!(
            "INFO sip:a@b SIP/2.0\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let request = Request::try_from(text.as_bytes()).expect("a request");
        Key::of(&request).map(|key| (key.sign, key.ms))
    }

    #[test]
    fn keys_come_in_two_forms() {
        assert_eq!(key("application/dtmf-relay", "Signal=5\r\nDuration=250\r\n"), Some(('5', 250)));
        assert_eq!(key("Application/DTMF-Relay", "signal= 11\r\n"), Some(('#', KEY_MS)));
        assert_eq!(key("application/dtmf", "*"), Some(('*', KEY_MS)));
        assert_eq!(
            key("application/dtmf-relay", "Signal=d\nDuration=99999999"),
            Some(('D', 6_000))
        );
    }

    #[test]
    fn what_is_no_key_is_none() {
        for (kind, body) in [
            ("application/dtmf-relay", "Signal=55"),
            ("application/dtmf-relay", "Signal="),
            ("application/dtmf-relay", ""),
            ("application/dtmf", "x"),
            ("application/media_control+xml", "<media_control/>"),
        ] {
            assert_eq!(key(kind, body), None, "{kind} {body}");
        }
    }
}
