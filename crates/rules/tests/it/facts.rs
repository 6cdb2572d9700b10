//! Facts as a platform would load them, all in favour of a call.

use offhook_rules::{
    call::{Call, Effect, Input},
    eligibility::{
        Load, NumberFacts, Permit, RequestForm, RequestPermit, UserFacts, check_call, check_number,
        check_request,
    },
    limits::{NumberKind, Rolling},
    permission::{self, Choice, Consent},
    rulebook::{Rulebook, named},
    window::Window,
};
use std::{sync::Arc, time::Duration};
use terms::{CallId, Direction, MessageId, Timestamp};

/// A Wednesday, 12:00 in UTC.
pub(crate) const START: i64 = 1_783_512_000;

pub(crate) const DAY: Duration = Duration::from_hours(24);

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix(START + seconds)
}

pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn beta() -> Arc<Rulebook> {
    Rulebook::beta()
}

pub(crate) fn newest() -> Arc<Rulebook> {
    named("2026-10").unwrap()
}

pub(crate) fn number() -> NumberFacts {
    NumberFacts {
        country: Some("BR".parse().unwrap()),
        kind: NumberKind::Production,
        sip_enabled: false,
        calling_enabled: true,
        business_calls_restricted_until: None,
        user_calls_restricted_until: None,
        payment_valid: true,
    }
}

pub(crate) fn user() -> UserFacts {
    UserFacts {
        uncallable: None,
        blocks_number: false,
        is_on_whatsapp: true,
        app_is_recent: true,
        shows_buttons: true,
        on_allowed_list: false,
    }
}

pub(crate) fn idle() -> Load {
    Load {
        placed: Rolling::default().usage(10_000, DAY, at(0)),
        running_of_number: 0,
        running_of_account: 0,
        pair_in_call: false,
    }
}

pub(crate) fn open_window(now: Timestamp) -> Window {
    let mut window = Window::default();
    window.open(now);
    window
}

pub(crate) fn message(id: &str) -> MessageId {
    id.parse().unwrap()
}

pub(crate) fn call_id(id: &str) -> CallId {
    format!("wacid.{id}").parse().unwrap()
}

/// One pair's consent with the rules it lives under.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    pub(crate) consent: Consent,
    pub(crate) book: Arc<Rulebook>,
    pub(crate) kind: NumberKind,
}

impl Pair {
    pub(crate) fn new(book: Arc<Rulebook>) -> Self {
        Self { consent: Consent::default(), book, kind: NumberKind::Production }
    }

    pub(crate) fn handle(
        &mut self,
        input: permission::Input,
        now: Timestamp,
    ) -> Vec<permission::Effect> {
        self.try_handle(input, now).unwrap()
    }

    pub(crate) fn try_handle(
        &mut self,
        input: permission::Input,
        now: Timestamp,
    ) -> Result<Vec<permission::Effect>, offhook_rules::Refusal> {
        let mut effects = Vec::new();
        self.consent.handle(input, &self.book, self.kind, now, &mut effects).map(|()| effects)
    }

    pub(crate) fn request_permit(
        &self,
        now: Timestamp,
    ) -> Result<RequestPermit, offhook_rules::Refusal> {
        let number = NumberFacts { kind: self.kind, ..number() };
        let user = UserFacts { on_allowed_list: true, ..user() };
        let form = RequestForm::Template;
        check_request(form, &number, &user, &self.consent, &Window::default(), &self.book, now)
    }

    pub(crate) fn ask(&mut self, id: &str, now: Timestamp) -> Result<(), offhook_rules::Refusal> {
        let permit = self.request_permit(now)?;
        self.handle(permission::Input::RequestSent { id: message(id), permit }, now);
        Ok(())
    }

    pub(crate) fn answer(
        &mut self,
        id: &str,
        choice: Choice,
        now: Timestamp,
    ) -> Vec<permission::Effect> {
        self.handle(permission::Input::Answered { request: Some(message(id)), choice }, now)
    }

    pub(crate) fn choose(&mut self, choice: Choice, now: Timestamp) -> Vec<permission::Effect> {
        self.handle(permission::Input::Answered { request: None, choice }, now)
    }

    pub(crate) fn connected(&mut self, direction: Direction, now: Timestamp) {
        assert_eq!(self.handle(permission::Input::Connected { direction }, now), []);
    }

    /// What a read says while nothing else is in the way.
    pub(crate) fn view(&self, now: Timestamp) -> permission::View {
        let facts = permission::Facts {
            number: &NumberFacts { kind: self.kind, ..number() },
            user: &user(),
            consent: &self.consent,
            window: &open_window(now),
            load: &idle(),
        };
        permission::view(facts, &self.book, now)
    }

    pub(crate) fn permit(&self, now: Timestamp) -> Result<Permit, offhook_rules::Refusal> {
        let cleared = check_number(&number(), &self.book, now)?;
        let window = open_window(now);
        check_call(cleared, &number(), &user(), &self.consent, &window, &idle(), &self.book, now)
    }
}

/// A call and what it asked for.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) call: Call,
    pub(crate) effects: Vec<Effect>,
}

impl Story {
    pub(crate) fn user_calls(book: &Rulebook, grants_callback: bool) -> Self {
        let mut effects = Vec::new();
        let call = Call::offer(book, grants_callback, at(0), &mut effects);
        Self { call, effects }
    }

    pub(crate) fn business_calls(book: &Arc<Rulebook>) -> Self {
        let mut pair = Pair::new(Arc::clone(book));
        pair.choose(Choice::Temporary, at(0));
        let permit = pair.permit(at(0)).unwrap();
        let mut effects = Vec::new();
        let opaque = Some("gw-call-77".into());
        let call = Call::dial(permit, book, opaque, at(0), &mut effects);
        Self { call, effects }
    }

    /// Hands one input over and gives what it asked for.
    pub(crate) fn then(&mut self, input: Input, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.call.handle(input, now, &mut effects).unwrap();
        effects
    }
}
