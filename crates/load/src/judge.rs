//! What was wrong with a call?
//!
//! Each call is judged by what its ends heard, not by what servers say about it.

use crate::{
    outcome::{End, Ending, Hearing, Outcome},
    sound,
};

/// Packets at the end that a good call may lack: they were on their way when we looked.
const ON_THE_WAY_MAX: u64 = 50;

/// A call that lost more than this of its packets has lost media, whatever the others did.
const CALL_LOSS_MAX_PERCENT: f64 = 3.0;

/// One thing wrong with a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// It never came to be.
    NotSetUp(String),
    /// It ended before we hung up.
    EndedEarly(String),
    /// This end heard another call.
    MixedUp {
        /// Which.
        end: End,
        /// How many packets of the other call.
        packets: u64,
        /// Whose they were, if one of our seats has this tag.
        other_seat: Option<u32>,
    },
    /// This end heard nothing.
    Deaf(End),
    /// This end heard something, and then no more.
    Stopped {
        /// Which.
        end: End,
        /// Packets missing at the end.
        missing: u64,
    },
    /// This end missed too many packets.
    Lossy {
        /// Which.
        end: End,
        /// How many, in percent.
        percent: f64,
    },
    /// What was decoded at this end was not what the other one played.
    WrongTone {
        /// Which.
        end: End,
        /// What was played.
        expected_hz: f32,
        /// What was heard; absent when it was no tone.
        heard_hz: Option<f32>,
    },
}

impl Finding {
    /// The word in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotSetUp(_) => "not_set_up",
            Self::EndedEarly(_) => "ended_early",
            Self::MixedUp { .. } => "mixed_up",
            Self::Deaf(_) => "deaf",
            Self::Stopped { .. } => "stopped",
            Self::Lossy { .. } => "lossy",
            Self::WrongTone { .. } => "wrong_tone",
        }
    }

    /// The same for people.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::NotSetUp(why) => format!("was not set up: {why}"),
            Self::EndedEarly(why) => format!("ended early: {why}"),
            Self::MixedUp { end, packets, other_seat } => {
                let whose = other_seat.map_or_else(String::new, |seat| format!(" of call {seat}"));
                format!("the {} heard {packets} packets of another call{whose}", end.as_str())
            }
            Self::Deaf(end) => format!("the {} heard nothing", end.as_str()),
            Self::Stopped { end, missing } => {
                format!("the {} no longer heard the last {missing} packets", end.as_str())
            }
            Self::Lossy { end, percent } => {
                format!("the {} missed {percent:.1} % of the packets", end.as_str())
            }
            Self::WrongTone { end, expected_hz, heard_hz } => {
                let heard =
                    heard_hz.map_or_else(|| "no tone".to_owned(), |hz| format!("{hz:.0} Hz"));
                format!("the {} heard {heard} instead of {expected_hz:.0} Hz", end.as_str())
            }
        }
    }
}

/// Everything wrong with this call; `seats` are how many there are.
#[must_use]
pub fn judge(outcome: &Outcome, seats: u32) -> Vec<Finding> {
    let mut findings = Vec::new();
    match &outcome.ending {
        Ending::HungUp => {}
        Ending::NotSetUp(why) => return vec![Finding::NotSetUp(why.clone())],
        Ending::Early(why) => findings.push(Finding::EndedEarly(why.clone())),
    }
    let ends: &[End] =
        if outcome.kind.has_agent() { &[End::User, End::Agent] } else { &[End::User] };
    for end in ends {
        match outcome.sight.ends.iter().find(|hearing| hearing.end == *end) {
            Some(hearing) => findings.extend(hear(hearing, seats)),
            // Of a call that has ended there may be nothing left to look at.
            None if outcome.ending == Ending::HungUp => findings.push(Finding::Deaf(*end)),
            None => {}
        }
    }
    let wrong = outcome.tones.iter().filter(|tone| !tone.is_right).map(|tone| Finding::WrongTone {
        end: tone.end,
        expected_hz: tone.expected_hz,
        heard_hz: tone.heard_hz,
    });
    findings.extend(wrong);
    findings
}

fn hear(hearing: &Hearing, seats: u32) -> Vec<Finding> {
    let Hearing { end, marks, sent } = hearing;
    let mut findings = Vec::new();
    if marks.foreign > 0 {
        let other_seat = marks.foreign_tag.map(sound::seat_of).filter(|seat| *seat < seats);
        findings.push(Finding::MixedUp { end: *end, packets: marks.foreign, other_seat });
    }
    let Some((_, last)) = marks.span else {
        findings.push(Finding::Deaf(*end));
        return findings;
    };
    let missing = sent.saturating_sub(u64::from(last) + 1);
    if missing > ON_THE_WAY_MAX {
        findings.push(Finding::Stopped { end: *end, missing });
    }
    let percent = percent(marks.lost(), marks.own + marks.lost());
    if percent > CALL_LOSS_MAX_PERCENT {
        findings.push(Finding::Lossy { end: *end, percent });
    }
    findings
}

