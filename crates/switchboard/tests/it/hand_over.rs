//! Hold, transfer and consultation, step by step.

use std::time::Duration;

use offhook_switchboard::{
    call::{Consulted, Destination, Effect, EndReason, Fault, Input, Outcome, Side, State},
    flow::Ring,
};

use crate::desk::{Desk, agent, play};

fn bridged(flow: bool) -> Desk {
    Desk::incoming(flow)
        .after(Input::LegReady)
        .after(Input::Rung(vec![agent("lia")]))
        .after(Input::AgentAnswered(agent("lia")))
        .after(Input::PreAccepted(Outcome::Done))
        .after(Input::Accepted(Outcome::Done))
        .after(Input::MediaConnected)
}

fn to(name: &str) -> Input {
    Input::AgentTransfers { agent: agent("lia"), to: Destination::Agent(agent(name)) }
}

fn ask(name: &str) -> Input {
    Input::AgentConsults { agent: agent("lia"), with: Consulted::Agent(agent(name)) }
}

fn ring(name: &str) -> Effect {
    Effect::Ring(Ring::Only(vec![agent(name)]))
}

fn done(desk: &mut Desk, input: Input) -> Vec<Effect> {
    let (handled, effects) = desk.handle(input);
    assert_eq!(handled, Ok(()));
    effects
}

fn with(name: &str) -> State {
    State::Bridged { agent: agent(name) }
}

#[test]
fn a_user_on_hold_hears_music_until_the_agent_comes_back() {
    let mut desk = bridged(true);
    let effects = done(&mut desk, Input::AgentHolds(agent("lia")));
    assert_eq!(effects, [Effect::Hold, Effect::Tell]);
    assert_eq!(desk.call.next_timeout(), None, "as long as the agent likes");
    assert!(desk.handle(Input::AgentHolds(agent("lia"))).0.is_err());
    assert!(desk.handle(Input::AgentResumes(agent("rui"))).0.is_err(), "not rui's call");
    let effects = done(&mut desk, Input::AgentResumes(agent("lia")));
    assert_eq!(effects, [Effect::Bridge, Effect::Tell]);
    assert_eq!(*desk.call.state(), with("lia"));
}

#[test]
fn a_blind_transfer_rings_the_other_agent_and_lets_go_at_once() {
    let mut desk = bridged(true);
    let effects = done(&mut desk, to("rui"));
    assert_eq!(effects, [Effect::DropAgent, Effect::Hold, ring("rui"), Effect::Tell]);
    assert_eq!(desk.call.state().agent(), None);
    assert_eq!(done(&mut desk, Input::Rung(vec![agent("rui")])), []);
    let effects = done(&mut desk, Input::AgentAnswered(agent("rui")));
    let taken_by = Some(agent("rui"));
    assert_eq!(effects, [Effect::StopRinging { taken_by }, Effect::Bridge, Effect::Tell]);
    assert_eq!(*desk.call.state(), with("rui"));
}

#[test]
fn a_transfer_nobody_takes_comes_back_and_then_goes_to_the_flow() {
    let mut desk = bridged(true);
    done(&mut desk, to("rui"));
    desk.now = desk.now + Duration::from_secs(20);
    let effects = done(&mut desk, Input::Tick);
    let stop = Effect::StopRinging { taken_by: None };
    assert_eq!(
        effects,
        [stop.clone(), Effect::Hold, Effect::Ring(Ring::Back(agent("lia"))), Effect::Tell]
    );
    let effects = done(&mut desk, Input::Rung(vec![]));
    assert_eq!(effects, [stop, play("menu"), Effect::Tell]);
    assert!(matches!(desk.call.state(), State::InFlow(_)));
}

#[test]
fn without_a_flow_a_transfer_nobody_takes_ends_the_call() {
    let mut desk = bridged(false);
    done(&mut desk, to("rui"));
    done(&mut desk, Input::Rung(vec![]));
    done(&mut desk, Input::AgentDeclined(agent("lia")));
    let State::Ending { reason, .. } = desk.call.state() else { panic!("{:?}", desk.call) };
    assert_eq!(*reason, EndReason::NobodyAnswered);
}

