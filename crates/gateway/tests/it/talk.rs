//! Bots of these tests: they listen on real sockets or come to the gateway, and talk.

use std::time::Duration;

use audio::{
    resample::resample,
    spool::{Format, Hearing},
    tone,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use engine::TapPacket;
use futures_util::{SinkExt, StreamExt};
use offhook_gateway::{
    Config,
    config::{Bot, FlowSource, Secret},
};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::{
    WebSocketStream, accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
    },
};
use wire::bot::Protocol;

use crate::{desk::BYE_HZ, voice::tone_file};

pub(crate) const SECOND: &str = "wacid.TESTCALL2";
pub(crate) const USER_HZ: f32 = 700.0;
pub(crate) const BOT_HZ: f32 = 1_000.0;
pub(crate) const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";

const FLOW: &str = r#"
start = "talk"
[step.talk]
bot = "concierge"
context = { order = "4711" }
person = "0"
next = "end"
otherwise = "bye"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#;

/// A bot of the test.
pub(crate) struct Listening {
    pub(crate) listener: TcpListener,
}

/// One conversation.
pub(crate) struct Talk<S = TcpStream> {
    pub(crate) socket: WebSocketStream<S>,
    pub(crate) asked: Request,
}

impl Listening {
    pub(crate) async fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/talk", self.listener.local_addr().unwrap())
    }

    pub(crate) async fn next(&self) -> Talk {
        let accepted = tokio::time::timeout(Duration::from_secs(10), self.listener.accept());
        let (stream, _) = accepted.await.expect("a dial").unwrap();
        let mut asked = None;
        #[expect(clippy::result_large_err, reason = "the callback of the library")]
        let keep = |request: &Request, mut response: Response| {
            asked = Some(request.clone());
            if let Some(protocol) = request.headers().get("sec-websocket-protocol") {
                response.headers_mut().insert("sec-websocket-protocol", protocol.clone());
            }
            Ok(response)
        };
        let socket = accept_hdr_async(stream, keep).await.unwrap();
        Talk { socket, asked: asked.unwrap() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    pub(crate) async fn say(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn any(&mut self) -> Message {
        let next = tokio::time::timeout(Duration::from_secs(10), self.socket.next());
        next.await.expect("a message in time").expect("an open line").unwrap()
    }

    /// The next text in which this key has this value; all that comes before is left out.
    pub(crate) async fn next_text(&mut self, key: &str, value: &str) -> Value {
        for _ in 0..1_000 {
            if let Message::Text(text) = self.any().await {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message[key] == value {
                    return message;
                }
            }
        }
        panic!("no {key} = {value}");
    }

    /// Listens until what is heard is this tone.
    pub(crate) async fn hear_tone(&mut self, format: Format, hz: f32) {
        for _ in 0..20 {
            let mut samples = Vec::new();
            while samples.len() < format.rate() as usize * 2 / 5 {
                samples.extend(match self.any().await {
                    Message::Binary(bytes) => format.read(&bytes),
                    Message::Text(text) => {
                        let message: Value = serde_json::from_str(&text).unwrap();
                        let payload = message["media"]["payload"].as_str();
                        let payload =
                            payload.or_else(|| message["audio"].as_str()).unwrap_or_default();
                        format.read(&STANDARD.decode(payload).unwrap())
                    }
                    Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_) => {
                        Vec::new()
                    }
                });
            }
            let mut measure = audio::measure::Measure::default();
            measure.push(&resample(&samples, format.rate(), 48_000).unwrap());
            if measure.report().is_tone(hz) {
                return;
            }
        }
        panic!("the bot never heard {hz} Hz");
    }
}

/// Every call goes to a bot at this address.
pub(crate) fn with_bot(config: &mut Config, url: &str, protocol: Protocol) {
    let house = config.organisations[0].id.clone();
    let bot = Bot::new("concierge", house, url, protocol);
    with(config, bot);
}

/// The same with this bot.
pub(crate) fn with(config: &mut Config, mut bot: Bot) {
    let prompts = vec![("bye".to_owned(), tone_file(BYE_HZ, 4_000))];
    config.lines.first.flow = Some(FlowSource::Embedded { toml: FLOW.into(), prompts });
    config.ring_first = Some(false);
    bot.token = Some(Secret::new("bot-token"));
    bot.account_sid = ACCOUNT.into();
    config.bots = vec![bot];
}

/// A tone as a bot of this format sends it.
pub(crate) fn sine(format: Format, hz: f32, ms: usize) -> Vec<u8> {
    Hearing::new(format).write(&tone::sine(hz, -12.0, ms))
}

/// Packets that are not the three bytes of silence.
pub(crate) fn sounds(packets: &[TapPacket]) -> usize {
    packets.iter().filter(|packet| packet.pt == 111 && packet.payload.len() > 3).count()
}
