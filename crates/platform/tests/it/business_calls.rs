//! The business calls a user.

use std::time::Duration;

use offhook_platform::Config;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused},
    business::Business,
    home,
};

async fn dial(bench: &Bench, business: &Business) -> (u16, Value) {
    let body = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp }, "biz_opaque_callback_data": "gw-7" });
    bench.graph("calls", body).await
}

async fn allowed() -> Bench {
    let bench = Bench::start().await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    bench.hook.wait("accept").await;
    bench
}

fn events(bench: &Bench) -> Vec<String> {
    bench.hook.events().into_iter().filter(|it| it != "text" && it != "accept").collect()
}

#[tokio::test]
async fn permission_first_then_the_window() {
    let bench = Bench::start().await;
    let business = Business::offering();
    let answer = dial(&bench, &business).await;
    assert_eq!(refused(&answer), (401, 138_006), "{}", answer.1);
    let message = answer.1["error"]["message"].as_str().unwrap();
    assert_eq!(message, "(#138006) No approved call permission from the recipient");
    bench.permit("accept_temporary").await;
    if home::needs_window() {
        assert_eq!(refused(&dial(&bench, &business).await), (400, 131_047));
    } else {
        let placed = dial(&bench, &business).await;
        assert_eq!(placed.0, 200, "{}", placed.1);
        bench.action(placed.1["calls"][0]["id"].as_str().unwrap(), "terminate").await;
        bench.hook.wait("terminate").await;
    }
    bench.open_window().await;
    bench.clock.advance("P7DT1S").unwrap();
    assert_eq!(refused(&dial(&bench, &business).await), (401, 138_006), "expired by the clock");
    let stranger = json!({ "messaging_product": "whatsapp", "to": "4915100000000", "action": "connect",
        "session": { "sdp_type": "offer", "sdp": business.sdp } });
    assert_eq!(refused(&bench.graph("calls", stranger).await), (400, 138_001));
}

#[tokio::test]
async fn the_user_picks_up_and_they_talk() {
    let bench = allowed().await;
    bench.behave(ANA, json!({ "answer": { "after_ms": 200 }, "play": { "tone_hz": 440 } })).await;
    let mut business = Business::offering();
    let (status, placed) = dial(&bench, &business).await;
    assert_eq!(status, 200, "{placed}");
    let id = placed["calls"][0]["id"].as_str().unwrap().to_owned();
    let connect = bench.hook.wait("connect").await;
    let call = &connect["calls"][0];
    assert_eq!((&call["to"], &call["direction"]), (&json!(ANA), &json!("BUSINESS_INITIATED")));
    assert_eq!(
        (&call["session"]["sdp_type"], &call["biz_opaque_callback_data"]),
        (&json!("answer"), &json!("gw-7"))
    );
    business.take_answer(&connect);
    business.connected().await;
    let ringing = bench.hook.wait("RINGING").await;
    assert_eq!(
        (&ringing["statuses"][0]["id"], &ringing["statuses"][0]["type"]),
        (&json!(id), &json!("call"))
    );
    assert_eq!(refused(&dial(&bench, &Business::offering()).await), (400, 138_003));
    bench.hook.wait("ACCEPTED").await;
    business.play(660.0);
    tokio::time::sleep(Duration::from_millis(1_800)).await;
    let (packets, heard) = business.heard();
    assert!(packets > 50 && heard.is_tone(440.0), "{packets} {heard:?}");
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    let tone = seen["legs"]["user"]["heard"]["tone_hz"].as_f64().unwrap_or_default();
    assert!((tone - 660.0).abs() < 33.0, "{seen}");

    assert_eq!(bench.action(&id, "terminate").await.0, 200);
    let call = bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!((&call["status"], &call["to"]), (&json!("COMPLETED"), &json!(ANA)));
    assert!(call["duration"].as_i64().unwrap() >= 1);
    assert_eq!(events(&bench), ["connect", "RINGING", "ACCEPTED", "terminate"]);
    tokio::time::sleep(Duration::from_millis(700)).await;
    let seen = bench.sandbox_get(&format!("/calls/{id}")).await.1;
    assert_eq!(
        seen["price"],
        json!({ "amount": home::either("0.01", "0.02"), "currency": home::value("currency") }),
        "{seen}"
    );
}

