//! A gateway that drains: new calls are turned away in both directions, live ones go on.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{
    desk::{ANA, CALL, Desk, connect, terminate},
    voice::Voice,
};

const LATE: &str = "wacid.TESTCALL2";

async fn ready(desk: &Desk) -> (u16, Value) {
    let answer = desk.http.get(desk.url("/ready")).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn new_calls_are_turned_away_and_the_live_one_ends_the_drain() {
    let desk = Arc::new(Desk::start().await);
    let (status, before) = ready(&desk).await;
    assert_eq!((status, &before["draining"]), (200, &json!(false)));
    let mut lia = desk.console("lia").await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;

    let drained = tokio::spawn({
        let desk = Arc::clone(&desk);
        async move { desk.gateway.drain().await }
    });
    let told = lia.next("draining").await;
    assert!(told["until"].is_string(), "{told}");
    let (status, during) = ready(&desk).await;
    assert_eq!((status, &during["draining"], &during["calls"]), (503, &json!(true), &json!(1)));
    assert!(desk.metrics().await.contains("offhook_gateway_draining 1"));
    desk.console("rui").await.next("draining").await;

    let late = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(LATE, &late.platform_offer())).await;
    let rejected = desk.upstream.wait_for("reject").await;
    assert_eq!(rejected.body["call_id"], LATE);
    desk.webhook(&terminate(LATE, "USER_INITIATED", None)).await;
    assert_eq!(desk.record(LATE).await["reason"], "gateway_stopped");
    let (_, offer) = (0, Voice::of_platform(&desk.engine).platform_offer());
    lia.send(json!({"type": "place", "to": ANA, "sdp": offer})).await;
    let refused = lia.next("refused").await;
    assert_eq!(refused["code"], "draining", "{refused}");
    assert_eq!(desk.upstream.count("connect"), 0);
    assert_eq!(desk.upstream.count("terminate"), 0, "the live call goes on");
    assert!(!drained.is_finished());

    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    tokio::time::timeout(Duration::from_secs(5), drained).await.unwrap().unwrap();
    assert_eq!(desk.record(CALL).await["reason"], "user_hung_up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_gives_up_at_its_limit() {
    let desk = Desk::start_with(None, |config| config.drain_for = Duration::from_millis(300)).await;
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    desk.upstream.wait_for("pre_accept").await;
    tokio::time::timeout(Duration::from_secs(3), desk.gateway.drain()).await.unwrap();
    assert_eq!(ready(&desk).await.1["calls"], 1);
}
