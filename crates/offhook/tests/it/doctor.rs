//! `offhook doctor`: a gateway's configuration against the real platform.

use serde_json::Value;

use crate::process::{Server, free_tcp, gateway_config, offhook};

fn examine(config: &str, token: &str) -> (Option<i32>, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8");
    let output = offhook(&["doctor", "--config", config, "--data", data, "--json"])
        .env("OFFHOOK_TEST_TOKEN", token)
        .output()
        .expect("running offhook");
    let text = String::from_utf8(output.stdout).expect("text");
    (output.status.code(), serde_json::from_str(&text).expect("stdout holds only the JSON"))
}

fn grade<'a>(report: &'a Value, check: &str) -> &'a str {
    let all = report["findings"].as_array().expect("findings");
    let found = all.iter().find(|each| each["check"] == check);
    found.and_then(|each| each["grade"].as_str()).unwrap_or("not looked at")
}

#[test]
fn a_good_gateway_is_well_and_a_bad_one_is_told_what_to_mend() {
    let listen = free_tcp();
    let webhook = format!("http://{listen}/webhooks/whatsapp");
    let free = "127.0.0.1:0";
    let args = ["platform", "--listen", free, "--media", free, "--webhook", &webhook];
    let platform = Server::start(&[&args[..], &["--no-handshake"]].concat());
    let folder = tempfile::tempdir().expect("a folder");
    let config = gateway_config(folder.path(), &platform.url("platform"), &listen);

    let (code, report) = examine(&config, "demo-token");
    assert_eq!((code, report["worst"].as_str()), (Some(0), Some("ok")), "{report:#}");
    for check in [
        "configuration",
        "storage.folder",
        "flow.prompts",
        "upstream.token",
        "upstream.number",
        "upstream.health",
        "calling.status",
        "calling.sip",
        "calling.hours",
        "calling.callback",
        "webhooks.account",
        "webhooks.fields",
        "clock.skew",
        "media.ports",
        "media.browsers",
        "media.sdp",
    ] {
        assert_eq!(grade(&report, check), "ok", "{check}: {report:#}");
    }

    let (code, report) = examine(&config, "another-token");
    assert_eq!(code, Some(2), "{report:#}");
    assert_eq!(grade(&report, "upstream.token"), "fault", "{report:#}");
    assert!(!report.to_string().contains("another-token"), "{report:#}");

    let text = std::fs::read_to_string(&config).expect("the configuration");
    let broken = text.replace("ring_for_s = 20", "ring_for_s = 900").replace("PASSWORD", "NOTHING");
    std::fs::write(&config, broken).expect("writing it");
    let (code, report) = examine(&config, "demo-token");
    assert_eq!(code, Some(2), "{report:#}");
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(2), "{report:#}");
}
