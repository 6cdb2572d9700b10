//! The commands that drive a platform, and what survives its death.

use std::{process::Output, time::Duration};

use serde_json::{Value, json};

use crate::{
    http::{ask, get},
    process::{Server, offhook, wait_for},
};

const ANA: &str = "5215550000001";
const BUSINESS: &str = "551140000000";

fn platform(more: &[&str]) -> Server {
    let mut args = vec!["platform", "--listen", "127.0.0.1:0", "--media", "127.0.0.1:0"];
    args.extend(more);
    Server::start(&args)
}

fn run(args: &[&str], api: &str) -> Output {
    offhook(args).args(["--platform", api]).output().expect("a command")
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("only JSON on standard output")
}

#[test]
fn the_clock_and_the_triggers_work_from_the_command_line() {
    let server = platform(&["--random-seed", "7"]);
    let api = server.url("platform");
    let clock = |args: &[&str]| {
        let args = [&["clock", "--json"], args].concat();
        let output = run(&args, &api);
        assert!(output.status.success(), "{args:?}");
        json_of(&output)
    };
    assert_eq!(clock(&["freeze"])["mode"], "frozen");
    assert_eq!(clock(&["set", "2026-12-24T18:00:00Z"])["now"], "2026-12-24T18:00:00Z");
    assert_eq!(clock(&["advance", "P7D"])["now"], "2026-12-31T18:00:00Z");
    assert_eq!(clock(&["get"])["now"], "2026-12-31T18:00:00Z");
    assert_eq!(clock(&["resume"])["mode"], "running");
    assert_eq!(run(&["clock", "advance", "soon"], &api).status.code(), Some(2));

    let granted = run(&["trigger", "permission.granted", "--from", ANA, "--json"], &api);
    assert!(granted.status.success());
    assert_eq!(json_of(&granted)["synthetic"], false);
    let state = get(&format!("{api}/sandbox/v1/state"), None);
    let ana =
        state["users"].as_array().and_then(|users| users.iter().find(|it| it["wa_id"] == ANA));
    assert_eq!(ana.expect("Ana")["consents"][BUSINESS]["permission"], "temporary");
    let revoked = run(&["trigger", "permission.revoked", "--from", ANA], &api);
    assert!(String::from_utf8_lossy(&revoked.stdout).contains("happened"));
    assert_eq!(run(&["trigger", "permission.expired", "--from", ANA], &api).status.code(), Some(2));
    assert_eq!(run(&["trigger", "call.lost"], &api).status.code(), Some(3));
    assert_eq!(run(&["trigger"], &api).status.code(), Some(3));
}

#[test]
fn commands_explain_themselves_by_an_example() {
    for command in ["clock", "trigger", "rulebook"] {
        let help = offhook(&[command, "--help"]).output().expect("help");
        assert!(help.status.success());
        let text = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(text.contains(&format!("Example: offhook {command} ")), "{text}");
    }
    let listed = offhook(&["trigger", "--list", "--json"]).output().expect("a list");
    let events = json_of(&listed);
    assert!(events.as_array().is_some_and(|all| all.len() >= 14), "{events}");
    assert!(events.as_array().into_iter().flatten().all(|it| it["does"].is_string()));
}

#[test]
fn rulebooks_are_compared_for_people_and_for_machines() {
    let diff = |more: &[&str]| {
        let args = [&["rulebook", "diff", "2025-beta", "2026-10"], more].concat();
        offhook(&args).output().expect("a comparison")
    };
    let rows = json_of(&diff(&["--json"]));
    let window = rows
        .as_array()
        .and_then(|rows| rows.iter().find(|row| row["rule"] == "eligibility.call_needs_window"))
        .expect("the rule that differs most");
    assert_eq!(
        (&window["before"]["value"], &window["after"]["value"]),
        (&json!("true"), &json!("false"))
    );
    assert!(window["before"]["source"].is_string());
    let text = String::from_utf8_lossy(&diff(&[]).stdout).into_owned();
    assert!(text.lines().any(|line| line.starts_with("eligibility.call_needs_window")), "{text}");
    let unknown = offhook(&["rulebook", "diff", "2025-beta", "1999"]).output().expect("a refusal");
    assert_eq!(unknown.status.code(), Some(3));
    assert!(
        unknown.stdout.is_empty() && String::from_utf8_lossy(&unknown.stderr).contains("2026-10")
    );
}

/// Answers every webhook with a 503, or with a 200 once it may.
struct Hook {
    url: String,
    takes: std::sync::Arc<std::sync::atomic::AtomicBool>,
    got: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Hook {
    fn start() -> Self {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("bound"));
        let hook = Self { url, takes: std::sync::Arc::default(), got: std::sync::Arc::default() };
        let (takes, got) = (std::sync::Arc::clone(&hook.takes), std::sync::Arc::clone(&hook.got));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let _slow = stream.set_read_timeout(Some(Duration::from_millis(200)));
                let (mut text, mut part) = (Vec::new(), [0; 4096]);
                while let Ok(read @ 1..) = stream.read(&mut part) {
                    text.extend_from_slice(&part[..read]);
                    if text.ends_with(b"}]}]}") {
                        break;
                    }
                }
                let is_taken = takes.load(std::sync::atomic::Ordering::SeqCst);
                let status = if is_taken { "200 OK" } else { "503 Later" };
                got.lock().expect("one thread").push(String::from_utf8_lossy(&text).into_owned());
                let answer =
                    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _gone = stream.write_all(answer.as_bytes());
            }
        });
        hook
    }

    fn tries(&self) -> usize {
        self.got.lock().expect("one thread").len()
    }
}

#[test]
fn a_platform_killed_between_attempts_delivers_after_its_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8");
    let hook = Hook::start();
    let start = || platform(&["--data", data, "--webhook", &hook.url, "--no-handshake"]);
    let first = start();
    let api = first.url("platform");
    let subscribed = || {
        let listed = get(&format!("{api}/sandbox/v1/webhooks"), None);
        listed
            .as_array()
            .is_some_and(|rows| rows.iter().any(|it| it["url"].is_string()))
            .then_some(())
    };
    let write = json!({ "to": BUSINESS, "text": "kept" });
    wait_for("webhook with an address", Duration::from_secs(10), || {
        let url = format!("{api}/sandbox/v1/users/{ANA}/message");
        assert_eq!(ask("POST", &url, None, Some(&write)).0, 200);
        subscribed()
    });
    wait_for("first attempt", Duration::from_secs(10), || (hook.tries() > 0).then_some(()));
    assert_eq!(run(&["clock", "advance", "P1D"], &api).status.code(), Some(0));
    let moved = get(&format!("{api}/sandbox/v1/clock"), None)["now"].clone();
    first.kill();

    hook.takes.store(true, std::sync::atomic::Ordering::SeqCst);
    let second = start();
    let api = second.url("platform");
    let later = get(&format!("{api}/sandbox/v1/clock"), None)["now"].clone();
    assert!(later.as_str() >= moved.as_str(), "{later} is before {moved}: the clock was not kept");
    assert_eq!(run(&["clock", "advance", "PT3H"], &api).status.code(), Some(0));
    wait_for("delivery", Duration::from_secs(10), || {
        let rows = get(&format!("{api}/sandbox/v1/webhooks?state=delivered"), None);
        rows.as_array().is_some_and(|rows| !rows.is_empty()).then_some(())
    });
    let got = hook.got.lock().expect("one thread");
    assert!(got.last().is_some_and(|it| it.contains("kept") && it.contains("sha256=")));
}
