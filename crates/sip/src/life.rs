//! What does a call out do next?
//!
//! Time is the time since the call began. Every state but a conversation without session timer has a
//! deadline; the task
//! that owns the call says [`Input::Deadline`] when it has passed.

use std::time::Duration;

use crate::Limits;
use crate::session::Session;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// We hung up, before or after the answer.
    Ours,
    /// The far end hung up.
    Theirs,
    /// The far end gave no sign of life any more (RFC 4028).
    Lost,
    /// It is busy (486, 600).
    Busy,
    /// Nobody answered in time (ours or the far end's: 408, 480, 487).
    NoAnswer,
    /// It does not want the call, with this status.
    Refused(u16),
    /// No target could be reached, or none could serve (5xx).
    Unavailable,
}

/// What the far end did, for whoever placed the call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It rings.
    Ringing,
    /// It sends audio before the answer: its SDP.
    Early(String),
    /// It answered.
    Answered {
        /// Which of [`crate::Invite::targets`].
        target: usize,
        /// Its SDP.
        answer: String,
    },
    /// The call is over. Always the last.
    Ended(End),
}

/// What happened to a call out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The target has the INVITE (100).
    Heard,
    /// It rings, or sends audio before the answer.
    Rings { early: Option<String> },
    /// It answered.
    Answers { answer: String, session: Option<Session> },
    /// It refused with a status of 300 or more.
    Refuses(u16),
    /// Its road is broken: no connection, nothing readable.
    Broken,
    /// We do not want the call any more.
    HangUp,
    /// It gave the sign of life that was agreed, or answered ours.
    Lives,
    /// The far end sent BYE.
    TheyLeft,
    /// It never acknowledged what we answered, and was left.
    Unacknowledged,
    /// What we sent to leave is answered.
    Left,
    /// The deadline of the state has passed.
    Deadline,
}

/// What the owner of the call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send the INVITE to the target of this index.
    Try(usize),
    /// Give the INVITE under way up, without waiting.
    Abandon,
    /// Send CANCEL.
    Cancel,
    /// Say that we are still here, and ask for an answer.
    Refresh,
    /// Send BYE.
    Bye,
    /// Tell whoever placed the call.
    Tell(News),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The INVITE is on its way; nothing heard.
    Trying { target: usize, until: Duration },
    /// The target has it and does not ring yet.
    Heard { target: usize, until: Duration },
    /// It rings.
    Ringing { target: usize, until: Duration },
    /// CANCEL or BYE is sent.
    Leaving { end: End, until: Duration },
    /// Both speak.
    Talking { session: Option<Session>, until: Option<Duration>, asked: bool },
    /// Over.
    Ended,
}

/// A call out.
#[derive(Debug)]
pub(crate) struct Life {
    state: State,
    targets: usize,
    limits: Limits,
    /// Told once, however often a target says it.
    told_ringing: bool,
    told_early: bool,
}

impl Life {
    /// A call to so many targets; the first effects ring the first.
    pub(crate) fn begin(targets: usize, limits: Limits) -> (Self, Vec<Effect>) {
        let mut life =
            Self { state: State::Ended, targets, limits, told_ringing: false, told_early: false };
        let effects = life.try_target(0, Duration::ZERO);
        (life, effects)
    }

