//! A bot is told when its user speaks, and what it says is broken off: a real socket, a voice, a user who measures.

use std::time::Duration;

use audio::spool::{Format, Rate};
use engine::BotNotice;
use futures_util::{SinkExt, StreamExt};
use offhook_gateway::config::Bot;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use wire::bot::Protocol;

use crate::{
    desk::{CALL, Desk},
    talk::{BOT_HZ, Listening, SECOND, Talk, USER_HZ, sine, sounds, with},
    voice::BUSY_GAP_MAX,
};

const FORMAT: Format = Format::Linear(Rate::Khz16);
/// 1.4 s of a voice.
const WELCOME: &[u8] = include_bytes!("../../../../demo/prompts/welcome.ogg");

async fn desk(listening: &Listening, protocol: Protocol, notice: BotNotice) -> Desk {
    let url = listening.url();
    Desk::start_with(None, |config| {
        let house = config.organisations[0].id.clone();
        let mut bot = Bot::new("concierge", house, &url, protocol);
        bot.notice = notice;
        with(config, bot);
    })
    .await
}

/// What a bot is told, and how much of the user it had before.
async fn next(bot: &mut Talk, kind: &str, heard_ms: &mut u64) -> Value {
    for _ in 0..1_000 {
        let next = tokio::time::timeout(Duration::from_secs(10), bot.socket.next());
        match next.await.expect("a message in time").expect("an open line").unwrap() {
            Message::Binary(_) => *heard_ms += 20,
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] == kind {
                    return message;
                }
                assert_ne!(message["type"], "speech", "before {kind}: {message}");
            }
            Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {}
        }
    }
    panic!("no {kind}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_is_told_that_the_user_speaks_and_is_broken_off_by_it() {
    let listening = Listening::start().await;
    let notice =
        BotNotice { speech: true, silence_ms: Some(1_500), barge_in: true, ..BotNotice::default() };
    let desk = desk(&listening, Protocol::Native, notice).await;
    let mut user = desk.user_calls(CALL).await;
    let mut bot = listening.next().await;
    let mut heard_ms = 0;
    next(&mut bot, "start", &mut heard_ms).await;
    // A tone is no speech, whatever the bot says meanwhile.
    user.play(USER_HZ);
    bot.socket.send(Message::binary(sine(FORMAT, BOT_HZ, 9_000))).await.unwrap();
    bot.say(json!({"type": "mark", "name": "said"})).await;
    user.expect_tone(BOT_HZ).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    user.continuous.start();
    user.take();
    user.speak(WELCOME);
    let spoke = next(&mut bot, "speech", &mut heard_ms).await;
    assert_eq!(spoke["speaking"], true, "{spoke}");
    let at_ms = spoke["at_ms"].as_u64().unwrap();
    println!("told {} ms after it began", heard_ms + 20 - at_ms);
    assert!(at_ms < heard_ms && heard_ms - at_ms < 300, "at {at_ms} of {heard_ms} ms");
    let cleared = next(&mut bot, "cleared", &mut heard_ms).await;
    assert!(cleared["dropped_ms"].as_u64().unwrap() > 3_000, "{cleared}");
    let mark = next(&mut bot, "mark", &mut heard_ms).await;
    assert_eq!((&mark["name"], &mark["cleared"]), (&json!("said"), &json!(true)));
    let before = sounds(&user.take());
    let ceased = next(&mut bot, "speech", &mut heard_ms).await;
    assert_eq!(ceased["speaking"], false, "{ceased}");
    let said_ms = ceased["at_ms"].as_u64().unwrap() - at_ms;
    assert!((1_000..1_900).contains(&said_ms), "{said_ms} ms of 1,443");
    let late = sounds(&user.take());
    assert!(
        late <= 3,
        "{} ms are heard after the user broke in, {before} frames before",
        late * 20
    );

    let silent = next(&mut bot, "silence", &mut heard_ms).await;
    assert_eq!(silent, json!({"type": "silence", "ms": 1_500}));
    // Once: the next of it comes after somebody has said something.
    bot.socket.send(Message::binary(sine(FORMAT, BOT_HZ, 400))).await.unwrap();
    bot.say(json!({"type": "mark", "name": "there?"})).await;
    next(&mut bot, "mark", &mut heard_ms).await;
    let from_ms = heard_ms;
    next(&mut bot, "silence", &mut heard_ms).await;
    let after_ms = heard_ms - from_ms;
    assert!((1_400..1_900).contains(&after_ms), "{after_ms} ms");
    user.continuous.assert(BUSY_GAP_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_without_words_for_it_is_broken_off_all_the_same_or_never_if_it_does_not_want_to() {
    let listening = Listening::start().await;
    let notice = BotNotice { barge_in: true, ..BotNotice::default() };
    let barged = desk(&listening, Protocol::Vonage, notice).await;
    let mut user = barged.user_calls(CALL).await;
    let mut bot = listening.next().await;
    bot.socket.send(Message::binary(sine(FORMAT, BOT_HZ, 9_000))).await.unwrap();
    user.expect_tone(BOT_HZ).await;
    user.speak(WELCOME);
    bot.next_text("event", "websocket:cleared").await;

    let deaf = desk(&listening, Protocol::Native, BotNotice::default()).await;
    let mut user = deaf.user_calls(SECOND).await;
    let mut bot = listening.next().await;
    bot.socket.send(Message::binary(sine(FORMAT, BOT_HZ, 3_000))).await.unwrap();
    bot.say(json!({"type": "mark", "name": "said"})).await;
    user.expect_tone(BOT_HZ).await;
    user.speak(WELCOME);
    let mark = next(&mut bot, "mark", &mut 0).await;
    assert_eq!(mark["cleared"], false, "{mark}");
}