#[test]
fn a_call_goes_to_a_step_of_the_flow_and_to_no_unknown_one() {
    let to_step = |step: &str| Input::AgentTransfers {
        agent: agent("lia"),
        to: Destination::Flow { step: Some(step.into()) },
    };
    let mut desk = bridged(true);
    assert!(desk.handle(to_step("nowhere")).0.is_err());
    assert_eq!(*desk.call.state(), with("lia"), "a refusal changes nothing");
    let effects = done(&mut desk, to_step("bye"));
    assert_eq!(effects, [Effect::DropAgent, play("goodbye"), Effect::Tell]);
    assert_eq!(desk.call.step_name(), Some("bye"));
}

#[test]
fn who_was_asked_takes_over_when_the_agent_hands_over() {
    let mut desk = bridged(true);
    let effects = done(&mut desk, ask("rui"));
    assert_eq!(effects, [Effect::Hold, ring("rui"), Effect::Tell]);
    let effects = done(&mut desk, Input::AgentAnswered(agent("rui")));
    let taken_by = Some(agent("rui"));
    assert_eq!(effects, [Effect::StopRinging { taken_by }, Effect::BridgeConsult, Effect::Tell]);
    assert_eq!(desk.call.state().agent(), Some(&agent("lia")), "lia still has the user");
    let effects = done(&mut desk, Input::AgentCompletes(agent("lia")));
    assert_eq!(effects, [Effect::TakeOver, Effect::Bridge, Effect::Tell]);
    assert_eq!(*desk.call.state(), with("rui"));
}

#[test]
fn hanging_up_in_a_consultation_hands_over_as_it_stands() {
    let mut talking = bridged(true).after(ask("rui")).after(Input::AgentAnswered(agent("rui")));
    let effects = done(&mut talking, Input::AgentHungUp(agent("lia")));
    assert_eq!(effects, [Effect::TakeOver, Effect::Bridge, Effect::Tell]);

    let mut ringing = bridged(true).after(ask("rui"));
    let effects = done(&mut ringing, Input::AgentHungUp(agent("lia")));
    assert_eq!(effects, [Effect::DropAgent, Effect::Hold, Effect::Tell]);
    let effects = done(&mut ringing, Input::AgentAnswered(agent("rui")));
    assert!(effects.contains(&Effect::Bridge), "{effects:?}");
    assert_eq!(*ringing.call.state(), with("rui"));
}

#[test]
fn the_agent_comes_back_from_a_consultation_and_the_other_one_is_free() {
    let mut desk = bridged(true).after(ask("rui")).after(Input::AgentAnswered(agent("rui")));
    let effects = done(&mut desk, Input::AgentResumes(agent("lia")));
    assert_eq!(effects, [Effect::DropConsulted, Effect::Bridge, Effect::Tell]);

    let mut desk = bridged(true).after(ask("rui")).after(Input::AgentAnswered(agent("rui")));
    let effects = done(&mut desk, Input::AgentHungUp(agent("rui")));
    assert_eq!(effects, [Effect::DropConsulted, Effect::Hold, Effect::Tell]);
    let effects = done(&mut desk, Input::AgentResumes(agent("lia")));
    assert_eq!(effects, [Effect::Bridge, Effect::Tell]);
}

#[test]
fn an_agent_whose_page_is_reloaded_has_the_call_again() {
    let mut desk = bridged(true);
    let effects = done(&mut desk, Input::AgentGone(agent("lia")));
    assert_eq!(effects, [Effect::DropAgent, Effect::Hold, Effect::Tell]);
    assert!(desk.handle(Input::AgentResumes(agent("lia"))).0.is_err(), "without a leg");
    assert!(desk.handle(Input::AgentReturned(agent("rui"))).0.is_err(), "not rui's call");
    let effects = done(&mut desk, Input::AgentReturned(agent("lia")));
    assert_eq!(effects, [Effect::Bridge, Effect::Tell]);
}

