//! Key presses, out and in.

use std::sync::Arc;
use std::time::Duration;

use audio::encoder::Encoder;
use audio::{SAMPLES_PER_MS, prompt, tone};
use engine::{Backend, Direction, InBandKeys, LegEvent, PayloadTypes, Repeat, Source};
use media::dtmf::Digit;
use media::frame::{AudioCodec, AudioFrame};

use crate::support::{
    Party, TYPES, business, connect, connect_as, for_each_backend, frames, platform, take,
};

for_each_backend!(
    each_press_is_told_once,
    a_press_interrupts_a_prompt,
    keys_that_are_only_heard_are_told_as_others_are,
    a_key_that_comes_both_ways_is_one,
);

fn each_press_is_told_once(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    let typed = "1123*#";
    for sign in typed.chars() {
        client.leg.send_digit(Digit::new(sign).unwrap(), 60);
    }
    let told: String = typed
        .chars()
        .map(|_| {
            server.wait("digit", |event| match event {
                LegEvent::Digit(digit) => Some(digit.sign()),
                _ => None,
            })
        })
        .collect();
    assert_eq!(told, typed);
    server.never(Duration::from_millis(300), |event| matches!(event, LegEvent::Digit(_)));
}

/// What a far end without telephone-events, or with the talk of both, lets hear.
fn sounds(keys: &[(f32, f32)], press_ms: usize, codec: AudioCodec) -> Arc<[AudioFrame]> {
    let mut sound = vec![0; 200 * SAMPLES_PER_MS];
    for (row, column) in keys {
        sound.extend(tone::dual(*row, *column, -12.0, press_ms));
        sound.extend([0; 60 * SAMPLES_PER_MS]);
    }
    sound.extend([0; 300 * SAMPLES_PER_MS]);
    let packets = match engine::coding(codec) {
        None => prompt::encode(&sound).unwrap(),
        Some(coding) => Encoder::telephone(coding).push(&sound).unwrap(),
    };
    packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect()
}

fn told(party: &mut Party, count: usize) -> String {
    let digit = |event: &LegEvent| match event {
        LegEvent::Digit(digit) => Some(digit.sign()),
        _ => None,
    };
    let told = (0..count).map(|_| party.wait("digit", digit)).collect();
    party.never(Duration::from_millis(700), |event| matches!(event, LegEvent::Digit(_)));
    told
}

fn keys_that_are_only_heard_are_told_as_others_are(backend: Backend) {
    let in_band = InBandKeys::start().unwrap();
    let telephone = |audio, codec| PayloadTypes { audio, codec, dtmf: None, noise: None };
    let talks = [telephone(0, AudioCodec::Pcmu), telephone(9, AudioCodec::G722), TYPES];
    for types in talks {
        let (platform, business) = (platform(backend), business(backend));
        let mut server = Party::lite(&platform, None);
        let mut client = Party::full(&business);
        connect_as(&mut client, &mut server, types);
        assert!(in_band.listen(&server.leg, types));
        let keys = [(770.0, 1_336.0), (770.0, 1_336.0), (941.0, 1_336.0), (941.0, 1_477.0)];
        client.leg.play(Source::Packets(sounds(&keys, 60, types.codec), Repeat::Once));
        assert_eq!(told(&mut server, 4), "550#");
    }
}

/// As a telephone that lets its keys be heard, and sends them as telephone-events a little later.
fn a_key_that_comes_both_ways_is_one(backend: Backend) {
    let in_band = InBandKeys::start().unwrap();
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    assert!(in_band.listen(&server.leg, TYPES));
    let key = sounds(&[(852.0, 1_209.0)], 100, AudioCodec::Opus);
    for _ in 0..2 {
        client.leg.play(Source::Packets(Arc::clone(&key), Repeat::Once));
        std::thread::sleep(Duration::from_millis(350));
        client.leg.send_digit(Digit::new('7').unwrap(), 100);
        std::thread::sleep(Duration::from_millis(900));
    }
    assert_eq!(told(&mut server, 2), "77");
}

fn a_press_interrupts_a_prompt(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    let mut heard = server.tap(Direction::Received);
    client.leg.play(Source::Packets(frames(1, 20), Repeat::Once));
    take(&mut heard, 5);
    client.leg.send_digit(Digit::new('5').unwrap(), 100);
    let packets = take(&mut heard, 15 + 7);
    // 100 ms are five packets, the last of them sent three times; they are not mixed with audio.
    let kinds: Vec<u8> = packets.iter().map(|packet| packet.pt).collect();
    let first = kinds.iter().position(|pt| *pt == 126).unwrap();
    assert_eq!(kinds[first..first + 7], [126; 7], "{kinds:?}");
    assert_eq!(kinds.iter().filter(|pt| **pt == 111).count(), 15);
    for pair in packets.windows(2) {
        let [before, after] = pair else { unreachable!() };
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    }
    assert_eq!(server.stats().received.lost, 0);
}
