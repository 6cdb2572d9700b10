//! `offhook quote`: what it says of a price, for people and for machines.

use serde_json::{Value, json};

use crate::process::offhook;

fn quote(args: &[&str]) -> (Option<i32>, String, String) {
    let output = offhook(&["quote"]).args(args).output().expect("running offhook");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn as_json(args: &[&str]) -> Value {
    let (code, text, faults) = quote(&[args, &["--json"]].concat());
    assert_eq!(code, Some(0), "{faults}");
    serde_json::from_str(&text).expect("stdout holds only the JSON")
}

/// The seed page's own example.
#[test]
fn the_demos_price() {
    let got = as_json(&["--to", "5215550000001", "--for", "70s"]);
    assert_eq!(got["pulses"], 12);
    assert_eq!(got["total"], json!({ "amount": "0.12", "currency": "USD" }));
    assert_eq!((&got["tier"], &got["fits"]), (&json!("0:MAX"), &json!(true)));
    assert_eq!(got["currency"], "USD");
}

/// Kenya is in Rest of Africa; a call that leaves the first tier has the second's rate.
#[test]
fn a_call_that_leaves_its_tier() {
    let meta = ["--to", "254700000001", "--for", "10m", "--card", "meta", "--on", "2026-10-01"];
    let got = as_json(&[&meta[..], &["--used-minutes", "49990"]].concat());
    assert_eq!((&got["tier"], &got["fits"]), (&json!("0:50000"), &json!(true)));
    assert_eq!(
        (&got["card"], &got["effective"]),
        (&json!("meta-2026-10-01-part"), &json!("2026-10-01"))
    );
    let got = as_json(&[&meta[..], &["--used-minutes", "49991"]].concat());
    assert_eq!((&got["tier"], &got["fits"]), (&json!("50001:250000"), &json!(false)));
    assert_eq!(
        (&got["tier_before"], &got["total"]["amount"]),
        (&json!("0:50000"), &json!("0.084"))
    );
    let (_, words, _) = quote(&[&meta[..], &["--used-minutes", "49991"]].concat());
    assert!(words.contains("does not fit tier 0:50000"), "{words}");
    assert!(words.contains("in force from 2026-10-01"), "{words}");
}

#[test]
fn a_card_from_a_file_and_one_that_is_broken() {
    let folder = tempfile::tempdir().expect("a folder");
    let card = folder.path().join("ours-2026-01-01.csv");
    std::fs::write(&card, "Market,Currency,0+\nMexico,EUR,0.2\n").expect("writing");
    let path = card.to_str().expect("text");
    let ours = [
        "--to",
        "5215550000001",
        "--for",
        "6s",
        "--card",
        "ours",
        "--currency",
        "EUR",
        "--rate-card",
        path,
        "--on",
    ];
    let got = as_json(&[&ours[..], &["2026-01-01"]].concat());
    assert_eq!(got["total"], json!({ "amount": "0.02", "currency": "EUR" }));
    let (code, _, why) = quote(&[&ours[..], &["2025-12-31"]].concat());
    assert_eq!(code, Some(3));
    assert!(why.contains("no rate card of \"ours\" in EUR is in force on 2025-12-31"), "{why}");
    std::fs::write(&card, "Market,Currency,0+\nMexico,EUR,much\n").expect("writing");
    let (code, _, why) = quote(&[&ours[..], &["2026-01-01"]].concat());
    assert_eq!(code, Some(3));
    assert!(why.contains("rate card ours-2026-01-01, line 2: \"much\" is not a rate"), "{why}");
}
