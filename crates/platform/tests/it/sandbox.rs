//! The sandbox API.

use serde_json::json;

use crate::{
    bench::{ANA, BUSINESS, Bench, config, refused, send},
    home,
};

#[tokio::test]
async fn the_demo_is_seeded_as_promised() {
    let bench = Bench::start().await;
    let (status, state) = bench.sandbox_get("/state").await;
    assert_eq!(status, 200);
    assert_eq!(state["clock"]["mode"], "running");
    assert_eq!(state["accounts"][0]["waba_id"], "201234567890123");
    assert_eq!(state["accounts"][0]["rulebook"], home::value("rulebook"));
    assert_eq!(state["numbers"][0]["phone_number_id"], "109876543210987");
    assert_eq!(state["numbers"][0]["number"], BUSINESS);
    let users: Vec<_> = state["users"].as_array().unwrap().iter().collect();
    let shown = |user: &serde_json::Value| (user["name"].clone(), user["country"].clone());
    assert!(users.iter().any(|user| shown(user) == (json!("Ana"), json!("MX"))));
    assert!(users.iter().any(|user| shown(user) == (json!("Bruno"), json!("BR"))));
    assert!(users.iter().any(|user| shown(user) == (json!("Chidi"), json!("NG"))));
    let ana = users.iter().find(|user| user["wa_id"] == ANA).unwrap();
    assert_eq!(ana["behaviour"]["answer"], json!({ "after_ms": 2000 }));
    assert_eq!(ana["behaviour"]["play"], "silence");
    assert_eq!(ana["behaviour"]["permission"], "ignore");
    assert_eq!(ana["consents"][BUSINESS]["permission"], "no_permission");
    assert_eq!(state["calls"], json!([]));
}

#[tokio::test]
async fn users_are_added_and_reached_by_either_id() {
    let bench = Bench::start().await;
    let new = json!({ "wa_id": "5511977776666", "name": "Dora", "user_id": "BR.1234567890" });
    let (status, added) = bench.sandbox("/users", new.clone()).await;
    assert_eq!((status, added["country"].as_str()), (201, Some("BR")));
    assert_eq!(bench.sandbox("/users", new).await.0, 409);
    let text = json!({ "to": BUSINESS, "text": "oi" });
    assert_eq!(bench.sandbox("/users/BR.1234567890/message", text.clone()).await.0, 200);
    assert_eq!(bench.sandbox("/users/999/message", text).await.0, 404);
    let strange = json!({ "wa_id": "1", "name": "x", "colour": "red" });
    let (status, answer) = bench.sandbox("/users", strange).await;
    assert_eq!(status, 400);
    assert!(answer["text"].as_str().unwrap().contains("colour"), "{answer}");
    bench.behave("5511977776666", json!({ "answer": "busy", "play": { "tone_hz": 440 } })).await;
    let state = bench.sandbox_get("/state").await.1;
    let dora = state["users"].as_array().unwrap().iter().find(|it| it["name"] == "Dora").unwrap();
    assert_eq!(dora["behaviour"]["answer"], "busy");
}

#[tokio::test]
async fn the_clock_is_read_advanced_frozen_and_set() {
    let bench = Bench::start().await;
    let set = json!({ "set": "2026-12-24T18:00:00Z" });
    let frozen = bench.sandbox("/clock", json!({ "mode": "frozen" })).await;
    assert_eq!(frozen.1["mode"], "frozen");
    assert_eq!(bench.sandbox("/clock", set).await.1["now"], "2026-12-24T18:00:00Z");
    let later = bench.sandbox("/clock", json!({ "advance": "P7D" })).await;
    assert_eq!(later.1, json!({ "now": "2026-12-31T18:00:00Z", "mode": "frozen" }));
    assert_eq!(bench.sandbox_get("/clock").await.1, later.1);
    for bad in
        [json!({ "advance": "soon" }), json!({ "advance": "-P1D" }), json!({}), json!({ "set": 5 })]
    {
        assert_eq!(bench.sandbox("/clock", bad.clone()).await.0, 400, "{bad}");
    }
    assert_eq!(bench.sandbox("/clock", json!({ "mode": "running" })).await.1["mode"], "running");
}

