//! A telephone of the house rings for a call, and what becomes of it.

use std::{sync::Arc, time::Duration};

use offhook_switchboard::{
    builtin::Choices,
    call::{Consulted, Destination, Effect, EndReason, Input, Outcome, Side, State},
    flow::{Flow, FromBot, FromQueue, FromTrunk, NotTaken, Ring, Room, Supplies, ToBot, ToTrunk},
    queue::Overflow,
    trunk::Extensions,
};

use crate::desk::{Desk, agent, plan, play};

const FLOW: &str = r#"
start = "know"
[step.know]
set = { desk = "200", order = "4711" }
next = "desk"
[step.desk]
trunk = "pbx"
extension = "{desk}"
context = { order = "{order}" }
for = "25s"
next = "bye"
otherwise = "why"
[step.why]
when = [{ variable = { trunk = "busy" }, next = "busy" }]
otherwise = "sorry"
[step.busy]
play = "busy"
next = "end"
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
    let prompts = ["bye", "busy", "sorry"].map(|name| (name.to_owned(), Duration::from_secs(2)));
    let extensions = Extensions::parse(&["2XX".to_owned()]).unwrap();
    let trunks = Some([("pbx".to_owned(), extensions)].into());
    Supplies { prompts: prompts.into(), trunks, ..Supplies::default() }
}

pub(crate) fn music() -> Effect {
    Effect::Play { prompt: "hold".into(), forever: true }
}

fn rings(extension: &str, seconds: u64, context: &[(&str, &str)]) -> Effect {
    let context = context.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Effect::Trunk(ToTrunk::Ring {
        trunk: "pbx".into(),
        extension: extension.into(),
        ring_for: Duration::from_secs(seconds),
        context: context.collect(),
    })
}

