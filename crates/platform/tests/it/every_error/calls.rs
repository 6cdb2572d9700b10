//! Why a business cannot call, and what it cannot do to a call.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Key, Meeting, settings::demo_but};
use crate::{
    bench::{ANA, BUSINESS, Bench, config, send},
    business::Business,
};

const BRUNO: &str = "5511988887777";

const RESTRICTED: Key = (138_014, "eligibility.restriction");
const CAPTURE: Key = (100, "capture.request");
const DIRECTION: Key = (100, "call.direction");
const ENDED: Key = (100, "call.ended");
const SAME_SDP: Key = (100, "call.same_sdp");
const STATE: Key = (100, "call.state");
const UNKNOWN: Key = (100, "call.unknown");
const READS: Key = (613, "limits.permission_reads");
const CAPACITY: Key = (131_016, "platform.capacity");
const PAYMENT: Key = (131_044, "eligibility.payment");
const SIP: Key = (131_055, "eligibility.sip");
const DISABLED: Key = (138_000, "eligibility.enabled");
const UNCALLABLE: Key = (138_001, "eligibility.callable");
const BLOCKED: Key = (138_001, "eligibility.blocked_by_user");
const CONCURRENT: Key = (138_002, "limits.concurrent");
const PAIR: Key = (138_003, "limits.one_call_per_pair");
const PLACED: Key = (138_005, "limits.placed_per_day");
const PERMISSION: Key = (138_006, "permission.required");
const LATE: Key = (138_007, "call.answer_window");
const CONNECTED: Key = (138_012, "limits.connected_per_day");
const COUNTRY: Key = (138_013, "eligibility.country");

