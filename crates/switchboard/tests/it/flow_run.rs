//! A caller walks through a flow.

use offhook_switchboard::call::{Effect, Input, Outcome, State};

use crate::desk::{Desk, agent, flow, key, plan, play};

fn in_menu() -> Desk {
    Desk::incoming(true)
        .after(Input::LegReady)
        .after(Input::Rung(vec![]))
        .after(Input::PreAccepted(Outcome::Done))
        .after(Input::MediaConnected)
        .after(Input::Accepted(Outcome::Done))
}

#[test]
fn a_key_ends_the_prompt_and_chooses_the_branch() {
    let mut desk = in_menu();
    assert_eq!(desk.call.step_name(), Some("menu"));
    desk.assert_effects(Input::UserKey(key('1')), [Effect::PlayNothing, Effect::Echo]);
    desk.pass(10);
    desk.assert_effects(Input::Tick, [play("goodbye")]);
    let (_, effects) = desk.handle(Input::PlaybackDone);
    assert!(effects.contains(&Effect::Terminate), "{effects:?}");
    let State::Ending { reason, .. } = desk.call.state() else { panic!() };
    assert_eq!(reason.text(), "The flow hung up at step \"end\".");
}

#[test]
fn a_key_in_the_prompt_before_a_question_answers_it() {
    let mut desk = in_menu().after(Input::UserKey(key('3')));
    assert_eq!(desk.call.step_name(), Some("again"));
    desk.assert_effects(
        Input::UserKey(key('1')),
        [play("menu"), Effect::PlayNothing, Effect::Echo],
    );
}

#[test]
fn silence_is_asked_again_and_then_let_go() {
    let mut desk = in_menu();
    desk.assert_effects(Input::PlaybackDone, []);
    assert_eq!(desk.call.next_timeout().unwrap().1, "the caller's next key");
    desk.pass(4);
    desk.assert_effects(Input::Tick, []);
    desk.pass(1);
    desk.assert_effects(Input::Tick, [play("menu")]);
    desk.assert_effects(Input::PlaybackDone, []);
    desk.pass(5);
    desk.assert_effects(Input::Tick, [play("goodbye")]);
}

#[test]
fn a_prompt_whose_end_is_never_reported_does_not_hold_the_call() {
    let mut desk = in_menu();
    desk.pass(7);
    desk.assert_effects(Input::Tick, []);
    desk.pass(5);
    desk.assert_effects(Input::Tick, [play("menu")]);
}

#[test]
fn the_flow_rings_an_agent_without_a_second_accept() {
    let mut desk = in_menu();
    let (_, effects) = desk.handle(Input::UserKey(key('2')));
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ring(_))));
    desk.assert_effects(Input::Rung(vec![agent("rui")]), []);
    desk.assert_refused(Input::AgentAnswered(agent("lia")));
    let taken_by = Some(agent("rui"));
    desk.assert_effects(
        Input::AgentAnswered(agent("rui")),
        [Effect::StopRinging { taken_by }, Effect::Bridge, Effect::Tell],
    );
}

#[test]
fn nobody_to_ring_goes_on_at_once_and_a_long_ring_ends() {
    let mut desk = in_menu().after(Input::UserKey(key('2')));
    let stop = Effect::StopRinging { taken_by: None };
    desk.assert_effects(Input::Rung(vec![]), [stop.clone(), play("goodbye")]);

    let mut desk = in_menu().after(Input::UserKey(key('2'))).after(Input::Rung(vec![agent("rui")]));
    desk.pass(20);
    desk.assert_effects(Input::Tick, [stop, play("goodbye")]);
}

#[test]
fn closed_hours_are_remembered_to_the_end_of_the_call() {
    // 2026-07-02T13:46:40Z is a Thursday.
    for (hours, closed) in [("mon 08:00-09:00", true), ("thu 13:00-14:00", false)] {
        let text = format!(
            "start = \"day\"\ntimezone = \"UTC\"\n[step.day]\nhours = [\"{hours}\"]\nopen = \"bye\"\n\
             closed = \"bye\"\n[step.bye]\nplay = \"goodbye\"\nnext = \"end\"\n[step.end]\nhang_up = true"
        );
        let mut desk = Desk::incoming_by(plan(Some(flow(&text))))
            .after(Input::LegReady)
            .after(Input::Rung(vec![]))
            .after(Input::PreAccepted(Outcome::Done))
            .after(Input::MediaConnected)
            .after(Input::Accepted(Outcome::Done));
        assert_eq!(desk.call.met_closed_hours(), closed, "{hours}");
        desk.handle(Input::PlaybackDone).0.unwrap();
        assert!(desk.call.state().is_over() && desk.call.met_closed_hours() == closed);
    }
}

#[test]
fn a_flow_that_hangs_up_at_once_outside_the_hours_was_outside_the_hours() {
    for (hours, closed) in [("mon 08:00-09:00", true), ("thu 13:00-14:00", false)] {
        let text = format!(
            "start = \"day\"\ntimezone = \"UTC\"\n[step.day]\nhours = [\"{hours}\"]\nopen = \"end\"\n\
             closed = \"end\"\n[step.end]\nhang_up = true"
        );
        let mut desk = Desk::incoming_by(plan(Some(flow(&text))))
            .after(Input::LegReady)
            .after(Input::Rung(vec![]))
            .after(Input::PreAccepted(Outcome::Done))
            .after(Input::MediaConnected);
        desk.handle(Input::Accepted(Outcome::Done)).0.unwrap();
        assert!(desk.call.state().is_over() && desk.call.met_closed_hours() == closed, "{hours}");
    }
}
