//! Whose phone rings when nobody holds one?
//!
//! A scripted handset of ours: it connects to this very server over the real socket, does what the
//! user's behaviour says, and hangs up its connection after the call.

use std::{sync::Arc, time::Duration};

use handset::{Handset, Payloads, Settings};
use terms::{CallId, WaId};
use wire::sandbox::Reaction;

use crate::{api::chain, directory::User, world::World};

/// How long a handset stays to be called: it rings the moment it is connected.
const STAY: Duration = Duration::from_secs(10);

/// How long its connection outlives its call, so that the last frames are exchanged.
const LINGER: Duration = Duration::from_millis(500);

/// A scripted user could not call.
#[derive(Debug, thiserror::Error)]
#[error("the scripted phone could not call: {0}")]
pub(crate) struct CallFailed(String);

/// Connects a handset that takes the next call, if the user is reachable; it is connected when this
/// returns.
pub(super) async fn await_calls(world: &Arc<World>, user: &Arc<User>) {
    match user.behaviour.answer {
        Reaction::Unreachable => return,
        Reaction::Answer(_) | Reaction::Ignore | Reaction::Reject | Reaction::Busy => {}
    }
    match connect(world, user).await {
        Ok(handset) => {
            world.tasks.spawn(async move {
                if let Ok(Ok(_)) = tokio::time::timeout(STAY, handset.next_incoming()).await {
                    stay(&handset).await;
                }
            });
        }
        Err(text) => tracing::warn!(%text, "a scripted phone does not ring"),
    }
}

/// Lets a user call a business; returns when it rings there.
pub(crate) async fn place(
    world: &Arc<World>,
    user: &Arc<User>,
    to: WaId,
    payloads: Payloads,
) -> Result<CallId, CallFailed> {
    let handset = connect(world, user).await.map_err(CallFailed)?;
    match handset.call(to, payloads).await {
        Ok(id) => {
            world.tasks.spawn(async move {
                stay(&handset).await;
            });
            Ok(id)
        }
        Err(fault) => Err(CallFailed(chain(&fault))),
    }
}

/// Until the call is over, and a moment longer.
async fn stay(handset: &Handset) {
    drop(handset.ended().await);
    tokio::time::sleep(LINGER).await;
}

async fn connect(world: &World, user: &User) -> Result<Handset, String> {
    let settings = Settings {
        behaviour: user.behaviour.clone(),
        // The next call finds a handset with what the user does by then.
        once: true,
        ..Settings::new(world.base_url(), user.wa_id.clone())
    };
    Handset::connect(&world.handset_engine, settings).await.map_err(|fault| chain(&fault))
}
