//! When is each packet of a live stream heard?
//!
//! A listener takes 20 ms at a time by its own clock; packets come unevenly, late or not at all.
//! [`JitterBuffer`] is between the two, and as short as the network lets it be:
//!
//! ```text
//!   push (as they come) ─▶ in order, [`PREFILL`] ahead ─▶ decoder ─▶ pull (every 20 ms)
//! ```
//!
//! A packet that is missing when its turn comes is restored from the next one's copy, or concealed by
//! the codec. Nothing there at all: the last sound goes on a little, and what comes after is heard that
//! much later, so the buffer grows by what was needed. What is always left over is given back a period of
//! the voice at a time ([`crate::catch_up`]); beyond `DEPTH_MAX`, at once. A sender that pauses costs
//! nothing, and begins anew. [`crate::playout`] is for who may wait: it measures and records.

use std::{cmp::Ordering, collections::BTreeMap};

use crate::{
    FRAME_MS, FRAME_SAMPLES,
    catch_up::CatchUp,
    coding::Coding,
    decoder::Decoder,
    opus::{self, CodecError, WIDEBAND_SAMPLES},
    stretch,
};

/// 20 ms of sound.
pub type Frame = [i16; FRAME_SAMPLES];

/// What is there before a stream begins, in frames: one to hear and one in hand.
const PREFILL: usize = 2;

/// Frames that may always be left over: the one in hand.
const KEPT: usize = 1;

/// The most that may be in hand, in frames: beyond it, late is worse than a word left out. Below it a hiccup
/// of the network costs nobody a word.
const DEPTH_MAX: usize = 10;

/// In how many milliseconds what is heard goes over into what comes after words that were left out.
const SEAM_MS: usize = 5;

/// Frames concealed in a row; beyond it libopus has faded out and silence is honest.
const CONCEALED_MAX: u64 = 4;

/// Packets that wait at most; a sender of 20 ms has ten at [`DEPTH_MAX`], one of 5 ms 40.
const WAITING_MAX: usize = 64;

/// So many packets in a row from the past are a sender that counts anew; so is one further ahead.
const STALE_MAX: u32 = 10;
const JUMP_MAX: i16 = 1_000;

/// One stream on its way to be heard, so many samples in a frame of 20 ms.
#[derive(Debug)]
pub struct JitterBuffer<const FRAME: usize = FRAME_SAMPLES> {
    decoder: Decoder,
    waiting: BTreeMap<u64, Waiting>,
    /// Decoded and not yet heard.
    ready: Vec<i16>,
    /// The number that is heard next; none while the stream rests.
    next: Option<u64>,
    newest: Option<u64>,
    /// How long a packet of this sender is.
    packet: usize,
    concealed_in_row: u64,
    stale: u32,
    catch_up: CatchUp<FRAME>,
    figures: Figures,
}

/// What became of a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Frames restored or concealed.
    pub concealed: u64,
    /// Packets that came after their turn.
    pub late: u64,
    /// Frames left out to be sooner.
    pub left_out: u64,
    /// Samples taken out to be sooner, without a word left out.
    pub shortened: u64,
}

#[derive(Debug)]
struct Waiting {
    samples: usize,
    payload: Box<[u8]>,
}

impl JitterBuffer {
    /// A stream of Opus that has not begun.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn new() -> Result<Self, CodecError> {
        Decoder::opus().map(Self::of)
    }

    /// A stream of a telephone's codec that has not begun.
    #[must_use]
    pub fn telephone(coding: impl Into<Coding>) -> Self {
        Self::of(Decoder::telephone(coding.into()))
    }
}

impl JitterBuffer<WIDEBAND_SAMPLES> {
    /// A stream of Opus that has not begun and is heard at 16 kHz: a third of the samples, for who needs no more.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn wideband() -> Result<Self, CodecError> {
        Decoder::wideband().map(Self::of)
    }
}

impl<const FRAME: usize> JitterBuffer<FRAME> {
    const PREFILL: usize = PREFILL * FRAME;
    const DEPTH_MAX: usize = DEPTH_MAX * FRAME;
    const SEAM: usize = SEAM_MS * FRAME / FRAME_MS as usize;

    fn of(decoder: Decoder) -> Self {
        Self {
            decoder,
            waiting: BTreeMap::new(),
            ready: Vec::with_capacity((opus::PACKET_FRAMES_MAX + 1) * FRAME),
            next: None,
            newest: None,
            packet: FRAME,
            concealed_in_row: 0,
            stale: 0,
            catch_up: CatchUp::new(KEPT),
            figures: Figures::default(),
        }
    }

