//! Why do we take a call back that still rings (RFC 3326)?
//!
//! The stack below writes a CANCEL from its INVITE, without a word of its own: the reason is added on
//! the way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rsipstack::sip::{Header, Method, Request};

/// The reasons of calls that are being taken back, by `Call-ID`.
#[derive(Debug, Default)]
pub(crate) struct Cancels {
    said: Mutex<HashMap<String, Header>>,
}

impl Cancels {
    /// What the CANCEL of this call is to say.
    pub(crate) fn say(&self, call_id: &str, reason: Header) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.insert(call_id.to_owned(), reason);
    }

    /// The call is over.
    pub(crate) fn forget(&self, call_id: &str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(call_id);
    }

    /// Adds the reason to a CANCEL that leaves.
    pub(crate) fn amend(&self, request: &mut Request) {
        if request.method != Method::Cancel || crate::said::value(request, "Reason").is_some() {
            return;
        }
        let Some(call_id) = crate::said::value(request, "Call-ID") else { return };
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = said.get(&call_id) {
            request.headers.push(reason.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(cancels: &Cancels, method: &str) -> Vec<String> {
        let text = format!("{method} sip:a@b SIP/2.0\r\nCall-ID: one\r\n\r\n");
        let mut request = Request::try_from(text.as_bytes()).expect("a request");
        cancels.amend(&mut request);
        // A message that is sent again is the same.
        cancels.amend(&mut request);
        let reasons = request.headers.iter().filter(|header| header.name() == "Reason");
        reasons.map(|header| header.value().to_owned()).collect()
    }

    #[test]
    fn a_cancel_says_why_and_nothing_else_does() {
        let cancels = Cancels::default();
        assert!(leaves(&cancels, "CANCEL").is_empty());
        cancels.say("one", Header::Reason("SIP;cause=200".into()));
        assert_eq!(leaves(&cancels, "CANCEL"), ["SIP;cause=200"]);
        assert!(leaves(&cancels, "INVITE").is_empty());
        cancels.forget("one");
        assert!(leaves(&cancels, "CANCEL").is_empty());
    }
}
