//! The business's side of WhatsApp calls.
//!
//! [`serve`] connects one WhatsApp number to people in browsers and to a flow. The way of a call is
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

mod api;
mod callbacks;
mod calls;
pub mod cdr;
mod clock;
pub mod config;
mod consent;
mod console;
mod contacts;
mod dispatch;
mod events;
mod export;
mod graph;
mod metrics;
mod office;
mod outbox;
mod pages;
mod parked;
mod permission_requests;
mod preflight;
mod prompts;
mod queues;
mod scheme;
mod serve;
mod store;
mod tls;
mod webhook;

pub use api::openapi;
pub use config::Config;
pub use graph::ClientError;
pub use prompts::ShelfError;
pub use serve::{Running, StartError, serve};
pub use store::StoreError;
pub use tls::TlsError;
