//! Is speech understood that came over a network which loses packets?
//!
//! Speech is encoded as we send it, loses packets by chance, and is heard through the jitter buffer. How
//! much of it is understood says STOI (Taal, Hendriks, Heusdens, Jensen 2011), by `pystoi`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use audio::{
    FRAME_SAMPLES,
    encoder::Encoder,
    jitter::JitterBuffer,
    opus::{self, Settings},
    prompt, wav,
};

const PROMPTS: [&[u8]; 5] = [
    include_bytes!("../../../../demo/prompts/welcome.ogg"),
    include_bytes!("../../../../demo/prompts/menu.ogg"),
    include_bytes!("../../../../demo/prompts/echo.ogg"),
    include_bytes!("../../../../demo/prompts/no_agent.ogg"),
    include_bytes!("../../../../demo/prompts/closed.ogg"),
];
const LOST_PERCENT: u64 = 5;
const SEEDS: u64 = 10;
/// The least that counts as understood.
const LEAST: f64 = 0.85;

#[test]
fn speech_is_understood_at_five_percent_loss() {
    let clean = speech();
    let mut encoder = Encoder::opus(Settings::default()).expect("an encoder");
    let packets = encoder.push(&clean).expect("Opus");
    let mut heard = vec![hear(&packets, |_| false)];
    heard.extend((0..SEEDS).map(|seed| {
        let mut chance = Chance(seed);
        hear(&packets, |_| chance.of_hundred() < LOST_PERCENT)
    }));
    // What finds speech understood must be able not to.
    heard.push(hear(&packets, |nth| nth % 3 != 0));
    let understood = stoi(&clean, &heard);
    let [whole, lossy @ .., broken] = &understood[..] else { panic!("{understood:?}") };
    let least = lossy.iter().copied().fold(1.0, f64::min);
    let mean = lossy.iter().sum::<f64>() / lossy.len() as f64;
    eprintln!(
        "STOI: {whole:.3} without loss; {least:.3} at least and {mean:.3} on average at {LOST_PERCENT} % \
         loss, {SEEDS} times; {broken:.3} with a third of the packets"
    );
    assert!(least >= LEAST, "{understood:?}");
    assert!(*broken < LEAST, "{understood:?}");
}

/// The demo's prompts, one after the other.
fn speech() -> Vec<i16> {
    let mut decoder = opus::Decoder::new().expect("a decoder");
    let mut samples = Vec::new();
    for packet in PROMPTS.iter().flat_map(|file| prompt::load(file).expect("a prompt")) {
        samples.extend_from_slice(decoder.decode(&packet).expect("Opus"));
    }
    samples
}

/// What is heard of packets that leave every 20 ms, where some never come.
fn hear(packets: &[Box<[u8]>], mut is_lost: impl FnMut(usize) -> bool) -> Vec<i16> {
    let mut buffer = JitterBuffer::new().expect("a decoder");
    let mut heard = Vec::new();
    for (nth, packet) in packets.iter().enumerate() {
        if !is_lost(nth) {
            buffer.push(u16::try_from(nth).expect("less than half an hour"), packet);
        }
        heard.extend(buffer.pull().unwrap_or([0; FRAME_SAMPLES]));
    }
    heard
}

/// How much of each is understood, from 0 to 1.
fn stoi(clean: &[i16], heard: &[Vec<i16>]) -> Vec<f64> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("intelligible");
    std::fs::create_dir_all(&folder).expect("a folder");
    let write = |name: String, samples: &[i16]| {
        let path = folder.join(name);
        std::fs::write(&path, wav::write_mono(samples).expect("WAV")).expect("a file");
        path
    };
    let clean = write("clean.wav".into(), clean);
    let heard = heard.iter().enumerate().map(|(nth, it)| write(format!("heard-{nth}.wav"), it));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = std::env::var_os("OFFHOOK_PYTHON")
        .map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
    let mut asked = Command::new(&python);
    asked.arg(root.join("tests/interop/understood.py")).arg(clean).args(heard);
    let output = asked.output().unwrap_or_else(|error| {
        panic!(
            "cannot run {}: {error}. This test needs Python with pystoi; `cargo xtask test` sets it up, or \
             install tests/interop/requirements.txt and name a Python in OFFHOOK_PYTHON",
            python.display()
        )
    });
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    said.split_whitespace().map(|figure| figure.parse().expect("a figure")).collect()
}

/// The same sequence for the same seed: SplitMix64 (Steele, Lea, Flood 2014).
struct Chance(u64);

impl Chance {
    fn of_hundred(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (bits ^ (bits >> 31)) % 100
    }
}
