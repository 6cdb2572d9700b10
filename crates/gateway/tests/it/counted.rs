//! Every series counts what its name says: a talk of a user with an agent, during and after it.

use crate::{
    desk::{ANA, connect, terminate},
    hand_over::Talk,
    upstream::graph_error,
    voice::Voice,
};

const PREFIX: &str = "offhook_gateway_";
const UNKNOWN_CALL: i64 = 138_001;

/// The value of a series, by its name without our prefix and with its labels.
#[track_caller]
fn value(metrics: &str, series: &str) -> f64 {
    let of = |line: &str| {
        let value = line.strip_prefix(PREFIX)?.strip_prefix(series)?.strip_prefix(' ')?;
        value.parse().ok()
    };
    metrics.lines().find_map(of).unwrap_or_else(|| panic!("no {series}: {metrics}"))
}

/// The mean of what a histogram saw.
#[track_caller]
fn mean(metrics: &str, name: &str, labels: &str) -> f64 {
    let part = |part| value(metrics, &format!("{name}_{part}{{{labels}}}"));
    part("sum") / part("count")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_talk_is_counted_while_it_runs_and_measured_when_it_is_over() {
    let mut talk = Talk::start().await;
    talk.desk.upstream.set_used(30);
    talk.desk.get(&format!("/v1/preflight?to={ANA}")).await;
    let stream = talk.desk.http.get(talk.desk.url("/v1/events/stream"));
    let stream = stream.bearer_auth("demo-api-key").send().await.unwrap();
    assert_eq!(stream.status().as_u16(), 200);
    let metrics = talk.desk.metrics_until("offhook_gateway_event_streams_open 1").await;
    let legs = |leg: &str| {
        let labels = "number=\"109876543210987\",direction=\"user_initiated\"";
        format!("calls_active{{{labels},leg=\"{leg}\"}}")
    };
    for (series, wanted) in [
        (legs("whatsapp").as_str(), 1.0),
        (legs("agent").as_str(), 1.0),
        ("calls_started_total{direction=\"user_initiated\"}", 1.0),
        ("consoles_open", 1.0),
        ("webhooks_total{result=\"accepted\"}", 1.0),
        ("webhooks_waiting", 0.0),
        ("events_total{result=\"acted_on\"}", 1.0),
        ("permission_checks_total{result=\"refused\"}", 1.0),
        ("graph_rate_limit_remaining", 70.0),
        ("draining", 0.0),
    ] {
        assert!((value(&metrics, series) - wanted).abs() < 1e-9, "{series}: {metrics}");
    }
    assert!(value(&metrics, "outbox_events_total{result=\"taken\"}") >= 3.0, "{metrics}");

    talk.end().await;
    drop(stream);
    let metrics = talk.desk.metrics_until("offhook_gateway_event_streams_open 0").await;
    assert!(value(&metrics, &legs("whatsapp")).abs() < 1e-9, "{metrics}");
    for leg in ["whatsapp", "agent"] {
        let labels = format!("leg=\"{leg}\"");
        let of = |name| mean(&metrics, name, &labels);
        assert!((0.0..5.0).contains(&of("ice_seconds")), "{metrics}");
        assert!((0.0..5.0).contains(&of("dtls_handshake_seconds")), "{metrics}");
        assert!((0.0..0.1).contains(&of("rtp_jitter_seconds")), "{metrics}");
        assert!((0.0..0.1).contains(&of("rtp_packet_loss_ratio")), "{metrics}");
        assert!((0.000_001..0.1).contains(&of("media_added_latency_seconds")), "{metrics}");
        assert!((3.0..4.5).contains(&of("rtp_mos_estimate")), "{metrics}");
        assert!(value(&metrics, &format!("rtp_packets_lost_total{{{labels}}}")) < 10.0);
        let up = format!("ice_state_total{{{labels},state=\"connected\"}}");
        assert!((value(&metrics, &up) - 1.0).abs() < 1e-9, "{metrics}");
    }
    for side in ["user", "agent"] {
        let waited = mean(&metrics, "time_to_first_audio_seconds", &format!("side=\"{side}\""));
        assert!((0.0..10.0).contains(&waited), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_nobody_picked_up_are_told_from_those_that_failed() {
    let talk = Box::pin(Talk::start()).await;
    let desk = &talk.desk;
    for call in ["wacid.GIVENUP", "wacid.REFUSED"] {
        if call == "wacid.REFUSED" {
            let refusal = graph_error(UNKNOWN_CALL, "Invalid call id");
            desk.upstream.answer("pre_accept", 400, refusal, std::time::Duration::ZERO);
        }
        let user = Voice::of_platform(&desk.engine);
        desk.webhook(&connect(call, &user.platform_offer())).await;
        desk.upstream.wait_for_call("pre_accept", call).await;
        desk.webhook(&terminate(call, "USER_INITIATED", None)).await;
        desk.record(call).await;
    }
    let metrics = desk.metrics_until("result=\"failed\"").await;
    let failed = format!("result=\"failed\",error_code=\"{UNKNOWN_CALL}\"");
    assert!(metrics.contains(&failed), "{metrics}");
    let given_up = "result=\"unanswered\",error_code=\"none\",";
    assert!(metrics.contains(given_up), "{metrics}");
}
