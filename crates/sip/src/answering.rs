//! What does a call in do next?
//!
//! Time is the time since the INVITE. Every state but a conversation without session timer has a
//! deadline; the task that owns the call says [`Input::Deadline`] when it has passed.

use std::time::Duration;

use crate::session::Session;
use crate::{End, Refusal};

/// How long each state of a call in may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until it is answered or refused; then it is refused with 480.
    pub waits: Duration,
    /// From our answer to its ACK; then it is left (RFC 3261, 13.3.1.4: 64 times T1).
    pub acknowledges: Duration,
    /// How long a BYE may take to be answered; then the call is over without it.
    pub leaves: Duration,
    /// After how long without a sign of life we give one, where that is ours to do and the session
    /// timer is not sooner.
    pub quiet: Duration,
}

impl Default for Patience {
    /// 180 s (timer C), 32 s, 5 s and 15 min.
    fn default() -> Self {
        Self {
            waits: Duration::from_secs(180),
            acknowledges: Duration::from_secs(32),
            leaves: Duration::from_secs(5),
            quiet: Duration::from_secs(900),
        }
    }
}

/// What happened to a call in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// It is to hear that it rings, or audio before the answer.
    Ring { early: Option<String> },
    /// It is taken.
    Answer { answer: String },
    /// It is not taken.
    Refuse(Refusal),
    /// We do not want it any more.
    HangUp,
    /// Our answer has arrived.
    Acknowledged,
    /// The far end sent CANCEL or BYE.
    TheyLeft,
    /// It never acknowledged what we answered, and was left.
    Unacknowledged,
    /// It gave a sign of life, or answered ours.
    Lives,
    /// Our BYE is answered.
    Left,
    /// The deadline of the state has passed.
    Deadline,
}

/// What the owner of the call does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Send 180, or 183 with SDP.
    Ring { early: Option<String> },
    /// Send 200 with SDP.
    Answer { answer: String },
    /// Send a status of 300 or more.
    Refuse(Refusal),
    /// Say that we are still here, and ask for an answer.
    Refresh,
    /// Send BYE.
    Bye,
    /// Tell whoever has the call.
    Tell(Told),
}

/// What becomes of a call in, for whoever has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Our answer has arrived: both speak.
    Standing,
    /// The call is over. Always the last.
    Ended(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody has answered yet.
    Waiting { until: Duration },
    /// We answered; nothing heard of it.
    Answered { until: Duration },
    /// Both speak.
    Talking { until: Option<Duration>, asked: bool },
    /// BYE is sent.
    Leaving { end: End, until: Duration },
    /// Over.
    Ended,
}

/// A call in.
#[derive(Debug)]
pub(crate) struct Answering {
    state: State,
    patience: Patience,
    /// What was agreed on saying that we live.
    session: Option<Session>,
}

impl Answering {
    /// A call that has just come.
    pub(crate) const fn begin(patience: Patience, session: Option<Session>) -> Self {
        Self { state: State::Waiting { until: patience.waits }, patience, session }
    }

    /// When [`Input::Deadline`] is due.
    pub(crate) const fn deadline(&self) -> Option<Duration> {
        match self.state {
            State::Waiting { until } | State::Answered { until } | State::Leaving { until, .. } => {
                Some(until)
            }
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
            State::Waiting { .. } => self.waiting(now, input),
            State::Answered { .. } => self.answered(now, &input),
            State::Talking { asked, .. } => self.talking(now, asked, &input),
            State::Leaving { end, .. } => self.leaving(end, &input),
            State::Ended => Vec::new(),
        }
    }

