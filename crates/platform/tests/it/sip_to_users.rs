//! A business calls a user by SIP: who may, what stands beside each "no", and all that can come of it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, PNID, send},
    business::Business,
    sip_pbx::{Dialled, Message, SipBench},
};

const APP: &str = "401234567890123";

fn sdes() -> Value {
    json!({ "srtp_key_exchange_protocol": "SDES" })
}

fn picks_up() -> Value {
    json!({ "answer": { "after_ms": 200 }, "play": { "tone_hz": 440 } })
}

/// Both play their tone and both hear the other's; the call's id.
async fn talk(bench: &SipBench, business: &mut Business) -> String {
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (packets, heard) = business.heard();
    assert!(packets > 40 && heard.is_tone(440.0), "{packets} {heard:?}");
    let calls = bench.bench.sandbox_get("/calls").await.1;
    let id = calls["calls"][0]["call_id"].as_str().unwrap_or_else(|| panic!("{calls}")).to_owned();
    let seen = bench.bench.sandbox_get(&format!("/calls/{id}")).await.1;
    let tone = seen["legs"]["user"]["heard"]["tone_hz"].as_f64();
    assert!(tone.is_some_and(|hz| (hz - 660.0).abs() < 33.0), "{seen}");
    assert_eq!(seen["verdicts"], json!([]), "{seen}");
    id
}

/// The 200 of a call that rang, acknowledged.
async fn picked_up(call: &mut Dialled) -> Message {
    let ringing = call.dial().await;
    assert!(ringing.first_line().starts_with("SIP/2.0 180 "), "{}", ringing.0);
    let answer = call.wire.heard().await;
    assert!(answer.first_line().starts_with("SIP/2.0 200 "), "{}", answer.0);
    call.ack(&answer).await;
    answer
}

#[tokio::test]
async fn the_user_picks_up_they_talk_and_the_business_hangs_up() {
    let bench = SipBench::allowed(sdes(), json!({}), picks_up()).await;
    let mut business = Business::keyed_offering();
    let sdp = business.sdp.clone();
    let mut call = Dialled::new(&bench, &sdp).await;
    let answer = picked_up(&mut call).await;
    assert_eq!(answer.header("X-FB-External-Domain"), "wa.meta.vc");
    assert_eq!(answer.header("User-Agent"), "Facebook SipGateway");
    assert_eq!(answer.header("Allow"), "INVITE, ACK, BYE, CANCEL, NOTIFY, OPTIONS");
    assert_eq!(answer.header("Supported"), "timer");
    let edge = bench.bench.running.sip_address().unwrap();
    let contact = answer.header("Contact");
    assert!(contact.contains(&format!("sip:+{ANA}@{edge}")), "{contact}");
    assert!(answer.body().contains("RTP/SAVP 107 101\r\n"), "{}", answer.body());
    business.take_keyed_answer(&answer.as_connect());
    let id = talk(&bench, &mut business).await;
    call.request("INVITE", &answer).await;
    let refused = call.wire.heard().await;
    assert!(refused.first_line().starts_with("SIP/2.0 500 "), "{}", refused.0);
    call.request("BYE", &answer).await;
    assert!(call.wire.heard().await.first_line().starts_with("SIP/2.0 200 "));
    let seen = bench.ended(&id).await;
    assert_eq!(seen["end"]["reason"], "business_terminated", "{seen}");
    assert_eq!(bench.told(), [""; 0], "webhook_delivery is off");
}

#[tokio::test]
async fn with_ice_and_dtls_they_talk_and_the_user_hangs_up() {
    let webhooks = json!({ "webhook_delivery": "ENABLED" });
    let bench = SipBench::allowed(json!({}), webhooks, picks_up()).await;
    let mut business = Business::offering();
    let sdp = business.sdp.clone();
    let mut call = Dialled::new(&bench, &sdp).await;
    let answer = picked_up(&mut call).await;
    business.take_answer(&answer.as_connect());
    business.connected().await;
    let id = talk(&bench, &mut business).await;
    assert_eq!(bench.bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.0, 200);
    let bye = call.wire.heard().await;
    assert!(bye.first_line().starts_with("BYE sip:pbx@"), "{}", bye.0);
    assert_eq!(bye.header("x-wa-meta-wacid"), id);
    let seconds: u64 = bye.header("x-wa-meta-call-duration").parse().unwrap();
    assert!((1..=4).contains(&seconds), "{seconds}");
    call.wire.reply(&bye, "200 OK", "", "").await;
    let created = bench.bench.hook.wait("call_created").await;
    let entry = &created["calls"][0];
    assert_eq!((&entry["id"], &entry["direction"]), (&json!(id), &json!("BUSINESS_INITIATED")));
    assert_eq!((&entry["to"], entry.get("session")), (&json!(ANA), None));
    bench.bench.hook.wait("terminate").await;
    assert_eq!(bench.told(), ["call_created", "terminate"]);
}

