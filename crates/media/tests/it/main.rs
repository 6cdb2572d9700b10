//! Media against code that is not ours, and against people who are not friends.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]
#![expect(clippy::wildcard_enum_match_arm, reason = "str0m's enums grow")]

mod bad_network;
mod early_checks;
mod elsewhere;
mod hostile_leg;
mod hostile_peer;
mod oracle;
mod srtp_against_str0m;
mod two_legs;
mod without_ice;

/// Where a test's time begins; it only adds to it.
#[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
fn any_instant() -> std::time::Instant {
    std::time::Instant::now()
}
