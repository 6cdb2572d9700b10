//! Calling settings: partial changes, conditions, every validation error of fact sheet 2.4.

use offhook_rules::{
    Refusal,
    limits::NumberKind,
    settings::{
        Applied, Asker, CallingSettings, Change, IconVisibility, Prerequisites, SipPassword,
        Switch, Trigger, Voicemail, apply,
    },
};
use serde_json::{Value, json};

use crate::facts::{at, beta, newest};

fn ready() -> Prerequisites {
    Prerequisites {
        tier: 2_000,
        kind: NumberKind::Production,
        country: "BR".parse().ok(),
        use_case: "service".into(),
        app_listens: true,
        asker: Asker::DIRECT,
    }
}

fn change(current: &CallingSettings, body: Value) -> Result<Applied, Refusal> {
    let change: Change = serde_json::from_value(body).unwrap();
    apply(current, &change, &ready(), &newest(), at(0))
}

fn hours(changes: Value) -> Value {
    let mut hours = json!({"status": "ENABLED", "timezone_id": "America/Sao_Paulo",
        "weekly_operating_hours": [{"day_of_week": "MONDAY", "open_time": "0900", "close_time": "1800"}]});
    for (key, value) in changes.as_object().unwrap() {
        hours[key] = value.clone();
    }
    json!({"call_hours": hours})
}

#[test]
fn a_field_left_out_stays() {
    let first = change(&CallingSettings::default(), json!({"status": "ENABLED"})).unwrap();
    assert!(first.notify && first.settings.calling_enabled());
    assert_eq!(first.settings.callback_permission_status, None, "never touched");
    let second = change(&first.settings, json!({"call_icon_visibility": "DISABLE_ALL"})).unwrap();
    assert_eq!(second.settings.status, Some(Switch::Enabled));
    assert_eq!(second.settings.call_icon_visibility, Some(IconVisibility::DisableAll));
    assert!(second.notify);
    let same = change(&second.settings, json!({"call_icon_visibility": "DISABLE_ALL"})).unwrap();
    assert!(!same.notify, "nothing changed");
}

#[test]
fn hours_are_replaced_as_a_whole_and_are_not_announced() {
    let holiday = json!({"holiday_schedule": [{"date": "2026-12-25", "open_time": "0000", "close_time": "2359"}]});
    let with = change(&CallingSettings::default(), hours(holiday)).unwrap();
    assert!(!with.notify);
    assert_eq!(with.settings.call_hours.as_ref().unwrap().holiday_schedule.len(), 1);
    let without = change(&with.settings, hours(json!({}))).unwrap();
    assert!(
        without.settings.call_hours.unwrap().holiday_schedule.is_empty(),
        "left out is deleted"
    );
}

#[test]
fn enabling_has_conditions() {
    let enable = |book: &offhook_rules::rulebook::Rulebook, spoil: fn(&mut Prerequisites)| {
        let mut prerequisites = ready();
        spoil(&mut prerequisites);
        let on = Change { status: Some("ENABLED".into()), ..Change::default() };
        apply(&CallingSettings::default(), &on, &prerequisites, book, at(0)).map(|_| ())
    };
    let low = Err(Refusal::TierTooLow { tier: 1_000, min: 2_000 });
    assert_eq!(enable(&newest(), |_| ()), Ok(()));
    assert_eq!(enable(&newest(), |p| p.tier = 1_000), low);
    assert_eq!(enable(&beta(), |p| p.tier = 1_000), Ok(()));
    assert_eq!(
        enable(&newest(), |p| {
            p.tier = 250;
            p.kind = NumberKind::Test
        }),
        Ok(())
    );
    assert_eq!(enable(&newest(), |p| p.app_listens = false), Err(Refusal::NobodyListens));
    assert_eq!(enable(&newest(), |p| p.country = "NG".parse().ok()), Ok(()));
    assert_eq!(
        enable(&beta(), |p| p.country = "NG".parse().ok()).unwrap_err().rule(),
        "eligibility.country"
    );
    let with_sip = json!({"status": "ENABLED", "sip": {"status": "ENABLED", "servers": [{"hostname": "sip.shop.example", "port": "5061"}]}});
    let deaf = Prerequisites { app_listens: false, ..ready() };
    let over_sip: Change = serde_json::from_value(with_sip).unwrap();
    let applied = apply(&CallingSettings::default(), &over_sip, &deaf, &newest(), at(0)).unwrap();
    assert!(applied.settings.sip_enabled());
}

