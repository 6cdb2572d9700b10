//! Two numbers of two accounts, each with an app of its own, on one platform and one gateway: a call
//! to each reaches its own people and flow, and no webhook passes for the other's.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    http::{ask, cookie, get},
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const FIRST: (&str, &str) = ("551140000000", "demo-api-key");
const SECOND: (&str, &str) = ("5215550009999", "brisa-api-key");
const SECOND_APP: &str = "402234567890123";

/// The demo's world and a second business in it.
const WORLD: &str = concat!(
    include_str!("../../../platform/seeds/demo.toml"),
    r#"
[[app]]
id = "402234567890123"
name = "Brisa app"
secret = "brisa-secret"
verify_token = "brisa-verify"
access_tokens = ["brisa-token"]
fields = ["calls", "messages"]

[[account]]
id = "202234567890123"
name = "Brisa"
currency = "USD"
timezone = "America/Mexico_City"
use_case = "service"
payment_valid = true
rulebook = "2026-10"
rate_card = "example"
apps = ["402234567890123"]

[[number]]
id = "209876543210987"
account = "202234567890123"
digits = "5215550009999"
name = "Brisa"
tier = 2000

[number.calling]
status = "ENABLED"
callback_permission_status = "ENABLED"
"#
);

/// Brisa at the gateway: nobody of hers answers, and she has no flow.
const BRISA: &str = r#"
[[organisations]]
id = "aurora"

[[organisations]]
id = "brisa"
api_key_file = "brisa-key"

[[numbers]]
phone_number_id = "209876543210987"
digits = "5215550009999"
organisation = "brisa"
account = "202234567890123"
flow = "brisa.toml"
[numbers.upstream]
edition = "meta"
base_url = "{platform}"
token_file = "brisa-token"
app_secret_file = "brisa-secret"
verify_token_file = "brisa-verify"

[[agents]]
id = "bia"
organisation = "brisa"
password_env = "OFFHOOK_TEST_PASSWORD"
"#;

/// Starts the gateway in this folder; the platform is told of it by whoever asks.
fn gateway(folder: &std::path::Path, platform: &str, listen: &str) -> Server {
    for (name, text) in [
        ("brisa-key", SECOND.1),
        ("brisa-token", "brisa-token"),
        ("brisa-secret", "brisa-secret"),
        ("brisa-verify", "brisa-verify"),
        (
            "brisa.toml",
            "start = \"echo\"\n[step.echo]\necho = \"60s\"\nnext = \"end\"\n[step.end]\nhang_up = true\n",
        ),
    ] {
        std::fs::write(folder.join(name), text).expect("writing a secret");
    }
    let config = gateway_config(folder, platform, listen);
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let text = format!("{text}{}", BRISA.replace("{platform}", platform));
    std::fs::write(&config, text).expect("the configuration");
    Server::start(&["gateway", "--config", &config])
}

/// The record of the newest call of this key's organisation.
fn record(gateway: &str, key: &str) -> Value {
    wait_for("record", Duration::from_secs(15), || {
        let list = get(&format!("{gateway}/v1/calls"), Some(key));
        list["calls"].as_array()?.first().cloned()
    })
}

#[test]
fn a_call_to_each_of_two_numbers_reaches_its_own_flow_and_people() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = folder.path().join("seed.toml");
    std::fs::write(&seed, WORLD).expect("writing the seed");
    let (listen, free) = (free_tcp(), "127.0.0.1:0");
    let webhook = format!("http://{listen}/webhooks/whatsapp");
    let seed = seed.to_str().expect("UTF-8");
    let args = ["platform", "--listen", free, "--media", free, "--seed", seed];
    let platform = Server::start(&[&args[..], &["--webhook", &webhook, "--no-handshake"]].concat());
    let api = platform.url("platform");
    let server = gateway(folder.path(), &api, &listen);
    let business = server.url("gateway");
    let hook = json!({"object": "whatsapp_business_account", "callback_url": webhook,
        "verify_token": "brisa-verify", "fields": ["calls", "messages"]});
    let url = format!("{api}/v23.0/{SECOND_APP}/subscriptions");
    let (status, answer) =
        ask("POST", &url, Some(&format!("{SECOND_APP}|brisa-secret")), Some(&hook));
    assert_eq!(status, 200, "the second verify token is known, too: {answer}");

    for (digits, heard) in [(FIRST.0, "tone:*"), (SECOND.0, "tone:440")] {
        let args = ["call", "--as", ANA, "--to", digits, "--play", "tone:440", "--for", "4s"];
        let mut call = offhook(&args);
        call.args(["--expect", heard, "--platform", &api]);
        let heard = call.output().expect("a caller");
        assert!(heard.status.success(), "{digits}: {}", String::from_utf8_lossy(&heard.stdout));
    }
    for ((digits, key), other) in [(FIRST, SECOND), (SECOND, FIRST)] {
        let call = record(&business, key);
        assert_eq!((&call["number"], &call["reason"]), (&json!(digits), &json!("user_hung_up")));
        let list = get(&format!("{business}/v1/calls"), Some(key));
        assert_eq!(list["calls"].as_array().map(Vec::len), Some(1), "{list}");
        assert!(!list.to_string().contains(other.0), "the other's call: {list}");
    }
    let lia =
        cookie(&format!("{business}/v1/session"), &json!({"user": "bia", "password": "demo"}));
    assert!(!lia.is_empty(), "people of both log in at one door");
    let sent = get(&format!("{api}/sandbox/v1/webhooks"), None);
    let states: Vec<_> = sent.as_array().expect("webhooks").iter().map(|w| &w["state"]).collect();
    assert!(states.iter().all(|state| *state == "delivered"), "each by its own secret: {states:?}");
}
