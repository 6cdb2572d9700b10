//! The sound of a telephone of the house: protected by keys in the SDP, moved to another address, and held by
//! one that answers in its ACK or lists other codecs first.

use engine::Source;
use media::{frame::AudioCodec, sdp::TrunkKeying};

use crate::{
    desk::{BYE_HZ, CALL, Desk, HOLD_HZ, terminate},
    far_end::FarEnd,
    trunks::{SDP, TELEPHONE_HZ, USER_HZ, invited, with_trunk},
    voice::Voice,
};

const MOVED_HZ: f32 = 1_400.0;

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_that_wants_keys_gets_them_in_the_sdp_and_no_other_gets_the_call() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| {
        with_trunk(config, &targets);
        config.trunks[0].srtp = TrunkKeying::Sdes;
    })
    .await;
    let mut user = desk.user_calls(CALL).await;
    let invite = invited(&mut telephone).await;
    assert!(invite.contains("RTP/SAVP") && !invite.contains("RTP/AVP "), "{invite}");
    assert!(invite.contains("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"), "{invite}");
    let mut voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answer(&invite);
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice.play(TELEPHONE_HZ);
    user.play(USER_HZ);
    user.expect_tone(TELEPHONE_HZ).await;
    voice.expect_tone(USER_HZ).await;
    let bye = telephone.request(&invite, "BYE", 1, "", "");
    telephone.says(&bye).await;
    user.expect_tone(BYE_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    desk.record(CALL).await;

    // One that answers without keys is none: nothing of the user leaves unprotected.
    let _user = desk.user_calls("wacid.PLAIN").await;
    let invite = invited(&mut telephone).await;
    let mut bare = answer.replace("RTP/SAVP", "RTP/AVP");
    bare = bare.split_inclusive("\r\n").filter(|line| !line.starts_with("a=crypto")).collect();
    assert!(bare.contains("m=audio") && !bare.contains("crypto"), "{bare}");
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &bare)).await;
    telephone.hears("ACK").await;
    telephone.hears("BYE").await;
    desk.webhook(&terminate("wacid.PLAIN", "USER_INITIATED", Some(2))).await;
    let record = desk.record("wacid.PLAIN").await;
    assert_eq!(record["trunks"][0]["became"], "unavailable", "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_moves_its_audio_to_another_address() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    let mut user = desk.user_calls(CALL).await;
    let invite = invited(&mut telephone).await;
    let mut voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answer(&invite);
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice.play(TELEPHONE_HZ);
    user.play(USER_HZ);
    user.expect_tone(TELEPHONE_HZ).await;
    voice.expect_tone(USER_HZ).await;

    voice.leg.close();
    let mut moved = Voice::of_telephone(&desk.engine);
    let offer = moved.telephone_answer(&invite);
    moved.play(MOVED_HZ);
    telephone.says(&telephone.request(&invite, "INVITE", 1, SDP, &offer)).await;
    telephone.hears("SIP/2.0 200").await;
    telephone.says(&telephone.request(&invite, "ACK", 1, "", "")).await;
    user.expect_tone(MOVED_HZ).await;
    moved.expect_tone(USER_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    desk.record(CALL).await;
}

/// The telephone asks for our offer in the call, and answers it so in its ACK.
async fn asks_for_an_offer(telephone: &mut FarEnd, invite: &str, seq: u32, answer: &str) -> String {
    telephone.says(&telephone.request(invite, "INVITE", seq, "", "")).await;
    let offer = telephone.hears("SIP/2.0 200").await;
    telephone.says(&telephone.request(invite, "ACK", seq, SDP, answer)).await;
    offer
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_telephone_answers_in_an_ack_within_the_call_counts() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    let mut user = desk.user_calls(CALL).await;
    let invite = invited(&mut telephone).await;
    let voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answers(&invite, AudioCodec::Opus, |media| media.dtmf = None);
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice.play(TELEPHONE_HZ);
    user.play(USER_HZ);
    user.expect_tone(TELEPHONE_HZ).await;

    // It holds the call in an ACK, asks once more and goes on holding, and takes the user back from elsewhere.
    let held = answer.replace("a=sendrecv", "a=sendonly");
    for seq in [1, 2] {
        let offer = asks_for_an_offer(&mut telephone, &invite, seq, &held).await;
        assert!(offer.contains("RTP/AVP 111\r\n"), "what was agreed, and no more: {offer}");
        assert!(offer.contains("a=sendrecv\r\n"), "{offer}");
        user.expect_tone(HOLD_HZ).await;
    }
    let state = |call: &serde_json::Value| call["trunk"]["state"] == "held";
    desk.get_until(&format!("/v1/calls/{CALL}"), state).await;
    voice.leg.close();
    let mut moved = Voice::of_telephone(&desk.engine);
    let elsewhere = moved.telephone_answers(&invite, AudioCodec::Opus, |media| media.dtmf = None);
    moved.play(MOVED_HZ);
    asks_for_an_offer(&mut telephone, &invite, 3, &elsewhere).await;
    user.expect_tone(MOVED_HZ).await;
    moved.expect_tone(USER_HZ).await;

    // What would be another call changes nothing.
    let other = held.replace("RTP/AVP 111", "RTP/AVP 8");
    asks_for_an_offer(&mut telephone, &invite, 4, &other).await;
    moved.expect_tone(USER_HZ).await;
    user.expect_tone(MOVED_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    desk.record(CALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_that_lists_another_codec_first_holds_the_call_all_the_same() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    let mut user = desk.user_calls(CALL).await;
    let invite = invited(&mut telephone).await;
    let voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answers(&invite, AudioCodec::Pcmu, |_| {});
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice.leg.play(Source::Echo);
    user.play(USER_HZ);
    user.expect_tone(USER_HZ).await;

    let all = answer
        .replace("RTP/AVP 0", "RTP/AVP 111 8 0")
        .replace("a=rtpmap:0 ", "a=rtpmap:111 opus/48000/2\r\na=rtpmap:0 ");
    let held = all.replace("a=sendrecv", "a=sendonly");
    for (seq, offer, hz, direction) in
        [(1, &held, HOLD_HZ, "a=recvonly"), (2, &all, USER_HZ, "a=sendrecv")]
    {
        telephone.says(&telephone.request(&invite, "INVITE", seq, SDP, offer)).await;
        let accepted = telephone.hears("SIP/2.0 ").await;
        assert!(accepted.starts_with("SIP/2.0 200"), "{accepted}");
        assert!(accepted.contains("RTP/AVP 0 ") && accepted.contains(direction), "{accepted}");
        telephone.says(&telephone.request(&invite, "ACK", seq, "", "")).await;
        user.expect_tone(hz).await;
    }
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    assert_eq!(desk.record(CALL).await["trunks"][0]["codec"], "PCMU");
}
