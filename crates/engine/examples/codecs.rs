//! What do the codecs of a bot's call cost, with nothing around them?
//!
//! The same libopus decodes the same speech at a bot's rate and encodes it again with the settings of a bot's
//! voice, on one thread, as fast as it can. `cargo xtask bench bots` asks for it beside whole calls.
//!
//! An order is a line of JSON on standard input, its answer a line on standard output:
//!
//! | Order | Answer |
//! |---|---|
//! | `{"complexity": 5, "frames": 5000}` | `{"decode_ns": …, "encode_ns": …}`, CPU of a frame of 20 ms |
//!
//! What goes wrong is answered with `{"error": …}`.

#![expect(clippy::print_stdout, reason = "the answers to orders")]

use std::io::BufRead as _;

use audio::opus::{Complexity, Decoder, WIDEBAND_RATE, WIDEBAND_SAMPLES, WidebandEncoder};
use audio::{SAMPLE_RATE, prompt, resample};
use offhook_engine::Bots;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What is said.
const SPEECH: [&[u8]; 4] = [
    include_bytes!("../../../demo/prompts/welcome.ogg"),
    include_bytes!("../../../demo/prompts/menu.ogg"),
    include_bytes!("../../../demo/prompts/echo.ogg"),
    include_bytes!("../../../demo/prompts/no_agent.ogg"),
];

/// The same speech, encoded and as samples.
struct Speech {
    packets: Vec<Box<[u8]>>,
    wideband: Vec<i16>,
}

fn main() -> Outcome<()> {
    let speech = Speech::read()?;
    println!("{}", json!({ "ready": true, "packets": speech.packets.len() }));
    for line in std::io::stdin().lock().lines() {
        let order: Value = serde_json::from_str(&line?)?;
        let answer = obey(&speech, &order).unwrap_or_else(|e| json!({ "error": e.to_string() }));
        println!("{answer}");
    }

    Ok(())
}

impl Speech {
    fn read() -> Outcome<Self> {
        let files = SPEECH.iter().map(|file| prompt::load(file));
        let packets = files.collect::<Result<Vec<_>, _>>()?.concat();
        let mut decoder = Decoder::new()?;
        let mut samples = Vec::new();
        for packet in &packets {
            samples.extend_from_slice(decoder.decode(packet)?);
        }
        let wideband = resample::resample(&samples, SAMPLE_RATE, WIDEBAND_RATE)?;

        Ok(Self { packets, wideband })
    }

    fn decode(&self, frames: usize) -> Outcome<()> {
        let mut decoder = Decoder::wideband()?;
        for packet in self.packets.iter().cycle().take(frames) {
            std::hint::black_box(decoder.decode(packet)?);
        }

        Ok(())
    }

    fn encode(&self, frames: usize, complexity: Complexity) -> Outcome<()> {
        let mut encoder = WidebandEncoder::new(Bots::settings(complexity))?;
        for samples in self.wideband.chunks_exact(WIDEBAND_SAMPLES).cycle().take(frames) {
            std::hint::black_box(encoder.encode(samples)?);
        }

        Ok(())
    }
}

fn obey(speech: &Speech, order: &Value) -> Outcome<Value> {
    let complexity = order["complexity"].as_u64().and_then(|effort| u8::try_from(effort).ok());
    let complexity = complexity.and_then(Complexity::new).ok_or("complexity is 0 to 10")?;
    let frames = usize::try_from(order["frames"].as_u64().ok_or("no frames")?)?;
    let begin = cpu_ns();
    speech.decode(frames)?;
    let decoded = cpu_ns();
    speech.encode(frames, complexity)?;
    let encoded = cpu_ns();
    let of_frame = |ns: i64| ns as f64 / frames.max(1) as f64;

    Ok(json!({ "decode_ns": of_frame(decoded - begin), "encode_ns": of_frame(encoded - decoded) }))
}

/// What this thread has used.
fn cpu_ns() -> i64 {
    let at = clock_gettime(ClockId::ThreadCPUTime);

    at.tv_sec * 1_000_000_000 + at.tv_nsec
}
