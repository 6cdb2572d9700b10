//! How long did each stage of setting up this call take?
//!
//! Pure: the moments are arguments. A stage is the time between two points that every call passes once;
//! it is told when both are known. Media may be up before the call is accepted; then nobody waited.

use std::time::{Duration, Instant};

/// A moment in the set-up of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// The webhook of a user's call came.
    Arrived,
    /// The platform took `pre_accept`.
    PreAccepted,
    /// Somebody's phone or page rings.
    Ringing,
    /// Somebody takes the call.
    Answered,
    /// The platform took `accept`, or the user picked up.
    Accepted,
    /// WhatsApp's leg has its keys.
    MediaUp,
    /// The user is heard.
    FirstAudio,
}

/// How many points there are.
const POINTS: usize = 7;

/// The stages, each with where it begins and ends.
const STAGES: [(&str, Point, Point); 4] = [
    ("webhook_to_pre_accept", Point::Arrived, Point::PreAccepted),
    ("ring_to_answer", Point::Ringing, Point::Answered),
    ("accept_to_media", Point::Accepted, Point::MediaUp),
    ("media_to_first_audio", Point::MediaUp, Point::FirstAudio),
];

/// The points a call has passed.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    passed: [Option<Instant>; POINTS],
}

impl Timeline {
    /// Passes a point, the first time it does; returns the stages that are known from now on.
    pub(super) fn pass(&mut self, point: Point, now: Instant) -> Vec<(&'static str, Duration)> {
        match self.passed.get_mut(point as usize) {
            Some(passed @ None) => *passed = Some(now),
            Some(Some(_)) | None => return Vec::new(),
        }
        let new = STAGES.iter().filter(|(_, from, to)| *from == point || *to == point);
        new.filter_map(|stage| self.stage(stage)).collect()
    }

    /// The stages that are known, in the order of a call.
    pub(super) fn stages(&self) -> impl Iterator<Item = (&'static str, Duration)> {
        STAGES.iter().filter_map(|stage| self.stage(stage))
    }

    fn stage(
        &self,
        (stage, from, to): &(&'static str, Point, Point),
    ) -> Option<(&'static str, Duration)> {
        let (from, to) = (self.at(*from)?, self.at(*to)?);
        Some((*stage, to.saturating_duration_since(from)))
    }

    fn at(&self, point: Point) -> Option<Instant> {
        self.passed.get(point as usize).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_is_told_once_in_whatever_order_its_ends_come() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timeline = Timeline::default();
        assert_eq!(timeline.pass(Point::Ringing, at(0)), []);
        assert_eq!(timeline.pass(Point::MediaUp, at(100)), []);
        let rang = ("ring_to_answer", Duration::from_millis(900));
        assert_eq!(timeline.pass(Point::Answered, at(900)), [rang]);
        assert_eq!(timeline.pass(Point::Answered, at(950)), [], "once");
        let waited = ("accept_to_media", Duration::ZERO);
        assert_eq!(timeline.pass(Point::Accepted, at(1_000)), [waited], "it was up");
        let silent = ("media_to_first_audio", Duration::from_millis(1_100));
        assert_eq!(timeline.pass(Point::FirstAudio, at(1_200)), [silent]);
        assert_eq!(timeline.stages().collect::<Vec<_>>(), [rang, waited, silent]);
    }
}
