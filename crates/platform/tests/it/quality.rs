//! What feedback and unanswered calls lead to, on the test clock.

use offhook_platform::{Config, clock::Mode};
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, refused, value},
    business::Business,
    home, phones,
    price::{NEWEST, seeded},
};

/// Thresholds a test can reach: two of ten warn, three pause; a rate from four calls.
const RULES: [(&str, &str); 6] = [
    ("quality.feedback_sample_min", "10"),
    ("quality.feedback_warn_percent", "20"),
    ("quality.feedback_restrict_percent", "30"),
    ("quality.pickup_sample_min", "2"),
    ("quality.pickup_warn_percent", "60"),
    ("quality.pickup_hide_percent", "40"),
];

pub(crate) async fn bench(more: &[(&str, &str)]) -> Bench {
    let rules = RULES.iter().chain(more);
    let rules = rules.map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let bench = Bench::with(Config { rules, ..seeded(&[(home::line("rulebook"), NEWEST)]) }).await;
    bench.clock.set_mode(Mode::Frozen);
    bench.clock.set("2026-11-02T12:00:00Z".parse().unwrap());
    bench
}

/// Users Carla, Carlos, … `5511900000000` and up.
pub(crate) async fn user(bench: &Bench, nth: u64) -> String {
    let wa_id = (5_511_900_000_000 + nth).to_string();
    let (status, body) = bench.sandbox("/users", json!({ "wa_id": wa_id, "name": "Carla" })).await;
    assert_eq!(status, 201, "{body}");
    wa_id
}

pub(crate) async fn feedback(bench: &Bench, user: &str, kind: &str) {
    let wanted = json!({ "to": BUSINESS, "kind": kind });
    let (status, body) = bench.sandbox(&format!("/users/{user}/feedback"), wanted).await;
    assert_eq!(status, 200, "{body}");
}

async fn block_by(bench: &Bench, users: std::ops::Range<u64>) {
    for nth in users {
        let user = user(bench, nth).await;
        feedback(bench, &user, "block").await;
    }
}

/// The bodies of `account_update` so far, the number of them known.
pub(crate) async fn updates(bench: &Bench, count: usize) -> Vec<Value> {
    for _ in 0..400 {
        let all = bench.hook.all();
        let is_update = |it: &Value| it["entry"][0]["changes"][0]["field"] == "account_update";
        let bodies: Vec<Value> = all
            .iter()
            .map(|it| serde_json::from_slice(&it.body).unwrap())
            .filter(is_update)
            .collect();
        if bodies.len() >= count {
            assert_eq!(bodies.len(), count, "{bodies:?}");
            return bodies;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("fewer than {count} account updates");
}

async fn dial(bench: &Bench, to: &str) -> (u16, Value) {
    let business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "to": to, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    bench.graph("calls", dial).await
}

async fn ask(bench: &Bench) -> (u16, Value) {
    let request = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
        "interactive": { "type": "call_permission_request",
                         "action": { "name": "call_permission_request" },
                         "body": { "text": "May we call?" } } });
    bench.graph("messages", request).await
}

