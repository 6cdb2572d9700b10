//! As whom does an agent show itself?
//!
//! An agent may stand for a service of which it is only the last machine: then `Contact` and
//! `Record-Route` name that service, every message carries its mark, and only its methods are taken.
//! What others give back of our own `Record-Route` is taken out before the stack reads it: a BYE
//! would be routed to ourselves.

use std::sync::Arc;

use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{
    Header, Headers, Method, Request, Response, SipMessage, StatusCodeKind, Version,
};
use rsipstack::transaction::endpoint::MessageInspector;
use rsipstack::transport::SipAddr;

use crate::guests::Guests;
use crate::headers;

/// What an agent shows of itself beside what every agent does.
#[derive(Clone, Debug, Default)]
pub struct Face {
    /// The host in `Contact`, with a port where it is not the usual one; where it listens if absent.
    pub host: Option<String>,
    /// `Record-Route` of the INVITEs it sends: its own entry, and then one for each of these hosts.
    /// None at all where absent.
    pub proxies: Option<Vec<String>>,
    /// Parameters of the URI in `Contact`, such as `ob`.
    pub contact_uri: Vec<String>,
    /// Parameters after it, such as `isfocus`.
    pub contact: Vec<String>,
    /// The methods it takes; others are answered 405. All that there are where empty.
    pub allows: Vec<String>,
    /// What `Supported` says, whatever is done; what is done where empty.
    pub supports: Vec<String>,
    /// Headers of every message.
    pub headers: Vec<(String, String)>,
}

impl Face {
    /// Whether a call out is contacted under its caller's name.
    pub(crate) fn is_plain(&self) -> bool {
        self.host.is_none() && self.proxies.is_none() && self.contact_uri.is_empty()
    }

    pub(crate) fn takes(&self, method: Method) -> bool {
        let method = method.to_string();
        self.allows.is_empty() || self.allows.contains(&method)
    }

    pub(crate) fn allow(&self) -> Option<Header> {
        (!self.allows.is_empty()).then(|| Header::Allow(self.allows.join(", ").into()))
    }
}

/// How an answer that did not repeat our `Record-Route` is marked on its way to the call; never on the
/// wire.
pub(crate) const ROUTES_LOST: &str = "X-Routes-Lost";

/// Writes a [`Face`] into messages, and takes it out of what comes back.
pub(crate) struct Mask {
    marks: Vec<Header>,
    record_routes: Vec<String>,
    allow: Option<Header>,
    /// Whether what comes reliably before an answer is acknowledged (RFC 3262).
    pracks: bool,
    contact: String,
    /// Who said something whole on a connection of theirs.
    guests: Arc<Guests>,
}

impl Mask {
    /// The mask of an agent that is reached at `us`.
    pub(crate) fn new(face: &Face, us: &str, guests: Arc<Guests>) -> Self {
        let own = face.host.as_deref().unwrap_or(us);
        let entry = |host: &str| format!("<sip:{host};transport=tls;lr>");
        let hosts = face.proxies.iter().flat_map(|behind| {
            std::iter::once(own).chain(behind.iter().map(String::as_str)).filter_map(headers::host)
        });
        let marks = face.headers.iter();
        Self {
            marks: marks.filter_map(|(name, value)| headers::header(name, value)).collect(),
            record_routes: hosts.map(entry).collect(),
            allow: face.allow(),
            pracks: face.takes(Method::PRack),
            contact: face.contact.iter().flat_map(|param| [";", param]).collect(),
            guests,
        }
    }

    fn dress_request(&self, request: &mut Request) {
        add(&mut request.headers, &self.marks);
        if !self.contact.is_empty() {
            shorten_to(request);
        }
        if request.method != Method::Invite || has_to_tag(request) {
            return;
        }
        add(&mut request.headers, self.allow.as_slice());
        let routed = request.headers.iter().any(|it| matches!(it, Header::RecordRoute(_)));
        if !routed {
            let routes = self.record_routes.iter();
            request
                .headers
                .extend(routes.map(|it| Header::RecordRoute(it.as_str().into())).collect());
        }
        for header in request.headers.iter_mut() {
            if let Header::Contact(contact) = header
                && !contact.value().ends_with(&self.contact)
            {
                let uri = contact.value().replace("transport=TLS", "transport=tls");
                *header = Header::Contact(format!("{uri}{}", self.contact).into());
            }
        }
    }

