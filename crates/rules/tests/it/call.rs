//! One call, in both directions: every input in every state, and the stories between.

use std::fmt::Write as _;

use offhook_rules::{
    Refusal,
    call::{
        Call, CallStatus, Effect, EndReason, Input, LegFailure, Notice, Silence, State, Status,
        Verdict, Voicemail,
    },
    capture::{Wish, check},
};
use terms::{Direction, Party, Timestamp};

use crate::{
    facts::{Story, at, beta, newest, s},
    voicemail::number_with,
};

fn sdp() -> Box<str> {
    "v=0 one".into()
}

fn pre_accept() -> Input {
    Input::PreAccept { sdp: sdp() }
}

fn accept() -> Input {
    Input::Accept { sdp: sdp(), opaque: Some("gw-call-42".into()), capture: None }
}

/// Every input, every variant of it, and the deadline before and after its moment.
fn every_input() -> Vec<(String, Input, Timestamp)> {
    let late = at(120);
    let mut inputs: Vec<(String, Input, Timestamp)> = vec![
        ("pre_accept same".into(), pre_accept(), at(5)),
        ("pre_accept other".into(), Input::PreAccept { sdp: "v=0 two".into() }, at(5)),
        ("accept same".into(), accept(), at(5)),
        (
            "accept other".into(),
            Input::Accept { sdp: "v=0 two".into(), opaque: None, capture: None },
            at(5),
        ),
        ("deadline early".into(), Input::DeadlineReached, at(5)),
        ("deadline due".into(), Input::DeadlineReached, late),
    ];
    for input in [
        Input::Reject,
        Input::Terminate,
        Input::BusinessUnreachable,
        Input::UserRinging,
        Input::UserPickedUp,
        Input::UserRejected,
        Input::UserBusy,
        Input::UserUnreachable,
        Input::UserHungUp,
        Input::UserVanished,
        Input::BusinessMediaStarted,
        Input::AnnouncementPlayed,
        Input::AnnouncementFailed,
        Input::PlatformStopped,
    ] {
        inputs.push((input.name().into(), input, at(5)));
    }
    for silence in [Silence::BusinessFromStart, Silence::Business, Silence::User, Silence::Both] {
        inputs.push((format!("silent {silence:?}"), Input::MediaSilent(silence), at(25)));
    }
    for whose in [Party::User, Party::Business, Party::Platform] {
        for failure in [LegFailure::NoPath, LegFailure::NoKeys, LegFailure::SetUp] {
            inputs.push((
                format!("leg {whose} {failure:?}"),
                Input::LegFailed { whose, failure },
                at(5),
            ));
        }
    }
    inputs
}

fn written(effect: &Effect) -> String {
    match effect {
        Effect::ApplyAnswer { sdp } => format!("ApplyAnswer({sdp})"),
        Effect::SendTerminate(ending) => {
            let errors = ending.reason.error().map(|e| e.code().to_string()).unwrap_or_default();
            let duration = ending.duration_s().map(|d| format!(" {d}s")).unwrap_or_default();
            format!(
                "SendTerminate({} {} by {}{duration}{}{errors})",
                ending.status(Direction::UserInitiated, &beta()).as_str(),
                ending.reason.as_str(),
                ending.reason.party(),
                if errors.is_empty() { "" } else { " error " },
            )
        }
        Effect::TellUser(Notice::Ended(_)) => "TellUser(Ended)".into(),
        Effect::TellUser(Notice::Answered { .. }) => "TellUser(Answered)".into(),
        Effect::TellUser(Notice::Ringing) => "TellUser(Ringing)".into(),
        Effect::StartWatch { from_start, mid_call } => {
            format!("StartWatch({}s,{}s)", from_start.as_secs(), mid_call.as_secs())
        }
        Effect::Bill { connected } => format!("Bill({}s)", connected.as_secs()),
        Effect::SendStatus(status) => format!("SendStatus({})", status.as_str()),
        Effect::Note(verdict) => format!("Note({})", verdict.as_str()),
        Effect::TellUser(Notice::Voicemail { .. }) => "TellUser(Voicemail)".into(),
        Effect::Announce(plan) => format!("Announce({})", plan.language),
        Effect::StartCapture => "StartCapture".into(),
        Effect::DeliverCapture(_) => "DeliverCapture".into(),
        Effect::StartVoicemail => "StartVoicemail".into(),
        Effect::RecordVoicemail => "RecordVoicemail".into(),
        Effect::DeliverVoicemail => "DeliverVoicemail".into(),
        Effect::SendConnect => "SendConnect".into(),
        Effect::RingUser => "RingUser".into(),
        Effect::OpenMediaGate => "OpenMediaGate".into(),
        Effect::CloseLegs => "CloseLegs".into(),
        Effect::OpenWindow => "OpenWindow".into(),
        Effect::GrantCallback => "GrantCallback".into(),
        Effect::CountPlaced => "CountPlaced".into(),
        Effect::CountConnected => "CountConnected".into(),
        Effect::CountUnanswered => "CountUnanswered".into(),
    }
}

