//! What time is it on the platform?
//!
//! One clock for rules, records and webhooks. It runs at real time plus an offset, and a test may
//! advance, freeze or set it; it steps back only when it is set. Whoever waits for a moment waits
//! here ([`Clock::sleep_until`]) and is woken early when the clock moves.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use terms::Timestamp;
use tokio::sync::watch;

/// The longest single wait; a wait longer than this looks at the clock in between.
const NAP_MAX: Duration = Duration::from_secs(3600);

/// Movements of the clock that are remembered; more than any call sees between two looks.
const PAST_MAX: usize = 64;

/// The platform's clock; clones are the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hand: Mutex<Hand>,
    /// How the hand stood before it was moved, the oldest first.
    past: Mutex<VecDeque<Hand>>,
    moved: watch::Sender<u64>,
}

/// Where the clock stood at `read_at`, and whether it runs on from there.
#[derive(Debug, Clone, Copy)]
struct Hand {
    stood_at: Timestamp,
    read_at: Instant,
    mode: Mode,
}

/// Whether time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Time passes at its usual speed.
    Running,
    /// Time stands until the clock is advanced, set or let run.
    Frozen,
}

/// Where a clock stood, to be resumed after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What it showed.
    at: Timestamp,
    /// What the machine's clock showed.
    machine: Timestamp,
    frozen: bool,
}

/// Why the clock did not move.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The text is no ISO 8601 duration.
    #[error("not an ISO 8601 duration such as P7D or PT90S")]
    NotDuration,
    /// A clock only advances forwards.
    #[error("a clock advances forwards; use set to go back")]
    Backwards,
}

impl Hand {
    fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    fn at(&self, moment: Instant) -> Timestamp {
        match self.mode {
            Mode::Running => self.stood_at + moment.saturating_duration_since(self.read_at),
            Mode::Frozen => self.stood_at,
        }
    }
}

impl Clock {
    /// A clock that runs at the machine's time.
    #[must_use]
    pub fn system() -> Self {
        Self::starting_at(machine_now())
    }

    /// A clock that runs from `at`.
    #[must_use]
    pub fn starting_at(at: Timestamp) -> Self {
        let hand = Hand { stood_at: at, read_at: Instant::now(), mode: Mode::Running };
        let (hand, past) = (Mutex::new(hand), Mutex::default());
        Self { shared: Arc::new(Shared { hand, past, moved: watch::Sender::new(0) }) }
    }

    /// Where it stands.
    pub(crate) fn kept(&self) -> Kept {
        let hand = self.hand();
        Kept { at: hand.now(), machine: machine_now(), frozen: hand.mode == Mode::Frozen }
    }

    /// Goes on from where it stood: a running clock as if it had run all the time.
    pub(crate) fn resume(&self, kept: Kept) {
        let mode = if kept.frozen { Mode::Frozen } else { Mode::Running };
        let ran = if kept.frozen { Duration::ZERO } else { machine_now().since(kept.machine) };
        self.change(|hand, _| {
            hand.stood_at = kept.at + ran;
            hand.mode = mode;
        });
    }

