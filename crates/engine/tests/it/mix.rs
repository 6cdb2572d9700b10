//! Three legs in one call: who listens, who speaks to whom, and that the user's stream never notices.

use std::sync::Arc;
use std::time::{Duration, Instant};

use audio::encoder::Encoder;
use audio::playout::Playout;
use audio::{prompt, tone};
use engine::{
    Backend, Direction, Engine, Listener, Mixer, PayloadTypes, Repeat, Source, TapPacket, Tapped,
    Voice,
};
use media::frame::{AudioCodec, AudioFrame};

use crate::support::{
    PATIENCE, Party, TYPES, business, connect_as, for_each_backend, level_of, platform,
};

for_each_backend!(
    each_hears_whom_it_should_and_the_streams_go_on,
    a_telephone_hears_and_is_heard_by_two,
);

const HZ: [f32; 3] = [440.0, 1_000.0, 1_700.0];
const USER: usize = 0;
const AGENT: usize = 1;
const SUPERVISOR: usize = 2;

/// What a busy machine adds to the 60 ms, which `continuous` shows in virtual time.
const GAP_MAX: Duration = Duration::from_millis(60 + 40);

/// Three people, each playing a tone, and their legs in one engine.
struct Call {
    talks: [PayloadTypes; 3],
    far: Vec<(Party, Tapped)>,
    near: Vec<Party>,
    heard: [Vec<TapPacket>; 3],
    _engines: [Engine; 2],
}

fn tone_of(hz: f32, codec: AudioCodec) -> Arc<[AudioFrame]> {
    let tone = tone::sine(hz, -18.0, 1_000);
    let packets = match engine::coding(codec) {
        None => prompt::encode(&tone).unwrap(),
        Some(coding) => Encoder::telephone(coding).push(&tone).unwrap(),
    };
    packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect()
}

impl Call {
    fn new(backend: Backend, talks: [PayloadTypes; 3]) -> Self {
        let engines = [business(backend), platform(backend)];
        let (mut far, mut near): (Vec<_>, Vec<Party>) = (Vec::new(), Vec::new());
        for (hz, types) in HZ.into_iter().zip(talks) {
            let mut there = Party::full(&engines[0]);
            let mut here = Party::lite(&engines[1], near.first());
            connect_as(&mut there, &mut here, types);
            here.leg.fill(true);
            there.leg.play(Source::Packets(tone_of(hz, types.codec), Repeat::Forever));
            let heard = there.tap(Direction::Received);
            near.push(here);
            far.push((there, heard));
        }
        Self { talks, far, near, heard: Default::default(), _engines: engines }
    }

    fn voice(&self, of: usize) -> Voice {
        let PayloadTypes { audio, codec, dtmf: _, noise: _ } = self.talks[of];
        Voice { leg: self.near[of].leg.clone(), audio, codec, noise: None }
    }

    fn listener(&self, who: usize, hears: &[usize]) -> Listener {
        let leg = self.near[who].leg.clone();
        let codec = self.talks[who].codec;
        Listener { leg, codec, hears: hears.iter().map(|of| self.voice(*of)).collect() }
    }

    fn bridge(&self, a: usize, b: usize) {
        for (to, from) in [(a, b), (b, a)] {
            self.near[to].leg.play(Source::Bridge(self.near[from].leg.clone()));
        }
    }

    /// Waits until each hears just these.
    #[track_caller]
    fn expect(&mut self, hears: [&[usize]; 3]) {
        let until = Instant::now() + PATIENCE;
        loop {
            std::thread::sleep(Duration::from_millis(350));
            let mut levels = Vec::new();
            let listeners = self.heard.iter_mut().zip(&mut self.far).zip(self.talks);
            for ((heard, (_, tapped)), types) in listeners {
                let before = heard.len();
                heard.extend(tapped.try_iter());
                levels.push(levels_of(&heard[before..], types.codec));
            }
            let right = levels.iter().zip(hears).all(|(levels, hears)| {
                levels.iter().enumerate().all(|(of, level)| {
                    if hears.contains(&of) { *level > -24.0 } else { *level < -36.0 }
                })
            });
            if right {
                return;
            }
            assert!(Instant::now() < until, "{hears:?} wanted, but {levels:?} (dBFS)");
        }
    }
}

