//! A program calls users: now, once, or when they consent.

use std::time::Duration;

use media::transport::Setup;
use offhook_gateway::serve;
use serde_json::{Value, json};

use crate::{
    desk::{ANA, Desk, MENU_HZ, WELCOME_HZ, accept, calls, config, newest_rules, now, permissions},
    upstream::{Asked, Upstream},
    voice::Voice,
};

const PLACED: &str = "wacid.PLACED1";
const DAY_S: i64 = 86_400;

fn allow(upstream: &Upstream, until: i64) {
    let body = permissions("temporary", Some(until));
    upstream.answer("call_permissions", 200, body, Duration::ZERO);
}

fn request() -> Value {
    json!({"to": ANA, "flow": true})
}

fn parking() -> Value {
    json!({"to": ANA, "flow": true, "wait_for_consent": "P2D"})
}

fn in_state(state: &'static str) -> impl Fn(&Value) -> bool {
    move |list| list["parked_calls"][0]["state"] == state
}

/// Ana's phone answers the offer, rings and is picked up.
async fn pick_up(desk: &Desk, asked: &Asked) -> Voice {
    let opaque = asked.body["biz_opaque_callback_data"].as_str().unwrap();
    let mut user = Voice::of_platform(&desk.engine);
    let sdp = user.platform_answer(asked.sdp(), Setup::Passive);
    let answer = calls(&json!({"calls": [{"id": PLACED, "from": "551140000000", "to": ANA,
        "event": "connect", "timestamp": now().to_string(), "direction": "BUSINESS_INITIATED",
        "biz_opaque_callback_data": opaque, "session": {"sdp": sdp, "sdp_type": "answer"}}]}));
    desk.webhook(&answer).await;
    user.connected().await;
    assert_eq!(user.packets(), 0, "nothing before the user picks up");
    let accepted = calls(&json!({"statuses": [{"id": PLACED, "type": "call", "status": "ACCEPTED",
        "timestamp": now().to_string(), "recipient_id": ANA,
        "biz_opaque_callback_data": opaque}]}));
    desk.webhook(&accepted).await;
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flow_speaks_in_a_call_we_placed() {
    let desk = Desk::start_with(None, newest_rules).await;
    allow(&desk.upstream, now() + 7 * DAY_S);
    let (status, placed) = desk.post("/v1/calls", &request(), None).await;
    assert_eq!((status, &placed["call_id"]), (201, &json!(PLACED)), "{placed}");
    assert_eq!(placed["state"], "placing");
    let asked = desk.upstream.wait_for("connect").await;
    assert_eq!(asked.body["to"], ANA);
    let mut user = pick_up(&desk, &asked).await;
    user.expect_tone(WELCOME_HZ).await;
    user.expect_tone(MENU_HZ).await;
    let live = desk.get(&format!("/v1/calls/{PLACED}")).await;
    assert_eq!((&live["state"], &live["agent"]), (&json!("in_flow"), &Value::Null));
    let over = crate::desk::terminate(PLACED, "BUSINESS_INITIATED", Some(7));
    desk.webhook(&over).await;
    assert_eq!(desk.record(PLACED).await["reason"], "user_hung_up");
    let path = format!("/v1/consents/{ANA}");
    let known = desk.get_until(&path, |known| known["entries"][0]["kind"] == "connected").await;
    assert_eq!(known["entries"][0]["evidence"]["call_id"], PLACED);
    assert_eq!(known["entries"][0]["direction"], "BUSINESS_INITIATED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_consent_is_refused_with_rule_evidence_and_words() {
    let desk = Desk::start_with(None, newest_rules).await;
    let (status, body) = desk.post("/v1/calls", &request(), Some("k")).await;
    assert_eq!((status, &body["rule"]), (409, &json!("permission.required")));
    assert!(body["evidence"].as_str().unwrap().contains("The ledger has no entry"), "{body}");
    let codes: Vec<&Value> =
        body["said"].as_array().unwrap().iter().map(|said| &said["code"]).collect();
    assert_eq!(codes, ["platform", "no_entry"], "for other languages: {body}");
    assert_eq!(desk.upstream.count("connect"), 0);
    allow(&desk.upstream, now() + 7 * DAY_S);
    let (status, _) = desk.post("/v1/calls", &request(), Some("k")).await;
    assert_eq!(status, 201, "a refusal uses up no key");
    for wrong in [
        json!({"to": ANA}),
        json!({"to": ANA, "flow": true, "from": "5215550000009"}),
        json!({"to": ANA, "flow": true, "wait_for_consent": "soon"}),
    ] {
        assert_eq!(desk.post("/v1/calls", &wrong, None).await.0, 400, "{wrong}");
    }
    let unknown = json!({"to": ANA, "flow": true, "colour": "red"});
    assert_eq!(desk.post("/v1/calls", &unknown, None).await.0, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_call() {
    let desk = Desk::start_with(None, newest_rules).await;
    allow(&desk.upstream, now() + 7 * DAY_S);
    let slow = Duration::from_millis(300);
    desk.upstream.answer("connect", 200, json!({"calls": [{"id": PLACED}]}), slow);
    let ask = || async { desk.post("/v1/calls", &request(), Some("order-7712")).await };
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    let answers = [one, two, three];
    let placed = answers.iter().filter(|(status, _)| *status == 201).count();
    assert_eq!(placed, 1, "{answers:?}");
    for (status, body) in &answers {
        let waits = *status == 409 && body["code"] == "idempotency.unanswered";
        assert!(*status == 201 || waits, "{status} {body}");
    }
    let (status, again) = ask().await;
    assert_eq!((status, &again["call_id"]), (201, &json!(PLACED)), "the same answer");
    let (status, body) = desk.post("/v1/calls", &parking(), Some("order-7712")).await;
    assert_eq!((status, &body["code"]), (422, &json!("idempotency.other_request")));
    assert_eq!(desk.upstream.count("connect"), 1);
    let (status, _) = desk.post("/v1/calls", &request(), Some("")).await;
    assert_eq!(status, 400, "an empty key is none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_connect_is_not_repeated_and_a_throttled_question_is_answered_by_the_ledger() {
    let desk = Desk::start_with(None, newest_rules).await;
    allow(&desk.upstream, now() + 7 * DAY_S);
    let enough = crate::upstream::graph_error(80_007, "Rate limit hit");
    desk.upstream.answer_once("connect", 400, enough.clone());
    let (status, body) = desk.post("/v1/calls", &request(), None).await;
    assert_eq!((status, &body["code"]), (409, &json!(80_007)), "{body}");
    assert_eq!(desk.upstream.count("connect"), 1);
    desk.upstream.set_retry_after(60);
    desk.upstream.answer("call_permissions", 429, enough, Duration::ZERO);
    let answer = desk.get(&format!("/v1/preflight?to={ANA}")).await;
    assert_eq!((&answer["allowed"], &answer["rule"]), (&json!(true), &json!("ledger.permission")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_without_an_answer_is_not_repeated_under_its_key() {
    let desk = Desk::start_with(None, newest_rules).await;
    allow(&desk.upstream, now() + 7 * DAY_S);
    desk.upstream.answer("connect", 503, json!({}), Duration::ZERO);
    for _ in 0..2 {
        let (status, body) = desk.post("/v1/calls", &request(), Some("k")).await;
        assert_eq!((status, &body["code"]), (502, &json!("unreachable")));
    }
    assert_eq!(desk.upstream.count("connect"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_call_asks_waits_and_is_placed_once_when_the_user_consents() {
    let desk = Desk::start_with(None, newest_rules).await;
    let (status, parked) = desk.post("/v1/calls", &parking(), Some("k")).await;
    assert_eq!((status, &parked["state"]), (201, &json!("waiting")), "{parked}");
    assert_eq!(parked["request_id"], "wamid.SENT1");
    assert_eq!(desk.upstream.messages().len(), 1);
    let (_, again) = desk.post("/v1/calls", &parking(), Some("k")).await;
    assert_eq!(again, parked);
    let (status, body) = desk.post("/v1/calls", &parking(), None).await;
    assert_eq!((status, &body["code"]), (409, &json!("parked.already")));
    assert_eq!(desk.upstream.count("connect"), 0);

    allow(&desk.upstream, now() + 7 * DAY_S);
    desk.reply("wamid.YES", &accept(now() + 7 * DAY_S)).await;
    let asked = desk.upstream.wait_for("connect").await;
    let list = desk.get_until("/v1/parked_calls", in_state("placed")).await;
    assert_eq!(list["parked_calls"][0]["call_id"], PLACED);
    let mut user = pick_up(&desk, &asked).await;
    user.expect_tone(WELCOME_HZ).await;
    desk.reply("wamid.YES2", &accept(now() + 7 * DAY_S)).await;
    let path = format!("/v1/consents/{ANA}");
    let replied = |known: &Value| known["entries"][0]["evidence"]["message_id"] == "wamid.YES2";
    desk.get_until(&path, replied).await;
    let id = parked["parked_id"].as_str().unwrap();
    let path = desk.url(&format!("/v1/parked_calls/{id}"));
    let request = desk.http.delete(path).bearer_auth("demo-api-key");
    assert_eq!(request.send().await.unwrap().status().as_u16(), 409);
    assert_eq!(desk.upstream.count("connect"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_call_outlives_its_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(folder.path()), newest_rules).await;
    let (status, _) = desk.post("/v1/calls", &parking(), None).await;
    assert_eq!(status, 201);
    let Desk { gateway, upstream, engine, http } = desk;
    gateway.stop().await;
    let mut config = config(&upstream, Some(folder.path()));
    newest_rules(&mut config);
    let desk = Desk { gateway: serve(config).await.unwrap(), upstream, engine, http };
    allow(&desk.upstream, now() + 7 * DAY_S);
    desk.reply("wamid.YES", &accept(now() + 7 * DAY_S)).await;
    desk.get_until("/v1/parked_calls", in_state("placed")).await;
    assert_eq!(desk.upstream.count("connect"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_comes_while_the_gateway_drains_is_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(folder.path()), newest_rules).await;
    desk.post("/v1/calls", &parking(), None).await;
    desk.gateway.drain().await;
    allow(&desk.upstream, now() + 7 * DAY_S);
    desk.reply("wamid.YES", &accept(now() + 7 * DAY_S)).await;
    let noted = |list: &Value| {
        let text = list["parked_calls"][0]["text"].as_str().unwrap_or_default();
        text.contains("the next one places")
    };
    let list = desk.get_until("/v1/parked_calls", noted).await;
    assert_eq!(list["parked_calls"][0]["state"], "waiting", "{list}");
    assert_eq!(desk.upstream.count("connect"), 0);
    let Desk { gateway, upstream, engine, http } = desk;
    gateway.stop().await;
    let mut config = config(&upstream, Some(folder.path()));
    newest_rules(&mut config);
    let desk = Desk { gateway: serve(config).await.unwrap(), upstream, engine, http };
    desk.get_until("/v1/parked_calls", in_state("placed")).await;
    assert_eq!(desk.upstream.count("connect"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_call_is_given_up_at_its_deadline_or_taken_back() {
    let desk = Desk::start_with(None, newest_rules).await;
    let (_, parked) = desk.post("/v1/calls", &parking(), None).await;
    let id = parked["parked_id"].as_str().unwrap();
    let take_back = |id: &str| {
        let url = desk.url(&format!("/v1/parked_calls/{id}"));
        desk.http.delete(url).bearer_auth("demo-api-key").send()
    };
    assert_eq!(take_back(id).await.unwrap().status().as_u16(), 200);
    assert_eq!(take_back(id).await.unwrap().status().as_u16(), 409);
    assert_eq!(take_back("none").await.unwrap().status().as_u16(), 404);
    let (status, parked) = desk.post("/v1/calls", &parking(), None).await;
    assert_eq!(status, 201);
    assert!(parked["text"].as_str().unwrap().contains("was not asked"), "{parked}: one a day");

    desk.upstream.set_ahead(2 * DAY_S + 60);
    desk.get(&format!("/v1/preflight?to={ANA}")).await;
    let list = desk.get_until("/v1/parked_calls", in_state("given_up")).await;
    assert_eq!(list["parked_calls"][1]["state"], "cancelled");
    allow(&desk.upstream, now() + 7 * DAY_S);
    desk.reply("wamid.LATE", &accept(now() + 7 * DAY_S)).await;
    let path = format!("/v1/consents/{ANA}");
    desk.get_until(&path, |known| known["state"]["permission"] == "temporary").await;
    desk.get(&format!("/v1/preflight?to={ANA}")).await;
    assert_eq!(desk.upstream.count("connect"), 0);
}
