//! How fast a number may read and write, what a template needs, and in which month a message counts.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;

use super::account::{Account, WABA};
use crate::bench::{refused, send};

fn rule(path: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(path.to_owned(), value.to_owned())])
}

pub(super) async fn reads_are_counted_by_the_second(account: &Account) {
    let rules = rule("limits.permission_reads_per_second", "2");
    let side = account.start_with(&account.seed(), rules).await;
    for _ in 0..2 {
        side.permissions().await;
    }
    assert_eq!(refused(&side.read_permissions().await), (429, 613));
    side.advance("PT1S");
    side.permissions().await;
}

pub(super) async fn messages_are_counted_by_the_second(account: &Account) {
    let side = account.start_with(&account.seed(), rule("messages.per_second", "1")).await;
    side.open_window().await;
    let text = || super::consent::text(&side);
    assert_eq!(text().await.0, 200);
    assert_eq!(refused(&text().await), (400, 130_429));
    side.advance("PT1S");
    assert_eq!(text().await.0, 200);
}

pub(super) async fn a_template_asks_outside_the_window_once_it_is_reviewed(account: &Account) {
    let side = account.start().await;
    let made = json!({ "name": "ask_to_call", "language": "en", "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "May we call you?" },
                       { "type": "call_permission_request" }] });
    let edge = side.bench.post(&format!("/v26.0/{WABA}/message_templates"));
    let (status, answer) = send(side.with_token(edge).json(&made)).await;
    assert_eq!((status, &answer["status"]), (200, &json!("PENDING")), "{answer}");
    let ask = || {
        let template = json!({ "name": "ask_to_call", "language": { "code": "en" } });
        side.graph(
            "messages",
            json!({ "messaging_product": "whatsapp", "to": account.user,
                                       "type": "template", "template": template }),
        )
    };
    assert_eq!(refused(&ask().await), (404, 132_001), "not reviewed yet");
    side.advance("PT1S");
    let mut asked = ask().await;
    for _ in 0..400 {
        if asked.0 == 200 {
            break;
        }
        // Whoever reviews wakes with the clock.
        tokio::time::sleep(Duration::from_millis(5)).await;
        asked = ask().await;
    }
    assert_eq!(asked.0, 200, "{}", asked.1);
    assert_eq!(refused(&ask().await), (400, 138_009), "it counts as any other");
}

/// Half an hour before midnight in UTC it is another month only east of it.
pub(super) async fn a_month_begins_at_the_accounts_midnight(account: &Account) {
    let side = account.start().await;
    side.set("2026-11-30T23:30:00Z");
    side.open_window().await;
    assert_eq!(super::consent::text(&side).await.0, 200);
    for month in ["2026-11", "2026-12"] {
        let path = format!("/accounts/{WABA}/messages?month={month}");
        let (status, listed) = side.bench.sandbox_get(&path).await;
        assert_eq!(status, 200, "{listed}");
        let counts: u64 = listed["totals"]
            .as_array()
            .unwrap_or_else(|| panic!("{listed}"))
            .iter()
            .map(|row| row["count"].as_u64().unwrap())
            .sum();
        let is_mine = (month == "2026-12") == (account.hours_east > 0);
        assert_eq!(counts, u64::from(is_mine), "{month} in {}: {listed}", account.timezone);
    }
}
