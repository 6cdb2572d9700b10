//! A telephone gives the user to another one of its trunk, and what becomes of it.

use std::time::Duration;

use offhook_switchboard::{
    call::{Consulted, Effect, EndReason, Input, State},
    flow::{FromReferrer, FromTrunk, NotTaken, ToTrunk},
};

use crate::{
    by_telephone,
    desk::{Desk, agent, play},
    trunk_flow::{bridged, music, put_through, ringing, says},
};

/// The user talks with the telephone that the flow rang.
fn talking() -> Desk {
    ringing().0.after(says(FromTrunk::Answers))
}

fn refers() -> Input {
    Input::TelephoneRefers { extension: "202".into() }
}

fn given() -> Desk {
    talking().after(refers())
}

fn referrer(word: FromReferrer) -> Input {
    says(FromTrunk::Referrer(word))
}

fn busy() -> Input {
    says(FromTrunk::NotTaken(NotTaken::Busy))
}

#[test]
fn another_telephone_rings_has_the_user_and_hangs_up_as_the_first() {
    let mut desk = talking();
    let rings = Effect::Trunk(ToTrunk::Refer {
        extension: "202".into(),
        ring_for: Duration::from_secs(25),
        context: [("order".to_owned(), "4711".to_owned())].into(),
    });
    desk.assert_effects(refers(), [music(), rings, Effect::Tell]);
    assert!(desk.call.is_on_trunk());
    assert_eq!(desk.call.step_name(), Some("desk"), "it stays where it is");
    desk.assert_effects(says(FromTrunk::Rings), [Effect::Tell]);
    desk.assert_effects(says(FromTrunk::Early), [Effect::Trunk(ToTrunk::PutThrough)]);
    let [through, tell] = put_through();
    let let_go = Effect::Trunk(ToTrunk::LetGo);
    desk.assert_effects(says(FromTrunk::Answers), [through, let_go, tell]);
    desk.assert_effects(referrer(FromReferrer::Leaves), []);
    desk.assert_effects(says(FromTrunk::Holds), [music(), Effect::Tell]);
    desk.assert_effects(says(FromTrunk::HangsUp), [play("bye")]);
}

#[test]
fn the_first_one_has_the_user_again_when_the_other_does_not_want_it() {
    let back = |why| Effect::Trunk(ToTrunk::TakeBack(why));
    let mut desk = given();
    let [through, tell] = put_through();
    desk.assert_effects(busy(), [back(NotTaken::Busy), through, tell]);
    desk.assert_effects(says(FromTrunk::HangsUp), [play("bye")]);

    // One that holds the call comes back to it itself.
    let mut desk = given().after(referrer(FromReferrer::Holds));
    let silent = says(FromTrunk::Lost);
    desk.assert_effects(silent, [back(NotTaken::Unavailable), music(), Effect::Tell]);
    desk.assert_effects(says(FromTrunk::Resumes), put_through());

    let mut desk = talking().after(says(FromTrunk::Holds)).after(refers());
    let [through, tell] = put_through();
    let desk_back = [back(NotTaken::Busy), through, tell];
    desk.assert_effects(referrer(FromReferrer::Resumes), []);
    desk.assert_effects(busy(), desk_back);
}

#[test]
fn a_word_that_never_comes_is_not_waited_for_for_ever() {
    let mut desk = given();
    let (at, why) = desk.call.next_timeout().unwrap();
    assert_eq!(why, "a word of the trunk");
    desk.now = at;
    let (_, effects) = desk.handle(Input::Tick);
    assert_eq!(effects[0], Effect::Trunk(ToTrunk::TakeBack(NotTaken::NoAnswer)));
}

#[test]
fn who_hung_up_meanwhile_leaves_the_user_to_the_other_one_or_the_flow() {
    let mut desk = given().after(referrer(FromReferrer::Leaves));
    desk.assert_effects(referrer(FromReferrer::Resumes), []);
    desk.assert_effects(busy(), [play("busy")]);
    assert_eq!(desk.call.trail().variables().get("trunk").unwrap(), "busy");

    let mut desk = given().after(referrer(FromReferrer::Leaves));
    let (_, effects) = desk.handle(says(FromTrunk::Answers));
    assert_eq!(effects[0], put_through()[0]);
}

#[test]
fn a_telephone_that_placed_the_call_may_give_it_away_too() {
    let mut desk = by_telephone::talking().after(refers()).after(says(FromTrunk::Answers));
    desk.handle(says(FromTrunk::HangsUp)).0.unwrap();
    assert!(ends(&desk, &EndReason::TelephoneHungUp));

    let gone = by_telephone::talking().after(refers()).after(referrer(FromReferrer::Leaves));
    assert!(ends(&gone.after(busy()), &EndReason::TelephoneHungUp), "nobody has the user");

    let back = by_telephone::talking().after(refers()).after(busy());
    assert!(back.call.is_on_trunk(), "it has the user again");
    assert!(ends(&back.after(says(FromTrunk::Lost)), &EndReason::TelephoneHungUp));
}

fn ends(desk: &Desk, why: &EndReason) -> bool {
    matches!(desk.call.state(), State::Ending { reason, .. } if reason == why)
}

#[test]
fn who_has_nobody_to_give_is_refused() {
    ringing().0.assert_refused(refers());
    given().assert_refused(refers());
    let mut left = talking().after(says(FromTrunk::HangsUp));
    left.assert_refused(refers());
    let mut calls = by_telephone::ringing();
    calls.assert_refused(refers());
    let with = Consulted::Telephone { trunk: "pbx".into(), extension: "201".into() };
    let asks = Input::AgentConsults { agent: agent("lia"), with };
    let mut asked = bridged(true).after(asks).after(says(FromTrunk::Answers));
    asked.assert_refused(refers());
    asked.assert_refused(referrer(FromReferrer::Leaves));
    let mut three = asked.after(Input::AgentMerges(agent("lia")));
    three.assert_refused(refers());
}

#[test]
fn a_telephone_that_takes_the_place_of_another_has_the_user() {
    let replaced = || says(FromTrunk::Replaced);
    let mut desk = talking();
    desk.assert_effects(replaced(), put_through());
    desk.assert_effects(says(FromTrunk::HangsUp), [play("bye")]);
    let mut waits = talking().after(says(FromTrunk::Holds));
    waits.assert_effects(replaced(), put_through());
    ringing().0.assert_effects(replaced(), put_through());

    let [through, tell] = put_through();
    let taken = [through, Effect::Trunk(ToTrunk::LetGo), tell];
    given().assert_effects(replaced(), taken);

    let mut placed = by_telephone::talking();
    placed.assert_effects(replaced(), put_through());
    assert!(ends(&placed.after(says(FromTrunk::HangsUp)), &EndReason::TelephoneHungUp));

    let with = Consulted::Telephone { trunk: "pbx".into(), extension: "201".into() };
    let mut asked = bridged(true).after(Input::AgentConsults { agent: agent("lia"), with });
    asked.assert_effects(replaced(), [Effect::BridgeConsult, Effect::Tell]);
    asked.assert_effects(replaced(), [Effect::Arrange, Effect::Tell]);
    let mut three = asked.after(Input::AgentMerges(agent("lia")));
    three.assert_effects(replaced(), [Effect::Arrange, Effect::Tell]);
}
