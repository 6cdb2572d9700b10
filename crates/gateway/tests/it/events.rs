//! What the business's own systems are told.

use std::{collections::BTreeSet, path::Path, time::Duration};

use offhook_gateway::{Config, Running, config::Endpoint, serve};
use serde_json::{Value, json};
use terms::Timestamp;
use wire::{
    event::{
        Format,
        signature::{Scheme, SigningKey},
    },
    webhook::signature,
};

use crate::{
    desk::{ANA, CALL, Desk, TRACE, config, connect, envelope, now, terminate},
    receiver::{Receiver, Reply},
    upstream::Upstream,
    voice::Voice,
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Every event goes to this receiver; what fails is tried again soon.
fn told_to(receiver: &Receiver, config: &mut Config) {
    let url = receiver.url();
    let endpoint = Endpoint::new("crm", &url, Scheme::Standard, SECRET, Vec::new()).unwrap();
    config.events.endpoints.push(endpoint);
    config.events.retries = vec![Duration::from_millis(100); 50];
    config.events.timeout = Duration::from_millis(500);
}

async fn told(receiver: &Receiver) -> Desk {
    Desk::start_with(None, |config| told_to(receiver, config)).await
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

fn of_call(events: &[Value], call: &str) -> Vec<Value> {
    events.iter().filter(|event| event["subject"] == call).cloned().collect()
}

/// A user called and gave up before we heard of it.
async fn miss(desk: &Desk, call: &str) {
    assert_eq!(desk.webhook(&terminate(call, "USER_INITIATED", None)).await, 200);
    desk.record(call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_told_once_in_sequence_and_signed_although_the_receiver_fails() {
    let failing = [Reply::Status(500), Reply::Slow(Duration::from_secs(2)), Reply::Close];
    let receiver = Receiver::start(&failing, Reply::Status(200)).await;
    let desk = told(&receiver).await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.traced_webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    user.connected().await;
    user.expect_tone(crate::desk::WELCOME_HZ).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(2))).await;
    receiver.wait_for("call.ended").await;
    receiver.wait_for("window.opened").await;
    receiver.wait_for("call.ringing").await;

    let mut events = of_call(&receiver.arrived(), CALL);
    events.sort_by_key(|event| event["sequence"].as_str().unwrap().to_owned());
    assert_eq!(kinds(&events), ["call.ringing", "call.accepted", "call.answered", "call.ended"]);
    let numbers: Vec<u32> =
        events.iter().map(|e| e["sequence"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    assert_eq!(events[0]["source"], "/numbers/109876543210987");
    assert_eq!(events[0]["data"]["direction"], "USER_INITIATED");
    assert_eq!(events[0]["data"]["deeplink_payload"], "src=site-footer");
    assert_eq!(events[2]["data"]["state"], "in_flow");
    assert_eq!(events[3]["data"]["reason"], "user_hung_up");
    assert_eq!(events[3]["data"]["ended_by"], "user");
    assert_eq!(events[3]["data"]["duration_s"], 2);

    let seen = receiver.seen();
    let arrived: Vec<&str> = seen.iter().filter(|one| one.arrived()).map(|one| one.id()).collect();
    let different: BTreeSet<&str> = arrived.iter().copied().collect();
    assert_eq!(arrived.len(), different.len(), "each arrived once");
    for one in &seen {
        assert!(different.contains(one.id()), "an attempt has the id of what arrives later");
        assert_eq!(one.event()["id"], one.id());
        if one.event()["subject"] == CALL {
            let traced = one.headers.get("traceparent").expect("the call's trace");
            assert!(traced.starts_with(&format!("00-{TRACE}-")), "{traced}");
            assert_eq!(one.event()["traceparent"], traced.as_str());
        }
        assert_eq!(one.headers["content-type"], "application/cloudevents+json");
        let at = Timestamp::from_unix(one.headers["webhook-timestamp"].parse().unwrap());
        let key = SigningKey::new(Scheme::Standard, SECRET).unwrap();
        assert_eq!(one.headers["webhook-signature"], key.sign(one.id(), at, &one.body));
    }
    let attempts: u32 = seen
        .iter()
        .map(|one| one.headers["webhook-attempt"].parse::<u32>().unwrap())
        .max()
        .unwrap();
    assert!(attempts > 1, "a retry says that it is one");
    assert_eq!(seen.len(), arrived.len() + failing.len());
    let metrics = desk.metrics_until("offhook_gateway_webhook_out_spool_depth 0").await;
    assert!(metrics.contains("webhook_out_deliveries_total{result=\"failed\"} 3"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_of_plain_events_gets_one_flat_object_signed_as_ever() {
    let plain = Receiver::start(&[Reply::Status(500)], Reply::Status(200)).await;
    let full = Receiver::start(&[], Reply::Status(200)).await;
    let desk = Desk::start_with(None, |config| {
        told_to(&plain, config);
        config.events.endpoints[0].format = Format::Plain;
        let (url, none) = (full.url(), Vec::new());
        let stripe = Endpoint::new("full", &url, Scheme::Stripe, SECRET, none).unwrap();
        config.events.endpoints.push(stripe);
    })
    .await;
    miss(&desk, CALL).await;
    plain.wait_for("call.ended").await;
    full.wait_for("call.ended").await;

    let key = SigningKey::new(Scheme::Standard, SECRET).unwrap();
    for one in plain.seen() {
        assert_eq!(one.headers["content-type"], "application/json");
        assert_eq!(one.event()["id"], one.id());
        let at = Timestamp::from_unix(one.headers["webhook-timestamp"].parse().unwrap());
        assert_eq!(one.headers["webhook-signature"], key.sign(one.id(), at, &one.body));
    }
    let failed = plain.seen().remove(0);
    let again = plain.seen().into_iter().find(|one| one.arrived() && one.id() == failed.id());
    let again = again.expect("tried again");
    assert_eq!((&failed.body, &again.headers["webhook-attempt"]), (&again.body, &"2".to_owned()));

    for told in full.arrived() {
        let flat = plain.arrived().into_iter().find(|flat| flat["id"] == told["id"]).unwrap();
        let data = told["data"].as_object().unwrap();
        assert!(data.iter().all(|(name, said)| &flat[name] == said), "{flat} of {told}");
        assert_eq!((&flat["type"], &flat["time"]), (&told["type"], &told["time"]));
        assert_eq!(flat["phone_number_id"], "109876543210987");
        assert!(flat.get("data").is_none() && flat.get("specversion").is_none(), "{flat}");
    }
    let ended = plain.arrived().into_iter().find(|flat| flat["type"] == "call.ended").unwrap();
    assert_eq!((&ended["sequence"], &ended["call_id"]), (&json!(2), &json!(CALL)), "{ended}");
    let signed = &full.seen()[0].headers["offhook-signature"];
    assert!(signed.starts_with("t=") && signed.contains(",v1="), "{signed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_call_is_assigned_accepted_and_answered_in_this_order() {
    let receiver = Receiver::start(&[], Reply::Status(200)).await;
    let desk = told(&receiver).await;
    let mut lia = desk.available("lia").await;
    let mut user = Voice::of_platform(&desk.engine);
    desk.webhook(&connect(CALL, &user.platform_offer())).await;
    user.take_answer(desk.upstream.wait_for("pre_accept").await.sdp());
    lia.next("ringing").await;
    let mut browser = Voice::of_browser(&desk.engine);
    let offer = browser.browser_offer();
    lia.send(json!({"type": "answer", "call_id": CALL, "sdp": offer})).await;
    let answer = lia.next("answer").await;
    browser.take_browser_answer(answer["sdp"].as_str().unwrap());
    user.connected().await;
    browser.connected().await;
    lia.next_where("call", |frame| frame["call"]["state"] == "connected").await;
    lia.send(json!({"type": "hang_up", "call_id": CALL})).await;
    desk.upstream.wait_for("terminate").await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(1))).await;
    receiver.wait_for("call.ended").await;
    let events = of_call(&receiver.arrived(), CALL);
    assert_eq!(
        kinds(&events),
        ["call.ringing", "call.assigned", "call.accepted", "call.answered", "call.ended"],
        "in this order, for nothing failed"
    );
    assert_eq!(events[1]["data"]["agent"], "lia");
    assert_eq!(events[3]["data"]["state"], "connected");
    assert_eq!(events[4]["data"]["ended_by"], "agent");
}

async fn gateway(upstream: &Upstream, folder: &Path, receiver: &Receiver) -> Running {
    let mut config = config(upstream, Some(folder));
    told_to(receiver, &mut config);
    serve(config).await.unwrap()
}

#[test]
fn a_killed_gateway_loses_no_event_and_repeats_none() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (upstream, receiver) = runtime.block_on(async {
        (Upstream::start().await, Receiver::start(&[], Reply::Status(503)).await)
    });
    let dying = tokio::runtime::Runtime::new().unwrap();
    let before = dying.block_on(async {
        let gateway = gateway(&upstream, folder.path(), &receiver).await;
        let engine = engine::Engine::start(engine::Config::default()).unwrap();
        let http = reqwest::Client::new();
        let desk = Desk { gateway, upstream: upstream.clone(), engine, http };
        miss(&desk, "wacid.MISSED1").await;
        let user = Voice::of_platform(&desk.engine);
        desk.webhook(&connect(CALL, &user.platform_offer())).await;
        upstream.wait_for("accept").await;
        let listed = desk.get("/v1/events").await;
        listed["events"].as_array().unwrap().clone()
    });
    dying.shutdown_timeout(Duration::from_millis(100));
    assert!(receiver.arrived().is_empty());
    assert_eq!(kinds(&of_call(&before, "wacid.MISSED1")), ["call.missed", "call.ended"]);
    assert_eq!(kinds(&of_call(&before, CALL))[0], "call.ringing");

    receiver.now_answers(Reply::Status(200));
    runtime.block_on(async {
        let gateway = gateway(&upstream, folder.path(), &receiver).await;
        let told = async {
            loop {
                let ended =
                    |call| kinds(&of_call(&receiver.arrived(), call)).contains(&"call.ended");
                if ended(CALL) && ended("wacid.MISSED1") {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
        gateway.stop().await;
    });
    let arrived = receiver.arrived();
    let ids: Vec<&str> = arrived.iter().map(|event| event["id"].as_str().unwrap()).collect();
    let different: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), different.len(), "each once");
    for event in &before {
        assert!(different.contains(event["id"].as_str().unwrap()), "lost: {event}");
    }
    let call = of_call(&arrived, CALL);
    let ended = call.iter().find(|event| event["type"] == "call.ended").unwrap();
    assert_eq!(ended["data"]["reason"], "gateway_died");
    let numbers: BTreeSet<&str> = call.iter().map(|e| e["sequence"].as_str().unwrap()).collect();
    assert_eq!(numbers.len(), call.len(), "one sequence over the kill");
}

/// Reads frames of the stream until there are so many; returns cursor, type and subject of each.
async fn read_stream(answer: &mut reqwest::Response, count: usize) -> Vec<(i64, String, String)> {
    let mut text = String::new();
    let mut frames = Vec::new();
    let read = async {
        while frames.len() < count {
            let chunk = answer.chunk().await.unwrap().expect("an open stream");
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((frame, rest)) = text.split_once("\n\n") {
                let field = |name: &str| {
                    let found = frame.lines().find_map(|line| line.strip_prefix(name));
                    found.map(|value| value.trim().to_owned())
                };
                if let Some(id) = field("id:") {
                    let event: Value = serde_json::from_str(&field("data:").unwrap()).unwrap();
                    let kind = field("event:").unwrap();
                    assert_eq!(event["type"], kind);
                    let subject = event["subject"].as_str().unwrap().to_owned();
                    frames.push((id.parse().unwrap(), kind, subject));
                }
                text = rest.to_owned();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("events in the stream");
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_where_its_reader_stopped_without_gaps_or_repeats() {
    let desk = Desk::start().await;
    let open = |last: Option<i64>| {
        let mut request = desk.http.get(desk.url("/v1/events/stream")).bearer_auth("demo-api-key");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        async move { request.send().await.unwrap() }
    };
    miss(&desk, "wacid.BEFORE").await;
    let mut stream = open(None).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    miss(&desk, "wacid.FIRST").await;
    let first = read_stream(&mut stream, 1).await;
    assert_eq!(first[0].2, "wacid.FIRST", "from now on");
    assert_eq!(first[0].1, "call.missed");
    drop(stream);
    miss(&desk, "wacid.AWAY").await;
    let mut stream = open(Some(first[0].0)).await;
    let then = read_stream(&mut stream, 3).await;
    let expected = [
        ("call.ended", "wacid.FIRST"),
        ("call.missed", "wacid.AWAY"),
        ("call.ended", "wacid.AWAY"),
    ];
    let got: Vec<_> = then.iter().map(|(_, kind, call)| (kind.as_str(), call.as_str())).collect();
    assert_eq!(got, expected);
    miss(&desk, "wacid.LIVE").await;
    let live = read_stream(&mut stream, 2).await;
    assert!(live.iter().all(|(_, _, call)| call == "wacid.LIVE"), "{live:?}");
    assert!(live[0].0 > then[2].0);
    let bad = desk.http.get(desk.url("/v1/events/stream")).bearer_auth("demo-api-key");
    let bad = bad.header("last-event-id", "x").send().await.unwrap();
    assert_eq!(bad.status().as_u16(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_listed_by_page_type_and_call_and_delivered_again_on_request() {
    let receiver = Receiver::start(&[], Reply::Status(410)).await;
    let desk = told(&receiver).await;
    miss(&desk, "wacid.ONE").await;
    miss(&desk, "wacid.TWO").await;
    let page = desk.get("/v1/events?limit=3").await;
    assert_eq!(page["events"].as_array().unwrap().len(), 3);
    assert_eq!(page["more"], true);
    let rest = desk.get(&format!("/v1/events?after={}", page["next"])).await;
    assert_eq!(kinds(rest["events"].as_array().unwrap()), ["call.ended"]);
    assert_eq!(rest["more"], false);
    let missed = desk.get("/v1/events?type=call.missed&call_id=wacid.TWO").await;
    assert_eq!(missed["events"].as_array().unwrap().len(), 1);
    assert_eq!(missed["events"][0]["data"]["missed"], "caller_gave_up");
    assert_eq!(desk.get("/v1/events?type=call.mist").await["code"], "invalid");
    assert_eq!(desk.get("/v1/events/evt_none").await["code"], "not_found");

    let id = missed["events"][0]["id"].as_str().unwrap();
    let path = format!("/v1/events/{id}");
    let state = async |state: &str| {
        for _ in 0..500 {
            let one = desk.get(&path).await;
            if one["deliveries"][0]["state"] == state {
                return one;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never {state}: {}", desk.get(&path).await);
    };
    let dead = state("dead").await;
    assert_eq!(dead["deliveries"][0]["last_status"], 410, "it wants no more");
    assert_eq!(dead["deliveries"][0]["endpoint"], "crm");
    receiver.now_answers(Reply::Status(200));
    let again = async |query: &str| {
        let url = desk.url(&format!("{path}/redeliver{query}"));
        let answer = desk.http.post(url).bearer_auth("demo-api-key").send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(again("?endpoint=nobody").await, 400);
    assert_eq!(again("").await, 200);
    state("delivered").await;
    assert_eq!(receiver.arrived().len(), 1, "only what was asked for");
    assert_eq!(receiver.arrived()[0]["id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_windows_and_restrictions_are_told_once_though_webhooks_come_twice() {
    let receiver = Receiver::start(&[], Reply::Status(200)).await;
    let desk = Desk::start_with(None, |config| {
        told_to(&receiver, config);
        // Longer than a window: it closes soon as soon as it opens.
        config.events.window_closing = Duration::from_secs(25 * 3_600);
    })
    .await;
    let reply = |id: &str, response: &str, to: Option<&str>| {
        let mut message = json!({"from": ANA, "id": id, "timestamp": now().to_string(),
            "type": "interactive", "interactive": {"type": "call_permission_reply",
            "call_permission_reply": {"response": response, "is_permanent": false,
                "expiration_timestamp": (now() + 604_800).to_string()}}});
        if let Some(to) = to {
            message["context"] = json!({"from": "551140000000", "id": to});
        }
        messages(&message)
    };
    let text = messages(&json!({"from": ANA, "id": "wamid.TEXT1", "timestamp": now().to_string(),
        "type": "text", "text": {"body": "oi"}}));
    let restriction = envelope(
        "account_update",
        &json!({"phone_number": "551140000000", "event": "ACCOUNT_RESTRICTION",
            "restriction_info": [{"restriction_type": "RESTRICTED_BUSINESS_INITIATED_CALLING"}]}),
    );
    for webhook in [
        reply("wamid.R1", "accept", Some("wamid.CPR1")),
        reply("wamid.R2", "reject", Some("wamid.CPR2")),
        reply("wamid.R3", "reject", None),
        text,
        restriction,
    ] {
        assert_eq!(desk.webhook(&webhook).await, 200);
        assert_eq!(desk.webhook(&webhook).await, 200);
    }
    receiver.wait_for("account.restricted").await;
    receiver.wait_for("window.closing").await;
    let mut got = receiver.arrived();
    got.sort_by_key(|event| event["type"].as_str().unwrap().to_owned());
    assert_eq!(
        kinds(&got),
        [
            "account.restricted",
            "permission.granted",
            "permission.rejected",
            "permission.revoked",
            "window.closing",
            "window.opened",
        ]
    );
    assert_eq!(got[1]["data"]["contact"]["wa_id"], ANA);
    assert_eq!(got[1]["data"]["permanent"], false);
    assert!(got[1]["data"]["expires_at"].is_string());
    assert_eq!(got[1]["subject"], ANA);
    assert_eq!(got[1].get("sequence"), None, "it is about no call");
}

fn messages(message: &Value) -> Value {
    let value = json!({"messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "551140000000", "phone_number_id": "109876543210987"},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": ANA}], "messages": [message]});
    envelope("messages", &value)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_gets_the_types_it_names_signed_in_the_form_it_asks_for() {
    let receiver = Receiver::start(&[], Reply::Status(200)).await;
    let desk = Desk::start_with(None, |config| {
        let types = vec!["call.ended".into()];
        let url = receiver.url();
        let endpoint = Endpoint::new("billing", &url, Scheme::Stripe, "s3cret", types).unwrap();
        config.events.endpoints.push(endpoint);
    })
    .await;
    miss(&desk, "wacid.ONE").await;
    receiver.wait_for("call.ended").await;
    let seen = receiver.seen();
    assert_eq!(seen.len(), 1, "not call.missed");
    let at = Timestamp::from_unix(seen[0].headers["webhook-timestamp"].parse().unwrap());
    let key = SigningKey::new(Scheme::Stripe, "s3cret").unwrap();
    assert_eq!(seen[0].headers["offhook-signature"], key.sign(seen[0].id(), at, &seen[0].body));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_come_out_as_a_table_and_as_lines() {
    let desk = Desk::start().await;
    miss(&desk, "wacid.ONE").await;
    desk.webhook(&terminate("wacid.TWO", "USER_INITIATED", Some(9))).await;
    desk.record("wacid.TWO").await;
    let text = async |path: &str| {
        let request = desk.http.get(desk.url(path)).bearer_auth("demo-api-key");
        request.send().await.unwrap().text().await.unwrap()
    };
    let mut table = csv::Reader::from_reader(std::io::Cursor::new(text("/v1/cdrs.csv").await));
    let head = table.headers().unwrap().clone();
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    let cell = |call: &str, column: &str| {
        let row = rows.iter().find(|row| &row[0] == call).unwrap();
        row[head.iter().position(|name| name == column).unwrap()].to_owned()
    };
    assert_eq!(cell("wacid.ONE", "reason"), "caller_gave_up");
    assert_eq!(cell("wacid.ONE", "ended_by"), "user");
    assert_eq!(cell("wacid.ONE", "duration_s"), "", "not measured, not zero");
    assert_eq!(cell("wacid.TWO", "duration_s"), "9");
    assert_eq!(cell("wacid.TWO", "user_name"), "Ana");

    let lines = text("/v1/cdrs.jsonl").await;
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines.iter().filter(|line| line.get("duration_s").is_none()).count(), 1);
    let house = json!("default");
    assert!(lines.iter().all(|line| line["schema"] == 1 && line["organisation_id"] == house));
    assert_eq!(text("/v1/cdrs.jsonl?number=551140000000").await.lines().count(), 2);
    assert_eq!(desk.get("/v1/cdrs.csv?number=1").await["code"], "invalid", "none of our numbers");
    assert_eq!(cell("wacid.TWO", "transfers"), "0");
    assert_eq!(text("/v1/cdrs.jsonl?to=2020-01-01").await, "");
    let count = text("/v1/cdrs.jsonl?from=2020-01-01T00:00:00Z").await.lines().count();
    assert_eq!(count, 2);
    let refused = desk.get("/v1/cdrs.csv?from=yesterday").await;
    assert_eq!(refused["code"], "invalid");
    let closed = desk.http.get(desk.url("/v1/cdrs.csv")).send().await.unwrap();
    assert_eq!(closed.status().as_u16(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_comes_twice_tells_once() {
    let desk = Desk::start().await;
    let body = serde_json::to_vec(&terminate("wacid.ONE", "USER_INITIATED", None)).unwrap();
    let signed = signature::sign("demo-app-secret", &body);
    for _ in 0..3 {
        assert_eq!(desk.send_webhook(body.clone(), &signed).await, 200);
    }
    desk.record("wacid.ONE").await;
    // The inbox is worked off in order: once this call is recorded the repeats were looked at.
    miss(&desk, "wacid.TWO").await;
    let listed = desk.get("/v1/events?call_id=wacid.ONE").await;
    assert_eq!(kinds(listed["events"].as_array().unwrap()), ["call.missed", "call.ended"]);
}
