//! What calls cost, what stops them, what they add up to, and what is noted about them.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::budget::Budget;
use terms::{Currency, Money};

use crate::desk::{ANA, Desk, calls, envelope, newest_rules, now, permissions, terminate};
use crate::lines::{SECOND, to_brisa};

/// A call of ours that a gateway never saw begin is over.
fn placed(id: &str, seconds: Option<i64>) -> Value {
    let mut call = json!({"id": id, "from": "551140000000", "to": ANA, "event": "terminate",
        "timestamp": now().to_string(), "direction": "BUSINESS_INITIATED", "status": "COMPLETED",
        "biz_opaque_callback_data": "offhook-0"});
    if let Some(seconds) = seconds {
        call["start_time"] = json!((now() - seconds).to_string());
        call["end_time"] = json!(now().to_string());
        call["duration"] = json!(seconds);
    }
    calls(&json!({"calls": [call]}))
}

fn dollars(amount: &str) -> Value {
    json!({"amount": amount, "currency": "USD"})
}

impl Desk {
    async fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.patch(self.url(path)).bearer_auth("demo-api-key").json(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// The types of events told, but for those of calls.
    async fn told(&self) -> Vec<String> {
        let events = self.get("/v1/events?limit=1000").await;
        let kinds =
            events["events"].as_array().unwrap().iter().map(|it| it["type"].as_str().unwrap());
        kinds.filter(|kind| !kind.starts_with("call.")).map(str::to_owned).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_is_told_stops_every_way_to_call_and_outlives_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let budget = |config: &mut offhook_gateway::Config| {
        newest_rules(config);
        let monthly = Money { amount: "0.11".parse().unwrap(), currency: Currency::USD };
        let warn_at = vec!["0.5".parse().unwrap()];
        config.lines.first.budget = Some(Budget { monthly, warn_at, stop: true });
    };
    let desk = Desk::start_with(Some(folder.path()), budget).await;
    desk.upstream.answer("call_permissions", 200, permissions("permanent", None), Duration::ZERO);
    let ask = format!("/v1/preflight?to={ANA}");
    assert_eq!(desk.get(&ask).await["rule"], "permission.permanent");
    desk.webhook(&placed("wacid.SPENT", Some(70))).await;
    let record = desk.record("wacid.SPENT").await;
    assert_eq!((&record["pulses"], &record["price"]), (&json!(12), &dollars("0.12")));
    let cost = &record["cost"];
    assert_eq!((&cost["market"], &cost["tier"]), (&json!("Mexico"), &json!("0:MAX")));
    assert_eq!((&cost["list"], &cost["per_minute"]), (&dollars("0.12"), &dollars("0.1")));

    let metrics = desk.metrics().await;
    let counted =
        ["cost_micros_total{currency=\"USD\"} 120000", "checks_total{result=\"allowed\"} 1"];
    for series in counted {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    let spend = desk.get("/v1/spend").await;
    assert_eq!(spend["timezone"], "America/Sao_Paulo");
    let row = &spend["rows"][0];
    assert_eq!(
        (&row["country"], &row["seconds"], &row["paid"]),
        (&json!("MX"), &json!(70), &dollars("0.12"))
    );
    assert_eq!(spend["totals"], json!([dollars("0.12")]));
    assert_eq!(
        (&spend["budget"]["stopped"], &spend["budget"]["resets_at"]),
        (&json!(true), &spend["to"])
    );
    assert_eq!(desk.get("/v1/spend?month=2020-01").await["rows"], json!([]));
    assert_eq!(desk.get("/v1/spend?month=soon").await["code"], "invalid");

    let no = desk.get(&ask).await;
    assert_eq!((&no["allowed"], &no["rule"]), (&json!(false), &json!("budget")));
    assert_eq!(no["changes_at"], spend["to"], "the month's end");
    let body = json!({"to": ANA, "flow": true, "wait_for_consent": "P1D"});
    let (status, refused) = desk.post("/v1/calls", &body, None).await;
    assert_eq!((status, &refused["rule"]), (409, &json!("budget")));
    let mut lia = desk.available("lia").await;
    lia.send(json!({"type": "place", "to": ANA, "sdp": "v=0"})).await;
    assert_eq!(lia.next("refused").await["code"], "budget");
    assert_eq!(desk.upstream.count("connect"), 0, "nobody was called");
    assert_eq!(desk.told().await, ["budget.warning", "budget.exhausted", "window.opened"]);
    desk.gateway.stop().await;

    let desk = Desk::start_with(Some(folder.path()), budget).await;
    assert_eq!(desk.get(&ask).await["rule"], "budget");
    desk.webhook(&placed("wacid.MORE", Some(6))).await;
    desk.record("wacid.MORE").await;
    assert_eq!(desk.told().await.len(), 3, "told once");
}

/// Two numbers of one house, and a card that is cheaper from the second minute of a month on.
fn two_numbers(config: &mut offhook_gateway::Config, portfolio: Option<&str>) {
    let card = "Market,Currency,0-1,2+\nMexico,USD,0.10,0.05\n";
    let mut cards = rules::price::Cards::default();
    cards.add(rules::price::Card::parse("ours-2020-01-01", card).unwrap());
    newest_rules(config);
    let first = &mut config.lines.first;
    (first.price.cards, first.price.card) = (std::sync::Arc::new(cards), "ours".into());
    first.portfolio = portfolio.map(str::to_owned);
    let mut second = first.clone();
    second.number.phone_number_id = SECOND.parse().unwrap();
    second.number.digits = "5215550009999".parse().unwrap();
    second.account = Some("301234567890123".parse().unwrap());
    config.lines.others.push(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_a_portfolio_reach_its_tiers_together() {
    for (portfolio, price) in [(None, "0.02"), (Some("aurora"), "0.01")] {
        let desk = Desk::start_with(None, |config| two_numbers(config, portfolio)).await;
        desk.webhook(&placed("wacid.FIRST", Some(54))).await;
        assert_eq!(desk.record("wacid.FIRST").await["price"], dollars("0.09"));
        desk.webhook(&to_brisa(&placed("wacid.SECOND", Some(12)))).await;
        assert_eq!(desk.record("wacid.SECOND").await["price"], dollars(price), "{portfolio:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_vain_are_warned_of_and_refused_where_that_is_wanted() {
    for refuse in [false, true] {
        let desk = Desk::start_with(None, |config| {
            newest_rules(config);
            config.lines.first.guard.streak.revoke_after = 2;
            config.lines.first.guard.refuse = refuse;
        })
        .await;
        desk.upstream.answer(
            "call_permissions",
            200,
            permissions("permanent", None),
            Duration::ZERO,
        );
        let ask = format!("/v1/preflight?to={ANA}");
        assert_eq!(desk.get(&ask).await.get("warnings"), None);
        desk.webhook(&placed("wacid.VAIN", None)).await;
        let answer = desk
            .get_until(&ask, |it| it["rule"] == "guard.unanswered" || it["warnings"].is_array())
            .await;
        assert_eq!(answer["allowed"], json!(!refuse), "{answer}");
        let health = desk.get("/v1/health").await;
        let streak = json!({"user": ANA, "unanswered": 1, "revoked_after": 2});
        assert_eq!(health["numbers"][0]["streaks"], json!([streak]), "{health}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_calls_and_the_platforms_words_are_the_health_of_the_number() {
    let desk =
        Desk::start_with(None, |config| config.lines.first.guard.pickup.sample_min = 2).await;
    assert_eq!(desk.get("/v1/health").await["numbers"][0]["state"], "good");
    for id in ["wacid.M1", "wacid.M2"] {
        desk.webhook(&terminate(id, "USER_INITIATED", None)).await;
        desk.record(id).await;
    }
    let health = desk.get("/v1/health").await;
    let number = &health["numbers"][0];
    assert_eq!(
        (&number["state"], &number["user_initiated"]["rate"]),
        (&json!("critical"), &json!(0.0))
    );
    assert_eq!(number["business_initiated"], json!({"calls": 0, "answered": 0}), "no rate of none");
    let told = |events: &Value| events["events"][0]["data"]["state"] == "critical";
    desk.get_until("/v1/events?type=account.at_risk", told).await;

    let value = json!({"phone_number": "551140000000", "event": "ACCOUNT_RESTRICTION",
        "restriction_info": [{"restriction_type": "RESTRICTED_BUSINESS_INITIATED_CALLING",
            "expiration": now() + 600}]});
    desk.webhook(&envelope("account_update", &value)).await;
    let restricted = |health: &Value| health["numbers"][0]["restrictions"][0]["active"] == true;
    desk.get_until("/v1/health", restricted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_found_noted_and_added_up() {
    let desk = Desk::start_with(None, |config| {
        config.wrap_up_codes = vec!["sale".into(), "support".into()];
    })
    .await;
    desk.webhook(&terminate("wacid.M1", "USER_INITIATED", None)).await;
    desk.record("wacid.M1").await;
    desk.webhook(&placed("wacid.P1", Some(70))).await;
    desk.record("wacid.P1").await;
    let found = async |query: &str| -> Vec<String> {
        let list = desk.get(&format!("/v1/calls?{query}")).await;
        let calls = list["calls"].as_array().unwrap_or_else(|| panic!("{query}: {list}"));
        calls.iter().map(|call| call["call_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("missed=true").await, ["wacid.M1"]);
    assert_eq!(found("direction=business_initiated&country=mx").await, ["wacid.P1"]);
    assert_eq!(found("state=live").await, [""; 0]);
    assert_eq!(desk.get("/v1/calls?state=gone").await["code"], "invalid");
    let page = desk.get("/v1/calls?limit=1").await;
    let next = page["next"].as_str().unwrap();
    let rest = found(&format!("limit=1&after={next}")).await;
    assert_eq!(found(&format!("limit=1&cursor={next}")).await, rest, "by its first name too");
    assert_ne!(page["calls"][0]["call_id"], rest[0].as_str());

    let mut lia = desk.console("lia").await;
    let note =
        json!({"type": "note", "call_id": "wacid.P1", "notes": "Wants two", "wrap_up": "sale"});
    lia.send(note).await;
    let noted = lia.next("noted").await;
    assert_eq!((&noted["by"], &noted["wrap_up"]), (&json!("lia"), &json!("sale")));
    let (status, call) = desk.patch("/v1/calls/wacid.P1", &json!({"wrap_up": null})).await;
    assert_eq!((status, &call["notes"], call.get("wrap_up")), (200, &json!("Wants two"), None));
    let (status, _) = desk.patch("/v1/calls/wacid.P1", &json!({"wrap_up": "other"})).await;
    assert_eq!(status, 422);
    let (status, _) = desk.patch("/v1/calls/wacid.NONE", &json!({"notes": "x"})).await;
    assert_eq!(status, 404);
    assert_eq!(found("text=TWO").await, ["wacid.P1"]);
    let told = desk.get("/v1/events?type=call.updated").await;
    assert_eq!(told["events"].as_array().unwrap().len(), 2, "{told}");

    let figures = desk.get("/v1/analytics?by=direction").await;
    let [ours, users] = [&figures["rows"][0], &figures["rows"][1]];
    assert_eq!(
        (&ours["key"], &ours["cost"]),
        (&json!("BUSINESS_INITIATED"), &json!([dollars("0.12")]))
    );
    assert_eq!((&users["missed"], users.get("duration")), (&json!({"caller_gave_up": 1}), None));
    assert_eq!(
        (&figures["total"]["calls"], &figures["total"]["answer_rate"]),
        (&json!(2), &json!(0.5))
    );
    let days = desk.get("/v1/analytics").await;
    assert!((7..=9).contains(&days["rows"].as_array().unwrap().len()), "days without calls too");
    assert_eq!(desk.get("/v1/analytics?by=hour&from=2020-01-01").await["code"], "invalid");
    let csv = desk.http.get(desk.url("/v1/analytics.csv?by=country")).bearer_auth("demo-api-key");
    let csv = csv.send().await.unwrap().text().await.unwrap();
    assert!(csv.starts_with("key,calls,answered,answer_rate,"), "{csv}");
    assert!(csv.contains("\nMX,2,1,0.5,0,0,70,70,0.12,USD,caller_gave_up=1"), "{csv}");

    let windows = desk.get("/v1/windows?open=true").await;
    assert_eq!(windows["windows"][0]["contact"]["wa_id"], ANA, "the call opened it");
    assert_eq!(desk.get("/v1/wrap_up_codes").await["codes"], json!(["sale", "support"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_the_platform_counts_and_we_do_not_is_found_with_its_day_and_country() {
    let desk = Desk::start().await;
    desk.webhook(&placed("wacid.P1", Some(70))).await;
    let record = desk.record("wacid.P1").await;
    let answered: jiff::Timestamp = record["answered_at"].as_str().unwrap().parse().unwrap();
    let day = answered.in_tz("America/Sao_Paulo").unwrap().start_of_day().unwrap();
    let start = day.timestamp().as_second();
    let point = json!({"start": start, "end": start + 86_400, "direction": "BUSINESS_INITIATED",
        "country": "MX", "count": 2, "average_duration": 65, "cost": 0.22});
    let figures = json!({"granularity": "DAILY", "data_points": [point]});
    let body = json!({"call_analytics": figures, "id": "201234567890123"});
    desk.upstream.answer("201234567890123", 200, body, Duration::ZERO);
    let asked = format!("/v1/reconciliation?from={answered}&to={}", jiff::Timestamp::now());
    let answer = desk.get(&asked).await;
    let found = &answer["differences"][0];
    assert_eq!(found["differs"], json!(["calls", "duration", "cost"]), "{answer}");
    assert_eq!(found["day"], json!(day.date().to_string()));
    assert_eq!(found["ours"], json!({"calls": 1, "mean_s": 70, "cost": "0.12"}));
    assert_eq!(found["theirs"], json!({"calls": 2, "mean_s": 65, "cost": "0.22"}));
    assert_eq!(found["calls"][0]["call_id"], "wacid.P1");
    let path = desk.upstream.asked().pop().unwrap().path;
    assert!(path.starts_with("/v23.0/201234567890123?fields=call_analytics.start"), "{path}");

    let body = json!({"id": "201234567890123"});
    desk.upstream.answer("201234567890123", 200, body, Duration::ZERO);
    assert_eq!(desk.get(&asked).await["code"], "not_offered");
    let none = Desk::start_with(None, |config| config.lines.first.account = None).await;
    assert_eq!(none.get("/v1/reconciliation").await["code"], "no_account");
}
