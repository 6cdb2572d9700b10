//! Who hears the keys that a far end sends as tones?
//!
//! A worker thread, away from the packet path, decodes what a leg hears and listens for keys in it:
//!
//! ```text
//!   leg ──tap──▶ jitter buffer ──▶ audio::in_band ──▶ the leg ──▶ LegEvent::Digit
//! ```
//!
//! The leg tells them as it tells those that come as telephone-events; one that comes both ways is told
//! once ([`media::one_key`]). It serves so many legs as it surely can; one more is not listened to. A leg
//! is listened to until it is closed.

use std::sync::Arc;

use audio::{FRAME_SAMPLES, in_band::InBand, jitter::JitterBuffer, opus::CodecError};
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use media::dtmf::Digit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{Direction, LegHandle, PayloadTypes, Tapped, coding, handle::LegTold, tap, turns};

/// Legs at a time: each a decoder and what listens, about 100 µs in 20 ms.
const SEATS: usize = 64;

/// Packets that may wait for the worker: a second of one leg.
const TAP_PACKETS_MAX: usize = 50;

/// The worker; clones reach the same one.
#[derive(Clone, Debug)]
pub struct InBandKeys {
    new: Sender<Listening>,
    seats: Arc<Semaphore>,
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
    _seat: OwnedSemaphorePermit,
}

impl InBandKeys {
    /// Starts the worker; it ends with the last `InBandKeys`.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let (new, inbox) = crossbeam_channel::bounded(2 * SEATS);
        let name = "media-keys".into();
        std::thread::Builder::new().name(name).spawn(move || serve(&inbox))?;

        Ok(Self { new, seats: Arc::new(Semaphore::new(SEATS)) })
    }

    /// Listens for keys in what this leg hears, from now until it is closed; false when the worker has all
    /// it can serve.
    #[must_use]
    pub fn listen(&self, leg: &LegHandle, types: PayloadTypes) -> bool {
        self.try_listen(leg, types).is_some()
    }

    fn try_listen(&self, leg: &LegHandle, types: PayloadTypes) -> Option<()> {
        let seat = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        let (tap, packets) = tap(Direction::Received, TAP_PACKETS_MAX);
        let listening = Listening {
            leg: leg.told(),
            packets,
            audio: types.audio,
            buffer: buffer(types).ok()?,
            in_band: InBand::default(),
            _seat: seat,
        };
        self.new.try_send(listening).ok()?;
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

fn serve(inbox: &Receiver<Listening>) {
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
