//! Another telephone takes the place of the one in a call (INVITE with `Replaces`), with tones; and who
//! may not.

use std::net::SocketAddr;

use media::frame::AudioCodec;
use serde_json::json;

use crate::{
    desk::{BYE_HZ, CALL, Desk, HOLD_HZ, terminate},
    far_end::{FarEnd, line, named, value},
    referral::Talk,
    trunks::{USER_HZ, with_trunk},
    voice::{BUSY_GAP_MAX, Voice},
};

const OTHER_HZ: f32 = 1_300.0;

/// Another telephone, which wants the place of one.
struct Other {
    telephone: FarEnd,
    voice: Voice,
    answer: String,
}

impl Other {
    async fn wants(desk: &Desk, named: &str) -> Self {
        let voice = Voice::of_telephone(&desk.engine);
        let mut other = Self { telephone: FarEnd::udp().await, voice, answer: String::new() };
        let offer = other.voice.telephone_offer(AudioCodec::Opus, false);
        let call_id = other.telephone.address.port().to_string();
        other.telephone.wants_place(address(desk), (&call_id, named), &offer).await;
        other
    }

    async fn is_answered(&mut self) {
        self.answer = self.telephone.hears("SIP/2.0 200").await;
        self.says((1, "ACK")).await;
        let (_, sdp) = self.answer.split_once("\r\n\r\n").unwrap();
        self.voice.take_telephone_answer(sdp, AudioCodec::Opus);
        self.voice.play(OTHER_HZ);
    }

    /// Something in the call that was answered.
    async fn says(&mut self, (seq, method): (u32, &str)) {
        let us = self.telephone.address;
        let copied = ["From", "To", "Call-ID"].map(|name| line(&self.answer, name)).join("\r\n");
        let request = format!(
            "{method} sip:offhook@pbx.test SIP/2.0\r\nVia: SIP/2.0/UDP {us};rport;branch=z9hG4bK{method}\r\n\
             {copied}\r\nCSeq: {seq} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        self.telephone.says(&request).await;
    }
}

fn address(desk: &Desk) -> SocketAddr {
    desk.gateway.sip_address().unwrap()
}

/// What became of the telephones of a record, and who gave the call to whom.
fn became(record: &serde_json::Value) -> serde_json::Value {
    let telephones = record["trunks"].as_array().unwrap().iter();
    let became = telephones.map(|it| json!([it["extension"], it["became"], it["placed"]]));
    let transfers = record["transfers"].as_array().into_iter().flatten();
    let given = transfers.map(|it| json!([it["from_extension"], it["extension"]]));
    json!([became.collect::<Vec<_>>(), given.collect::<Vec<_>>()])
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_the_place_of_a_telephone_has_the_user_without_a_gap() {
    let mut talk = Talk::begin().await;
    let named = named(&talk.invite);
    let mut other = Other::wants(&talk.desk, &named).await;
    other.is_answered().await;
    talk.user.expect_tone(OTHER_HZ).await;
    other.voice.expect_tone(USER_HZ).await;
    talk.user.continuous.assert(BUSY_GAP_MAX);
    let bye = talk.telephone.hears("BYE").await;
    assert_eq!(value(&bye, "Call-ID"), value(&talk.invite, "Call-ID"));
    talk.telephone.answers(&bye, "200 OK").await;

    let mut late = Other::wants(&talk.desk, &named).await;
    let refused = late.telephone.hears("SIP/2.0").await;
    // Over, or forgotten already.
    assert!(["603", "481"].iter().any(|it| refused[8..].starts_with(it)), "{refused}");
    other.says((2, "BYE")).await;
    talk.user.expect_tone(BYE_HZ).await;
    let record = talk.ends().await;
    let telephones = json!([["200", "answered", null], ["203", "answered", null]]);
    assert_eq!(became(&record), json!([telephones, [["200", "203"]]]));
    assert_eq!(record["flow"]["variables"]["trunk"], "answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rings_here_may_be_picked_up_there() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
    let mut user = desk.user_calls(CALL).await;
    let invite = telephone.hears("INVITE sip:200@").await;
    telephone.answers(&invite, "180 Ringing").await;
    user.expect_tone(HOLD_HZ).await;
    user.play(USER_HZ);
    let early = format!("{};early-only", named(&invite));
    let mut other = Other::wants(&desk, &early).await;
    other.is_answered().await;
    let cancel = telephone.hears("CANCEL").await;
    telephone.answers(&cancel, "200 OK").await;
    telephone.answers(&invite, "487 Request Terminated").await;
    user.expect_tone(OTHER_HZ).await;
    other.voice.expect_tone(USER_HZ).await;
    other.says((2, "BYE")).await;
    user.expect_tone(BYE_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    let record = desk.record(CALL).await;
    assert_eq!(
        became(&record),
        json!([[["200", "replaced", null], ["203", "answered", null]], []])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_telephones_of_the_trunk_may_and_only_what_is_there() {
    let mut talk = Talk::begin().await;
    let talks = named(&talk.invite);
    for (status, named) in [
        ("481", "nobody@pbx;to-tag=a;from-tag=b".to_owned()),
        ("481", format!("{talks}er")),
        ("486", format!("{talks};early-only")),
        ("400", format!("{talks};to-tag=a")),
    ] {
        let mut other = Other::wants(&talk.desk, &named).await;
        other.telephone.hears(&format!("SIP/2.0 {status}")).await;
    }
    let mut stranger = FarEnd::udp_at("127.0.0.2").await;
    for (call_id, named) in [("s1", talks.as_str()), ("s2", "nobody@pbx;to-tag=a;from-tag=b")] {
        stranger.wants_place(address(&talk.desk), (call_id, named), "v=0\r\n").await;
        stranger.hears("SIP/2.0 403").await;
    }
    // A telephone that calls by what the trunk does not have.
    let mut deaf = FarEnd::udp().await;
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 18\r\n";
    deaf.wants_place(address(&talk.desk), ("deaf@pbx", &talks), offer).await;
    deaf.hears("SIP/2.0 488").await;
    talk.says("BYE", 1, "", "").await;
    talk.user.expect_tone(BYE_HZ).await;
    assert_eq!(became(&talk.ends().await), json!([[["200", "answered", null]], []]));
}