/// A caller for whom the telephone rings, and what made it.
pub(crate) fn ringing() -> (Desk, Vec<Effect>) {
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

pub(crate) fn says(word: FromTrunk) -> Input {
    Input::Trunk(word)
}

pub(crate) fn put_through() -> [Effect; 2] {
    [Effect::Trunk(ToTrunk::PutThrough), Effect::Tell]
}

#[test]
fn the_telephone_rings_with_what_the_flow_knows_after_the_call_was_accepted() {
    let (desk, effects) = ringing();
    let gate = effects.iter().position(|effect| *effect == Effect::OpenGate).unwrap();
    let rang = rings("200", 25, &[("order", "4711")]);
    let rang = effects.iter().position(|effect| *effect == rang);
    assert!(rang.is_some_and(|rang| gate < rang), "{effects:?}");
    assert!(effects.contains(&music()), "the caller hears something meanwhile");
    assert!(desk.call.is_on_trunk());
}

#[test]
fn who_answers_is_heard_holds_and_hangs_up() {
    let (mut desk, _) = ringing();
    desk.assert_effects(says(FromTrunk::Rings), [Effect::Tell]);
    desk.assert_effects(says(FromTrunk::Early), [Effect::Trunk(ToTrunk::PutThrough)]);
    desk.assert_effects(says(FromTrunk::Answers), put_through());
    desk.assert_effects(says(FromTrunk::Answers), []);
    desk.assert_effects(says(FromTrunk::Holds), [music(), Effect::Tell]);
    desk.assert_effects(says(FromTrunk::Holds), []);
    desk.assert_effects(says(FromTrunk::Resumes), put_through());
    desk.assert_effects(says(FromTrunk::HangsUp), [play("bye")]);
    assert!(!desk.call.is_on_trunk());
    assert_eq!(desk.call.trail().variables().get("trunk").unwrap(), "answered");
    desk.assert_effects(says(FromTrunk::Answers), []);
}

#[test]
fn the_flow_knows_why_a_telephone_was_not_to_be_had() {
    for (word, prompt, why) in [
        (FromTrunk::NotTaken(NotTaken::Busy), "busy", "busy"),
        (FromTrunk::NotTaken(NotTaken::NoAnswer), "sorry", "no_answer"),
        (FromTrunk::NotTaken(NotTaken::Refused), "sorry", "refused"),
        (FromTrunk::NotTaken(NotTaken::Unavailable), "sorry", "unavailable"),
        (FromTrunk::HangsUp, "sorry", "unavailable"),
        (FromTrunk::Lost, "sorry", "unavailable"),
    ] {
        let (mut desk, _) = ringing();
        desk.assert_effects(says(word), [play(prompt)]);
        assert_eq!(desk.call.trail().variables().get("trunk").unwrap(), why);
    }
}

#[test]
fn a_telephone_that_is_lost_in_a_call_leaves_the_caller_to_somebody_else() {
    let (desk, _) = ringing();
    let mut desk = desk.after(says(FromTrunk::Answers));
    desk.assert_effects(says(FromTrunk::Lost), [play("sorry")]);
}

#[test]
fn a_trunk_that_never_says_a_word_is_not_waited_for_for_ever() {
    let (mut desk, _) = ringing();
    let (at, why) = desk.call.next_timeout().unwrap();
    assert_eq!(why, "a word of the trunk");
    assert!(at > desk.now + Duration::from_secs(25), "its own time comes first");
    desk.now = at;
    desk.assert_effects(Input::Tick, [play("sorry")]);
}

#[test]
fn what_nobody_may_ring_is_a_fault_with_its_cure() {
    let faults = |from: &str, to: &str| {
        Flow::load(&FLOW.replace(from, to), &supplies()).unwrap_err().to_string()
    };
    assert_eq!(
        faults("trunk = \"pbx\"", "trunk = \"pbs\""),
        "line 7, step `desk`: the configuration has no trunk `pbs`: did you mean `pbx`?"
    );
    assert_eq!(
        faults("\"{desk}\"", "\"5511\""),
        "line 8, step `desk`: the trunk `pbx` has no extension `5511`, only 2XX"
    );
    assert_eq!(
        faults("extension = \"{desk}\"\n", ""),
        "line 6, step `desk`: it needs `extension`: whom to ring on the trunk"
    );
}

fn to(room: Room) -> Input {
    Input::AgentTransfers { agent: agent("lia"), to: Destination::Room(room) }
}

fn desk_phone() -> Room {
    Room::Trunk { trunk: "pbx".into(), extension: "201".into() }
}

/// An agent has the call; there is a flow behind, or none.
pub(crate) fn bridged(with_flow: bool) -> Desk {
    Desk::incoming(with_flow)
        .after(Input::LegReady)
        .after(Input::Rung(vec![agent("lia")]))
        .after(Input::AgentAnswered(agent("lia")))
        .after(Input::PreAccepted(Outcome::Done))
        .after(Input::Accepted(Outcome::Done))
        .after(Input::MediaConnected)
}

#[test]
fn an_agent_gives_a_call_to_a_telephone() {
    for with_flow in [true, false] {
        let mut desk = bridged(with_flow);
        desk.assert_effects(
            to(desk_phone()),
            [Effect::DropAgent, music(), rings("201", 20, &[]), Effect::Tell],
        );
        assert_eq!(desk.call.step_name(), Some("transfer to trunk pbx 201"));
        desk.assert_effects(says(FromTrunk::Answers), put_through());
        let desk = desk.after(says(FromTrunk::HangsUp));
        let State::Ending { reason, .. } = desk.call.state() else { panic!("it goes on") };
        let step = "end of the transfer".to_owned();
        assert_eq!(*reason, EndReason::FlowHungUp { step });
    }
}

#[test]
fn a_call_nobody_takes_comes_back_and_then_goes_to_the_flow() {
    let back = || [music(), Effect::Ring(Ring::Back(agent("lia")))];
    let busy = says(FromTrunk::NotTaken(NotTaken::Busy));
    let mut desk = bridged(true).after(to(desk_phone()));
    desk.assert_effects(busy.clone(), back());
    let desk =
        desk.after(Input::Rung(vec![agent("lia")])).after(Input::AgentAnswered(agent("lia")));
    assert_eq!(*desk.call.state(), State::Bridged { agent: agent("lia") });

    let mut desk = bridged(true).after(to(desk_phone())).after(busy.clone());
    let stop = Effect::StopRinging { taken_by: None };
    desk.assert_effects(Input::Rung(Vec::new()), [stop, play("menu")]);
    assert_eq!(desk.call.step_name(), Some("menu"), "the flow's own start");

    let desk = bridged(false).after(to(desk_phone())).after(busy).after(Input::Rung(Vec::new()));
    assert!(matches!(desk.call.state(), State::Ending { .. }), "there is nobody else");
}

#[test]
fn a_call_given_to_a_queue_or_a_bot_comes_back_as_well() {
    let back = Effect::Ring(Ring::Back(agent("lia")));
    let mut desk = bridged(true);
    let (handled, effects) = desk.handle(to(Room::Queue("support".into())));
    handled.unwrap();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Queue(_))), "{effects:?}");
    let (_, effects) = desk.handle(Input::Queue(FromQueue::Overflow(Overflow::NoQueue)));
    assert!(effects.contains(&back), "{effects:?}");

    let mut desk = bridged(true);
    let choices = Choices { people: true, ..Choices::default() };
    let begin = ToBot::Begin { bot: "concierge".into(), context: [].into(), choices };
    desk.assert_effects(
        to(Room::Bot("concierge".into())),
        [Effect::DropAgent, Effect::PlayNothing, Effect::Bot(begin), Effect::Tell],
    );
    desk.assert_effects(Input::Bot(FromBot::Lost), [music(), back]);
}

