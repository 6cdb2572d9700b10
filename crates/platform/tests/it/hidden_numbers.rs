//! Users who hide their phone number: ids and a username in its place.

use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, send},
    business::Business,
};

const ID: &str = "MX.90210000000000000001";
const PARENT: &str = "MX.ENT.11815799212886844830";

async fn hidden() -> Bench {
    let bench = Bench::start().await;
    let change = json!({ "user_id": ID, "parent_user_id": PARENT, "username": "ana.souza",
                         "hides_number": true });
    let request = bench.put(&format!("/sandbox/v1/users/{ANA}")).json(&change);
    let (status, user) = send(request).await;
    assert_eq!((status, user["username"].as_str()), (200, Some("ana.souza")), "{user}");
    bench
}

/// No field of the webhook may hold the number.
fn is_hidden(value: &Value) {
    let text = value.to_string();
    assert!(!text.contains(ANA), "{text}");
    for key in ["\"wa_id\"", "\"recipient_id\""] {
        assert!(!text.contains(key), "{key} in {text}");
    }
}

#[tokio::test]
async fn messages_statuses_and_replies_name_the_ids() {
    let bench = hidden().await;
    bench.open_window().await;
    let text = bench.hook.wait("text").await;
    is_hidden(&text);
    let contact = &text["contacts"][0];
    assert_eq!(contact["profile"]["username"], "ana.souza");
    assert_eq!((&contact["user_id"], &contact["parent_user_id"]), (&json!(ID), &json!(PARENT)));
    let message = &text["messages"][0];
    assert!(message.get("from").is_none());
    assert_eq!(message["from_user_id"], ID);
    assert_eq!(message["from_parent_user_id"], PARENT);

    let body = json!({ "messaging_product": "whatsapp", "recipient": PARENT, "type": "text",
                       "text": { "body": "oi" } });
    let (status, sent) = bench.graph("messages", body).await;
    assert_eq!(status, 200, "{sent}");
    let sent_status = bench.hook.wait("sent").await;
    is_hidden(&sent_status);
    assert_eq!(sent_status["statuses"][0]["recipient_user_id"], ID);
    assert_eq!(sent_status["statuses"][0]["recipient_parent_user_id"], PARENT);

    bench.permit("accept_temporary").await;
    let reply = bench.hook.wait("accept").await;
    is_hidden(&reply);
    assert_eq!(reply["messages"][0]["from_user_id"], ID);
}

#[tokio::test]
async fn permissions_are_read_by_either_id_and_to_wins() {
    let bench = hidden().await;
    bench.permit("accept_permanent").await;
    for id in [ID, PARENT] {
        let (status, read) = bench.graph_get(&format!("/call_permissions?recipient={id}")).await;
        assert_eq!((status, read["permission"]["status"].as_str()), (200, Some("permanent")));
    }
    bench.open_window().await;
    let bruno = "5511988887777";
    let body = json!({ "messaging_product": "whatsapp", "to": bruno, "recipient": ID,
                       "type": "interactive", "interactive": { "type": "call_permission_request",
                       "action": { "name": "call_permission_request" } } });
    let refused = bench.graph("messages", body).await;
    assert_eq!(refused.1["error"]["code"], 131_047, "Bruno's window, not Ana's: {refused:?}");
}

#[tokio::test]
async fn calls_of_both_directions_name_the_ids() {
    let bench = hidden().await;
    bench.behave(ANA, json!({ "answer": "reject" })).await;
    let call = json!({ "to": BUSINESS });
    let (_, placed) = bench.sandbox(&format!("/users/{ID}/call"), call).await;
    let connect = bench.hook.wait("connect").await;
    is_hidden(&connect);
    let entry = &connect["calls"][0];
    assert!(entry.get("from").is_none());
    assert_eq!((&entry["from_user_id"], &entry["to"]), (&json!(ID), &json!(BUSINESS)));
    assert_eq!(entry["from_parent_user_id"], PARENT);
    let call_id = placed["call_id"].as_str().unwrap();
    assert_eq!(bench.action(call_id, "reject").await.0, 200);
    is_hidden(&bench.hook.wait("terminate").await);

    bench.permit("accept_permanent").await;
    bench.open_window().await;
    let business = Business::offering();
    let body = json!({ "messaging_product": "whatsapp", "recipient": ID, "action": "connect",
                       "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let (status, connected) = bench.graph("calls", body).await;
    assert_eq!(status, 200, "{connected}");
    let connect = bench.hook.wait_nth("connect", 1).await;
    is_hidden(&connect);
    let entry = &connect["calls"][0];
    assert!(entry.get("to").is_none());
    assert_eq!((&entry["to_user_id"], &entry["to_parent_user_id"]), (&json!(ID), &json!(PARENT)));
    let rejected = bench.hook.wait("REJECTED").await;
    is_hidden(&rejected);
    assert_eq!(rejected["statuses"][0]["recipient_parent_user_id"], PARENT);
}

#[tokio::test]
async fn a_user_is_changed_and_no_id_is_had_twice() {
    let bench = hidden().await;
    let change = |body: Value| send(bench.put("/sandbox/v1/users/5511988887777").json(&body));
    assert_eq!(change(json!({ "user_id": ID })).await.0, 409);
    assert_eq!(change(json!({ "client": { "os": "toaster" } })).await.0, 400);
    assert_eq!(change(json!({ "client": { "os": "ios", "version": "2.24.x" } })).await.0, 400);
    assert_eq!(change(json!({ "wa_id": "1" })).await.0, 400, "the number stays");
    let old = json!({ "client": { "os": "ios", "version": "2.24.13" }, "name": "Bruna" });
    assert_eq!(change(old).await.1["name"], "Bruna");
    let new = json!({ "wa_id": "5511977776666", "name": "Dora", "user_id": "BR.7", "parent_user_id": PARENT });
    assert_eq!(bench.sandbox("/users", new).await.0, 409);
}
