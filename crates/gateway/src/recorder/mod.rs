//! How does what is said in a call come to lie on disk?
//!
//! The leg towards WhatsApp has both sides: what it receives is the user, what it sends is the business
//! as the user hears it. A tap of each copies packets to one thread, [`writer`], that puts them in order
//! and writes a file for each side, page by page. The packet path never waits for it: where a tap was
//! too full the recording is marked incomplete. [`sealed`] encrypts what is written, [`kept`] reads it again,
//! [`intake`] takes what somebody else recorded.

mod folder;
mod intake;
mod kept;
mod sealed;
mod writer;

use std::{
    fs::File,
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

use folder::Folder;
pub(crate) use intake::{Intake, IntakeFault, Taken};
pub(crate) use kept::Sides;
pub(crate) use sealed::{Cut, OpenFault};
use writer::Order;

use crate::config::{self, RecordingKey};

/// How many orders may wait for the thread; a call gives about four.
const ORDERS_MAX: usize = 1_024;

/// Packets that may wait in a tap: five seconds of them.
const TAP_PACKETS: usize = 250;

/// The files of the sides, in the order of channels.
pub(crate) const FILES: [&str; 2] = ["business.opus", "user.opus"];

/// The thread that writes recordings. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    orders: SyncSender<Order>,
    folder: Arc<Folder>,
    /// What encrypts from now on.
    key: Option<RecordingKey>,
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
    /// Starts the thread. Files lie beside the database, or where nothing outlives the recorder.
    ///
    /// # Errors
    ///
    /// The folder cannot be made or the thread not started.
    pub(crate) fn start(data: Option<&Path>, config: &config::Recording) -> io::Result<Self> {
        let (orders, waiting) = sync_channel(ORDERS_MAX);
        let folder = Arc::new(Folder::open(data)?);
        let (here, key) = (Arc::clone(&folder), config.key.clone());
        std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || writer::run(&waiting, here.path(), key.as_ref()))?;
        let (key, keys) = (config.key.clone(), config.keys().cloned().collect());
        Ok(Self { orders, folder, key, keys })
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

    /// The same of these files, which lay somewhere else.
    ///
    /// # Errors
    ///
    /// [`OpenFault`].
    pub(crate) fn read(
        &self,
        id: &str,
        files: [Option<File>; 2],
        cut: Cut,
    ) -> Result<Sides, OpenFault> {
        kept::sides(files, id, &self.keys, cut)
    }

    /// Begins to take a recording that somebody else made. No work for an async thread.
    ///
    /// # Errors
    ///
    /// The disk.
    pub(crate) fn intake(&self, id: String) -> io::Result<Intake> {
        Intake::begin(self.folder(), id, self.key.clone())
    }

    /// A text that belongs to a recording as it is kept: encrypted where there is a key.
    ///
    /// # Errors
    ///
    /// The cipher refuses.
    pub(crate) fn seal(&self, id: &str, text: Vec<u8>) -> io::Result<Vec<u8>> {
        kept::seal(id, self.key.as_ref(), text)
    }

    /// The text again.
    ///
    /// # Errors
    ///
    /// [`OpenFault`].
    pub(crate) fn unseal(&self, id: &str, kept: Vec<u8>) -> Result<Vec<u8>, OpenFault> {
        kept::unseal(id, &self.keys, kept)
    }

    /// The folder of all recordings.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder of a recording.
    pub(crate) fn folder_of(&self, id: &str) -> PathBuf {
        self.folder().join(id)
    }

    /// Removes what must not outlive the gateway.
    pub(crate) fn close(&self) {
        self.folder.close();
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