#[test]
fn a_second_transfer_has_nothing_of_the_first() {
    let desk = bridged(true)
        .after(to(desk_phone()))
        .after(says(FromTrunk::NotTaken(NotTaken::Busy)))
        .after(Input::Rung(vec![agent("lia")]))
        .after(Input::AgentAnswered(agent("lia")));
    let desk = desk.after(to(Room::Bot("concierge".into())));
    assert_eq!(desk.call.step_name(), Some("transfer to bot concierge"));
    let desk = desk.after(Input::Bot(FromBot::ToStep("bye".into())));
    assert_eq!(desk.call.step_name(), Some("bye"), "a bot knows the steps of the flow");
}

fn asks() -> Input {
    let with = Consulted::Telephone { trunk: "pbx".into(), extension: "201".into() };
    Input::AgentConsults { agent: agent("lia"), with }
}

fn talks_with_agent() -> [Effect; 2] {
    [Effect::BridgeConsult, Effect::Tell]
}

#[test]
fn an_agent_asks_a_telephone_and_hands_over() {
    let mut desk = bridged(true);
    desk.assert_effects(asks(), [Effect::Hold, rings("201", 20, &[]), Effect::Tell]);
    assert!(desk.call.is_on_trunk() && desk.call.state().is_waiting());
    desk.assert_effects(says(FromTrunk::Answers), talks_with_agent());
    assert_eq!(desk.call.next_timeout(), None, "they talk as long as they like");
    let hands_over = Input::AgentCompletes(agent("lia"));
    let through = Effect::Trunk(ToTrunk::PutThrough);
    desk.assert_effects(hands_over, [Effect::DropAgent, through, Effect::Tell]);
    assert!(desk.call.is_on_trunk());
    assert_eq!(desk.call.step_name(), Some("transfer to trunk pbx 201"));
    let desk = desk.after(says(FromTrunk::HangsUp));
    assert!(matches!(desk.call.state(), State::Ending { .. }));
}

#[test]
fn hanging_up_hands_over_to_a_telephone_that_still_rings() {
    let mut desk = bridged(true).after(asks());
    let hangs_up = Input::AgentHungUp(agent("lia"));
    desk.assert_effects(hangs_up, [Effect::DropAgent, Effect::Tell]);
    desk.assert_effects(says(FromTrunk::Answers), put_through());

    // Nobody answers: back to the agent, as from any transfer.
    let mut desk = bridged(true).after(asks()).after(Input::AgentHungUp(agent("lia")));
    let back = Effect::Ring(Ring::Back(agent("lia")));
    desk.assert_effects(says(FromTrunk::NotTaken(NotTaken::NoAnswer)), [music(), back]);
}

