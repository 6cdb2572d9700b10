//! A platform of the test: it records what it is asked and answers as told.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use serde_json::{Value, json};

/// What it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) traceparent: Option<String>,
    pub(crate) answered_at: Option<Instant>,
}

impl Asked {
    pub(crate) fn action(&self) -> &str {
        self.body["action"].as_str().unwrap_or_default()
    }

    pub(crate) fn sdp(&self) -> &str {
        self.body["session"]["sdp"].as_str().unwrap_or_default()
    }
}

/// How it answers an action, after how long.
type Answer = (String, u16, Value, Duration);

#[derive(Debug, Clone, Default)]
pub(crate) struct Upstream {
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
    /// Answers that are given once each, before the others.
    once: Arc<Mutex<Vec<Answer>>>,
    /// What every refusal says of the next try, in seconds; 0 is nothing.
    retry_after_s: Arc<AtomicI64>,
    /// How far its clock is ahead, in seconds.
    ahead_s: Arc<AtomicI64>,
    /// How much of our allowance it says is used, in percent; 0 is nothing said.
    used: Arc<AtomicI64>,
    /// Files that are given as they are, by their path's last part.
    files: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    pub(crate) address: Option<SocketAddr>,
}

pub(crate) fn graph_error(code: i64, text: &str) -> Value {
    json!({"error": {"message": format!("(#{code}) {text}"), "type": "OAuthException",
        "code": code, "error_data": {"details": text}, "fbtrace_id": "A"}})
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { address: Some(listener.local_addr().unwrap()), ..Self::default() };
        let router = Router::new().fallback(take).with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        upstream
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address.unwrap())
    }

    /// From now on, answers this action (or path's last part) so.
    pub(crate) fn answer(&self, what: &str, status: u16, body: Value, after: Duration) {
        let mut answers = self.answers.lock().unwrap();
        answers.retain(|(known, ..)| known != what);
        answers.push((what.to_owned(), status, body, after));
    }

    /// Answers this action (or path's last part) so, once; several in their order.
    pub(crate) fn answer_once(&self, what: &str, status: u16, body: Value) {
        let answer = (what.to_owned(), status, body, Duration::ZERO);
        self.once.lock().unwrap().push(answer);
    }

    /// From now on, gives these bytes as a media file of this id.
    pub(crate) fn has_media(&self, id: &str, bytes: Vec<u8>) {
        let size = bytes.len();
        self.files.lock().unwrap().insert(format!("file-{id}"), bytes);
        let url = format!("{}/attachments/file-{id}", self.url());
        let answer = json!({"messaging_product": "whatsapp", "url": url, "file_size": size});
        self.answer(id, 200, answer, Duration::ZERO);
    }

    /// From now on, a refusal says when to come back.
    pub(crate) fn set_retry_after(&self, seconds: i64) {
        self.retry_after_s.store(seconds, Ordering::Relaxed);
    }

    /// From now on, it says that so much of our allowance is used, in percent.
    pub(crate) fn set_used(&self, percent: i64) {
        self.used.store(percent, Ordering::Relaxed);
    }

    fn told_once(&self, fits: impl Fn(&Answer) -> bool) -> Option<Answer> {
        let mut once = self.once.lock().unwrap();
        let at = once.iter().position(fits)?;
        Some(once.remove(at))
    }

    /// From now on, its clock is so far ahead of ours.
    pub(crate) fn set_ahead(&self, seconds: i64) {
        self.ahead_s.store(seconds, Ordering::Relaxed);
    }

    /// The messages it was sent.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let asked = self.asked().into_iter().filter(|asked| asked.path.ends_with("/messages"));
        asked.map(|asked| asked.body).collect()
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn actions(&self) -> Vec<String> {
        self.asked().iter().map(|asked| asked.action().to_owned()).collect()
    }

    pub(crate) fn count(&self, action: &str) -> usize {
        self.asked().iter().filter(|asked| asked.action() == action).count()
    }

    /// Waits until this action was asked and answered.
    #[track_caller]
    pub(crate) fn wait_for(&self, action: &str) -> impl Future<Output = Asked> {
        self.wait(action, true)
    }

    /// Waits until this action was asked.
    #[track_caller]
    pub(crate) fn wait_until_asked(&self, action: &str) -> impl Future<Output = Asked> {
        self.wait(action, false)
    }

    /// Waits until this action was asked and answered for this call.
    #[track_caller]
    pub(crate) fn wait_for_call(&self, action: &str, call: &str) -> impl Future<Output = Asked> {
        self.wait_until(action, move |a| a.body["call_id"] == call && a.answered_at.is_some())
    }

    #[track_caller]
    fn wait(&self, action: &str, answered: bool) -> impl Future<Output = Asked> {
        self.wait_until(action, move |asked| !answered || asked.answered_at.is_some())
    }

    #[track_caller]
    fn wait_until(
        &self,
        action: &str,
        fits: impl Fn(&Asked) -> bool,
    ) -> impl Future<Output = Asked> {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..1_000 {
                let mut all = self.asked().into_iter();
                let found = all.find(|asked| asked.action() == action && fits(asked));
                if let Some(found) = found {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("nobody asked for {action} at {caller}: {:?}", self.actions());
        }
    }
}

