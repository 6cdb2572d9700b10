//! The calling settings over HTTP.

use serde_json::{Value, json};

use crate::{
    accounts::{BAKERY, second},
    bench::{Bench, PNID, refused, send},
    media_files::{ANNOUNCEMENT, ogg, upload},
};

async fn read(bench: &Bench, token: &str, query: &str) -> Value {
    let request = bench.get(&format!("/v23.0/{BAKERY}/settings{query}")).bearer_auth(token);
    let (status, body) = send(request).await;
    assert_eq!(status, 200, "{body}");
    body
}

async fn write(bench: &Bench, token: &str, body: Value) -> (u16, Value) {
    let request = bench.post(&format!("/v23.0/{BAKERY}/settings")).bearer_auth(token);
    send(request.json(&body)).await
}

#[tokio::test]
async fn a_number_nobody_touched_is_not_set() {
    let bench = second().await;
    let expected = json!({
        "calling": { "status": "NOT_SET", "call_icon_visibility": "NOT_SET",
                     "callback_permission_status": "NOT_SET" },
        "storage_configuration": { "status": "DEFAULT" },
    });
    assert_eq!(read(&bench, "second-token", "").await, expected, "as captured, fact sheet 2.7");
    let on = json!({ "calling": { "status": "ENABLED" } });
    assert_eq!(write(&bench, "second-token", on).await.0, 200);
    let after = read(&bench, "second-token", "").await;
    assert_eq!(after["calling"]["status"], "ENABLED");
    assert_eq!(after["calling"]["call_icon_visibility"], "NOT_SET");
}

#[tokio::test]
async fn sip_has_a_server_and_a_password_for_each_app() {
    let bench = second().await;
    let sip = |name: &str| json!({ "calling": { "sip": { "servers": [{ "hostname": name, "port": "5061" }] } } });
    assert_eq!(refused(&write(&bench, "draft-token", sip("a.example")).await), (400, 138_018));
    assert_eq!(write(&bench, "second-token", sip("a.example")).await.0, 200);
    let plain = read(&bench, "second-token", "").await;
    let server = &plain["calling"]["sip"]["servers"][0];
    assert_eq!(server["app_id"], 402_000_000_000_001_u64);
    assert!(server.get("sip_user_password").is_none());

    let with = "?include_sip_credentials=true";
    let shown = read(&bench, "second-token", with).await;
    let password = shown["calling"]["sip"]["servers"][0]["sip_user_password"].clone();
    assert!(password.as_str().unwrap().len() >= 32, "{password}");
    let again = read(&bench, "second-token", with).await;
    assert_eq!(again["calling"]["sip"]["servers"][0]["sip_user_password"], password);
    let other = read(&bench, "draft-token", with).await;
    assert!(other["calling"]["sip"]["servers"][0].get("sip_user_password").is_none());
    let lacking =
        bench.get(&format!("/v23.0/{BAKERY}/settings{with}")).bearer_auth("messages-only");
    assert_eq!(refused(&send(lacking).await), (403, 10));

    let none = json!({ "calling": { "sip": { "servers": [] } } });
    assert_eq!(write(&bench, "second-token", none).await.0, 200);
    assert_eq!(write(&bench, "second-token", sip("a.example")).await.0, 200);
    let renewed = read(&bench, "second-token", with).await;
    assert_ne!(renewed["calling"]["sip"]["servers"][0]["sip_user_password"], password);
    let told = bench.sandbox_get("/webhooks").await.1.to_string();
    assert!(!told.contains(password.as_str().unwrap()));
}

