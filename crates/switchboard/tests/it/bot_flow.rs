//! A bot has the call, and what becomes of it.

use std::{sync::Arc, time::Duration};

use offhook_switchboard::{
    builtin::Choices,
    call::{Effect, EndReason, Input, Outcome, State},
    flow::{Flow, FromBot, Ring, Supplies, ToBot},
};

use crate::desk::{Desk, agent, key, plan, play};

const FLOW: &str = r#"
start = "know"
[step.know]
set = { order = "4711" }
next = "talk"
[step.talk]
bot = "concierge"
context = { order = "{order}", who = "{name}" }
person = "0"
next = "bye"
otherwise = "sorry"
[step.sorry]
play = "sorry"
next = "end"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#;

fn supplies() -> Supplies {
    let prompts = ["bye", "sorry"].map(|name| (name.to_owned(), Duration::from_secs(2)));
    let bots = Some(["concierge".to_owned()].into());
    Supplies { prompts: prompts.into(), bots, ..Supplies::default() }
}

/// A caller whom the flow gave to the bot at once, and what that was.
fn talking() -> (Desk, Vec<Effect>) {
    let mut plan = plan(Some(Arc::new(Flow::load(FLOW, &supplies()).unwrap())));
    plan.ring_first = false;
    let mut desk = Desk::incoming_by(plan)
        .after(Input::LegReady)
        .after(Input::PreAccepted(Outcome::Done))
        .after(Input::MediaConnected);
    let (handled, effects) = desk.handle(Input::Accepted(Outcome::Done));
    handled.unwrap();
    (desk, effects)
}

fn says(word: FromBot) -> Input {
    Input::Bot(word)
}

#[test]
fn the_bot_begins_with_what_the_flow_knows_after_the_call_was_accepted() {
    let (desk, effects) = talking();
    let context = [("order", "4711"), ("who", "")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let choices = Choices { people: true, ..Choices::default() };
    let begin =
        Effect::Bot(ToBot::Begin { bot: "concierge".into(), context: context.into(), choices });
    let gate = effects.iter().position(|effect| *effect == Effect::OpenGate).unwrap();
    let began = effects.iter().position(|effect| *effect == begin);
    assert!(began.is_some_and(|began| gate < began), "{effects:?}");
    assert!(desk.call.is_with_bot());
}

#[test]
fn a_bot_that_is_done_goes_on_and_one_that_is_lost_goes_elsewhere() {
    for (word, prompt) in [
        (FromBot::Done, "bye"),
        (FromBot::Lost, "sorry"),
        (FromBot::ToPeople, "sorry"),
        (FromBot::ToStep("bye".into()), "bye"),
        (FromBot::ToStep("nowhere".into()), "sorry"),
    ] {
        let (mut desk, _) = talking();
        desk.assert_effects(says(word), [play(prompt)]);
        assert!(!desk.call.is_with_bot());
        // It has no more say.
        desk.assert_effects(says(FromBot::HangsUp), []);
    }
}

#[test]
fn keys_go_to_the_bot_but_the_persons_key_leaves_it() {
    let (mut desk, _) = talking();
    desk.assert_effects(Input::UserKey(key('5')), [Effect::Bot(ToBot::Key(key('5')))]);
    desk.assert_effects(Input::UserKey(key('0')), [play("sorry")]);
}

#[test]
fn a_bot_may_end_the_call() {
    let (desk, _) = talking();
    let desk = desk.after(says(FromBot::HangsUp));
    let State::Ending { reason, .. } = desk.call.state() else { panic!("it goes on") };
    assert_eq!(*reason, EndReason::FlowHungUp { step: "talk".into() });
}

#[test]
fn a_bot_gives_the_call_to_an_agent_who_takes_it_or_does_not() {
    let ring = || [Effect::PlayNothing, Effect::Ring(Ring::Only(vec![agent("lia")]))];
    let (mut desk, _) = talking();
    desk.assert_effects(says(FromBot::ToAgent(agent("lia"))), ring());
    assert!(!desk.call.is_with_bot(), "it is over for the bot");
    let desk =
        desk.after(Input::Rung(vec![agent("lia")])).after(Input::AgentAnswered(agent("lia")));
    assert!(matches!(desk.call.state(), State::Bridged { .. }));

    let (mut desk, _) = talking();
    desk.assert_effects(says(FromBot::ToAgent(agent("lia"))), ring());
    let stop = Effect::StopRinging { taken_by: None };
    desk.assert_effects(Input::Rung(Vec::new()), [stop, play("sorry")]);

    let (mut desk, _) = talking();
    desk.assert_effects(says(FromBot::ToAgent(agent("lia"))), ring());
    let mut desk = desk.after(Input::Rung(vec![agent("lia")]));
    let stop = Effect::StopRinging { taken_by: None };
    desk.assert_effects(Input::AgentDeclined(agent("lia")), [stop, play("sorry")]);
}

#[test]
fn a_bot_nobody_configured_is_a_fault_with_its_cure() {
    let wrong = FLOW.replace("\"concierge\"", "\"conciege\"");
    let faults = Flow::load(&wrong, &supplies()).unwrap_err().to_string();
    assert_eq!(
        faults,
        "line 7, step `talk`: the configuration has no bot `conciege`: did you mean `concierge`?"
    );
}

#[test]
fn a_bot_knows_where_the_call_can_go_from_it() {
    const MESSAGE: &str = r#"
start = "speaks"
[step.speaks]
set = { language = "pt-br" }
next = "talk"
[step.talk]
bot = "concierge"
next = "end"
otherwise = "end"
message = "leave"
[step.leave]
voicemail = "sorry"
next = "end"
[step.end]
hang_up = true
"#;
    let begun = |text: &str| {
        let flow = Flow::load(text, &supplies()).map(Arc::new);
        let mut plan = plan(Some(flow.unwrap_or_else(|faults| panic!("{faults}"))));
        plan.ring_first = false;
        let mut desk =
            Desk::incoming_by(plan).after(Input::LegReady).after(Input::PreAccepted(Outcome::Done));
        desk = desk.after(Input::MediaConnected);
        let (handled, effects) = desk.handle(Input::Accepted(Outcome::Done));
        handled.unwrap();
        let begun = effects.into_iter().find_map(|effect| {
            let Effect::Bot(ToBot::Begin { choices, .. }) = effect else { return None };
            Some(choices)
        });
        (desk, begun.unwrap())
    };
    let (mut desk, choices) = begun(MESSAGE);
    let message = Some("leave".to_owned());
    assert_eq!(choices, Choices { language: Some("pt-br".into()), people: false, message });
    desk.assert_effects(says(FromBot::ToStep("leave".into())), [play("sorry")]);
    // A step that only the bot leads to is reached by it, and one that is not there is a fault.
    let faults =
        Flow::load(&MESSAGE.replace("message = \"leave\"", "message = \"leaf\""), &supplies());
    let told = faults.unwrap_err().to_string();
    assert!(told.contains("no step is named `leaf`: did you mean `leave`?"), "{told}");
}
