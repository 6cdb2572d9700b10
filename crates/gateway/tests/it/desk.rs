//! A gateway under test with its platform, and the webhooks it gets.

use std::{path::Path, time::Duration};

use engine::Engine;
use futures_util::{SinkExt, StreamExt};
use offhook_gateway::{
    Config, Running,
    config::{FlowSource, Media},
    serve,
};
use serde_json::{Value, json};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use wire::webhook::signature;

use crate::{
    upstream::Upstream,
    voice::{Voice, tone_file},
};

pub(crate) const CALL: &str = "wacid.TESTCALL1";
/// A trace of whoever sends a webhook.
pub(crate) const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub(crate) const ANA: &str = "5215550000001";
pub(crate) const WELCOME_HZ: f32 = 500.0;
pub(crate) const MENU_HZ: f32 = 620.0;
pub(crate) const BYE_HZ: f32 = 800.0;
pub(crate) const HOLD_HZ: f32 = 350.0;

const FLOW: &str = r#"
start = "welcome"
[step.welcome]
play = "welcome"
next = "menu"
[step.menu]
gather = "menu"
wait = "3s"
next = "choose"
silence = "bye"
[step.choose]
branch = { "1" = "echo", "2" = "people" }
otherwise = "bye"
[step.people]
ring = "everyone"
for = "5s"
no_answer = "bye"
[step.echo]
echo = "60s"
next = "bye"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#;

pub(crate) struct Desk {
    pub(crate) gateway: Running,
    pub(crate) upstream: Upstream,
    pub(crate) engine: Engine,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn flow() -> FlowSource {
    let prompts = vec![
        ("welcome".to_owned(), tone_file(WELCOME_HZ, 1_500)),
        ("menu".to_owned(), tone_file(MENU_HZ, 1_500)),
        ("bye".to_owned(), tone_file(BYE_HZ, 800)),
        ("hold".to_owned(), tone_file(HOLD_HZ, 1_000)),
    ];
    FlowSource::Embedded { toml: FLOW.into(), prompts }
}

pub(crate) fn config(upstream: &Upstream, data: Option<&Path>) -> Config {
    let mut config = Config::demo(&upstream.url(), Some(flow()));
    config.http = "127.0.0.1:0".parse().unwrap();
    config.media =
        Media { ports: 0..=0, browsers: "127.0.0.1:0".parse().unwrap(), ..Media::default() };
    config.data_dir = data.map(Path::to_owned);
    config.lines.first.upstream.timeout = Duration::from_millis(700);
    config
}

impl Desk {
    pub(crate) async fn start() -> Self {
        Self::start_with(None, |_| {}).await
    }

    pub(crate) async fn start_with(data: Option<&Path>, change: impl FnOnce(&mut Config)) -> Self {
        // A configuration is large.
        Box::pin(Self::open(data, change)).await
    }

    async fn open(data: Option<&Path>, change: impl FnOnce(&mut Config)) -> Self {
        let upstream = Upstream::start().await;
        let mut config = config(&upstream, data);
        change(&mut config);
        let gateway = serve(config).await.unwrap();
        let engine = Engine::start(engine::Config::default()).unwrap();
        Self { gateway, upstream, engine, http: reqwest::Client::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.gateway.address())
    }

    /// Sends a signed webhook; returns the status.
    pub(crate) async fn webhook(&self, body: &Value) -> u16 {
        let body = serde_json::to_vec(body).unwrap();
        let signed = signature::sign("demo-app-secret", &body);
        self.send_webhook(body, &signed).await
    }

    /// Sends a signed webhook that is a part of [`TRACE`].
    pub(crate) async fn traced_webhook(&self, body: &Value) {
        let body = serde_json::to_vec(body).unwrap();
        let signed = signature::sign("demo-app-secret", &body);
        let request = self.http.post(self.url("/webhooks/whatsapp")).body(body);
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let request = request.header(signature::HEADER, signed).header("traceparent", parent);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
    }

    pub(crate) async fn send_webhook(&self, body: Vec<u8>, signed: &str) -> u16 {
        let url = self.url("/webhooks/whatsapp");
        let request = self.http.post(url).header(signature::HEADER, signed).body(body);
        request.send().await.unwrap().status().as_u16()
    }