    /// This moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.hand().now()
    }

    /// What the clock showed at a moment that has passed.
    #[must_use]
    pub fn shown_at(&self, moment: Instant) -> Timestamp {
        let hand = self.hand();
        if moment >= hand.read_at {
            return hand.at(moment);
        }
        let past = self.shared.past.lock().unwrap_or_else(PoisonError::into_inner);
        let then = past.iter().rfind(|hand| hand.read_at <= moment).or_else(|| past.front());
        then.map_or_else(|| hand.at(moment), |hand| hand.at(moment))
    }

    /// Whether time passes.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.hand().mode
    }

    /// Moves the clock to `at`, also backwards.
    pub fn set(&self, at: Timestamp) {
        self.change(|hand, _| hand.stood_at = at);
    }

    /// Lets time pass, or stops it.
    pub fn set_mode(&self, mode: Mode) {
        self.change(|hand, now| {
            hand.stood_at = now;
            hand.mode = mode;
        });
    }

    /// Moves the clock forwards by an ISO 8601 duration; months and years count by the calendar.
    ///
    /// # Errors
    ///
    /// The text is no duration, or a negative one.
    pub fn advance(&self, duration: &str) -> Result<Timestamp, ClockError> {
        let span: jiff::Span = duration.parse().map_err(|_| ClockError::NotDuration)?;
        if span.is_negative() {
            return Err(ClockError::Backwards);
        }
        let from = self.now();
        let later = from
            .to_jiff()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .checked_add(span)
            .map_err(|_| ClockError::NotDuration)?;
        let by = Duration::from_millis(
            u64::try_from(later.timestamp().as_millisecond() - from.unix_ms()).unwrap_or(0),
        );
        self.change(|hand, now| hand.stood_at = now + by);
        Ok(self.now())
    }

    /// Returns once the clock shows `at` or later.
    pub async fn sleep_until(&self, at: Timestamp) {
        let mut moved = self.shared.moved.subscribe();
        loop {
            let hand = self.hand();
            let now = hand.now();
            if now >= at {
                return;
            }
            // The sender lives in `self`, so waiting for a change cannot fail.
            match hand.mode {
                Mode::Frozen => drop(moved.changed().await),
                Mode::Running => {
                    let nap = at.since(now).min(NAP_MAX);
                    drop(tokio::time::timeout(nap, moved.changed()).await);
                }
            }
        }
    }

    fn hand(&self) -> Hand {
        *self.shared.hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, edit: impl FnOnce(&mut Hand, Timestamp)) {
        {
            let mut hand = self.shared.hand.lock().unwrap_or_else(PoisonError::into_inner);
            let now = hand.now();
            let mut past = self.shared.past.lock().unwrap_or_else(PoisonError::into_inner);
            if past.len() >= PAST_MAX {
                past.pop_front();
            }
            past.push_back(*hand);
            edit(&mut hand, now);
            hand.read_at = Instant::now();
        }
        self.shared.moved.send_modify(|turn| *turn = turn.wrapping_add(1));
    }
}

fn machine_now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_ms(0) + since_epoch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frozen() -> Clock {
        let clock = Clock::starting_at("2026-11-01T00:00:00Z".parse().unwrap());
        clock.set_mode(Mode::Frozen);
        clock.set("2026-11-01T00:00:00Z".parse().unwrap());
        clock
    }

    #[test]
    fn advances_by_days_and_by_the_calendar() {
        let clock = frozen();
        clock.advance("P7D").unwrap();
        assert_eq!(clock.now().to_string(), "2026-11-08T00:00:00Z");
        clock.advance("P1M").unwrap();
        assert_eq!(clock.now().to_string(), "2026-12-08T00:00:00Z");
        assert_eq!(clock.advance("-P1D"), Err(ClockError::Backwards));
        assert_eq!(clock.advance("soon"), Err(ClockError::NotDuration));
        assert_eq!(clock.now().to_string(), "2026-12-08T00:00:00Z");
    }

    #[test]
    fn a_running_clock_moves_and_a_frozen_one_stands() {
        let clock = Clock::system();
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(3));
        assert!(clock.now() > first);
        clock.set_mode(Mode::Frozen);
        let stood = clock.now();
        std::thread::sleep(Duration::from_millis(3));
        assert_eq!(clock.now(), stood);
    }

    #[test]
    fn remembers_what_it_showed_before_it_was_moved() {
        let clock = Clock::starting_at("2026-11-01T00:00:00Z".parse().unwrap());
        let before = Instant::now();
        let shown = clock.now();
        clock.advance("P7D").unwrap();
        clock.set_mode(Mode::Frozen);
        assert!(clock.shown_at(before) <= shown, "{} {shown}", clock.shown_at(before));
        assert!(clock.shown_at(before) >= "2026-11-01T00:00:00Z".parse().unwrap());
        assert_eq!(clock.shown_at(Instant::now()), clock.now());
    }

    #[test]
    fn a_clock_goes_on_where_another_stood() {
        let (stood, later) = (frozen(), Clock::system());
        later.resume(stood.kept());
        assert_eq!((later.now(), later.mode()), (stood.now(), Mode::Frozen));

        let (ran, later) = (Clock::system(), Clock::system());
        ran.advance("P7D").unwrap();
        let kept = ran.kept();
        std::thread::sleep(Duration::from_millis(5));
        later.resume(kept);
        assert_eq!(later.mode(), Mode::Running);
        assert!(later.now() >= kept.at + Duration::from_millis(5), "time passed meanwhile");
        assert!(later.now().since(ran.now()) < Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved() {
        let clock = frozen();
        let until = clock.now() + Duration::from_secs(604_800);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(until).await }
        });
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance("P7D").unwrap();
        tokio::time::timeout(Duration::from_secs(2), sleeper).await.unwrap().unwrap();
    }
}
