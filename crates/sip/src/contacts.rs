//! Where does a telephone say it is (RFC 3261, 10.2.1)?

use std::fmt;

use rsipstack::sip::Uri;

/// How long a URI may be: longer than any telephone's.
const URI_MAX: usize = 256;

/// One place a telephone names.
#[derive(Clone, PartialEq, Eq)]
pub struct Contact {
    /// The URI it is called by.
    pub uri: String,
    /// For how many seconds it is to be known, where the place itself says so.
    pub expires: Option<u32>,
    /// What tells the telephone from all others (`+sip.instance`, RFC 5626), where it says so.
    pub instance: Option<String>,
}

impl fmt::Debug for Contact {
    /// Nobody's address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contact").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// What a registration says of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contacts {
    /// Nothing: it asks what is known.
    Asked,
    /// `*`: all of them are meant.
    All,
    /// These.
    These(Vec<Contact>),
}

/// Reads the values of all `Contact` headers of a message; `None` where one is none.
pub(crate) fn read<'a>(values: impl Iterator<Item = &'a str>) -> Option<Contacts> {
    let mut named = values.flat_map(|value| apart(value, ',')).peekable();
    if named.peek().is_none() {
        return Some(Contacts::Asked);
    }
    let named: Vec<&str> = named.collect();
    if named == ["*"] {
        return Some(Contacts::All);
    }
    Some(Contacts::These(named.into_iter().map(contact).collect::<Option<_>>()?))
}

fn contact(text: &str) -> Option<Contact> {
    let (uri, params) = split(text)?;
    let fine = |sign: char| !sign.is_control() && !sign.is_whitespace() && !"<>\"".contains(sign);
    let is_sip = uri.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("sip:"));
    if !is_sip || uri.len() > URI_MAX || !uri.chars().all(fine) {
        return None;
    }
    let readable = Uri::try_from(uri).ok()?;
    if readable.host_with_port.host.to_string().is_empty() {
        return None;
    }
    let param = |name: &str| {
        let mut params = apart(params, ';').filter_map(|param| param.split_once('='));
        let found = params.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
        Some(found.1.trim().trim_matches('"').to_owned())
    };
    let expires = match param("expires") {
        Some(expires) => Some(expires.parse().ok()?),
        None => None,
    };
    let instance = param("+sip.instance").filter(|instance| instance.len() <= URI_MAX);
    Some(Contact { uri: uri.to_owned(), expires, instance })
}

/// The URI and what follows it: within `<>` the parameters are the URI's, outside the header's.
fn split(text: &str) -> Option<(&str, &str)> {
    let quoted = text.strip_prefix('"');
    let after_name = match quoted {
        Some(rest) => rest.get(end_of_quote(rest)? + 1..)?,
        None => text,
    };
    match after_name.split_once('<') {
        Some((_, rest)) => rest.split_once('>'),
        None if quoted.is_some() => None,
        None => Some(text.split_once(';').unwrap_or((text, ""))),
    }
}

fn end_of_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, sign) in text.char_indices() {
        match sign {
            '"' if !escaped => return Some(at),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// What stands between `mark`s that are neither quoted nor within `<>`; nothing that is empty.
fn apart(text: &str, mark: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut within, mut escaped) = (false, false, false);
    let parts = text.split(move |sign: char| {
        let is_mark = sign == mark && !quoted && !within;
        match sign {
            '"' if !escaped => quoted = !quoted,
            '<' if !quoted => within = true,
            '>' if !quoted => within = false,
            _ => {}
        }
        escaped = sign == '\\' && !escaped;
        is_mark
    });
    parts.map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn these(values: &[&str]) -> Vec<(String, Option<u32>, Option<String>)> {
        match read(values.iter().copied()) {
            Some(Contacts::These(these)) => {
                these.into_iter().map(|it| (it.uri, it.expires, it.instance)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn place(uri: &str, expires: Option<u32>) -> (String, Option<u32>, Option<String>) {
        (uri.to_owned(), expires, None)
    }

    #[test]
    fn places_are_read_as_telephones_write_them() {
        let plain = these(&["<sip:lia@10.0.0.5:5062;transport=tcp>;expires=300;q=0.5"]);
        assert_eq!(plain, [place("sip:lia@10.0.0.5:5062;transport=tcp", Some(300))]);
        let bare = these(&["sip:lia@10.0.0.5;expires=0"]);
        assert_eq!(bare, [place("sip:lia@10.0.0.5", Some(0))]);
        let named = these(&["\"Lia, \\\"desk\\\" <1>\" <sip:lia@h>, <sip:lia@[::1]:5070>"]);
        assert_eq!(named, [place("sip:lia@h", None), place("sip:lia@[::1]:5070", None)]);
        let several = these(&["<sip:a@h>", "<sip:b@h>"]);
        assert_eq!(several, [place("sip:a@h", None), place("sip:b@h", None)]);
        let known = these(&["<sip:lia@h>;+sip.instance=\"<urn:uuid:0-1>\";reg-id=1"]);
        assert_eq!(known[0].2.as_deref(), Some("<urn:uuid:0-1>"));
    }

    #[test]
    fn a_star_is_all_and_nothing_is_a_question() {
        assert_eq!(read(["*"].into_iter()), Some(Contacts::All));
        assert_eq!(read([].into_iter()), Some(Contacts::Asked));
        assert_eq!(read(["*, <sip:a@h>"].into_iter()), None);
    }

    #[test]
    fn what_is_no_place_is_none() {
        for bad in [
            "<sip:lia@h",
            "\"Lia <sip:lia@h>",
            "<mailto:lia@h>",
            "<tel:+5511999990000>",
            "<sip:lia@h>;expires=soon",
            "<sip:li a@h>",
            "lia",
        ] {
            assert_eq!(read([bad].into_iter()), None, "{bad}");
        }
        let long = format!("<sip:{}@h>", "a".repeat(URI_MAX));
        assert_eq!(read([long.as_str()].into_iter()), None);
    }
}
