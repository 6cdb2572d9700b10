//! How good was the media of a stretch of time, over all ends?

use std::time::Duration;

use media::{delays::Delays, mark::Marks};
use serde_json::{Value, json};

use crate::{judge::percent, outcome::Sight};

/// Packets, delays and quality of many ends.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Packets that came.
    pub received: u64,
    /// Packets that never did, between the first and the last one of each end.
    pub lost: u64,
    /// Packets that came after a later one.
    pub late: u64,
    /// Packets of another call.
    pub foreign: u64,
    /// Packets that were not ours: announcements, prompts.
    pub unmarked: u64,
    /// One-way delays, from one of our ends to the other.
    pub delays: Delays,
    /// Jitter of each end, milliseconds.
    jitters: Vec<f64>,
    /// Estimated quality of each end, 1 to 4.5.
    moses: Vec<f64>,
}

impl Figures {
    /// Takes what one call's ends have heard since an earlier look at the same call.
    pub fn add(&mut self, sight: &Sight, earlier: Option<&Sight>) {
        let earlier = earlier.filter(|before| before.call == sight.call);
        for hearing in &sight.ends {
            let before = earlier
                .and_then(|sight| sight.ends.iter().find(|other| other.end == hearing.end))
                .map(|hearing| &hearing.marks);
            self.add_end(&hearing.marks, before);
        }
    }

    fn add_end(&mut self, marks: &Marks, before: Option<&Marks>) {
        let since = |count: fn(&Marks) -> u64| count(marks).saturating_sub(before.map_or(0, count));
        let (received, lost) = (since(|it| it.own), since(Marks::lost));
        self.received += received;
        self.lost += lost;
        self.late += since(|it| it.late);
        self.foreign += since(|it| it.foreign);
        self.unmarked += since(|it| it.unmarked);
        let delays = match before {
            Some(before) => marks.delays.since(&before.delays),
            None => marks.delays.clone(),
        };
        if received > 0 {
            self.jitters.push(ms(marks.jitter));
            self.moses.push(mos(received, lost, marks.jitter, &delays));
        }
        self.delays.add_all(&delays);
    }

    /// Lost packets of all, in percent.
    #[must_use]
    pub fn loss_percent(&self) -> f64 {
        percent(self.lost, self.received + self.lost)
    }

    /// The quality that all but this share of the ends have at least.
    #[must_use]
    pub fn mos(&self, worst_share: f64) -> Option<f64> {
        quantile(&self.moses, worst_share)
    }

    /// The delay this share of the packets does not exceed, in milliseconds.
    #[must_use]
    pub fn delay_ms(&self, share: f64) -> Option<f64> {
        self.delays.quantile(share).map(ms)
    }

    /// The jitter this share of the ends does not exceed, in milliseconds.
    #[must_use]
    pub fn jitter_ms(&self, share: f64) -> Option<f64> {
        quantile(&self.jitters, share)
    }

    /// As JSON; what was not measured is absent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let three = |of: &dyn Fn(f64) -> Option<f64>| json!({ "p50": of(0.5).map(round), "p95": of(0.95).map(round), "p99": of(0.99).map(round) });
        json!({
            "packets": self.received,
            "lost": self.lost,
            "loss_percent": round(self.loss_percent()),
            "late": self.late,
            "foreign": self.foreign,
            "unmarked": self.unmarked,
            "one_way_delay_ms": three(&|share| self.delay_ms(share)),
            "jitter_ms": three(&|share| self.jitter_ms(share)),
            "mos": {
                "p50": self.mos(0.5).map(round),
                "p01": self.mos(0.01).map(round),
                "worst": self.mos(0.0).map(round),
            },
        })
    }
}

fn mos(received: u64, lost: u64, jitter: Duration, delays: &Delays) -> f64 {
    let loss = percent(lost, received + lost) / 100.0;
    // The estimate is of a round trip; ours is one way, and both ways are alike.
    let round_trip = delays.quantile(0.5).map_or(0.0, ms) * 2.0;
    f64::from(media::quality::mos(narrow(loss), narrow(ms(jitter)), narrow(round_trip)))
}

/// The value at this share of all, 0 the least and 1 the greatest.
pub(crate) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(rank(sorted.len(), share)).copied()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a length"
)]
fn rank(len: usize, share: f64) -> usize {
    ((len as f64 * share).ceil() as usize).clamp(1, len.max(1)) - 1
}

pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Three digits: more was not measured.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[expect(clippy::cast_possible_truncation, reason = "an estimate needs no more")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use media::mark::{Mark, make_room};

    use super::*;
    use crate::outcome::{End, Hearing};

    fn sight(call: u32, counts: &[u32], delay_ms: u64) -> Sight {
        let mut marks = Marks::of(1);
        for count in counts {
            let mut packet = make_room(&[0x48, 1, 2]).unwrap();
            let sent = Duration::from_millis(u64::from(*count) * 20);
            assert!(Mark { tag: 1, count: *count, sent }.write(&mut packet));
            marks.hear(&packet, sent + Duration::from_millis(delay_ms));
        }
        Sight { call, ends: vec![Hearing { end: End::User, marks, sent: 10 }] }
    }

    #[test]
    fn ends_add_up() {
        let mut figures = Figures::default();
        figures.add(&sight(0, &[0, 1, 2, 3], 5), None);
        figures.add(&sight(0, &[0, 1, 3], 15), None);
        assert_eq!((figures.received, figures.lost), (7, 1));
        assert!((figures.loss_percent() - 12.5).abs() < 1e-9);
        assert!(figures.delay_ms(0.5).unwrap() < 6.0 && figures.delay_ms(0.99).unwrap() > 14.0);
        assert!(figures.mos(0.0).unwrap() < figures.mos(1.0).unwrap());
    }

    #[test]
    fn only_what_came_since_counts_and_only_of_the_same_call() {
        let (early, late) = (sight(0, &[0, 1], 5), sight(0, &[0, 1, 2, 4], 5));
        let mut same = Figures::default();
        same.add(&late, Some(&early));
        assert_eq!((same.received, same.lost), (2, 1));
        let mut other = Figures::default();
        other.add(&late, Some(&Sight { call: 7, ..early }));
        assert_eq!((other.received, other.lost), (4, 1));
    }

    #[test]
    fn nothing_heard_is_nothing_measured() {
        let mut figures = Figures::default();
        figures.add(&sight(0, &[], 0), None);
        assert_eq!((figures.mos(0.5), figures.delay_ms(0.5)), (None, None));
        assert_eq!(figures.to_json()["mos"]["p50"], Value::Null);
    }

    #[test]
    fn quantiles_are_ranks() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.5), Some(2.0));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
