//! What a business may do with a user's call, and what it may not (fact sheet 3.6).

use handset::{CallError, Handset, Payloads, Settings};
use offhook_platform::clock::Mode;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused, send},
    business::Business,
    phones,
};

const BRUNO: &str = "5511988887777";

async fn rings(bench: &Bench) -> (String, Business) {
    let call = json!({ "to": BUSINESS });
    let (status, placed) = bench.sandbox(&format!("/users/{ANA}/call"), call).await;
    assert_eq!(status, 200, "{placed}");
    let id = placed["call_id"].as_str().unwrap().to_owned();
    (id, Business::answering(&bench.hook.wait("connect").await))
}

fn details(answer: &(u16, Value)) -> String {
    answer.1["error"]["error_data"]["details"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_rejected_call_takes_no_further_action() {
    let bench = Bench::start().await;
    let (id, business) = rings(&bench).await;
    assert_eq!(bench.action(&id, "reject").await.0, 200);
    for action in ["reject", "terminate"] {
        let answer = bench.action(&id, action).await;
        assert_eq!(refused(&answer), (400, 100), "{action}");
        assert!(details(&answer).contains("business_rejected"), "{}", details(&answer));
    }
    for action in ["pre_accept", "accept"] {
        let answer = bench.answer(&id, action, &business.sdp).await;
        assert_eq!(refused(&answer), (400, 100), "{action}");
    }
    bench.hook.wait("terminate").await;
}

#[tokio::test]
async fn terminate_works_once_also_before_the_answer() {
    let bench = Bench::start().await;
    let (id, business) = rings(&bench).await;
    assert_eq!(bench.answer(&id, "pre_accept", &business.sdp).await.0, 200);
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
    let again = bench.action(&id, "terminate").await;
    assert_eq!(refused(&again), (400, 100));
    assert!(details(&again).contains("business_terminated"), "{}", details(&again));
    let call = bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!(call["status"], "COMPLETED");
    assert!(call.get("start_time").is_none(), "{call}");
}

#[tokio::test]
async fn a_running_call_is_neither_accepted_nor_rejected() {
    let bench = Bench::start().await;
    let (id, business) = rings(&bench).await;
    assert_eq!(bench.answer(&id, "accept", &business.sdp).await.0, 200);
    for action in ["pre_accept", "accept"] {
        let answer = bench.answer(&id, action, &business.sdp).await;
        assert_eq!(refused(&answer), (400, 100), "{action}");
    }
    assert_eq!(refused(&bench.action(&id, "reject").await), (400, 100));
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
}

#[tokio::test]
async fn an_unknown_call_or_number_is_named() {
    let bench = Bench::start().await;
    let (id, business) = rings(&bench).await;
    let strange = bench.answer("wacid.NOBODY", "accept", &business.sdp).await;
    assert_eq!(refused(&strange), (400, 100));
    assert!(details(&strange).contains("no call with this id"), "{}", details(&strange));
    let body = json!({ "messaging_product": "whatsapp", "call_id": id, "action": "reject" });
    let request = bench.post("/v23.0/1/calls").bearer_auth("demo-token").json(&body);
    let answer = send(request).await;
    assert_eq!(refused(&answer), (400, 100));
    assert_eq!(answer.1["error"]["error_subcode"], 33);
    assert_eq!(bench.action(&id, "reject").await.0, 200, "nothing happened to it");
}

#[tokio::test]
async fn the_answer_window_closes_on_its_second() {
    for (wait, code) in [("PT44S", (200, 0)), ("PT45S", (500, 138_007))] {
        let bench = Bench::start().await;
        bench.clock.set_mode(Mode::Frozen);
        let (id, business) = rings(&bench).await;
        bench.clock.advance(wait).unwrap();
        if code.0 != 200 {
            bench.hook.wait("terminate").await;
        }
        for action in ["pre_accept", "accept"] {
            let answer = bench.answer(&id, action, &business.sdp).await;
            assert_eq!(refused(&answer), code, "{wait} {action}: {}", answer.1);
        }
    }
}

#[tokio::test]
async fn a_number_on_sip_takes_no_graph_actions() {
    let bench = Bench::start().await;
    let (id, business) = rings(&bench).await;
    let sip = json!({ "status": "ENABLED", "servers": [{ "hostname": "sip.shop.example" }] });
    let (status, answer) = bench.graph("settings", json!({ "calling": { "sip": sip } })).await;
    assert_eq!(status, 200, "{answer}");
    for action in ["pre_accept", "accept"] {
        let answer = bench.answer(&id, action, &business.sdp).await;
        assert_eq!(refused(&answer), (400, 131_055), "{action}");
    }
    assert_eq!(refused(&bench.action(&id, "terminate").await), (400, 131_055));
}

async fn phone(bench: &Bench, user: &str) -> (engine::Engine, Handset) {
    let engine = engine::Engine::start(engine::Config::default()).unwrap();
    let settings = Settings::new(bench.running.base_url(), user.parse().unwrap());
    let phone = Handset::connect(&engine, settings).await.unwrap();
    (engine, phone)
}

/// Rule and words of a call that does not go out.
async fn refusal(phone: &Handset) -> (String, String) {
    let called = phone.call(BUSINESS.parse().unwrap(), Payloads::default()).await;
    let Err(CallError::Refused { code, text, .. }) = called else {
        panic!("it went out: {called:?}")
    };
    (code, text)
}

#[tokio::test]
async fn above_the_concurrent_calls_the_caller_hears_nothing_of_it() {
    let rules = [("limits.concurrent".to_owned(), "1".to_owned())].into();
    let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    rings(&bench).await;
    let (_engine, bruno) = phone(&bench, BRUNO).await;
    let said = refusal(&bruno).await;
    assert_eq!(said, ("limits.concurrent".to_owned(), "The call cannot be placed.".to_owned()));
    assert_eq!(bench.hook.events(), ["connect"], "no webhook of the second");
    // The one that runs makes room.
    bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await;
    bench.hook.wait("terminate").await;
    bruno.call(BUSINESS.parse().unwrap(), Payloads::default()).await.unwrap();
}

#[tokio::test]
async fn the_third_caller_of_two_hears_only_that_it_does_not_work() {
    let rules = [("limits.concurrent".to_owned(), "2".to_owned())].into();
    let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    rings(&bench).await;
    let dial = json!({ "type": "call", "to": BUSINESS, "sdp": Business::offering().sdp });
    let mut bruno = phones::phone(&bench, BRUNO).await;
    assert_eq!(phones::say(&mut bruno, &dial.to_string()).await["type"], "calling");
    let mut chidi = phones::phone(&bench, "2348030000003").await;
    let frame = phones::say(&mut chidi, &dial.to_string()).await;
    assert_eq!((&frame["type"], &frame["what"]), (&json!("refused"), &json!("call")));
    assert_eq!(frame["text"], "The call cannot be placed.");
    assert!(frame.get("callback").is_none() && frame.get("opens_at").is_none(), "{frame}");
    let sdp = Business::offering().sdp;
    let connect = json!({ "messaging_product": "whatsapp", "to": "2348030000003",
        "action": "connect", "session": { "sdp_type": "offer", "sdp": sdp } });
    for (path, body) in [
        ("message", json!({ "to": BUSINESS, "text": "hello" })),
        ("permission", json!({ "to": BUSINESS, "action": "accept_permanent" })),
    ] {
        let path = format!("/users/2348030000003/{path}");
        assert_eq!(bench.sandbox(&path, body).await.0, 200);
    }
    let full = bench.graph("calls", connect).await;
    assert_eq!(refused(&full), (429, 138_002), "the business is told the limit");
}

#[tokio::test]
async fn a_holiday_blocks_calls_where_the_week_would_take_them() {
    for (means, open_at, closed_at) in [("open", "13:30", "12:00"), ("closed", "14:00", "13:30")] {
        let rules = [("hours.holiday_means".to_owned(), means.to_owned())].into();
        let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
        bench.clock.set_mode(Mode::Frozen);
        bench.clock.set("2026-11-20T09:00:00Z".parse().unwrap());
        // A Monday; the holiday is from 13 to 13:59.
        let hours = json!({ "status": "ENABLED", "timezone_id": "UTC",
            "weekly_operating_hours": [
                { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800" }],
            "holiday_schedule": [
                { "date": "2026-11-23", "start_time": "1300", "end_time": "1359" }] });
        let set = bench.graph("settings", json!({ "calling": { "call_hours": hours } })).await;
        assert_eq!(set.0, 200, "{}", set.1);
        let call = async |at: &str| {
            bench.clock.set(format!("2026-11-23T{at}:00Z").parse().unwrap());
            bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await
        };
        let closed = call(closed_at).await;
        assert_eq!(
            (closed.0, &closed.1["rule"]),
            (409, &json!("hours.open")),
            "{means}: {closed:?}"
        );
        assert!(bench.hook.all().is_empty(), "no webhook of a blocked attempt");
        let open = call(open_at).await;
        assert_eq!(open.0, 200, "{means}: {open:?}");
        bench.hook.wait("connect").await;
    }
}

#[tokio::test]
async fn a_phone_asks_a_closed_business_to_call_back() {
    let bench = Bench::start().await;
    bench.clock.set_mode(Mode::Frozen);
    // A Sunday.
    bench.clock.set("2026-11-22T15:00:00Z".parse().unwrap());
    let mut ana = phones::phone(&bench, ANA).await;
    let ask = json!({ "type": "ask_callback", "to": BUSINESS }).to_string();
    let open = phones::say(&mut ana, &ask).await;
    let refusal = (&json!("refused"), &json!("ask_callback"), &json!("hours.callback"));
    assert_eq!((&open["type"], &open["what"], &open["code"]), refusal, "{open}");
    let hours = json!({ "status": "ENABLED", "timezone_id": "America/Sao_Paulo",
        "weekly_operating_hours": [
            { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800" }] });
    let set = bench.graph("settings", json!({ "calling": { "call_hours": hours } })).await;
    assert_eq!(set.0, 200, "{}", set.1);
    assert_eq!(phones::next(&mut ana).await["type"], "business");
    let entry = phones::say(&mut ana, &ask).await;
    assert_eq!(entry["entry"]["kind"], "permission_reply", "{entry}");
    assert_eq!(entry["entry"]["state"], "temporary");
    let told = bench.hook.wait("accept").await;
    let message = &told["messages"][0];
    let reply = &message["interactive"]["call_permission_reply"];
    assert_eq!(
        (&reply["is_permanent"], &reply["response_source"]),
        (&json!(false), &json!("automatic"))
    );
    assert!(message["context"]["id"].as_str().unwrap().starts_with("wacid."), "{message}");
    assert_eq!(bench.hook.events(), ["accept"], "and no call");
}

#[tokio::test]
async fn out_of_hours_the_user_sees_the_next_opening_and_the_callback_and_no_webhook_goes() {
    let bench = Bench::start().await;
    bench.clock.set_mode(Mode::Frozen);
    // A Sunday.
    bench.clock.set("2026-11-22T15:00:00Z".parse().unwrap());
    let hours = json!({ "status": "ENABLED", "timezone_id": "America/Sao_Paulo",
        "weekly_operating_hours": [
            { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800" }] });
    let (status, answer) =
        bench.graph("settings", json!({ "calling": { "call_hours": hours } })).await;
    assert_eq!(status, 200, "{answer}");
    let mut ana = phones::phone(&bench, ANA).await;
    let offer = Business::offering().sdp;
    let call = json!({ "type": "call", "to": BUSINESS, "sdp": offer });
    let refused = phones::say(&mut ana, &call.to_string()).await;
    assert_eq!(refused["code"], "hours.open");
    assert_eq!(refused["opens_at"], "2026-11-23T12:00:00Z", "nine in São Paulo");
    assert_eq!(refused["callback"], true);
    assert!(bench.hook.all().is_empty(), "{:?}", bench.hook.events());
    // Asking to be called back gives the permission.
    let ask = json!({ "type": "permission", "to": BUSINESS, "choice": "temporary" });
    phones::say(&mut ana, &ask.to_string()).await;
    let reply = bench.hook.wait("accept").await;
    let reply = &reply["messages"][0]["interactive"]["call_permission_reply"];
    assert_eq!(reply["is_permanent"], false);
}

#[tokio::test]
async fn an_account_that_cannot_pay_does_not_answer() {
    let bench = Bench::start().await;
    let (id, business) = rings(&bench).await;
    let account = "/sandbox/v1/accounts/201234567890123";
    let pays = |valid: bool| send(bench.put(account).json(&json!({ "payment_valid": valid })));
    let changed = pays(false).await;
    assert_eq!(changed.0, 200, "{}", changed.1);
    for (nth, action) in ["pre_accept", "accept"].into_iter().enumerate() {
        let answer = bench.answer(&id, action, &business.sdp).await;
        assert_eq!(refused(&answer), (400, 131_044), "{action}");
        let told = bench.hook.wait_nth("other", nth).await;
        assert_eq!(told["errors"][0]["code"], 131_044, "{told}");
    }
    assert_eq!(pays(true).await.0, 200);
    assert_eq!(bench.answer(&id, "accept", &business.sdp).await.0, 200, "and the call still waits");
}
