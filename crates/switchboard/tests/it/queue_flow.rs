//! A caller waits in a queue, or is rung through one agent after the other.

use std::{sync::Arc, time::Duration};

use offhook_switchboard::{
    call::{Effect, Input, Outcome, State, Termination},
    flow::{Caller, Flow, FromQueue, Ring, Spoken, Supplies, ToQueue},
    queue::{Entry, Left, Overflow},
};
use terms::Timestamp;

use crate::desk::{Desk, agent, key, plan, play};

const FLOW: &str = r#"
start = "wait"
[step.wait]
queue = "support"
announce = "position"
notice = "press"
every = "30s"
max_wait = "2m"
max_length = 20
callback = { key = "1", next = "kept" }
overflow = "bye"
no_agents = "people"
[step.people]
ring = "longest_idle"
skill = "billing"
each = "5s"
for = "12s"
no_answer = "bye"
[step.kept]
play = "kept"
next = "end"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#;

fn supplies() -> Supplies {
    let prompts = ["position-1", "position-2", "press", "kept", "bye"]
        .map(|name| (name.to_owned(), Duration::from_secs(2)));
    let queues = Some(["support".to_owned()].into());
    Supplies { prompts: prompts.into(), queues, speech: true, ..Supplies::default() }
}

fn waiting() -> (Desk, Vec<Effect>) {
    waiting_in(FLOW)
}

/// A caller whom the flow answered at once, and what that was.
fn waiting_in(flow: &str) -> (Desk, Vec<Effect>) {
    let flow = Some(Arc::new(Flow::load(flow, &supplies()).unwrap()));
    let mut plan = plan(flow);
    plan.ring_first = false;
    let mut desk = Desk::incoming_by(plan);
    desk.assert_effects(Input::LegReady, [Effect::PreAccept, Effect::Tell]);
    desk.assert_effects(Input::PreAccepted(Outcome::Done), [Effect::Accept, Effect::Tell]);
    let mut desk = desk.after(Input::MediaConnected);
    let (handled, effects) = desk.handle(Input::Accepted(Outcome::Done));
    handled.unwrap();
    (desk, effects)
}

fn music() -> Effect {
    Effect::Play { prompt: "hold".into(), forever: true }
}

fn leave(left: Left) -> Effect {
    Effect::Queue(ToQueue::Leave(left))
}

fn place(position: usize) -> Input {
    Input::Queue(FromQueue::Place { position, estimate: None })
}

const STOP: Effect = Effect::StopRinging { taken_by: None };

#[test]
fn the_flow_answers_at_once_enters_the_queue_and_says_the_position() {
    let (mut desk, effects) = waiting();
    let entry = Entry {
        queue: "support".into(),
        priority: 0,
        max_wait: Some(Duration::from_secs(120)),
        max_length: 20,
        unless_nobody: true,
    };
    assert!(effects.contains(&Effect::Queue(ToQueue::Enter(entry))), "{effects:?}");
    assert!(effects.contains(&music()));
    desk.assert_effects(place(3), [play("position-2"), Effect::Tell]);
    desk.assert_effects(Input::PlaybackDone, [play("press")]);
    desk.assert_effects(Input::PlaybackDone, [music()]);
    desk.assert_effects(Input::PlaybackDone, []);
    desk.assert_effects(place(1), [Effect::Tell]);
    desk.pass(34);
    desk.assert_effects(Input::Tick, [play("position-1")]);
}

#[test]
fn an_offer_rings_one_agent_who_takes_it_or_passes_it_back() {
    let (mut desk, _) = waiting();
    let ring = Effect::Ring(Ring::Only(vec![agent("lia")]));
    desk.assert_effects(Input::Queue(FromQueue::Offered(agent("lia"))), [ring.clone()]);
    desk.assert_effects(Input::Rung(vec![agent("lia")]), []);
    let passed = Effect::Queue(ToQueue::Passed(agent("lia")));
    desk.assert_effects(Input::AgentDeclined(agent("lia")), [STOP, passed.clone()]);
    desk.assert_refused(Input::AgentAnswered(agent("lia")));
    desk.assert_effects(Input::Queue(FromQueue::Offered(agent("lia"))), [ring.clone()]);
    desk.assert_effects(Input::Rung(vec![]), [passed]);
    desk.assert_effects(Input::Queue(FromQueue::Offered(agent("lia"))), [ring.clone()]);
    desk.assert_effects(Input::Queue(FromQueue::Withdrawn(agent("lia"))), [STOP]);
    desk.assert_effects(Input::Queue(FromQueue::Offered(agent("lia"))), [ring]);
    let taken_by = Some(agent("lia"));
    desk.assert_effects(
        Input::AgentAnswered(agent("lia")),
        [
            leave(Left::Answered(agent("lia"))),
            Effect::StopRinging { taken_by },
            Effect::Bridge,
            Effect::Tell,
        ],
    );
    desk.assert_refused(Input::Queue(FromQueue::Offered(agent("rui"))));
}

