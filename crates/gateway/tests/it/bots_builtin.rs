//! The bots that are built in talk with a user who measures and presses keys.

use std::time::{Duration, Instant};

use engine::Source;
use media::dtmf::Digit;
use offhook_gateway::{Config, config::FlowSource};
use serde_json::json;

use crate::{
    desk::{BYE_HZ, CALL, Desk, terminate},
    talk::{USER_HZ, sounds},
    voice::{BUSY_GAP_MAX, Voice, tone_file},
};

const BEEP_HZ: f32 = 1_000.0;
const GREETING_HZ: f32 = 1_300.0;

/// As long as the recordings in `assets/phrases` are, in frames.
const MENU: usize = 10_535 / 20;
const ECHO_BEGINS: Duration = Duration::from_millis(7_292);
const GOODBYE: usize = 982 / 20;

fn flow(bot: &str) -> impl FnOnce(&mut Config) {
    let toml = format!(
        r#"
start = "speak"
[step.speak]
set = {{ language = "en" }}
next = "talk"
[step.talk]
bot = "{bot}"
next = "bye"
otherwise = "bye"
message = "leave"
[step.leave]
voicemail = "greeting"
next = "end"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#
    );
    let prompts = [("bye", BYE_HZ), ("greeting", GREETING_HZ)];
    let prompts = prompts.map(|(name, hz)| (name.to_owned(), tone_file(hz, 4_000)));
    move |config| {
        config.lines.first.flow = Some(FlowSource::Embedded { toml, prompts: prompts.into() });
        config.ring_first = Some(false);
    }
}

fn press(user: &Voice, key: char) {
    user.leg.send_digit(Digit::new(key).unwrap(), 120);
}

/// Waits until the beep before the echo, and measures how long after the user the echo is heard.
async fn echo_after(user: &mut Voice) -> Duration {
    user.tone_began(BEEP_HZ, 2 * ECHO_BEGINS).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    user.play(USER_HZ);
    let spoken = Instant::now();
    user.tone_began(USER_HZ, Duration::from_secs(5)).await - spoken
}

/// Waits until half a second of the menu was heard; the first bot of a gateway decodes its phrases before.
async fn spoken_to(user: &mut Voice) {
    let until = Instant::now() + Duration::from_secs(10);
    let mut spoken = 0;
    while spoken < 25 {
        assert!(Instant::now() < until, "{spoken} frames");
        tokio::time::sleep(Duration::from_millis(100)).await;
        spoken += sounds(&user.take());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_hear_themselves_a_second_later_until_they_press_a_key() {
    let desk = Desk::start_with(None, flow("echo")).await;
    let mut user = desk.user_calls(CALL).await;
    let after = echo_after(&mut user).await;
    println!("the echo came {after:?} after the user");
    // A second, what waits in the jitter buffer and for the leg, and what a busy machine adds.
    let (least, most) = (Duration::from_millis(1_000), Duration::from_secs(2));
    assert!((least..most).contains(&after), "{after:?}");

    user.continuous.start();
    let since = Instant::now();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    press(&user, '5');
    user.expect_tones(&[BYE_HZ], &[USER_HZ]).await;
    user.continuous.assert(BUSY_GAP_MAX);
    let path = format!("/v1/calls/{CALL}");
    let call = desk.get_until(&path, |call| call["step"] == "bye").await;
    // Half a second of nothing, the tone since it was heard, and not what was still to be heard.
    let heard_s: u64 = call["context"]["echo_heard_s"].as_str().unwrap().parse().unwrap();
    assert!((1..=2 + since.elapsed().as_secs()).contains(&heard_s), "{call}");
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(9))).await;
    let record = desk.record(CALL).await;
    let bot = &record["bots"][0];
    assert_eq!((&bot["name"], &bot["became"]), (&json!("echo"), &json!("done")), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_menu_is_broken_into_and_its_choices_lead_where_it_says() {
    let desk = Desk::start_with(None, flow("ivr")).await;
    let mut user = desk.user_calls(CALL).await;
    user.continuous.start();
    spoken_to(&mut user).await;
    // In the middle of it: a key that is none, then the echo and back.
    press(&user, '5');
    tokio::time::sleep(Duration::from_millis(600)).await;
    press(&user, '2');
    let after = echo_after(&mut user).await;
    assert!(after < Duration::from_secs(2), "{after:?}");
    user.leg.play(Source::Silence);
    press(&user, '#');
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let call = desk.get(&format!("/v1/calls/{CALL}")).await;
    assert_eq!(call["step"], "talk", "it is in the menu again");
    press(&user, '3');
    user.expect_tone(GREETING_HZ).await;
    user.continuous.assert(BUSY_GAP_MAX);
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(9))).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["bots"][0]["became"], "to_step", "{record}");
    let steps = record["flow"]["path"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["step"], "leave", "{record}");

    let mut user = desk.user_calls("wacid.PERSON").await;
    press(&user, '1');
    user.expect_tone(BYE_HZ).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_works_a_number_answers_with_the_menu() {
    let desk = Desk::start_with(None, |config| {
        config.lines.first.flow = None;
        config.lines.first.number.digits = "447700900000".parse().unwrap();
        config.agents.retain(|agent| agent.id.as_str() == "bia");
    })
    .await;
    let mut user = desk.user_calls(CALL).await;
    spoken_to(&mut user).await;
    press(&user, '9');
    desk.upstream.wait_for_call("terminate", CALL).await;
    let spoken = sounds(&user.take());
    // What was said until the key was heard, the goodbye whole, and what was on its way.
    println!("{spoken} frames, the goodbye has {GOODBYE}");
    assert!((GOODBYE..MENU / 2).contains(&spoken), "{spoken} frames");
    let flows = desk.get("/v1/flows").await;
    assert!(flows.to_string().contains("talk"), "{flows}");
}
