//! Where does the platform's randomness come from?
//!
//! From the system, or from one seed so that a run can be repeated. A seeded source keeps a count a
//! stream, so that ids of one kind do not depend on how many of another were made meanwhile. After
//! a restart with the same seed the streams go on in a part of their own: an id is never made twice.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Where ids come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Randomness {
    /// The system's; no run is like another.
    #[default]
    System,
    /// One seed: the same requests in the same order give the same ids.
    Seeded(u64),
}

/// What an id is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stream {
    /// Calls.
    Call,
    /// Messages.
    Message,
    /// Rows of the webhooks' journal.
    Webhook,
    /// Names of media streams in SDP.
    Sdp,
    /// Media files and their download addresses.
    Media,
    /// Everything else: templates, made-up accounts, tokens.
    Other,
}

/// How far a seeded source has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Which run on its data folder it was.
    run: u64,
    /// How many of each stream were drawn.
    drawn: BTreeMap<Stream, u64>,
}

/// The source of ids; it locks for the length of one.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: Option<u64>,
    place: Mutex<Place>,
}

impl Ids {
    /// The source of run number `run` on one data folder.
    pub(crate) fn new(randomness: Randomness, run: u64) -> Self {
        let seed = match randomness {
            Randomness::System => None,
            Randomness::Seeded(seed) => Some(seed),
        };
        Self { seed, place: Mutex::new(Place { run, drawn: BTreeMap::new() }) }
    }

    /// Sixteen bytes nobody has seen.
    pub(crate) fn bytes(&self, stream: Stream) -> [u8; 16] {
        let Some(seed) = self.seed else { return rand::random() };
        let (run, nth) = self.count(stream);
        let mut digest = Sha256::new();
        digest.update(seed.to_be_bytes());
        digest.update([stream as u8]);
        digest.update(run.to_be_bytes());
        digest.update(nth.to_be_bytes());
        let digest = digest.finalize();
        std::array::from_fn(|at| digest[at])
    }

    /// A number nobody has seen.
    pub(crate) fn number(&self, stream: Stream) -> u64 {
        let bytes = self.bytes(stream);
        u64::from_be_bytes(std::array::from_fn(|at| bytes[at]))
    }

    /// A UUID (version 4).
    pub(crate) fn uuid(&self, stream: Stream) -> uuid::Uuid {
        uuid::Builder::from_random_bytes(self.bytes(stream)).into_uuid()
    }

    /// How far it has come; always the same without a seed.
    pub(crate) fn place(&self) -> Place {
        self.seed.map_or_else(Place::default, |_| self.locked().clone())
    }

    /// Goes on from a place.
    pub(crate) fn resume(&self, place: Place) {
        *self.locked() = place;
    }

    fn count(&self, stream: Stream) -> (u64, u64) {
        let mut place = self.locked();
        let nth = place.drawn.entry(stream).or_default();
        *nth += 1;
        let nth = *nth;
        (place.run, nth)
    }

    fn locked(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_streams_do_not_disturb_each_other() {
        let (one, two) = (Ids::new(Randomness::Seeded(7), 0), Ids::new(Randomness::Seeded(7), 0));
        let first = one.bytes(Stream::Call);
        two.bytes(Stream::Sdp);
        assert_eq!(first, two.bytes(Stream::Call));
        assert_ne!(first, two.bytes(Stream::Call));
        assert_ne!(first, Ids::new(Randomness::Seeded(8), 0).bytes(Stream::Call));
        assert_ne!(first, Ids::new(Randomness::Seeded(7), 1).bytes(Stream::Call), "another run");
        assert_ne!(one.bytes(Stream::Webhook), one.bytes(Stream::Message));
    }

    #[test]
    fn a_resumed_source_goes_on() {
        let (one, two) = (Ids::new(Randomness::Seeded(7), 0), Ids::new(Randomness::Seeded(7), 0));
        one.bytes(Stream::Call);
        two.resume(one.place());
        assert_eq!(one.number(Stream::Call), two.number(Stream::Call));
    }

    #[test]
    fn without_a_seed_no_two_are_alike() {
        let ids = Ids::new(Randomness::System, 0);
        assert_ne!(ids.bytes(Stream::Call), ids.bytes(Stream::Call));
    }
}
