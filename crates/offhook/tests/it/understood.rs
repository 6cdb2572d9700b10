//! Is speech understood that came over a network which loses packets?
//!
//! Speech is encoded as we send it, loses packets by chance, and is heard through the jitter buffer: ten
//! times in virtual time, and once in a call that a bot takes. How much of it is understood says STOI
//! (Taal, Hendriks, Heusdens, Jensen 2011), by `pystoi`.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
    thread::JoinHandle,
};

use audio::{
    FRAME_SAMPLES,
    encoder::Encoder,
    jitter::JitterBuffer,
    opus::{self, Settings},
    prompt, wav,
};
use serde_json::json;
use tokio_tungstenite::tungstenite::{
    Message, accept_hdr,
    handshake::server::{Request, Response},
};

use crate::{http::ask, process::free_tcp, scene::Scene};

const PROMPTS: [&[u8]; 5] = [
    include_bytes!("../../../../demo/prompts/welcome.ogg"),
    include_bytes!("../../../../demo/prompts/menu.ogg"),
    include_bytes!("../../../../demo/prompts/echo.ogg"),
    include_bytes!("../../../../demo/prompts/no_agent.ogg"),
    include_bytes!("../../../../demo/prompts/closed.ogg"),
];
const LOST_PERCENT: u64 = 5;
const SEEDS: u64 = 10;
/// How long the user speaks in a call.
const CALL_S: usize = 12;
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
    let understood = stoi(&clean, &heard, Shifted::AsOne);
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

#[test]
fn a_bot_understands_a_user_whose_call_loses_five_percent() {
    let mut clean = speech();
    clean.truncate(CALL_S * 48_000);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("speech.wav");
    std::fs::write(&file, wav::write_mono(&clean).expect("WAV")).expect("a file");
    let (at, listening) = listen();
    let table = format!("url = \"ws://{at}/talk\"\nprotocol = \"native\"\nrate = 48000");
    let scene = Scene::new(&free_tcp(), &table);
    let faults = json!({ "media": { "loss": LOST_PERCENT as f64 / 100.0 } });
    let url = format!("{}/sandbox/v1/faults", scene.platform.url("platform"));
    assert_eq!(ask("PUT", &url, None, Some(&faults)).0, 200);
    let (play, during) = (file.to_str().expect("UTF-8"), format!("{}s", CALL_S + 2));
    let (record, _) = scene.call(&["--play", play, "--for", &during]);
    let heard = listening.join().expect("a bot that heard");
    let understood = stoi(&clean, &[heard], Shifted::BySeconds)[0];
    let count = |of: &str| record["whatsapp_leg"][of].as_f64().expect("a count");
    let lost_percent = 100.0 * count("lost") / (count("lost") + count("received"));
    eprintln!("STOI: {understood:.3} in a call that lost {lost_percent:.1} %");
    assert!((2.0..9.0).contains(&lost_percent), "{record}");
    let concealed = count("concealed_ms") / 20.0 / count("lost");
    assert!((0.5..3.0).contains(&concealed), "{concealed} frames for each that was lost: {record}");
    assert!(understood >= LEAST, "{understood}");
}

/// A bot that takes one call and keeps all it hears, at 48 kHz.
fn listen() -> (String, JoinHandle<Vec<i16>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address").to_string();
    let bot = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a call");
        #[expect(clippy::result_large_err, reason = "the callback of the library")]
        let keep = |request: &Request, mut response: Response| {
            if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
                response.headers_mut().insert("sec-websocket-protocol", protocol.clone());
            }
            Ok(response)
        };
        let mut line = accept_hdr(stream, keep).expect("a WebSocket");
        let mut heard = Vec::new();
        while let Ok(message) = line.read() {
            if let Message::Binary(bytes) = message {
                let (samples, _) = bytes.as_chunks::<2>();
                heard.extend(samples.iter().map(|sample| i16::from_le_bytes(*sample)));
            }
        }
        heard
    });
    (at, bot)
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

/// How what is heard is laid beside what was said.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shifted {
    /// As much later as it is as a whole.
    AsOne,
    /// Each second by itself: on a busy machine packets come late, and the jitter buffer gets longer.
    BySeconds,
}

/// How much of each is understood, from 0 to 1.
fn stoi(clean: &[i16], heard: &[Vec<i16>], shifted: Shifted) -> Vec<f64> {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: String, samples: &[i16]| {
        let path = folder.path().join(name);
        std::fs::write(&path, wav::write_mono(samples).expect("WAV")).expect("a file");
        path
    };
    let clean = write("clean.wav".into(), clean);
    let heard = heard.iter().enumerate().map(|(nth, it)| write(format!("heard-{nth}.wav"), it));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = std::env::var_os("OFFHOOK_PYTHON")
        .map_or_else(|| root.join(".venv/bin/python"), PathBuf::from);
    let mut asked = Command::new(&python);
    asked.arg(root.join("tests/interop/understood.py"));
    asked.args((shifted == Shifted::BySeconds).then_some("--follow")).arg(clean).args(heard);
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
