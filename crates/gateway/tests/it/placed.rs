//! The business calls a user.

use std::time::Duration;

use media::transport::Setup;
use serde_json::{Value, json};
use switchboard::budget::Budget;
use terms::{Currency, Money};

use crate::{
    desk::{ANA, Console, Desk, calls, envelope, now, terminate},
    upstream::{Asked, graph_error},
    voice::Voice,
};

pub(crate) const PLACED: &str = "wacid.PLACED1";

pub(crate) fn answer(opaque: &str, sdp: &str) -> Value {
    calls(&json!({"calls": [{"id": PLACED, "from": "551140000000", "to": ANA, "event": "connect",
        "timestamp": now().to_string(), "direction": "BUSINESS_INITIATED",
        "biz_opaque_callback_data": opaque, "session": {"sdp": sdp, "sdp_type": "answer"}}]}))
}

pub(crate) fn status(opaque: &str, word: &str) -> Value {
    calls(&json!({"statuses": [{"id": PLACED, "type": "call", "status": word,
        "timestamp": now().to_string(), "recipient_id": ANA, "biz_opaque_callback_data": opaque}]}))
}

pub(crate) fn opaque(asked: &Asked) -> String {
    asked.body["biz_opaque_callback_data"].as_str().unwrap().to_owned()
}

/// The agent calls Ana from a browser.
async fn place(desk: &Desk, console: &mut Console) -> (Voice, Asked) {
    let browser = Voice::of_browser(&desk.engine);
    let sdp = browser.browser_offer();
    console.send(json!({"type": "place", "to": ANA, "sdp": sdp})).await;
    (browser, desk.upstream.wait_until_asked("connect").await)
}

/// A month's budget that one pulse spends.
fn one_pulse(config: &mut offhook_gateway::Config) {
    let monthly = Money { amount: "0.01".parse().unwrap(), currency: Currency::USD };
    config.lines.first.budget = Some(Budget { monthly, warn_at: Vec::new(), stop: true });
}

/// A call that runs is spent money before it has a record.
async fn is_spent_already(desk: &Desk) {
    let running = |spend: &Value| spend["budget"]["running"]["amount"] == "0.01";
    let spend = desk.get_until("/v1/spend", running).await;
    assert_eq!((&spend["rows"], &spend["budget"]["stopped"]), (&json!([]), &json!(true)));
    let no = desk.get(&format!("/v1/preflight?to={ANA}")).await;
    assert_eq!((&no["allowed"], &no["rule"]), (&json!(false), &json!("budget")), "{no}");
}

