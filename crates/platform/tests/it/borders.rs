//! Rules that only the server reads, at their borders.

use offhook_platform::{Config, clock::Mode};
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused},
    business::Business,
    home,
};

async fn with_rule(path: &str, value: &str) -> Bench {
    let rules = [(path.to_owned(), value.to_owned())].into();
    Bench::with(Config { rules, ..config() }).await
}

#[tokio::test]
async fn a_text_to_echo_is_as_long_as_the_rulebook_lets_it() {
    let bench = with_rule("call.opaque_chars_max", "600").await;
    let business = Business::offering();
    let dial = async |chars: usize| {
        let body = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
            "session": { "sdp_type": "offer", "sdp": business.sdp },
            "biz_opaque_callback_data": "é".repeat(chars) });
        refused(&bench.graph("calls", body).await)
    };
    let not_allowed = (401, 138_006);
    assert_eq!(dial(599).await, not_allowed);
    assert_eq!(dial(600).await, not_allowed);
    assert_eq!(dial(601).await, (400, 100));
}

#[tokio::test]
async fn permission_reads_are_counted_by_the_second() {
    let bench = with_rule("limits.permission_reads_per_second", "2").await;
    bench.clock.set_mode(Mode::Frozen);
    let read = async || bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    assert_eq!((read().await.0, read().await.0), (200, 200));
    assert_eq!(refused(&read().await), (429, 613));
    bench.clock.advance("PT1S").unwrap();
    assert_eq!((read().await.0, read().await.0), (200, 200));
    assert_eq!(refused(&read().await), (429, 613));
}

async fn set_sip(bench: &Bench, servers: &[Value]) -> (u16, Value) {
    let sip = json!({ "status": "ENABLED", "servers": servers });
    bench.graph("settings", json!({ "calling": { "sip": sip } })).await
}

fn server(name: &str, parameter: usize) -> Value {
    json!({ "hostname": name, "request_uri_user_params": { "k": "é".repeat(parameter) } })
}

#[tokio::test]
async fn sip_servers_parameters_and_ports_are_the_rulebooks() {
    let bench = Bench::start().await;
    let one = [server("a.example", 128)];
    assert_eq!(set_sip(&bench, &one).await.0, 200);
    let refusal = set_sip(&bench, &[server("a.example", 129)]).await;
    assert_eq!(refused(&refusal), (400, 100), "{refusal:?}");
    let two = [server("a.example", 1), server("b.example", 1)];
    assert_eq!(refused(&set_sip(&bench, &two).await), (400, 100));
    let shown = bench.graph_get("/settings").await.1;
    assert_eq!(shown["calling"]["sip"]["servers"][0]["port"], 5061, "{shown}");

    let bench = with_rule("settings.sip_servers_max", "2").await;
    assert_eq!(set_sip(&bench, &two).await.0, 200);
    let three = [server("a.example", 1), server("b.example", 1), server("c.example", 1)];
    assert_eq!(refused(&set_sip(&bench, &three).await), (400, 100));
    let bench = with_rule("settings.sip_parameter_chars_max", "129").await;
    assert_eq!(set_sip(&bench, &[server("a.example", 129)]).await.0, 200);
    assert_eq!(refused(&set_sip(&bench, &[server("a.example", 130)]).await), (400, 100));
    let bench = with_rule("settings.sip_port_default", "5062").await;
    assert_eq!(set_sip(&bench, &one).await.0, 200);
    let shown = bench.graph_get("/settings").await.1;
    assert_eq!(shown["calling"]["sip"]["servers"][0]["port"], 5062, "{shown}");
}

fn asks(words: usize) -> Value {
    json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
        "interactive": { "type": "call_permission_request", "body": { "text": "é".repeat(words) },
            "action": { "name": "call_permission_request" } } })
}