    /// When [`Input::Deadline`] is due.
    pub(crate) const fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Trying { until, .. }
            | State::Heard { until, .. }
            | State::Ringing { until, .. }
            | State::Leaving { until, .. } => Some(until),
            State::Talking { until, .. } => until,
            State::Ended => None,
        }
    }

    /// Whether nothing will follow.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// What follows from what happened.
    pub(crate) fn handle(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        match self.state {
            State::Trying { target, .. } | State::Heard { target, .. } => {
                self.before_ringing(now, target, input)
            }
            State::Ringing { target, .. } => self.ringing(now, target, input),
            State::Talking { session, asked, .. } => self.talking(now, session, asked, &input),
            State::Leaving { end, .. } => self.leaving(end, &input),
            State::Ended => Vec::new(),
        }
    }

    fn before_ringing(&mut self, now: Duration, target: usize, input: Input) -> Vec<Effect> {
        match input {
            Input::Heard => {
                if matches!(self.state, State::Trying { .. }) {
                    self.state = State::Heard { target, until: now + self.limits.progress };
                }
                Vec::new()
            }
            Input::Rings { early } => {
                self.state = State::Ringing { target, until: now + self.limits.ring };
                self.tell_ringing(early)
            }
            Input::Answers { answer, session } => self.answered(now, target, answer, session),
            Input::Refuses(status) if elsewhere(status) => self.try_target(target + 1, now),
            Input::Refuses(status) => self.end(meaning(status)),
            Input::Broken => self.try_target(target + 1, now),
            Input::Deadline => {
                let mut effects = vec![Effect::Abandon];
                effects.extend(self.try_target(target + 1, now));
                effects
            }
            Input::HangUp => self.leave(now, End::Ours, Effect::Cancel),
            Input::Lives | Input::TheyLeft | Input::Unacknowledged | Input::Left => Vec::new(),
        }
    }

    fn ringing(&mut self, now: Duration, target: usize, input: Input) -> Vec<Effect> {
        match input {
            Input::Rings { early } => self.tell_ringing(early),
            Input::Answers { answer, session } => self.answered(now, target, answer, session),
            Input::Refuses(status) => self.end(meaning(status)),
            Input::Broken => self.end(End::Unavailable),
            Input::Deadline => self.leave(now, End::NoAnswer, Effect::Cancel),
            Input::HangUp => self.leave(now, End::Ours, Effect::Cancel),
            Input::Heard | Input::Lives | Input::TheyLeft | Input::Unacknowledged | Input::Left => {
                Vec::new()
            }
        }
    }

    fn talking(
        &mut self,
        now: Duration,
        session: Option<Session>,
        asked: bool,
        input: &Input,
    ) -> Vec<Effect> {
        match input {
            Input::Lives => {
                self.talk(now, session);
                Vec::new()
            }
            Input::Deadline => match session.filter(|session| session.ours && !asked) {
                Some(session) => {
                    let until = Some(now + session.patience());
                    self.state = State::Talking { session: Some(session), until, asked: true };
                    vec![Effect::Refresh]
                }
                None => self.leave(now, End::Lost, Effect::Bye),
            },
            Input::HangUp => self.leave(now, End::Ours, Effect::Bye),
            Input::TheyLeft => self.end(End::Theirs),
            Input::Unacknowledged => self.end(End::Lost),
            Input::Heard
            | Input::Rings { .. }
            | Input::Answers { .. }
            | Input::Refuses(_)
            | Input::Broken
            | Input::Left => Vec::new(),
        }
    }

    fn leaving(&mut self, end: End, input: &Input) -> Vec<Effect> {
        match input {
            // An answer that crossed our CANCEL is ended by the stack with a BYE.
            Input::Answers { .. }
            | Input::Refuses(_)
            | Input::Broken
            | Input::TheyLeft
            | Input::Unacknowledged
            | Input::Left => self.end(end),
            Input::Deadline => {
                let mut effects = vec![Effect::Abandon];
                effects.extend(self.end(end));
                effects
            }
            Input::Heard | Input::Rings { .. } | Input::Lives | Input::HangUp => Vec::new(),
        }
    }

    fn try_target(&mut self, target: usize, now: Duration) -> Vec<Effect> {
        if target >= self.targets {
            return self.end(End::Unavailable);
        }
        self.state = State::Trying { target, until: now + self.limits.answers };
        vec![Effect::Try(target)]
    }

    fn tell_ringing(&mut self, early: Option<String>) -> Vec<Effect> {
        let mut effects = Vec::new();
        if !std::mem::replace(&mut self.told_ringing, true) {
            effects.push(Effect::Tell(News::Ringing));
        }
        if let Some(sdp) = early.filter(|_| !self.told_early) {
            self.told_early = true;
            effects.push(Effect::Tell(News::Early(sdp)));
        }
        effects
    }

    fn answered(
        &mut self,
        now: Duration,
        target: usize,
        answer: String,
        session: Option<Session>,
    ) -> Vec<Effect> {
        self.talk(now, session);
        vec![Effect::Tell(News::Answered { target, answer })]
    }

    fn talk(&mut self, now: Duration, session: Option<Session>) {
        let due = |session: Session| match session.ours {
            true => session.due().min(self.limits.quiet),
            false => session.due(),
        };
        let until = session.map(|session| now + due(session));
        self.state = State::Talking { session, until, asked: false };
    }

    fn leave(&mut self, now: Duration, end: End, effect: Effect) -> Vec<Effect> {
        self.state = State::Leaving { end, until: now + self.limits.leave };
        vec![effect]
    }

    fn end(&mut self, end: End) -> Vec<Effect> {
        self.state = State::Ended;
        vec![Effect::Tell(News::Ended(end))]
    }
}

/// Whether another target may do better: it could not serve, or lost us on the way.
const fn elsewhere(status: u16) -> bool {
    matches!(status, 408 | 500..=599)
}