async fn talk(setup: Setup) {
    let desk = Desk::start_with(None, one_pulse).await;
    let mut lia = desk.available("lia").await;
    let (mut browser, asked) = place(&desk, &mut lia).await;
    assert_eq!(asked.body["to"], ANA);
    assert!(asked.sdp().contains("telephone-event/8000"));
    let opaque = opaque(&asked);
    let got = lia.next("answer").await;
    assert_eq!(got["call_id"], PLACED);
    browser.take_browser_answer(got["sdp"].as_str().unwrap());
    let mut user = Voice::of_platform(&desk.engine);
    let sdp = user.platform_answer(asked.sdp(), setup);
    desk.webhook(&answer(&opaque, &sdp)).await;
    user.connected().await;
    browser.connected().await;
    desk.webhook(&status(&opaque, "RINGING")).await;
    lia.next_where("call", |frame| frame["call"]["state"] == "ringing").await;
    browser.play(1_000.0);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(user.packets(), 0, "nothing before the user picks up");

    desk.webhook(&status(&opaque, "ACCEPTED")).await;
    lia.next_where("call", |frame| frame["call"]["state"] == "connected").await;
    user.play(440.0);
    browser.expect_tone(440.0).await;
    user.expect_tone(1_000.0).await;
    is_spent_already(&desk).await;
    desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", Some(70))).await;
    let ended = lia.next_where("call", |frame| frame["call"]["state"] == "ended").await;
    assert_eq!(ended["call"]["reason"], "user_hung_up");
    assert_eq!(ended["call"]["duration_s"], 70);
    assert_eq!(ended["call"]["pulses"], 12);
    assert_eq!(ended["call"]["price"], json!({"amount": "0.12", "currency": "USD"}));
    let told = desk.get(&format!("/v1/events?call_id={PLACED}")).await;
    let told = told["events"].as_array().unwrap();
    let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let expected =
        ["call.assigned", "call.ringing", "call.accepted", "call.answered", "call.ended"];
    assert_eq!(kinds, expected);
    assert_eq!(told[4]["data"]["pulses"], 12, "the record is the data");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_picks_up_and_they_talk_with_a_passive_platform() {
    Box::pin(talk(Setup::Passive)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_with_an_active_one() {
    Box::pin(talk(Setup::Active)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permission_the_console_says_so_in_words() {
    let desk = Desk::start().await;
    let error = graph_error(138_006, "No approved call permission from the recipient");
    desk.upstream.answer("connect", 401, error, Duration::ZERO);
    let mut lia = desk.available("lia").await;
    place(&desk, &mut lia).await;
    let refused = lia.next("refused").await;
    assert_eq!(
        (refused["what"].as_str(), refused["code"].as_str()),
        (Some("place"), Some("138006"))
    );
    assert!(refused["text"].as_str().unwrap().contains("Ask for permission first"), "{refused}");
    let free = |frame: &Value| frame["agents"][0]["state"] == "available";
    lia.next_where("agents", free).await;
    assert_eq!(desk.upstream.count("connect"), 1);
    assert_eq!(desk.upstream.count("terminate"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_is_never_repeated_and_a_lost_call_is_ended_when_it_shows() {
    let desk = Desk::start().await;
    let slow = Duration::from_secs(2);
    desk.upstream.answer("connect", 200, json!({"calls": [{"id": PLACED}]}), slow);
    let mut lia = desk.available("lia").await;
    let (_browser, asked) = place(&desk, &mut lia).await;
    assert_eq!(lia.next("refused").await["code"], "unreachable");
    assert_eq!(desk.upstream.count("connect"), 1);
    let user = Voice::of_platform(&desk.engine);
    let sdp = user.platform_answer(asked.sdp(), Setup::Passive);
    desk.webhook(&answer(&opaque(&asked), &sdp)).await;
    let ended = desk.upstream.wait_for("terminate").await;
    assert_eq!(ended.body["call_id"], PLACED);
    desk.webhook(&terminate(PLACED, "BUSINESS_INITIATED", None)).await;
    assert_eq!(desk.record(PLACED).await["reason"], "platform_unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_overtake_the_answer_to_connect_count() {
    let desk = Desk::start().await;
    let slow = Duration::from_millis(500);
    desk.upstream.answer("connect", 200, json!({"calls": [{"id": PLACED}]}), slow);
    let mut lia = desk.available("lia").await;
    let browser = Voice::of_browser(&desk.engine);
    let sdp = browser.browser_offer();
    lia.send(json!({"type": "place", "to": ANA, "sdp": sdp})).await;
    let asked = desk.upstream.wait_until_asked("connect").await;
    let mut user = Voice::of_platform(&desk.engine);
    let sdp = user.platform_answer(asked.sdp(), Setup::Passive);
    desk.webhook(&status(&opaque(&asked), "ACCEPTED")).await;
    desk.webhook(&answer(&opaque(&asked), &sdp)).await;
    user.connected().await;
    let got = lia.next("answer").await;
    browser.take_browser_answer(got["sdp"].as_str().unwrap());
    browser.play(900.0);
    user.expect_tone(900.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_says_no_and_a_call_of_another_app_is_left_alone() {
    let desk = Desk::start().await;
    desk.webhook(&answer("their-own", "v=0")).await;
    let mut lia = desk.available("lia").await;
    let mut other = desk.console("sol").await;
    let browser = Voice::of_browser(&desk.engine);
    desk.upstream.answer("connect", 200, json!({"calls": [{"id": "wacid.P2"}]}), Duration::ZERO);
    lia.send(json!({"type": "place", "to": ANA, "sdp": browser.browser_offer()})).await;
    lia.next("answer").await;
    let no = calls(&json!({"statuses": [{"id": "wacid.P2", "type": "call", "status": "REJECTED",
        "timestamp": now().to_string(), "recipient_id": ANA}]}));
    desk.webhook(&no).await;
    desk.webhook(&terminate("wacid.P2", "BUSINESS_INITIATED", None)).await;
    let ended = other.next_where("call", |frame| frame["call"]["state"] == "ended").await;
    assert_eq!(ended["call"]["reason"], "user_rejected");
    assert_eq!(ended["call"]["price"], json!(null), "an unanswered call costs nothing");
    assert_eq!(desk.upstream.count("terminate"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_permission_shows_in_the_chat_and_the_reply_counts() {
    let desk = Desk::start().await;
    let mut lia = desk.console("lia").await;
    let ask = json!({"to": ANA, "text": "May we call you about order 7712?"});
    let request = desk.http.post(desk.url("/v1/permission_requests")).bearer_auth("demo-api-key");
    assert_eq!(request.json(&ask).send().await.unwrap().status().as_u16(), 200);
    let sent = desk.upstream.asked().pop().unwrap();
    assert_eq!(sent.body["interactive"]["type"], "call_permission_request");
    let contact = lia.next("contact").await;
    assert_eq!(contact["contact"]["permission"]["state"], "requested");
    let reply = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551140000000", "phone_number_id": "109876543210987"},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": ANA}],
        "messages": [{"from": ANA, "id": "wamid.REPLY", "timestamp": now().to_string(),
            "type": "interactive", "context": {"from": "551140000000", "id": "wamid.SENT1"},
            "interactive": {"type": "call_permission_reply", "call_permission_reply": {
                "response": "accept", "is_permanent": false,
                "expiration_timestamp": (now() + 604_800).to_string(),
                "response_source": "user_action"}}}]});
    desk.webhook(&envelope("messages", &reply)).await;
    let temporary = |frame: &Value| frame["contact"]["permission"]["state"] == "temporary";
    let contact = lia.next_where("contact", temporary).await;
    assert!(contact["contact"]["permission"]["expires_at"].is_string());
    let kinds: Vec<_> =
        contact["contact"]["chat"].as_array().unwrap().iter().map(|l| &l["kind"]).collect();
    assert_eq!(kinds, ["permission_request", "permission_reply"]);
}
