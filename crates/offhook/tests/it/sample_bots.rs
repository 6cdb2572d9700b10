//! The bots in `examples/bots` take WhatsApp calls: written with Twilio's and Pipecat's own libraries (the latter
//! with its words for Vonage as well), with one for Asterisk and with the types of OpenAI's SDK. Processes at every
//! end, tones both ways, marks and keys. Beside them one that is built in.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use audio::{SAMPLE_RATE, SAMPLES_PER_MS};
use serde_json::{Value, json};

use crate::{
    process::{free_tcp, wait_for},
    scene::Scene,
};

const USER_HZ: u64 = 440;
const ECHO_HZ: f32 = 440.0;

/// What the bots say: a greeting of a second, ten seconds that are broken off, and a second more.
const GREETING_HZ: f32 = 1_000.0;
const LONG_HZ: f32 = 1_500.0;
const SHORT_HZ: f32 = 2_000.0;
/// Their amplitude: a quarter of full scale.
const AMPLITUDE: f32 = 8_192.0;

/// What is looked at in a recording: short, so that an edge is known to a few milliseconds.
const PIECE_MS: usize = 5;
const PIECE: usize = PIECE_MS * SAMPLES_PER_MS;

/// How far what a bot is told may be from what the user's phone has recorded.
const TRUE_WITHIN_MS: u64 = 20;

/// How long a Python process may take to be there, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running bot, and what it says of its calls.
struct Bot {
    child: Child,
    told: mpsc::Receiver<Value>,
}

impl Bot {
    fn start(script: &str, listen: &str, more: &[&str]) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let python = python();
        let (_, port) = listen.rsplit_once(':').expect("an address");
        let mut child = Command::new(&python)
            .arg(root.join("examples/bots").join(script))
            .args(["--port", port])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "cannot run {}: {error}. `cargo xtask test` sets it up, or: python3 -m venv \
                     target/bots/venv && target/bots/venv/bin/python -m pip install --no-deps -r \
                     examples/bots/requirements.txt; or name a Python in OFFHOOK_BOTS_PYTHON",
                    python.display()
                )
            });
        let stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let news = serde_json::from_str(&line).unwrap_or(Value::String(line));
                let _gone = tell.send(news).is_err();
            }
        });
        let bot = Self { child, told };
        wait_for("bot", READY_WITHIN, || TcpStream::connect(listen).ok());
        bot
    }

    /// All it told until now.
    fn told(&self) -> Vec<Value> {
        self.told.try_iter().collect()
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _already_gone = self.child.kill().is_err();
        let _already_waited = self.child.wait().is_err();
    }
}

/// The Python that has the bots' libraries.
fn python() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_offhook")).ancestors().nth(2).expect("a target");
    std::env::var_os("OFFHOOK_BOTS_PYTHON")
        .map_or_else(|| target.join("bots/venv/bin/python"), PathBuf::from)
}

/// For how many milliseconds this tone is heard: the pieces of 5 ms in which it is most of what the bots say.
fn tone_ms(heard: &[i16], hz: f32) -> usize {
    PIECE_MS * pieces(heard, hz).filter(|is_there| *is_there).count()
}

/// For how many milliseconds without a break: among words, which have pieces of any tone.
fn beep_ms(heard: &[i16], hz: f32) -> usize {
    let runs = pieces(heard, hz).scan(0, |run, is_there| {
        *run = if is_there { *run + PIECE_MS } else { 0 };
        Some(*run)
    });
    runs.max().unwrap_or(0)
}

/// Whether this tone is there, piece by piece.
fn pieces(heard: &[i16], hz: f32) -> impl Iterator<Item = bool> {
    let turn = std::f32::consts::TAU * hz / SAMPLE_RATE as f32;
    let is_there = move |piece: &[i16]| {
        let (mut along, mut across) = (0.0, 0.0);
        for (at, sample) in piece.iter().enumerate() {
            let (sin, cos) = (turn * at as f32).sin_cos();
            along += f32::from(*sample) * cos;
            across += f32::from(*sample) * sin;
        }
        let amplitude = 2.0 * along.hypot(across) / PIECE as f32;
        amplitude > AMPLITUDE / 2.0
    };
    heard.chunks_exact(PIECE).map(is_there)
}

/// The greeting whole, the long tone broken off when the key came, then the short one whole.
fn assert_heard(heard: &[i16]) {
    let heard = [GREETING_HZ, LONG_HZ, SHORT_HZ].map(|hz| tone_ms(heard, hz));
    // Each tone's edges may lie in the middle of 20 ms. How soon a bot hears of a key is the machine's
    // affair; that the tone was broken off is ours.
    assert!((980..=1_040).contains(&heard[0]), "the greeting: {heard:?}");
    assert!((500..=2_600).contains(&heard[1]), "two seconds of ten: {heard:?}");
    assert!((980..=1_040).contains(&heard[2]), "after the clear: {heard:?}");
}

