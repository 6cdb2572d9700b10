//! What does the outbox do when nothing happens?
//!
//! Service windows close by the platform's clock, and old events are forgotten.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval};

use crate::{clock, office::Office, store::StoreError};

/// How late at most it is told that a window closes.
const EVERY: Duration = Duration::from_secs(5);

/// Turns windows and forgets events for ever.
pub(crate) async fn run(office: Arc<Office>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = turn(&office).await {
            tracing::error!(%error, "windows and old events are not kept up");
        }
    }
}

async fn turn(office: &Office) -> Result<(), StoreError> {
    let events = &office.config.events;
    for line in office.lines.iter() {
        let turn =
            || office.store.turn_windows(line.id().clone(), line.now(), events.window_closing);
        while turn().await? {}
    }
    while office.store.forget_events(clock::now() - events.keep).await? {}
    Ok(())
}
