//! How do webhooks leave?
//!
//! One task looks at the rows that may go and sends what is due, each in a task of its own: of a lane
//! only the oldest untried row goes, so its order holds while nothing fails; an endpoint never has
//! more than [`ENDPOINT_MAX`] under way, so one that hangs delays only itself. When to try again, and when to give up,
//! [`rules::delivery`] decides. Nothing waits in memory: the rows are the queue.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rules::{
    delivery::{self, Next, Topic},
    rulebook::Rulebook,
};
use terms::Timestamp;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use wire::webhook::signature;

use super::outbox::Target;
use crate::{
    clock::Clock,
    directory::{Directory, Endpoint},
    store::{Attempt, DeliveryState, Store, StoreFault, Waiting, WebhookRow},
};

/// Deliveries under way to one endpoint; higher lets a hanging endpoint hold more sockets.
const ENDPOINT_MAX: usize = 32;

/// How long to wait when the store does not answer.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The task that sends webhooks.
#[derive(Debug)]
pub(crate) struct Deliverer {
    shared: Shared,
    wake: Arc<Notify>,
    busy: BTreeSet<String>,
    busy_endpoints: BTreeMap<String, usize>,
    finished: mpsc::Receiver<Finished>,
    finish: mpsc::Sender<Finished>,
}

/// What every delivery needs.
#[derive(Debug, Clone)]
struct Shared {
    directory: Directory,
    store: Store,
    clock: Clock,
    http: reqwest::Client,
    timeout: Option<Duration>,
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
    endpoint: Endpoint,
}

impl Deliverer {
    /// A deliverer woken by `wake`.
    pub(crate) fn new(
        directory: Directory,
        store: Store,
        clock: Clock,
        http: reqwest::Client,
        timeout: Option<Duration>,
        wake: Arc<Notify>,
    ) -> Self {
        let shared = Shared { directory, store, clock, http, timeout };
        let (finish, finished) = mpsc::channel(ENDPOINT_MAX);
        Self {
            shared,
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
                    tracing::error!(error = %fault, "cannot read the outbox");
                    tokio::time::sleep(STORE_PAUSE).await;
                    continue;
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
                Some(finished) = self.finished.recv() => self.free(finished),
                () = wait_for(&self.shared.clock, next_due) => {}
            }
        }
    }

    /// Starts what is due and free; answers when the next row becomes due.
    async fn send_due(&mut self) -> Result<Option<Timestamp>, StoreFault> {
        let now = self.shared.clock.now();
        let mut next_due: Option<Timestamp> = None;
        for row in self.shared.store.waiting_webhooks().await? {
            if self.busy.contains(&row.id) {
                continue;
            }
            if row.due_at > now {
                next_due = Some(next_due.map_or(row.due_at, |due| due.min(row.due_at)));
                continue;
            }
            let endpoint =
                Target::from_text(&row.target).and_then(|to| to.endpoint(&self.shared.directory));
            match endpoint {
                Some(endpoint) => self.start(row, endpoint),
                None => {
                    self.shared.store.set_webhook_state(&row.id, DeliveryState::Journalled).await?;
                    self.wake.notify_one();
                }
            }
        }
        Ok(next_due)
    }

    fn start(&mut self, row: Waiting, endpoint: Endpoint) {
        let under_way = self.busy_endpoints.entry(endpoint.url.clone()).or_default();
        if *under_way >= ENDPOINT_MAX {
            return;
        }
        *under_way += 1;
        self.busy.insert(row.id.clone());
        let delivery = Delivery { id: row.id, endpoint };
        let shared = self.shared.clone();
        let finish = self.finish.clone();
        tokio::spawn(async move {
            if let Err(fault) = shared.deliver(&delivery).await {
                tracing::error!(error = %fault, "cannot note a delivery");
                tokio::time::sleep(STORE_PAUSE).await;
            }
            let finished = Finished { id: delivery.id, url: delivery.endpoint.url };
            drop(finish.send(finished).await);
        });
    }

    fn free(&mut self, finished: Finished) {
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

impl Shared {
    /// Sends one row once, and notes what came of it.
    async fn deliver(&self, delivery: &Delivery) -> Result<(), StoreFault> {
        let Some(row) = self.store.webhook(&delivery.id).await? else { return Ok(()) };
        let at = self.clock.now();
        let book = self.book(&row.target);
        let timeout = self.timeout.unwrap_or_else(|| delivery::attempt_timeout(&book));
        let attempt = post(&self.http, &delivery.endpoint, &row, timeout, at).await;
        let outcome = match attempt.status {
            0 if attempt.error.as_deref() == Some(NOT_IN_TIME) => delivery::Attempt::TimedOut,
            0 => delivery::Attempt::Unreachable,
            status => delivery::Attempt::Answered(status),
        };
        let mut attempts = row.attempts.clone();
        attempts.push(attempt);
        let topic = if row.field == "calls" { Topic::Calls } else { Topic::Other };
        let tries = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
        let next = delivery::next(outcome, tries, topic, row.made_at, &book, self.clock.now());
        let (state, due_at) = match next {
            Next::Delivered => (DeliveryState::Delivered, at),
            Next::RetryAt(due_at) => (DeliveryState::Pending, due_at),
            Next::Expired => (DeliveryState::Expired, at),
        };
        let url = &delivery.endpoint.url;
        self.store.note_attempt(&row.id, url, &attempts, state, due_at).await
    }

    /// The rulebook of the first account the target gets webhooks of.
    fn book(&self, target: &str) -> Arc<Rulebook> {
        let accounts = self.directory.accounts();
        let account = match Target::from_text(target) {
            Some(Target::App(app)) => accounts.iter().find(|it| it.apps.contains(&app)).cloned(),
            Some(Target::Channel(number)) => self
                .directory
                .number(&number)
                .and_then(|number| self.directory.account(&number.account)),
            None => None,
        };
        account
            .and_then(|account| rules::rulebook::named(&account.rulebook))
            .unwrap_or_else(Rulebook::beta)
    }
}

/// The error of an attempt whose answer did not come in time.
const NOT_IN_TIME: &str = "no answer in time";

async fn post(
    http: &reqwest::Client,
    endpoint: &Endpoint,
    row: &WebhookRow,
    timeout: Duration,
    at: Timestamp,
) -> Attempt {
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
    match request.send().await {
        Ok(answer) => Attempt { at, status: answer.status().as_u16(), error: None },
        Err(fault) => Attempt { at, status: 0, error: Some(reason(&fault).to_owned()) },
    }
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
