//! What one leg hears another sends: untouched, gated, and as one continuous stream.

use std::time::Duration;

use engine::{Backend, Direction, LegEvent, LegStats, Repeat, Source, TapPacket};
use media::frame::AudioCodec;
use media::transport::{DtlsRole, Setup};

use crate::support::{
    Party, TYPES, business, connect, for_each_backend, frames, introduce, platform, take,
    talkative, until,
};

for_each_backend!(
    payloads_pass_two_bridged_legs_untouched,
    one_stream_goes_on_over_changing_sources,
    nothing_leaves_before_the_gate_opens,
    payload_types_are_mapped_by_meaning,
    a_muted_leg_is_not_heard_and_an_echo_returns,
    what_is_held_back_on_purpose_does_not_look_lost,
    a_filled_stream_has_no_gap,
    several_legs_may_hear_one,
    what_is_added_to_a_packets_way_is_measured,
    reports_measure_the_round_trip,
);

/// user ↔ (user's leg ▸ bridge ▸ business's leg) ↔ business
struct Call {
    user: Party,
    user_leg: Party,
    business_leg: Party,
    business: Party,
    _engines: [engine::Engine; 3],
}

impl Call {
    fn new(backend: Backend) -> Self {
        let engines = [business(backend), platform(backend), business(backend)];
        let mut user = Party::full(&engines[0]);
        let mut user_leg = Party::lite(&engines[1], None);
        let mut business_leg = Party::lite(&engines[1], Some(&user_leg));
        let mut business = Party::full(&engines[2]);
        connect(&mut user, &mut user_leg);
        connect(&mut business, &mut business_leg);
        user_leg.leg.play(Source::Bridge(business_leg.leg.clone()));
        business_leg.leg.play(Source::Bridge(user_leg.leg.clone()));

        Self { user, user_leg, business_leg, business, _engines: engines }
    }
}

fn payloads_pass_two_bridged_legs_untouched(backend: Backend) {
    let mut call = Call::new(backend);
    let at_business = call.business.tap(Direction::Received);
    let at_user = call.user.tap(Direction::Received);
    call.user.leg.play(Source::Packets(frames(1, 50), Repeat::Once));
    call.business.leg.play(Source::Packets(frames(2, 50), Repeat::Once));
    for (mut heard, tag) in [(at_business, 1), (at_user, 2)] {
        let packets = take(&mut heard, 50);
        for (packet, frame) in packets.iter().zip(frames(tag, 50).iter()) {
            assert_eq!(&*packet.payload, frame.bytes());
            assert_eq!(packet.pt, TYPES.audio);
        }
        assert_continuous(&packets);
    }
    for party in [&mut call.user, &mut call.business, &mut call.user_leg, &mut call.business_leg] {
        party.wait("first media", |event| matches!(event, LegEvent::FirstMedia).then_some(()));
        let LegStats { received, drops, ssrc_changes, .. } = party.stats();
        assert_eq!((received.packets, received.bytes), (50, 50 * 44));
        assert_eq!((received.lost, received.duplicates, ssrc_changes), (0, 0, 0));
        assert_eq!(drops, engine::Drops::default());
    }
    for party in [&call.user_leg, &call.business_leg] {
        assert_eq!(party.stats().sent.packets, 50);
    }
}

fn one_stream_goes_on_over_changing_sources(backend: Backend) {
    let mut call = Call::new(backend);
    let mut heard = call.business.tap(Direction::Received);
    call.user.leg.play(Source::Packets(frames(1, 2_000), Repeat::Once));
    let mut packets = take(&mut heard, 10);
    // A prompt takes over, then silence, then the user again.
    call.business_leg.leg.play(Source::Packets(frames(9, 10), Repeat::Once));
    call.business_leg
        .wait("end of the prompt", |event| matches!(event, LegEvent::PlaybackDone).then_some(()));
    std::thread::sleep(Duration::from_millis(100));
    call.business_leg.leg.play(Source::Bridge(call.user_leg.leg.clone()));
    packets.extend(take(&mut heard, 30));

    let tags: Vec<u8> = packets.iter().map(|packet| packet.payload[1]).collect();
    let prompt = tags.iter().position(|tag| *tag == 9).unwrap();
    assert_eq!(tags[prompt..].iter().filter(|tag| **tag == 9).count(), 10);
    assert!(tags.ends_with(&[1, 1, 1]), "{tags:?}");
    for pair in packets.windows(2) {
        let [before, after] = pair else { unreachable!() };
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        let step = after.timestamp.wrapping_sub(before.timestamp);
        assert!((960..48_000).contains(&step), "a step of {step}");
    }
    let stats = call.business.stats();
    assert_eq!((stats.ssrc_changes, stats.received.lost, stats.drops.replay), (0, 0, 0));
}

