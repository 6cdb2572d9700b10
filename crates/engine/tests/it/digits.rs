//! Key presses, out and in.

use engine::{Backend, Direction, LegEvent, Repeat, Source};
use media::dtmf::Digit;

use crate::support::{Party, business, connect, for_each_backend, frames, platform, take};

for_each_backend!(each_press_is_told_once, a_press_interrupts_a_prompt);

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
    server
        .never(std::time::Duration::from_millis(300), |event| matches!(event, LegEvent::Digit(_)));
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