#[test]
fn callbacks_are_switched_on_where_a_business_may_call() {
    let set = |current: &CallingSettings, country: &str, status: &str| {
        let change =
            Change { callback_permission_status: Some(status.into()), ..Change::default() };
        let prerequisites = Prerequisites { country: country.parse().ok(), ..ready() };
        apply(current, &change, &prerequisites, &newest(), at(0)).map(|it| it.settings)
    };
    let off = CallingSettings::default();
    let on = set(&off, "BR", "ENABLED").unwrap();
    assert!(on.grants_callback());
    assert_eq!(set(&off, "US", "ENABLED").unwrap_err().rule(), "eligibility.country");
    assert!(set(&off, "US", "DISABLED").is_ok());
    assert!(set(&on, "US", "ENABLED").is_ok(), "nothing is switched on");
}

#[test]
fn every_wrong_value_names_its_field() {
    let monday = |open: &str, close: &str| json!({"day_of_week": "MONDAY", "open_time": open, "close_time": close});
    let week = |entries: Vec<Value>| hours(json!({"weekly_operating_hours": entries}));
    let holiday = |date: &str| {
        hours(
            json!({"holiday_schedule": [{"date": date, "start_time": "0000", "end_time": "2359"}]}),
        )
    };
    let crowd: Vec<_> = (0..21)
        .map(|_| json!({"date": "2026-12-25", "start_time": "0000", "end_time": "0100"}))
        .collect();
    let server = |server: Value| json!({"sip": {"status": "ENABLED", "servers": [server]}});
    let table = vec![
        json!({"status": "On"}),
        json!({"call_icon_visibility": "HIDE"}),
        json!({"callback_permission_status": "YES"}),
        json!({"srtp_key_exchange_protocol": "ZRTP"}),
        json!({"audio": {"additional_codecs": ["G729"]}}),
        json!({"call_icons": {"restrict_to_user_countries": ["Brazil"]}}),
        json!({"call_hours": {"timezone_id": "UTC"}}),
        hours(json!({"status": "MAYBE"})),
        hours(json!({"timezone_id": "Mars/Olympus"})),
        json!({"call_hours": {"status": "ENABLED", "weekly_operating_hours": []}}),
        week(vec![]),
        week(vec![monday("0900", "0900")]),
        week(vec![monday("0960", "1000")]),
        week(vec![monday("9:00", "1000")]),
        week(vec![json!({"day_of_week": "SOMEDAY", "open_time": "0900", "close_time": "1000"})]),
        week(vec![monday("0900", "1200"), monday("1130", "1300")]),
        week(vec![monday("0900", "1000"), monday("1000", "1100"), monday("1200", "1300")]),
        holiday("2026-07-07"),
        holiday("25.12.2026"),
        holiday("2026-02-30"),
        hours(
            json!({"holiday_schedule": [{"date": "2026-12-25", "start_time": "1200", "end_time": "1100"}]}),
        ),
        hours(json!({"holiday_schedule": crowd})),
        json!({"sip": {"status": "ENABLED"}}),
        server(json!({"hostname": ""})),
        server(json!({"hostname": "a b"})),
        server(json!({"hostname": "a.example", "port": 70_000})),
        server(json!({"hostname": "a.example", "request_uri_user_params": {"k": "v".repeat(129)}})),
        json!({"voicemail": {"triggers": ["REJECT"]}}),
        json!({"voicemail": {"status": "ENABLED"}}),
        json!({"voicemail": {"status": "ENABLED", "triggers": ["REJECT"]}}),
        json!({"voicemail": {"status": "DISABLED", "audio": {"default": {"announcement_media_id": 1, "timeout_seconds": 31}}}}),
        json!({"video": {"status": "SOON"}}),
    ];
    let row = |body: Value| {
        let refused = change(&CallingSettings::default(), body).expect_err("must be refused");
        assert_eq!(refused.rule(), "settings.value");
        format!("{refused}\n")
    };
    insta::assert_snapshot!("wrong_settings", table.into_iter().map(row).collect::<String>());
}

