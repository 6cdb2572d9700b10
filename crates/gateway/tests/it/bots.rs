//! Programs talk with users: the bots of these tests listen on real sockets, and a user measures.

use std::time::Duration;

use audio::{
    resample::resample,
    spool::{Format, Hearing, Rate},
    tone,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::TapPacket;
use futures_util::{SinkExt, StreamExt};
use media::dtmf::Digit;
use offhook_gateway::{
    Config,
    config::{Bot, FlowSource, Secret},
};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
    },
};
use wire::bot::{Protocol, SUBPROTOCOL, signature};

use crate::{
    desk::{BYE_HZ, CALL, Desk, TRACE, terminate},
    voice::{BUSY_GAP_MAX, Voice, tone_file},
};

const SECOND: &str = "wacid.TESTCALL2";
const USER_HZ: f32 = 700.0;
const BOT_HZ: f32 = 1_000.0;
const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

const FLOW: &str = r#"
start = "talk"
[step.talk]
bot = "concierge"
context = { order = "4711" }
person = "0"
next = "end"
otherwise = "bye"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#;

/// A bot of the test.
struct Listening {
    listener: TcpListener,
}

/// One conversation.
struct Talk {
    socket: WebSocketStream<TcpStream>,
    asked: Request,
}

impl Listening {
    async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    fn url(&self) -> String {
        format!("ws://{}/talk", self.listener.local_addr().unwrap())
    }

    async fn next(&self) -> Talk {
        let accepted = tokio::time::timeout(Duration::from_secs(10), self.listener.accept());
        let (stream, _) = accepted.await.expect("a dial").unwrap();
        let mut asked = None;
        #[expect(clippy::result_large_err, reason = "the callback of the library")]
        let keep = |request: &Request, mut response: Response| {
            asked = Some(request.clone());
            if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
                response.headers_mut().insert("sec-websocket-protocol", protocol.clone());
            }
            Ok(response)
        };
        let socket = accept_hdr_async(stream, keep).await.unwrap();
        Talk { socket, asked: asked.unwrap() }
    }
}

impl Talk {
    async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn any(&mut self) -> Message {
        let next = tokio::time::timeout(Duration::from_secs(10), self.socket.next());
        next.await.expect("a message in time").expect("an open line").unwrap()
    }

    /// The next text in which this key has this value; all that comes before is left out.
    async fn next_text(&mut self, key: &str, value: &str) -> Value {
        for _ in 0..1_000 {
            if let Message::Text(text) = self.any().await {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message[key] == value {
                    return message;
                }
            }
        }
        panic!("no {key} = {value}");
    }

    /// Listens until what is heard is this tone.
    async fn hear_tone(&mut self, format: Format, hz: f32) {
        for _ in 0..20 {
            let mut samples = Vec::new();
            while samples.len() < format.rate() as usize * 2 / 5 {
                samples.extend(match self.any().await {
                    Message::Binary(bytes) => format.read(&bytes),
                    Message::Text(text) => {
                        let message: Value = serde_json::from_str(&text).unwrap();
                        let payload = message["media"]["payload"].as_str().unwrap_or_default();
                        format.read(&STANDARD.decode(payload).unwrap())
                    }
                    Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {
                        Vec::new()
                    }
                });
            }
            let mut measure = audio::measure::Measure::default();
            measure.push(&resample(&samples, format.rate(), 48_000).unwrap());
            if measure.report().is_tone(hz) {
                return;
            }
        }
        panic!("the bot never heard {hz} Hz");
    }
}

fn with_bot(config: &mut Config, url: &str, protocol: Protocol) {
    let prompts = vec![("bye".to_owned(), tone_file(BYE_HZ, 4_000))];
    config.lines.first.flow = Some(FlowSource::Embedded { toml: FLOW.into(), prompts });
    config.ring_first = Some(false);
    let house = config.organisations[0].id.clone();
    let mut bot = Bot::new("concierge", house, url, protocol);
    bot.token = Some(Secret::new("bot-token"));
    bot.account_sid = ACCOUNT.into();
    config.bots = vec![bot];
}