#[tokio::test]
async fn words_are_as_long_as_the_rulebook_lets_them() {
    let text = |chars: usize| {
        json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text",
                "text": { "body": "é".repeat(chars) } })
    };
    let bench = with_rule("messages.text_chars_max", "9").await;
    bench.open_window().await;
    for (chars, status) in [(8, 200), (9, 200), (10, 400)] {
        let (answered, body) = bench.graph("messages", text(chars)).await;
        assert_eq!(answered, status, "{body}");
        let said = json!({ "to": BUSINESS, "text": "é".repeat(chars) });
        let (answered, body) = bench.sandbox(&format!("/users/{ANA}/message"), said).await;
        assert_eq!(answered, status, "{body}");
    }
    let long = bench.graph("messages", text(10)).await;
    assert_eq!(refused(&long), (400, 131_009));
    let bench = with_rule("messages.body_chars_max", "9").await;
    bench.open_window().await;
    assert_eq!(refused(&bench.graph("messages", asks(10)).await), (400, 131_009));
    assert_eq!(bench.graph("messages", asks(9)).await.0, 200);
}

#[tokio::test]
async fn a_day_of_the_limits_is_as_long_as_the_rulebook_says() {
    let bench = with_rule("limits.day", "90 min").await;
    bench.clock.set_mode(Mode::Frozen);
    bench.open_window().await;
    assert_eq!(bench.graph("messages", asks(1)).await.0, 200);
    bench.clock.advance("PT1H29M59S").unwrap();
    let early = bench.graph("messages", asks(1)).await;
    assert_eq!(refused(&early), (400, 138_009));
    let details = early.1["error"]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("1 of 1 call permission requests used in 90 minutes"), "{details}");
    let shown = bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await.1;
    let period = &shown["actions"][0]["limits"][0]["time_period"];
    assert_eq!(period, "PT1H30M", "{shown}");
    bench.clock.advance("PT1S").unwrap();
    assert_eq!(bench.graph("messages", asks(1)).await.0, 200);
}

#[tokio::test]
async fn a_refusal_names_the_window_as_long_as_it_is() {
    let bench = with_rule("window.length", "2 h").await;
    bench.open_window().await;
    bench.clock.advance("PT2H").unwrap();
    let text = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text",
                       "text": { "body": "hello" } });
    let answer = bench.graph("messages", text).await;
    assert_eq!(refused(&answer), (400, 131_047));
    let details = answer.1["error"]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("the 2-hour customer service window"), "{details}");
}

#[tokio::test]
async fn a_triggered_restriction_is_as_long_as_the_rulebook_says() {
    let bench = with_rule("quality.restriction_length", "2 d").await;
    bench.clock.set_mode(Mode::Frozen);
    let (status, told) = bench.sandbox("/trigger", json!({ "event": "account.restriction" })).await;
    assert_eq!(status, 200, "{told}");
    bench.hook.wait("other").await;
    let body: Value = serde_json::from_slice(&bench.hook.all()[0].body).unwrap();
    let change = &body["entry"][0]["changes"][0]["value"];
    let until = change["restriction_info"][0]["expiration"].as_i64().unwrap();
    assert_eq!(until, bench.clock.now().unix() + 2 * 86_400, "{change}");
}

