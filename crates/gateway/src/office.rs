//! What does every room of the gateway need?

use std::sync::Arc;

use engine::Engine;

use crate::{
    calls::{agent_first::Offers, registry::Registry},
    config::Config,
    console::session::Sessions,
    events::Consoles,
    graph::Graph,
    metrics::Metrics,
    outbox::Outbox,
    prompts::Shelf,
    queues::Queues,
    store::Store,
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
    pub(crate) shelf: Shelf,
    pub(crate) consoles: Consoles,
    pub(crate) registry: Registry,
    pub(crate) queues: Queues,
    /// Agents who are asked to call somebody.
    pub(crate) offers: Offers,
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
