//! Do the platform's rules hold on another account than the demo's?
//!
//! The platform's tests run once on the demo's account. The same program runs again on a seed file with another
//! country, currency, time zone, tier and rulebook.

/// The platform's tests.
pub(crate) const SOURCE: &str = "crates/platform/tests/it/main.rs";

/// What they take the seed file's name from.
pub(crate) const SEED: [(&str, &str); 1] = [("OFFHOOK_TEST_SEED", "tests/it/seeds/other.toml")];
