//! Who watches the gateway sees each call, and nobody's number.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use offhook_gateway::config::{Hep, Telemetry};
use serde_json::{Value, json};
use tokio::net::{TcpListener, UdpSocket};
use wire::bot::Protocol;

use crate::{
    desk::{ANA, CALL, Desk, HOLD_HZ, TRACE, connect, newest_rules, now, permissions, terminate},
    hand_over::{RUI_HZ, Talk},
    queues::with_a_queue,
    talk::{Listening, with_bot},
    voice::Voice,
};

const PARENT: &str = "00f067aa0ba902b7";

/// A receiver of traces: what it was sent, and the spans in it.
#[derive(Clone, Default)]
struct Traces(Arc<Mutex<Vec<Value>>>);

impl Traces {
    async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let traces = Self::default();
        let router = Router::new().route("/v1/traces", post(take)).with_state(traces.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (traces, address)
    }

    fn spans(&self) -> Vec<Value> {
        let sent = self.0.lock().unwrap();
        let of = |sent: &Value| {
            sent["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
        };
        sent.iter().flat_map(of).collect()
    }
}

async fn take(State(traces): State<Traces>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/json");
    traces.0.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("{name}: {spans:?}"))
}

fn traceparent() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

/// The chunks of a HEP packet by their type.
fn chunks(packet: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    let number = |at: usize| u16::from_be_bytes([packet[at], packet[at + 1]]);
    assert_eq!((&packet[..4], usize::from(number(4))), (b"HEP3".as_slice(), packet.len()));
    let (mut found, mut at) = (BTreeMap::new(), 6);
    while at < packet.len() {
        let length = usize::from(number(at + 4));
        found.insert(number(at + 2), packet[at + 6..at + length].to_vec());
        at += length;
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_call_is_one_trace_of_its_webhook_and_homer_sees_it_without_secrets() {
    let (traces, otlp) = Traces::start().await;
    let homer = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let server = homer.local_addr().unwrap();
    let desk = Desk::start_with(None, |config| {
        config.telemetry = Some(Telemetry { otlp: format!("http://{otlp}") });
        config.hep = Some(Hep { server, capture_id: 7 });
    })
    .await;
    let user = Voice::of_platform(&desk.engine);
    desk.traced_webhook(&connect(CALL, &user.platform_offer())).await;
    let asked = desk.upstream.wait_for("pre_accept").await;
    desk.upstream.wait_for("accept").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(20))).await;
    desk.record(CALL).await;
    let event = desk.get(&format!("/v1/events?call_id={CALL}&type=call.ended")).await;
    let metrics = desk.metrics().await;
    desk.metrics_until("offhook_gateway_telemetry_spans_total{result=\"sent\"}").await;
    desk.gateway.stop().await;

    let spans = traces.spans();
    assert!(spans.iter().all(|span| span["traceId"] == TRACE), "one trace: {spans:?}");
    let call = named(&spans, "call");
    assert_eq!(call["parentSpanId"], PARENT);
    for stage in ["webhook", "opening", "ringing", "connecting"] {
        assert_eq!(named(&spans, stage)["parentSpanId"], call["spanId"], "{stage}");
    }
    let pre_accept = named(&spans, "pre_accept");
    assert!(spans.iter().any(|span| span["spanId"] == pre_accept["parentSpanId"]));
    let sent = format!("00-{TRACE}-{}-01", pre_accept["spanId"].as_str().unwrap());
    assert_eq!(asked.traceparent, Some(sent));
    let told = format!("00-{TRACE}-{}-01", call["spanId"].as_str().unwrap());
    assert_eq!(event["events"][0]["traceparent"], told, "{event}");
    let all = format!("{spans:?}");
    assert!(!all.contains(ANA) && !all.contains(CALL), "nothing personal: {all}");

    check_homer(&homer);
    check_metrics(&metrics);
}

fn otlp(config: &mut offhook_gateway::Config, receiver: SocketAddr) {
    config.telemetry = Some(Telemetry { otlp: format!("http://{receiver}") });
}

