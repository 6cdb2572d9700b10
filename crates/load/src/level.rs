//! How did the system do while so many calls were held?

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::{
    figures::{Figures, round},
    plan::Targets,
    process::Usage,
};

/// A stretch of time with a number of calls held.
#[derive(Debug, Clone)]
pub struct Level {
    /// How many were asked for.
    pub calls: u32,
    /// How many were up at its end.
    pub up: u32,
    /// How long.
    pub lasted: Duration,
    /// The media of that time.
    pub media: Figures,
    /// What each watched process used in it.
    pub used: Vec<Used>,
    /// Calls that failed until its end and had not at its beginning.
    pub failed: u64,
    /// The delay of the load itself: from one of its legs to the next, without anybody between.
    pub own_delay: Figures,
}

/// What a process used in a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// Which.
    pub name: String,
    /// Processors kept busy, in percent of one.
    pub cpu_percent: f64,
    /// Bytes in memory at the end.
    pub memory: u64,
}

impl Used {
    /// Between two looks at a process.
    #[must_use]
    pub fn between(name: &str, before: &Usage, after: &Usage) -> Self {
        let lasted = after.at.saturating_duration_since(before.at).as_secs_f64();
        let busy = after.cpu.saturating_sub(before.cpu).as_secs_f64();
        let cpu_percent = if lasted > 0.0 { busy * 100.0 / lasted } else { 0.0 };
        Self { name: name.to_owned(), cpu_percent, memory: after.memory }
    }

    /// Of one processor, in percent, for each call.
    #[must_use]
    pub fn cpu_percent_per_call(&self, calls: u32) -> f64 {
        self.cpu_percent / f64::from(calls.max(1))
    }

    /// Bytes in memory, in megabytes.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn megabytes(&self) -> f64 {
        self.memory as f64 / f64::from(1 << 20)
    }
}

impl Level {
    /// What of the targets was missed; empty when quality held.
    #[must_use]
    pub fn missed(&self, targets: &Targets) -> Vec<String> {
        let mut missed = Vec::new();
        if self.failed > 0 {
            missed.push(format!("{} calls failed", self.failed));
        }
        let loss = self.media.loss_percent();
        if loss >= targets.loss_percent {
            missed.push(format!("{loss:.3} % lost, at most {} %", targets.loss_percent));
        }
        match self.media.mos(0.01) {
            Some(mos) if mos < targets.mos => {
                missed
                    .push(format!("MOS {mos:.2} of the worst hundredth, at least {}", targets.mos));
            }
            None => missed.push("nothing was heard".to_owned()),
            Some(_) => {}
        }
        let limit = targets.delay_p99.map(crate::figures::ms);
        if let (Some(limit), Some(delay)) = (limit, self.media.delay_ms(0.99))
            && delay > limit
        {
            missed.push(format!("one-way delay p99 {delay:.1} ms, at most {limit:.1} ms"));
        }
        missed
    }

    pub(crate) fn to_json(&self, targets: &Targets) -> Value {
        let processes: Map<String, Value> = self
            .used
            .iter()
            .map(|used| {
                let figures = json!({
                    "cpu_percent": round(used.cpu_percent),
                    "cpu_percent_per_call": round(used.cpu_percent_per_call(self.up)),
                    "memory_mb": round(used.megabytes()),
                });
                (used.name.clone(), figures)
            })
            .collect();
        json!({
            "calls": self.calls,
            "up": self.up,
            "seconds": round(self.lasted.as_secs_f64()),
            "media": self.media.to_json(),
            "own_delay_ms": {
                "p50": self.own_delay.delay_ms(0.5).map(round),
                "p99": self.own_delay.delay_ms(0.99).map(round),
            },
            "processes": processes,
            "failed": self.failed,
            "missed": self.missed(targets),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use media::mark::{Mark, Marks, make_room};

    use super::*;
    use crate::outcome::{End, Hearing, Sight};

    fn level(counts: impl Iterator<Item = u32>) -> Level {
        let mut marks = Marks::of(1);
        for count in counts {
            let mut packet = make_room(&[0x48, 1, 2]).unwrap();
            assert!(Mark { tag: 1, count, sent: Duration::ZERO }.write(&mut packet));
            marks.hear(&packet, Duration::from_millis(30));
        }
        let mut media = Figures::default();
        let ends = vec![Hearing { end: End::User, marks, sent: 0 }];
        media.add(&Sight { call: 0, ends }, None);
        Level {
            calls: 1,
            up: 1,
            lasted: Duration::from_secs(1),
            media,
            used: Vec::new(),
            failed: 0,
            own_delay: Figures::default(),
        }
    }

    #[test]
    fn each_target_can_be_met_and_missed() {
        let targets = Targets::default();
        assert_eq!(level(0..100).missed(&targets), Vec::<String>::new());
        assert_eq!(level((0..100).filter(|n| n % 10 > 0)).missed(&targets).len(), 2);
        assert_eq!(level(0..0).missed(&targets), ["nothing was heard"]);
        let strict = Targets { delay_p99: Some(Duration::from_millis(10)), ..targets };
        assert_eq!(level(0..100).missed(&strict).len(), 1);
        let failed = Level { failed: 2, ..level(0..100) };
        assert_eq!(failed.missed(&targets), ["2 calls failed"]);
    }

    #[test]
    fn usage_is_a_share_of_the_time_between() {
        let at = Instant::now();
        let before = Usage { at, cpu: Duration::from_secs(1), memory: 1 };
        let after =
            Usage { at: at + Duration::from_secs(4), cpu: Duration::from_secs(3), memory: 3 << 20 };
        let used = Used::between("gateway", &before, &after);
        assert!((used.cpu_percent - 50.0).abs() < 1e-9);
        assert!((used.cpu_percent_per_call(100) - 0.5).abs() < 1e-9);
        assert!((used.megabytes() - 3.0).abs() < 1e-9);
    }
}
