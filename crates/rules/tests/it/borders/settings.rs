//! Rules about the calling settings.

use offhook_rules::{
    Refusal,
    hours::{self, Verdict},
    limits::NumberKind,
    quality::{Restriction, RestrictionKind},
    rulebook::Rulebook,
    settings::{Applied, Asker, CallingSettings, Change, Prerequisites, apply, may_change},
};
use serde_json::{Value, json};

use super::{Case, around, said};
use crate::facts::at;

pub(super) const CASES: &[Case] = &[
    Case { rule: "eligibility.tier_min", other: ["500", "501"], verdict: tier },
    Case { rule: "eligibility.use_cases", other: ["service", "authentication"], verdict: use_case },
    Case { rule: "eligibility.use_case_code", other: ["138018", "100"], verdict: use_case_code },
    Case {
        rule: "settings.restriction_blocks_changes",
        other: ["false", "true"],
        verdict: changes_while_restricted,
    },
    Case { rule: "hours.holiday_means", other: ["open", "closed"], verdict: holiday },
    Case { rule: "hours.windows_per_day", other: ["1", "3"], verdict: windows },
    Case { rule: "hours.touching_windows", other: ["true", "false"], verdict: touching },
    Case { rule: "hours.unlisted_days", other: ["closed", "open"], verdict: unlisted },
    Case { rule: "hours.holidays_max", other: ["19", "21"], verdict: holidays },
    Case {
        rule: "settings.sip_parameter_chars_max",
        other: ["127", "129"],
        verdict: sip_parameter,
    },
    Case { rule: "settings.sip_servers_max", other: ["2", "3"], verdict: sip_servers },
    Case { rule: "settings.sip_port_default", other: ["5060", "5062"], verdict: sip_port },
    Case { rule: "settings.voicemail_timeout_max", other: ["29 s", "31 s"], verdict: voicemail },
];

fn changed(book: &Rulebook, tier: u32, body: Value) -> Result<Applied, Refusal> {
    let change: Change = serde_json::from_value(body).unwrap();
    let prerequisites = Prerequisites {
        tier,
        kind: NumberKind::Production,
        country: "BR".parse().ok(),
        use_case: "service".into(),
        app_listens: true,
        asker: Asker::DIRECT,
    };
    apply(&CallingSettings::default(), &change, &prerequisites, book, at(0))
}

fn set(book: &Rulebook, body: Value) -> &'static str {
    said(changed(book, 100_000, body))
}

fn tier(book: &Rulebook) -> String {
    let with = |tier: i64| {
        said(changed(book, u32::try_from(tier).unwrap(), json!({ "status": "ENABLED" })))
    };
    format!("{} || {}", around(1_000, with), around(2_000, with))
}

fn enabled_for(use_case: &str, book: &Rulebook) -> Result<(), Refusal> {
    let prerequisites = Prerequisites {
        tier: 100_000,
        kind: NumberKind::Production,
        country: "BR".parse().ok(),
        use_case: use_case.into(),
        app_listens: true,
        asker: Asker::DIRECT,
    };
    let on = Change { status: Some("ENABLED".into()), ..Change::default() };
    apply(&CallingSettings::default(), &on, &prerequisites, book, at(0)).map(drop)
}

fn use_case(book: &Rulebook) -> String {
    ["service", "marketing", "utility", "authentication"]
        .map(|name| format!("{name} {}", said(enabled_for(name, book))))
        .join(" | ")
}

fn use_case_code(book: &Rulebook) -> String {
    match enabled_for("gambling", book) {
        Err(Refusal::UseCaseBlocked { code, .. }) => code.to_string(),
        other => panic!("{other:?}"),
    }
}

fn changes_while_restricted(book: &Rulebook) -> String {
    let until = at(7);
    let restriction = |kind| Restriction { kind, reason: String::new(), until: Some(until) };
    let both = [restriction(RestrictionKind::Both)];
    let split = [restriction(RestrictionKind::BusinessInitiated)];
    let change = |list: &[Restriction], second| said(may_change(list, book, at(second)));
    format!("{} || {}", around(7, |s| change(&both, s)), around(7, |s| change(&split, s)))
}

