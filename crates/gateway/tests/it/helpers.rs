//! Servers that help to a path: STUN tells our address, TURN relays for agents.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use media::turn::timed_login;
use offhook_gateway::config::{Secret, Turn, TurnKey};
use serde_json::{Value, json};
use tokio::net::UdpSocket;

use crate::{
    desk::{CALL, Desk, WELCOME_HZ, connect},
    voice::Voice,
};

const SECRET: &str = "north";
const REALM: &str = "turn.example";

/// A server of STUN and TURN as RFC 8489 and RFC 8656 want it, as far as a question goes. It believes
/// logins made from its secret.
async fn serve() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1_500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let reply = reply(&buffer[..length], from);
            let _gone = socket.send_to(&reply, from).await.is_err();
        }
    });
    address
}

fn reply(request: &[u8], from: SocketAddr) -> Vec<u8> {
    let kind = u16::from_be_bytes([request[0], request[1]]);
    let mut mapped = vec![0, 1];
    mapped.extend((from.port() ^ 0x2112).to_be_bytes());
    let IpAddr::V4(ip) = from.ip() else { panic!("the test is on IPv4") };
    mapped.extend(ip.octets().iter().zip([0x21, 0x12, 0xA4, 0x42]).map(|(byte, mask)| byte ^ mask));
    match kind {
        0x0001 => message(0x0101, request, &[(0x0020, mapped)]),
        0x0003 if is_believed(request) => message(0x0103, request, &[(0x0016, mapped)]),
        0x0003 => {
            let code = b"\0\0\x04\x01Unauthorized".to_vec();
            let wanted = [(0x0009, code), (0x0014, REALM.into()), (0x0015, b"nonce".to_vec())];
            message(0x0113, request, &wanted)
        }
        other => message(other | 0x0100, request, &[]),
    }
}

fn message(kind: u16, request: &[u8], attributes: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (attribute, value) in attributes {
        body.extend(attribute.to_be_bytes());
        body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        body.extend(value);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    let mut out = kind.to_be_bytes().to_vec();
    out.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    out.extend(&request[4..20]);
    out.extend(body);
    out
}

/// The same request, written anew with the login it should have.
fn is_believed(request: &[u8]) -> bool {
    let Some(username) = attribute(request, 0x0006) else { return false };
    let (until, name) = username.split_once(':').unwrap();
    let login = timed_login(SECRET, name, until.parse().unwrap());
    let login = media::stun::Login {
        username: login.username,
        password: login.password,
        realm: REALM.into(),
        nonce: "nonce".into(),
    };
    let id = request[8..20].try_into().unwrap();
    media::stun::allocate_request(&id, Some(&login)) == request
}

fn attribute(message: &[u8], wanted: u16) -> Option<String> {
    let mut rest = &message[20..];
    while rest.len() >= 4 {
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if u16::from_be_bytes([rest[0], rest[1]]) == wanted {
            return String::from_utf8(rest[4..4 + length].to_vec()).ok();
        }
        rest = &rest[4 + length.next_multiple_of(4)..];
    }
    None
}

fn turn(server: SocketAddr, secret: &str) -> Turn {
    Turn {
        urls: vec![format!("turn:{server}?transport=udp")],
        key: TurnKey::Shared(Secret::new(secret)),
        lasts: Duration::from_secs(2),
        relay_only: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_on_a_wildcard_tells_the_address_that_the_world_sees() {
    let server = serve().await;
    let desk = Desk::start_with(None, |config| {
        config.media.bind_ip = "0.0.0.0".parse().unwrap();
        config.media.ask_public = true;
        config.media.stun = Some(server.to_string());
    })
    .await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    let answer = desk.upstream.wait_for("pre_accept").await;
    assert!(answer.sdp().contains(" 127.0.0.1 "), "{}", answer.sdp());
    user.take_answer(answer.sdp());
    user.connected().await;
    user.expect_tone(WELCOME_HZ).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_address_it_was_told_to_find_a_gateway_does_not_start() {
    let dumb = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let upstream = crate::upstream::Upstream::start().await;
    let mut config = crate::desk::config(&upstream, None);
    config.media.ask_public = true;
    config.media.stun = Some(dumb.local_addr().unwrap().to_string());
    let fault = offhook_gateway::serve(config).await.expect_err("no address");
    let cause = std::error::Error::source(&fault).unwrap().to_string();
    assert!(cause.contains("does not reply"), "{cause}");
}

fn finding<'a>(report: &'a Value, check: &str) -> &'a Value {
    let all = report["findings"].as_array().unwrap();
    all.iter().find(|each| each["check"] == check).unwrap_or_else(|| panic!("{check}: {report:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_asks_both_servers_and_consoles_get_logins_that_hold() {
    let server = serve().await;
    let desk = Desk::start_with(None, |config| {
        config.media.stun = Some(server.to_string());
        config.turn = Some(turn(server, SECRET));
    })
    .await;
    let report = desk.get("/v1/doctor").await;
    for check in ["configuration", "media.ports", "media.public_address", "turn.udp"] {
        assert_eq!(finding(&report, check)["grade"], "ok", "{report:#}");
    }
    assert_eq!(finding(&report, "storage.folder")["grade"], "warning");
    // The platform of the test says `success` to everything, which is no token.
    assert_eq!(finding(&report, "upstream.token")["grade"], "warning", "{report:#}");
    assert!(!report.to_string().contains("demo-token"));

    let mut lia = desk.console("lia").await;
    let told = lia.seen[0]["ice_servers"][0].clone();
    let username = told["username"].as_str().unwrap();
    let (until, name) = username.split_once(':').unwrap();
    assert_eq!(name, "lia");
    let login = timed_login(SECRET, name, until.parse().unwrap());
    assert_eq!(told["credential"], json!(login.password));
    let anew = lia.next("ice_servers").await;
    assert_ne!(anew["ice_servers"][0]["username"], told["username"], "before it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_turn_secret_is_found() {
    let server = serve().await;
    let wrong = |config: &mut offhook_gateway::Config| config.turn = Some(turn(server, "south"));
    let desk = Desk::start_with(None, wrong).await;
    let report = desk.get("/v1/doctor").await;
    let found = finding(&report, "turn.udp");
    assert_eq!((&found["grade"], &report["worst"]), (&json!("fault"), &json!("fault")));
    assert!(found["fix"].as_str().unwrap().contains("static-auth-secret"), "{found}");
}
