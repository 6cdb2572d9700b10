//! Platform and gateway, two processes, fully over SIP: calls both ways, with keys in the SDP and with
//! DTLS, each party with a tone of its own.

use std::{path::Path, process::Stdio, time::Duration};

use base64::Engine as _;
use serde_json::json;

use crate::{
    agent::Agent,
    http::{ask, get},
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
/// Who gave no permission.
const BRUNO: &str = "5511988887777";
const BUSINESS: &str = "551140000000";
const NUMBER: &str = "109876543210987";
const TOKEN: Option<&str> = Some("demo-token");
const KEY: Option<&str> = Some("demo-api-key");
const ANA_HZ: f32 = 440.0;
const AGENT_HZ: f32 = 620.0;

/// A certificate for `localhost` with its key, as two files.
fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    for (name, label, der) in [
        ("sip.pem", "CERTIFICATE", made.cert.der().to_vec()),
        ("sip.key", "PRIVATE KEY", made.signing_key.serialize_der()),
    ] {
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        let text = format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
        std::fs::write(folder.join(name), text).expect("a file");
    }
}

/// Both servers, with the number in SIP mode.
fn servers(folder: &Path, keying: &str) -> (Server, Server) {
    certificate(folder);
    let (edge, listen, by_tls) = (free_tcp(), free_tcp(), free_tcp());
    let [root, ours] = ["root.pem", "sip.pem"].map(|name| folder.join(name).display().to_string());
    let free = "127.0.0.1:0";
    let args = ["platform", "--listen", free, "--media", free, "--no-handshake"];
    let more = ["--sip", &edge, "--sip-root-file", &root, "--sip-roots", &ours];
    let platform = Server::start(&[&args[..], &more].concat());
    let port: u16 = by_tls.rsplit_once(':').expect("a port").1.parse().expect("a port");
    let sip =
        json!({ "status": "ENABLED", "servers": [{ "hostname": "localhost", "port": port }] });
    let calling = json!({
        "sip": sip, "srtp_key_exchange_protocol": keying.to_uppercase()
    });
    let settings = format!("{}/v23.0/{NUMBER}/settings", platform.url("platform"));
    let (status, answer) = ask("POST", &settings, TOKEN, Some(&json!({ "calling": calling })));
    assert_eq!(status, 200, "{answer}");
    let config = gateway_config(folder, &platform.url("platform"), &listen);
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let more = format!(
        "\n[number.sip]\nhostname = \"localhost\"\nserver = \"{edge}\"\nkeying = \"{keying}\"\n\n\
         [sip]\nlisten = \"127.0.0.1:0\"\n\n[sip.tls]\nlisten = \"{by_tls}\"\n\
         certificate = \"sip.pem\"\nkey = \"sip.key\"\nroots = \"root.pem\"\n"
    );
    std::fs::write(&config, text + &more).expect("the configuration");
    let gateway = Server::start(&["gateway", "--config", &config]);
    (platform, gateway)
}

/// Ana calls, Lia answers, each hears the other, Ana hangs up.
async fn user_calls(platform: &str, gateway: &str) {
    let mut lia = Agent::sign_in(gateway, "lia").await;
    let mut command = offhook(&["call", "--json", "--platform", platform, "--as", ANA]);
    command.args(["--to", BUSINESS, "--play", "tone:440", "--expect", "tone:620", "--for", "5s"]);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    let caller = tokio::task::spawn_blocking(move || command.output().expect("a call"));
    let ringing = lia.wait_for("ringing").await;
    assert_eq!(ringing["call"]["contact"]["wa_id"], ANA, "{ringing}");
    let (mut line, offer) = lia.open(AGENT_HZ);
    let id = ringing["call"]["call_id"].clone();
    lia.send(json!({ "type": "answer", "call_id": id, "sdp": offer })).await;
    lia.connect(&line).await;
    lia.wait_for_state("connected").await;
    let heard = line.listen(Duration::from_secs(2)).await;
    assert!(heard.is_tone(ANA_HZ), "the agent hears Ana: {heard:?}");
    let done = caller.await.expect("a call");
    let report = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "Ana hears the agent: {report}");
    let ended = lia.wait_for_state("ended").await;
    assert_eq!(ended["call"]["reason"], "user_hung_up", "{ended}");
    by_sip(platform, gateway, id.as_str().expect("an id"));
}

