//! In which order does a connect meet what forbids it?
//!
//! Everything is wrong at first; each step mends what was refused last (fact sheet 4.7).

use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, PNID, refused, send},
    business::Business,
    home,
    price::seeded,
};

const ACCOUNT: &str = "201234567890123";
const BRUNO: &str = "5511988887777";

/// The demo by the newest rules, restricted, its country blocked, its limits spent before the start.
async fn bench() -> Bench {
    let restricted = format!(
        "digits = \"{BUSINESS}\"\n\
         restrictions = [{{ kind = \"RESTRICTED_BUSINESS_INITIATED_CALLING\", reason = \"test\", \
         until = \"2026-11-03T12:00:00Z\" }}]\n"
    );
    let rules = "rules = { eligibility.call_needs_window = true, limits.connected_per_day = 0, \
                 limits.placed_per_day = 0 }\nrulebook = \"2026-10\"";
    let bench = Bench::with(seeded(&[
        ("digits = \"551140000000\"\n", &restricted),
        (home::line("rulebook"), rules),
        ("payment_valid = true", "payment_valid = false"),
    ]))
    .await;
    bench.move_to("US").await;
    bench.clock.set("2026-11-02T12:00:00Z".parse().unwrap());
    bench
}

/// `can_perform_action` of `start_call`.
async fn can_call(bench: &Bench) -> bool {
    let (status, read) = bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    assert_eq!((status, &read["actions"][1]["action_name"]), (200, &json!("start_call")));
    read["actions"][1]["can_perform_action"].as_bool().unwrap()
}

async fn put(bench: &Bench, path: &str, body: Value) {
    let (status, answer) = send(bench.put(&format!("/sandbox/v1{path}")).json(&body)).await;
    assert_eq!(status, 200, "{path}: {answer}");
}

async fn set(bench: &Bench, calling: Value) {
    let (status, answer) = bench.graph("settings", json!({ "calling": calling })).await;
    assert_eq!(status, 200, "{answer}");
}

async fn call_of(bench: &Bench, user: &str) {
    let (status, answer) =
        bench.sandbox(&format!("/users/{user}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn a_connect_meets_its_refusals_in_order_and_a_read_knows_each() {
    let bench = bench().await;
    put(&bench, &format!("/users/{ANA}"), json!({ "client": { "os": "web" } })).await;
    let sip =
        |status: &str| json!({ "status": status, "servers": [{ "hostname": "sip.shop.example" }] });
    set(&bench, json!({ "status": "DISABLED", "sip": sip("ENABLED") })).await;
    let body = |sdp: &str| {
        json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
                "session": { "sdp_type": "offer", "sdp": sdp } })
    };
    let unreadable = json!({ "action": "connect" });
    let code = async |body: &Value| refused(&bench.graph("calls", body.clone()).await).1;

    assert_eq!(code(&unreadable).await, 131_055);
    set(&bench, json!({ "sip": sip("DISABLED") })).await;
    assert_eq!(code(&unreadable).await, 138_000);
    set(&bench, json!({ "status": "ENABLED" })).await;
    assert_eq!(code(&unreadable).await, 138_013);
    assert!(!can_call(&bench).await);
    put(&bench, &format!("/numbers/{PNID}"), json!({ "country": null })).await;
    assert_eq!(code(&unreadable).await, 138_014);
    assert!(!can_call(&bench).await);
    bench.clock.set("2026-11-03T12:00:00Z".parse().unwrap());
    assert_eq!(code(&unreadable).await, 100, "the body");
    assert_eq!(code(&body("v=0\r\n")).await, 100, "its SDP");
    let connect = body(&Business::offering().sdp);
    assert_eq!(code(&connect).await, 131_044);
    assert!(!can_call(&bench).await);
    put(&bench, &format!("/accounts/{ACCOUNT}"), json!({ "payment_valid": true })).await;
    assert_eq!(code(&connect).await, 138_001);
    assert!(!can_call(&bench).await);
    put(&bench, &format!("/users/{ANA}"), json!({ "client": { "os": "android" } })).await;
    assert_eq!(code(&connect).await, 138_006);
    bench.permit("accept_permanent").await;
    assert_eq!(code(&connect).await, 131_047);
    assert!(!can_call(&bench).await);
    call_of(&bench, ANA).await;
    // The call opens the window a moment after it is placed.
    while code(&connect).await == 131_047 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(code(&connect).await, 138_003);
    assert!(!can_call(&bench).await);
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    bench.hook.wait("terminate").await;
    while code(&connect).await == 138_003 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let limits = async |rules: Value| {
        put(&bench, &format!("/accounts/{ACCOUNT}"), json!({ "rules": rules })).await;
    };
    assert_eq!(code(&connect).await, 138_012);
    assert!(!can_call(&bench).await);
    call_of(&bench, BRUNO).await;
    limits(json!({ "limits": { "placed_per_day": 0, "concurrent": 1 } })).await;
    assert_eq!(code(&connect).await, 138_005);
    assert!(!can_call(&bench).await);
    limits(json!({ "limits": { "concurrent": 1 } })).await;
    assert_eq!(code(&connect).await, 138_002);
    assert!(!can_call(&bench).await);
    limits(json!({})).await;
    assert!(can_call(&bench).await);
    assert_eq!(bench.graph("calls", connect).await.0, 200, "nothing is left");
}
