//! Who acts next, and is everything as it should be?

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rules::{
    eligibility::{self, Load, NumberFacts, RequestForm, UserFacts},
    limits::{NumberKind, Rolling},
    permission::{self, Choice, Consent},
    rulebook::Rulebook,
    window::Window,
};
use switchboard::flow::{Flow, Supplies};
use terms::{Direction, Timestamp};

use crate::{
    dice::Dice,
    model::{Allowed, Fact, Model},
    post::{CallNo, Event, Post},
};

/// The story's first moment.
const START: i64 = 1_783_512_000;

/// What answers when no agent does.
const FLOW: &str =
    "start = \"echo\"\n[step.echo]\necho = \"10s\"\nnext = \"end\"\n[step.end]\nhang_up = true\n";

/// What to play.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where chance comes from.
    pub seed: u64,
    /// The platform's rules.
    pub book: Arc<Rulebook>,
    /// How many things user and business begin.
    pub acts: u32,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What happened, one line each.
    pub story: Vec<String>,
    /// What should not have happened; empty when all is well.
    pub faults: Vec<String>,
    /// Every rule that said no.
    pub refusals: BTreeSet<&'static str>,
    /// Every way a call ended on the platform.
    pub ends: BTreeSet<&'static str>,
    /// How many calls there were.
    pub calls: usize,
}

/// Plays one story to its end.
#[must_use]
pub fn run(plan: &Plan) -> Report {
    let mut world = World::new(plan);
    world.post.put(world.now, Event::Act);
    while let Some((at, event)) = world.post.next() {
        world.now = world.now.max(at);
        world.take(event);
    }
    world.check_the_end();
    world.report
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) dice: Dice,
    pub(crate) post: Post,
    pub(crate) book: Arc<Rulebook>,
    pub(crate) consent: Consent,
    pub(crate) window: Window,
    pub(crate) placed: Rolling,
    pub(crate) calls: Vec<BothSides>,
    pub(crate) model: Model,
    pub(crate) report: Report,
    pub(crate) grants_callback: bool,
    pub(crate) flow: Option<Arc<Flow>>,
    /// These two write more than they call.
    is_quiet: bool,
    /// How long agents ring.
    pub(crate) ring_for: Duration,
    acts_left: u32,
    messages: u32,
}

/// One call as both sides have it, and the path between them.
#[derive(Debug, Default)]
pub(crate) struct BothSides {
    pub(crate) direction: Option<Direction>,
    pub(crate) platform: Option<rules::call::Call>,
    pub(crate) business: Option<switchboard::call::Call>,
    /// ICE and DTLS are done.
    pub(crate) path: bool,
    /// The gateway's gate.
    pub(crate) gate: bool,
    pub(crate) answered_at: Option<Timestamp>,
    pub(crate) business_sent: bool,
    pub(crate) user_heard: bool,
    pub(crate) business_is_mute: bool,
    pub(crate) user_is_mute: bool,
    pub(crate) terminates_sent: u32,
    pub(crate) terminate_seen: bool,
}

impl World {
    fn new(plan: &Plan) -> Self {
        let mut dice = Dice::new(plan.seed);
        let grants_callback = dice.chance(50);
        let has_flow = dice.chance(50);
        let is_quiet = dice.chance(30);
        let ring_for = Duration::from_secs(if dice.chance(70) { 20 } else { 60 });
        let flow = Flow::load(FLOW, &Supplies::default()).ok().filter(|_| has_flow).map(Arc::new);
        Self {
            now: Timestamp::from_unix(START),
            dice,
            post: Post::default(),
            book: Arc::clone(&plan.book),
            consent: Consent::default(),
            window: Window::default(),
            placed: Rolling::default(),
            calls: Vec::new(),
            model: Model::default(),
            report: Report {
                story: Vec::new(),
                faults: Vec::new(),
                refusals: BTreeSet::new(),
                ends: BTreeSet::new(),
                calls: 0,
            },
            grants_callback,
            flow,
            is_quiet,
            ring_for,
            acts_left: plan.acts,
            messages: 0,
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Act => self.act(),
            Event::Request { call, action, answer_lost } => self.request(call, action, answer_lost),
            Event::Answer { call, action, outcome } => self.answer(call, action, outcome),
            Event::Webhook { call, hook, attempts, created_at } => {
                self.webhook(call, hook, attempts, created_at);
            }
            Event::Platform { call, input } => self.platform_input_or_not(call, input),
            Event::FirstMediaWatch { call } => self.first_media_watch(call),
            Event::Business { call, input } => self.business_input(call, input),
            Event::HearingWatch { call } => self.hearing_watch(call),
        }
    }

    /// One new thing by the user or the business, and the time until the next.
    fn act(&mut self) {
        self.check_consent();
        let faces = if self.is_quiet { 7 } else { 13 };
        match self.dice.roll(faces) {
            0 | 1 => self.business_asks(),
            2 => self.user_answers(),
            3 => self.user_visits_the_profile(),
            4 | 5 => {
                self.tell("the user writes");
                self.window.open(self.now);
                self.model.note(self.now, Fact::UserWrote);
            }
            6..=9 => self.agent_calls(),
            _ => self.user_calls(),
        }
        self.acts_left = self.acts_left.saturating_sub(1);
        if self.acts_left > 0 {
            let gaps = [5, 30, 120, 600, 3_600, 20_000, 86_400, 86_400, 200_000, 400_000];
            let gap = gaps[usize::try_from(self.dice.roll(10)).unwrap_or(0)];
            let gap = Duration::from_secs(gap) + self.dice.ms(0, 1_000);
            self.post.put(self.now + gap, Event::Act);
        }
    }

