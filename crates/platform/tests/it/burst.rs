//! Thousands of webhooks at once, to an endpoint that is slow.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use futures_util::{StreamExt as _, stream};
use offhook_platform::Config;
use serde_json::json;
use tokio::net::TcpListener;

use crate::bench::{BUSINESS, Bench, Endpoint, config, send};

/// Two rows each: more than the journal keeps.
const WEBHOOKS: usize = 10_500;
const USERS: usize = 100;

/// How long the slow endpoint takes for each.
const SLOW: Duration = Duration::from_millis(10);

/// Deliveries to one endpoint under way, as the platform promises.
const UNDER_WAY_MAX: usize = 32;

#[derive(Clone, Default)]
struct Slow {
    bodies: Arc<Mutex<Vec<Bytes>>>,
    under_way: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

async fn take(State(slow): State<Slow>, body: Bytes) {
    let under_way = slow.under_way.fetch_add(1, Ordering::SeqCst) + 1;
    slow.most.fetch_max(under_way, Ordering::SeqCst);
    tokio::time::sleep(SLOW).await;
    slow.under_way.fetch_sub(1, Ordering::SeqCst);
    slow.bodies.lock().unwrap().push(body);
}

impl Slow {
    async fn start() -> (Self, String) {
        let slow = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(take)).with_state(slow.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (slow, url)
    }
}

/// Every user writes, many at a time; answers how long the slowest request took.
async fn everybody_writes(bench: &Bench) -> Duration {
    let write = |turn: usize| async move {
        let path = format!("/users/{}/message", 5_511_970_000_000 + turn % USERS);
        let began = Instant::now();
        let sent = bench.sandbox(&path, json!({ "to": BUSINESS, "text": format!("#{turn}") }));
        assert_eq!(sent.await.0, 200);
        began.elapsed()
    };
    let slowest = stream::iter(0..WEBHOOKS).map(write).buffer_unordered(64);
    slowest.fold(Duration::ZERO, async |most, it| most.max(it)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_to_a_slow_endpoint_loses_nothing_and_holds_up_nobody() {
    let config = Config { handshake: false, ..config() };
    let bench = Bench::with(config).await;
    for user in 0..USERS {
        let wa_id = (5_511_970_000_000 + user).to_string();
        assert_eq!(bench.sandbox("/users", json!({ "wa_id": wa_id, "name": "U" })).await.0, 201);
    }
    // The channel is quick, the app's endpoint is slow.
    let channel = Endpoint::start().await;
    let request = bench.post("/v1/configs/webhook").header("D360-API-KEY", "demo-d360-key");
    assert_eq!(send(request.json(&json!({ "url": channel.url }))).await.0, 200);
    let (slow, url) = Slow::start().await;
    bench.running.set_callback(&url).await.unwrap();

    let slowest_answer = everybody_writes(&bench).await;
    assert!(slowest_answer < Duration::from_secs(2), "{slowest_answer:?}");
    let until = Instant::now() + Duration::from_secs(60);
    while slow.bodies.lock().unwrap().len() < WEBHOOKS || channel.all().len() < WEBHOOKS {
        assert!(Instant::now() < until, "{} came", slow.bodies.lock().unwrap().len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let bodies: BTreeSet<Bytes> = slow.bodies.lock().unwrap().iter().cloned().collect();
    assert_eq!(bodies.len(), WEBHOOKS, "each came once");
    assert!(slow.most.load(Ordering::SeqCst) <= UNDER_WAY_MAX);
}
