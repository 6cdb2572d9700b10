//! Who hears whom, by tones.

use std::time::Duration;

use audio::measure::Measure;
use offhook_handset::{LineState, Payloads};
use wire::sandbox::{After, Behaviour, KeyPress, Play, Reaction};

use crate::far_end::{Plays, call_id, connect};

fn playing(hz: f64) -> Behaviour {
    Behaviour { play: Play::ToneHz(hz), ..Behaviour::default() }
}

async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

#[tokio::test]
async fn a_calling_phone_hears_the_business_and_is_heard() {
    let dtmf = vec![KeyPress { digit: '1', at_ms: 300 }, KeyPress { digit: '#', at_ms: 600 }];
    let behaviour = Behaviour { dtmf, ..playing(440.0) };
    let (phone, mut far) = connect(behaviour, Plays::Tone(660.0)).await;
    let number = "551140000000".parse().unwrap();
    let (placed, ()) = tokio::join!(phone.call(number, Payloads::default()), far.take_call());
    assert_eq!(placed.unwrap(), call_id());
    assert_eq!(phone.answered().await.unwrap(), call_id());
    pause(1_500).await;

    let live = phone.heard().await.unwrap();
    assert!(live.sound.unwrap().is_tone(660.0), "{live:?}");
    phone.hang_up().await.unwrap();
    far.confirm_hang_up().await;
    let ending = phone.ended().await.unwrap();
    assert_eq!((ending.text.as_str(), ending.duration_s), ("over", Some(1)));

    let heard = phone.heard().await.unwrap();
    let sound = heard.sound.unwrap();
    assert!(sound.is_tone(660.0), "{sound:?}");
    assert!((sound.dbfs.unwrap() + 12.0).abs() < 3.0, "{sound:?}");
    assert!(heard.packets > 50 && heard.lost == 0, "{heard:?}");
    let set_up = heard.set_up;
    assert!(set_up.ring_ms.is_some() && set_up.answer_ms >= set_up.ring_ms, "{set_up:?}");
    assert!(set_up.dtls_ms >= set_up.ice_ms && set_up.ice_ms.is_some(), "{set_up:?}");
    assert!(set_up.first_media_ms.is_some_and(|ms| ms < 1_000), "{set_up:?}");

    let leg = far.leg.as_mut().unwrap();
    // What was on its way when it hung up.
    pause(200).await;
    let far_heard = leg.measure().report();
    assert!(far_heard.is_tone(440.0), "{far_heard:?}");
    assert_eq!(leg.digits(), "1#");
    pause(200).await;
    assert_eq!(leg.packets(), 0, "a phone that hung up sends nothing");
    assert!(leg.is_open().await);
}

#[tokio::test]
async fn a_called_phone_picks_up_hears_itself_and_hangs_up_on_time() {
    let behaviour = Behaviour {
        answer: Reaction::Answer(After { after_ms: 100 }),
        hang_up: Some(After { after_ms: 1_200 }),
        ..playing(880.0)
    };
    let (phone, mut far) = connect(behaviour, Plays::Echo).await;
    far.place_call().await;
    assert_eq!(phone.answered().await.unwrap(), call_id());
    assert!(matches!(phone.line(), LineState::Talking { .. }));
    far.confirm_hang_up().await;
    phone.ended().await.unwrap();

    let heard = phone.heard().await.unwrap();
    assert!(heard.sound.unwrap().is_tone(880.0), "the echo: {heard:?}");
    assert_eq!(heard.set_up.ring_ms, None);
    assert!(heard.set_up.answer_ms.is_some_and(|ms| ms >= 100));

    let recording = phone.recording().await.unwrap();
    for side in [&recording.heard, &recording.said] {
        let mut measure = Measure::default();
        measure.push(side);
        let report = measure.report();
        assert!(report.is_tone(880.0), "{report:?}");
        assert!((900..2_000).contains(&report.heard_ms), "{report:?}");
    }
    assert!(recording.to_wav().unwrap().starts_with(b"RIFF"));
}

#[tokio::test]
async fn a_silent_business_is_heard_as_silence() {
    let (phone, mut far) = connect(playing(440.0), Plays::Nothing).await;
    let number = "551140000000".parse().unwrap();
    let (placed, ()) = tokio::join!(phone.call(number, Payloads::default()), far.take_call());
    placed.unwrap();
    phone.answered().await.unwrap();
    pause(700).await;
    phone.hang_up().await.unwrap();
    far.confirm_hang_up().await;
    phone.ended().await.unwrap();
    let heard = phone.heard().await.unwrap();
    assert!(heard.sound.is_none_or(|sound| !sound.is_sound()), "{heard:?}");
    assert_eq!(heard.packets, 0);
    assert!(heard.sent > 20);
}
