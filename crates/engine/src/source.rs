//! What does a leg send?

use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use media::frame::AudioFrame;

use crate::LegHandle;

/// Where the audio a leg sends comes from.
#[derive(Clone, Debug, Default)]
pub enum Source {
    /// Nothing but RTCP.
    #[default]
    Silence,
    /// What another leg of the same call hears, payload untouched; its audio only if both legs have
    /// the same codec.
    Bridge(LegHandle),
    /// What another leg of the same call hears, after a worker has put its audio into this leg's
    /// codec; its key presses cross untouched.
    Transcoded {
        /// The leg that hears it.
        of: LegHandle,
        /// What the worker made of it.
        frames: FrameQueue,
    },
    /// What a worker mixes for this leg. Key presses do not cross.
    Mix(FrameQueue),
    /// Packets made beforehand, 20 ms each, in the leg's codec. They wait for keys and for the gate.
    Packets(Arc<[AudioFrame]>, Repeat),
    /// What the leg itself hears.
    Echo,
}

/// How often [`Source::Packets`] plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once, then [`crate::LegEvent::PlaybackDone`] and silence.
    Once,
    /// Until another source is set.
    Forever,
}

/// Makes a queue of at most `frames_max` frames between a worker and a leg.
#[must_use]
pub fn frame_queue(frames_max: usize) -> (FrameSink, FrameQueue) {
    let (frames, queue) = crossbeam_channel::bounded(frames_max);
    let queue = FrameQueue(queue);

    (FrameSink { frames, queue: queue.clone() }, queue)
}

/// The leg's end: one frame leaves every 20 ms while there is one. Clones share the frames.
#[derive(Clone, Debug)]
pub struct FrameQueue(pub(crate) Receiver<AudioFrame>);

/// The worker's end.
#[derive(Debug)]
pub struct FrameSink {
    frames: Sender<AudioFrame>,
    queue: FrameQueue,
}

impl FrameSink {
    /// Adds a frame of 20 ms in the leg's codec; a full queue lets its oldest go, for what is heard
    /// late is of less use than what is heard now.
    pub fn push(&self, frame: AudioFrame) {
        let mut frame = frame;
        while let Err(TrySendError::Full(back)) = self.frames.try_send(frame) {
            frame = back;
            // The leg may have taken it meanwhile; there is room either way.
            drop(self.queue.0.try_recv());
        }
    }

    /// Frames the leg has not taken.
    pub(crate) fn waiting(&self) -> usize {
        self.frames.len()
    }

    /// Takes back the frames the leg has not taken; says how many.
    pub fn drain(&self) -> u64 {
        self.queue.0.try_iter().map(|_| 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_lets_the_oldest_go() {
        let (sink, queue) = frame_queue(3);
        for number in 0..5u8 {
            sink.push(AudioFrame::new(vec![number]).unwrap());
        }
        let left: Vec<u8> = queue.0.try_iter().map(|frame| frame.bytes()[0]).collect();
        assert_eq!(left, [2, 3, 4]);
    }
}
