//! Several apps, accounts and numbers: who may read and change what.

use offhook_platform::{
    Config, Seed,
    clock::{Clock, Mode},
};
use serde_json::{Value, json};

use crate::bench::{Bench, config, refused, send};

/// The world of the second seed.
pub(crate) const SECOND: &str = include_str!("seeds/second.toml");

pub(crate) const BAKERY: &str = "102000000000001";
const MOVED: &str = "102000000000002";
const SANDBOX: &str = "102000000000003";
const ACCOUNT: &str = "202000000000001";
const SANDBOX_ACCOUNT: &str = "202000000000002";

pub(crate) async fn second() -> Bench {
    let seed = Seed::parse(SECOND).unwrap();
    Bench::with(Config { seed, ..config() }).await
}

async fn get(bench: &Bench, token: &str, path: &str) -> (u16, Value) {
    send(bench.get(&format!("/v23.0/{path}")).bearer_auth(token)).await
}

async fn post(bench: &Bench, token: &str, path: &str, body: Value) -> (u16, Value) {
    send(bench.post(&format!("/v23.0/{path}")).bearer_auth(token).json(&body)).await
}

#[tokio::test]
async fn each_edge_needs_its_scope() {
    let bench = second().await;
    let settings = format!("{BAKERY}/settings");
    let permissions = format!("{BAKERY}/call_permissions?user_wa_id=4915112345678");
    let on = json!({ "calling": { "status": "ENABLED" } });
    assert_eq!(post(&bench, "second-token", &settings, on.clone()).await.0, 200);
    let lacking = post(&bench, "messages-only", &settings, on).await;
    assert_eq!(refused(&lacking), (403, 10));
    let details = lacking.1["error"]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("whatsapp_business_management"), "{details}");
    assert_eq!(refused(&get(&bench, "messages-only", &settings).await), (403, 10));
    assert_eq!(get(&bench, "management-only", &settings).await.0, 200);
    assert_eq!(get(&bench, "messages-only", &permissions).await.0, 200);
    assert_eq!(refused(&get(&bench, "management-only", &permissions).await), (403, 10));
    for edge in ["calls", "messages", "media"] {
        let path = format!("{BAKERY}/{edge}");
        assert_eq!(refused(&post(&bench, "management-only", &path, json!({})).await), (403, 10));
    }
    let apps = format!("{ACCOUNT}/subscribed_apps");
    assert_eq!(refused(&get(&bench, "messages-only", &apps).await), (403, 10));
    assert_eq!(get(&bench, "messages-only", BAKERY).await.0, 200, "either scope reads the number");
    assert_eq!(get(&bench, "management-only", BAKERY).await.0, 200);
}

#[tokio::test]
async fn a_token_ends_and_may_be_for_one_account() {
    let seed = Seed::parse(SECOND).unwrap();
    let clock = Clock::starting_at("2026-11-22T11:59:59Z".parse().unwrap());
    clock.set_mode(Mode::Frozen);
    clock.set("2026-11-22T11:59:59Z".parse().unwrap());
    let bench = Bench::with(Config { seed, clock, ..config() }).await;
    assert_eq!(get(&bench, "until-noon", BAKERY).await.0, 200);
    bench.sandbox("/clock", json!({ "advance": "PT1S" })).await;
    let expired = get(&bench, "until-noon", BAKERY).await;
    assert_eq!(refused(&expired), (401, 190));
    assert_eq!(expired.1["error"]["error_subcode"], 463);

    assert_eq!(get(&bench, "first-account-only", BAKERY).await.0, 200);
    assert_eq!(refused(&get(&bench, "first-account-only", SANDBOX).await), (403, 200));
    assert_eq!(refused(&get(&bench, "draft-token", SANDBOX).await), (403, 200), "not subscribed");
    let unknown = get(&bench, "second-token", "999/settings").await;
    assert_eq!(refused(&unknown), (400, 100));
    assert_eq!(unknown.1["error"]["error_subcode"], 33);
}

