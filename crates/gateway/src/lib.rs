//! The business's side of WhatsApp calls.
//!
//! [`serve`] connects WhatsApp numbers to people in browsers and to flows; each number is a `line`. The way of a call is
//! one direction: webhook → dispatch → `calls::registry` → `calls::actor` → `switchboard` decides
//! → `calls::effects` → Graph, media engine, consoles, store. What
//! outsiders may know goes to the `outbox`, with the fact it tells. Packets never pass the actor.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let config = offhook_gateway::Config::demo("http://127.0.0.1:8400", None);
//! let running = offhook_gateway::serve(config).await?;
//! println!("console: http://{}/", running.address());
//! running.stop().await;
//! # Ok(())
//! # }
//! ```

mod account_health;
mod allowance;
mod api;
mod bots;
mod bucket;
mod callbacks;
mod calls;
pub mod cdr;
mod clock;
mod collector;
mod command;
pub mod config;
mod consent;
mod console;
mod contacts;
mod dispatch;
pub mod doctor;
mod events;
mod evidence;
mod export;
pub mod flows;
mod graph;
mod hep;
mod ice_servers;
mod keys;
mod line;
mod metrics;
mod notes;
mod office;
mod organisation;
mod outbox;
mod pages;
mod parked;
mod people;
mod permission_requests;
mod preflight;
mod prompts;
mod public_address;
mod queues;
mod recorder;
mod recordings;
mod repetition;
mod scheme;
mod serve;
mod spans;
mod spending;
mod store;
mod tariff;
mod telemetry;
mod tls;
mod transcription;
mod trunks;
mod upstream_sip;
mod verify;
mod webhook;

pub use api::{asyncapi, openapi};
pub use config::Config;
pub use graph::ClientError;
pub use prompts::ShelfError;
pub use public_address::AskError;
pub use serve::{Running, StartError, serve};
pub use store::StoreError;
pub use tls::TlsError;
