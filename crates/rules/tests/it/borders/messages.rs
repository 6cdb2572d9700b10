//! Rules of messages, call buttons and templates.

use offhook_rules::{
    button::{CallButton, check_deeplink, check_sender, form_of},
    eligibility::{RequestForm, check_message},
    limits::{check_message_rate, check_permission_reads},
    rulebook::Rulebook,
    template::{Category, Draft, DraftButton, Part, Review, check, check_count},
    window::Window,
    words::{check_body, check_text},
};

use super::{Case, around, said};
use crate::facts::{at, number, user};

pub(super) const CASES: &[Case] = &[
    Case { rule: "messages.per_second", other: ["79", "81"], verdict: rate },
    Case { rule: "limits.permission_reads_per_second", other: ["99", "101"], verdict: reads },
    Case { rule: "messages.window_code", other: ["131000", "131001"], verdict: window },
    Case { rule: "messages.text_chars_max", other: ["4095", "4097"], verdict: words },
    Case { rule: "messages.body_chars_max", other: ["1023", "1025"], verdict: words },
    Case { rule: "messages.direct_send", other: ["true", "false"], verdict: direct },
    Case { rule: "messages.button_text_default", other: ["Ring", "Call"], verdict: plain },
    Case { rule: "messages.button_text_chars_max", other: ["19", "21"], verdict: label },
    Case { rule: "messages.button_ttl_default", other: ["1 d", "2 d"], verdict: plain },
    Case { rule: "messages.button_ttl_min", other: ["2 min", "3 min"], verdict: shortest },
    Case { rule: "messages.button_ttl_max", other: ["29 d", "31 d"], verdict: longest },
    Case {
        rule: "messages.template_button_ttl_min",
        other: ["23 h", "25 h"],
        verdict: in_template,
    },
    Case { rule: "messages.payload_chars_max", other: ["511", "513"], verdict: payload },
    Case { rule: "messages.deeplink_payload_chars_max", other: ["511", "513"], verdict: deeplink },
    Case { rule: "messages.button_blocked_countries", other: ["BR", "AR"], verdict: senders },
    Case { rule: "window.opened_by_callback_request", other: ["true", "false"], verdict: callback },
    Case { rule: "templates.review_delay", other: ["2 s", "3 s"], verdict: review },
    Case { rule: "templates.count_max", other: ["249", "251"], verdict: count },
    Case { rule: "templates.name_chars_max", other: ["511", "513"], verdict: name },
    Case { rule: "templates.header_chars_max", other: ["59", "61"], verdict: header },
    Case { rule: "templates.body_chars_max", other: ["1023", "1025"], verdict: body },
    Case { rule: "templates.footer_chars_max", other: ["59", "61"], verdict: footer },
    Case { rule: "templates.url_chars_max", other: ["1999", "2001"], verdict: url },
    Case { rule: "templates.url_text_chars_max", other: ["24", "26"], verdict: url_text },
    Case { rule: "templates.url_buttons_max", other: ["1", "3"], verdict: links },
    Case { rule: "templates.call_buttons_max", other: ["2", "3"], verdict: calls },
    Case { rule: "templates.request_categories", other: ["UTILITY", "MARKETING"], verdict: asking },
    Case { rule: "templates.request_with_buttons", other: ["true", "false"], verdict: mixed },
];

fn text(chars: i64) -> String {
    "x".repeat(usize::try_from(chars).unwrap())
}

fn words(book: &Rulebook) -> String {
    let text = around(4096, |chars| said(check_text(&text(chars), book)));
    format!(
        "text {text} || body {}",
        around(1024, |chars| said(check_body(&self::text(chars), book)))
    )
}

fn rate(book: &Rulebook) -> String {
    around(80, |used| said(check_message_rate(u32::try_from(used).unwrap(), book)))
}

fn reads(book: &Rulebook) -> String {
    around(100, |used| said(check_permission_reads(u32::try_from(used).unwrap(), book)))
}

fn window(book: &Rulebook) -> String {
    let free = RequestForm::FreeForm;
    let closed = check_message(free, &number(), &user(), &Window::default(), book, at(0));
    format!("{closed:?}")
}

fn direct(book: &Rulebook) -> String {
    said(form_of(true, book)).to_owned()
}

fn plain(book: &Rulebook) -> String {
    let button = CallButton::of_message(None, None, None, book).unwrap();
    format!("{} for {} s", button.label, button.lifetime.as_secs())
}

fn label(book: &Rulebook) -> String {
    around(20, |chars| said(CallButton::of_message(Some(text(chars)), None, None, book)))
}

