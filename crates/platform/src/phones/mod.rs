//! Who holds a phone?
//!
//! A phone is a WebSocket: a page, `offhook call`, or a handset of ours. [`registry`] knows the
//! connected ones, [`socket`] speaks with one, [`businesses`] is what they show of the numbers,
//! [`scripted`] starts a handset for a user without any.

pub(crate) mod businesses;
mod registry;
mod scripted;
mod socket;

pub(crate) use registry::{PhoneHandle, PhoneId, Phones};
pub(crate) use scripted::place;
pub(crate) use socket::open;
