//! What does the Graph API hear, and when?
//!
//! Says yes to everything at once and notes the moment a request was there in full.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The largest request that is read.
const BODY_MAX: usize = 1024 * 1024;

const YES: &str = r#"{"messaging_product":"whatsapp","success":true}"#;

/// A running Graph API; it ends with the process.
#[derive(Debug)]
pub(in crate::bench::peers) struct Graph {
    pub(in crate::bench::peers) address: SocketAddr,
    requests: Receiver<Asked>,
}

/// What was asked about a call.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) at: Instant,
    pub(super) call: String,
    pub(super) action: String,
    pub(super) sdp: Option<String>,
}

impl Graph {
    pub(in crate::bench::peers) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
        let address = listener.local_addr()?;
        let (tell, requests) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let tell = tell.clone();
                // A connection that breaks off is the asker's to mend.
                thread::spawn(move || drop(serve(stream, &tell)));
            }
        });
        Ok(Self { address, requests })
    }

    /// The next request, if one comes in time.
    pub(super) fn next(&self, within: Duration) -> Option<Asked> {
        self.requests.recv_timeout(within).ok()
    }
}

fn serve(stream: TcpStream, tell: &Sender<Asked>) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    while let Some(body) = request(&mut stream)? {
        let at = Instant::now();
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{YES}",
            YES.len()
        );
        stream.get_mut().write_all(answer.as_bytes())?;
        let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name: &str| asked[name].as_str().unwrap_or_default().to_owned();
        let sdp = asked["session"]["sdp"].as_str().map(ToOwned::to_owned);
        tell.send(Asked { at, call: text("call_id"), action: text("action"), sdp })?;
    }
    Ok(())
}

/// The body of the next request; none when the connection ends.
fn request(stream: &mut BufReader<TcpStream>) -> Result<Option<Vec<u8>>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().context("not a length")?;
        }
    }
    if length > BODY_MAX {
        bail!("a request of {length} bytes");
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(body))
}