#[test]
fn a_caller_who_hangs_up_abandons_and_an_overflow_goes_on() {
    let (mut desk, _) = waiting();
    let gone = Input::Terminated(Termination { picked_up: true, error: None });
    let (_, effects) = desk.handle(gone);
    assert_eq!(effects[..2], [leave(Left::Abandoned), STOP]);
    let (mut desk, _) = waiting();
    desk.assert_effects(
        Input::Queue(FromQueue::Overflow(Overflow::Full)),
        [leave(Left::Overflowed(Overflow::Full)), play("bye")],
    );
    let (mut desk, _) = waiting();
    desk.pass(181);
    let silent = leave(Left::Overflowed(Overflow::NoQueue));
    desk.assert_effects(Input::Tick, [silent, play("bye")]);
}

#[test]
fn a_callback_is_confirmed_once_it_is_kept() {
    let (mut desk, _) = waiting();
    desk.assert_effects(Input::UserKey(key('2')), []);
    let keep = Effect::Queue(ToQueue::KeepCallback);
    desk.assert_effects(Input::UserKey(key('1')), [keep.clone()]);
    desk.assert_effects(Input::UserKey(key('1')), []);
    desk.assert_effects(Input::Queue(FromQueue::CallbackNotKept), []);
    desk.assert_effects(Input::UserKey(key('1')), [keep]);
    let kept = Input::Queue(FromQueue::CallbackKept);
    desk.assert_effects(kept, [leave(Left::CalledBack), play("kept")]);
    let (_, effects) = desk.handle(Input::PlaybackDone);
    assert!(effects.contains(&Effect::Terminate), "{effects:?}");
    assert!(matches!(desk.call.state(), State::Ending { .. }));
}

#[test]
fn longest_idle_rings_one_after_the_other_until_nobody_is_left() {
    let (mut desk, _) = waiting();
    let ring = |passed: &[&str]| {
        Effect::Ring(Ring::LongestIdle {
            skills: ["billing".to_owned()].into(),
            passed: passed.iter().map(|name| agent(name)).collect(),
        })
    };
    desk.assert_effects(
        Input::Queue(FromQueue::Overflow(Overflow::NobodyThere)),
        [leave(Left::Overflowed(Overflow::NobodyThere)), Effect::PlayNothing, ring(&[])],
    );
    desk.assert_effects(Input::Rung(vec![agent("lia")]), []);
    desk.pass(5);
    desk.assert_effects(Input::Tick, [STOP, ring(&["lia"])]);
    desk.assert_effects(Input::Rung(vec![agent("rui")]), []);
    desk.assert_refused(Input::AgentAnswered(agent("lia")));
    desk.assert_effects(Input::AgentDeclined(agent("rui")), [STOP, ring(&["lia", "rui"])]);
    desk.assert_effects(Input::Rung(vec![]), [STOP, play("bye")]);
}

#[test]
fn the_position_and_the_wait_are_told_in_words() {
    let (announce, words) =
        ("\"position\"", "{ say = \"Number {position}, {wait_minutes} minutes.\" }");
    let (mut desk, _) = waiting_in(&FLOW.replace(announce, words));
    let estimate = Some(Duration::from_secs(61));
    let text = "Number 2, 2 minutes.".to_owned();
    let spoken = Spoken { text, language: None, voice: None };
    desk.assert_effects(
        Input::Queue(FromQueue::Place { position: 2, estimate }),
        [Effect::Say { spoken, forever: false }, Effect::Tell],
    );
    desk.assert_effects(Input::PlaybackDone, [play("press")]);
}

#[test]
fn a_dry_run_waits_in_vain_or_asks_for_the_callback() {
    let flow = Flow::load(FLOW, &supplies()).unwrap();
    let at = Timestamp::from_unix(1_783_000_000);
    let path = |answers: &[String]| {
        let trace = flow.trace(&Caller::default(), at, answers);
        assert!(trace.ends);
        trace.trail.path().iter().map(|visited| visited.step.clone()).collect::<Vec<_>>()
    };
    assert_eq!(path(&[]), ["wait", "bye", "end"]);
    assert_eq!(path(&["1".to_owned()]), ["wait", "kept", "end"]);
}

#[test]
fn a_queue_steps_faults_have_lines_and_cures() {
    let faults = |flow: &str| Flow::load(flow, &supplies()).unwrap_err().to_string();
    let flow = "start = \"a\"\n[step.a]\nqueue = \"suport\"\nannounce = \"place\"\npriority = 10\n\
                callback = { kee = \"1\" }\noverflow = \"b\"\n[step.b]\nring = [\"lia\"]\nskill = \"pt\"\n\
                no_answer = \"c\"\n[step.c]\nhang_up = true\n";
    insta::assert_snapshot!(faults(flow));
}