fn shortest(book: &Rulebook) -> String {
    around(1, |minutes| said(CallButton::of_message(None, Some(minutes), None, book)))
}

fn longest(book: &Rulebook) -> String {
    around(43_200, |minutes| said(CallButton::of_message(None, Some(minutes), None, book)))
}

fn payload(book: &Rulebook) -> String {
    around(512, |chars| said(CallButton::of_message(None, None, Some(text(chars)), book)))
}

fn deeplink(book: &Rulebook) -> String {
    around(512, |chars| said(check_deeplink(&text(chars), book)))
}

fn senders(book: &Rulebook) -> String {
    let from = |country: &&str| said(check_sender(country.parse().ok(), book));
    ["BR", "AR", "TR", "US"].iter().map(from).collect::<Vec<_>>().join(" | ")
}

fn callback(book: &Rulebook) -> String {
    let mut window = Window::default();
    window.open_by_callback_request(book, at(0));
    around(86_400, |second| said(window.check_message(book, at(second))))
}

fn in_template(book: &Rulebook) -> String {
    around(1440, |minutes| made(book, "Hi", vec![call(Some(minutes))]))
}

fn review(book: &Rulebook) -> String {
    let template = check(draft("Hi", Vec::new()), book).unwrap();
    let review = Review::begin(book, at(0));
    around(1, |second| said(review.check(&template, at(second))))
}

fn count(book: &Rulebook) -> String {
    around(250, |have| said(check_count(usize::try_from(have).unwrap(), book)))
}

fn name(book: &Rulebook) -> String {
    around(512, |chars| said(check(Draft { name: text(chars), ..draft("Hi", vec![]) }, book)))
}

fn header(book: &Rulebook) -> String {
    let part = |text| Part::Header { text, examples: Vec::new() };
    around(60, |chars| with(book, part(text(chars))))
}

fn body(book: &Rulebook) -> String {
    around(1024, |chars| made(book, &text(chars), Vec::new()))
}

fn footer(book: &Rulebook) -> String {
    around(60, |chars| with(book, Part::Footer { text: text(chars) }))
}

fn url(book: &Rulebook) -> String {
    let long = |chars: i64| format!("https://{}", text(chars - 8));
    around(2000, |chars| made(book, "Hi", vec![link("Page", &long(chars))]))
}

fn url_text(book: &Rulebook) -> String {
    around(25, |chars| made(book, "Hi", vec![link(&text(chars), "https://a")]))
}

fn links(book: &Rulebook) -> String {
    let many = |count: i64| (0..count).map(|_| link("Page", "https://a")).collect();
    around(2, |count| made(book, "Hi", many(count)))
}

fn calls(book: &Rulebook) -> String {
    around(2, |count| made(book, "Hi", (0..count).map(|_| call(None)).collect()))
}

fn asking(book: &Rulebook) -> String {
    let of = |category| {
        let mut draft = Draft { category, ..draft("Hi", Vec::new()) };
        draft.parts = vec![plain_body("Hi"), Part::CallPermissionRequest];
        said(check(draft, book))
    };
    format!("{} | {}", of(Category::Marketing), of(Category::Utility))
}

fn mixed(book: &Rulebook) -> String {
    let mut draft = draft("Hi", vec![call(None)]);
    draft.parts.push(Part::CallPermissionRequest);
    said(check(draft, book)).to_owned()
}

fn plain_body(text: &str) -> Part {
    Part::Body { text: text.to_owned(), examples: Vec::new() }
}

fn call(minutes: Option<i64>) -> DraftButton {
    DraftButton::Call { label: None, minutes }
}

fn link(label: &str, url: &str) -> DraftButton {
    DraftButton::Url { label: label.to_owned(), url: url.to_owned(), examples: Vec::new() }
}

fn draft(text: &str, buttons: Vec<DraftButton>) -> Draft {
    let mut parts = vec![plain_body(text)];
    if !buttons.is_empty() {
        parts.push(Part::Buttons(buttons));
    }
    let (name, language) = ("call_us".to_owned(), "en".to_owned());
    Draft { name, language, category: Category::Utility, parts }
}

fn made(book: &Rulebook, text: &str, buttons: Vec<DraftButton>) -> &'static str {
    said(check(draft(text, buttons), book))
}

fn with(book: &Rulebook, part: Part) -> &'static str {
    let mut draft = draft("Hi", Vec::new());
    draft.parts.push(part);
    said(check(draft, book))
}
