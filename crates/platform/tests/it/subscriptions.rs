//! Where webhooks go.

use serde_json::json;

use crate::{
    accounts::second,
    bench::{ANA, BUSINESS, Bench, Endpoint, config, refused, send},
};

#[tokio::test]
async fn a_callback_url_must_answer_the_handshake() {
    let bench = Bench::start().await;
    let other = Endpoint::start().await;
    let subscribe = |url: &str, token: &str| {
        let body = json!({ "object": "whatsapp_business_account", "callback_url": url,
                           "fields": ["calls", "messages"], "verify_token": token });
        let request = bench.post("/v23.0/401234567890123/subscriptions");
        send(request.bearer_auth("401234567890123|demo-app-secret").json(&body))
    };
    assert_eq!(refused(&subscribe(&other.url, "wrong").await), (400, 2200));
    assert_eq!(refused(&subscribe("http://127.0.0.1:1/", "demo-verify").await), (400, 2200));
    assert_eq!(refused(&subscribe("ftp://x/", "demo-verify").await), (400, 2200));
    assert_eq!(subscribe(&other.url, "demo-verify").await.0, 200);

    let text = json!({ "to": BUSINESS, "text": "hello" });
    bench.sandbox(&format!("/users/{ANA}/message"), text).await;
    other.wait("text").await;
    assert_eq!(bench.hook.all().len(), 0);
}

#[tokio::test]
async fn an_app_that_leaves_the_account_hears_nothing() {
    let bench = Bench::start().await;
    let apps = "/v23.0/201234567890123/subscribed_apps";
    let listed = send(bench.get(apps).bearer_auth("demo-token")).await;
    assert_eq!(listed.1["data"][0]["whatsapp_business_api_data"]["id"], "401234567890123");
    let deleted = reqwest::Client::new().delete(bench.url(apps)).bearer_auth("demo-token");
    assert_eq!(send(deleted).await.0, 200);
    bench.open_window().await;
    assert_eq!(bench.sandbox_get("/webhooks").await.1, json!([]));
    assert_eq!(send(bench.post(apps).bearer_auth("demo-token")).await.0, 200);
    bench.open_window().await;
    bench.hook.wait("text").await;
}

#[tokio::test]
async fn a_client_subscribes_with_everything_in_the_query() {
    let bench = Bench::start().await;
    let other = Endpoint::start().await;
    let token = |secret: &str| {
        let query = [
            ("client_id", "401234567890123"),
            ("client_secret", secret),
            ("grant_type", "client_credentials"),
        ];
        send(bench.get("/v23.0/oauth/access_token").query(&query))
    };
    assert_eq!(refused(&token("wrong").await), (401, 190));
    let (status, given) = token("demo-app-secret").await;
    assert_eq!((status, &given["token_type"]), (200, &json!("bearer")));
    let given = given["access_token"].as_str().unwrap();
    assert_eq!(given, "401234567890123|demo-app-secret");
    let no_secret = bench.get("/oauth/access_token?client_id=1&grant_type=client_credentials");
    assert_eq!(refused(&send(no_secret).await), (400, 100));

    let query = [
        ("object", "whatsapp_business_account"),
        ("callback_url", &other.url),
        ("verify_token", "demo-verify"),
        ("fields", "calls,messages"),
        ("access_token", given),
    ];
    let subscribed = bench.post("/v23.0/401234567890123/subscriptions").query(&query);
    assert_eq!(send(subscribed).await, (200, json!({ "success": true })));
    bench.open_window().await;
    other.wait("text").await;
    assert!(bench.hook.all().is_empty());
}

