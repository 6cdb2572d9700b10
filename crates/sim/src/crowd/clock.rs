//! How does time pass between two steps?
//!
//! Usually everything due on the way happens at its moment. By a jump, as when somebody advances a
//! test clock, the clock stands at the new moment first and everything due happens then.

use std::time::Duration;

use jiff::{ToSpan as _, tz::TimeZone};
use terms::Timestamp;

use super::{Pace, world::World};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl World {
    pub(super) fn move_clock(&mut self) {
        match self.plan.pace {
            Pace::Even(mean) => {
                let most = u64::try_from(mean.as_millis()).unwrap_or(u64::MAX).saturating_mul(2);
                let gap = self.dice.ms(0, most.max(1));
                self.pass_until(self.now + gap);
            }
            Pace::Wild => self.move_wildly(),
        }
    }

    fn move_wildly(&mut self) {
        // Every other seed is a busy one, in which limits fill before they empty.
        let faces = if self.seed.is_multiple_of(2) { 160 } else { 800 };
        let target = match self.dice.roll(faces) {
            0 => self.end_of_month(),
            1 => self.change_of_clocks(),
            2 => self.now + Duration::from_secs(7 * DAY) + self.dice.ms(0, 2_000),
            3 => self.now + Duration::from_secs(30 * DAY),
            4..=9 => self.now + Duration::from_secs(DAY) + self.dice.ms(0, 2_000),
            10..=18 => self.now + self.dice.ms(HOUR * 1_000, DAY * 1_000),
            19..=40 => self.now + self.dice.ms(MINUTE * 1_000, HOUR * 1_000),
            _ => self.now + self.dice.ms(0, MINUTE * 1_000),
        };
        if self.dice.chance(25) {
            self.jump_to(target);
        } else {
            self.pass_until(target);
        }
    }

    /// Everything due on the way happens at its moment.
    pub(super) fn pass_until(&mut self, target: Timestamp) {
        while let Some((at, event)) = self.pop(Some(target)) {
            self.now = self.now.max(at);
            self.take(event);
        }
        self.now = self.now.max(target);
    }

    /// The clock is moved; everything that was due happens now.
    fn jump_to(&mut self, target: Timestamp) {
        if target.since(self.now) > Duration::from_secs(MINUTE) {
            self.tell("the clock jumps");
        }
        self.now = self.now.max(target);
        let now = self.now;
        self.pass_until(now);
    }

    fn zone(&mut self) -> TimeZone {
        let account = self.dice.index(self.accounts.len());
        rules::hours::zone(self.accounts[account].zone).unwrap_or(TimeZone::UTC)
    }

    /// One second before or after the month ends somewhere.
    fn end_of_month(&mut self) -> Timestamp {
        let zone = self.zone();
        let today = zone.to_datetime(self.now.to_jiff()).date();
        let next = today.last_of_month().checked_add(1.day()).unwrap_or(today);
        let midnight = zone.to_timestamp(next.at(0, 0, 0, 0));
        self.beside(midnight.map_or(0, jiff::Timestamp::as_millisecond))
    }

    /// One second before or after the clocks change somewhere.
    fn change_of_clocks(&mut self) -> Timestamp {
        let zone = self.zone();
        let next = zone.following(self.now.to_jiff()).next();
        self.beside(next.map_or(0, |change| change.timestamp().as_millisecond()))
    }

    fn beside(&mut self, unix_ms: i64) -> Timestamp {
        let off = if self.dice.chance(50) { -1_000 } else { 1_000 };
        Timestamp::from_unix_ms(unix_ms + off).max(self.now)
    }
}
