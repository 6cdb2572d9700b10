//! Permission, requests for it, and the window, one second before, at and after.

use serde_json::{Value, json};

use super::account::{Account, Side, placed};
use crate::bench::refused;

fn request() -> Value {
    json!({ "type": "call_permission_request", "action": { "name": "call_permission_request" } })
}

async fn write(side: &Side<'_>, kind: &str, content: Value) -> (u16, Value) {
    let to = side.account.user;
    let body = json!({ "messaging_product": "whatsapp", "to": to, "type": kind, kind: content });
    side.graph("messages", body).await
}

/// Asks the user for permission in free form.
pub(super) async fn ask(side: &Side<'_>) -> (u16, Value) {
    write(side, "interactive", request()).await
}

pub(super) async fn text(side: &Side<'_>) -> (u16, Value) {
    write(side, "text", json!({ "body": "hello" })).await
}

pub(super) async fn a_permission_lives_seven_days(account: &Account) {
    let side = account.start().await;
    side.open_window().await;
    side.permit("accept_temporary").await;
    side.advance("PT167H59M59S");
    assert_eq!(side.permissions().await["permission"]["status"], "temporary");
    side.advance("PT1S");
    assert_eq!(side.permissions().await["permission"]["status"], "no_permission");
    side.permit("accept_permanent").await;
    side.advance("P400D");
    let seen = side.permissions().await;
    assert_eq!(seen["permission"], json!({ "status": "permanent" }));
}

pub(super) async fn requests_are_counted_by_day_and_week(account: &Account) {
    let side = account.start().await;
    side.open_window().await;
    assert_eq!(write(&side, "interactive", request()).await.0, 200);
    side.advance("PT23H59M59S");
    side.open_window().await;
    assert_eq!(refused(&write(&side, "interactive", request()).await), (400, 138_009));
    side.advance("PT1S");
    assert_eq!(write(&side, "interactive", request()).await.0, 200);
    side.advance("P5DT23H59M59S");
    side.open_window().await;
    assert_eq!(refused(&write(&side, "interactive", request()).await), (400, 138_009));
    side.advance("PT1S");
    assert_eq!(write(&side, "interactive", request()).await.0, 200);
}

pub(super) async fn the_window_lives_a_day(account: &Account) {
    let side = account.start().await;
    let text = || json!({ "body": "hello" });
    assert_eq!(refused(&write(&side, "text", text()).await), (400, 131_047));
    side.open_window().await;
    side.advance("PT23H59M59S");
    assert_eq!(write(&side, "text", text()).await.0, 200);
    side.advance("PT1S");
    assert_eq!(refused(&write(&side, "text", text()).await), (400, 131_047));
}

pub(super) async fn a_call_needs_the_window_where_the_rulebook_says_so(account: &Account) {
    let side = account.start().await;
    side.behave(account.user, json!({ "answer": "ignore" })).await;
    assert_eq!(refused(&side.dial().await), (401, 138_006), "permission comes first");
    side.permit("accept_permanent").await;
    let answer = side.dial().await;
    if account.needs_window {
        assert_eq!(refused(&answer), (400, 131_047));
        side.open_window().await;
        placed(&side.dial().await);
    } else {
        placed(&answer);
    }
}

pub(super) async fn unanswered_calls_end_the_permission(account: &Account) {
    let side = account.start().await;
    side.behave(account.user, json!({ "answer": "ignore" })).await;
    side.open_window().await;
    side.permit("accept_permanent").await;
    for nth in 0..4 {
        placed(&side.dial().await);
        side.bench.hook.wait_nth("RINGING", nth).await;
        side.advance("PT61S");
        side.bench.hook.wait_nth("terminate", nth).await;
    }
    let revoked = side.bench.hook.wait("reject").await;
    let reply = &revoked["messages"][0]["interactive"]["call_permission_reply"];
    assert_eq!(reply["response_source"], "automatic", "{revoked}");
    assert_eq!(side.permissions().await["permission"]["status"], "no_permission");
}
