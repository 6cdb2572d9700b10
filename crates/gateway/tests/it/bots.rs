//! Programs talk with users: the bots of these tests listen on real sockets, and a user measures.

use std::time::Duration;

use audio::spool::{Format, Rate};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::SinkExt;
use media::dtmf::Digit;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use wire::bot::{Protocol, SUBPROTOCOL, signature};

use crate::{
    desk::{BYE_HZ, CALL, Desk, TRACE, terminate},
    hand_over::{self, Talk},
    talk::{ACCOUNT, BOT_HZ, Listening, SECOND, USER_HZ, sine, sounds, with_bot},
    voice::{BUSY_GAP_MAX, Voice, tone_ms},
};

const AGAIN_HZ: f32 = 1_400.0;

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
    let legs = ["leg=\"whatsapp\"} 1", "leg=\"bot\"} 1"];
    let metrics = desk.metrics().await;
    assert!(legs.iter().all(|leg| metrics.contains(leg)), "{metrics}");

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
    desk.metrics_until(r#"worker_busy_ratio{trade="bots",worker="0"} 0."#).await;
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
    assert!(
        metrics.contains("leg=\"bot\"} 0") && metrics.contains("leg=\"agent\"} 1"),
        "{metrics}"
    );
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
    let mut talks = Vec::new();
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
        talks.push(bot);
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
    let record = desk.record(SECOND).await;
    let left = (&record["reason"], &record["bots"][0]["became"]);
    assert_eq!(left, (&json!("program_hung_up"), &json!("left")));
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    assert_eq!(desk.record(CALL).await["bots"][0]["became"], "done");
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
    for (call, became, talked) in [(CALL, "lost", true), (SECOND, "absent", false)] {
        desk.webhook(&terminate(call, "USER_INITIATED", Some(2))).await;
        let record = desk.record(call).await;
        let bot = &record["bots"][0];
        assert_eq!((&bot["name"], &bot["became"]), (&json!("concierge"), &json!(became)));
        assert_eq!(bot["talked_s"].is_u64(), talked, "{bot}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_gives_a_call_to_a_bot_and_gets_it_back_when_that_dies() {
    let listening = Listening::start().await;
    let url = listening.url();
    let mut talk = Box::pin(Talk::start_with(|config| {
        with_bot(config, &url, Protocol::Native);
        config.ring_first = Some(true);
    }))
    .await;
    let to = json!({"to": {"kind": "bot", "name": "concierge"}});
    let path = format!("/v1/calls/{CALL}/transfer");
    assert_eq!(talk.desk.post(&path, &to, None).await.0, 204);
    let mut bot = listening.next().await;
    assert_eq!(bot.next_text("type", "start").await["call_id"], CALL);
    let format = Format::Linear(Rate::Khz16);
    bot.socket.send(Message::binary(sine(format, BOT_HZ, 5_000))).await.unwrap();
    talk.user.expect_tones(&[BOT_HZ], &[]).await;
    bot.hear_tone(format, hand_over::USER_HZ).await;
    drop(bot);
    talk.lia.next("ringing").await;
    let browser = Voice::of_browser(&talk.desk.engine);
    let offer = browser.browser_offer();
    talk.order(json!({"type": "answer", "sdp": offer})).await;
    browser.take_browser_answer(talk.lia.next("answer").await["sdp"].as_str().unwrap());
    browser.play(AGAIN_HZ);
    talk.user.expect_tones(&[AGAIN_HZ], &[BOT_HZ]).await;
    let stats = talk.user.leg.stats().await.unwrap();
    assert_eq!(stats.ssrc_changes, 0, "one source for the whole call");
    talk.user.continuous.assert(BUSY_GAP_MAX);
    talk.desk.webhook(&terminate(CALL, "USER_INITIATED", Some(9))).await;
    let record = talk.desk.record(CALL).await;
    assert_eq!(record["bots"].as_array().map(Vec::len), Some(1), "{record}");
    let transfers = record["transfers"].as_array().unwrap();
    assert_eq!((transfers.len(), &transfers[0]["bot"]), (1, &json!("concierge")), "{record}");
}

/// The long form is `cargo xtask soak greeting`.
#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_arrives_whole_in_every_call() {
    let calls = std::env::var("OFFHOOK_GREETING_CALLS").map_or(2, |calls| calls.parse().unwrap());
    let listening = Listening::start().await;
    let url = listening.url();
    let desk = Desk::start_with(None, |config| with_bot(config, &url, Protocol::Native)).await;
    // The first 200 ms are one tone, what follows is another.
    let format = Format::Linear(Rate::Khz16);
    let greeting = [sine(format, BOT_HZ, 200), sine(format, 1_500.0, 300)].concat();
    let mut unmeasured = 0;
    for number in 0..calls {
        let call = format!("wacid.GREETING{number}");
        let mut user = desk.user_calls(&call).await;
        let mut bot = listening.next().await;
        user.packets();
        // The first thing the bot does, before it has heard anything.
        bot.socket.send(Message::binary(greeting.clone())).await.unwrap();
        bot.say(json!({"type": "mark", "name": "greeted"})).await;
        bot.next_text("type", "mark").await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        let stats = user.leg.stats().await.unwrap();
        let heard = tone_ms(&user.take(), BOT_HZ, -12.0);
        // A busy thread keeps packets from whoever listens in before it keeps them from anybody else.
        let is_measured = stats.taps_lost == 0;
        let is_whole = (195.0..=205.0).contains(&heard);
        assert!(is_whole || !is_measured, "{heard:.1} of 200 ms in call {number}: {stats:?}");
        unmeasured += u32::from(!is_measured);
        assert!(unmeasured <= 1 + calls / 20, "{unmeasured} calls could not be measured");
        bot.socket.close(None).await.unwrap();
        desk.upstream.wait_for_call("terminate", &call).await;
        desk.webhook(&terminate(&call, "USER_INITIATED", Some(1))).await;
    }
    if calls > 2 {
        let measured = calls - unmeasured;
        println!("the greeting was whole in {measured} of {measured} calls that were measured");
    }
}
