//! WhatsApp's calls by SIP: users' calls and ours, with sound and a record, as by Graph.

use std::time::Duration;

use media::{sdp::Keying, transport::Setup};
use offhook_gateway::serve;
use serde_json::{Value, json};
use sip::{End, News, Told};

use crate::{
    desk::{ANA, CALL, Console, Desk, WELCOME_HZ, config, newest_rules, now, permissions},
    meta::{DOMAIN, HOSTNAME, Meta, NUMBER, answered, by_sip, news, refusal, takes, told},
    upstream::Upstream,
    voice::Voice,
};

const USER_HZ: f32 = 700.0;
const AGENT_HZ: f32 = 1_000.0;
const SECONDS: &str = "x-wa-meta-call-duration";

/// What users hear when agents are there to ring first.
fn agents_first(config: &mut offhook_gateway::Config) {
    config.ring_first = Some(true);
}

/// The user hangs up after so many seconds, by the platform's count.
fn ends_after(call: &sip::Call, seconds: u64) {
    call.part(&[(SECONDS.into(), seconds.to_string())]);
}

async fn kinds(desk: &Desk, call: &str) -> Vec<String> {
    let told = desk.get(&format!("/v1/events?call_id={call}")).await;
    let told = told["events"].as_array().unwrap().clone();
    told.iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_call_with_keys_in_the_sdp_is_the_flows_until_the_user_hangs_up() {
    let (desk, meta) = by_sip(Keying::Sdes, |_| {}).await;
    let mut user = Voice::of_telephone(&desk.engine);
    let mut call = meta.calls(CALL, user.keyed_offer());
    assert_eq!(news(&mut call).await, News::Ringing);
    let answer = answered(&mut call).await;
    assert!(answer.contains(" RTP/SAVP 111 126\r\n"), "{answer}");
    user.take_keyed_answer(&answer);
    user.play(USER_HZ);
    user.expect_tone(WELCOME_HZ).await;
    ends_after(&call, 7);
    assert_eq!(news(&mut call).await, News::Ended(End::Ours));
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "user_hung_up", "{record}");
    assert_eq!((&record["duration_s"], &record["signalling"]), (&json!(7), &json!("sip")));
    assert_eq!(record["cta_payload"], "order=7712");
    assert_eq!(record["contact"]["wa_id"], ANA);
    assert_eq!(record["contact"]["user_id"], "BR.90210000000000000001");
    assert_eq!(record["contact"]["name"], "ana.souza", "digits are no name");
    assert_eq!(record["whatsapp_leg"]["received"].as_u64().map(|count| count > 5), Some(true));
    let told = kinds(&desk, CALL).await;
    assert_eq!(told, ["call.ringing", "call.accepted", "call.answered", "call.ended"]);
    assert_eq!(desk.upstream.actions().iter().filter(|action| !action.is_empty()).count(), 0);
}

