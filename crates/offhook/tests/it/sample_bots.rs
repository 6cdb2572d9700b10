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

use audio::{FRAME_SAMPLES, SAMPLE_RATE};
use serde_json::{Value, json};

use crate::{
    http::get,
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
const USER_HZ: u64 = 440;
const ECHO_HZ: f32 = 440.0;

/// What the bots say: a greeting of a second, ten seconds that are broken off, and a second more.
const GREETING_HZ: f32 = 1_000.0;
const LONG_HZ: f32 = 1_500.0;
const SHORT_HZ: f32 = 2_000.0;
/// Their amplitude: a quarter of full scale.
const AMPLITUDE: f32 = 8_192.0;

/// How long a Python process may take to be there, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(60);

const FLOW: &str = r#"
start = "talk"
[step.talk]
bot = "concierge"
context = { order = "4711" }
next = "end"
otherwise = "end"
[step.end]
hang_up = true
"#;

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

/// Both servers; the gateway gives every call to the bot.
struct Scene {
    folder: tempfile::TempDir,
    platform: Server,
    gateway: Server,
}

impl Scene {
    fn new(listen: &str, bot: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let free = "127.0.0.1:0";
        let webhook = format!("http://{listen}/webhooks/whatsapp");
        let args = ["platform", "--listen", free, "--media", free, "--webhook", &webhook];
        let platform = Server::start(&[&args[..], &["--no-handshake"]].concat());
        let config = gateway_config(folder.path(), &platform.url("platform"), listen);
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
        let flow = folder.path().join("flow.toml");
        std::fs::write(&flow, FLOW).expect("the flow");
        let text = text.replace(demo, flow.to_str().expect("UTF-8"));
        let text = format!("{text}\n[[bots]]\nname = \"concierge\"\n{bot}\n");
        std::fs::write(&config, text).expect("the configuration");
        let gateway = Server::start(&["gateway", "--config", &config]);
        Self { folder, platform, gateway }
    }

    /// Ana calls, speaks a tone and presses keys: the record of the call, and what she heard.
    fn call(&self, keys: &str) -> (Value, Vec<i16>) {
        let platform = self.platform.url("platform");
        let file = self.folder.path().join("heard.wav");
        let args = ["call", "--as", ANA, "--to", BUSINESS, "--platform", &platform];
        let status = offhook(&args)
            .args(["--play", "tone:440", "--dtmf", keys, "--for", "20s", "--expect", "tone:*"])
            .arg("--record")
            .arg(&file)
            .stdout(Stdio::null())
            .status()
            .expect("a caller");
        assert!(status.success(), "the bot is heard");
        let calls = format!("{}/v1/calls", self.gateway.url("gateway"));
        let ended = wait_for("record", Duration::from_secs(20), || {
            let calls = get(&calls, KEY);
            calls["calls"].as_array()?.first().cloned()
        });
        (ended, left(&std::fs::read(&file).expect("what was heard")))
    }
}

/// The left one of two channels of a WAV file that we wrote.
fn left(wav: &[u8]) -> Vec<i16> {
    let (moments, _) = wav[44..].as_chunks::<4>();
    moments.iter().map(|m| i16::from_le_bytes([m[0], m[1]])).collect()
}

/// For how many milliseconds this tone is heard: the 20 ms in which it is most of what the bots say.
fn tone_ms(heard: &[i16], hz: f32) -> usize {
    let turn = std::f32::consts::TAU * hz / SAMPLE_RATE as f32;
    let is_there = |frame: &&[i16]| {
        let (mut along, mut across) = (0.0, 0.0);
        for (at, sample) in frame.iter().enumerate() {
            let (sin, cos) = (turn * at as f32).sin_cos();
            along += f32::from(*sample) * cos;
            across += f32::from(*sample) * sin;
        }
        let amplitude = 2.0 * along.hypot(across) / FRAME_SAMPLES as f32;
        amplitude > AMPLITUDE / 2.0
    };
    20 * heard.chunks_exact(FRAME_SAMPLES).filter(is_there).count()
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
    let (record, heard) = scene.call("1@3s,2@5s,9@8s");
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
    let (record, heard) = scene.call("1@3s,2@5s,9@8s");
    assert_eq!(record["reason"], "flow_hung_up", "{record}");
    assert_heard(&heard);
    let told = bot.told();
    assert_eq!(find(&told, "start")[0]["context"], json!({"order": "4711"}));
    assert_eq!(find(&told, "digit"), ["1", "2", "9"]);
    assert!(find(&told, "mark").contains(&&json!("greeted")), "{told:?}");
    assert!(find(&told, "mark").contains(&&json!("short")), "{told:?}");
    assert!(find(&told, "heard_hz").contains(&&json!(USER_HZ)), "{told:?}");
}

#[test]
fn a_pipeline_behind_pipecats_serializer_for_vonage_is_interrupted_and_says_goodbye() {
    let (listen, at) = (free_tcp(), free_tcp());
    let bot = Bot::start("vonage_bot.py", &at, &[]);
    let table = format!("url = \"ws://{at}/talk\"\nprotocol = \"vonage\"");
    let scene = Scene::new(&listen, &table);
    let (record, heard) = scene.call("1@3s,2@5s,9@8s");
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
    let (record, heard) = scene.call("5@1s");
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
    let (record, heard) = scene.call("1@3s,9@9s");
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

    // The service is told of the long tone what the phone has heard of it, to a frame at each end.
    let end_ms = find(&told, "audio_end_ms");
    assert_eq!(end_ms.len(), 1, "only the long one was broken off: {told:?}");
    let end_ms = end_ms[0].as_u64().expect("milliseconds");
    let long = tone_ms(&heard, LONG_HZ) as u64;
    assert!(end_ms.abs_diff(long) <= 40, "told {end_ms} ms, heard {long} ms");
    let sent = find(&told, "sent_ms")[0].as_u64().expect("milliseconds");
    assert!(sent > end_ms + 1_000, "it had sent {sent} ms, and {end_ms} were heard");
}

#[test]
fn the_menu_that_is_built_in_needs_no_program_and_echoes_the_caller() {
    let listen = free_tcp();
    let scene = Scene::new(&listen, "builtin = \"ivr\"\nlanguage = \"en\"");
    // The echo is explained for 7.3 s, a key ends it, another one the call.
    let (record, heard) = scene.call("2@2s,5@15s,9@17s");
    assert_eq!(record["reason"], "flow_hung_up", "{record}");
    assert_eq!(record["bots"][0]["became"], "done", "{record}");
    let beep = tone_ms(&heard, GREETING_HZ);
    assert!((260..=340).contains(&beep), "{beep} ms of 300 before the echo");
    let echo = tone_ms(&heard, ECHO_HZ);
    assert!((1_500..=6_000).contains(&echo), "{echo} ms of the caller, a second late");
}