    fn waiting(&mut self, now: Duration, input: Input) -> Vec<Effect> {
        match input {
            Input::Ring { early } => vec![Effect::Ring { early }],
            Input::Answer { answer } => {
                self.state = State::Answered { until: now + self.patience.acknowledges };
                vec![Effect::Answer { answer }]
            }
            Input::Refuse(refusal) => self.refuse(refusal, End::Ours),
            Input::HangUp => self.refuse(Refusal::of(480), End::Ours),
            Input::Deadline => self.refuse(Refusal::of(480), End::NoAnswer),
            Input::TheyLeft => self.end(End::Theirs),
            Input::Acknowledged | Input::Unacknowledged | Input::Lives | Input::Left => Vec::new(),
        }
    }

    fn answered(&mut self, now: Duration, input: &Input) -> Vec<Effect> {
        match input {
            Input::Acknowledged => {
                self.talk(now);
                vec![Effect::Tell(Told::Standing)]
            }
            Input::HangUp | Input::Refuse(_) => self.leave(now, End::Ours),
            Input::Deadline => self.leave(now, End::Lost),
            Input::TheyLeft => self.end(End::Theirs),
            Input::Unacknowledged => self.end(End::Lost),
            Input::Ring { .. } | Input::Answer { .. } | Input::Lives | Input::Left => Vec::new(),
        }
    }

    fn talking(&mut self, now: Duration, asked: bool, input: &Input) -> Vec<Effect> {
        match input {
            Input::Lives => {
                self.talk(now);
                Vec::new()
            }
            Input::HangUp | Input::Refuse(_) => self.leave(now, End::Ours),
            Input::Deadline => match self.session.filter(|session| session.ours && !asked) {
                Some(session) => {
                    let until = Some(now + session.patience());
                    self.state = State::Talking { until, asked: true };
                    vec![Effect::Refresh]
                }
                None => self.leave(now, End::Lost),
            },
            Input::TheyLeft => self.end(End::Theirs),
            Input::Unacknowledged => self.end(End::Lost),
            Input::Ring { .. } | Input::Answer { .. } | Input::Acknowledged | Input::Left => {
                Vec::new()
            }
        }
    }

    fn leaving(&mut self, end: End, input: &Input) -> Vec<Effect> {
        match input {
            Input::Left | Input::TheyLeft | Input::Unacknowledged | Input::Deadline => {
                self.end(end)
            }
            Input::Ring { .. }
            | Input::Answer { .. }
            | Input::Refuse(_)
            | Input::HangUp
            | Input::Acknowledged
            | Input::Lives => Vec::new(),
        }
    }

    fn talk(&mut self, now: Duration) {
        let due = |session: Session| match session.ours {
            true => session.due().min(self.patience.quiet),
            false => session.due(),
        };
        let until = self.session.map(|session| now + due(session));
        self.state = State::Talking { until, asked: false };
    }

    fn refuse(&mut self, refusal: Refusal, end: End) -> Vec<Effect> {
        let mut effects = vec![Effect::Refuse(refusal)];
        effects.extend(self.end(end));
        effects
    }

    fn leave(&mut self, now: Duration, end: End) -> Vec<Effect> {
        self.state = State::Leaving { end, until: now + self.patience.leaves };
        vec![Effect::Bye]
    }

