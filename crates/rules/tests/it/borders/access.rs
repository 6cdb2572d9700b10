//! Rules about tokens, versions and the user's app.

use offhook_rules::{
    access::{Scope, missing, scopes_of, version},
    client::{Client, ClientOs, Feature},
    rulebook::Rulebook,
};

use super::{Case, around, said};

pub(super) const CASES: &[Case] = &[
    Case { rule: "access.messaging_edges", other: ["calls", "messages"], verdict: messaging },
    Case { rule: "access.management_edges", other: ["settings", "calls"], verdict: management },
    Case { rule: "access.version_min", other: ["16", "18"], verdict: oldest },
    Case { rule: "access.version_newest", other: ["25", "27"], verdict: newest },
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
