//! Whole calls and flows, played with no clock and no network.

#![expect(clippy::unwrap_used, reason = "a test says what it needs by failing")]

mod beside;
mod bot_flow;
mod builtin;
mod by_telephone;
mod consent;
mod desk;
mod flow_faults;
mod flow_run;
mod flow_steps;
mod hand_over;
mod incoming;
mod outgoing;
mod queue;
mod queue_flow;
mod referral;
mod table;
mod trunk_flow;
