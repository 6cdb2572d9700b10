//! Our records and the platform's figures: the same after a call, and different once a record is gone.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    http::{ask, get},
    process::{Server, free_tcp, gateway_config, wait_for},
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");
const LONG: Duration = Duration::from_secs(30);

struct Scene {
    folder: tempfile::TempDir,
    _platform: Server,
    api: String,
    config: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listen = free_tcp();
        let platform = Server::platform(&listen);
        let api = platform.url("platform");
        let config = gateway_config(folder.path(), &api, &listen);
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let own = "[number]\naccount = \"201234567890123\"\ntime_zone = \"America/Sao_Paulo\"\n";
        let text = text.replace("[number]\n", own);
        std::fs::write(&config, text).expect("the configuration");
        Self { folder, _platform: platform, api, config }
    }

    /// A gateway that remembers what lies in this folder.
    fn gateway(&self, data: &str) -> Server {
        let data = self.folder.path().join(data);
        let data = Path::to_str(&data).expect("UTF-8");
        Server::start(&["gateway", "--config", &self.config, "--data", data])
    }

    fn ana(&self, method: &str, path: &str, body: &Value) {
        let url = format!("{}/sandbox/v1/users/{ANA}/{path}", self.api);
        let (status, answer) = ask(method, &url, None, Some(body));
        assert!((200..300).contains(&status), "{url}: {status} {answer}");
    }

    /// The gateway calls Ana, who asked for it, and who hangs up after a while.
    fn call(&self, gateway: &str) -> Value {
        let behaviour = json!({ "answer": { "after_ms": 200 }, "hang_up": { "after_ms": 1200 } });
        self.ana("PUT", "behaviour", &behaviour);
        self.ana("POST", "message", &json!({ "to": BUSINESS, "text": "Please call me" }));
        wait_for("the message at the gateway", LONG, || {
            let (_, contact) = ask("GET", &format!("{gateway}/v1/contacts/{ANA}"), KEY, None);
            contact["window_open_until"].is_string().then_some(())
        });
        let body = json!({ "to": ANA, "flow": true, "wait_for_consent": "P2D" });
        let (status, parked) = ask("POST", &format!("{gateway}/v1/calls"), KEY, Some(&body));
        assert_eq!(status, 201, "{parked}");
        let accept = json!({ "to": BUSINESS, "action": "accept_temporary" });
        self.ana("POST", "permission", &accept);
        let id = wait_for("the call", LONG, || {
            let list = get(&format!("{gateway}/v1/parked_calls"), KEY);
            list["parked_calls"][0]["call_id"].as_str().map(str::to_owned)
        });
        wait_for("the record of the call", LONG, || {
            let (_, call) = ask("GET", &format!("{gateway}/v1/calls/{id}"), KEY, None);
            (call["state"] == "ended").then_some(call)
        })
    }
}

/// What differs today and yesterday.
fn reconcile(gateway: &str) -> Value {
    let now = jiff::Timestamp::now();
    let yesterday = now - jiff::SignedDuration::from_hours(24);
    get(&format!("{gateway}/v1/reconciliation?from={yesterday}&to={now}"), KEY)
}

#[test]
fn a_call_has_the_platforms_figures_and_a_lost_record_is_found() {
    let scene = Scene::new();
    let gateway = scene.gateway("whole");
    let business = gateway.url("gateway");
    let call = scene.call(&business);
    assert_eq!(call["pulses"], 1, "{call}");
    let cost = &call["cost"];
    assert_eq!(cost["paid"], json!({ "amount": "0.01", "currency": "USD" }), "{call}");
    assert_eq!(cost["card"], "example");

    let same = reconcile(&business);
    assert_eq!((&same["cells"], &same["differences"]), (&json!(1), &json!([])), "{same}");
    gateway.terminate();
    assert_eq!(gateway.exit_code(LONG), Some(0));

    let gateway = scene.gateway("lost");
    let found = reconcile(&gateway.url("gateway"));
    let found = &found["differences"][0];
    assert_eq!(
        (&found["direction"], &found["country"]),
        (&json!("BUSINESS_INITIATED"), &json!("MX"))
    );
    assert_eq!(found["differs"], json!(["calls"]), "{found}");
    assert_eq!((&found["theirs"]["calls"], &found["theirs"]["cost"]), (&json!(1), &json!("0.01")));
    assert_eq!(found.get("ours"), None, "absent, not zero");
}