#[tokio::test]
async fn a_permission_is_given_seen_and_expires_by_the_clock() {
    let bench = Bench::start().await;
    let path = format!("/call_permissions?user_wa_id={ANA}");
    let read = || bench.graph_get(&path);
    assert_eq!(read().await.1["permission"]["status"], "no_permission");
    bench.permit("accept_temporary").await;
    let reply = bench.hook.wait("accept").await;
    let reply = &reply["messages"][0]["interactive"]["call_permission_reply"];
    assert_eq!(
        (&reply["is_permanent"], &reply["response_source"]),
        (&json!(false), &json!("user_action"))
    );
    let seen = read().await.1;
    assert_eq!(seen["permission"]["status"], "temporary");
    assert_eq!(
        seen["permission"]["expiration_time"].as_i64().unwrap().to_string(),
        reply["expiration_timestamp"].as_str().unwrap()
    );
    bench.clock.advance("P6D").unwrap();
    assert_eq!(read().await.1["permission"]["status"], "temporary");
    bench.clock.advance("P1DT1S").unwrap();
    assert_eq!(read().await.1["permission"]["status"], "no_permission");
    let wanted = json!({ "to": BUSINESS, "action": "revoke" });
    let (status, answer) = bench.sandbox(&format!("/users/{ANA}/permission"), wanted).await;
    assert_eq!((status, answer["rule"].as_str()), (409, Some("permission.nothing_to_revoke")));
}

#[tokio::test]
async fn a_request_is_answered_by_habit_and_limited() {
    let bench = Bench::start().await;
    let ask = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
        "interactive": { "type": "call_permission_request", "body": { "text": "May we?" },
                         "action": { "name": "call_permission_request" } } });
    assert_eq!(refused(&bench.graph("messages", ask.clone()).await), (400, 131_047));
    bench.open_window().await;
    bench.behave(ANA, json!({ "permission": "permanent" })).await;
    let sent = bench.graph("messages", ask.clone()).await;
    assert_eq!(sent.0, 200, "{}", sent.1);
    let reply = bench.hook.wait("accept").await;
    assert_eq!(reply["messages"][0]["context"]["id"], sent.1["messages"][0]["id"]);
    let permission = &reply["messages"][0]["interactive"]["call_permission_reply"];
    assert_eq!(permission["is_permanent"], true);
    assert!(permission.get("expiration_timestamp").is_none());
    assert_eq!(refused(&bench.graph("messages", ask.clone()).await), (400, 138_017));
    bench.permit("revoke").await;
    bench.hook.wait("reject").await;
    assert_eq!(refused(&bench.graph("messages", ask).await), (400, 138_009));
}

#[tokio::test]
async fn texts_and_call_buttons_need_an_open_window() {
    let bench = Bench::start().await;
    let text = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text", "text": { "body": "hi" } });
    let button = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "interactive",
        "interactive": { "type": "voice_call", "body": { "text": "Call us" },
            "action": { "name": "voice_call", "parameters": { "payload": "order=1" } } } });
    assert_eq!(refused(&bench.graph("messages", text.clone()).await), (400, 131_047));
    bench.open_window().await;
    assert_eq!(bench.graph("messages", text.clone()).await.0, 200);
    assert_eq!(bench.graph("messages", button).await.0, 200);
    bench.hook.wait("sent").await;
    bench.hook.wait("delivered").await;
    bench.clock.advance("PT24H1S").unwrap();
    assert_eq!(refused(&bench.graph("messages", text).await), (400, 131_047));
    let strange = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "sticker" });
    assert_eq!(refused(&bench.graph("messages", strange).await), (400, 131_051));
}

#[tokio::test]
async fn settings_are_changed_shown_and_announced() {
    let bench = Bench::start().await;
    let (status, _) = bench
        .graph("settings", json!({ "calling": { "call_icon_visibility": "DISABLE_ALL" } }))
        .await;
    assert_eq!(status, 200);
    let shown = bench.graph_get("/settings").await.1;
    assert_eq!(shown["calling"]["call_icon_visibility"], "DISABLE_ALL");
    assert_eq!(shown["calling"]["status"], "ENABLED");
    let told = bench.hook.wait("phone_number_settings").await;
    assert_eq!(told["phone_number_settings"]["calling"]["call_icon_visibility"], "DISABLE_ALL");
    let hours = json!({ "calling": { "call_hours": { "status": "ENABLED", "timezone_id": "Mars/Olympus",
        "weekly_operating_hours": [{ "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800" }] } } });
    assert_eq!(refused(&bench.graph("settings", hours).await), (400, 100));
    assert_eq!(
        bench.graph("settings", json!({ "calling": { "status": "DISABLED" } })).await.0,
        200
    );
    let read = bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    assert_eq!(refused(&read), (401, 138_000));
    let (_, number) = bench.graph_get("?fields=verified_name,display_phone_number").await;
    assert_eq!(number["verified_name"], "Loja Aurora");
}

