//! Who may switch calling on, and when users may call.

use std::collections::BTreeMap;

use serde_json::json;

use super::account::{Account, PNID, placed};
use crate::bench::{refused, send};

pub(super) async fn the_tier_decides_who_may_switch_on(account: &Account) {
    let off = account.seed().replace("status = \"ENABLED\"", "status = \"DISABLED\"");
    let enable = || json!({ "calling": { "status": "ENABLED" } });
    let tier = format!("tier = {}", account.tier);
    let low = off.replace(&tier, &format!("tier = {}", account.tier_min - 1));
    let side = account.start_with(&low, BTreeMap::new()).await;
    assert_eq!(refused(&side.graph("settings", enable()).await), (400, 138_015));
    let enough = off.replace(&tier, &format!("tier = {}", account.tier_min));
    let side = account.start_with(&enough, BTreeMap::new()).await;
    let answer = side.graph("settings", enable()).await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    let raised =
        BTreeMap::from([("eligibility.tier_min".to_owned(), (account.tier_min + 1).to_string())]);
    let side = account.start_with(&enough, raised).await;
    assert_eq!(refused(&side.graph("settings", enable()).await), (400, 138_015));
}

pub(super) async fn a_blocked_country_is_blocked_in_the_rulebooks_scope(account: &Account) {
    for country in ["EG", "TR"] {
        let side = account.start().await;
        let moved = side.bench.put(&format!("/sandbox/v1/numbers/{PNID}"));
        assert_eq!(send(moved.json(&json!({ "country": country }))).await.0, 200);
        let answer = side.dial().await;
        let may_call = country == "TR" && account.turkey_takes_calls;
        let code = if may_call { (401, 138_006) } else { (400, 138_013) };
        assert_eq!(refused(&answer), code, "{country}: {}", answer.1);
    }
}

pub(super) async fn hours_are_in_the_accounts_zone(account: &Account) {
    let side = account.start().await;
    let hours = json!({ "calling": { "call_hours": { "status": "ENABLED",
        "timezone_id": account.timezone, "weekly_operating_hours": [
            { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800" }] } } });
    let answer = side.graph("settings", hours).await;
    assert_eq!(answer.0, 200, "{}", answer.1);
    let nine = 9 - account.hours_east;
    side.set(&format!("2026-11-23T{:02}:59:59Z", nine - 1));
    let call = || side.user(account.user, "call", json!({}));
    let closed = call().await;
    assert_eq!((closed.0, &closed.1["rule"]), (409, &json!("hours.open")), "{}", closed.1);
    let opens = format!("2026-11-23T{nine:02}:00:00Z");
    assert!(closed.1["text"].as_str().unwrap().contains(&opens), "{}", closed.1);
    side.advance("PT1S");
    placed(&call().await);
    side.bench.hook.wait("connect").await;
    side.set(&format!("2026-11-23T{:02}:00:00Z", 18 - account.hours_east));
    let user = account.friend;
    let after = side.user(user, "call", json!({})).await;
    assert_eq!((after.0, &after.1["rule"]), (409, &json!("hours.open")), "{}", after.1);
}