/// A bot is told of the long tone what the user's phone has recorded of it.
fn assert_true(told_ms: u64, heard: &[i16]) {
    let heard_ms = tone_ms(heard, LONG_HZ) as u64;
    eprintln!("told {told_ms} ms, recorded {heard_ms} ms");
    assert!(told_ms.abs_diff(heard_ms) <= TRUE_WITHIN_MS, "{told_ms} ms told, {heard_ms} ms heard");
}

/// Ana speaks a tone and presses keys: the record of the call, and what she heard.
fn call(scene: &Scene, keys: &str) -> (Value, Vec<i16>) {
    scene.call(&["--play", "tone:440", "--dtmf", keys, "--for", "20s", "--expect", "tone:*"])
}

fn find<'a>(told: &'a [Value], key: &str) -> Vec<&'a Value> {
    told.iter().filter_map(|news| news.get(key)).collect()
}

#[test]
fn a_bot_on_twilios_library_greets_is_interrupted_and_ends_the_call_over_rest() {
    let (listen, at) = (free_tcp(), free_tcp());
    let api = format!("http://{listen}");
    let bot = Bot::start("twilio_bot.py", &at, &["--token", "demo-token", "--api", &api]);
    let table = format!(
        "url = \"ws://{at}/talk\"\nprotocol = \"twilio\"\ntoken_env = \"OFFHOOK_TEST_TOKEN\""
    );
    let scene = Scene::new(&listen, &table);
    let (record, heard) = call(&scene, "1@3s,2@5s,9@8s");
    assert_eq!(record["reason"], "program_hung_up", "{record}");
    assert_heard(&heard);
    let told = bot.told();
    assert_eq!(find(&told, "start")[0]["customParameters"]["order"], "4711");
    assert_eq!(find(&told, "mark"), ["greeted", "long", "short"]);
    assert_eq!(find(&told, "digit"), ["1", "2", "9"]);
    assert_eq!(find(&told, "hung_up"), ["completed"]);
    assert!(find(&told, "heard_hz").contains(&&json!(USER_HZ)), "{told:?}");
}

#[test]
fn a_pipeline_of_pipecat_greets_is_interrupted_and_hangs_up() {
    let (listen, at) = (free_tcp(), free_tcp());
    let bot = Bot::start("pipecat_bot.py", &at, &[]);
    let table = format!("url = \"ws://{at}/talk\"\nprotocol = \"pipecat\"");
    let scene = Scene::new(&listen, &table);
    let (record, heard) = call(&scene, "1@3s,2@5s,9@8s");
    assert_eq!(record["reason"], "flow_hung_up", "{record}");
    assert_heard(&heard);
    let told = bot.told();
    assert_eq!(find(&told, "start")[0]["context"], json!({"order": "4711"}));
    assert_eq!(find(&told, "digit"), ["1", "2", "9"]);
    assert!(find(&told, "mark").contains(&&json!("greeted")), "{told:?}");
    assert!(find(&told, "mark").contains(&&json!("short")), "{told:?}");
    let cleared = find(&told, "cleared").into_iter().find_map(|it| it["heard_ms"].as_u64());
    assert_true(cleared.expect("what was heard before the clear"), &heard);
    assert!(find(&told, "heard_hz").contains(&&json!(USER_HZ)), "{told:?}");
}

#[test]
fn a_pipeline_behind_pipecats_serializer_for_vonage_is_interrupted_and_says_goodbye() {
    let (listen, at) = (free_tcp(), free_tcp());
    let bot = Bot::start("vonage_bot.py", &at, &[]);
    let table = format!("url = \"ws://{at}/talk\"\nprotocol = \"vonage\"");
    let scene = Scene::new(&listen, &table);
    let (record, heard) = call(&scene, "1@3s,2@5s,9@8s");
    assert_eq!(record["reason"], "flow_hung_up", "{record}");
    assert_eq!(record["bots"][0]["became"], "done", "{record}");
    assert_heard(&heard);
    let told = bot.told();
    assert_eq!(find(&told, "digit"), ["1", "2", "9"]);
    assert!(find(&told, "heard_hz").contains(&&json!(USER_HZ)), "{told:?}");
    // What the serializer made of our words, by its own log; of a digit it is told above.
    let read: Vec<&str> = find(&told, "read").iter().filter_map(|it| it.as_str()).collect();
    let notified = |mark| format!("Vonage notify event: {{'mark': '{mark}'}}");
    for expected in [
        "Vonage WebSocket connected: content-type=audio/l16;rate=16000".to_owned(),
        notified("greeted"),
        "Vonage audio buffer cleared".to_owned(),
        notified("short"),
    ] {
        assert!(read.contains(&expected.as_str()), "{expected}: {read:?}");
    }
    let is_odd =
        |it: &&&str| it.contains("Invalid") || it.contains("Failed") || it.contains("no digit");
    assert_eq!(read.iter().find(is_odd), None, "{read:?}");
}

