//! The platform records, and what it recorded comes here: asked for with each call, fetched once, kept
//! and heard as any other, whatever happens meanwhile.

use std::{path::Path, time::Duration};

use audio::{
    export::{self, Channels},
    prompt, tone,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use offhook_gateway::{
    Config,
    config::{FlowSource, PlatformRecording, RecordingKey, Transcriber, Transcription},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    desk::{ANA, CALL, Desk, calls, now, terminate},
    recordings::{self, AGENT_HZ, USER_HZ, killed, tone as heard, wav},
    upstream::graph_error,
    voice::Voice,
};

const RECORDING: &str = "1002700000000002";
const TRANSCRIPT: &str = "1002700000000003";
const WORDS: &str = r#"{"metadata": {"processed_at": "2026-11-01T10:00:00Z",
    "audio": {"duration": 2.0, "sample_rate": 16000, "channels": 2, "audio_format": "stereo"}},
    "transcript": {"text": "[Business] bom dia [Customer] oi", "language": "pt", "duration": 2.0,
    "confidence": 0.9, "segments": [
    {"id": 0, "speaker": "Business", "channel": 0, "start": 0.1, "end": 0.9, "text": "bom dia"},
    {"id": 1, "speaker": "Customer", "channel": 1, "start": 1.1, "end": 1.4, "text": "oi"}]}}"#;

fn asks(transcribes: bool) -> impl Fn(&mut Config) {
    move |config| {
        let (purpose, language) = ("quality assurance".to_owned(), "pt".to_owned());
        let asked = PlatformRecording::new(purpose, language, transcribes).unwrap();
        config.recording.by_platform = Some(asked);
    }
}

/// Two seconds as the platform records them: the business at one tone, the user at another.
fn recorded(channels: Channels) -> Vec<u8> {
    let sides = [AGENT_HZ, USER_HZ]
        .map(|hz| prompt::encode(&tone::sine(hz, -12.0, 2_000)).unwrap().into_iter());
    let mut file = Vec::new();
    export::write_ogg(sides, channels, Duration::from_secs(2), &mut file).unwrap();
    file
}

fn told(event: &str, thing: Value) -> Value {
    let mut entry =
        json!({"id": CALL, "from": ANA, "timestamp": now().to_string(), "event": event});
    entry.as_object_mut().unwrap().extend(thing.as_object().unwrap().clone());
    calls(&json!({"calls": [entry]}))
}

fn file(id: &str, mime: &str, bytes: &[u8]) -> Value {
    let sha256 = BASE64_STANDARD.encode(Sha256::digest(bytes));
    json!({"id": id, "sha256": sha256, "mime_type": mime, "url": "https://media.example/over"})
}

/// The platform tells that it recorded this.
async fn tells_of_recording(desk: &Desk, bytes: &[u8]) {
    let audio = file(RECORDING, "audio/ogg; codecs=opus", bytes);
    let audio = json!({"call_recording": {"type": "audio", "audio": audio}});
    assert_eq!(desk.webhook(&told("call_recording_available", audio)).await, 200);
}

async fn tells_of_transcript(desk: &Desk) {
    let document = file(TRANSCRIPT, "application/json", WORDS.as_bytes());
    let document = json!({"call_transcript": {"document": document}});
    assert_eq!(desk.webhook(&told("call_transcription_available", document)).await, 200);
}

/// A call that is over, and has its record.
async fn is_over(desk: &Desk) {
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    desk.record(CALL).await;
}

