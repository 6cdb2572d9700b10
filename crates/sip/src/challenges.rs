//! Which question for our password can be answered (RFC 3261, 22; RFC 8760)?
//!
//! The stack below answers the first of a message, spells SHA-256 in a way of its own and reads no list
//! of `qop`. So of several questions the first that it can answer is left, in words it knows; what it
//! answers is spelled as the standards have it.

use rsipstack::sip::typed::tokenizers::AuthTokenizer;
use rsipstack::sip::{Header, Request, Response};

/// What the stack calls SHA-256.
const STACKS_SHA256: &str = "SHA256";
/// What stands without quotation marks (RFC 7616, 3.3 and 3.4).
const BARE: &[&str] = &["algorithm", "nc", "qop", "stale"];

/// Leaves of the questions in `response` the first that can be answered. Where none can, all stay: it
/// is a refusal.
pub(crate) fn amend(response: &mut Response) {
    let user = |header: &Header| matches!(header, Header::WwwAuthenticate(_));
    if let Some(said) = first(response, user) {
        response.headers.retain(|header| !user(header));
        response.headers.push(Header::WwwAuthenticate(said.into()));
    }
    let proxy = |header: &Header| matches!(header, Header::ProxyAuthenticate(_));
    if let Some(said) = first(response, proxy) {
        response.headers.retain(|header| !proxy(header));
        response.headers.push(Header::ProxyAuthenticate(said.into()));
    }
}

/// Spells our answer in a request that leaves.
pub(crate) fn spell(request: &mut Request) {
    for header in request.headers.iter_mut() {
        if let Header::Authorization(said) = header
            && let Some(spelled) = spelled(said.value())
        {
            *header = Header::Authorization(spelled.into());
        } else if let Header::ProxyAuthorization(said) = header
            && let Some(spelled) = spelled(said.value())
        {
            *header = Header::ProxyAuthorization(spelled.into());
        }
    }
}

fn first(response: &Response, asks: impl Fn(&Header) -> bool) -> Option<String> {
    let mut questions = response.headers.iter().filter(|header| asks(header));
    questions.find_map(|question| answerable(question.value()))
}

/// The question in the stack's words, if the stack's answer to it would be right.
fn answerable(question: &str) -> Option<String> {
    let read = AuthTokenizer::parse(question).ok()?;
    let value = |name: &str| {
        let mut params = read.params.iter();
        params.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    };
    let algorithm = match value("algorithm") {
        None => "MD5",
        Some(word) if word.eq_ignore_ascii_case("MD5") => "MD5",
        Some(word) if word.eq_ignore_ascii_case("SHA-256") => STACKS_SHA256,
        Some(_) => return None,
    };
    let has_auth = |qop: &str| qop.split(',').any(|it| it.trim().eq_ignore_ascii_case("auth"));
    let is_digest = read.scheme.eq_ignore_ascii_case("Digest");
    if !is_digest || !value("qop").is_none_or(has_auth) {
        return None;
    }
    let known = read.params.iter().map(|(key, value)| {
        let key = key.to_ascii_lowercase();
        let value = match key.as_str() {
            "algorithm" => algorithm,
            "qop" => "auth",
            _ => value,
        };
        (key, value)
    });
    Some(written(read.scheme, known))
}

fn spelled(answer: &str) -> Option<String> {
    let read = AuthTokenizer::parse(answer).ok()?;
    let params = read.params.iter().map(|(key, value)| {
        let is_stacks = *key == "algorithm" && *value == STACKS_SHA256;
        ((*key).to_owned(), if is_stacks { "SHA-256" } else { *value })
    });
    Some(written(read.scheme, params))
}

fn written<'a>(scheme: &str, params: impl Iterator<Item = (String, &'a str)>) -> String {
    let params = params.map(|(key, value)| match BARE.contains(&key.as_str()) {
        true => format!("{key}={value}"),
        false => format!("{key}=\"{value}\""),
    });
    format!("{scheme} {}", params.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(questions: &[&str]) -> Vec<String> {
        let lines: String = questions.iter().flat_map(|it| [*it, "\r\n"]).collect();
        let text = format!("SIP/2.0 401 Unauthorized\r\n{lines}CSeq: 1 INVITE\r\n\r\n");
        let mut response = Response::try_from(text.as_bytes()).expect("a response");
        amend(&mut response);
        let asks = response.headers.iter().filter(|it| it.name().ends_with("-Authenticate"));
        asks.map(ToString::to_string).collect()
    }

    #[test]
    fn of_several_the_first_that_can_be_answered_is_left() {
        let sha512 = "WWW-Authenticate: Digest realm=\"p\", nonce=\"0\", algorithm=SHA-512-256";
        let sha256 = "WWW-Authenticate: Digest realm=\"p\", nonce=\"1\", algorithm=SHA-256, qop=\"auth-int,auth\"";
        let md5 = "WWW-Authenticate: Digest realm=\"p, q\", nonce=\"2\", Algorithm=md5, stale=TRUE";
        let words = "WWW-Authenticate: Digest realm=\"p\", nonce=\"1\", algorithm=SHA256, qop=auth";
        assert_eq!(left(&[sha512, sha256, md5]), [words]);
        let words =
            "WWW-Authenticate: Digest realm=\"p, q\", nonce=\"2\", algorithm=MD5, stale=TRUE";
        assert_eq!(left(&[md5, sha256]), [words], "whoever asks says what is dearest to it");
        let proxy = "Proxy-Authenticate: Digest realm=\"p\", nonce=\"3\"";
        assert_eq!(left(&[proxy, sha512]), [sha512, proxy]);
    }

    #[test]
    fn what_cannot_be_answered_stays_as_it_was_said() {
        for question in [
            "WWW-Authenticate: Digest realm=\"p\", nonce=\"1\", qop=\"auth-int\"",
            "WWW-Authenticate: Digest realm=\"p\", nonce=\"1\", algorithm=MD5-sess, qop=\"auth\"",
            "WWW-Authenticate: Basic realm=\"p\"",
            "WWW-Authenticate: Digest realm=\"p",
            "WWW-Authenticate: ",
        ] {
            assert_eq!(left(&[question]), [question]);
        }
    }

    #[test]
    fn an_answer_is_spelled_as_the_standards_have_it() {
        let text = "INVITE sip:a@b SIP/2.0\r\nAuthorization: Digest username=\"algorithm=SHA256\", \
            uri=\"sip:a@b\", algorithm=SHA256, qop=\"auth\", nc=00000001, cnonce=\"c\"\r\n\r\n";
        let mut request = Request::try_from(text.as_bytes()).expect("a request");
        spell(&mut request);
        // A message that is sent again is the same.
        spell(&mut request);
        let said = crate::said::value(&request, "Authorization");
        let words = "Digest username=\"algorithm=SHA256\", uri=\"sip:a@b\", algorithm=SHA-256, \
            qop=auth, nc=00000001, cnonce=\"c\"";
        assert_eq!(said.as_deref(), Some(words));
    }
}
