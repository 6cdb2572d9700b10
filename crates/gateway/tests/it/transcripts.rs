//! What was said is written down by a command or an endpoint, once, whatever happens meanwhile.

use std::{path::Path, sync::Arc, time::Duration};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use offhook_gateway::{
    Config,
    config::{Secret, Transcriber, Transcription},
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use crate::{desk::Desk, recordings};

const SAID: &str = r#"{"language": "pt", "confidence": 0.75, "segments": [
    {"start": 0.5, "end": 1.0, "text": "alô", "confidence": 0.75}]}"#;

fn written_down(by: Transcriber) -> impl FnOnce(&mut Config) {
    let timeout = Duration::from_secs(20);
    let transcription = Transcription { by, timeout, retries: vec![Duration::ZERO] };
    move |config| {
        recordings::with_prompts(config);
        config.transcription = Some(transcription);
    }
}

fn command(words: &[&str]) -> Transcriber {
    Transcriber::Command(words.iter().map(|word| (*word).to_owned()).collect())
}

/// Says of a user's voice what was said, of the business's how many bytes it has; counts itself.
fn script(folder: &Path) -> Transcriber {
    let (said, count) = (folder.join("said.json"), folder.join("count"));
    std::fs::write(&said, SAID).unwrap();
    let script = format!(
        "echo >> {}; case $1 in */user.wav) cat {};; *) wc -c < $1;; esac",
        count.display(),
        said.display()
    );
    command(&["sh", "-c", &script, "sh", "{wav}"])
}

async fn all_are(desk: &Desk, state: &str) -> Vec<Value> {
    let all = |list: &Value| {
        let list = list["recordings"].as_array().unwrap();
        list.len() == 2 && list.iter().all(|it| it["transcript"] == state)
    };
    desk.get_until("/v1/recordings", all).await["recordings"].as_array().unwrap().clone()
}

fn path_of(recording: &Value) -> String {
    format!("/v1/recordings/{}", recording["recording_id"].as_str().unwrap())
}

async fn status(desk: &Desk, path: &str) -> u16 {
    let request = desk.http.get(desk.url(path)).bearer_auth("demo-api-key");
    request.send().await.unwrap().status().as_u16()
}

