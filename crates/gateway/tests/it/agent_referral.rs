//! An agent's telephone gives the user away (REFER), and is told what becomes of that.

use media::frame::AudioCodec;
use serde_json::json;

use crate::{
    agent_telephones::{Telephone, stands, with_telephones},
    desk::{CALL, Desk, HOLD_HZ, terminate},
    far_end::value,
    queues::with_a_queue,
    trunks::{TELEPHONE_HZ, USER_HZ},
};

impl Telephone {
    /// Asks for somebody to have the user; what it hears.
    async fn refers(&mut self, invite: &str, seq: u32, to: &str) -> String {
        let to = format!("Refer-To: {to}\r\n");
        self.end.says(&self.end.request(invite, "REFER", seq, &to, "")).await;
        self.end.hears("SIP/2.0 ").await
    }

    /// That is under way, and done.
    async fn is_told_of_it(&mut self) {
        for what in ["100 Trying", "200 OK"] {
            let notify = self.end.hears("NOTIFY").await;
            self.end.answers(&notify, "200 OK").await;
            assert!(notify.ends_with(&format!("SIP/2.0 {what}\r\n")), "{notify}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_telephone_gives_the_user_to_another_agent() {
    let desk = Desk::start_with(None, |config| with_telephones(config, &["lia", "rui"])).await;
    let mut lia = Telephone::registered(&desk, "lia").await;
    let mut user = desk.user_calls(CALL).await;
    let invite = lia.rings().await;
    assert!(value(&invite, "Allow").contains("REFER"), "{invite}");
    assert!(!value(&invite, "Supported").contains("replaces"), "{invite}");
    let voice = lia.answers(&desk, &invite, AudioCodec::Opus).await;
    user.play(USER_HZ);
    user.expect_tone(TELEPHONE_HZ).await;

    // Nobody is rung by what is refused, and the two go on talking.
    for (seq, to, refusal) in [
        (1, "<sip:nobody@offhook>", "404 No agent or queue of this name"),
        (2, "<sip:+15550001@offhook>", "404 No agent or queue"),
        (3, "<tel:+15550001>", "403 Only agents and queues"),
        (4, "<sip:rui@offhook?Replaces=7%40pbx%3Bto-tag%3Da%3Bfrom-tag%3Db>", "403 Only agents"),
        (5, "<sip:lia@offhook>", "603 a transfer has no place"),
    ] {
        let refused = lia.refers(&invite, seq, to).await;
        assert!(refused.starts_with(&format!("SIP/2.0 {refusal}")), "{to}: {refused}");
    }
    user.expect_tone(TELEPHONE_HZ).await;

    // As most do, it holds the call before.
    let answer = voice.telephone_answer(&invite);
    lia.offers(&invite, 6, &answer.replace("a=sendrecv", "a=sendonly")).await;
    user.expect_tone(HOLD_HZ).await;
    let mut rui = Telephone::registered(&desk, "rui").await;
    let taken = lia.refers(&invite, 7, "<sip:rui@offhook>").await;
    assert!(taken.starts_with("SIP/2.0 202"), "{taken}");
    lia.is_told_of_it().await;
    lia.end.says(&lia.end.request(&invite, "BYE", 8, "", "")).await;
    lia.end.hears("SIP/2.0 200").await;
    stands(&desk, "lia", "available", true).await;
    let rings = rui.rings().await;
    let _voice = rui.answers(&desk, &rings, AudioCodec::Opus).await;
    user.expect_tone(TELEPHONE_HZ).await;

    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    rui.is_hung_up_on().await;
    let record = desk.record(CALL).await;
    assert_eq!(json!([record["agent"], record["by_telephone"]]), json!(["rui", ["lia", "rui"]]));
    let given = &record["transfers"][0];
    assert_eq!(json!([given["from"], given["to"]]), json!(["lia", "rui"]), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_that_gave_the_user_to_a_queue_is_hung_up_on() {
    let desk = Desk::start_with(None, |config| {
        with_a_queue(config);
        with_telephones(config, &["lia"]);
    })
    .await;
    let mut lia = Telephone::registered(&desk, "lia").await;
    let mut user = desk.user_calls(CALL).await;
    let invite = lia.rings().await;
    let _voice = lia.answers(&desk, &invite, AudioCodec::Opus).await;
    user.expect_tone(TELEPHONE_HZ).await;
    let taken = lia.refers(&invite, 1, "<sip:support@offhook>").await;
    assert!(taken.starts_with("SIP/2.0 202"), "{taken}");
    lia.is_told_of_it().await;
    // Its agent is free at once, and alone serves the queue.
    let again = lia.rings().await;
    assert_ne!(value(&again, "Call-ID"), value(&invite, "Call-ID"));
    let bye = lia.is_hung_up_on().await;
    assert_eq!(value(&bye, "Call-ID"), value(&invite, "Call-ID"));
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    let given = desk.record(CALL).await["transfers"][0].clone();
    assert_eq!(json!([given["from"], given["queue"]]), json!(["lia", "support"]), "{given}");
}
