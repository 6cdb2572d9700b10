//! What is said is kept, announced, aligned and heard again; callers leave messages.

use std::{os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use audio::measure::{Measure, Report};
use engine::Source;
use offhook_gateway::{
    Config,
    config::{FlowSource, RecordingKey, Transcriber, Transcription, Words},
};
use serde_json::{Value, json};

use crate::{
    desk::{BYE_HZ, CALL, Console, Desk, connect, terminate},
    voice::{Voice, tone_file},
};

const TOLD_HZ: f32 = 700.0;
const GREETING_HZ: f32 = 500.0;
pub(crate) const USER_HZ: f32 = 930.0;
pub(crate) const AGENT_HZ: f32 = 440.0;

const FLOW: &str = r#"
start = "record"
[step.record]
record = "on"
announce = "told"
next = "message"
[step.message]
voicemail = "greeting"
silence = "1s"
max = "20s"
next = "off"
[step.off]
record = "off"
next = "bye"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#;

pub(crate) fn with_prompts(config: &mut Config) {
    let prompts = [("told", TOLD_HZ), ("greeting", GREETING_HZ), ("bye", BYE_HZ)];
    let prompts = prompts.map(|(name, hz)| (name.to_owned(), tone_file(hz, 600)));
    config.lines.first.flow =
        Some(FlowSource::Embedded { toml: FLOW.into(), prompts: prompts.into() });
}

pub(crate) fn records_talks(config: &mut Config) {
    with_prompts(config);
    config.recording.talks = true;
    config.recording.announcement = Some(Words::Prompt("told".into()));
}

/// A user calls and Lia answers.
async fn talk(desk: &Desk) -> (Voice, Voice, Console) {
    let mut lia = desk.available("lia").await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    lia.next("ringing").await;
    let browser = Voice::of_browser(&desk.engine);
    let sdp = browser.browser_offer();
    lia.send(json!({"type": "answer", "call_id": CALL, "sdp": sdp})).await;
    browser.take_browser_answer(lia.next("answer").await["sdp"].as_str().unwrap());
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    (user, browser, lia)
}

/// A talk that is announced and recorded; both have spoken for more than a second.
pub(crate) async fn spoken(desk: &Desk) -> (Voice, Voice, Console) {
    let (mut user, mut browser, lia) = Box::pin(talk(desk)).await;
    user.expect_tone(TOLD_HZ).await;
    desk.get_until("/v1/recordings", |list| list["recordings"][0].is_object()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    user.play(USER_HZ);
    browser.play(AGENT_HZ);
    user.expect_tone(AGENT_HZ).await;
    browser.expect_tone(USER_HZ).await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    (user, browser, lia)
}

/// What a kill would leave behind.
pub(crate) fn killed(data: &Path) -> tempfile::TempDir {
    let killed = tempfile::tempdir().unwrap();
    let copied = std::process::Command::new("cp")
        .args(["-r", &format!("{}/.", data.display())])
        .arg(killed.path())
        .status();
    assert!(copied.unwrap().success());
    killed
}

/// A user calls a flow that records and takes a message; both recordings are ready.
pub(crate) async fn message(desk: &Desk) -> Value {
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(TOLD_HZ).await;
    user.expect_tone(GREETING_HZ).await;
    user.expect_tone(1_000.0).await;
    user.play(USER_HZ);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    user.leg.play(Source::Silence);
    user.expect_tone(BYE_HZ).await;
    desk.upstream.wait_for("terminate").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(5))).await;
    ready(desk, 2).await
}

pub(crate) async fn ready(desk: &Desk, count: usize) -> Value {
    let all_ready = move |list: &Value| {
        let list = list["recordings"].as_array().unwrap();
        list.len() == count && list.iter().all(|it| it["state"] == "ready")
    };
    desk.get_until("/v1/recordings", all_ready).await["recordings"].clone()
}