    fn dress_response(&self, response: &mut Response) {
        // The stack repeats the request's, whatever that was.
        response.version = Version::V2;
        add(&mut response.headers, &self.marks);
        if response.status_code.kind() == StatusCodeKind::Successful {
            add(&mut response.headers, self.allow.as_slice());
        }
    }

    /// Takes our own entries out of `Record-Route`.
    fn take_out(&self, headers: &mut Headers) {
        let others = |said: &str| -> Option<Header> {
            let left: Vec<_> = entries(said).filter(|entry| !self.is_ours(entry)).collect();
            (!left.is_empty()).then(|| Header::RecordRoute(left.join(", ").into()))
        };
        let all = std::mem::take(headers);
        let kept = all.into_iter().filter_map(|header| {
            if let Header::RecordRoute(said) = &header {
                others(said.value())
            } else {
                Some(header)
            }
        });
        headers.extend(kept.collect());
    }

    /// Whether our own entries are all in it, in order.
    fn repeats(&self, response: &Response) -> bool {
        let said = response.headers.iter().filter_map(|header| {
            if let Header::RecordRoute(said) = header { Some(said.value()) } else { None }
        });
        let ours = said.flat_map(entries).filter(|entry| self.is_ours(entry));
        ours.map(str::to_ascii_lowercase)
            .eq(self.record_routes.iter().map(|it| it.to_ascii_lowercase()))
    }

    fn is_ours(&self, entry: &str) -> bool {
        self.record_routes.iter().any(|ours| ours.eq_ignore_ascii_case(entry))
    }
}

impl MessageInspector for Mask {
    fn before_send(&self, message: SipMessage, _to: Option<&SipAddr>) -> SipMessage {
        match message {
            SipMessage::Request(mut request) => {
                self.dress_request(&mut request);
                SipMessage::Request(request)
            }
            SipMessage::Response(mut response) => {
                self.dress_response(&mut response);
                SipMessage::Response(response)
            }
        }
    }

    fn after_received(&self, message: SipMessage, from: Option<&SipAddr>) -> SipMessage {
        if let Some(them) = from.and_then(|from| from.get_socketaddr().ok()) {
            self.guests.heard(them);
        }
        match message {
            SipMessage::Response(mut response) => {
                let is_answer = response.status_code.kind() == StatusCodeKind::Successful
                    && response.cseq_header().is_ok_and(|it| it.value().contains("INVITE"));
                let is_lost = is_answer && !self.repeats(&response);
                response.headers.retain(|it| !it.name().eq_ignore_ascii_case(ROUTES_LOST));
                self.take_out(&mut response.headers);
                if !self.pracks {
                    response.headers.retain(|it| !asks_for_prack(it));
                }
                if is_lost {
                    response.headers.push(Header::Other(ROUTES_LOST.into(), "1".into()));
                }
                SipMessage::Response(response)
            }
            request @ SipMessage::Request(_) => request,
        }
    }
}

/// Adds those of `more` that are not there: a message that is sent again is dressed already.
fn add(headers: &mut Headers, more: &[Header]) {
    for header in more {
        let there = headers.iter().any(|it| it.name().eq_ignore_ascii_case(header.name()));
        if !there {
            headers.push(header.clone());
        }
    }
}

/// The stack would acknowledge it, offered or not.
fn asks_for_prack(header: &Header) -> bool {
    header.name().eq_ignore_ascii_case("Require") && header.value().contains("100rel")
}

/// `To` names whom, not how they are reached.
fn shorten_to(request: &mut Request) {
    for header in request.headers.iter_mut() {
        if let Header::To(to) = header {
            let said = to.value().replacen(";transport=tls>", ">", 1);
            let short = match said.split_once('@') {
                Some((user, host)) if user.starts_with('<') => {
                    let user = user.split_once(';').map_or(user, |(bare, _)| bare);
                    format!("{user}@{host}")
                }
                Some(_) | None => said,
            };
            *header = Header::To(short.into());
        }
    }
}

/// The entries of a list; a comma in angle brackets parts none.
pub(crate) fn entries(said: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    let parts = said.split(move |char| {
        inside = match char {
            '<' => true,
            '>' => false,
            _ => inside,
        };
        char == ',' && !inside
    });
    parts.map(str::trim).filter(|entry| !entry.is_empty())
}

