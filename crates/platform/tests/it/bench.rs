//! A platform on free ports, an endpoint that takes its webhooks, and a client of its API.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use offhook_platform::{Config, Running, Seed, clock::Clock};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::Instant};

use crate::home;

pub(crate) const PNID: &str = "109876543210987";
pub(crate) const ANA: &str = "5215550000001";
pub(crate) const BUSINESS: &str = "551140000000";

/// A platform with a client of its API.
pub(crate) struct Bench {
    pub(crate) running: Running,
    pub(crate) clock: Clock,
    pub(crate) hook: Endpoint,
    pub(crate) http: reqwest::Client,
}

/// What an endpoint got.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) body: Bytes,
    pub(crate) signature: String,
    pub(crate) headers: HeaderMap,
}

/// A webhook endpoint.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    delivered: Arc<Mutex<Vec<Delivered>>>,
    status: Arc<AtomicU16>,
}

/// The status at which an endpoint hangs.
pub(crate) const HANG: u16 = 0;

pub(crate) fn config() -> Config {
    Config {
        http: SocketAddr::from(([127, 0, 0, 1], 0)),
        media: SocketAddr::from(([127, 0, 0, 1], 0)),
        seed: Seed::parse(home::seed()).unwrap(),
        rate_cards: home::rate_cards(),
        ..Config::default()
    }
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let hook = Endpoint::start().await;
        let clock = config.clock.clone();
        let running = offhook_platform::serve(config).await.unwrap();
        running.set_callback(&hook.url).await.unwrap();
        Self { running, clock, hook, http: reqwest::Client::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.base_url())
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(self.url(path))
    }

    pub(crate) fn post(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.post(self.url(path))
    }

    pub(crate) fn put(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.put(self.url(path))
    }

    /// A Graph request to the demo number's edge.
    pub(crate) async fn graph(&self, edge: &str, body: Value) -> (u16, Value) {
        let request = self.post(&format!("/v23.0/{PNID}/{edge}"));
        send(request.bearer_auth("demo-token").json(&body)).await
    }

    pub(crate) async fn graph_get(&self, rest: &str) -> (u16, Value) {
        send(self.get(&format!("/v23.0/{PNID}{rest}")).bearer_auth("demo-token")).await
    }

    pub(crate) async fn action(&self, call_id: &str, action: &str) -> (u16, Value) {
        let body = json!({ "messaging_product": "whatsapp", "call_id": call_id, "action": action });
        self.graph("calls", body).await
    }

    /// An action that carries the business's answer.
    pub(crate) async fn answer(&self, call_id: &str, action: &str, sdp: &str) -> (u16, Value) {
        self.graph(
            "calls",
            json!({ "messaging_product": "whatsapp", "call_id": call_id, "action": action,
                    "session": { "sdp_type": "answer", "sdp": sdp } }),
        )
        .await
    }

    pub(crate) async fn sandbox(&self, path: &str, body: Value) -> (u16, Value) {
        send(self.post(&format!("/sandbox/v1{path}")).json(&body)).await
    }

    pub(crate) async fn sandbox_get(&self, path: &str) -> (u16, Value) {
        send(self.get(&format!("/sandbox/v1{path}"))).await
    }

    pub(crate) async fn behave(&self, user: &str, behaviour: Value) {
        let request = self.put(&format!("/sandbox/v1/users/{user}/behaviour")).json(&behaviour);
        let (status, body) = send(request).await;
        assert_eq!(status, 200, "{body}");
    }

    /// Ana writes, so that the window is open.
    /// Gives the number another country, as nobody could have enabled it there.
    pub(crate) async fn move_to(&self, country: &str) {
        let moved = self.put(&format!("/sandbox/v1/numbers/{PNID}"));
        let (status, answer) = send(moved.json(&json!({ "country": country }))).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) async fn open_window(&self) {
        let text = json!({ "to": BUSINESS, "text": "hello" });
        let (status, body) = self.sandbox(&format!("/users/{ANA}/message"), text).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn permit(&self, action: &str) {
        let wanted = json!({ "to": BUSINESS, "action": action });
        let (status, body) = self.sandbox(&format!("/users/{ANA}/permission"), wanted).await;
        assert_eq!(status, 200, "{body}");
    }
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// The error code of an answer, its HTTP status in front.
pub(crate) fn refused(answer: &(u16, Value)) -> (u16, i64) {
    (answer.0, answer.1["error"]["code"].as_i64().unwrap_or_default())
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        Self::serve(listener, url)
    }

    /// An endpoint at `url` behind any listener.
    pub(crate) fn serve<L>(listener: L, url: String) -> Self
    where
        L: axum::serve::Listener,
        L::Addr: std::fmt::Debug,
    {
        let delivered = Arc::default();
        let endpoint = Self { url, delivered, status: Arc::new(AtomicU16::new(200)) };
        let router =
            Router::new().route("/hook", get(challenge).post(take)).with_state(endpoint.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        endpoint
    }

    /// From now on the endpoint answers this, or hangs.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub(crate) fn all(&self) -> Vec<Delivered> {
        self.delivered.lock().unwrap().clone()
    }

    /// Every event so far, in short: `connect`, `terminate`, `RINGING`, `text`, …
    pub(crate) fn events(&self) -> Vec<String> {
        self.all().iter().map(|it| name(&value(it))).collect()
    }

    /// The value of the first webhook of this name, waited for.
    pub(crate) async fn wait(&self, event: &str) -> Value {
        self.wait_nth(event, 0).await
    }

    pub(crate) async fn wait_nth(&self, event: &str, nth: usize) -> Value {
        let until = Instant::now() + Duration::from_secs(8);
        loop {
            let found = self.all().iter().map(value).filter(|it| name(it) == event).nth(nth);
            if let Some(found) = found {
                return found;
            }
            assert!(Instant::now() < until, "no {event} among {:?}", self.events());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// `changes[0].value` of a webhook.
pub(crate) fn value(delivered: &Delivered) -> Value {
    let body: Value = serde_json::from_slice(&delivered.body).unwrap();
    body["entry"][0]["changes"][0]["value"].clone()
}

fn name(value: &Value) -> String {
    let places = [
        &value["calls"][0]["event"],
        &value["statuses"][0]["status"],
        &value["messages"][0]["interactive"]["call_permission_reply"]["response"],
        &value["messages"][0]["type"],
        &value["type"],
        &value["message_template_name"],
    ];
    places.iter().find_map(|it| it.as_str()).unwrap_or("other").to_owned()
}

async fn challenge(RawQuery(query): RawQuery) -> Result<String, StatusCode> {
    let query = query.unwrap_or_default();
    let find = |name: &str| {
        query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned)
    };
    if find("hub.verify_token").as_deref() != Some("demo-verify") {
        return Err(StatusCode::FORBIDDEN);
    }
    find("hub.challenge").ok_or(StatusCode::BAD_REQUEST)
}

async fn take(State(endpoint): State<Endpoint>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers["x-hub-signature-256"].to_str().unwrap().to_owned();
    endpoint.delivered.lock().unwrap().push(Delivered { body, signature, headers });
    match endpoint.status.load(Ordering::Relaxed) {
        HANG => std::future::pending().await,
        status => StatusCode::from_u16(status).unwrap(),
    }
}