#[tokio::test]
async fn a_token_is_explained_to_its_own_app() {
    let bench = second().await;
    let own = "402000000000001|second-app-secret";
    let asked = |token: &str| format!("debug_token?input_token={token}");
    let (status, limited) = get(&bench, own, &asked("first-account-only")).await;
    assert_eq!(status, 200);
    let data = &limited["data"];
    assert_eq!((&data["app_id"], &data["is_valid"]), (&json!("402000000000001"), &json!(true)));
    assert_eq!(data["scopes"][0], "whatsapp_business_messaging");
    assert_eq!(data["granular_scopes"][0]["target_ids"], json!([ACCOUNT]));
    let (_, expired) = get(&bench, own, &asked("until-noon")).await;
    assert_eq!(expired["data"]["expires_at"], 1_795_348_800);
    let (_, unknown) = get(&bench, own, &asked("nonsense")).await;
    assert_eq!(unknown["data"]["is_valid"], false);
    assert_eq!(refused(&get(&bench, own, &asked("draft-token")).await), (403, 200));
    let (_, me) = get(&bench, "second-token", "me").await;
    assert_eq!((&me["id"], &me["name"]), (&json!("402000000000001"), &json!("Bäckerei app")));
}

#[tokio::test]
async fn a_client_reads_its_number_and_account() {
    let bench = second().await;
    let all = "id,display_phone_number,verified_name,quality_rating,code_verification_status,\
               platform_type,throughput,messaging_limit_tier,webhook_configuration,status,\
               name_status,is_official_business_account,account_mode,country_code";
    let (status, number) = get(&bench, "second-token", &format!("{BAKERY}?fields={all}")).await;
    assert_eq!(status, 200, "{number}");
    assert_eq!(number["messaging_limit_tier"], "TIER_10K");
    assert_eq!(number["throughput"], json!({ "level": "STANDARD" }));
    assert_eq!((&number["country_code"], &number["account_mode"]), (&json!("DE"), &json!("LIVE")));
    assert_eq!(number["webhook_configuration"]["application"], bench.hook.url);
    let (_, moved) = get(&bench, "second-token", &format!("{MOVED}?fields=country_code")).await;
    assert_eq!(moved["country_code"], "MX", "the seed's country, not the digits'");
    let (_, sandbox) = get(&bench, "second-token", &format!("{SANDBOX}?fields=account_mode")).await;
    assert_eq!(sandbox["account_mode"], "SANDBOX");
    let strange = get(&bench, "second-token", &format!("{BAKERY}?fields=colour")).await;
    assert_eq!(refused(&strange), (400, 100));

    let fields = "id,name,currency,timezone_id,country,owner_business_info";
    let (_, account) = get(&bench, "second-token", &format!("{ACCOUNT}?fields={fields}")).await;
    assert_eq!((&account["currency"], &account["country"]), (&json!("EUR"), &json!("DE")));
    assert_eq!(account["owner_business_info"]["id"], "302000000000001");
}