#[test]
fn an_agent_who_stays_away_leaves_the_user_to_the_flow_or_to_nobody() {
    let mut desk = bridged(true).after(Input::AgentGone(agent("lia")));
    desk.now = desk.now + Duration::from_secs(15);
    assert_eq!(done(&mut desk, Input::Tick), [play("menu"), Effect::Tell]);

    let mut desk = bridged(false).after(Input::AgentGone(agent("lia")));
    desk.now = desk.now + Duration::from_secs(15);
    assert!(done(&mut desk, Input::Tick).contains(&Effect::Terminate));
    let State::Ending { reason, .. } = desk.call.state() else { panic!("{:?}", desk.call) };
    assert_eq!(*reason, EndReason::AgentGone(agent("lia")));
    assert_eq!(reason.fault(), Some(Fault::Business));
}

fn lost(side: Side) -> Input {
    Input::MediaFailed { side, why: "no path".into() }
}

#[test]
fn a_user_waits_for_an_agent_whose_audio_path_failed() {
    let mut desk = bridged(true);
    let effects = done(&mut desk, lost(Side::Agent));
    assert_eq!(effects, [Effect::DropAgent, Effect::Hold, Effect::Tell]);
    assert!(desk.call.state().waits_for(&agent("lia")));
    assert!(desk.handle(lost(Side::Agent)).0.is_err(), "its leg is gone");
    let effects = done(&mut desk, Input::AgentReturned(agent("lia")));
    assert_eq!(effects, [Effect::Bridge, Effect::Tell]);

    let mut desk = bridged(false).after(lost(Side::Agent));
    desk.now = desk.now + Duration::from_secs(15);
    assert!(done(&mut desk, Input::Tick).contains(&Effect::Terminate));
    let State::Ending { reason, .. } = desk.call.state() else { panic!("{:?}", desk.call) };
    assert_eq!(*reason, EndReason::AgentMediaFailed { why: "no path".into() });
}

#[test]
fn a_consultation_ends_when_a_leg_of_it_fails_and_the_user_still_waits() {
    let talking = || bridged(true).after(ask("rui")).after(Input::AgentAnswered(agent("rui")));
    let effects = done(&mut talking(), lost(Side::Consulted));
    assert_eq!(effects, [Effect::DropConsulted, Effect::Hold, Effect::Tell]);
    let mut desk = talking();
    let effects = done(&mut desk, lost(Side::Agent));
    let wanted = [Effect::DropConsulted, Effect::DropAgent, Effect::Hold, Effect::Tell];
    assert_eq!(effects, wanted, "nobody hands over a call unheard");
    assert!(desk.call.state().waits_for(&agent("lia")));
    let effects = done(&mut bridged(true).after(ask("rui")), lost(Side::Agent));
    assert_eq!(effects.first(), Some(&Effect::StopRinging { taken_by: None }));
}

/// Two agents and the platform's answers come in every order: one of the two has the call.
#[test]
fn of_two_agents_who_race_a_thousand_times_one_wins_each() {
    let mut seed = 1_u64;
    let mut winners = [0, 0];
    for _ in 0..1_000 {
        let mut inputs = vec![
            Input::AgentAnswered(agent("lia")),
            Input::AgentAnswered(agent("rui")),
            Input::PreAccepted(Outcome::Done),
            Input::MediaConnected,
            Input::AgentDeclined(agent("rui")),
        ];
        for at in (1..inputs.len()).rev() {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            inputs.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
        }
        let mut desk = Desk::incoming(true)
            .after(Input::LegReady)
            .after(Input::Rung(vec![agent("lia"), agent("rui")]));
        let mut taken = Vec::new();
        for input in inputs {
            for effect in desk.handle(input).1 {
                if let Effect::StopRinging { taken_by: Some(winner) } = effect {
                    taken.push(winner);
                }
            }
        }
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert_eq!(desk.call.state().agent(), taken.first());
        winners[usize::from(taken[0] == agent("rui"))] += 1;
    }
    assert!(winners[0] > 100 && winners[1] > 100, "both can win: {winners:?}");
}
