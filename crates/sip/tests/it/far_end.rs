//! A far end that says word for word what a test tells it to.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
    m=audio 40000 RTP/AVP 0\r\n";

/// Where messages come from and go to.
enum Road {
    Udp { socket: UdpSocket, from: Option<SocketAddr> },
    Listening(TcpListener),
    Tcp { stream: TcpStream, unread: String },
}

pub(crate) struct FarEnd {
    road: Road,
    pub(crate) address: SocketAddr,
}

impl FarEnd {
    pub(crate) async fn udp() -> Self {
        Self::udp_at("127.0.0.1").await
    }

    /// One of another address.
    pub(crate) async fn udp_at(ip: &str) -> Self {
        let socket = UdpSocket::bind((ip, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        Self { road: Road::Udp { socket, from: None }, address }
    }

    pub(crate) async fn tcp() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { road: Road::Listening(listener), address }
    }

    /// The next message of this method; repetitions of others are passed over.
    pub(crate) async fn hears(&mut self, method: &str) -> String {
        let hearing = async {
            loop {
                let message = self.next().await;
                if message.starts_with(method) {
                    return message;
                }
            }
        };
        tokio::time::timeout(PATIENCE, hearing).await.unwrap_or_else(|_| panic!("no {method} came"))
    }

    pub(crate) async fn next(&mut self) -> String {
        if let Road::Listening(listener) = &self.road {
            let (stream, _) = listener.accept().await.unwrap();
            self.road = Road::Tcp { stream, unread: String::new() };
        }
        match &mut self.road {
            Road::Udp { socket, from } => {
                let mut buffer = [0; 8192];
                let (len, whom) = socket.recv_from(&mut buffer).await.unwrap();
                *from = Some(whom);
                String::from_utf8_lossy(&buffer[..len]).into_owned()
            }
            Road::Tcp { stream, unread } => loop {
                if let Some(message) = whole(unread) {
                    return message;
                }
                let mut buffer = [0; 8192];
                let len = stream.read(&mut buffer).await.unwrap();
                assert!(len > 0, "the connection was closed");
                unread.push_str(&String::from_utf8_lossy(&buffer[..len]));
            },
            Road::Listening(_) => unreachable!("accepted above"),
        }
    }

    pub(crate) async fn says(&mut self, message: &str) {
        match &mut self.road {
            Road::Udp { socket, from } => {
                socket.send_to(message.as_bytes(), from.unwrap()).await.unwrap();
            }
            Road::Tcp { stream, .. } => stream.write_all(message.as_bytes()).await.unwrap(),
            Road::Listening(_) => panic!("nobody to say it to"),
        }
    }

    /// Says it to somebody who has said nothing yet, by UDP.
    pub(crate) async fn says_to(&mut self, whom: SocketAddr, message: &str) {
        if let Road::Udp { from, .. } = &mut self.road {
            *from = Some(whom);
        }
        self.says(message).await;
    }

    /// Calls somebody by UDP, and wants the place of the call that is named.
    pub(crate) async fn wants_place(
        &mut self,
        whom: SocketAddr,
        (call_id, named): (&str, &str),
        body: &str,
    ) {
        let (us, len) = (self.address, body.len());
        let invite = format!(
            "INVITE sip:offhook@{whom} SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bK{call_id}\r\n\
             From: <sip:203@pbx.test>;tag=new\r\nTo: <sip:offhook@pbx.test>\r\nCall-ID: {call_id}\r\n\
             CSeq: 1 INVITE\r\nContact: <sip:203@{us}>\r\nMax-Forwards: 70\r\nRequire: replaces\r\n\
             Replaces: {named}\r\nContent-Type: application/sdp\r\nContent-Length: {len}\r\n\r\n{body}"
        );
        self.says_to(whom, &invite).await;
    }

    /// Answers `request` with `status`, a phrase included.
    pub(crate) async fn answers(&mut self, request: &str, status: &str) {
        self.says(&self.response(request, status, "", "")).await;
    }

    /// Answers with SDP.
    pub(crate) async fn answers_with_sdp(&mut self, request: &str, status: &str) {
        self.says(&self.response(request, status, "Content-Type: application/sdp\r\n", SDP)).await;
    }

    pub(crate) fn response(&self, request: &str, status: &str, more: &str, body: &str) -> String {
        let copied =
            ["Via", "From", "Call-ID", "CSeq"].map(|name| line(request, name)).join("\r\n");
        let to = line(request, "To");
        let tag = if to.contains("tag=") { "" } else { ";tag=far" };
        let address = self.address;
        let len = body.len();
        format!(
            "SIP/2.0 {status}\r\n{copied}\r\n{to}{tag}\r\nContact: <sip:far@{address}>\r\n{more}\
             Content-Length: {len}\r\n\r\n{body}"
        )
    }

    /// A request in the dialog that `invite` opened.
    pub(crate) fn request(
        &self,
        invite: &str,
        method: &str,
        seq: u32,
        more: &str,
        body: &str,
    ) -> String {
        let us = value(invite, "From");
        let them = value(invite, "To");
        let contact = value(invite, "Contact");
        let uri = contact.trim_matches(|c| c == '<' || c == '>');
        let call = line(invite, "Call-ID");
        let transport = if matches!(self.road, Road::Udp { .. }) { "UDP" } else { "TCP" };
        let (address, len) = (self.address, body.len());
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{transport} {address};branch=z9hG4bK{method}{seq}\r\n\
             From: {them};tag=far\r\nTo: {us}\r\n{call}\r\nCSeq: {seq} {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:far@{address}>\r\n{more}Content-Length: {len}\r\n\r\n{body}"
        )
    }
}

/// Takes the first whole message off `unread`.
fn whole(unread: &mut String) -> Option<String> {
    let head = unread.find("\r\n\r\n")? + 4;
    let length: usize = value(&unread[..head], "Content-Length").parse().unwrap_or(0);
    (unread.len() >= head + length).then(|| unread.drain(..head + length).collect())
}

/// The header line of this name.
pub(crate) fn line(message: &str, name: &str) -> String {
    let prefix = format!("{}:", name.to_ascii_lowercase());
    let mut lines = message.lines();
    let found = lines.find(|line| line.to_ascii_lowercase().starts_with(&prefix));
    found.unwrap_or_else(|| panic!("no {name} in {message}")).to_owned()
}

/// What it says.
pub(crate) fn value(message: &str, name: &str) -> String {
    line(message, name)[name.len() + 1..].trim().to_owned()
}

/// The call that `invite` opened towards a far end, as that one names it.
pub(crate) fn named(invite: &str) -> String {
    let from = value(invite, "From");
    let tag = from.split(";tag=").nth(1).expect("a tag");
    format!("{};to-tag={tag};from-tag=far", value(invite, "Call-ID"))
}
