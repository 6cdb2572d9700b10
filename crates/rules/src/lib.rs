//! What the platform allows: call lifecycle, consent, limits, window, hours, price, quality.
//!
//! Facts and a moment come in, a verdict or effects go out. Nothing here reads a clock, a file or
//! the network, so a call of next week is a function call of today. Every number, list and switch
//! is read from a [`rulebook::Rulebook`]; a "no" is a [`Refusal`], a value with its evidence and,
//! where one exists, the next moment at which the answer changes.
//!
//! ```text
//!   facts + now ─▶ eligibility ─▶ Permit ─▶ call::Call ─▶ effects ─▶ the platform's shell
//!                     │  uses permission, window, hours, limits        │
//!                     └───────────── rulebook ──────────── price ◀─────┘
//! ```

pub mod access;
pub mod analytics;
pub mod button;
pub mod call;
pub mod capture;
pub mod client;
pub mod delivery;
pub mod eligibility;
pub mod health;
pub mod hours;
pub mod limits;
pub mod media_files;
pub mod permission;
pub mod price;
pub mod quality;
pub mod reconciliation;
mod refusal;
pub mod rulebook;
pub mod settings;
pub mod sip;
pub mod template;
pub mod usage;
pub mod window;
pub mod words;

pub use refusal::Refusal;