/// An agent takes Ana's call; both hear each other.
async fn talk(keying: Keying) -> (Desk, Meta, Console, Voice, Voice, sip::Call) {
    let (desk, meta) = by_sip(keying, agents_first).await;
    let mut lia = desk.available("lia").await;
    let mut user = match keying {
        Keying::Dtls => Voice::of_platform(&desk.engine),
        Keying::Sdes => Voice::of_telephone(&desk.engine),
    };
    let offer = match keying {
        Keying::Dtls => user.platform_offer(),
        Keying::Sdes => user.keyed_offer(),
    };
    let mut call = meta.calls(CALL, offer);
    let ring = lia.next("ringing").await;
    assert_eq!(ring["call"]["contact"]["name"], "ana.souza", "{ring}");
    user.play(USER_HZ);
    let mut browser = Voice::of_browser(&desk.engine);
    let sdp = browser.browser_offer();
    lia.send(json!({"type": "answer", "call_id": CALL, "sdp": sdp})).await;
    let got = lia.next("answer").await;
    browser.take_browser_answer(got["sdp"].as_str().unwrap());
    browser.play(AGENT_HZ);
    let answer = answered(&mut call).await;
    match keying {
        Keying::Dtls => user.take_answer(&answer),
        Keying::Sdes => user.take_keyed_answer(&answer),
    }
    browser.expect_tone(USER_HZ).await;
    user.expect_tone(AGENT_HZ).await;
    (desk, meta, lia, user, browser, call)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_call_with_dtls_is_an_agents_until_the_agent_hangs_up() {
    let (desk, _meta, mut lia, _user, _browser, mut call) = Box::pin(talk(Keying::Dtls)).await;
    lia.send(json!({"type": "hang_up", "call_id": CALL})).await;
    assert_eq!(news(&mut call).await, News::Ended(End::Theirs));
    let record = desk.record(CALL).await;
    assert_eq!((&record["reason"], &record["agent"]), (&json!("agent_hung_up"), &json!("lia")));
    assert!(record["duration_s"].as_u64().is_some() && record["unconfirmed"].is_null(), "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_users_call_with_keys_is_an_agents_until_the_user_hangs_up() {
    let (desk, _meta, _lia, _user, _browser, call) = Box::pin(talk(Keying::Sdes)).await;
    ends_after(&call, 3);
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "user_hung_up");
    assert_eq!(record["duration_s"], 3, "the platform's count");
    let told = kinds(&desk, CALL).await;
    let expected =
        ["call.ringing", "call.assigned", "call.accepted", "call.answered", "call.ended"];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_gives_up_while_agents_ring() {
    let (desk, meta) = by_sip(Keying::Sdes, agents_first).await;
    let mut lia = desk.available("lia").await;
    let user = Voice::of_telephone(&desk.engine);
    let mut call = meta.calls(CALL, user.keyed_offer());
    lia.next("ringing").await;
    call.hang_up(None);
    lia.next("ring_stopped").await;
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "caller_gave_up", "{record}");
    assert!(record["duration_s"].is_null());
    loop {
        if let News::Ended(end) = news(&mut call).await {
            return assert_eq!(end, End::Ours);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_nobody_takes_is_refused_and_one_without_the_password_is_none() {
    let (desk, mut meta) = by_sip(Keying::Sdes, |config| {
        config.lines.first.flow = None;
        agents_first(config);
    })
    .await;
    let user = Voice::of_telephone(&desk.engine);
    let mut lia = desk.available("lia").await;
    let mut call = meta.calls(CALL, user.keyed_offer());
    lia.next("ringing").await;
    lia.send(json!({"type": "decline", "call_id": CALL})).await;
    while news(&mut call).await != News::Ended(End::NoAnswer) {}
    assert_eq!(call.refusal().map(|said| said.status), Some(480));
    let record = desk.record(CALL).await;
    assert_eq!(record["reason"], "nobody_answered", "{record}");

    let mut call = meta.calls_so("wacid.GUESS", user.keyed_offer(), |mut invite| {
        invite.credentials.as_mut().unwrap().password = "guessed".into();
        invite
    });
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(403)));
    let mut call = meta.calls_so("wacid.OTHER", user.keyed_offer(), |invite| sip::Invite {
        extension: "+551140000001".into(),
        ..invite
    });
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(403)), "no number of ours");
    let mut call = meta.calls_so("no-id", user.keyed_offer(), |invite| invite);
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(400)));
    let calls = desk.get("/v1/calls").await;
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1), "{calls}");
    meta.is_left_alone();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_of_no_use_is_refused_so() {
    let (desk, meta) = by_sip(Keying::Sdes, |_| {}).await;
    let user = Voice::of_telephone(&desk.engine);
    let mut call = meta.calls(CALL, user.keyed_offer().replace("opus", "speex"));
    assert_eq!(news(&mut call).await, News::Ended(End::Refused(488)));
    assert_eq!(desk.record(CALL).await["reason"], "session_unusable");
}

/// Lia calls Ana; the platform has asked for the password.
async fn place(desk: &Desk, meta: &mut Meta, lia: &mut Console) -> (Voice, sip::IncomingInvite) {
    let browser = Voice::of_browser(&desk.engine);
    lia.send(json!({"type": "place", "to": ANA, "sdp": browser.browser_offer()})).await;
    let invite = meta.called().await;
    (browser, invite)
}

