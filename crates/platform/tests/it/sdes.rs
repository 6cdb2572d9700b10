//! Keys in the SDP with Graph signalling: a=crypto in place of fingerprint and ICE.

use std::time::Duration;

use media::{
    rtp::{Fields, HEADER_LEN, write_header},
    sdp,
    srtp::{self, MasterKey, Profile},
};
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, refused},
    business::{Business, OWN_KEY},
};

async fn with_sdes() -> Bench {
    let bench = Bench::start().await;
    let sdes = json!({ "calling": { "srtp_key_exchange_protocol": "SDES" } });
    assert_eq!(bench.graph("settings", sdes).await.0, 200);
    bench.behave(ANA, json!({ "answer": { "after_ms": 100 }, "play": { "tone_hz": 440 } })).await;
    bench
}

fn is_tone(heard: &Value, hz: f64) -> bool {
    heard["tone_hz"].as_f64().is_some_and(|found| (found - hz).abs() < hz * 0.05)
}

/// Both play their tone and both hear the other's.
async fn talk(bench: &Bench, id: &str, business: &mut Business) {
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    let (packets, heard) = business.heard();
    assert!(packets > 50 && heard.is_tone(440.0), "{packets} {heard:?}");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert!(is_tone(&seen["legs"]["user"]["heard"], 660.0), "{seen}");
    assert!(is_tone(&seen["legs"]["business"]["heard"], 440.0), "{seen}");
    assert_eq!(seen["verdicts"], json!([]), "{seen}");
    assert_eq!(bench.action(id, "terminate").await.0, 200);
}

#[tokio::test]
async fn a_user_calls_and_both_hear_each_other() {
    let bench = with_sdes().await;
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let id = placed["call_id"].as_str().unwrap().to_owned();
    let connect = bench.hook.wait("connect").await;
    let offer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
    assert!(offer.contains(" RTP/SAVP 111 126\r\n"), "{offer}");
    assert!(offer.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"), "{offer}");
    for absent in ["fingerprint", "ice-", "candidate", "setup"] {
        assert!(!offer.contains(absent), "{absent} in {offer}");
    }
    let mut business = Business::keyed_answering(&connect);
    let sdp = business.sdp.clone();
    let without_key = sdp.replace("a=crypto", "a=x-crypto");
    let refusal = bench.answer(&id, "pre_accept", &without_key).await;
    assert_eq!(refused(&refusal), (400, 100), "{}", refusal.1);
    assert_eq!(bench.answer(&id, "pre_accept", &sdp).await.0, 200);
    assert_eq!(bench.answer(&id, "accept", &sdp).await.0, 200);
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(2_000)).await;
    let (packets, heard) = business.heard();
    assert!(packets > 50 && heard.is_tone(440.0), "{packets} {heard:?}");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert!(is_tone(&seen["legs"]["user"]["heard"], 660.0), "{seen}");
    assert_eq!(seen["verdicts"][0]["code"], "sdp_refused", "{seen}");
    assert_eq!(seen["verdicts"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    assert_eq!(bench.hook.wait("terminate").await["calls"][0]["status"], "COMPLETED");
}

#[tokio::test]
async fn the_business_calls_and_both_hear_each_other() {
    let bench = with_sdes().await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    let mut business = Business::keyed_offering();
    let dial = |sdp: &str| {
        let body = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
            "session": { "sdp_type": "offer", "sdp": sdp } });
        bench.graph("calls", body)
    };
    let with_dtls = Business::offering();
    assert_eq!(refused(&dial(&with_dtls.sdp).await), (400, 100));
    let (status, placed) = dial(&business.sdp).await;
    assert_eq!(status, 200, "{placed}");
    let id = placed["calls"][0]["id"].as_str().unwrap().to_owned();
    let connect = bench.hook.wait("connect").await;
    let answer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
    // Its tag and payload types are mirrored, its G.711 is dropped.
    assert!(answer.contains("a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:"), "{answer}");
    assert!(answer.contains(" RTP/SAVP 107 101\r\n"), "{answer}");
    business.take_keyed_answer(&connect);
    bench.hook.wait("ACCEPTED").await;
    talk(&bench, &id, &mut business).await;
}

/// A packet of Opus silence of this source, protected with the business's key.
fn packet(sender: &mut srtp::Sender, ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut buf = [0; 200];
    let timestamp = u32::from(sequence) * 960;
    let fields = Fields { payload_type: 111, marker: false, sequence, timestamp, ssrc };
    write_header(&mut buf, fields).unwrap();
    buf[HEADER_LEN] = 0x08;
    let len = sender.protect_rtp(&mut buf, HEADER_LEN + 40).unwrap();
    buf[..len].to_vec()
}

#[tokio::test]
async fn a_source_that_changes_is_named() {
    let bench = with_sdes().await;
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let id = placed["call_id"].as_str().unwrap().to_owned();
    let connect = bench.hook.wait("connect").await;
    let sdp = Business::keyed_answering(&connect).sdp;
    assert_eq!(bench.answer(&id, "pre_accept", &sdp).await.0, 200);
    assert_eq!(bench.answer(&id, "accept", &sdp).await.0, 200);
    let offer = connect["calls"][0]["session"]["sdp"].as_str().unwrap();
    let platform = sdp::parse(offer).unwrap().session.media_addr().unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    // The keys reach the leg a moment after the answer.
    tokio::time::sleep(Duration::from_millis(100)).await;
    for ssrc in [1, 2, 3] {
        let key = MasterKey::from_inline(Profile::Aes128CmSha1_80, &OWN_KEY).unwrap();
        let mut sender = srtp::Sender::new(&key);
        for sequence in 0..5 {
            socket.send_to(&packet(&mut sender, ssrc, sequence), platform).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    let changed =
        seen["verdicts"].as_array().unwrap().iter().find(|it| it["code"] == "ssrc_changed");
    let text = changed.unwrap_or_else(|| panic!("{seen}"))["text"].as_str().unwrap();
    assert!(text.contains("changed its SSRC 2 times"), "{text}");
}

#[tokio::test]
async fn a_wrong_key_is_named() {
    let bench = with_sdes().await;
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let id = placed["call_id"].as_str().unwrap().to_owned();
    let business = Business::keyed_answering(&bench.hook.wait("connect").await);
    let at = business.sdp.find("inline:").unwrap() + 7;
    let mut sdp = business.sdp.clone();
    sdp.replace_range(at..at + 4, if sdp[at..].starts_with("AAAA") { "BBBB" } else { "AAAA" });
    assert_eq!(bench.answer(&id, "pre_accept", &sdp).await.0, 200);
    assert_eq!(bench.answer(&id, "accept", &sdp).await.0, 200);
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(800)).await;
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    let codes: Vec<_> = seen["verdicts"].as_array().unwrap().iter().map(|it| &it["code"]).collect();
    assert_eq!(codes, ["srtp_auth_failed"], "{seen}");
}
