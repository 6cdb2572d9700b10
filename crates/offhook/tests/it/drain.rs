//! A gateway asked to stop: new calls are turned away, live ones finish or are ended at the limit.

use std::{
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    http::{ask, get},
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BRUNO: &str = "5511988887777";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");

struct Scene {
    folder: tempfile::TempDir,
    _platform: Server,
    api: String,
    config: String,
}

impl Scene {
    fn new(drain_for_s: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = free_tcp();
        let platform = Server::platform(&listen);
        let api = platform.url("platform");
        let config = gateway_config(folder.path(), &api, &listen);
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let text = format!("drain_for_s = {drain_for_s}\n{text}");
        std::fs::write(&config, text).expect("the configuration");
        Self { folder, _platform: platform, api, config }
    }

    fn gateway(&self) -> Server {
        let data = self.folder.path().join("data");
        let data = Path::to_str(&data).expect("UTF-8");
        Server::start(&["gateway", "--config", &self.config, "--data", data])
    }

    fn caller(&self, user: &str, lasting: &str) -> Child {
        let args = ["call", "--as", user, "--to", BUSINESS, "--for", lasting, "--expect", "tone:*"];
        offhook(&args)
            .args(["--platform", &self.api])
            .stdout(Stdio::null())
            .spawn()
            .expect("a caller")
    }

    /// The call of this user in this state.
    fn wait_for_call(&self, user: &str, state: &str) -> Value {
        wait_for(&format!("{state} call"), Duration::from_secs(20), || {
            let seen = get(&format!("{}/sandbox/v1/state", self.api), None);
            let calls = seen["calls"].as_array()?;
            calls.iter().find(|c| c["user"] == user && c["state"] == state).cloned()
        })
    }

    /// Why a call ended, by the record the next gateway finds.
    fn reason(&self, call: &Value) -> Value {
        let gateway = self.gateway();
        let id = call["call_id"].as_str().expect("an id");
        let record = get(&format!("{}/v1/calls/{id}", gateway.url("gateway")), KEY);
        record["reason"].clone()
    }
}

fn is_draining(business: &str) {
    wait_for("drain", Duration::from_secs(5), || {
        let (status, ready) = ask("GET", &format!("{business}/ready"), None, None);
        (status == 503 && ready["draining"] == true).then_some(())
    });
}

#[test]
fn a_drained_gateway_turns_new_calls_away_and_lets_the_live_one_finish() {
    let scene = Scene::new(60);
    let gateway = scene.gateway();
    let business = gateway.url("gateway");
    assert_eq!(get(&format!("{business}/ready"), None)["draining"], false);
    let mut ana = scene.caller(ANA, "8s");
    let live = scene.wait_for_call(ANA, "accepted");

    gateway.terminate();
    is_draining(&business);
    let (health, _) = ask("GET", &format!("{business}/health"), None, None);
    assert_eq!(health, 200);
    let mut bruno = scene.caller(BRUNO, "1s");
    let bruno_heard = bruno.wait().expect("a caller");
    assert_eq!(bruno_heard.code(), Some(1), "a new call is not answered");
    let turned_away = scene.wait_for_call(BRUNO, "ended");
    assert_eq!(turned_away["end"]["party"], "business", "{turned_away}");
    scene.wait_for_call(ANA, "accepted");

    assert!(ana.wait().expect("a caller").success(), "the live call is heard to its end");
    assert_eq!(gateway.exit_code(Duration::from_secs(15)), Some(0));
    assert_eq!(scene.reason(&live), "user_hung_up");
    assert_eq!(scene.reason(&turned_away), "gateway_stopped");
}

#[test]
fn a_drain_ends_calls_at_its_limit() {
    let scene = Scene::new(1);
    let gateway = scene.gateway();
    let mut ana = scene.caller(ANA, "60s");
    let live = scene.wait_for_call(ANA, "accepted");
    gateway.terminate();
    assert_eq!(gateway.exit_code(Duration::from_secs(15)), Some(0));
    scene.wait_for_call(ANA, "ended");
    assert!(ana.wait().is_ok());
    assert_eq!(scene.reason(&live), "gateway_stopped");
}

#[test]
fn a_second_request_to_stop_ends_calls_at_once() {
    let scene = Scene::new(600);
    let gateway = scene.gateway();
    let business = gateway.url("gateway");
    let mut ana = scene.caller(ANA, "60s");
    scene.wait_for_call(ANA, "accepted");
    let asked = Instant::now();
    gateway.terminate();
    is_draining(&business);
    gateway.terminate();
    assert_eq!(gateway.exit_code(Duration::from_secs(15)), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(20), "it waited for the drain");
    scene.wait_for_call(ANA, "ended");
    assert!(ana.wait().is_ok());
}