/// Mute, hold and a closed gate leave packets out; the far end must not count them as lost.
fn what_is_held_back_on_purpose_does_not_look_lost(backend: Backend) {
    let call = Call::new(backend);
    let mut heard = call.business.tap(Direction::Received);
    call.user.leg.play(Source::Packets(frames(1, 2_000), Repeat::Once));
    let mut packets = take(&mut heard, 10);
    let pause = Duration::from_millis(150);

    call.user_leg.leg.mute(true);
    std::thread::sleep(pause);
    call.user_leg.leg.mute(false);
    packets.extend(take(&mut heard, 10));
    call.business_leg.leg.play(Source::Silence);
    std::thread::sleep(pause);
    call.business_leg.leg.play(Source::Bridge(call.user_leg.leg.clone()));
    packets.extend(take(&mut heard, 10));
    call.business_leg.leg.send_gate(false);
    std::thread::sleep(pause);
    call.business_leg.leg.send_gate(true);
    packets.extend(take(&mut heard, 10));

    let steps: Vec<u32> = packets
        .windows(2)
        .map(|pair| {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
            pair[1].timestamp.wrapping_sub(pair[0].timestamp)
        })
        .collect();
    let pauses = steps.iter().filter(|step| **step > 5_000).count();
    assert!(pauses >= 3, "a pause does not show in the timestamps: {steps:?}");
    assert_eq!(call.business.stats().received.lost, 0);
}

fn nothing_leaves_before_the_gate_opens(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    introduce(&client, &server);
    client.connected();
    server.connected();
    let mut heard = server.tap(Direction::Received);
    // A prompt waits for the gate, from its first frame.
    client.leg.play(Source::Packets(frames(1, 5), Repeat::Once));
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(client.stats().sent.packets, 0);
    assert!(heard.try_recv().is_err());
    client.leg.send_gate(true);
    let packets = take(&mut heard, 5);
    assert_eq!(packets[0].payload[3], 0, "the prompt starts at its start");
    // What comes live is dropped and counted.
    client.leg.send_gate(false);
    client.leg.play(Source::Echo);
    server.leg.send_gate(true);
    server.leg.play(Source::Packets(frames(2, 5), Repeat::Once));
    until("five packets dropped at the gate", || client.stats().drops.gate == 5);
    assert_eq!(client.stats().sent.packets, 5);
}

fn payload_types_are_mapped_by_meaning(backend: Backend) {
    let engines = [business(backend), platform(backend), business(backend)];
    let mut user = Party::full(&engines[0]);
    let mut user_leg = Party::lite(&engines[1], None);
    let mut business_leg = Party::lite(&engines[1], Some(&user_leg));
    let mut business = Party::full(&engines[2]);
    connect(&mut user, &mut user_leg);
    let other = engine::PayloadTypes::opus(96, Some(101));
    business_leg.leg.set_remote(business.said(Setup::Active), DtlsRole::Server, other);
    business.leg.set_remote(business_leg.said(Setup::Passive), DtlsRole::Client, other);
    business.connected();
    business_leg.connected();
    business_leg.leg.send_gate(true);
    business_leg.leg.play(Source::Bridge(user_leg.leg.clone()));

    let mut heard = business.tap(Direction::Received);
    user.leg.play(Source::Packets(frames(1, 5), Repeat::Once));
    assert!(take(&mut heard, 5).iter().all(|packet| packet.pt == 96));
    user.leg.send_digit(media::dtmf::Digit::new('7').unwrap(), 60);
    assert_eq!(take(&mut heard, 1)[0].pt, 101);
    let digit = business.wait("digit", |event| match event {
        LegEvent::Digit(digit) => Some(digit.sign()),
        _ => None,
    });
    assert_eq!(digit, '7');
}

fn a_muted_leg_is_not_heard_and_an_echo_returns(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    server.leg.play(Source::Echo);
    let mut heard = client.tap(Direction::Received);
    let mut sent = client.tap(Direction::Sent);
    client.leg.play(Source::Packets(frames(3, 10_000), Repeat::Forever));
    for (echoed, original) in take(&mut heard, 10).iter().zip(take(&mut sent, 10)) {
        assert_eq!(*echoed.payload, *original.payload);
    }
    server.leg.mute(true);
    until("the echo is over", || {
        heard.try_iter().count();
        std::thread::sleep(Duration::from_millis(60));
        heard.is_empty()
    });
    assert!(server.stats().received.packets > 10, "muted is not deaf");
    server.leg.mute(false);
    take(&mut heard, 5);
}

