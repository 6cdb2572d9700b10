//! What does each party hear?
//!
//! An ear takes copies of a leg's packets from the engine, keeps the newest for a recording, and
//! decodes them for level and tone. One worker thread serves all ears, away from the packet path; a
//! platform under load stops decoding for new calls before it falls behind, and says nothing rather
//! than something wrong.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use audio::{
    keep::Received,
    measure::{Measure, Report},
    playout::Playout,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use engine::{Direction, LegHandle, PayloadTypes, Tap, TapPacket};
use media::frame::AudioCodec;

use crate::codecs;

/// Copies that may wait for the worker: five seconds of one leg.
const TAP_PACKETS_MAX: usize = 256;

/// Packets kept for a recording: ten minutes of 20 ms.
const KEPT_PACKETS_MAX: usize = 30_000;

/// Ears that decode at the same time; one costs about half a percent of a core.
const DECODING_MAX: usize = 96;

/// How long a closed leg's last packets are waited for.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// How often the worker looks at its ears; a shorter pause costs wake-ups, a longer one freshness.
const ROUND: Duration = Duration::from_millis(40);

/// One direction of one leg, listened to.
#[derive(Debug, Clone)]
pub(crate) struct Ear {
    heard: Arc<Mutex<Heard>>,
}

struct Heard {
    zero: Instant,
    types: PayloadTypes,
    packets: u64,
    kept: VecDeque<Kept>,
    keeps: Keeps,
    decoding: Option<Decoding>,
    /// The leg is closed and everything was taken.
    is_settled: bool,
}

/// Which packets an ear keeps when it cannot keep all.
#[derive(Debug, Clone, Copy)]
enum Keeps {
    /// The newest.
    Newest,
    /// The first ones.
    First(usize),
}

struct Decoding {
    playout: Playout,
    measure: Measure,
}

/// A packet as it passed.
#[derive(Debug, Clone)]
struct Kept {
    at: Duration,
    sequence: u16,
    timestamp: u32,
    payload: Box<[u8]>,
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heard").field("packets", &self.packets).finish_non_exhaustive()
    }
}

/// The worker that serves all ears; clones reach the same one.
#[derive(Debug, Clone)]
pub(crate) struct Ears {
    new: Sender<New>,
}

/// An ear that wants to be served.
struct New {
    ear: Ear,
    packets: Receiver<TapPacket>,
    decodes: bool,
}

impl Ears {
    /// Starts the worker; it ends when the last `Ears` is dropped.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (new, inbox) = crossbeam_channel::bounded(TAP_PACKETS_MAX);
        std::thread::Builder::new().name("platform-ears".into()).spawn(move || serve(&inbox))?;
        Ok(Self { new })
    }

    /// Listens to a leg; `zero` is the moment from which a recording counts.
    pub(crate) fn listen(
        &self,
        leg: &LegHandle,
        direction: Direction,
        types: PayloadTypes,
        zero: Instant,
    ) -> Ear {
        self.serve(leg, direction, Heard::new(zero, types, Keeps::Newest), true)
    }

    /// Keeps what a leg carries from `zero` on, at most `packets_max` packets, without decoding it.
    pub(crate) fn keep(
        &self,
        leg: &LegHandle,
        direction: Direction,
        types: PayloadTypes,
        zero: Instant,
        packets_max: usize,
    ) -> Ear {
        self.serve(leg, direction, Heard::new(zero, types, Keeps::First(packets_max)), false)
    }

    fn serve(&self, leg: &LegHandle, direction: Direction, heard: Heard, decodes: bool) -> Ear {
        let ear = Ear { heard: Arc::new(Mutex::new(heard)) };
        let (sink, packets) = crossbeam_channel::bounded(TAP_PACKETS_MAX);
        leg.listen(Tap { direction, sink });
        if self.new.try_send(New { ear: ear.clone(), packets, decodes }).is_err() {
            tracing::debug!("a call is not listened to: the worker is busy");
            ear.lock().is_settled = true;
        }
        ear
    }
}

impl Ear {
    /// Says what the packets are, now that it is agreed; what was heard of others is forgotten.
    pub(crate) fn retune(&self, types: PayloadTypes) {
        let mut heard = self.lock();
        if heard.types != types {
            heard.types = types;
            heard.kept.clear();
            heard.decoding = heard.decoding.take().and_then(|_| start_decoding(types.codec));
        }
    }

