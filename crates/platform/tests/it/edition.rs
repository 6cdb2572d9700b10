//! The same platform in the 360dialog edition.

use offhook_platform::Config;
use serde_json::{Value, json};

use crate::{
    bench::{ANA, BUSINESS, Bench, Endpoint, config, refused, send},
    business::Business,
    home,
    price::seeded,
};

#[tokio::test]
async fn the_key_is_the_number() {
    let bench = Bench::start().await;
    let keyed = |request: reqwest::RequestBuilder| request.header("D360-API-KEY", "demo-d360-key");
    let own = |text: &str| json!({ "error": text });
    let none = own("no access token was given");
    assert_eq!(send(bench.post("/calling/calls")).await, (401, none));
    let unknown = own("the access token or key is not known here");
    let wrong = bench.post("/calling/calls").header("D360-API-KEY", "wrong");
    assert_eq!(send(wrong).await, (401, unknown));
    let nowhere = send(keyed(bench.get("/calling/callz"))).await;
    assert_eq!(nowhere, (404, own("unknown path")));
    let graph = bench.get("/calling/callz").bearer_auth("demo-token");
    assert_eq!(refused(&send(graph).await), (400, 2500), "Meta's edition is as it was");

    let settings = send(keyed(bench.get("/calling/settings"))).await;
    assert_eq!(settings.1["calling"]["status"], "ENABLED");
    let permission = send(keyed(bench.get(&format!("/calling/permissions/{ANA}")))).await;
    assert_eq!(permission.1["permission"]["status"], "no_permission");
    let terminate =
        json!({ "messaging_product": "whatsapp", "call_id": "wacid.X", "action": "terminate" });
    let answer = send(keyed(bench.post("/calling/calls").json(&terminate))).await;
    assert_eq!(refused(&answer), (400, 100));
}

#[tokio::test]
async fn its_errors_are_graphs_where_a_rule_says_so() {
    let rules = [("access.dialog_errors".to_owned(), "graph".to_owned())].into();
    let bench = Bench::with(Config { rules, ..config() }).await;
    assert_eq!(refused(&send(bench.post("/calling/calls")).await), (401, 190));
    let nowhere = bench.get("/calling/callz").header("D360-API-KEY", "demo-d360-key");
    assert_eq!(refused(&send(nowhere).await), (400, 2500));
}

#[tokio::test]
async fn its_webhook_carries_its_headers() {
    let bench = Bench::start().await;
    let channel = Endpoint::start().await;
    let body = json!({ "url": channel.url, "headers": { "x-shared": "secret" } });
    let request = bench.post("/v1/configs/webhook").header("D360-API-KEY", "demo-d360-key");
    assert_eq!(send(request.json(&body)).await.0, 200);
    let text = json!({ "to": BUSINESS, "text": "hello" });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/message"), text).await.0, 200);
    channel.wait("text").await;
    bench.hook.wait("text").await;
    assert_eq!(channel.all()[0].headers["x-shared"], "secret");
    assert!(bench.hook.all()[0].headers.get("x-shared").is_none());
}

#[tokio::test]
async fn both_editions_give_the_same_bodies() {
    let bench = Bench::start().await;
    let keyed = |request: reqwest::RequestBuilder| request.header("D360-API-KEY", "demo-d360-key");
    let change = json!({ "calling": { "call_icon_visibility": "DISABLE_ALL" },
                         "payload_encryption": { "status": "DISABLED" } });
    let ours = bench.graph("settings", change.clone()).await;
    let theirs = send(keyed(bench.post("/calling/settings").json(&change))).await;
    assert_eq!(ours, theirs);
    let read = send(keyed(bench.get("/calling/settings"))).await;
    assert_eq!(bench.graph_get("/settings").await, read);
    assert_eq!(read.1["payload_encryption"], json!({ "status": "DISABLED" }));
    let wrong = json!({ "calling": { "status": "On" } });
    let ours = bench.graph("settings", wrong.clone()).await;
    let theirs = send(keyed(bench.post("/calling/settings").json(&wrong))).await;
    assert_eq!(refused(&ours), refused(&theirs));
    assert_eq!(ours.1["error"]["error_data"], theirs.1["error"]["error_data"]);

    let ours = bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    let theirs = send(keyed(bench.get(&format!("/calling/permissions/{ANA}")))).await;
    assert_eq!(ours, theirs);
    bench.permit("accept_permanent").await;
    let (_, ana) = bench.sandbox_get(&format!("/users/{ANA}")).await;
    let bsuid = ana["user_id"].as_str().unwrap();
    let theirs = send(keyed(bench.get(&format!("/calling/permissions/{bsuid}")))).await;
    assert_eq!((theirs.0, &theirs.1["permission"]["status"]), (200, &json!("permanent")));
    assert_eq!(bench.graph_get(&format!("/call_permissions?recipient={bsuid}")).await, theirs);
    let wrong = send(keyed(bench.get("/calling/permissions/nobody"))).await;
    assert_eq!(refused(&wrong), (400, 100), "neither digits nor a BSUID");
    bench.open_window().await;
    let text = json!({ "messaging_product": "whatsapp", "to": ANA, "type": "text",
                       "text": { "body": "oi" } });
    let ours = bench.graph("messages", text.clone()).await;
    let theirs = send(keyed(bench.post("/messages").json(&text))).await;
    assert_eq!((ours.0, theirs.0), (200, 200), "{ours:?} {theirs:?}");
    assert_eq!(ours.1["contacts"], theirs.1["contacts"]);
}