/// How loud each of the tones is in the last fifth of a second.
fn levels_of(packets: &[TapPacket], codec: AudioCodec) -> [f64; 3] {
    let Some(first) = packets.first() else { return [-99.0; 3] };
    let mut playout = match engine::coding(codec) {
        None => Playout::new().unwrap(),
        Some(coding) => Playout::telephone(coding),
    };
    for packet in packets {
        let at = packet.at.saturating_duration_since(first.at);
        playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
    }
    let samples = playout.take();
    let end = &samples[samples.len().saturating_sub(9_600)..];
    HZ.map(|hz| level_of(end, hz))
}

fn assert_continuous(packets: &[TapPacket]) {
    for pair in packets.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap <= GAP_MAX, "a gap of {gap:?}");
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!((960..20 * 960).contains(&step), "a step of {step}");
    }
}

fn each_hears_whom_it_should_and_the_streams_go_on(backend: Backend) {
    let mut call = Call::new(backend, [TYPES; 3]);
    let mixer = Mixer::start().unwrap();
    call.bridge(USER, AGENT);
    call.expect([&[AGENT], &[USER], &[]]);

    // Listens: nobody else's stream is touched.
    let mut mix = mixer.open().unwrap();
    let supervisor = call.listener(SUPERVISOR, &[USER, AGENT, SUPERVISOR]);
    mix.arrange(std::slice::from_ref(&supervisor));
    call.expect([&[AGENT], &[USER], &[USER, AGENT]]);

    // Whispers: the agent's is.
    let agent = call.listener(AGENT, &[USER, SUPERVISOR]);
    mix.arrange(&[supervisor.clone(), agent.clone()]);
    call.expect([&[AGENT], &[USER, SUPERVISOR], &[USER, AGENT]]);

    // Joins.
    let user = call.listener(USER, &[AGENT, SUPERVISOR]);
    mix.arrange(&[user, agent, supervisor]);
    call.expect([&[AGENT, SUPERVISOR], &[USER, SUPERVISOR], &[USER, AGENT]]);

    // A leg that dies is silent; the others go on.
    call.near[SUPERVISOR].leg.close();
    std::thread::sleep(Duration::from_millis(150));
    call.bridge(USER, AGENT);
    drop(mix);
    call.expect([&[AGENT], &[USER], &[]]);
    for who in [USER, AGENT] {
        assert_continuous(&call.heard[who]);
        assert_eq!(call.far[who].0.stats().ssrc_changes, 0, "one source for the whole call");
    }
}

fn a_telephone_hears_and_is_heard_by_two(backend: Backend) {
    for (audio, codec) in [(0, AudioCodec::Pcmu), (9, AudioCodec::G722)] {
        let telephone = PayloadTypes { audio, codec, dtmf: Some(101), noise: None };
        hears_and_is_heard(Call::new(backend, [TYPES, TYPES, telephone]));
    }
}

fn hears_and_is_heard(mut call: Call) {
    let mixer = Mixer::start().unwrap();
    let mut mix = mixer.open().unwrap();
    let everybody = [0, 1, 2].map(|who| call.listener(who, &[USER, AGENT, SUPERVISOR]));
    mix.arrange(&everybody);
    call.expect([&[AGENT, SUPERVISOR], &[USER, SUPERVISOR], &[USER, AGENT]]);
    mix.arrange(&[call.listener(SUPERVISOR, &[USER])]);
    call.bridge(USER, AGENT);
    call.expect([&[AGENT], &[USER], &[USER]]);
    for who in [USER, AGENT] {
        assert_continuous(&call.heard[who]);
    }
}
