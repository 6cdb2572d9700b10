//! Is speech told from what is none? The demo's prompts, noise, tones and nothing.

use offhook_audio::{
    FRAME_SAMPLES,
    activity::{Activity, Turn},
    encoder::Encoder,
    jitter::JitterBuffer,
    opus::Settings,
    prompt, tone,
};

const PROMPTS: [(&str, &[u8]); 6] = [
    ("welcome", include_bytes!("../../../../demo/prompts/welcome.ogg")),
    ("no_agent", include_bytes!("../../../../demo/prompts/no_agent.ogg")),
    ("hours", include_bytes!("../../../../demo/prompts/hours.ogg")),
    ("en_echo_begins", include_bytes!("../../../gateway/assets/phrases/en_echo_begins.ogg")),
    ("pt_echo_begins", include_bytes!("../../../gateway/assets/phrases/pt_echo_begins.ogg")),
    ("pt_person", include_bytes!("../../../gateway/assets/phrases/pt_person.ogg")),
];

/// Louder than this somebody is heard.
const LOUD: i16 = 600;

/// What is told of these samples, with the millisecond at which it is.
fn turns(samples: &[i16], silent_after_ms: Option<u64>, is_answered: bool) -> Vec<(u64, Turn)> {
    let mut activity = Activity::new(silent_after_ms);
    let (frames, _) = samples.as_chunks::<FRAME_SAMPLES>();
    let mut told = Vec::new();
    for (frame, ms) in frames.iter().zip((20..).step_by(20)) {
        told.extend(activity.hear(frame, is_answered).into_iter().map(|turn| (ms, turn)));
    }
    told
}

fn silence(ms: usize) -> Vec<i16> {
    vec![0; 48 * ms]
}

/// A second of silence, the prompt, and a second and a half after it.
fn spoken(file: &[u8]) -> Vec<i16> {
    let prompt = prompt::samples(file).expect("a prompt");
    [silence(1_000), prompt, silence(1_500)].concat()
}

/// As a user's phone sends it and the gateway's jitter buffer gives it.
fn over_the_wire(samples: &[i16], noise: &mut Noise, dbfs: f32) -> Vec<i16> {
    let noisy: Vec<i16> = samples
        .iter()
        .zip(noise.samples(dbfs, samples.len() / 48))
        .map(|(sample, noise)| sample.saturating_add(noise))
        .collect();
    let mut encoder = Encoder::opus(Settings::default()).expect("an encoder");
    let packets = encoder.push(&noisy).expect("Opus");
    let mut buffer = JitterBuffer::new().expect("a decoder");
    let mut heard = Vec::new();
    for (sequence, packet) in (0_u16..).zip(packets) {
        buffer.push(sequence, &packet);
        heard.extend(buffer.pull().unwrap_or([0; FRAME_SAMPLES]));
    }
    heard
}

/// White noise, the same each time: SplitMix64 (Steele, Lea, Flood 2014).
struct Noise(u64);

impl Noise {
    fn samples(&mut self, dbfs: f32, ms: usize) -> Vec<i16> {
        // Of even distribution from -a to a: its level is a / √3.
        let most = 32_767.0 * 10_f32.powf(dbfs / 20.0) * 3_f32.sqrt();
        (0..48 * ms).map(|_| clip(self.even() * most)).collect()
    }

