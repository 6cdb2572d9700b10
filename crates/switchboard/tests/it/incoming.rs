//! A user calls.

use offhook_switchboard::{
    call::{Effect, EndReason, Fault, Input, Outcome, Side, State, Termination},
    flow::Ring,
};

use crate::desk::{Desk, agent, play, refused, unreachable};

fn ringing() -> Desk {
    Desk::incoming(true)
        .after(Input::LegReady)
        .after(Input::Rung(vec![agent("lia"), agent("rui")]))
        .after(Input::PreAccepted(Outcome::Done))
}

fn bridged() -> Desk {
    ringing()
        .after(Input::MediaConnected)
        .after(Input::AgentAnswered(agent("lia")))
        .after(Input::Accepted(Outcome::Done))
}

fn hung_up() -> Termination {
    Termination { picked_up: true, error: None }
}

#[test]
fn an_agent_answers_and_media_leaves_only_after_accept() {
    let mut desk = Desk::incoming(true);
    desk.assert_effects(
        Input::LegReady,
        [Effect::PreAccept, Effect::Ring(Ring::Everyone), Effect::Tell],
    );
    desk.assert_effects(Input::Rung(vec![agent("lia")]), []);
    desk.assert_effects(
        Input::AgentAnswered(agent("lia")),
        [Effect::StopRinging { taken_by: Some(agent("lia")) }],
    );
    desk.assert_effects(Input::PreAccepted(Outcome::Done), [Effect::Accept, Effect::Tell]);
    desk.assert_effects(Input::MediaConnected, []);
    desk.assert_effects(
        Input::Accepted(Outcome::Done),
        [Effect::OpenGate, Effect::WatchMedia, Effect::Bridge, Effect::Tell],
    );
    desk.assert_effects(
        Input::AgentHungUp(agent("lia")),
        [Effect::PlayNothing, Effect::DropAgent, Effect::Terminate, Effect::Tell],
    );
    desk.assert_effects(Input::Closed(Outcome::Done), []);
    let reason = EndReason::AgentHungUp(agent("lia"));
    desk.assert_effects(Input::Terminated(hung_up()), [Effect::Finish(reason), Effect::Tell]);
    desk.assert_refused(Input::Terminated(hung_up()));
}

#[test]
fn the_prompt_waits_for_the_media_path() {
    let mut desk = Desk::incoming(true).after(Input::LegReady).after(Input::Rung(vec![]));
    desk.assert_effects(Input::PreAccepted(Outcome::Done), [Effect::Accept, Effect::Tell]);
    desk.assert_effects(
        Input::Accepted(Outcome::Done),
        [Effect::OpenGate, Effect::WatchMedia, Effect::Tell],
    );
    desk.assert_effects(Input::MediaConnected, [play("menu"), Effect::Tell]);
}

#[test]
fn a_media_path_that_never_comes_up_ends_the_call() {
    let mut desk =
        ringing().after(Input::AgentAnswered(agent("rui"))).after(Input::Accepted(Outcome::Done));
    desk.pass(15);
    let (_, effects) = desk.handle(Input::Tick);
    assert!(effects.contains(&Effect::Terminate));
    let State::Ending { reason, .. } = desk.call.state() else { panic!() };
    assert_eq!(reason.fault(), Some(Fault::Platform));
}

#[test]
fn nobody_answers_in_time_so_the_flow_does() {
    let mut desk = ringing();
    assert_eq!(desk.call.next_timeout().unwrap().1, "an agent to answer");
    desk.pass(20);
    desk.assert_effects(
        Input::Tick,
        [Effect::StopRinging { taken_by: None }, Effect::Accept, Effect::Tell],
    );
    desk.assert_refused(Input::AgentAnswered(agent("lia")));
}

#[test]
fn everybody_declines_so_the_flow_answers() {
    let mut desk = ringing();
    desk.assert_effects(Input::AgentDeclined(agent("lia")), []);
    desk.assert_effects(Input::AgentGone(agent("rui")), [Effect::Accept, Effect::Tell]);
}

