//! What does the platform do with a request, an effect, a moment?

use std::time::Duration;

use rules::{
    Refusal,
    call::{Call, Effect, Ending, Input, Silence, State},
    eligibility, permission, price,
};
use switchboard::call::{Input as BusinessInput, Outcome};
use terms::{Country, Direction, Party};

use crate::{
    model::Fact,
    phone,
    post::{Action, CallNo, Event, Hook},
    world::{World, number, user},
};

/// The text both `pre_accept` and `accept` carry.
const SDP: &str = "v=0";

impl World {
    /// The user dials.
    pub(crate) fn user_calls(&mut self) {
        let load = self.load();
        let checked = eligibility::check_user_call(
            &number(),
            None,
            self.grants_callback,
            &load,
            &self.book,
            self.now,
        );
        let want = if load.pair_in_call { "limits.one_call_per_pair" } else { "ok" };
        let got = checked.as_ref().map_or_else(Refusal::rule, |()| "ok");
        self.expect_same("a user's call", got, want);
        self.tell(&format!("the user calls: {got}"));
        if checked.is_err() {
            self.report.refusals.insert(got);
            return;
        }
        let no = self.new_call(Direction::UserInitiated);
        self.model.note(self.now, Fact::UserCalled);
        let mut effects = Vec::new();
        let call = Call::offer(&self.book, self.grants_callback, self.now, &mut effects);
        self.calls[no].platform = Some(call);
        self.carry_out(no, effects);
        if let Some((after, input)) = phone::leaves(&mut self.dice, Duration::from_secs(60)) {
            self.post.put(self.now + after, Event::Platform { call: no, input });
        }
    }

    /// A request arrives; its answer goes back, or is lost.
    pub(crate) fn request(&mut self, no: CallNo, action: Action, answer_lost: bool) {
        let result = match action {
            Action::Connect => self.connect(no),
            Action::PreAccept => self.platform_input(no, Input::PreAccept { sdp: SDP.into() }),
            Action::Accept => self
                .platform_input(no, Input::Accept { sdp: SDP.into(), opaque: None, capture: None }),
            Action::Reject => self.platform_input(no, Input::Reject),
            Action::Terminate => self.platform_input(no, Input::Terminate),
        };
        let said = result.as_ref().map_or_else(Refusal::rule, |()| "ok");
        self.tell(&format!("call {no}: {action:?}: {said}"));
        let (after, outcome) = match result {
            _ if answer_lost => (
                Duration::from_secs(10),
                Outcome::Unreachable { why: "the answer was lost".into() },
            ),
            Ok(()) => (self.dice.ms(10, 300), Outcome::Done),
            Err(refusal) => {
                self.report.refusals.insert(refusal.rule());
                (self.dice.ms(10, 300), Outcome::Refused { code: 100, text: refusal.to_string() })
            }
        };
        self.post.put(self.now + after, Event::Answer { call: no, action, outcome });
    }

    fn connect(&mut self, no: CallNo) -> Result<(), Refusal> {
        let load = self.load();
        let beta = self.book.name == "2025-beta";
        let want = self.model.call_verdict(beta, load.pair_in_call, self.now);
        let (number, user, now) = (number(), user(), self.now);
        let permit = eligibility::check_number(&number, &self.book, now).and_then(|cleared| {
            eligibility::check_call(
                cleared,
                &number,
                &user,
                &self.consent,
                &self.window,
                &load,
                &self.book,
                now,
            )
        });
        let got = permit.as_ref().map_or_else(Refusal::rule, |_| "ok");
        self.expect_same("a business's call", got, want);
        let mut effects = Vec::new();
        let call = Call::dial(permit?, &self.book, None, self.now, &mut effects);
        self.calls[no].platform = Some(call);
        self.carry_out(no, effects);
        Ok(())
    }

    /// Gives an input nobody waits for.
    pub(crate) fn platform_input_or_not(&mut self, no: CallNo, input: Input) {
        let name = input.name();
        match self.platform_input(no, input) {
            Ok(()) => self.tell(&format!("call {no}: {name}")),
            Err(refusal) => {
                self.report.refusals.insert(refusal.rule());
            }
        }
    }

    fn platform_input(&mut self, no: CallNo, input: Input) -> Result<(), Refusal> {
        let now = self.now;
        let sides = &mut self.calls[no];
        let call = sides.platform.as_mut().ok_or(Refusal::UnknownCall)?;
        let mut effects = Vec::new();
        call.handle(input, now, &mut effects)?;
        if let (State::Accepted { answered_at }, None) = (call.state(), sides.answered_at) {
            sides.answered_at = Some(*answered_at);
            let direction = call.direction();
            self.model.note(now, Fact::Answered(direction));
            self.plan_the_talk(no);
        }
        self.carry_out(no, effects);
        Ok(())
    }

    /// The parties talk; somebody will end it.
    fn plan_the_talk(&mut self, no: CallNo) {
        let (longest, last) = (Duration::from_secs(300), Duration::from_secs(600));
        if let Some((after, input)) = phone::leaves(&mut self.dice, longest) {
            self.post.put(self.now + after, Event::Platform { call: no, input });
        }
        self.post.put(self.now + last, Event::Platform { call: no, input: Input::UserHungUp });
    }