#[tokio::test]
async fn the_user_declines_or_is_busy() {
    for answer in ["reject", "busy"] {
        let bench = allowed().await;
        bench.behave(ANA, json!({ "answer": answer })).await;
        let business = Business::offering();
        assert_eq!(dial(&bench, &business).await.0, 200);
        bench.hook.wait("REJECTED").await;
        let call = bench.hook.wait("terminate").await["calls"][0].clone();
        assert_eq!(call["status"], "COMPLETED");
        assert!(call.get("start_time").is_none());
    }
}

#[tokio::test]
async fn the_user_does_not_answer_or_is_not_there() {
    let bench = allowed().await;
    bench.behave(ANA, json!({ "answer": "ignore" })).await;
    let business = Business::offering();
    assert_eq!(dial(&bench, &business).await.0, 200);
    bench.hook.wait("RINGING").await;
    bench.clock.advance("PT61S").unwrap();
    bench.hook.wait("terminate").await;
    assert_eq!(events(&bench), ["connect", "RINGING", "terminate"]);

    let bench = allowed().await;
    bench.behave(ANA, json!({ "answer": "unreachable" })).await;
    assert_eq!(dial(&bench, &business).await.0, 200);
    bench.hook.wait("terminate").await;
    assert_eq!(events(&bench), ["connect", "terminate"]);
}

#[tokio::test]
async fn the_business_gives_up_while_it_rings() {
    let bench = allowed().await;
    bench.behave(ANA, json!({ "answer": "ignore" })).await;
    let (_, placed) = dial(&bench, &Business::offering()).await;
    let id = placed["calls"][0]["id"].as_str().unwrap().to_owned();
    bench.hook.wait("RINGING").await;
    assert_eq!(refused(&bench.action(&id, "reject").await), (400, 100), "wrong direction");
    assert_eq!(bench.action(&id, "terminate").await.0, 200);
    let call = bench.hook.wait("terminate").await["calls"][0].clone();
    assert_eq!(call["status"], "COMPLETED");
    for key in ["start_time", "end_time", "duration", "errors"] {
        assert_eq!(call.get(key), None, "{call}");
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (_, ana) = bench.sandbox_get(&format!("/users/{ANA}")).await;
    assert_eq!(ana["consents"][BUSINESS]["unanswered_in_a_row"], 0, "not the user's doing");
}

/// Both are checked before either is told how it went.
#[tokio::test]
async fn two_calls_at_once_do_not_pass_a_limit_of_one() {
    const BRUNO: &str = "5511988887777";
    for _ in 0..5 {
        let rules = [("limits.placed_per_day", "1"), ("eligibility.call_needs_window", "false")];
        let rules = rules.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
        let bench = Bench::with(Config { rules, ..config() }).await;
        for user in [ANA, BRUNO] {
            let wanted = json!({ "to": BUSINESS, "action": "accept_permanent" });
            let given = bench.sandbox(&format!("/users/{user}/permission"), wanted).await;
            assert_eq!(given.0, 200, "{}", given.1);
        }
        let business = Business::offering();
        let call = |to: &str| {
            bench.graph(
                "calls",
                json!({ "messaging_product": "whatsapp", "to": to, "action": "connect",
                        "session": { "sdp_type": "offer", "sdp": business.sdp } }),
            )
        };
        let (one, other) = tokio::join!(call(ANA), call(BRUNO));
        let mut said = [refused(&one), refused(&other)];
        said.sort_unstable();
        assert_eq!(said, [(200, 0), (429, 138_005)]);
    }
}

#[tokio::test]
async fn a_business_dials_again_as_soon_as_it_hears_that_the_call_is_over() {
    let bench = allowed().await;
    bench.behave(ANA, json!({ "answer": { "after_ms": 0 } })).await;
    for nth in 0..5 {
        let (status, placed) = dial(&bench, &Business::offering()).await;
        assert_eq!(status, 200, "call {nth}: {placed}");
        let id = placed["calls"][0]["id"].as_str().unwrap().to_owned();
        bench.hook.wait_nth("ACCEPTED", nth).await;
        // The answer to `terminate` is the first to say so, its webhook the second.
        assert_eq!(bench.action(&id, "terminate").await.0, 200);
        if nth % 2 == 1 {
            bench.hook.wait_nth("terminate", nth).await;
        }
    }
}
