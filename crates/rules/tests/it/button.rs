//! Call buttons and deep links.

use offhook_rules::{
    Refusal,
    button::{CallButton, check_deeplink, check_press, check_sender},
};

use crate::facts::{at, beta, newest, s};

fn button(
    label: Option<&str>,
    minutes: Option<i64>,
    payload: Option<usize>,
) -> Result<CallButton, Refusal> {
    let payload = payload.map(|chars| "ü".repeat(chars));
    CallButton::of_message(label.map(Into::into), minutes, payload, &beta())
}

#[test]
fn a_button_of_which_nothing_is_said() {
    let plain = button(None, None, None).unwrap();
    assert_eq!((plain.label.as_str(), plain.lifetime), ("Call Now", s(7 * 86_400)));
}

#[test]
fn what_a_button_may_be_at_its_borders() {
    let twenty = "x".repeat(20);
    for (minutes, seconds) in [(1, 60), (43_200, 30 * 86_400)] {
        let found = button(Some(&twenty), Some(minutes), Some(512)).unwrap();
        assert_eq!(found.lifetime, s(seconds));
    }
    let field = |refused: Result<CallButton, Refusal>| {
        let refusal = refused.unwrap_err();
        assert_eq!(refusal.rule(), "messages.value");
        refusal.to_string().split(':').next().unwrap_or_default().to_owned()
    };
    assert_eq!(field(button(Some(&"x".repeat(21)), None, None)), "display_text");
    assert_eq!(field(button(Some(" "), None, None)), "display_text");
    for minutes in [-1, 0, 43_201, i64::MAX, i64::MIN] {
        assert_eq!(field(button(None, Some(minutes), None)), "ttl_minutes");
    }
    assert_eq!(field(button(None, None, Some(513))), "payload");
}

#[test]
fn a_press_is_refused_from_the_second_the_button_ends() {
    assert_eq!(check_press(None, at(0)), Ok(()));
    assert_eq!(check_press(Some(at(60)), at(59)), Ok(()));
    assert_eq!(check_press(Some(at(60)), at(60)), Err(Refusal::ButtonExpired { at: at(60) }));
}

#[test]
fn a_deep_link_carries_as_much_as_the_rulebook_says() {
    assert_eq!(check_deeplink(&"x".repeat(512), &beta()), Ok(()));
    assert!(check_deeplink(&"x".repeat(513), &beta()).is_err());
    let book = beta().with(&[("messages.deeplink_payload_chars_max", "3")]).unwrap();
    assert!(check_deeplink("four", &book).is_err());
}

#[test]
fn some_countries_cannot_send_buttons() {
    let from = |country: &str| country.parse().ok();
    assert_eq!(check_sender(from("BR"), &newest()), Ok(()));
    assert_eq!(check_sender(None, &newest()), Ok(()));
    assert!(check_sender(from("NG"), &newest()).is_err());
    assert!(check_sender(from("TR"), &beta()).is_err());
    assert_eq!(check_sender(from("TR"), &newest()), Ok(()));
}
