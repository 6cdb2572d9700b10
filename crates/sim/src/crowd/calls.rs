//! What happens to a call, and what does the platform's shell do about it?

use std::time::Duration;

use rules::{
    Refusal,
    call::{Call, Effect, Ending, Input, State},
    permission,
};
use terms::{Direction, Party};

use super::{
    outbox::Lane,
    town::{CallNo, Entry, NumberNo, UserNo},
    world::{Event, World},
};
use crate::{dice::Dice, model::Fact};

const FIRST_SDP: &str = "v=0 first";
const OTHER_SDP: &str = "v=0 other";

/// An action on a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reaction {
    PreAccept,
    PreAcceptOther,
    Accept,
    AcceptOther,
    Reject,
    Terminate,
}

impl Reaction {
    pub(super) fn any(dice: &mut Dice) -> Self {
        match dice.roll(12) {
            0..=2 => Self::PreAccept,
            3 => Self::PreAcceptOther,
            4..=7 => Self::Accept,
            8 => Self::AcceptOther,
            9 => Self::Reject,
            _ => Self::Terminate,
        }
    }

    pub(super) fn sdp(self) -> Option<&'static str> {
        match self {
            Self::PreAccept | Self::Accept => Some(FIRST_SDP),
            Self::PreAcceptOther | Self::AcceptOther => Some(OTHER_SDP),
            Self::Reject | Self::Terminate => None,
        }
    }

    pub(super) fn input(self) -> Input {
        let sdp = || self.sdp().unwrap_or_default().into();
        match self {
            Self::PreAccept | Self::PreAcceptOther => Input::PreAccept { sdp: sdp() },
            Self::Accept | Self::AcceptOther => {
                Input::Accept { sdp: sdp(), opaque: None, capture: None }
            }
            Self::Reject => Input::Reject,
            Self::Terminate => Input::Terminate,
        }
    }
}

impl World {
    /// A call begins.
    pub(super) fn begin(
        &mut self,
        number: NumberNo,
        user: UserNo,
        direction: Direction,
        call: Call,
        effects: Vec<Effect>,
    ) {
        let no = self.calls.len();
        self.calls.push(Entry {
            number,
            user,
            direction,
            call,
            answered_at: None,
            ending: None,
            terminates: 0,
            bills: 0,
            webhooks: Vec::new(),
            first_sdp: None,
        });
        self.live.push(no);
        self.report.counts.calls += 1;
        self.carry_out(no, effects);
        if direction == Direction::UserInitiated {
            self.business_will_react(no);
        }
    }

    /// Most calls of users are answered; some are rejected, some wait.
    fn business_will_react(&mut self, no: CallNo) {
        let reactions: &[Reaction] = match self.dice.roll(10) {
            0..=3 => &[Reaction::PreAccept, Reaction::Accept],
            4 | 5 => &[Reaction::Accept],
            6 => &[Reaction::Reject],
            7 => &[Reaction::PreAccept],
            _ => &[],
        };
        let mut at = self.now;
        for reaction in reactions {
            at = at + self.dice.ms(500, 30_000);
            self.post(at, Event::Business(no, *reaction));
        }
        if self.dice.chance(15) {
            self.post(
                self.now + self.dice.clone().ms(500, 50_000),
                Event::Phone(no, Input::UserHungUp),
            );
        }
    }

    /// What the user's phone and its owner do with a business's call.
    fn user_will_react(&mut self, no: CallNo) {
        let user = self.calls[no].user;
        let rings_at = self.now + self.dice.ms(300, 3_000);
        let in_a_call =
            self.live.iter().any(|other| *other != no && self.calls[*other].user == user);
        if self.dice.chance(8) {
            self.post(rings_at, Event::Phone(no, Input::UserUnreachable));
            return;
        }
        if in_a_call {
            self.post(rings_at, Event::Phone(no, Input::UserBusy));
            return;
        }
        self.post(rings_at, Event::Phone(no, Input::UserRinging));
        let at = self.now + self.dice.ms(3_000, 70_000);
        match self.dice.roll(10) {
            0..=6 if self.users[user].is_shy => {}
            0..=4 => self.post(at, Event::Phone(no, Input::UserPickedUp)),
            5 => self.post(at, Event::Phone(no, Input::UserRejected)),
            6 => self.post(at, Event::Phone(no, Input::UserVanished)),
            7 => self.post(at, Event::Business(no, Reaction::Terminate)),
            _ => {}
        }
    }

    pub(super) fn business_reacts(&mut self, no: CallNo, reaction: Reaction) {
        let number = self.calls[no].number;
        self.request_action(number, no, reaction);
    }