    fn business_asks(&mut self) {
        let want = self.model.request_verdict(true, self.now);
        let (number, user) = (number(), user());
        let form = RequestForm::FreeForm;
        let checked = eligibility::check_request(
            form,
            &number,
            &user,
            &self.consent,
            &self.window,
            &self.book,
            self.now,
        );
        let got = checked.as_ref().map_or_else(|refusal| refusal.rule(), |_| "ok");
        self.expect_same("a request for permission", got, want);
        self.tell(&format!("the business asks for permission: {got}"));
        if let Ok(permit) = checked {
            self.messages += 1;
            let id = format!("wamid.{}", self.messages).parse().expect("a message id");
            self.consent_input(permission::Input::RequestSent { id, permit });
            self.model.note(self.now, Fact::Asked);
        }
    }

    fn user_answers(&mut self) {
        let open = self.consent.open_request(&self.book, self.now).map(|r| r.id().clone());
        let Some(id) = open else { return };
        let (choice, fact) = self.choice();
        self.tell(&format!("the user answers {choice:?}"));
        self.consent_input(permission::Input::Answered { request: Some(id), choice });
        self.window.open_by_permission_reply(&self.book, self.now);
        self.model.note(self.now, fact);
        self.model.note(self.now, Fact::Replied);
    }

    fn user_visits_the_profile(&mut self) {
        if self.dice.chance(40) {
            let had = self.consent.standing(self.now).is_ok();
            let wanted = self.model.allowed(self.now) != Allowed::No;
            self.expect_same("something to revoke", yes(had), yes(wanted));
            if had {
                self.tell("the user takes the permission back");
                self.consent_input(permission::Input::Revoked);
                self.model.note(self.now, Fact::TookBack);
            }
        } else {
            let (choice, fact) = self.choice();
            self.tell(&format!("the user chooses {choice:?} in the profile"));
            self.consent_input(permission::Input::Answered { request: None, choice });
            self.model.note(self.now, fact);
        }
    }

    fn choice(&mut self) -> (Choice, Fact) {
        match self.dice.roll(6) {
            0 => (Choice::Permanent, Fact::SaidAlways),
            1 => (Choice::Reject, Fact::SaidNo),
            _ => (Choice::Temporary, Fact::SaidYes),
        }
    }

    pub(crate) fn consent_input(&mut self, input: permission::Input) {
        let mut effects = Vec::new();
        let kind = NumberKind::Production;
        let handled = self.consent.handle(input, &self.book, kind, self.now, &mut effects);
        if let Err(refusal) = handled {
            self.fault(&format!("consent refused: {refusal}"));
        }
        for effect in effects {
            self.tell(&format!("  {effect:?}"));
        }
    }

    /// Do the rules and the reference agree on what stands at this moment?
    fn check_consent(&mut self) {
        let got = match self.consent.standing(self.now) {
            Ok(permission::Grant::Temporary { until, .. }) => Allowed::Until(until.unix_ms()),
            Ok(permission::Grant::Permanent { .. }) => Allowed::Always,
            Err(_) => Allowed::No,
        };
        let want = self.model.allowed(self.now);
        self.expect_same("the permission", &format!("{got:?}"), &format!("{want:?}"));
        let open = self.window.check(&self.book, self.now).is_ok();
        let want = self.model.window_is_open(self.now);
        self.expect_same("an open window", yes(open), yes(want));
    }

    /// Nothing is under way any more: no call may be left behind.
    fn check_the_end(&mut self) {
        self.report.calls = self.calls.len();
        for no in 0..self.calls.len() {
            let sides = &self.calls[no];
            let platform = sides.platform.as_ref().map(|call| call.state().name());
            let business = sides.business.as_ref().map(|call| call.state().as_str());
            let sent = sides.terminates_sent;
            if platform.is_some_and(|state| state != "ended") {
                self.fault(&format!("call {no} is stuck on the platform, {platform:?}"));
            }
            if business.is_some_and(|state| state != "ended") {
                self.fault(&format!("call {no} is stuck at the gateway, {business:?}"));
            }
            if sent != u32::from(platform.is_some()) {
                self.fault(&format!("call {no} had {sent} terminate webhooks"));
            }
        }
    }

    pub(crate) fn load(&self) -> Load {
        let running = |sides: &&BothSides| {
            sides.platform.as_ref().is_some_and(|call| call.ending().is_none())
        };
        let count = u32::try_from(self.calls.iter().filter(running).count()).unwrap_or(u32::MAX);
        let limits = &self.book.limits;
        Load {
            placed: self.placed.usage(limits.placed_per_day.value, limits.day.value, self.now),
            running_of_number: count,
            running_of_account: count,
            pair_in_call: count > 0,
        }
    }

    pub(crate) fn new_call(&mut self, direction: Direction) -> CallNo {
        let business_is_mute = self.dice.chance(5);
        let user_is_mute = self.dice.chance(5);
        let direction = Some(direction);
        self.calls.push(BothSides {
            direction,
            business_is_mute,
            user_is_mute,
            ..BothSides::default()
        });
        self.calls.len() - 1
    }

    pub(crate) fn expect_same(&mut self, what: &str, got: &str, want: &str) {
        if got != want {
            self.fault(&format!("{what}: the rules say {got}, the reference {want}"));
        }
    }

    pub(crate) fn tell(&mut self, line: &str) {
        self.report.story.push(format!("{} {line}", self.now));
    }

    pub(crate) fn fault(&mut self, line: &str) {
        self.tell(&format!("FAULT {line}"));
        self.report.faults.push(format!("{} {line}", self.now));
    }
}

fn yes(it_is: bool) -> &'static str {
    if it_is { "yes" } else { "no" }
}

pub(crate) fn number() -> NumberFacts {
    NumberFacts {
        country: "BR".parse().ok(),
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
