//! Which events did a receiver of the gateway's get? One that fails now and then.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;

/// Every so manieth delivery is refused.
const REFUSES_EVERY: usize = 4;

#[derive(Default)]
struct Got {
    deliveries: usize,
    taken: Vec<Value>,
}

/// A receiver on a port of its own, until the test ends.
pub(crate) struct EventReceiver {
    url: String,
    got: Arc<Mutex<Got>>,
}

impl EventReceiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/events", listener.local_addr().expect("bound"));
        let got: Arc<Mutex<Got>> = Arc::default();
        let kept = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { url, got }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it took, in the order in which it came.
    pub(crate) fn taken(&self) -> Vec<Value> {
        locked(&self.got).taken.clone()
    }

    /// How many deliveries it refused.
    pub(crate) fn refused(&self) -> usize {
        let got = locked(&self.got);
        got.deliveries - got.taken.len()
    }
}

/// Takes deliveries until the other end closes, which a kill does at any byte.
fn serve(stream: TcpStream, got: &Mutex<Got>) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Some(event) = delivery(&mut reader) {
        let status = {
            let mut got = locked(got);
            got.deliveries += 1;
            if got.deliveries.is_multiple_of(REFUSES_EVERY) {
                "503 Service Unavailable"
            } else {
                got.taken.push(event);
                "200 OK"
            }
        };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn delivery(reader: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

fn locked(got: &Mutex<Got>) -> std::sync::MutexGuard<'_, Got> {
    got.lock().unwrap_or_else(PoisonError::into_inner)
}
