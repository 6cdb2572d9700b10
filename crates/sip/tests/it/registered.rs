//! A telephone registers, and is called where it spoke from: by UDP, and by the connection it opened; what
//! it says of its own address leads nowhere.

use std::time::{Duration, Instant};

use offhook_sip::{
    Asker, Binding, Bindings, End, Incoming, Listen, Manners, News, Proof, Realm, Transport,
    UserAgent,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;

use crate::calls::{invite, news};
use crate::far_end::{SDP, line, value};

/// Nobody is there.
const ELSEWHERE: &str = "192.0.2.1:5060";

enum Road {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// A telephone behind a router.
struct Telephone {
    road: Road,
}

impl Telephone {
    async fn of(agent: &UserAgent, transport: Transport) -> Self {
        let there = agent.address().unwrap();
        let road = match transport {
            Transport::Udp => {
                let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
                socket.connect(there).await.unwrap();
                Road::Udp(socket)
            }
            Transport::Tcp | Transport::Tls => Road::Tcp(TcpStream::connect(there).await.unwrap()),
        };
        Self { road }
    }

    fn via(&self) -> &'static str {
        match self.road {
            Road::Udp(_) => "UDP",
            Road::Tcp(_) => "TCP",
        }
    }

    async fn says(&mut self, message: &str) {
        match &mut self.road {
            Road::Udp(socket) => drop(socket.send(message.as_bytes()).await.unwrap()),
            Road::Tcp(stream) => stream.write_all(message.as_bytes()).await.unwrap(),
        }
    }

    /// The next message that begins so.
    async fn hears(&mut self, start: &str) -> String {
        let hearing = async {
            loop {
                let mut buffer = [0; 8192];
                let len = match &mut self.road {
                    Road::Udp(socket) => socket.recv(&mut buffer).await.unwrap(),
                    Road::Tcp(stream) => stream.read(&mut buffer).await.unwrap(),
                };
                assert!(len > 0, "the connection was closed");
                let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
                if let Some(at) = text.find(start) {
                    return text[at..].to_owned();
                }
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(20), hearing).await;
        heard.unwrap_or_else(|_| panic!("no {start} came"))
    }

    async fn registers(&mut self, seq: u32, more: &str) {
        let via = self.via();
        self.says(&format!(
            "REGISTER sip:offhook SIP/2.0\r\nVia: SIP/2.0/{via} {ELSEWHERE};rport;branch=z9hG4bKr{seq}\r\n\
             From: <sip:lia@offhook>;tag=1\r\nTo: <sip:lia@offhook>\r\nCall-ID: reg\r\n\
             CSeq: {seq} REGISTER\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
        ))
        .await;
    }

    async fn answers(&mut self, request: &str, status: &str, body: &str) {
        let copied =
            ["Via", "From", "Call-ID", "CSeq"].map(|name| line(request, name)).join("\r\n");
        let to = line(request, "To");
        let tag = if to.contains("tag=") { "" } else { ";tag=far" };
        let len = body.len();
        self.says(&format!(
            "SIP/2.0 {status}\r\n{copied}\r\n{to}{tag}\r\nContact: <sip:lia-1@{ELSEWHERE}>\r\n\
             Content-Type: application/sdp\r\nContent-Length: {len}\r\n\r\n{body}"
        ))
        .await;
    }
}

async fn agent() -> (UserAgent, mpsc::Receiver<Incoming>) {
    let (ask, incoming) = mpsc::channel(8);
    let plain = Some("127.0.0.1:0".parse().unwrap());
    let listen = Listen { plain, tls: None, name: "offhook".into(), timers: true };
    (UserAgent::start(listen, Some(ask)).await.unwrap(), incoming)
}

/// Whatever comes next, of which it is a REGISTER, is done as it says.
async fn registered(incoming: &mut mpsc::Receiver<Incoming>, bindings: &mut Bindings) {
    let Some(Incoming::Register(asked)) = incoming.recv().await else { panic!("no REGISTER") };
    let registering = asked.registering().unwrap();
    bindings.register(&registering, Instant::now()).unwrap();
    asked.known(bindings.told(Instant::now()));
}

async fn rings_where_it_spoke_from(transport: Transport) {
    let (agent, mut incoming) = agent().await;
    let mut telephone = Telephone::of(&agent, transport).await;
    let mut bindings = Bindings::default();
    telephone.registers(1, &format!("Contact: <sip:lia-1@{ELSEWHERE};ob>;expires=600\r\n")).await;
    registered(&mut incoming, &mut bindings).await;
    let known = telephone.hears("SIP/2.0 200").await;
    let longest = if transport == Transport::Udp { 60 } else { 240 };
    assert_eq!(value(&known, "Contact"), format!("<sip:lia-1@{ELSEWHERE};ob>;expires={longest}"));

    let binding = bindings.known(Instant::now()).next().unwrap();
    let manners = Manners { contact: Some(binding.contact().to_owned()), ..Manners::default() };
    let mut call = agent.call_so(invite(vec![binding.target()]), manners.clone()).unwrap();
    let asked = telephone.hears("INVITE").await;
    assert!(asked.starts_with(&format!("INVITE sip:lia-1@{ELSEWHERE};ob SIP/2.0")), "{asked}");
    assert!(!asked.contains("Route:"), "{asked}");
    telephone.answers(&asked, "180 Ringing", "").await;
    assert_eq!(news(&mut call).await, News::Ringing);
    telephone.answers(&asked, "200 OK", SDP).await;
    assert_eq!(news(&mut call).await, News::Answered { target: 0, answer: SDP.into() });
    telephone.hears("ACK sip:lia-1@127.0.0.1:").await;
    call.hang_up(None);
    let bye = telephone.hears("BYE").await;
    telephone.answers(&bye, "200 OK", "").await;
    assert_eq!(news(&mut call).await, News::Ended(End::Ours));

    // One that rings elsewhere is told so.
    let mut call = agent.call_so(invite(vec![binding.target()]), manners).unwrap();
    let asked = telephone.hears("INVITE").await;
    telephone.answers(&asked, "180 Ringing", "").await;
    assert_eq!(news(&mut call).await, News::Ringing);
    call.hang_up(Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    let cancel = telephone.hears("CANCEL").await;
    assert_eq!(value(&cancel, "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
    telephone.answers(&cancel, "200 OK", "").await;
    telephone.answers(&asked, "487 Request Terminated", "").await;
    assert_eq!(news(&mut call).await, News::Ended(End::Ours));

    telephone.registers(2, "Contact: *\r\nExpires: 0\r\n").await;
    registered(&mut incoming, &mut bindings).await;
    let known = telephone.hears("SIP/2.0 200").await;
    assert!(!known.contains("Contact"), "{known}");
}

#[tokio::test]
async fn a_telephone_behind_a_router_rings_by_udp() {
    rings_where_it_spoke_from(Transport::Udp).await;
}

#[tokio::test]
async fn and_by_the_connection_it_opened() {
    rings_where_it_spoke_from(Transport::Tcp).await;
}

#[tokio::test]
async fn one_whose_connection_is_gone_is_not_called_anywhere_else() {
    let (agent, mut incoming) = agent().await;
    let mut telephone = Telephone::of(&agent, Transport::Tcp).await;
    let mut bindings = Bindings::default();
    telephone.registers(1, &format!("Contact: <sip:lia-1@{ELSEWHERE}>\r\n")).await;
    registered(&mut incoming, &mut bindings).await;
    telephone.hears("SIP/2.0 200").await;
    drop(telephone);
    let binding = bindings.known(Instant::now()).next().unwrap();
    let manners = Manners { contact: Some(binding.contact().to_owned()), ..Manners::default() };
    let mut call = agent.call_so(invite(vec![binding.target()]), manners).unwrap();
    assert_eq!(news(&mut call).await, News::Ended(End::Unavailable));
}

#[tokio::test]
async fn who_registers_is_asked_for_a_password() {
    let (agent, mut incoming) = agent().await;
    let mut telephone = Telephone::of(&agent, Transport::Udp).await;
    let realm = Realm::new("offhook".into(), Asker::User);
    telephone.registers(1, "").await;
    let Some(Incoming::Register(asked)) = incoming.recv().await else { panic!("no REGISTER") };
    assert!(matches!(asked.proof(&realm), Proof::None));
    asked.challenge(&realm, false);
    let challenge = telephone.hears("SIP/2.0 401").await;
    let nonce = value(&challenge, "WWW-Authenticate").split('"').nth(3).unwrap().to_owned();
    let digest = |text: String| {
        use md5::Digest as _;
        hex::encode(md5::Md5::digest(text))
    };
    let what = digest("REGISTER:sip:offhook".into());
    let response = digest(format!("{}:{nonce}:{what}", digest("lia:offhook:secret".into())));
    let answer = format!(
        "Authorization: Digest username=\"lia\",realm=\"offhook\",nonce=\"{nonce}\",\
         uri=\"sip:offhook\",response=\"{response}\"\r\nm: <sip:lia@{ELSEWHERE}>\r\n"
    );
    telephone.registers(2, &answer).await;
    let Some(Incoming::Register(asked)) = incoming.recv().await else { panic!("no REGISTER") };
    let Proof::Claimed(claim) = asked.proof(&realm) else { panic!("no claim") };
    assert!(claim.user() == "lia" && claim.proves("secret") && !claim.proves("guess"));
    let mut bindings = Bindings::default();
    bindings.register(&asked.registering().unwrap(), Instant::now()).unwrap();
    let contacts: Vec<_> = bindings.known(Instant::now()).map(Binding::contact).collect();
    assert_eq!(contacts, [format!("sip:lia@{ELSEWHERE}")], "the short name of the header");
}
