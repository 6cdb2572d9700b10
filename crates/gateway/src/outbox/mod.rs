//! How do the business's own systems learn what happens?
//!
//! Every event goes through the store: written once, in the transaction of the fact it tells where the
//! fact is written there, and numbered within its call. From there it goes to each configured endpoint
//! ([`deliver`]), to whoever listens to the stream and to whoever asks. A kill loses nothing that was
//! written and repeats no id.
//!
//! A room that knows something tells it with [`Outbox::tell`], which never waits: the store does its
//! jobs in order, so what is told before a job one waits for is on disk when that job is.
//! [`Outbox::keep`] waits. What belongs to a change in the store is a [`News`] handed to that change.

pub(crate) mod deliver;
pub(crate) mod news;
pub(crate) mod schedule;
pub(crate) mod upkeep;

use std::sync::Arc;

use crate::{
    metrics::Metrics,
    store::{News, Store, StoreError},
};

/// The way out. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Outbox {
    store: Store,
    metrics: Arc<Metrics>,
}

impl Outbox {
    pub(crate) fn new(store: Store, metrics: Arc<Metrics>) -> Self {
        Self { store, metrics }
    }

    /// Tells an event without waiting. The same key is told once. A store that cannot follow loses
    /// it, and a counter says so.
    pub(crate) fn tell(&self, news: News) {
        let kind = news.what.kind();
        let taken = self.store.post_news(news);
        self.metrics.told(if taken { "taken" } else { "overflow" });
        if !taken {
            tracing::error!(kind, "the store cannot follow: an event is lost");
        }
    }

    /// Tells an event and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn keep(&self, news: News) -> Result<(), StoreError> {
        self.store.keep_news(vec![news]).await?;
        self.metrics.told("taken");
        Ok(())
    }
}
