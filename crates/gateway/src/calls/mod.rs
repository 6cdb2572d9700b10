//! Which calls run, and what happens to each?
//!
//! [`registry`] finds the task that owns a call, [`begin`] starts it, [`actor`] is that task, [`heard`]
//! says what reached it, [`effects`] carries out what the switchboard decided; [`hearing`] feeds the
//! legs, [`agent_telephone`] rings agents elsewhere than at a page, [`supervision`] knows who listens. No
//! other room touches a call.

mod actor;
mod agent_calls;
pub(crate) mod agent_first;
mod agent_referral;
mod agent_telephone;
pub(crate) mod arrival;
pub(crate) mod begin;
mod bot;
pub(crate) mod caller;
pub(crate) mod clearance;
mod coming;
mod effects;
mod facts;
mod heard;
mod hearing;
mod legs;
pub(crate) mod order;
pub(crate) mod orphans;
pub(crate) mod placing;
mod queueing;
mod recording;
mod referral;
pub(crate) mod registry;
mod replacement;
mod signalling;
mod sounds;
mod supervision;
mod telephone;
mod telephone_keys;
mod timeline;
mod trunk;
mod view;
mod watch;
mod words;

pub(crate) use effects::chain;
pub(crate) use words::advice;
