//! Supervisors and three-way calls with sockets and tones: who hears whom, and that the user's stream
//! never notices.

use serde_json::{Value, json};

use crate::{
    desk::{CALL, Console, HOLD_HZ},
    far_end::FarEnd,
    hand_over::{LIA_HZ, RUI_HZ, Talk, USER_HZ},
    trunks::{SDP, Sipp, free_port, invited, with_trunk},
    voice::Voice,
};

const SOL_HZ: f32 = 2_100.0;
const TELEPHONE_HZ: f32 = 1_700.0;
/// Of this one a delay of 2.5 ms, what a telephone adds to whole frames, is three periods.
const ECHOED_HZ: f32 = 1_200.0;

impl Talk {
    /// The supervisor's console and browser, listening.
    async fn listens(&self) -> (Console, Voice) {
        let mut sol = self.desk.console("sol").await;
        let mut browser = Voice::of_browser(&self.desk.engine);
        let offer = browser.browser_offer();
        sol.send(json!({"type": "listen", "call_id": CALL, "sdp": offer})).await;
        let answer = sol.next("answer").await;
        browser.take_browser_answer(answer["sdp"].as_str().unwrap());
        browser.connected().await;
        browser.play(SOL_HZ);
        (sol, browser)
    }

    async fn supervised(&mut self, how: &str) -> Value {
        self.lia.next_where("call", |frame| frame["call"]["supervisor"]["how"] == how).await
    }

