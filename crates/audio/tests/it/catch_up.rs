//! Is speech as soon as before after a network held it back, and is it still that speech?

use offhook_audio::{
    FRAME_SAMPLES, SAMPLE_RATE, SAMPLES_PER_MS,
    g711::{self, Law},
    jitter::JitterBuffer,
    measure::Measure,
    opus::{Encoder, Settings, WIDEBAND_RATE, WIDEBAND_SAMPLES},
    resample,
};

use crate::prompts;

/// What is held back arrives at once.
const HELD: usize = 5;

/// How long it may take until 100 ms of speech are given back.
const GIVEN_BACK_MS: usize = 2_000;

/// What was heard of speech that was held back at one packet.
struct Heard {
    samples: Vec<i16>,
    given_back_ms: Option<usize>,
    left_out: u64,
    shortened: u64,
}

/// Who hears it.
#[derive(Debug, Clone, Copy)]
enum Listener {
    Opus,
    Wideband,
    G711,
}

impl Listener {
    fn hear(self, packets: &[Box<[u8]>], held: usize) -> Heard {
        match self {
            Self::Opus => hear(JitterBuffer::new().expect("a decoder"), packets, held),
            Self::G711 => hear(JitterBuffer::telephone(Law::A), packets, held),
            Self::Wideband => {
                let buffer = JitterBuffer::wideband().expect("a decoder");
                let heard = hear::<WIDEBAND_SAMPLES>(buffer, packets, held);
                let samples = resample::resample(&heard.samples, WIDEBAND_RATE, SAMPLE_RATE);
                let samples = samples.expect("two usual rates");
                let times = u64::from(SAMPLE_RATE / WIDEBAND_RATE);
                Heard { samples, shortened: heard.shortened * times, ..heard }
            }
        }
    }
}

fn hear<const FRAME: usize>(
    mut buffer: JitterBuffer<FRAME>,
    packets: &[Box<[u8]>],
    held: usize,
) -> Heard {
    let (mut samples, mut waits, mut given_back_ms) = (Vec::new(), Vec::new(), None);
    for (nth, packet) in packets.iter().enumerate() {
        waits.push((u16::try_from(nth).expect("a short stream"), packet));
        if !(held..held + HELD).contains(&nth) {
            for (nth, packet) in waits.drain(..) {
                buffer.push(nth, packet);
            }
        }
        samples.extend(buffer.pull().unwrap_or([0; FRAME]));
        // The frame in hand and half a one: what is left over counts as what it was before.
        if nth > held + HELD && buffer.depth() <= 3 * FRAME / 2 && given_back_ms.is_none() {
            given_back_ms = Some((nth - held - HELD) * 20);
        }
    }
    let figures = buffer.figures();
    let (left_out, shortened) = (figures.left_out, figures.shortened);
    Heard { samples, given_back_ms, left_out, shortened }
}

fn steepest(samples: &[i16]) -> i32 {
    let step = |pair: &[i16]| (i32::from(pair[1]) - i32::from(pair[0])).abs();
    samples.windows(2).map(step).max().unwrap_or(0)
}

fn loud_ms(samples: &[i16]) -> u32 {
    let mut measure = Measure::default();
    measure.push(samples);
    measure.report().loud_ms
}