const fn meaning(status: u16) -> End {
    match status {
        486 | 600 => End::Busy,
        408 | 480 | 487 => End::NoAnswer,
        500..=599 => End::Unavailable,
        _ => End::Refused(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        answers: Duration::from_secs(4),
        progress: Duration::from_secs(10),
        ring: Duration::from_secs(60),
        leave: Duration::from_secs(5),
        quiet: Duration::from_secs(900),
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ended(end: End) -> Vec<Effect> {
        vec![Effect::Tell(News::Ended(end))]
    }

    fn rings() -> Input {
        Input::Rings { early: None }
    }

    #[test]
    fn what_cannot_serve_is_followed_by_the_next_and_what_refuses_is_not() {
        let (mut life, first) = Life::begin(2, LIMITS);
        assert_eq!(first, [Effect::Try(0)]);
        assert_eq!(life.handle(at(1), Input::Refuses(503)), [Effect::Try(1)]);
        assert_eq!(life.deadline(), Some(at(5)));
        assert_eq!(life.handle(at(2), Input::Refuses(503)), ended(End::Unavailable));
        for (status, end) in [
            (486, End::Busy),
            (600, End::Busy),
            (480, End::NoAnswer),
            (403, End::Refused(403)),
            (302, End::Refused(302)),
        ] {
            let (mut life, _) = Life::begin(2, LIMITS);
            assert_eq!(life.handle(at(1), Input::Refuses(status)), ended(end), "{status}");
            assert!(life.is_over());
        }
    }

    #[test]
    fn silence_and_a_broken_road_lead_to_the_next() {
        let (mut life, _) = Life::begin(3, LIMITS);
        assert_eq!(life.handle(at(4), Input::Deadline), [Effect::Abandon, Effect::Try(1)]);
        assert_eq!(life.handle(at(5), Input::Heard), []);
        assert_eq!(life.deadline(), Some(at(15)), "a word buys time");
        assert_eq!(life.handle(at(6), Input::Heard), []);
        assert_eq!(life.deadline(), Some(at(15)), "but once");
        assert_eq!(life.handle(at(15), Input::Deadline), [Effect::Abandon, Effect::Try(2)]);
        assert_eq!(life.handle(at(16), Input::Broken), ended(End::Unavailable));
    }

    #[test]
    fn ringing_is_told_once_and_has_its_end() {
        let (mut life, _) = Life::begin(2, LIMITS);
        assert_eq!(life.handle(at(1), rings()), [Effect::Tell(News::Ringing)]);
        assert_eq!(life.handle(at(2), rings()), []);
        let early = || Input::Rings { early: Some("v=0".into()) };
        assert_eq!(life.handle(at(3), early()), [Effect::Tell(News::Early("v=0".into()))]);
        assert_eq!(life.handle(at(4), early()), []);
        assert_eq!(life.deadline(), Some(at(61)));
        assert_eq!(life.handle(at(61), Input::Deadline), [Effect::Cancel]);
        assert_eq!(life.deadline(), Some(at(66)));
        assert_eq!(life.handle(at(62), Input::Refuses(487)), ended(End::NoAnswer));
    }

    #[test]
    fn an_answer_that_crosses_the_cancel_does_not_come_back_to_life() {
        let (mut life, _) = Life::begin(1, LIMITS);
        let _ringing = life.handle(at(1), rings());
        assert_eq!(life.handle(at(2), Input::HangUp), [Effect::Cancel]);
        assert_eq!(life.handle(at(2), Input::HangUp), []);
        let answers = Input::Answers { answer: String::new(), session: None };
        assert_eq!(life.handle(at(3), answers), ended(End::Ours));
    }

    #[test]
    fn a_far_end_that_never_answers_our_leaving_is_left() {
        let (mut life, _) = Life::begin(1, LIMITS);
        let answers = Input::Answers { answer: "v=0".into(), session: None };
        let told = News::Answered { target: 0, answer: "v=0".into() };
        assert_eq!(life.handle(at(1), answers), [Effect::Tell(told)]);
        assert_eq!(life.deadline(), None);
        assert_eq!(life.handle(at(9), Input::HangUp), [Effect::Bye]);
        let gone = life.handle(at(14), Input::Deadline);
        assert_eq!(gone, [Effect::Abandon, Effect::Tell(News::Ended(End::Ours))]);
        assert_eq!(life.handle(at(15), Input::TheyLeft), [], "over is over");
    }

    fn talking(session: &str) -> Life {
        let (mut life, _) = Life::begin(1, LIMITS);
        let session = Session::agreed(session);
        let _told = life.handle(at(0), Input::Answers { answer: "v=0".into(), session });
        life
    }

    #[test]
    fn we_say_that_we_are_here_and_leave_when_nobody_answers() {
        let mut life = talking("1800;refresher=uac");
        assert_eq!(life.deadline(), Some(at(900)));
        assert_eq!(life.handle(at(900), Input::Deadline), [Effect::Refresh]);
        assert_eq!(life.handle(at(901), Input::Lives), []);
        assert_eq!(life.deadline(), Some(at(1801)));
        assert_eq!(life.handle(at(1801), Input::Deadline), [Effect::Refresh]);
        assert_eq!(life.deadline(), Some(at(1833)));
        assert_eq!(life.handle(at(1833), Input::Deadline), [Effect::Bye]);
        assert_eq!(life.handle(at(1834), Input::Left), ended(End::Lost));
    }

    #[test]
    fn a_far_end_that_should_say_so_and_does_not_is_left() {
        let mut life = talking("90;refresher=uas");
        assert_eq!(life.handle(at(50), Input::Lives), []);
        assert_eq!(life.deadline(), Some(at(110)));
        assert_eq!(life.handle(at(110), Input::Deadline), [Effect::Bye]);
    }

    #[test]
    fn no_target_is_unavailable_at_once() {
        let (life, effects) = Life::begin(0, LIMITS);
        assert_eq!(effects, ended(End::Unavailable));
        assert!(life.is_over());
    }
}
