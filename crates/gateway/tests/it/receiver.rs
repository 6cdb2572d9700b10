//! A receiver of events that fails as told.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// What it does with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// Answers with this status.
    Status(u16),
    /// Answers 200, too late.
    Slow(Duration),
    /// Closes the connection without an answer.
    Close,
}

/// A delivery as it came.
#[derive(Debug, Clone)]
pub(crate) struct Delivered {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    pub(crate) reply: Reply,
}

impl Delivered {
    pub(crate) fn event(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    pub(crate) fn arrived(&self) -> bool {
        self.reply == Reply::Status(200)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    /// What it does with the next deliveries, and with all after them.
    next: VecDeque<Reply>,
    then: Reply,
    seen: Vec<Delivered>,
}

impl Receiver {
    pub(crate) async fn start(next: &[Reply], then: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let next = next.iter().copied().collect();
        let state = Arc::new(Mutex::new(State { next, then, seen: Vec::new() }));
        let receiver = Self { address, state };
        let shared = receiver.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(shared.clone().take(stream));
            }
        });
        receiver
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    pub(crate) fn now_answers(&self, reply: Reply) {
        self.state.lock().unwrap().then = reply;
    }

    pub(crate) fn seen(&self) -> Vec<Delivered> {
        self.state.lock().unwrap().seen.clone()
    }

    /// The events that got their 200, in the order they did.
    pub(crate) fn arrived(&self) -> Vec<Value> {
        self.seen().iter().filter(|one| one.arrived()).map(Delivered::event).collect()
    }

    /// Waits until an event of this type arrived.
    #[track_caller]
    pub(crate) fn wait_for(&self, kind: &str) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..1_000 {
                if let Some(event) = self.arrived().into_iter().find(|e| e["type"] == kind) {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("no {kind} at {caller}: {:?}", self.seen());
        }
    }

    /// One connection, one delivery.
    async fn take(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ") {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        stream.read_exact(&mut body).await.unwrap();
        let body = String::from_utf8(body).unwrap();
        let reply = {
            let mut state = self.state.lock().unwrap();
            let then = state.then;
            let reply = state.next.pop_front().unwrap_or(then);
            state.seen.push(Delivered { headers, body, reply });
            reply
        };
        let status = match reply {
            Reply::Status(status) => status,
            Reply::Slow(wait) => {
                tokio::time::sleep(wait).await;
                200
            }
            Reply::Close => return,
        };
        let answer =
            format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        // Who asked may have gone.
        drop(stream.write_all(answer.as_bytes()).await);
    }
}