    /// A user calls, and the flow answers.
    pub(crate) async fn user_calls(&self, call: &str) -> Voice {
        let user = Voice::of_platform(&self.engine);
        self.webhook(&connect(call, &user.platform_offer())).await;
        self.gets_a_path(call, user).await
    }

    /// The same; the platform says to which trace the call belongs.
    pub(crate) async fn user_calls_in_a_trace(&self, call: &str) -> Voice {
        let user = Voice::of_platform(&self.engine);
        self.traced_webhook(&connect(call, &user.platform_offer())).await;
        self.gets_a_path(call, user).await
    }

    /// The user of a call takes the gateway's answer.
    pub(crate) async fn gets_a_path(&self, call: &str, mut user: Voice) -> Voice {
        user.take_answer(self.upstream.wait_for_call("pre_accept", call).await.sdp());
        user.connected().await;
        user
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = self.http.get(self.url(path)).bearer_auth("demo-api-key");
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Asks as a program: the status and the body.
    pub(crate) async fn post(&self, path: &str, body: &Value, key: Option<&str>) -> (u16, Value) {
        let mut request = self.http.post(self.url(path)).bearer_auth("demo-api-key").json(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    /// Asks until the answer fits.
    #[track_caller]
    pub(crate) fn get_until(
        &self,
        path: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let mut last = Value::Null;
            for _ in 0..500 {
                last = self.get(path).await;
                if fits(&last) {
                    return last;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!("no fitting answer of {path} at {caller}: {last}");
        }
    }

    /// Ana answers a permission request.
    pub(crate) async fn reply(&self, id: &str, reply: &Value) {
        let value = json!({"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "551140000000",
                "phone_number_id": "109876543210987"},
            "contacts": [{"profile": {"name": "Ana"}, "wa_id": ANA}],
            "messages": [{"from": ANA, "id": id, "timestamp": now().to_string(),
                "type": "interactive", "context": {"from": "551140000000", "id": "wamid.SENT1"},
                "interactive": {"type": "call_permission_reply",
                    "call_permission_reply": reply}}]});
        assert_eq!(self.webhook(&envelope("messages", &value)).await, 200);
    }

    /// Asks for the metrics until they say so.
    pub(crate) async fn metrics_until(&self, line: &str) -> String {
        let mut last = String::new();
        for _ in 0..500 {
            last = self.metrics().await;
            if last.contains(line) {
                return last;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no {line}: {last}");
    }

    pub(crate) async fn metrics(&self) -> String {
        self.http.get(self.url("/metrics")).send().await.unwrap().text().await.unwrap()
    }

    /// Waits for the record of a call.
    pub(crate) async fn record(&self, id: &str) -> Value {
        for _ in 0..500 {
            let call = self.get(&format!("/v1/calls/{id}")).await;
            if call["state"] == "ended" {
                return call;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no record of {id}");
    }

    pub(crate) async fn console(&self, agent: &str) -> Console {
        let login = json!({"user": agent, "password": "demo"});
        let answer = self.http.post(self.url("/v1/session")).json(&login).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 204);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let mut console = self.open_console(&cookie).await;
        let hello = console.next("hello").await;
        assert_eq!(hello["agent"]["id"], agent);
        console
    }

    /// A console of whoever has this session.
    pub(crate) async fn open_console(&self, cookie: &str) -> Console {
        let url = format!("ws://{}/v1/console/ws", self.gateway.address());
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
        let (socket, _) = connect_async(request).await.unwrap();
        Console { socket, seen: Vec::new() }
    }

    /// A console whose agent is rung as soon as calls are taken there.
    pub(crate) async fn comes(&self, agent: &str) -> Console {
        let mut console = self.console(agent).await;
        console.send(json!({"type": "presence", "state": "available"})).await;
        console
    }

    /// A console whose agent takes calls.
    pub(crate) async fn available(&self, agent: &str) -> Console {
        let mut console = self.comes(agent).await;
        loop {
            let agents = console.next("agents").await;
            let mine = agents["agents"].as_array().unwrap().iter().find(|a| a["id"] == agent);
            if mine.unwrap()["state"] == "available" {
                return console;
            }
        }
    }
}

pub(crate) struct Console {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    pub(crate) seen: Vec<Value>,
}

impl Console {
    pub(crate) async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.unwrap();
    }

    /// Reads what comes, and keeps nothing of it.
    pub(crate) async fn stays(mut self) {
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// Waits until the gateway closes the line.
    pub(crate) async fn closed(&mut self) {
        let gone = async { while let Some(Ok(_)) = self.socket.next().await {} };
        tokio::time::timeout(Duration::from_secs(10), gone).await.expect("it closes");
    }

    /// The next frame, whatever it is.
    pub(crate) async fn any(&mut self) -> Value {
        loop {
            let message = self.socket.next().await.expect("an open line").unwrap();
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text).unwrap();
            self.seen.push(frame.clone());
            return frame;
        }
    }

    /// The next frame of this type.
    #[track_caller]
    pub(crate) fn next(&mut self, kind: &str) -> impl Future<Output = Value> {
        self.next_where(kind, |_| true)
    }

    /// The next frame of this type that fits.
    #[track_caller]
    pub(crate) fn next_where(
        &mut self,
        kind: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let found = async {
                loop {
                    let message = self.socket.next().await.expect("an open line").unwrap();
                    let Message::Text(text) = message else { continue };
                    let frame: Value = serde_json::from_str(&text).unwrap();
                    self.seen.push(frame.clone());
                    if frame["type"] == kind && fits(&frame) {
                        return frame;
                    }
                }
            };
            match tokio::time::timeout(Duration::from_secs(10), found).await {
                Ok(frame) => frame,
                Err(_) => panic!("no {kind} at {caller}; seen: {:?}", self.seen),
            }
        }
    }
}

/// A webhook in the field `calls`.
pub(crate) fn calls(value: &Value) -> Value {
    let mut whole = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551140000000", "phone_number_id": "109876543210987"},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": ANA}]});
    for (key, part) in value.as_object().unwrap() {
        whole[key] = part.clone();
    }
    envelope("calls", &whole)
}

pub(crate) fn envelope(field: &str, value: &Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "201234567890123",
        "changes": [{"field": field, "value": value}]}]})
}

