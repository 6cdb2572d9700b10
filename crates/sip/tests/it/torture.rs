//! The 49 messages of RFC 4475, byte by byte, by UDP and by TCP: nothing panics, nothing stalls, and what each
//! is answered stands in a table.
//!
//! Whoever is called is busy and every registration is taken, so that 486 and 200 say that a request was
//! understood.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use offhook_sip::{Incoming, Listen, Refusal, UserAgent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::far_end::{PATIENCE, value};

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was answered so.
    Status(u16),
    /// It was not, and by TCP nothing else happened.
    Silence,
    /// It was not, and the connection was closed.
    Closed,
}

use Fate::{Closed, Silence, Status};

/// Section, file, what it is answered by UDP and by TCP. Comments name what differs from the RFC's own wish.
type Row = (&'static str, &'static str, Fate, Fate);

const ROWS: [Row; 49] = [
    // Folded within a word of `Via`: the stack cannot read it.
    ("3.1.1.1", "wsinv", Silence, Silence),
    // A method the stack does not know, where 405 or 501 is due.
    ("3.1.1.2", "intmeth", Silence, Closed),
    ("3.1.1.3", "esc01", Status(486), Status(486)),
    ("3.1.1.4", "escnull", Status(200), Status(200)),
    // The same.
    ("3.1.1.5", "esc02", Silence, Closed),
    ("3.1.1.6", "lwsdisp", Status(200), Status(200)),
    ("3.1.1.7", "longreq", Status(486), Status(486)),
    ("3.1.1.8", "dblreq", Status(200), Status(200)),
    ("3.1.1.9", "semiuri", Status(200), Status(200)),
    ("3.1.1.10", "transports", Status(200), Status(200)),
    ("3.1.1.11", "mpart01", Status(405), Status(405)),
    ("3.1.1.12", "unreason", Silence, Silence),
    ("3.1.1.13", "noreason", Silence, Silence),
    // Empty parameters are passed over, where 400 is due.
    ("3.1.2.1", "badinv01", Status(486), Status(486)),
    // By TCP the rest of its body is awaited.
    ("3.1.2.2", "clerr", Status(400), Silence),
    // By TCP nobody knows where the next one begins.
    ("3.1.2.3", "ncl", Status(400), Closed),
    // A number too large for the stack, where 400 is due.
    ("3.1.2.4", "scalar02", Silence, Silence),
    ("3.1.2.5", "scalarlg", Silence, Silence),
    ("3.1.2.6", "quotbal", Status(400), Status(400)),
    // Taken for what it means, as may be; so are a space too many, an escaped header and a false date below.
    ("3.1.2.7", "ltgtruri", Status(486), Status(486)),
    // No Request-Line the stack can read, where 400 is due.
    ("3.1.2.8", "lwsruri", Silence, Closed),
    // The same.
    ("3.1.2.9", "lwsstart", Silence, Closed),
    ("3.1.2.10", "trws", Status(200), Status(200)),
    ("3.1.2.11", "escruri", Status(486), Status(486)),
    ("3.1.2.12", "baddate", Status(486), Status(486)),
    // What follows the question mark is the user's `Contact`, word for word, where 400 is due.
    ("3.1.2.13", "regbadct", Status(200), Status(200)),
    ("3.1.2.14", "badaspec", Status(200), Status(200)),
    ("3.1.2.15", "baddn", Status(200), Status(200)),
    ("3.1.2.16", "badvers", Status(505), Status(505)),
    ("3.1.2.17", "mismatch01", Status(400), Status(400)),
    // A method the stack does not know, where 400 or 501 is due.
    ("3.1.2.18", "mismatch02", Silence, Closed),
    ("3.1.2.19", "bigcode", Silence, Closed),
    ("3.2.1", "badbranch", Status(200), Status(200)),
    // Nothing to tell it by, where 400 is due.
    ("3.3.1", "insuf", Silence, Silence),
    ("3.3.2", "unkscm", Status(416), Status(416)),
    ("3.3.3", "novelsc", Status(416), Status(416)),
    ("3.3.4", "unksm2", Status(400), Status(400)),
    ("3.3.5", "bext01", Status(420), Status(420)),
    ("3.3.6", "invut", Status(415), Status(415)),
    ("3.3.7", "regaut01", Status(200), Status(200)),
    // Its length is the RFC's, two bytes too long: by TCP they are awaited.
    ("3.3.8", "multi01", Status(400), Silence),
    ("3.3.9", "mcl01", Status(400), Status(400)),
    ("3.3.10", "bcast", Silence, Silence),
    ("3.3.11", "zeromf", Status(200), Status(200)),
    ("3.3.12", "cparam01", Status(200), Status(200)),
    ("3.3.13", "cparam02", Status(200), Status(200)),
    ("3.3.14", "regescrt", Status(200), Status(200)),
    // It is answered what a call is answered, though it says it reads none of that: 406 is due.
    ("3.3.15", "sdp01", Status(486), Status(486)),
    // Without a branch (RFC 2543) nothing tells it by, where it is to be understood.
    ("3.4.1", "inv2543", Silence, Silence),
];

/// How long nothing has to happen where nothing is to happen.
const SILENCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn by_udp_each_has_its_fate() {
    let agent = agent().await;
    let to = agent.address().unwrap();
    let origin = Origin::open().await;
    for (_, name, ..) in ROWS {
        origin.usual.send_to(&message(name), to).await.unwrap();
    }
    let expected = ROWS.iter().filter(|row| matches!(row.2, Status(_))).count();
    let answers = origin.hears_finals(expected).await;
    let fates = ROWS.map(|(section, name, _, by_tcp)| {
        let status = answers.get(&call_id(name));
        (section, name, status.map_or(Silence, |status| Status(*status)), by_tcp)
    });
    assert_rows(fates);
    is_well(to).await;
}

