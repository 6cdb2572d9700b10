//! Who writes recordings?
//!
//! One thread for all: ten times a second it empties every tap, and writes what has its place by then.

use std::{
    collections::BTreeMap,
    fs::DirBuilder,
    io,
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use audio::{
    keep::Received,
    measure::LOUD_DBFS,
    opus::Decoder,
    pages::{PRE_SKIP, Writer},
    track::Track,
};
use engine::{TapPacket, Tapped};
use tokio::sync::{mpsc, oneshot};

use super::{
    Made,
    kept::{self, Sink},
};
use crate::config::RecordingKey;

/// How often taps are emptied.
const TURN: Duration = Duration::from_millis(100);

/// A tap that was not emptied for so long may have been full: it holds a little more.
const FULL_AFTER: Duration = Duration::from_secs(4);

/// Something for the thread.
#[derive(Debug)]
pub(super) enum Order {
    /// Record what these taps bring.
    Begin {
        id: String,
        began: Instant,
        audio: u8,
        taps: Vec<(&'static str, Tapped)>,
        silent: Option<(Duration, mpsc::Sender<()>)>,
    },
    /// Keep silence, or no longer.
    Pause { id: String, on: bool },
    /// End the files.
    End { id: String, at: Instant, answer: Option<oneshot::Sender<Option<Made>>> },
}

/// Writes until nobody can order any more.
pub(super) fn run(orders: &Receiver<Order>, folder: &Path, key: Option<&RecordingKey>) {
    let mut running: BTreeMap<String, Tape> = BTreeMap::new();
    let mut next = Instant::now() + TURN;
    loop {
        // Nothing to record is nothing to look at.
        let order = if running.is_empty() {
            orders.recv().map_err(RecvTimeoutError::from)
        } else {
            orders.recv_timeout(next.saturating_duration_since(Instant::now()))
        };
        match order {
            Ok(order) => obey(order, &mut running, folder, key),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        if now >= next {
            next = now + TURN;
            running.values_mut().for_each(|tape| tape.turn(now));
        }
    }
}

fn obey(
    order: Order,
    running: &mut BTreeMap<String, Tape>,
    folder: &Path,
    key: Option<&RecordingKey>,
) {
    match order {
        Order::Begin { id, began, audio, taps, silent } => {
            let quiet = silent.and_then(|(limit, sender)| Quiet::new(began, limit, sender));
            match sides(folder, &id, key, taps) {
                Ok(sides) => drop(running.insert(id, Tape::begin(began, audio, sides, quiet))),
                Err(error) => tracing::error!(%error, "a recording cannot be written"),
            }
        }
        Order::Pause { id, on } => {
            if let Some(tape) = running.get_mut(&id) {
                tape.turn(Instant::now());
                tape.paused = on;
            }
        }
        Order::End { id, at, answer } => {
            let made = running.remove(&id).map(|tape| tape.end(at));
            if answer.is_some_and(|answer| answer.send(made).is_err()) {
                tracing::debug!("nobody waits for the end of a recording");
            }
        }
    }
}

/// Begins a file for each tap.
fn sides(
    folder: &Path,
    id: &str,
    key: Option<&RecordingKey>,
    taps: Vec<(&'static str, Tapped)>,
) -> io::Result<Vec<Side>> {
    let folder = folder.join(id);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let side = |(serial, (file, tapped))| {
        let sink = Sink::create(&folder.join(file), key, &kept::name(id, file))?;
        Side::begin(sink, tapped, serial)
    };
    (1..).zip(taps).map(side).collect()
}

/// One recording.
#[derive(Debug)]
struct Tape {
    began: Instant,
    turned: Instant,
    audio: u8,
    paused: bool,
    incomplete: bool,
    sides: Vec<Side>,
    quiet: Option<Quiet>,
}

impl Tape {
    fn begin(began: Instant, audio: u8, sides: Vec<Side>, quiet: Option<Quiet>) -> Self {
        let (paused, incomplete) = (false, false);
        Self { began, turned: began, audio, paused, incomplete, sides, quiet }
    }

    fn turn(&mut self, now: Instant) {
        self.incomplete |= now.saturating_duration_since(self.turned) > FULL_AFTER;
        self.turned = now;
        for side in &mut self.sides {
            self.incomplete |= side.is_broken();
            while let Ok(packet) = side.tapped.try_recv() {
                if self.paused || packet.pt != self.audio {
                    continue;
                }
                if let Some(quiet) = &mut self.quiet {
                    quiet.hear(&packet);
                }
                side.track.push(received(&packet, self.began));
            }
            let packets = side.track.settle(now.saturating_duration_since(self.began));
            side.write(&packets);
        }
        if let Some(quiet) = &mut self.quiet {
            quiet.turn(now);
        }
    }

    fn end(mut self, at: Instant) -> Made {
        self.turn(at);
        let lasts = at.saturating_duration_since(self.began);
        let mut incomplete = self.incomplete;
        for side in &mut self.sides {
            let packets = side.track.finish(lasts);
            side.write(&packets);
            side.end();
            incomplete |= side.is_broken();
        }
        Made { lasts, incomplete }
    }
}

fn received(packet: &TapPacket, began: Instant) -> Received {
    Received {
        sequence: packet.sequence,
        timestamp: packet.timestamp,
        at: packet.at.saturating_duration_since(began),
        payload: (&*packet.payload).into(),
    }
}

/// One side: from its tap to its file.
#[derive(Debug)]
struct Side {
    tapped: Tapped,
    track: Track,
    writer: Writer,
    /// None once the disk refused.
    sink: Option<Sink>,
}

impl Side {
    fn begin(sink: Sink, tapped: Tapped, serial: u32) -> io::Result<Self> {
        let writer = Writer::new(1, PRE_SKIP, serial).map_err(io::Error::other)?;
        let mut side = Self { tapped, track: Track::default(), writer, sink: Some(sink) };
        side.flush(false);
        Ok(side)
    }

    fn is_broken(&self) -> bool {
        self.sink.is_none()
    }

    fn write(&mut self, packets: &[Box<[u8]>]) {
        for packet in packets {
            let pushed = self.writer.push(packet);
            debug_assert!(pushed.is_ok(), "a track gives only Opus");
        }
        self.flush(false);
    }

    fn end(&mut self) {
        let ended = self.writer.end();
        debug_assert!(ended.is_ok(), "memory takes everything");
        self.flush(true);
    }

    fn flush(&mut self, are_last: bool) {
        let pages = self.writer.take();
        let Some(sink) = self.sink.as_mut().filter(|_| !pages.is_empty()) else { return };
        if let Err(error) = sink.write(&pages, are_last) {
            tracing::error!(%error, "a recording is cut off: the disk refuses");
            self.sink = None;
        }
    }
}

/// Since when a user says nothing.
struct Quiet {
    decoder: Decoder,
    since: Instant,
    limit: Duration,
    sender: Option<mpsc::Sender<()>>,
}

impl Quiet {
    fn new(began: Instant, limit: Duration, sender: mpsc::Sender<()>) -> Option<Self> {
        let decoder = Decoder::new().ok()?;
        Some(Self { decoder, since: began, limit, sender: Some(sender) })
    }

    fn hear(&mut self, packet: &TapPacket) {
        let Ok(samples) = self.decoder.decode(&packet.payload) else { return };
        let power: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        let mean = power / samples.len().max(1) as f64 / 32_768f64.powi(2);
        if 10.0 * mean.max(1e-12).log10() > f64::from(LOUD_DBFS) {
            self.since = packet.at;
        }
    }

    fn turn(&mut self, now: Instant) {
        if now.saturating_duration_since(self.since) >= self.limit
            && let Some(sender) = self.sender.take()
            && sender.try_send(()).is_err()
        {
            tracing::debug!("a message ended before its silence was told");
        }
    }
}

impl std::fmt::Debug for Quiet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quiet").field("limit", &self.limit).finish_non_exhaustive()
    }
}
