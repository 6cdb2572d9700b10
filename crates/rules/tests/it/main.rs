//! The rules, asked from outside: facts in, verdicts out.

#![expect(
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "tests and their helpers may fail"
)]

mod analytics;
mod borders;
mod button;
mod call;
mod cards;
mod delivery;
mod eligibility;
mod facts;
mod hours;
mod media_files;
mod messages;
mod permission;
mod permission_table;
mod price;
mod properties;
mod quality;
mod refusal;
mod rulebook;
mod settings;
mod sip;
mod template;
mod usage;
mod voicemail;
mod window;
