//! Templates: what may be made, and what is sent of them.

use offhook_rules::{
    Refusal,
    rulebook::Rulebook,
    template::{
        Category, Draft, DraftButton, Filled, Given, GivenPart, GivenValue, Part, Review, Template,
        check, fill,
    },
};

use crate::facts::{at, beta, newest, s};

fn body(text: &str, examples: &[&str]) -> Part {
    Part::Body { text: text.into(), examples: examples.iter().map(|it| (*it).into()).collect() }
}

fn header(text: &str, examples: &[&str]) -> Part {
    Part::Header { text: text.into(), examples: examples.iter().map(|it| (*it).into()).collect() }
}

fn call(label: Option<&str>, minutes: Option<i64>) -> DraftButton {
    DraftButton::Call { label: label.map(Into::into), minutes }
}

fn link(url: &str, examples: &[&str]) -> DraftButton {
    let examples = examples.iter().map(|it| (*it).into()).collect();
    DraftButton::Url { label: "Help page".into(), url: url.into(), examples }
}

fn draft(parts: Vec<Part>) -> Draft {
    Draft { name: "call_us".into(), language: "en".into(), category: Category::Utility, parts }
}

fn made(parts: Vec<Part>) -> Template {
    check(draft(parts), &beta()).unwrap()
}

/// The field that is wrong, and why.
fn wrong(draft: Draft, book: &Rulebook) -> (String, String) {
    match check(draft, book) {
        Err(Refusal::TemplateInvalid { field, reason }) => (field, reason),
        other => panic!("{other:?}"),
    }
}

/// The two templates of the fact sheet (3.8, 4.4).
#[test]
fn the_sheets_templates_can_be_made() {
    let button = made(vec![
        body("You can call us on WhatsApp.", &[]),
        Part::Buttons(vec![
            call(Some("Call Now"), Some(1440)),
            link("https://shop.example/help", &[]),
        ]),
    ]);
    assert_eq!(button.buttons.len(), 2);
    let asking = made(vec![
        header("Order {{1}}", &["7712"]),
        body("We would like to call you about order {{1}}.", &["7712"]),
        Part::Footer { text: "Shop".into() },
        Part::CallPermissionRequest,
    ]);
    assert!(asking.asks_permission);
}

#[test]
fn what_is_wrong_with_a_template_names_its_component() {
    let long = |chars: usize| "x".repeat(chars);
    let buttons = |list| vec![body("Hi", &[]), Part::Buttons(list)];
    let cases: Vec<(Vec<Part>, &str, &str)> = vec![
        (vec![], "BODY", "required"),
        (vec![body("", &[])], "BODY", "empty"),
        (vec![body("Hi", &[]), body("Hi", &[])], "BODY", "once"),
        (vec![body(&long(1025), &[])], "BODY", "1024"),
        (vec![body("Hi {{1}}", &[])], "BODY", "1 variables and 0 examples"),
        (vec![body("Hi {{2}}", &["a"])], "BODY", "without a gap"),
        (vec![body("Hi", &[]), header(&long(61), &[])], "HEADER", "60"),
        (vec![body("Hi", &[]), header("{{1}} {{2}}", &["a", "b"])], "HEADER", "one variable"),
        (vec![body("Hi", &[]), Part::Footer { text: long(61) }], "FOOTER", "60"),
        (vec![body("Hi", &[]), Part::Footer { text: "{{1}}".into() }], "FOOTER", "examples"),
        (buttons(vec![]), "BUTTONS", "a button"),
        (buttons(vec![call(None, None), call(None, None)]), "BUTTONS", "1 voice_call"),
        (buttons(vec![call(Some(""), None)]), "BUTTONS", "empty"),
        (buttons(vec![call(Some(&long(21)), None)]), "BUTTONS", "20"),
        (buttons(vec![call(None, Some(1439))]), "BUTTONS", "from 1440 to 43200"),
        (buttons(vec![call(None, Some(43201))]), "BUTTONS", "from 1440 to 43200"),
        (buttons(vec![call(None, Some(-1))]), "BUTTONS", "from 1440 to 43200"),
        (buttons(vec![link("shop.example", &[])]), "BUTTONS", "https://"),
        (buttons(vec![link("https://a/{{1}}/b", &["x"])]), "BUTTONS", "at its end"),
    ];
    for (parts, field, reason) in cases {
        let found = wrong(draft(parts), &beta());
        assert!(found.0 == field && found.1.contains(reason), "{field} {reason}: {found:?}");
    }
    for name in ["", "Call", "call us", "ça"] {
        assert_eq!(wrong(Draft { name: name.into(), ..draft(vec![]) }, &beta()).0, "name");
    }
    for language in ["", "english", "en-US", "en_us", "EN"] {
        let found = wrong(Draft { language: language.into(), ..draft(vec![]) }, &beta());
        assert_eq!(found.0, "language", "{language}");
    }
}