#[tokio::test]
async fn g711_is_taken_where_the_number_has_it() {
    let calling = json!({ "srtp_key_exchange_protocol": "SDES",
        "audio": { "additional_codecs": ["PCMA", "PCMU"] } });
    let bench = SipBench::allowed(calling, json!({}), picks_up()).await;
    let mut business = Business::keyed_offering_with("8 101");
    let sdp = business.sdp.clone();
    let mut call = Dialled::new(&bench, &sdp).await;
    let answer = picked_up(&mut call).await;
    assert!(answer.body().contains("RTP/SAVP 8 101\r\n"), "{}", answer.body());
    business.take_keyed_answer(&answer.as_connect());
    talk(&bench, &mut business).await;
    call.request("BYE", &answer).await;
    assert!(call.wire.heard().await.first_line().starts_with("SIP/2.0 200 "));
}

#[tokio::test]
async fn who_declines_is_busy_or_away_has_a_status_each() {
    for (answer, line) in [
        ("reject", "SIP/2.0 486 User declined"),
        ("busy", "SIP/2.0 486 User declined"),
        ("unreachable", "SIP/2.0 480 Temporarily Unavailable"),
    ] {
        let bench = SipBench::allowed(sdes(), json!({}), json!({ "answer": answer })).await;
        let mut call = Dialled::new(&bench, &Business::keyed_offering().sdp).await;
        let mut said = call.dial().await;
        if said.first_line().starts_with("SIP/2.0 180 ") {
            said = call.wire.heard().await;
        }
        assert_eq!(said.first_line(), line, "{answer}");
        call.ack(&said).await;
    }
}

#[tokio::test]
async fn a_phone_that_rings_out_is_temporarily_unavailable() {
    let bench = SipBench::allowed(sdes(), json!({}), json!({ "answer": "ignore" })).await;
    let mut call = Dialled::new(&bench, &Business::keyed_offering().sdp).await;
    assert!(call.dial().await.first_line().starts_with("SIP/2.0 180 "));
    bench.bench.clock.advance("PT61S").unwrap();
    let said = call.wire.heard().await;
    assert_eq!(said.first_line(), "SIP/2.0 480 Temporarily Unavailable");
}

#[tokio::test]
async fn a_business_that_gives_up_is_told_so() {
    let bench = SipBench::allowed(sdes(), json!({}), json!({ "answer": "ignore" })).await;
    let mut call = Dialled::new(&bench, &Business::keyed_offering().sdp).await;
    assert!(call.dial().await.first_line().starts_with("SIP/2.0 180 "));
    call.cancel().await;
    let mut said = [call.wire.heard().await, call.wire.heard().await];
    said.sort_by(|one, other| one.header("CSeq").cmp(other.header("CSeq")));
    let lines = said.each_ref().map(|it| (it.first_line(), it.header("CSeq")));
    assert_eq!(lines[0].0, "SIP/2.0 200 OK", "{lines:?}");
    assert_eq!(lines[1].0, "SIP/2.0 487 Request Terminated", "{lines:?}");
    let calls = bench.bench.sandbox_get("/calls").await.1;
    let id = calls["calls"][0]["call_id"].as_str().unwrap();
    assert_eq!(bench.ended(id).await["end"]["reason"], "business_terminated");
}

#[tokio::test]
async fn a_business_that_sends_no_audio_is_left_with_a_reason() {
    let bench = SipBench::allowed(sdes(), json!({}), picks_up()).await;
    let mut call = Dialled::new(&bench, &Business::keyed_offering().sdp).await;
    picked_up(&mut call).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    bench.bench.clock.advance("PT21S").unwrap();
    let bye = call.wire.heard().await;
    assert!(bye.first_line().starts_with("BYE "), "{}", bye.0);
    assert_eq!(bye.header("Reason"), "SIP;cause=408;text=\"RTP Timeout\"");
}

/// The first line of the answer to an INVITE that this changes.
async fn refused(bench: &SipBench, change: impl FnOnce(&mut Dialled)) -> Message {
    let mut call = Dialled::new(bench, &Business::keyed_offering().sdp).await;
    change(&mut call);
    let said = call.dial().await;
    call.ack(&said).await;
    said
}