/// The demo without an app, its calling off: 360dialog's customer alone.
fn channel_only() -> Config {
    let demo = home::seed();
    let app = &demo[demo.find("[[app]]").unwrap()..demo.find("[[account]]").unwrap()];
    seeded(&[
        (app, ""),
        ("apps = [\"401234567890123\"]", "apps = []"),
        ("[number.calling]\nstatus = \"ENABLED\"\n", "[number.calling]\n"),
    ])
}

#[tokio::test]
async fn a_channel_without_an_app_is_enabled_and_hears_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let data = Some(folder.path().to_owned());
    let bench = Bench::with(Config { data: data.clone(), ..channel_only() }).await;
    let keyed = |request: reqwest::RequestBuilder| request.header("D360-API-KEY", "demo-d360-key");
    let on = json!({ "calling": { "status": "ENABLED" } });
    let enabled = send(keyed(bench.post("/calling/settings").json(&on))).await;
    assert_eq!(enabled, (200, json!({ "success": true })));
    let channel = Endpoint::start().await;
    let url = json!({ "url": channel.url });
    assert_eq!(send(keyed(bench.post("/v1/configs/webhook").json(&url))).await.0, 200);
    bench.open_window().await;
    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert_eq!(call.0, 200, "{}", call.1);
    channel.wait("text").await;
    channel.wait("connect").await;
    let got = channel.all();
    let signed = wire::webhook::signature::sign("demo-d360-key", &got[0].body);
    assert_eq!(got[0].signature, signed, "with the channel's key");
    bench.running.shutdown().await;

    let again = Bench::with(Config { data, ..channel_only() }).await;
    let (_, settings): (u16, Value) = send(keyed(again.get("/calling/settings"))).await;
    assert_eq!(settings["calling"]["status"], "ENABLED", "the folder was not filled anew");
}

#[tokio::test]
async fn whole_calls_in_both_directions() {
    let bench = Bench::start().await;
    let keyed = |request: reqwest::RequestBuilder| request.header("D360-API-KEY", "demo-d360-key");
    let act = async |body: Value| send(keyed(bench.post("/calling/calls").json(&body))).await;
    let done = (200, json!({ "messaging_product": "whatsapp", "success": true }));

    let call = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    let id = call.1["call_id"].clone();
    let mut business = Business::answering(&bench.hook.wait("connect").await);
    let answer = |action: &str, sdp: &str| {
        json!({ "messaging_product": "whatsapp", "call_id": id, "action": action,
                "session": { "sdp_type": "answer", "sdp": sdp } })
    };
    assert_eq!(act(answer("pre_accept", &business.sdp)).await, done);
    business.connected().await;
    assert_eq!(act(answer("accept", &business.sdp)).await, done);
    let end = json!({ "messaging_product": "whatsapp", "call_id": id, "action": "terminate" });
    assert_eq!(act(end).await, done);
    let ended = bench.hook.wait("terminate").await["calls"][0].clone();
    assert!(ended["duration"].is_i64(), "it was answered: {ended}");

    crate::quality::gone(&bench).await;
    bench.behave(ANA, json!({ "answer": { "after_ms": 0 } })).await;
    let (_, ana) = bench.sandbox_get(&format!("/users/{ANA}")).await;
    let mut business = Business::offering();
    let dial = json!({ "messaging_product": "whatsapp", "recipient": ana["user_id"],
        "action": "connect", "session": { "sdp_type": "offer", "sdp": business.sdp } });
    let placed = act(dial).await;
    assert_eq!(placed.0, 200, "her call granted a callback: {}", placed.1);
    business.take_answer(&bench.hook.wait_nth("connect", 1).await);
    business.connected().await;
    bench.hook.wait("ACCEPTED").await;
    let end = json!({ "messaging_product": "whatsapp", "call_id": placed.1["calls"][0]["id"],
                      "action": "terminate" });
    assert_eq!(act(end).await, done);
    let ended = bench.hook.wait_nth("terminate", 1).await["calls"][0].clone();
    assert_eq!((&ended["direction"], &ended["to"]), (&json!("BUSINESS_INITIATED"), &json!(ANA)));
}
