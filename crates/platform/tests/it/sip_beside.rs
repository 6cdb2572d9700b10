//! What calls over SIP meet beside their parties: voicemail, a platform that stops, a server that asks
//! who calls; and what they say of a user who hides the number.

use std::time::Duration;

use serde_json::json;

use crate::{
    bench::{ANA, send},
    business::Business,
    media_files::{ANNOUNCEMENT, ogg, upload},
    sip_pbx::{Dialled, Message, Pbx, SipBench},
};

#[tokio::test]
async fn a_user_who_hides_the_number_calls_under_an_id() {
    let bench = SipBench::with(json!({}), json!({})).await;
    let change = json!({ "user_id": "MX.90210000000000000001", "username": "ana.souza",
        "parent_user_id": "MX.ENT.11815799212886844830", "hides_number": true });
    let user = bench.bench.put(&format!("/sandbox/v1/users/{ANA}")).json(&change);
    assert_eq!(send(user).await.0, 200);
    bench.user_calls(ANA, json!({ "deeplink_payload": "spring" })).await;
    let invite = bench.pbx.accept().await.recv().await;
    let from = "\"Ana\" <sip:MX.90210000000000000001@wa.meta.vc>;tag=";
    assert!(invite.header("From").starts_with(from), "{}", invite.0);
    assert_eq!(invite.header("x-wa-meta-user-id"), "MX.90210000000000000001");
    assert_eq!(invite.header("x-wa-meta-parent-user-id"), "MX.ENT.11815799212886844830");
    assert_eq!(invite.header("x-wa-meta-username"), "ana.souza");
    assert_eq!(invite.header("x-wa-meta-deeplink-payload"), "spring");
    assert!(!invite.0.contains(ANA), "{}", invite.0);
}