/// Every field the reference has, and what is there to say of it.
#[tokio::test]
async fn every_documented_field_is_served() {
    let bench = second().await;
    let of_number = json!({
        "id": BAKERY, "account_mode": "LIVE", "certificate": null,
        "code_verification_status": "VERIFIED", "conversational_automation": null,
        "country_code": "DE", "eligibility_for_api_business_global_search": null,
        "host_platform": "NOT_APPLICABLE", "is_official_business_account": false,
        "is_on_biz_app": false, "is_pin_enabled": true, "is_preverified_number": false,
        "last_onboarded_time": null, "messaging_limit_tier": "TIER_10K",
        "name_status": "APPROVED", "new_certificate": null, "new_name_status": "APPROVED",
        "platform_type": "CLOUD_API", "quality_rating": "GREEN",
        "quality_score": { "score": "GREEN" }, "search_visibility": "NON_VISIBLE",
        "status": "CONNECTED", "throughput": { "level": "STANDARD" },
        "whatsapp_business_manager_messaging_limit": "TIER_10K",
    });
    let names = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(",");
    let more = "verified_name,display_phone_number,webhook_configuration,health_status";
    let path = format!("{BAKERY}?fields={},{more}", names(&of_number));
    let (status, mut number) = get(&bench, "second-token", &path).await;
    assert_eq!(status, 200, "{number}");
    for name in more.split(',') {
        let shown = number.as_object_mut().unwrap().remove(name);
        assert!(shown.is_some_and(|it| !it.is_null()), "{name}");
    }
    assert_eq!(number, of_number);

    let asked = "id,name,currency,timezone_id,country,message_template_namespace,\
                 account_review_status,status,business_verification_status,ownership_type,\
                 owner_business_info,on_behalf_of_business_info,health_status,primary_funding_id";
    let (status, account) = get(&bench, "second-token", &format!("{ACCOUNT}?fields={asked}")).await;
    assert_eq!(status, 200, "{account}");
    assert_eq!(account.as_object().unwrap().len(), asked.split(',').count());
    assert_eq!(account["primary_funding_id"], Value::Null);
    let health = &account["health_status"];
    assert_eq!(health["can_send_message"], "AVAILABLE");
    let kinds = health["entities"].as_array().unwrap().iter().map(|it| it["entity_type"].clone());
    assert_eq!(kinds.collect::<Vec<_>>(), ["WABA", "BUSINESS", "APP"]);
    let path = format!("{SANDBOX_ACCOUNT}?fields=health_status");
    let (_, unpaid) = get(&bench, "second-token", &path).await;
    assert_eq!(unpaid["health_status"]["entities"][0]["errors"][0]["error_code"], 131_042);
}

#[tokio::test]
async fn numbers_are_listed_page_by_page() {
    let bench = second().await;
    let list = |rest: &str| {
        let path = format!("{ACCOUNT}/phone_numbers{rest}");
        let bench = &bench;
        async move { get(bench, "second-token", &path).await.1 }
    };
    let all = list("").await;
    let ids: Vec<_> = all["data"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, [json!(BAKERY), json!(MOVED)], "and not the other account's");
    assert!(all["paging"].get("next").is_none());
    let first = list("?limit=1&fields=id,verified_name").await;
    assert_eq!(first["data"], json!([{ "id": BAKERY, "verified_name": "Bäckerei Morgenrot" }]));
    let next = first["paging"]["next"].as_str().unwrap();
    assert!(next.starts_with(&bench.running.base_url()), "{next}");
    let after = first["paging"]["cursors"]["after"].as_str().unwrap();
    let second = list(&format!("?limit=1&after={after}")).await;
    assert_eq!(second["data"][0]["id"], MOVED);
    let refusal = get(&bench, "second-token", &format!("{ACCOUNT}/phone_numbers?after=!")).await;
    assert_eq!(refused(&refusal), (400, 100));
}

#[tokio::test]
async fn versions_from_the_oldest_on_are_taken() {
    let bench = second().await;
    let ask = |version: &str| {
        let request = bench.get(&format!("/{version}{BAKERY}")).bearer_auth("second-token");
        async { request.send().await.unwrap() }
    };
    for (version, status, said) in [
        ("v17.0/", 200, "v17.0"),
        ("v26.0/", 200, "v26.0"),
        ("v99.0/", 200, "v99.0"),
        ("", 200, "v26.0"),
    ] {
        let answer = ask(version).await;
        assert_eq!(answer.status().as_u16(), status, "{version}");
        assert_eq!(answer.headers()["facebook-api-version"], said);
    }
    let old = bench.get(&format!("/v16.0/{BAKERY}")).bearer_auth("second-token");
    let answer = send(old).await;
    assert_eq!(refused(&answer), (400, 2635));
    let details = answer.1["error"]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("use v17.0"), "{details}");
}