    fn end(&mut self, end: End) -> Vec<Effect> {
        self.state = State::Ended;
        vec![Effect::Tell(Told::Ended(end))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        waits: Duration::from_secs(180),
        acknowledges: Duration::from_secs(32),
        leaves: Duration::from_secs(5),
        quiet: Duration::from_secs(900),
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ended(end: End) -> Effect {
        Effect::Tell(Told::Ended(end))
    }

    fn answer() -> Input {
        Input::Answer { answer: "v=0".into() }
    }

    fn talking(session: Option<Session>) -> Answering {
        let mut call = Answering::begin(PATIENCE, session);
        let sent = call.handle(at(1), answer());
        assert_eq!(sent, [Effect::Answer { answer: "v=0".into() }]);
        assert_eq!(call.deadline(), Some(at(33)));
        let told = call.handle(at(2), Input::Acknowledged);
        assert_eq!(told, [Effect::Tell(Told::Standing)]);
        call
    }

    fn session(asked: &str) -> Option<Session> {
        Session::asked(asked).expect("long enough")
    }

    #[test]
    fn a_call_rings_is_answered_and_is_left_by_them() {
        let mut call = Answering::begin(PATIENCE, None);
        let ring = || Input::Ring { early: None };
        assert_eq!(call.handle(at(0), ring()), [Effect::Ring { early: None }]);
        let mut call = talking(None);
        assert_eq!(call.deadline(), None);
        assert_eq!(call.handle(at(9), ring()), [], "it rings no more");
        assert_eq!(call.handle(at(10), Input::TheyLeft), [ended(End::Theirs)]);
        assert!(call.is_over());
        assert_eq!(call.handle(at(11), Input::HangUp), [], "over is over");
    }

    #[test]
    fn a_call_nobody_takes_is_refused_and_a_cancelled_one_is_theirs() {
        let refused = |end| [Effect::Refuse(Refusal::of(480)), ended(end)];
        let mut call = Answering::begin(PATIENCE, None);
        assert_eq!(call.deadline(), Some(at(180)));
        assert_eq!(call.handle(at(180), Input::Deadline), refused(End::NoAnswer));
        let mut call = Answering::begin(PATIENCE, None);
        assert_eq!(call.handle(at(3), Input::HangUp), refused(End::Ours));
        let mut call = Answering::begin(PATIENCE, None);
        assert_eq!(call.handle(at(3), Input::TheyLeft), [ended(End::Theirs)]);
        assert_eq!(call.handle(at(3), answer()), [], "an answer that crossed the CANCEL");
    }

    #[test]
    fn an_answer_that_is_never_acknowledged_ends_with_a_bye() {
        let mut call = Answering::begin(PATIENCE, None);
        let _sent = call.handle(at(1), answer());
        assert_eq!(call.handle(at(33), Input::Deadline), [Effect::Bye]);
        assert_eq!(call.deadline(), Some(at(38)));
        assert_eq!(call.handle(at(38), Input::Deadline), [ended(End::Lost)]);
    }

    #[test]
    fn hanging_up_waits_for_an_answer_but_not_for_ever() {
        let mut call = talking(None);
        assert_eq!(call.handle(at(9), Input::HangUp), [Effect::Bye]);
        assert_eq!(call.handle(at(10), Input::Left), [ended(End::Ours)]);
        let mut call = talking(None);
        assert_eq!(call.handle(at(9), Input::HangUp), [Effect::Bye]);
        assert_eq!(call.handle(at(14), Input::Deadline), [ended(End::Ours)]);
    }

    #[test]
    fn who_promised_to_say_that_they_live_and_does_not_is_left() {
        let mut call = talking(session("90"));
        assert_eq!(call.deadline(), Some(at(62)));
        assert_eq!(call.handle(at(50), Input::Lives), []);
        assert_eq!(call.deadline(), Some(at(110)));
        assert_eq!(call.handle(at(110), Input::Deadline), [Effect::Bye]);
    }
    #[test]
    fn who_leaves_it_to_us_hears_that_we_live_and_is_left_when_it_does_not_answer() {
        let mut call = talking(session("1800;refresher=uas"));
        assert_eq!(call.deadline(), Some(at(902)));
        assert_eq!(call.handle(at(902), Input::Deadline), [Effect::Refresh]);
        assert_eq!(call.handle(at(903), Input::Lives), []);
        assert_eq!(call.deadline(), Some(at(1803)));
        assert_eq!(call.handle(at(1803), Input::Deadline), [Effect::Refresh]);
        assert_eq!(call.deadline(), Some(at(1835)));
        assert_eq!(call.handle(at(1835), Input::Deadline), [Effect::Bye]);
        assert_eq!(call.handle(at(1836), Input::Left), [ended(End::Lost)]);
    }
}