#[tokio::test]
async fn a_form_says_what_json_says_and_may_hold_the_token() {
    let bench = Bench::start().await;
    let other = Endpoint::start().await;
    let apps = "/v23.0/201234567890123/subscribed_apps";
    let form = |path: &str, pairs: &[(&str, &str)]| {
        let url = reqwest::Url::parse_with_params("http://x/", pairs).unwrap();
        let kind = "application/x-www-form-urlencoded";
        let request = bench.post(path).header("content-type", kind);
        send(request.body(url.query().unwrap().to_owned()))
    };
    assert_eq!(refused(&form(apps, &[("access_token", "wrong")]).await), (401, 190));
    assert_eq!(refused(&form(apps, &[("a", "b")]).await), (401, 190));
    assert_eq!(form(apps, &[("access_token", "demo-token")]).await.0, 200);
    let callback = [
        ("override_callback_uri", other.url.as_str()),
        ("verify_token", "demo-verify"),
        ("access_token", "demo-token"),
    ];
    assert_eq!(form(apps, &callback).await.0, 200);
    bench.open_window().await;
    other.wait("text").await;
    assert_eq!(form(apps, &[("access_token", "demo-token")]).await.0, 200);

    let callback = json!({ "override_callback_uri": other.url, "verify_token": "demo-verify" });
    let configuration = callback.to_string();
    let of_number =
        [("webhook_configuration", configuration.as_str()), ("access_token", "demo-token")];
    assert_eq!(form("/v23.0/109876543210987", &of_number).await.0, 200);
    let app = [
        ("object", "whatsapp_business_account"),
        ("callback_url", &other.url),
        ("verify_token", "demo-verify"),
        ("fields", "[\"messages\"]"),
        ("access_token", "401234567890123|demo-app-secret"),
    ];
    assert_eq!(form("/v23.0/401234567890123/subscriptions", &app).await.0, 200);
    let shown = bench.graph_get("?fields=webhook_configuration").await.1;
    let shown = &shown["webhook_configuration"];
    assert_eq!(
        (&shown["application"], &shown["phone_number"]),
        (&json!(other.url), &json!(other.url))
    );
}

#[tokio::test]
async fn an_app_subscribes_to_fields_that_there_are() {
    let bench = Bench::start().await;
    let subscribe = |fields: serde_json::Value| {
        let body = json!({ "object": "whatsapp_business_account", "callback_url": bench.hook.url,
                           "fields": fields, "verify_token": "demo-verify" });
        let request = bench.post("/v23.0/401234567890123/subscriptions");
        send(request.bearer_auth("demo-token").json(&body))
    };
    for fields in [json!(["calls", "call"]), json!("calls,Messages"), json!("")] {
        assert_eq!(refused(&subscribe(fields.clone()).await), (400, 100), "{fields}");
    }
    assert_eq!(subscribe(json!("calls, messages,security")).await.0, 200);
    let shown = send(bench.get("/v23.0/401234567890123/subscriptions").bearer_auth("demo-token"));
    let names = shown.await.1["data"][0]["fields"].clone();
    assert_eq!(names, json!([{ "name": "calls" }, { "name": "messages" }, { "name": "security" }]));
}

