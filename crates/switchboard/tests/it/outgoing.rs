//! The business calls.

use offhook_switchboard::call::{
    Answerer, Effect, EndReason, Fault, Input, Outcome, State, Status, Termination,
};

use crate::desk::{Desk, agent, play, refused, unreachable};

const NOT_PICKED_UP: Termination = Termination { picked_up: false, error: None };

fn ringing() -> Desk {
    Desk::outgoing()
        .after(Input::Placed(Outcome::Done))
        .after(Input::AnswerArrived)
        .after(Input::MediaConnected)
        .after(Input::Status(Status::Ringing))
}

#[test]
fn the_user_picks_up() {
    let mut desk = Desk::outgoing();
    desk.assert_effects(Input::Placed(Outcome::Done), [Effect::Tell]);
    desk.assert_effects(Input::AnswerArrived, [Effect::ApplyAnswer]);
    desk.assert_refused(Input::AnswerArrived);
    desk.assert_effects(Input::Status(Status::Ringing), [Effect::Tell]);
    desk.assert_refused(Input::Status(Status::Ringing));
    desk.assert_effects(Input::MediaConnected, []);
    let joined = [Effect::OpenGate, Effect::WatchMedia, Effect::Bridge, Effect::Tell];
    desk.assert_effects(Input::Status(Status::Accepted), joined);
    desk.assert_refused(Input::Status(Status::Accepted));
    desk.assert_effects(
        Input::Terminated(Termination { picked_up: true, error: None }),
        [Effect::Finish(EndReason::UserHungUp), Effect::Tell],
    );
    desk.assert_refused(Input::Status(Status::Ringing));
}

#[test]
fn the_first_audio_counts_like_accepted() {
    let mut desk = ringing();
    let (_, effects) = desk.handle(Input::MediaHeard);
    assert!(effects.contains(&Effect::Bridge));
    desk.assert_refused(Input::Status(Status::Accepted));
}

#[test]
fn webhooks_may_overtake_the_answer_to_connect() {
    let mut desk = Desk::outgoing();
    desk.assert_effects(Input::AnswerArrived, [Effect::ApplyAnswer]);
    desk.assert_effects(Input::MediaConnected, []);
    let (_, effects) = desk.handle(Input::Status(Status::Accepted));
    assert!(effects.contains(&Effect::Bridge));
    desk.assert_refused(Input::Placed(Outcome::Done));
}

#[test]
fn terminate_may_overtake_everything() {
    let mut desk = Desk::outgoing().after(Input::Terminated(NOT_PICKED_UP));
    desk.assert_refused(Input::AnswerArrived);
    desk.assert_refused(Input::Status(Status::Accepted));
    assert!(matches!(desk.call.state(), State::Ended { reason: EndReason::UserDidNotAnswer }));
}

#[test]
fn the_user_says_no() {
    let mut desk = ringing();
    desk.assert_effects(Input::Status(Status::Rejected), []);
    desk.assert_effects(
        Input::Terminated(NOT_PICKED_UP),
        [Effect::Finish(EndReason::UserRejected), Effect::Tell],
    );
}

#[test]
fn nobody_picks_up() {
    let mut desk = ringing();
    desk.pass(75);
    let (_, effects) = desk.handle(Input::Tick);
    assert!(effects.contains(&Effect::Terminate));
    desk.pass(10);
    desk.assert_effects(Input::Tick, [Effect::Finish(EndReason::UserDidNotAnswer), Effect::Tell]);
}

#[test]
fn without_permission_nothing_is_terminated_and_the_code_is_kept() {
    let mut desk = Desk::outgoing();
    let (_, effects) = desk.handle(Input::Placed(refused(138_006)));
    let [Effect::Finish(reason), Effect::Tell] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(reason.fault(), Some(Fault::Business));
}

#[test]
fn a_connect_believed_lost_is_ended_when_a_webhook_shows_it() {
    let mut desk = Desk::outgoing();
    let (_, effects) = desk.handle(Input::Placed(unreachable()));
    assert!(!effects.contains(&Effect::Terminate));
    let (handled, effects) = desk.handle(Input::AnswerArrived);
    assert!(handled.is_err());
    assert_eq!(effects, [Effect::Terminate]);
}

#[test]
fn hanging_up_while_connect_is_under_way_terminates_once_it_returns() {
    let mut desk = Desk::outgoing();
    let (_, effects) = desk.handle(Input::AgentHungUp(agent("lia")));
    assert!(!effects.contains(&Effect::Terminate));
    desk.assert_effects(Input::Placed(Outcome::Done), [Effect::Terminate]);
}

#[test]
fn a_call_of_the_flow_speaks_once_the_user_picks_up_and_belongs_to_no_agent() {
    let mut desk = Desk::outgoing_by(Answerer::Flow);
    assert_eq!(desk.call.state().agent(), None);
    desk.assert_effects(Input::Placed(Outcome::Done), [Effect::Tell]);
    desk.assert_effects(Input::AnswerArrived, [Effect::ApplyAnswer]);
    desk.assert_effects(Input::MediaConnected, []);
    desk.assert_refused(Input::AgentGone(agent("lia")));
    desk.assert_refused(Input::AgentHungUp(agent("lia")));
    let spoken = [Effect::OpenGate, Effect::WatchMedia, play("menu"), Effect::Tell];
    desk.assert_effects(Input::Status(Status::Accepted), spoken);
    assert!(matches!(desk.call.state(), State::InFlow(_)));
    let (_, effects) = desk.handle(Input::UserKey(crate::desk::key('1')));
    assert!(effects.contains(&Effect::Echo), "{effects:?}");
}

#[test]
fn a_call_of_the_flow_waits_for_the_media_path() {
    let mut desk = Desk::outgoing_by(Answerer::Flow)
        .after(Input::Placed(Outcome::Done))
        .after(Input::AnswerArrived)
        .after(Input::Status(Status::Accepted));
    let (_, effects) = desk.handle(Input::MediaConnected);
    assert!(effects.contains(&play("menu")), "{effects:?}");
}
