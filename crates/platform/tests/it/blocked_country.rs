//! A number of a country that businesses may not call from: users call it, and give it no permission.

use serde_json::json;

use crate::{
    bench::{ANA, BUSINESS, Bench, refused},
    home,
    price::{NEWEST, seeded},
};

/// The demo by the newest rules, its number in the United States; callbacks are on from before.
async fn bench() -> Bench {
    let bench = Bench::with(seeded(&[(home::line("rulebook"), NEWEST)])).await;
    bench.move_to("US").await;
    bench
}

#[tokio::test]
async fn permissions_exist_only_where_a_business_may_call() {
    let bench = bench().await;
    let to = json!({ "to": BUSINESS });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/call"), to.clone()).await.0, 200);
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    bench.hook.wait("terminate").await;
    for action in ["accept_temporary", "accept_permanent"] {
        let wanted = json!({ "to": BUSINESS, "action": action });
        let (status, body) = bench.sandbox(&format!("/users/{ANA}/permission"), wanted).await;
        assert_eq!((status, &body["code"]), (409, &json!(138_013)), "{body}");
    }

    let hours = json!({ "calling": { "call_hours": { "status": "ENABLED", "timezone_id": "UTC",
        "weekly_operating_hours": [
            { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1000" }] } } });
    assert_eq!(bench.graph("settings", hours).await.0, 200);
    bench.clock.set("2026-11-22T12:00:00Z".parse().unwrap());
    let closed = bench.sandbox(&format!("/users/{ANA}/callback"), to).await;
    assert_eq!((closed.0, &closed.1["rule"]), (409, &json!("hours.callback")));

    let (status, read) = bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    assert_eq!((status, &read["permission"]["status"]), (200, &json!("no_permission")), "{read}");
    assert!(!bench.hook.events().contains(&"accept".to_owned()), "{:?}", bench.hook.events());

    let callbacks = |status: &str| json!({ "calling": { "callback_permission_status": status } });
    assert_eq!(bench.graph("settings", callbacks("DISABLED")).await.0, 200);
    assert_eq!(refused(&bench.graph("settings", callbacks("ENABLED")).await), (400, 138_013));
}