async fn take(
    State(upstream): State<Upstream>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = uri.path_and_query().unwrap().to_string();
    let traceparent = headers.get("traceparent").map(|value| value.to_str().unwrap().to_owned());
    let asked = Asked { path: path.clone(), body: body.clone(), traceparent, answered_at: None };
    let index = {
        let mut all = upstream.asked.lock().unwrap();
        all.push(asked);
        all.len() - 1
    };
    let action = body["action"].as_str().unwrap_or_default().to_owned();
    let last = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let fits = |(what, ..): &Answer| *what == action || *what == last;
    let lasting = || upstream.answers.lock().unwrap().iter().find(|told| fits(told)).cloned();
    let once = upstream.told_once(fits);
    if let (None, Some(file)) = (&once, upstream.files.lock().unwrap().get(&last)) {
        let is_ours = headers.get("authorization").is_some_and(|it| it == "Bearer demo-token");
        let status = if is_ours { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        return (status, file.clone()).into_response();
    }
    let told = once.or_else(lasting);
    let (status, answer, after) = match told {
        Some((_, status, answer, after)) => (status, answer, after),
        None => (200, default_answer(&action, &last), Duration::ZERO),
    };
    tokio::time::sleep(after).await;
    upstream.asked.lock().unwrap()[index].answered_at = Some(Instant::now());
    let ahead = jiff::SignedDuration::from_secs(upstream.ahead_s.load(Ordering::Relaxed));
    let date = (jiff::Timestamp::now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT");
    let mut headers = HeaderMap::new();
    headers.insert(header::DATE, date.to_string().parse().unwrap());
    let used = upstream.used.load(Ordering::Relaxed);
    if used > 0 {
        let usage = json!({"call_count": used, "total_time": 0, "total_cputime": 0});
        headers.insert("x-app-usage", usage.to_string().parse().unwrap());
    }
    let retry_after = upstream.retry_after_s.load(Ordering::Relaxed);
    if status >= 400 && retry_after > 0 {
        headers.insert(header::RETRY_AFTER, retry_after.into());
    }
    (StatusCode::from_u16(status).unwrap(), headers, Json(answer)).into_response()
}

fn default_answer(action: &str, last: &str) -> Value {
    match (action, last) {
        ("connect", _) => {
            json!({"messaging_product": "whatsapp", "calls": [{"id": "wacid.PLACED1"}]})
        }
        (_, "messages") => json!({"messaging_product": "whatsapp",
            "contacts": [{"input": "5215550000001", "wa_id": "5215550000001"}],
            "messages": [{"id": "wamid.SENT1"}]}),
        (_, "call_permissions") => json!({"messaging_product": "whatsapp",
            "permission": {"status": "no_permission"},
            "actions": [{"action_name": "start_call", "can_perform_action": false, "limits": []}]}),
        _ => json!({"messaging_product": "whatsapp", "success": true}),
    }
}