/// The channels of a WAV file.
pub(crate) async fn wav(desk: &Desk, recording: &Value, channels: usize) -> Vec<Vec<i16>> {
    let id = recording["recording_id"].as_str().unwrap();
    let url = desk.url(&format!("/v1/recordings/{id}/audio?format=wav"));
    let answer = desk.http.get(url).bearer_auth("demo-api-key").send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "audio/wav");
    let file = answer.bytes().await.unwrap();
    let samples: Vec<i16> =
        file[44..].chunks_exact(2).map(|it| i16::from_le_bytes([it[0], it[1]])).collect();
    (0..channels).map(|nth| samples.iter().skip(nth).step_by(channels).copied().collect()).collect()
}

fn measured(samples: &[i16]) -> Report {
    let mut measure = Measure::default();
    measure.push(samples);
    measure.report()
}

/// Milliseconds in which this tone is heard, and the first of them.
pub(crate) fn tone(samples: &[i16], hz: f32) -> (usize, usize) {
    let heard: Vec<usize> = samples
        .chunks(960)
        .enumerate()
        .filter(|(_, frame)| {
            let (mut re, mut im) = (0.0, 0.0);
            for (n, sample) in (0u32..).zip(*frame) {
                let turn = f64::from(n) * f64::from(hz) / 48_000.0 * std::f64::consts::TAU;
                re += f64::from(*sample) * turn.cos();
                im += f64::from(*sample) * turn.sin();
            }
            f64::hypot(re, im) / 480.0 > 1_500.0
        })
        .map(|(nth, _)| nth * 20)
        .collect();
    (heard.len() * 20, heard.first().copied().unwrap_or(usize::MAX))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_talk_is_announced_recorded_in_two_channels_and_heard_again_even_after_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(data.path()), records_talks).await;
    let (_user, _browser, mut lia) = Box::pin(spoken(&desk)).await;
    let killed = killed(data.path());

    let steer = async |action: &str| {
        let path = format!("/v1/calls/{CALL}/recording");
        desk.post(&path, &json!({"action": action}), None).await.0
    };
    assert_eq!((steer("pause").await, steer("pause").await), (204, 409));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(steer("resume").await, 204);
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(4))).await;
    lia.next_where("call", |frame| frame["call"]["state"] == "ended").await;
    let recordings = ready(&desk, 1).await;
    let recording = &recordings[0];
    assert_eq!((&recording["kind"], &recording["call_id"]), (&json!("call"), &json!(CALL)));
    assert_eq!(recording["announcement"]["text"], "told");
    assert_eq!(recording["announcement"]["completed"], true);
    assert!(recording["announcement"]["played_ms"].as_u64() >= Some(480), "{recording}");
    assert!(recording["pauses"][0]["to_ms"].is_u64(), "{recording}");
    let channels = wav(&desk, recording, 2).await;
    let (said, heard) = (tone(&channels[0], AGENT_HZ), tone(&channels[1], USER_HZ));
    println!("the agent {said:?}, the user {heard:?} of {} ms", recording["duration_ms"]);
    assert!(said.0 >= 1_200 && heard.0 >= 1_200, "{said:?} {heard:?}");
    assert!(said.1.abs_diff(heard.1) <= 150, "both began at once: {said:?} {heard:?}");
    assert_eq!((tone(&channels[0], USER_HZ).0, tone(&channels[1], AGENT_HZ).0), (0, 0));
    let pause = recording["pauses"][0]["from_ms"].as_u64().unwrap();
    let pause = usize::try_from(pause).unwrap();
    let quiet = &channels[1][(pause + 120) * 48..(pause + 300) * 48];
    assert!(measured(quiet).loud_ms < 40, "{:?}", measured(quiet));
    let path = "/v1/events?type=recording.ready";
    desk.get_until(path, |list| list["events"][0].is_object()).await;
    assert_eq!(desk.record(CALL).await["recordings"][0]["kind"], "call");
    let audit = desk.get("/v1/audit").await;
    assert_eq!(audit["entries"][0]["act"], "recording.heard");

    desk.gateway.stop().await;
    let again = Desk::start_with(Some(killed.path()), records_talks).await;
    let recordings = ready(&again, 1).await;
    assert_eq!(recordings[0]["incomplete"], true);
    let channels = wav(&again, &recordings[0], 2).await;
    assert!(tone(&channels[0], AGENT_HZ).0 >= 400 && tone(&channels[1], USER_HZ).0 >= 400);

    let id = recordings[0]["recording_id"].as_str().unwrap();
    let url = again.url(&format!("/v1/recordings/{id}"));
    let held = again.http.patch(&url).bearer_auth("demo-api-key").json(&json!({"held": true}));
    assert_eq!(held.send().await.unwrap().status(), 200);
    let remove = || again.http.delete(&url).bearer_auth("demo-api-key").send();
    assert_eq!(remove().await.unwrap().status(), 409, "it is held");
    let free = again.http.patch(&url).bearer_auth("demo-api-key").json(&json!({"held": false}));
    assert_eq!(free.send().await.unwrap().status(), 200);
    let folder = killed.path().join("recordings").join(id);
    let aside = killed.path().join("aside");
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    assert_eq!(remove().await.unwrap().status(), 500, "what is still there is not gone");
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    assert_eq!(again.get("/v1/recordings").await["recordings"][0]["recording_id"], id);
    assert_eq!(remove().await.unwrap().status(), 204);
    assert_eq!(std::fs::read_dir(killed.path().join("recordings")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_is_cut_short_refuses_the_recording() {
    let desk = Desk::start_with(None, |config| {
        records_talks(config);
        let long = ("told".to_owned(), tone_file(TOLD_HZ, 5_000));
        if let Some(FlowSource::Embedded { prompts, .. }) = &mut config.lines.first.flow {
            prompts[0] = long;
        }
    })
    .await;
    let (mut user, _browser, _lia) = Box::pin(talk(&desk)).await;
    user.expect_tone(TOLD_HZ).await;
    let (status, body) = desk.post(&format!("/v1/calls/{CALL}/hold"), &json!({}), None).await;
    assert_eq!(status, 204, "{body}");
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    assert_eq!(desk.record(CALL).await["recordings"], Value::Null);
    assert_eq!(desk.get("/v1/recordings").await["recordings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_records_and_takes_a_message_until_the_caller_is_silent() {
    let desk = Desk::start_with(None, with_prompts).await;
    let recordings = message(&desk).await;
    let of = |kind: &str| {
        let list = recordings.as_array().unwrap();
        list.iter().find(|it| it["kind"] == kind).unwrap().clone()
    };
    let (message, call) = (of("voicemail"), of("call"));
    let channels = wav(&desk, &message, 1).await;
    let spoken = tone(&channels[0], USER_HZ);
    println!("the message {spoken:?} of {} ms", message["duration_ms"]);
    assert!(spoken.0 >= 900, "{spoken:?}");
    let channels = wav(&desk, &call, 2).await;
    assert!(tone(&channels[0], GREETING_HZ).0 >= 400 && tone(&channels[1], USER_HZ).0 >= 900);
    assert_eq!(call["announcement"]["completed"], true);
    let record = desk.record(CALL).await;
    assert_eq!(record["recordings"].as_array().unwrap().len(), 2);
    let missed = |list: &Value| list["events"].to_string().contains("call.missed");
    let events = desk.get_until("/v1/events?limit=100", missed).await["events"].to_string();
    assert!(events.contains("voicemail.received"), "{events}");
    assert!(events.contains("\"missed\":\"voicemail\""), "{events}");
}

/// Encrypts with the key of this byte, and knows those of the others. What a voice's file holds beside
/// silence is written down.
fn encrypted(key: u8, old: &[u8]) -> impl FnOnce(&mut Config) {
    let of = |byte: &u8| RecordingKey::new("recording.key".into(), [*byte; 32]);
    let (key, old_keys) = (of(&key), old.iter().map(of).collect());
    let count = ["sh", "-c", "tr -d '\\000' < $1 | wc -c", "sh", "{wav}"];
    move |config| {
        records_talks(config);
        (config.recording.key, config.recording.old_keys) = (Some(key), old_keys);
        config.transcription = Some(Transcription {
            by: Transcriber::Command(count.map(str::to_owned).to_vec()),
            timeout: Duration::from_secs(20),
            retries: Vec::new(),
        });
    }
}

/// The one recording cannot be heard, for this reason.
async fn refused(desk: &Desk, code: &str) -> Value {
    let recordings = ready(desk, 1).await;
    let id = recordings[0]["recording_id"].as_str().unwrap();
    let url = desk.url(&format!("/v1/recordings/{id}/audio"));
    let answer = desk.http.get(url).bearer_auth("demo-api-key").send().await.unwrap();
    assert_eq!(answer.status(), 409);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], code, "{problem}");
    problem
}

/// Both sides as they lie on disk.
fn on_disk(data: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let folder = std::fs::read_dir(data.join("recordings")).unwrap().next().unwrap().unwrap();
    let files = ["business.opus", "user.opus"].map(|name| folder.path().join(name));
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Whether these letters stand in the database's files.
fn database_has(data: &Path, word: &str) -> bool {
    let files = ["gateway.db", "gateway.db-wal"].map(|name| std::fs::read(data.join(name)));
    let has = |file: Vec<u8>| file.windows(word.len()).any(|it| it == word.as_bytes());
    files.into_iter().flatten().any(has)
}

fn both_spoke(channels: &[Vec<i16>], ms: usize) {
    let (said, heard) = (tone(&channels[0], AGENT_HZ), tone(&channels[1], USER_HZ));
    assert!(said.0 >= ms && heard.0 >= ms, "{said:?} {heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_talk_is_heard_with_its_key_alone_and_after_a_kill_as_far_as_it_goes() {
    let data = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(data.path()), encrypted(1, &[])).await;
    let (_user, _browser, mut lia) = Box::pin(spoken(&desk)).await;
    let killed = killed(data.path());
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(4))).await;
    lia.next_where("call", |frame| frame["call"]["state"] == "ended").await;
    let recordings = ready(&desk, 1).await;
    assert_eq!(recordings[0]["incomplete"], Value::Null);
    both_spoke(&wav(&desk, &recordings[0], 2).await, 1_200);
    let id = recordings[0]["recording_id"].as_str().unwrap();
    let path = format!("/v1/recordings/{id}/transcript");
    let written = |recording: &Value| recording["transcript"] == "ready";
    desk.get_until(&format!("/v1/recordings/{id}"), written).await;
    let voices = desk.get(&path).await["segments"].clone();
    for side in 0..2 {
        let sound: usize = voices[side]["text"].as_str().unwrap().parse().unwrap();
        assert!(sound > 20_000, "a second of tone is 32,000 bytes: {voices}");
    }
    desk.gateway.stop().await;
    for (word, is_said) in [("recording.heard", true), ("[Business]", false), ("segments", false)] {
        assert_eq!(database_has(data.path(), word), is_said, "{word}");
    }
    for (path, bytes) in on_disk(data.path()).into_iter().chain(on_disk(killed.path())) {
        assert!(bytes.len() > 1_000 && !bytes.windows(4).any(|it| it == b"OggS"), "{path:?}");
        assert!(!bytes.windows(8).any(|it| it == b"OpusHead"), "{path:?}");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
    }

    let keyless = Desk::start_with(Some(killed.path()), encrypted(2, &[])).await;
    let problem = refused(&keyless, "recording.key_missing").await;
    assert_eq!(keyless.get("/v1/audit").await["entries"], json!([]), "nobody heard it");
    let key = RecordingKey::new("recording.key".into(), [1; 32]).id().to_string();
    assert!(problem["detail"].as_str().unwrap().contains(&key), "{problem}");
    keyless.gateway.stop().await;
    let rotated = Desk::start_with(Some(killed.path()), encrypted(2, &[3, 1])).await;
    let recordings = ready(&rotated, 1).await;
    assert_eq!(recordings[0]["incomplete"], true);
    both_spoke(&wav(&rotated, &recordings[0], 2).await, 400);
    rotated.gateway.stop().await;

    let keyless = Desk::start_with(Some(data.path()), encrypted(2, &[])).await;
    assert_eq!(keyless.get(&path).await["code"], "recording.key_missing");
    keyless.gateway.stop().await;

    let (user, mut bytes) = on_disk(data.path()).pop().unwrap();
    bytes.truncate(bytes.len() - 200);
    std::fs::write(user, bytes).unwrap();
    let changed = Desk::start_with(Some(data.path()), encrypted(1, &[])).await;
    refused(&changed, "recording.unreadable").await;
}
