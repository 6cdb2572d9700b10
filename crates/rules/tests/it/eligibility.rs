//! Who may call whom: one table a question, in the platform's order.

use offhook_rules::{
    Refusal,
    eligibility::{
        Load, NumberFacts, RequestForm, Shows, UserFacts, check_call, check_callback_request,
        check_delivery, check_grant, check_message, check_number, check_request, check_user_call,
    },
    hours::CallHours,
    limits::{NumberKind, Rolling},
    permission::{Choice, Consent, Facts, Input, view},
    rulebook::Rulebook,
    window::Window,
};
use terms::{Country, Direction};

use crate::facts::{DAY, Pair, at, beta, idle, newest, number, open_window, s, user};

/// Everything a check looks at.
#[derive(Clone)]
struct Case {
    number: NumberFacts,
    user: UserFacts,
    consent: Consent,
    window: Window,
    load: Load,
    /// The platform reads the body between the two halves of the rules.
    body_is_readable: bool,
}

fn good() -> Case {
    let mut pair = Pair::new(beta());
    pair.choose(Choice::Temporary, at(0));
    Case {
        number: number(),
        user: user(),
        consent: pair.consent,
        window: open_window(at(0)),
        load: idle(),
        body_is_readable: true,
    }
}

fn call(case: &Case, book: &Rulebook) -> Result<(), Refusal> {
    let cleared = check_number(&case.number, book, at(10))?;
    check_call(
        cleared,
        &case.number,
        &case.user,
        &case.consent,
        &case.window,
        &case.load,
        book,
        at(10),
    )
    .map(|_| ())
}

/// As [`call`], with the body read in its place; the rule that refuses.
fn connect(case: &Case, book: &Rulebook) -> Result<(), Stop> {
    check_number(&case.number, book, at(10)).map_err(Stop::Rule)?;
    if !case.body_is_readable {
        return Err(Stop::Body);
    }
    call(case, book).map_err(Stop::Rule)
}

#[derive(Debug, PartialEq)]
enum Stop {
    Body,
    Rule(Refusal),
}

impl Stop {
    fn rule(&self) -> &'static str {
        match self {
            Self::Body => "request.body",
            Self::Rule(refusal) => refusal.rule(),
        }
    }
}

