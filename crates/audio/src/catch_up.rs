//! How does what is late become as soon as it can be?
//!
//! What waits to be heard grows when a network or a thread holds things back, and does not shrink by
//! itself: once late, a voice stays so. [`CatchUp`] is told every 20 ms how much is left over. What always
//! was, for half a second, is more than is needed; so much of what is heard next is taken out of it, without
//! a word left out:
//!
//! ```text
//!   look: left over, ≥ kept for as long as it is watched ──▶ owed ──▶ shorten: a period at a time
//! ```
//!
//! Of speech, 100 ms are given back in two seconds (half a one to be sure). Was something needed again that
//! had been given back, it is watched for twice as long the next time, so that a network with a hiccup every
//! second is not cut and patched every second.

use crate::{FRAME_SAMPLES, stretch::Stretch};

/// For how many frames it is watched, at least and at most: half a second, four seconds.
const WATCHED_MIN: u32 = 25;
const WATCHED_MAX: u32 = 200;

/// Gives back the delay of one voice, so many samples in a frame of 20 ms.
#[derive(Debug)]
pub struct CatchUp<const FRAME: usize = FRAME_SAMPLES> {
    /// What may always be left over.
    kept: usize,
    /// The least that was left over, in so many frames.
    least: usize,
    frames: u32,
    /// For how many it is watched.
    watched: u32,
    gave_back: bool,
    owed: usize,
    stretch: Stretch<FRAME>,
}

impl<const FRAME: usize> CatchUp<FRAME> {
    /// Less than 10 ms is not worth a cut.
    const WORTH_IT: usize = FRAME / 2;

    /// Of a voice of which so many frames may always be left over.
    #[must_use]
    pub fn new(kept_frames: usize) -> Self {
        Self {
            kept: kept_frames * FRAME,
            least: usize::MAX,
            frames: 0,
            watched: WATCHED_MIN,
            gave_back: false,
            owed: 0,
            stretch: Stretch::default(),
        }
    }

    /// Takes how many samples are left over once this frame is heard.
    pub fn look(&mut self, left_over: usize) {
        let spare = left_over.saturating_sub(self.kept);
        self.owed = self.owed.min(spare);
        self.least = self.least.min(spare);
        self.frames += 1;
        if self.frames < self.watched {
            return;
        }
        if self.least >= Self::WORTH_IT {
            if self.owed == 0 {
                self.stretch.reset();
            }
            self.owed = self.least;
            self.gave_back = true;
            self.watched = (self.watched / 2).max(WATCHED_MIN);
        }
        self.watch_anew();
    }

    /// Something was heard later because nothing was left over.
    pub fn missed(&mut self) {
        if std::mem::take(&mut self.gave_back) {
            self.watched = (self.watched * 2).min(WATCHED_MAX);
        }
        self.begin();
    }

    /// The voice begins anew: what was left over before says nothing.
    pub fn begin(&mut self) {
        self.owed = 0;
        self.watch_anew();
    }

    /// Whether something is to be given back.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        self.owed > 0
    }

    /// Takes out of what is heard next what it can, once a frame; how many samples.
    pub fn shorten(&mut self, samples: &mut Vec<i16>) -> usize {
        if self.owed == 0 {
            return 0;
        }
        let taken = self.stretch.shorten(samples, self.owed);
        self.owed -= taken;
        taken
    }

    fn watch_anew(&mut self) {
        self.least = usize::MAX;
        self.frames = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone;

    const WORTH_IT: usize = <CatchUp>::WORTH_IT;

    /// Looks `frames` times at what is left over.
    fn watch(catch_up: &mut CatchUp, frames: u32, left_over: usize) {
        for _ in 0..frames {
            catch_up.look(left_over);
        }
    }

    #[test]
    fn what_is_always_left_over_is_owed_and_no_more() {
        let mut catch_up: CatchUp = CatchUp::new(1);
        watch(&mut catch_up, 200, FRAME_SAMPLES + WORTH_IT - 1);
        assert!(!catch_up.is_owed(), "not worth it");
        watch(&mut catch_up, WATCHED_MIN - 1, 5 * FRAME_SAMPLES);
        catch_up.look(2 * FRAME_SAMPLES);
        assert_eq!(catch_up.owed, FRAME_SAMPLES, "the least that was left over counts");
        catch_up.look(FRAME_SAMPLES + 100);
        assert_eq!(catch_up.owed, 100, "it is needed after all");
        catch_up.begin();
        assert!(!catch_up.is_owed());
    }

    #[test]
    fn what_was_given_back_too_soon_is_watched_for_longer_and_in_the_end_as_before() {
        let mut catch_up: CatchUp = CatchUp::new(1);
        catch_up.missed();
        assert_eq!(catch_up.watched, WATCHED_MIN, "nothing had been given back");
        for times in [2, 4, 8, 8] {
            watch(&mut catch_up, WATCHED_MAX, 5 * FRAME_SAMPLES);
            catch_up.watched = WATCHED_MIN * times / 2;
            catch_up.missed();
            assert_eq!(catch_up.watched, (WATCHED_MIN * times).min(WATCHED_MAX));
        }
        watch(&mut catch_up, 2 * WATCHED_MAX, 5 * FRAME_SAMPLES);
        assert_eq!(catch_up.watched, WATCHED_MIN);
    }

    #[test]
    fn what_is_owed_is_taken_out_once() {
        let mut catch_up: CatchUp = CatchUp::new(0);
        watch(&mut catch_up, WATCHED_MIN, 2_000);
        let mut taken = 0;
        for _ in 0..50 {
            let mut samples = tone::sine(200.0, -20.0, 40);
            let before = samples.len();
            let now = catch_up.shorten(&mut samples);
            assert_eq!(samples.len(), before - now);
            taken += now;
        }
        assert!((1_800..=2_000).contains(&taken), "{taken} of 2,000: five ms at a time");
    }
}
