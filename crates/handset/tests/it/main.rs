//! What a phone does, against a far end that is not the platform: a bare WebSocket and one ice-lite
//! leg, so that a fault is the phone's.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod far_end;
mod hears;
mod script;
