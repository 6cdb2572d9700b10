//! Which calls run, and what happens to each?
//!
//! [`registry`] finds the task that owns a call, [`actor`] is that task, [`effects`] carries out what
//! the switchboard decided; [`hearing`] feeds the legs, [`supervision`] knows who listens. No other room touches a call.

pub(crate) mod actor;
pub(crate) mod agent_first;
mod bot;
pub(crate) mod clearance;
mod effects;
mod facts;
mod hearing;
mod legs;
pub(crate) mod order;
pub(crate) mod orphans;
pub(crate) mod placing;
mod queueing;
mod recording;
pub(crate) mod registry;
mod sounds;
mod supervision;
mod timeline;
mod watch;
mod words;

pub(crate) use words::advice;