#[tokio::test]
async fn only_the_five_watched_fields_are_announced() {
    let bench = Bench::start().await;
    let week = json!([{ "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800" }]);
    let silent = [
        json!({ "call_hours": { "status": "DISABLED", "timezone_id": "UTC",
                                "weekly_operating_hours": week } }),
        json!({ "call_icons": { "restrict_to_user_countries": ["BR"] } }),
        json!({ "audio": { "additional_codecs": ["PCMA"] } }),
        json!({ "video": { "status": "ENABLED" } }),
        json!({ "sip": { "servers": [{ "hostname": "sip.shop.example" }] } }),
        json!({ "status": "ENABLED" }),
    ];
    for calling in silent {
        let answer = bench.graph("settings", json!({ "calling": calling })).await;
        assert_eq!(answer.0, 200, "{answer:?}");
    }
    assert_eq!(bench.sandbox_get("/webhooks").await.1, json!([]));
    let loud = [
        json!({ "call_icon_visibility": "DISABLE_ALL" }),
        json!({ "callback_permission_status": "DISABLED" }),
        json!({ "srtp_key_exchange_protocol": "SDES" }),
        json!({ "sip": { "status": "ENABLED" } }),
        json!({ "status": "DISABLED" }),
    ];
    for (nth, calling) in loud.into_iter().enumerate() {
        assert_eq!(bench.graph("settings", json!({ "calling": calling })).await.0, 200);
        let list = bench.sandbox_get("/webhooks").await.1;
        assert_eq!(list.as_array().unwrap().len(), nth + 1, "{list}");
    }
    let shown = bench.graph_get("/settings").await.1;
    assert_eq!(shown["calling"]["video"]["status"], "ENABLED");
    assert_eq!(shown["calling"]["call_icons"]["restrict_to_user_countries"], json!(["BR"]));
}

#[tokio::test]
async fn other_features_are_kept_and_shown() {
    let bench = Bench::start().await;
    let body = json!({ "storage_configuration": { "status": "IN_COUNTRY_STORAGE_ENABLED" },
                       "user_identity_change": { "enable_identity_key_check": true } });
    assert_eq!(bench.graph("settings", body.clone()).await.0, 200);
    let shown = bench.graph_get("/settings").await.1;
    assert_eq!(shown["storage_configuration"], body["storage_configuration"]);
    assert_eq!(shown["user_identity_change"], body["user_identity_change"]);
    assert_eq!(shown["calling"]["status"], "ENABLED", "untouched");
    let wrong = bench.graph("settings", json!({ "payload_encryption": 1 })).await;
    assert_eq!(refused(&wrong), (400, 100));
}

#[tokio::test]
async fn every_wrong_schedule_is_named_over_http_and_changes_nothing() {
    let bench = Bench::start().await;
    bench.clock.set_mode(offhook_platform::clock::Mode::Frozen);
    bench.clock.set("2026-11-22T15:00:00Z".parse().unwrap());
    let window = |day: &str, open: &str, close: &str| json!({ "day_of_week": day, "open_time": open, "close_time": close });
    let monday = |open: &str, close: &str| window("MONDAY", open, close);
    let hours = |key: &str, value: Value| {
        let mut hours = json!({ "status": "ENABLED", "timezone_id": "UTC",
                                "weekly_operating_hours": [monday("0900", "1800")] });
        hours[key] = value;
        json!({ "call_hours": hours })
    };
    let week = |windows: Value| hours("weekly_operating_hours", windows);
    let holiday = |date: &str| {
        hours(
            "holiday_schedule",
            json!([{ "date": date, "start_time": "0000", "end_time": "2359" }]),
        )
    };
    let (schedule, holidays) = ("call_hours.weekly_operating_hours", "call_hours.holiday_schedule");
    let crowd = vec![json!({ "date": "2026-12-25", "start_time": "0000", "end_time": "2359" }); 21];
    let table = [
        (json!({ "status": "ON" }), "status"),
        (json!({ "call_icon_visibility": "HIDDEN" }), "call_icon_visibility"),
        (hours("status", json!("MAYBE")), "call_hours.status"),
        (hours("status", Value::Null), "call_hours.status"),
        (hours("timezone_id", json!("Mars/Olympus")), "call_hours.timezone_id"),
        (hours("timezone_id", Value::Null), "call_hours.timezone_id"),
        (week(json!([])), schedule),
        (week(Value::Null), schedule),
        (week(json!([window("SOMEDAY", "0900", "1800")])), schedule),
        (week(json!([monday("9:00", "1800")])), schedule),
        (week(json!([monday("0900", "2460")])), schedule),
        (week(json!([monday("1800", "0900")])), schedule),
        (week(json!([monday("0900", "1200"), monday("1100", "1300")])), schedule),
        (
            week(json!([monday("0900", "1000"), monday("1100", "1200"), monday("1300", "1400")])),
            schedule,
        ),
        (holiday("2026-11-21"), holidays),
        (holiday("21.12.2026"), holidays),
        (holiday("2026-02-30"), holidays),
        (
            hours(
                "holiday_schedule",
                json!([{ "date": "2026-12-25", "start_time": "1200", "end_time": "1100" }]),
            ),
            holidays,
        ),
        (hours("holiday_schedule", json!(crowd)), holidays),
    ];
    let before = bench.graph_get("/settings").await.1;
    for (calling, field) in table {
        let answer = bench.graph("settings", json!({ "calling": calling })).await;
        assert_eq!(refused(&answer), (400, 100), "{calling}");
        let details = answer.1["error"]["error_data"]["details"].as_str().unwrap();
        assert!(details.contains(field), "{calling}: {details}");
        let path = format!("/numbers/{PNID}/settings");
        let (status, said) = bench.sandbox(&path, json!({ "calling": calling })).await;
        let named = said["field"].as_str().unwrap_or_default();
        assert!(status == 409 && named.contains(field), "{calling}: {said}");
    }
    assert_eq!(bench.graph_get("/settings").await.1, before);
    assert_eq!(bench.sandbox_get("/webhooks").await.1, json!([]));
    for fine in
        [holiday("2026-11-22"), week(json!([monday("0900", "1200"), monday("1200", "1800")]))]
    {
        let answer = bench.graph("settings", json!({ "calling": fine })).await;
        assert_eq!(answer.0, 200, "{fine}: {answer:?}");
    }
}

