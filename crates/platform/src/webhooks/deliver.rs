//! How do webhooks leave?
//!
//! One task looks at the rows that may go and sends what is due, each in a task of its own. An
//! endpoint never has more than [`ENDPOINT_MAX`] under way, so one that hangs delays only itself,
//! and only that many of its rows are looked at, so a burst costs no more than its deliveries. When
//! to try again, and when to give up, [`rules::delivery`] decides. Nothing waits in memory: the rows
//! are the queue.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rules::delivery::{self, Next, Topic};
use terms::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use wire::webhook::signature;

use super::target::Target;
use crate::{
    api::chain,
    clock::Clock,
    directory::Endpoint,
    store::{Attempt, DeliveryState, StoreFault, WebhookRow},
    world::World,
};

/// Deliveries under way to one endpoint; higher lets a hanging endpoint hold more sockets.
const ENDPOINT_MAX: usize = 32;

/// How long to wait when the store does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The task that sends webhooks.
#[derive(Debug)]
pub(crate) struct Deliverer {
    world: Arc<World>,
    timeout: Option<Duration>,
    wake: Arc<Notify>,
    busy: BTreeSet<String>,
    busy_endpoints: BTreeMap<String, usize>,
    finished: mpsc::Receiver<Finished>,
    finish: mpsc::Sender<Finished>,
}

/// A delivery that ended; its endpoint has room for another.
#[derive(Debug)]
struct Finished {
    id: String,
    url: String,
}

/// One delivery: the row and where it goes.
#[derive(Debug)]
struct Delivery {
    id: String,
    target: Target,
    endpoint: Endpoint,
}

impl Deliverer {
    /// A deliverer woken by `wake`; an endpoint has `timeout` to answer, else the rulebook's.
    pub(crate) fn new(world: Arc<World>, timeout: Option<Duration>, wake: Arc<Notify>) -> Self {
        let (finish, finished) = mpsc::channel(ENDPOINT_MAX);
        Self {
            world,
            timeout,
            wake,
            busy: BTreeSet::new(),
            busy_endpoints: BTreeMap::new(),
            finished,
            finish,
        }
    }

    /// Sends until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let next_due = match self.send_due().await {
                Ok(due) => due,
                Err(fault) => {
                    tracing::error!(fault = %chain(&fault), "cannot read the outbox");
                    tokio::time::sleep(STORE_PAUSE).await;
                    continue;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                Some(finished) = self.finished.recv() => self.free(&finished),
                () = wait_for(&self.world.clock, next_due) => {}
            }
            while let Ok(finished) = self.finished.try_recv() {
                self.free(&finished);
            }
        }
    }

    /// Starts what is due and has room; answers when the next row becomes due.
    async fn send_due(&mut self) -> Result<Option<Timestamp>, StoreFault> {
        let world = Arc::clone(&self.world);
        let now = world.clock.now();
        for text in world.store.due_targets(now).await? {
            let target = Target::from_text(&text);
            let endpoint = target.as_ref().and_then(|target| target.endpoint(&world.directory));
            let (Some(target), Some(endpoint)) = (target, endpoint) else {
                world.store.journal_only(&text).await?;
                continue;
            };
            if self.under_way(&endpoint.url) >= ENDPOINT_MAX {
                continue;
            }
            // Up to ENDPOINT_MAX of these are under way already.
            for id in world.store.due_webhooks(&text, now, 2 * ENDPOINT_MAX).await? {
                if self.under_way(&endpoint.url) < ENDPOINT_MAX && !self.busy.contains(&id) {
                    let (target, endpoint) = (target.clone(), endpoint.clone());
                    self.start(Delivery { id, target, endpoint });
                }
            }
        }
        world.store.next_due(now).await
    }

    fn under_way(&self, url: &str) -> usize {
        self.busy_endpoints.get(url).copied().unwrap_or_default()
    }

    fn start(&mut self, delivery: Delivery) {
        *self.busy_endpoints.entry(delivery.endpoint.url.clone()).or_default() += 1;
        self.busy.insert(delivery.id.clone());
        let (world, timeout) = (Arc::clone(&self.world), self.timeout);
        let finish = self.finish.clone();
        tokio::spawn(async move {
            if let Err(fault) = deliver(&world, &delivery, timeout).await {
                tracing::error!(fault = %chain(&fault), "cannot note a delivery");
                tokio::time::sleep(STORE_PAUSE).await;
            }
            let finished = Finished { id: delivery.id, url: delivery.endpoint.url };
            drop(finish.send(finished).await);
        });
    }

    fn free(&mut self, finished: &Finished) {
        self.busy.remove(&finished.id);
        if let Some(under_way) = self.busy_endpoints.get_mut(&finished.url) {
            *under_way = under_way.saturating_sub(1);
            if *under_way == 0 {
                self.busy_endpoints.remove(&finished.url);
            }
        }
    }
}

