//! A configuration by questions starts a gateway, whoever's front door it is.

use std::{
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Output, Stdio},
};

use serde_json::{Value, json};

use crate::{
    http::{ask, cookie},
    process::{Server, free_udp, offhook},
};

/// Runs `offhook init` with these answers, a line each.
fn init(args: &[&str], answers: &str) -> Output {
    let mut child = offhook(&[&["init", "--json"], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starting offhook");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    // One that refuses before it asks has closed the pipe.
    let _refused_before = stdin.write_all(answers.as_bytes()).is_err();
    drop(stdin);
    child.wait_with_output().expect("offhook init")
}

fn json_of(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).expect("only JSON on standard output")
}

/// Starts a gateway with this configuration and logs in.
fn starts(config: &Path, written: &Value, password: &str) {
    let config = config.to_str().expect("UTF-8");
    let gateway = Server::start(&["gateway", "--config", config, "--media", &free_udp()]);
    let business = gateway.url("gateway");
    let (status, ready) = ask("GET", &format!("{business}/ready"), None, None);
    assert_eq!(status, 200, "{ready}");
    let user = written["agent"].as_str().expect("an agent");
    let session =
        cookie(&format!("{business}/v1/session"), &json!({ "user": user, "password": password }));
    assert!(session.starts_with("offhook_session="), "{session}");
}

fn is_private(path: &Value) {
    let path = path.as_str().expect("a path");
    let mode = std::fs::metadata(path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{path}");
}

#[test]
fn answers_for_meta_start_a_gateway() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("gateway.toml");
    let path = config.to_str().expect("UTF-8");
    let answers = "\n109876543210987\n+55 11 4000-0000\nLoja \"Aurora\"\na-token\nan-app-secret\n\
                   http://127.0.0.1:9\n127.0.0.1:0\n127.0.0.1\n\n8510\n\nnot an id!\nlia\ndemo-password\n";
    let written = json_of(&init(&["--config", path], answers));
    assert_eq!(written["agent"], "lia");
    assert_eq!(written["password"], Value::Null, "what was typed is not shown");
    let files = written["files"].as_array().expect("files");
    assert_eq!(files.len(), 5, "{files:?}");
    files[1..].iter().for_each(is_private);
    let text = std::fs::read_to_string(&config).expect("the configuration");
    for secret in ["a-token", "an-app-secret", "demo-password"] {
        assert!(!text.contains(secret), "{secret} stands in the configuration");
    }
    assert!(text.contains("digits = \"551140000000\""), "{text}");
    starts(&config, &written, "demo-password");

    let again = init(&["--config", path], answers);
    assert_eq!(again.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--force"));
    assert_eq!(std::fs::read_to_string(&config).expect("the configuration"), text);
    json_of(&init(&["--config", path, "--force"], answers));
}

#[test]
fn answers_for_360dialog_start_a_gateway_with_a_password_made_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("desk.toml");
    let path = config.to_str().expect("UTF-8");
    let answers = "360dialog\n109876543210987\n551140000000\n\na-key\n\n\n127.0.0.1:0\n127.0.0.1\n";
    let written = json_of(&init(&["--config", path], answers));
    let files = written["files"].as_array().expect("files");
    assert_eq!(files.len(), 4, "no app secret: {files:?}");
    let password = written["password"].as_str().expect("a password");
    starts(&config, &written, password);
}

#[test]
fn flags_answer_everything_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("gateway.toml");
    let path = config.to_str().expect("UTF-8");
    let flags = [
        "--config",
        path,
        "--yes",
        "--phone-number-id",
        "109876543210987",
        "--number",
        "551140000000",
    ];
    let missing = init(&flags, "");
    assert_eq!(missing.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("--token-env"));
    assert!(!config.exists(), "nothing is written by half");
    let more = [
        "--token-env",
        "OFFHOOK_TEST_TOKEN",
        "--app-secret-env",
        "OFFHOOK_TEST_APP_SECRET",
        "--password-env",
        "OFFHOOK_TEST_PASSWORD",
        "--listen",
        "127.0.0.1:0",
        "--bind-ip",
        "127.0.0.1",
    ];
    let written = json_of(&init(&[&flags[..], &more].concat(), ""));
    starts(&config, &written, "demo");
}

/// One question about a number of ours, as a program asks it.
fn number_of(gateway: &Server, key: &str) -> Vec<String> {
    let (status, answer) =
        ask("GET", &format!("{}/v1/numbers", gateway.url("gateway")), Some(key), None);
    assert_eq!(status, 200, "{answer}");
    let numbers = answer["numbers"].as_array().expect("numbers");
    numbers.iter().filter_map(|each| each["phone_number_id"].as_str()).map(str::to_owned).collect()
}

#[test]
fn several_numbers_of_several_organisations_are_read_back_by_the_gateway() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("gateway.toml");
    let path = config.to_str().expect("UTF-8");
    // The first number; one with its keys; one of another organisation, platform and account.
    let answers = "\n109876543210987\n551140000000\nAurora\na-token\nan-app-secret\n\n\
                   127.0.0.1:0\n127.0.0.1\n\n8510\n\nlia\ndemo-password\n\
                   109876543210988\n551140000001\nAurora 2\n201234567890123\n\nyes\n\
                   209876543210987\n+52 1 555 000 9999\nBrisa\n\nbrisa\nmaybe\nno\n360dialog\n\
                   brisa-key\n\n\naurora\nbia\nbrisa-password\n\n";
    let written = json_of(&init(&["--config", path], answers));
    let files = written["files"].as_array().expect("files");
    assert_eq!(files.len(), 8, "{files:?}");
    files[1..].iter().for_each(is_private);
    assert_eq!(written["agents"][1]["agent"], "bia");
    let gateway = Server::start(&["gateway", "--config", path, "--media", &free_udp()]);
    let key = |ending: &str| {
        let key = std::fs::read_to_string(config.with_extension(ending)).expect("a key");
        key.trim().to_owned()
    };
    assert_eq!(number_of(&gateway, &key("api-key")), ["109876543210987", "109876543210988"]);
    assert_eq!(number_of(&gateway, &key("brisa.api-key")), ["209876543210987"]);
    let session = |user: &str, password: &str| {
        let url = format!("{}/v1/session", gateway.url("gateway"));
        cookie(&url, &json!({ "user": user, "password": password }))
    };
    assert!(session("bia", "brisa-password").starts_with("offhook_session="));
}

#[test]
fn further_numbers_come_from_flags_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("gateway.toml");
    let path = config.to_str().expect("UTF-8");
    let first = ["--config", path, "--yes", "--phone-number-id", "109876543210987"];
    let keys = ["--token-env", "OFFHOOK_TEST_TOKEN", "--app-secret-env", "OFFHOOK_TEST_APP_SECRET"];
    let flags = [&first[..], &["--number", "551140000000"], &keys].concat();
    let odd = init(&[&flags[..], &["--also", "id=1,digits=551140000001,tokn=x"]].concat(), "");
    assert!(String::from_utf8_lossy(&odd.stderr).contains("tokn is none of"), "{odd:?}");
    let also = "id=209876543210987,digits=5215550009999,organisation=brisa,edition=360dialog,\
                token-env=OFFHOOK_TEST_TOKEN";
    let written = json_of(&init(&[&flags[..], &["--also", also]].concat(), ""));
    assert_eq!(written["agents"][1]["agent"], "agent-brisa");
    assert!(written["agents"][1]["password"].is_string(), "{written}");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    assert!(text.contains("token_file = \"gateway.209876543210987.token\""), "{text}");
}