#[tokio::test]
async fn an_app_of_others_cannot_subscribe_itself_and_so_gets_in_nowhere() {
    let bench = second().await;
    let (account, number) = ("/v23.0/202000000000002", "/v23.0/102000000000003");
    let apps = format!("{account}/subscribed_apps");
    for request in [bench.post(&apps), bench.get(&apps), bench.http.delete(bench.url(&apps))] {
        assert_eq!(refused(&send(request.bearer_auth("draft-token")).await), (403, 200));
    }
    for path in [format!("{account}/phone_numbers"), format!("{number}/settings")] {
        assert_eq!(refused(&send(bench.get(&path).bearer_auth("draft-token")).await), (403, 200));
    }
    let listed = send(bench.get(&apps).bearer_auth("second-token")).await.1;
    assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn without_a_subscription_a_client_reads_everything_and_cannot_switch_calling_on() {
    let bench = Bench::start().await;
    let account = "/v23.0/201234567890123";
    let apps = format!("{account}/subscribed_apps");
    let delete = bench.http.delete(bench.url(&apps)).bearer_auth("demo-token");
    assert_eq!(send(delete).await.0, 200);
    let number = "/v23.0/109876543210987";
    for path in [
        account.to_owned(),
        format!("{account}/phone_numbers"),
        format!("{account}/message_templates"),
        number.to_owned(),
        format!("{number}/settings"),
        format!("{number}/call_permissions?user_wa_id={ANA}"),
    ] {
        let answer = send(bench.get(&path).bearer_auth("demo-token")).await;
        assert_eq!(answer.0, 200, "{path}: {answer:?}");
    }
    let listed = send(bench.get(&apps).bearer_auth("demo-token")).await.1;
    assert_eq!(listed, json!({ "data": [] }));
    let off = json!({ "calling": { "status": "DISABLED" } });
    assert_eq!(bench.graph("settings", off).await.0, 200);
    let on = json!({ "calling": { "status": "ENABLED" } });
    assert_eq!(refused(&bench.graph("settings", on.clone()).await), (400, 138_018));
    assert_eq!(send(bench.post(&apps).bearer_auth("demo-token")).await.0, 200);
    assert_eq!(bench.graph("settings", on).await.0, 200);
}

#[tokio::test]
async fn an_account_says_which_of_its_apps_are_subscribed() {
    let bench = Bench::start().await;
    let change = |changes: serde_json::Value| {
        send(bench.put("/sandbox/v1/accounts/201234567890123").json(&changes))
    };
    assert_eq!(change(json!({ "subscribed_apps": [] })).await.0, 200);
    bench.open_window().await;
    assert_eq!(bench.sandbox_get("/webhooks").await.1, json!([]));
    let stranger = change(json!({ "subscribed_apps": ["7"] })).await;
    assert_eq!((stranger.0, &stranger.1["rule"]), (409, &json!("accounts.valid")));
    let (_, all) = change(json!({ "subscribed_apps": null })).await;
    assert!(all.get("subscribed_apps").is_none(), "{all}");
    bench.open_window().await;
    bench.hook.wait("text").await;
}

#[tokio::test]
async fn without_a_callback_url_webhooks_are_journalled() {
    let running = offhook_platform::serve(config()).await.unwrap();
    let http = reqwest::Client::new();
    let url = format!("{}/sandbox/v1/users/{ANA}/message", running.base_url());
    let text = json!({ "to": BUSINESS, "text": "hello" });
    assert_eq!(send(http.post(url).json(&text)).await.0, 200);
    let listed = send(http.get(format!("{}/sandbox/v1/webhooks", running.base_url()))).await.1;
    assert_eq!(listed[0]["state"], "journalled");
    assert_eq!(listed[0]["field"], "messages");
    assert_eq!(
        listed[0]["body"]["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"],
        "hello"
    );
    assert!(listed[0].get("url").is_none());
    running.shutdown().await;
}

#[tokio::test]
async fn an_override_of_the_number_goes_before_the_accounts_and_that_before_the_apps() {
    let bench = Bench::start().await;
    let (of_account, of_number) = (Endpoint::start().await, Endpoint::start().await);
    let apps = "/v23.0/201234567890123/subscribed_apps";
    let wanted = |url: &str, token: &str| {
        let body = json!({ "override_callback_uri": url, "verify_token": token });
        send(bench.post(apps).bearer_auth("demo-token").json(&body))
    };
    assert_eq!(refused(&wanted(&of_account.url, "wrong").await), (400, 2200));
    let no_token = json!({ "override_callback_uri": of_account.url });
    let no_token = send(bench.post(apps).bearer_auth("demo-token").json(&no_token)).await;
    assert_eq!(refused(&no_token), (400, 100));
    assert_eq!(wanted(&of_account.url, "demo-verify").await.0, 200);
    let listed = send(bench.get(apps).bearer_auth("demo-token")).await.1;
    assert_eq!(listed["data"][0]["override_callback_uri"], of_account.url);
    bench.open_window().await;
    of_account.wait("text").await;

    let number = |url: &str| {
        let callback = json!({ "override_callback_uri": url, "verify_token": "demo-verify" });
        bench.graph("", json!({ "webhook_configuration": callback }))
    };
    assert_eq!(number(&of_number.url).await.0, 200);
    let shown = bench.graph_get("?fields=webhook_configuration").await.1;
    let shown = &shown["webhook_configuration"];
    assert_eq!(shown["application"], bench.hook.url);
    assert_eq!(shown["whatsapp_business_account"], of_account.url);
    assert_eq!(shown["phone_number"], of_number.url);
    bench.open_window().await;
    of_number.wait("text").await;
    assert_eq!((bench.hook.all().len(), of_account.all().len()), (0, 1));

    assert_eq!(number("").await.0, 200);
    assert_eq!(send(bench.post(apps).bearer_auth("demo-token")).await.0, 200);
    bench.open_window().await;
    bench.hook.wait("text").await;
    assert_eq!((of_account.all().len(), of_number.all().len()), (1, 1));
}

#[tokio::test]
async fn an_app_reads_and_ends_its_subscription() {
    let bench = Bench::start().await;
    let path = "/v23.0/401234567890123/subscriptions";
    let own = "401234567890123|demo-app-secret";
    let (status, shown) = send(bench.get(path).bearer_auth(own)).await;
    assert_eq!(status, 200);
    assert_eq!(shown["data"][0]["callback_url"], bench.hook.url);
    assert_eq!(shown["data"][0]["object"], "whatsapp_business_account");
    let names: Vec<_> = shown["data"][0]["fields"].as_array().unwrap().iter().collect();
    assert!(names.iter().any(|field| field["name"] == "calls"), "{names:?}");
    let delete = bench.http.delete(bench.url(path)).bearer_auth(own);
    assert_eq!(send(delete).await.0, 200);
    assert_eq!(send(bench.get(path).bearer_auth(own)).await.1, json!({ "data": [] }));
    bench.open_window().await;
    assert_eq!(bench.sandbox_get("/webhooks").await.1, json!([]));
}