#[tokio::test]
async fn blocks_warn_and_then_pause_the_business_for_a_week() {
    let bench = bench(&[]).await;
    bench.open_window().await;
    block_by(&bench, 0..2).await;
    let warned = &updates(&bench, 1).await[0]["entry"][0];
    assert_eq!((&warned["id"], &warned["time"]), (&json!("0"), &json!(1_793_620_800)));
    let want = json!({ "phone_number": BUSINESS, "event": "ACCOUNT_VIOLATION",
        "violation_info": { "violation_type": "LOW_BUSINESS_INITIATED_CALLING_QUALITY" } });
    assert_eq!(warned["changes"][0]["value"], want);

    block_by(&bench, 2..3).await;
    let paused = updates(&bench, 2).await[1]["entry"][0]["changes"][0]["value"].clone();
    let ends = 1_793_620_800 + 7 * 86_400;
    let want = json!({ "phone_number": BUSINESS, "event": "ACCOUNT_RESTRICTION",
        "restriction_info": [{ "restriction_type": "RESTRICTED_BUSINESS_INITIATED_CALLING",
                               "expiration": ends }] });
    assert_eq!(paused, want);
    let (_, settings) = bench.graph_get("/settings").await;
    let want = json!([{ "type": "RESTRICTED_BUSINESS_INITIATED_CALLING", "expiration": ends,
                        "reason": "Users blocked or reported the business after its calls." }]);
    assert_eq!(settings["calling"]["restrictions"]["restrictions_list"], want);
    assert_eq!(refused(&ask(&bench).await), (400, 138_014), "no requests");
    bench.permit("accept_permanent").await;
    assert_eq!(refused(&dial(&bench, ANA).await), (400, 138_014), "no calls");
    bench.clock.set("2026-11-09T11:59:59Z".parse().unwrap());
    assert_eq!(refused(&dial(&bench, ANA).await), (400, 138_014));
    bench.clock.set("2026-11-09T12:00:00Z".parse().unwrap());
    let (status, body) = dial(&bench, ANA).await;
    assert_eq!(status, 200, "the permission given in the pause stays: {body}");
    let (_, settings) = bench.graph_get("/settings").await;
    assert_eq!(settings["calling"].get("restrictions"), None, "the pause is over");
    updates(&bench, 2).await;
}

#[tokio::test]
async fn a_changed_rule_changes_the_verdict() {
    let strict = [
        ("quality.feedback_restrict_percent", "20"),
        ("quality.restriction_length", "1 d"),
        ("quality.restriction_types", "combined"),
    ];
    let bench = bench(&strict).await;
    block_by(&bench, 0..2).await;
    let paused = updates(&bench, 1).await[0]["entry"][0]["changes"][0]["value"].clone();
    let both = "RESTRICTED_BIZ_INITIATED_AND_USER_INITIATED_CALLING";
    assert_eq!(paused["restriction_info"][0]["restriction_type"], both);
    let change = json!({ "calling": { "call_icon_visibility": "DEFAULT" } });
    assert_eq!(refused(&bench.graph("settings", change.clone()).await), (400, 138_014));
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!((call.0, call.1["code"].as_i64()), (409, Some(138_014)));
    bench.clock.advance("P1D").unwrap();
    assert_eq!(bench.graph("settings", change).await.0, 200);
}

#[tokio::test]
async fn who_blocked_is_not_called_and_does_not_write_until_unblocked() {
    let bench = bench(&[]).await;
    bench.permit("accept_permanent").await;
    bench.open_window().await;
    feedback(&bench, ANA, "block").await;
    let text = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text",
                       "text": { "body": "hello?" } });
    assert_eq!(bench.graph("messages", text).await.0, 200);
    bench.hook.wait("sent").await;
    let blocked = dial(&bench, ANA).await;
    assert_eq!(refused(&blocked), (400, 138_001));
    assert!(!blocked.1.to_string().contains("block"), "nobody tells: {}", blocked.1);
    assert!(!bench.hook.events().contains(&"delivered".to_owned()), "it waits for good");
    for (path, body) in
        [("call", json!({ "to": BUSINESS })), ("message", json!({ "to": BUSINESS, "text": "hi" }))]
    {
        let answer = bench.sandbox(&format!("/users/{ANA}/{path}"), body).await;
        assert_eq!((answer.0, answer.1["rule"].as_str()), (409, Some("user.blocks")), "{path}");
    }
    feedback(&bench, ANA, "unblock").await;
    assert_eq!(dial(&bench, ANA).await.0, 200);
    // Her block no longer counts: with her it would be three.
    block_by(&bench, 0..2).await;
    let types: Vec<_> = updates(&bench, 1).await;
    assert_eq!(types[0]["entry"][0]["changes"][0]["value"]["event"], "ACCOUNT_VIOLATION");
}

/// A call by this user that the business does not answer.
async fn missed_call(bench: &Bench, nth: usize) {
    let (status, body) =
        bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!(status, 200, "{body}");
    let (status, body) = bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await;
    assert_eq!(status, 200, "{body}");
    bench.hook.wait_nth("terminate", nth).await;
    gone(bench).await;
}

