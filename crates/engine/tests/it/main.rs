//! Engines call each other over the loopback interface, by both ways of moving datagrams.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks for one event among many")]

extern crate offhook_engine as engine;

mod aiortc;
mod bots;
mod bridge;
mod busy;
mod comfort;
mod continuous;
mod digits;
mod fallback;
mod handshakes;
mod hostile;
mod keyed;
mod leisure;
mod lifecycle;
mod listening;
mod marks;
mod middle;
mod mix;
mod moves;
mod plain;
mod set_up;
mod support;
mod transcoded;
mod watch;
