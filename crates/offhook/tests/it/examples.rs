//! The flows in `examples/flows`, each walked by a scripted user through both servers.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    http::get,
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");

fn file(example: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/flows")
        .join(example)
        .join("flow.toml")
}

/// Both servers, the gateway with this example.
struct Scene {
    _folder: tempfile::TempDir,
    platform: Server,
    gateway: Server,
}

impl Scene {
    fn new(example: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = free_tcp();
        let platform = Server::platform(&listen);
        let config = gateway_config(folder.path(), &platform.url("platform"), &listen);
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
        let text = text.replace(demo, &file(example).to_string_lossy());
        std::fs::write(&config, text).expect("the configuration");
        let gateway = Server::start(&["gateway", "--config", &config]);
        Self { _folder: folder, platform, gateway }
    }

    /// Ana calls, presses and hangs up: what the record says of the flow.
    fn call(&self, keys: &str) -> Value {
        let platform = self.platform.url("platform");
        let args = ["call", "--as", ANA, "--to", BUSINESS, "--platform", &platform];
        let status = offhook(&args)
            .args(["--dtmf", keys, "--for", "3300ms", "--expect", "tone:*"])
            .stdout(Stdio::null())
            .status()
            .expect("a caller");
        assert!(status.success(), "the prompts are heard");
        let calls = format!("{}/v1/calls", self.gateway.url("gateway"));
        let ended = wait_for("record", Duration::from_secs(20), || {
            let calls = get(&calls, KEY);
            calls["calls"].as_array()?.first().cloned()
        });
        ended["flow"].clone()
    }
}

fn steps(flow: &Value) -> Vec<&str> {
    let path = flow["path"].as_array().expect("a path");
    path.iter().filter_map(|visited| visited["step"].as_str()).collect()
}

#[test]
fn a_broken_shop_is_urgent_and_escalated() {
    let scene = Scene::new("support-escalation");
    let flow = scene.call("2@1s,1@1700ms");
    assert!(
        steps(&flow).starts_with(&["who", "welcome", "topic", "broken", "urgent", "supervisor"]),
        "{flow}"
    );
    assert_eq!(flow["path"][2], json!({"step": "topic", "keys": "2"}));
    assert_eq!(flow["variables"]["severity"], "urgent");
    assert_eq!(flow["variables"]["asked_by"], ANA);
}

#[test]
fn a_large_lead_that_starts_now_is_hot_and_reaches_sales() {
    let scene = Scene::new("lead-qualification");
    let flow = scene.call("2@1s,1@1700ms");
    assert!(steps(&flow).contains(&"sales/open"), "another document: {flow}");
    assert_eq!(flow["variables"]["rating"], "hot");
    assert_eq!(flow["variables"]["market"], "MX");
}

#[test]
fn a_delivery_is_moved_to_another_day() {
    let scene = Scene::new("delivery-coordination");
    let flow = scene.call("4@1s,2@1200ms,#@1400ms,2@1900ms,3@2500ms");
    let variables = json!({"delivery": "delivery-42", "outcome": "moved", "day": "3"});
    assert_eq!(flow["variables"], variables, "{flow}");
}

#[test]
fn the_examples_are_sound_and_a_dry_run_says_the_way() {
    for example in ["support-escalation", "lead-qualification", "delivery-coordination"] {
        let path = file(example);
        let checked = offhook(&["flow", "check"]).arg(&path).output().expect("a check");
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    }
    let path = file("lead-qualification");
    let walked = offhook(&["flow", "run", "--json", "--caller", "5511988887777"])
        .args([
            "--payload",
            "campaign=spring",
            "--keys",
            "2,1",
            "--at",
            "2026-11-29T10:00:00-03:00",
        ])
        .arg(&path)
        .output()
        .expect("a dry run");
    let walked: Value = serde_json::from_slice(&walked.stdout).expect("JSON");
    assert_eq!(walked["end"], "hangs up");
    assert_eq!(
        walked["variables"],
        json!({"lead": "new", "source": "campaign=spring", "market": "BR", "size": "large",
            "start": "now", "rating": "hot", "follow_up": "call"}),
        "it is Sunday"
    );

    let folder = tempfile::tempdir().expect("a folder");
    let wrong = folder.path().join("wrong.toml");
    std::fs::write(&wrong, "start = \"a\"\n[step.a]\nplya = \"b\"\n").expect("a file");
    let checked = offhook(&["flow", "check"]).arg(&wrong).output().expect("a check");
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(said, "line 3, step `a`: unknown key `plya`: did you mean `play`?\n");
}
