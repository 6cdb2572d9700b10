//! What happens to a call on the platform?
//!
//! `api` or `phones` → [`place`] or [`registry`] → [`actor`] (one task a call) → [`rules::call`]
//! (decides) → [`effects`] → webhooks, legs, phones, consent. [`record`] is what is kept, [`legs`] the
//! media, [`watch`] looks for silence, [`keeping`] plays announcements and keeps what is said,
//! [`ears`] and [`findings`] say what was heard and why not.

mod actor;
pub(crate) mod alive;
mod budget;
mod ears;
mod effects;
pub(crate) mod findings;
mod keeping;
mod legs;
pub(crate) mod place;
mod record;
mod recordings;
mod registry;
pub(crate) mod restart;
mod watch;

pub(crate) use actor::Command;
pub(crate) use ears::{Ear, Ears};
pub(crate) use record::{CallRecord, Facts, Finding, Heard};
pub(crate) use recordings::Recordings;
pub(crate) use registry::{CallHandle, Registry};
