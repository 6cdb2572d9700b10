//! How is the whole state taken, and put back?
//!
//! One document with everything the store holds, the clock, the ids' place and the media files.
//! Putting one back ends the calls that live first, replaces the store in one step, and reads anew
//! whatever was read from it. A call that lived when the snapshot was taken has no media to come
//! back to: it ends as after a restart.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rules::call::Input;
use serde::{Deserialize, Serialize};
use terms::MediaId;
use tokio::sync::oneshot;
use wire::sandbox::{Clock, ClockMode};

use crate::{
    billing,
    calls::{Command, restart},
    clock::Mode,
    directory::{Account, App, Number, User},
    ids::Place,
    media_files,
    store::{Kind, RestoreFault, StoreFault, Tables},
    templates,
    world::World,
};

/// What a snapshot says it is.
const PRODUCT: &str = "offhook-platform";

/// The version written and read. A change of any stored shape raises it.
const VERSION: u32 = 1;

/// How long live calls may take to end.
const END_CALLS: Duration = Duration::from_secs(3);

/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The whole state.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    product: String,
    version: u32,
    clock: Clock,
    ids: Place,
    tables: Tables,
    /// The bytes of the media files, in base64.
    media: BTreeMap<MediaId, String>,
}

/// Only what a snapshot of any version has.
#[derive(Debug, Deserialize)]
struct Label {
    product: Option<String>,
    version: Option<u32>,
}

/// Why a snapshot was not put back; the state is as before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SnapshotFault {
    /// It is not one of this version.
    #[error("{0}")]
    Unreadable(String),
    /// Calls did not end in time.
    #[error("{live} calls are live and did not end in time")]
    CallsLive {
        /// How many.
        live: usize,
    },
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreFault),
}

impl From<RestoreFault> for SnapshotFault {
    fn from(fault: RestoreFault) -> Self {
        match fault {
            RestoreFault::Shape(why) => Self::Unreadable(why),
            RestoreFault::Store(fault) => Self::Store(fault),
        }
    }
}

/// The whole state as it is.
pub(crate) async fn take(world: &World) -> Result<Snapshot, StoreFault> {
    let mode = match world.clock.mode() {
        Mode::Running => ClockMode::Running,
        Mode::Frozen => ClockMode::Frozen,
    };
    Ok(Snapshot {
        product: PRODUCT.to_owned(),
        version: VERSION,
        clock: Clock { now: world.clock.now(), mode },
        ids: world.ids.place(),
        tables: world.store.tables().await?,
        media: media_files::contents(world).await?,
    })
}

/// Reads a snapshot of this version.
///
/// # Errors
///
/// It is something else, of another version, or holds what this version cannot read.
pub(crate) fn read(bytes: &[u8]) -> Result<Snapshot, SnapshotFault> {
    let unreadable = |why: String| SnapshotFault::Unreadable(why);
    let label: Label =
        serde_json::from_slice(bytes).map_err(|_| unreadable("not a snapshot".to_owned()))?;
    if label.product.as_deref() != Some(PRODUCT) {
        return Err(unreadable(format!("product: not a snapshot of {PRODUCT}")));
    }
    if label.version != Some(VERSION) {
        return Err(unreadable(format!("version: this platform reads {VERSION}")));
    }
    let snapshot: Snapshot =
        serde_json::from_slice(bytes).map_err(|fault| unreadable(fault.to_string()))?;
    check_people(&snapshot.tables).map_err(unreadable)?;
    Ok(snapshot)
}

/// Who is who has to be readable, or nothing would be after it.
fn check_people(tables: &Tables) -> Result<(), String> {
    for row in tables.get("documents").into_iter().flatten() {
        let (kind, json) = (row.get("kind").cloned(), row.get("json").cloned());
        let json = json.unwrap_or_default();
        let is = |kind_of: Kind| kind == Some(kind_of.as_str().into());
        let read = if is(Kind::App) {
            serde_json::from_value(json).map(|_: App| ())
        } else if is(Kind::Account) {
            serde_json::from_value(json).map(|_: Account| ())
        } else if is(Kind::Number) {
            serde_json::from_value(json).map(|_: Number| ())
        } else if is(Kind::User) {
            serde_json::from_value(json).map(|_: User| ())
        } else {
            Ok(())
        };
        read.map_err(|fault| format!("tables.documents: {fault}"))?;
    }
    Ok(())
}

/// Puts a snapshot in place of everything.
pub(crate) async fn restore(world: &Arc<World>, snapshot: Snapshot) -> Result<(), SnapshotFault> {
    let placing = world.placing.lock().await;
    end_calls(world).await?;
    let delivering = world.delivering.lock().await;
    let writing = world.directory.writing().await;
    world.store.replace(snapshot.tables).await?;
    writing.reload().await?;
    drop(writing);
    world.faults.reload().await?;
    world.reset_cards(billing::kept_cards(&world.store).await?);
    world.ids.resume(snapshot.ids);
    // The same ids and seconds may come again.
    world.recordings.clear();
    world.reads.reset();
    world.messages.reset();
    world.clock.set_mode(match snapshot.clock.mode {
        ClockMode::Running => Mode::Running,
        ClockMode::Frozen => Mode::Frozen,
    });
    world.clock.set(snapshot.clock.now);
    world.keep_clock().await?;
    media_files::restore(world, snapshot.media).await?;
    drop(delivering);
    drop(placing);
    templates::resume(world).await?;
    restart::end_orphans(world).await?;
    world.outbox.wake();
    Ok(())
}

/// Ends every live call as a stop of the platform does.
async fn end_calls(world: &World) -> Result<(), SnapshotFault> {
    for call in world.calls.all() {
        let (reply, ended) = oneshot::channel();
        let command = Command::Act { input: Input::PlatformStopped, reply };
        if call.inbox.send(command).await.is_ok() {
            // A call that ended meanwhile refuses, which is as good.
            drop(ended.await);
        }
    }
    let all_over = async {
        while !world.calls.all().is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(END_CALLS, all_over)
        .await
        .map_err(|_| SnapshotFault::CallsLive { live: world.calls.all().len() })
}
