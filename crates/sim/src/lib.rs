//! What becomes of whole calls when anything may be late, twice or lost?
//!
//! One business number and one user live some weeks of virtual time. Platform and gateway decide by
//! their real rules ([`rules::call`], [`switchboard::call`]); the wire between them is a queue of
//! events that delays, repeats and loses. Everything random comes from the seed, so a seed is a story
//! that can be read again.
//!
//! ```text
//!   acts of user and business ─▶ platform ◀── post: requests, webhooks ──▶ gateway
//!                                   │                                         │
//!                                   └──────▶ facts ─▶ reference model ◀───────┘
//! ```
//!
//! The reference model is naive on purpose: it knows the rules as plain numbers and scans
//! everything that ever happened. Where it and the platform disagree, the story has a fault.

mod business;
mod dice;
mod model;
mod phone;
mod platform;
mod post;
mod world;

pub use world::{Plan, Report, run};
