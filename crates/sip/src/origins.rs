//! Where do telephones speak from that registered here (RFC 5626)?
//!
//! A telephone behind a router names an address that leads nowhere from here. What it sent came from
//! one that does: by that it is called, and what it says of its own address in a call is replaced by
//! it, so that an ACK and a BYE find it, too.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rsipstack::sip::{Header, Headers, Param, Uri};
use rsipstack::transport::SipAddr;

use crate::holds::Hold;
use crate::{Target, Transport, roads};

/// What tells a way within this process from the routes of a call.
const MARK: &str = ";offhook-way";

/// Where a telephone speaks from. While it is held, the connection stays open.
#[derive(Clone)]
pub struct Origin {
    address: SocketAddr,
    transport: Transport,
    _known: Arc<()>,
    _hold: Arc<Hold>,
}

impl fmt::Debug for Origin {
    /// Nobody's address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Origin").field("transport", &self.transport).finish_non_exhaustive()
    }
}

impl Origin {
    /// The way to the telephone.
    #[must_use]
    pub fn target(&self) -> Target {
        let (address, transport) = (self.address, self.transport);
        Target { address, host: None, transport, priority: 1, weight: 1 }
    }
}

/// Those that somebody holds.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    held: Mutex<HashMap<(SocketAddr, Transport), Weak<()>>>,
}

impl Origins {
    pub(crate) fn hold(&self, address: SocketAddr, transport: Transport, hold: Hold) -> Origin {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let far = (address, transport);
        let known = held.get(&far).and_then(Weak::upgrade).unwrap_or_else(|| {
            held.retain(|_, token| token.strong_count() > 0);
            let token = Arc::new(());
            held.insert(far, Arc::downgrade(&token));
            token
        });
        Origin { address, transport, _known: known, _hold: Arc::new(hold) }
    }

    /// Replaces the host in `Contact` of what came from a telephone by where it came from.
    pub(crate) fn amend(&self, headers: &mut Headers, from: Option<&SipAddr>) {
        let Some((address, transport)) = from.and_then(roads::address) else { return };
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let is_held = held.get(&(address, transport)).is_some_and(|it| it.strong_count() > 0);
        drop(held);
        if !is_held {
            return;
        }
        for header in headers.iter_mut() {
            if let Header::Contact(contact) = header
                && let Some(amended) = amended(contact.value(), address, transport)
            {
                *header = Header::Contact(amended.into());
            }
        }
    }
}

/// Takes the stack to a telephone, whatever address the URI names. It never leaves: see [`leave_way_out`].
pub(crate) fn way_to(target: &Target) -> Header {
    let (address, transport) = (target.address, target.transport.as_str());
    Header::Route(format!("<sip:{address};transport={transport};lr{MARK}>").into())
}

/// Takes the way out of a message that leaves.
pub(crate) fn leave_way_out(headers: &mut Headers) {
    headers.retain(|header| !matches!(header, Header::Route(way) if way.value().contains(MARK)));
}

fn amended(contact: &str, address: SocketAddr, transport: Transport) -> Option<String> {
    let (before, rest) = contact.split_once('<')?;
    let (uri, after) = rest.split_once('>')?;
    let mut uri = Uri::try_from(uri).ok()?;
    uri.host_with_port = roads::sip_address(address, transport).addr;
    uri.params.retain(|param| !is_transport(param));
    uri.params.push(Param::Other("transport".into(), Some(transport.as_str().into())));
    Some(format!("{before}<{uri}>{after}"))
}

fn is_transport(param: &Param) -> bool {
    matches!(param, Param::Transport(_))
        || matches!(param, Param::Other(name, _) if name.to_string().eq_ignore_ascii_case("transport"))
}

#[cfg(test)]
mod tests {
    use rsipstack::sip::Response;

    use super::*;
    use crate::holds::Holds;

    fn contact(origins: &Origins, from: &str, contact: &str) -> String {
        let text = format!("SIP/2.0 200 OK\r\nContact: {contact}\r\n\r\n");
        let mut response = Response::try_from(text.as_bytes()).expect("a response");
        let from = roads::sip_address(from.parse().expect("an address"), Transport::Tcp);
        origins.amend(&mut response.headers, Some(&from));
        crate::said::value(&response, "Contact").expect("a contact")
    }

    #[test]
    fn what_a_telephone_names_is_replaced_by_where_it_speaks_from_while_it_is_known() {
        let (origins, holds) = (Origins::default(), Holds::default());
        let address: SocketAddr = "203.0.113.9:40001".parse().expect("an address");
        let said = "\"Lia\" <sip:lia@192.168.1.5:5060;ob>;+sip.instance=\"<urn:uuid:1>\"";
        assert_eq!(contact(&origins, "203.0.113.9:40001", said), said, "nobody is known");
        let origin = origins.hold(address, Transport::Tcp, holds.hold(address));
        let amended =
            "\"Lia\" <sip:lia@203.0.113.9:40001;ob;transport=tcp>;+sip.instance=\"<urn:uuid:1>\"";
        assert_eq!(contact(&origins, "203.0.113.9:40001", said), amended);
        assert_eq!(contact(&origins, "203.0.113.9:40002", said), said, "somebody else");
        let by_udp = contact(&origins, "203.0.113.9:40001", "<sip:lia@h;transport=udp>");
        assert_eq!(by_udp, "<sip:lia@203.0.113.9:40001;transport=tcp>");
        assert_eq!(contact(&origins, "203.0.113.9:40001", "*"), "*");
        assert!(holds.is_held(address));
        drop(origin);
        assert_eq!(contact(&origins, "203.0.113.9:40001", said), said, "it is forgotten");
        assert!(!holds.is_held(address));
    }
}