#[tokio::test]
async fn of_the_ways_in_an_answer_only_the_businesses_own_is_gone_back() {
    let sdes = json!({ "srtp_key_exchange_protocol": "SDES" });
    let bench = SipBench::with(sdes, json!({})).await;
    bench.user_calls(ANA, json!({})).await;
    let mut wire = bench.pbx.accept().await;
    let invite = wire.recv().await;
    let sdp = Business::keyed_answering(&invite.as_connect()).sdp.clone();
    let own = "Record-Route: <sip:edge.shop.example;transport=tls;lr>\r\n";
    wire.reply(&invite, "200 OK", own, &sdp).await;
    let ack = wire.recv().await;
    let routes = |message: &Message| message.all("Route").concat().to_ascii_lowercase();
    assert_eq!(routes(&ack), "<sip:edge.shop.example;transport=tls;lr>", "{}", ack.0);
    assert_eq!(bench.bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    let bye = wire.recv().await;
    assert!(bye.first_line().starts_with("BYE sip:pbx@"), "{}", bye.0);
    assert_eq!(routes(&bye), "<sip:edge.shop.example;transport=tls;lr>", "{}", bye.0);
}

#[tokio::test]
async fn an_answer_by_another_way_is_a_verdict() {
    let sdes = json!({ "srtp_key_exchange_protocol": "SDES" });
    let bench = SipBench::with(sdes, json!({})).await;
    let id = bench.user_calls(ANA, json!({})).await;
    let mut wire = bench.pbx.accept().await;
    let invite = wire.recv().await;
    let sdp = Business::keyed_answering(&invite.as_connect()).sdp.clone();
    let without = Message(invite.0.replace("Record-Route", "X-Other"));
    wire.reply(&without, "200 OK", "", &sdp).await;
    assert!(wire.recv().await.first_line().starts_with("ACK "));
    wire.request("BYE", &without, 7).await;
    assert!(wire.heard().await.first_line().starts_with("SIP/2.0 200 "));
    let seen = bench.ended(&id).await;
    assert_eq!(seen["verdicts"][0]["code"], "sip_record_route", "{seen}");
}

/// The stack that the gateway has, in the business's place.
#[tokio::test]
async fn a_business_with_our_own_stack_is_called_and_left() {
    use sip::{End, Incoming, Listen, Patience, Told, UserAgent};
    let sdes = json!({ "srtp_key_exchange_protocol": "SDES" });
    let bench = SipBench::with(sdes, json!({})).await;
    for theirs in [true, false] {
        let (ask, mut incoming) = tokio::sync::mpsc::channel(4);
        let tls = Some(bench.pbx.tls());
        let listen = Listen { plain: None, tls, name: "pbx".into(), timers: false };
        let agent = UserAgent::start(listen, Some(ask)).await.unwrap();
        bench.serve_at("localhost", agent.tls_address().unwrap().port()).await;
        let id = bench.user_calls(ANA, json!({})).await;
        let Some(Incoming::Invite(invite)) = incoming.recv().await else { panic!("no INVITE") };
        assert_eq!(invite.call_id, format!("outgoing:{id}"));
        assert_eq!(invite.caller, format!("+{ANA}"));
        let connect = json!({ "calls": [{ "session": { "sdp": invite.offer } }] });
        let business = Business::keyed_answering(&connect);
        let mut call = invite.take("pbx", Patience::default()).unwrap();
        call.answer(business.sdp.clone());
        assert_eq!(call.told().await, Some(Told::Standing));
        if theirs {
            assert_eq!(
                bench.bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0,
                200
            );
            assert_eq!(call.told().await, Some(Told::Ended(End::Theirs)));
        } else {
            call.hang_up(Vec::new());
            assert_eq!(bench.ended(&id).await["end"]["reason"], "business_terminated");
        }
    }
}

#[tokio::test]
async fn voicemail_takes_the_invite_back() {
    let bench = SipBench::with(json!({}), json!({})).await;
    let media_id = upload(&bench.bench, Some(ANNOUNCEMENT), &ogg(880.0, 800)).await;
    let audio = json!({ "default": { "announcement_media_id": media_id.parse::<u64>().unwrap(),
        "timeout_seconds": 5 } });
    let voicemail = json!({ "status": "ENABLED", "triggers": ["TIMEOUT"], "audio": audio });
    let calling = json!({ "calling": { "voicemail": voicemail } });
    assert_eq!(bench.bench.graph("settings", calling).await.0, 200);
    let id = bench.user_calls(ANA, json!({})).await;
    let mut wire = bench.pbx.accept().await;
    let invite = wire.recv().await;
    wire.reply(&invite, "180 Ringing", "", "").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    bench.bench.clock.advance("PT6S").unwrap();
    assert!(wire.recv().await.first_line().starts_with("CANCEL "));
    let seen = bench.bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["state"], "voicemail", "{seen}");
}

#[tokio::test]
async fn a_platform_that_stops_leaves_its_calls() {
    let picks_up = json!({ "answer": { "after_ms": 50 } });
    let bench = SipBench::allowed(json!({}), json!({}), picks_up).await;
    let mut call = Dialled::new(&bench, &Business::offering().sdp).await;
    assert!(call.dial().await.first_line().starts_with("SIP/2.0 180 "));
    let answer = call.wire.heard().await;
    call.ack(&answer).await;
    let SipBench { bench, .. } = bench;
    let stopping = tokio::spawn(bench.running.shutdown());
    let bye = call.wire.heard().await;
    assert!(bye.first_line().starts_with("BYE "), "{}", bye.0);
    assert!(bye.header("Reason").starts_with("SIP;cause=500;"), "{}", bye.0);
    call.wire.reply(&bye, "200 OK", "", "").await;
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_server_that_asks_who_calls_is_shown_the_clients_certificate() {
    for shows in [true, false] {
        let (pbx, certificate) = Pbx::asking("localhost").await;
        let root = pbx.root.clone();
        let shown = shows.then_some(certificate);
        let bench = SipBench::showing(pbx, Some(root), shown).await;
        let id = bench.user_calls(ANA, json!({})).await;
        if shows {
            let invite = bench.pbx.accept().await.recv().await;
            assert!(invite.first_line().starts_with("INVITE "), "{}", invite.0);
        } else {
            bench.pbx.refused().await;
            let seen = bench.ended(&id).await;
            assert_eq!(seen["end"]["reason"], "business_unreachable", "{seen}");
        }
    }
}
