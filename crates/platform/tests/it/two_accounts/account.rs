//! The two accounts, and a platform that has one of them.

use std::collections::BTreeMap;

use offhook_platform::{Config, Seed, clock::Mode};
use rules::price::Card;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, config, send},
    business::Business,
};

pub(super) const PNID: &str = "109876543210001";
pub(super) const WABA: &str = "201234567890001";
pub(super) const OTHER_PNID: &str = "109876543210002";
const TOKEN: &str = "two-accounts-token";

/// What one account is, and what its rulebook says.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) business: &'static str,
    pub(super) other: &'static str,
    pub(super) user: &'static str,
    pub(super) friend: &'static str,
    pub(super) currency: &'static str,
    pub(super) timezone: &'static str,
    pub(super) rulebook: &'static str,
    pub(super) tier: u32,
    pub(super) rate_card: &'static str,
    /// A card in the account's currency beside the shipped ones.
    pub(super) card_csv: Option<&'static str>,
    /// The price of 70 seconds to `user`.
    pub(super) price_of_70_s: &'static str,
    /// A business's call needs an open window.
    pub(super) needs_window: bool,
    /// Concurrent calls are counted over all numbers of the account.
    pub(super) counts_account: bool,
    /// The lowest tier with calling.
    pub(super) tier_min: u32,
    /// A Turkish number may take users' calls.
    pub(super) turkey_takes_calls: bool,
    /// The offset of `timezone` on the Monday of the test, in hours.
    pub(super) hours_east: i64,
}

pub(super) const BRAZIL: Account = Account {
    business: "551140000001",
    other: "551140000002",
    user: "5215550000001",
    friend: "5511988887777",
    currency: "USD",
    timezone: "America/Sao_Paulo",
    rulebook: "2025-beta",
    tier: 1_000,
    rate_card: "example",
    card_csv: None,
    price_of_70_s: "0.12",
    needs_window: true,
    counts_account: true,
    tier_min: 1_000,
    turkey_takes_calls: false,
    hours_east: -3,
};

pub(super) const GERMANY: Account = Account {
    business: "4930900000001",
    other: "4930900000002",
    user: "33600000001",
    friend: "4915100000003",
    currency: "EUR",
    timezone: "Europe/Berlin",
    rulebook: "2026-10",
    tier: 10_000,
    rate_card: "second",
    card_csv: Some("Market,Currency,0-50000,50001+\nFrance,EUR,0.05,0.04\nOther,EUR,0.2,0.1\n"),
    price_of_70_s: "0.06",
    needs_window: false,
    counts_account: false,
    tier_min: 2_000,
    turkey_takes_calls: true,
    hours_east: 1,
};

impl Account {
    /// The seed file of a platform that has this account alone, with two numbers and two users.
    pub(super) fn seed(&self) -> String {
        let Self { business, other, user, friend, currency, timezone, rulebook, tier, .. } = self;
        let rate_card = self.rate_card;
        format!(
            r#"
[[app]]
id = "401234567890001"
name = "Two accounts"
secret = "two-accounts-secret"
verify_token = "demo-verify"
access_tokens = ["{TOKEN}"]
fields = ["calls", "messages", "account_update", "account_settings_update"]

[[account]]
id = "201234567890001"
name = "Two accounts"
currency = "{currency}"
timezone = "{timezone}"
use_case = "utility"
payment_valid = true
rulebook = "{rulebook}"
rate_card = "{rate_card}"
apps = ["401234567890001"]

[[number]]
id = "{PNID}"
account = "201234567890001"
digits = "{business}"
name = "First"
tier = {tier}
[number.calling]
status = "ENABLED"

[[number]]
id = "{OTHER_PNID}"
account = "201234567890001"
digits = "{other}"
name = "Second"
tier = {tier}
[number.calling]
status = "ENABLED"

[[user]]
wa_id = "{user}"
name = "User"
[[user]]
wa_id = "{friend}"
name = "Friend"
"#
        )
    }