pub(crate) fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A user calls.
pub(crate) fn connect(id: &str, offer: &str) -> Value {
    calls(&json!({"calls": [{"id": id, "from": ANA, "to": "551140000000", "event": "connect",
        "timestamp": now().to_string(), "direction": "USER_INITIATED",
        "deeplink_payload": "src=site-footer",
        "session": {"sdp": offer, "sdp_type": "offer"}}]}))
}

/// The call is over; `seconds` when it was picked up.
pub(crate) fn terminate(id: &str, direction: &str, seconds: Option<i64>) -> Value {
    let (from, to) = match direction {
        "USER_INITIATED" => (ANA, "551140000000"),
        _ => ("551140000000", ANA),
    };
    let mut call = json!({"id": id, "from": from, "to": to, "event": "terminate",
        "timestamp": now().to_string(), "direction": direction, "status": "COMPLETED"});
    if let Some(seconds) = seconds {
        call["start_time"] = json!((now() - seconds).to_string());
        call["end_time"] = json!(now().to_string());
        call["duration"] = json!(seconds);
    }
    calls(&json!({"calls": [call]}))
}

/// Ana allows calls until then.
pub(crate) fn accept(until: i64) -> Value {
    json!({"response": "accept", "is_permanent": false, "response_source": "user_action",
        "expiration_timestamp": until.to_string()})
}

/// What the platform says of a permission.
pub(crate) fn permissions(status: &str, until: Option<i64>) -> Value {
    let mut permission = json!({"status": status});
    if let Some(until) = until {
        permission["expiration_time"] = json!(until);
    }
    let can = status != "no_permission";
    json!({"messaging_product": "whatsapp", "permission": permission,
        "actions": [{"action_name": "start_call", "can_perform_action": can,
            "limits": [{"time_period": "PT24H", "max_allowed": 100, "current_usage": 0}]}]})
}

/// A gateway whose rulebook wants no window for a call.
pub(crate) fn newest_rules(config: &mut Config) {
    config.lines.first.price.rulebook = rules::rulebook::named("2026-10").unwrap();
}