    /// Something nobody waits for an answer to.
    pub(super) fn input(&mut self, no: CallNo, input: Input) {
        let name = input.name();
        let was = self.calls[no].call.state().name();
        if self.try_input(no, input).is_ok() {
            let is = self.calls[no].call.state().name();
            if was != is {
                self.tell(&format!("call {no}: {name}: {was} -> {is}"));
            }
        }
    }

    pub(super) fn try_input(&mut self, no: CallNo, input: Input) -> Result<(), Refusal> {
        let now = self.now;
        let mut effects = Vec::new();
        let entry = &mut self.calls[no];
        entry.call.handle(input, now, &mut effects)?;
        let accepted = matches!(entry.call.state(), State::Accepted { .. });
        if accepted && entry.answered_at.is_none() {
            entry.answered_at = Some(now);
            let (number, user, direction) = (entry.number, entry.user, entry.direction);
            self.report.counts.answered += 1;
            self.pair(number, user).model.note(now, Fact::Answered(direction));
            self.somebody_will_end_it(no);
        }
        self.carry_out(no, effects);
        Ok(())
    }

    fn somebody_will_end_it(&mut self, no: CallNo) {
        let longest = if self.dice.chance(90) { 240_000 } else { 7_200_000 };
        let at = self.now + self.dice.ms(500, longest);
        match self.dice.roll(20) {
            0..=7 => self.post(at, Event::Phone(no, Input::UserHungUp)),
            8..=17 => self.post(at, Event::Business(no, Reaction::Terminate)),
            18 => self.post(at, Event::Phone(no, Input::UserVanished)),
            _ => {}
        }
    }

    fn carry_out(&mut self, no: CallNo, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_one(no, effect);
        }
        if let Some((at, _)) = self.calls[no].call.next_timeout() {
            self.post(at, Event::Deadline(no));
        }
    }

    fn carry_out_one(&mut self, no: CallNo, effect: Effect) {
        let (number, user) = (self.calls[no].number, self.calls[no].user);
        match effect {
            Effect::SendConnect => self.send(no, "connect"),
            Effect::SendStatus(status) => self.send(no, status.as_str()),
            Effect::SendTerminate(ending) => self.ended(no, ending),
            Effect::RingUser => self.user_will_react(no),
            Effect::OpenWindow => {
                let now = self.now;
                self.pair(number, user).window.open(now);
            }
            Effect::GrantCallback => {
                let now = self.now;
                let call = format!("wacid.{no}").parse().expect("a call id");
                self.pair(number, user).model.note(now, Fact::CallbackOffered);
                self.consent(number, user, permission::Input::CalledBack { call });
            }
            Effect::CountPlaced => {
                let day = self.accounts[self.numbers[number].account].book.limits.day.value;
                self.numbers[number].placed.record(self.now, day);
            }
            Effect::CountConnected => {
                let direction = self.calls[no].direction;
                self.consent(number, user, permission::Input::Connected { direction });
            }
            Effect::CountUnanswered => {
                self.consent(number, user, permission::Input::Unanswered);
            }
            Effect::Bill { connected } => self.bill(no, connected),
            Effect::Announce(_)
            | Effect::StartCapture
            | Effect::DeliverCapture(_)
            | Effect::StartVoicemail
            | Effect::RecordVoicemail
            | Effect::DeliverVoicemail
            | Effect::ApplyAnswer { .. }
            | Effect::TellUser(_)
            | Effect::OpenMediaGate
            | Effect::StartWatch { .. }
            | Effect::CloseLegs
            | Effect::Note(_) => {}
        }
    }

    fn send(&mut self, no: CallNo, what: &'static str) {
        let number = self.calls[no].number;
        self.calls[no].webhooks.push(what);
        self.emit(number, Lane::Call(no), what);
    }

    fn ended(&mut self, no: CallNo, ending: Ending) {
        self.live.retain(|live| *live != no);
        let entry = &mut self.calls[no];
        entry.terminates += 1;
        entry.ending = Some(ending);
        let (number, user, direction) = (entry.number, entry.user, entry.direction);
        let by_user = ending.reason.party() == Party::User && ending.reason.error().is_none();
        let unanswered = entry.answered_at.is_none() && by_user;
        *self.report.ends.entry(ending.reason.as_str()).or_default() += 1;
        if unanswered && direction == Direction::BusinessInitiated {
            let now = self.now;
            self.pair(number, user).model.note(now, Fact::LeftUnanswered);
        }
        self.send(no, "terminate");
    }

    /// How long a call may have lasted that was answered at most a moment ago.
    pub(super) fn lasted(&self, no: CallNo) -> Duration {
        self.calls[no].answered_at.map_or(Duration::ZERO, |at| self.now.since(at))
    }
}
