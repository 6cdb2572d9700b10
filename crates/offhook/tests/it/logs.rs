//! The gateway's log above DEBUG names nobody: no full number, token, SDP secret or address of a call.

use std::{collections::BTreeSet, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    agent::Agent,
    http::{ask, get},
    process::{Server, free_tcp, gateway_config, wait_for},
    tee::Tee,
};

const ANA: &str = "5215550000001";
const BRUNO: &str = "5511988887777";
const CHIDI: &str = "2348030000003";
/// Who never wrote nor called.
const STRANGER: &str = "5215559990000";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
const PATIENCE: Duration = Duration::from_secs(20);
/// What stands in no log: those who take part, and what opens something.
const PRIVATE: [&str; 8] =
    [ANA, BRUNO, CHIDI, BUSINESS, "demo-token", "demo-api-key", "demo-app-secret", "demo-verify"];

/// The two servers, and what went between them.
struct World {
    api: String,
    business: String,
    tee: Tee,
}

impl World {
    fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) =
            ask("POST", &format!("{}/sandbox/v1/{path}", self.api), None, Some(body));
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    }

    fn behaves(&self, user: &str, hang_up_ms: u64) {
        let behaviour = json!({ "answer": { "after_ms": 50 }, "play": { "tone_hz": 440.0 },
            "hang_up": { "after_ms": hang_up_ms } });
        let url = format!("{}/sandbox/v1/users/{user}/behaviour", self.api);
        let (status, answer) = ask("PUT", &url, None, Some(&behaviour));
        assert!(status < 300, "{status} {answer}");
    }

    /// Waits until so many calls have their record.
    fn recorded(&self, count: usize) {
        wait_for("records", PATIENCE, || {
            let (_, body) = ask("GET", &format!("{}/v1/calls", self.business), KEY, None);
            let calls = body["calls"].as_array()?;
            let ended = calls.iter().filter(|call| call["ended_at"].is_string()).count();
            (ended == count).then_some(())
        });
    }

    /// What the SDPs of all calls hold that nobody else may know, from both sides.
    fn secrets(&self) -> BTreeSet<String> {
        let hooks = get(&format!("{}/sandbox/v1/webhooks", self.api), None);
        let said = format!("{hooks} {}", self.tee.text());
        secrets_of(&said.replace("\\\\r\\\\n", "\n").replace("\\r\\n", "\n"))
    }
}

/// ICE passwords, SRTP keys, fingerprints, and addresses with their ports.
fn secrets_of(sdp: &str) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for line in sdp.lines() {
        for key in ["a=ice-pwd:", "a=crypto:", "a=fingerprint:sha-256 "] {
            let value = line.strip_prefix(key).and_then(|rest| rest.split_whitespace().next());
            secrets.extend(value.map(str::to_owned));
        }
        if line.starts_with("a=candidate:") {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let [_, _, _, _, ip, port, ..] = words[..] {
                secrets.insert(format!("{ip}:{port}"));
            }
        }
    }
    secrets
}

async fn with_an_agent(world: &World, lia: &mut Agent) {
    world.post(&format!("users/{ANA}/call"), &json!({ "to": BUSINESS }));
    let ringing = lia.wait_for("ringing").await;
    let call_id = ringing["call"]["call_id"].clone();
    let (line, offer) = lia.open(620.0);
    lia.send(json!({ "type": "answer", "call_id": call_id, "sdp": offer })).await;
    lia.connect(&line).await;
    lia.wait_for_state("connected").await;
    lia.send(json!({ "type": "hang_up", "call_id": call_id })).await;
    world.recorded(1);
}

async fn placed(world: &World, lia: &mut Agent) {
    let path = |what: &str| format!("users/{BRUNO}/{what}");
    world.post(&path("message"), &json!({ "to": BUSINESS, "text": "Please call me" }));
    world.post(&path("permission"), &json!({ "to": BUSINESS, "action": "accept_permanent" }));
    lia.send(json!({ "type": "presence", "state": "available" })).await;
    let (line, offer) = lia.open(620.0);
    lia.send(json!({ "type": "place", "to": BRUNO, "sdp": offer })).await;
    lia.connect(&line).await;
    world.recorded(2);
}

/// A user without an agent hears the flow; one who was never asked is not called.
fn flow_and_refusals(world: &World) {
    world.post(&format!("users/{CHIDI}/call"), &json!({ "to": BUSINESS }));
    world.recorded(3);
    let place = json!({ "to": STRANGER, "flow": true });
    let (status, answer) = ask("POST", &format!("{}/v1/calls", world.business), KEY, Some(&place));
    assert!((400..500).contains(&status), "{status} {answer}");
    let url = format!("{}/v1/calls", world.business);
    assert_eq!(ask("GET", &url, Some("demo-token"), None).0, 401);
    let webhook = json!({ "object": "whatsapp_business_account", "from": CHIDI });
    let url = format!("{}/webhooks/whatsapp", world.business);
    assert_eq!(ask("POST", &url, None, Some(&webhook)).0, 401, "it is not signed");
}

fn start(folder: &Path) -> (World, Server, Server) {
    let listen = free_tcp();
    let platform = Server::platform(&listen);
    let api = platform.url("platform");
    let tee = Tee::to(&api);
    let config = gateway_config(folder, tee.url(), &listen);
    let log = folder.join("log");
    let gateway = Server::start_with_log(&["gateway", "--config", &config], "info", &log);
    let business = gateway.url("gateway");
    (World { api, business, tee }, platform, gateway)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_every_kind_leave_nothing_private_in_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let (world, _platform, gateway) = start(folder.path());
    for (user, hang_up_ms) in [(ANA, 30_000), (BRUNO, 700), (CHIDI, 700)] {
        world.behaves(user, hang_up_ms);
    }
    let mut lia = Agent::sign_in(&world.business, "lia").await;
    with_an_agent(&world, &mut lia).await;
    placed(&world, &mut lia).await;
    lia.send(json!({ "type": "presence", "state": "away" })).await;
    flow_and_refusals(&world);
    drop(lia);
    gateway.terminate();
    assert_eq!(gateway.exit_code(PATIENCE), Some(0));

    let log = std::fs::read_to_string(folder.path().join("log")).expect("the log");
    assert_eq!(log.matches("call ended").count(), 3, "the log tells of the calls: {log}");
    assert!(log.contains("bad signature"), "and of what is refused: {log}");
    let secrets = world.secrets();
    assert!(secrets.len() >= 12, "the SDPs of three calls were seen: {secrets:?}");
    for private in PRIVATE.into_iter().map(str::to_owned).chain(secrets) {
        let line = log.lines().find(|line| line.contains(&private));
        assert!(line.is_none(), "{private} stands in the log: {line:?}");
    }
}