    /// Takes a packet with RTP's sequence number; what is none of its codec is left out.
    pub fn push(&mut self, sequence: u16, payload: &[u8]) {
        let Some(samples) = self.decoder.packet_samples(payload) else { return };
        let index = self.extend(sequence);
        if self.next.is_some_and(|next| index < next) {
            self.figures.late += 1;
            self.stale += 1;
            if self.stale < STALE_MAX {
                return;
            }
            self.restart();
        }
        self.stale = 0;
        self.newest = Some(self.newest.map_or(index, |newest| newest.max(index)));
        self.waiting.entry(index).or_insert_with(|| Waiting { samples, payload: payload.into() });
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_first();
        }
    }

    /// The next 20 ms; `None` while nobody speaks.
    pub fn pull(&mut self) -> Option<[i16; FRAME]> {
        if self.next.is_none() {
            if self.depth() < Self::PREFILL {
                return None;
            }
            self.next = self.waiting.first_key_value().map(|(index, _)| *index);
            self.catch_up.begin();
        }
        self.give_back();
        while self.ready.len() < FRAME && self.decode() {}
        if self.ready.is_empty() {
            return None;
        }
        // The end of a stream may be a part of a frame.
        let mut frame = [0; FRAME];
        let count = self.ready.len().min(FRAME);
        frame[..count].copy_from_slice(&self.ready[..count]);
        self.ready.drain(..count);
        Some(frame)
    }

    /// What became of the stream so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// Samples in hand.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.ready.len() + self.waiting.values().map(|packet| packet.samples).sum::<usize>()
    }

    /// The sequence number continued beyond 16 bits; a jump is a sender that counts anew.
    fn extend(&mut self, sequence: u16) -> u64 {
        if let Some(newest) = self.newest {
            let [.., high, low] = newest.to_be_bytes();
            let step = sequence.wrapping_sub(u16::from_be_bytes([high, low])).cast_signed();
            if (-JUMP_MAX..=JUMP_MAX).contains(&step) {
                return newest.saturating_add_signed(i64::from(step));
            }
            self.restart();
        }
        // One round up, so that a packet reordered before the first still has an index.
        (1 << 16) + u64::from(sequence)
    }

    fn restart(&mut self) {
        self.waiting.clear();
        self.next = None;
        self.newest = None;
        self.stale = 0;
    }

    /// Gives back what makes everything later than it must be.
    fn give_back(&mut self) {
        let depth = self.depth();
        if depth > Self::DEPTH_MAX {
            self.leave_out_words();
            return;
        }
        self.catch_up.look(depth.saturating_sub(FRAME));
        if self.catch_up.is_owed() {
            while self.ready.len() < 2 * FRAME && self.follows() && self.decode() {}
            let taken = self.catch_up.shorten(&mut self.ready);
            self.figures.shortened += taken as u64;
        }
    }

    /// Whether the packet whose turn it is has come.
    fn follows(&self) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| Some(*first) == self.next)
    }

    /// What is beyond all measure is left out at once.
    fn leave_out_words(&mut self) {
        while self.ready.len() < Self::SEAM && self.decode() {}
        let early: Vec<i16> = self.ready.iter().copied().take(Self::SEAM).collect();
        while self.depth() > Self::PREFILL && self.leave_out() {}
        while self.ready.len() < Self::SEAM && self.decode() {}
        stretch::fade(&early, &mut self.ready);
        self.catch_up.begin();
    }

    /// Leaves out a frame; decoded all the same, for the next one builds on it.
    fn leave_out(&mut self) -> bool {
        while self.ready.len() < FRAME {
            if !self.decode() {
                return false;
            }
        }
        self.ready.drain(..FRAME);
        self.figures.left_out += 1;
        true
    }

    /// Decodes, restores or conceals what is next; false when the stream rests.
    fn decode(&mut self) -> bool {
        let Some(next) = self.next else { return false };
        let Some((first, _)) = self.waiting.first_key_value() else { return self.go_on() };
        match first.cmp(&next) {
            Ordering::Greater => self.fill_loss(next, *first),
            Ordering::Equal | Ordering::Less => {
                let Some((index, packet)) = self.waiting.pop_first() else { return false };
                // What cannot be decoded counts as lost.
                match self.decoder.decode(&packet.payload) {
                    Ok(samples) => self.ready.extend_from_slice(samples),
                    Err(_) => self.figures.concealed += 1,
                }
                self.packet = packet.samples;
                self.next = Some(index + 1);
                // It was late, and all that follows is heard later.
                if std::mem::take(&mut self.concealed_in_row) > 0 {
                    self.catch_up.missed();
                }
            }
        }
        true
    }

    /// Nothing is there: the last sound goes on for a moment, then the stream rests.
    fn go_on(&mut self) -> bool {
        if self.concealed_in_row >= CONCEALED_MAX {
            self.next = None;
            self.concealed_in_row = 0;
            return false;
        }
        self.conceal(FRAME)
    }

    /// The packet whose turn it is has not come, but a later one.
    fn fill_loss(&mut self, next: u64, first: u64) {
        // What went on while nothing was there stood for packets that are lost: nothing is heard later.
        let stood_for = std::mem::take(&mut self.concealed_in_row).min(first - next);
        let next = next + stood_for;
        self.next = Some(next);
        if next == first {
            return;
        }
        if first - next > CONCEALED_MAX {
            self.next = Some(first);
            return;
        }
        self.next = Some(next + 1);
        let copy = (first - next == 1).then(|| self.waiting.first_key_value()).flatten();
        let after = copy.map(|(_, after)| &*after.payload);
        if let Ok(samples) = self.decoder.fill(self.packet, after) {
            self.ready.extend_from_slice(samples);
            self.figures.concealed += 1;
        }
    }

    fn conceal(&mut self, samples: usize) -> bool {
        self.concealed_in_row += 1;
        let Ok(samples) = self.decoder.fill(samples, None) else { return false };
        self.ready.extend_from_slice(samples);
        self.figures.concealed += 1;
        true
    }
}

#[cfg(test)]
mod tests;
