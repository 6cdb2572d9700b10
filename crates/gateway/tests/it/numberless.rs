//! A user who hides the phone number: known, asked and called by the BSUID.

use std::time::Duration;

use media::dtmf::Digit;
use serde_json::{Value, json};

use crate::{
    desk::{ANA, CALL, Desk, HOLD_HZ, accept, connect, envelope, now, permissions, terminate},
    queues::with_a_queue,
    voice::Voice,
};

pub(crate) const ID: &str = "MX.90210000000000000001";
pub(crate) const PARENT: &str = "MX.ENT.11815799212886844830";
const DAY_S: i64 = 86_400;

/// The webhook as it comes from a user with a username: ids in place of the number.
pub(crate) fn hidden(mut body: Value) -> Value {
    let value = &mut body["entry"][0]["changes"][0]["value"];
    value["contacts"] = json!([{"profile": {"name": "Ana", "username": "ana.souza"}, "user_id": ID,
            "parent_user_id": PARENT}]);
    for list in ["calls", "messages"] {
        let entries = value.get_mut(list).and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten().filter_map(Value::as_object_mut) {
            for (number, id) in [("from", "from_user_id"), ("to", "to_user_id")] {
                if entry.get(number) == Some(&json!(ANA)) {
                    entry.remove(number);
                    entry.insert(id.into(), json!(ID));
                }
            }
        }
    }
    assert!(!body.to_string().contains(ANA), "{body}");
    body
}

fn said(id: &str, part: &Value) -> Value {
    let mut message = json!({"from": ANA, "id": id, "timestamp": now().to_string()});
    for (key, value) in part.as_object().unwrap() {
        message[key] = value.clone();
    }
    envelope(
        "messages",
        &json!({"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "551140000000",
                "phone_number_id": "109876543210987"},
            "contacts": [{"profile": {"name": "Ana"}, "wa_id": ANA, "user_id": ID}],
            "messages": [message]}),
    )
}

fn told(list: &Value) -> bool {
    list["events"][0].is_object()
}

fn in_state(state: &'static str) -> impl Fn(&Value) -> bool {
    move |list| list["callbacks"][0]["state"] == state
}

/// The user calls, waits in the queue and asks to be called back.
async fn asks_for_a_callback(desk: &Desk) {
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&hidden(connect(CALL, &user.platform_offer()))).await;
    user.take_answer(desk.upstream.wait_for_call("pre_accept", CALL).await.sdp());
    user.connected().await;
    user.expect_tone(HOLD_HZ).await;
    user.leg.send_digit(Digit::new('1').unwrap(), 120);
    desk.upstream.wait_for_call("terminate", CALL).await;
    desk.webhook(&hidden(terminate(CALL, "USER_INITIATED", Some(4)))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_a_number_calls_consents_and_is_called_back() {
    let desk = Desk::start_with(None, with_a_queue).await;
    asks_for_a_callback(&desk).await;
    let contact = format!("/v1/contacts/{ID}");
    let known = desk.get_until(&contact, |known| known["chat"][0]["kind"] == "call").await;
    assert_eq!((&known["user_id"], &known["country"]), (&json!(ID), &json!("MX")), "{known}");
    assert_eq!(known["parent_user_id"], PARENT, "{known}");
    let ended = desk.get_until("/v1/events?type=call.ended", told).await;
    let contact_of = |list: &Value| list["events"][0]["data"]["contact"]["parent_user_id"].clone();
    assert_eq!(contact_of(&ended), PARENT, "{ended}");
    assert_eq!(contact_of(&desk.get("/v1/events?type=call.ringing").await), PARENT);
    assert_eq!((&known["name"], &known["wa_id"]), (&json!("Ana"), &Value::Null));
    assert!(known["window_open_until"].is_string(), "{known}");

    let mut lia = desk.available("lia").await;
    let was_asked = |list: &Value| list["callbacks"][0]["request_id"].is_string();
    desk.get_until("/v1/callbacks", was_asked).await;
    let request = desk.upstream.messages().remove(0);
    assert_eq!((&request["recipient"], &request["to"]), (&json!(ID), &Value::Null), "{request}");
    let allowed = permissions("temporary", Some(now() + 7 * DAY_S));
    desk.upstream.answer("call_permissions", 200, allowed, Duration::ZERO);
    let reply = json!({"type": "interactive", "context": {"id": "wamid.SENT1"},
        "interactive": {"type": "call_permission_reply",
            "call_permission_reply": accept(now() + 7 * DAY_S)}});
    desk.webhook(&hidden(said("wamid.YES", &reply))).await;
    let offered = lia.next("offered").await;
    assert_eq!(offered["offer"]["to"]["user_id"], ID, "{offered}");
    let ledger = desk.get(&format!("/v1/consents/{ID}")).await;
    assert_eq!(ledger["state"]["permission"], "temporary", "{ledger}");
    assert_eq!((&ledger["user"], &ledger["entries"][0]["user_id"]), (&json!(ID), &json!(ID)));

    let browser = Voice::of_browser(&desk.engine);
    let sdp = browser.browser_offer();
    let take = json!({"type": "take", "offer_id": offered["offer"]["offer_id"], "sdp": sdp});
    lia.send(take).await;
    desk.get_until("/v1/callbacks", in_state("placed")).await;
    let connect = desk.upstream.wait_for("connect").await.body;
    assert_eq!((&connect["recipient"], &connect["to"]), (&json!(ID), &Value::Null), "{connect}");
    let calls = desk.get("/v1/calls?state=live").await;
    let placed = &calls["calls"][0];
    assert_eq!(placed["direction"], "BUSINESS_INITIATED", "{calls}");
    assert_eq!(placed["contact"]["parent_user_id"], PARENT, "{calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_the_number_later_is_the_same_contact_and_is_written_to_by_it() {
    let desk = Desk::start().await;
    let text = |id: &str| said(id, &json!({"type": "text", "text": {"body": "Hello"}}));
    desk.webhook(&hidden(text("wamid.1"))).await;
    let contact = format!("/v1/contacts/{ID}");
    desk.get_until(&contact, |known| known["chat"][0]["id"] == "wamid.1").await;
    let write = json!({"to": ID, "text": "Hi"});
    assert_eq!(desk.post("/v1/messages", &write, None).await.0, 200);
    assert_eq!(desk.upstream.messages()[0]["recipient"], ID);

    desk.webhook(&text("wamid.2")).await;
    let both = |known: &Value| known["wa_id"] == ANA && known["chat"][2]["id"] == "wamid.2";
    desk.get_until(&contact, both).await;
    let known = desk.get(&format!("/v1/contacts/{ANA}")).await;
    assert_eq!(known["chat"][0]["id"], "wamid.1", "{known}");
    assert_eq!(desk.post("/v1/messages", &write, None).await.0, 200);
    let sent = &desk.upstream.messages()[1];
    assert_eq!((&sent["to"], &sent["recipient"]), (&json!(ANA), &Value::Null), "{sent}");
    let (status, wrong) = desk.post("/v1/messages", &json!({"to": "ana", "text": "x"}), None).await;
    assert_eq!(status, 422, "{wrong}");
}
