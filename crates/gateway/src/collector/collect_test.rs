//! One try after the other, without the waits between them: what comes of each fault, and when it is
//! given up.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use switchboard::call::EndReason;
use terms::Direction;
use wire::event::TranscriptState;

use super::*;
use crate::{Config, Running, config::PlatformRecording};

const FILE: &str = "1002700000000002";
const WORDS: &str = r#"{"transcript": {"text": "[Customer] oi", "language": "pt"}}"#;

/// How the platform answers when it is asked for a file, and what its link gives.
#[derive(Debug, Clone)]
struct Answers {
    asked: (u16, String),
    linked: (u16, Vec<u8>),
}

struct Scene {
    gateway: Running,
    answers: Arc<Mutex<Answers>>,
    address: SocketAddr,
}

async fn answer(State(answers): State<Arc<Mutex<Answers>>>, uri: Uri) -> (StatusCode, Vec<u8>) {
    let Answers { asked, linked } = answers.lock().unwrap().clone();
    let (status, body) =
        if uri.path() == "/link" { linked } else { (asked.0, asked.1.into_bytes()) };
    (StatusCode::from_u16(status).unwrap(), body)
}

fn graph_error(code: i64) -> String {
    json!({"error": {"message": "no", "type": "OAuthException", "code": code}}).to_string()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ogg() -> Vec<u8> {
    let tone = audio::prompt::encode(&audio::tone::sine(440.0, -12.0, 400)).unwrap();
    let sides = [tone.clone().into_iter(), tone.into_iter()];
    let (mut file, lasts) = (Vec::new(), Duration::from_millis(400));
    let channels = audio::export::Channels::Stereo;
    audio::export::write_ogg(sides, channels, lasts, &mut file).unwrap();
    file
}

impl Scene {
    async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let nothing = Answers { asked: (503, String::new()), linked: (503, Vec::new()) };
        let answers = Arc::new(Mutex::new(nothing));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&answers));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut config = Config::demo(&format!("http://{address}"), None);
        config.http = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.media.ports = 0..=0;
        config.media.browsers = config.http;
        let asked = PlatformRecording::new("quality".into(), "en".into(), true).unwrap();
        config.recording.by_platform = Some(asked);
        let gateway = Box::pin(crate::serve(config)).await.unwrap();
        Self { gateway, answers, address }
    }

    fn office(&self) -> &Office {
        self.gateway.office()
    }

    fn answers(&self, asked: (u16, String), linked: (u16, &[u8])) {
        *self.answers.lock().unwrap() = Answers { asked, linked: (linked.0, linked.1.to_vec()) };
    }

    fn has(&self, bytes: &[u8]) {
        let link = json!({"url": format!("http://{}/link", self.address)}).to_string();
        self.answers((200, link), (200, bytes));
    }

    /// What is owed of a call, hours from now, so that nobody but the test collects it.
    async fn owed(&self, thing: Thing, call_id: &str, bytes: &[u8]) -> Collection {
        let file = MediaRef {
            id: FILE.parse().unwrap(),
            sha256: sha256(bytes),
            mime_type: "audio/ogg".to_owned(),
            url: None,
        };
        let told_at = clock::now() + Duration::from_secs(3_600);
        let owed = Collection {
            thing,
            line: self.office().lines.iter().next().unwrap().id().clone(),
            call_id: call_id.parse().unwrap(),
            contact: Peer::default(),
            told_at,
            file: Some(file),
            until: told_at + Duration::from_secs(3_600),
            tries: 0,
        };
        self.office().store.owe_collection(owed.clone()).await.unwrap();
        owed
    }

    /// A call that is over, and what is owed of it.
    async fn recorded(&self, call_id: &str, bytes: &[u8]) -> Collection {
        let line = self.office().lines.iter().next().unwrap();
        let (at, reason) = (clock::now(), EndReason::UserHungUp);
        let id = call_id.parse().unwrap();
        let direction = Direction::UserInitiated;
        let cdr = Cdr::new(line.id().clone(), id, direction, Peer::default(), at, at, &reason);
        self.office().store.save_cdr(cdr, line.tariff(), |_| Vec::new()).await.unwrap();
        self.owed(Thing::Recording, call_id, bytes).await
    }

    /// Tries once; what is owed of it after that.
    async fn tries(&self, owed: &Collection) -> Option<Collection> {
        collect(self.office(), owed.clone()).await.unwrap();
        let later = clock::now() + Duration::from_secs(86_400 * 365);
        let due = self.office().store.collections_due(later, 99).await.unwrap();
        due.into_iter().find(|it| it.thing == owed.thing && it.call_id == owed.call_id)
    }

    async fn kept(&self, owed: &Collection) -> Option<Recording> {
        let lines = LineSet::one(&owed.line);
        self.office().store.recording(lines, owed.recording_id()).await.unwrap()
    }

    fn counted(&self, thing: &str, result: &str) -> bool {
        let text = self.office().metrics.render();
        text.contains(&format!("collections_total{{what=\"{thing}\",result=\"{result}\"}}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_is_tried_again_as_long_as_the_platform_has_the_file() {
    let scene = Scene::new().await;
    let ogg = ogg();
    let mut owed = scene.recorded("wacid.ONE", &ogg).await;
    let link = |to: &str| json!({"url": format!("http://{}{to}", scene.address)}).to_string();
    for (asked, linked, told) in [
        ((503, String::new()), 200, "unreachable"),
        ((401, graph_error(190)), 200, "refused"),
        ((200, link("/link")), 500, "unreachable"),
        ((200, link("/link")), 404, "refused"),
        ((200, json!({"url": "ftp://x"}).to_string()), 200, "link"),
        ((200, "[]".to_owned()), 200, "unreachable"),
    ] {
        scene.answers(asked, (linked, &ogg));
        owed.tries = 40;
        let still = scene.tries(&owed).await.expect(told);
        assert!(scene.counted("recording", told), "{told}");
        assert_eq!(scene.kept(&still).await, None);
    }
    scene.has(&ogg);
    assert!(scene.tries(&owed).await.is_none());
    let kept = scene.kept(&owed).await.unwrap();
    assert_eq!((kept.state, kept.why), (RecordingState::Ready, None));
    assert_eq!(kept.transcript, Some(TranscriptState::Waiting));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_the_file_itself_is_given_up_soon_and_kept_with_its_reason() {
    let scene = Scene::new().await;
    let ogg = ogg();
    let link = json!({"url": format!("http://{}/link", scene.address)}).to_string();
    let long = json!({"url": "http://x/", "file_size": u64::MAX}).to_string();
    for (call_id, asked, given, told, why) in [
        ("wacid.GONE", (400, graph_error(100)), &*ogg, "gone", "has no such file"),
        ("wacid.LOST", (404, String::new()), &ogg, "gone", "has no such file"),
        ("wacid.SUM", (200, link.clone()), b"OggS", "changed", "not the file that the platform"),
        ("wacid.LONG", (200, long), &ogg, "too_long", "more than 268435456 bytes"),
    ] {
        let mut owed = scene.recorded(call_id, &ogg).await;
        scene.answers(asked, (200, given));
        for tries in 0..TRIES_MAX - 1 {
            owed = scene.tries(&owed).await.expect("it is tried again");
            assert_eq!(owed.tries, tries + 1);
        }
        assert!(scene.tries(&owed).await.is_none(), "{told}");
        assert!(scene.counted("recording", told), "{told}");
        let kept = scene.kept(&owed).await.unwrap();
        assert_eq!(kept.state, RecordingState::Failed);
        assert!(kept.why.as_ref().is_some_and(|it| it.contains(why)), "{kept:?}");
        assert!(!scene.office().recorder.folder_of(&kept.recording_id).exists());
    }
    assert!(scene.counted("recording", "given_up"));
    let noise = b"<html>not found</html>";
    let mut owed = scene.recorded("wacid.HTML", noise).await;
    owed.tries = TRIES_MAX;
    scene.has(noise);
    assert!(scene.tries(&owed).await.is_none());
    assert!(scene.kept(&owed).await.unwrap().why.unwrap().contains("no recording"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_has_no_longer_is_given_up() {
    let scene = Scene::new().await;
    let mut owed = scene.recorded("wacid.LATE", b"OggS").await;
    scene.answers((401, graph_error(190)), (200, b"OggS"));
    owed.until = clock::now();
    assert!(scene.tries(&owed).await.is_none());
    let why = scene.kept(&owed).await.unwrap().why.unwrap();
    assert_eq!(why, "the platform refuses to give the file (190)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_waits_for_its_calls_record_and_a_transcript_for_its_recording() {
    let scene = Scene::new().await;
    let ogg = ogg();
    scene.has(&ogg);
    let early = scene.owed(Thing::Recording, "wacid.EARLY", &ogg).await;
    assert!(scene.tries(&early).await.is_some());
    assert!(scene.counted("recording", "too_early"));

    let owed = scene.recorded("wacid.TWO", &ogg).await;
    let words = scene.owed(Thing::Transcript, "wacid.TWO", WORDS.as_bytes()).await;
    assert!(scene.tries(&words).await.is_some(), "its recording is not here");
    assert!(scene.tries(&owed).await.is_none());
    scene.has(b"{}");
    let words = scene.tries(&words).await.expect("it is not what was told of");
    assert!(scene.counted("transcript", "changed"));
    scene.has(WORDS.as_bytes());
    assert!(scene.tries(&words).await.is_none());
    let kept = scene.kept(&owed).await.unwrap();
    assert_eq!(kept.transcript, Some(TranscriptState::Ready));
    let row = scene.office().store.transcript(kept.recording_id.clone()).await.unwrap().unwrap();
    let said = transcription::read(scene.office(), &kept.recording_id, row.kept.unwrap()).unwrap();
    assert_eq!((said.text.as_str(), said.language.as_str()), ("[Customer] oi", "pt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transcript_that_the_platform_never_tells_of_is_waited_for_one_day() {
    let scene = Scene::new().await;
    let ogg = ogg();
    scene.has(&ogg);
    let owed = scene.recorded("wacid.MUTE", &ogg).await;
    assert!(scene.tries(&owed).await.is_none());
    let later = clock::now() + TRANSCRIPT_WITHIN + Duration::from_secs(60);
    let due = scene.office().store.collections_due(later, 9).await.unwrap();
    let [awaited] = &due[..] else { panic!("{due:?}") };
    assert_eq!((awaited.thing, &awaited.file), (Thing::Transcript, &None));
    assert!(scene.tries(awaited).await.is_none());
    let kept = scene.kept(&owed).await.unwrap();
    assert_eq!(kept.transcript, Some(TranscriptState::Failed));
    let row = scene.office().store.transcript(kept.recording_id).await.unwrap().unwrap();
    assert_eq!(row.why.as_deref(), Some(NEVER_TOLD));
    assert!(scene.counted("transcript", "never_told"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_is_removed_takes_what_is_owed_of_it_along() {
    let scene = Scene::new().await;
    let ogg = ogg();
    scene.has(&ogg);
    let owed = scene.recorded("wacid.AWAY", &ogg).await;
    assert!(scene.tries(&owed).await.is_none());
    let kept = scene.kept(&owed).await.unwrap();
    recordings::remove(scene.office(), &kept, None).await.unwrap();
    let later = clock::now() + Duration::from_secs(86_400 * 365);
    assert!(scene.office().store.collections_due(later, 9).await.unwrap().is_empty());
    assert!(!scene.office().recorder.folder_of(&kept.recording_id).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_goes_to_the_bucket_and_what_could_not_be_fetched_does_not() {
    let scene = Scene::new().await;
    let store = &scene.office().store;
    for (call_id, state) in
        [("wacid.HERE", RecordingState::Ready), ("wacid.LOST", RecordingState::Failed)]
    {
        let owed = scene.recorded(call_id, b"OggS").await;
        let recording = Recording { state, ..never_taken(&owed) };
        let (path, now) = (Some("calls/x".to_owned()), clock::now());
        store.keep_collected(owed, recording, path, (now, None)).await.unwrap();
    }
    store.bring_all("calls/".to_owned()).await.unwrap();
    let later = clock::now() + Duration::from_secs(86_400);
    let due = store.owed_to_bucket(later, Vec::new(), 9).await.unwrap();
    let [owed] = &due[..] else { panic!("{due:?}") };
    assert_eq!(owed.path, "calls/x");
}
