//! Three-way calls and supervisors, step by step, and who hears whom meanwhile.

use offhook_switchboard::{
    call::{
        Consulted, Destination, Effect, EndReason, Input, Manner, Outcome, Side, State,
        Supervision, Termination,
    },
    flow::FromTrunk,
};

use crate::desk::{Desk, agent, play};

fn bridged() -> Desk {
    Desk::incoming(true)
        .after(Input::LegReady)
        .after(Input::Rung(vec![agent("lia")]))
        .after(Input::AgentAnswered(agent("lia")))
        .after(Input::PreAccepted(Outcome::Done))
        .after(Input::Accepted(Outcome::Done))
        .after(Input::MediaConnected)
}

fn consulting() -> Desk {
    bridged()
        .after(Input::AgentConsults { agent: agent("lia"), with: Consulted::Agent(agent("rui")) })
        .after(Input::AgentAnswered(agent("rui")))
}

fn three_way() -> Desk {
    consulting().after(Input::AgentMerges(agent("lia")))
}

fn inquiring() -> Desk {
    let with = Consulted::Telephone { trunk: "pbx".into(), extension: "201".into() };
    bridged().after(Input::AgentConsults { agent: agent("lia"), with })
}

fn with_telephone() -> Desk {
    inquiring().after(Input::Trunk(FromTrunk::Answers))
}

fn listens() -> Input {
    Input::SupervisorListens(agent("sol"))
}

fn turns(to: Manner) -> Input {
    Input::SupervisorTurns { supervisor: agent("sol"), to }
}

fn done(desk: &mut Desk, input: Input) -> Vec<Effect> {
    let (handled, effects) = desk.handle(input);
    assert_eq!(handled, Ok(()));
    effects
}

/// Whom user, agent, other agent and supervisor hear, by their first letters.
fn hearing(desk: &Desk) -> [String; 4] {
    Side::ALL.map(|listener| {
        let letter = |side| match side {
            Side::Whatsapp => 'u',
            Side::Agent => 'a',
            Side::Consulted => 'o',
            Side::Supervisor => 's',
        };
        desk.call.heard_by(listener).into_iter().map(letter).collect()
    })
}

#[test]
fn whoever_is_supposed_to_hears_whom_and_nobody_else_does() {
    let held = || bridged().after(Input::AgentHolds(agent("lia")));
    let transferring = || {
        let to = Destination::Agent(agent("rui"));
        bridged().after(Input::AgentTransfers { agent: agent("lia"), to })
    };
    let with = |desk: Desk, how| match how {
        Manner::Listening => desk.after(listens()),
        Manner::Whispering | Manner::Joined => desk.after(listens()).after(turns(how)),
    };
    let (listening, whispering, joined) = (Manner::Listening, Manner::Whispering, Manner::Joined);
    for (name, desk, wanted) in [
        ("bridged", bridged(), ["a", "u", "", ""]),
        ("bridged", with(bridged(), listening), ["a", "u", "", "uao"]),
        ("bridged", with(bridged(), whispering), ["a", "us", "", "uao"]),
        ("bridged", with(bridged(), joined), ["as", "us", "", "uao"]),
        ("held", held(), ["", "", "", ""]),
        ("held", with(held(), whispering), ["", "s", "", "uao"]),
        ("held", with(held(), joined), ["", "s", "", "uao"]),
        ("transferring", with(transferring(), joined), ["", "s", "", "uao"]),
        ("consulting", consulting(), ["", "o", "a", ""]),
        ("consulting", with(consulting(), whispering), ["", "os", "a", "uao"]),
        ("consulting", with(consulting(), joined), ["", "os", "as", "uao"]),
        ("the telephone rings", with(inquiring(), joined), ["", "s", "", "uao"]),
        ("the telephone talks", with_telephone(), ["", "o", "a", ""]),
        ("the telephone talks", with(with_telephone(), whispering), ["", "os", "a", "uao"]),
        ("the telephone talks", with(with_telephone(), joined), ["", "os", "as", "uao"]),
        (
            "three-way",
            with_telephone().after(Input::AgentMerges(agent("lia"))),
            ["ao", "uo", "ua", ""],
        ),
        ("three-way", three_way(), ["ao", "uo", "ua", ""]),
        ("three-way", with(three_way(), whispering), ["ao", "uos", "ua", "uao"]),
        ("three-way", with(three_way(), joined), ["aos", "uos", "uas", "uao"]),
    ] {
        let who = desk.call.supervision().map(|it| it.how);
        assert_eq!(hearing(&desk), wanted, "{name}, supervisor: {who:?}");
    }
}