#[test]
fn without_a_flow_nobody_there_rejects_the_call() {
    let mut desk = Desk::incoming(false).after(Input::LegReady);
    let (_, effects) = desk.handle(Input::Rung(vec![]));
    assert!(effects.contains(&Effect::Reject), "{effects:?}");
    assert!(!effects.contains(&Effect::Terminate));
}

#[test]
fn the_second_agent_is_too_late() {
    let mut desk = ringing().after(Input::AgentAnswered(agent("lia")));
    desk.assert_refused(Input::AgentAnswered(agent("rui")));
    desk.assert_refused(Input::AgentHungUp(agent("rui")));
}

#[test]
fn an_agent_who_vanishes_before_accept_hands_the_call_to_the_flow() {
    let mut desk = ringing().after(Input::AgentAnswered(agent("lia")));
    desk.assert_effects(Input::AgentGone(agent("lia")), [Effect::DropAgent]);
    let (_, effects) = desk.after(Input::MediaConnected).handle(Input::Accepted(Outcome::Done));
    assert!(effects.contains(&play("menu")));
}

#[test]
fn a_dead_platform_is_terminated_again_and_then_left() {
    let mut desk = ringing().after(Input::AgentAnswered(agent("lia")));
    let (_, effects) = desk.handle(Input::Accepted(unreachable()));
    assert!(effects.contains(&Effect::Terminate));
    for _ in 0..12 {
        desk.assert_effects(Input::Closed(unreachable()), []);
        desk.pass(5);
        desk.assert_effects(Input::Tick, [Effect::Terminate]);
    }
    let (_, effects) = desk.handle(Input::Closed(unreachable()));
    let Some(Effect::Finish(reason)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(reason.fault(), Some(Fault::Platform));
    assert!(reason.text().contains("accept"));
}

#[test]
fn a_refused_pre_accept_ends_the_call_with_its_code() {
    let mut desk = Desk::incoming(true).after(Input::LegReady);
    let (_, effects) = desk.handle(Input::PreAccepted(refused(131_044)));
    assert!(effects.contains(&Effect::Reject));
    let State::Ending { reason, .. } = desk.call.state() else { panic!() };
    assert_eq!(reason.fault(), Some(Fault::Business));
}

#[test]
fn the_caller_gives_up_while_agents_ring() {
    let mut desk = ringing();
    desk.assert_effects(
        Input::Terminated(Termination { picked_up: false, error: None }),
        [
            Effect::StopRinging { taken_by: None },
            Effect::Finish(EndReason::CallerGaveUp),
            Effect::Tell,
        ],
    );
}

#[test]
fn silence_counts_twenty_seconds_at_first_and_thirty_later() {
    let mut desk = bridged();
    let (_, effects) = desk.handle(Input::MediaStopped { seconds: 20 });
    assert!(effects.contains(&Effect::Terminate));

    let mut desk = bridged().after(Input::MediaHeard);
    desk.assert_effects(Input::MediaStopped { seconds: 20 }, []);
    let (_, effects) = desk.handle(Input::MediaStopped { seconds: 30 });
    assert!(effects.contains(&Effect::Terminate));
}

#[test]
fn the_platforms_error_names_whose_fault_it_was() {
    let error = Some((138_021, "Media receive timeout".to_owned()));
    let mut desk = bridged();
    let (_, effects) = desk.handle(Input::Terminated(Termination { picked_up: true, error }));
    let Some(Effect::Finish(reason)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(reason.fault(), Some(Fault::Business));
}

#[test]
fn a_failed_leg_ends_the_call_politely() {
    let mut desk = bridged();
    let failed = Input::MediaFailed { side: Side::Whatsapp, why: "consent expired".into() };
    let (_, effects) = desk.handle(failed.clone());
    assert!(effects.contains(&Effect::Terminate));
    desk.assert_refused(failed);
}

#[test]
fn stopping_the_gateway_ends_the_call() {
    let (_, effects) = bridged().handle(Input::Stop);
    assert!(effects.contains(&Effect::Terminate));
    let (_, effects) = ringing().handle(Input::Stop);
    assert!(effects.contains(&Effect::Reject));
}
