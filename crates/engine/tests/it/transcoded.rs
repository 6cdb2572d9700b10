//! Legs of two codecs hear each other through a worker: each its own codec, as one stream, with the
//! other's key presses in it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audio::coding::Coding;
use audio::encoder::Encoder;
use audio::measure::{Measure, Report};
use audio::playout::Playout;
use audio::transcode::{Transcode, Way};
use audio::{prompt, tone};
use crossbeam_channel::TryRecvError;
use engine::{
    Backend, Direction, FrameQueue, LegEvent, PayloadTypes, Repeat, Source, TapPacket, frame_queue,
};
use media::dtmf::Digit;
use media::frame::{AudioCodec, AudioFrame};

use crate::support::{
    Party, TYPES, business, connect, connect_as, for_each_backend, platform, take,
};

for_each_backend!(
    a_tone_crosses_both_ways_in_every_codec,
    a_telephone_counts_and_plays_on_its_own_clock,
    a_key_press_crosses_unchanged_between_the_frames,
);

/// A second of tone in Opus.
fn opus(hz: f32) -> Arc<[AudioFrame]> {
    frames(prompt::encode(&tone::sine(hz, -12.0, 1_000)).unwrap())
}

/// A second of tone as a telephone codes it.
fn coded(hz: f32, codec: AudioCodec) -> Arc<[AudioFrame]> {
    frames(Encoder::telephone(coding(codec)).push(&tone::sine(hz, -12.0, 1_000)).unwrap())
}

fn frames(packets: Vec<Box<[u8]>>) -> Arc<[AudioFrame]> {
    packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect()
}

fn coding(codec: AudioCodec) -> Coding {
    engine::coding(codec).expect("a telephone's codec")
}

/// user ↔ (user's leg ▸ worker ▸ business's leg) ↔ business, which talks as a telephone does
struct Call {
    user: Party,
    user_leg: Party,
    business_leg: Party,
    business: Party,
    _engines: [engine::Engine; 3],
}

impl Call {
    fn new(backend: Backend, codec: AudioCodec) -> Self {
        let engines = [business(backend), platform(backend), business(backend)];
        let mut user = Party::full(&engines[0]);
        let mut user_leg = Party::lite(&engines[1], None);
        let mut business_leg = Party::lite(&engines[1], Some(&user_leg));
        let mut business = Party::full(&engines[2]);
        connect(&mut user, &mut user_leg);
        let types = PayloadTypes { audio: 8, codec, dtmf: Some(101), noise: None };
        connect_as(&mut business, &mut business_leg, types);
        let for_business = work(&user_leg, TYPES.audio, Way::ToTelephone(coding(codec)));
        let for_user = work(&business_leg, types.audio, Way::ToOpus(coding(codec)));
        let of = business_leg.leg.clone();
        user_leg.leg.play(Source::Transcoded { of, frames: for_user });
        let of = user_leg.leg.clone();
        business_leg.leg.play(Source::Transcoded { of, frames: for_business });

        Self { user, user_leg, business_leg, business, _engines: engines }
    }
}

/// A worker as the platform has one, until its leg is closed.
fn work(leg: &Party, pt: u8, way: Way) -> FrameQueue {
    let mut packets = leg.tap(Direction::Received);
    let (sink, queue) = frame_queue(6);
    let mut transcode = Transcode::new(way).unwrap();
    let zero = Instant::now();
    std::thread::spawn(move || {
        loop {
            match packets.try_recv() {
                Ok(packet) if packet.pt == pt => {
                    let at = packet.at.saturating_duration_since(zero);
                    transcode.push(packet.sequence, packet.timestamp, at, &packet.payload).unwrap();
                }
                Ok(_) => {}
                Err(TryRecvError::Empty) => std::thread::sleep(Duration::from_millis(5)),
                Err(TryRecvError::Disconnected) => return,
            }
            for frame in transcode.frames(zero.elapsed(), 0).unwrap() {
                sink.push(AudioFrame::new(frame).unwrap());
            }
        }
    });

    queue
}

/// What packets sound like, and how many of their frames are without sound.
fn heard(mut playout: Playout, packets: &[TapPacket]) -> (Report, usize) {
    let zero = packets[0].at;
    for packet in packets {
        let at = packet.at.saturating_duration_since(zero);
        playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
    }
    let samples = playout.finish(packets[packets.len() - 1].at - zero);
    let mut measure = Measure::default();
    measure.push(&samples);
    let gaps = samples.chunks_exact(960).filter(|c| c.iter().all(|s| s.abs() < 200)).count();

    (measure.report(), gaps)
}

fn assert_tone((report, gaps): (Report, usize), hz: f32) {
    let found = report.tone_hz.unwrap_or_default();
    assert!((found - hz).abs() < hz * 0.05, "{report:?}");
    assert!((report.dbfs.unwrap() + 12.0).abs() < 3.0, "{report:?}");
    // A machine under load may hold a thread up for a frame or two.
    assert!(gaps <= 2, "{gaps} gaps");
}

