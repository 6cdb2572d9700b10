//! Who speaks SIP (RFC 3261) for us? A user agent that calls the targets of a trunk.
//!
//! [`UserAgent::start`] binds UDP and TCP on one port; [`UserAgent::call`] rings the targets of a
//! trunk in the order given, the next when one is unavailable, and tells in [`News`] what came of it.
//! SDP is carried, not read. What an outgoing call does next is one pure machine, `life`; every state
//! in it but a conversation without session timer (RFC 4028) has a deadline.
//!
//! Messages, transactions and digest are `rsipstack`'s; nothing of it shows in this crate's interface.
//! Calls in are refused: nobody is reached here without a route.

mod agent;
mod attempt;
mod call;
mod door;
mod fault;
mod headers;
mod invite;
mod life;
mod reoffer;
mod roads;
mod session;
mod target;

pub use agent::{Listen, UserAgent};
pub use call::{Call, NEWS_MAX, Word};
pub use fault::{CallError, ProbeError, StartError};
pub use invite::{Credentials, Invite, Limits};
pub use life::{End, News};
pub use reoffer::Reoffer;
pub use target::{Target, Transport};
