//! The business's endpoint is asked for a flow.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use offhook_gateway::config::FlowEndpoint;
use serde_json::{Value, json};
use wire::event::signature::{Scheme, SigningKey};

use crate::{
    desk::{BYE_HZ, CALL, Desk, TRACE, connect, terminate},
    voice::Voice,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The business's program.
#[derive(Clone, Default)]
struct Program {
    seen: Arc<Mutex<Vec<(HeaderMap, String)>>>,
    answer: Arc<Mutex<(u16, String, Duration)>>,
}

impl Program {
    async fn start(self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(take).with_state(self);
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/flow")
    }

    fn answers(&self, status: u16, body: &str, after: Duration) {
        *self.answer.lock().unwrap() = (status, body.to_owned(), after);
    }
}

async fn take(
    State(program): State<Program>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, String) {
    program.seen.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
    let (status, answer, after) = program.answer.lock().unwrap().clone();
    tokio::time::sleep(after).await;
    (StatusCode::from_u16(status).unwrap(), answer)
}

async fn desk() -> (Program, Desk) {
    let program = Program::default();
    let url = program.clone().start().await;
    let desk = Desk::start_with(None, |config| {
        config.lines.first.ask = Some(FlowEndpoint {
            url: url.parse().unwrap(),
            key: SigningKey::new(Scheme::Standard, SECRET).unwrap(),
            timeout: Duration::from_millis(700),
        });
    })
    .await;
    (program, desk)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_flow_of_the_answer_is_walked_and_the_question_is_signed() {
    let (program, desk) = desk().await;
    let flow = json!({"start": "note", "step": {
        "note": {"set": {"who": "{name}", "vip": "yes"}, "next": "bye"},
        "bye": {"play": "bye", "next": "again"},
        "again": {"menu": {"1": "end"}, "prompt": "bye", "silence": "end"},
        "end": {"hang_up": true}}});
    program.answers(200, &flow.to_string(), Duration::from_millis(50));
    let mut user = Voice::of_platform(&desk.engine);
    desk.traced_webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(BYE_HZ).await;
    desk.get_until(&format!("/v1/calls/{CALL}"), |call| call["step"] == "again").await;
    user.leg.send_digit(media::dtmf::Digit::new('1').unwrap(), 120);
    desk.upstream.wait_for("terminate").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(1))).await;
    let record = desk.record(CALL).await;
    assert_eq!(
        record["flow"],
        json!({"asked": "answered",
            "path": [{"step": "note"}, {"step": "bye"}, {"step": "again", "keys": "1"}, {"step": "end"}],
            "variables": {"who": "Ana", "vip": "yes"}})
    );

    let (headers, body) = program.seen.lock().unwrap()[0].clone();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    assert!(header("traceparent").starts_with(&format!("00-{TRACE}-")), "the call's trace");
    let at = terms::Timestamp::from_unix(header("webhook-timestamp").parse().unwrap());
    let key = SigningKey::new(Scheme::Standard, SECRET).unwrap();
    assert_eq!(header("webhook-signature"), key.sign(&header("webhook-id"), at, &body));
    let mut question: Value = serde_json::from_str(&body).unwrap();
    question.as_object_mut().unwrap().remove("started_at").expect("a time");
    assert_eq!(
        question,
        json!({"type": "flow.asked", "call_id": CALL, "number": "551140000000",
            "wa_id": "5215550000001", "name": "Ana", "country": "MX",
            "payload": "src=site-footer", "window_open": false, "past_calls": 0})
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_the_configured_flow_answers_and_the_call_says_why() {
    let (program, desk) = desk().await;
    let nothing = Duration::ZERO;
    let long = format!("{{\"start\": \"{}\"}}", "a".repeat(70_000));
    let slip = r#"{"start": "a", "step": {"a": {"play": "bey", "next": "a"}}}"#;
    for (number, (status, body, after, word, why)) in [
        (204, "", nothing, "declined", ""),
        (500, "", nothing, "failed", "status 500"),
        (200, slip, nothing, "invalid", "step.a.play: no prompt `bey`"),
        (200, "<html>", nothing, "invalid", "is no flow"),
        (200, &long, nothing, "too_big", "64 KiB"),
        (200, slip, Duration::from_secs(5), "late", "within 700ms"),
    ]
    .into_iter()
    .enumerate()
    {
        program.answers(status, body, after);
        let id = format!("wacid.ASKED{number}");
        let user = Voice::of_platform(&desk.engine);
        desk.webhook(&connect(&id, &user.platform_offer())).await;
        let path = format!("/v1/calls/{id}");
        let call = desk.get_until(&path, |call| call["flow"]["asked"].is_string()).await;
        assert_eq!(call["flow"]["asked"], word, "{call}");
        desk.get_until(&path, |_| desk.upstream.count("accept") == number + 1).await;
        let diagnosis = desk.get(&format!("{path}/diagnosis")).await;
        let verdicts = diagnosis["verdicts"].as_array().unwrap();
        let told = verdicts.iter().find(|verdict| verdict["code"] == "flow_not_asked");
        let told = told.map_or("", |verdict| verdict["evidence"].as_str().unwrap());
        assert!(told.contains(why) && told.is_empty() == why.is_empty(), "{word}: {told}");
        desk.webhook(&terminate(&id, "USER_INITIATED", None)).await;
    }
    assert!(desk.metrics().await.contains("flows_asked_total{result=\"invalid\"} 2"));
}
