//! Who speaks SIP (RFC 3261) for us? A user agent that places calls and takes them.
//!
//! [`UserAgent::start`] binds UDP and TCP on one port, TLS on another, or one of them.
//! [`UserAgent::call`] rings the targets of a trunk in the order given, the next when one is
//! unavailable, and tells in [`News`] what came of it. Calls and registrations that come in are
//! [`Incoming`] for whoever started the agent: to be asked for a password ([`Realm`]), refused or
//! taken; [`Bindings`] are where somebody is who registered. SDP is carried, not read. What a call does next is a pure machine, `life` for one out and
//! `answering` for one in; every state but a conversation without session timer (RFC 4028) has a
//! deadline.
//!
//! Messages, transactions and the digest we answer are `rsipstack`'s; nothing of it shows in this
//! crate's interface.

mod agent;
mod answering;
mod attempt;
mod bindings;
mod call;
mod call_in;
mod cancels;
mod challenges;
mod contacts;
mod digest;
mod door;
mod face;
mod fault;
mod flaw;
mod guests;
mod headers;
mod holds;
mod incoming;
mod inspector;
mod invite;
mod life;
mod manners;
mod origins;
mod parting;
mod pracks;
mod refer;
mod refresh;
mod registration;
mod reoffer;
mod replaces;
mod roads;
mod said;
mod session;
mod target;
mod tls;
mod wall;
mod wish;

pub use agent::{Listen, UserAgent};
pub use answering::{Patience, Told};
pub use bindings::{BINDINGS_MAX, Binding, Bindings, NotRegistered, Registering};
pub use call::{Call, NEWS_MAX, Word};
pub use call_in::{CallIn, WordIn};
pub use contacts::{Contact, Contacts};
pub use digest::{Asker, Claim, Proof, Realm};
pub use face::Face;
pub use fault::{CallError, ProbeError, ReachError, StartError};
pub use incoming::{Incoming, IncomingInvite, IncomingRegister, Refusal};
pub use invite::{Credentials, Invite, Limits};
pub use life::{End, News};
pub use manners::Manners;
pub use origins::Origin;
pub use refer::{Refer, Referral, Referred};
pub use registration::{Registered, Registrar, Registration};
pub use reoffer::Reoffer;
pub use replaces::Replaces;
pub use target::{Target, Transport};
pub use tls::Tls;
pub use wall::Strangers;
pub use wish::{Key, Wish};
