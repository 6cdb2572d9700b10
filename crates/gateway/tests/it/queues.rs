//! Callers wait for agents, or are called back.

use std::time::Duration;

use media::dtmf::Digit;
use offhook_gateway::{
    Config, Running,
    config::{FlowSource, Queue},
    serve,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    access::{HOUSE, ask, log_in},
    desk::{
        ANA, BYE_HZ, CALL, Console, Desk, HOLD_HZ, accept, config, newest_rules, now, permissions,
        terminate,
    },
    voice::{BUSY_GAP_MAX, Voice, tone_file},
};

const SECOND: &str = "wacid.TESTCALL2";
const THIRD: &str = "wacid.TESTCALL3";
const FIRST_HZ: f32 = 500.0;
const KEPT_HZ: f32 = 700.0;
const DAY_S: i64 = 86_400;

const FLOW: &str = r#"
start = "wait"
[step.wait]
queue = "support"
announce = "position"
max_length = 1
callback = { key = "1", next = "kept" }
overflow = "bye"
[step.kept]
play = "kept"
next = "recorded"
[step.recorded]
record = "on"
next = "end"
[step.bye]
play = "bye"
next = "end"
[step.end]
hang_up = true
"#;

/// One queue for those who know about billing: Lia.
pub(crate) fn with_a_queue(config: &mut Config) {
    let prompts = [("position-1", FIRST_HZ), ("kept", KEPT_HZ), ("bye", BYE_HZ), ("hold", HOLD_HZ)];
    let prompts = prompts.map(|(name, hz)| (name.to_owned(), tone_file(hz, 1_000)));
    config.lines.first.flow =
        Some(FlowSource::Embedded { toml: FLOW.into(), prompts: prompts.into() });
    config.agents[0].skills.insert("billing".into());
    let house = config.organisations[0].id.clone();
    let mut queue = Queue::new("support", house);
    queue.skills.insert("billing".into());
    config.queues = vec![queue];
    config.wrap_up = Duration::from_millis(400);
    newest_rules(config);
}

/// A user calls, waits and asks to be called back.
pub(crate) async fn asks_for_a_callback(desk: &Desk, call: &str) {
    let mut user = desk.user_calls(call).await;
    user.expect_tone(HOLD_HZ).await;
    user.leg.send_digit(Digit::new('1').unwrap(), 120);
    user.expect_tone(KEPT_HZ).await;
    desk.upstream.wait_for_call("terminate", call).await;
    desk.webhook(&terminate(call, "USER_INITIATED", Some(4))).await;
}

async fn take(desk: &Desk, console: &mut Console, call: &str) -> Voice {
    let browser = Voice::of_browser(&desk.engine);
    let sdp = browser.browser_offer();
    console.send(json!({"type": "answer", "call_id": call, "sdp": sdp})).await;
    let answer = console.next("answer").await;
    browser.take_browser_answer(answer["sdp"].as_str().unwrap());
    browser
}

fn kinds(events: &Value) -> Vec<&str> {
    events["events"].as_array().unwrap().iter().filter_map(|event| event["type"].as_str()).collect()
}