#[tokio::test]
async fn a_change_of_a_part_leaves_the_rest_as_it_is() {
    let bench = Bench::start().await;
    let media_id = upload(&bench, Some(ANNOUNCEMENT), &ogg(880.0, 800)).await;
    let media_id: u64 = media_id.parse().unwrap();
    let full = json!({
        "call_icons": { "restrict_to_user_countries": ["BR"] },
        "audio": { "additional_codecs": ["PCMA"] },
        "voicemail": { "status": "ENABLED", "triggers": ["REJECT", "TIMEOUT"],
            "audio": { "default": { "announcement_media_id": media_id, "timeout_seconds": 20 } } },
    });
    assert_eq!(bench.graph("settings", json!({ "calling": full })).await.0, 200);
    let before = bench.graph_get("/settings").await.1;
    for part in [
        json!({ "call_icons": {} }),
        json!({ "audio": {} }),
        json!({ "voicemail": {} }),
        json!({ "voicemail": { "status": "ENABLED" } }),
        json!({ "sip": {} }),
        json!({}),
    ] {
        let answer = bench.graph("settings", json!({ "calling": part })).await;
        assert_eq!(answer.0, 200, "{part}: {answer:?}");
        let mut after = bench.graph_get("/settings").await.1;
        if let Some(calling) = after["calling"].as_object_mut() {
            calling.remove("sip");
        }
        assert_eq!(after, before, "{part}");
    }
    let off = json!({ "calling": { "voicemail": { "status": "DISABLED" } } });
    assert_eq!(bench.graph("settings", off).await.0, 200);
    let shown = bench.graph_get("/settings").await.1["calling"]["voicemail"].clone();
    assert_eq!(shown["status"], "DISABLED");
    assert_eq!(shown["triggers"], json!(["REJECT", "TIMEOUT"]));
    assert_eq!(shown["audio"]["default"]["announcement_media_id"], media_id);
    let none = json!({ "calling": { "call_icons": { "restrict_to_user_countries": [] },
                                    "audio": { "additional_codecs": [] } } });
    assert_eq!(bench.graph("settings", none).await.0, 200);
    let cleared = bench.graph_get("/settings").await.1;
    assert!(cleared["calling"].get("call_icons").is_none(), "{cleared}");
    assert_eq!(cleared["calling"]["audio"]["additional_codecs"], json!([]));
}

#[tokio::test]
async fn the_icon_is_hidden_by_country_and_a_call_is_still_possible() {
    let bench = Bench::start().await;
    let only = json!({ "calling": { "call_icons": { "restrict_to_user_countries": ["BR"] } } });
    assert_eq!(bench.graph("settings", only).await.0, 200);
    let shown = bench.graph_get("/settings").await.1;
    assert_eq!(shown["calling"]["call_icons"]["restrict_to_user_countries"], json!(["BR"]));
    let wrong = json!({ "calling": { "call_icons": { "restrict_to_user_countries": ["BRA"] } } });
    assert_eq!(refused(&bench.graph("settings", wrong).await), (400, 100));
    let call = json!({ "to": crate::bench::BUSINESS });
    let ana = crate::bench::ANA;
    assert_eq!(bench.sandbox(&format!("/users/{ana}/call"), call).await.0, 200);
    assert_eq!(PNID.len(), 15);
}
