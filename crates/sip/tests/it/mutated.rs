//! Thousands of messages that are nearly right, to an agent that takes what it can of them: nothing of
//! it panics, and it still answers afterwards.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use offhook_sip::{Asker, Incoming, Listen, Patience, Realm, Refusal, UserAgent};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc;

use crate::far_end::SDP;

const MESSAGES: u64 = 4_000;

/// Panics of this whole program: there is to be none.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Chance that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end).unwrap()).unwrap()
    }
}

/// Takes one call of three, asks one for a password, refuses the rest.
async fn busy(mut incoming: mpsc::Receiver<Incoming>) {
    let realm = Realm::new("offhook".into(), Asker::User);
    let mut chance = Chance(99);
    let mut calls = Vec::new();
    while let Some(asked) = incoming.recv().await {
        match asked {
            Incoming::Register(register) if chance.below(2) == 0 => register.accept(60),
            Incoming::Register(register) => register.refuse(Refusal::of(403)),
            Incoming::Invite(invite) => match chance.below(3) {
                0 => invite.refuse(Refusal::of(486)),
                1 => {
                    let _proof = invite.proof(&realm);
                    invite.challenge(&realm, false);
                }
                _ => {
                    let Some(call) = invite.take("200", Patience::default()) else { continue };
                    call.ring(None);
                    call.answer(SDP.into());
                    calls.push(call);
                    if calls.len() > 8 {
                        calls.remove(0);
                    }
                }
            },
        }
    }
}

async fn agent() -> UserAgent {
    let (ask, incoming) = mpsc::channel(64);
    tokio::spawn(busy(incoming));
    let plain = Some("127.0.0.1:0".parse().unwrap());
    let listen = Listen { plain, tls: None, name: "offhook".into(), timers: true };
    UserAgent::start(listen, Some(ask)).await.unwrap()
}

fn whole(chance: &mut Chance, number: u64, transport: &str) -> Vec<u8> {
    let methods = [
        "INVITE", "INVITE", "REGISTER", "BYE", "CANCEL", "ACK", "INFO", "REFER", "PRACK", "UPDATE",
    ];
    let method = methods[chance.below(methods.len())];
    let body = if chance.below(2) == 0 { SDP } else { "" };
    let length = match chance.below(12) {
        0 => "18446744073709551615".to_owned(),
        1 => "4294967296".to_owned(),
        2 => (body.len() + 7).to_string(),
        _ => body.len().to_string(),
    };
    format!(
        "{method} sip:200@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;rport;branch=z9hG4bK{number}\r\n\
         Record-Route: <sip:127.0.0.1;lr>, <sip:b@127.0.0.1;lr>\r\nFrom: \"Eve\" <sip:eve@127.0.0.1>;tag=1\r\n\
         To: <sip:200@127.0.0.1>\r\nCall-ID: m{}\r\nCSeq: {} {method}\r\nContact: <sip:eve@127.0.0.1:9>;expires=60\r\n\
         Session-Expires: 90;refresher=uac\r\nSupported: timer\r\nAuthorization: Digest username=\"a\", realm=\"offhook\", \
         nonce=\"n\", uri=\"sip:a\", response=\"r\", qop=auth, nc=00000001, cnonce=\"c\"\r\nRefer-To: <sip:b@c?Replaces=x>\r\n\
         Content-Type: application/sdp\r\nMax-Forwards: 70\r\nContent-Length: {length}\r\n\r\n{body}",
        chance.below(40),
        chance.below(4),
    )
    .into_bytes()
}

/// Breaks a message in one to four places.
fn mutated(chance: &mut Chance, mut message: Vec<u8>) -> Vec<u8> {
    for _ in 0..=chance.below(4) {
        if message.is_empty() {
            break;
        }
        let at = chance.below(message.len());
        match chance.below(6) {
            0 => message[at] = u8::try_from(chance.below(256)).unwrap(),
            1 => drop(message.remove(at)),
            2 => message.insert(at, b"\r\n:;,<>\"@ %\0"[chance.below(12)]),
            3 => message.truncate(at),
            4 => {
                let end = (at + chance.below(60)).min(message.len());
                let piece = message[at..end].to_vec();
                message.splice(at..at, piece);
            }
            _ => {
                let end = (at + chance.below(60)).min(message.len());
                drop(message.drain(at..end));
            }
        }
    }
    message
}

async fn still_answers(agent: &UserAgent, number: u64) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(agent.address().unwrap()).await.unwrap();
    let options = format!(
        "OPTIONS sip:200@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bKopt{number}\r\n\
         From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:200@127.0.0.1>\r\nCall-ID: opt{number}\r\nCSeq: 1 OPTIONS\r\n\
         Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    let mut buffer = [0; 4096];
    // A datagram may be lost in the flood: it is sent again, as anybody would.
    for _ in 0..20 {
        socket.send(options.as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(1), socket.recv(&mut buffer)).await;
        if let Ok(Ok(len)) = answer {
            assert!(buffer[..len].starts_with(b"SIP/2.0 200"), "not well");
            return;
        }
    }
    panic!("silent");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_nearly_right_panic_nowhere() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        before(panic);
    }));
    let agent = agent().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(agent.address().unwrap()).await.unwrap();
    let mut chance = Chance(7);
    for number in 0..MESSAGES {
        let message = whole(&mut chance, number, "UDP");
        let message = mutated(&mut chance, message);
        // Somebody may have closed a port that was answered to.
        drop(socket.send(&message).await);
        if number % 500 == 0 {
            still_answers(&agent, number).await;
        }
    }
    for number in 0..MESSAGES / 8 {
        let mut stream = TcpStream::connect(agent.address().unwrap()).await.unwrap();
        let mut bytes = Vec::new();
        for part in 0..4 {
            let message = whole(&mut chance, MESSAGES + number * 4 + part, "TCP");
            bytes.extend(if chance.below(3) == 0 {
                message
            } else {
                mutated(&mut chance, message)
            });
        }
        drop(stream.write_all(&bytes).await);
        let mut buffer = [0; 2048];
        let reading = tokio::time::timeout(Duration::from_millis(5), stream.read(&mut buffer));
        drop(reading.await);
    }
    still_answers(&agent, MESSAGES).await;
    // What was answered late may still come.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "something panicked");
}
