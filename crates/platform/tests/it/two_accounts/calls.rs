//! How long a call rings, and how often one may be placed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::account::{Account, PNID, Side, placed};
use crate::bench::refused;

fn rule(path: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(path.to_owned(), value.to_owned())])
}

async fn state(side: &Side<'_>, id: &str) -> Value {
    side.bench.sandbox_get(&format!("/calls/{id}")).await.1["state"].clone()
}

/// The user may be called, and does with the call what the behaviour says.
async fn may_call(side: &Side<'_>, behaviour: Value) {
    side.behave(side.account.user, behaviour).await;
    side.open_window().await;
    side.permit("accept_permanent").await;
}

async fn hang_up(side: &Side<'_>, id: &str) {
    let body = json!({ "messaging_product": "whatsapp", "call_id": id, "action": "terminate" });
    assert_eq!(side.graph("calls", body).await.0, 200);
}

pub(super) async fn a_users_call_rings_for_its_window(account: &Account) {
    let side = account.start().await;
    let id = placed(&side.user(account.user, "call", json!({})).await);
    side.bench.hook.wait("connect").await;
    side.advance("PT44S");
    assert_eq!(state(&side, &id).await, "offered");
    side.advance("PT1S");
    let ended = side.bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!((&ended["status"], ended.get("duration")), (&json!("COMPLETED"), None), "{ended}");
}

pub(super) async fn a_businesss_call_rings_for_its_time(account: &Account) {
    let side = account.start().await;
    may_call(&side, json!({ "answer": "ignore" })).await;
    let id = placed(&side.dial().await);
    side.bench.hook.wait("RINGING").await;
    side.advance("PT59S");
    assert_eq!(state(&side, &id).await, "ringing");
    side.advance("PT1S");
    let ended = side.bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!((&ended["status"], ended.get("duration")), (&json!("COMPLETED"), None), "{ended}");
}

pub(super) async fn connected_calls_are_counted_by_the_day(account: &Account) {
    let side = account.start_with(&account.seed(), rule("limits.connected_per_day", "1")).await;
    may_call(&side, json!({ "answer": { "after_ms": 0 } })).await;
    let id = placed(&side.dial().await);
    side.bench.hook.wait("ACCEPTED").await;
    hang_up(&side, &id).await;
    side.bench.hook.wait("terminate").await;
    assert_eq!(refused(&side.dial().await), (400, 138_012));
    side.advance("PT23H59M59S");
    side.open_window().await;
    assert_eq!(refused(&side.dial().await), (400, 138_012));
    side.advance("PT1S");
    placed(&side.dial().await);
}

pub(super) async fn placed_calls_are_counted_by_the_day(account: &Account) {
    let side = account.start_with(&account.seed(), rule("limits.placed_per_day", "1")).await;
    may_call(&side, json!({ "answer": "ignore" })).await;
    let id = placed(&side.dial().await);
    side.bench.hook.wait("RINGING").await;
    hang_up(&side, &id).await;
    side.bench.hook.wait("terminate").await;
    assert_eq!(refused(&side.dial().await), (429, 138_005));
    side.advance("PT23H59M59S");
    side.open_window().await;
    assert_eq!(refused(&side.dial().await), (429, 138_005));
    side.advance("PT1S");
    placed(&side.dial().await);
}

pub(super) async fn a_user_who_calls_may_be_called_back(account: &Account) {
    let side = account.start().await;
    let on = json!({ "calling": { "callback_permission_status": "ENABLED" } });
    assert_eq!(side.graph("settings", on).await.0, 200);
    placed(&side.user(account.user, "call", json!({})).await);
    side.bench.hook.wait("connect").await;
    let gone = side.bench.sandbox(&format!("/users/{}/hang_up", account.user), json!({})).await;
    assert_eq!(gone.0, 200, "{}", gone.1);
    let told = side.bench.hook.wait("accept").await;
    let reply = &told["messages"][0]["interactive"]["call_permission_reply"];
    assert_eq!(
        (&reply["response_source"], &reply["is_permanent"]),
        (&json!("automatic"), &json!(false)),
        "{told}"
    );
    side.advance("PT167H59M59S");
    assert_eq!(side.permissions().await["permission"]["status"], "temporary");
    side.advance("PT1S");
    assert_eq!(side.permissions().await["permission"]["status"], "no_permission");
}

pub(super) async fn reports_pause_a_number_for_a_week(account: &Account) {
    let rules = [
        ("quality.feedback_sample_min", "1"),
        ("quality.feedback_warn_percent", "1"),
        ("quality.feedback_restrict_percent", "2"),
    ];
    let rules = rules.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
    let side = account.start_with(&account.seed(), rules).await;
    may_call(&side, json!({ "answer": "ignore" })).await;
    let reported = side.user(account.friend, "feedback", json!({ "kind": "report" })).await;
    assert_eq!(reported.0, 200, "{}", reported.1);
    assert_eq!(refused(&side.dial().await), (400, 138_014));
    side.advance("P6DT23H59M59S");
    side.open_window().await;
    assert_eq!(refused(&side.dial().await), (400, 138_014));
    side.advance("PT1S");
    placed(&side.dial().await);
}

pub(super) async fn a_test_number_has_its_list_and_its_limits(account: &Account) {
    let side = account.start().await;
    side.open_window().await;
    let change = async |body: Value| {
        let request = side.bench.put(&format!("/sandbox/v1/numbers/{PNID}")).json(&body);
        assert_eq!(crate::bench::send(request).await.0, 200);
    };
    change(json!({ "kind": "test" })).await;
    let ask = || super::consent::ask(&side);
    assert_eq!(refused(&ask().await), (400, 131_030));
    assert_eq!(refused(&side.dial().await), (400, 131_030));
    change(json!({ "allowed_recipients": [account.user] })).await;
    for nth in 0..25 {
        let asked = ask().await;
        assert_eq!(asked.0, 200, "{nth}: {}", asked.1);
    }
    assert_eq!(refused(&ask().await), (400, 138_009));
}
