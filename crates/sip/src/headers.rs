//! What may stand in a message that came from outside of SIP?
//!
//! Callers' names and payloads are theirs: none of it may end a line or a quotation.

use rsipstack::sip::{Auth, Header, Param, Uri};

use crate::{CallError, Target};

const USER_MAX: usize = 64;
const VALUE_MAX: usize = 512;

/// The methods of a call in which the far end may give it to somebody else.
pub(crate) const ALLOW: &str = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, NOTIFY, REFER";

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

/// The user part of a URI, its parameters included, and the host; the stack below takes such
/// parameters for the URI's own.
pub(crate) fn user_and_host(uri: &str) -> Option<(String, String)> {
    let (_, rest) = uri.split_once(':')?;
    let (user, rest) = rest.rsplit_once('@')?;
    let (rest, _) = rest.split_once([';', '?']).unwrap_or((rest, ""));
    let host = match rest.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => rest.split(':').next()?,
    };
    let (user, _password) = user.split_once(':').unwrap_or((user, ""));
    (!user.is_empty()).then(|| (user.to_owned(), host.to_owned()))
}

/// The URI of `user` at a target, or at this host where the target is only the way.
pub(crate) fn callee(user: &str, target: &Target, at: Option<&str>) -> Option<Uri> {
    let transport = target.transport.as_str();
    let text = match &target.host {
        _ if at.is_some() => format!("sip:{};transport={transport}", host(at?)?),
        Some(host) if target.address.port() == target.transport.port() => {
            format!("sip:{host};transport={transport}")
        }
        Some(host) => format!("sip:{host}:{};transport={transport}", target.address.port()),
        None => format!("sip:{};transport={transport}", target.address),
    };
    let mut uri = Uri::try_from(text.as_str()).ok()?;
    // The stack's own word for it is in capitals, which none of the specifications' examples is.
    let spelled = Param::Other("transport".into(), Some(transport.into()));
    uri.params = vec![spelled];
    uri.auth = Some(Auth { user: user.to_owned(), password: None });
    Some(uri)
}

/// A host as in a URI; `None` for what is none.
pub(crate) fn host(host: &str) -> Option<&str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    (!host.is_empty() && host.bytes().all(known)).then_some(host)
}

/// `user` with the parameters of a user part (`tgrp` of RFC 4904), what cannot stand there written as `%XX`;
/// `None` where one is empty.
pub(crate) fn user_with(user: &str, params: &[(String, String)]) -> Option<String> {
    let mut whole = user.to_owned();
    for (name, value) in params {
        if name.is_empty() || value.is_empty() {
            return None;
        }
        whole.extend([";", &escaped(name), "=", &escaped(value)]);
    }
    Some(whole)
}

fn escaped(text: &str) -> String {
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()/&+$".contains(&byte);
    let written = |byte: u8| match stands(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(written).collect()
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
    fn whatever_a_parameter_of_a_user_says_is_no_other_part_of_the_uri() {
        let with = |name: &str, value: &str| user_with("200", &[(name.into(), value.into())]);
        assert_eq!(with("tgrp", "wa-1").as_deref(), Some("200;tgrp=wa-1"));
        let label = with("label", "Loja Aurora, SP;x=1@evil:5");
        assert_eq!(label.as_deref(), Some("200;label=Loja%20Aurora%2C%20SP%3Bx%3D1%40evil%3A5"));
        assert_eq!(with("é", "%").as_deref(), Some("200;%C3%A9=%25"));
        assert_eq!((with("", "1"), with("a", "")), (None, None));
    }

    #[test]
    fn what_sip_writes_itself_is_not_overwritten() {
        for name in ["Via", "f", "CALL-ID", "Content-Length", "", "X Y", "X:Y"] {
            assert!(header(name, "x").is_none(), "{name}");
        }
    }

    #[test]
    fn what_follows_a_user_is_the_users() {
        let parts = |uri| user_and_host(uri).map(|(user, host)| format!("{user} at {host}"));
        let meta = "sip:+551140000000;tgrp=wa;trunk-context=shop.example@sip.shop.example:5061;transport=tls";
        let whom = "+551140000000;tgrp=wa;trunk-context=shop.example at sip.shop.example";
        assert_eq!(parts(meta).as_deref(), Some(whom));
        assert_eq!(parts("sips:200:secret@[::1]:5060").as_deref(), Some("200 at ::1"));
        for bad in ["", "sip:", "sip:host", "sip:@host", "200@host"] {
            assert_eq!(parts(bad), None, "{bad}");
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