fn row(call: &Call, input: Input, now: Timestamp) -> String {
    let mut call = call.clone();
    let before = call.clone();
    let mut effects = Vec::new();
    match call.handle(input, now, &mut effects) {
        Ok(()) => {
            let effects: Vec<_> = effects.iter().map(written).collect();
            let effects = if effects.is_empty() { "-".into() } else { effects.join(", ") };
            format!("-> {}: {effects}", call.state().name())
        }
        Err(refusal) => {
            assert_eq!(call, before, "a refused input changes nothing");
            assert_eq!(effects, [], "a refused input asks for nothing");
            format!("refused {}", refusal.rule())
        }
    }
}

fn table(begin: &str, states: Vec<(&str, Call)>) -> String {
    let mut out = format!("begins with: {begin}\n");
    for (name, call) in states {
        let deadline = call.next_timeout().map_or_else(
            || "none".into(),
            |(when, why)| format!("{why}, {} s after the beginning", when.since(at(0)).as_secs()),
        );
        write!(out, "\n{name} (deadline: {deadline})\n").unwrap();
        for (input, value, now) in every_input() {
            writeln!(out, "  {input:<24} {}", row(&call, value, now)).unwrap();
        }
    }
    out
}

fn begin(effects: &[Effect]) -> String {
    effects.iter().map(written).collect::<Vec<_>>().join(", ")
}

/// A call after some inputs, each at 2 s.
fn after(mut story: Story, inputs: Vec<Input>) -> Call {
    for input in inputs {
        story.then(input, at(2));
    }
    story.call
}

#[test]
fn every_input_in_every_state_of_a_users_call() {
    let new = || Story::user_calls(&beta(), true);
    let late = || {
        let mut story = new();
        story.then(Input::DeadlineReached, at(45));
        story.call
    };
    let states = vec![
        ("offered", new().call),
        ("pre_accepted", after(new(), vec![pre_accept()])),
        (
            "pre_accepted, early media",
            after(new(), vec![pre_accept(), Input::BusinessMediaStarted]),
        ),
        ("accepted", after(new(), vec![pre_accept(), accept()])),
        ("ended, hung up", after(new(), vec![accept(), Input::UserHungUp])),
        ("ended, not answered", late()),
    ];
    let voicemail = || {
        let settings = number_with(&["REJECT", "TIMEOUT"], Some(20));
        let mut story = new();
        story.call = story.call.with_voicemail(Voicemail::of(&settings, &beta()));
        story
    };
    let wish = Wish { enabled: true, purpose: Some("quality"), language: Some("pt") };
    let capture = check(Some(wish), None, &beta()).unwrap();
    let recorded = || Input::Accept { sdp: sdp(), opaque: None, capture: capture.clone() };
    let states = [
        states,
        vec![
            ("offered, with voicemail", voicemail().call),
            ("voicemail, greeting", after(voicemail(), vec![Input::Reject])),
            (
                "voicemail, recording",
                after(voicemail(), vec![Input::Reject, Input::AnnouncementPlayed]),
            ),
            ("accepted, announcing", after(new(), vec![recorded()])),
            ("accepted, recorded", after(new(), vec![recorded(), Input::AnnouncementPlayed])),
        ],
    ]
    .concat();
    insta::assert_snapshot!("user_calls", table(&begin(&new().effects), states));
}

#[test]
fn every_input_in_every_state_of_a_businesss_call() {
    let new = || Story::business_calls(&beta());
    let states = vec![
        ("dialing", new().call),
        ("ringing", after(new(), vec![Input::UserRinging])),
        (
            "ringing, early media",
            after(new(), vec![Input::UserRinging, Input::BusinessMediaStarted]),
        ),
        ("accepted", after(new(), vec![Input::UserRinging, Input::UserPickedUp])),
        ("ended, rejected", after(new(), vec![Input::UserRejected])),
    ];
    insta::assert_snapshot!("business_calls", table(&begin(&new().effects), states));
}