#[tokio::test]
async fn the_oldest_version_is_the_configured_one_for_every_path() {
    let rules = [("access.version_min".to_owned(), "20".to_owned())].into();
    let seed = Seed::parse(SECOND).unwrap();
    let bench = Bench::with(Config { seed, rules, ..config() }).await;
    let app = "402000000000001";
    for path in ["me", app, BAKERY, ACCOUNT, &format!("{app}/subscriptions")] {
        for (version, wanted) in [("v19.0", 400), ("v20.0", 200)] {
            let request = bench.get(&format!("/{version}/{path}")).bearer_auth("second-token");
            let (status, answer) = send(request).await;
            assert_eq!(status, wanted, "{version} {path}: {answer}");
        }
    }
}

#[tokio::test]
async fn health_names_what_stands_in_the_way() {
    let bench = second().await;
    let (_, shown) = get(&bench, "second-token", &format!("{BAKERY}?fields=health_status")).await;
    let health = &shown["health_status"];
    let kinds: Vec<_> = health["entities"].as_array().unwrap().iter().collect();
    let kind = |at: usize| kinds[at]["entity_type"].as_str().unwrap();
    assert_eq!([kind(0), kind(1), kind(2), kind(3)], ["PHONE_NUMBER", "WABA", "BUSINESS", "APP"]);
    assert_eq!(health["can_send_message"], "AVAILABLE");
    assert_eq!(kinds[0]["can_receive_call_sip"], "BLOCKED");
    assert_eq!(kinds[0]["errors"][0]["error_code"], 138_024);
    assert_eq!(kinds[2]["id"], "302000000000001");
    assert!(kinds[1].get("can_receive_call_sip").is_none());
    assert_eq!(kinds[3]["can_receive_call_sip"], "AVAILABLE");

    let (_, draft) = get(&bench, "draft-token", &format!("{BAKERY}?fields=health_status")).await;
    let app = &draft["health_status"]["entities"][3];
    assert_eq!(app["can_receive_call_sip"], "BLOCKED");
    assert_eq!(app["errors"][0]["error_code"], 138_025);

    let (_, unpaid) = get(&bench, "second-token", &format!("{SANDBOX}?fields=health_status")).await;
    assert_eq!(unpaid["health_status"]["can_send_message"], "LIMITED");
    let account = &unpaid["health_status"]["entities"][1];
    assert_eq!(
        (&account["id"], &account["can_send_message"]),
        (&json!(SANDBOX_ACCOUNT), &json!("LIMITED"))
    );
    assert_eq!(account["errors"][0]["error_code"], 131_042);
}

#[tokio::test]
async fn apps_accounts_and_numbers_are_made_and_changed() {
    let bench = second().await;
    let app = json!({ "id": "403", "name": "Third", "secret": "third-secret",
                      "verify_token": "demo-verify", "access_tokens": ["third-token"],
                      "fields": ["calls"] });
    assert_eq!(bench.sandbox("/apps", app.clone()).await.0, 201);
    let (status, again) = bench.sandbox("/apps", app).await;
    assert_eq!((status, again["rule"].as_str()), (409, Some("accounts.valid")));
    let account = |rulebook: &str| {
        json!({ "id": "203", "name": "Third", "currency": "USD", "timezone": "Asia/Tokyo",
                "use_case": "gambling", "payment_valid": true, "rulebook": rulebook,
                "rate_card": "example", "apps": ["403"] })
    };
    let (status, refusal) = bench.sandbox("/accounts", account("1999")).await;
    assert_eq!(status, 409);
    assert!(refusal["text"].as_str().unwrap().contains("rulebook \"1999\""), "{refusal}");
    assert_eq!(bench.sandbox("/accounts", account("2026-10")).await.0, 201);
    let number = json!({ "id": "103", "account": "203", "digits": "81355550100", "name": "Third",
                         "tier": 250 });
    assert_eq!(bench.sandbox("/numbers", number).await.0, 201);

    let on = || json!({ "calling": { "status": "ENABLED" } });
    let enable = || post(&bench, "third-token", "103/settings", on());
    let change =
        |path: &str, body: Value| send(bench.put(&format!("/sandbox/v1/{path}")).json(&body));
    assert_eq!(refused(&enable().await), (400, 138_015), "no calling for this use case");
    assert_eq!(change("accounts/203", json!({ "use_case": "marketing" })).await.0, 200);
    assert_eq!(refused(&enable().await), (400, 138_015), "the tier is too low");
    assert_eq!(change("numbers/103", json!({ "tier": 1_999 })).await.0, 200);
    assert_eq!(refused(&enable().await), (400, 138_015));
    assert_eq!(change("numbers/103", json!({ "tier": 2_000 })).await.0, 200);
    assert_eq!(enable().await.0, 200);

    let zone = change("accounts/203", json!({ "timezone": "Mars/Olympus" })).await;
    assert_eq!(zone.0, 409);
    assert_eq!(change("accounts/203", json!({ "id": "9" })).await.0, 400);
    assert_eq!(change("numbers/103", json!({ "kind": "toy" })).await.0, 400);
    assert_eq!(change("numbers/103", json!({ "d360_key": "second-d360-key" })).await.0, 409);
    assert_eq!(change("numbers/999", json!({})).await.0, 404);
    let (_, moved) = change("numbers/103", json!({ "country": "US", "kind": "test" })).await;
    assert_eq!((&moved["country"], &moved["kind"]), (&json!("US"), &json!("test")));
}