type Spoil = (&'static str, fn(&mut Case));

/// One thing wrong each, in the order of fact sheet 4.7.
const SPOILS: [Spoil; 13] = [
    ("eligibility.sip", |c| c.number.sip_enabled = true),
    ("eligibility.enabled", |c| c.number.calling_enabled = false),
    ("eligibility.country", |c| c.number.country = "US".parse().ok()),
    ("eligibility.restriction", |c| c.number.business_calls_restricted_until = Some(at(60))),
    ("request.body", |c| c.body_is_readable = false),
    ("eligibility.payment", |c| c.number.payment_valid = false),
    ("eligibility.callable", |c| c.user.uncallable = Some("not on WhatsApp")),
    ("permission.required", |c| c.consent = Consent::default()),
    ("window.open", |c| c.window = Window::default()),
    ("limits.one_call_per_pair", |c| c.load.pair_in_call = true),
    ("limits.connected_per_day", |c| {
        for _ in 0..100 {
            let direction = Direction::BusinessInitiated;
            let connected = Input::Connected { direction };
            let kind = NumberKind::Production;
            c.consent.handle(connected, &beta(), kind, at(0), &mut Vec::new()).unwrap();
        }
    }),
    ("limits.placed_per_day", |c| {
        let mut placed = Rolling::default();
        placed.record(at(0), DAY);
        c.load.placed = placed.usage(1, DAY, at(10));
    }),
    ("limits.concurrent", |c| {
        c.load.running_of_account = 1_000;
        c.load.running_of_number = 1_000;
    }),
];

#[test]
fn the_first_refusal_in_the_platforms_order_wins() {
    assert_eq!(connect(&good(), &beta()), Ok(()));
    for first in 0..SPOILS.len() {
        let mut case = good();
        for (_, spoil) in &SPOILS[first..] {
            spoil(&mut case);
        }
        let refused = connect(&case, &beta()).unwrap_err();
        assert_eq!(refused.rule(), SPOILS[first].0, "{refused:?}");
    }
}

#[test]
fn each_refusal_alone_and_when_it_ends() {
    for (rule, spoil) in &SPOILS {
        let mut case = good();
        spoil(&mut case);
        let refused = connect(&case, &beta()).unwrap_err();
        assert_eq!(refused.rule(), *rule);
        let Stop::Rule(refused) = refused else { continue };
        let ends = match *rule {
            "eligibility.restriction" => Some(at(60)),
            "limits.connected_per_day" | "limits.placed_per_day" => Some(at(0) + DAY),
            _ => None,
        };
        assert_eq!(refused.changes_at(), ends, "{rule}");
    }
}

/// What the two rulebooks decide differently, as `product.md` lists it.
#[test]
fn the_rulebooks_differ_where_they_say_so() {
    let from = |country: &str| {
        let mut case = good();
        case.number.country = country.parse().ok();
        case
    };
    let user_calls = |case: &Case, book: &Rulebook| {
        check_user_call(&case.number, None, true, &case.load, book, at(10)).map_err(|r| r.rule())
    };
    for country in ["US", "CA", "EG", "VN", "NG"] {
        assert!(call(&from(country), &beta()).is_err(), "{country}");
        assert!(call(&from(country), &newest()).is_err(), "{country}");
        assert_eq!(user_calls(&from(country), &beta()), Err("eligibility.country"));
        assert_eq!(user_calls(&from(country), &newest()), Ok(()));
    }
    assert!(call(&from("TR"), &beta()).is_err());
    assert_eq!(call(&from("TR"), &newest()), Ok(()));
    let one_way = beta().with(&[("eligibility.blocked_scope", "business_initiated")]).unwrap();
    assert_eq!(user_calls(&from("US"), &one_way), Ok(()));

    let mut no_window = good();
    no_window.window = Window::default();
    assert!(matches!(call(&no_window, &beta()), Err(Refusal::WindowClosed { code: 131_047, .. })));
    assert_eq!(call(&no_window, &newest()), Ok(()));

    let mut busy_account = good();
    busy_account.load.running_of_account = 1_000;
    assert_eq!(call(&busy_account, &beta()).unwrap_err().rule(), "limits.concurrent");
    assert_eq!(call(&busy_account, &newest()), Ok(()));
    let mut busy_number = good();
    busy_number.load.running_of_number = 1_000;
    assert_eq!(call(&busy_number, &newest()).unwrap_err().rule(), "limits.concurrent");
}

#[test]
fn a_permit_says_when_the_answer_changes() {
    let mut pair = Pair::new(beta());
    pair.choose(Choice::Temporary, at(0));
    assert_eq!(
        pair.permit(at(10)).unwrap().changes_at(),
        Some(at(10) + DAY),
        "the window ends first"
    );
    let mut newest_pair = Pair::new(newest());
    newest_pair.choose(Choice::Temporary, at(0));
    assert_eq!(newest_pair.permit(at(10)).unwrap().changes_at(), Some(at(0) + DAY * 7));
    newest_pair.choose(Choice::Permanent, at(20));
    assert_eq!(newest_pair.permit(at(30)).unwrap().changes_at(), None);
}

#[test]
fn a_test_number_calls_only_listed_users() {
    let mut case = good();
    case.number.kind = NumberKind::Test;
    assert_eq!(call(&case, &beta()), Err(Refusal::NotOnAllowedList));
    case.number.kind = NumberKind::Sandbox;
    assert_eq!(call(&case, &beta()), Ok(()), "a sandbox account has no list");
    let both = beta().with(&[("limits.allowed_list_kinds", "test, sandbox")]).unwrap();
    assert_eq!(call(&case, &both), Err(Refusal::NotOnAllowedList));
    case.user.on_allowed_list = true;
    assert_eq!(call(&case, &both), Ok(()));
    assert!(beta().with(&[("limits.allowed_list_kinds", "tests")]).is_err());
}

/// `can_perform_action` is what the action would be told, by each of the refusals.
#[test]
fn a_read_considers_every_limit() {
    let said = |case: &Case, book: &Rulebook| {
        let Case { number, user, consent, window, load, .. } = case;
        let view = view(Facts { number, user, consent, window, load }, book, at(10));
        (view.request.allowed, view.call.allowed)
    };
    assert_eq!(said(&good(), &beta()), (true, true));
    for (rule, spoil) in &SPOILS {
        let mut case = good();
        spoil(&mut case);
        let of_all = ["enabled", "country", "restriction", "callable"];
        let asks = !rule.strip_prefix("eligibility.").is_some_and(|rule| of_all.contains(&rule));
        // SIP is another way to call, and a read has no body.
        let calls = ["eligibility.sip", "request.body"].contains(rule);
        assert_eq!(said(&case, &beta()), (asks, calls), "{rule}");
    }
    let mut old = good();
    old.user.app_is_recent = false;
    assert_eq!(said(&old, &beta()), (true, false), "a request is taken, and fails");
    let mut closed = good();
    closed.window = Window::default();
    assert_eq!(said(&closed, &newest()), (true, true), "the newest rules need no window");
}

#[test]
fn asking_for_permission() {
    let ask = |form, spoil: fn(&mut Case)| {
        let mut case = Case { consent: Consent::default(), ..good() };
        spoil(&mut case);
        check_request(
            form,
            &case.number,
            &case.user,
            &case.consent,
            &case.window,
            &newest(),
            at(10),
        )
        .map(|_| "sent")
        .unwrap_or_else(|refusal| refusal.rule())
    };
    let free = RequestForm::FreeForm;
    assert_eq!(ask(free, |_| ()), "sent");
    assert_eq!(ask(free, |c| c.number.sip_enabled = true), "sent", "messages go on under SIP");
    assert_eq!(ask(free, |c| c.window = Window::default()), "window.open");
    assert_eq!(ask(RequestForm::Template, |c| c.window = Window::default()), "sent");
    assert_eq!(ask(free, |c| c.number.calling_enabled = false), "eligibility.enabled");
    assert_eq!(ask(free, |c| c.number.country = "VN".parse().ok()), "eligibility.country");
    assert_eq!(
        ask(free, |c| c.number.business_calls_restricted_until = Some(at(11))),
        "eligibility.restriction"
    );
    assert_eq!(ask(free, |c| c.user.uncallable = Some("not on WhatsApp")), "eligibility.callable");
    assert_eq!(ask(free, |c| c.user.app_is_recent = false), "sent", "and then fails");
}

#[test]
fn a_user_calls_the_business() {
    let closed: CallHours = serde_json::from_str(
        r#"{"status":"ENABLED","timezone_id":"UTC","weekly_operating_hours":
            [{"day_of_week":"THURSDAY","open_time":"0900","close_time":"1000"}]}"#,
    )
    .unwrap();
    let dial = |hours: Option<&CallHours>, spoil: fn(&mut Case)| {
        let mut case = good();
        spoil(&mut case);
        check_user_call(&case.number, hours, true, &case.load, &newest(), at(10))
    };
    let rule = |spoil| dial(None, spoil).err().map(|refusal: Refusal| refusal.rule());
    assert_eq!(rule(|_| ()), None);
    assert_eq!(rule(|c| c.number.sip_enabled = true), None, "the call goes to SIP");
    assert_eq!(rule(|c| c.number.calling_enabled = false), Some("eligibility.enabled"));
    assert_eq!(
        rule(|c| c.number.user_calls_restricted_until = Some(at(11))),
        Some("eligibility.restriction")
    );
    assert_eq!(rule(|c| c.number.business_calls_restricted_until = Some(at(11))), None);
    assert_eq!(rule(|c| c.number.payment_valid = false), Some("eligibility.payment"));
    assert_eq!(rule(|c| c.load.pair_in_call = true), Some("limits.one_call_per_pair"));
    assert_eq!(rule(|c| c.load.running_of_number = 1_000), Some("limits.concurrent"));
    let opens_at = Some(at(21 * 3600));
    assert_eq!(dial(Some(&closed), |_| ()), Err(Refusal::OutOfHours { opens_at, callback: true }));
}

