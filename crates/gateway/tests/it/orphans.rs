//! A gateway dies or stops in the middle of a call.

use std::time::Duration;

use offhook_gateway::serve;
use wire::webhook::signature;

use crate::{
    desk::{CALL, Desk, config, connect, terminate},
    upstream::Upstream,
    voice::Voice,
};

/// The line whose webhook lies in an inbox.
const LINES: &str = "[\"109876543210987\"]";

/// Runs a gateway in a runtime of its own and tears that away in the middle of a call.
fn die_in_a_call(upstream: &Upstream, folder: &std::path::Path, offer: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let gateway = serve(config(upstream, Some(folder))).await.unwrap();
        let body = serde_json::to_vec(&connect(CALL, offer)).unwrap();
        let signed = signature::sign("demo-app-secret", &body);
        let url = format!("http://{}/webhooks/whatsapp", gateway.address());
        let client = reqwest::Client::new();
        let request = client.post(url).header(signature::HEADER, signed).body(body);
        assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
        upstream.wait_for("accept").await;
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
}

#[test]
fn the_next_gateway_ends_the_call_upstream_and_records_why() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let upstream = runtime.block_on(Upstream::start());
    let engine = engine::Engine::start(engine::Config::default()).unwrap();
    let user = Voice::of_platform(&engine);
    die_in_a_call(&upstream, folder.path(), &user.platform_offer());
    assert_eq!(upstream.count("terminate"), 0);

    runtime.block_on(async {
        let gateway = serve(config(&upstream, Some(folder.path()))).await.unwrap();
        let desk = Desk { gateway, upstream, engine, http: reqwest::Client::new() };
        let ended = desk.upstream.wait_for("terminate").await;
        assert_eq!(ended.body["call_id"], CALL);
        let record = desk.record(CALL).await;
        assert_eq!(record["reason"], "gateway_died");
        assert_eq!(record["fault"], "business", "the gateway is the business's");
        desk.webhook(&connect(CALL, &user.platform_offer())).await;
        desk.webhook(&terminate(CALL, "USER_INITIATED", Some(9))).await;
        let amended = async {
            while desk.record(CALL).await["duration_s"] != 9 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3), amended).await.unwrap();
        assert_eq!(desk.upstream.count("pre_accept"), 1, "the old connect starts nothing");
        desk.gateway.stop().await;

        let gateway = serve(config(&desk.upstream, Some(folder.path()))).await.unwrap();
        let desk = Desk { gateway, ..desk };
        let record = desk.get("/v1/calls").await;
        assert_eq!(record["calls"].as_array().unwrap().len(), 1, "one record, kept");
        assert_eq!(record["calls"][0]["duration_s"], 9);
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(desk.upstream.count("terminate"), 1, "ended once");
    });
}

#[test]
fn a_webhook_that_was_stored_but_not_acted_on_is_acted_on_by_the_next_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let upstream = Upstream::start().await;
        let gateway = serve(config(&upstream, Some(folder.path()))).await.unwrap();
        gateway.stop().await;
        let engine = engine::Engine::start(engine::Config::default()).unwrap();
        let user = Voice::of_platform(&engine);
        let body = serde_json::to_vec(&connect(CALL, &user.platform_offer())).unwrap();
        let database = rusqlite::Connection::open(folder.path().join("gateway.db")).unwrap();
        let sql = "INSERT INTO inbox (received_ms, body, lines) VALUES (?1, ?2, ?3)";
        database.execute(sql, rusqlite::params![crate::desk::now() * 1000, body, LINES]).unwrap();
        drop(database);
        let _gateway = serve(config(&upstream, Some(folder.path()))).await.unwrap();
        upstream.wait_for("pre_accept").await;
    });
}

#[test]
fn a_connect_that_was_acted_on_but_not_finished_does_not_take_the_orphan_again() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let upstream = runtime.block_on(Upstream::start());
    let engine = engine::Engine::start(engine::Config::default()).unwrap();
    let user = Voice::of_platform(&engine);
    die_in_a_call(&upstream, folder.path(), &user.platform_offer());
    let asked = upstream.count("pre_accept");
    // As if it had died a moment before: the webhook is still there, its key is not.
    let body = serde_json::to_vec(&connect(CALL, &user.platform_offer())).unwrap();
    let database = rusqlite::Connection::open(folder.path().join("gateway.db")).unwrap();
    database.execute("DELETE FROM seen", []).unwrap();
    let sql = "INSERT INTO inbox (received_ms, body, lines) VALUES (?1, ?2, ?3)";
    database.execute(sql, rusqlite::params![crate::desk::now() * 1000, body, LINES]).unwrap();
    let waiting = || -> i64 {
        database.query_row("SELECT count(*) FROM inbox", [], |row| row.get(0)).unwrap()
    };

    runtime.block_on(async {
        let gateway = serve(config(&upstream, Some(folder.path()))).await.unwrap();
        let desk = Desk { gateway, upstream, engine, http: reqwest::Client::new() };
        desk.upstream.wait_for("terminate").await;
        let acted_on = async {
            while waiting() > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), acted_on).await.unwrap();
        assert_eq!(desk.record(CALL).await["reason"], "gateway_died");
        assert!(desk.metrics().await.contains("result=\"after_end\"} 1"));
        assert_eq!(desk.upstream.count("pre_accept"), asked, "the orphan is not taken again");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_live_calls_politely() {
    let desk = Desk::start().await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(crate::desk::WELCOME_HZ).await;
    let upstream = desk.upstream.clone();
    let address = desk.gateway.address();
    let body = serde_json::to_vec(&terminate(CALL, "USER_INITIATED", Some(2))).unwrap();
    let confirm = async {
        upstream.wait_for("terminate").await;
        let signed = signature::sign("demo-app-secret", &body);
        let url = format!("http://{address}/webhooks/whatsapp");
        let client = reqwest::Client::new();
        let request = client.post(url).header(signature::HEADER, signed).body(body.clone());
        request.send().await.unwrap().status().as_u16()
    };
    let stop = tokio::time::timeout(Duration::from_secs(5), desk.gateway.stop());
    let (stopped, confirmed) = tokio::join!(stop, confirm);
    stopped.expect("a stop within the time");
    assert_eq!(confirmed, 200, "webhooks are taken until the calls are recorded");
}
