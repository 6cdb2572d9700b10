//! Where does what acknowledges a word before the answer go (RFC 3262)?
//!
//! The stack below addresses a PRACK as its INVITE was sent: to the target's address. It belongs to a
//! dialog that the word opened: its URI is that word's `Contact`, its way the word's `Record-Route`
//! backwards (RFC 3261, 12.1.2 and 12.2.1.1). Both are kept while the INVITE is, and written on the
//! way. It leaves for where the INVITE went.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Response, StatusCodeKind, Uri};

use crate::face::entries;
use crate::said::value;

/// How many dialogs one INVITE opens before its answer; the oldest goes first.
const DIALOGS_MAX: usize = 16;

/// The dialogs of each INVITE that waits for its answer, by `Call-ID`.
#[derive(Debug, Default)]
pub(crate) struct Pracks {
    waiting: Mutex<HashMap<String, Weak<Dialogs>>>,
}

/// Keeps the dialogs of one INVITE until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting(#[expect(dead_code, reason = "it is held, not used")] Arc<Dialogs>);

type Dialogs = Mutex<Vec<Dialog>>;

#[derive(Clone, Debug)]
struct Dialog {
    /// Theirs.
    tag: String,
    target: Uri,
    /// The nearest first.
    route: Vec<String>,
}

impl Pracks {
    /// An INVITE with this `Call-ID` is about to be sent.
    pub(crate) fn wait(&self, call_id: &str) -> Waiting {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dialogs) = waiting.get(call_id).and_then(Weak::upgrade) {
            return Waiting(dialogs);
        }
        waiting.retain(|_, dialogs| dialogs.strong_count() > 0);
        let dialogs = Arc::<Dialogs>::default();
        waiting.insert(call_id.to_owned(), Arc::downgrade(&dialogs));
        Waiting(dialogs)
    }

    /// Keeps what a word that wants to be acknowledged says of its dialog.
    pub(crate) fn heard(&self, response: &Response) {
        let wants = response.status_code.kind() == StatusCodeKind::Provisional
            && value(response, "RSeq").is_some();
        let Some(dialogs) = wants.then(|| self.dialogs(value(response, "Call-ID"))).flatten()
        else {
            return;
        };
        let Some(dialog) = Dialog::of(response) else { return };
        let mut dialogs = dialogs.lock().unwrap_or_else(PoisonError::into_inner);
        dialogs.retain(|known| known.tag != dialog.tag);
        if dialogs.len() >= DIALOGS_MAX {
            dialogs.remove(0);
        }
        dialogs.push(dialog);
    }

    /// Addresses a PRACK that leaves.
    pub(crate) fn amend(&self, request: &mut Request) {
        if request.method != Method::PRack {
            return;
        }
        let Some(dialogs) = self.dialogs(value(request, "Call-ID")) else { return };
        let Ok(Some(tag)) = request.to_header().and_then(|to| to.tag()) else { return };
        let dialogs = dialogs.lock().unwrap_or_else(PoisonError::into_inner);
        let found = dialogs.iter().find(|known| known.tag == tag.value()).cloned();
        drop(dialogs);
        let Some(Dialog { target, route, .. }) = found else { return };
        request.uri = target;
        request.headers.retain(|header| !matches!(header, Header::Route(_)));
        request.headers.extend(route.into_iter().map(|hop| Header::Route(hop.into())).collect());
    }

    fn dialogs(&self, call_id: Option<String>) -> Option<Arc<Dialogs>> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(&call_id?).and_then(Weak::upgrade)
    }
}

impl Dialog {
    fn of(response: &Response) -> Option<Self> {
        let tag = response.to_header().and_then(|to| to.tag()).ok()??.value().to_owned();
        let target = response.typed_contact_headers().ok()?.first()?.uri.clone();
        let hops = response.headers.iter().filter_map(|header| {
            if let Header::RecordRoute(said) = header { Some(entries(said.value())) } else { None }
        });
        let mut route: Vec<_> = hops.flatten().map(str::to_owned).collect();
        route.reverse();
        Some(Self { tag, target, route })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hears(pracks: &Pracks, tag: &str, more: &str) {
        let text = format!(
            "SIP/2.0 183 Session Progress\r\nTo: <sip:200@h>;tag={tag}\r\nCall-ID: one\r\n\
             CSeq: 1 INVITE\r\n{more}\r\n"
        );
        pracks.heard(&Response::try_from(text.as_bytes()).expect("a response"));
    }

    fn leaves(pracks: &Pracks, method: &str, tag: &str) -> (String, Vec<String>) {
        let text = format!(
            "{method} sip:127.0.0.1:5060 SIP/2.0\r\nTo: <sip:200@h>;tag={tag}\r\nCall-ID: one\r\n\
             CSeq: 2 {method}\r\n\r\n"
        );
        let mut request = Request::try_from(text.as_bytes()).expect("a request");
        pracks.amend(&mut request);
        // A message that is sent again is the same.
        pracks.amend(&mut request);
        let route = request.headers.iter().filter(|header| header.name() == "Route");
        (request.uri.to_string(), route.map(|header| header.value().to_owned()).collect())
    }

    #[test]
    fn each_dialog_of_an_invite_has_its_own_way_while_that_waits() {
        let (pracks, unmoved) = (Pracks::default(), ("sip:127.0.0.1:5060".to_owned(), Vec::new()));
        let routed = "RSeq: 1\r\nContact: \"P\" <sip:pbx@192.0.2.1:5070;ob>\r\n\
            Record-Route: <sip:far;lr>, <sip:middle;lr>\r\nRecord-Route: <sip:near;lr>\r\n";
        hears(&pracks, "a", routed);
        assert_eq!(leaves(&pracks, "PRACK", "a"), unmoved, "no INVITE waits");
        let waiting = pracks.wait("one");
        hears(&pracks, "a", routed);
        hears(&pracks, "b", "RSeq: 1\r\nContact: <sip:other@192.0.2.2>\r\n");
        let way = ["<sip:near;lr>", "<sip:middle;lr>", "<sip:far;lr>"].map(str::to_owned).to_vec();
        assert_eq!(leaves(&pracks, "PRACK", "a"), ("sip:pbx@192.0.2.1:5070;ob".to_owned(), way));
        let other = ("sip:other@192.0.2.2".to_owned(), Vec::new());
        assert_eq!(leaves(&pracks, "PRACK", "b"), other);
        assert_eq!(leaves(&pracks, "PRACK", "c"), unmoved);
        assert_eq!(leaves(&pracks, "BYE", "a"), unmoved);
        drop(waiting);
        assert_eq!(leaves(&pracks, "PRACK", "a"), unmoved, "it is forgotten");
    }

    #[test]
    fn dialogs_never_grow() {
        let pracks = Pracks::default();
        let _waiting = pracks.wait("one");
        for tag in 0..2 * DIALOGS_MAX {
            hears(&pracks, &tag.to_string(), "RSeq: 1\r\nContact: <sip:a@h>\r\n");
        }
        let dialogs = pracks.dialogs(Some("one".to_owned())).expect("an INVITE");
        assert_eq!(dialogs.lock().expect("the dialogs").len(), DIALOGS_MAX);
        hears(&pracks, "x", "Contact: <sip:a@h>\r\n");
        assert_eq!(leaves(&pracks, "PRACK", "x").0, "sip:127.0.0.1:5060", "it asked for none");
    }
}
