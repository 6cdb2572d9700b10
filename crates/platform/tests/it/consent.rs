//! May the business call, as its webhooks and reads tell it: every way to a permission and out of it.

use offhook_platform::{Config, Seed};
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused},
    business::Business,
    home,
    messages::{ask, id_of},
};

async fn reply(bench: &Bench, nth: usize) -> Value {
    let mut seen = 0;
    for _ in 0..400 {
        for delivered in bench.hook.all() {
            let value = crate::bench::value(&delivered);
            let message = &value["messages"][0];
            if message["type"] == "interactive" {
                if seen == nth {
                    return message.clone();
                }
                seen += 1;
            }
        }
        seen = 0;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no reply {nth} among {:?}", bench.hook.events())
}

/// The reply as the fact sheet's table has it: what was said, and about what.
fn said(message: &Value) -> (Value, Option<String>) {
    let mut reply = message["interactive"]["call_permission_reply"].clone();
    if let Some(until) = reply.get("expiration_timestamp").and_then(Value::as_str) {
        let at: i64 = message["timestamp"].as_str().unwrap().parse().unwrap();
        let lifetime = until.parse::<i64>().unwrap() - at;
        assert!((604_799..=604_801).contains(&lifetime), "seven days, not {lifetime} s");
        reply["expiration_timestamp"] = json!("in 7 days");
    }
    (reply, message["context"]["id"].as_str().map(str::to_owned))
}

async fn request(bench: &Bench) -> String {
    id_of(&bench.graph("messages", ask()).await)
}

/// Fact sheet 4.5, line by line, and a withdrawal in the profile.
#[tokio::test]
async fn every_reply_is_as_the_table_says() {
    let bench = Bench::start().await;
    bench.open_window().await;
    let temporary = |source: &str| {
        json!({ "response": "accept", "is_permanent": false,
                "expiration_timestamp": "in 7 days", "response_source": source })
    };
    let permanent =
        || json!({ "response": "accept", "is_permanent": true, "response_source": "user_action" });
    let reject = |source: &str| json!({ "response": "reject", "response_source": source });

    let first = request(&bench).await;
    bench.permit("accept_temporary").await;
    assert_eq!(said(&reply(&bench, 0).await), (temporary("user_action"), Some(first)));

    bench.clock.advance("P1D").unwrap();
    bench.open_window().await;
    let second = request(&bench).await;
    bench.permit("reject").await;
    assert_eq!(said(&reply(&bench, 1).await), (reject("user_action"), Some(second)));

    bench.clock.advance("P7D").unwrap();
    bench.open_window().await;
    let third = request(&bench).await;
    bench.permit("accept_permanent").await;
    assert_eq!(said(&reply(&bench, 2).await), (permanent(), Some(third)));
    assert_eq!(refused(&bench.graph("messages", ask()).await), (400, 138_017));

    bench.permit("revoke").await;
    assert_eq!(said(&reply(&bench, 3).await), (reject("user_action"), None));
    bench.permit("accept_permanent").await;
    assert_eq!(said(&reply(&bench, 4).await), (permanent(), None), "from the profile");

    bench.behave(ANA, json!({ "answer": "unreachable" })).await;
    let business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    for nth in 0..4 {
        let placed = bench.graph("calls", dial.clone()).await;
        assert_eq!(placed.0, 200, "call {nth}: {}", placed.1);
        bench.hook.wait_nth("terminate", nth).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(said(&reply(&bench, 5).await), (reject("automatic"), None));
    assert_eq!(refused(&bench.graph("calls", dial).await), (401, 138_006));

    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    let id = call.1["call_id"].as_str().unwrap().to_owned();
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    assert_eq!(said(&reply(&bench, 6).await), (temporary("automatic"), Some(id)), "missed");
}

#[tokio::test]
async fn outside_the_call_hours_a_user_asks_to_be_called_back() {
    let bench = Bench::start().await;
    let body = json!({ "to": BUSINESS });
    let path = format!("/users/{ANA}/callback");
    let open = bench.sandbox(&path, body.clone()).await;
    assert_eq!((open.0, &open.1["rule"]), (409, &json!("hours.callback")));
    let hours = json!({ "calling": { "call_hours": { "status": "ENABLED", "timezone_id": "UTC",
        "weekly_operating_hours": [
            { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1000" }] } } });
    assert_eq!(bench.graph("settings", hours).await.0, 200);
    let sunday = json!({ "set": "2026-11-22T12:00:00Z" });
    assert_eq!(bench.sandbox("/clock", sunday).await.0, 200);
    let blocked = bench.sandbox(&format!("/users/{ANA}/call"), body.clone()).await;
    assert_eq!(blocked.1["rule"], "hours.open");
    assert_eq!(bench.sandbox(&path, body).await.0, 200);
    let (reply, about) = said(&reply(&bench, 0).await);
    assert_eq!(
        (&reply["response_source"], &reply["is_permanent"]),
        (&json!("automatic"), &json!(false))
    );
    assert!(about.unwrap().starts_with("wacid."));
    assert!(!bench.hook.events().contains(&"connect".to_owned()), "no call came of it");
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": Business::offering().sdp } });
    assert_eq!(bench.graph("calls", dial).await.0, 200, "the window is open as well");
}

#[tokio::test]
async fn a_full_limit_says_when_it_frees() {
    let rules = [("limits.connected_per_day".to_owned(), "0".to_owned())].into();
    let bench = Bench::with(Config { rules, ..config() }).await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": Business::offering().sdp } });
    let full = bench.graph("calls", dial).await;
    assert_eq!(refused(&full), (400, 138_012));
    let at = full.1["error"]["error_data"]["next_call_allowed_at"].as_i64().unwrap();
    assert!((at - bench.clock.now().unix() - 86_400).abs() < 5);
}

/// The demo with its number a public test number that may reach Ana only, and a user without a phone.
fn test_number() -> Seed {
    let demo = home::seed();
    let number = "digits = \"551140000000\"\n";
    assert!(demo.contains(number));
    let listed = format!("{number}kind = \"test\"\nallowed_recipients = [\"{ANA}\"]\n");
    let web = "\n[[user]]\nwa_id = \"5511900000009\"\nname = \"Web\"\nclient = { os = \"web\" }\n";
    Seed::parse(&format!("{}{web}", demo.replace(number, &listed))).unwrap()
}

#[tokio::test]
async fn a_test_number_reaches_its_list_and_asks_more_often() {
    let bench = Bench::with(Config { seed: test_number(), ..config() }).await;
    bench.open_window().await;
    let to_bruno = |mut body: Value| {
        body["to"] = json!("5511988887777");
        body
    };
    assert_eq!(refused(&bench.graph("messages", to_bruno(ask())).await), (400, 131_030));
    let text = json!({ "messaging_product": "whatsapp", "to": ANA, "text": { "body": "hi" } });
    assert_eq!(refused(&bench.graph("messages", to_bruno(text)).await), (400, 131_030));
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": Business::offering().sdp } });
    assert_eq!(refused(&bench.graph("calls", to_bruno(dial)).await), (400, 131_030));
    for nth in 0..25 {
        assert_eq!(bench.graph("messages", ask()).await.0, 200, "request {nth}");
    }
    assert_eq!(refused(&bench.graph("messages", ask()).await), (400, 138_009));
    let (_, read) = bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    let asking = &read["actions"][0];
    assert_eq!(asking["can_perform_action"], false);
    let day = &asking["limits"][0];
    assert_eq!((&day["max_allowed"], &day["current_usage"]), (&json!(25), &json!(25)));
    assert!(day["limit_expiration_time"].is_i64(), "{read}");
    assert_eq!(asking["limits"][1]["max_allowed"], 100);
    assert_eq!(asking["limits"][1].get("limit_expiration_time"), None);
}

#[tokio::test]
async fn nobody_callable_has_no_permission_and_that_is_no_error() {
    let bench = Bench::with(Config { seed: test_number(), ..config() }).await;
    let web = "5511900000009";
    let wanted = json!({ "to": BUSINESS, "action": "accept_permanent" });
    assert_eq!(bench.sandbox(&format!("/users/{web}/permission"), wanted).await.0, 200);
    for user in [web, "4915100000000"] {
        let (status, read) = bench.graph_get(&format!("/call_permissions?user_wa_id={user}")).await;
        assert_eq!((status, &read["permission"]["status"]), (200, &json!("no_permission")));
        assert_eq!(read["permission"].get("expiration_time"), None);
        let can: Vec<_> = read["actions"].as_array().unwrap().iter().collect();
        assert!(can.iter().all(|action| action["can_perform_action"] == false), "{read}");
    }
}
