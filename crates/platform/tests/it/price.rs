//! What calls and messages cost, at the account's card, month and tier.

use std::time::Duration;

use offhook_platform::{
    Config,
    clock::{Clock, Mode},
};
use rules::price::Card;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, Bench, PNID, config, send, value},
    business::Business,
    home,
};

/// The newest rules, for [`home::line`] of `rulebook`.
pub(crate) const NEWEST: &str = "rulebook = \"2026-10\"";

/// The demo's account with another card, and what else is to be replaced.
pub(crate) fn seeded(changes: &[(&str, &str)]) -> Config {
    Config { seed: home::seed_with(changes), ..config() }
}

/// The demo's account in Berlin, in euros, with the newest rules and one card of its own.
pub(crate) fn berlin(card: &str, rate: &str) -> Config {
    let csv = format!("Market,Currency,0+\nMexico,EUR,{rate}\n");
    let seeded = seeded(&[
        (home::line("rate_card"), "rate_card = \"ours\""),
        (home::line("currency"), "currency = \"EUR\""),
        (home::line("timezone"), "timezone = \"Europe/Berlin\""),
        (home::line("rulebook"), NEWEST),
    ]);
    Config { rate_cards: vec![Card::parse(card, &csv).unwrap()], ..seeded }
}

async fn add_card(bench: &Bench, name: &str, csv: &str) {
    let (status, body) = bench.sandbox("/rate_cards", json!({ "name": name, "csv": csv })).await;
    assert_eq!(status, 201, "{body}");
}

/// Ana may be called, and picks up at once.
pub(crate) async fn allowed(bench: &Bench) {
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    bench.behave(ANA, json!({ "answer": { "after_ms": 0 } })).await;
}

/// A call by the business that lasts this long by the platform's clock; its inspection.
pub(crate) async fn talk(bench: &Bench, nth: usize, lasts: &str) -> Value {
    talk_from(bench, PNID, nth, lasts).await
}

