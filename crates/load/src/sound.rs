//! What do the parties of a call say, so that it is known again?
//!
//! Sixteen tones, encoded once, each packet with room for a mark: thousands of calls share them. The
//! mark says exactly whose a packet is; the tone is what a decoder must find in it.

use std::sync::Arc;

use handset::{Tags, sound::SoundError};
use media::frame::AudioFrame;

/// The tones: far enough apart to be told apart, whatever a codec does to them.
const FIRST_HZ: f32 = 400.0;
const STEP_HZ: f32 = 100.0;
const TONES: u32 = 16;

/// Bits of a tag that say which seat; the others count its calls.
const SEAT_BITS: u32 = 20;

/// The tones, ready to play.
#[derive(Debug, Clone)]
pub(crate) struct Sounds(Arc<[Arc<[AudioFrame]>]>);

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// The user of this seat.
    User(u32),
    /// Its agent, or its bot.
    Agent(u32),
}

impl Sounds {
    pub(crate) fn make() -> Result<Self, SoundError> {
        let tone = |number: u32| {
            let frames = handset::sound::tone(f64::from(hz_of(number)))?;
            handset::sound::with_room(&frames)
        };
        Ok(Self((0..TONES).map(tone).collect::<Result<_, _>>()?))
    }

    /// What this voice plays.
    pub(crate) fn of(&self, voice: Voice) -> Arc<[AudioFrame]> {
        Arc::clone(&self.0[voice.tone()])
    }
}

impl Voice {
    /// The tone a decoder must find.
    pub(crate) fn hz(self) -> f32 {
        hz_of(self.number())
    }

    /// Which of the [`tones`] that is.
    pub(crate) const fn tone(self) -> usize {
        self.number() as usize
    }

    /// Two voices of one call never share a tone.
    const fn number(self) -> u32 {
        match self {
            Self::User(seat) => (seat * 2) % TONES,
            Self::Agent(seat) => (seat * 2 + 1) % TONES,
        }
    }

    /// What marks its packets in the seat's `call`th call.
    pub(crate) const fn tag(self, call: u32) -> u32 {
        let who = match self {
            Self::User(seat) => seat * 2,
            Self::Agent(seat) => seat * 2 + 1,
        };
        call << (SEAT_BITS + 1) | who & ((1 << (SEAT_BITS + 1)) - 1)
    }
}

/// All tones, in Hz.
pub(crate) fn tones() -> impl Iterator<Item = f32> {
    (0..TONES).map(hz_of)
}

/// What `voice` says and hears when it talks with `other`.
pub(crate) const fn tags(voice: Voice, other: Voice, call: u32) -> Tags {
    Tags { says: voice.tag(call), hears: other.tag(call) }
}

/// The seat that marks packets so.
pub(crate) const fn seat_of(tag: u32) -> u32 {
    (tag & ((1 << (SEAT_BITS + 1)) - 1)) / 2
}

#[expect(clippy::cast_precision_loss, reason = "sixteen small numbers")]
const fn hz_of(number: u32) -> f32 {
    FIRST_HZ + STEP_HZ * (number % TONES) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_voices_share_a_tag() {
        let mut seen = BTreeSet::new();
        for seat in [0, 1, 2, 999, 1_000, 99_999] {
            for call in 0..4 {
                for voice in [Voice::User(seat), Voice::Agent(seat)] {
                    assert!(seen.insert(voice.tag(call)));
                    assert_eq!(seat_of(voice.tag(call)), seat);
                }
            }
        }
        for seat in 0..40 {
            let apart = (Voice::User(seat).hz() - Voice::Agent(seat).hz()).abs();
            assert!(apart >= STEP_HZ, "{seat}");
        }
    }
}
