//! How do more than two hear each other?
//!
//! Two legs hear each other by forwarding. A leg that hears several gets a mix: one worker thread,
//! away from the packet path, decodes each voice once and encodes for each listener what this one hears:
//!
//! ```text
//!   leg ──tap──▶ jitter buffer ──▶ samples ─┬─▶ sum, limiter, encoder ──queue of frames──▶ leg
//!   leg ──tap──▶ jitter buffer ──▶ samples ─┴─▶ …                      every 20 ms
//! ```
//!
//! A mix is as much as what is forwarded, so its taps do not rest when the thread is busy
//! ([`LegHandle::carry`]). It adds 20 to 40 ms where the network is even. There is a worker for
//! each processor; a mix more than they can serve is refused before anything changes for anybody
//! ([`crate::workers`]).

mod worker;

use crossbeam_channel::Sender;
use media::frame::AudioCodec;
use terms::LegId;

use self::worker::{Arrangement, Line, NewListener, NewVoice, Room};
use crate::{
    Direction, LegHandle, Source, frame_queue, tap,
    workers::{Seat, Trade, Workers},
};

/// A mix is a few decoders, and encoders of about 100 µs a frame.
const TRADE: Trade = Trade { name: "media-mixer", of_one: 0.02, voices: 1 };

/// Changes of one mix that may wait for the worker, which looks every 20 ms.
const CHANGES_MAX: usize = 16;

/// Packets that may wait for the worker: a second of one leg.
const TAP_PACKETS_MAX: usize = 50;

/// Frames that may wait for a leg: as late as a mix becomes when the worker is held up.
const FRAMES_MAX: usize = 3;

/// The workers for all mixes; clones reach the same ones.
#[derive(Clone, Debug)]
pub struct Mixer {
    workers: Workers<Room>,
    comfort_noise: bool,
}

/// One mix; it ends when this is dropped. Whoever still plays it then is silent.
#[derive(Debug)]
pub struct Mix {
    changes: Sender<Arrangement>,
    voices: Vec<LegId>,
    listeners: Vec<LegId>,
    _seat: Seat<Room>,
}

/// A leg that is heard.
#[derive(Clone, Debug)]
pub struct Voice {
    /// Which.
    pub leg: LegHandle,
    /// The payload type of its audio.
    pub audio: u8,
    /// What it talks.
    pub codec: AudioCodec,
    /// The payload type of its comfort noise, where agreed.
    pub noise: Option<u8>,
}

/// A leg that hears a mix, and whom.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Which.
    pub leg: LegHandle,
    /// What it is talked to in.
    pub codec: AudioCodec,
    /// Those it hears; itself does not count.
    pub hears: Vec<Voice>,
}

impl Mixer {
    /// Starts the workers; they end with the last `Mixer` and the last mix.
    ///
    /// # Errors
    ///
    /// The system has no thread for it.
    pub fn start() -> std::io::Result<Self> {
        let workers = Workers::start(TRADE, || |inbox| worker::serve(&inbox))?;

        Ok(Self { workers, comfort_noise: false })
    }

    /// Whether pauses of a party that sends nothing meanwhile are the noise of its room.
    #[must_use]
    pub fn comfort_noise(self, on: bool) -> Self {
        Self { comfort_noise: on, ..self }
    }

    /// What share of the last second each worker spent in its turns; past 0.8 it is brought nobody more.
    #[must_use]
    pub fn busy(&self) -> Vec<f32> {
        self.workers.busy()
    }

    /// A mix with nobody in it; `None` when the workers have all they can serve.
    #[must_use]
    pub fn open(&self) -> Option<Mix> {
        let seat = self.workers.seat()?;
        let (changes, inbox) = crossbeam_channel::bounded(CHANGES_MAX);
        seat.bring(Room::new(inbox, self.comfort_noise)).ok()?;

        Some(Mix { changes, voices: Vec::new(), listeners: Vec::new(), _seat: seat })
    }
}

impl Mix {
    /// From now on these hear each other so. Whoever is new plays the mix at once; who was there before
    /// goes on without a break; who is left out must be given another source by the caller.
    pub fn arrange(&mut self, listeners: &[Listener]) {
        let mut arrangement = Arrangement::default();
        for listener in listeners {
            let others = || listener.hears.iter().filter(|it| it.leg.id() != listener.leg.id());
            for voice in others() {
                self.add_voice(voice, &mut arrangement);
            }
            let hears = others().map(|it| it.leg.id()).collect();
            let line = Line { leg: listener.leg.id(), hears };
            if !self.listeners.contains(&line.leg) {
                let (sink, frames) = frame_queue(FRAMES_MAX);
                arrangement.new_listeners.push(NewListener {
                    leg: line.leg,
                    codec: listener.codec,
                    sink,
                });
                listener.leg.play(Source::Mix(frames));
            }
            arrangement.lines.push(line);
        }
        self.voices = arrangement.lines.iter().flat_map(|line| line.hears.clone()).collect();
        self.listeners = arrangement.lines.iter().map(|line| line.leg).collect();
        if self.changes.try_send(arrangement).is_err() {
            tracing::error!("a mix does not change: its worker takes no more");
        }
    }

    fn add_voice(&self, voice: &Voice, arrangement: &mut Arrangement) {
        let leg = voice.leg.id();
        let is_new = !self.voices.contains(&leg);
        if is_new && arrangement.new_voices.iter().all(|it| it.leg != leg) {
            let (tap, packets) = tap(Direction::Received, TAP_PACKETS_MAX);
            voice.leg.carry(tap);
            let Voice { audio, codec, noise, leg: _ } = *voice;
            arrangement.new_voices.push(NewVoice { leg, audio, codec, noise, packets });
        }
    }
}