/// What both say of it afterwards.
fn by_sip(platform: &str, gateway: &str, id: &str) {
    let record = get(&format!("{gateway}/v1/calls/{id}"), KEY);
    assert_eq!(record["signalling"], "sip", "{record}");
    assert!(record["duration_s"].as_u64().is_some_and(|seconds| seconds >= 3), "{record}");
    let theirs = get(&format!("{platform}/sandbox/v1/calls/{id}"), None);
    assert_eq!(theirs["call_id"], id, "the same call at the platform: {theirs}");
    let told = get(&format!("{platform}/sandbox/v1/webhooks"), None);
    let of_calls = told.as_array().expect("a journal").iter().find(|hook| hook["field"] == "calls");
    assert_eq!(of_calls, None, "no webhook tells of a call by SIP");
}

/// Lia calls Ana, who picks up; each hears the other, Ana hangs up.
async fn business_calls(platform: &str, gateway: &str) {
    let ana = format!("{platform}/sandbox/v1/users/{ANA}");
    let behaviour = json!({
        "answer": { "after_ms": 300 }, "play": { "tone_hz": ANA_HZ }, "hang_up": { "after_ms": 5_000 }
    });
    let mut lia = Agent::sign_in(gateway, "lia").await;
    let (line, offer) = lia.open(AGENT_HZ);
    lia.send(json!({ "type": "place", "to": BRUNO, "sdp": offer })).await;
    let refused = lia.wait_for("refused").await;
    assert_eq!(refused["code"], "138006", "without permission: {refused}");
    drop(line);
    for (method, path, body) in [
        ("POST", "message", json!({ "to": BUSINESS, "text": "Please call me" })),
        ("POST", "permission", json!({ "to": BUSINESS, "action": "accept_permanent" })),
        ("PUT", "behaviour", behaviour),
    ] {
        let (status, answer) = ask(method, &format!("{ana}/{path}"), None, Some(&body));
        assert!(status < 300, "{path}: {status} {answer}");
    }
    let (mut line, offer) = lia.open(AGENT_HZ);
    lia.send(json!({ "type": "place", "to": ANA, "sdp": offer })).await;
    lia.connect(&line).await;
    lia.wait_for_state("connected").await;
    let heard = line.listen(Duration::from_secs(2)).await;
    assert!(heard.is_tone(ANA_HZ), "the agent hears Ana: {heard:?}");
    let ended = lia.wait_for_state("ended").await;
    assert_eq!(ended["call"]["reason"], "user_hung_up", "{ended}");
    let id = ended["call"]["call_id"].as_str().expect("an id").to_owned();
    let record = get(&format!("{gateway}/v1/calls/{id}"), KEY);
    assert_eq!(record["signalling"], "sip", "{record}");
    let ended = wait_for("the call at the platform", Duration::from_secs(10), || {
        let calls = get(&format!("{platform}/sandbox/v1/calls"), None);
        let calls =
            calls.as_array().or_else(|| calls["calls"].as_array()).cloned().unwrap_or_default();
        calls
            .into_iter()
            .find(|call| call["direction"] == "BUSINESS_INITIATED" && call["state"] == "ended")
    });
    let id = ended["call_id"].as_str().expect("an id");
    let seen = get(&format!("{platform}/sandbox/v1/calls/{id}"), None);
    let tone = seen["legs"]["user"]["heard"]["tone_hz"].as_f64().unwrap_or_default();
    assert!((tone / f64::from(AGENT_HZ) - 1.0).abs() < 0.05, "Ana hears the agent: {seen}");
}

async fn both_ways(keying: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let (platform, gateway) = servers(folder.path(), keying);
    let (platform, gateway) = (platform.url("platform"), gateway.url("gateway"));
    user_calls(&platform, &gateway).await;
    business_calls(&platform, &gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_both_ways_with_keys_in_the_sdp() {
    Box::pin(both_ways("sdes")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_go_both_ways_with_dtls() {
    Box::pin(both_ways("dtls")).await;
}