fn fetched(desk: &Desk) -> usize {
    let asked = desk.upstream.asked();
    asked.iter().filter(|asked| asked.path.contains(RECORDING)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_is_asked_to_record_with_accept_and_connect_and_nobody_here_steers_that() {
    let desk = Desk::start_with(None, asks(true)).await;
    let _user = desk.user_calls(CALL).await;
    let accept = desk.upstream.wait_for("accept").await.body;
    let asked = json!({"status": "ENABLED", "purpose": "quality assurance",
        "announcement_language": "pt"});
    assert_eq!((&accept["recording"], &accept["transcription"]), (&asked, &asked));
    assert_eq!(desk.upstream.wait_for("pre_accept").await.body["recording"], Value::Null);
    for action in ["start", "pause", "resume", "stop"] {
        let path = format!("/v1/calls/{CALL}/recording");
        let (status, body) = desk.post(&path, &json!({"action": action}), None).await;
        assert_eq!((status, &body["code"]), (409, &json!("out_of_place")), "{body}");
        assert!(body.to_string().contains("the platform records this call"), "{body}");
    }
    assert_eq!(desk.get("/v1/recordings").await["recordings"], json!([]));

    let desk = Desk::start_with(None, asks(false)).await;
    let mut lia = desk.available("lia").await;
    let sdp = Voice::of_browser(&desk.engine).browser_offer();
    lia.send(json!({"type": "place", "to": ANA, "sdp": sdp})).await;
    let connect = desk.upstream.wait_until_asked("connect").await.body;
    assert_eq!((&connect["recording"], &connect["transcription"]), (&asked, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_refuses_to_record_ends_the_call_and_the_record_says_why() {
    let desk = Desk::start_with(None, asks(false)).await;
    let why = "recording.announcement_language must be one of en, pt";
    desk.upstream.answer("accept", 400, graph_error(100, why), Duration::ZERO);
    let _user = desk.user_calls(CALL).await;
    desk.upstream.wait_for("accept").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", None)).await;
    let record = desk.record(CALL).await;
    assert_eq!((&record["reason"], &record["code"]), (&json!("platform_refused"), &json!(100)));
    assert!(record["text"].as_str().unwrap().contains(why), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_and_its_transcript_come_after_the_call_and_are_as_any_other() {
    let desk = Desk::start_with(None, asks(true)).await;
    let ogg = recorded(Channels::Stereo);
    desk.upstream.has_media(RECORDING, ogg.clone());
    desk.upstream.has_media(TRANSCRIPT, WORDS.into());
    is_over(&desk).await;
    tells_of_recording(&desk, &ogg).await;
    tells_of_recording(&desk, &ogg).await;
    let recording = recordings::ready(&desk, 1).await[0].clone();
    assert_eq!((&recording["by_platform"], &recording["mixed"]), (&json!(true), &Value::Null));
    assert_eq!((&recording["call_id"], &recording["kind"]), (&json!(CALL), &json!("call")));
    assert!(recording["duration_ms"].as_u64().unwrap().abs_diff(2_000) <= 40, "{recording}");
    let channels = wav(&desk, &recording, 2).await;
    assert!(heard(&channels[0], AGENT_HZ).0 >= 1_900 && heard(&channels[1], USER_HZ).0 >= 1_900);
    assert_eq!((heard(&channels[0], USER_HZ).0, heard(&channels[1], AGENT_HZ).0), (0, 0));
    let id = recording["recording_id"].as_str().unwrap();
    let in_record = json!([{"recording_id": id, "kind": "call"}]);
    assert_eq!(desk.record(CALL).await["recordings"], in_record);
    let events = desk.get("/v1/events?type=recording.ready").await;
    assert_eq!(events["events"].as_array().map(Vec::len), Some(1), "{events}");
    desk.metrics_until("collections_total{what=\"recording\",result=\"done\"} 1").await;

    assert_eq!(recording["transcript"], "waiting");
    tells_of_transcript(&desk).await;
    let written = |list: &Value| list["recordings"][0]["transcript"] == "ready";
    desk.get_until("/v1/recordings", written).await;
    let said = desk.get(&format!("/v1/recordings/{id}/transcript")).await;
    assert_eq!(
        (&said["language"], &said["text"]),
        (&json!("pt"), &json!("[Business] bom dia [Customer] oi"))
    );
    assert_eq!(said["segments"][1]["speaker"], "Customer");
    let events = desk.get("/v1/events?type=transcript.ready").await;
    assert_eq!(events["events"].as_array().map(Vec::len), Some(1), "{events}");
    desk.metrics_until("collections_waiting{what=\"transcript\"} 0").await;
    assert_eq!(fetched(&desk), 2, "asked for once, fetched once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_the_gateway_is_killed_is_fetched_by_the_next_one_encrypted() {
    let data = tempfile::tempdir().unwrap();
    let encrypted = |config: &mut Config| {
        asks(false)(config);
        config.recording.key = Some(RecordingKey::new("recording.key".into(), [7; 32]));
    };
    let desk = Desk::start_with(Some(data.path()), encrypted).await;
    let ogg = recorded(Channels::Stereo);
    desk.upstream.answer(RECORDING, 503, json!({}), Duration::ZERO);
    is_over(&desk).await;
    tells_of_recording(&desk, &ogg).await;
    let missed = "collections_total{what=\"recording\",result=\"unreachable\"} 1";
    let metrics = desk.metrics_until(missed).await;
    assert!(metrics.contains("collections_waiting{what=\"recording\"} 1"), "{metrics}");
    let killed = killed(data.path());
    desk.gateway.stop().await;

    let upstream_of_next = |config: &mut Config| encrypted(config);
    let desk = Desk::start_with(Some(killed.path()), upstream_of_next).await;
    desk.upstream.has_media(RECORDING, ogg);
    let recording = recordings::ready(&desk, 1).await[0].clone();
    assert!(heard(&wav(&desk, &recording, 2).await[1], USER_HZ).0 >= 1_900);
    let id = recording["recording_id"].as_str().unwrap();
    for side in ["business.opus", "user.opus"] {
        let on_disk = std::fs::read(killed.path().join("recordings").join(id).join(side)).unwrap();
        assert!(on_disk.starts_with(b"offhook"), "{side} is encrypted");
    }
    let left = |folder: &Path| std::fs::read_dir(folder).unwrap().count();
    assert_eq!(left(&killed.path().join("recordings")), 1, "what came has no name");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_of_one_channel_is_mixed_and_our_transcriber_leaves_it() {
    let desk = Desk::start_with(None, |config| {
        asks(false)(config);
        config.transcription = Some(Transcription {
            by: Transcriber::Command(vec!["false".into()]),
            timeout: Duration::from_secs(5),
            retries: Vec::new(),
        });
    })
    .await;
    let ogg = recorded(Channels::Mixed);
    desk.upstream.has_media(RECORDING, ogg.clone());
    is_over(&desk).await;
    tells_of_recording(&desk, &ogg).await;
    let recording = recordings::ready(&desk, 1).await[0].clone();
    assert_eq!((&recording["mixed"], &recording["transcript"]), (&json!(true), &Value::Null));
    let both = wav(&desk, &recording, 1).await;
    assert!(heard(&both[0], AGENT_HZ).0 >= 1_900 && heard(&both[0], USER_HZ).0 >= 1_900);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_transcriber_writes_down_what_the_platform_only_recorded() {
    let desk = Desk::start_with(None, |config| {
        asks(false)(config);
        let words = ["sh", "-c", "wc -c < $1", "sh", "{wav}"].map(str::to_owned);
        config.transcription = Some(Transcription {
            by: Transcriber::Command(words.into()),
            timeout: Duration::from_secs(20),
            retries: Vec::new(),
        });
    })
    .await;
    let ogg = recorded(Channels::Stereo);
    desk.upstream.has_media(RECORDING, ogg.clone());
    is_over(&desk).await;
    tells_of_recording(&desk, &ogg).await;
    let written = |list: &Value| list["recordings"][0]["transcript"] == "ready";
    let list = desk.get_until("/v1/recordings", written).await;
    let id = list["recordings"][0]["recording_id"].as_str().unwrap();
    let said = desk.get(&format!("/v1/recordings/{id}/transcript")).await;
    assert_eq!(said["segments"].as_array().map(Vec::len), Some(2), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_asked_for_is_not_fetched() {
    let desk = Desk::start().await;
    let ogg = recorded(Channels::Stereo);
    desk.upstream.has_media(RECORDING, ogg.clone());
    is_over(&desk).await;
    let others = "gateway_events_total{result=\"other\"}";
    assert!(!desk.metrics().await.contains(others));
    tells_of_recording(&desk, &ogg).await;
    desk.metrics_until(others).await;
    assert_eq!(fetched(&desk), 0);
    assert!(!desk.metrics().await.contains("collections_total{"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_records_does_not_start_beside_the_platform() {
    let mut config = Config::demo("http://127.0.0.1:9", None);
    asks(false)(&mut config);
    let toml = "start = \"record\"\n[step.record]\nrecord = \"on\"\nnext = \"end\"\n\
                [step.end]\nhang_up = true\n";
    let flow = FlowSource::Embedded { toml: toml.into(), prompts: Vec::new() };
    config.lines.first.flow = Some(flow);
    let fault = Box::pin(offhook_gateway::serve(config)).await.unwrap_err().to_string();
    assert!(fault.contains("the platform records these calls"), "{fault}");
}
