//! What do the codecs of a bot's call cost, with nothing around them?
//!
//! The same libopus decodes the same speech at a bot's rate and encodes it again with the settings of a bot's
//! voice, on one thread, a frame of every call each 20 ms: what is done in a loop as fast as it can finds all it
//! needs in the cache and costs a fifth to a third less. `cargo xtask bench bots` asks for it beside whole calls.
//!
//! An order is a line of JSON on standard input, its answer a line on standard output:
//!
//! | Order | Answer |
//! |---|---|
//! | `{"complexity": 5, "calls": 20, "frames": 150}`, of each call | `{"decode_ns": …, "encode_ns": …}`, CPU of a frame of 20 ms |
//!
//! What goes wrong is answered with `{"error": …}`.

#![expect(clippy::print_stdout, reason = "the answers to orders")]

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use audio::opus::{Complexity, Decoder, WIDEBAND_RATE, WIDEBAND_SAMPLES, WidebandEncoder};
use audio::{SAMPLE_RATE, prompt, resample};
use offhook_engine::Bots;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const FRAME: Duration = Duration::from_millis(20);

/// Frames by which each call is behind the one before: users say different things.
const APART: usize = 37;

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

    /// What so many calls use of one thread for so many frames each, to decode and to encode: every 20 ms it has a
    /// frame of all, as a bot's worker has.
    fn talk(&self, calls: usize, frames: usize, complexity: Complexity) -> Outcome<[i64; 2]> {
        let mut all = (0..calls)
            .map(|call| Call::new(self, call * APART, complexity))
            .collect::<Outcome<Vec<_>>>()?;
        let mut spent = [0; 2];
        let mut due = Instant::now();
        for _ in 0..frames {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            due += FRAME;
            for call in &mut all {
                let begin = cpu_ns();
                call.decode()?;
                let decoded = cpu_ns();
                call.encode()?;
                spent[0] += decoded - begin;
                spent[1] += cpu_ns() - decoded;
            }
        }

        Ok(spent)
    }
}

/// The codecs of one call.
struct Call<'a> {
    decoder: Decoder,
    encoder: WidebandEncoder,
    heard: Box<dyn Iterator<Item = &'a [u8]> + 'a>,
    said: Box<dyn Iterator<Item = &'a [i16]> + 'a>,
}

impl<'a> Call<'a> {
    fn new(speech: &'a Speech, at: usize, complexity: Complexity) -> Outcome<Self> {
        let heard = speech.packets.iter().map(|packet| &**packet).cycle().skip(at);
        let said = speech.wideband.chunks_exact(WIDEBAND_SAMPLES).cycle().skip(at);

        Ok(Self {
            decoder: Decoder::wideband()?,
            encoder: WidebandEncoder::new(Bots::settings(complexity))?,
            heard: Box::new(heard),
            said: Box::new(said),
        })
    }

    fn decode(&mut self) -> Outcome<()> {
        let packet = self.heard.next().ok_or("nothing is heard")?;
        std::hint::black_box(self.decoder.decode(packet)?);

        Ok(())
    }

    fn encode(&mut self) -> Outcome<()> {
        let samples = self.said.next().ok_or("nothing is said")?;
        std::hint::black_box(self.encoder.encode(samples)?);

        Ok(())
    }
}

fn obey(speech: &Speech, order: &Value) -> Outcome<Value> {
    let complexity = order["complexity"].as_u64().and_then(|effort| u8::try_from(effort).ok());
    let complexity = complexity.and_then(Complexity::new).ok_or("complexity is 0 to 10")?;
    let whole = |of: &str| usize::try_from(order[of].as_u64()?).ok();
    let calls = whole("calls").ok_or("no calls")?;
    let frames = whole("frames").ok_or("no frames")?;
    let [decode, encode] = speech.talk(calls, frames, complexity)?;
    let of_frame = |ns: i64| ns as f64 / (calls * frames).max(1) as f64;

    Ok(json!({ "decode_ns": of_frame(decode), "encode_ns": of_frame(encode) }))
}

/// What this thread has used.
fn cpu_ns() -> i64 {
    let at = clock_gettime(ClockId::ThreadCPUTime);

    at.tv_sec * 1_000_000_000 + at.tv_nsec
}
