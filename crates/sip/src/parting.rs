//! What did the far end say when it left?
//!
//! The stack below answers a BYE and forgets it. Who has a call may want to know what stood in it, so
//! the headers are noted on the way, for calls that are known here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use rsipstack::sip::prelude::HasHeaders;
use rsipstack::sip::{Method, Request};

use crate::headers;

/// How many headers of a BYE are kept: more than any has.
const KEPT_MAX: usize = 64;

/// Headers, once they came.
type Said = OnceLock<Vec<(String, String)>>;

/// The headers of a call's BYE, once it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parting(Arc<Said>);

impl Parting {
    /// What its header of this name says.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let mut said = self.0.get()?.iter();
        let found = said.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(found.1.clone())
    }
}

/// Those of the calls that stand, by `Call-ID`.
#[derive(Debug, Default)]
pub(crate) struct Partings {
    known: Mutex<HashMap<String, Weak<Said>>>,
}

impl Partings {
    /// Notes what a BYE of this call will say, for as long as somebody has the call.
    pub(crate) fn expect(&self, call_id: &str) -> Parting {
        let parting = Parting::default();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= known.capacity() {
            known.retain(|_, parting| parting.strong_count() > 0);
        }
        known.insert(call_id.to_owned(), Arc::downgrade(&parting.0));
        parting
    }

    /// A request within a call came in.
    pub(crate) fn note(&self, request: &Request) {
        if request.method != Method::Bye {
            return;
        }
        let Some(call_id) = crate::said::value(request, "Call-ID") else { return };
        let parting = self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&call_id);
        let Some(parting) = parting.and_then(|parting| parting.upgrade()) else { return };
        let headers = request.headers().iter().take(KEPT_MAX);
        let said = headers
            .map(|header| (header.name().to_owned(), headers::one_line(header.value().trim())));
        // The first BYE counts.
        drop(parting.set(said.collect()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bye(call_id: &str) -> Request {
        let text = format!(
            "BYE sip:a@b SIP/2.0\r\nCall-ID: {call_id}\r\nX-WA-Meta-Call-Duration: 7\r\n\r\n"
        );
        Request::try_from(text.as_bytes()).expect("a request")
    }

    #[test]
    fn a_bye_is_noted_for_its_call_alone() {
        let partings = Partings::default();
        let (left, stays) = (partings.expect("one"), partings.expect("two"));
        partings.note(&bye("one"));
        partings.note(&bye("three"));
        assert_eq!(left.header("x-wa-meta-call-duration").as_deref(), Some("7"));
        assert_eq!(stays.header("x-wa-meta-call-duration"), None);
    }

    #[test]
    fn calls_that_nobody_has_are_forgotten() {
        let partings = Partings::default();
        for call in 0..10_000 {
            drop(partings.expect(&call.to_string()));
        }
        assert!(partings.known.lock().expect("nobody panicked").len() < 100);
    }
}