#[test]
fn touching_windows_and_today_as_a_holiday_are_fine() {
    let entries = json!([
        {"day_of_week": "MONDAY", "open_time": "1200", "close_time": "1800"},
        {"day_of_week": "MONDAY", "open_time": "0900", "close_time": "1200"},
    ]);
    assert!(
        change(&CallingSettings::default(), hours(json!({"weekly_operating_hours": entries})))
            .is_ok()
    );
    let today = json!({"holiday_schedule": [{"date": "2026-07-08", "start_time": "0000", "end_time": "0000"}]});
    assert!(change(&CallingSettings::default(), hours(today)).is_ok());
}

#[test]
fn others_are_checked_and_stored() {
    let body = json!({
        "srtp_key_exchange_protocol": "SDES",
        "audio": {"additional_codecs": ["PCMA", "PCMU"]},
        "call_icons": {"restrict_to_user_countries": ["BR", "MX"]},
        "voicemail": {"status": "ENABLED", "triggers": ["REJECT", "TIMEOUT"],
            "audio": {"default": {"announcement_media_id": 938_800_000_000_001_u64, "timeout_seconds": 20}}},
        "video": {"status": "ENABLED"}, "ip_addresses": ["ignored"],
    });
    let stored = change(&CallingSettings::default(), body).unwrap().settings;
    assert_eq!(stored.additional_codecs.as_ref().map(Vec::len), Some(2));
    assert_eq!(
        stored.voicemail.as_ref().and_then(|v| v.announcement).and_then(|a| a.timeout_s),
        Some(20)
    );
    let text = serde_json::to_string(&stored).unwrap();
    assert_eq!(serde_json::from_str::<CallingSettings>(&text).unwrap(), stored);
}

#[test]
fn what_a_change_leaves_out_stays_as_it_is() {
    let full = json!({
        "audio": {"additional_codecs": ["PCMA"]},
        "call_icons": {"restrict_to_user_countries": ["BR"]},
        "voicemail": {"status": "ENABLED", "triggers": ["REJECT"],
            "audio": {"default": {"announcement_media_id": 7, "timeout_seconds": 20}}},
    });
    let stored = change(&CallingSettings::default(), full).unwrap().settings;
    for part in [
        json!({"audio": {}}),
        json!({"call_icons": {}}),
        json!({"voicemail": {}}),
        json!({"voicemail": {"audio": {}}}),
        json!({"voicemail": {"audio": {"default": {}}}}),
        json!({"voicemail": {"status": "ENABLED"}}),
    ] {
        assert_eq!(change(&stored, part.clone()).unwrap().settings, stored, "{part}");
    }
    let voicemail = |part: Value| {
        let settings = change(&stored, json!({ "voicemail": part })).unwrap().settings;
        let Voicemail { status, triggers, announcement } = settings.voicemail.unwrap();
        let announcement = announcement.unwrap();
        (status, triggers, announcement.media_id, announcement.timeout_s)
    };
    let (on, reject) = (Switch::Enabled, vec![Trigger::Reject]);
    assert_eq!(
        voicemail(json!({"status": "DISABLED"})),
        (Switch::Disabled, reject.clone(), 7, Some(20))
    );
    assert_eq!(
        voicemail(json!({"triggers": ["TIMEOUT"]})),
        (on, vec![Trigger::Timeout], 7, Some(20))
    );
    let default = |value: Value| json!({"audio": {"default": value}});
    assert_eq!(voicemail(default(json!({"timeout_seconds": 0}))), (on, reject.clone(), 7, Some(0)));
    assert_eq!(voicemail(default(json!({"announcement_media_id": 8}))), (on, reject, 8, Some(20)));
    let none = change(&stored, json!({"voicemail": {"triggers": []}})).unwrap_err();
    assert_eq!(none.rule(), "settings.value", "the merged value is checked");
    let cleared = json!({"audio": {"additional_codecs": []},
                         "call_icons": {"restrict_to_user_countries": []}});
    let cleared = change(&stored, cleared).unwrap().settings;
    assert_eq!((cleared.additional_codecs, cleared.icon_countries), (Some(vec![]), vec![]));
}

