//! When was this platform last known to live?
//!
//! While calls are live the moment is written down every few seconds, so that after a kill nobody
//! pays for the time in which the platform was not there.

use std::{sync::Arc, time::Duration};

use terms::Timestamp;

use crate::{
    api::chain,
    store::{Kind, Store, StoreFault},
    world::World,
};

/// How often it is written down: a killed call is billed for at most so much too little.
const EVERY: Duration = Duration::from_secs(2);

/// The document.
const ALIVE: &str = "alive";

/// Writes down that the platform lives, until it stops.
pub(crate) async fn keep(world: Arc<World>) {
    let mut turn = tokio::time::interval(EVERY);
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            () = world.stopped.cancelled() => return,
        }
        if world.calls.len() == 0 {
            continue;
        }
        if let Err(fault) = world.store.save(Kind::Server, ALIVE, &world.clock.now()).await {
            tracing::error!(fault = %chain(&fault), "cannot write down that the platform lives");
        }
    }
}

/// The last moment an earlier run wrote down.
pub(super) async fn last(store: &Store) -> Result<Option<Timestamp>, StoreFault> {
    store.load(Kind::Server, ALIVE).await
}
