//! A trunk tells its PBX where we are; strangers are turned away and counted; keys come beside the sound.

use std::time::Duration;

use engine::LegEvent;
use sip::Credentials;

use crate::{
    desk::{CALL, Desk, terminate},
    far_end::{FarEnd, line},
    trunks::{SDP, invited, with_trunk},
    voice::Voice,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_is_told_where_we_are_and_that_we_go() {
    let mut pbx = FarEnd::udp().await;
    let targets = [pbx.address];
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &targets);
        let trunk = &mut config.trunks[0];
        trunk.credentials = Some(Credentials { user: "offhook".into(), password: "secret".into() });
        trunk.targets[0].register = true;
    })
    .await;
    let first = pbx.hears("REGISTER").await;
    let state = |word: &'static str| {
        move |list: &serde_json::Value| list["trunks"][0]["targets"][0]["registration"] == word
    };
    desk.get_until("/v1/trunks", state("asking")).await;
    let challenge = "WWW-Authenticate: Digest realm=\"pbx\",nonce=\"abc\",algorithm=MD5\r\n";
    pbx.says(&pbx.response(&first, "401 Unauthorized", challenge, "")).await;
    let second = pbx.hears("REGISTER").await;
    assert!(line(&second, "Authorization").contains("username=\"offhook\""), "{second}");
    pbx.answers(&second, "200 OK").await;
    desk.get_until("/v1/trunks", state("known")).await;
    desk.metrics_until(
        "offhook_gateway_trunk_registered{organisation=\"default\",trunk=\"pbx\"} 1",
    )
    .await;
    desk.gateway.stop().await;
    let last = pbx.hears("REGISTER").await;
    assert!(last.contains("Expires: 0"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_counted() {
    let mut stranger = FarEnd::udp().await;
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &["127.0.0.1:9".parse().unwrap()]);
    })
    .await;
    let gateway = desk.gateway.sip_address().unwrap();
    let us = stranger.address;
    let register = format!(
        "REGISTER sip:{gateway} SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bKeve\r\n\
         From: <sip:100@{gateway}>;tag=1\r\nTo: <sip:100@{gateway}>\r\nCall-ID: eve\r\n\
         CSeq: 1 REGISTER\r\nContact: <sip:100@{us}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    stranger.says_to(gateway, &register).await;
    stranger.hears("SIP/2.0 403").await;
    desk.metrics_until("offhook_gateway_sip_strangers_total{what=\"turned_away\"} 1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_beside_the_sound_reaches_the_user_as_a_telephone_event() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    let mut user = desk.user_calls(CALL).await;
    let invite = invited(&mut telephone).await;
    let voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answer(&invite);
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    let talks = |call: &serde_json::Value| call["trunk"]["state"] == "talking";
    desk.get_until(&format!("/v1/calls/{CALL}"), talks).await;
    let more = "Content-Type: application/dtmf-relay\r\n";
    let body = "Signal=7\r\nDuration=200\r\n";
    telephone.says(&telephone.request(&invite, "INFO", 1, more, body)).await;
    telephone.hears("SIP/2.0 200").await;
    let pressed = async {
        loop {
            if let LegEvent::Digit(digit) = user.events.recv().await.unwrap() {
                return digit.sign();
            }
        }
    };
    let pressed = tokio::time::timeout(Duration::from_secs(5), pressed).await.expect("a key");
    assert_eq!(pressed, '7');
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
}
