//! What the last webhook of a failed call says, and what stands in a number's way.

use std::{collections::BTreeMap, time::Duration};

use futures_util::SinkExt as _;
use media::transport::DtlsRole;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::{Key, Meeting};
use crate::{
    bench::{ANA, BUSINESS, Bench, config},
    broken::Offered,
    business::Business,
    phones::{Socket, next, phone},
};

const CONNECTION: Key = (138_004, "terminate");
const SET_UP: Key = (138_019, "terminate");
const RELAY: Key = (138_020, "terminate");
const RECEIVE: Key = (138_021, "terminate");
const TRANSMIT: Key = (138_022, "terminate");
const NO_SIGNALS: Key = (138_023, "terminate");

const PAYMENT: Key = (131_042, "health_status");
const RESTRICTED: Key = (138_014, "health_status");
const NO_SIP: Key = (138_024, "health_status");
const DRAFT: Key = (138_025, "health_status");

/// Ana's phone, which has placed a call and does nothing about its media.
async fn call(bench: &Bench, sdp: &str) -> (Socket, String) {
    let mut socket = phone(bench, ANA).await;
    let call = json!({ "type": "call", "to": BUSINESS, "sdp": sdp });
    socket.send(Message::Text(call.to_string().into())).await.unwrap();
    let calling = frame(&mut socket, "calling").await;
    (socket, calling["call_id"].as_str().unwrap().to_owned())
}

async fn frame(socket: &mut Socket, kind: &str) -> Value {
    loop {
        let frame = next(socket).await;
        assert_ne!(frame["type"], "refused", "{frame}");
        if frame["type"] == kind {
            return frame;
        }
    }
}

/// A call of a silent phone that a silent business has accepted.
async fn accepted(bench: &Bench) -> (Socket, Business) {
    let (socket, id) = call(bench, &Offered::new().sdp).await;
    let business = Business::answering(&bench.hook.wait("connect").await);
    let (status, answer) = bench.answer(&id, "accept", &business.sdp).await;
    assert_eq!(status, 200, "{answer}");
    (socket, business)
}

async fn terminate(bench: &Bench) -> Value {
    let told = bench.hook.wait("terminate").await;
    assert_eq!(told["calls"][0]["errors"], told["errors"], "in both places");
    assert_eq!(told["calls"][0]["status"], "FAILED");
    told["calls"][0].clone()
}

pub(super) async fn of_calls_that_fail() -> Meeting {
    let mut meeting = Meeting::new();
    let bench = Bench::start().await;
    let offered = Offered::new();
    let zeros = ["00"; 32].join(":");
    let lines = offered.sdp.lines().map(|line| match line.strip_prefix("a=fingerprint:") {
        Some(_) => format!("a=fingerprint:sha-256 {zeros}\r\n"),
        None => format!("{line}\r\n"),
    });
    let (mut socket, _) = call(&bench, &lines.collect::<String>()).await;
    let answer = frame(&mut socket, "answer").await;
    let mut ana = offered.answered(answer["sdp"].as_str().unwrap());
    ana.start(DtlsRole::Client);
    let ((), ended) = tokio::join!(ana.live(Duration::from_secs(2)), terminate(&bench));
    meeting.webhook(SET_UP, "could not set up", &ended);

    for (blames_business, key, said) in
        [("true", RECEIVE, "No media from the business"), ("false", NO_SIGNALS, "from anybody")]
    {
        let rule = "media.both_silent_blames_business".to_owned();
        let rules = BTreeMap::from([(rule, blames_business.to_owned())]);
        let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
        let _silent = accepted(&bench).await;
        bench.clock.advance("PT20S").unwrap();
        meeting.webhook(key, said, &terminate(&bench).await);
    }

    let bench = Bench::start().await;
    let (socket, _business) = accepted(&bench).await;
    drop(socket);
    meeting.webhook(TRANSMIT, "went away", &terminate(&bench).await);

    let bench = Bench::start().await;
    let _call = accepted(&bench).await;
    let Bench { running, hook, .. } = bench;
    running.shutdown().await;
    let ended = hook.wait("terminate").await;
    meeting.webhook(CONNECTION, "could not carry the call on", &ended["calls"][0]);
    meeting
}

/// The longest wait of all: a leg is given 30 s to find a path, and they are real.
pub(super) async fn of_a_phone_without_a_path() -> Meeting {
    let mut meeting = Meeting::new();
    let bench = Bench::start().await;
    let _phone = call(&bench, &Offered::new().sdp).await;
    bench.hook.wait("connect").await;
    tokio::time::sleep(Duration::from_secs(27)).await;
    meeting.webhook(RELAY, "could not reach the relay", &terminate(&bench).await);
    meeting
}

pub(super) async fn of_health() -> Meeting {
    let mut meeting = Meeting::new();
    let secret = "secret = \"demo-app-secret\"";
    let seed = crate::home::seed()
        .replace(secret, &format!("{secret}\nis_live = false"))
        .replace("payment_valid = true", "payment_valid = false");
    let seed = offhook_platform::Seed::parse(&seed).unwrap();
    let rules = [
        ("quality.feedback_sample_min", "1"),
        ("quality.feedback_warn_percent", "1"),
        ("quality.feedback_restrict_percent", "2"),
    ];
    let rules = rules.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
    let bench = Bench::with(offhook_platform::Config { seed, rules, ..config() }).await;
    let report = json!({ "to": BUSINESS, "kind": "report" });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/feedback"), report).await.0, 200);
    let (status, shown) = bench.graph_get("?fields=health_status").await;
    assert_eq!(status, 200, "{shown}");
    let entities = &shown["health_status"]["entities"];
    meeting.health(NO_SIP, &entities[0]);
    meeting.health(RESTRICTED, &entities[0]);
    meeting.health(PAYMENT, &entities[1]);
    meeting.health(DRAFT, &entities[3]);
    meeting
}