#[expect(clippy::cast_precision_loss, reason = "packets of a run stay far below 2^53")]
pub(crate) fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use media::mark::{Mark, Marks, make_room};

    use super::*;
    use crate::{
        outcome::{Sight, Tone},
        plan::Kind,
        sound::Voice,
    };

    const CALL: u32 = 3;

    fn heard(voice: Voice, expects: Voice, counts: impl Iterator<Item = u32>) -> Marks {
        let mut marks = Marks::of(expects.tag(CALL));
        for count in counts {
            let mut packet = make_room(&[0x48, 1, 2]).unwrap();
            let sent = Duration::from_millis(u64::from(count) * 20);
            assert!(Mark { tag: voice.tag(CALL), count, sent }.write(&mut packet));
            marks.hear(&packet, sent);
        }
        marks
    }

    fn hearing(end: End, marks: Marks, sent: u64) -> Hearing {
        Hearing { end, marks, sent }
    }

    /// A good call of seat 7: both ends heard five seconds of each other.
    fn good() -> Outcome {
        let (user, agent) = (Voice::User(7), Voice::Agent(7));
        let ends = vec![
            hearing(End::User, heard(agent, agent, 0..250), 252),
            hearing(End::Agent, heard(user, user, 4..250), 251),
        ];
        Outcome {
            seat: 7,
            call: CALL,
            kind: Kind::PersonByUser,
            stages: Vec::new(),
            ending: Ending::HungUp,
            sight: Sight { call: CALL, ends },
            tones: Vec::new(),
        }
    }

    fn with_user_hearing(marks: Marks, sent: u64) -> Outcome {
        let mut outcome = good();
        outcome.sight.ends[0] = hearing(End::User, marks, sent);
        outcome
    }

    #[test]
    fn a_good_call_has_no_findings() {
        assert_eq!(judge(&good(), 20), []);
    }

    #[test]
    fn two_crossed_calls_are_told_with_whom() {
        let (mine, theirs) = (Voice::Agent(7), Voice::Agent(9));
        let crossed = with_user_hearing(heard(theirs, mine, 0..250), 250);
        let mixed = Finding::MixedUp { end: End::User, packets: 250, other_seat: Some(9) };
        assert_eq!(judge(&crossed, 20), [mixed, Finding::Deaf(End::User)]);
    }

    #[test]
    fn one_packet_of_another_call_is_enough() {
        let (mine, theirs) = (Voice::Agent(7), Voice::User(8));
        let mut marks = heard(mine, mine, 0..250);
        let one = heard(theirs, mine, 5..6);
        (marks.foreign, marks.foreign_tag) = (one.foreign, one.foreign_tag);
        let mixed = Finding::MixedUp { end: End::User, packets: 1, other_seat: Some(8) };
        assert_eq!(judge(&with_user_hearing(marks, 250), 20), [mixed]);
    }

    #[test]
    fn the_call_before_on_the_same_seat_is_another_call() {
        let mut marks = Marks::of(Voice::Agent(7).tag(CALL + 1));
        let mut packet = make_room(&[0x48, 1, 2]).unwrap();
        let stale = Mark { tag: Voice::Agent(7).tag(CALL), count: 0, sent: Duration::ZERO };
        assert!(stale.write(&mut packet));
        marks.hear(&packet, Duration::ZERO);
        assert_eq!((marks.own, marks.foreign), (0, 1));
    }

    #[test]
    fn silence_loss_and_a_stop_are_told() {
        let agent = Voice::Agent(7);
        let silent = with_user_hearing(heard(agent, agent, 0..0), 250);
        assert_eq!(judge(&silent, 20), [Finding::Deaf(End::User)]);
        let stopped = with_user_hearing(heard(agent, agent, 0..100), 250);
        let missing = Finding::Stopped { end: End::User, missing: 150 };
        assert_eq!(judge(&stopped, 20), [missing]);
        let lossy = with_user_hearing(heard(agent, agent, (0..250).filter(|n| n % 10 > 0)), 250);
        assert!(matches!(judge(&lossy, 20)[..], [Finding::Lossy { end: End::User, percent }]
            if (9.0..=11.0).contains(&percent)));
    }

    #[test]
    fn a_voice_without_marks_is_judged_by_what_rtp_counts() {
        let judged = |packets, lost, sent, foreign| {
            let heard = handset::Heard { packets, lost, sent, ..handset::Heard::default() };
            let mut marks = Marks::of(7);
            marks.unmarked = packets;
            (marks.foreign, marks.foreign_tag) = (foreign, (foreign > 0).then_some(18));
            let mut outcome = good();
            outcome.kind = Kind::Bot;
            outcome.sight.ends = vec![Hearing::by_rtp(&heard, &marks)];
            judge(&outcome, 20)
        };
        assert_eq!(judged(250, 0, 252, 0), []);
        assert_eq!(judged(0, 0, 252, 0), [Finding::Deaf(End::User)]);
        let stopped = Finding::Stopped { end: End::User, missing: 152 };
        assert_eq!(judged(100, 0, 252, 0), [stopped]);
        assert_eq!(judged(225, 25, 252, 0), [Finding::Lossy { end: End::User, percent: 10.0 }]);
        let mixed = Finding::MixedUp { end: End::User, packets: 1, other_seat: Some(9) };
        assert_eq!(judged(250, 0, 252, 1), [mixed]);
    }

    #[test]
    fn a_call_that_failed_or_ended_is_told_once() {
        let mut outcome = good();
        outcome.ending = Ending::NotSetUp("busy".to_owned());
        assert_eq!(judge(&outcome, 20), [Finding::NotSetUp("busy".to_owned())]);
        outcome.ending = Ending::Early("gone".to_owned());
        outcome.sight.ends.clear();
        assert_eq!(judge(&outcome, 20), [Finding::EndedEarly("gone".to_owned())]);
    }

    #[test]
    fn a_wrong_tone_is_told() {
        let mut outcome = good();
        let tone =
            Tone { end: End::Agent, expected_hz: 400.0, heard_hz: Some(900.0), is_right: false };
        outcome.tones = vec![Tone { is_right: true, ..tone }, tone];
        let wrong =
            Finding::WrongTone { end: End::Agent, expected_hz: 400.0, heard_hz: Some(900.0) };
        assert_eq!(judge(&outcome, 20), [wrong]);
    }
}