/// Wherever in a sentence the network held back 100 ms: they are given back while the sentence goes on,
/// nothing of it is left out, and where it is shortened there is no step that was not in it.
#[test]
fn a_hundred_milliseconds_are_given_back_in_two_seconds_of_speech() {
    let (mut spikes, mut longest) = (0, 0);
    for (name, speech) in prompts::all() {
        let opus = Encoder::new(Settings::default()).unwrap().encode_all(&speech).unwrap();
        let g711 = g711::Encoder::new(Law::A).encode_all(&speech);
        let listeners =
            [(&opus, Listener::Opus), (&opus, Listener::Wideband), (&g711, Listener::G711)];
        let even =
            |(packets, listener): (&Vec<_>, Listener)| listener.hear(packets, usize::MAX - HELD);
        let evens = listeners.map(even);
        let room = opus.len().saturating_sub(HELD + GIVEN_BACK_MS / 20);
        for held in (5..room).step_by(11) {
            for ((packets, listener), even) in listeners.into_iter().zip(&evens) {
                let heard = listener.hear(packets, held);
                let in_ms = heard.given_back_ms.unwrap_or(usize::MAX);
                assert!(in_ms <= GIVEN_BACK_MS, "{name} at {held}: {in_ms} ms");
                assert_eq!(heard.left_out, 0);
                assert!(heard.shortened > 70 * 48, "{name} at {held}: {}", heard.shortened);
                let after = &heard.samples[(held + HELD + 2) * FRAME_SAMPLES..];
                let (was, is) = (steepest(&even.samples), steepest(after));
                assert!(is <= was + was / 10, "{name} at {held}: a step of {is}, not {was}");
                // What went on while nothing came, and no more, is heard in addition.
                let (was, is) = (loud_ms(&even.samples), loud_ms(&heard.samples));
                assert!(was.abs_diff(is) <= 120, "{name} at {held}: {is} ms of sound, not {was}");
                (spikes, longest) = (spikes + 1, longest.max(in_ms));
            }
        }
    }
    eprintln!("{spikes} times 100 ms: given back in {longest} ms at most");
    assert!(spikes > 100);
}

/// A network as bad as they are: packets lost, packets held back, a sender whose clock is wrong.
struct Network {
    chance: u64,
    /// How much longer a packet of the sender lasts than one of ours, in millionths.
    drift_ppm: i64,
}

impl Network {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn of(&mut self, many: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.chance;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % many
    }

    /// Plays packets again and again for so long, calm in the end; the samples left over in the end, and
    /// for how long at most more than two frames were.
    fn run(
        &mut self,
        mut buffer: JitterBuffer,
        packets: &[Box<[u8]>],
        seconds: u64,
    ) -> (usize, u64) {
        let frames = seconds * 50;
        let calm = frames - 500;
        let (mut sent, mut held_until_us, mut pulled) = (0u64, 0, 0);
        let (mut late, mut latest, mut left) = (0, 0, 0);
        while pulled < frames {
            let step = 20_000 * (1_000_000 + self.drift_ppm) / 1_000_000;
            let leaves_us = sent * step.cast_unsigned();
            if sent < calm && self.of(500) == 0 {
                held_until_us = leaves_us + 20_000 + self.of(160_000);
            }
            let comes_us = held_until_us.max(leaves_us + self.of(8_000));
            while pulled < frames && pulled * 20_000 < comes_us {
                buffer.pull();
                pulled += 1;
                left = buffer.depth();
                late = if left > 2 * FRAME_SAMPLES { late + 1 } else { 0 };
                latest = latest.max(late);
            }
            if self.of(100) >= 2 {
                let [.., high, low] = sent.to_be_bytes();
                let place = usize::try_from(sent).expect("an hour") % packets.len();
                buffer.push(u16::from_be_bytes([high, low]), &packets[place]);
            }
            sent += 1;
        }
        (left, latest * 20)
    }
}

/// A spike every ten seconds, 2 % lost, a clock that is wrong by 200 millionths: whatever was late becomes
/// sooner again, and at the end nobody is later than a frame more than must be.
#[test]
fn no_delay_stays_in_an_hour_of_spikes_loss_and_wrong_clocks() {
    let speech: Vec<i16> = prompts::all().flat_map(|(_, samples)| samples).collect();
    let opus = Encoder::new(Settings::default()).unwrap().encode_all(&speech).unwrap();
    let g711 = g711::Encoder::new(Law::Mu).encode_all(&speech);
    let story = |seed: u64, seconds| {
        let drift_ppm = [-200, 200, 0, 70][usize::try_from(seed % 4).unwrap()];
        let mut network = Network { chance: seed, drift_ppm };
        let (left, late_ms) = if seed.is_multiple_of(3) {
            network.run(JitterBuffer::telephone(Law::Mu), &g711, seconds)
        } else {
            network.run(JitterBuffer::new().unwrap(), &opus, seconds)
        };
        assert!(left <= 2 * FRAME_SAMPLES, "seed {seed}: {} ms", left / SAMPLES_PER_MS);
        assert!(late_ms < 6_000, "seed {seed}: late for {late_ms} ms");
    };
    let (long, short) = (|| story(1, 3_600), || (2..14).for_each(|seed| story(seed, 120)));
    std::thread::scope(|scope| {
        scope.spawn(long);
        scope.spawn(short);
    });
}
