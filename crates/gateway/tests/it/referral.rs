//! The telephone of a call gives the user to another one (REFER), with tones; and what the telephone
//! hears when that comes to nothing.

use serde_json::json;

use crate::{
    desk::{BYE_HZ, CALL, Desk, HOLD_HZ, terminate},
    far_end::{FarEnd, named, value},
    trunks::{SDP, TELEPHONE_HZ, USER_HZ, with_trunk},
    voice::{BUSY_GAP_MAX, Voice},
};

const OTHER_HZ: f32 = 1_300.0;

fn to(extension: &str) -> String {
    format!("Refer-To: <sip:{extension}@pbx.test>\r\n")
}

/// A desk whose flow has put the user through to extension 200.
pub(crate) struct Talk {
    pub(crate) desk: Desk,
    pub(crate) user: Voice,
    pub(crate) telephone: FarEnd,
    pub(crate) invite: String,
    voice: Voice,
}

impl Talk {
    pub(crate) async fn begin() -> Self {
        let mut telephone = FarEnd::udp().await;
        let targets = [telephone.address];
        let desk = Desk::start_with(None, |config| with_trunk(config, &targets)).await;
        let user = desk.user_calls(CALL).await;
        let invite = telephone.hears("INVITE sip:200@").await;
        let voice = answers(&desk, &mut telephone, &invite).await;
        let mut talk = Self { desk, user, telephone, invite, voice };
        talk.voice.play(TELEPHONE_HZ);
        talk.user.play(USER_HZ);
        talk.user.expect_tone(TELEPHONE_HZ).await;
        talk.user.continuous.start();
        talk
    }

    pub(crate) async fn says(&mut self, method: &str, seq: u32, more: &str, body: &str) {
        let request = self.telephone.request(&self.invite, method, seq, more, body);
        self.telephone.says(&request).await;
    }

    /// What it is told of it, until that says so.
    async fn is_told(&mut self, what: &str) {
        loop {
            let notify = self.telephone.hears("NOTIFY").await;
            self.telephone.answers(&notify, "200 OK").await;
            if notify.ends_with(&format!("SIP/2.0 {what}\r\n")) {
                assert_eq!(value(&notify, "Call-ID"), value(&self.invite, "Call-ID"));
                return;
            }
        }
    }

    pub(crate) async fn ends(&self) -> serde_json::Value {
        self.desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
        self.desk.record(CALL).await
    }
}

