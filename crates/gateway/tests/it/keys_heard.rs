//! Keys that can only be heard lead where others do: a user's in a flow, a telephone's to the user.

use std::{sync::Arc, time::Duration};

use audio::{
    SAMPLES_PER_MS,
    g711::{self, Law},
    prompt, tone,
};
use engine::{LegEvent, Repeat, Source};
use media::{
    dtmf::Digit,
    frame::{AudioCodec, AudioFrame},
};

use crate::{
    desk::{BYE_HZ, CALL, Desk, HOLD_HZ, MENU_HZ, terminate},
    far_end::FarEnd,
    trunks::{SDP, USER_HZ, invited, with_trunk},
    voice::Voice,
};

/// What the keys `1` and `8` sound like, 80 ms each.
const ONE: (f32, f32) = (697.0, 1_209.0);
const EIGHT: (f32, f32) = (852.0, 1_336.0);

fn sounds(keys: &[(f32, f32)]) -> Vec<i16> {
    let mut sound = vec![0; 100 * SAMPLES_PER_MS];
    for (row, column) in keys {
        sound.extend(tone::dual(*row, *column, -12.0, 80));
        sound.extend([0; 80 * SAMPLES_PER_MS]);
    }
    sound
}

fn frames(packets: Vec<Box<[u8]>>) -> Arc<[AudioFrame]> {
    packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect()
}

/// A user without telephone-events chooses in the menu; one who has both chooses once.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_whose_keys_are_only_heard_reaches_what_the_menu_offers() {
    let desk = Desk::start_with(None, |config| config.media.in_band_keys = true).await;
    let mut user = desk.user_calls(CALL).await;
    user.expect_tone(MENU_HZ).await;
    let one = frames(prompt::encode(&sounds(&[ONE])).unwrap());
    user.leg.play(Source::Packets(one, Repeat::Once));
    tokio::time::sleep(Duration::from_millis(400)).await;
    // The same press, told the other way.
    user.leg.send_digit(Digit::new('1').unwrap(), 80);
    tokio::time::sleep(Duration::from_millis(400)).await;
    user.play(930.0);
    user.expect_tone(930.0).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(4))).await;
    assert_eq!(desk.record(CALL).await["keys_pressed"], 1);
}

/// A telephone of G.711 that agreed no telephone-events.
#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_s_keys_that_are_only_heard_reach_the_user() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    let mut user = desk.user_calls(CALL).await;
    user.expect_tone(HOLD_HZ).await;
    let invite = invited(&mut telephone).await;
    let mut voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answers(&invite, AudioCodec::Pcmu, |media| media.dtmf = None);
    assert!(answer.contains("PCMU") && !answer.contains("telephone-event"), "{answer}");
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    user.play(USER_HZ);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let keys = g711::Encoder::new(Law::Mu).encode_all(&sounds(&[EIGHT, EIGHT, ONE]));
    voice.leg.play(Source::Packets(frames(keys), Repeat::Once));
    let mut pressed = String::new();
    while pressed.len() < 3 {
        let event = tokio::time::timeout(Duration::from_secs(5), user.events.recv());
        if let LegEvent::Digit(digit) = event.await.unwrap().unwrap() {
            pressed.push(digit.sign());
        }
    }
    assert_eq!(pressed, "881");
    assert!(voice.packets() > 10, "the telephone hears the user");
    let bye = telephone.request(&invite, "BYE", 1, "", "");
    telephone.says(&bye).await;
    user.expect_tone(BYE_HZ).await;
    while let Ok(event) = user.events.try_recv() {
        assert!(!matches!(event, LegEvent::Digit(_)), "told once");
    }
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    desk.record(CALL).await;
}
