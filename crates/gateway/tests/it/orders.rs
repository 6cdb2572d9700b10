//! A program mutes an agent and presses keys.

use engine::LegEvent;
use serde_json::{Value, json};

use crate::{
    desk::CALL,
    hand_over::{LIA_HZ, Talk},
};

async fn order(talk: &Talk, what: &str, body: Value) -> (u16, Value) {
    talk.desk.post(&format!("/v1/calls/{CALL}/{what}"), &body, None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_mutes_an_agent_whose_page_shows_it_and_presses_keys() {
    let mut talk = Talk::start().await;
    assert_eq!(order(&talk, "mute", json!({"on": true})).await.0, 204);
    talk.lia.next_where("call", |frame| frame["call"]["muted"] == json!(["lia"])).await;
    let mut silent = false;
    for _ in 0..20 {
        silent = !talk.user.hear(200).await.0.is_sound();
        if silent {
            break;
        }
    }
    assert!(silent, "the user hears the agent");
    assert_eq!(order(&talk, "mute", json!({"agent": "lia", "on": false})).await.0, 204);
    talk.lia.next_where("call", |frame| frame["call"]["muted"].is_null()).await;
    talk.user.expect_tone(LIA_HZ).await;
    let (status, problem) = order(&talk, "mute", json!({"agent": "rui", "on": true})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("out_of_place")), "{problem}");

    for wrong in ["", "7x", &"1".repeat(33)] {
        assert_eq!(order(&talk, "digits", json!({"digits": wrong})).await.0, 400, "{wrong}");
    }
    assert_eq!(order(&talk, "digits", json!({"digits": "7#"})).await.0, 204);
    let mut pressed = String::new();
    while pressed.len() < 2 {
        let event =
            tokio::time::timeout(std::time::Duration::from_secs(10), talk.user.events.recv());
        if let LegEvent::Digit(digit) = event.await.unwrap().unwrap() {
            pressed.push(digit.sign());
        }
    }
    assert_eq!(pressed, "7#");
    talk.order(json!({"type": "hold"})).await;
    talk.state("held").await;
    let (status, problem) = order(&talk, "digits", json!({"digits": "1"})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("out_of_place")), "{problem}");
}
