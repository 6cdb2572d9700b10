//! Voicemail and recording as stories of one call.

use offhook_rules::{
    call::{Call, CallStatus, Effect, EndReason, Input, Notice, Voicemail},
    capture::{Wish, check},
    rulebook::Rulebook,
    settings::{Announcement, CallingSettings, Switch, Trigger, Voicemail as Setting},
};
use terms::Timestamp;

use crate::facts::{Story, at, beta};

/// A number with calling and voicemail on.
pub(crate) fn number_with(triggers: &[&str], timeout_s: Option<u64>) -> CallingSettings {
    let trigger = |word: &&str| match *word {
        "REJECT" => Trigger::Reject,
        "TIMEOUT" => Trigger::Timeout,
        other => panic!("{other} is no trigger"),
    };
    CallingSettings {
        status: Some(Switch::Enabled),
        voicemail: Some(Setting {
            status: Switch::Enabled,
            triggers: triggers.iter().map(trigger).collect(),
            announcement: Some(Announcement { media_id: 1_002_700_000_000_001, timeout_s }),
        }),
        ..CallingSettings::default()
    }
}

fn story(triggers: &[&str], timeout_s: Option<u64>, book: &Rulebook) -> Story {
    let voicemail = Voicemail::of(&number_with(triggers, timeout_s), book);
    let mut story = Story::user_calls(book, true);
    story.call = story.call.with_voicemail(voicemail);
    story
}

fn refused(call: &Call, input: Input, now: Timestamp) -> &'static str {
    call.clone().handle(input, now, &mut Vec::new()).unwrap_err().rule()
}

fn accept() -> Input {
    Input::Accept { sdp: "v=0".into(), opaque: None, capture: None }
}

#[test]
fn a_declined_call_is_greeted_recorded_and_delivered() {
    let mut story = story(&["REJECT"], None, &beta());
    let effects = story.then(Input::Reject, at(3));
    assert_eq!(effects[0], Effect::TellUser(Notice::Voicemail { at: at(3) }));
    assert_eq!(effects[1], Effect::StartVoicemail);
    let Effect::SendTerminate(told) = effects[2] else { panic!("{effects:?}") };
    assert_eq!(
        (told.status(terms::Direction::UserInitiated, &beta()), told.start_time()),
        (CallStatus::Completed, None)
    );
    assert_eq!(told.reason, EndReason::BusinessRejected);
    // For the business the call is over.
    for action in [accept(), Input::Reject, Input::Terminate] {
        assert_eq!(refused(&story.call, action, at(4)), "call.ended");
    }
    assert_eq!(story.then(Input::AnnouncementPlayed, at(8)), [Effect::RecordVoicemail]);
    assert_eq!(story.then(Input::AnnouncementPlayed, at(9)), []);
    let effects = story.then(Input::UserHungUp, at(20));
    let ended = Effect::TellUser(Notice::Ended(told));
    let wanted = [Effect::CloseLegs, Effect::DeliverVoicemail, ended, Effect::GrantCallback];
    assert_eq!(effects, wanted, "no second terminate");
    assert_eq!(story.call.ending(), Some(&told));
}

#[test]
fn the_wait_counts_from_ringing_and_starts_voicemail_on_the_second() {
    for (timeout, second, name) in [
        (Some(20), 19, "offered"),
        (Some(20), 20, "voicemail"),
        (Some(0), 0, "voicemail"),
        (Some(30), 29, "offered"),
        (Some(30), 31, "voicemail"),
        (None, 44, "offered"),
        (None, 45, "ended"),
    ] {
        let mut story = story(&["TIMEOUT"], timeout, &beta());
        story.then(Input::DeadlineReached, at(second));
        assert_eq!(story.call.state().name(), name, "{timeout:?} at {second}");
    }
    let mut late = story(&["TIMEOUT"], Some(20), &beta());
    late.then(Input::DeadlineReached, at(20));
    assert_eq!(refused(&late.call, accept(), at(21)), "call.answer_window");
}

#[test]
fn only_its_own_triggers_start_it() {
    let end_of = |triggers: &[&str], timeout_s, input, second| {
        let mut story = story(triggers, timeout_s, &beta());
        story.then(input, at(second));
        story.call.state().name()
    };
    assert_eq!(end_of(&["TIMEOUT"], Some(10), Input::Reject, 3), "ended");
    assert_eq!(end_of(&["REJECT"], Some(10), Input::DeadlineReached, 45), "ended");
    assert_eq!(end_of(&["REJECT", "TIMEOUT"], Some(10), Input::Reject, 3), "voicemail");
    assert_eq!(end_of(&["REJECT", "TIMEOUT"], Some(10), Input::Terminate, 3), "ended");
    assert_eq!(end_of(&["REJECT", "TIMEOUT"], Some(10), Input::UserHungUp, 3), "ended");
}

