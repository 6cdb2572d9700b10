//! What consent looks like on the user's phone, and what a connected call does to its counters.

use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, refused},
    business::Business,
    messages::{ask, id_of},
    phones::shown,
};

async fn chat(bench: &Bench) -> Vec<Value> {
    let hello = shown(bench, ANA).await;
    let chats = hello["chats"].as_array().unwrap();
    let ours = chats.iter().find(|chat| chat["business"] == BUSINESS);
    ours.map_or_else(Vec::new, |chat| chat["entries"].as_array().unwrap().clone())
}

async fn entry(bench: &Bench, id: &str) -> Value {
    chat(bench).await.into_iter().find(|entry| entry["id"] == id).unwrap()
}

async fn nudges(bench: &Bench) -> Vec<String> {
    let entries = chat(bench).await;
    let texts = entries.iter().filter(|it| it["from"] == "system" && it["kind"] == "text");
    texts.map(|it| it["text"].as_str().unwrap().to_owned()).collect()
}

fn dial() -> Value {
    json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": Business::offering().sdp } })
}

#[tokio::test]
async fn two_unanswered_calls_leave_a_nudge_in_the_chat() {
    let bench = Bench::start().await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    bench.behave(ANA, json!({ "answer": "unreachable" })).await;
    for (nth, wanted) in [0, 1, 1].into_iter().enumerate() {
        assert_eq!(bench.graph("calls", dial()).await.0, 200);
        bench.hook.wait_nth("terminate", nth).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let said = nudges(&bench).await;
        assert_eq!(said.len(), wanted, "after {} calls: {said:?}", nth + 1);
    }
    let said = nudges(&bench).await;
    assert!(said[0].contains("2 calls of Loja Aurora"), "{said:?}");
}

#[tokio::test]
async fn a_newer_answer_closes_the_older_request_and_time_closes_both() {
    let bench = Bench::start().await;
    bench.clock.set_mode(offhook_platform::clock::Mode::Frozen);
    bench.open_window().await;
    let older = id_of(&bench.graph("messages", ask()).await);
    bench.clock.advance("P1D").unwrap();
    bench.open_window().await;
    let newer = id_of(&bench.graph("messages", ask()).await);
    assert_eq!(entry(&bench, &older).await["state"], "open");

    bench.clock.advance("PT1H").unwrap();
    let now = bench.clock.now();
    bench.permit("reject").await;
    let closed = entry(&bench, &older).await;
    assert_eq!((&closed["state"], &closed["expires_at"]), (&json!("expired"), &json!(now)));
    let answered = entry(&bench, &newer).await;
    let until = now + std::time::Duration::from_secs(7 * 86_400);
    assert_eq!((&answered["state"], &answered["expires_at"]), (&json!("rejected"), &json!(until)));

    let answer = async |request: &str| {
        let body = json!({ "to": BUSINESS, "action": "accept_permanent", "request_id": request });
        bench.sandbox(&format!("/users/{ANA}/permission"), body).await
    };
    let refused = |answer: (u16, Value), state: &str| {
        assert_eq!((answer.0, &answer.1["rule"]), (409, &json!("permission.request_closed")));
        assert!(answer.1["text"].as_str().unwrap().contains(state), "{}", answer.1);
    };
    refused(answer(&older).await, "replaced");
    bench.clock.set(until);
    refused(answer(&newer).await, "expired");
}

#[tokio::test]
async fn the_profile_is_there_while_a_request_is_open() {
    let bench = Bench::start().await;
    bench.open_window().await;
    let request = id_of(&bench.graph("messages", ask()).await);
    let path = format!("/users/{ANA}/permission");
    let wanted = json!({ "to": BUSINESS, "action": "accept_permanent", "in_profile": true });
    assert_eq!(bench.sandbox(&path, wanted.clone()).await.0, 200);
    let reply = bench.hook.wait("accept").await["messages"][0].clone();
    assert_eq!(reply.get("context"), None, "{reply}");
    assert_eq!(entry(&bench, &request).await["state"], "open", "nobody answered it");
    let mut both = wanted;
    both["request_id"] = json!(request);
    assert_eq!(bench.sandbox(&path, both).await.0, 400);
}

/// Ana calls, the business takes it at once and ends it.
async fn connected(bench: &Bench, nth: usize) -> String {
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    let id = call.1["call_id"].as_str().unwrap_or_else(|| panic!("{}", call.1)).to_owned();
    let business = Business::answering(&bench.hook.wait_nth("connect", nth).await);
    assert_eq!(bench.answer(&id, "accept", &business.sdp).await.0, 200);
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
    bench.hook.wait_nth("terminate", nth).await;
    id
}

#[tokio::test]
async fn any_connected_call_resets_the_request_counters_and_grants_a_callback() {
    let bench = Bench::start().await;
    bench.open_window().await;
    id_of(&bench.graph("messages", ask()).await);
    assert_eq!(refused(&bench.graph("messages", ask()).await), (400, 138_009));
    let call = connected(&bench, 0).await;
    let reply = bench.hook.wait("accept").await["messages"][0].clone();
    let said = &reply["interactive"]["call_permission_reply"];
    assert_eq!(
        (&said["response_source"], &said["is_permanent"]),
        (&json!("automatic"), &json!(false))
    );
    assert_eq!(reply["context"]["id"], call, "a connected call grants as a missed one does");
    id_of(&bench.graph("messages", ask()).await);
    assert_eq!(refused(&bench.graph("messages", ask()).await), (400, 138_009));

    bench.behave(ANA, json!({ "answer": { "after_ms": 0 } })).await;
    crate::quality::gone(&bench).await;
    crate::price::talk(&bench, 0, "PT5S").await;
    id_of(&bench.graph("messages", ask()).await);
    let (_, read) = bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    assert_eq!(read["actions"][0]["limits"][1]["current_usage"], 1, "the week's as well: {read}");
}