#[test]
fn there_are_permissions_where_a_business_may_call() {
    for (country, book, has) in [
        ("BR", beta(), true),
        ("US", newest(), false),
        ("TR", newest(), true),
        ("TR", beta(), false),
    ] {
        let grant = check_grant(country.parse().ok(), &book);
        assert_eq!(grant.is_ok(), has, "{country} by {}", book.name);
        let rule = grant.err().map(|refusal| refusal.rule());
        assert_eq!(rule, (!has).then_some("eligibility.country"));
    }
    let open = newest().with(&[("eligibility.blocked_countries", "")]).unwrap();
    assert_eq!(check_grant("US".parse().ok(), &open), Ok(()));
}

#[test]
fn an_unknown_country_is_not_blocked() {
    let mut case = good();
    case.number.country = None;
    assert_eq!(call(&case, &beta()), Ok(()));
    assert!("us".parse::<Country>().is_err());
}

#[test]
fn a_thousand_calls_of_a_day_free_one_by_one() {
    let mut placed = Rolling::default();
    for n in 0..10_005 {
        placed.record(at(n), DAY);
    }
    let used = placed.usage(10_000, DAY, at(10_010));
    assert_eq!((used.used, used.allowed_at), (10_005, Some(at(5) + DAY)));
    assert!(!placed.usage(10_000, DAY, at(5) + DAY).is_reached());
    placed.record(at(5) + DAY + s(10), DAY);
    assert_eq!(placed.usage(10_000, DAY, at(5) + DAY + s(10)).used, 9_990);
}