#[test]
fn who_sees_the_icon() {
    let mut settings =
        change(&CallingSettings::default(), json!({"status": "ENABLED"})).unwrap().settings;
    let (brazil, chile) = ("BR".parse().ok(), "CL".parse().ok());
    assert!(settings.shows_icon(brazil) && settings.shows_icon(None));
    settings.icon_countries = vec!["BR".parse().unwrap()];
    assert!(
        settings.shows_icon(brazil) && !settings.shows_icon(chile) && !settings.shows_icon(None)
    );
    settings.call_icon_visibility = Some(IconVisibility::DisableAll);
    assert!(!settings.shows_icon(brazil));
}

#[test]
fn each_app_has_its_own_server_and_a_live_one() {
    let asker = |app: &str, is_live| Prerequisites {
        asker: Asker { app: app.parse().ok(), is_live },
        ..ready()
    };
    let set = |current: &CallingSettings, body: Value, prerequisites: &Prerequisites| {
        let change: Change = serde_json::from_value(json!({ "sip": body })).unwrap();
        apply(current, &change, prerequisites, &newest(), at(0)).map(|applied| applied.settings)
    };
    let server = |name: &str| json!({ "servers": [{ "hostname": name }] });
    let nothing = CallingSettings::default();
    let draft = set(&nothing, server("sip.one.example"), &asker("1", false));
    assert_eq!(draft.unwrap_err(), Refusal::AppNotLive { code: 138_018 });
    assert!(set(&nothing, json!({ "status": "DISABLED" }), &asker("1", false)).is_ok());

    let mut one = set(&nothing, server("sip.one.example"), &asker("1", true)).unwrap();
    one.sip.as_mut().unwrap().servers[0].password = Some(SipPassword("kept".into()));
    let both = set(&one, server("sip.two.example"), &asker("2", true)).unwrap();
    let servers = &both.sip.as_ref().unwrap().servers;
    let named: Vec<_> = servers
        .iter()
        .map(|it| (it.app.as_ref().unwrap().as_str(), it.hostname.as_str()))
        .collect();
    assert_eq!(named, [("1", "sip.one.example"), ("2", "sip.two.example")]);
    assert!(!format!("{both:?}").contains("kept"));

    let moved = set(&both, server("sip.new.example"), &asker("1", true)).unwrap();
    let own = moved.sip.unwrap().servers.into_iter().find(|it| it.hostname == "sip.new.example");
    assert_eq!(own.unwrap().password, Some(SipPassword("kept".into())));
    let left = set(&both, json!({ "servers": [] }), &asker("1", true)).unwrap();
    assert_eq!(left.sip.as_ref().unwrap().servers.len(), 1, "only this app's is deleted");
    let on = set(&left, json!({ "status": "ENABLED" }), &asker("2", true)).unwrap();
    let refused = set(&on, json!({ "servers": [] }), &asker("2", true)).unwrap_err();
    assert_eq!(refused.rule(), "settings.value", "one must be there while SIP is on");
}