/// The spans a call left when it was over, by name; all of one trace, each within the call.
async fn spans_of(desk: Desk, traces: &Traces) -> BTreeMap<String, Vec<Value>> {
    desk.record(CALL).await;
    desk.metrics_until("leg=\"whatsapp\"} 0").await;
    desk.gateway.stop().await;
    let spans = traces.spans();
    let call = named(&spans, "call").clone();
    let at = |span: &Value, end: &str| span[end].as_str().unwrap().parse::<u64>().unwrap();
    let mut by_name: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for span in spans {
        assert_eq!(span["traceId"], call["traceId"]);
        let (from, to) = (at(&span, "startTimeUnixNano"), at(&span, "endTimeUnixNano"));
        assert!(from <= to && to <= at(&call, "endTimeUnixNano"), "{span}");
        by_name.entry(span["name"].as_str().unwrap().to_owned()).or_default().push(span);
    }
    by_name
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_of_the_sound_and_what_is_done_in_a_talk_are_spans() {
    let (traces, receiver) = Traces::start().await;
    let mut talk = Box::pin(Talk::start_with(|config| otlp(config, receiver))).await;
    let mut rui = talk.desk.available("rui").await;
    talk.order(json!({"type": "hold"})).await;
    talk.state("held").await;
    talk.order(json!({"type": "resume"})).await;
    talk.state("connected").await;
    talk.order(json!({"type": "transfer", "to": {"kind": "agent", "id": "rui"}})).await;
    let _browser = talk.takes(&mut rui, RUI_HZ).await;
    talk.user.expect_tone(RUI_HZ).await;
    talk.end().await;
    let spans = spans_of(talk.desk, &traces).await;
    for name in
        ["webhook", "ice", "dtls", "media_up", "first_audio", "held", "transferring", "connected"]
    {
        assert!(spans.contains_key(name), "{name}: {:?}", spans.keys());
    }
    assert_eq!(spans["agents_ring"].len(), 2, "for Lia, and for Rui");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_a_bot_and_a_check_of_the_rules_are_spans() {
    let (traces, receiver) = Traces::start().await;
    let listening = Listening::start().await;
    let url = listening.url();
    let desk = Desk::start_with(None, |config| {
        with_bot(config, &url, Protocol::Native);
        otlp(config, receiver);
    })
    .await;
    let _user = desk.user_calls(CALL).await;
    let mut bot = listening.next().await;
    bot.next_text("type", "start").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(1))).await;
    let spans = spans_of(desk, &traces).await;
    assert_eq!((spans["bot"].len(), spans["in_flow"].len()), (1, 1), "{:?}", spans.keys());

    let (traces, receiver) = Traces::start().await;
    let desk = Desk::start_with(None, |config| {
        with_a_queue(config);
        otlp(config, receiver);
    })
    .await;
    let mut user = desk.user_calls(CALL).await;
    user.expect_tone(HOLD_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(1))).await;
    let spans = spans_of(desk, &traces).await;
    assert_eq!(spans["queue"].len(), 1, "{:?}", spans.keys());

    let (traces, receiver) = Traces::start().await;
    let desk = Desk::start_with(None, |config| {
        newest_rules(config);
        otlp(config, receiver);
    })
    .await;
    let allowed = permissions("temporary", Some(now() + 86_400));
    desk.upstream.answer("call_permissions", 200, allowed, Duration::ZERO);
    let placed = desk.post("/v1/calls", &json!({"to": ANA, "flow": true}), None).await;
    assert_eq!(placed.0, 201, "{placed:?}");
    desk.metrics_until("offhook_gateway_telemetry_spans_total{result=\"sent\"}").await;
    desk.gateway.stop().await;
    let spans = traces.spans();
    let (check, asked) = (named(&spans, "rule_check"), named(&spans, "connect"));
    assert_eq!(check["traceId"], asked["traceId"], "the call's");
}

fn check_homer(homer: &UdpSocket) {
    let mut buffer = [0; 65_536];
    let mut kinds = BTreeMap::new();
    while let Ok(length) = homer.try_recv(&mut buffer) {
        let chunks = chunks(&buffer[..length]);
        assert_eq!(chunks[&17], CALL.as_bytes(), "the call's id");
        assert_eq!(chunks[&12], 7_u32.to_be_bytes());
        let text = String::from_utf8(chunks[&15].clone()).unwrap();
        let payload: Value = serde_json::from_str(&text).unwrap();
        let hidden = text.matches("a=ice-pwd:").count() == text.matches("a=ice-pwd:***").count();
        assert!(hidden, "{text}");
        let first = payload.as_object().unwrap().keys().next().unwrap().clone();
        *kinds.entry((chunks[&11][0], first)).or_insert(0) += 1;
    }
    for (kind, first) in [(100, "webhook"), (100, "request"), (100, "answer"), (5, "leg")] {
        assert!(kinds.contains_key(&(kind, first.to_owned())), "{first}: {kinds:?}");
    }
}

fn check_metrics(metrics: &str) {
    for series in [
        "offhook_gateway_calls_total{direction=\"user_initiated\",result=\"answered\",\
         error_code=\"none\",reason=\"user_hung_up\",fault=\"none\"} 1",
        "direction=\"user_initiated\",leg=\"whatsapp\"} 0",
        "offhook_gateway_hep_packets_total{result=\"sent\"}",
        "offhook_gateway_call_setup_seconds_count{stage=\"webhook_to_pre_accept\"} 1",
        "offhook_gateway_graph_request_seconds_count{endpoint=\"accept\",outcome=\"ok\"} 1",
        "offhook_gateway_call_duration_seconds_sum{direction=\"user_initiated\"} 20",
        "offhook_gateway_webhook_age_seconds_count 1",
        "offhook_gateway_webhook_in_total{field=\"calls\",result=\"taken\"} 2",
        "offhook_gateway_graph_requests_total{endpoint=\"accept\",outcome=\"ok\"} 1",
        "offhook_gateway_pickup_ratio{organisation=",
        "offhook_gateway_agents_available{organisation=",
        "offhook_gateway_build_info{version=",
        "process_start_time_seconds 1",
    ] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    let series: Vec<_> = metrics.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(series.len() < 400, "few labels: {}", series.len());
    assert!(!metrics.contains(ANA) && !metrics.contains(CALL) && !metrics.contains("551140000000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_a_program_places_is_a_part_of_the_programs_trace_with_no_receiver_too() {
    let desk = Desk::start_with(None, newest_rules).await;
    let allowed = permissions("temporary", Some(now() + 86_400));
    desk.upstream.answer("call_permissions", 200, allowed, Duration::ZERO);
    let request = desk.http.post(desk.url("/v1/calls")).bearer_auth("demo-api-key");
    let request = request.header("traceparent", traceparent());
    let answer = request.json(&json!({"to": ANA, "flow": true})).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 201);
    let asked = desk.upstream.wait_for("connect").await;
    let passed_on = asked.traceparent.unwrap();
    assert!(passed_on.starts_with(&format!("00-{TRACE}-")) && passed_on.ends_with("-01"));
    assert!(!passed_on.contains(PARENT), "a span of ours");
}