fn hours_of(week: &[Value], holidays: &[Value]) -> Value {
    json!({ "call_hours": { "status": "ENABLED", "timezone_id": "UTC",
        "weekly_operating_hours": week, "holiday_schedule": holidays } })
}

fn monday(open: &str, close: &str) -> Value {
    json!({ "day_of_week": "MONDAY", "open_time": open, "close_time": close })
}

/// Christmas with an entry from 10:00 to 12:00, on a day that is open from 09:00 to 18:00.
fn holiday(book: &Rulebook) -> String {
    let friday = json!({ "day_of_week": "FRIDAY", "open_time": "0900", "close_time": "1800" });
    let christmas = json!({ "date": "2026-12-25", "start_time": "1000", "end_time": "1200" });
    let settings = changed(book, 100_000, hours_of(&[friday], &[christmas])).unwrap().settings;
    let is_open = |time: &str| {
        let moment = format!("2026-12-25T{time}Z").parse().unwrap();
        let verdict = hours::check(settings.call_hours.as_ref(), book, moment);
        let word = match verdict {
            Verdict::Open { .. } => "open",
            Verdict::Closed { .. } => "closed",
        };
        format!("{time} {word}")
    };
    ["09:59:59", "10:00:00", "10:00:01", "11:59:59", "12:00:00", "12:00:01"]
        .map(is_open)
        .join(" | ")
}

fn windows(book: &Rulebook) -> String {
    let all = [monday("0100", "0200"), monday("0300", "0400"), monday("0500", "0600")];
    around(2, |count| set(book, hours_of(&all[..usize::try_from(count).unwrap()], &[])))
}

/// A second window that begins around the end of the first.
fn touching(book: &Rulebook) -> String {
    ["0159", "0200", "0201"]
        .map(|open| {
            let week = [monday("0100", "0200"), monday(open, "0300")];
            format!("{open} {}", set(book, hours_of(&week, &[])))
        })
        .join(" | ")
}

/// The last second of a Monday without an interval of Tuesday, and the first of the Tuesday.
fn unlisted(book: &Rulebook) -> String {
    let week = [monday("0100", "2359")];
    let settings = changed(book, 100_000, hours_of(&week, &[])).unwrap().settings;
    let is_open = |time: &str| {
        let moment = format!("2026-11-{time}Z").parse().unwrap();
        match hours::check(settings.call_hours.as_ref(), book, moment) {
            Verdict::Open { .. } => format!("{time} open"),
            Verdict::Closed { .. } => format!("{time} closed"),
        }
    };
    ["23T23:59:59", "24T00:00:00", "24T00:00:01"].map(is_open).join(" | ")
}

fn holidays(book: &Rulebook) -> String {
    let one = json!({ "date": "2026-12-25", "start_time": "0000", "end_time": "0100" });
    around(20, |count| {
        let all = vec![one.clone(); usize::try_from(count).unwrap()];
        set(book, hours_of(&[monday("0100", "0200")], &all))
    })
}

fn server(parameter: usize) -> Value {
    json!({ "hostname": "sip.shop.example",
        "request_uri_user_params": { "k": "v".repeat(parameter) } })
}

fn sip_parameter(book: &Rulebook) -> String {
    around(128, |chars| {
        let servers = [server(usize::try_from(chars).unwrap())];
        set(book, json!({ "sip": { "status": "ENABLED", "servers": servers } }))
    })
}

fn sip_servers(book: &Rulebook) -> String {
    around(1, |count| {
        let servers = vec![server(1); usize::try_from(count).unwrap()];
        set(book, json!({ "sip": { "status": "DISABLED", "servers": servers } }))
    })
}

fn sip_port(book: &Rulebook) -> String {
    let body = json!({ "sip": { "status": "ENABLED", "servers": [server(1)] } });
    let sip = changed(book, 100_000, body).unwrap().settings.sip.unwrap();
    sip.servers[0].port.to_string()
}

fn voicemail(book: &Rulebook) -> String {
    around(30, |seconds| {
        let audio =
            json!({ "default": { "announcement_media_id": 1, "timeout_seconds": seconds } });
        let voicemail = json!({ "status": "ENABLED", "triggers": ["TIMEOUT"], "audio": audio });
        set(book, json!({ "voicemail": voicemail }))
    })
}
