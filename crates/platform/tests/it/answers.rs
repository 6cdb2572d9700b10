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
    let Err(CallError::Refused { code, text }) = called else { panic!("it went out: {called:?}") };
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
