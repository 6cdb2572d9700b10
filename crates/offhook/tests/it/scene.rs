//! A platform and a gateway whose every call a bot gets, as processes.

use std::{process::Stdio, time::Duration};

use serde_json::Value;

use crate::{
    http::get,
    process::{Server, gateway_config, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";
const KEY: Option<&str> = Some("demo-api-key");

const FLOW: &str = r#"
start = "talk"
[step.talk]
bot = "concierge"
context = { order = "4711" }
next = "end"
otherwise = "end"
[step.end]
hang_up = true
"#;

/// Both servers; the gateway gives every call to the bot.
pub(crate) struct Scene {
    folder: tempfile::TempDir,
    pub(crate) platform: Server,
    gateway: Server,
}

impl Scene {
    pub(crate) fn new(listen: &str, bot: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let platform = Server::platform(listen);
        let config = gateway_config(folder.path(), &platform.url("platform"), listen);
        let text = std::fs::read_to_string(&config).expect("the configuration");
        let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../../demo/flow.toml");
        let flow = folder.path().join("flow.toml");
        std::fs::write(&flow, FLOW).expect("the flow");
        let text = text.replace(demo, flow.to_str().expect("UTF-8"));
        let text = format!("{text}\n[[bots]]\nname = \"concierge\"\n{bot}\n");
        std::fs::write(&config, text).expect("the configuration");
        let gateway = Server::start(&["gateway", "--config", &config]);
        Self { folder, platform, gateway }
    }

    /// Ana calls in this way: the record of the call, and what she heard.
    pub(crate) fn call(&self, how: &[&str]) -> (Value, Vec<i16>) {
        let platform = self.platform.url("platform");
        let file = self.folder.path().join("heard.wav");
        let args = ["call", "--as", ANA, "--to", BUSINESS, "--platform", &platform];
        let status = offhook(&args)
            .args(how)
            .arg("--record")
            .arg(&file)
            .stdout(Stdio::null())
            .status()
            .expect("a caller");
        assert!(status.success(), "the call is as she expects it");
        let calls = format!("{}/v1/calls", self.gateway.url("gateway"));
        let ended = wait_for("record", Duration::from_secs(20), || {
            let calls = get(&calls, KEY);
            calls["calls"].as_array()?.first().cloned()
        });
        (ended, left(&std::fs::read(&file).expect("what was heard")))
    }
}

/// The left one of two channels of a WAV file that we wrote.
fn left(wav: &[u8]) -> Vec<i16> {
    let (moments, _) = wav[44..].as_chunks::<4>();
    moments.iter().map(|m| i16::from_le_bytes([m[0], m[1]])).collect()
}