#[tokio::test]
async fn a_request_without_an_action_is_what_its_session_says() {
    let business = Business::offering();
    let offer = json!({ "messaging_product": "whatsapp", "to": ANA,
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let details = |answer: &(u16, Value)| answer.1["error"]["error_data"]["details"].clone();
    let bench = Bench::start().await;
    let refusal = bench.graph("calls", offer.clone()).await;
    assert_eq!(refused(&refusal), (400, 100));
    assert_eq!(details(&refusal), "action is required");

    let bench = with_rule("call.action_required", "false").await;
    assert_eq!(refused(&bench.graph("calls", offer).await), (401, 138_006), "it is a connect");
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    let business = Business::answering(&bench.hook.wait("connect").await);
    let id = placed.1["call_id"].as_str().unwrap();
    let answer = json!({ "messaging_product": "whatsapp", "call_id": id,
        "session": { "sdp_type": "answer", "sdp": business.sdp } });
    assert_eq!(bench.graph("calls", answer).await.0, 200, "it is an accept");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(seen["state"], "accepted", "{seen}");
    let bare = json!({ "messaging_product": "whatsapp", "call_id": id });
    let refusal = bench.graph("calls", bare).await;
    assert_eq!(details(&refusal), "action is required", "nothing says which");
}

#[tokio::test]
async fn a_second_pre_accept_is_answered_as_the_rulebook_says() {
    for (says, answered) in [("success", (200, 0)), ("refused", (400, 100))] {
        let bench = with_rule("call.repeated_pre_accept", says).await;
        let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
        let business = Business::answering(&bench.hook.wait("connect").await);
        let id = placed.1["call_id"].as_str().unwrap();
        assert_eq!(bench.answer(id, "pre_accept", &business.sdp).await.0, 200);
        assert_eq!(refused(&bench.answer(id, "pre_accept", &business.sdp).await), answered);
        assert_eq!(bench.answer(id, "accept", &business.sdp).await.0, 200, "the call goes on");
    }
}

#[tokio::test]
async fn an_unanswered_call_has_the_status_of_the_rulebook() {
    for status in ["COMPLETED", "FAILED"] {
        let bench = with_rule("call.unanswered_status", status).await;
        let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
        bench.hook.wait("connect").await;
        let id = placed.1["call_id"].as_str().unwrap();
        assert_eq!(bench.action(id, "reject").await.0, 200);
        let told = bench.hook.wait("terminate").await;
        assert_eq!(told["calls"][0]["status"], status, "{told}");
        assert!(told["calls"][0].get("start_time").is_none() && told.get("errors").is_none());
    }
}

#[tokio::test]
async fn a_call_that_is_not_paid_for_is_told_as_the_rulebook_says() {
    for shape in ["errors", "terminate"] {
        let seed = home::seed().replace("payment_valid = true", "payment_valid = false");
        let seed = offhook_platform::Seed::parse(&seed).unwrap();
        let rules = [("call.payment_error".to_owned(), shape.to_owned())].into();
        let bench = Bench::with(Config { seed, rules, ..config() }).await;
        let call = json!({ "to": BUSINESS });
        let placed = bench.sandbox(&format!("/users/{ANA}/call"), call).await;
        assert_eq!((placed.0, placed.1["code"].as_i64()), (409, Some(131_044)), "{}", placed.1);
        let event = if shape == "errors" { "other" } else { "terminate" };
        let told = bench.hook.wait(event).await;
        assert_eq!(told["errors"][0]["code"], 131_044, "{told}");
        if shape == "terminate" {
            let call = &told["calls"][0];
            assert_eq!((&call["status"], &call["from"]), (&json!("FAILED"), &json!(ANA)));
            assert_eq!(call["errors"], told["errors"]);
        } else {
            assert!(told.get("calls").is_none(), "{told}");
        }
    }
}

#[tokio::test]
async fn the_time_of_the_next_call_has_the_rulebooks_name() {
    let rules = [("limits.next_call_field", "retry_at"), ("limits.connected_per_day", "1")];
    let rules = rules.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
    let bench = Bench::with(Config { rules, ..config() }).await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    bench.behave(ANA, json!({ "answer": { "after_ms": 50 } })).await;
    let business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let placed = bench.graph("calls", dial.clone()).await;
    bench.hook.wait("ACCEPTED").await;
    let id = placed.1["calls"][0]["id"].as_str().unwrap();
    assert_eq!(bench.action(id, "terminate").await.0, 200);
    bench.hook.wait("terminate").await;
    for _ in 0..100 {
        let answer = bench.graph("calls", dial.clone()).await;
        if refused(&answer) == (400, 138_012) {
            assert!(answer.1["error"]["error_data"]["retry_at"].is_i64(), "{}", answer.1);
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the last call does not end");
}
