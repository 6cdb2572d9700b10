//! What does each party hear?
//!
//! An ear takes copies of a leg's packets from the engine, keeps the newest for a recording, and
//! decodes them for level and tone. One worker thread serves all ears, away from the packet path; a
//! platform under load stops decoding for new calls before it falls behind, and says nothing rather
//! than something wrong. All that is kept comes from one budget: when it is used up, the newest of a
//! call get shorter, and what was to be kept whole is given up.

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
use engine::{Direction, LegHandle, PayloadTypes, TapPacket, Tapped};
use media::frame::AudioCodec;

use crate::codecs;

use super::budget::{BYTES_MAX, Budget, Share};

/// Copies that may wait for the worker: two and a half seconds of one leg.
const TAP_PACKETS_MAX: usize = 128;

/// Packets kept for a recording: ten minutes of 20 ms.
const KEPT_PACKETS_MAX: usize = 30_000;

/// Ears that decode at the same time; one costs about half a percent of a core, which calls need more.
const DECODING_MAX: usize = 32;

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
    share: Share,
    /// What was to be kept whole could not be.
    is_given_up: bool,
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
    budget: Budget,
}

/// An ear that wants to be served.
struct New {
    ear: Ear,
    packets: Tapped,
    decodes: bool,
}

impl Ears {
    /// Starts the worker; it ends when the last `Ears` is dropped.
    pub(crate) fn start() -> std::io::Result<Self> {
        let (new, inbox) = crossbeam_channel::bounded(TAP_PACKETS_MAX);
        std::thread::Builder::new().name("platform-ears".into()).spawn(move || serve(&inbox))?;
        Ok(Self { new, budget: Budget::new(BYTES_MAX) })
    }

    /// Listens to a leg; `zero` is the moment from which a recording counts.
    pub(crate) fn listen(
        &self,
        leg: &LegHandle,
        direction: Direction,
        types: PayloadTypes,
        zero: Instant,
    ) -> Ear {
        let heard = Heard::new(zero, types, Keeps::Newest, self.budget.share());
        self.serve(leg, direction, heard, true)
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
        let heard = Heard::new(zero, types, Keeps::First(packets_max), self.budget.share());
        self.serve(leg, direction, heard, false)
    }

    fn serve(&self, leg: &LegHandle, direction: Direction, heard: Heard, decodes: bool) -> Ear {
        let ear = Ear { heard: Arc::new(Mutex::new(heard)) };
        let (tap, packets) = engine::tap(direction, TAP_PACKETS_MAX);
        leg.listen(tap);
        if self.new.try_send(New { ear: ear.clone(), packets, decodes }).is_err() {
            tracing::warn!("a call is not listened to: the worker is busy");
            let mut heard = ear.lock();
            (heard.is_settled, heard.is_given_up) = (true, true);
            drop(heard);
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

    /// Whether something of what was to be kept whole is missing.
    pub(crate) fn is_given_up(&self) -> bool {
        self.lock().is_given_up
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
    fn new(zero: Instant, types: PayloadTypes, keeps: Keeps, share: Share) -> Self {
        let (kept, decoding) = (VecDeque::new(), None);
        let (is_given_up, is_settled) = (false, false);
        Self { zero, types, packets: 0, kept, keeps, share, is_given_up, decoding, is_settled }
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
        if self.make_room(packet.payload.len()) {
            let (sequence, timestamp) = (packet.sequence, packet.timestamp);
            let payload = packet.payload[..].into();
            self.kept.push_back(Kept { at, sequence, timestamp, payload });
        }
    }

    /// Whether a packet of this much sound is kept.
    fn make_room(&mut self, sound: usize) -> bool {
        match self.keeps {
            Keeps::Newest => {
                let mut has_room = self.kept.len() < KEPT_PACKETS_MAX && self.share.take(sound);
                while !has_room && let Some(oldest) = self.kept.pop_front() {
                    self.share.give(oldest.payload.len());
                    has_room = self.share.take(sound);
                }
                has_room
            }
            Keeps::First(packets_max) => {
                if self.is_given_up || self.kept.len() >= packets_max {
                    return false;
                }
                let has_room = self.share.take(sound);
                if !has_room {
                    tracing::warn!(
                        "a recording is given up: more is kept than there is memory for"
                    );
                    self.is_given_up = true;
                    self.kept = VecDeque::new();
                    self.share.give_all();
                }
                has_room
            }
        }
    }
}

struct Served {
    ear: Ear,
    packets: Tapped,
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
        served.retain_mut(drain);
    }
}

fn start_decoding(codec: AudioCodec) -> Option<Decoding> {
    Some(Decoding { playout: codecs::playout(codec).ok()?, measure: Measure::default() })
}

/// Takes what waits; false once the leg is closed and all is taken.
fn drain(one: &mut Served) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(heard: &mut Heard, count: u16) {
        let payload = engine::Payload::new(&[7; 80]).unwrap();
        for sequence in 0..count {
            let at = heard.zero + Duration::from_millis(20 * u64::from(sequence));
            let timestamp = u32::from(sequence) * 960;
            let payload = payload.clone();
            heard.take(&TapPacket { pt: 111, sequence, timestamp, at, payload });
        }
    }

    #[test]
    fn when_the_memory_is_used_up_recordings_end_and_the_newest_get_shorter() {
        let budget = Budget::new(10 * (80 + 64));
        let heard =
            |keeps| Heard::new(Instant::now(), crate::sdp::OFFERED_TYPES, keeps, budget.share());
        let mut newest = heard(Keeps::Newest);
        packets(&mut newest, 4);
        let mut whole = heard(Keeps::First(100));
        packets(&mut whole, 6);
        assert!(!whole.is_given_up && whole.kept.len() == 6);
        packets(&mut newest, 3);
        assert_eq!((newest.kept.len(), newest.is_given_up), (4, false));
        packets(&mut whole, 2);
        assert!(whole.is_given_up && whole.kept.is_empty(), "half a recording is none");
        packets(&mut newest, 5);
        assert_eq!(newest.kept.len(), 9, "its room is free again");
    }
}