/// A tone as a bot of this format sends it.
fn sine(format: Format, hz: f32, ms: usize) -> Vec<u8> {
    Hearing::new(format).write(&tone::sine(hz, -12.0, ms))
}

/// Packets that are not the three bytes of silence.
fn sounds(packets: &[TapPacket]) -> usize {
    packets.iter().filter(|packet| packet.pt == 111 && packet.payload.len() > 3).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_hears_and_speaks_knows_what_was_heard_and_gives_the_call_away() {
    let format = Format::Linear(Rate::Khz16);
    let listening = Listening::start().await;
    let url = listening.url();
    let desk = Desk::start_with(None, |config| with_bot(config, &url, Protocol::Native)).await;
    let mut lia = desk.available("lia").await;
    let mut user = desk.user_calls_in_a_trace(CALL).await;
    let mut bot = listening.next().await;
    assert_eq!(bot.asked.headers()["sec-websocket-protocol"], SUBPROTOCOL);
    let traced = bot.asked.headers()["traceparent"].to_str().unwrap().to_owned();
    assert!(traced.starts_with(&format!("00-{TRACE}-")), "a part of the call's trace: {traced}");
    assert_eq!(bot.asked.headers()["authorization"], "Bearer bot-token");
    let start = bot.next_text("type", "start").await;
    assert_eq!((&start["call_id"], &start["context"]), (&json!(CALL), &json!({"order": "4711"})));
    assert_eq!(start["audio"]["rate"], 16_000);
    user.play(USER_HZ);
    bot.hear_tone(format, USER_HZ).await;

    // An answer of eight seconds at once, and the user breaks in.
    user.packets();
    user.continuous.start();
    bot.socket.send(Message::binary(sine(format, BOT_HZ, 8_000))).await.unwrap();
    bot.say(json!({"type": "mark", "name": "said"})).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    bot.say(json!({"type": "clear"})).await;
    let cleared = bot.next_text("type", "cleared").await;
    let before = sounds(&user.take());
    assert!(before > 10, "{before} frames");
    tokio::time::sleep(Duration::from_millis(500)).await;
    let late = sounds(&user.take());
    assert!(late <= 3, "{} ms are heard after the clear", late * 20);
    let heard_ms = 20 * (before + late) as u64;
    let told_ms = cleared["heard_ms"].as_u64().unwrap();
    assert!(told_ms.abs_diff(heard_ms) <= 20, "told {told_ms} ms, heard {heard_ms} ms");
    let cleared_ms = cleared["dropped_ms"].as_u64().unwrap();
    assert_eq!(cleared_ms + told_ms, 8_000);
    let mark = bot.next_text("type", "mark").await;
    assert_eq!((&mark["name"], &mark["cleared"]), (&json!("said"), &json!(true)));

    user.leg.send_digit(Digit::new('5').unwrap(), 120);
    assert_eq!(bot.next_text("type", "dtmf").await["digit"], "5");
    user.continuous.assert(BUSY_GAP_MAX);
    bot.say(json!({"type": "transfer", "agent": "lia", "context": {"topic": "refund"}})).await;
    let ringing = lia.next("ringing").await;
    assert_eq!(ringing["call"]["context"], json!({"topic": "refund"}));
    let browser = Voice::of_browser(&desk.engine);
    lia.send(json!({"type": "answer", "call_id": CALL, "sdp": browser.browser_offer()})).await;
    browser.take_browser_answer(lia.next("answer").await["sdp"].as_str().unwrap());
    browser.play(1_200.0);
    user.expect_tone(1_200.0).await;
    let metrics = desk.metrics().await;
    for series in ["bots_total{result=\"talks\"} 1", "bot_ws_connect_seconds_count 1"] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    let cleared = metrics.lines().find_map(|line| {
        line.strip_prefix("offhook_gateway_playout_cleared_seconds_total ")?.parse::<f64>().ok()
    });
    let dropped = cleared_ms as f64 / 1_000.0;
    assert!(cleared.is_some_and(|seconds| (seconds - dropped).abs() < 0.001), "{cleared:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_written_for_twilio_greets_whole_and_ends_the_call_over_rest() {
    let listening = Listening::start().await;
    let url = listening.url();
    let desk = Desk::start_with(None, |config| with_bot(config, &url, Protocol::Twilio)).await;
    let mut sid = String::new();
    for call in [CALL, SECOND] {
        let mut user = desk.user_calls(call).await;
        let mut bot = listening.next().await;
        let signed = signature::sign("bot-token", &url);
        assert_eq!(bot.asked.headers()[signature::HEADER], signed.as_str());
        assert_eq!(bot.next_text("event", "connected").await["protocol"], "Call");
        let start = bot.next_text("event", "start").await;
        assert_eq!(start["start"]["customParameters"]["order"], "4711");
        let stream = start["streamSid"].clone();
        sid = start["start"]["callSid"].as_str().unwrap().to_owned();
        assert_eq!(start["start"]["accountSid"], ACCOUNT);

        // A greeting of 200 ms, as soon as it can be said.
        user.packets();
        for chunk in sine(Format::MuLaw, BOT_HZ, 200).chunks(160) {
            bot.say(json!({"event": "media", "streamSid": stream,
                "media": {"payload": STANDARD.encode(chunk)}}))
                .await;
        }
        bot.say(json!({"event": "mark", "streamSid": stream, "mark": {"name": "greeted"}})).await;
        assert_eq!(bot.next_text("event", "mark").await["mark"]["name"], "greeted");
        tokio::time::sleep(Duration::from_millis(150)).await;
        let heard = sounds(&user.take());
        assert!((10..=11).contains(&heard), "{heard} frames of the ten, and the resampler's end");
        if call == CALL {
            user.play(USER_HZ);
            bot.hear_tone(Format::MuLaw, USER_HZ).await;
            bot.socket.close(None).await.unwrap();
            desk.upstream.wait_for_call("terminate", call).await;
        }
    }

    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Calls/{sid}.json");
    let rest = |method: reqwest::Method, token: &'static str| {
        let request = desk.http.request(method, desk.url(&path)).basic_auth(ACCOUNT, Some(token));
        async move {
            let form = ("content-type", "application/x-www-form-urlencoded");
            let request = request.header(form.0, form.1).body("Status=completed");
            let answer = request.send().await.unwrap();
            let status = answer.status().as_u16();
            (status, answer.json::<Value>().await.unwrap())
        }
    };
    assert_eq!(rest(reqwest::Method::POST, "guess").await.0, 401);
    let (status, call) = rest(reqwest::Method::GET, "bot-token").await;
    assert_eq!((status, &call["status"]), (200, &json!("in-progress")));
    let (status, call) = rest(reqwest::Method::POST, "bot-token").await;
    assert_eq!((status, &call["status"]), (200, &json!("completed")));
    desk.upstream.wait_for_call("terminate", SECOND).await;
    desk.webhook(&terminate(SECOND, "USER_INITIATED", Some(2))).await;
    assert_eq!(desk.record(SECOND).await["reason"], "program_hung_up");
    let (status, gone) = rest(reqwest::Method::POST, "bot-token").await;
    assert_eq!((status, &gone["code"]), (404, &json!(20_404)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_dies_or_is_absent_leaves_the_user_to_the_flow() {
    let listening = Listening::start().await;
    let url = listening.url();
    let desk = Desk::start_with(None, |config| with_bot(config, &url, Protocol::Vonage)).await;
    let mut user = desk.user_calls(CALL).await;
    let mut bot = listening.next().await;
    let opening = bot.next_text("event", "websocket:connected").await;
    assert_eq!(opening["content-type"], "audio/l16;rate=16000");
    let format = Format::Linear(Rate::Khz16);
    bot.socket.send(Message::binary(sine(format, BOT_HZ, 5_000))).await.unwrap();
    user.expect_tone(BOT_HZ).await;
    // Its process is gone: nobody says goodbye.
    drop(bot);
    user.expect_tone(BYE_HZ).await;

    drop(listening);
    let mut user = desk.user_calls(SECOND).await;
    user.expect_tone(BYE_HZ).await;
    let metrics = desk.metrics().await;
    for became in ["lost", "absent"] {
        let line = format!("offhook_gateway_bots_total{{result=\"{became}\"}} 1");
        assert!(metrics.contains(&line), "{became}");
    }
}
