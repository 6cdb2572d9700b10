//! Users who block a business after calling it: it is warned, and then users' calls stop.

use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, refused},
    business::Business,
    phones::shown,
    quality,
};

/// This user calls, hangs up, and blocks the business.
async fn calls_and_blocks(bench: &Bench, nth: usize) {
    let user = quality::user(bench, 10 + nth as u64).await;
    let to = json!({ "to": BUSINESS });
    let call = bench.sandbox(&format!("/users/{user}/call"), to).await;
    assert_eq!(call.0, 200, "{}", call.1);
    assert_eq!(bench.sandbox(&format!("/users/{user}/hang_up"), json!({})).await.0, 200);
    bench.hook.wait_nth("terminate", nth).await;
    quality::feedback(bench, &user, "block").await;
}

async fn icon_is_visible(bench: &Bench) -> bool {
    let hello = shown(bench, ANA).await;
    let business = &hello["businesses"][0];
    assert_eq!(business["number"], BUSINESS);
    business["icon_visible"].as_bool().unwrap()
}

async fn update(bench: &Bench, nth: usize) -> Value {
    let all = quality::updates(bench, nth + 1).await;
    all[nth]["entry"][0]["changes"][0]["value"].clone()
}

#[tokio::test]
async fn blocks_after_users_calls_pause_users_calls_alone() {
    let bench = quality::bench(&[("quality.pickup_sample_min", "1000")]).await;
    bench.permit("accept_permanent").await;
    for nth in 0..2 {
        calls_and_blocks(&bench, nth).await;
    }
    let warned = update(&bench, 0).await;
    let kind = &warned["violation_info"]["violation_type"];
    assert_eq!(kind, "LOW_USER_INITIATED_CALLING_QUALITY", "{warned}");
    assert!(icon_is_visible(&bench).await);

    calls_and_blocks(&bench, 2).await;
    let paused = update(&bench, 1).await;
    let kind = &paused["restriction_info"][0]["restriction_type"];
    assert_eq!(kind, "RESTRICTED_USER_INITIATED_CALLING", "{paused}");
    assert!(!icon_is_visible(&bench).await, "the phone shows no call button");
    let to = json!({ "to": BUSINESS });
    let call = bench.sandbox(&format!("/users/{ANA}/call"), to.clone()).await;
    assert_eq!((call.0, &call.1["code"]), (409, &json!(138_014)), "{}", call.1);

    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": Business::offering().sdp } });
    let dialled = bench.graph("calls", dial).await;
    assert_eq!(refused(&dialled), (200, 0), "the business's calls go on: {}", dialled.1);
    let id = dialled.1["calls"][0]["id"].as_str().unwrap();
    assert_eq!(bench.action(id, "terminate").await.0, 200);

    bench.clock.advance("P7D").unwrap();
    assert!(icon_is_visible(&bench).await, "a week later it is over");
    quality::gone(&bench).await;
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/call"), to).await.0, 200);
}