/// The user's phone is free again.
pub(crate) async fn gone(bench: &Bench) {
    for _ in 0..200 {
        let calls = bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await;
        if calls.0 == 409 && calls.1["rule"] == "call.unknown" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the call does not go");
}

#[tokio::test]
async fn unanswered_calls_hide_the_button_until_the_business_shows_it() {
    let bench = bench(&[]).await;
    missed_call(&bench, 0).await;
    missed_call(&bench, 1).await;
    let warned = updates(&bench, 1).await[0]["entry"][0]["changes"][0]["value"].clone();
    let violation = &warned["violation_info"];
    assert_eq!(violation["violation_type"], "USER_INITIATED_CALLS_LOW_PICKUP_RATE");
    assert!(violation["remediation"].as_str().unwrap().contains("call_hours"));

    bench.clock.advance("P1D").unwrap();
    missed_call(&bench, 2).await;
    let hidden = updates(&bench, 2).await[1]["entry"][0]["changes"][0]["value"].clone();
    let restriction = &hidden["restriction_info"][0];
    let kind = "RESTRICTED_USER_INITIATED_CALLING_CALL_BUTTON_HIDDEN";
    assert_eq!(restriction["restriction_type"], kind);
    assert_eq!(restriction["expiration"], Value::Null);
    assert!(restriction["remediation"].is_string());
    let (_, settings) = bench.graph_get("/settings").await;
    assert_eq!(settings["calling"]["call_icon_visibility"], "DISABLE_ALL");
    let all = bench.hook.all();
    let calling = |it: Value| it["phone_number_settings"]["calling"].clone();
    let is_hidden = |it: &Value| it["call_icon_visibility"] == "DISABLE_ALL";
    let told: Vec<_> = all.iter().map(|it| calling(value(it))).filter(is_hidden).collect();
    assert_eq!(told.len(), 1, "as every change of the settings");
    assert_eq!(told[0]["restrictions"]["restrictions_list"][0]["type"], kind, "as a read has it");

    bench.clock.advance("P30D").unwrap();
    let (_, settings) = bench.graph_get("/settings").await;
    assert_eq!(settings["calling"]["call_icon_visibility"], "DISABLE_ALL", "without end");
    let change = json!({ "calling": { "call_icon_visibility": "DEFAULT" } });
    assert_eq!(bench.graph("settings", change).await.0, 200);
    bench.clock.advance("PT1S").unwrap();
    missed_call(&bench, 3).await;
    missed_call(&bench, 4).await;
    let again = updates(&bench, 3).await[2]["entry"][0]["changes"][0]["value"].clone();
    assert_eq!(again["event"], "ACCOUNT_VIOLATION", "counted anew: a warning first");
}

#[tokio::test]
async fn without_a_payment_method_nobody_calls() {
    let bench = Bench::with(seeded(&[("payment_valid = true", "payment_valid = false")])).await;
    bench.permit("accept_permanent").await;
    assert_eq!(refused(&dial(&bench, ANA).await), (400, 131_044));
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!((call.0, call.1["code"].as_i64()), (409, Some(131_044)));
    // From the user's own phone the business hears of it too, and of no call.
    let mut ana = phones::phone(&bench, ANA).await;
    let call = json!({ "type": "call", "to": BUSINESS, "sdp": Business::offering().sdp });
    let frame = phones::say(&mut ana, &call.to_string()).await;
    assert_eq!((&frame["type"], &frame["what"]), (&json!("refused"), &json!("call")), "{frame}");
    let told = bench.hook.wait_nth("other", 1).await;
    assert_eq!(told["errors"][0]["code"], 131_044, "{told}");
    assert!(told.get("calls").is_none(), "{told}");
    assert!(!bench.hook.events().contains(&"connect".to_owned()), "{:?}", bench.hook.events());
    let last = bench.hook.all().pop().unwrap();
    let body: Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(body["entry"][0]["changes"][0]["field"], "calls");

    let rules = [("eligibility.payment_code".to_owned(), "131042".to_owned())].into();
    let seeded = seeded(&[("payment_valid = true", "payment_valid = false")]);
    let bench = Bench::with(Config { rules, ..seeded }).await;
    assert_eq!(refused(&dial(&bench, ANA).await), (400, 131_042), "by a rule");
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!(call.1["code"], 131_044, "which is not that of users' calls");
}
