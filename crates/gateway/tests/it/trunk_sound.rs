//! The sound of a telephone of the house: protected by keys in the SDP, and moved to another address.

use media::sdp::TrunkKeying;

use crate::{
    desk::{BYE_HZ, CALL, Desk, terminate},
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