/// The same from any number of the demo's app.
async fn talk_from(bench: &Bench, number: &str, nth: usize, lasts: &str) -> Value {
    let business = Business::offering();
    let post = async |body: Value| {
        let request = bench.post(&format!("/v23.0/{number}/calls")).bearer_auth("demo-token");
        let (status, answer) = send(request.json(&body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    };
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let id = post(dial).await["calls"][0]["id"].as_str().unwrap().to_owned();
    bench.hook.wait_nth("ACCEPTED", nth).await;
    bench.clock.advance(lasts).unwrap();
    post(json!({ "messaging_product": "whatsapp", "call_id": id, "action": "terminate" })).await;
    bench.hook.wait_nth("terminate", nth).await;
    inspect(bench, &id).await
}

async fn inspect(bench: &Bench, id: &str) -> Value {
    bench.sandbox_get(&format!("/calls/{id}")).await.1
}

fn tiers(bench: &Bench) -> Vec<Value> {
    let values: Vec<_> = bench.hook.all().iter().map(value).collect();
    values.into_iter().filter(|it| it["event"] == "VOLUME_BASED_PRICING_TIER_UPDATE").collect()
}

/// Minutes add up over the month, by the account's calendar; the call that leaves a tier is cheaper
/// as a whole, and the month starts again.
#[tokio::test]
async fn a_month_has_tiers_and_ends_at_the_accounts_midnight() {
    let csv = "Market,Currency,0-2,3+\nMexico,USD,0.10,0.05\nOther,USD,1,1\n";
    let csv = &csv.replace("USD", home::value("currency"));
    let seeded = seeded(&[(home::line("rate_card"), "rate_card = \"ours\"")]);
    let rate_cards = vec![Card::parse("ours-2026-01-01", csv).unwrap()];
    let bench = Bench::with(Config { rate_cards, ..seeded }).await;
    bench.clock.set_mode(Mode::Frozen);
    bench.clock.set("2026-10-31T12:00:00Z".parse().unwrap());
    allowed(&bench).await;
    assert_eq!(talk(&bench, 0, "PT120S").await["price"]["amount"], "0.2");
    assert!(tiers(&bench).is_empty());
    assert_eq!(talk(&bench, 1, "PT6S").await["price"]["amount"], "0.005", "whole, and cheaper");
    bench.hook.wait("other").await;
    let told = tiers(&bench);
    let told = told.first().unwrap();
    assert_eq!(told["volume_tier_info"]["tier"], "3:MAX");
    assert_eq!(told["volume_tier_info"]["region"], "Mexico");
    assert_eq!(told["volume_tier_info"]["effective_month"], "2026-10");
    assert_eq!(told["volume_tier_info"]["pricing_category"], "CALLING");
    let whole = bench.hook.all().into_iter().find(|it| value(it) == *told).unwrap();
    let whole: Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!(whole["entry"][0]["id"], "201234567890123", "the account's");
    assert!(whole["entry"][0]["time"].is_i64(), "{whole}");

    // Midnight in São Paulo is 03:00 in UTC, in Berlin 23:00 of the day before.
    let last = home::either("2026-11-01T02:59:00Z", "2026-10-31T22:59:00Z");
    bench.clock.set(last.parse().unwrap());
    assert_eq!(talk(&bench, 2, "PT66S").await["price"]["amount"], "0.055", "answered in October");
    assert_eq!(talk(&bench, 3, "PT6S").await["price"]["amount"], "0.01", "November is new");
    assert_eq!(tiers(&bench).len(), 1, "a new month is not told");
}

/// Accounts of one portfolio use up the same minutes.
#[tokio::test]
async fn a_portfolio_shares_its_tier() {
    const OTHER: (&str, &str, &str) = ("202", "209876543210987", "551140000001");
    let csv = "Market,Currency,0-2,3+\nMexico,USD,0.10,0.05\n";
    let csv = &csv.replace("USD", home::value("currency"));
    let seeded = seeded(&[(home::line("rate_card"), "rate_card = \"ours\"")]);
    let rate_cards = vec![Card::parse("ours-2026-01-01", csv).unwrap()];
    let bench = Bench::with(Config { rate_cards, ..seeded }).await;
    bench.clock.set_mode(Mode::Frozen);
    bench.clock.set("2026-11-10T12:00:00Z".parse().unwrap());
    let account = json!({ "id": OTHER.0, "name": "Other", "currency": home::value("currency"),
        "timezone": home::value("timezone"), "use_case": "service", "payment_valid": true,
        "rulebook": home::value("rulebook"), "rate_card": "ours", "apps": ["401234567890123"] });
    let number = json!({ "id": OTHER.1, "account": OTHER.0, "digits": OTHER.2, "name": "Other",
                         "tier": 2000 });
    for (path, body) in [("/accounts", account), ("/numbers", number)] {
        let (status, answer) = bench.sandbox(path, body).await;
        assert_eq!(status, 201, "{answer}");
    }
    let on = json!({ "calling": { "status": "ENABLED" } });
    let on = bench.post(&format!("/v23.0/{}/settings", OTHER.1)).json(&on);
    assert_eq!(send(on.bearer_auth("demo-token")).await.0, 200);
    allowed(&bench).await;
    let text = json!({ "to": OTHER.2, "text": "hello" });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/message"), text).await.0, 200);
    let permit = json!({ "to": OTHER.2, "action": "accept_permanent" });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/permission"), permit).await.0, 200);

    assert_eq!(talk(&bench, 0, "PT120S").await["price"]["amount"], "0.2");
    let alone = talk_from(&bench, OTHER.1, 1, "PT6S").await;
    assert_eq!(alone["price"]["amount"], "0.01", "its own portfolio, its own minutes");
    for account in ["201234567890123", OTHER.0] {
        let change = bench.put(&format!("/sandbox/v1/accounts/{account}"));
        let body = json!({ "portfolio": "one" });
        assert_eq!(send(change.json(&body)).await.0, 200);
    }
    assert_eq!(talk(&bench, 2, "PT120S").await["price"]["amount"], "0.2", "a new meter");
    let shared = talk_from(&bench, OTHER.1, 3, "PT6S").await;
    assert_eq!(shared["price"]["amount"], "0.005", "the other's minutes count");
}

/// A utility template is free in the open window by the old rules only; marketing never is.
#[tokio::test]
async fn templates_cost_by_category_and_window() {
    let template = |name: &str, category: &str| {
        json!({ "name": name, "language": "en", "category": category,
                "components": [{ "type": "BODY", "text": "Hello." }] })
    };
    for (rules, utility_inside) in [("2025-beta", "free_in_window"), ("2026-10", "billed")] {
        let bench =
            Bench::with(seeded(&[(home::line("rulebook"), &format!("rulebook = \"{rules}\""))]))
                .await;
        bench.clock.set_mode(Mode::Frozen);
        bench.clock.set("2026-11-10T12:00:00Z".parse().unwrap());
        for (name, category) in [("told", "UTILITY"), ("sold", "MARKETING")] {
            let made = bench.post("/v23.0/201234567890123/message_templates");
            let made = made.bearer_auth("demo-token").json(&template(name, category));
            assert_eq!(send(made).await.0, 200);
        }
        bench.clock.advance("PT2S").unwrap();
        let both = async || {
            for name in ["told", "sold"] {
                let body = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "template",
                    "template": { "name": name, "language": { "code": "en" } } });
                let (status, answer) = bench.graph("messages", body).await;
                assert_eq!(status, 200, "{answer}");
                bench.clock.advance("PT1S").unwrap();
            }
        };
        bench.open_window().await;
        both().await;
        bench.clock.advance("PT25H").unwrap();
        both().await;
        let path = "/accounts/201234567890123/messages?month=2026-11";
        let (status, listed) = bench.sandbox_get(path).await;
        assert_eq!(status, 200, "{listed}");
        let shown: Vec<_> = listed["messages"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .map(|it| {
                let text = |it: &Value| it.as_str().unwrap_or("").to_owned();
                (text(&it["category"]), text(&it["charge"]), text(&it["price"]["amount"]))
            })
            .collect();
        let row = |category: &str, charge: &str, price: &str| {
            (category.to_owned(), charge.to_owned(), price.to_owned())
        };
        let (told, sold) = home::either(("0.01", "0.05"), ("0.02", "0.1"));
        let inside = if utility_inside == "billed" { told } else { "" };
        let want = [
            row("UTILITY", utility_inside, inside),
            row("MARKETING", "billed", sold),
            row("UTILITY", "billed", told),
            row("MARKETING", "billed", sold),
        ];
        assert_eq!(shown, want, "{rules}");
        let totals = listed["totals"].as_array().unwrap();
        let sold = totals.iter().find(|it| it["category"] == "MARKETING").unwrap();
        let twice = home::either("0.1", "0.2");
        assert_eq!((&sold["count"], &sold["price"]["amount"]), (&json!(2), &json!(twice)));
        assert_eq!(listed["messages"][0].get("call_id"), None, "no call");
        let before = "/accounts/201234567890123/messages?month=2026-10";
        assert_eq!(bench.sandbox_get(before).await.1["messages"], json!([]));
        let wrong = "/accounts/201234567890123/messages?month=November";
        assert_eq!(bench.sandbox_get(wrong).await.0, 400);
    }
}

/// The card of the day the call was answered on, in the account's currency and zone.
#[tokio::test]
async fn the_card_in_force_holds() {
    let bench = Bench::with(berlin("ours-2026-10-01", "0.20")).await;
    bench.clock.set_mode(Mode::Frozen);
    bench.clock.set("2026-09-30T21:59:00Z".parse().unwrap());
    allowed(&bench).await;
    assert_eq!(talk(&bench, 0, "PT6S").await["price"], Value::Null, "no rate, no price");
    add_card(&bench, "ours-2026-01-01", "Market,Currency,0+\nMexico,EUR,0.10\n").await;
    add_card(&bench, "ours-2026-10-01", "Market,Currency,0+\nMexico,USD,9\n").await;
    let price = talk(&bench, 1, "PT61S").await["price"].clone();
    assert_eq!(price, json!({ "amount": "0.11", "currency": "EUR" }), "answered in September");
    assert_eq!(talk(&bench, 2, "PT6S").await["price"]["amount"], "0.02", "October in Berlin");
}

/// A call is billed up to the last sign of life of a platform that was killed, not up to its restart.
#[tokio::test]
async fn nobody_pays_for_an_outage() {
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().to_owned());
    let with_data = || Config { data: data.clone(), ..config() };
    let first = Bench::with(with_data()).await;
    allowed(&first).await;
    let business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let (_, body) = first.graph("calls", dial).await;
    let id = body["calls"][0]["id"].as_str().unwrap().to_owned();
    first.hook.wait("ACCEPTED").await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;

    // The second finds the folder as a kill would leave it, an hour later.
    let clock = Clock::starting_at(first.clock.now() + Duration::from_secs(3_600));
    let second = offhook_platform::serve(Config { clock, ..with_data() }).await.unwrap();
    let call = first.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!((&call["id"], &call["status"]), (&json!(id), &json!("FAILED")));
    let lasted = call["duration"].as_u64().unwrap();
    assert!((1..=5).contains(&lasted), "{call}");
    let seen = first.http.get(format!("{}/sandbox/v1/calls/{id}", second.base_url()));
    let seen = send(seen).await.1;
    assert_eq!(seen["price"]["amount"], home::either("0.01", "0.02"), "one pulse: {seen}");
    second.shutdown().await;
}

