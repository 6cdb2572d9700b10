//! What calls over SIP meet beside their parties: voicemail, a platform that stops, a server that asks
//! who calls; and what they say of a user who hides the number.

use std::time::Duration;

use serde_json::json;

use crate::{
    bench::{ANA, send},
    business::Business,
    media_files::{ANNOUNCEMENT, ogg, upload},
    sip_pbx::{Dialled, Pbx, SipBench},
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
