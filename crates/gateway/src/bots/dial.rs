//! How is a bot reached?

use axum::http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{self, client::IntoClientRequest, protocol::WebSocketConfig},
};
use wire::{
    bot::{Protocol, SUBPROTOCOL, signature},
    trace,
};

use crate::{config, telemetry::Asking};

/// The longest message of a bot: half a minute of linear audio at 16 kHz.
const MESSAGE_MAX: usize = 1024 * 1024;

/// A line to a bot.
pub(super) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Why a bot is not reached.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// It did not answer in time.
    #[error("no answer within {0:?}")]
    Late(std::time::Duration),
    /// There is nobody, or nobody who speaks our protocol.
    #[error("no line")]
    Refused(#[source] Box<tungstenite::Error>),
}

/// Dials, as a part of the trace of `asking`.
///
/// # Errors
///
/// Nobody answers in time, or in another language.
pub(super) async fn dial(bot: &config::Bot, asking: Option<Asking>) -> Result<Socket, DialError> {
    let parent = asking.as_ref().and_then(|asking| HeaderValue::try_from(asking.header()).ok());
    let dialled = connect(bot, parent).await;
    if let Some(asking) = asking {
        asking.answered("bot_connect", dialled.as_ref().err().map(ToString::to_string));
    }
    dialled
}

async fn connect(bot: &config::Bot, parent: Option<HeaderValue>) -> Result<Socket, DialError> {
    let refused = |error| DialError::Refused(Box::new(error));
    let mut request = bot.url.as_str().into_client_request().map_err(refused)?;
    let headers = request.headers_mut();
    for (name, value) in &bot.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let token = bot.token.as_ref().map_or("", |token| token.expose());
    let (name, value) = match bot.protocol {
        Protocol::Twilio => (
            HeaderName::from_bytes(signature::HEADER.as_bytes()).ok(),
            signature::sign(token, &bot.url),
        ),
        Protocol::Vonage | Protocol::Native | Protocol::Pipecat => {
            (Some(AUTHORIZATION), format!("Bearer {token}"))
        }
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
    let dialled = connect_async_with_config(request, Some(config), true);
    let answered = tokio::time::timeout(bot.connect_timeout, dialled).await;
    let (socket, _) =
        answered.map_err(|_| DialError::Late(bot.connect_timeout))?.map_err(refused)?;
    Ok(socket)
}
