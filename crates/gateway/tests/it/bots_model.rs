//! A model talks with a user: a service of the test's own, on a real socket, and a user who measures.

use std::time::Duration;

use audio::spool::{Format, Rate};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use media::dtmf::Digit;
use offhook_gateway::config::Bot;
use serde_json::{Value, json};
use wire::bot::{Protocol, realtime::Persona};

use crate::{
    asyncapi,
    desk::{BYE_HZ, CALL, Desk, terminate},
    talk::{BOT_HZ, Listening, SECOND, Talk, USER_HZ, sine, sounds, with},
    voice::BUSY_GAP_MAX,
};

const FORMAT: Format = Format::Linear(Rate::Khz24);

async fn desk(listening: &Listening) -> Desk {
    let url = listening.url();
    Desk::start_with(None, |config| {
        let house = config.organisations[0].id.clone();
        let mut bot = Bot::new("concierge", house, &url, Protocol::OpenAi);
        bot.persona = Persona { greeting: Some("Say hello.".into()), ..Persona::default() };
        with(config, bot);
    })
    .await
}

async fn created(bot: &mut Talk, answer: &str) {
    bot.say(json!({"type": "response.created", "response": {"id": answer}})).await;
}

/// The model says a tone of so many milliseconds, all at once.
async fn speaks(bot: &mut Talk, answer: &str, item: &str, ms: usize) {
    let samples = sine(FORMAT, BOT_HZ, ms);
    // As the service does: some hundred milliseconds a message.
    for piece in samples.chunks(48 * 400) {
        bot.say(json!({"type": "response.output_audio.delta", "response_id": answer,
            "item_id": item, "content_index": 0, "delta": STANDARD.encode(piece)}))
            .await;
    }
}

async fn wants(bot: &mut Talk, tool: &str, arguments: Value) {
    bot.say(json!({"type": "response.output_item.done", "item": {"type": "function_call",
        "name": tool, "call_id": "c1", "arguments": arguments.to_string()}}))
        .await;
    bot.say(json!({"type": "response.done", "response": {"id": "r", "status": "completed"}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_told_to_20_ms_what_was_heard_when_the_user_breaks_in() {
    let listening = Listening::start().await;
    let desk = desk(&listening).await;
    let mut user = desk.user_calls(CALL).await;
    let mut bot = listening.next().await;
    assert_eq!(bot.asked.headers()["authorization"], "Bearer bot-token");
    let session = bot.next_text("type", "session.update").await;
    assert_eq!(session["session"]["audio"]["input"]["format"]["rate"], 24_000);
    bot.next_text("type", "response.create").await;
    user.play(USER_HZ);
    bot.hear_tone(FORMAT, USER_HZ).await;

    user.packets();
    user.continuous.start();
    // Twice: the second time with an item before that is heard whole and one that never is.
    for (round, wait) in [700, 1_150].into_iter().enumerate() {
        let (answer, item) = (format!("r{round}"), format!("i{round}"));
        created(&mut bot, &answer).await;
        let mut whole = 0;
        if round == 1 {
            whole = 300;
            speaks(&mut bot, &answer, "before", whole).await;
            bot.say(json!({"type": "response.output_audio.done", "item_id": "before"})).await;
        }
        speaks(&mut bot, &answer, &item, 8_000).await;
        if round == 1 {
            speaks(&mut bot, &answer, "after", 2_000).await;
        }
        tokio::time::sleep(Duration::from_millis(wait)).await;
        bot.say(json!({"type": "input_audio_buffer.speech_started"})).await;
        let told = bot.next_text("type", "conversation.item.truncate").await;
        let before = sounds(&user.take());
        // What comes after the user broke in is of no use.
        speaks(&mut bot, &answer, &item, 1_000).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let late = sounds(&user.take());
        assert!(late <= 3, "{} ms are heard after the user broke in", late * 20);
        let heard_ms = 20 * (before + late) as u64;
        let end_ms = told["audio_end_ms"].as_u64().unwrap();
        let of_it = heard_ms - whole as u64;
        println!("told {end_ms} ms, heard {of_it} ms of {item}");
        assert!(end_ms.abs_diff(of_it) <= 20, "told {end_ms} ms, heard {of_it} ms");
        assert_eq!(told["item_id"], item);
        if round == 1 {
            let told = bot.next_text("type", "conversation.item.truncate").await;
            assert_eq!((&told["item_id"], &told["audio_end_ms"]), (&json!("after"), &json!(0)));
        }
        bot.say(json!({"type": "response.done",
            "response": {"id": answer, "status": "cancelled"}}))
            .await;
    }
    user.continuous.assert(BUSY_GAP_MAX);

    user.leg.send_digit(Digit::new('5').unwrap(), 120);
    let keys = bot.next_text("type", "conversation.item.create").await;
    assert!(keys["item"]["content"][0]["text"].as_str().unwrap().contains(": 5"), "{keys}");
    bot.next_text("type", "response.create").await;

    // It says goodbye and ends: the goodbye is heard whole.
    created(&mut bot, "r9").await;
    user.packets();
    speaks(&mut bot, "r9", "i9", 600).await;
    bot.say(json!({"type": "response.output_audio.done", "item_id": "i9"})).await;
    wants(&mut bot, "end_call", json!({})).await;
    desk.upstream.wait_for_call("terminate", CALL).await;
    let heard = sounds(&user.take());
    assert!((30..=31).contains(&heard), "{heard} frames of the 30, and the resampler's end");
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(6))).await;
    desk.record(CALL).await;
    let concealed = "offhook_gateway_rtp_concealed_seconds_total{leg=\"whatsapp\"} ";
    desk.metrics_until(concealed).await;
    is_told_as_documented(&desk).await;
}

/// The record and the events of the call are as the AsyncAPI document has them.
async fn is_told_as_documented(desk: &Desk) {
    asyncapi::fits("#/components/schemas/Cdr", &desk.get("/v1/cdrs.jsonl").await);
    let told = desk.get(&format!("/v1/events?call_id={CALL}")).await;
    let events = told["events"].as_array().unwrap();
    assert!(events.len() >= 3, "{told}");
    for event in events {
        let kind = event["type"].as_str().unwrap();
        asyncapi::fits(&format!("#/components/messages/{kind}/payload"), event);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_gives_the_call_to_people_and_one_whose_session_is_over_is_lost() {
    let listening = Listening::start().await;
    let desk = desk(&listening).await;
    let mut user = desk.user_calls(CALL).await;
    let mut bot = listening.next().await;
    wants(&mut bot, "transfer_to_person", json!({"summary": "a refund"})).await;
    user.expect_tone(BYE_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    let metrics = desk.metrics().await;
    assert!(!metrics.contains("bots_total{result=\"lost\"} 1"), "it did as it should");

    let mut user = desk.user_calls(SECOND).await;
    let mut bot = listening.next().await;
    // A goodbye of a service is no word of the model's.
    bot.socket.close(None).await.unwrap();
    user.expect_tone(BYE_HZ).await;
    let mut user = desk.user_calls("wacid.TESTCALL3").await;
    let mut bot = listening.next().await;
    bot.say(json!({"type": "error", "error": {"type": "x", "code": "session_expired"}})).await;
    user.expect_tone(BYE_HZ).await;
    desk.metrics_until("offhook_gateway_bots_total{result=\"lost\"} 2").await;
}
