//! A rule an operator replaces changes what a client hears; a wrong one stops the start.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{
    http::ask,
    process::{Server, offhook},
};

const DEMO: &str = include_str!("../../../platform/seeds/demo.toml");
const NUMBER: &str = "109876543210987";

/// A world of its own: the demo's number has a tier too low for calling, which is off.
fn seed(folder: &Path, account_rules: &str) -> PathBuf {
    let (tier, calling) = (
        "tier = 2000",
        "[number.calling]\nstatus = \"ENABLED\"\ncallback_permission_status = \"ENABLED\"\n",
    );
    assert!(DEMO.contains(tier) && DEMO.contains(calling), "the demo's seed changed");
    let text = DEMO
        .replace(tier, "tier = 250")
        .replace(calling, "")
        .replace("[[number]]", &format!("{account_rules}\n[[number]]"));
    let path = folder.join(if account_rules.is_empty() { "seed.toml" } else { "own.toml" });
    std::fs::write(&path, text).expect("writing the seed");
    path
}

fn platform(more: &[&str]) -> Server {
    let mut args = vec!["platform", "--listen", "127.0.0.1:0", "--media", "127.0.0.1:0"];
    args.extend(more);
    Server::start(&args)
}

/// Switches calling on: the HTTP status and the error's code.
fn enable(server: &Server) -> (u16, Option<i64>) {
    let url = format!("{}/v23.0/{NUMBER}/settings", server.url("platform"));
    let on = json!({ "calling": { "status": "ENABLED" } });
    let (status, body): (u16, Value) = ask("POST", &url, Some("demo-token"), Some(&on));
    (status, body["error"]["code"].as_i64())
}

#[test]
fn a_replaced_rule_changes_the_verdict() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed_path = seed(folder.path(), "");
    let seed_text = seed_path.to_str().expect("UTF-8");
    assert_eq!(enable(&platform(&["--seed", seed_text])), (400, Some(138_015)), "by the rulebook");

    let config = folder.path().join("platform.toml");
    let text = format!(
        "seed = {seed_text:?}\ncalls_max = 3\nwebhook_timeout_s = 2\n\n\
         [rules]\neligibility.tier_min = 250\n\"eligibility.use_cases\" = [\"service\"]\n"
    );
    std::fs::write(&config, text).expect("writing the configuration");
    let config = config.to_str().expect("UTF-8");
    assert_eq!(enable(&platform(&["--config", config])), (200, None), "by the file");
    let stricter = ["--config", config, "--rule", "eligibility.tier_min=251"];
    assert_eq!(enable(&platform(&stricter)), (400, Some(138_015)), "a flag wins over the file");

    let own = seed(folder.path(), "[account.rules]\neligibility.tier_min = 250\n");
    let own = own.to_str().expect("UTF-8");
    let both = ["--seed", own, "--rule", "eligibility.tier_min=9000"];
    assert_eq!(enable(&platform(&both)), (200, None), "the account's own rule goes first");
}

#[test]
fn a_wrong_rule_is_named_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = seed(folder.path(), "[account.rules]\ncall.ring_timeout = \"long\"\n");
    let own = own.to_str().expect("UTF-8");
    for (args, named) in [
        (["--rule", "call.nothing=1"], "call.nothing: no such rule"),
        (["--rule", "call.answer_window=soon"], "call.answer_window: expected a time"),
        (["--rule", "call.answer_window"], "expected PATH=VALUE"),
        (["--seed", own], "call.ring_timeout: expected a time"),
    ] {
        let listen = ["platform", "--listen", "127.0.0.1:0", "--media", "127.0.0.1:0"];
        let output = offhook(&[&listen[..], &args].concat()).output().expect("a refusal");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {said}");
        assert!(said.contains(named), "{args:?}: {said}");
    }
}
