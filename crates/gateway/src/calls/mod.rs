//! Which calls run, and what happens to each?
//!
//! [`registry`] finds the task that owns a call, [`actor`] is that task, [`effects`] carries out what
//! the switchboard decided. No other room touches a call.

pub(crate) mod actor;
mod effects;
mod facts;
mod legs;
pub(crate) mod order;
pub(crate) mod orphans;
pub(crate) mod placing;
pub(crate) mod registry;
mod timeline;
mod watch;
mod words;

pub(crate) use words::advice;
