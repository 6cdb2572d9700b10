//! Who hears whom? Every party speaks its own tone through real servers and real sockets.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};

use crate::{
    agent::Agent,
    http::{ask, get},
    process::{Server, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const ANA_HZ: f32 = 440.0;
const AGENT_HZ: f32 = 620.0;

/// Both servers of the demo on free ports.
pub(crate) fn demo() -> Server {
    Server::start(&[
        "demo",
        "--no-open",
        "--platform-listen",
        "127.0.0.1:0",
        "--platform-media",
        "127.0.0.1:0",
        "--gateway-listen",
        "127.0.0.1:0",
        "--gateway-media",
        "127.0.0.1:0",
    ])
}

/// Runs `offhook call` to its end: its exit code and its report.
async fn call(platform: &str, args: &[&str]) -> (Option<i32>, Value) {
    let mut command = offhook(&["call", "--json", "--platform", platform]);
    command.args(args).stderr(Stdio::inherit());
    let done = tokio::task::spawn_blocking(move || command.output().expect("a call"));
    let done = done.await.expect("a call");
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    (done.status.code(), serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_hears_the_prompt_and_then_its_own_echo() {
    let demo = demo();
    let platform = demo.url("platform");
    let (code, heard) = call(
        &platform,
        &["--as", ANA, "--to", BUSINESS, "--play", "silence", "--expect", "tone:*", "--for", "3s"],
    )
    .await;
    assert_eq!(code, Some(0), "the prompt is heard: {heard}");

    let (code, heard) = call(
        &platform,
        &[
            "--as", ANA, "--to", BUSINESS, "--play", "tone:440", "--dtmf", "1@1s", "--expect",
            "tone:440", "--for", "12s",
        ],
    )
    .await;
    assert_eq!(code, Some(0), "the echo is heard: {heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_and_an_agent_hear_each_other_and_silence_after_hang_up() {
    let demo = demo();
    let platform = demo.url("platform");
    let mut lia = Agent::sign_in(&demo.url("gateway"), "lia").await;

    let at = platform.clone();
    let caller = tokio::spawn(async move {
        call(
            &at,
            &[
                "--as", ANA, "--to", BUSINESS, "--play", "tone:440", "--expect", "tone:620",
                "--for", "4s",
            ],
        )
        .await
    });
    let ringing = lia.wait_for("ringing").await;
    assert_eq!(ringing["call"]["contact"]["name"], "Ana");
    let (mut line, offer) = lia.open(AGENT_HZ);
    lia.send(json!({ "type": "answer", "call_id": ringing["call"]["call_id"], "sdp": offer }))
        .await;
    lia.connect(&line).await;
    lia.wait_for_state("connected").await;
    let heard = line.listen(Duration::from_secs(2)).await;
    assert!(heard.is_tone(ANA_HZ), "the agent hears Ana: {heard:?}");

    let (code, report) = caller.await.expect("a call");
    assert_eq!(code, Some(0), "Ana hears the agent: {report}");
    let ended = lia.wait_for_state("ended").await;
    assert_eq!(ended["call"]["reason"], "user_hung_up", "{ended}");
    assert_eq!(line.packets(Duration::from_millis(600)).await, 0, "silence after hang-up");
    in_order_on_the_wire(&get(&format!("{platform}/sandbox/v1/webhooks"), None), &ended);
}

/// `connect` came before `terminate`, and that carries start, end, duration and status.
fn in_order_on_the_wire(journal: &Value, ended: &Value) {
    let call = ended["call"]["call_id"].as_str().expect("an id");
    let events: Vec<Value> = journal
        .as_array()
        .expect("a journal")
        .iter()
        .filter_map(|hook| {
            let body = &hook["body"];
            let body = body
                .as_str()
                .map_or_else(|| body.clone(), |t| serde_json::from_str(t).unwrap_or_default());
            let event = body["entry"][0]["changes"][0]["value"]["calls"][0].clone();
            (event["id"] == call).then_some(event)
        })
        .collect();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(names, ["connect", "terminate"]);
    let terminate = &events[1];
    assert_eq!(terminate["status"], "COMPLETED");
    for field in ["start_time", "end_time", "duration"] {
        assert!(!terminate[field].is_null(), "{field} in {terminate}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_calls_a_user_who_allowed_it_and_not_before() {
    let demo = demo();
    let platform = demo.url("platform");
    let mut lia = Agent::sign_in(&demo.url("gateway"), "lia").await;

    let (_, offer) = lia.open(AGENT_HZ);
    lia.send(json!({ "type": "place", "to": ANA, "sdp": offer })).await;
    let refused = lia.wait_for("refused").await;
    assert_eq!(refused["code"], "138006", "{refused}");

    let post = |path: &str, body: Value| {
        let (status, answer) =
            ask("POST", &format!("{platform}/sandbox/v1/users/{ANA}/{path}"), None, Some(&body));
        assert!(status < 300, "{path}: {status} {answer}");
    };
    post("message", json!({ "to": BUSINESS, "text": "Please call me" }));
    post("permission", json!({ "to": BUSINESS, "action": "accept_permanent" }));
    let behaviour = json!({ "answer": { "after_ms": 300 }, "play": { "tone_hz": ANA_HZ }, "hang_up": { "after_ms": 5000 } });
    let (status, answer) =
        ask("PUT", &format!("{platform}/sandbox/v1/users/{ANA}/behaviour"), None, Some(&behaviour));
    assert!(status < 300, "{answer}");

    let (mut line, offer) = lia.open(AGENT_HZ);
    lia.send(json!({ "type": "place", "to": ANA, "sdp": offer })).await;
    lia.connect(&line).await;
    let connected = lia.wait_for_state("connected").await;
    let heard = line.listen(Duration::from_secs(2)).await;
    assert!(heard.is_tone(ANA_HZ), "the agent hears Ana: {heard:?}");
    let ended = lia.wait_for_state("ended").await;
    assert!(ended["call"]["pulses"].as_u64().is_some_and(|pulses| pulses > 0), "{ended}");
    assert!(ended["call"]["price"].is_object(), "{ended}");

    let id = connected["call"]["call_id"].as_str().expect("an id");
    let seen = get(&format!("{platform}/sandbox/v1/calls/{id}"), None);
    let tone = seen["legs"]["user"]["heard"]["tone_hz"].as_f64().unwrap_or_default();
    assert!((tone - f64::from(AGENT_HZ)).abs() < 31.0, "Ana heard the agent: {seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_takes_the_call_of_an_agent() {
    let demo = demo();
    let platform = demo.url("platform");
    let mut lia = Agent::sign_in(&demo.url("gateway"), "lia").await;
    let at = platform.clone();
    let taker = tokio::spawn(async move {
        let args = ["--as", ANA, "--answer", "--play", "tone:440", "--expect", "tone:620"];
        call(&at, &[&args[..], &["--for", "3s"]].concat()).await
    });
    wait_for("phone at the platform", Duration::from_secs(10), || {
        let state = get(&format!("{platform}/sandbox/v1/state"), None);
        let users = state["users"].as_array()?.clone();
        users.iter().any(|u| u["wa_id"] == ANA && u["phone_connected"] == true).then_some(())
    });
    for (path, body) in [
        ("message", json!({ "to": BUSINESS, "text": "Please call me" })),
        ("permission", json!({ "to": BUSINESS, "action": "accept_temporary" })),
    ] {
        let url = format!("{platform}/sandbox/v1/users/{ANA}/{path}");
        let (status, answer) = ask("POST", &url, None, Some(&body));
        assert!(status < 300, "{path}: {status} {answer}");
    }

    let (mut line, offer) = lia.open(AGENT_HZ);
    lia.send(json!({ "type": "place", "to": ANA, "sdp": offer })).await;
    lia.connect(&line).await;
    lia.wait_for_state("connected").await;
    let heard = line.listen(Duration::from_millis(1500)).await;
    assert!(heard.is_tone(ANA_HZ), "the agent hears Ana: {heard:?}");
    let (code, report) = taker.await.expect("a call");
    assert_eq!(code, Some(0), "Ana hears the agent: {report}");
}
