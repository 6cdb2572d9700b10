//! What of the user does a bot hear?
//!
//! A bot that takes no more than 16 kHz is served at 16 kHz from the decoder on: a third of the samples, and no
//! filter between. One that takes more hears all there is.

use audio::{
    FRAME_SAMPLES,
    activity::{Activity, Turn},
    jitter::JitterBuffer,
    opus::{CodecError, WIDEBAND_RATE, WIDEBAND_SAMPLES},
    spool::{Format, Hearing},
};

use super::BotNotice;

/// One user, as one bot hears.
#[derive(Debug)]
pub(super) struct Ear {
    buffer: Buffer,
    hearing: Hearing,
    /// Only where somebody asks whether the user speaks.
    activity: Option<Activity>,
}

#[derive(Debug)]
enum Buffer {
    Wideband(JitterBuffer<WIDEBAND_SAMPLES>),
    Fullband(JitterBuffer),
}

impl Ear {
    pub(super) fn new(format: Format, notice: BotNotice) -> Result<Self, CodecError> {
        let listens = notice.listens();
        Ok(if format.rate() <= WIDEBAND_RATE {
            Self {
                buffer: Buffer::Wideband(JitterBuffer::wideband()?),
                hearing: Hearing::wideband(format),
                activity: listens.then(|| Activity::wideband(notice.silence_ms)),
            }
        } else {
            Self {
                buffer: Buffer::Fullband(JitterBuffer::new()?),
                hearing: Hearing::new(format),
                activity: listens.then(|| Activity::new(notice.silence_ms)),
            }
        })
    }

    pub(super) fn push(&mut self, sequence: u16, payload: &[u8]) {
        match &mut self.buffer {
            Buffer::Wideband(buffer) => buffer.push(sequence, payload),
            Buffer::Fullband(buffer) => buffer.push(sequence, payload),
        }
    }

    /// Adds the next 20 ms as the bot takes them; a user who is silent is heard as silence. `is_answered` is
    /// whether the bot speaks. What the user did, if that was asked for.
    pub(super) fn pull(&mut self, is_answered: bool, bytes: &mut Vec<u8>) -> Vec<Turn> {
        match &mut self.buffer {
            Buffer::Wideband(buffer) => {
                let frame = buffer.pull().unwrap_or([0; WIDEBAND_SAMPLES]);
                self.hear(&frame, is_answered, bytes)
            }
            Buffer::Fullband(buffer) => {
                let frame = buffer.pull().unwrap_or([0; FRAME_SAMPLES]);
                self.hear(&frame, is_answered, bytes)
            }
        }
    }

    /// Frames that were made up so far.
    pub(super) fn concealed(&self) -> u64 {
        match &self.buffer {
            Buffer::Wideband(buffer) => buffer.figures().concealed,
            Buffer::Fullband(buffer) => buffer.figures().concealed,
        }
    }

    /// Where in what was heard so far a listener is, in milliseconds.
    pub(super) fn heard_ms(&self) -> u64 {
        self.activity.as_ref().map_or(0, Activity::heard_ms)
    }

    fn hear(&mut self, frame: &[i16], is_answered: bool, bytes: &mut Vec<u8>) -> Vec<Turn> {
        self.hearing.write_behind(frame, bytes);
        let activity = self.activity.as_mut();
        activity.map_or_else(Vec::new, |activity| activity.hear(frame, is_answered))
    }
}
