//! Is `docs/errors.md` what the table says? `UPDATE_DOCS=1` writes it.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, time::Duration};

use media::sdp::SdpRefusal;
use rules::{
    Refusal,
    access::Scope,
    permission::Absence,
    rulebook::{ConcurrencyScope, CountryScope},
};
use terms::{Direction, Timestamp};
use wire::RequestFault;

use super::ApiRefusal;

const DOC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

const HEAD: &str = "# Errors of the platform\n\n\
Every refusal of the Graph-shaped API, in Graph's envelope; the sandbox API answers the same with 409\n\
and the rule's name. Written from the table in `crates/platform/src/api/refusals.rs` by its test\n\
(`UPDATE_DOCS=1 cargo test -p offhook-platform errors_md`). Errors of a call that failed while it ran\n\
(138004, 138019 to 138023) come in its terminate webhook, not here.\n\n\
| Code | HTTP | Title | Rule | Details, as an example |\n|---|---|---|---|---|\n";

#[test]
fn errors_md_is_the_table() {
    let mut doc = HEAD.to_owned();
    let mut rows: Vec<_> = samples().into_iter().map(|it| (it.row(), it)).collect();
    rows.sort_by_key(|(row, it)| (row.code, it.rule()));
    for (row, refusal) in rows {
        let (code, http, title) = (row.code, row.http, row.title);
        writeln!(doc, "| {code} | {http} | {title} | `{}` | {refusal} |", refusal.rule()).unwrap();
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(DOC, &doc).unwrap();
    }
    let written = std::fs::read_to_string(Path::new(DOC)).unwrap_or_default();
    assert!(written == doc, "docs/errors.md is out of date; run with UPDATE_DOCS=1");
}

#[test]
fn every_rule_has_one_sample() {
    let rules: Vec<_> = rule_samples().into_iter().chain(message_samples()).collect();
    let names: BTreeSet<_> = rules.iter().map(Refusal::rule).collect();
    assert_eq!(names.len(), rules.len());
}

fn samples() -> Vec<ApiRefusal> {
    let missing = || RequestFault::Missing { path: "session.sdp".into() };
    let invalid = RequestFault::Invalid { path: "to".into(), why: "digits in E.164".into() };
    let unsupported = RequestFault::UnsupportedType { path: "type".into() };
    let mut samples = vec![
        ApiRefusal::OnDemand { status: 429 },
        ApiRefusal::OnDemand { status: 500 },
        ApiRefusal::OnDemand { status: 502 },
        ApiRefusal::OnDemand { status: 503 },
        ApiRefusal::TokenMissing,
        ApiRefusal::TokenUnknown,
        ApiRefusal::TokenExpired { at: Timestamp::from_unix(1_783_000_000) },
        ApiRefusal::ScopeMissing { scope: Scope::Management },
        ApiRefusal::NotPermitted,
        ApiRefusal::UnknownObject { id: "1".into() },
        ApiRefusal::UnknownPath,
        ApiRefusal::TooLarge { bytes_max: 262_144 },
        ApiRefusal::Body(missing()),
        ApiRefusal::Message(missing()),
        ApiRefusal::Message(invalid),
        ApiRefusal::Message(unsupported),
        ApiRefusal::Parameter("text: 1 to 4096 characters".into()),
        ApiRefusal::Sdp(SdpRefusal::NoFingerprint),
        ApiRefusal::Handshake("the callback URL could not be reached".into()),
        ApiRefusal::LinkOver,
        ApiRefusal::NoMedia,
        ApiRefusal::Fault(crate::store::StoreFault::Gone),
    ];
    samples.extend(rule_samples().into_iter().chain(message_samples()).map(ApiRefusal::Rule));
    samples
}

fn rule_samples() -> Vec<Refusal> {
    let at = Timestamp::from_unix(1_783_000_000);
    let day = Duration::from_secs(86_400);
    vec![
        Refusal::WrongState { input: "accept", state: "accepted" },
        Refusal::CallEnded { input: "terminate", reason: "user_hung_up" },
        Refusal::AnsweredTooLate { input: "accept" },
        Refusal::WrongDirection { input: "accept", direction: Direction::BusinessInitiated },
        Refusal::UnknownCall,
        Refusal::SdpDiffers,
        Refusal::SipEnabled,
        Refusal::CallingNotEnabled,
        Refusal::CountryBlocked {
            country: "NG".parse().unwrap(),
            scope: CountryScope::BusinessInitiated,
        },
        Refusal::Restricted { until: at },
        Refusal::PaymentMissing { code: 131_044 },
        Refusal::Uncallable { why: "this number is not on WhatsApp" },
        Refusal::BlockedByUser { code: 138_001 },
        Refusal::Blocked,
        Refusal::AppTooOld,
        Refusal::NotOnAllowedList,
        Refusal::VersionTooOld { version: 16, min: 17 },
        Refusal::UseCaseBlocked {
            use_case: "authentication".into(),
            allowed: vec!["service".into(), "marketing".into(), "utility".into()],
            code: 138_015,
        },
        Refusal::NoPermission(Absence::NeverGiven),
        Refusal::WindowClosed { closed_at: Some(at), code: 131_047 },
        Refusal::CallRunning,
        Refusal::ConnectedLimit { used: 100, max: 100, allowed_at: at },
        Refusal::PlacedLimit { used: 10_000, max: 10_000, allowed_at: Some(at) },
        Refusal::ConcurrencyLimit { running: 1000, max: 1000, scope: ConcurrencyScope::Number },
        Refusal::RequestLimit { used: 1, max: 1, period: day, allowed_at: at },
        Refusal::AlreadyPermanent,
        Refusal::ReadLimit { used: 100, max: 100 },
        Refusal::RequestClosed { state: "expired" },
        Refusal::NothingToRevoke,
        Refusal::OutOfHours { opens_at: Some(at), callback: true },
        Refusal::TierTooLow { tier: 250, min: 2000 },
        Refusal::NobodyListens,
        Refusal::AppNotLive { code: 138_018 },
        Refusal::SettingInvalid {
            field: "call_hours.timezone_id".into(),
            reason: "unknown".into(),
        },
        Refusal::CaptureInvalid {
            object: "recording",
            field: "purpose",
            reason: "has at most 250 characters".into(),
        },
        Refusal::FileUnfit { field: "file", reason: "is empty".into() },
    ]
}

fn message_samples() -> Vec<Refusal> {
    let at = Timestamp::from_unix(1_783_000_000);
    vec![
        Refusal::Undeliverable { why: "this number is not on WhatsApp" },
        Refusal::NoCallbackOffered,
        Refusal::MessageRate { used: 80, max: 80 },
        Refusal::ParameterInvalid {
            field: "payload".into(),
            reason: "must have at most 512 characters; it has 513".into(),
        },
        Refusal::ButtonCountry { country: "NG".parse().unwrap() },
        Refusal::ButtonExpired { at },
        Refusal::TemplateInvalid { field: "BODY".into(), reason: "is required".into() },
        Refusal::TemplateExists { name: "call_us".into(), language: "en".into() },
        Refusal::TemplateCount { max: 250 },
        Refusal::TemplateUnknown {
            name: "call_us".into(),
            language: "en".into(),
            approved_at: None,
        },
        Refusal::TemplateParameters { part: "body", given: 1, wanted: 2 },
        Refusal::TemplateTooLong {
            part: "body",
            reason: "must have at most 1024 characters; it has 1030".into(),
        },
        Refusal::TemplateFormat {
            part: "header",
            reason: "a parameter is of type image; expected text".into(),
        },
    ]
}