async fn wait_for(clock: &Clock, due: Option<Timestamp>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Sends one row once, and notes what came of it.
async fn deliver(
    world: &World,
    delivery: &Delivery,
    timeout: Option<Duration>,
) -> Result<(), StoreFault> {
    let Some(row) = world.store.webhook(&delivery.id).await? else { return Ok(()) };
    let at = world.clock.now();
    let number = world.directory.number(delivery.target.number());
    let book = number.map_or_else(|| world.books.usual(), |number| world.book(&number));
    let timeout = timeout.unwrap_or_else(|| delivery::attempt_timeout(&book));
    let attempt = attempt(world, delivery, &row, timeout, at).await;
    let outcome = match attempt.status {
        0 if attempt.error.as_deref() == Some(NOT_IN_TIME) => delivery::Attempt::TimedOut,
        0 => delivery::Attempt::Unreachable,
        status => delivery::Attempt::Answered(status),
    };
    let mut attempts = row.attempts.clone();
    attempts.push(attempt);
    let topic = if row.field == "calls" { Topic::Calls } else { Topic::Other };
    let tries = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
    let next = delivery::next(outcome, tries, topic, row.made_at, &book, world.clock.now());
    let (state, due_at) = match next {
        Next::Delivered => (DeliveryState::Delivered, at),
        Next::RetryAt(due_at) => (DeliveryState::Pending, due_at),
        Next::Expired => (DeliveryState::Expired, at),
    };
    let url = &delivery.endpoint.url;
    world.store.note_attempt(&row.id, url, &attempts, state, due_at).await
}

/// The error of an attempt whose answer did not come in time.
const NOT_IN_TIME: &str = "no answer in time";

async fn attempt(
    world: &World,
    delivery: &Delivery,
    row: &WebhookRow,
    timeout: Duration,
    at: Timestamp,
) -> Attempt {
    let failed = |why: &str| Attempt { at, status: 0, error: Some(why.to_owned()) };
    let certificate = delivery.target.certificate(&world.directory);
    let client = match world.clients.showing(certificate.as_deref()).await {
        Ok(client) => client,
        Err(fault) => return failed(&fault.to_string()),
    };
    match post(&client, &delivery.endpoint, row, timeout).await {
        Ok(status) => Attempt { at, status, error: None },
        Err(fault) => failed(reason(&fault)),
    }
}

async fn post(
    http: &reqwest::Client,
    endpoint: &Endpoint,
    row: &WebhookRow,
    timeout: Duration,
) -> Result<u16, reqwest::Error> {
    let mut request = http
        .post(&endpoint.url)
        .timeout(timeout)
        .header("content-type", "application/json")
        .header(signature::HEADER, &row.signature)
        .header("user-agent", "offhook-platform/1")
        .body(row.body.clone());
    for (name, value) in &endpoint.headers {
        request = request.header(name, value);
    }
    Ok(request.send().await?.status().as_u16())
}

fn reason(fault: &reqwest::Error) -> &'static str {
    if fault.is_timeout() {
        NOT_IN_TIME
    } else if fault.is_connect() {
        "cannot connect"
    } else {
        "the request failed"
    }
}
