//! How does what is said in a call come to lie on disk?
//!
//! The leg towards WhatsApp has both sides: what it receives is the user, what it sends is the business
//! as the user hears it. A tap of each copies packets to one thread, [`writer`], that puts them in order
//! and writes a file for each side, page by page. The packet path never waits for it: where a tap was
//! too full the recording is marked incomplete. [`sealed`] encrypts what is written, [`kept`] reads it again.

mod kept;
mod sealed;
mod writer;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use engine::{Direction, LegHandle};
use tokio::sync::{mpsc, oneshot};

pub(crate) use kept::Sides;
pub(crate) use sealed::{Cut, OpenFault};
use writer::Order;

use crate::config::{self, RecordingKey};

/// How many orders may wait for the thread; a call gives about four.
const ORDERS_MAX: usize = 1_024;

/// Packets that may wait in a tap: five seconds of them.
const TAP_PACKETS: usize = 250;

/// The files of the sides, in the order of channels.
const FILES: [&str; 2] = ["business.opus", "user.opus"];

/// The thread that writes recordings. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    orders: SyncSender<Order>,
    folder: Arc<Path>,
    /// All that may have encrypted a file.
    keys: Arc<[RecordingKey]>,
}

/// What is to be recorded.
#[derive(Debug)]
pub(crate) enum What {
    /// Both sides.
    Call,
    /// The user alone; the sender hears once when the user has said nothing for that long.
    Message { silence: Duration, silent: mpsc::Sender<()> },
}

/// A recording that runs. Dropping it ends its files.
#[derive(Debug)]
pub(crate) struct Taping {
    id: String,
    began: Instant,
    orders: SyncSender<Order>,
}

/// What became of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Made {
    /// How long it plays.
    pub lasts: Duration,
    /// Whether packets could not be kept.
    pub incomplete: bool,
}

impl Recorder {
    /// Starts the thread; files lie in this folder.
    ///
    /// # Errors
    ///
    /// The folder cannot be made or the thread not started.
    pub(crate) fn start(folder: PathBuf, config: &config::Recording) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let (orders, waiting) = sync_channel(ORDERS_MAX);
        let folder: Arc<Path> = folder.into();
        let (here, key) = (Arc::clone(&folder), config.key.clone());
        std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || writer::run(&waiting, &here, key.as_ref()))?;
        Ok(Self { orders, folder, keys: config.keys().cloned().collect() })
    }

    /// Records what passes this leg from now on; `None` when the thread cannot follow. `audio` is the
    /// payload type of its Opus.
    pub(crate) fn begin(
        &self,
        id: String,
        leg: &LegHandle,
        audio: u8,
        what: What,
    ) -> Option<Taping> {
        let (heard, user) = engine::tap(Direction::Received, TAP_PACKETS);
        let mut taps = vec![(FILES[1], user)];
        let silent = match what {
            What::Call => {
                let (said, business) = engine::tap(Direction::Sent, TAP_PACKETS);
                leg.listen(said);
                taps.push((FILES[0], business));
                None
            }
            What::Message { silence, silent } => Some((silence, silent)),
        };
        let began = Instant::now();
        let order = Order::Begin { id: id.clone(), began, audio, taps, silent };
        self.orders.try_send(order).ok()?;
        leg.listen(heard);
        Some(Taping { id, began, orders: self.orders.clone() })
    }

    /// The sides of a recording, as far as they are believed. Reads them once: no work for an async thread.
    ///
    /// # Errors
    ///
    /// [`OpenFault`].
    pub(crate) fn open(&self, id: &str, cut: Cut) -> Result<Sides, OpenFault> {
        kept::open(&self.folder_of(id), id, &self.keys, cut)
    }

    /// The folder of a recording.
    pub(crate) fn folder_of(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }
}

impl Taping {
    /// Milliseconds since it began.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Keeps silence from here on, or no longer.
    pub(crate) fn pause(&self, on: bool) {
        self.order(Order::Pause { id: self.id.clone(), on });
    }

    /// Ends it; `None` when nothing could be kept.
    pub(crate) async fn end(self) -> Option<Made> {
        let (answer, made) = oneshot::channel();
        self.order(Order::End { id: self.id.clone(), at: Instant::now(), answer: Some(answer) });
        made.await.ok().flatten()
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            tracing::error!("the recorder cannot follow: a recording is not as it was asked for");
        }
    }
}

impl Drop for Taping {
    fn drop(&mut self) {
        let end = Order::End { id: std::mem::take(&mut self.id), at: Instant::now(), answer: None };
        // A thread that is gone has ended everything.
        drop(self.orders.try_send(end));
    }
}
