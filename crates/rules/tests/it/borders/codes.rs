//! Rules that choose the code of a refusal, whom the list of test numbers is asked for, and what an
//! answer to a request opens.

use offhook_rules::{
    Refusal,
    eligibility::{
        NumberFacts, RequestForm, UserFacts, check_answer, check_call, check_number, check_request,
    },
    limits::NumberKind,
    permission::Consent,
    rulebook::Rulebook,
    settings::{Asker, CallingSettings, Change, Prerequisites, apply},
    window::Window,
};
use serde_json::json;

use super::{Case, around, said};
use crate::facts::{at, idle, number, open_window, user};

pub(super) const CASES: &[Case] = &[
    Case { rule: "eligibility.payment_code", other: ["131042", "1"], verdict: unpaid_call },
    Case { rule: "eligibility.user_payment_code", other: ["131042", "1"], verdict: unpaid_answer },
    Case { rule: "eligibility.blocked_by_user_code", other: ["138006", "1"], verdict: blocked },
    Case { rule: "settings.app_not_live_code", other: ["100", "1"], verdict: not_live },
    Case { rule: "limits.allowed_list_kinds", other: ["test, sandbox", "test"], verdict: listed },
    Case {
        rule: "window.opened_by_permission_reply",
        other: ["true", "false"],
        verdict: opened_by_reply,
    },
];

fn unpaid_call(book: &Rulebook) -> String {
    let number = NumberFacts { payment_valid: false, ..number() };
    let cleared = check_number(&number, book, at(0)).unwrap();
    let window = open_window(at(0));
    let consent = Consent::default();
    let verdict = check_call(cleared, &number, &user(), &consent, &window, &idle(), book, at(0));
    match verdict {
        Err(Refusal::PaymentMissing { code }) => code.to_string(),
        other => panic!("{other:?}"),
    }
}

fn unpaid_answer(book: &Rulebook) -> String {
    match check_answer(&NumberFacts { payment_valid: false, ..number() }, book) {
        Err(Refusal::PaymentMissing { code }) => code.to_string(),
        other => panic!("{other:?}"),
    }
}

fn asked(number: &NumberFacts, user: &UserFacts, book: &Rulebook) -> Result<(), Refusal> {
    let window = open_window(at(0));
    let consent = Consent::default();
    check_request(RequestForm::FreeForm, number, user, &consent, &window, book, at(0)).map(drop)
}

fn blocked(book: &Rulebook) -> String {
    match asked(&number(), &UserFacts { blocks_number: true, ..user() }, book) {
        Err(Refusal::BlockedByUser { code }) => code.to_string(),
        other => panic!("{other:?}"),
    }
}

fn not_live(book: &Rulebook) -> String {
    let sip = json!({ "sip": { "servers": [{ "hostname": "sip.shop.example" }] } });
    let change: Change = serde_json::from_value(sip).unwrap();
    let prerequisites = Prerequisites {
        tier: 100_000,
        kind: NumberKind::Production,
        country: "BR".parse().ok(),
        use_case: "service".into(),
        app_listens: true,
        asker: Asker { is_live: false, ..Asker::DIRECT },
    };
    match apply(&CallingSettings::default(), &change, &prerequisites, book, at(0)) {
        Err(Refusal::AppNotLive { code }) => code.to_string(),
        other => panic!("{other:?}"),
    }
}

fn listed(book: &Rulebook) -> String {
    [NumberKind::Production, NumberKind::Test, NumberKind::Sandbox]
        .map(|kind| {
            let number = NumberFacts { kind, ..number() };
            let to = |on_allowed_list| {
                said(asked(&number, &UserFacts { on_allowed_list, ..user() }, book))
            };
            format!("{kind:?}: listed {}, not listed {}", to(true), to(false))
        })
        .join(" | ")
}

fn opened_by_reply(book: &Rulebook) -> String {
    let mut window = Window::default();
    window.open_by_permission_reply(book, at(0));
    around(86_400, |second| said(window.check(book, at(second))))
}