#[test]
fn an_agent_brings_in_who_was_asked_and_either_keeps_the_user() {
    let mut desk = consulting();
    assert!(desk.handle(Input::AgentMerges(agent("rui"))).0.is_err(), "lia has the user");
    assert_eq!(done(&mut desk, Input::AgentMerges(agent("lia"))), [Effect::Arrange, Effect::Tell]);
    assert_eq!(desk.call.state().as_str(), "three_way");
    assert!(!desk.call.state().is_waiting(), "the user talks");

    for (leaves, stays, first) in
        [("lia", "rui", Effect::TakeOver), ("rui", "lia", Effect::DropConsulted)]
    {
        for input in [Input::AgentHungUp(agent(leaves)), Input::AgentGone(agent(leaves))] {
            let mut desk = three_way();
            assert_eq!(done(&mut desk, input), [first.clone(), Effect::Bridge, Effect::Tell]);
            assert_eq!(*desk.call.state(), State::Bridged { agent: agent(stays) });
        }
    }
    for (side, stays) in [(Side::Agent, "rui"), (Side::Consulted, "lia")] {
        let mut desk = three_way();
        done(&mut desk, Input::MediaFailed { side, why: "gone".into() });
        assert_eq!(*desk.call.state(), State::Bridged { agent: agent(stays) });
    }
    let mut desk = three_way();
    done(&mut desk, Input::AgentResumes(agent("lia")));
    assert_eq!(*desk.call.state(), State::Bridged { agent: agent("lia") }, "rui was let go");

    let mut desk = three_way();
    done(&mut desk, Input::Terminated(Termination { picked_up: true, error: None }));
    assert_eq!(*desk.call.state(), State::Ended { reason: EndReason::UserHungUp });
}

#[test]
fn who_still_rings_cannot_be_brought_in() {
    let ask = Input::AgentConsults { agent: agent("lia"), with: Consulted::Agent(agent("rui")) };
    let mut desk = bridged().after(ask);
    assert!(desk.handle(Input::AgentMerges(agent("lia"))).0.is_err());
    assert!(bridged().handle(Input::AgentMerges(agent("lia"))).0.is_err(), "nobody was asked");
}

#[test]
fn a_supervisor_comes_turns_and_goes_and_the_call_stays_as_it_is() {
    let mut desk = bridged();
    let state = desk.call.state().clone();
    let heard_anew = [Effect::Arrange, Effect::Tell];
    assert!(desk.handle(turns(Manner::Joined)).0.is_err(), "nobody is there");
    assert!(desk.handle(Input::SupervisorListens(agent("lia"))).0.is_err(), "has the call");
    assert_eq!(done(&mut desk, listens()), heard_anew);
    assert!(desk.handle(listens()).0.is_err(), "listens already");
    assert!(desk.handle(Input::SupervisorListens(agent("max"))).0.is_err(), "one is there");
    for how in [Manner::Whispering, Manner::Joined] {
        assert_eq!(done(&mut desk, turns(how)), heard_anew);
        let supervisor = agent("sol");
        assert_eq!(desk.call.supervision(), Some(&Supervision { supervisor, how }));
    }
    assert_eq!(done(&mut desk, listens()), heard_anew, "only listens again");
    let mute = Input::AgentMute { agent: agent("sol"), on: true };
    let muted = Effect::MuteAgent { agent: agent("sol"), on: true };
    assert_eq!(done(&mut desk, mute), [muted]);
    let gone = [Effect::Arrange, Effect::DropSupervisor, Effect::Tell];
    for input in [
        Input::SupervisorLeaves(agent("sol")),
        Input::AgentHungUp(agent("sol")),
        Input::AgentGone(agent("sol")),
        Input::MediaFailed { side: Side::Supervisor, why: "gone".into() },
    ] {
        let mut desk = bridged().after(listens());
        assert_eq!(done(&mut desk, input.clone()), gone, "{input:?}");
        assert_eq!(*desk.call.state(), state, "{input:?}");
        assert_eq!(desk.call.supervision(), None);
        assert!(desk.handle(input).0.is_err(), "once");
    }
}

#[test]
fn without_an_agent_there_is_no_supervisor() {
    let mut offered = Desk::incoming(true).after(Input::LegReady);
    assert!(offered.handle(listens()).0.is_err(), "nobody has it yet");
    let to = Destination::Flow { step: None };
    let mut desk = bridged().after(listens());
    let effects = done(&mut desk, Input::AgentTransfers { agent: agent("lia"), to });
    assert_eq!(effects, [Effect::DropSupervisor, Effect::DropAgent, play("menu"), Effect::Tell]);
    assert_eq!(desk.call.supervision(), None);

    let mut desk = bridged().after(listens());
    let effects = done(&mut desk, Input::AgentHungUp(agent("lia")));
    assert_eq!(effects.first(), Some(&Effect::DropSupervisor));
    assert!(effects.contains(&Effect::Terminate));
}
