//! How does a phone reach its platform?

use std::{sync::Arc, time::Duration};

use engine::Engine;
use futures_util::StreamExt;
use media::frame::AudioFrame;
use terms::WaId;
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message},
};
use wire::{
    handset::{Chat, PhoneBusiness, ToPhone},
    sandbox::Behaviour,
};

use crate::{
    actor::{Actor, Parts},
    fault::ConnectError,
    media_leg::Ears,
    phone::{Handset, LineState},
    sound,
};

/// How long the platform may take to greet a phone.
const HELLO_WAIT: Duration = Duration::from_secs(5);

/// Commands that may wait; a phone is used by one hand.
const COMMANDS_MAX: usize = 32;

/// Chat lines that may wait to be read; more are dropped, the platform keeps them.
const CHATS_MAX: usize = 64;

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Which phone this is and what it does by itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The platform, such as `http://127.0.0.1:8400`.
    pub platform: String,
    /// Whose phone.
    pub user: WaId,
    /// What it does by itself.
    pub behaviour: Behaviour,
    /// Whether the samples of a call are kept for [`Handset::recording`].
    pub records: bool,
    /// Whether it is there for one call: no other rings on it.
    pub once: bool,
    /// Whether what comes is decoded; without it [`crate::Heard::sound`] is absent.
    pub decodes: bool,
    /// Plays these packets in place of the behaviour's sound, so that many phones share them.
    pub sound: Option<Arc<[AudioFrame]>>,
}

impl Settings {
    /// A phone that does what [`Behaviour::default`] says.
    #[must_use]
    pub fn new(platform: impl Into<String>, user: WaId) -> Self {
        let (platform, behaviour) = (platform.into(), Behaviour::default());
        Self { platform, user, behaviour, records: false, once: false, decodes: true, sound: None }
    }
}

impl Handset {
    /// Connects a phone. Its media runs on `engine`, which many phones share.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] says what is missing.
    pub async fn connect(engine: &Engine, settings: Settings) -> Result<Self, ConnectError> {
        let frames = match &settings.sound {
            Some(frames) => Arc::clone(frames),
            None => sound::load(&settings.behaviour.play).await.map_err(ConnectError::Sound)?,
        };
        let mut socket = open(&address(&settings)?).await?;
        let (businesses, chats_so_far) = tokio::time::timeout(HELLO_WAIT, hello(&mut socket))
            .await
            .map_err(|_| ConnectError::NoHello)??;

        let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
        let (state, line) = watch::channel(LineState::Idle);
        let (chat_sink, chats) = mpsc::channel(CHATS_MAX);
        let parts =
            Parts { engine: engine.clone(), socket, inbox, state, chats: chat_sink, frames };
        let ears = Ears { decode: settings.decodes, record: settings.records };
        let actor = Actor::new(parts, settings.behaviour, ears);
        tokio::spawn(actor.run(chats_so_far));
        Ok(Self { commands, line, chats, businesses })
    }
}

fn address(settings: &Settings) -> Result<String, ConnectError> {
    let platform = settings.platform.trim_end_matches('/');
    let (scheme, rest) = if let Some(rest) = platform.strip_prefix("http://") {
        ("ws", rest)
    } else if let Some(rest) = platform.strip_prefix("https://") {
        ("wss", rest)
    } else {
        return Err(ConnectError::Address { address: settings.platform.clone() });
    };
    let once = if settings.once { "&once=true" } else { "" };
    Ok(format!("{scheme}://{rest}/phone/ws?wa_id={}{once}", settings.user.as_str()))
}

async fn open(address: &str) -> Result<Socket, ConnectError> {
    match tokio_tungstenite::connect_async_with_config(address, None, true).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(ConnectError::Refused { status: answer.status().as_u16() }),
        Err(fault) => Err(ConnectError::Connect(Box::new(fault))),
    }
}

async fn hello(socket: &mut Socket) -> Result<(Vec<PhoneBusiness>, Vec<Chat>), ConnectError> {
    while let Some(frame) = socket.next().await {
        let frame = frame.map_err(|fault| ConnectError::Connect(Box::new(fault)))?;
        let Message::Text(text) = frame else { continue };
        if let Ok(ToPhone::Hello { businesses, chats, .. }) = serde_json::from_str(&text) {
            return Ok((businesses, chats));
        }
    }
    Err(ConnectError::NoHello)
}