    fn even(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}

#[expect(clippy::cast_possible_truncation, reason = "within the range, as far as it is clamped")]
fn clip(sample: f32) -> i16 {
    sample.clamp(-32_768.0, 32_767.0) as i16
}

#[test]
fn speech_begins_soon_after_the_first_sound_and_ceases_after_the_last() {
    let (mut begins, mut ceases) = (Vec::new(), Vec::new());
    for (name, file) in PROMPTS {
        let samples = spoken(file);
        let is_loud = |sample: &i16| sample.saturating_abs() > LOUD;
        let first = samples.iter().position(is_loud).expect("a sound") as u64 / 48;
        let last = samples.iter().rposition(is_loud).expect("a sound") as u64 / 48;
        let told = turns(&samples, None, false);
        let Some((began_at, Turn::Began { at_ms })) = told.first().copied() else {
            panic!("{name}: {told:?}")
        };
        let Some((ceased_at, Turn::Ceased { at_ms: end_ms })) = told.last().copied() else {
            panic!("{name}: {told:?}")
        };
        eprintln!(
            "{name}: sound from {first} to {last} ms, speech from {at_ms} to {end_ms} ms, told at {began_at} \
             and {ceased_at} ms, {} turns",
            told.len()
        );
        begins.push(began_at.saturating_sub(first));
        ceases.push(ceased_at.saturating_sub(last));
        assert!(at_ms.abs_diff(first) <= 160, "{name}: began at {at_ms}, sounded at {first}");
        assert!(end_ms.abs_diff(last) <= 250, "{name}: ceased at {end_ms}, sounded to {last}");
    }
    eprintln!("told {begins:?} ms after the first sound and {ceases:?} ms after the last");
    assert!(begins.iter().all(|ms| *ms <= 240), "{begins:?}");
    assert!(ceases.iter().all(|ms| (300..=700).contains(ms)), "{ceases:?}");
}

#[test]
fn speech_is_told_over_the_wire_and_in_noise() {
    let mut noise = Noise(1);
    for dbfs in [-60.0, -45.0, -35.0] {
        for (name, file) in PROMPTS {
            let told = turns(&over_the_wire(&spoken(file), &mut noise, dbfs), None, false);
            let began = matches!(told.first(), Some((_, Turn::Began { at_ms })) if *at_ms >= 900);
            let ceased = matches!(told.last(), Some((_, Turn::Ceased { .. })));
            assert!(began && ceased, "{name} with noise of {dbfs} dBFS: {told:?}");
        }
    }
}

#[test]
fn what_is_no_speech_is_not_told() {
    let mut noise = Noise(2);
    let key = |low, high| tone::dual(low, high, -10.0, 150);
    let keys = [(697.0, 1_209.0), (770.0, 1_336.0), (852.0, 1_477.0), (941.0, 1_336.0)];
    let keys: Vec<i16> =
        keys.iter().flat_map(|&(low, high)| [key(low, high), silence(150)].concat()).collect();
    let mut faults = Vec::new();
    for (name, samples) in [
        ("digital silence", silence(10_000)),
        ("noise of -60 dBFS", noise.samples(-60.0, 10_000)),
        ("noise of -40 dBFS", noise.samples(-40.0, 10_000)),
        ("noise of -25 dBFS", noise.samples(-25.0, 10_000)),
        ("keys", keys),
        ("440 Hz", tone::sine(440.0, -12.0, 5_000)),
        ("1,000 Hz", tone::sine(1_000.0, -12.0, 5_000)),
        ("a dial tone", tone::dual(350.0, 440.0, -15.0, 5_000)),
    ] {
        let samples = [silence(500), samples, silence(500)].concat();
        let told = turns(&samples, None, false);
        eprintln!("{name}: {told:?}");
        let sent = over_the_wire(&samples, &mut noise, -75.0);
        let heard = turns(&sent, None, false);
        eprintln!("{name}, over the wire: {heard:?}");
        faults.extend((!told.is_empty() || !heard.is_empty()).then_some(name));
    }
    assert_eq!(faults, [""; 0]);
}

#[test]
fn silence_is_told_once_and_only_while_nobody_speaks() {
    let speech = spoken(PROMPTS[1].1);
    let samples = [silence(3_000), speech, silence(4_000)].concat();
    let told = turns(&samples, Some(2_000), false);
    assert_eq!(told.first(), Some(&(2_000, Turn::Silent { ms: 2_000 })), "{told:?}");
    let silent = told.iter().filter(|(_, turn)| matches!(turn, Turn::Silent { .. })).count();
    assert_eq!(silent, 2, "before and after what was said: {told:?}");
    assert!(matches!(told.last(), Some((_, Turn::Silent { .. }))), "{told:?}");
    // Who listens is not asked whether anybody is there.
    assert!(turns(&silence(5_000), Some(2_000), true).is_empty());
}
