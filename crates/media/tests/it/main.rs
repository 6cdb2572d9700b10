//! Media against code that is not ours.

mod oracle;
mod srtp_against_str0m;

/// Where a test's time begins; it only adds to it.
#[expect(clippy::disallowed_methods, reason = "an Instant can only be had from the clock")]
fn any_instant() -> std::time::Instant {
    std::time::Instant::now()
}
