//! What may stand in a message that came from outside of SIP?
//!
//! Callers' names and payloads are theirs: none of it may end a line or a quotation.

use rsipstack::sip::{Header, Uri};

use crate::{CallError, Target};

const USER_MAX: usize = 64;
const VALUE_MAX: usize = 512;

/// What the stack writes itself; a second one would make the message malformed.
const OURS: &[&str] = &[
    "via",
    "v",
    "from",
    "f",
    "to",
    "t",
    "call-id",
    "i",
    "cseq",
    "contact",
    "m",
    "content-length",
    "l",
    "content-type",
    "c",
    "max-forwards",
    "route",
    "record-route",
    "authorization",
    "proxy-authorization",
    "require",
    "supported",
    "k",
    "user-agent",
    "session-expires",
    "x",
    "min-se",
];

/// The header of this name and value; `None` where the name is SIP's own or no name.
pub(crate) fn header(name: &str, value: &str) -> Option<Header> {
    let token =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let ours = OURS.iter().any(|our| our.eq_ignore_ascii_case(name));
    (token && !ours).then(|| Header::Other(name.to_owned(), one_line(value)))
}

/// `text` without control characters, at most so long that a datagram still holds the message.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(VALUE_MAX).collect()
}

/// A name for between quotation marks.
pub(crate) fn display_name(name: &str) -> String {
    one_line(name).chars().filter(|char| !matches!(char, '"' | '\\')).collect()
}

/// `user` as in a URI; `which` names it in the refusal.
pub(crate) fn user(user: &str, which: &'static str) -> Result<String, CallError> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+-_.*#".contains(&byte);
    if user.is_empty() || user.len() > USER_MAX || !user.bytes().all(known) {
        return Err(CallError::User(which));
    }
    Ok(user.replace('#', "%23"))
}

/// The URI of `user` at a target.
pub(crate) fn callee(user: &str, target: &Target) -> Option<Uri> {
    let text = format!("sip:{user}@{};transport={}", target.address, target.transport.as_str());
    Uri::try_from(text.as_str()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_opens_a_line_of_its_own() {
        let header = header("X-Offhook-Payload", "a\r\nContact: <sip:eve@evil>\r\n\r\nv=0");
        assert_eq!(
            header.map(|header| header.to_string()),
            Some("X-Offhook-Payload: aContact: <sip:eve@evil>v=0".into())
        );
        assert_eq!(display_name("Ann\" <sip:eve>\r\n\\"), "Ann <sip:eve>");
    }

    #[test]
    fn what_sip_writes_itself_is_not_overwritten() {
        for name in ["Via", "f", "CALL-ID", "Content-Length", "", "X Y", "X:Y"] {
            assert!(header(name, "x").is_none(), "{name}");
        }
    }

    #[test]
    fn a_user_is_one_word() {
        assert_eq!(user("*72#", "the extension"), Ok("*72%23".into()));
        for bad in ["", "a@b", "1;phone-context=x", "a b", "ä", &"1".repeat(65)] {
            assert_eq!(user(bad, "the extension"), Err(CallError::User("the extension")), "{bad}");
        }
    }
}
