//! What a phone does by itself, and what it does when something goes wrong.

use std::time::Duration;

use offhook_handset::{CallError, ConnectError, Gone, Handset, LineState, Payloads, Settings};
use wire::{
    handset::{
        ChatAuthor, ChatEntry, ChatEntryState, ChatKind, FromPhone, PermissionChoice, ToPhone,
    },
    sandbox::{Behaviour, PermissionHabit, Play, Reaction},
};

use crate::far_end::{Plays, business, call_id, connect};

fn reacting(answer: Reaction) -> Behaviour {
    Behaviour { answer, ..Behaviour::default() }
}

#[tokio::test]
async fn a_phone_refuses_and_is_busy_as_told() {
    let cases = [
        (Reaction::Reject, FromPhone::Reject { call_id: call_id() }),
        (Reaction::Busy, FromPhone::Busy { call_id: call_id() }),
    ];
    for (reaction, says) in cases {
        let (phone, mut far) = connect(reacting(reaction), Plays::Nothing).await;
        far.say(&ToPhone::Incoming { call_id: call_id(), from: business() }).await;
        assert_eq!(far.next().await, Some(says));
        far.end().await;
        phone.ended().await.unwrap();
    }
}

#[tokio::test]
async fn a_phone_left_ringing_can_be_picked_up_by_hand() {
    let (phone, mut far) = connect(reacting(Reaction::Ignore), Plays::Nothing).await;
    assert!(matches!(phone.pick_up().await, Err(CallError::NotRinging)));
    let by_hand = async {
        let (id, from) = phone.next_incoming().await.unwrap();
        assert_eq!((id, from), (call_id(), business()));
        phone.pick_up().await.unwrap()
    };
    let (id, ()) = tokio::join!(by_hand, far.place_call());
    assert_eq!(id, call_id());
    assert_eq!(phone.answered().await.unwrap(), call_id());
}

#[tokio::test]
async fn a_second_call_finds_the_phone_busy() {
    let (phone, mut far) = connect(reacting(Reaction::Ignore), Plays::Nothing).await;
    far.say(&ToPhone::Incoming { call_id: call_id(), from: business() }).await;
    phone.next_incoming().await.unwrap();
    let second: terms::CallId = "wacid.SECOND".parse().unwrap();
    far.say(&ToPhone::Incoming { call_id: second.clone(), from: business() }).await;
    assert_eq!(far.next().await, Some(FromPhone::Busy { call_id: second }));
    let third = phone.call(business().number, Payloads::default()).await;
    assert!(matches!(third, Err(CallError::InUse)));
}

#[tokio::test]
async fn a_refused_call_says_why_and_the_next_may_work() {
    let (phone, mut far) = connect(Behaviour::default(), Plays::Nothing).await;
    let refuse = async {
        assert!(matches!(far.next().await, Some(FromPhone::Call { .. })));
        let (what, code, text) = ("call".into(), "calling_disabled".into(), "no".into());
        let (error_code, opens_at, callback) = (Some(138_000), None, false);
        far.say(&ToPhone::Refused { what, code, error_code, text, opens_at, callback }).await;
    };
    let (placed, ()) = tokio::join!(phone.call(business().number, Payloads::default()), refuse);
    let Err(CallError::Refused { code, error_code, .. }) = placed else { panic!("{placed:?}") };
    assert_eq!((&*code, error_code), ("calling_disabled", Some(138_000)));
    assert_eq!(phone.line(), LineState::Idle);
    let number = business().number;
    let (placed, ()) = tokio::join!(phone.call(number, Payloads::default()), far.take_call());
    placed.unwrap();
}

#[tokio::test]
async fn a_permission_request_is_answered_by_habit() {
    let behaviour = Behaviour { permission: PermissionHabit::Permanent, ..Behaviour::default() };
    let (mut phone, mut far) = connect(behaviour, Plays::Nothing).await;
    let at = "2026-08-01T12:00:00Z".parse().unwrap();
    let id: terms::MessageId = "wamid.REQUEST".parse().unwrap();
    let mut entry =
        ChatEntry::new(id.clone(), at, ChatAuthor::Business, ChatKind::PermissionRequest);
    for (state, is_answered) in [(ChatEntryState::Expired, false), (ChatEntryState::Open, true)] {
        entry.state = Some(state);
        let to = business().number;
        far.say(&ToPhone::Chat { business: to.clone(), entry: entry.clone() }).await;
        assert_eq!(phone.next_chat().await, Some((to.clone(), entry.clone())));
        if is_answered {
            let (request_id, choice) = (Some(id.clone()), PermissionChoice::Permanent);
            let says = FromPhone::Permission { to, request_id, choice };
            assert_eq!(far.next().await, Some(says));
        }
    }
}

#[tokio::test]
async fn a_dropped_phone_closes_its_connection() {
    let (phone, mut far) = connect(Behaviour::default(), Plays::Nothing).await;
    let number = business().number;
    let (placed, ()) = tokio::join!(phone.call(number, Payloads::default()), far.take_call());
    placed.unwrap();
    drop(phone);
    assert_eq!(far.next().await, None);
}

#[tokio::test]
async fn a_phone_whose_platform_is_gone_says_so() {
    let (phone, mut far) = connect(Behaviour::default(), Plays::Nothing).await;
    let number = business().number;
    let (placed, ()) = tokio::join!(phone.call(number, Payloads::default()), far.take_call());
    placed.unwrap();
    phone.answered().await.unwrap();
    drop(far);
    tokio::time::timeout(Duration::from_secs(5), phone.disconnected()).await.unwrap();
    assert_eq!(phone.heard().await, Err(Gone));
    assert!(matches!(phone.line(), LineState::Ended { .. }));
}

#[tokio::test]
async fn what_keeps_a_phone_from_connecting_is_named() {
    let engine = engine::Engine::start(engine::Config::default()).unwrap();
    let user = || "5215550000001".parse().unwrap();
    let wrong = Handset::connect(&engine, Settings::new("ftp://nowhere", user())).await;
    assert!(matches!(wrong, Err(ConnectError::Address { .. })));
    let nobody = Handset::connect(&engine, Settings::new("http://127.0.0.1:9", user())).await;
    assert!(matches!(nobody, Err(ConnectError::Connect(_))));
    let mut mute = Settings::new("http://127.0.0.1:9", user());
    mute.behaviour.play = Play::ToneHz(1.0);
    assert!(matches!(Handset::connect(&engine, mute).await, Err(ConnectError::Sound(_))));
}
