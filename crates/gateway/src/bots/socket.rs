//! What goes between us and a bot, however both found each other?
//!
//! A socket is a WebSocket that we dialled, one that the bot opened, or a TCP stream of AudioSocket's
//! packets. What is told apart here is told apart nowhere else.

use std::{io, time::Duration};

use axum::extract::ws;
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};
use wire::bot::{Frame, audiosocket};

/// A WebSocket that we dialled.
pub(super) type Dialled = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Close codes with which a bot is done: a goodbye, and one without a word.
const DONE: [u16; 2] = [1_000, 1_005];

/// Both directions.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) writer: Writer,
    pub(super) reader: Reader,
}

/// The way to the bot.
#[derive(Debug)]
pub(super) enum Writer {
    Dialled(SplitSink<Dialled, Message>),
    Came(SplitSink<ws::WebSocket, ws::Message>),
    Stream(OwnedWriteHalf),
}

/// The way from the bot.
#[derive(Debug)]
pub(super) enum Reader {
    Dialled(SplitStream<Dialled>),
    Came(SplitStream<ws::WebSocket>),
    Stream(BufReader<OwnedReadHalf>),
}

/// What came from the bot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// A message.
    Frame(Frame),
    /// A sign of life.
    Alive,
    /// It said goodbye.
    Goodbye,
    /// It broke, or the bot closed it with an error.
    Broken,
}

/// Nothing more goes this way.
#[derive(Debug)]
pub(super) struct Gone;

impl Socket {
    pub(super) fn dialled(socket: Dialled) -> Self {
        let (sink, stream) = socket.split();
        Self { writer: Writer::Dialled(sink), reader: Reader::Dialled(stream) }
    }

    pub(super) fn came(socket: ws::WebSocket) -> Self {
        let (sink, stream) = socket.split();
        Self { writer: Writer::Came(sink), reader: Reader::Came(stream) }
    }

    pub(super) fn stream(socket: TcpStream) -> Self {
        let (from, to) = socket.into_split();
        Self { writer: Writer::Stream(to), reader: Reader::Stream(BufReader::new(from)) }
    }
}

impl Writer {
    pub(super) async fn send(&mut self, frame: Frame) -> Result<(), Gone> {
        match (self, frame) {
            (Self::Dialled(sink), Frame::Text(text)) => {
                sink.send(Message::text(text)).await.map_err(|_| Gone)
            }
            (Self::Dialled(sink), Frame::Binary(bytes)) => {
                sink.send(Message::binary(bytes)).await.map_err(|_| Gone)
            }
            (Self::Came(sink), Frame::Text(text)) => {
                sink.send(ws::Message::text(text)).await.map_err(|_| Gone)
            }
            (Self::Came(sink), Frame::Binary(bytes)) => {
                sink.send(ws::Message::binary(bytes)).await.map_err(|_| Gone)
            }
            (Self::Stream(to), Frame::Binary(bytes)) => {
                to.write_all(&bytes).await.map_err(|_| Gone)
            }
            // What speaks over a stream speaks in bytes.
            (Self::Stream(_), Frame::Text(_)) => Ok(()),
        }
    }

    /// Asks whether the bot is there, where there is a word for it.
    pub(super) async fn ping(&mut self) -> Result<(), Gone> {
        match self {
            Self::Dialled(sink) => {
                sink.send(Message::Ping(Vec::new().into())).await.map_err(|_| Gone)
            }
            Self::Came(sink) => {
                sink.send(ws::Message::Ping(Vec::new().into())).await.map_err(|_| Gone)
            }
            Self::Stream(_) => Ok(()),
        }
    }

    pub(super) async fn close(&mut self) -> Result<(), Gone> {
        match self {
            Self::Dialled(sink) => sink.close().await.map_err(|_| Gone),
            Self::Came(sink) => sink.close().await.map_err(|_| Gone),
            Self::Stream(to) => to.shutdown().await.map_err(|_| Gone),
        }
    }
}

impl Reader {
    /// The next that comes within this time; a bot over a stream owes no sign of life, for there is no
    /// way to ask for one (its system does, by [`super::dial`]).
    pub(super) async fn next(&mut self, patience: Duration) -> Came {
        let next = match self {
            Self::Stream(from) => return of_stream(from).await,
            Self::Dialled(stream) => {
                tokio::time::timeout(patience, stream.next()).await.map(of_dialled)
            }
            Self::Came(stream) => tokio::time::timeout(patience, stream.next()).await.map(of_came),
        };
        next.unwrap_or(Came::Broken)
    }
}

fn of_dialled<E>(next: Option<Result<Message, E>>) -> Came {
    match next {
        Some(Ok(Message::Text(text))) => Came::Frame(Frame::Text(text.as_str().to_owned())),
        Some(Ok(Message::Binary(bytes))) => Came::Frame(Frame::Binary(bytes.to_vec())),
        Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Came::Alive,
        Some(Ok(Message::Close(close))) => closed(close.map(|close| close.code.into())),
        Some(Err(_)) | None => Came::Broken,
    }
}

fn of_came<E>(next: Option<Result<ws::Message, E>>) -> Came {
    match next {
        Some(Ok(ws::Message::Text(text))) => Came::Frame(Frame::Text(text.as_str().to_owned())),
        Some(Ok(ws::Message::Binary(bytes))) => Came::Frame(Frame::Binary(bytes.to_vec())),
        Some(Ok(ws::Message::Ping(_) | ws::Message::Pong(_))) => Came::Alive,
        Some(Ok(ws::Message::Close(close))) => closed(close.map(|close| close.code)),
        Some(Err(_)) | None => Came::Broken,
    }
}

fn closed(code: Option<u16>) -> Came {
    if code.is_none_or(|code| DONE.contains(&code)) { Came::Goodbye } else { Came::Broken }
}

/// One packet; a stream that ends between two is a goodbye.
async fn of_stream(from: &mut BufReader<OwnedReadHalf>) -> Came {
    let mut packet = vec![0; audiosocket::HEAD];
    match from.read_exact(&mut packet[..1]).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Came::Goodbye,
        Err(_) => return Came::Broken,
    }
    if from.read_exact(&mut packet[1..]).await.is_err() {
        return Came::Broken;
    }
    let length = packet.first_chunk().map_or(0, |head| audiosocket::length(*head));
    packet.resize(audiosocket::HEAD + length, 0);
    match from.read_exact(&mut packet[audiosocket::HEAD..]).await {
        Ok(_) => Came::Frame(Frame::Binary(packet)),
        Err(_) => Came::Broken,
    }
}