    fn carry_out(&mut self, no: CallNo, effects: Vec<Effect>) {
        for effect in effects {
            self.carry_out_one(no, effect);
        }
        let deadline = self.calls[no].platform.as_ref().and_then(Call::next_timeout);
        if let Some((at, _)) = deadline {
            self.post.put(at, Event::Platform { call: no, input: Input::DeadlineReached });
        }
        self.let_media_flow(no);
    }

    fn carry_out_one(&mut self, no: CallNo, effect: Effect) {
        match effect {
            Effect::SendConnect => self.send(no, Hook::Connect),
            Effect::SendStatus(status) => self.send(no, Hook::Status(status)),
            Effect::SendTerminate(ending) => self.ended(no, ending),
            Effect::ApplyAnswer { .. } => self.build_path(no),
            Effect::RingUser => {
                for (after, input) in phone::rung(&mut self.dice) {
                    self.post.put(self.now + after, Event::Platform { call: no, input });
                }
            }
            Effect::StartWatch { from_start, .. } => {
                self.post.put(self.now + from_start, Event::FirstMediaWatch { call: no });
            }
            Effect::OpenWindow => self.window.open(self.now),
            Effect::GrantCallback => {
                let call = format!("wacid.{no}").parse().expect("a call id");
                self.consent_input(permission::Input::CalledBack { call });
                self.model.note(self.now, Fact::CallbackOffered);
            }
            Effect::CountPlaced => {
                self.placed.record(self.now, self.book.limits.day.value);
            }
            Effect::CountConnected => {
                let direction = self.calls[no].direction.expect("set when the call began");
                self.consent_input(permission::Input::Connected { direction });
            }
            Effect::CountUnanswered => self.consent_input(permission::Input::Unanswered),
            Effect::Bill { connected } => self.check_price(no, connected),
            // No number of these stories has voicemail, and no call is recorded.
            Effect::Announce(_)
            | Effect::StartCapture
            | Effect::DeliverCapture(_)
            | Effect::StartVoicemail
            | Effect::RecordVoicemail
            | Effect::DeliverVoicemail
            | Effect::TellUser(_)
            | Effect::OpenMediaGate
            | Effect::CloseLegs
            | Effect::Note(_) => {}
        }
    }

    fn ended(&mut self, no: CallNo, ending: Ending) {
        let answered_at = self.calls[no].answered_at;
        if ending.answered_at != answered_at {
            self.fault(&format!("call {no} was answered at {answered_at:?}, not {ending:?}"));
        }
        self.report.ends.insert(ending.reason.as_str());
        let business_initiated = self.calls[no].direction == Some(Direction::BusinessInitiated);
        let by_user = ending.reason.party() == Party::User && ending.reason.error().is_none();
        if business_initiated && answered_at.is_none() && by_user {
            self.model.note(self.now, Fact::LeftUnanswered);
        }
        self.calls[no].terminates_sent += 1;
        self.tell(&format!("call {no} ends: {}", ending.reason.as_str()));
        self.send(no, Hook::Terminate(ending));
    }

    /// A call is billed from its answer, in pulses of six seconds of a tenth of 0.10 USD.
    fn check_price(&mut self, no: CallNo, connected: Duration) {
        let lasted = self.calls[no].answered_at.map_or(0, |at| self.now.unix_ms() - at.unix_ms());
        let want = rust_decimal::Decimal::new((lasted + 5_999) / 6_000, 2).normalize();
        let card = price::card("example").expect("shipped");
        let mexico: Option<Country> = "MX".parse().ok();
        let direction = Direction::BusinessInitiated;
        let got = price::price(&card, direction, mexico, connected, Duration::ZERO, &self.book);
        let got = got.map_or_else(String::new, |price| price.total.amount.to_string());
        self.expect_same(&format!("the price of call {no}"), &got, &want.to_string());
    }

    /// ICE and DTLS run, and now and then fail to.
    pub(crate) fn build_path(&mut self, no: CallNo) {
        if self.dice.chance(97) {
            let at = self.now + self.dice.ms(50, 900);
            let input = BusinessInput::MediaConnected;
            self.post.put(at, Event::Business { call: no, input });
        }
    }

    /// The first packets leave where path and gate are open.
    pub(crate) fn let_media_flow(&mut self, no: CallNo) {
        let sides = &mut self.calls[no];
        let at = self.now + Duration::from_millis(60);
        if sides.path && sides.gate && !sides.business_is_mute && !sides.business_sent {
            sides.business_sent = true;
            let input = Input::BusinessMediaStarted;
            self.post.put(at, Event::Platform { call: no, input });
        }
        if sides.path && sides.answered_at.is_some() && !sides.user_is_mute && !sides.user_heard {
            sides.user_heard = true;
            let input = BusinessInput::MediaHeard;
            self.post.put(at, Event::Business { call: no, input });
        }
    }

    pub(crate) fn first_media_watch(&mut self, no: CallNo) {
        if !self.calls[no].business_sent {
            let silence = Silence::BusinessFromStart;
            self.platform_input_or_not(no, Input::MediaSilent(silence));
        }
    }
}
