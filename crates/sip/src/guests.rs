//! Which connection that somebody else made may stay?
//!
//! A connection costs memory and a descriptor whether or not anything is said on it. Who is nobody we know yet has
//! only so many, and has to say something whole from time to time: half a message is nothing. On a connection of
//! somebody we know, silence is the stack's to judge.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// How many there may be, and how long one may say nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Connections of everybody.
    pub(crate) all: usize,
    /// Connections from one address that are nobody's we know: a house of telephones behind one router comes back
    /// at once.
    pub(crate) strangers_of_one: usize,
    /// Until its first whole message.
    pub(crate) first: Duration,
    /// Until the next one.
    pub(crate) next: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            all: 1024,
            strangers_of_one: 64,
            first: Duration::from_secs(20),
            next: Duration::from_secs(180),
        }
    }
}

/// Connections of others, by their far end.
#[derive(Debug)]
pub(crate) struct Guests {
    rules: Rules,
    seated: Mutex<Seated>,
}

/// The place of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    guests: Arc<Guests>,
    them: SocketAddr,
    number: u64,
    leave: CancellationToken,
}

impl Guests {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, seated: Mutex::default() }
    }

    /// A place for a connection, if there is one.
    pub(crate) fn enter(self: &Arc<Self>, them: SocketAddr) -> Option<Seat> {
        let leave = CancellationToken::new();
        let number = self.seated().enter(them, leave.clone(), self.rules, Instant::now())?;
        Some(Seat { guests: Arc::clone(self), them, number, leave })
    }

    /// Something whole was said.
    pub(crate) fn heard(&self, them: SocketAddr) {
        let next = Instant::now() + self.rules.next;
        if let Some(guest) = self.seated().guests.get_mut(&them)
            && guest.due.is_some()
        {
            guest.due = Some(next);
        }
    }

    /// It is somebody we know.
    pub(crate) fn knows(&self, them: SocketAddr) {
        if let Some(guest) = self.seated().guests.get_mut(&them) {
            guest.due = None;
        }
    }

    /// Nobody from there is heard any more.
    pub(crate) fn turn_out(&self, ip: IpAddr) {
        for guest in self.seated().strangers_of(ip) {
            guest.leave.cancel();
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.seated().guests.len()
    }

    fn seated(&self) -> std::sync::MutexGuard<'_, Seated> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Returns when the connection has to go; whether that is because nothing whole was said in time.
    pub(crate) async fn is_over(&self) -> bool {
        loop {
            let due = self.guests.seated().due(self.them, self.number);
            let silent = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.leave.cancelled() => return false,
                () = silent => {}
            }
            // It may have said something meanwhile.
            if self.guests.seated().due(self.them, self.number) == due {
                return true;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seated = self.guests.seated();
        if seated.guests.get(&self.them).is_some_and(|guest| guest.number == self.number) {
            seated.guests.remove(&self.them);
        }
    }
}

#[derive(Debug, Default)]
struct Seated {
    guests: HashMap<SocketAddr, Guest>,
    last: u64,
}

#[derive(Debug)]
struct Guest {
    /// A far end may connect from the same port again before we noticed that it was gone.
    number: u64,
    /// By when something whole has to be said; `None` for whom we know.
    due: Option<Instant>,
    leave: CancellationToken,
}

impl Seated {
    /// Its number, if there is room.
    fn enter(
        &mut self,
        them: SocketAddr,
        leave: CancellationToken,
        rules: Rules,
        now: Instant,
    ) -> Option<u64> {
        let is_full = self.guests.len() >= rules.all;
        if is_full || self.strangers_of(them.ip()).count() >= rules.strangers_of_one {
            return None;
        }
        self.last += 1;
        let guest = Guest { number: self.last, due: Some(now + rules.first), leave };
        self.guests.insert(them, guest);
        Some(self.last)
    }

    fn strangers_of(&self, ip: IpAddr) -> impl Iterator<Item = &Guest> {
        let guests = self.guests.iter();
        guests.filter(move |(them, it)| them.ip() == ip && it.due.is_some()).map(|(_, guest)| guest)
    }

    fn due(&self, them: SocketAddr, number: u64) -> Option<Instant> {
        self.guests.get(&them).filter(|guest| guest.number == number)?.due
    }
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::{ClientConfig, RootCertStore, ServerConfig};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpSocket, TcpStream};
    use tokio::sync::mpsc;

    use super::*;
    use crate::{Face, Incoming, Listen, Refusal, Tls, UserAgent};

    const RULES: Rules = Rules {
        all: 4,
        strangers_of_one: 2,
        first: Duration::from_millis(30),
        next: Duration::from_secs(60),
    };

    const PATIENCE: Duration = Duration::from_secs(20);

    /// An agent that turns everybody away.
    async fn agent(rules: Rules) -> UserAgent {
        let (ask, mut incoming) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Some(asked) = incoming.recv().await {
                match asked {
                    Incoming::Invite(invite) => invite.turn_away(Refusal::of(403)),
                    Incoming::Register(register) => register.turn_away(Refusal::of(403)),
                }
            }
        });
        let plain = Some("127.0.0.1:0".parse().unwrap());
        let listen = Listen { plain, tls: Some(tls()), name: "offhook".into(), timers: true };
        UserAgent::start_among(listen, Face::default(), Some(ask), rules).await.unwrap()
    }

    /// With a certificate nobody gets to see.
    fn tls() -> Tls {
        let made = rcgen::generate_simple_self_signed(vec!["offhook.test".to_owned()]).unwrap();
        let certificate = made.cert.der().clone();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let provider = || Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key.into())
            .unwrap();
        let client = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let accept = Some(("127.0.0.1:0".parse().unwrap(), Arc::new(server)));
        Tls { accept, connect: Arc::new(client) }
    }

    async fn connect(agent: &UserAgent, ip: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(ip.parse().unwrap(), 0)).unwrap();
        socket.connect(agent.address().unwrap()).await.unwrap()
    }

    fn request(method: &str, number: u32) -> String {
        format!(
            "{method} sip:200@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;rport;branch=z9hG4bK{number}\r\n\
             From: <sip:eve@127.0.0.1>;tag=1\r\nTo: <sip:200@127.0.0.1>\r\nCall-ID: {number}\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:eve@127.0.0.1:9>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
    }

    /// Until the connection is closed, all that was said.
    async fn heard(stream: &mut TcpStream) -> String {
        let mut heard = Vec::new();
        // One that is closed before everything was read is reset.
        let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
        drop(reading.expect("it is closed"));
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Until it is so.
    async fn until(is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("it never was");
    }

    #[tokio::test]
    async fn slow_writers_leave_nothing_behind_and_hold_up_nobody() {
        let rules = Rules { first: Duration::from_millis(300), ..Rules::default() };
        let agent = agent(rules).await;
        let mut slow = Vec::new();
        for half in [
            &b"INVITE sip:200@127"[..],
            b"",
            b"\r\n\r\n",
            b"OPTIONS sip:a SIP/2.0\r\nl: 999999\r\n\r\n",
        ] {
            let mut stream = connect(&agent, "127.0.0.2").await;
            stream.write_all(half).await.unwrap();
            slow.push(stream);
        }
        // The start of a handshake, and none.
        for half in [&b"\x16\x03\x01\x02\x00\x01"[..], b""] {
            let mut stream = TcpStream::connect(agent.tls_address().unwrap()).await.unwrap();
            stream.write_all(half).await.unwrap();
            slow.push(stream);
        }
        let mut quick = connect(&agent, "127.0.0.3").await;
        quick.write_all(request("OPTIONS", 1).as_bytes()).await.unwrap();
        let mut start = [0; 11];
        let reading = tokio::time::timeout(PATIENCE, quick.read_exact(&mut start)).await;
        reading.unwrap().unwrap();
        assert_eq!(&start, b"SIP/2.0 200");
        for stream in &mut slow {
            let heard = heard(stream).await;
            assert!(["", "\r\n"].contains(&heard.as_str()), "{heard}");
        }
        assert_eq!(agent.strangers().slow, 6);
        drop(quick);
        until(|| agent.desk.roads.connections() == (0, 0)).await;
    }

    #[tokio::test]
    async fn ten_slow_ones_are_too_many_and_one_too_many_has_no_room() {
        let rules = Rules { first: Duration::from_millis(300), ..Rules::default() };
        let agent = agent(Rules { strangers_of_one: 10, ..rules }).await;
        let mut slow = Vec::new();
        for _ in 0..11 {
            slow.push(connect(&agent, "127.0.0.2").await);
        }
        for stream in &mut slow {
            assert_eq!(heard(stream).await, "");
        }
        until(|| agent.strangers().banned == 1).await;
        assert_eq!(heard(&mut connect(&agent, "127.0.0.2").await).await, "");
        let strangers = agent.strangers();
        assert_eq!((strangers.crowded, strangers.slow, strangers.unheard), (1, 10, 1));
        until(|| agent.desk.roads.connections() == (0, 0)).await;
    }

    #[tokio::test]
    async fn who_is_turned_away_ten_times_is_not_heard_on_what_is_open_either() {
        let agent = agent(Rules::default()).await;
        let mut stream = connect(&agent, "127.0.0.2").await;
        let mut beside = connect(&agent, "127.0.0.2").await;
        for number in 0..10 {
            let method = if number % 2 == 0 { "REGISTER" } else { "INVITE" };
            stream.write_all(request(method, number).as_bytes()).await.unwrap();
            until(|| agent.strangers().turned_away == u64::from(number) + 1).await;
        }
        heard(&mut stream).await;
        heard(&mut beside).await;
        let strangers = agent.strangers();
        assert_eq!((strangers.turned_away, strangers.banned), (10, 1));
        until(|| agent.desk.roads.connections() == (0, 0)).await;
    }

    fn from(ip: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, ip], port))
    }

    #[test]
    fn one_address_has_two_until_it_is_known_and_all_have_four() {
        let guests = Arc::new(Guests::new(RULES));
        let first = guests.enter(from(1, 1)).unwrap();
        let _second = guests.enter(from(1, 2)).unwrap();
        assert!(guests.enter(from(1, 3)).is_none());
        guests.knows(from(1, 1));
        let _third = guests.enter(from(1, 3)).expect("a known one does not count");
        let _fourth = guests.enter(from(2, 1)).unwrap();
        assert!(guests.enter(from(3, 1)).is_none(), "there are four");
        drop(first);
        assert!(guests.enter(from(3, 1)).is_some());
    }

    #[test]
    fn one_that_connects_again_is_not_seen_out_with_the_one_before() {
        let guests = Arc::new(Guests::new(RULES));
        let before = guests.enter(from(1, 1)).unwrap();
        let _after = guests.enter(from(1, 1)).unwrap();
        drop(before);
        assert_eq!(guests.seated().guests.len(), 1);
    }

    #[tokio::test]
    async fn who_says_nothing_whole_goes_and_who_does_or_is_known_stays() {
        let guests = Arc::new(Guests::new(RULES));
        let [silent, speaks, known] =
            [(1, 1), (2, 2), (3, 3)].map(|(ip, port)| guests.enter(from(ip, port)).unwrap());
        guests.heard(from(2, 2));
        guests.knows(from(3, 3));
        assert!(silent.is_over().await, "nothing was said");
        let later = tokio::time::timeout(RULES.first * 2, async {
            tokio::select! { it = speaks.is_over() => it, it = known.is_over() => it }
        });
        assert!(later.await.is_err(), "they may stay");
        guests.turn_out(from(3, 3).ip());
        guests.turn_out(from(2, 2).ip());
        assert!(!speaks.is_over().await, "it is not heard any more");
        assert!(!known.leave.is_cancelled(), "whom we know stays");
    }
}