#[test]
fn a_program_for_asterisk_greets_hears_the_user_and_hangs_up() {
    let (listen, at) = (free_tcp(), free_tcp());
    let bot = Bot::start("audiosocket_bot.py", &at, &[]);
    let table = format!("url = \"tcp://{at}\"\nprotocol = \"audiosocket\"");
    let scene = Scene::new(&listen, &table);
    let (record, heard) = call(&scene, "5@1s");
    assert_eq!(record["reason"], "flow_hung_up", "{record}");
    let greeting = tone_ms(&heard, GREETING_HZ);
    assert!((980..=1_040).contains(&greeting), "the greeting: {greeting}");
    let told = bot.told();
    let id = find(&told, "start").last().and_then(|id| id.as_str().map(str::len));
    assert_eq!(id, Some(36), "the call's id as a UUID: {told:?}");
    assert!(find(&told, "heard_hz").contains(&&json!(USER_HZ)), "{told:?}");
    assert_eq!(find(&told, "hung_up"), [true]);
}

#[test]
fn a_model_is_spoken_to_in_words_of_its_services_sdk_and_told_what_was_heard() {
    let (listen, at) = (free_tcp(), free_tcp());
    let bot = Bot::start("realtime_service.py", &at, &["--token", "demo-token"]);
    let table = format!(
        "url = \"ws://{at}/v1/realtime\"\nprotocol = \"openai\"\nmodel = \"gpt-realtime-2.1\"\n\
         voice = \"marin\"\ninstructions = \"You are Vera.\"\ngreeting = \"Say hello.\"\n\
         steps = {{ end = \"Never.\" }}\ntoken_env = \"OFFHOOK_TEST_TOKEN\""
    );
    let scene = Scene::new(&listen, &table);
    let (record, heard) = call(&scene, "1@3s,9@9s");
    let told = bot.told();
    for fault in ["invalid", "unknown", "unexpected", "fault", "error", "refused"] {
        assert_eq!(find(&told, fault), [&json!(null); 0], "{fault}: {told:?}");
    }
    assert_eq!(record["reason"], "flow_hung_up", "{record}");
    assert_heard(&heard);
    assert_eq!(find(&told, "model"), ["gpt-realtime-2.1"]);
    assert_eq!(find(&told, "session")[0]["audio"]["output"]["voice"], "marin");
    let texts: Vec<&str> = find(&told, "text").iter().filter_map(|text| text.as_str()).collect();
    assert!(texts[0].ends_with("order: 4711") && texts[1] == "Say hello.", "{texts:?}");
    assert!(texts[2].ends_with(" 1)") && texts[3].ends_with(" 9)"), "{texts:?}");
    assert!(find(&told, "heard_hz").contains(&&json!(USER_HZ)), "{told:?}");

    // The service is told of the long tone what the phone has heard of it.
    let end_ms = find(&told, "audio_end_ms");
    assert_eq!(end_ms.len(), 1, "only the long one was broken off: {told:?}");
    let end_ms = end_ms[0].as_u64().expect("milliseconds");
    assert_true(end_ms, &heard);
    let sent = find(&told, "sent_ms")[0].as_u64().expect("milliseconds");
    assert!(sent > end_ms + 1_000, "it had sent {sent} ms, and {end_ms} were heard");
}

#[test]
fn the_menu_that_is_built_in_needs_no_program_and_echoes_the_caller() {
    let listen = free_tcp();
    let scene = Scene::new(&listen, "builtin = \"ivr\"\nlanguage = \"en\"");
    // The echo is explained for 7.3 s, a key ends it, another one the call.
    let (record, heard) = call(&scene, "2@2s,5@15s,9@17s");
    assert_eq!(record["reason"], "flow_hung_up", "{record}");
    assert_eq!(record["bots"][0]["became"], "done", "{record}");
    let beep = beep_ms(&heard, GREETING_HZ);
    assert!((260..=340).contains(&beep), "{beep} ms of 300 before the echo");
    // From the end of the beep to the key, less the second the echo is late; words have pieces of any tone.
    let echo = beep_ms(&heard, ECHO_HZ);
    eprintln!("{echo} ms of the caller");
    assert!((1_500..=6_000).contains(&echo), "{echo} ms of the caller, a second late");
}