#[tokio::test]
async fn a_message_in_a_call_is_shown_apart() {
    let rules = [("price.free_messages_per_month".to_owned(), "1".to_owned())].into();
    let bench = Bench::with(Config { rules, ..seeded(&[(home::line("rulebook"), NEWEST)]) }).await;
    allowed(&bench).await;
    let text = |body: &str| {
        json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text",
                "text": { "body": body } })
    };
    let business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let (_, body) = bench.graph("calls", dial).await;
    let id = body["calls"][0]["id"].as_str().unwrap().to_owned();
    bench.hook.wait("ACCEPTED").await;
    for words in ["the free one", "the paid one"] {
        let (status, body) = bench.graph("messages", text(words)).await;
        assert_eq!(status, 200, "{body}");
    }
    bench.clock.advance("PT70S").unwrap();
    bench.action(&id, "terminate").await;
    let (_, body) = bench.graph("messages", text("after the call")).await;
    assert!(body["messages"][0]["id"].is_string());
    let call = inspect(&bench, &id).await;
    assert_eq!(call["price"]["amount"], home::either("0.12", "0.24"), "the call alone");
    let messages = call["messages"].as_array().unwrap();
    let shown: Vec<_> = messages
        .iter()
        .map(|it| (it["category"].as_str(), it["charge"].as_str(), it["price"]["amount"].as_str()))
        .collect();
    let service = Some("SERVICE");
    assert!(shown.contains(&(service, Some("free_of_month"), None)), "{shown:?}");
    assert!(
        shown.contains(&(service, Some("billed"), Some(home::either("0.01", "0.02")))),
        "{shown:?}"
    );
    assert_eq!(shown.len(), 2, "{shown:?}");
}

