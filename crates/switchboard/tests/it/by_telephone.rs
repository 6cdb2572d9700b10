//! A telephone of the house calls a user.

use offhook_switchboard::{
    call::{Answerer, Effect, EndReason, Input, Outcome, State, Status, Termination},
    flow::{FromTrunk, ToTrunk},
};

use crate::desk::{Desk, refused};

fn placed() -> Desk {
    Desk::outgoing_by(Answerer::Telephone { trunk: "pbx".into(), extension: "200".into() })
}

pub(crate) fn ringing() -> Desk {
    placed()
        .after(Input::Placed(Outcome::Done))
        .after(Input::AnswerArrived)
        .after(Input::MediaConnected)
        .after(Input::Status(Status::Ringing))
}

pub(crate) fn talking() -> Desk {
    ringing().after(Input::Status(Status::Accepted))
}

fn ends(desk: &mut Desk, input: Input, reason: &EndReason) -> Vec<Effect> {
    let (handled, effects) = desk.handle(input);
    assert_eq!(handled, Ok(()));
    assert!(matches!(desk.call.state(), State::Ending { reason: why, .. } if why == reason));
    assert!(!desk.call.is_on_trunk(), "the telephone is left");
    effects
}

#[test]
fn the_telephone_hears_it_ring_and_is_answered_when_the_user_has_picked_up() {
    let mut desk = placed();
    assert_eq!(desk.call.waiting_telephone(), Some(("pbx", "200")));
    assert!(desk.call.is_on_trunk());
    desk.assert_effects(Input::Placed(Outcome::Done), [Effect::Tell]);
    desk.assert_effects(Input::AnswerArrived, [Effect::ApplyAnswer]);
    let rings = [Effect::Trunk(ToTrunk::UserRings), Effect::Tell];
    desk.assert_effects(Input::Status(Status::Ringing), rings);
    let opens = [Effect::OpenGate, Effect::WatchMedia, Effect::Tell];
    desk.assert_effects(Input::Status(Status::Accepted), opens);
    assert!(desk.call.is_on_trunk(), "it waits for the media path");
    let talks = [Effect::Trunk(ToTrunk::Answer), Effect::Trunk(ToTrunk::PutThrough), Effect::Tell];
    desk.assert_effects(Input::MediaConnected, talks);
    assert_eq!(desk.call.step_name(), Some("call by trunk pbx 200"));
    assert_eq!(desk.call.waiting_telephone(), None);
    desk.assert_effects(
        Input::Terminated(Termination { picked_up: true, error: None }),
        [
            Effect::StopRinging { taken_by: None },
            Effect::Finish(EndReason::UserHungUp),
            Effect::Tell,
        ],
    );
}

#[test]
fn the_telephone_gives_up_before_the_user_picks_up() {
    let effects =
        ends(&mut ringing(), Input::Trunk(FromTrunk::HangsUp), &EndReason::TelephoneCancelled);
    assert!(effects.contains(&Effect::Terminate));
    let effects =
        ends(&mut placed(), Input::Trunk(FromTrunk::HangsUp), &EndReason::TelephoneCancelled);
    assert!(!effects.contains(&Effect::Terminate), "the platform has no call yet");
}

#[test]
fn the_telephone_hangs_up_or_is_lost_in_the_call() {
    for word in [FromTrunk::HangsUp, FromTrunk::Lost] {
        let effects = ends(&mut talking(), Input::Trunk(word), &EndReason::TelephoneHungUp);
        assert!(effects.contains(&Effect::Terminate));
    }
}

#[test]
fn a_telephone_that_holds_lets_the_user_hear_music_and_comes_back() {
    let mut desk = talking();
    let (_, effects) = desk.handle(Input::Trunk(FromTrunk::Holds));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Play { forever: true, .. })));
    let (_, effects) = desk.handle(Input::Trunk(FromTrunk::Resumes));
    assert!(effects.contains(&Effect::Trunk(ToTrunk::PutThrough)));
}

#[test]
fn a_refused_call_is_over_and_a_late_word_changes_nothing() {
    let mut desk = placed();
    let (_, effects) = desk.handle(Input::Placed(refused(138_006)));
    assert!(matches!(effects.as_slice(), [Effect::Finish(_), Effect::Tell]));
    desk.assert_refused(Input::Trunk(FromTrunk::HangsUp));
}
