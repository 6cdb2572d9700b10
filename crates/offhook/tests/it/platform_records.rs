//! The platform records a call, and the gateway fetches what it recorded: three processes, each party
//! with a tone of its own.

use std::{process::Stdio, time::Duration};

use audio::{measure::Measure, wav};
use serde_json::{Value, json};

use crate::{
    agent::Agent,
    http::{ask, get},
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
const ANA_HZ: f32 = 440.0;
const AGENT_HZ: f32 = 620.0;
/// How long the platform may take to make its files, and the gateway to fetch them.
const COMES_WITHIN: Duration = Duration::from_secs(60);

const RECORDING: &str = "
[recording]
mode = \"platform\"
purpose = \"quality assurance\"
announcement_language = \"en\"
transcription = true
";

/// Both servers; the platform writes down how many bytes a voice has.
fn servers(folder: &std::path::Path) -> (Server, Server) {
    let (free, listen) = ("127.0.0.1:0", free_tcp());
    let webhook = format!("http://{listen}/webhooks/whatsapp");
    let args = ["platform", "--listen", free, "--media", free, "--webhook", &webhook];
    let more = ["--no-handshake", "--transcriber", "wc -c"];
    let platform = Server::start(&[&args[..], &more].concat());
    let config = gateway_config(folder, &platform.url("platform"), &listen);
    let text = std::fs::read_to_string(&config).expect("the configuration");
    std::fs::write(&config, text + RECORDING).expect("the configuration");
    let data = folder.join("data");
    let data = data.to_str().expect("UTF-8");
    let gateway = Server::start(&["gateway", "--config", &config, "--data", data]);
    (platform, gateway)
}

/// Ana and Lia talk for some seconds.
async fn talk(platform: &Server, gateway: &str) {
    let mut lia = Agent::sign_in(gateway, "lia").await;
    let mut command = offhook(&["call", "--json", "--platform", &platform.url("platform")]);
    command.args(["--as", ANA, "--to", BUSINESS, "--play", "tone:440", "--for", "12s"]);
    command.stdout(Stdio::null()).stderr(Stdio::inherit());
    let caller = tokio::task::spawn_blocking(move || command.status().expect("a call"));
    let ringing = lia.wait_for("ringing").await;
    let (mut line, offer) = lia.open(AGENT_HZ);
    lia.send(json!({ "type": "answer", "call_id": ringing["call"]["call_id"], "sdp": offer }))
        .await;
    lia.connect(&line).await;
    lia.wait_for_state("connected").await;
    let heard = line.listen(Duration::from_secs(2)).await;
    assert!(heard.is_sound(), "{heard:?}");
    assert!(caller.await.expect("a call").success());
    lia.wait_for_state("ended").await;
}

/// Lia calls Ana, who allowed it, speaks and hangs up.
async fn place(platform: &Server, gateway: &str) {
    let ana = format!("{}/sandbox/v1/users/{ANA}", platform.url("platform"));
    let behaviour = json!({
        "answer": { "after_ms": 300 }, "play": { "tone_hz": ANA_HZ }, "hang_up": { "after_ms": 12_000 }
    });
    for (method, path, body) in [
        ("POST", "message", json!({ "to": BUSINESS, "text": "Please call me" })),
        ("POST", "permission", json!({ "to": BUSINESS, "action": "accept_permanent" })),
        ("PUT", "behaviour", behaviour),
    ] {
        let (status, answer) = ask(method, &format!("{ana}/{path}"), None, Some(&body));
        assert!(status < 300, "{path}: {status} {answer}");
    }
    let mut lia = Agent::sign_in(gateway, "lia").await;
    let (mut line, offer) = lia.open(AGENT_HZ);
    lia.send(json!({ "type": "place", "to": ANA, "sdp": offer })).await;
    lia.connect(&line).await;
    lia.wait_for_state("connected").await;
    let heard = line.listen(Duration::from_secs(2)).await;
    assert!(heard.is_sound(), "{heard:?}");
    lia.wait_for_state("ended").await;
}

/// The recording, once it is as it should be.
fn recording_where(gateway: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let url = format!("{gateway}/v1/recordings");
    wait_for("recording", COMES_WITHIN, || {
        let first = get(&url, KEY)["recordings"][0].clone();
        is_so(&first).then_some(first)
    })
}

/// The left and the right channel of what whoever listens gets.
async fn channels(gateway: &str, id: &str) -> [Vec<i16>; 2] {
    let url = format!("{gateway}/v1/recordings/{id}/audio?format=wav");
    let request = reqwest::Client::new().get(url).bearer_auth("demo-api-key");
    let file = request.send().await.expect("an answer").bytes().await.expect("a whole answer");
    let samples = u32::try_from((file.len() - 44) / 4).expect("some seconds");
    assert_eq!(&file[..44], &wav::head(2, 48_000, samples));
    [0, 2].map(|at| {
        file[44..].chunks_exact(4).map(|it| i16::from_le_bytes([it[at], it[at + 1]])).collect()
    })
}

/// In how many of its half seconds each party's tone is heard: Ana's, then Lia's.
fn halves(channel: &[i16]) -> [usize; 2] {
    let mut counts = [0, 0];
    for part in channel.chunks_exact(24_000) {
        let mut measure = Measure::default();
        measure.push(part);
        let report = measure.report();
        for (count, hz) in counts.iter_mut().zip([ANA_HZ, AGENT_HZ]) {
            *count += usize::from(report.is_tone(hz));
        }
    }
    counts
}

/// Each party is heard on its own channel alone.
async fn assert_apart(gateway: &str, id: &str) {
    let [business, user] = channels(gateway, id).await;
    let (said, heard) = (halves(&business), halves(&user));
    eprintln!("{said:?} {heard:?} of {} half seconds", business.len() / 24_000);
    assert!(said[1] >= 4 && heard[0] >= 4, "{said:?} {heard:?}");
    assert_eq!((said[0], heard[1]), (0, 0), "no party is in the other's channel");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_user_is_recorded_by_the_platform_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let (platform, server) = servers(folder.path());
    let gateway = server.url("gateway");
    place(&platform, &gateway).await;
    let recording = recording_where(&gateway, |it| it["state"] == "ready");
    assert_apart(&gateway, recording["recording_id"].as_str().expect("an id")).await;
    recording_where(&gateway, |it| it["transcript"] == "ready");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_the_platform_recorded_is_heard_and_read_at_the_gateway() {
    let folder = tempfile::tempdir().expect("a folder");
    let (platform, server) = servers(folder.path());
    let gateway = server.url("gateway");
    talk(&platform, &gateway).await;

    let recording = recording_where(&gateway, |it| it["state"] == "ready");
    assert_eq!(recording["by_platform"], true, "{recording}");
    let id = recording["recording_id"].as_str().expect("an id");
    assert_apart(&gateway, id).await;

    recording_where(&gateway, |it| it["transcript"] == "ready");
    let words = get(&format!("{gateway}/v1/recordings/{id}/transcript"), KEY);
    let speakers: Vec<_> = words["segments"].as_array().expect("segments").iter().collect();
    assert_eq!(speakers.len(), 2, "{words}");
    assert!(words["text"].as_str().is_some_and(|text| text.contains("[Customer] ")), "{words}");

    let call = recording["call_id"].as_str().expect("an id");
    let record = get(&format!("{gateway}/v1/calls/{call}"), KEY);
    assert_eq!(record["recordings"], json!([{"recording_id": id, "kind": "call"}]), "{record}");
    let path = format!("{gateway}/v1/recordings/{id}");
    assert_eq!(ask("DELETE", &path, KEY, None).0, 204);
    let left = std::fs::read_dir(folder.path().join("data/recordings")).expect("a folder");
    assert_eq!(left.count(), 0);
}