#[test]
fn off_is_off() {
    let on = number_with(&["REJECT"], None);
    let off = |change: fn(&mut CallingSettings)| {
        let mut settings = on.clone();
        change(&mut settings);
        Voicemail::of(&settings, &beta())
    };
    assert!(Voicemail::of(&on, &beta()).is_some());
    assert_eq!(off(|it| it.status = Some(Switch::Disabled)), None);
    assert_eq!(off(|it| it.status = None), None);
    assert_eq!(off(|it| it.voicemail = None), None);
    assert_eq!(off(|it| it.voicemail.as_mut().unwrap().status = Switch::Disabled), None);
    assert_eq!(off(|it| it.voicemail.as_mut().unwrap().triggers = vec![Trigger::Timeout]), None);
    assert_eq!(off(|it| it.voicemail.as_mut().unwrap().announcement = None), None);
}

#[test]
fn a_user_who_leaves_during_the_greeting_leaves_no_message() {
    for input in [Input::UserHungUp, Input::AnnouncementFailed, Input::PlatformStopped] {
        let mut story = story(&["REJECT"], None, &beta());
        story.then(Input::Reject, at(3));
        let effects = story.then(input, at(4));
        assert!(!effects.contains(&Effect::DeliverVoicemail), "{effects:?}");
        assert!(story.call.ending().is_some());
    }
}

#[test]
fn a_recorded_call_is_announced_kept_and_delivered() {
    let plan = |recording, transcription| check(recording, transcription, &beta()).unwrap();
    let wish = Wish { enabled: true, purpose: Some("quality"), language: Some("pt") };
    let plan = plan(Some(wish), None).unwrap();
    let mut story = Story::user_calls(&beta(), false);
    let sdp = "v=0".into();
    let accepted =
        story.then(Input::Accept { sdp, opaque: None, capture: Some(plan.clone()) }, at(5));
    assert_eq!(accepted.last(), Some(&Effect::Announce(plan.clone())));
    let played = story.then(Input::AnnouncementPlayed, at(9));
    assert_eq!(played, [Effect::OpenMediaGate, Effect::StartCapture]);
    assert_eq!(story.then(Input::AnnouncementPlayed, at(9)), []);
    let ended = story.then(Input::UserHungUp, at(60));
    assert!(ended.contains(&Effect::DeliverCapture(plan)), "{ended:?}");
}

#[test]
fn without_its_announcement_nothing_is_kept() {
    let wish = Wish { enabled: true, purpose: Some("quality"), language: Some("pt") };
    for (input, again) in [(Some(Input::AnnouncementFailed), true), (None, false)] {
        let capture = check(None, Some(wish), &beta()).unwrap();
        let mut story = Story::user_calls(&beta(), false);
        story.then(Input::Accept { sdp: "v=0".into(), opaque: None, capture }, at(5));
        let effects = input.map(|input| story.then(input, at(6))).unwrap_or_default();
        assert_eq!(effects.contains(&Effect::OpenMediaGate), again);
        let ended = story.then(Input::Terminate, at(60));
        assert!(!ended.iter().any(|it| matches!(it, Effect::DeliverCapture(_))), "{ended:?}");
    }
}

#[test]
fn the_recordings_purpose_and_language_win() {
    let wish = |purpose, language| {
        Some(Wish { enabled: true, purpose: Some(purpose), language: Some(language) })
    };
    let both = check(wish("one", "nl"), wish("two", "es_ES"), &beta()).unwrap().unwrap();
    assert_eq!((&*both.purpose, &*both.language), ("one", "nl"), "a recording has its own nl");
    assert!(both.records && both.transcribes);
    let written = check(None, wish("two", "es_ES"), &beta()).unwrap().unwrap();
    assert_eq!((&*written.language, written.records), ("en", false));
    let off = Some(Wish { enabled: false, purpose: None, language: None });
    assert_eq!(check(off, None, &beta()), Ok(None));
    for bad in [
        Wish { enabled: true, purpose: None, language: Some("en") },
        Wish { enabled: true, purpose: Some("  "), language: Some("en") },
        Wish { enabled: true, purpose: Some("x"), language: None },
        Wish { enabled: true, purpose: Some("x"), language: Some("EN") },
    ] {
        assert!(check(Some(bad), None, &beta()).is_err(), "{bad:?}");
        assert!(check(wish("x", "en"), Some(bad), &beta()).is_err(), "{bad:?}");
    }
}