#[tokio::test]
async fn a_token_closes_the_sandbox_to_everybody_else() {
    let config = offhook_platform::Config { sandbox_token: Some("s3cret".into()), ..config() };
    let bench = Bench::with(config).await;
    assert_eq!(bench.sandbox_get("/state").await.0, 403);
    let own = || bench.get("/sandbox/v1/state").bearer_auth("s3cret");
    assert_eq!(send(own()).await.0, 200);
    assert_eq!(send(own().header("origin", "http://evil.example")).await.0, 403);
    assert_eq!(send(own().header("origin", bench.running.base_url())).await.0, 200);
    let cookie = |token: &str| {
        bench.get("/sandbox/v1/state").header("cookie", format!("a=b; offhook_sandbox={token}"))
    };
    assert_eq!(send(cookie("s3cret")).await.0, 200);
    assert_eq!(send(cookie("other")).await.0, 403);
}

#[tokio::test]
async fn a_page_of_another_site_is_nobody() {
    let bench = Bench::start().await;
    let state = || bench.get("/sandbox/v1/state");
    for (origin, host) in [
        ("http://evil.example", None),
        // A name that was let lead to this machine.
        ("http://evil.example:8400", Some("evil.example:8400")),
    ] {
        let asked = state().header("origin", origin);
        let asked = host.map_or_else(
            || asked.try_clone().unwrap(),
            |host| asked.try_clone().unwrap().header("host", host),
        );
        assert_eq!(send(asked).await.0, 403, "{origin}");
    }
    let upgrade = |origin: &str| {
        bench
            .get(&format!("/phone/ws?wa_id={ANA}"))
            .header("origin", origin)
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    };
    assert_eq!(send(upgrade("http://evil.example")).await.0, 403);
    assert_eq!(upgrade(&bench.running.base_url()).send().await.unwrap().status(), 101);
}

#[tokio::test]
async fn a_user_in_two_calls_hangs_up_the_newest_and_a_missed_call_ends_itself() {
    const OTHER: &str = "551140000001";
    let bench = Bench::start().await;
    let other = json!({ "id": "209876543210987", "account": "201234567890123", "digits": OTHER,
                        "name": "Other", "tier": 2000, "calling": { "status": "ENABLED" } });
    let (status, answer) = bench.sandbox("/numbers", other).await;
    assert_eq!(status, 201, "{answer}");
    for _ in 0..4 {
        let mut placed = Vec::new();
        for to in [BUSINESS, OTHER] {
            let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": to })).await;
            assert_eq!(call.0, 200, "{}", call.1);
            placed.push(call.1["call_id"].clone());
        }
        for newest in placed.iter().rev() {
            let ended = bench.sandbox(&format!("/users/{ANA}/hang_up"), json!({})).await.1;
            assert_eq!(ended["call_id"], *newest);
        }
    }
    let running = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": OTHER })).await.1;
    let missed = bench
        .sandbox(
            "/trigger",
            json!({ "event": "call.missed", "from": ANA,
                                                   "to": BUSINESS }),
        )
        .await
        .1;
    let state = async |call: &serde_json::Value| {
        let path = format!("/calls/{}", call["call_id"].as_str().unwrap());
        bench.sandbox_get(&path).await.1["state"].clone()
    };
    assert_eq!(state(&missed).await, "ended", "{missed}");
    assert_eq!(state(&running).await, "offered", "{running}");
}

#[tokio::test]
async fn every_no_has_one_shape() {
    let bench = Bench::start().await;
    for (request, status, rule) in [
        (bench.get("/sandbox/v1/poems"), 404, "request.unknown"),
        (bench.get("/sandbox/v1/users/5215550009999"), 404, "request.unknown"),
        (bench.put("/sandbox/v1/clock"), 405, "request.method"),
        (bench.post("/sandbox/v1/clock").body("{"), 400, "request.body"),
        (
            bench.post(&format!("/sandbox/v1/users/{ANA}/hang_up")).json(&json!({})),
            409,
            "call.unknown",
        ),
    ] {
        let (answered, no) = send(request).await;
        assert_eq!(answered, status, "{no}");
        assert_eq!(no["rule"], rule, "{no}");
        assert!(no["rule"].is_string() && no["code"].is_i64() && no["text"].is_string(), "{no}");
    }
}

#[tokio::test]
async fn pages_say_how_to_get_them_or_are_there() {
    let bench = Bench::start().await;
    for path in ["/phone", "/call/551140000000?biz_payload=x"] {
        let (status, page) = send(bench.get(path)).await;
        let page = page.as_str().unwrap();
        assert!(page.contains("<html"), "{page}");
        assert!(status == 200 || (status == 503 && page.contains("cargo xtask demo")), "{status}");
    }
}