/// A card of calls and a card of messages may have one name; both are there after a restart.
#[tokio::test]
async fn cards_that_were_added_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let rules = || [("price.free_messages_per_month".to_owned(), "0".to_owned())].into();
    let with_data = || Config {
        data: Some(folder.path().to_owned()),
        rules: rules(),
        ..seeded(&[(home::line("rulebook"), NEWEST)])
    };
    let first = Bench::with(with_data()).await;
    let name = &format!("{}-2026-01-01", home::value("rate_card"));
    let calls = "Market,Currency,0+\nMexico,USD,7\n";
    let messages =
        "Market,Currency,Marketing,Utility,Authentication,Service\nMexico,USD,4,3,2,0.5\n";
    for card in [calls, messages] {
        add_card(&first, name, &card.replace("USD", home::value("currency"))).await;
    }
    first.running.shutdown().await;

    let bench = Bench::with(with_data()).await;
    allowed(&bench).await;
    let business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let (_, body) = bench.graph("calls", dial).await;
    let id = body["calls"][0]["id"].as_str().unwrap().to_owned();
    bench.hook.wait("ACCEPTED").await;
    let text = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text",
                       "text": { "body": "hello" } });
    assert_eq!(bench.graph("messages", text).await.0, 200);
    bench.action(&id, "terminate").await;
    bench.hook.wait("terminate").await;
    let call = inspect(&bench, &id).await;
    assert_eq!(call["price"]["amount"], "0.7", "{call}");
    assert_eq!(call["messages"][0]["price"]["amount"], "0.5", "{call}");
}

#[tokio::test]
async fn a_broken_card_is_refused_with_its_line() {
    let bench = Bench::start().await;
    let csv = "Market,Currency,0+\n\nMexico,USD,much\n";
    let (status, body) = bench.sandbox("/rate_cards", json!({ "name": "x", "csv": csv })).await;
    assert_eq!(status, 400);
    assert_eq!(body["text"], "csv: rate card x, line 3: \"much\" is not a rate");
    let csv = "Market,Currency,Marketing\nMexico,EUR,0.05\n";
    let named = json!({ "name": "x-messages-2026-01-01", "csv": csv });
    let (status, body) = bench.sandbox("/rate_cards", named).await;
    assert_eq!(status, 201);
    let want = json!({ "family": "x", "currency": "EUR", "effective": "2026-01-01",
                       "rates_of": "messages" });
    assert_eq!(body, want);
}