/// Somebody who was added at run time, at a console and ready for calls.
async fn newcomer(desk: &Desk, id: &str, skills: Value) -> Console {
    let user = json!({"id": id, "role": "agent", "skills": skills, "password": "a long word"});
    let added = ask(desk, Method::POST, "/v1/users", HOUSE, Some(user)).await;
    assert_eq!(added.status, 201, "{}", added.body);
    let cookie = log_in(desk, id, "a long word").await.unwrap();
    let mut console = desk.open_console(&cookie).await;
    console.send(json!({"type": "presence", "state": "available"})).await;
    let there = |agent: &Value| agent["id"] == id && agent["state"] == "available";
    let fits = |frame: &Value| frame["agents"].as_array().is_some_and(|all| all.iter().any(there));
    console.next_where("agents", fits).await;
    console
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_added_at_run_time_gets_the_calls_that_their_skills_fit() {
    let desk = Desk::start_with(None, with_a_queue).await;
    let mut otto = newcomer(&desk, "otto", json!(["pt"])).await;
    let mut nina = newcomer(&desk, "nina", json!(["billing"])).await;
    let _user = desk.user_calls(CALL).await;
    nina.next("ringing").await;
    nina.send(json!({"type": "decline", "call_id": CALL})).await;
    let waits_alone = |queues: &Value| {
        let first = &queues["queues"][0]["waiting"][0];
        first["call_id"] == CALL && first["offered_to"].is_null()
    };
    let queues = desk.get_until("/v1/queues", waits_alone).await;
    assert_eq!(queues["queues"][0]["agents"]["available"], 1, "Nina, not Otto: {queues}");

    let learns = async |skills: Value| {
        let body = Some(json!({"skills": skills}));
        ask(&desk, Method::PATCH, "/v1/users/otto", HOUSE, body).await
    };
    for wrong in [json!([""]), json!(["a,b"]), json!([" pt"]), json!(["x".repeat(65)])] {
        let refused = learns(wrong).await;
        assert_eq!((refused.status, &refused.body["code"]), (422, &json!("user.skills")));
    }
    assert_eq!(learns(json!(["billing", "pt"])).await.status, 200);
    otto.next("ringing").await;
    let rang = otto.seen.iter().filter(|frame| frame["type"] == "ringing").count();
    assert_eq!(rang, 1, "only once he knew, and in the same console");
    let users = desk.get("/v1/users").await;
    let known = users["users"].as_array().unwrap().iter().find(|user| user["id"] == "otto");
    assert_eq!(known.unwrap()["skills"], json!(["billing", "pt"]));
    let audit = desk.get("/v1/audit").await;
    let detail = &audit["entries"][0]["detail"];
    assert_eq!(*detail, json!({"skills": ["billing", "pt"]}), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_caller_waits_with_music_and_is_offered_after_wrap_up() {
    let desk = Desk::start_with(None, with_a_queue).await;
    let mut sol = desk.available("sol").await;
    let mut lia = desk.available("lia").await;
    let first = desk.user_calls(CALL).await;
    assert_eq!(lia.next("ringing").await["call"]["queue"]["name"], "support");
    let mut browser = take(&desk, &mut lia, CALL).await;
    lia.next_where("call", |frame| frame["call"]["state"] == "connected").await;

    let mut second = desk.user_calls(SECOND).await;
    second.expect_tone(FIRST_HZ).await;
    second.expect_tone(HOLD_HZ).await;
    let waits = |frame: &Value| frame["queues"][0]["waiting"][0]["call_id"] == SECOND;
    let board = sol.next_where("queues", waits).await;
    assert_eq!(board["queues"][0]["agents"]["busy"], 1);
    let mut third = desk.user_calls(THIRD).await;
    third.expect_tone(BYE_HZ).await;
    let queues = desk.get("/v1/queues").await;
    let queue = &queues["queues"][0];
    assert_eq!(queue["waiting"][0]["position"], 1, "{queue}");
    let metrics = desk.metrics().await;
    assert!(metrics.contains("queue=\"support\"} 1"), "one waits: {metrics}");
    assert!(metrics.contains("queue_wait_seconds_count{left=\"answered\"} 1"), "{metrics}");
    assert_eq!(queue["waiting"][0]["estimated_wait_s"], Value::Null, "nothing was handled yet");
    assert_eq!(
        (&queue["today"]["answered"], &queue["today"]["overflowed"]),
        (&json!(1), &json!(1))
    );

    lia.send(json!({"type": "hang_up", "call_id": CALL})).await;
    lia.next_where("agents", |frame| frame["agents"][0]["state"] == "wrap_up").await;
    lia.next_where("ringing", |frame| frame["call"]["call_id"] == SECOND).await;
    let states: Vec<&Value> = lia
        .seen
        .iter()
        .filter(|frame| frame["type"] == "agents")
        .map(|frame| &frame["agents"][0]["state"])
        .collect();
    assert!(states.contains(&&json!("wrap_up")), "{states:?}");
    browser.packets();
    let mut browser = take(&desk, &mut lia, SECOND).await;
    browser.connected().await;
    browser.play(1_200.0);
    second.expect_tone(1_200.0).await;
    desk.webhook(&terminate(SECOND, "USER_INITIATED", Some(5))).await;
    let record = desk.record(SECOND).await;
    assert_eq!(record["queue_record"]["left"], "answered", "{record}");
    check_times(&record);
    assert_eq!(record["queue_record"]["offered_to"], json!(["lia"]));
    let events = desk.get(&format!("/v1/events?call_id={SECOND}")).await;
    let told = ["call.ringing", "call.accepted", "call.answered", "call.queued", "call.assigned"];
    assert_eq!(kinds(&events)[..5], told);
    assert_eq!(events["events"][3]["data"]["queue"]["position"], 1);
    assert_eq!(events["events"][4]["data"]["queue"]["name"], "support");
    // The first call's record learns how long the agent wrapped up, though the call still ran then.
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(3))).await;
    let is_known = |record: &Value| record["wrap_up_s"].is_u64();
    let record = desk.get_until(&format!("/v1/calls/{CALL}"), is_known).await;
    assert_eq!(record["wrap_up_s"], 0, "0.4 s: {record}");
    drop(first);
}

/// A queued call was accepted, had media, rang and was picked up, in this order.
fn check_times(record: &Value) {
    let at = |field: &str| -> jiff::Timestamp {
        let text = record[field].as_str().unwrap_or_else(|| panic!("{field}: {record}"));
        text.parse().unwrap()
    };
    assert!(at("started_at") <= at("accepted_at"), "{record}");
    assert!(at("accepted_at") <= at("ringing_at"), "{record}");
    // When it ended is the platform's word, and the test's platform counts in whole seconds of its own.
    let ended = at("ended_at") + jiff::SignedDuration::from_secs(2);
    assert!(at("ringing_at") <= ended && at("media_at") <= ended, "{record}");
    assert!(record["ring_s"].as_u64().is_some_and(|seconds| seconds < 10), "{record}");
    assert_eq!(record["platform_status"], "COMPLETED");
    assert_eq!(record["whatsapp_leg"]["codec"], "opus");
    assert_eq!(record["agent_leg"]["codec"], "opus");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hangs_up_in_a_queue_is_missed_and_an_agent_who_declines_is_not_asked_at_once() {
    let desk = Desk::start_with(None, with_a_queue).await;
    let mut lia = desk.available("lia").await;
    let _user = desk.user_calls(CALL).await;
    lia.next("ringing").await;
    lia.send(json!({"type": "decline", "call_id": CALL})).await;
    lia.next("ring_stopped").await;
    let waits_alone = |queues: &Value| {
        let first = &queues["queues"][0]["waiting"][0];
        first["call_id"] == CALL && first["offered_to"].is_null()
    };
    desk.get_until("/v1/queues", waits_alone).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    let record = desk.record(CALL).await;
    assert_eq!(record["queue_record"]["left"], "abandoned");
    assert_eq!(record["queue_record"]["offered_to"], json!(["lia"]));
    let events = desk.get(&format!("/v1/events?call_id={CALL}")).await;
    let missed = events["events"].as_array().unwrap().iter().find(|e| e["type"] == "call.missed");
    assert_eq!(missed.unwrap()["data"]["missed"], "abandoned", "{events}");
    let queues = desk.get("/v1/queues").await;
    assert_eq!(queues["queues"][0]["today"]["abandoned"], 1);
    assert_eq!(queues["queues"][0]["today"]["service_level_percent"], 0);

    let presence = |state: &str| json!({"state": state});
    let (status, _) = desk.post("/v1/agents/lia/presence", &presence("wrap_up"), None).await;
    assert_eq!(status, 204);
    let agents = desk.get("/v1/agents").await;
    assert_eq!(agents["agents"][0]["state"], "wrap_up");
    assert_eq!(agents["agents"][0]["skills"], json!(["billing"]));
    desk.post("/v1/agents/lia/presence", &presence("available"), None).await;
    assert!(desk.get("/v1/agents").await["agents"][0]["idle_s"].is_u64());
    let (status, body) = desk.post("/v1/agents/rui/presence", &presence("away"), None).await;
    assert_eq!((status, &body["code"]), (409, &json!("agent.offline")));
    assert_eq!(desk.post("/v1/agents/nobody/presence", &presence("away"), None).await.0, 404);
}

/// A gateway again, on the same folder.
async fn again(desk: Desk, folder: &std::path::Path) -> Desk {
    let Desk { gateway, upstream, engine, http } = desk;
    gateway.stop().await;
    let mut config = config(&upstream, Some(folder));
    with_a_queue(&mut config);
    let gateway: Running = serve(config).await.unwrap();
    Desk { gateway, upstream, engine, http }
}

fn in_state(state: &'static str) -> impl Fn(&Value) -> bool {
    move |list| list["callbacks"][0]["state"] == state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_outlives_the_gateway_waits_for_consent_and_is_called_by_an_agent() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(folder.path()), with_a_queue).await;
    asks_for_a_callback(&desk, CALL).await;
    assert_eq!(desk.record(CALL).await["queue_record"]["left"], "callback");

    let desk = again(desk, folder.path()).await;
    desk.get_until("/v1/callbacks", in_state("waiting")).await;
    let mut lia = desk.available("lia").await;
    let asking = desk.get_until("/v1/callbacks", in_state("asking")).await;
    assert_eq!(asking["callbacks"][0]["from_call"], CALL);
    assert_eq!(desk.upstream.count("connect"), 0, "no permission, no call");
    let allowed = permissions("temporary", Some(now() + 7 * DAY_S));
    desk.upstream.answer("call_permissions", 200, allowed, Duration::ZERO);
    desk.reply("wamid.YES", &accept(now() + 7 * DAY_S)).await;
    let offered = lia.next("offered").await;
    assert_eq!(offered["offer"]["to"]["wa_id"], ANA);
    assert_eq!(offered["offer"]["cause"], "callback");
    let browser = Voice::of_browser(&desk.engine);
    let sdp = browser.browser_offer();
    let take = json!({"type": "take", "offer_id": offered["offer"]["offer_id"], "sdp": sdp});
    lia.send(take).await;
    let answer = lia.next("answer").await;
    browser.take_browser_answer(answer["sdp"].as_str().unwrap());
    let placed = desk.get_until("/v1/callbacks", in_state("placed")).await;
    assert_eq!(placed["callbacks"][0]["call_id"], answer["call_id"]);
    assert_eq!(desk.upstream.count("connect"), 1);
    let id = placed["callbacks"][0]["callback_id"].as_str().unwrap();
    let url = desk.url(&format!("/v1/callbacks/{id}"));
    let answer = desk.http.delete(url).bearer_auth("demo-api-key").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 409, "too late to take it back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_takes_a_place_in_a_queue_for_a_user() {
    let desk = Desk::start_with(None, with_a_queue).await;
    let allowed = permissions("temporary", Some(now() + 7 * DAY_S));
    desk.upstream.answer("call_permissions", 200, allowed, Duration::ZERO);
    let wanted = json!({"queue": "support", "to": ANA, "priority": 3});
    let (status, made) = desk.post("/v1/callbacks", &wanted, None).await;
    assert_eq!((status, &made["state"]), (201, &json!("waiting")), "{made}");
    assert_eq!((&made["from_call"], &made["priority"]), (&Value::Null, &json!(3)));
    let (status, body) = desk.post("/v1/callbacks", &wanted, None).await;
    assert_eq!((status, &body["code"]), (409, &json!("callback.already")));
    for (name, wrong) in [("queue", json!("sales")), ("priority", json!(10))] {
        let mut body = wanted.clone();
        body[name] = wrong;
        assert_eq!(desk.post("/v1/callbacks", &body, None).await.0, 400, "{name}");
    }
    let waits =
        |list: &Value| list["queues"][0]["waiting"][0]["callback_id"] == made["callback_id"];
    desk.get_until("/v1/queues", waits).await;
    let mut lia = desk.comes("lia").await;
    let offered = lia.next("offered").await;
    assert_eq!(offered["offer"]["offer_id"], made["callback_id"]);
    assert_eq!(offered["offer"]["to"]["wa_id"], ANA);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_calls_a_user_for_an_agent_who_takes_it_first() {
    let desk = Desk::start_with(None, newest_rules).await;
    let request = json!({"to": ANA, "agent": "lia"});
    let place = || desk.post("/v1/calls", &request, Some("k"));
    assert_eq!(place().await.1["rule"], "permission.required");
    let allowed = permissions("temporary", Some(now() + 7 * DAY_S));
    desk.upstream.answer("call_permissions", 200, allowed, Duration::ZERO);
    let (status, body) = place().await;
    assert_eq!((status, &body["code"]), (409, &json!("agent.not_available")));

    let mut lia = desk.available("lia").await;
    let pass = async {
        let offered = lia.next("offered").await;
        assert_eq!(offered["offer"]["cause"], "program");
        let id = &offered["offer"]["offer_id"];
        lia.send(json!({"type": "pass", "offer_id": id})).await;
        assert_eq!(lia.next("offer_stopped").await["offer_id"], *id);
    };
    let ((_, body), ()) = tokio::join!(place(), pass);
    assert_eq!(body["code"], "agent.declined");
    assert_eq!(desk.upstream.count("connect"), 0);

    let take = async {
        let offered = lia.next("offered").await;
        let sdp = Voice::of_browser(&desk.engine).browser_offer();
        let id = &offered["offer"]["offer_id"];
        lia.send(json!({"type": "take", "offer_id": id, "sdp": sdp})).await;
        lia.next("answer").await
    };
    let ((status, body), answer) = tokio::join!(place(), take);
    assert_eq!((status, &body["call_id"]), (201, &answer["call_id"]), "{body}");
    assert_eq!(body["agent"], "lia");
    let (_, repeated) = place().await;
    assert_eq!(repeated, body, "the same key calls once");
    assert_eq!(desk.upstream.count("connect"), 1);
    let wrong = json!({"to": ANA, "agent": "lia", "flow": true});
    assert_eq!(desk.post("/v1/calls", &wrong, None).await.0, 400);
}

#[tokio::test]
async fn a_flow_that_waits_in_an_unknown_queue_does_not_start() {
    let desk = Desk::start().await;
    let mut config = config(&desk.upstream, None);
    with_a_queue(&mut config);
    config.queues.clear();
    let error = serve(config).await.unwrap_err().to_string();
    let why = "line 4, step `wait`: the configuration has no queue `support`";
    assert!(error.contains(why), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_gives_a_call_to_a_queue_and_who_serves_it_gets_it() {
    let desk = Desk::start_with(None, |config| {
        with_a_queue(config);
        config.ring_first = Some(true);
    })
    .await;
    let mut rui = desk.available("rui").await;
    let mut user = desk.user_calls(CALL).await;
    rui.next("ringing").await;
    let browser = take(&desk, &mut rui, CALL).await;
    browser.play(FIRST_HZ);
    user.expect_tone(FIRST_HZ).await;
    user.continuous.start();
    let to = json!({"to": {"kind": "queue", "name": "support"}});
    assert_eq!(desk.post(&format!("/v1/calls/{CALL}/transfer"), &to, None).await.0, 204);
    user.expect_tone(HOLD_HZ).await;
    let waits = |queues: &Value| queues["queues"][0]["waiting"][0]["call_id"] == CALL;
    desk.get_until("/v1/queues", waits).await;
    // Rui knows nothing about billing; Lia is rung as soon as she takes calls.
    let mut lia = desk.comes("lia").await;
    lia.next("ringing").await;
    let browser = take(&desk, &mut lia, CALL).await;
    browser.play(KEPT_HZ);
    user.expect_tone(KEPT_HZ).await;
    user.continuous.assert(BUSY_GAP_MAX);
    // And who got it from the queue gives it away once more.
    let to = json!({"to": {"kind": "flow", "step": "bye"}});
    assert_eq!(desk.post(&format!("/v1/calls/{CALL}/transfer"), &to, None).await.0, 204);
    desk.upstream.wait_for_call("terminate", CALL).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(4))).await;
    let record = desk.record(CALL).await;
    assert_eq!(
        (&record["agent"], &record["queue_record"]["left"]),
        (&json!("lia"), &json!("answered"))
    );
    let mut given = record["transfers"].clone();
    for transfer in given.as_array_mut().unwrap() {
        transfer.as_object_mut().unwrap().remove("at").expect("a time");
    }
    assert_eq!(given, json!([{"from": "rui", "queue": "support"}, {"from": "lia"}]));
}
