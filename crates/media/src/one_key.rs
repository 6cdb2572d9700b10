//! Is a key that is told in two ways one press, or two?
//!
//! Some far ends send a key as telephone-events and let it be heard as well. Whichever is told first
//! counts; the other is the same press if it is the same key, told the other way, and began within
//! [`WINDOW`] of it. Each press is paired once, so a key pressed twice is two presses however it is told.

use std::time::{Duration, Instant};

use crate::dtmf::Digit;

/// How far apart the two ways may be: sound waits in a jitter buffer and is listened to for a while, and
/// an event without an end is told late.
pub const WINDOW: Duration = Duration::from_millis(600);

/// Presses that may wait for being told the other way; more than anybody types meanwhile.
const TOLD_MAX: usize = 8;

/// How a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As telephone-events (RFC 4733).
    Event,
    /// As what it sounds like.
    Sound,
}

/// The presses of one far end that were told one way so far.
#[derive(Clone, Debug, Default)]
pub struct OneKey {
    told: [Option<Told>; TOLD_MAX],
    /// Where the next one goes.
    next: usize,
}

#[derive(Clone, Copy, Debug)]
struct Told {
    digit: Digit,
    way: Way,
    began: Instant,
}

impl OneKey {
    /// Takes a press that began then; whether it is one that was not told before.
    pub fn is_news(&mut self, digit: Digit, way: Way, began: Instant) -> bool {
        let same = |told: &Told| {
            let apart = began.saturating_duration_since(told.began)
                + told.began.saturating_duration_since(began);
            told.digit == digit && told.way != way && apart <= WINDOW
        };
        // The oldest first: presses keep their order, whichever way they come.
        for step in 0..TOLD_MAX {
            let place = &mut self.told[(self.next + step) % TOLD_MAX];
            if place.as_ref().is_some_and(same) {
                *place = None;
                return false;
            }
        }
        self.told[self.next] = Some(Told { digit, way, began });
        self.next = (self.next + 1) % TOLD_MAX;

        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Presses as they are told: the key, the way and when it began; the keys that are news.
    fn news(told: &[(char, Way, u64)]) -> String {
        let (zero, mut one_key) = (crate::any_instant(), OneKey::default());
        let is_news = |(sign, way, ms): &&(char, Way, u64)| {
            one_key.is_news(Digit::new(*sign).unwrap(), *way, zero + Duration::from_millis(*ms))
        };
        told.iter().filter(is_news).map(|(sign, _, _)| sign).collect()
    }

    #[test]
    fn what_is_told_both_ways_is_told_once() {
        use Way::{Event, Sound};
        for (told, expected) in [
            (vec![('1', Event, 0)], "1"),
            (vec![('1', Sound, 0)], "1"),
            (vec![('1', Event, 0), ('1', Sound, 150)], "1"),
            (vec![('1', Sound, 150), ('1', Event, 0)], "1"),
            (vec![('1', Event, 0), ('1', Sound, 600)], "1"),
            (vec![('1', Event, 0), ('1', Sound, 601)], "11"),
            (vec![('1', Event, 0), ('2', Sound, 10)], "12"),
            // The same way twice is twice.
            (vec![('1', Event, 0), ('1', Event, 100)], "11"),
            (vec![('1', Sound, 0), ('1', Sound, 80)], "11"),
            // Twice, both ways, however the ways are behind each other.
            (vec![('1', Event, 0), ('1', Event, 100), ('1', Sound, 150), ('1', Sound, 250)], "11"),
            (vec![('1', Event, 0), ('1', Sound, 150), ('1', Event, 100), ('1', Sound, 250)], "11"),
            (vec![('1', Sound, 150), ('1', Sound, 250), ('1', Event, 0), ('1', Event, 100)], "11"),
            // A press paired once is not paired again.
            (vec![('1', Event, 0), ('1', Sound, 100), ('1', Sound, 300)], "11"),
            (vec![('1', Event, 0), ('2', Event, 90), ('1', Sound, 130), ('2', Sound, 220)], "12"),
        ] {
            assert_eq!(news(&told), expected, "{told:?}");
        }
    }

    #[test]
    fn a_thousand_keys_one_way_are_kept_in_eight_places() {
        let keys: Vec<_> = (0..1_000).map(|n| ('7', Way::Event, n * 50)).collect();
        assert_eq!(news(&keys).len(), 1_000);
    }
}
