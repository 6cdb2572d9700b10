//! How many calls, and what one costs.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use super::account::{Account, OTHER_PNID, Side, placed};
use crate::bench::refused;

fn rule(path: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(path.to_owned(), value.to_owned())])
}

async fn may_call(side: &Side<'_>) {
    side.open_window().await;
    side.permit("accept_permanent").await;
}

pub(super) async fn one_call_a_pair(account: &Account) {
    let side = account.start().await;
    side.behave(account.user, json!({ "answer": "ignore" })).await;
    may_call(&side).await;
    placed(&side.dial().await);
    assert_eq!(refused(&side.dial().await), (400, 138_003));
    let back = side.user(account.user, "call", json!({})).await;
    assert_ne!(back.0, 200, "nor does a call of the user's pass: {}", back.1);
}

pub(super) async fn concurrent_calls_are_counted_in_the_rulebooks_scope(account: &Account) {
    let side = account.start_with(&account.seed(), rule("limits.concurrent", "1")).await;
    for user in [account.user, account.friend] {
        side.behave(user, json!({ "answer": "ignore" })).await;
        for number in [account.business, account.other] {
            for (act, body) in [
                ("message", json!({ "to": number, "text": "hello" })),
                ("permission", json!({ "to": number, "action": "accept_permanent" })),
            ] {
                let done = side.bench.sandbox(&format!("/users/{user}/{act}"), body).await;
                assert_eq!(done.0, 200, "{}", done.1);
            }
        }
    }
    placed(&side.dial().await);
    let friend = account.friend;
    assert_eq!(
        refused(&side.dial_from(super::account::PNID, friend).await),
        (429, 138_002),
        "the number is busy"
    );
    let other = side.dial_from(OTHER_PNID, friend).await;
    if account.counts_account {
        assert_eq!(refused(&other), (429, 138_002), "so is the account");
    } else {
        placed(&other);
    }
}

pub(super) async fn a_changed_number_changes_the_verdict(account: &Account) {
    let side = account.start_with(&account.seed(), rule("permission.lifetime", "1 h")).await;
    side.permit("accept_temporary").await;
    side.advance("PT59M59S");
    assert_eq!(side.permissions().await["permission"]["status"], "temporary");
    side.advance("PT1S");
    assert_eq!(side.permissions().await["permission"]["status"], "no_permission");
}

pub(super) async fn a_call_is_priced_in_the_accounts_currency(account: &Account) {
    let side = account.start().await;
    side.behave(account.user, json!({ "answer": { "after_ms": 1 } })).await;
    may_call(&side).await;
    let id = placed(&side.dial().await);
    side.bench.hook.wait("RINGING").await;
    side.advance("PT1S");
    side.bench.hook.wait("ACCEPTED").await;
    side.advance("PT70S");
    let ended = side.graph(
        "calls",
        json!({ "messaging_product": "whatsapp", "call_id": id,
                                            "action": "terminate" }),
    );
    let ended = ended.await;
    let mut seen = json!(null);
    for _ in 0..100 {
        seen = side.bench.sandbox_get(&format!("/calls/{id}")).await.1;
        if !seen["price"].is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let price = json!({ "amount": account.price_of_70_s, "currency": account.currency });
    assert_eq!(seen["price"], price, "{ended:?} {seen}");
}