#[tokio::test]
async fn by_tcp_each_has_its_fate() {
    let mut under_way = JoinSet::new();
    for (at, (_, name, _, expected)) in ROWS.into_iter().enumerate() {
        // Many have the same branch, so each is sent to an agent of its own.
        under_way.spawn(async move {
            let agent = agent().await;
            let to = agent.address().unwrap();
            let fate = fate_by_tcp(to, name, expected).await;
            is_well(to).await;
            (at, fate)
        });
    }
    let mut fates = ROWS;
    while let Some(fate) = under_way.join_next().await {
        let (at, fate) = fate.unwrap();
        fates[at].3 = fate;
    }
    assert_rows(fates);
}

fn assert_rows(fates: [Row; 49]) {
    let differ = fates.iter().zip(&ROWS).filter(|(fate, row)| fate != row);
    let differ: Vec<String> =
        differ.map(|(fate, row)| format!("{fate:?}, and should {row:?}")).collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

async fn agent() -> UserAgent {
    let (ask, mut incoming) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(asked) = incoming.recv().await {
            match asked {
                Incoming::Invite(invite) => invite.refuse(Refusal::of(486)),
                Incoming::Register(register) => register.accept(60),
            }
        }
    });
    let plain = Some("127.0.0.1:0".parse().unwrap());
    let listen = Listen { plain, tls: None, name: "offhook".into(), timers: true };
    UserAgent::start(listen, Some(ask)).await.unwrap()
}

fn message(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/sip/torture");
    std::fs::read(PathBuf::from(folder).join(format!("{name}.dat"))).unwrap()
}

/// Where a message came from that has no `rport`: its answer goes to the port its `Via` names, or to 5060.
struct Origin {
    usual: UdpSocket,
    /// The only other port that is named.
    named: UdpSocket,
}

impl Origin {
    /// On a loopback address of this process's own.
    async fn open() -> Self {
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let host = format!("127.{}.{low}.75", high | 0x80);
        let open = async |port: u16| UdpSocket::bind((host.as_str(), port)).await;
        Self { usual: open(5060).await.unwrap(), named: open(5050).await.unwrap() }
    }

    /// The final status of each call, until there are so many and nothing more comes.
    async fn hears_finals(&self, expected: usize) -> BTreeMap<String, u16> {
        let (mut finals, mut until) = (BTreeMap::new(), Instant::now() + PATIENCE);
        while let Ok(answer) = timeout_at(until, self.hears()).await {
            let Some(status) = status(&answer) else { continue };
            let is_new = finals.insert(value(&answer, "Call-ID"), status).is_none();
            if is_new && finals.len() >= expected {
                until = Instant::now() + SILENCE;
            }
        }
        finals
    }

    async fn hears(&self) -> String {
        let (mut usual, mut named) = (vec![0; 8192], vec![0; 8192]);
        let heard = tokio::select! {
            len = self.usual.recv(&mut usual) => &usual[..len.unwrap()],
            len = self.named.recv(&mut named) => &named[..len.unwrap()],
        };
        String::from_utf8_lossy(heard).into_owned()
    }
}

async fn fate_by_tcp(to: SocketAddr, name: &str, expected: Fate) -> Fate {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(&message(name)).await.unwrap();
    let patience = if expected == Silence { SILENCE } else { PATIENCE };
    let mut heard = String::new();
    let hearing = async {
        let mut buffer = [0; 8192];
        loop {
            // One that is closed before everything was read is reset.
            let len = stream.read(&mut buffer).await.unwrap_or(0);
            if len == 0 {
                return Closed;
            }
            heard.push_str(&String::from_utf8_lossy(&buffer[..len]));
            let answers = heard.split_inclusive("\r\n\r\n").filter(|it| it.starts_with("SIP/"));
            if let Some(status) = answers.filter_map(status).next() {
                return Status(status);
            }
        }
    };
    timeout(patience, hearing).await.unwrap_or(Silence)
}

/// Somebody else is answered, both ways.
async fn is_well(to: SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(options("UDP").as_bytes(), to).await.unwrap();
    let mut buffer = [0; 2048];
    let len = timeout(PATIENCE, socket.recv(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(status(&String::from_utf8_lossy(&buffer[..len])), Some(200));
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(options("TCP").as_bytes()).await.unwrap();
    let len = timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap().unwrap();
    assert_eq!(status(&String::from_utf8_lossy(&buffer[..len])), Some(200));
}

fn options(transport: &str) -> String {
    format!(
        "OPTIONS sip:200@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;rport;branch=z9hG4bKwell\r\n\
         From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:200@127.0.0.1>\r\nCall-ID: well\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
}

/// A final answer's status.
fn status(answer: &str) -> Option<u16> {
    let (version, rest) = answer.split_once(' ')?;
    assert_eq!(version, "SIP/2.0", "{answer}");
    rest.get(..3)?.parse().ok().filter(|status| *status >= 200)
}

/// The first `Call-ID` of a message; none where it has none.
fn call_id(name: &str) -> String {
    let message = String::from_utf8_lossy(&message(name)).into_owned();
    let ids = message.lines().filter_map(|line| {
        let (header, value) = line.split_once(':')?;
        let is_id = ["call-id", "i"].contains(&header.trim().to_ascii_lowercase().as_str());
        is_id.then(|| value.trim().to_owned())
    });
    ids.into_iter().next().unwrap_or_default()
}
