//! How is a bot reached?
//!
//! Its address is dialled, or one of the sockets is taken that it has opened and where it waits.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{self, client::IntoClientRequest, protocol::WebSocketConfig},
};
use wire::{
    bot::{Protocol, SUBPROTOCOL, signature},
    trace,
};

use super::{
    socket::{Dialled, Socket},
    waiting::Waiting,
};
use crate::{config, telemetry::Asking};

/// The longest message of a bot: half a minute of linear audio at 16 kHz.
pub(crate) const MESSAGE_MAX: usize = 1024 * 1024;

/// Why a bot is not reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// It did not answer in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// It opens its sockets itself, and has none open.
    #[error("no socket of it waits")]
    NobodyWaits,
    /// There is nobody, or nobody who speaks our protocol.
    #[error("no WebSocket")]
    Refused(#[source] Box<tungstenite::Error>),
    /// There is nobody at the other end of a stream.
    #[error("no stream")]
    Stream(#[source] std::io::Error),
}

/// Reaches the bot, as a part of the trace of `asking`.
///
/// # Errors
///
/// Nobody answers in time, or in another language.
pub(super) async fn reach(
    bot: &config::Bot,
    waiting: &Waiting,
    asking: Option<Asking>,
) -> Result<Socket, DialError> {
    let parent = asking.as_ref().and_then(|asking| HeaderValue::try_from(asking.header()).ok());
    let reached = match (&bot.url, bot.protocol) {
        (None, _) => {
            let whose = (bot.organisation.clone(), bot.name.clone());
            let socket = waiting.take(&whose, bot.connect_timeout).await;
            socket.ok_or(DialError::NobodyWaits)
        }
        (Some(url), Protocol::AudioSocket) => {
            in_time(bot, stream(url, bot.silence_timeout)).await.map(Socket::stream)
        }
        (
            Some(url),
            Protocol::Twilio
            | Protocol::Vonage
            | Protocol::Native
            | Protocol::Pipecat
            | Protocol::OpenAi,
        ) => Box::pin(in_time(bot, connect(bot, url, parent))).await.map(Socket::dialled),
    };
    if let Some(asking) = asking {
        asking.answered("bot_connect", reached.as_ref().err().map(ToString::to_string));
    }
    reached
}

async fn in_time<T>(
    bot: &config::Bot,
    dialling: impl Future<Output = Result<T, DialError>>,
) -> Result<T, DialError> {
    let patience = bot.connect_timeout;
    tokio::time::timeout(patience, dialling).await.unwrap_or(Err(DialError::Late(patience)))
}

/// A stream of packets. A bot whose system takes none of the user's audio for so long is gone: nobody
/// can be asked for a sign of life here.
async fn stream(url: &str, silence_timeout: Duration) -> Result<TcpStream, DialError> {
    let address = url.strip_prefix("tcp://").unwrap_or(url);
    let stream = TcpStream::connect(address).await.map_err(DialError::Stream)?;
    stream.set_nodelay(true).map_err(DialError::Stream)?;
    let socket = SockRef::from(&stream);
    socket.set_tcp_user_timeout(Some(silence_timeout)).map_err(DialError::Stream)?;
    Ok(stream)
}

async fn connect(
    bot: &config::Bot,
    url: &str,
    parent: Option<HeaderValue>,
) -> Result<Dialled, DialError> {
    let refused = |error| DialError::Refused(Box::new(error));
    let mut request = url.into_client_request().map_err(refused)?;
    let headers = request.headers_mut();
    for (name, value) in &bot.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let token = bot.token.as_ref().map_or("", |token| token.expose());
    let (name, value) = match bot.protocol {
        Protocol::Twilio => {
            (HeaderName::from_bytes(signature::HEADER.as_bytes()).ok(), signature::sign(token, url))
        }
        Protocol::Vonage
        | Protocol::Native
        | Protocol::Pipecat
        | Protocol::AudioSocket
        | Protocol::OpenAi => (Some(AUTHORIZATION), format!("Bearer {token}")),
    };
    if let (Some(name), Ok(mut value), Some(_)) =
        (name, HeaderValue::try_from(value), bot.token.as_ref())
    {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    if bot.protocol == Protocol::Native {
        let name = HeaderName::from_static("sec-websocket-protocol");
        headers.insert(name, HeaderValue::from_static(SUBPROTOCOL));
    }
    if let Some(parent) = parent {
        headers.insert(HeaderName::from_static(trace::HEADER), parent);
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    let (socket, _) =
        connect_async_with_config(request, Some(config), true).await.map_err(refused)?;
    Ok(socket)
}
