//! The Cloud API Calling server.
//!
//! [`serve()`] starts one: the Graph-shaped API and its 360dialog edition, the webhooks, the users'
//! phones, the media between both parties, and the sandbox API that moves all of it from a test.
//! [`Config`] holds every choice; [`Running`] is the started server.
//!
//! ```text
//! api, phones, sip_edge ──▶ calls (one actor a call) ──▶ rules (decide) ──▶ effects
//!                                                                  ├─▶ webhooks (outbox, deliver)
//!                                                                  ├─▶ engine (legs)
//!                                                                  └─▶ phones, chats, consent, store
//! ```

mod analytics;
mod api;
mod billing;
mod books;
mod calls;
mod capture;
mod chats;
pub mod clock;
mod codecs;
mod config;
mod consent;
mod directory;
mod faults;
mod ids;
mod media_files;
mod openapi;
mod pages;
mod phones;
mod quality;
mod sandbox;
mod sdp;
mod seed;
mod serve;
mod sip_edge;
mod snapshot;
mod store;
mod templates;
mod users;
mod webhooks;
mod world;

pub use books::read_rules;
pub use config::{Config, SipConfig};
pub use ids::Randomness;
pub use seed::{Seed, SeedError};
pub use serve::{CallbackError, Running, StartError, serve};
pub use sip_edge::{SipEdgeError, TlsError};
pub use store::StoreFault;
pub use webhooks::HandshakeFault;
