//! An agent without a browser: signs in at the console, takes and places calls, speaks one tone and
//! measures what comes back.

use std::{sync::Arc, time::Duration};

use audio::{measure::Measure, playout::Playout, prompt, tone};
use engine::{
    Direction, Engine, LegHandle, OpenLeg, Password, PayloadTypes, Repeat, Socket, Source, Tapped,
};
use futures_util::{SinkExt, StreamExt};
use media::{frame::AudioFrame, leg::IceRole, sdp};
use serde_json::{Value, json};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::http;

/// How long the gateway may take to say something we wait for.
const PATIENCE: Duration = Duration::from_secs(15);

/// An agent at the console.
pub(crate) struct Agent {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    engine: Engine,
}

/// An agent's side of one call.
pub(crate) struct Line {
    leg: LegHandle,
    heard: Tapped,
    _events: tokio::sync::mpsc::Receiver<engine::LegEvent>,
}

impl Agent {
    /// Signs in and takes calls.
    pub(crate) async fn sign_in(gateway: &str, user: &str) -> Self {
        let gateway_url = gateway.to_owned();
        let body = json!({ "user": user, "password": "demo" });
        let cookie = tokio::task::spawn_blocking(move || {
            http::cookie(&format!("{gateway_url}/v1/session"), &body)
        })
        .await
        .expect("signing in");
        let url = format!("{}/v1/console/ws", gateway.replacen("http", "ws", 1));
        let mut request = url.into_client_request().expect("an address");
        request.headers_mut().insert("cookie", cookie.parse().expect("a cookie"));
        let (socket, _) = tokio_tungstenite::connect_async(request).await.expect("the console");
        let engine = Engine::start(engine::Config::default()).expect("media");
        let mut agent = Self { socket, engine };
        agent.wait_for("hello").await;
        agent.send(json!({ "type": "presence", "state": "available" })).await;
        agent
    }

    /// Sends one frame.
    pub(crate) async fn send(&mut self, frame: Value) {
        self.socket.send(Message::text(frame.to_string())).await.expect("the console is open");
    }

    /// The next frame of this type; others are passed over.
    pub(crate) async fn wait_for(&mut self, kind: &str) -> Value {
        self.wait_until(kind, |frame| frame["type"] == kind).await
    }

    /// The next frame that shows the call in this state.
    pub(crate) async fn wait_for_state(&mut self, state: &str) -> Value {
        self.wait_until(state, |f| f["type"] == "call" && f["call"]["state"] == state).await
    }

    async fn wait_until(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let found = tokio::time::timeout(PATIENCE, async {
            while let Some(Ok(message)) = self.socket.next().await {
                let Ok(text) = message.to_text() else { continue };
                let frame: Value = serde_json::from_str(text).unwrap_or(Value::Null);
                if is_it(&frame) {
                    return Some(frame);
                }
            }
            None
        });
        let Ok(Some(frame)) = found.await else { panic!("no {what} from the gateway") };
        frame
    }

    /// Opens a line that speaks this tone; returns it with its offer.
    pub(crate) fn open(&self, hz: f32) -> (Line, String) {
        let (events, receiver) = tokio::sync::mpsc::channel(engine::EVENTS_MAX);
        let (leg, local) = self
            .engine
            .open(OpenLeg {
                socket: Socket::Own,
                ice: IceRole::Full { controlling: true },
                password: Password::Plain,
                cname: "agent".into(),
                media_watch: None,
                beside: None,
                events,
            })
            .expect("a line");
        let packets = prompt::encode(&tone::sine(hz, -12.0, 4000)).expect("a tone");
        let frames: Arc<[AudioFrame]> =
            packets.into_iter().map(|p| AudioFrame::new(p).expect("a short packet")).collect();
        leg.play(Source::Packets(frames, Repeat::Forever));
        let (tap, heard) = engine::tap(Direction::Received, 4096);
        leg.listen(tap);
        (Line { leg, heard, _events: receiver }, sdp::write_handset_offer(&local))
    }

    /// Takes the gateway's answer for this line.
    pub(crate) async fn connect(&mut self, line: &Line) {
        let answer = self.wait_for("answer").await;
        let session = sdp::parse(answer["sdp"].as_str().expect("SDP")).expect("SDP").session;
        let remote = session.remote_transport().expect("transport");
        let role = remote.setup.our_role();
        let opus = session.opus_pt().expect("Opus");
        line.leg.set_remote(remote, role, PayloadTypes::opus(opus, session.dtmf_pt()));
        line.leg.send_gate(true);
    }
}

impl Line {
    /// Listens for this long from now; what was heard in that time.
    pub(crate) async fn listen(&mut self, lasting: Duration) -> audio::measure::Report {
        while self.heard.try_recv().is_ok() {}
        tokio::time::sleep(lasting).await;
        let mut playout = Playout::new().expect("a decoder");
        let mut measure = Measure::default();
        let mut first = None;
        while let Ok(packet) = self.heard.try_recv() {
            let at = packet.at.duration_since(*first.get_or_insert(packet.at));
            playout.push(packet.sequence, packet.timestamp, at, &packet.payload);
        }
        measure.push(&playout.finish(lasting));
        measure.report()
    }

    /// How many packets arrived within this time.
    pub(crate) async fn packets(&mut self, lasting: Duration) -> usize {
        while self.heard.try_recv().is_ok() {}
        tokio::time::sleep(lasting).await;
        self.heard.try_iter().count()
    }
}