    pub(super) async fn start(&self) -> Side<'_> {
        self.start_with(&self.seed(), BTreeMap::new()).await
    }

    /// A platform of a changed seed or changed rules; its clock stands.
    pub(super) async fn start_with(&self, seed: &str, rules: BTreeMap<String, String>) -> Side<'_> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seed.toml");
        std::fs::write(&file, seed).unwrap();
        let seed = Seed::read(&file).unwrap();
        let card = self.card_csv.map(|csv| Card::parse(self.rate_card, csv).unwrap());
        let rate_cards = card.into_iter().collect();
        let bench = Bench::with(Config { seed, rules, rate_cards, ..config() }).await;
        bench.clock.set_mode(Mode::Frozen);
        bench.clock.set("2026-11-23T15:00:00Z".parse().unwrap());
        Side { account: self, bench }
    }
}

/// A platform with one account.
pub(super) struct Side<'a> {
    pub(super) account: &'a Account,
    pub(super) bench: Bench,
}

impl Side<'_> {
    pub(super) async fn graph(&self, edge: &str, body: Value) -> (u16, Value) {
        self.graph_of(PNID, edge, body).await
    }

    pub(super) async fn graph_of(&self, pnid: &str, edge: &str, body: Value) -> (u16, Value) {
        let request = self.bench.post(&format!("/v26.0/{pnid}/{edge}"));
        send(request.bearer_auth(TOKEN).json(&body)).await
    }

    pub(super) fn with_token(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.bearer_auth(TOKEN)
    }

    pub(super) async fn read_permissions(&self) -> (u16, Value) {
        let path = format!("/v26.0/{PNID}/call_permissions?user_wa_id={}", self.account.user);
        send(self.with_token(self.bench.get(&path))).await
    }

    /// What `call_permissions` says of the user.
    pub(super) async fn permissions(&self) -> Value {
        let answer = self.read_permissions().await;
        assert_eq!(answer.0, 200, "{}", answer.1);
        answer.1
    }

    pub(super) async fn user(&self, user: &str, act: &str, body: Value) -> (u16, Value) {
        let mut body = body;
        body["to"] = json!(self.account.business);
        self.bench.sandbox(&format!("/users/{user}/{act}"), body).await
    }

    pub(super) async fn open_window(&self) {
        let written = self.user(self.account.user, "message", json!({ "text": "hello" })).await;
        assert_eq!(written.0, 200, "{}", written.1);
    }

    pub(super) async fn permit(&self, action: &str) {
        let user = self.account.user;
        let decided = self.user(user, "permission", json!({ "action": action })).await;
        assert_eq!(decided.0, 200, "{}", decided.1);
    }

    pub(super) async fn behave(&self, user: &str, behaviour: Value) {
        self.bench.behave(user, behaviour).await;
    }

    pub(super) async fn dial(&self) -> (u16, Value) {
        self.dial_from(PNID, self.account.user).await
    }

    pub(super) async fn dial_from(&self, pnid: &str, to: &str) -> (u16, Value) {
        let sdp = Business::offering().sdp;
        let body = json!({ "messaging_product": "whatsapp", "to": to, "action": "connect",
            "session": { "sdp_type": "offer", "sdp": sdp } });
        self.graph_of(pnid, "calls", body).await
    }

    pub(super) fn advance(&self, span: &str) {
        self.bench.clock.advance(span).unwrap();
    }

    pub(super) fn set(&self, at: &str) {
        self.bench.clock.set(at.parse().unwrap());
    }
}

/// The id of a placed call.
#[track_caller]
pub(super) fn placed(answer: &(u16, Value)) -> String {
    let id = answer.1["calls"][0]["id"].as_str().or_else(|| answer.1["call_id"].as_str());
    id.unwrap_or_else(|| panic!("not placed: {answer:?}")).to_owned()
}
