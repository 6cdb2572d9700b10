//! A user calls a number in SIP mode: the INVITE on the wire, and all that can come of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, PNID},
    business::Business,
    sip_pbx::{Message, Pbx, SipBench, Wire},
};

fn sdes() -> Value {
    json!({ "srtp_key_exchange_protocol": "SDES" })
}

async fn calling(bench: &SipBench) -> (String, Wire, Message) {
    bench.bench.behave(ANA, json!({ "play": { "tone_hz": 440 } })).await;
    let id = bench.user_calls(ANA, json!({})).await;
    let mut wire = bench.pbx.accept().await;
    let invite = wire.recv().await;
    assert!(invite.first_line().starts_with("INVITE "), "{}", invite.0);
    (id, wire, invite)
}

/// Answers a call and waits until it stands.
async fn answer(wire: &mut Wire, invite: &Message, sdp: &str) {
    wire.reply(invite, "100 Trying", "", "").await;
    wire.reply(invite, "180 Ringing", "", "").await;
    wire.reply(invite, "200 OK", "", sdp).await;
    let ack = wire.recv().await;
    assert!(ack.first_line().starts_with("ACK sip:pbx@"), "{}", ack.0);
}

async fn talk(bench: &SipBench, id: &str, business: &mut Business) {
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (packets, heard) = business.heard();
    assert!(packets > 40 && heard.is_tone(440.0), "{packets} {heard:?}");
    let seen = bench.bench.sandbox_get(&format!("/calls/{id}")).await.1;
    let tone = seen["legs"]["user"]["heard"]["tone_hz"].as_f64();
    assert!(tone.is_some_and(|hz| (hz - 660.0).abs() < 33.0), "{seen}");
    assert_eq!(seen["verdicts"], json!([]), "{seen}");
}

#[tokio::test]
async fn an_invite_says_whose_call_it_is() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let id = bench.user_calls(ANA, json!({ "cta_payload": "order=7712" })).await;
    let mut wire = bench.pbx.accept().await;
    let invite = wire.recv().await;
    let edge = bench.bench.running.sip_address().unwrap();
    let uri = format!(
        "sip:+{BUSINESS};tgrp=wa;trunk-context=shop.example@localhost:{};transport=tls",
        bench.pbx.port()
    );
    assert_eq!(invite.first_line(), format!("INVITE {uri} SIP/2.0"));
    for (name, value) in [
        ("Call-ID", format!("outgoing:{id}")),
        ("Contact", format!("<sip:+{ANA}@{edge};transport=tls;ob>;isfocus")),
        ("X-FB-External-Domain", "wa.meta.vc".into()),
        ("x-wa-meta-wacid", id.clone()),
        ("x-wa-meta-cta-payload", "order=7712".into()),
        ("x-wa-meta-phone-number-id", PNID.into()),
        ("Allow", "INVITE, ACK, BYE, CANCEL, NOTIFY, OPTIONS".into()),
        ("Supported", "timer".into()),
        ("User-Agent", "Facebook SipGateway".into()),
        ("Content-Type", "application/sdp".into()),
    ] {
        assert_eq!(invite.header(name), value, "{}", invite.0);
    }
    let from = format!("\"{ANA}\" <sip:+{ANA}@wa.meta.vc>;tag=");
    assert!(invite.header("From").starts_with(&from), "{}", invite.0);
    let to = format!("<sip:+{BUSINESS}@localhost:{}>", bench.pbx.port());
    assert_eq!(invite.header("To"), to, "{}", invite.0);
    assert!(invite.header("Via").starts_with("SIP/2.0/TLS "), "{}", invite.0);
    assert!(invite.header("x-wa-meta-user-id").starts_with("MX."), "{}", invite.0);
    let routes = [
        format!("<sip:{edge};transport=tls;lr>"),
        "<sip:sip-proxy.internal.example:8191;transport=tls;lr>".into(),
    ];
    assert_eq!(invite.all("Record-Route"), routes, "{}", invite.0);
    assert_eq!(invite.all("Session-Expires"), [""; 0], "{}", invite.0);
    assert!(invite.body().contains("RTP/SAVP 111 126") && invite.body().contains("a=crypto:1 "));
}