async fn dial(bench: &Bench, to: &str) -> (u16, Value) {
    let sdp = Business::offering().sdp;
    let body = json!({ "messaging_product": "whatsapp", "to": to, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": sdp } });
    bench.graph("calls", body).await
}

/// A platform with one rule replaced, where Ana may be called.
async fn with_rule(path: &str, value: &str) -> Bench {
    let rules = BTreeMap::from([(path.to_owned(), value.to_owned())]);
    let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    bench
}

fn id(placed: &(u16, Value)) -> String {
    placed.1["calls"][0]["id"].as_str().unwrap_or_else(|| panic!("{placed:?}")).to_owned()
}

pub(super) async fn of_eligibility() -> Meeting {
    let mut meeting = Meeting::new();
    let bench = Bench::start().await;
    meeting.graph(PERMISSION, "never given", &dial(&bench, ANA).await);
    meeting.graph(UNCALLABLE, "not on WhatsApp", &dial(&bench, "4915100000000").await);
    let block = json!({ "to": BUSINESS, "kind": "block" });
    assert_eq!(bench.sandbox(&format!("/users/{ANA}/feedback"), block).await.0, 200);
    meeting.graph(BLOCKED, "the user cannot be called", &dial(&bench, ANA).await);
    let off = json!({ "calling": { "status": "DISABLED" } });
    assert_eq!(bench.graph("settings", off).await.0, 200);
    meeting.graph(DISABLED, "not enabled", &dial(&bench, ANA).await);
    let sip = json!({ "calling": { "status": "ENABLED",
        "sip": { "status": "ENABLED", "servers": [{ "hostname": "sip.shop.example" }] } } });
    assert_eq!(bench.graph("settings", sip).await.0, 200);
    meeting.graph(SIP, "over SIP", &dial(&bench, ANA).await);

    let rules = [
        ("quality.feedback_sample_min", "1"),
        ("quality.feedback_warn_percent", "1"),
        ("quality.feedback_restrict_percent", "2"),
    ];
    let rules = rules.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
    let bench = Bench::with(offhook_platform::Config { rules, ..config() }).await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    let report = json!({ "to": BUSINESS, "kind": "report" });
    let bruno = bench.sandbox(&format!("/users/{BRUNO}/feedback"), report).await;
    assert_eq!(bruno.0, 200, "{}", bruno.1);
    meeting.graph(RESTRICTED, "restricted", &dial(&bench, ANA).await);

    let bench = Bench::start().await;
    let sdp = Business::offering().sdp;
    let recording = json!({ "status": "ENABLED", "purpose": "quality",
                            "announcement_language": "xx" });
    let body = json!({ "messaging_product": "whatsapp", "to": ANA, "action": "connect",
        "session": { "sdp_type": "offer", "sdp": sdp }, "recording": recording });
    meeting.graph(CAPTURE, "announcement_language", &bench.graph("calls", body).await);

    let unpaid = demo_but("payment_valid = true", "payment_valid = false").await;
    meeting.graph(PAYMENT, "no valid payment method", &dial(&unpaid, ANA).await);
    let blocked = Bench::start().await;
    blocked.move_to("EG").await;
    meeting.graph(COUNTRY, "of EG", &dial(&blocked, ANA).await);
    meeting
}

pub(super) async fn of_limits() -> Meeting {
    let mut meeting = Meeting::new();
    let bench = with_rule("limits.permission_reads_per_second", "1").await;
    bench.clock.set_mode(offhook_platform::clock::Mode::Frozen);
    let read = format!("/call_permissions?user_wa_id={ANA}");
    assert_eq!(bench.graph_get(&read).await.0, 200);
    meeting.graph(READS, "1 of 1", &bench.graph_get(&read).await);

    let bench = with_rule("limits.concurrent", "1").await;
    bench.behave(ANA, json!({ "answer": "ignore" })).await;
    assert_eq!(dial(&bench, ANA).await.0, 200);
    for (path, body) in [
        ("message", json!({ "to": BUSINESS, "text": "hello" })),
        ("permission", json!({ "to": BUSINESS, "action": "accept_permanent" })),
    ] {
        assert_eq!(bench.sandbox(&format!("/users/{BRUNO}/{path}"), body).await.0, 200);
    }
    meeting.graph(CONCURRENT, "1 of 1", &dial(&bench, BRUNO).await);

    let bench = Bench::with(offhook_platform::Config { calls_max: 0, ..config() }).await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    meeting.graph(CAPACITY, "no room", &dial(&bench, ANA).await);

    // A media thread that is always too busy: a business's call is refused, a user's does not come up.
    let busy = engine::BusyLimits { taps: -1.0, calls: -1.0 };
    let bench = Bench::with(offhook_platform::Config { busy, ..config() }).await;
    bench.open_window().await;
    bench.permit("accept_permanent").await;
    meeting.graph(CAPACITY, "no room", &dial(&bench, ANA).await);
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    assert!(placed.1["text"].as_str().unwrap().contains("(platform.capacity)"), "{placed:?}");

    let bench = with_rule("limits.placed_per_day", "1").await;
    bench.behave(ANA, json!({ "answer": "ignore" })).await;
    let first = id(&dial(&bench, ANA).await);
    meeting.graph(PAIR, "already running", &dial(&bench, ANA).await);
    assert_eq!(bench.action(&first, "terminate").await.0, 200);
    bench.hook.wait("terminate").await;
    meeting.graph(PLACED, "1 of 1", &dial(&bench, ANA).await);

    let bench = with_rule("limits.connected_per_day", "1").await;
    bench.behave(ANA, json!({ "answer": { "after_ms": 50 } })).await;
    let first = id(&dial(&bench, ANA).await);
    bench.hook.wait("ACCEPTED").await;
    assert_eq!(bench.action(&first, "terminate").await.0, 200);
    bench.hook.wait("terminate").await;
    let answer = dial(&bench, ANA).await;
    meeting.graph(CONNECTED, "1 of 1", &answer);
    assert!(answer.1["error"]["error_data"]["next_call_allowed_at"].is_i64(), "{answer:?}");
    meeting
}

pub(super) async fn of_actions() -> Meeting {
    let mut meeting = Meeting::new();
    let bench = Bench::start().await;
    meeting.graph(UNKNOWN, "no call with this id", &bench.action("wacid.NONE", "terminate").await);
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    let call = placed.1["call_id"].as_str().unwrap().to_owned();
    let business = Business::answering(&bench.hook.wait("connect").await);
    assert_eq!(bench.answer(&call, "pre_accept", &business.sdp).await.0, 200);
    let other = business.sdp.replace("a=ptime:20\r\n", "");
    meeting.graph(SAME_SDP, "identical", &bench.answer(&call, "accept", &other).await);
    assert_eq!(bench.answer(&call, "accept", &business.sdp).await.0, 200);
    let again = bench.answer(&call, "accept", &business.sdp).await;
    meeting.graph(STATE, "while the call is accepted", &again);
    assert_eq!(bench.action(&call, "terminate").await.0, 200);
    bench.hook.wait("terminate").await;
    meeting.graph(ENDED, "has ended", &bench.action(&call, "terminate").await);

    bench.open_window().await;
    bench.permit("accept_permanent").await;
    bench.behave(ANA, json!({ "answer": "ignore" })).await;
    let outgoing = id(&dial(&bench, ANA).await);
    let answer = bench.answer(&outgoing, "accept", &business.sdp).await;
    meeting.graph(DIRECTION, "BUSINESS_INITIATED", &answer);
    assert_eq!(bench.action(&outgoing, "terminate").await.0, 200);

    let bench = Bench::start().await;
    let placed = bench.sandbox(&format!("/users/{ANA}/call"), json!({ "to": BUSINESS })).await;
    let call = placed.1["call_id"].as_str().unwrap().to_owned();
    let business = Business::answering(&bench.hook.wait("connect").await);
    bench.clock.advance("PT46S").unwrap();
    bench.hook.wait("terminate").await;
    let late = bench.answer(&call, "accept", &business.sdp).await;
    meeting.graph(LATE, "time to answer", &late);
    let gone = send(bench.get("/sandbox/v1/calls/wacid.NONE")).await;
    assert_eq!(gone.0, 404);
    meeting
}
