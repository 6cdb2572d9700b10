//! What the gateway knows of consent, what proves it, and when it runs out.

use std::time::Duration;

use offhook_gateway::{config::PermissionTemplate, serve};
use serde_json::{Value, json};

use crate::{
    desk::{ANA, Desk, accept, config, envelope, newest_rules, now, permissions},
    upstream::graph_error,
};

const WEEK_S: i64 = 7 * 86_400;

fn ledger() -> String {
    format!("/v1/consents/{ANA}")
}

fn kinds(ledger: &Value) -> Vec<&str> {
    ledger["entries"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect()
}

fn allowed(state: &'static str) -> impl Fn(&Value) -> bool {
    move |ledger| ledger["state"]["permission"] == state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_proven_and_runs_out_once_by_the_platforms_clock() {
    let desk = Desk::start_with(None, newest_rules).await;
    let mut lia = desk.console("lia").await;
    let until = now() + WEEK_S;
    desk.upstream.answer(
        "call_permissions",
        200,
        permissions("temporary", Some(until)),
        Duration::ZERO,
    );
    desk.reply("wamid.REPLY", &accept(until)).await;
    let known = desk.get_until(&ledger(), allowed("temporary")).await;
    let stands = |state: &str, users: u8| {
        let labels = format!("organisation=\"default\",state=\"{state}\"");
        format!("offhook_gateway_permission_state{{{labels}}} {users}\n")
    };
    let metrics = desk.metrics().await;
    assert!(metrics.contains(&stands("temporary", 1)), "{metrics}");
    assert!(metrics.contains(&stands("expired", 0)), "{metrics}");
    let entry = &known["entries"][0];
    assert_eq!((&entry["kind"], &entry["grant"]), (&json!("granted"), &json!("temporary")));
    assert_eq!(entry["number"], "109876543210987");
    let evidence = &entry["evidence"];
    assert_eq!(evidence["message_id"], "wamid.REPLY");
    assert_eq!(evidence["in_answer_to"], "wamid.SENT1");
    assert_eq!(evidence["source"], "user_action");
    assert_eq!(evidence["body"]["call_permission_reply"], accept(until));

    let ask = format!("/v1/preflight?to={ANA}");
    let yes = desk.get(&ask).await;
    assert_eq!((&yes["allowed"], &yes["rule"]), (&json!(true), &json!("permission.temporary")));
    let proof = format!("Ledger entry {}: granted for a time", known["state"]["proof"]);
    let text = yes["evidence"].as_str().unwrap();
    assert!(text.contains(&proof) && text.contains("message wamid.REPLY"), "{text}");
    let changes: terms::Timestamp = yes["changes_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(changes.unix(), until);

    desk.upstream.set_ahead(WEEK_S + 60);
    desk.upstream.answer(
        "call_permissions",
        200,
        permissions("no_permission", None),
        Duration::ZERO,
    );
    let no = desk.get(&ask).await;
    assert_eq!((&no["allowed"], &no["rule"]), (&json!(false), &json!("permission.required")));
    assert!(no["evidence"].as_str().unwrap().contains(": expired at "), "{no}");
    desk.get(&ask).await;
    let known = desk.get(&ledger()).await;
    assert_eq!(kinds(&known), ["expired", "granted"], "once, and both accounts agree");
    assert_eq!(known["state"]["absence"], "expired");
    let metrics = desk.metrics().await;
    assert!(metrics.contains(&stands("temporary", 0)), "{metrics}");
    assert!(metrics.contains(&stands("expired", 1)), "{metrics}");
    let told = desk.get("/v1/events?type=permission.expired").await;
    let events = told["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{told}");
    assert_eq!(events[0]["data"]["contact"]["wa_id"], ANA, "{told}");
    lia.next_where("contact", |frame| frame["contact"]["permission"]["state"] == "temporary").await;
    lia.next_where("contact", |frame| frame["contact"]["permission"]["state"] == "none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ran_out_while_no_gateway_ran_is_written_once_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(folder.path()), newest_rules).await;
    let until = now() + 3;
    desk.reply("wamid.REPLY", &accept(until)).await;
    let known = desk.get_until(&ledger(), |known| known["entries"][0]["kind"] == "granted").await;
    assert_eq!(kinds(&known), ["granted"]);
    let Desk { gateway, upstream, .. } = desk;
    gateway.stop().await;
    while now() <= until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..2 {
        let gateway = serve(config(&upstream, Some(folder.path()))).await.unwrap();
        let engine = engine::Engine::start(engine::Config::default()).unwrap();
        let http = reqwest::Client::new();
        let desk = Desk { gateway, upstream: upstream.clone(), engine, http };
        let known =
            desk.get_until(&ledger(), |known| known["entries"][0]["kind"] == "expired").await;
        assert_eq!(kinds(&known), ["expired", "granted"]);
        desk.gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_account_wins_is_noted_once_and_ours_answers_alone_without_it() {
    let desk = Desk::start_with(None, newest_rules).await;
    let ask = format!("/v1/preflight?to={ANA}");
    let mut said = permissions("permanent", None);
    said["actions"][0]["limits"][0]["current_usage"] = json!(3);
    desk.upstream.answer("call_permissions", 200, said, Duration::ZERO);
    for _ in 0..2 {
        assert_eq!(desk.get(&ask).await["rule"], "permission.permanent");
    }
    let known = desk.get(&ledger()).await;
    assert_eq!(kinds(&known), ["reconciled"]);
    assert_eq!(known["entries"][0]["connected_in_a_day"], 3);
    assert_eq!(known["state"]["connected"].as_array().unwrap().len(), 3);
    assert_eq!(known["entries"][0]["evidence"]["body"]["permission"]["status"], "permanent");

    desk.upstream.answer("call_permissions", 503, json!({}), Duration::ZERO);
    let alone = desk.get(&ask).await;
    assert_eq!((&alone["allowed"], &alone["rule"]), (&json!(true), &json!("ledger.permission")));
    let text = alone["evidence"].as_str().unwrap();
    assert!(text.contains("by our own records alone") && text.contains("Ledger entry"), "{text}");
    let revoked = json!({"response": "reject", "response_source": "user_action"});
    desk.reply("wamid.NO", &revoked).await;
    desk.get_until(&ledger(), allowed("none")).await;
    let alone = desk.get(&ask).await;
    assert_eq!((&alone["allowed"], &alone["rule"]), (&json!(false), &json!("permission.required")));
    assert!(alone["evidence"].as_str().unwrap().contains("message wamid.NO"), "{alone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_come_in_pages_and_a_webhook_twice_is_one_entry() {
    let desk = Desk::start_with(None, newest_rules).await;
    for id in ["wamid.R1", "wamid.R2", "wamid.R2", "wamid.R3"] {
        desk.reply(id, &accept(now() + WEEK_S)).await;
    }
    desk.get_until("/v1/consents", |page| page["entries"][2]["kind"].is_string()).await;
    let first = desk.get(&format!("/v1/consents?user={ANA}&limit=2")).await;
    let before = first["next"].as_str().unwrap();
    assert_eq!(first["entries"][0]["evidence"]["message_id"], "wamid.R3");
    let second = desk.get(&format!("/v1/consents?user={ANA}&limit=2&after={before}")).await;
    assert_eq!(kinds(&second), ["granted"]);
    assert_eq!(second["entries"][0]["evidence"]["message_id"], "wamid.R1");
    assert!(second["next"].is_null());
    let nobody = desk.get("/v1/consents?user=5215550000009").await;
    assert_eq!(nobody["entries"], json!([]));
    assert_eq!(desk.get("/v1/consents?user=abc").await["code"], "invalid");
}

/// Ana wrote so long ago.
async fn wrote(desk: &Desk, id: &str, seconds_ago: i64) {
    let message = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551140000000", "phone_number_id": "109876543210987"},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": ANA}],
        "messages": [{"from": ANA, "id": id, "timestamp": (now() - seconds_ago).to_string(),
            "type": "text", "text": {"body": "hello"}}]});
    desk.webhook(&envelope("messages", &message)).await;
    let path = format!("/v1/contacts/{ANA}");
    desk.get_until(&path, |contact| {
        contact["chat"].as_array().is_some_and(|chat| chat.iter().any(|line| line["id"] == id))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_takes_the_form_the_window_allows_and_says_which() {
    let desk = Desk::start_with(None, |config| {
        let template = |name: &str, language: &str| PermissionTemplate {
            name: name.into(),
            language: language.into(),
        };
        config.lines.first.permission_templates =
            vec![template("pedir", "pt_BR"), template("ask", "en")];
    })
    .await;
    wrote(&desk, "wamid.OLD", 2 * 86_400).await;
    let body = json!({"to": ANA, "text": "about order 7712", "language": "en_US"});
    let (status, sent) = desk.post("/v1/permission_requests", &body, None).await;
    assert_eq!(status, 200, "{sent}");
    assert_eq!(sent["form"], "template");
    assert_eq!((&sent["template"], &sent["language"]), (&json!("ask"), &json!("en")));
    let message = desk.upstream.messages().pop().unwrap();
    assert_eq!(message["type"], "template");
    assert_eq!(message["template"], json!({"name": "ask", "language": {"code": "en"}}));
    let known = desk.get(&ledger()).await;
    assert_eq!(known["entries"][0]["evidence"]["template"], "ask");

    let (status, body) = desk.post("/v1/permission_requests", &body, None).await;
    assert_eq!((status, &body["rule"]), (409, &json!("limits.requests")), "one a day");
    assert!(body["changes_at"].is_string() && body["detail"].is_string());
    assert_eq!(desk.upstream.messages().len(), 1, "nothing more was sent");

    let mut said = permissions("no_permission", None);
    said["actions"] = json!([{"action_name": "send_call_permission_request",
        "can_perform_action": true, "limits": [
            {"time_period": "PT24H", "max_allowed": 1, "current_usage": 0},
            {"time_period": "P7D", "max_allowed": 2, "current_usage": 0}]}]);
    desk.upstream.answer("call_permissions", 200, said, Duration::ZERO);
    let second = json!({"messages": [{"id": "wamid.SENT2"}]});
    desk.upstream.answer("messages", 200, second, Duration::ZERO);
    wrote(&desk, "wamid.NEW", 5).await;
    let body = json!({"to": ANA, "text": "about order 7712"});
    let (status, sent) = desk.post("/v1/permission_requests", &body, None).await;
    assert_eq!((status, &sent["form"]), (200, &json!("free_form")), "the platform forgave it");
    let known = desk.get(&ledger()).await;
    assert_eq!(kinds(&known), ["requested", "reconciled", "requested"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_window_and_template_nobody_is_asked() {
    let desk = Desk::start().await;
    wrote(&desk, "wamid.OLD", 2 * 86_400).await;
    let (status, body) = desk.post("/v1/permission_requests", &json!({"to": ANA}), None).await;
    assert_eq!((status, &body["rule"]), (409, &json!("window.open")));
    assert!(body["detail"].as_str().unwrap().contains("permission_templates"), "{body}");
    assert!(desk.upstream.messages().is_empty());
    assert_eq!(kinds(&desk.get(&ledger()).await), Vec::<&str>::new());
    let error = graph_error(131_047, "Re-engagement message");
    desk.upstream.answer("messages", 400, error, Duration::ZERO);
    let other = json!({"to": "5215550000002"});
    let (status, body) = desk.post("/v1/permission_requests", &other, None).await;
    assert_eq!((status, &body["code"]), (409, &json!(131_047)), "of a stranger it decides");
}