fn has_to_tag(request: &Request) -> bool {
    matches!(request.to_header().and_then(|to| to.tag()), Ok(Some(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guests::Rules;

    fn mask() -> Mask {
        let face = Face {
            host: Some("wa.meta.vc".into()),
            proxies: Some(vec!["sip-proxy.internal.example:8191".into()]),
            contact: vec!["isfocus".into()],
            allows: vec!["INVITE".into(), "BYE".into()],
            headers: vec![("X-FB-External-Domain".into(), "wa.meta.vc".into())],
            ..Face::default()
        };
        Mask::new(&face, "127.0.0.1:5061", Arc::new(Guests::new(Rules::default())))
    }

    fn request(method: &str, to: &str) -> SipMessage {
        let text = format!(
            "{method} sip:200@pbx.test SIP/2.0\r\nFrom: <sip:1@wa.meta.vc>;tag=a\r\nTo: <sip:200@pbx.test>{to}\r\n\
             Contact: <sip:1@wa.meta.vc;transport=tls;ob>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n\r\n"
        );
        SipMessage::Request(Request::try_from(text.as_bytes()).unwrap())
    }

    #[test]
    fn an_invite_is_dressed_once() {
        let once = mask().before_send(request("INVITE", ""), None).to_string();
        for line in [
            "Record-Route: <sip:wa.meta.vc;transport=tls;lr>\r\n",
            "Record-Route: <sip:sip-proxy.internal.example:8191;transport=tls;lr>\r\n",
            "Contact: <sip:1@wa.meta.vc;transport=tls;ob>;isfocus\r\n",
            "X-FB-External-Domain: wa.meta.vc\r\n",
            "Allow: INVITE, BYE\r\n",
        ] {
            assert_eq!(once.matches(line).count(), 1, "{line}{once}");
        }
        let again = mask().before_send(once.as_bytes().try_into().unwrap(), None).to_string();
        assert_eq!(again, once);
    }

    #[test]
    fn a_request_in_a_call_has_the_mark_alone() {
        let bye = mask().before_send(request("BYE", ";tag=b"), None).to_string();
        assert!(bye.contains("X-FB-External-Domain: wa.meta.vc"), "{bye}");
        assert!(!bye.contains("Record-Route") && !bye.contains("Allow"), "{bye}");
    }

    #[test]
    fn who_takes_no_prack_sends_none() {
        let heard = |mask: Mask| {
            let text = "SIP/2.0 183 Session Progress\r\nRequire: 100rel\r\nRSeq: 7\r\nCSeq: 1 INVITE\r\n\r\n";
            let response = Response::try_from(text.as_bytes()).unwrap();
            mask.after_received(SipMessage::Response(response), None).to_string()
        };
        assert!(!heard(mask()).contains("100rel"));
        let guests = Arc::new(Guests::new(Rules::default()));
        assert!(heard(Mask::new(&Face::default(), "127.0.0.1:5061", guests)).contains("100rel"));
    }

    #[test]
    fn of_what_comes_back_only_their_own_entries_are_left() {
        let answer = |routes: &str| {
            let text = format!("SIP/2.0 200 OK\r\n{routes}CSeq: 1 INVITE\r\n\r\n");
            let response = Response::try_from(text.as_bytes()).unwrap();
            mask().after_received(SipMessage::Response(response), None).to_string()
        };
        let ours = "<sip:wa.meta.vc;transport=tls;lr>";
        let inner = "<sip:sip-proxy.internal.example:8191;transport=tls;lr>";
        let theirs = "<sip:edge.shop.example;lr>";
        for routes in [
            format!("Record-Route: {theirs}\r\nRecord-Route: {ours}\r\nRecord-Route: {inner}\r\n"),
            format!("Record-Route: {theirs}, {ours},{inner}\r\n"),
        ] {
            let left = answer(&routes);
            assert!(left.contains(&format!("Record-Route: {theirs}\r\n")), "{left}");
            assert!(!left.contains("wa.meta.vc") && !left.contains("internal"), "{left}");
        }
        let lost = |routes: &str| answer(routes).contains(ROUTES_LOST);
        assert!(!lost(&format!("Record-Route: {theirs}, {ours}, {inner}\r\n")));
        assert!(!lost(&format!("{ROUTES_LOST}: 1\r\nRecord-Route: {ours}, {inner}\r\n")));
        assert!(lost("") && lost(&format!("Record-Route: {ours}\r\n")));
        assert!(lost(&format!("Record-Route: {inner}, {ours}\r\n")), "out of order");
        let none = answer(&format!("Record-Route: {ours}\r\nRecord-Route: {inner}\r\n"));
        assert!(!none.contains("Record-Route"), "{none}");
    }
}
