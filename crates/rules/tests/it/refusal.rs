//! Every refusal has a rule's name and a text a client may read.

use std::{collections::BTreeSet, fmt::Write as _};

use offhook_rules::{
    Refusal,
    permission::Absence,
    rulebook::{ConcurrencyScope, CountryScope},
};
use terms::Direction;

use crate::facts::{DAY, at, s};

#[expect(clippy::too_many_lines, reason = "one line a refusal")]
pub(crate) fn every_refusal() -> Vec<Refusal> {
    vec![
        Refusal::WrongState { input: "accept", state: "accepted" },
        Refusal::CallEnded { input: "terminate", reason: "user_hung_up" },
        Refusal::AnsweredTooLate { input: "accept" },
        Refusal::WrongDirection { input: "reject", direction: Direction::BusinessInitiated },
        Refusal::UnknownCall,
        Refusal::SdpDiffers,
        Refusal::SipEnabled,
        Refusal::CallingNotEnabled,
        Refusal::CountryBlocked { country: "US".parse().unwrap(), scope: CountryScope::Calling },
        Refusal::CountryBlocked {
            country: "US".parse().unwrap(),
            scope: CountryScope::BusinessInitiated,
        },
        Refusal::Restricted { until: at(0) },
        Refusal::PaymentMissing { code: 131_044 },
        Refusal::Uncallable { why: "not on WhatsApp" },
        Refusal::BlockedByUser { code: 138_001 },
        Refusal::Blocked,
        Refusal::AppTooOld,
        Refusal::NotOnAllowedList,
        Refusal::VersionTooOld { version: 16, min: 17 },
        Refusal::UseCaseBlocked {
            use_case: "authentication".into(),
            allowed: vec!["service".into(), "utility".into()],
            code: 138_015,
        },
        Refusal::NoPermission(Absence::NeverGiven),
        Refusal::NoPermission(Absence::Rejected { at: at(0) }),
        Refusal::NoPermission(Absence::Revoked { at: at(0) }),
        Refusal::NoPermission(Absence::TooManyUnanswered { at: at(0), unanswered: 4 }),
        Refusal::NoPermission(Absence::Expired { at: at(0) }),
        Refusal::WindowClosed { length: DAY, closed_at: None, code: 131_047 },
        Refusal::WindowClosed { length: s(5_400), closed_at: Some(at(0)), code: 131_047 },
        Refusal::CallRunning,
        Refusal::ConnectedLimit {
            used: 100,
            max: 100,
            period: DAY,
            allowed_at: at(0),
            field: "next_call_allowed_at".into(),
        },
        Refusal::PlacedLimit { used: 10_000, max: 10_000, period: s(45), allowed_at: None },
        Refusal::ConcurrencyLimit { running: 1_000, max: 1_000, scope: ConcurrencyScope::Number },
        Refusal::RequestLimit { used: 1, max: 1, period: DAY, allowed_at: at(0) },
        Refusal::AlreadyPermanent,
        Refusal::ReadLimit { used: 100, max: 100 },
        Refusal::RequestClosed { state: "expired" },
        Refusal::NothingToRevoke,
        Refusal::OutOfHours { opens_at: None, callback: false },
        Refusal::OutOfHours { opens_at: Some(at(0)), callback: true },
        Refusal::Undeliverable { why: "not on WhatsApp" },
        Refusal::NoCallbackOffered,
        Refusal::MessageRate { used: 80, max: 80 },
        Refusal::ParameterInvalid { field: "payload".into(), reason: "is too long".into() },
        Refusal::ButtonCountry { country: "US".parse().unwrap() },
        Refusal::ButtonExpired { at: at(0) },
        Refusal::TemplateInvalid { field: "BODY".into(), reason: "is required".into() },
        Refusal::TemplateExists { name: "call_us".into(), language: "en".into() },
        Refusal::TemplateCount { max: 250 },
        Refusal::TemplateUnknown {
            name: "call_us".into(),
            language: "en".into(),
            approved_at: None,
        },
        Refusal::TemplateParameters { part: "body", given: 1, wanted: 2 },
        Refusal::TemplateTooLong { part: "body", reason: "is too long".into() },
        Refusal::TemplateFormat { part: "button", reason: "is given twice".into() },
        Refusal::TierTooLow { tier: 250, min: 2_000 },
        Refusal::NobodyListens,
        Refusal::AppNotLive { code: 138_018 },
        Refusal::SettingInvalid {
            field: "status".into(),
            reason: "\"On\" is not a valid value".into(),
        },
        Refusal::CaptureInvalid {
            object: "recording",
            field: "purpose",
            reason: "has at most 250 characters".into(),
        },
        Refusal::FileUnfit { field: "file", reason: "is empty".into() },
    ]
}

#[test]
fn the_list_has_every_refusal_there_is() {
    let here: BTreeSet<_> = every_refusal().iter().map(Refusal::rule).collect();
    let there: BTreeSet<_> = Refusal::RULES.iter().copied().collect();
    assert_eq!(there.len(), Refusal::RULES.len(), "two refusals have one name");
    assert_eq!(here, there);
}

#[test]
pub(crate) fn every_refusal_in_words() {
    let mut out = String::new();
    for refusal in every_refusal() {
        writeln!(out, "{:<30} {refusal}", refusal.rule()).unwrap();
    }
    insta::assert_snapshot!("refusals", out);
}
