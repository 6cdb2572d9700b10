//! `offhook doctor`: a gateway's configuration against the real platform.

use std::net::UdpSocket;

use serde_json::{Value, json};

use crate::{
    http::ask_with,
    process::{Server, free_tcp, gateway_config, offhook},
};

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
    let platform = Server::platform(&listen);
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

/// A PBX that answers every OPTIONS, until the test is over.
fn pbx() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free UDP port");
    let address = socket.local_addr().expect("a bound socket").to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 4_096];
        while let Ok((read, from)) = socket.recv_from(&mut buffer) {
            let question = String::from_utf8_lossy(&buffer[..read]).into_owned();
            let copied = |line: &&str| {
                ["Via:", "From:", "To:", "Call-ID:", "CSeq:"]
                    .iter()
                    .any(|name| line.starts_with(name))
            };
            let headers: Vec<&str> = question.lines().filter(copied).collect();
            let headers =
                headers.join("\r\n").replace("rport;", &format!("rport={};", from.port()));
            let answer = format!("SIP/2.0 200 OK\r\n{headers}\r\nContent-Length: 0\r\n\r\n");
            if socket.send_to(answer.as_bytes(), from).is_err() {
                return;
            }
        }
    });
    address
}

#[test]
fn at_360dialog_key_settings_and_callback_are_examined_and_each_telephone_is_asked() {
    let free = "127.0.0.1:0";
    let platform = Server::start(&["platform", "--listen", free, "--media", free]);
    let api = platform.url("platform");
    let listen = free_tcp();
    let folder = tempfile::tempdir().expect("a folder");
    let config = gateway_config(folder.path(), &api, &listen);
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let text = text.replace("edition = \"meta\"", "edition = \"360dialog\"");
    let (well, away) = (pbx(), free_tcp());
    let trunk = format!(
        "[sip]\nlisten = \"127.0.0.1:0\"\n[[trunks]]\nname = \"pbx\"\nterminates = \"voip\"\n\
         extensions = [\"2XX\"]\noptions_every_s = 0\n[[trunks.targets]]\nhost = \"{well}\"\n\
         [[trunks.targets]]\nhost = \"{away}\"\ntransport = \"tcp\"\n"
    );
    std::fs::write(&config, format!("{text}\n{trunk}")).expect("writing it");

    let (code, report) = examine(&config, "demo-d360-key");
    assert_eq!(code, Some(2), "no webhook is sent: {report:#}");
    assert_eq!(grade(&report, "webhooks.callback"), "fault", "{report:#}");
    let targets = report["findings"].as_array().expect("findings").iter();
    let targets = targets.filter(|each| each["check"] == "trunk.target");
    let grades: Vec<&Value> = targets.map(|each| &each["grade"]).collect();
    assert_eq!(grades, [&json!("ok"), &json!("warning")], "{report:#}");

    set_webhook(&api, &format!("http://{listen}/webhooks/whatsapp"));
    let (code, report) = examine(&config, "demo-d360-key");
    assert_eq!(code, Some(1), "a telephone is away: {report:#}");
    let checks = ["upstream.token", "webhooks.callback", "calling.status", "calling.sip"];
    for check in checks.into_iter().chain(["calling.hours", "calling.callback", "clock.skew"]) {
        assert_eq!(grade(&report, check), "ok", "{check}: {report:#}");
    }

    let (code, report) = examine(&config, "another-key");
    assert_eq!((code, grade(&report, "upstream.token")), (Some(2), "fault"), "{report:#}");
    assert!(!report.to_string().contains("another-key"), "{report:#}");
}

/// As the business does it at 360dialog.
fn set_webhook(api: &str, url: &str) {
    let (path, key) = (format!("{api}/v1/configs/webhook"), "D360-API-KEY: demo-d360-key\r\n");
    let (status, answer) = ask_with("POST", &path, key, Some(&json!({ "url": url })));
    assert_eq!(status, 200, "{answer}");
}
