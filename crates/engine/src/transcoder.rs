//! Who puts a voice into the other party's codec?
//!
//! WhatsApp talks Opus; what is on the other side of a call may talk G.711 or G.722. Between the two stands a
//! worker thread, one for each processor, away from the packet path:
//!
//! ```text
//!   leg ──tap──▶ audio::transcode ──queue of frames──▶ the other leg, one every 20 ms
//! ```
//!
//! They serve those calls that have a [`TranscoderSeat`], so many as there is time for ([`crate::workers`]). A
//! call that finds none can have Opus alone, so none is ever answered that no worker can carry. Calls of Opus on both sides never come here.

use std::time::{Duration, Instant};

use audio::{
    opus::{CodecError, Complexity},
    transcode::{Transcode, Way},
};
use media::frame::{AudioCodec, AudioFrame};

use crate::{
    Direction, FrameQueue, FrameSink, LegHandle, PayloadTypes, Tapped, coding,
    effort::Effort,
    frame_queue, tap, turns,
    workers::{Seat, Trade, Workers},
};

/// A call is two voices, each decoded and encoded: together 200 to 400 µs in 20 ms, by the processor.
const TRADE: Trade = Trade { name: "transcoder", of_one: 0.02, voices: 2 };

/// Copies that may wait for the worker: five seconds of one leg.
const TAP_PACKETS_MAX: usize = 256;

/// Frames that may wait for a leg, 20 ms each: as much jitter as is evened out, and as late as a voice
/// becomes.
const FRAMES_MAX: usize = 6;

/// How often the worker looks at its voices: what a frame is delayed by at most.
const ROUND: Duration = Duration::from_millis(5);

/// The workers; clones reach the same ones.
#[derive(Debug, Clone)]
pub struct Transcoder {
    workers: Workers<Voice>,
    comfort_noise: bool,
    effort: Complexity,
}

/// The right of one call to be transcoded, into these codecs.
#[derive(Debug)]
pub struct TranscoderSeat {
    codecs: Vec<AudioCodec>,
    seat: Seat<Voice>,
}

impl TranscoderSeat {
    /// The codecs beside Opus that a call with this seat, or with none, may have.
    #[must_use]
    pub fn codecs(seat: Option<&Self>) -> &[AudioCodec] {
        seat.map_or(&[], |seat| &seat.codecs)
    }
}

impl Transcoder {
    /// Starts the workers; they end with the last `Transcoder` and the last seat.
    ///
    /// # Errors
    ///
    /// The system gives no thread.
    pub fn start() -> std::io::Result<Self> {
        let workers =
            Workers::start(TRADE, || |inbox| turns::serve(&inbox, ROUND, Voice::carry, |_| ()))?;
        Ok(Self { workers, comfort_noise: false, effort: Complexity::default() })
    }

    /// How hard the Opus encoders of its calls try while their worker has the time.
    #[must_use]
    pub fn effort(self, effort: Complexity) -> Self {
        Self { effort, ..self }
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

    /// A seat for a call that may have these codecs beside Opus; `None` if all are taken, or if there
    /// is nothing to transcode.
    #[must_use]
    pub fn seat(&self, codecs: Vec<AudioCodec>) -> Option<TranscoderSeat> {
        if codecs.is_empty() {
            return None;
        }
        let seat = self.workers.seat();
        if seat.is_none() {
            tracing::warn!("a call has Opus alone");
        }
        Some(TranscoderSeat { codecs, seat: seat? })
    }

    /// Carries what a leg hears into another codec, for the leg that plays the queue; ends when the
    /// first one closes. `None` if the codecs are the same, or if there is no memory.
    #[must_use]
    pub fn carry(
        &self,
        seat: &TranscoderSeat,
        from: &LegHandle,
        types: PayloadTypes,
        to: AudioCodec,
    ) -> Option<FrameQueue> {
        let way = way(types.codec, to)?;
        let transcode = Transcode::trying(way, self.effort).inspect_err(not_transcoded).ok()?;
        let transcode = if self.comfort_noise { transcode.comfort() } else { transcode };
        let (sink, queue) = frame_queue(FRAMES_MAX);
        let (tap, packets) = tap(Direction::Received, TAP_PACKETS_MAX);
        from.carry(tap);
        let zero = Instant::now();
        let effort = Effort::new(self.effort);
        let voice = Voice { packets, types, transcode, effort, sink, zero };
        // With two voices a seat there is room, unless the thread has died.
        if seat.seat.bring(voice).is_err() {
            tracing::error!("a call is not transcoded: the worker takes no more");
        }
        Some(queue)
    }
}

/// One direction of a call.
#[derive(Debug)]
struct Voice {
    packets: Tapped,
    types: PayloadTypes,
    transcode: Transcode,
    effort: Effort,
    sink: FrameSink,
    zero: Instant,
}

impl Voice {
    /// Carries what waits; false once its leg is closed, or cannot be helped.
    fn carry(&mut self, hurried: bool) -> bool {
        match self.take_packets().and_then(|open| self.give_frames(hurried).map(|()| open)) {
            Ok(open) => open,
            Err(fault) => {
                not_transcoded(&fault);
                false
            }
        }
    }

    /// Returns whether more may come.
    fn take_packets(&mut self) -> Result<bool, CodecError> {
        let Self { packets, types, transcode, zero, .. } = self;
        let mut taken = Ok(());
        let may_come = packets.each(|head, payload| {
            // Key presses cross by themselves.
            let at = head.at.saturating_duration_since(*zero);
            if Some(head.pt) == types.noise {
                transcode.noise(at, payload);
            } else if head.pt == types.audio && taken.is_ok() {
                taken = transcode.push(head.sequence, head.timestamp, at, payload).map(drop);
            }
        });

        taken.map(|()| may_come)
    }

    fn give_frames(&mut self, hurried: bool) -> Result<(), CodecError> {
        if let Some(complexity) = self.effort.turn(hurried) {
            self.transcode.set_complexity(complexity)?;
        }
        let frames = self.transcode.frames(self.zero.elapsed(), self.sink.waiting())?;
        self.packets.tell_made_up(self.transcode.concealed());
        for frame in frames {
            if let Ok(frame) = AudioFrame::new(frame) {
                self.sink.push(frame);
            }
        }
        Ok(())
    }
}

fn not_transcoded(fault: &CodecError) {
    tracing::error!(fault = fault as &dyn std::error::Error, "a voice is not transcoded");
}

/// How a voice gets from one codec to the other; `None` if one of them is not Opus, or both are.
const fn way(from: AudioCodec, to: AudioCodec) -> Option<Way> {
    match (coding(from), coding(to)) {
        (None, Some(coding)) => Some(Way::ToTelephone(coding)),
        (Some(coding), None) => Some(Way::ToOpus(coding)),
        (None, None) | (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_finds_no_seat_or_needs_none_has_opus_alone() {
        let transcoder = Transcoder::start().unwrap();
        assert!(transcoder.seat(Vec::new()).is_none(), "nothing to transcode");
        let seat = || transcoder.seat(vec![AudioCodec::Pcmu]);
        assert_eq!(TranscoderSeat::codecs(seat().as_ref()), [AudioCodec::Pcmu]);
        let mut taken: Vec<_> = std::iter::from_fn(seat).collect();
        assert_eq!(TranscoderSeat::codecs(seat().as_ref()), []);
        taken.pop();
        assert_eq!(TranscoderSeat::codecs(seat().as_ref()), [AudioCodec::Pcmu]);
    }
}
