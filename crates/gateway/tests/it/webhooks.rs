//! Bad, late, repeated and disordered webhooks.

use std::time::Duration;

use serde_json::json;
use wire::webhook::signature;

use crate::{
    desk::{CALL, Desk, calls, connect, envelope, now, terminate},
    upstream::graph_error,
    voice::Voice,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_answers_the_bare_challenge_or_403() {
    let desk = Desk::start().await;
    let ask = async |token: &str| {
        let url = desk.url(&format!(
            "/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1158&hub.verify_token={token}"
        ));
        let answer = desk.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(ask("demo-verify").await, (200, "1158".to_owned()));
    assert_eq!(ask("wrong").await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_signature_is_refused_and_counted_before_anything_is_read() {
    let desk = Desk::start().await;
    let user = Voice::of_platform(&desk.engine);
    let body = serde_json::to_vec(&connect(CALL, &user.platform_offer())).unwrap();
    let good = signature::sign("demo-app-secret", &body);
    let other = signature::sign("other", &body);
    assert_eq!(desk.send_webhook(body.clone(), &other).await, 401);
    assert_eq!(desk.send_webhook(body.clone(), "").await, 401);
    let mut changed = body.clone();
    changed.push(b' ');
    assert_eq!(desk.send_webhook(changed, &good).await, 401, "the raw bytes count");
    assert_eq!(desk.send_webhook(b"{not json".to_vec(), "sha256=00").await, 401);
    assert!(desk.metrics().await.contains("result=\"bad_signature\"} 4"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(desk.upstream.asked().is_empty(), "nothing was acted on");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_oversize_bodies_are_refused_and_the_gateway_lives() {
    let desk = Desk::start().await;
    for text in ["", "{", "[]", "{\"object\":1}", "null", "{\"entry\":[{}]}"] {
        let signed = signature::sign("demo-app-secret", text.as_bytes());
        assert_eq!(desk.send_webhook(text.into(), &signed).await, 400, "{text}");
    }
    let large = vec![b' '; 2 * 1024 * 1024];
    let signed = signature::sign("demo-app-secret", &large);
    assert_eq!(desk.send_webhook(large, &signed).await, 413);
    let odd = [
        envelope("calls", &json!({"calls": "no"})),
        envelope("something_new", &json!({"a": 1})),
        calls(&json!({"calls": [{"id": CALL, "event": "dance", "timestamp": "1"}]})),
        calls(
            &json!({"calls": [{"id": "wacid.NOSDP", "event": "connect", "timestamp": now().to_string()}]}),
        ),
        calls(&json!({"errors": [{"code": 131044}]})),
    ];
    for body in odd {
        assert_eq!(desk.webhook(&body).await, 200, "{body}");
    }
    assert_eq!(desk.http.get(desk.url("/health")).send().await.unwrap().status().as_u16(), 200);
    assert!(desk.upstream.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_connect_is_acted_on_once() {
    let desk = Desk::start().await;
    let user = Voice::of_platform(&desk.engine);
    let body = connect(CALL, &user.platform_offer());
    for _ in 0..3 {
        assert_eq!(desk.webhook(&body).await, 200);
    }
    desk.upstream.wait_for("pre_accept").await;
    desk.upstream.wait_for("accept").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(desk.upstream.actions(), ["pre_accept", "accept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_after_its_terminate_starts_nothing() {
    let desk = Desk::start().await;
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "caller_gave_up");
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(desk.upstream.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_connect_starts_nothing() {
    let desk =
        Desk::start_with(None, |config| config.connect_age_max = Some(Duration::from_secs(60)))
            .await;
    let user = Voice::of_platform(&desk.engine);
    let mut body = connect(CALL, &user.platform_offer());
    let call = &mut body["entry"][0]["changes"][0]["value"]["calls"][0];
    call["timestamp"] = json!((now() - 90).to_string());
    desk.webhook(&body).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(desk.upstream.asked().is_empty());
    assert!(desk.metrics().await.contains("result=\"stale\"} 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_calls_terminate_ends_nothing() {
    let desk = Desk::start().await;
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    desk.upstream.wait_for("accept").await;
    desk.webhook(&terminate("wacid.OTHER", "USER_INITIATED", Some(1))).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_ne!(desk.get(&format!("/v1/calls/{CALL}")).await["state"], "ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_we_cannot_use_is_rejected_with_whose_fault() {
    let desk = Desk::start().await;
    desk.webhook(&connect(CALL, "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")).await;
    desk.upstream.wait_for("reject").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "session_unusable");
    assert_eq!(record["fault"], "platform");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_too_busy_rejects_calls_and_says_why() {
    let busy = engine::BusyLimits { taps: -1.0, calls: -1.0 };
    let desk = Desk::start_with(None, |config| config.media.busy = busy).await;
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    desk.upstream.wait_for("reject").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    let record = desk.record(CALL).await;
    assert_eq!((&record["reason"], &record["fault"]), (&"no_socket".into(), &"business".into()));
    assert!(record.to_string().contains("busy"), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_accept_ends_the_call_with_its_code() {
    let desk = Desk::start().await;
    let error = graph_error(138_007, "the answer came too late");
    desk.upstream.answer("accept", 500, error, Duration::ZERO);
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    desk.upstream.wait_for("terminate").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "platform_refused");
    assert_eq!(record["code"], 138_007);
    assert_eq!(desk.upstream.count("accept"), 1, "a refusal is not repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_breaks_is_asked_once_more_and_then_named() {
    let desk = Desk::start().await;
    desk.upstream.answer("accept", 502, json!({}), Duration::ZERO);
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    desk.upstream.wait_for("terminate").await;
    assert_eq!(desk.upstream.count("accept"), 2, "once, and once more");
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "platform_unreachable");
    assert_eq!(record["fault"], "platform");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_has_enough_for_a_moment_is_asked_again_until_it_takes_the_call() {
    let desk = Desk::start().await;
    for _ in 0..2 {
        desk.upstream.answer_once("accept", 400, graph_error(130_429, "Rate limit hit"));
    }
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(crate::desk::WELCOME_HZ).await;
    assert_eq!(desk.upstream.count("accept"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_wants_a_minute_is_not_waited_for_and_the_fault_is_ours() {
    let desk = Desk::start().await;
    desk.upstream.set_retry_after(60);
    desk.upstream.answer("accept", 429, graph_error(80_007, "Too many calls"), Duration::ZERO);
    let user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    desk.upstream.wait_for("terminate").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    let record = desk.record(CALL).await;
    assert_eq!(
        (&record["reason"], &record["fault"]),
        (&"platform_refused".into(), &"business".into())
    );
    assert_eq!(desk.upstream.count("accept"), 1);
    let path = format!("/v1/calls/{CALL}/diagnosis");
    let fix = desk.get(&path).await["verdicts"][0]["fix"].to_string();
    assert!(fix.contains("too many"), "{fix}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_already_accepted_call_counts_as_accepted() {
    let desk = Desk::start().await;
    let error = graph_error(100, "The call is already accepted");
    desk.upstream.answer("accept", 400, error, Duration::ZERO);
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(crate::desk::WELCOME_HZ).await;
}