fn of_kind<'a>(recordings: &'a [Value], kind: &str) -> &'a Value {
    recordings.iter().find(|it| it["kind"] == kind).unwrap()
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp")
        .args(["-r", &format!("{}/.", from.display())])
        .arg(to)
        .status();
    assert!(copied.unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_when_the_gateway_is_killed_is_written_down_by_the_next_one() {
    let (data, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // The path is no word of the shell's command, so it hangs indeed.
    let hangs = written_down(command(&["sh", "-c", "sleep 600"]));
    let desk = Desk::start_with(Some(data.path()), hangs).await;
    Box::pin(recordings::message(&desk)).await;
    let waiting = all_are(&desk, "waiting").await;
    assert_eq!(status(&desk, &format!("{}/transcript", path_of(&waiting[0]))).await, 409);
    copy(data.path(), killed.path());
    let stopped = tokio::time::timeout(Duration::from_secs(20), desk.gateway.stop());
    stopped.await.expect("a stop does not wait for the command");

    // With nobody to do it nobody waits for it.
    let nobody = tempfile::tempdir().unwrap();
    copy(killed.path(), nobody.path());
    let desk = Desk::start_with(Some(nobody.path()), recordings::with_prompts).await;
    let failed = all_are(&desk, "failed").await;
    let answer = desk.get(&format!("{}/transcript", path_of(&failed[0]))).await;
    assert!(answer["why"].as_str().unwrap().contains("[transcription]"), "{answer}");
    desk.gateway.stop().await;

    let scripts = tempfile::tempdir().unwrap();
    let again = Desk::start_with(Some(killed.path()), written_down(script(scripts.path()))).await;
    let ready = all_are(&again, "ready").await;
    let (call, message) = (of_kind(&ready, "call"), of_kind(&ready, "voicemail"));
    let written = again.get(&format!("{}/transcript", path_of(message))).await;
    assert_eq!(written["text"], "[Customer] alô", "nobody else is in a message: {written}");
    assert_eq!((&written["state"], &written["language"]), (&json!("ready"), &json!("pt")));
    assert_eq!(written["segments"][0]["speaker"], "Customer");
    assert_eq!(
        (&written["segments"][0]["start"], &written["segments"][0]["channel"]),
        (&json!(0.5), &json!(1))
    );
    let written = again.get(&format!("{}/transcript", path_of(call))).await;
    let business = &written["segments"][0];
    let bytes: u64 = business["text"].as_str().unwrap().parse().unwrap();
    let lasts_ms = call["duration_ms"].as_u64().unwrap();
    assert_eq!(
        (&business["speaker"], bytes),
        (&json!("Business"), 44 + lasts_ms.div_ceil(20) * 640)
    );
    assert_eq!(written["segments"][1]["text"], "alô");

    let events =
        again.get_until("/v1/events?type=transcript.ready", |it| it["events"][1].is_object());
    let events = events.await["events"].to_string();
    assert!(!events.contains("alô") && events.contains("\"transcript\":\"ready\""), "{events}");
    let audit = again.get("/v1/audit").await;
    assert_eq!(audit["entries"][0]["act"], "recording.read");
    again.metrics_until("offhook_gateway_transcripts_total{result=\"ready\"} 2").await;
    let count = std::fs::read_to_string(scripts.path().join("count")).unwrap();
    assert_eq!(count.len(), 3, "each voice once");
    for recording in &ready {
        let id = recording["recording_id"].as_str().unwrap();
        assert!(!killed.path().join("recordings").join(id).join("voices").exists());
        let url = again.url(&path_of(recording));
        let removed = again.http.delete(url).bearer_auth("demo-api-key").send().await.unwrap();
        assert_eq!(removed.status(), 204);
        assert_eq!(status(&again, &format!("{}/transcript", path_of(recording))).await, 404);
    }
}

type Heard = mpsc::UnboundedSender<(HeaderMap, Bytes)>;

/// Refuses the first voice, then understands.
async fn listener() -> (String, mpsc::UnboundedReceiver<(HeaderMap, Bytes)>) {
    async fn listen(
        State((heard, refused)): State<(Heard, Arc<Mutex<bool>>)>,
        headers: HeaderMap,
        body: Bytes,
    ) -> (axum::http::StatusCode, &'static str) {
        if !std::mem::replace(&mut *refused.lock().await, true) {
            return (axum::http::StatusCode::SERVICE_UNAVAILABLE, "later");
        }
        heard.send((headers, body)).unwrap();
        (axum::http::StatusCode::OK, " good day \n")
    }
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/listen", socket.local_addr().unwrap());
    let (heard, voices) = mpsc::unbounded_channel();
    let limit = axum::extract::DefaultBodyLimit::disable();
    let state = (heard, Arc::new(Mutex::new(false)));
    let router = Router::new().route("/listen", post(listen)).layer(limit).with_state(state);
    tokio::spawn(async move { axum::serve(socket, router).await });
    (url, voices)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_is_posted_each_voice_and_asked_again_when_it_refuses() {
    let (url, mut voices) = listener().await;
    let (url, token) = (url.parse().unwrap(), Some(Secret::new("sesame")));
    let desk = Desk::start_with(None, written_down(Transcriber::Endpoint { url, token })).await;
    Box::pin(recordings::message(&desk)).await;
    let ready = all_are(&desk, "ready").await;
    for _ in 0..3 {
        let (headers, wav) = voices.recv().await.unwrap();
        assert_eq!(headers["content-type"], "audio/wav");
        assert_eq!(headers["authorization"], "Bearer sesame");
        assert_eq!(headers["content-length"], wav.len().to_string().as_str());
        assert_eq!(
            (&wav[..4], wav[24..28].to_vec()),
            (b"RIFF".as_slice(), 16_000_u32.to_le_bytes().to_vec())
        );
    }
    let message = of_kind(&ready, "voicemail");
    let written = desk.get(&format!("{}/transcript", path_of(message))).await;
    assert_eq!(written["text"], "[Customer] good day");
    desk.metrics_until("offhook_gateway_transcripts_total{result=\"again\"} 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_tried_again_and_then_has_failed() {
    let desk = Desk::start_with(None, written_down(command(&["false"]))).await;
    Box::pin(recordings::message(&desk)).await;
    let failed = all_are(&desk, "failed").await;
    let written = desk.get(&format!("{}/transcript", path_of(&failed[0]))).await;
    assert_eq!((&written["state"], &written["segments"]), (&json!("failed"), &json!([])));
    assert!(written["why"].as_str().unwrap().contains("the command failed with"), "{written}");
    desk.metrics_until("offhook_gateway_transcripts_total{result=\"again\"} 2").await;
    desk.metrics_until("offhook_gateway_transcripts_total{result=\"failed\"} 2").await;
    let events = desk.get("/v1/events?type=transcript.ready").await;
    assert_eq!(events["events"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_has_silence_written_down() {
    let is_wav = "test $(wc -c < $1) -eq 32044 && echo; exit $?";
    for (words, code) in [
        (["sh", "-c", is_wav, "sh"].as_slice(), "transcriber_well"),
        (&["false"], "transcriber_fails"),
        (&["/no/such/program"], "transcriber_fails"),
        (&["echo", "{\"segments\": 1}"], "transcriber_fails"),
    ] {
        let desk = Desk::start_with(None, written_down(command(words))).await;
        let report = desk.get("/v1/doctor").await;
        let all = report["findings"].as_array().unwrap();
        let found = all.iter().find(|each| each["check"] == "recording.transcriber").unwrap();
        assert_eq!(found["code"], code, "{words:?}: {found}");
    }
}
