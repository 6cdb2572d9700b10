//! What came of a queue's calls today?

use std::time::Duration;

use jiff::tz::TimeZone;
use terms::Timestamp;

use super::Left;

/// The day's figures of one queue, from midnight where the queue is or from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Since when they count.
    pub since: Timestamp,
    /// Taken by an agent.
    pub answered: u64,
    /// Those of them that were taken in time.
    pub in_time: u64,
    /// The user hung up first.
    pub abandoned: u64,
    /// The queue was full, the wait too long or nobody there.
    pub overflowed: u64,
    /// The user chose to be called back.
    pub callbacks: u64,
    /// How long those who were answered had waited, together.
    pub waited: Duration,
}

impl Tally {
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            since,
            answered: 0,
            in_time: 0,
            abandoned: 0,
            overflowed: 0,
            callbacks: 0,
            waited: Duration::ZERO,
        }
    }

    /// These figures, or none when they are of a day that is over.
    pub(super) fn today(self, zone: &TimeZone, now: Timestamp) -> Self {
        let day = |at: Timestamp| at.to_jiff().to_zoned(zone.clone());
        let today = day(now);
        if day(self.since).date() == today.date() {
            return self;
        }
        let midnight = today
            .start_of_day()
            .map_or(now, |midnight| Timestamp::from_unix_ms(midnight.timestamp().as_millisecond()));
        Self::new(midnight)
    }

    /// Of a hundred calls that were answered or lost, how many were answered in time.
    #[must_use]
    pub fn service_level_percent(&self) -> Option<u64> {
        let all = self.answered + self.abandoned + self.overflowed;
        (self.in_time * 100).checked_div(all)
    }

    /// How long those who were answered had waited.
    #[must_use]
    pub fn average_wait(&self) -> Option<Duration> {
        let answered = u32::try_from(self.answered).ok().filter(|&n| n > 0)?;
        Some(self.waited / answered)
    }

    pub(super) fn count(&mut self, left: &Left, waited: Duration, in_time: Duration) {
        match left {
            Left::Answered(_) => {
                self.answered += 1;
                self.in_time += u64::from(waited <= in_time);
                self.waited += waited;
            }
            Left::Abandoned => self.abandoned += 1,
            Left::Overflowed(_) => self.overflowed += 1,
            Left::CalledBack => self.callbacks += 1,
            Left::MovedOn => {}
        }
    }
}