#[tokio::test]
async fn both_hear_each_other_and_the_user_hangs_up() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let (id, mut wire, invite) = calling(&bench).await;
    let mut business = Business::keyed_answering(&invite.as_connect());
    let sdp = business.sdp.clone();
    answer(&mut wire, &invite, &sdp).await;
    talk(&bench, &id, &mut business).await;
    assert_eq!(bench.bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    let bye = wire.recv().await;
    assert!(bye.first_line().starts_with("BYE sip:pbx@"), "{}", bye.0);
    assert_eq!(bye.header("x-wa-meta-wacid"), id);
    let seconds: u64 = bye.header("x-wa-meta-call-duration").parse().unwrap();
    assert!((1..=4).contains(&seconds), "{seconds}");
    assert_eq!(bye.all("Route"), [""; 0], "our own proxies are no way to the business");
    assert_eq!(bye.all("Reason"), [""; 0]);
    wire.reply(&bye, "200 OK", "", "").await;
    assert_eq!(bench.ended(&id).await["end"]["reason"], "user_hung_up");
    assert_eq!(bench.told(), [""; 0], "webhook_delivery is off");
}

#[tokio::test]
async fn with_ice_and_dtls_both_hear_each_other_and_the_business_hangs_up() {
    let bench = SipBench::with(json!({}), json!({ "webhook_delivery": "ENABLED" })).await;
    let (id, mut wire, invite) = calling(&bench).await;
    let mut business = Business::answering(&invite.as_connect());
    let sdp = business.sdp.clone();
    answer(&mut wire, &invite, &sdp).await;
    business.connected().await;
    talk(&bench, &id, &mut business).await;
    let graph = bench.bench.action(&id, "terminate").await;
    assert_eq!(crate::bench::refused(&graph), (400, 131_055));

    wire.request("INVITE", &invite, 7).await;
    let refused = wire.heard().await;
    assert!(refused.first_line().starts_with("SIP/2.0 500 "), "{}", refused.0);
    wire.request("ACK", &invite, 7).await;
    wire.request("UPDATE", &invite, 8).await;
    assert!(wire.heard().await.first_line().starts_with("SIP/2.0 405 "));
    wire.request("OPTIONS", &invite, 9).await;
    assert!(wire.heard().await.first_line().starts_with("SIP/2.0 200 "));
    wire.request("BYE", &invite, 10).await;
    let bye = wire.heard().await;
    assert!(bye.first_line().starts_with("SIP/2.0 200 "), "{}", bye.0);
    assert_eq!(bye.header("X-FB-External-Domain"), "wa.meta.vc");
    assert_eq!(bench.ended(&id).await["end"]["reason"], "business_terminated");

    let created = bench.bench.hook.wait("call_created").await;
    let call = &created["calls"][0];
    assert_eq!((&call["id"], &call["direction"]), (&json!(id), &json!("USER_INITIATED")));
    assert_eq!((&call["from"], &call["session"]), (&json!(ANA), &Value::Null));
    let ended = bench.bench.hook.wait("terminate").await;
    assert_eq!(ended["calls"][0]["status"], "COMPLETED");
    assert_eq!(bench.told(), ["call_created", "terminate"]);
}

#[tokio::test]
async fn who_asks_for_the_password_gets_it_proven() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let (id, mut wire, first) = calling(&bench).await;
    let asks =
        "Proxy-Authenticate: Digest realm=\"shop\",nonce=\"n1\",algorithm=MD5,qop=\"auth\"\r\n";
    wire.reply(&first, "407 Proxy Authentication Required", asks, "").await;
    assert!(wire.recv().await.first_line().starts_with("ACK "));
    let second = wire.recv().await;
    let tag = |message: &Message| message.header("From").to_owned();
    assert_eq!((tag(&second), second.header("Call-ID")), (tag(&first), first.header("Call-ID")));
    let seq = |message: &Message| -> u32 {
        message.header("CSeq").split(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(seq(&second), seq(&first) + 1);
    let said = second.header("Proxy-Authorization");
    let value = |name: &str| {
        let rest = said.split(&format!("{name}=")).nth(1).unwrap_or_else(|| panic!("{said}"));
        rest.split(',').next().unwrap().trim_matches('"').to_owned()
    };
    let password = bench.password().await;
    let hash = |text: String| {
        use md5::Digest as _;
        hex::encode(md5::Md5::digest(text))
    };
    assert_eq!(value("username"), BUSINESS, "without a plus");
    assert_eq!((value("qop"), value("nc")), ("auth".into(), "00000001".into()));
    let secret = hash(format!("{BUSINESS}:shop:{password}"));
    let what = hash(format!("INVITE:{}", value(" uri").trim_matches('"')));
    let (nc, cnonce) = (value("nc"), value("cnonce"));
    assert_eq!(value("response"), hash(format!("{secret}:n1:{nc}:{cnonce}:auth:{what}")), "{said}");
    assert_eq!(second.all("Record-Route").len(), 2, "{}", second.0);
    wire.reply(&second, "486 Busy Here", "", "").await;
    assert_eq!(bench.ended(&id).await["end"]["reason"], "business_rejected");
}

#[tokio::test]
async fn a_user_who_gives_up_takes_the_invite_back() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let (id, mut wire, invite) = calling(&bench).await;
    wire.reply(&invite, "180 Ringing", "", "").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bench.bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    let cancel = wire.recv().await;
    assert!(cancel.first_line().starts_with("CANCEL sip:"), "{}", cancel.0);
    assert_eq!(cancel.header("To"), invite.header("To"));
    wire.reply(&cancel, "200 OK", "", "").await;
    wire.reply(&invite, "487 Request Terminated", "", "").await;
    assert!(wire.recv().await.first_line().starts_with("ACK "));
    assert_eq!(bench.ended(&id).await["end"]["reason"], "user_hung_up");
}

