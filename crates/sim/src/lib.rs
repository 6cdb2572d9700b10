//! What becomes of whole calls when anything may be late, twice or lost?
//!
//! Three kinds of runs. In a story ([`run`]) one business number and one user live some weeks of virtual
//! time; in a crowd ([`crowd`]) many accounts, numbers and users share one platform; with [`packets`] a few
//! calls have their datagrams go through bad weather. Of a story: platform and gateway decide by their real rules ([`rules::call`], [`switchboard::call`]); the wire between them is a queue of
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
pub mod crowd;
mod dice;
mod model;
pub mod packets;
mod phone;
mod platform;
mod post;
mod world;

pub use world::{Plan, Report, run};