    async fn kinds_of_events(&self) -> Vec<String> {
        let told = self.desk.get(&format!("/v1/events?call_id={CALL}")).await;
        let events = told["events"].as_array().unwrap();
        events.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

fn of_call(what: &str) -> Value {
    json!({"type": what, "call_id": CALL})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supervisor_listens_whispers_joins_and_leaves() {
    let mut talk = Box::pin(Talk::start()).await;
    let (mut sol, mut browser) = talk.listens().await;
    let told = talk.supervised("listening").await;
    assert_eq!(told["call"]["supervisor"]["id"], "sol");
    browser.expect_tones(&[USER_HZ, LIA_HZ], &[]).await;
    talk.user.expect_tones(&[LIA_HZ], &[SOL_HZ]).await;
    talk.browser.expect_tones(&[USER_HZ], &[SOL_HZ]).await;

    sol.send(of_call("whisper")).await;
    talk.supervised("whispering").await;
    talk.browser.expect_tones(&[USER_HZ, SOL_HZ], &[]).await;
    talk.user.expect_tones(&[LIA_HZ], &[SOL_HZ]).await;

    sol.send(of_call("join")).await;
    talk.supervised("joined").await;
    talk.user.expect_tones(&[LIA_HZ, SOL_HZ], &[]).await;
    browser.expect_tones(&[USER_HZ, LIA_HZ], &[SOL_HZ]).await;

    sol.send(of_call("leave")).await;
    talk.lia.next_where("call", |frame| frame["call"]["supervisor"].is_null()).await;
    talk.user.expect_tones(&[LIA_HZ], &[SOL_HZ]).await;
    talk.browser.expect_tones(&[USER_HZ], &[SOL_HZ]).await;

    let record = talk.end().await;
    let stretches = record["supervision"].as_array().unwrap();
    let how: Vec<_> = stretches.iter().map(|stretch| stretch["how"].as_str().unwrap()).collect();
    assert_eq!(how, ["listening", "whispering", "joined"], "{record}");
    for stretch in stretches {
        assert_eq!(stretch["supervisor"], "sol");
        assert!(stretch["from"].is_string() && stretch["to"].is_string(), "{stretch}");
    }
    assert_eq!(record["agent"], "lia", "a supervisor does not take the call");
    let kinds = talk.kinds_of_events().await;
    let count = |kind: &str| kinds.iter().filter(|it| *it == kind).count();
    assert_eq!((count("call.supervised"), count("call.unsupervised")), (3, 1), "{kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_listen_is_told_why_and_a_supervisor_who_is_gone_is_not_missed() {
    let mut talk = Box::pin(Talk::start()).await;
    let mut rui = talk.desk.console("rui").await;
    let offer = talk.browser.browser_offer();
    rui.send(json!({"type": "listen", "call_id": CALL, "sdp": offer})).await;
    assert_eq!(rui.next("refused").await["code"], "forbidden");
    let path = |order: &str| format!("/v1/calls/{CALL}/{order}");
    let nothing = json!({});
    for order in ["listen", "whisper", "join", "leave", "merge"] {
        assert_eq!(talk.desk.post(&path(order), &nothing, None).await.0, 409, "{order}");
    }

    let (mut sol, mut browser) = talk.listens().await;
    sol.send(json!({"type": "listen", "call_id": CALL, "sdp": browser.browser_offer()})).await;
    assert_eq!(sol.next("refused").await["code"], "taken");
    assert_eq!(talk.desk.post(&path("join"), &nothing, None).await.0, 204, "by a program");
    talk.supervised("joined").await;
    talk.order(json!({"type": "hold"})).await;
    talk.state("held").await;
    talk.user.expect_tones(&[HOLD_HZ], &[SOL_HZ, LIA_HZ]).await;
    talk.browser.expect_tones(&[SOL_HZ], &[USER_HZ]).await;
    browser.expect_tones(&[USER_HZ, LIA_HZ], &[]).await;
    drop(sol);
    talk.lia.next_where("call", |frame| frame["call"]["supervisor"].is_null()).await;
    talk.order(json!({"type": "resume"})).await;
    talk.user.expect_tones(&[LIA_HZ], &[SOL_HZ]).await;
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_brings_in_another_and_leaves_the_user_to_that_one() {
    let mut talk = Box::pin(Talk::start()).await;
    let mut rui = talk.desk.available("rui").await;
    talk.order(json!({"type": "consult", "agent": "rui"})).await;
    let mut other = Box::pin(talk.takes(&mut rui, RUI_HZ)).await;
    talk.user.expect_tone(HOLD_HZ).await;
    talk.order(json!({"type": "merge"})).await;
    let told = talk.state("three_way").await;
    assert_eq!((&told["call"]["agent"], &told["call"]["other"]), (&json!("lia"), &json!("rui")));
    talk.user.expect_tones(&[LIA_HZ, RUI_HZ], &[HOLD_HZ]).await;
    talk.browser.expect_tones(&[USER_HZ, RUI_HZ], &[LIA_HZ]).await;
    other.expect_tones(&[USER_HZ, LIA_HZ], &[RUI_HZ]).await;

    talk.order(json!({"type": "hang_up"})).await;
    talk.state("connected").await;
    talk.user.expect_tones(&[RUI_HZ], &[LIA_HZ]).await;
    other.expect_tones(&[USER_HZ], &[LIA_HZ]).await;
    let record = talk.end().await;
    assert_eq!(record["agent"], "rui");
    let three_way = &record["three_way"][0];
    assert_eq!((&three_way["agent"], &three_way["other"]), (&json!("lia"), &json!("rui")));
    assert!(three_way["to"].is_string(), "{record}");
    assert!(talk.kinds_of_events().await.contains(&"call.merged".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_brings_in_a_telephone_while_a_supervisor_listens() {
    let mut telephone = FarEnd::udp().await;
    let targets = [telephone.address];
    let mut talk = Box::pin(Talk::start_with(|config| {
        with_trunk(config, &targets);
        config.ring_first = Some(true);
    }))
    .await;
    let (_sol, mut listener) = talk.listens().await;
    let who = ["trunk", "extension"].into_iter().zip(["pbx", "202"]);
    let asked: Value = [("type", "consult")].into_iter().chain(who.clone()).collect();
    talk.order(asked).await;
    let invite = invited(&mut telephone).await;
    let mut voice = Voice::of_telephone(&talk.desk.engine);
    let answer = voice.telephone_answer(&invite);
    telephone.says(&telephone.response(&invite, "200 OK", SDP, &answer)).await;
    telephone.hears("ACK").await;
    voice.play(TELEPHONE_HZ);
    voice.expect_tones(&[LIA_HZ], &[USER_HZ]).await;
    talk.browser.expect_tones(&[TELEPHONE_HZ], &[USER_HZ]).await;
    listener.expect_tones(&[LIA_HZ, TELEPHONE_HZ], &[]).await;
    talk.user.expect_tone(HOLD_HZ).await;

    talk.order(json!({"type": "merge"})).await;
    talk.state("three_way").await;
    talk.user.expect_tones(&[LIA_HZ, TELEPHONE_HZ], &[HOLD_HZ]).await;
    talk.browser.expect_tones(&[USER_HZ, TELEPHONE_HZ], &[LIA_HZ]).await;
    voice.expect_tones(&[USER_HZ, LIA_HZ], &[TELEPHONE_HZ]).await;
    listener.expect_tones(&[USER_HZ, LIA_HZ, TELEPHONE_HZ], &[]).await;

    // It holds the call, comes back, and hangs up.
    for (sequence, sdp) in [(1, answer.replace("a=sendrecv", "a=sendonly")), (2, answer)] {
        telephone.says(&telephone.request(&invite, "INVITE", sequence, SDP, &sdp)).await;
        telephone.hears("SIP/2.0 200").await;
        telephone.says(&telephone.request(&invite, "ACK", sequence, "", "")).await;
        if sequence == 1 {
            voice.expect_tones(&[], &[USER_HZ, LIA_HZ]).await;
            talk.user.expect_tones(&[LIA_HZ], &[HOLD_HZ]).await;
        }
    }
    voice.expect_tones(&[USER_HZ, LIA_HZ], &[TELEPHONE_HZ]).await;
    telephone.says(&telephone.request(&invite, "BYE", 3, "", "")).await;
    telephone.hears("SIP/2.0 200").await;
    talk.state("connected").await;
    talk.user.expect_tones(&[LIA_HZ], &[TELEPHONE_HZ]).await;
    listener.expect_tones(&[USER_HZ, LIA_HZ], &[TELEPHONE_HZ]).await;
    let record = talk.end().await;
    let three_way = &record["three_way"][0];
    for (name, value) in who {
        assert_eq!(three_way[name], value, "{record}");
    }
    assert!(three_way["to"].is_string() && three_way["other"].is_null(), "{record}");
    assert_eq!(record["supervision"].as_array().map(Vec::len), Some(1), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_brings_in_a_telephone_of_g711_and_leaves_the_user_to_it() {
    let address = free_port();
    let mut sipp = Sipp::play("answers", address);
    let mut talk = Box::pin(Talk::start_with(|config| {
        with_trunk(config, &[address]);
        config.ring_first = Some(true);
    }))
    .await;
    talk.order(json!({"type": "consult", "trunk": "pbx", "extension": "202"})).await;
    // The telephone gives back what it hears: of some tones the user would hear nothing but the sum.
    talk.browser.play(ECHOED_HZ);
    talk.browser.expect_tones(&[ECHOED_HZ], &[USER_HZ]).await;
    talk.order(json!({"type": "merge"})).await;
    talk.state("three_way").await;
    talk.browser.expect_tones(&[ECHOED_HZ, USER_HZ], &[]).await;
    talk.user.expect_tones(&[ECHOED_HZ, USER_HZ], &[HOLD_HZ]).await;
    talk.order(json!({"type": "hang_up"})).await;
    talk.user.expect_tones(&[USER_HZ], &[ECHOED_HZ, HOLD_HZ]).await;
    let record = talk.end().await;
    assert_eq!(record["trunks"][0]["codec"], "PCMU", "{record}");
    assert!(sipp.was_content().await, "SIPp's scenario failed");
}