#[tokio::test]
async fn the_url_of_a_new_app_must_answer_the_handshake() {
    let bench = Bench::start().await;
    let endpoint = crate::bench::Endpoint::start().await;
    let app = |url: &str, verify_token: &str| {
        json!({ "id": "404", "name": "New", "secret": "s", "verify_token": verify_token,
                "access_tokens": ["new-token"], "fields": ["calls"], "callback_url": url })
    };
    for (url, verify_token) in [("http://127.0.0.1:1/", "demo-verify"), (&*endpoint.url, "wrong")] {
        let (status, refusal) = bench.sandbox("/apps", app(url, verify_token)).await;
        assert_eq!((status, refusal["code"].as_i64()), (409, Some(2200)), "{refusal}");
    }
    let (status, made) = bench.sandbox("/apps", app(&endpoint.url, "demo-verify")).await;
    assert_eq!((status, &made["callback_url"]), (201, &json!(endpoint.url)), "{made}");
}

#[tokio::test]
async fn an_app_is_changed_with_its_tokens_fields_and_mode() {
    let seed = Seed::parse(SECOND).unwrap();
    let clock = Clock::starting_at("2026-11-22T11:00:00Z".parse().unwrap());
    clock.set_mode(Mode::Frozen);
    let bench = Bench::with(Config { seed, clock, ..config() }).await;
    let app = "402000000000001";
    let change =
        |changes: Value| send(bench.put(&format!("/sandbox/v1/apps/{app}")).json(&changes));
    let tokens = json!([
        { "token": "reader", "scopes": ["whatsapp_business_management"],
          "accounts": [ACCOUNT], "expires_at": "2026-11-22T13:00:00Z" }]);
    let (status, changed) = change(json!({ "access_tokens": [], "tokens": tokens })).await;
    assert_eq!(status, 200, "{changed}");
    assert_eq!(refused(&get(&bench, "second-token", BAKERY).await), (401, 190), "taken away");
    assert_eq!(get(&bench, "reader", &format!("{BAKERY}/settings")).await.0, 200);
    let permissions = format!("{BAKERY}/call_permissions?user_wa_id=4915112345678");
    assert_eq!(refused(&get(&bench, "reader", &permissions).await), (403, 10), "no such scope");
    assert_eq!(refused(&get(&bench, "reader", SANDBOX).await), (403, 200), "not that account");
    bench.sandbox("/clock", json!({ "advance": "PT2H" })).await;
    assert_eq!(refused(&get(&bench, "reader", BAKERY).await), (401, 190), "its time is over");

    let live = json!({ "access_tokens": ["again"], "is_live": false, "fields": ["messages"] });
    assert_eq!(change(live).await.0, 200);
    let on = json!({ "calling": { "status": "ENABLED" } });
    let settings = format!("{BAKERY}/settings");
    assert_eq!(refused(&post(&bench, "again", &settings, on).await), (400, 138_018), "deaf");
    let sip = json!({ "calling": { "sip": { "servers": [{ "hostname": "sip.shop.example" }] } } });
    assert_eq!(refused(&post(&bench, "again", &settings, sip).await), (400, 138_018), "a draft");

    for (wrong, status) in [
        (json!({ "fields": ["call"] }), 400),
        (json!({ "id": "9" }), 400),
        (json!({ "access_tokens": ["draft-token"] }), 409),
        (json!({ "tokens": [{ "token": "t", "scopes": [], "accounts": ["9"] }] }), 409),
    ] {
        assert_eq!(change(wrong.clone()).await.0, status, "{wrong}");
    }
    let nobody = send(bench.put("/sandbox/v1/apps/9").json(&json!({}))).await;
    assert_eq!(nobody.0, 404);

    let state = bench.sandbox_get("/state").await.1;
    let shown = &state["apps"][0];
    assert_eq!((&shown["app_id"], &shown["is_live"]), (&json!(app), &json!(false)));
    assert_eq!(shown["fields"], json!(["messages"]));
    assert_eq!(shown["tokens"][1]["scopes"], json!(["whatsapp_business_management"]));
    assert_eq!(shown["tokens"][1]["accounts"], json!([ACCOUNT]));
    assert_eq!(shown["tokens"][1]["expires_at"], "2026-11-22T13:00:00Z");
    for secret in ["reader", "again", "second-app-secret", "demo-verify"] {
        assert!(!state.to_string().contains(secret), "{secret}: {state}");
    }
    let account = &state["accounts"][0];
    assert_eq!((&account["use_case"], &account["country"]), (&json!("utility"), &json!("DE")));
    assert_eq!(account["apps"], account["subscribed_apps"]);
}

