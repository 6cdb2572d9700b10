//! What of a request can nobody answer as it is meant, whatever it asks?
//!
//! The stack below reads liberally: what it passes on may be of another version, contradict itself or insist
//! on what we do not know. Such a request is refused before anybody hears of it, as RFC 3261, 8.2 has it and
//! RFC 4475 asks for. Requests that are never answered, or whose answer is another request's, have no flaw.

use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Scheme, StatusCode, Version};

use crate::said::value;

/// Extensions that a request may insist on. Reliable provisional responses (100rel, RFC 3262) are none: ours
/// are not repeated.
const UNDERSTOOD: [&str; 3] = ["timer", "replaces", "norefersub"];

/// Headers that stand in a request once. The stack has their short forms (`l`) by their long names.
const SINGLE: [&str; 5] = ["From", "To", "Call-ID", "CSeq", "Content-Length"];

/// How a request is refused, and with which headers.
pub(crate) type Flaw = (StatusCode, Vec<Header>);

/// The first flaw of a request.
pub(crate) fn of(request: &Request) -> Option<Flaw> {
    if matches!(request.method, Method::Ack | Method::Cancel) {
        return None;
    }
    let bare = |status| Some((status, Vec::new()));
    if request.version != Version::V2 {
        return bare(StatusCode::VersionNotSupported);
    }
    if contradicts_itself(request) || is_cut_short(request) || has_open_quotes(request) {
        return bare(StatusCode::BadRequest);
    }
    if has_unknown_length(request) {
        return bare(StatusCode::LengthRequired);
    }
    if !is_addressed(request) {
        return bare(StatusCode::UnsupportedUriScheme);
    }
    if is_in_dialog(request) {
        return None;
    }
    let unknown = unknown_extensions(request);
    if !unknown.is_empty() {
        let unsupported = Header::Unsupported(unknown.join(", ").into());
        return Some((StatusCode::BadExtension, vec![unsupported]));
    }
    let is_foreign = request.method == Method::Invite && carries_no_sdp(request);
    is_foreign
        .then(|| (StatusCode::UnsupportedMediaType, vec![Header::Accept("application/sdp".into())]))
}

/// Whether it has twice what there is once, or `CSeq` is another request's.
fn contradicts_itself(request: &Request) -> bool {
    let is_twice = |name: &&str| {
        let named = |header: &&Header| header.name().eq_ignore_ascii_case(name);
        request.headers.iter().filter(named).count() > 1
    };
    let method = request.cseq_header().and_then(|cseq| cseq.method());
    SINGLE.iter().any(is_twice) || !method.is_ok_and(|method| method == request.method)
}

/// Whether its body is not as long as it says: a datagram ends where it ends.
fn is_cut_short(request: &Request) -> bool {
    let Some(length) = value(request, "Content-Length") else { return false };
    length.parse() != Ok(request.body.len())
}

/// Whether who calls whom has a quotation mark that is never closed.
fn has_open_quotes(request: &Request) -> bool {
    ["From", "To"].iter().filter_map(|name| value(request, name)).any(|said| {
        let plain = said.replace("\\\\", "").replace("\\\"", "");
        plain.matches('"').count() % 2 == 1
    })
}

/// Whether it has a body whose length it does not say: the stack takes that for none, and an offer would be lost.
fn has_unknown_length(request: &Request) -> bool {
    let has = |name| value(request, name).is_some();
    has("Content-Type") && !has("Content-Length")
}

/// Whether it is to something SIP can reach. The stack knows no scheme with a dot in it, and has none then.
fn is_addressed(request: &Request) -> bool {
    match &request.uri.scheme {
        Some(Scheme::Sip | Scheme::Sips) => true,
        Some(Scheme::Other(scheme)) => scheme.eq_ignore_ascii_case("tel"),
        None => false,
    }
}

/// What it insists on that we do not know.
fn unknown_extensions(request: &Request) -> Vec<String> {
    let required = value(request, "Require").unwrap_or_default();
    let words = required.split(',').map(str::trim).filter(|word| !word.is_empty());
    let is_unknown = |word: &&str| !UNDERSTOOD.iter().any(|it| it.eq_ignore_ascii_case(word));
    words.filter(is_unknown).map(str::to_owned).collect()
}

/// Whether it has a body, and no SDP in it.
fn carries_no_sdp(request: &Request) -> bool {
    let kind = value(request, "Content-Type");
    let is_sdp = |kind: String| kind.to_ascii_lowercase().contains("application/sdp");
    !request.body.is_empty() && !kind.is_some_and(is_sdp)
}

fn is_in_dialog(request: &Request) -> bool {
    matches!(request.to_header().and_then(|to| to.tag()), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(change: impl Fn(String) -> String) -> Option<(u16, String)> {
        let text = "INVITE sip:200@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK1\r\n\
                    From: <sip:1@a.test>;tag=a\r\nTo: <sip:200@pbx.test>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
                    Require: timer\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n\r\nv=0";
        let request = Request::try_from(change(text.to_owned()).as_bytes()).unwrap();
        of(&request).map(|(status, headers)| {
            (status.code(), headers.iter().map(Header::to_string).collect())
        })
    }

    fn refused(from: &str, to: &str) -> Option<u16> {
        flaw(|text| text.replace(from, to)).map(|(status, _)| status)
    }

    #[test]
    fn what_is_meant_well_has_none() {
        assert_eq!(flaw(|text| text), None);
        assert_eq!(refused("INVITE sip:200", "INVITE tel:200"), None);
        assert_eq!(refused("Content-Type", "c"), None);
        assert_eq!(
            refused("INVITE", "ACK").or_else(|| refused("SIP/2.0\r\nVia", "SIP/2.0\r\nv")),
            None
        );
    }

    #[test]
    fn what_contradicts_itself_is_a_bad_request() {
        assert_eq!(refused("CSeq: 1 INVITE", "CSeq: 1 OPTIONS"), Some(400));
        assert_eq!(refused("Call-ID: 1\r\n", "Call-ID: 1\r\ni: 2\r\n"), Some(400));
        assert_eq!(refused("Content-Length: 3", "Content-Length: 3\r\nl: 4"), Some(400));
        assert_eq!(refused("CSeq: 1 INVITE\r\n", ""), Some(400));
        assert_eq!(refused("Content-Length: 3", "Content-Length: 4"), Some(400));
        assert_eq!(refused("Content-Length: 3", "l: -3"), Some(400));
        assert_eq!(refused("Content-Length: 3\r\n", ""), Some(411));
        assert_eq!(refused("To: <", "To: \"Joe <"), Some(400));
        assert_eq!(refused("To: <", r#"To: "J. \"Joe\" \\" <"#), None);
    }

    #[test]
    fn what_we_do_not_know_is_named() {
        assert_eq!(refused("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), Some(505));
        assert_eq!(refused("sip:200@pbx.test SIP", "soap.beep://pbx.test SIP"), Some(416));
        assert_eq!(refused("sip:200@pbx.test SIP", "isbn:2983792873 SIP"), Some(416));
        let insists = |text: String| text.replace("Require: timer", "Require: timer, 100rel,x");
        assert_eq!(flaw(insists), Some((420, "Unsupported: 100rel, x".into())));
        let other = |text: String| text.replace("application/sdp", "text/plain");
        assert_eq!(flaw(other), Some((415, "Accept: application/sdp".into())));
        let in_dialog =
            |text: String| insists(text).replace("pbx.test>\r\n", "pbx.test>;tag=b\r\n");
        assert_eq!(flaw(in_dialog), None, "what was agreed before is known");
    }
}