    /// How the packets are encoded.
    pub(crate) fn codec(&self) -> AudioCodec {
        self.lock().types.codec
    }

    /// What was heard so far; `None` when it was not decoded.
    pub(crate) fn report(&self) -> Option<Report> {
        self.lock().decoding.as_ref().map(|decoding| decoding.measure.report())
    }

    /// How many audio packets passed.
    pub(crate) fn packets(&self) -> u64 {
        self.lock().packets
    }

    /// The newest ten minutes as samples, from `zero` or from the oldest packet kept.
    pub(crate) fn samples(&self, from: Duration, until: Duration) -> Vec<i16> {
        let kept: Vec<Kept> = self.lock().kept.iter().cloned().collect();
        let Ok(mut playout) = codecs::playout(self.codec()) else { return Vec::new() };
        for packet in &kept {
            let at = packet.at.saturating_sub(from);
            playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
        }
        playout.finish(until.saturating_sub(from))
    }

    /// When the oldest kept packet passed; `None` while there is none or nothing was let go.
    pub(crate) fn kept_from(&self) -> Option<Duration> {
        let heard = self.lock();
        let is_full = heard.kept.len() >= KEPT_PACKETS_MAX;
        heard.kept.front().filter(|_| is_full).map(|packet| packet.at)
    }

    /// When the newest packet passed.
    pub(crate) fn kept_until(&self) -> Option<Duration> {
        self.lock().kept.back().map(|packet| packet.at)
    }

    /// Everything kept, as it passed.
    pub(crate) fn received(&self) -> Vec<Received> {
        let received = |it: &Kept| Received {
            sequence: it.sequence,
            timestamp: it.timestamp,
            at: it.at,
            payload: it.payload.clone(),
        };
        self.lock().kept.iter().map(received).collect()
    }

    /// Waits until a closed leg's last packets are taken.
    pub(crate) async fn settled(&self) {
        let until = Instant::now() + SETTLE_MAX;
        while !self.lock().is_settled && Instant::now() < until {
            tokio::time::sleep(ROUND).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn new(zero: Instant, types: PayloadTypes, keeps: Keeps) -> Self {
        let (kept, decoding) = (VecDeque::new(), None);
        Self { zero, types, packets: 0, kept, keeps, decoding, is_settled: false }
    }

    fn take(&mut self, packet: &TapPacket) {
        if packet.pt != self.types.audio {
            return;
        }
        self.packets += 1;
        let at = packet.at.saturating_duration_since(self.zero);
        if let Some(decoding) = &mut self.decoding {
            decoding.playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
            decoding.measure.push(&decoding.playout.take());
        }
        match self.keeps {
            Keeps::Newest if self.kept.len() >= KEPT_PACKETS_MAX => drop(self.kept.pop_front()),
            Keeps::First(packets_max) if self.kept.len() >= packets_max => return,
            Keeps::Newest | Keeps::First(_) => {}
        }
        let (sequence, timestamp) = (packet.sequence, packet.timestamp);
        self.kept.push_back(Kept { at, sequence, timestamp, payload: packet.payload[..].into() });
    }
}

struct Served {
    ear: Ear,
    packets: Receiver<TapPacket>,
    decodes: bool,
}

fn serve(inbox: &Receiver<New>) {
    let mut served: Vec<Served> = Vec::new();
    loop {
        match inbox.recv_timeout(ROUND) {
            Ok(New { ear, packets, decodes }) => {
                let room = served.iter().filter(|one| one.decodes).count() < DECODING_MAX;
                let mut heard = ear.lock();
                let codec = heard.types.codec;
                heard.decoding = (room && decodes).then(|| start_decoding(codec)).flatten();
                let decodes = heard.decoding.is_some();
                drop(heard);
                served.push(Served { ear, packets, decodes });
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        served.retain(drain);
    }
}

fn start_decoding(codec: AudioCodec) -> Option<Decoding> {
    Some(Decoding { playout: codecs::playout(codec).ok()?, measure: Measure::default() })
}

/// Takes what waits; false once the leg is closed and all is taken.
fn drain(one: &Served) -> bool {
    let mut heard = one.ear.lock();
    loop {
        match one.packets.try_recv() {
            Ok(packet) => heard.take(&packet),
            Err(TryRecvError::Empty) => return true,
            Err(TryRecvError::Disconnected) => {
                heard.is_settled = true;
                return false;
            }
        }
    }
}
