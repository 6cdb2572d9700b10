//! Is `docs/errors.md` what the table says? `UPDATE_DOCS=1` writes it.

use std::{collections::BTreeSet, fmt::Write as _, path::Path, time::Duration};

use media::sdp::SdpRefusal;
use rules::{
    Refusal,
    access::Scope,
    call::{CallError, EndReason},
    health::Issue,
    permission::Absence,
    rulebook::{ConcurrencyScope, CountryScope, Rulebook},
};
use terms::{Direction, Timestamp};
use wire::{JsonKind, RequestFault};

use super::ApiRefusal;

const DOC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");

const HEAD: &str = "# Errors of the platform\n\n\
Written from the tables of the code by `crates/platform/src/api/refusals_test.rs`\n\
(`UPDATE_DOCS=1 cargo test -p offhook-platform errors_md`); every row is met by a request in\n\
`crates/platform/tests/it/every_error`.\n\n\
## In answers\n\n\
Every refusal of the Graph-shaped API, in Graph's envelope; the sandbox API answers the same with 409\n\
and the rule's name.\n\n\
| Code | HTTP | Title | Rule | Details, as an example |\n|---|---|---|---|---|\n";

const ELSEWHERE: &str = "\n## In webhooks and health\n\n\
A call that failed while it ran says so in its `terminate` webhook; its HTTP status is the API's table's\n\
and has no effect there. What stands in a number's way is in `health_status`, its cure in place of\n\
details. The codes of the health are the rulebook's.\n\n\
| Code | HTTP | Title | In | Details, as an example |\n|---|---|---|---|---|\n";

#[test]
fn errors_md_is_the_table() {
    let doc = format!("{HEAD}{}{ELSEWHERE}{}{}", in_answers(), in_terminate(), in_health());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(DOC, &doc).unwrap();
    }
    let written = std::fs::read_to_string(Path::new(DOC)).unwrap_or_default();
    assert!(written == doc, "docs/errors.md is out of date; run with UPDATE_DOCS=1");
}

/// A row for each code, status, title and rule; the first sample is its example.
fn in_answers() -> String {
    let mut rows: Vec<_> = samples().into_iter().map(|it| (it.row(), it)).collect();
    rows.sort_by_key(|(row, it)| (row.code, it.rule()));
    let (mut lines, mut seen) = (String::new(), BTreeSet::new());
    for (row, refusal) in rows {
        let (code, http, title, rule) = (row.code, row.http, row.title, refusal.rule());
        if seen.insert((code, http, title, rule)) {
            writeln!(lines, "| {code} | {http} | {title} | `{rule}` | {refusal} |").unwrap();
        }
    }
    lines
}

fn in_terminate() -> String {
    let line = |error: &CallError| {
        let reason = EndReason::ALL.into_iter().find(|it| it.error() == Some(*error));
        let details = reason.expect("every error has an end that brings it").text();
        let (code, http, title) = (error.code(), error.http(), error.title());
        format!("| {code} | {http} | {title} | `terminate` | {details} |\n")
    };
    CallError::ALL.iter().map(line).collect()
}

fn in_health() -> String {
    let book = Rulebook::beta();
    let mut issues = Issue::ALL;
    issues.sort_by_key(|issue| issue.code(&book));
    let line = |issue: Issue| {
        let (code, title, cure) = (issue.code(&book), issue.text(), issue.cure());
        format!("| {code} | — | {title} | `health_status` | {cure} |\n")
    };
    issues.into_iter().map(line).collect()
}

#[test]
fn every_rule_has_one_sample() {
    let rules: Vec<_> = rule_samples().into_iter().chain(message_samples()).collect();
    let names: BTreeSet<_> = rules.iter().map(Refusal::rule).collect();
    assert_eq!(names.len(), rules.len());
    assert_eq!(names, Refusal::RULES.iter().copied().collect());
}

/// The names of an enum's variants, and that of a value: does not compile without one of them.
macro_rules! variants {
    ($list:ident, $of:ident: $kind:ident { $($variant:ident),+ $(,)? }) => {
        const $list: &[&str] = &[$(stringify!($variant)),+];

        fn $of(value: &$kind) -> &'static str {
            match value { $($kind::$variant { .. } => stringify!($variant),)+ }
        }
    };
}

variants! { KINDS, kind_of: ApiRefusal {
    TokenMissing, TokenUnknown, TokenExpired, ScopeMissing, NotPermitted, UnknownObject, UnknownPath,
    TooLarge, Body, Message, Parameter, Sdp, Rule, Handshake, LinkOver, NoMedia, OnDemand, Fault,
} }

variants! { FAULTS, fault_of: RequestFault {
    NotJson, Missing, WrongType, Invalid, TooLong, UnknownAction, UnsupportedType,
} }

#[test]
fn every_kind_of_refusal_has_a_sample() {
    let kinds: BTreeSet<_> = samples().iter().map(kind_of).collect();
    assert_eq!(kinds, KINDS.iter().copied().collect());
    let faults: BTreeSet<_> = fault_samples().iter().map(fault_of).collect();
    assert_eq!(faults, FAULTS.iter().copied().collect());
}

fn samples() -> Vec<ApiRefusal> {
    let mut samples = vec![
        ApiRefusal::OnDemand { status: 401 },
        ApiRefusal::OnDemand { status: 403 },
        ApiRefusal::OnDemand { status: 404 },
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
        ApiRefusal::Parameter("text: 1 to 4096 characters".into()),
        ApiRefusal::Sdp(SdpRefusal::NoFingerprint),
        ApiRefusal::Handshake("the callback URL could not be reached".into()),
        ApiRefusal::LinkOver,
        ApiRefusal::NoMedia,
        ApiRefusal::Fault(crate::store::StoreFault::Gone),
    ];
    samples.extend(fault_samples().into_iter().map(ApiRefusal::Body));
    samples.extend(fault_samples().into_iter().map(ApiRefusal::Message));
    samples.extend(rule_samples().into_iter().chain(message_samples()).map(ApiRefusal::Rule));
    samples
}

fn fault_samples() -> Vec<RequestFault> {
    vec![
        RequestFault::Missing { path: "session.sdp".into() },
        RequestFault::Invalid { path: "to".into(), why: "digits in E.164".into() },
        RequestFault::UnsupportedType { path: "type".into() },
        RequestFault::NotJson { line: 1, column: 1, why: "expected value".into() },
        RequestFault::WrongType {
            path: "to".into(),
            wanted: JsonKind::String,
            found: JsonKind::Integer,
        },
        RequestFault::TooLong { path: "text.body".into(), chars_max: 4096, found: 4097 },
        RequestFault::UnknownAction,
    ]
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
        Refusal::WindowClosed { length: day, closed_at: Some(at), code: 131_047 },
        Refusal::CallRunning,
        Refusal::ConnectedLimit {
            used: 100,
            max: 100,
            period: day,
            allowed_at: at,
            field: "next_call_allowed_at".into(),
        },
        Refusal::PlacedLimit { used: 10_000, max: 10_000, period: day, allowed_at: Some(at) },
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
