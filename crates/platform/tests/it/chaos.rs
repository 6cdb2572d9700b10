//! Does the server keep its word when anything may happen, and its endpoint fails for a while?
//!
//! Some two hundred requests from one seed: users call, hang up, write and decide; the business calls,
//! answers, rejects, ends, asks and changes settings; the clock stands and is moved; for a third of
//! them the endpoint fails. `offhook-sim` does the same to the rules alone, thousands of times.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use offhook_platform::clock::Mode;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench},
    business::Business,
};

/// The seed; `OFFHOOK_CHAOS_SEED` plays another.
fn seed() -> u64 {
    std::env::var("OFFHOOK_CHAOS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(2026)
}

const REQUESTS: usize = 200;
const USERS: [&str; 3] = [ANA, "5511988887777", "2348030000003"];

/// Chance from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % below as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

/// A run: the server, chance, and the business's own end of the calls it took.
struct Run {
    bench: Bench,
    dice: Dice,
    offering: Business,
    answers: BTreeMap<String, Business>,
    story: Vec<String>,
}

#[tokio::test]
async fn two_hundred_requests_and_an_endpoint_that_fails_break_nothing() {
    let mut run = Run {
        bench: Bench::start().await,
        dice: Dice(seed()),
        offering: Business::offering(),
        answers: BTreeMap::new(),
        story: Vec::new(),
    };
    run.bench.clock.set_mode(Mode::Frozen);
    for user in USERS {
        run.bench.behave(user, json!({ "answer": "ignore" })).await;
    }
    for turn in 0..REQUESTS {
        match turn {
            70 => run.bench.hook.answer(500),
            130 => run.bench.hook.answer(200),
            _ => {}
        }
        run.act(turn).await;
        run.check_live().await;
    }
    run.end().await;
    run.check_the_end().await;
}

impl Run {
    async fn act(&mut self, turn: usize) {
        let user = self.dice.pick(&USERS);
        let what = self.dice.roll(20);
        let answer = match what {
            0..=2 => self.user_calls_twice_at_once(user).await,
            3 | 4 => self.user(user, "hang_up", json!({})).await,
            5 | 6 => self.user(user, "message", json!({ "to": BUSINESS, "text": "hello" })).await,
            7 | 8 => {
                let actions = ["accept_temporary", "accept_permanent", "reject", "revoke"];
                let action = self.dice.pick(&actions);
                self.user(user, "permission", json!({ "to": BUSINESS, "action": action })).await
            }
            9 => {
                let habits = ["ignore", "reject", "busy", "unreachable", "answer", "answer"];
                let habit = match self.dice.pick(&habits) {
                    "answer" => json!({ "after_ms": 10 }),
                    other => json!(other),
                };
                self.bench.behave(user, json!({ "answer": habit })).await;
                (200, habit)
            }
            10 | 11 => self.dial(user).await,
            12..=15 => self.act_on_a_call().await,
            16 => self.bench.graph("messages", ask(user)).await,
            17 => self.change_settings().await,
            _ => self.move_clock(turn).await,
        };
        self.story.push(format!("{turn}: {what} for {user}: {} {}", answer.0, answer.1));
        assert!(answer.0 < 500 || answer.0 == 500 && code(&answer.1) == 138_007, "{}", self.told());
    }

    async fn user(&self, user: &str, edge: &str, body: Value) -> (u16, Value) {
        self.bench.sandbox(&format!("/users/{user}/{edge}"), body).await
    }

    /// Of two calls of one user at the same time, at most one is placed.
    async fn user_calls_twice_at_once(&self, user: &str) -> (u16, Value) {
        let call = || self.user(user, "call", json!({ "to": BUSINESS }));
        let (first, second) = tokio::join!(call(), call());
        assert!(first.0 != 200 || second.0 != 200, "two calls of a pair: {first:?} {second:?}");
        if first.0 == 200 { first } else { second }
    }

    async fn dial(&self, user: &str) -> (u16, Value) {
        let body = json!({ "messaging_product": "whatsapp", "to": user, "action": "connect",
            "session": { "sdp_type": "offer", "sdp": self.offering.sdp } });
        self.bench.graph("calls", body).await
    }

    async fn act_on_a_call(&mut self) -> (u16, Value) {
        let calls = self.calls().await;
        if calls.is_empty() {
            return (200, json!("no call yet"));
        }
        // The newest come first.
        let call = calls[self.dice.roll(calls.len().min(4))].clone();
        let id = call["call_id"].as_str().unwrap().to_owned();
        match self.dice.roll(5) {
            0 => self.bench.action(&id, "reject").await,
            1 => self.bench.action(&id, "terminate").await,
            action => {
                let Some(sdp) = self.answer_to(&id).await else { return (200, json!("no offer")) };
                let action = if action == 2 { "pre_accept" } else { "accept" };
                self.bench.answer(&id, action, &sdp).await
            }
        }
    }

    /// The business's answer to this call, one for its life.
    async fn answer_to(&mut self, id: &str) -> Option<String> {
        if !self.answers.contains_key(id) {
            let is_offer = |value: &Value| {
                let call = &value["calls"][0];
                call["id"] == id && call["session"]["sdp_type"] == "offer"
            };
            let connect = self.values().await.into_iter().find(is_offer)?;
            self.answers.insert(id.to_owned(), Business::answering(&connect));
        }
        self.answers.get(id).map(|business| business.sdp.clone())
    }

    async fn change_settings(&mut self) -> (u16, Value) {
        let icon = self.dice.pick(&["DEFAULT", "DISABLE_ALL"]);
        let callback = self.dice.pick(&["ENABLED", "DISABLED"]);
        let calling =
            json!({ "call_icon_visibility": icon, "callback_permission_status": callback });
        self.bench.graph("settings", json!({ "calling": calling })).await
    }

    /// While the endpoint fails, never so far that a webhook's time is over.
    async fn move_clock(&mut self, turn: usize) -> (u16, Value) {
        let far = ["PT1S", "PT50S", "PT25H", "P8D"];
        let near = ["PT1S", "PT50S", "PT10M", "PT1H"];
        let fails = (60..160).contains(&turn);
        let by = self.dice.pick(if fails { &near } else { &far });
        self.bench.sandbox("/clock", json!({ "advance": by })).await
    }

    async fn calls(&self) -> Vec<Value> {
        let state = self.bench.sandbox_get("/state").await.1;
        state["calls"].as_array().unwrap().clone()
    }

    async fn journal(&self) -> Vec<Value> {
        self.bench.sandbox_get("/webhooks").await.1.as_array().unwrap().clone()
    }

    /// The value of every webhook, oldest first.
    async fn values(&self) -> Vec<Value> {
        self.journal().await.iter().map(|row| value(row).clone()).collect()
    }

    /// One live call a pair; no counter beyond its limit.
    async fn check_live(&self) {
        let mut busy = BTreeSet::new();
        for call in self.calls().await.iter().filter(|call| call["state"] != "ended") {
            let pair = (call["user"].to_string(), call["business"].to_string());
            assert!(busy.insert(pair), "two live calls of a pair: {}", self.told());
        }
        let path = format!("/call_permissions?user_wa_id={ANA}");
        let read = self.bench.graph_get(&path).await.1;
        for limit in read["actions"].as_array().into_iter().flatten().flat_map(limits) {
            let (used, max) = (&limit["current_usage"], &limit["max_allowed"]);
            assert!(used.as_u64().unwrap() <= max.as_u64().unwrap(), "{read} {}", self.told());
        }
    }

    /// Every call is ended, and time passes until every webhook has been tried again.
    async fn end(&self) {
        for call in self.calls().await.iter().filter(|call| call["state"] != "ended") {
            self.bench.action(call["call_id"].as_str().unwrap(), "terminate").await;
        }
        for _ in 0..200 {
            let calls = self.calls().await;
            let waiting = self.journal().await.iter().any(|row| row["state"] == "waiting");
            if !waiting && calls.iter().all(|call| call["state"] == "ended") {
                return;
            }
            self.bench.clock.advance("PT10M").unwrap();
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
        panic!("something waits for ever: {}", self.told());
    }

    async fn check_the_end(&self) {
        let journal = self.journal().await;
        assert!(journal.len() < 1_000, "the journal shows every webhook");
        let tried_again =
            journal.iter().filter(|row| row["attempts"].as_array().unwrap().len() > 1);
        assert!(tried_again.count() > 5, "the endpoint's failure was noticed");
        let mut arrived: BTreeMap<String, usize> = BTreeMap::new();
        for delivered in self.bench.hook.all() {
            *arrived.entry(delivered.signature).or_default() += 1;
        }
        for row in &journal {
            assert_eq!(row["state"], "delivered", "{row}");
            let attempts = row["attempts"].as_array().unwrap();
            let (last, earlier) = attempts.split_last().unwrap();
            assert_eq!(last["status"], 200, "{row}");
            assert!(earlier.iter().all(|attempt| attempt["status"] == 500), "{row}");
            let signature = row["signature"].as_str().unwrap();
            assert!(arrived[signature] >= attempts.len(), "{row}");
        }
        self.check_calls(&journal).await;
    }

    /// Each call began once and ended once, and nothing followed its end.
    async fn check_calls(&self, journal: &[Value]) {
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for row in journal {
            let value = value(row);
            if let Some(id) = value["calls"][0]["id"].as_str() {
                let event = value["calls"][0]["event"].as_str().unwrap().to_owned();
                told.entry(id.to_owned()).or_default().push(event);
            }
            if value["statuses"][0]["type"] == "call" {
                let id = value["statuses"][0]["id"].as_str().unwrap().to_owned();
                let status = value["statuses"][0]["status"].as_str().unwrap().to_owned();
                told.entry(id).or_default().push(status);
            }
        }
        let calls = self.calls().await;
        assert!(calls.len() > 15, "{} calls are too few to mean anything", calls.len());
        assert_eq!(told.len(), calls.len(), "every call was told");
        for (id, events) in &told {
            let count = |event: &str| events.iter().filter(|it| *it == event).count();
            assert_eq!((count("connect"), count("terminate")), (1, 1), "{id}: {events:?}");
            assert_eq!(events.first().unwrap(), "connect", "{id}: {events:?}");
            assert_eq!(events.last().unwrap(), "terminate", "{id}: {events:?}");
        }
    }

    fn told(&self) -> String {
        format!("\n{}\nseed {}", self.story.join("\n"), seed())
    }
}

fn value(row: &Value) -> &Value {
    &row["body"]["entry"][0]["changes"][0]["value"]
}

fn limits(action: &Value) -> Vec<&Value> {
    action["limits"].as_array().into_iter().flatten().collect()
}

fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_default()
}

fn ask(user: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": user, "type": "interactive",
        "interactive": { "type": "call_permission_request", "body": { "text": "May we?" },
                         "action": { "name": "call_permission_request" } } })
}