#[test]
fn a_user_calls_and_talks() {
    let mut story = Story::user_calls(&beta(), false);
    assert_eq!(story.then(pre_accept(), at(1)), [Effect::ApplyAnswer { sdp: sdp() }]);
    assert_eq!(story.then(pre_accept(), at(2)), [], "the same pre_accept again succeeds");
    let effects = story.then(accept(), at(7));
    let watch = Effect::StartWatch { from_start: s(20), mid_call: s(30) };
    let answered = Effect::TellUser(Notice::Answered { at: at(7) });
    assert_eq!(effects, [Effect::OpenMediaGate, answered, watch, Effect::CountConnected]);
    assert_eq!(story.call.opaque(), Some("gw-call-42"));
    assert_eq!(story.call.next_timeout(), None, "an accepted call has no longest duration");
    story.then(Input::UserHungUp, at(127));
    let ending = *story.call.ending().unwrap();
    assert_eq!(ending.status(Direction::UserInitiated, &beta()), CallStatus::Completed);
    assert_eq!(ending.start_time(), Some(at(7).unix()), "start is the accept, not the connect");
    assert_eq!(ending.end_time(), Some(at(127).unix()));
    assert_eq!(ending.duration_s(), Some(120));
}

#[test]
fn accept_must_repeat_the_sdp_byte_for_byte() {
    let mut story = Story::user_calls(&beta(), false);
    story.then(pre_accept(), at(1));
    let other = Input::Accept { sdp: "v=0 one ".into(), opaque: None, capture: None };
    assert_eq!(story.call.handle(other, at(2), &mut Vec::new()), Err(Refusal::SdpDiffers));
    assert_eq!(story.call.state().name(), "pre_accepted");
    story.then(accept(), at(3));
}

#[test]
fn an_answer_after_the_window_is_too_late() {
    let mut story = Story::user_calls(&beta(), false);
    story.then(pre_accept(), at(1));
    assert_eq!(story.call.next_timeout().unwrap().0, at(45), "pre_accept does not extend it");
    assert_eq!(story.then(Input::DeadlineReached, at(44)), []);
    story.then(Input::DeadlineReached, at(45));
    let ending = *story.call.ending().unwrap();
    assert_eq!(
        (ending.status(Direction::UserInitiated, &beta()), ending.start_time()),
        (CallStatus::Completed, None)
    );
    assert_eq!(ending.reason, EndReason::BusinessDidNotAnswer);
    let refused = story.call.handle(accept(), at(46), &mut Vec::new()).unwrap_err();
    assert_eq!(refused, Refusal::AnsweredTooLate { input: "accept" });
}

#[test]
fn early_media_starts_the_users_timer_once() {
    let mut story = Story::user_calls(&beta(), false);
    story.then(pre_accept(), at(1));
    let early = story.then(Input::BusinessMediaStarted, at(2));
    let answered = Effect::TellUser(Notice::Answered { at: at(2) });
    assert_eq!(early, [Effect::Note(Verdict::MediaBeforeAccept), Effect::OpenMediaGate, answered]);
    assert_eq!(story.then(Input::BusinessMediaStarted, at(3)), []);
    let accepted = story.then(accept(), at(4));
    assert!(!accepted.iter().any(|e| matches!(e, Effect::TellUser(_))), "{accepted:?}");
    assert_eq!(story.call.state(), &State::Accepted { answered_at: at(4) });
}

#[test]
fn a_failed_call_can_carry_a_duration() {
    let mut story = Story::user_calls(&beta(), false);
    story.then(accept(), at(20));
    story.then(Input::MediaSilent(Silence::BusinessFromStart), at(40));
    let ending = *story.call.ending().unwrap();
    assert_eq!(ending.status(Direction::UserInitiated, &beta()), CallStatus::Failed);
    assert_eq!(ending.duration_s(), Some(20));
    assert_eq!(ending.reason.error().map(|e| e.code()), Some(138_021));
    assert_eq!(ending.reason.party(), Party::Business);
}

#[test]
fn nothing_from_anybody_is_whose_fault_the_rulebook_says() {
    let ends = |blames: &str| {
        let book = beta().with(&[("media.both_silent_blames_business", blames)]).unwrap();
        let mut story = Story::user_calls(&book, false);
        story.then(accept(), at(1));
        story.then(Input::MediaSilent(Silence::Both), at(21));
        story.call.ending().and_then(|ending| ending.reason.error()).map(|error| error.code())
    };
    assert_eq!((ends("true"), ends("false")), (Some(138_021), Some(138_023)));
}