fn assert_one_stream(packets: &[TapPacket], step: u32) {
    let mut uneven = 0;
    for pair in packets.windows(2) {
        let [before, after] = pair else { unreachable!() };
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        let stepped = after.timestamp.wrapping_sub(before.timestamp);
        assert!((step..50 * step).contains(&stepped), "a step of {stepped}");
        uneven += usize::from(stepped != step);
    }
    assert!(uneven * 20 < packets.len(), "{uneven} of {} steps", packets.len());
}

/// G.722 with tones that G.711 cannot carry.
fn a_tone_crosses_both_ways_in_every_codec(backend: Backend) {
    for codec in AudioCodec::TELEPHONES {
        let wide = codec == AudioCodec::G722;
        let (said, answered) = if wide { (5_000.0, 6_000.0) } else { (440.0, 660.0) };
        let call = Call::new(backend, codec);
        let mut at_business = call.business.tap(Direction::Received);
        let mut at_user = call.user.tap(Direction::Received);
        call.user.leg.play(Source::Packets(opus(said), Repeat::Forever));
        call.business.leg.play(Source::Packets(coded(answered, codec), Repeat::Forever));

        // The codecs and the path need a moment to settle.
        let (mut at_business, mut at_user) = (take(&mut at_business, 110), take(&mut at_user, 110));
        assert_one_stream(&at_business[10..], 160);
        assert!(at_business.iter().all(|packet| packet.pt == 8 && packet.payload.len() == 160));
        assert_tone(heard(Playout::telephone(coding(codec)), &at_business.split_off(10)), said);
        assert_one_stream(&at_user[10..], 960);
        assert!(at_user.iter().all(|packet| packet.pt == TYPES.audio));
        assert_tone(heard(Playout::new().unwrap(), &at_user.split_off(10)), answered);
        assert_eq!(call.business.stats().drops, engine::Drops::default());
        assert_eq!(call.user.stats().drops, engine::Drops::default());
    }
}

/// Seen on the clock of Opus, its packets would come with a jitter of 17 ms.
fn a_telephone_counts_and_plays_on_its_own_clock(backend: Backend) {
    for codec in [AudioCodec::Pcmu, AudioCodec::G722] {
        counts_and_plays(Call::new(backend, codec), codec);
    }
}

fn counts_and_plays(mut call: Call, codec: AudioCodec) {
    let mut heard_there = call.business.tap(Direction::Received);
    call.business.leg.play(Source::Packets(coded(660.0, codec), Repeat::Forever));
    call.business_leg.leg.play(Source::Packets(coded(440.0, codec), Repeat::Once));
    let prompt = take(&mut heard_there, 50);
    assert_one_stream(&prompt, 160);
    assert_tone(heard(Playout::telephone(coding(codec)), &prompt), 440.0);
    call.business_leg
        .wait("end of the prompt", |event| matches!(event, LegEvent::PlaybackDone).then_some(()));
    let stats = call.business_leg.stats();
    assert!(stats.received.packets >= 45 && stats.received.jitter_ms < 10.0, "{stats:?}");
    assert_eq!((stats.received.lost, stats.received.foreign_type), (0, None));
    assert_eq!(call.user_leg.stats().received.packets, 0);
}

fn a_key_press_crosses_unchanged_between_the_frames(backend: Backend) {
    let mut call = Call::new(backend, AudioCodec::Pcma);
    let mut at_business = call.business.tap(Direction::Received);
    let mut at_user = call.user.tap(Direction::Received);
    call.user.leg.play(Source::Packets(opus(440.0), Repeat::Forever));
    call.business.leg.play(Source::Packets(coded(660.0, AudioCodec::Pcma), Repeat::Forever));
    take(&mut at_business, 20);
    take(&mut at_user, 20);
    for (sign, from_user) in [('5', true), ('#', false)] {
        let digit = Digit::new(sign).unwrap();
        let (by, to, taken, dtmf) = if from_user {
            (&call.user, &mut call.business, &mut at_business, 101)
        } else {
            (&call.business, &mut call.user, &mut at_user, TYPES.dtmf.unwrap())
        };
        while taken.try_recv().is_ok() {}
        by.leg.send_digit(digit, 100);
        to.wait("the key", |event| match event {
            LegEvent::Digit(heard) => {
                assert_eq!(*heard, digit);
                Some(())
            }
            _ => None,
        });
        let packets = take(taken, 60);
        let events: Vec<&TapPacket> = packets.iter().filter(|it| it.pt == dtmf).collect();
        let begins = events[0].timestamp;
        assert!(events.iter().all(|event| event.timestamp == begins), "one press");
        let durations: Vec<u16> =
            events.iter().map(|it| u16::from_be_bytes([it.payload[2], it.payload[3]])).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800], "in units of 8 kHz");
        for pair in packets.windows(2) {
            assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        }
        let after = packets.iter().rposition(|it| it.pt == dtmf).unwrap();
        assert!(packets.len() - after > 10, "the voice goes on");
        to.never(Duration::from_millis(300), |event| matches!(event, LegEvent::Digit(_)));
    }
}