async fn business_talks(keying: Keying) {
    let (desk, mut meta) = by_sip(keying, |_| {}).await;
    let mut lia = desk.available("lia").await;
    let (mut browser, invite) = place(&desk, &mut meta, &mut lia).await;
    assert_eq!(invite.called, format!("+{ANA}"));
    assert_eq!(invite.host, DOMAIN);
    assert_eq!(
        (invite.caller.as_str(), invite.caller_host.as_str()),
        (&*format!("+{NUMBER}"), HOSTNAME)
    );
    assert!(invite.header("Contact").unwrap().contains(&format!("@{HOSTNAME}")));
    assert_eq!(invite.header("Session-Expires"), None);
    let offer = invite.offer.clone().unwrap();
    let mut user = match keying {
        Keying::Dtls => Voice::of_platform(&desk.engine),
        Keying::Sdes => Voice::of_telephone(&desk.engine),
    };
    let mut call = takes(invite);
    call.ring(None);
    let got = lia.next("answer").await;
    browser.take_browser_answer(got["sdp"].as_str().unwrap());
    let id = got["call_id"].as_str().unwrap().to_owned();
    desk.get_until(&format!("/v1/calls/{id}"), |call| call["state"] == "ringing").await;
    let answer = match keying {
        Keying::Dtls => user.platform_answer(&offer, Setup::Passive),
        Keying::Sdes => user.keyed_answer(&offer),
    };
    call.answer(answer);
    assert_eq!(told(&mut call).await, Told::Standing);
    lia.next_where("call", |frame| frame["call"]["state"] == "connected").await;
    user.play(USER_HZ);
    browser.play(AGENT_HZ);
    browser.expect_tone(USER_HZ).await;
    user.expect_tone(AGENT_HZ).await;
    call.hang_up(vec![(SECONDS.into(), "70".into())]);
    let record = desk.record(&id).await;
    assert_eq!(record["reason"], "user_hung_up", "{record}");
    assert_eq!((&record["duration_s"], &record["signalling"]), (&json!(70), &json!("sip")));
    assert_eq!(record["direction"], "BUSINESS_INITIATED");
    let told = kinds(&desk, &id).await;
    let expected =
        ["call.assigned", "call.ringing", "call.accepted", "call.answered", "call.ended"];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_business_calls_with_keys_in_the_sdp_and_they_talk() {
    Box::pin(business_talks(Keying::Sdes)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_business_calls_with_dtls_and_they_talk() {
    Box::pin(business_talks(Keying::Dtls)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_the_platform_is_told_as_by_graph() {
    let (desk, mut meta) = by_sip(Keying::Sdes, |_| {}).await;
    let mut lia = desk.available("lia").await;
    for (status, phrase, code, words) in [
        (403, "No Approved Call Permission Found", "138006", "Ask for permission first"),
        (403, "Business Initiated Connected Call Per Day Limit Hit", "138012", "as one day allows"),
        (403, "Duplicate call", "138003", "running already"),
        (403, "SIP server x from INVITE does not match any SIP server", "403", "does not match"),
        (400, "Asset not found, invalid business phone number", "100", "Asset not found"),
        (503, "Service Unavailable", "503", "Service Unavailable"),
    ] {
        let (_browser, invite) = place(&desk, &mut meta, &mut lia).await;
        invite.refuse(refusal(status, phrase));
        let refused = lia.next("refused").await;
        assert_eq!(
            (&refused["what"], &refused["code"]),
            (&json!("place"), &json!(code)),
            "{refused}"
        );
        assert!(refused["text"].as_str().unwrap().contains(words), "{refused}");
        lia.next_where("agents", |frame| {
            let agents = frame["agents"].as_array().unwrap();
            agents.iter().any(|it| it["id"] == "lia" && it["state"] == "available")
        })
        .await;
    }
}

/// What becomes of a call that rings and is not picked up.
async fn not_picked_up(status: u16, phrase: &str) -> Value {
    let (desk, mut meta) = by_sip(Keying::Sdes, |_| {}).await;
    let mut lia = desk.available("lia").await;
    let (_browser, invite) = place(&desk, &mut meta, &mut lia).await;
    let call = takes(invite);
    call.ring(None);
    let shown = lia.next_where("call", |frame| frame["call"]["state"] == "ringing").await;
    let id = shown["call"]["call_id"].as_str().unwrap().to_owned();
    call.refuse(refusal(status, phrase));
    desk.record(&id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_declines_does_not_answer_or_gets_no_audio() {
    let record = Box::pin(not_picked_up(486, "User declined")).await;
    assert_eq!(record["reason"], "user_rejected", "{record}");
    let record = Box::pin(not_picked_up(480, "Temporarily Unavailable")).await;
    assert_eq!(record["reason"], "user_did_not_answer", "{record}");
    let record = Box::pin(not_picked_up(408, "RTP Timeout")).await;
    assert_eq!(
        (&record["reason"], &record["code"]),
        (&json!("platform_reported"), &json!(138_021))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_agent_stops_calling_before_the_user_picks_up() {
    let (desk, mut meta) = by_sip(Keying::Sdes, |_| {}).await;
    let mut lia = desk.available("lia").await;
    let (_browser, invite) = place(&desk, &mut meta, &mut lia).await;
    let mut call = takes(invite);
    call.ring(None);
    let shown = lia.next_where("call", |frame| frame["call"]["state"] == "ringing").await;
    let id = shown["call"]["call_id"].as_str().unwrap().to_owned();
    lia.send(json!({"type": "hang_up", "call_id": id})).await;
    assert_eq!(told(&mut call).await, Told::Ended(End::Theirs));
    assert_eq!(desk.record(&id).await["reason"], "agent_cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_read_from_the_numbers_settings() {
    let settings = json!({"calling": {"status": "ENABLED", "sip": {"status": "ENABLED",
        "servers": [{"app_id": 1, "hostname": HOSTNAME, "port": 5061,
            "sip_user_password": crate::meta::PASSWORD}]}}});
    let (desk, meta) = by_sip(Keying::Sdes, |config| {
        config.lines.first.sip.as_mut().unwrap().password = None;
    })
    .await;
    let user = Voice::of_telephone(&desk.engine);
    let mut call = meta.calls("wacid.EARLY", user.keyed_offer());
    assert_eq!(news(&mut call).await, News::Ended(End::Unavailable), "not known yet");
    assert_eq!(call.refusal().map(|said| said.status), Some(503));
    desk.upstream.answer("settings", 200, settings, Duration::ZERO);
    let known = async {
        loop {
            let mut call = meta.calls(CALL, user.keyed_offer());
            if !matches!(news(&mut call).await, News::Ended(_)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), known).await.expect("it is asked for again");
    let asked = desk.upstream.asked();
    assert!(asked.iter().any(|it| it.path.ends_with("include_sip_credentials=true")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_asks_the_platform_by_sip_and_looks_at_our_certificate() {
    let (desk, _meta) = by_sip(Keying::Sdes, |_| {}).await;
    let report = desk.get("/v1/doctor").await;
    let findings = report["findings"].as_array().unwrap();
    let of = |check: &str| {
        let found = findings.iter().find(|it| it["check"] == check);
        found.unwrap_or_else(|| panic!("{check}: {report:#}")).clone()
    };
    let platform = of("sip.platform");
    assert_eq!(
        (&platform["code"], &platform["evidence"]),
        (&json!("sip_platform_answers"), &json!("200"))
    );
    let certificate = of("sip.certificate");
    assert_eq!(certificate["code"], "sip_certificate_unfit", "nobody public issued it");
    assert_eq!(certificate["facts"]["hostname"], HOSTNAME);
    assert_eq!(of("calling.sip")["code"], "sip_not_on", "the platform of the test says nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_calls_and_the_flow_speaks_when_the_user_picks_up() {
    let (desk, mut meta) = by_sip(Keying::Sdes, newest_rules).await;
    let until = now() + 600;
    let may = permissions("temporary", Some(until));
    desk.upstream.answer("call_permissions", 200, may, Duration::ZERO);
    let body = json!({"to": ANA, "flow": true});
    let placing = desk.post("/v1/calls", &body, None);
    let ringing = async {
        let invite = meta.called().await;
        let offer = invite.offer.clone().unwrap();
        let call = takes(invite);
        call.ring(None);
        (call, offer)
    };
    let ((status, placed), (mut call, offer)) = tokio::join!(placing, ringing);
    assert_eq!(status, 201, "{placed}");
    let id = placed["call_id"].as_str().unwrap().to_owned();
    let mut user = Voice::of_telephone(&desk.engine);
    call.answer(user.keyed_answer(&offer));
    assert_eq!(told(&mut call).await, Told::Standing);
    user.expect_tone(WELCOME_HZ).await;
    let (status, _) = desk.post(&format!("/v1/calls/{id}/hang_up"), &json!({}), None).await;
    assert_eq!(status, 204);
    assert_eq!(told(&mut call).await, Told::Ended(End::Theirs));
    assert_eq!(desk.record(&id).await["reason"], "program_hung_up");
}

/// Another runtime is torn away in the middle of a call.
#[test]
fn a_gateway_that_dies_in_a_call_leaves_it_to_the_platform_and_the_next_one_records_it() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let engine = engine::Engine::start(engine::Config::default()).unwrap();
    let user = Voice::of_telephone(&engine);
    let ((meta, setting), upstream) =
        runtime.block_on(async { (Meta::start(Keying::Sdes).await, Upstream::start().await) });
    let configured = || {
        let mut config = config(&upstream, Some(folder.path()));
        setting.apply(&mut config);
        config
    };
    let dying = tokio::runtime::Runtime::new().unwrap();
    let gateway = dying.block_on(serve(configured())).unwrap();
    let _call = runtime.block_on(async {
        let mut call = meta.calls(CALL, user.keyed_offer());
        answered(&mut call).await;
        call
    });
    dying.block_on(async { drop(gateway) });
    dying.shutdown_timeout(Duration::from_millis(100));

    runtime.block_on(async {
        let gateway = serve(configured()).await.unwrap();
        let desk =
            Desk { gateway, upstream: upstream.clone(), engine, http: reqwest::Client::new() };
        let record = desk.record(CALL).await;
        let of = (&record["reason"], &record["signalling"]);
        assert_eq!(of, (&json!("gateway_died"), &json!("sip")), "{record}");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(desk.upstream.count("terminate"), 0, "Graph knows nothing of it");
    });
}