#[test]
fn a_callback_is_granted_after_missed_and_connected_calls_alike() {
    for inputs in [vec![Input::UserHungUp], vec![accept(), Input::UserHungUp], vec![Input::Reject]]
    {
        for grants in [true, false] {
            let mut story = Story::user_calls(&beta(), grants);
            let effects: Vec<_> =
                inputs.iter().flat_map(|i| story.then(i.clone(), at(3))).collect();
            assert_eq!(effects.contains(&Effect::GrantCallback), grants);
        }
    }
}

#[test]
fn a_business_calls_and_talks() {
    let mut story = Story::business_calls(&newest());
    assert_eq!(story.effects, [Effect::CountPlaced, Effect::SendConnect, Effect::RingUser]);
    assert_eq!(story.then(Input::UserRinging, at(2)), [Effect::SendStatus(Status::Ringing)]);
    assert_eq!(story.then(Input::UserRinging, at(2)), [], "a second phone rings");
    let effects = story.then(Input::UserPickedUp, Timestamp::from_unix_ms(at(9).unix_ms() + 900));
    assert_eq!(effects[0], Effect::SendStatus(Status::Accepted));
    assert!(effects.contains(&Effect::OpenWindow) && effects.contains(&Effect::CountConnected));
    let effects = story.then(Input::Terminate, Timestamp::from_unix_ms(at(21).unix_ms() + 400));
    let connected = std::time::Duration::from_millis(11_500);
    assert!(effects.contains(&Effect::Bill { connected }), "{effects:?}");
    assert_eq!(story.call.ending().unwrap().duration_s(), Some(12), "end_time less start_time");
    let again = story.call.handle(Input::Terminate, at(22), &mut Vec::new()).unwrap_err();
    assert_eq!(again.rule(), "call.ended");
}

#[test]
fn only_calls_a_user_left_unanswered_count_in_the_streak() {
    let counts = |book: &std::sync::Arc<_>, inputs: Vec<(Input, i64)>| {
        let mut story = Story::business_calls(book);
        let effects: Vec<_> = inputs.into_iter().flat_map(|(i, t)| story.then(i, at(t))).collect();
        assert!(story.call.ending().is_some());
        assert!(!effects.iter().any(|e| matches!(e, Effect::Bill { .. } | Effect::OpenWindow)));
        effects.contains(&Effect::CountUnanswered)
    };
    let book = beta();
    let strict =
        std::sync::Arc::new(book.with(&[("permission.cancelled_counts", "true")]).unwrap());
    let platform = Input::LegFailed { whose: Party::Platform, failure: LegFailure::SetUp };
    assert!(counts(&book, vec![(Input::UserRejected, 3)]));
    assert!(counts(&book, vec![(Input::UserBusy, 3)]));
    assert!(counts(&book, vec![(Input::UserUnreachable, 3)]));
    assert!(counts(&book, vec![(Input::DeadlineReached, 60)]));
    assert!(counts(&book, vec![(Input::UserRinging, 2), (Input::DeadlineReached, 60)]));
    assert!(!counts(&book, vec![(Input::UserRinging, 2), (Input::Terminate, 9)]));
    assert!(counts(&strict, vec![(Input::UserRinging, 2), (Input::Terminate, 9)]));
    assert!(!counts(&book, vec![(Input::Terminate, 1)]), "before it rang");
    assert!(counts(&strict, vec![(Input::Terminate, 1)]));
    assert!(!counts(&book, vec![(platform, 3)]));
}

#[test]
fn every_end_names_a_party_and_its_error() {
    let row = |reason: &EndReason| {
        let error =
            reason.error().map_or_else(|| "-".into(), |e| format!("{} {}", e.code(), e.title()));
        format!(
            "{:<26} {:<9} {error:<31} {}\n",
            reason.as_str(),
            reason.party().to_string(),
            reason.text()
        )
    };
    insta::assert_snapshot!("end_reasons", EndReason::ALL.iter().map(row).collect::<String>());
}

#[test]
fn a_call_survives_being_stored() {
    let mut story = Story::user_calls(&beta(), true);
    story.then(pre_accept(), at(1));
    let stored = serde_json::to_string(&story.call).unwrap();
    assert_eq!(serde_json::from_str::<Call>(&stored).unwrap(), story.call);
}