#[tokio::test]
async fn each_refusal_has_its_line() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let line = async |change: fn(&mut Dialled)| -> String {
        refused(&bench, change).await.first_line().to_owned()
    };
    let number = |call: &mut Dialled| call.from_user = "+551149999999".into();
    let unknown = "SIP/2.0 400 Asset not found, invalid business phone number";
    assert_eq!(line(number).await, unknown);
    assert_eq!(line(|call| call.from_user = BUSINESS.into()).await, unknown, "no plus");
    assert_eq!(
        line(|call| call.password = "guess".into()).await,
        "SIP/2.0 403 Authentication failed: bad digest"
    );
    assert_eq!(
        line(|call| call.user = format!("+{BUSINESS}")).await,
        "SIP/2.0 403 Authentication failed: bad digest"
    );
    for uri in
        [format!("sip:+{ANA}@wa.meta.vc"), format!("sip:+{BUSINESS}@wa.meta.vc;transport=tls")]
    {
        let said = refused(&bench, |call| call.proven = Some(uri)).await;
        assert_eq!(said.first_line(), "SIP/2.0 403 Authentication failed: bad digest");
    }
    let no_permission = "SIP/2.0 403 No Approved Call Permission Found";
    assert_eq!(line(|_| {}).await, no_permission);
    let stranger = |call: &mut Dialled| {
        call.to = "sip:+4915100000000@wa.meta.vc;transport=tls".into();
    };
    assert_eq!(line(stranger).await, no_permission);
    let said = line(|call| call.sdp = Business::offering().sdp).await;
    assert!(said.starts_with("SIP/2.0 403 SDP validation failed: "), "{said}");
    let said = line(|call| call.sdp = String::new()).await;
    assert_eq!(said, "SIP/2.0 403 SDP validation failed: the INVITE has no offer");

    let said = refused(&bench, |call| call.from_host = "pbx.other.example".into()).await;
    let text = format!(
        "SIP server pbx.other.example from INVITE does not match any SIP server configured for \
         phone number id {PNID}"
    );
    assert_eq!(said.first_line(), format!("SIP/2.0 403 {text}"));
    assert_eq!(said.header("Warning"), format!("399 wa.meta.vc \"{text}\""));
    assert_eq!(said.header("X-FB-External-Domain"), "wa.meta.vc");
}

#[tokio::test]
async fn a_second_call_to_the_same_user_is_a_duplicate() {
    let bench = SipBench::allowed(sdes(), json!({}), json!({ "answer": "ignore" })).await;
    let mut first = Dialled::new(&bench, &Business::keyed_offering().sdp).await;
    assert!(first.dial().await.first_line().starts_with("SIP/2.0 180 "));
    let said = refused(&bench, |_| {}).await;
    assert_eq!(said.first_line(), "SIP/2.0 403 Duplicate call");
}

#[tokio::test]
async fn an_address_a_registration_and_a_question_have_their_answers() {
    let bench = SipBench::with(sdes(), json!({})).await;
    let mut call = Dialled::new(&bench, &Business::keyed_offering().sdp).await;
    call.to = format!("sip:+{ANA}@127.0.0.1;transport=tls");
    call.invite("").await;
    let said = call.wire.heard().await;
    assert_eq!(said.first_line(), "SIP/2.0 404 Not found");
    call.ack(&said).await;
    for (method, line) in [
        ("REGISTER", "SIP/2.0 403 Forbidden"),
        ("OPTIONS", "SIP/2.0 200 OK"),
        ("REFER", "SIP/2.0 405 Method Not Allowed"),
    ] {
        call.out_of_calls(method).await;
        let said = call.wire.heard().await;
        assert_eq!(said.first_line(), line);
        assert_eq!(said.header("X-FB-External-Domain"), "wa.meta.vc");
    }
}

#[tokio::test]
async fn an_app_without_the_permission_calls_nobody_and_is_not_called() {
    let bench = SipBench::allowed(sdes(), json!({}), picks_up()).await;
    let mut call = Dialled::new(&bench, &Business::keyed_offering().sdp).await;
    let scopes = json!(["whatsapp_business_management"]);
    let tokens = json!([{ "token": "reader", "scopes": scopes }]);
    let changes = json!({ "access_tokens": [], "tokens": tokens });
    let app = format!("/sandbox/v1/apps/{APP}");
    assert_eq!(send(bench.bench.put(&app).json(&changes)).await.0, 200);
    let said = call.dial().await;
    let line = format!(
        "SIP/2.0 403 The app {APP} configured for SIP server localhost is not authorized for phone \
         number id {PNID}"
    );
    assert_eq!(said.first_line(), line);
    let id = bench.user_calls(ANA, json!({})).await;
    let seen = bench.ended(&id).await;
    assert_eq!(seen["verdicts"][0]["code"], "sip_app_not_authorized", "{seen}");
}

#[tokio::test]
async fn what_graph_would_refuse_sip_refuses_too() {
    let bench = SipBench::with(sdes(), json!({})).await;
    bench.bench.open_window().await;
    bench.bench.permit("accept_permanent").await;
    let account = format!("/sandbox/v1/accounts/{}", crate::home::value("account"));
    let unpaid = bench.bench.put(&account).json(&json!({ "payment_valid": false }));
    assert_eq!(send(unpaid).await.0, 200);
    let said = refused(&bench, |_| {}).await;
    assert_eq!(said.first_line(), "SIP/2.0 403 Business eligibility: payment issue");
    bench.bench.graph("settings", json!({ "calling": { "status": "DISABLED" } })).await;
    let said = refused(&bench, |_| {}).await;
    assert_eq!(said.first_line(), "SIP/2.0 403 calling is not enabled for this number");
}
