//! Numbers of sandbox accounts: the wider limits of test numbers, without their list.

use serde_json::json;

use crate::{
    bench::{ANA, Bench, refused},
    business::Business,
    home,
    messages::{ask, id_of},
    price::seeded,
};

async fn bench() -> Bench {
    let kind = (home::line("rulebook"), "rulebook = \"2026-10\"\nkind = \"sandbox\"");
    Bench::with(seeded(&[kind])).await
}

#[tokio::test]
async fn twenty_five_requests_a_day_of_a_hundred_a_week() {
    let bench = bench().await;
    bench.open_window().await;
    for _ in 0..25 {
        id_of(&bench.graph("messages", ask()).await);
    }
    assert_eq!(refused(&bench.graph("messages", ask()).await), (400, 138_009));
    let (_, read) = bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    let limits = &read["actions"][0]["limits"];
    assert_eq!((&limits[0]["max_allowed"], &limits[0]["current_usage"]), (&json!(25), &json!(25)));
    assert_eq!(limits[1]["max_allowed"], 100, "{read}");
}

#[tokio::test]
async fn five_unanswered_calls_nudge_and_ten_revoke() {
    let bench = bench().await;
    bench.permit("accept_permanent").await;
    bench.behave(ANA, json!({ "answer": "unreachable" })).await;
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": Business::offering().sdp } });
    for nth in 0..10 {
        let placed = bench.graph("calls", dial.clone()).await;
        assert_eq!(placed.0, 200, "call {nth}: {}", placed.1);
        bench.hook.wait_nth("terminate", nth).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        let hello = crate::phones::shown(&bench, ANA).await.to_string();
        assert_eq!(hello.contains("You missed 5 calls"), nth >= 4, "after call {}", nth + 1);
    }
    let reply = bench.hook.wait("reject").await["messages"][0].clone();
    let said = &reply["interactive"]["call_permission_reply"];
    assert_eq!(said["response_source"], "automatic");
    assert_eq!(refused(&bench.graph("calls", dial).await), (401, 138_006));
}
