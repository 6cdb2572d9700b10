//! Which connections do calls stand on?
//!
//! A connection on which nobody speaks is closed, but not one whose call has yet to be ended: a call of an
//! hour has nothing to say in between, and its BYE takes the way of its INVITE.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Connections by their far end.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    held: Mutex<HashMap<SocketAddr, Weak<()>>>,
}

/// Keeps a connection open until it is dropped.
#[derive(Debug)]
pub(crate) struct Hold(#[expect(dead_code, reason = "it is held, not used")] Arc<()>);

impl Holds {
    /// Keeps the connection to this far end.
    pub(crate) fn hold(&self, them: SocketAddr) -> Hold {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = held.get(&them).and_then(Weak::upgrade) {
            return Hold(token);
        }
        held.retain(|_, token| token.strong_count() > 0);
        let token = Arc::new(());
        held.insert(them, Arc::downgrade(&token));
        Hold(token)
    }

    /// Whether a call stands on it.
    pub(crate) fn is_held(&self, them: SocketAddr) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&them).is_some_and(|token| token.strong_count() > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_held_until_its_last_call_is_over() {
        let holds = Holds::default();
        let [one, other] = [1, 2].map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let (first, second) = (holds.hold(one), holds.hold(one));
        assert!(holds.is_held(one) && !holds.is_held(other));
        drop(first);
        assert!(holds.is_held(one));
        drop(second);
        assert!(!holds.is_held(one));
        let _again = holds.hold(one);
        assert!(holds.is_held(one));
    }
}
