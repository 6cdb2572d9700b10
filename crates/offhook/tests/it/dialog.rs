//! The gateway behind 360dialog: calls both ways, by its key, its paths and its channel's webhook.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};

use crate::{
    http::{ask, ask_with, get},
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
    tee::Tee,
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
const PATIENCE: Duration = Duration::from_secs(20);

/// Both servers, a wire between them, and no webhook but the channel's.
struct Scene {
    _folder: tempfile::TempDir,
    platform: Server,
    gateway: Server,
    wire: Tee,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (listen, free) = (free_tcp(), "127.0.0.1:0");
        let platform = Server::start(&["platform", "--listen", free, "--media", free]);
        let wire = Tee::to(&platform.url("platform"));
        let config = gateway_config(folder.path(), wire.url(), &listen);
        let key = folder.path().join("key");
        std::fs::write(&key, "demo-d360-key").expect("the key");
        let token = format!("token_file = \"{}\"", key.display());
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let text = text.replace("edition = \"meta\"", "edition = \"360dialog\"");
        let text = text.replace("token_env = \"OFFHOOK_TEST_TOKEN\"", &token);
        std::fs::write(&config, text).expect("the configuration");
        let gateway = Server::start(&["gateway", "--config", &config]);
        let hook = format!("{}/v1/configs/webhook", platform.url("platform"));
        let body = json!({ "url": format!("http://{listen}/webhooks/whatsapp") });
        let (status, answer) =
            ask_with("POST", &hook, "D360-API-KEY: demo-d360-key\r\n", Some(&body));
        assert_eq!(status, 200, "{answer}");
        Self { _folder: folder, platform, gateway, wire }
    }

    fn ana(&self, method: &str, path: &str, body: Value) {
        let url = format!("{}/sandbox/v1/users/{ANA}/{path}", self.platform.url("platform"));
        let (status, answer) = ask(method, &url, None, Some(&body));
        assert!((200..300).contains(&status), "{url}: {status} {answer}");
    }

    fn gateway(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.gateway.url("gateway"))
    }

    fn is_called(&self) {
        let platform = self.platform.url("platform");
        let status = offhook(&["call", "--as", ANA, "--to", BUSINESS, "--platform", &platform])
            .args(["--for", "3s", "--expect", "tone:*"])
            .stdout(Stdio::null())
            .status()
            .expect("a caller");
        assert!(status.success(), "the flow is heard");
        let record = wait_for("record", PATIENCE, || {
            get(&self.gateway("calls"), KEY)["calls"].as_array()?.first().cloned()
        });
        assert_eq!(record["reason"], "user_hung_up", "the platform told the end: {record}");
    }

    fn calls_on_consent(&self) {
        let behaviour = json!({ "answer": { "after_ms": 300 }, "hang_up": { "after_ms": 4000 } });
        self.ana("PUT", "behaviour", behaviour);
        let body = json!({ "to": ANA, "flow": true, "wait_for_consent": "P2D" });
        let (_, parked) = ask("POST", &self.gateway("calls"), KEY, Some(&body));
        assert!(parked["request_id"].is_string(), "the user is asked: {parked}");
        let accept = json!({ "to": BUSINESS, "action": "accept_temporary" });
        self.ana("POST", "permission", accept);
        let id = wait_for("the call", PATIENCE, || {
            let list = get(&self.gateway("parked_calls"), KEY);
            list["parked_calls"][0]["call_id"].as_str().map(str::to_owned)
        });
        let ended = wait_for("the end of the call", PATIENCE, || {
            let (_, call) = ask("GET", &self.gateway(&format!("calls/{id}")), KEY, None);
            (call["state"] == "ended").then_some(call)
        });
        assert_eq!(ended["reason"], "user_hung_up", "{ended}");
        let url = format!("{}/sandbox/v1/calls/{id}", self.platform.url("platform"));
        let seen = get(&url, None);
        let heard = &seen["legs"]["user"]["heard"];
        assert!(heard["dbfs"].as_f64().is_some_and(|dbfs| dbfs > -45.0), "speech: {seen}");
    }
}

#[test]
fn behind_360dialog_a_call_is_taken_and_one_is_placed_on_consent() {
    let scene = Scene::new();
    // Else the user's own call would be the permission.
    let asked_only = json!({ "calling": { "callback_permission_status": "DISABLED" } });
    let settings = scene.gateway("numbers/109876543210987/settings");
    let (status, answer) = ask("PATCH", &settings, KEY, Some(&asked_only));
    assert_eq!(status, 200, "{answer}");
    scene.is_called();
    scene.calls_on_consent();
    let asked = scene.wire.text();
    for path in ["POST /calling/calls ", "POST /calling/settings ", "POST /messages "] {
        assert!(asked.contains(path), "{path}");
    }
    assert!(!asked.contains(" /v23.0/"), "a path of Meta's");
    assert!(!asked.to_lowercase().contains("authorization: bearer"), "a header of Meta's");
}
