//! Rules about tokens, versions and the user's app.

use offhook_rules::{
    access::{Scope, missing, scopes_of, strange_field, version},
    client::{Client, ClientOs, Feature},
    health::{Availability, HealthFacts, Part, health},
    rulebook::Rulebook,
};

use super::{Case, around, said};

pub(super) const CASES: &[Case] = &[
    Case { rule: "access.messaging_edges", other: ["calls", "messages"], verdict: messaging },
    Case { rule: "access.management_edges", other: ["settings", "calls"], verdict: management },
    Case { rule: "access.webhook_fields", other: ["calls", "messages"], verdict: fields },
    Case { rule: "access.version_min", other: ["16", "18"], verdict: oldest },
    Case { rule: "access.version_newest", other: ["25", "27"], verdict: newest },
    Case { rule: "health.restricted", other: ["BLOCKED", "LIMITED"], verdict: restricted },
    Case { rule: "health.payment_missing", other: ["BLOCKED", "LIMITED"], verdict: unpaid },
    Case { rule: "health.sip_number_code", other: ["138025", "1"], verdict: codes },
    Case { rule: "health.sip_app_code", other: ["138024", "1"], verdict: codes },
    Case { rule: "health.restricted_code", other: ["138000", "1"], verdict: codes },
    Case { rule: "health.payment_code", other: ["131044", "1"], verdict: codes },
    Case { rule: "clients.callable", other: ["android", "ios"], verdict: callable },
    Case {
        rule: "clients.business_calls_min",
        other: ["2.24.13", "2.24.15"],
        verdict: business_calls,
    },
    Case { rule: "clients.call_icon_min", other: ["2.24.10.7", "2.24.10.9"], verdict: call_icon },
    Case { rule: "clients.call_button_min", other: ["2.24.0", "2.24.2"], verdict: call_button },
    Case { rule: "clients.payload_min", other: ["2.25.26", "2.25.28"], verdict: payload },
];

/// The edges of the sheet, and one nobody knows.
const EDGES: [&str; 9] = [
    "calls",
    "messages",
    "call_permissions",
    "media",
    "settings",
    "message_templates",
    "subscribed_apps",
    "self",
    "unknown",
];

fn fields(book: &Rulebook) -> String {
    let strange = |field: &str| {
        let fields = ["calls".to_owned(), field.to_owned()];
        format!("{field} {}", strange_field(&fields, book).unwrap_or("ok"))
    };
    ["messages", "account_update", "call", "Calls"].map(strange).join(" | ")
}

fn open_with(held: Scope, book: &Rulebook) -> String {
    EDGES.map(|edge| format!("{edge} {}", missing(edge, &[held], book).is_none())).join(" | ")
}

fn messaging(book: &Rulebook) -> String {
    open_with(Scope::Messaging, book)
}

fn management(book: &Rulebook) -> String {
    open_with(Scope::Management, book)
}

fn oldest(book: &Rulebook) -> String {
    around(17, |asked| said(version(u32::try_from(asked).ok(), book)))
}

fn newest(book: &Rulebook) -> String {
    format!("none is {}", version(None, book).unwrap())
}

fn callable(book: &Rulebook) -> String {
    let all = [
        ClientOs::Android,
        ClientOs::Ios,
        ClientOs::SmbAndroid,
        ClientOs::SmbIos,
        ClientOs::Kaios,
        ClientOs::Web,
        ClientOs::Desktop,
    ];
    all.map(|os| format!("{} {}", os.as_str(), Client { os, version: None }.is_callable(book)))
        .join(" | ")
}

/// A number, account and app in the best of health.
const WELL: HealthFacts = HealthFacts {
    sip_configured: true,
    app_is_live: true,
    is_restricted: false,
    user_calls_stopped: false,
    payment_valid: true,
};

fn restricted(book: &Rulebook) -> String {
    let sick = health(&HealthFacts { is_restricted: true, ..WELL }, book);
    format!("{:?} of {:?}", sick.number.messages, sick.messages())
}

fn unpaid(book: &Rulebook) -> String {
    let sick = health(&HealthFacts { payment_valid: false, ..WELL }, book);
    format!("{:?} of {:?}", sick.account.messages, sick.messages())
}

fn codes(book: &Rulebook) -> String {
    let sick = HealthFacts {
        sip_configured: false,
        app_is_live: false,
        is_restricted: true,
        user_calls_stopped: false,
        payment_valid: false,
    };
    let sick = health(&sick, book);
    let parts = [&sick.number, &sick.account, &sick.business, &sick.app];
    let codes = |part: &&Part| {
        part.issues.iter().map(|issue| issue.code(book).to_string()).collect::<Vec<_>>().join("+")
    };
    parts.iter().map(codes).collect::<Vec<_>>().join(" | ")
}

#[test]
fn the_well_are_available_and_a_stopped_direction_blocks_sip() {
    let book = &crate::facts::newest();
    let well = health(&WELL, book);
    assert_eq!(well.messages(), Availability::Available);
    assert_eq!(well.number.sip, Some(Availability::Available));
    assert_eq!(well.account.sip, None);
    let stopped = HealthFacts { is_restricted: true, user_calls_stopped: true, ..WELL };
    assert_eq!(health(&stopped, book).number.sip, Some(Availability::Blocked));
}

/// What clients of these versions can do; the newest always can.
fn versions(feature: Feature, versions: [&str; 3], book: &Rulebook) -> String {
    assert!(Client::default().supports(feature, book));
    let can = |text: &str| {
        let client = Client { version: Some(text.parse().unwrap()), ..Client::default() };
        client.supports(feature, book)
    };
    versions.map(|text| format!("{text} {}", can(text))).join(" | ")
}

fn business_calls(book: &Rulebook) -> String {
    versions(Feature::BusinessCalls, ["2.24.13", "2.24.14", "2.24.14.1"], book)
}

fn call_icon(book: &Rulebook) -> String {
    versions(Feature::CallIcon, ["2.24.10.7", "2.24.10.8", "2.24.10.9"], book)
}

fn call_button(book: &Rulebook) -> String {
    versions(Feature::CallButton, ["2.24.0", "2.24.1", "2.24.2"], book)
}

fn payload(book: &Rulebook) -> String {
    versions(Feature::Payload, ["2.25.26.9", "2.25.27", "2.25.28"], book)
}

#[test]
fn either_scope_opens_an_edge_of_both_lists_and_anybody_one_of_none() {
    let book = &crate::facts::newest();
    assert_eq!(scopes_of("self", book), Scope::ALL);
    assert_eq!(missing("self", &[Scope::Messaging], book), None);
    assert_eq!(missing("self", &[], book), Some(Scope::Messaging));
    assert_eq!(missing("settings", &[Scope::Messaging], book), Some(Scope::Management));
    assert_eq!(missing("unknown", &[], book), None);
}

#[test]
fn a_version_of_the_app_is_numbers_with_dots() {
    for bad in ["", "2.", "2..1", "v2.24", "2.24.1.1.1", "2.99999999999", "+2", "2.24-1"] {
        assert!(bad.parse::<offhook_rules::client::ClientVersion>().is_err(), "{bad:?}");
    }
    let short: offhook_rules::client::ClientVersion = "2.24".parse().unwrap();
    assert_eq!(short.to_string(), "2.24.0");
    assert!(short < "2.24.0.1".parse().unwrap());
}