/// Silence leaves before anybody speaks, in a pause, and after the last word; the voice between is
/// untouched.
fn a_filled_stream_has_no_gap(backend: Backend) {
    let call = Call::new(backend);
    let mut at_user = call.user.tap(Direction::Received);
    call.user_leg.leg.fill(true);
    let silence = AudioCodec::Opus.silence_20_ms();
    let before = take(&mut at_user, 20);
    assert!(before.iter().all(|packet| &*packet.payload == silence));
    call.business.leg.play(Source::Packets(frames(2, 30), Repeat::Once));
    let during = take(&mut at_user, 80);
    let voice: Vec<_> = during.iter().filter(|packet| &*packet.payload != silence).collect();
    assert_eq!(voice.len(), 30);
    for (packet, frame) in voice.iter().zip(frames(2, 30).iter()) {
        assert_eq!(&*packet.payload, frame.bytes());
    }
    let whole: Vec<TapPacket> = before.into_iter().chain(during).collect();
    for pair in whole.windows(2) {
        let [one, next] = pair else { continue };
        assert_eq!(next.sequence, one.sequence.wrapping_add(1), "no number is left out");
        let ticks = next.timestamp.wrapping_sub(one.timestamp);
        assert!((960..48_000).contains(&ticks), "the clock goes on: {ticks}");
    }
    // Half a second of packets takes half a second, give or take a busy machine.
    let half_a_second = whole.windows(26).filter_map(|part| Some((part.first()?, part.last()?)));
    for (first, last) in half_a_second {
        let took = last.at.saturating_duration_since(first.at);
        assert!(took < Duration::from_millis(900), "{took:?}");
    }
}

/// No packet is later at the other end than what the relay says of the slowest.
fn what_is_added_to_a_packets_way_is_measured(backend: Backend) {
    let call = Call::new(backend);
    let mut said = call.user.tap(Direction::Sent);
    let mut heard = call.business.tap(Direction::Received);
    call.user.leg.play(Source::Packets(frames(1, 100), Repeat::Once));
    let (said, heard) = (take(&mut said, 100), take(&mut heard, 100));
    let ways = said.iter().zip(&heard).map(|(said, heard)| heard.at.duration_since(said.at));
    let slowest = ways.max().unwrap();
    let added = call.user_leg.stats().received.added.expect("some of a hundred were looked at");
    assert!((10..=100).contains(&added.samples), "{added:?}");
    assert!(added.mean() > Duration::ZERO && added.mean() <= added.most, "{added:?}");
    // Both ends note a time before they are at the packet; on a busy machine that is long before.
    let noted = Duration::from_millis(50);
    assert!(added.most <= slowest + noted, "{added:?}, and at most {slowest:?} from end to end");
    assert_eq!(call.business_leg.stats().received.added, None, "the business said nothing");
}

fn several_legs_may_hear_one(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut speaker_leg = Party::lite(&platform, None);
    let mut speaker = Party::full(&business);
    connect(&mut speaker, &mut speaker_leg);
    let listeners: Vec<(Party, Party)> = (0..3)
        .map(|_| {
            let mut leg = Party::lite(&platform, Some(&speaker_leg));
            let mut listener = Party::full(&business);
            connect(&mut listener, &mut leg);
            leg.leg.play(Source::Bridge(speaker_leg.leg.clone()));
            (leg, listener)
        })
        .collect();
    let mut taps: Vec<_> =
        listeners.iter().map(|(_, listener)| listener.tap(Direction::Received)).collect();
    // A packet that comes in the turn of an order comes before it.
    for (leg, listener) in &listeners {
        let _both_have_obeyed = (leg.stats(), listener.stats());
    }
    speaker.leg.play(Source::Packets(frames(4, 20), Repeat::Once));
    for heard in &mut taps {
        let packets = take(heard, 20);
        assert_continuous(&packets);
        assert!(packets.iter().zip(frames(4, 20).iter()).all(|(p, f)| *p.payload == *f.bytes()));
    }
}

fn reports_measure_the_round_trip(backend: Backend) {
    let (platform, business) = talkative(backend);
    let mut server = Party::lite(&platform, None);
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    server.leg.play(Source::Echo);
    client.leg.play(Source::Packets(frames(1, 100), Repeat::Forever));
    // A report of one side is answered by the next of the other.
    until("a round trip", || {
        client.stats().received.rtt_ms.is_some() || server.stats().received.rtt_ms.is_some()
    });
    let both = [client.stats(), server.stats()];
    let measured = both.iter().find(|stats| stats.received.rtt_ms.is_some()).unwrap();
    assert!(measured.received.rtt_ms.is_some_and(|ms| ms < 200.0), "{measured:?}");
    assert_eq!(measured.sent.lost_percent, Some(0.0));
    assert!(measured.received.mos.is_some_and(|mos| mos > 4.0), "{measured:?}");
}

fn assert_continuous(packets: &[TapPacket]) {
    for pair in packets.windows(2) {
        let [before, after] = pair else { unreachable!() };
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(960));
    }
}
