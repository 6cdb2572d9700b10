//! Many calls at once, and media that is lost on purpose.

use serde_json::{Value, json};

use crate::{hears::demo, http::ask, process::offhook};

/// What a busy test machine may take from it; the targets proper are for a quiet one.
const LENIENT: [&str; 4] = ["--loss", "2", "--mos", "3"];

/// Runs `offhook load` to its end: its exit code and its report.
fn load(args: &[&str]) -> (Option<i32>, Value) {
    let output = offhook(&["load", "--json"]).args(args).output().expect("a load");
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        panic!("only JSON on standard output: {}", String::from_utf8_lossy(&output.stderr))
    });
    (output.status.code(), report)
}

#[test]
fn a_small_mixed_load_of_its_own_servers_is_good() {
    let mut args = vec!["--calls", "20", "--ramp", "10", "--for", "5s", "--churn", "1"];
    args.extend(["--mix", "person=2,flow=3", "--direction", "both", "--decode-every", "5"]);
    args.extend(LENIENT);
    let (code, report) = load(&args);
    assert_eq!((code, &report["verdict"]), (Some(0), &json!("good")), "{report}");
    assert_eq!(report["calls"]["bad"], 0, "{report}");
    // Those of the ramp and at least some that replaced them.
    let set_up = report["calls"]["set_up"].as_u64().expect("a count");
    assert!(set_up > 20 && report["calls"]["over"] == set_up, "{report}");
    for kind in ["flow", "person by user", "person by business"] {
        assert!(report["calls"]["by_kind"][kind].as_u64() >= Some(4), "{kind}: {report}");
    }
    assert!(report["calls"]["tones"]["checked"].as_u64() >= Some(4), "{report}");
    for stage in ["ring", "reach", "answer", "user_ice", "user_dtls", "user_first_media"] {
        assert!(report["set_up"]["stages_ms"][stage]["p99"].is_number(), "{stage}: {report}");
    }
    let level = &report["levels"][0];
    assert!(level["media"]["packets"].as_u64() >= Some(20 * 5 * 50 / 2), "{report}");
    assert!(level["media"]["one_way_delay_ms"]["p99"].is_number(), "{report}");
    for process in ["platform", "gateway", "load"] {
        assert!(level["processes"][process]["memory_mb"].as_f64() > Some(1.0), "{report}");
    }
}

#[test]
fn bots_at_the_other_end_of_a_websocket_hear_and_are_heard() {
    let mut args = vec!["--calls", "8", "--ramp", "8", "--for", "4s", "--churn", "1"];
    args.extend(["--mix", "bot=3,flow=1", "--decode-every", "1"]);
    args.extend(LENIENT);
    for front in [&[][..], &["--relay"]] {
        let (code, report) = load(&[&args[..], front].concat());
        assert_eq!((code, &report["verdict"]), (Some(0), &json!("good")), "{report}");
        let calls = &report["calls"];
        assert!(calls["by_kind"]["bot"].as_u64() >= Some(6), "{report}");
        assert!(calls["by_kind"]["flow"].as_u64() >= Some(2), "{report}");
        // A bot's call has two, what the user and what the bot heard.
        let over = calls["over"].as_u64().expect("a count");
        assert!(calls["tones"]["checked"].as_u64() > Some(over), "{report}");
        assert_eq!(calls["tones"]["wrong"], 0, "{report}");
        let level = &report["levels"][0];
        assert!(level["media"]["packets"].as_u64() >= Some(8 * 4 * 50 / 2), "{report}");
    }
}

#[test]
fn a_gateway_alone_is_good_too() {
    let mut args = vec!["--relay", "--calls", "6", "--for", "3s", "--churn", "1"];
    args.extend(["--mix", "person=1,flow=2", "--decode-every", "3"]);
    args.extend(LENIENT);
    let (code, report) = load(&args);
    assert_eq!((code, &report["verdict"]), (Some(0), &json!("good")), "{report}");
    assert!(report["calls"]["set_up"].as_u64() > Some(6), "{report}");
    let level = &report["levels"][0];
    assert!(level["media"]["packets"].as_u64() >= Some(6 * 3 * 50 / 2), "{report}");
    assert!(level["processes"]["gateway"].is_object(), "{report}");
    assert!(level["processes"].get("platform").is_none(), "{report}");
}

#[test]
fn lost_media_fails_the_run() {
    let server = demo();
    let (platform, gateway) = (server.url("platform"), server.url("gateway"));
    let talk = || {
        let mut args = vec!["--platform", &platform, "--gateway", &gateway, "--agents", "lia,rui"];
        args.extend(["--calls", "2", "--mix", "person=1", "--for", "3s"]);
        args.extend(LENIENT);
        load(&args)
    };
    let (code, report) = talk();
    assert_eq!(code, Some(0), "without faults: {report}");
    for (fault, finding) in
        [(json!({ "loss": 0.3 }), "lossy"), (json!({ "silence": true }), "deaf")]
    {
        let faults = json!({ "media": fault });
        let url = format!("{platform}/sandbox/v1/faults");
        let (status, answer) = ask("PUT", &url, None, Some(&faults));
        assert_eq!(status, 200, "{answer}");
        let (code, report) = talk();
        assert_eq!((code, &report["verdict"]), (Some(1), &json!("bad")), "{fault}: {report}");
        assert_eq!(report["calls"]["findings"][finding], 2, "{fault}: {report}");
    }
}

#[test]
fn what_cannot_run_is_no_verdict() {
    let nowhere = ["--platform", "http://127.0.0.1:9", "--gateway", "http://127.0.0.1:9"];
    let (code, report) = load(&[&nowhere[..], &["--mix", "flow=1", "--calls", "1"]].concat());
    assert_eq!((code, &report["verdict"]), (Some(3), &json!("could_not_run")), "{report}");
    let (code, report) = load(&["--direction", "business", "--mix", "flow=1"]);
    assert_eq!((code, &report["verdict"]), (Some(3), &json!("could_not_run")), "{report}");
}
