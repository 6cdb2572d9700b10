//! A gateway that was killed: its records survive, and it ends the orphaned call upstream.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};

use crate::{
    http::{ask, get},
    process::{Server, free_tcp, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BRUNO: &str = "5511988887777";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");

#[test]
fn a_killed_gateway_keeps_its_records_and_ends_the_orphan_upstream() {
    let folder = tempfile::tempdir().expect("a folder");
    let listen = free_tcp();
    let webhook = format!("http://{listen}/webhooks/whatsapp");
    let platform = Server::start(&[
        "platform",
        "--listen",
        "127.0.0.1:0",
        "--media",
        "127.0.0.1:0",
        "--webhook",
        &webhook,
        "--no-handshake",
    ]);
    let api = platform.url("platform");
    let config = gateway_config(folder.path(), &api, &listen);
    let data = folder.path().join("data");
    let start = || {
        Server::start(&["gateway", "--config", &config, "--data", data.to_str().expect("UTF-8")])
    };
    let gateway = start();
    let business = gateway.url("gateway");

    let short = offhook(&[
        "call",
        "--as",
        BRUNO,
        "--to",
        BUSINESS,
        "--for",
        "1s",
        "--expect",
        "tone:*",
        "--platform",
        &api,
    ])
    .status()
    .expect("a call");
    assert!(short.success(), "the first call heard the flow");
    let done = wait_for("record of the first call", Duration::from_secs(10), || {
        calls(&business).first().filter(|c| c["ended_at"].is_string()).cloned()
    });

    let mut caller =
        offhook(&["call", "--as", ANA, "--to", BUSINESS, "--for", "60s", "--platform", &api])
            .stdout(Stdio::null())
            .spawn()
            .expect("a second call");
    let orphan = wait_for("accepted call", Duration::from_secs(15), || live(&api));
    gateway.kill();
    let gateway = start();

    wait_for("end of the orphan", Duration::from_secs(15), || {
        let call = get(&format!("{api}/sandbox/v1/calls/{orphan}"), None);
        (call["state"] == "ended").then_some(())
    });
    let terminate = wait_for("terminate webhook of the orphan", Duration::from_secs(10), || {
        let journal = get(&format!("{api}/sandbox/v1/webhooks"), None);
        journal.as_array()?.iter().find(|w| is_terminate_of(w, &orphan)).cloned()
    });
    assert!(terminate["body"].to_string().contains("COMPLETED"), "{terminate}");

    let listed = wait_for("record of the orphan", Duration::from_secs(10), || {
        let calls = calls(&gateway.url("gateway"));
        (calls.len() == 2 && calls.iter().all(|c| c["ended_at"].is_string())).then_some(calls)
    });
    let ids: Vec<&Value> = listed.iter().map(|call| &call["call_id"]).collect();
    assert!(ids.contains(&&done["call_id"]) && ids.contains(&&json!(orphan)), "{ids:?}");
    caller.kill().expect("ending our own caller");
    caller.wait().expect("waiting for our own caller");
}

fn calls(gateway: &str) -> Vec<Value> {
    let (status, body) = ask("GET", &format!("{gateway}/v1/calls"), KEY, None);
    assert_eq!(status, 200, "{body}");
    body["calls"].as_array().or_else(|| body.as_array()).cloned().unwrap_or_default()
}

fn live(api: &str) -> Option<String> {
    let state = get(&format!("{api}/sandbox/v1/state"), None);
    let calls = state["calls"].as_array()?;
    let call = calls.iter().find(|call| call["state"] == "accepted")?;
    call["call_id"].as_str().map(Into::into)
}

fn is_terminate_of(webhook: &Value, call: &str) -> bool {
    let body = &webhook["body"];
    let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    text.contains(call) && text.contains("\"terminate\"")
}