#[tokio::test]
async fn a_call_that_nobody_answers_is_taken_back() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let (id, mut wire, invite) = calling(&bench).await;
    wire.reply(&invite, "180 Ringing", "", "").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.bench.clock.advance("PT61S").unwrap();
    assert!(wire.recv().await.first_line().starts_with("CANCEL sip:"));
    let seen = bench.ended(&id).await;
    assert_eq!(seen["end"]["reason"], "business_did_not_answer", "{seen}");
    assert_eq!(seen["verdicts"], json!([]), "it rang: {seen}");
}

#[tokio::test]
async fn an_answer_whatsapp_would_not_take_ends_the_call() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let (id, mut wire, invite) = calling(&bench).await;
    let business = Business::keyed_answering(&invite.as_connect());
    let sdp = business.sdp.replace("a=crypto", "a=x-crypto");
    answer(&mut wire, &invite, &sdp).await;
    assert!(wire.recv().await.first_line().starts_with("BYE "));
    let seen = bench.ended(&id).await;
    assert_eq!(seen["end"]["reason"], "business_leg_failed", "{seen}");
    assert_eq!(seen["verdicts"][0]["code"], "sdp_refused", "{seen}");
}

/// The first verdict of a call that did not reach the business.
async fn unreached(bench: &SipBench) -> Value {
    let id = bench.user_calls(ANA, json!({})).await;
    let seen = bench.ended(&id).await;
    assert_eq!(seen["end"]["reason"], "business_unreachable", "{seen}");
    assert_eq!(seen["end"]["code"], 138_004, "{seen}");
    seen["verdicts"][0].clone()
}

#[tokio::test]
async fn why_no_invite_came_is_said() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    bench.serve_at("localhost", closed).await;
    assert_eq!(unreached(&bench).await["code"], "sip_port_closed");
    bench.serve_at("no..name", 5061).await;
    assert_eq!(unreached(&bench).await["code"], "sip_name_not_found");
}

#[tokio::test]
async fn a_certificate_for_another_name_or_of_nobody_brings_no_invite() {
    let pbx = Pbx::named("pbx.other.example").await;
    let root = pbx.root.clone();
    let bench = SipBench::of(pbx, Some(root), sdes(), json!({})).await;
    let refused = async { tokio::time::timeout(Duration::from_secs(8), bench.pbx.refused()).await };
    let (verdict, ()) = tokio::join!(unreached(&bench), async { refused.await.unwrap() });
    assert_eq!(verdict["code"], "sip_certificate_other_name", "{verdict}");

    let bench = SipBench::of(Pbx::named("localhost").await, None, sdes(), json!({})).await;
    let refused = async { tokio::time::timeout(Duration::from_secs(8), bench.pbx.refused()).await };
    let (verdict, ()) = tokio::join!(unreached(&bench), async { refused.await.unwrap() });
    assert_eq!(verdict["code"], "sip_certificate_not_trusted", "{verdict}");
}

#[tokio::test]
async fn a_server_that_cannot_is_no_business_that_declines() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let (id, mut wire, invite) = calling(&bench).await;
    wire.reply(&invite, "488 Not Acceptable Here", "", "").await;
    let seen = bench.ended(&id).await;
    assert_eq!(seen["end"]["reason"], "business_unreachable", "{seen}");
    assert_eq!(seen["verdicts"][0]["code"], "sip_refused", "{seen}");
    assert!(seen["verdicts"][0]["text"].as_str().unwrap().contains("488"), "{seen}");
}

#[tokio::test]
async fn a_platform_without_an_edge_says_so() {
    let bench = crate::bench::Bench::start().await;
    let sip = json!({ "status": "ENABLED", "servers": [{ "hostname": "localhost" }] });
    assert_eq!(bench.graph("settings", json!({ "calling": { "sip": sip } })).await.0, 200);
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await.1;
    let id = placed["call_id"].as_str().unwrap().to_owned();
    tokio::time::sleep(Duration::from_millis(800)).await;
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["end"]["reason"], "business_unreachable", "{seen}");
    assert_eq!(seen["verdicts"][0]["code"], "sip_edge_off", "{seen}");
}
