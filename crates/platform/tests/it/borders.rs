//! Rules that only the server reads, at their borders.

use offhook_platform::{Config, clock::Mode};
use serde_json::json;

use crate::{
    bench::{ANA, Bench, config, refused},
    business::Business,
};

async fn with_rule(path: &str, value: &str) -> Bench {
    let rules = [(path.to_owned(), value.to_owned())].into();
    Bench::with(Config { rules, ..config() }).await
}

#[tokio::test]
async fn a_text_to_echo_is_as_long_as_the_rulebook_lets_it() {
    let bench = with_rule("call.opaque_chars_max", "600").await;
    bench.permit("accept_permanent").await;
    let business = Business::offering();
    let dial = async |chars: usize| {
        let body = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
            "session": { "sdp_type": "offer", "sdp": business.sdp },
            "biz_opaque_callback_data": "é".repeat(chars) });
        refused(&bench.graph("calls", body).await)
    };
    let closed_window = (400, 131_047);
    assert_eq!(dial(599).await, closed_window);
    assert_eq!(dial(600).await, closed_window);
    assert_eq!(dial(601).await, (400, 100));
}

#[tokio::test]
async fn permission_reads_are_counted_by_the_second() {
    let bench = with_rule("limits.permission_reads_per_second", "2").await;
    bench.clock.set_mode(Mode::Frozen);
    let read = async || bench.graph_get(&format!("/call_permissions?user_wa_id={ANA}")).await;
    assert_eq!((read().await.0, read().await.0), (200, 200));
    assert_eq!(refused(&read().await), (429, 613));
    bench.clock.advance("PT1S").unwrap();
    assert_eq!((read().await.0, read().await.0), (200, 200));
    assert_eq!(refused(&read().await), (429, 613));
}