/// The telephone answers in Opus.
async fn answers(desk: &Desk, telephone: &mut FarEnd, invite: &str) -> Voice {
    let voice = Voice::of_telephone(&desk.engine);
    let answer = voice.telephone_answer(invite);
    telephone.says(&telephone.response(invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_one_has_the_user_and_the_first_may_hang_up() {
    let mut talk = Talk::begin().await;
    talk.says("REFER", 1, &to("202"), "").await;
    talk.telephone.hears("SIP/2.0 202").await;
    let second = talk.telephone.hears("INVITE sip:202@").await;
    assert_eq!(value(&second, "X-Offhook-order"), "4711", "what the flow knows");
    assert_eq!(value(&second, "Referred-By"), "<sip:200@127.0.0.1>");
    assert!(!second.contains("\r\nReplaces:"), "{second}");
    talk.is_told("100 Trying").await;
    talk.telephone.answers(&second, "180 Ringing").await;
    talk.user.expect_tone(HOLD_HZ).await;
    let mut other = answers(&talk.desk, &mut talk.telephone, &second).await;
    other.play(OTHER_HZ);
    talk.is_told("200 OK").await;
    talk.says("BYE", 2, "", "").await;
    talk.telephone.hears("SIP/2.0 200").await;
    talk.user.expect_tone(OTHER_HZ).await;
    other.expect_tone(USER_HZ).await;
    talk.user.continuous.assert(BUSY_GAP_MAX);

    // The flow goes on behind the one that hangs up last.
    let bye = talk.telephone.request(&second, "BYE", 3, "", "");
    talk.telephone.says(&bye).await;
    talk.user.expect_tone(BYE_HZ).await;
    let record = talk.ends().await;
    let of = |n: usize| {
        let trunk = &record["trunks"][n];
        json!([trunk["extension"], trunk["became"], trunk["sip_call_id"]])
    };
    assert_eq!(of(0), json!(["200", "answered", value(&talk.invite, "Call-ID")]));
    assert_eq!(of(1), json!(["202", "answered", value(&second, "Call-ID")]));
    let mut given = record["transfers"].clone();
    given[0].as_object_mut().unwrap().remove("at");
    let whom =
        json!({"from_trunk": "pbx", "from_extension": "200", "trunk": "pbx", "extension": "202"});
    assert_eq!(given, json!([whom]));
    assert_eq!(record["flow"]["variables"]["trunk"], "answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_hang_up_is_hung_up_on() {
    let mut talk = Talk::begin().await;
    talk.says("REFER", 1, &format!("{}Refer-Sub: false\r\n", to("202")), "").await;
    let second = talk.telephone.hears("INVITE sip:202@").await;
    let other = answers(&talk.desk, &mut talk.telephone, &second).await;
    other.play(OTHER_HZ);
    talk.user.expect_tone(OTHER_HZ).await;
    let bye = talk.telephone.hears("BYE").await;
    assert_eq!(value(&bye, "Call-ID"), value(&talk.invite, "Call-ID"));
    talk.telephone.answers(&bye, "200 OK").await;
    let record = talk.ends().await;
    assert_eq!(record["trunks"][1]["extension"], "202", "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_has_the_user_again_or_the_flow_where_it_is_gone() {
    let mut talk = Talk::begin().await;
    for (seq, whom, status) in [(1, "5511999990000", "404"), (2, "300", "404")] {
        talk.says("REFER", seq, &to(whom), "").await;
        talk.telephone.hears(&format!("SIP/2.0 {status} No such extension")).await;
    }
    talk.says("REFER", 3, "Refer-To: <tel:+15550001>\r\n", "").await;
    talk.telephone.hears("SIP/2.0 403 Only extensions").await;
    let own = named(&talk.invite).replace('@', "%40").replace(';', "%3B").replace('=', "%3D");
    let two_users = format!("Refer-To: <sip:202@pbx.test?Replaces={own}>\r\n");
    talk.says("REFER", 7, &two_users, "").await;
    talk.telephone.hears("SIP/2.0 403 Two users").await;

    talk.says("REFER", 8, &to("202"), "").await;
    let second = talk.telephone.hears("INVITE sip:202@").await;
    talk.user.expect_tone(HOLD_HZ).await;
    talk.telephone.answers(&second, "486 Busy Here").await;
    talk.is_told("486 Busy Here").await;
    talk.user.expect_tone(TELEPHONE_HZ).await;
    talk.voice.expect_tone(USER_HZ).await;
    talk.user.continuous.assert(BUSY_GAP_MAX);

    // Consulted within the house: ours takes the place of what those two have.
    let attended = "Refer-To: <sip:203@pbx.test?Replaces=7%40pbx%3Bto-tag%3Da%3Bfrom-tag%3Db>\r\n";
    talk.says("REFER", 9, attended, "").await;
    let third = talk.telephone.hears("INVITE sip:203@").await;
    assert_eq!(value(&third, "Replaces"), "7@pbx;to-tag=a;from-tag=b");
    talk.says("BYE", 10, "", "").await;
    talk.telephone.hears("SIP/2.0 200").await;
    talk.user.expect_tone(HOLD_HZ).await;
    talk.telephone.answers(&third, "603 Decline").await;
    talk.user.expect_tone(BYE_HZ).await;
    let record = talk.ends().await;
    assert_eq!(record["flow"]["variables"]["trunk"], "refused");
    let became: Vec<_> =
        record["trunks"].as_array().unwrap().iter().map(|it| &it["became"]).collect();
    assert_eq!(json!(became), json!(["busy", "answered", "refused"]));
    assert_eq!(record["transfers"].as_array().unwrap().len(), 2, "{record}");
}