#[test]
fn the_borders_of_a_template_are_inside() {
    made(vec![body(&"x".repeat(1024), &[])]);
    for minutes in [1440, 43200] {
        made(vec![
            body("Hi", &[]),
            Part::Buttons(vec![call(Some(&"x".repeat(20)), Some(minutes))]),
        ]);
    }
}

#[test]
fn a_request_for_permission_stands_alone_unless_the_rulebook_says_so() {
    let mixed = || {
        draft(vec![
            body("Hi", &[]),
            Part::CallPermissionRequest,
            Part::Buttons(vec![call(None, None)]),
        ])
    };
    assert_eq!(wrong(mixed(), &beta()).0, "call_permission_request");
    let book = beta().with(&[("templates.request_with_buttons", "true")]).unwrap();
    assert!(check(mixed(), &book).is_ok());
    let book = beta().with(&[("templates.request_categories", "MARKETING")]).unwrap();
    let asking = || draft(vec![body("Hi", &[]), Part::CallPermissionRequest]);
    assert_eq!(wrong(asking(), &book).0, "call_permission_request");
    assert!(check(Draft { category: Category::Marketing, ..asking() }, &book).is_ok());
}

#[test]
fn a_review_ends_by_the_clock() {
    let template = made(vec![body("Hi", &[])]);
    let book = beta().with(&[("templates.review_delay", "60 s")]).unwrap();
    let review = Review::begin(&book, at(0));
    let refused = review.check(&template, at(59)).unwrap_err();
    assert_eq!((refused.rule(), refused.changes_at()), ("templates.unknown", Some(at(60))));
    assert_eq!(review.check(&template, at(60)), Ok(()));
}

fn with_variables() -> Template {
    made(vec![
        header("Order {{1}}", &["7712"]),
        body("Hello {{1}}, order {{2}} is here, {{1}}.", &["Ana", "7712"]),
        Part::Buttons(vec![
            call(None, Some(2880)),
            link("https://shop.example/{{1}}", &["o/7712"]),
        ]),
    ])
}

fn given(part: GivenPart, texts: &[&str]) -> Given {
    let values = texts.iter().map(|it| GivenValue::Text((*it).into())).collect();
    Given { part, values }
}

fn all() -> Vec<Given> {
    vec![
        given(GivenPart::Header, &["7712"]),
        given(GivenPart::Body, &["Ana", "7712"]),
        given(GivenPart::UrlButton { index: 1 }, &["o/7712"]),
    ]
}

#[test]
fn values_stand_where_their_variables_were() {
    let seen = fill(&with_variables(), &all(), &newest()).unwrap();
    assert_eq!(seen.header.as_deref(), Some("Order 7712"));
    assert_eq!(seen.body, "Hello Ana, order 7712 is here, Ana.");
    assert_eq!(seen.links[0].url, "https://shop.example/o/7712");
    let button = seen.call.unwrap();
    assert_eq!((button.label.as_str(), button.lifetime), ("Call Now", s(2880 * 60)));
    assert_eq!(button.payload, None);
}

#[test]
fn a_message_may_say_how_long_its_button_works_and_what_it_tells() {
    let fill_with = |values: Vec<GivenValue>| -> Result<Filled, Refusal> {
        let mut given = all();
        given.push(Given { part: GivenPart::CallButton, values });
        fill(&with_variables(), &given, &newest())
    };
    for minutes in [1, 43200] {
        let button =
            fill_with(vec![GivenValue::Minutes(minutes), GivenValue::Payload("p".repeat(512))]);
        let button = button.unwrap().call.unwrap();
        assert_eq!(button.lifetime, s(minutes.unsigned_abs() * 60));
    }
    let refused = |value| fill_with(vec![value]).unwrap_err().rule();
    assert_eq!(refused(GivenValue::Minutes(0)), "messages.value");
    assert_eq!(refused(GivenValue::Minutes(43201)), "messages.value");
    assert_eq!(refused(GivenValue::Payload("p".repeat(513))), "messages.value");
    assert_eq!(refused(GivenValue::Text("x".into())), "templates.format");
}

#[test]
fn wrong_values_are_refused_with_their_own_codes() {
    let refused = |edit: fn(&mut Vec<Given>)| {
        let mut given = all();
        edit(&mut given);
        fill(&with_variables(), &given, &newest()).unwrap_err()
    };
    let count = refused(|it| drop(it[1].values.pop()));
    assert_eq!(count, Refusal::TemplateParameters { part: "body", given: 1, wanted: 2 });
    assert_eq!(refused(|it| drop(it.remove(0))).rule(), "templates.parameters");
    let other = refused(|it| it[0].values = vec![GivenValue::Other { kind: "image".into() }]);
    assert_eq!(other.rule(), "templates.format");
    let long = refused(|it| it[1].values[0] = GivenValue::Text("x".repeat(1024)));
    assert_eq!(long.rule(), "templates.length");
    let nowhere = refused(|it| it[2].part = GivenPart::UrlButton { index: 0 });
    assert_eq!(nowhere.rule(), "templates.format");
    let twice = refused(|it| it.push(it[0].clone()));
    assert_eq!(twice.rule(), "templates.format");
}