#[test]
fn a_telephone_that_is_not_to_be_had_or_hangs_up_leaves_the_user_waiting_for_the_agent() {
    for word in [FromTrunk::NotTaken(NotTaken::Busy), FromTrunk::HangsUp, FromTrunk::Lost] {
        for answered in [false, true] {
            let mut desk = bridged(true).after(asks());
            if answered {
                desk = desk.after(says(FromTrunk::Answers));
            }
            desk.assert_effects(says(word), [Effect::Hold, Effect::Tell]);
            assert!(!desk.call.is_on_trunk());
            let resumes = Input::AgentResumes(agent("lia"));
            desk.assert_effects(resumes, [Effect::Bridge, Effect::Tell]);
        }
    }
    let mut desk = bridged(true).after(asks());
    let (at, why) = desk.call.next_timeout().unwrap();
    assert_eq!(why, "a word of the trunk");
    desk.now = at;
    desk.assert_effects(Input::Tick, [Effect::Hold, Effect::Tell]);
}

#[test]
fn an_agent_comes_back_from_a_telephone_and_the_browser_may_be_gone_meanwhile() {
    let mut desk = bridged(true).after(asks()).after(says(FromTrunk::Answers));
    let resumes = Input::AgentResumes(agent("lia"));
    desk.assert_effects(resumes, [Effect::Bridge, Effect::Tell]);
    assert!(!desk.call.is_on_trunk(), "the telephone is hung up on");

    let mut desk = bridged(true).after(asks()).after(says(FromTrunk::Answers));
    let (_, effects) = desk.handle(Input::AgentGone(agent("lia")));
    assert!(effects.contains(&Effect::Trunk(ToTrunk::PutThrough)), "{effects:?}");
    let rui = Input::AgentConsults { agent: agent("rui"), with: Consulted::Agent(agent("lia")) };
    assert!(bridged(true).after(asks()).handle(rui).0.is_err());
}

fn three_talk() -> Desk {
    bridged(true)
        .after(asks())
        .after(says(FromTrunk::Answers))
        .after(Input::AgentMerges(agent("lia")))
}

#[test]
fn an_agent_brings_a_telephone_in_and_either_keeps_the_user() {
    assert!(bridged(true).after(asks()).handle(Input::AgentMerges(agent("lia"))).0.is_err());
    let mut desk = bridged(true).after(asks()).after(says(FromTrunk::Answers));
    assert!(desk.handle(Input::AgentMerges(agent("rui"))).0.is_err(), "lia has the user");
    desk.assert_effects(Input::AgentMerges(agent("lia")), [Effect::Arrange, Effect::Tell]);
    assert_eq!(desk.call.state().as_str(), "three_way");
    assert!(desk.call.is_on_trunk() && !desk.call.state().is_waiting());

    for word in [FromTrunk::HangsUp, FromTrunk::Lost] {
        let mut desk = three_talk();
        desk.assert_effects(says(word), [Effect::Bridge, Effect::Tell]);
        assert!(!desk.call.is_on_trunk());
    }
    let mut desk = three_talk();
    desk.assert_effects(Input::AgentResumes(agent("lia")), [Effect::Bridge, Effect::Tell]);
    assert!(!desk.call.is_on_trunk(), "the telephone is hung up on");

    let why = "gone".to_owned();
    for leaves in [
        Input::AgentCompletes(agent("lia")),
        Input::AgentHungUp(agent("lia")),
        Input::AgentGone(agent("lia")),
        Input::MediaFailed { side: Side::Agent, why },
    ] {
        let mut desk = three_talk();
        let through = Effect::Trunk(ToTrunk::PutThrough);
        desk.assert_effects(leaves, [Effect::DropAgent, through, Effect::Tell]);
        assert_eq!(desk.call.step_name(), Some("transfer to trunk pbx 201"));
    }
}

#[test]
fn a_telephone_that_holds_and_comes_back_is_heard_again() {
    let asked = || bridged(true).after(asks()).after(says(FromTrunk::Answers));
    for mut desk in [asked(), three_talk()] {
        desk.assert_effects(says(FromTrunk::Holds), [Effect::Arrange]);
        desk.assert_effects(says(FromTrunk::Resumes), [Effect::Arrange]);
    }
}
