//! Why calling is not switched on, and what a setting cannot be.

use serde_json::{Value, json};

use super::{Key, Meeting};
use crate::bench::{Bench, config};

const VALUE: Key = (100, "settings.value");
const TIER: Key = (138_015, "settings.tier");
const USE_CASE: Key = (138_015, "settings.use_case");
const LIVE_APP: Key = (138_018, "settings.live_app");
const NOBODY: Key = (138_018, "settings.prerequisites");

fn enable() -> Value {
    json!({ "calling": { "status": "ENABLED" } })
}

/// The demo's world with one text replaced.
pub(super) async fn demo_but(from: &str, to: &str) -> Bench {
    let demo = crate::home::seed();
    bench_of(demo, from, to).await
}

/// The same with calling off.
async fn off_but(from: &str, to: &str) -> Bench {
    let demo = crate::home::seed();
    bench_of(&demo.replacen("status = \"ENABLED\"", "status = \"DISABLED\"", 1), from, to).await
}

async fn bench_of(seed: &str, from: &str, to: &str) -> Bench {
    assert!(seed.contains(from), "{from}");
    let seed = offhook_platform::Seed::parse(&seed.replace(from, to)).unwrap();
    Bench::with(offhook_platform::Config { seed, ..config() }).await
}

pub(super) async fn of_settings() -> Meeting {
    let mut meeting = Meeting::new();
    let bench = Bench::start().await;
    let hours = json!({ "calling": { "call_hours": { "status": "ENABLED", "timezone_id": "Moon/Sea",
        "weekly_operating_hours": [
            { "day_of_week": "MONDAY", "open_time": "0900", "close_time": "1000" }] } } });
    let answer = bench.graph("settings", hours).await;
    meeting.graph(VALUE, "call_hours.timezone_id", &answer);

    let bench = off_but(crate::home::line("tier"), "tier = 250").await;
    meeting.graph(TIER, "this number has 250", &bench.graph("settings", enable()).await);

    let bench = off_but(crate::home::line("use_case"), "use_case = \"authentication\"").await;
    meeting.graph(USE_CASE, "authentication", &bench.graph("settings", enable()).await);

    let secret = "secret = \"demo-app-secret\"";
    let bench = demo_but(secret, &format!("{secret}\nis_live = false")).await;
    let sip = json!({ "calling": {
        "sip": { "status": "ENABLED", "servers": [{ "hostname": "sip.shop.example" }] } } });
    meeting.graph(LIVE_APP, "in development", &bench.graph("settings", sip).await);

    let fields = "fields = [\"calls\", ";
    let bench = off_but(fields, "fields = [").await;
    meeting.graph(NOBODY, "subscribe to calls", &bench.graph("settings", enable()).await);
    meeting
}
