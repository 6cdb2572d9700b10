//! What calls and messages cost, at the account's card, month and tier.

use std::time::Duration;

use offhook_platform::{
    Config, Seed,
    clock::{Clock, Mode},
};
use rules::price::Card;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, Bench, config, value},
    business::Business,
};

/// The demo's account with another card, and what else is to be replaced.
pub(crate) fn seeded(changes: &[(&str, &str)]) -> Config {
    let mut seed = include_str!("../../seeds/demo.toml").to_owned();
    for (from, to) in changes {
        assert!(seed.contains(from), "{from}");
        seed = seed.replace(from, to);
    }
    Config { seed: Seed::parse(&seed).unwrap(), ..config() }
}

/// The demo's account in Berlin, in euros, with the newest rules and one card of its own.
pub(crate) fn berlin(card: &str, rate: &str) -> Config {
    let csv = format!("Market,Currency,0+\nMexico,EUR,{rate}\n");
    let seeded = seeded(&[
        ("rate_card = \"example\"", "rate_card = \"ours\""),
        ("currency = \"USD\"", "currency = \"EUR\""),
        ("America/Sao_Paulo", "Europe/Berlin"),
        ("2025-beta", "2026-10"),
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
    let business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let (status, body) = bench.graph("calls", dial).await;
    assert_eq!(status, 200, "{body}");
    let id = body["calls"][0]["id"].as_str().unwrap().to_owned();
    bench.hook.wait_nth("ACCEPTED", nth).await;
    bench.clock.advance(lasts).unwrap();
    let (status, body) = bench.action(&id, "terminate").await;
    assert_eq!(status, 200, "{body}");
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
    let seeded = seeded(&[("rate_card = \"example\"", "rate_card = \"ours\"")]);
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

    // Midnight in São Paulo is 03:00 in UTC.
    bench.clock.set("2026-11-01T02:59:00Z".parse().unwrap());
    assert_eq!(talk(&bench, 2, "PT66S").await["price"]["amount"], "0.055", "answered in October");
    assert_eq!(talk(&bench, 3, "PT6S").await["price"]["amount"], "0.01", "November is new");
    assert_eq!(tiers(&bench).len(), 1, "a new month is not told");
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
    let seen = crate::bench::send(seen).await.1;
    assert_eq!(seen["price"]["amount"], "0.01", "one pulse: {seen}");
    second.shutdown().await;
}

#[tokio::test]
async fn a_message_in_a_call_is_shown_apart() {
    let rules = [("price.free_messages_per_month".to_owned(), "1".to_owned())].into();
    let bench = Bench::with(Config { rules, ..seeded(&[("2025-beta", "2026-10")]) }).await;
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
    assert_eq!(call["price"]["amount"], "0.12", "the call alone");
    let messages = call["messages"].as_array().unwrap();
    let shown: Vec<_> = messages
        .iter()
        .map(|it| (it["category"].as_str(), it["charge"].as_str(), it["price"]["amount"].as_str()))
        .collect();
    let service = Some("SERVICE");
    assert!(shown.contains(&(service, Some("free_of_month"), None)), "{shown:?}");
    assert!(shown.contains(&(service, Some("billed"), Some("0.01"))), "{shown:?}");
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
        ..seeded(&[("2025-beta", "2026-10")])
    };
    let first = Bench::with(with_data()).await;
    let name = "example-2026-01-01";
    add_card(&first, name, "Market,Currency,0+\nMexico,USD,7\n").await;
    let messages =
        "Market,Currency,Marketing,Utility,Authentication,Service\nMexico,USD,4,3,2,0.5\n";
    add_card(&first, name, messages).await;
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
