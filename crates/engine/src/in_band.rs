//! Who hears the keys that a far end sends as tones?
//!
//! A worker thread, away from the packet path, decodes what a leg hears and listens for keys in it:
//!
//! ```text
//!   leg ──tap──▶ jitter buffer ──▶ audio::in_band ──▶ the leg ──▶ LegEvent::Digit
//! ```
//!
//! The leg tells them as it tells those that come as telephone-events; one that comes both ways is told
//! once ([`media::one_key`]). There is a worker for each processor; a leg more than they can serve is not
//! listened to ([`crate::workers`]). A leg is listened to until it is closed.

use audio::{FRAME_SAMPLES, in_band::InBand, jitter::JitterBuffer, opus::CodecError};
use crossbeam_channel::TryRecvError;
use media::dtmf::Digit;

use crate::{
    Direction, LegHandle, PayloadTypes, Tapped, coding,
    handle::LegTold,
    tap, turns,
    workers::{Inbox, Seat, Trade, Workers},
};

/// A leg is a decoder and what listens: about 100 µs in 20 ms.
const TRADE: Trade = Trade { name: "media-keys", of_one: 0.005, voices: 1 };

/// Packets that may wait for the worker: a second of one leg.
const TAP_PACKETS_MAX: usize = 50;

/// The workers; clones reach the same ones.
#[derive(Clone, Debug)]
pub struct InBandKeys {
    workers: Workers<Listening>,
}

/// One leg that is listened to.
#[derive(Debug)]
struct Listening {
    leg: LegTold,
    packets: Tapped,
    /// The payload type of its audio.
    audio: u8,
    buffer: JitterBuffer,
    in_band: InBand,
    _seat: Seat<Self>,
}

impl InBandKeys {
    /// Starts the workers; they end with the last `InBandKeys` and the last leg.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        Ok(Self { workers: Workers::start(TRADE, || |inbox| serve(&inbox))? })
    }

    /// What share of the last second each worker spent in its turns; past 0.8 it is brought nobody more.
    #[must_use]
    pub fn busy(&self) -> Vec<f32> {
        self.workers.busy()
    }

    /// Listens for keys in what this leg hears, from now until it is closed; false when the workers have
    /// all they can serve.
    #[must_use]
    pub fn listen(&self, leg: &LegHandle, types: PayloadTypes) -> bool {
        self.try_listen(leg, types).is_some()
    }

    fn try_listen(&self, leg: &LegHandle, types: PayloadTypes) -> Option<()> {
        let seat = self.workers.seat()?;
        let (tap, packets) = tap(Direction::Received, TAP_PACKETS_MAX);
        let (leg_told, buffer) = (leg.told(), buffer(types).ok()?);
        let in_band = InBand::default();
        let listening = |seat| Listening {
            leg: leg_told,
            packets,
            audio: types.audio,
            buffer,
            in_band,
            _seat: seat,
        };
        seat.bring_with(listening).ok()?;
        leg.carry(tap);

        Some(())
    }
}

fn buffer(types: PayloadTypes) -> Result<JitterBuffer, CodecError> {
    match coding(types.codec) {
        Some(coding) => Ok(JitterBuffer::telephone(coding)),
        None => JitterBuffer::new(),
    }
}

fn serve(inbox: &Inbox<Listening>) {
    turns::serve(inbox, turns::FRAME, |listening: &mut Listening, _| listening.turn(), |_| ());
}

impl Listening {
    /// 20 ms of the leg; false once it is closed.
    fn turn(&mut self) -> bool {
        loop {
            match self.packets.try_recv() {
                Ok(packet) if packet.pt == self.audio => {
                    self.buffer.push(packet.sequence, &packet.payload);
                }
                Ok(_) => {}
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        let frame = self.buffer.pull().unwrap_or([0; FRAME_SAMPLES]);
        for digit in self.in_band.push(&frame).into_iter().filter_map(Digit::new) {
            self.leg.heard_key(digit);
        }

        true
    }
}
