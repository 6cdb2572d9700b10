//! How far is a run, and how does it do?

use std::time::Duration;

/// One look at a running load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Calls asked for.
    pub calls: u32,
    /// Calls that are up.
    pub up: u32,
    /// Calls that are being set up.
    pub dialling: usize,
    /// Calls something was wrong with.
    pub bad: u64,
    /// Packets lost in the calls that are up, in percent.
    pub loss_percent: f64,
    /// Their one-way delay, median and 99 %; absent before the first packet.
    pub delay_ms: Option<(f64, f64)>,
    /// Since the first call was dialled.
    pub elapsed: Duration,
}

/// What a run is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Makes users, connects phones, opens consoles.
    Preparing,
    /// Dials.
    Ramp,
    /// Holds the calls.
    Hold,
    /// Hangs up.
    Down,
}

impl Phase {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Ramp => "dialling",
            Self::Hold => "holding",
            Self::Down => "hanging up",
        }
    }
}

impl Progress {
    pub(crate) const fn of(phase: Phase, calls: u32) -> Self {
        Self {
            phase,
            calls,
            up: 0,
            dialling: 0,
            bad: 0,
            loss_percent: 0.0,
            delay_ms: None,
            elapsed: Duration::ZERO,
        }
    }

    /// One line for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        if self.phase == Phase::Preparing {
            return format!("preparing {} calls", self.calls);
        }
        let Self { calls, up, dialling, bad, loss_percent, .. } = self;
        let mut text = format!(
            "{:>4} s  {:<10} {up}/{calls} up, {dialling} dialling, {bad} bad, lost {loss_percent:.3} %",
            self.elapsed.as_secs(),
            self.phase.as_str(),
        );
        if let Some((median, most)) = self.delay_ms {
            text.push_str(&format!(", one way {median:.1} ms, 99 % within {most:.1} ms"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let start = Progress::of(Phase::Preparing, 9);
        assert_eq!(start.to_text(), "preparing 9 calls");
        let hold =
            Progress { up: 8, bad: 1, delay_ms: Some((2.0, 9.5)), ..Progress::of(Phase::Hold, 9) };
        let text = hold.to_text();
        assert!(text.contains("8/9 up") && text.contains("99 % within 9.5 ms"), "{text}");
    }
}
