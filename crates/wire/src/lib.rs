//! What travels as JSON?
//!
//! | Module | Between |
//! |---|---|
//! | [`graph`] | gateway → platform (or Meta, or 360dialog): requests, answers, errors |
//! | [`webhook`] | platform (or Meta) → gateway: the envelope and what is in it, its signature |
//! | [`edition`] | the three values in which Meta and 360dialog differ: base URL, header, path |
//! | [`handset`] | a user's phone ⇄ platform, ours |
//! | [`console`] | an agent's browser ⇄ gateway, ours |
//! | [`event`] | gateway → the business's own systems, ours |
//! | [`bot`] | a program that talks with users ⇄ gateway, each in its own words |
//! | [`trace`], [`hep`] | gateway → who watches it: OTLP, HOMER |
//! | [`transcript`], [`voices`] | a transcriber → whoever asks what was said |
//! | [`sandbox`] | a test ⇄ platform, ours |
//!
//! Three rules hold everywhere. What *we* are sent as a request is read field by field, so a refusal
//! can name the field ([`RequestFault`]). What others send us unasked (webhooks, answers) is read
//! with tolerance: unknown fields are ignored, unknown words survive as `Unknown`. And an id or a
//! moment is typed the moment it is read.

pub mod bot;
pub mod console;
pub mod edition;
pub mod event;
mod fault;
pub mod graph;
pub mod handset;
pub mod hep;
mod open;
mod read;
pub mod sandbox;
mod sdp_text;
mod span;
pub mod trace;
pub mod transcript;
pub mod unix;
pub mod voices;
pub mod wacid;
pub mod webhook;

pub use fault::{JsonKind, RequestFault};
pub use open::Open;
pub use sdp_text::SdpText;
pub use span::{IsoSpan, IsoSpanError};

/// The `messaging_product` of every body.
pub const WHATSAPP: &str = "whatsapp";