#[tokio::test]
async fn a_new_number_has_only_settings_a_business_could_have_made() {
    let bench = second().await;
    let number = |tier: u32, calling: Value| {
        let number = json!({ "id": "104", "account": ACCOUNT, "digits": "4930901821",
                             "name": "New", "tier": tier, "calling": calling });
        bench.sandbox("/numbers", number)
    };
    let (status, strange) = number(2_000, json!({ "colour": "red" })).await;
    assert_eq!(status, 400, "{strange}");
    assert!(strange["text"].as_str().unwrap().contains("no setting colour"), "{strange}");
    let hours = json!({ "call_hours": { "status": "ENABLED", "timezone_id": "Mars/Olympus",
        "weekly_operating_hours": [
            { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800" }] } });
    let (status, zone) = number(2_000, hours).await;
    assert_eq!((status, &zone["field"]), (409, &json!("call_hours.timezone_id")), "{zone}");
    let (status, low) = number(250, json!({ "status": "ENABLED" })).await;
    assert_eq!((status, &low["rule"]), (409, &json!("settings.tier")), "{low}");
    let good = json!({ "status": "ENABLED", "call_icons": { "restrict_to_user_countries": ["DE"] },
                       "sip": { "servers": [{ "hostname": "sip.shop.example" }] } });
    assert_eq!(number(2_000, good).await.0, 201);
    let (_, shown) = get(&bench, "second-token", "104/settings").await;
    assert_eq!(shown["calling"]["status"], "ENABLED");
    assert_eq!(shown["calling"]["call_icons"]["restrict_to_user_countries"], json!(["DE"]));
    let (_, shown) =
        send(bench.get("/sandbox/v1/numbers/104/settings?include_sip_credentials=true")).await;
    let password = shown["calling"]["sip"]["servers"][0]["sip_user_password"].as_str();
    assert!(password.is_some_and(|it| it.len() >= 32), "{shown}");
}

#[tokio::test]
async fn a_sandbox_number_needs_no_tier_and_has_a_list_where_the_rules_say_so() {
    let bench = second().await;
    let account = format!("/sandbox/v1/accounts/{SANDBOX_ACCOUNT}");
    let able = json!({ "use_case": "service", "payment_valid": true });
    assert_eq!(send(bench.put(&account).json(&able)).await.0, 200);
    let on = json!({ "calling": { "status": "ENABLED" } });
    assert_eq!(post(&bench, "second-token", &format!("{SANDBOX}/settings"), on).await.0, 200);
    let request = |to: &str| {
        let body = json!({ "messaging_product": "whatsapp", "to": to, "type": "interactive",
            "interactive": { "type": "call_permission_request",
                             "action": { "name": "call_permission_request" } } });
        post(&bench, "second-token", "102000000000003/messages", body)
    };
    assert_eq!(refused(&request("818012345678").await), (400, 131_047), "no list is asked");
    let listed = json!({ "rules": { "limits.allowed_list_kinds": ["test", "sandbox"] } });
    assert_eq!(send(bench.put(&account).json(&listed)).await.0, 200);
    assert_eq!(refused(&request("818012345678").await), (400, 131_030));
    let nobody = "4915100000000";
    assert_eq!(refused(&request(nobody).await), (400, 131_030), "also who is not on WhatsApp");
    let text = json!({ "messaging_product": "whatsapp", "to": nobody, "type": "text",
                       "text": { "body": "hallo" } });
    let written = post(&bench, "second-token", &format!("{SANDBOX}/messages"), text).await;
    assert_eq!(refused(&written), (400, 131_030));
    let by_id = json!({ "messaging_product": "whatsapp", "recipient": "DE.999", "type": "text",
                        "text": { "body": "hallo" } });
    let written = post(&bench, "second-token", &format!("{SANDBOX}/messages"), by_id).await;
    assert_eq!(refused(&written), (400, 131_030));
    let connect = |to: &str| {
        let sdp = crate::business::Business::offering().sdp;
        let body = json!({ "messaging_product": "whatsapp", "to": to, "action": "connect",
                           "session": { "sdp_type": "offer", "sdp": sdp } });
        post(&bench, "second-token", "102000000000003/calls", body)
    };
    assert_eq!(refused(&connect(nobody).await), (400, 131_030));
    assert_eq!(refused(&connect("818012345678").await), (400, 131_030));
    let listed = send(
        bench
            .put(&format!("/sandbox/v1/numbers/{SANDBOX}"))
            .json(&json!({ "allowed_recipients": ["4915112345678", nobody] })),
    );
    assert_eq!(listed.await.0, 200);
    assert_eq!(refused(&connect(nobody).await), (400, 138_001), "listed, and not on WhatsApp");
    let text = json!({ "to": "81312345678", "text": "hallo" });
    assert_eq!(bench.sandbox("/users/4915112345678/message", text).await.0, 200);
    assert_eq!(request("4915112345678").await.0, 200);
}

#[tokio::test]
async fn a_desktop_is_not_called() {
    let bench = second().await;
    let on = json!({ "calling": { "status": "ENABLED" } });
    assert_eq!(post(&bench, "second-token", &format!("{BAKERY}/settings"), on).await.0, 200);
    let wanted = json!({ "to": "4930901820", "action": "accept_permanent" });
    for user in ["4915198765432", "4915112345678"] {
        assert_eq!(
            bench.sandbox(&format!("/users/{user}/permission"), wanted.clone()).await.0,
            200
        );
    }
    let business = crate::business::Business::offering();
    let connect = |to: &str| {
        let body = json!({ "messaging_product": "whatsapp", "to": to, "action": "connect",
                           "session": { "sdp_type": "offer", "sdp": business.sdp } });
        post(&bench, "second-token", "102000000000001/calls", body)
    };
    assert_eq!(refused(&connect("4915198765432").await), (400, 138_001));
    assert_eq!(connect("4915112345678").await.0, 200);
}
