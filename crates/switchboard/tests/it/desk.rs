//! A call under test: hand in inputs, compare effects.

use std::{sync::Arc, time::Duration};

use offhook_switchboard::{
    call::{Answerer, Call, Effect, Input, Outcome, Plan, Refusal},
    flow::{Caller, Flow, Key, Supplies},
};
use terms::{AgentId, Timestamp};

pub(crate) const FLOW: &str = r#"
start = "menu"
[step.menu]
gather = "menu"
wait = "5s"
tries = 2
next = "choose"
silence = "bye"
[step.choose]
branch = { "1" = "echo", "2" = "people", "3" = "again" }
otherwise = "bye"
[step.again]
play = "welcome"
next = "menu"
[step.people]
ring = "everyone"
for = "20s"
no_answer = "bye"
[step.echo]
echo = "10s"
next = "bye"
[step.bye]
play = "goodbye"
next = "end"
[step.end]
hang_up = true
"#;

pub(crate) struct Desk {
    pub(crate) call: Call,
    pub(crate) now: Timestamp,
}

pub(crate) fn agent(name: &str) -> AgentId {
    name.parse().unwrap()
}

pub(crate) fn key(sign: char) -> Key {
    Key::new(sign).unwrap()
}

pub(crate) fn supplies() -> Supplies {
    let prompts =
        ["menu", "goodbye", "welcome"].map(|name| (name.to_owned(), Duration::from_secs(2)));
    Supplies { prompts: prompts.into(), speech: true, ..Supplies::default() }
}

pub(crate) fn flow(text: &str) -> Arc<Flow> {
    Arc::new(Flow::load(text, &supplies()).unwrap())
}

pub(crate) fn plan(flow: Option<Arc<Flow>>) -> Plan {
    let (ring_for, return_for) = (Duration::from_secs(20), Duration::from_secs(15));
    let caller = Caller::default();
    Plan { ring_for, return_for, ring_first: true, flow, flow_asked: false, caller }
}

pub(crate) fn refused(code: i64) -> Outcome {
    Outcome::Refused { code, text: "no".into() }
}

pub(crate) fn unreachable() -> Outcome {
    Outcome::Unreachable { why: "timed out".into() }
}

pub(crate) fn play(prompt: &str) -> Effect {
    Effect::Play { prompt: prompt.into(), forever: false }
}

impl Desk {
    pub(crate) fn incoming(flow: bool) -> Self {
        Self::incoming_by(plan(flow.then(|| self::flow(FLOW))))
    }

    pub(crate) fn incoming_by(plan: Plan) -> Self {
        let mut effects = Vec::new();
        let call = Call::incoming(plan, &mut effects);
        assert_eq!(effects, [Effect::OpenLeg]);
        Self { call, now: Timestamp::from_unix(1_783_000_000) }
    }

    pub(crate) fn outgoing() -> Self {
        Self::outgoing_by(Answerer::Agent(agent("lia")))
    }

    pub(crate) fn outgoing_by(answerer: Answerer) -> Self {
        let mut effects = Vec::new();
        let now = Timestamp::from_unix(1_783_000_000);
        let call = Call::outgoing(plan(Some(flow(FLOW))), answerer, now, &mut effects);
        assert_eq!(effects, [Effect::Connect]);
        Self { call, now }
    }

    /// Hands in an input that must have its place.
    pub(crate) fn after(mut self, input: Input) -> Self {
        let mut effects = Vec::new();
        self.call.handle(input, self.now, &mut effects).unwrap();
        self
    }

    pub(crate) fn handle(&mut self, input: Input) -> (Result<(), Refusal>, Vec<Effect>) {
        let mut effects = Vec::new();
        let handled = self.call.handle(input, self.now, &mut effects);
        (handled, effects)
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    #[track_caller]
    pub(crate) fn assert_effects<const N: usize>(&mut self, input: Input, wanted: [Effect; N]) {
        let shown = format!("{input:?}");
        let (handled, effects) = self.handle(input);
        assert_eq!(handled, Ok(()), "{shown}");
        assert_eq!(effects, wanted, "{shown} in {:?}", self.call.state());
    }

    #[track_caller]
    pub(crate) fn assert_refused(&mut self, input: Input) {
        let before = format!("{:?}", self.call.state());
        let (handled, effects) = self.handle(input);
        assert!(handled.is_err());
        assert_eq!(effects, []);
        assert_eq!(format!("{:?}", self.call.state()), before);
    }
}
