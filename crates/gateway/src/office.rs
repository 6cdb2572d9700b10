//! What does every room of the gateway need?

use std::sync::Arc;

use engine::Engine;

use crate::{
    calls::registry::Registry, config::Config, console::session::Sessions, events::Consoles,
    graph::Graph, hep::Hep, metrics::Metrics, outbox::Outbox, prompts::Shelf, store::Store,
    telemetry::Telemetry,
};

/// The shared parts of one gateway.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    pub(crate) graph: Graph,
    pub(crate) store: Store,
    pub(crate) outbox: Outbox,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) telemetry: Telemetry,
    /// None where nobody listens.
    pub(crate) hep: Option<Hep>,
    pub(crate) shelf: Shelf,
    pub(crate) consoles: Consoles,
    pub(crate) registry: Registry,
    /// Rung when a webhook has been stored.
    pub(crate) inbox: tokio::sync::Notify,
    /// How many entries the consent ledger has got since the start.
    pub(crate) ledger: tokio::sync::watch::Sender<u64>,
    pub(crate) sessions: Sessions,
    /// The seats of those who read the stream of events.
    pub(crate) readers: Arc<tokio::sync::Semaphore>,
}

impl Office {
    /// The business number as people read it.
    pub(crate) fn number(&self) -> &str {
        self.config.number.digits.as_str()
    }
}
