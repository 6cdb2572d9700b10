//! Which calls run, and what happens to each?
//!
//! [`registry`] finds the task that owns a call, [`actor`] is that task, [`effects`] carries out what
//! the switchboard decided. No other room touches a call.

pub(crate) mod actor;
pub(crate) mod agent_first;
mod effects;
mod facts;
mod legs;
pub(crate) mod order;
pub(crate) mod orphans;
pub(crate) mod placing;
mod queueing;
pub(crate) mod registry;
mod words;

pub(crate) use words::advice;
