//! Where is what a user's phone heard and said?
//!
//! In memory, as the Opus packets that passed, for the newest calls; made into a WAV file when asked
//! for.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use audio::wav::{self, WavError};
use terms::CallId;

use super::ears::Ear;

/// Calls whose recording is kept; each holds up to four megabytes.
const CALLS_MAX: usize = 32;

/// Both directions of a user's phone.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) heard: Ear,
    pub(crate) said: Ear,
}

/// The newest calls' recordings; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recordings {
    newest: Arc<Mutex<VecDeque<(CallId, Recording)>>>,
}

impl Recordings {
    /// Keeps a call's recording, letting the oldest go.
    pub(crate) fn keep(&self, id: CallId, recording: Recording) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.len() >= CALLS_MAX {
            newest.pop_front();
        }
        newest.push_back((id, recording));
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The recording of a call.
    pub(crate) fn get(&self, id: &CallId) -> Option<Recording> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.iter().find(|(of, _)| of == id).map(|(_, recording)| recording.clone())
    }
}

impl Recording {
    /// Left: what the phone heard; right: what it said.
    ///
    /// # Errors
    ///
    /// The sound does not fit a WAV file.
    pub(crate) fn to_wav(&self) -> Result<Vec<u8>, WavError> {
        let from = self.heard.kept_from().max(self.said.kept_from()).unwrap_or_default();
        let frame = Duration::from_millis(u64::from(audio::FRAME_MS));
        let until =
            self.heard.kept_until().max(self.said.kept_until()).map_or(from, |last| last + frame);
        wav::write_stereo(&self.heard.samples(from, until), &self.said.samples(from, until))
    }
}