#[test]
fn connected_calls_of_a_user_do_not_count_for_the_business() {
    let mut pair = Pair::new(newest());
    pair.connected(Direction::UserInitiated, at(0));
    assert_eq!(pair.consent.connected_use(&pair.book, at(1)).used, 0);
    pair.connected(Direction::BusinessInitiated, at(2));
    assert_eq!(pair.consent.connected_use(&pair.book, at(3)).used, 1);
}

#[test]
fn messages_need_the_window_or_a_template() {
    let ask = |form, spoil: fn(&mut Case)| {
        let mut case = good();
        spoil(&mut case);
        let checked =
            check_message(form, &case.number, &case.user, &case.window, &newest(), at(10));
        checked.map_or_else(|refusal| refusal.rule(), |()| "sent")
    };
    let (free, template) = (RequestForm::FreeForm, RequestForm::Template);
    assert_eq!(ask(free, |_| ()), "sent");
    assert_eq!(ask(free, |c| c.window = Window::default()), "window.open");
    assert_eq!(ask(template, |c| c.window = Window::default()), "sent");
    let unlisted = |c: &mut Case| {
        c.number.kind = NumberKind::Test;
        c.window = Window::default();
    };
    assert_eq!(ask(free, unlisted), "eligibility.allowed_list", "before the window");
    assert_eq!(ask(template, unlisted), "eligibility.allowed_list");
    assert_eq!(ask(free, |c| c.number.calling_enabled = false), "sent", "it is no call");
    assert_eq!(ask(free, |c| c.user.uncallable = Some("no phone")), "sent");
}

#[test]
fn what_the_users_app_can_show() {
    let sees = |shows, spoil: fn(&mut UserFacts)| {
        let mut facts = user();
        spoil(&mut facts);
        check_delivery(shows, &facts).map_or_else(|refusal| refusal.rule(), |()| "delivered")
    };
    let old = |u: &mut UserFacts| u.app_is_recent = false;
    let older = |u: &mut UserFacts| (u.app_is_recent, u.shows_buttons) = (false, false);
    let nobody = |u: &mut UserFacts| u.is_on_whatsapp = false;
    let table = [
        (Shows::Text, "delivered", "delivered"),
        (Shows::CallButton, "delivered", "eligibility.app_version"),
        (Shows::PermissionRequest, "eligibility.app_version", "eligibility.app_version"),
    ];
    for (shows, by_old, by_older) in table {
        assert_eq!(sees(shows, |_| ()), "delivered");
        assert_eq!((sees(shows, old), sees(shows, older)), (by_old, by_older), "{shows:?}");
        assert_eq!(sees(shows, nobody), "messages.undeliverable");
    }
    let mut case = good();
    case.user.app_is_recent = false;
    assert_eq!(call(&case, &newest()).unwrap_err().rule(), "eligibility.callable");
}

#[test]
fn a_callback_is_offered_only_while_the_business_is_closed() {
    let hours: CallHours = serde_json::from_str(
        r#"{"status":"ENABLED","timezone_id":"UTC","weekly_operating_hours":
            [{"day_of_week":"THURSDAY","open_time":"0900","close_time":"1000"}]}"#,
    )
    .unwrap();
    let ask = |hours: Option<&CallHours>, grants, spoil: fn(&mut Case)| {
        let mut case = good();
        spoil(&mut case);
        let asked = check_callback_request(&case.number, hours, grants, &newest(), at(10));
        asked.map_or_else(|refusal| refusal.rule(), |()| "granted")
    };
    assert_eq!(ask(Some(&hours), true, |_| ()), "granted");
    assert_eq!(ask(None, true, |_| ()), "hours.callback", "it is open");
    assert_eq!(ask(Some(&hours), false, |_| ()), "hours.callback", "not switched on");
    let blocked = ask(Some(&hours), true, |c| c.number.country = "US".parse().ok());
    assert_eq!(blocked, "hours.callback", "it could not call back");
    let off = ask(Some(&hours), true, |c| c.number.calling_enabled = false);
    assert_eq!(off, "eligibility.enabled");
}
