//! When may a template not ask for permission to call?

use serde_json::{Value, json};

use crate::{
    bench::{BUSINESS, Bench, refused},
    home,
    price::{NEWEST, seeded},
    templates::{ask_to_call, make, named, texts},
};

async fn asked(bench: &Bench) -> (u16, Value) {
    let made = make(bench, ask_to_call()).await;
    assert_eq!(made.0, 200, "{}", made.1);
    bench.clock.advance("PT1S").unwrap();
    bench.graph("messages", named("ask_to_call", json!([texts("body", &["7712"])]))).await
}

#[tokio::test]
async fn a_permanent_permission_a_blocked_country_and_a_pause_refuse_a_template_too() {
    let bench = Bench::start().await;
    bench.permit("accept_permanent").await;
    assert_eq!(refused(&asked(&bench).await), (400, 138_017));

    let digits = format!("digits = \"{BUSINESS}\"\n");
    let bench = Bench::with(seeded(&[(home::line("rulebook"), NEWEST)])).await;
    bench.move_to("US").await;
    assert_eq!(refused(&asked(&bench).await), (400, 138_013));

    let paused = format!(
        "{digits}restrictions = [{{ kind = \"RESTRICTED_BUSINESS_INITIATED_CALLING\", \
         reason = \"test\", until = \"2999-01-01T00:00:00Z\" }}]\n"
    );
    let bench = Bench::with(seeded(&[(&digits, &paused)])).await;
    assert_eq!(refused(&asked(&bench).await), (400, 138_014));
}
