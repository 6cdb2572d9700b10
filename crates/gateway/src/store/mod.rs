//! What does the gateway remember?
//!
//! One SQLite database, one thread that owns it. A job is a closure over the connection; the thread
//! takes all jobs that wait, runs them in one transaction and answers after the commit, so whoever
//! gets an answer has it on disk (WAL, `synchronous = FULL`). Without a data folder the same thread
//! works in memory.
//!
//! | Table | Holds |
//! |---|---|
//! | `inbox` | webhooks as they came, until they were acted on |
//! | `seen` | what was acted on, so that nothing is acted on twice |
//! | `live_calls` | calls that someone must end should we die |
//! | `cdrs` | one record for each ended call |
//! | `call_figures` | what is counted of each, for sums |
//! | `call_notes` | what was noted of calls that still run |
//! | `recordings` | what was recorded; the files lie beside the database |
//! | `bucket` | which recordings lie in the bucket, and what is still to be carried |
//! | `collections` | what the platform recorded or wrote down, until it is fetched |
//! | `transcripts` | what was said in them, or that somebody is still to write it down |
//! | `budget_thresholds` | which thresholds of a month's budget were told |
//! | `account_notices`, `account_health` | what the platform said against a number, and how it stands |
//! | `contacts`, `chat` | users seen by BSUID, number or both, their permission and window, what was said |
//! | `windows` | open service windows, until it was told that they closed |
//! | `events` | what was told to the business's own systems |
//! | `endpoints`, `deliveries` | up to where each receiver was given events, and what it is owed |
//! | `consents` | the consent ledger: what was seen of each user's consent, never changed |
//! | `standings` | what a user's entries add up to, and when that runs out |
//! | `parked_calls` | calls that wait for the user's consent |
//! | `callbacks` | users who wait to be called back |
//! | `idempotency` | what a request with this key was answered |
//! | `api_keys`, `users` | programs' keys, hashed, and people who were added at run time |
//! | `audit` | who changed them, never changed itself |
//!
//! Every row is of one line ([`LineSet`], [`ContactKey`]). An event is written by the job that writes its fact ([`News`]), so neither is there alone.

mod account;
mod amount;
mod analytics;
mod api_keys;
mod audit;
mod bucket;
mod by_contact;
mod callbacks;
mod calls;
mod collections;
mod consent;
mod contacts;
mod deliveries;
mod figures;
mod idempotency;
mod identity;
mod inbox;
mod key;
mod notes;
mod outbox;
mod parked;
mod recordings;
mod schema;
mod search;
mod spend;
mod traces;
mod transcripts;
mod users;
mod waiting;
mod windows;
mod wrap_ups;

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use rusqlite::Connection;
use terms::PhoneNumberId;
use tokio::sync::{oneshot, watch};

pub(crate) use account::{Notice, NoticeKind, PickupCounts};
pub(crate) use analytics::{Grouped, Grouping};
pub(crate) use api_keys::ApiKey;
pub(crate) use audit::{AuditEntry, Deed};
pub(crate) use bucket::{Owed, Task, There};
pub(crate) use callbacks::{Callback, CallbackState};
pub(crate) use calls::LiveCall;
pub(crate) use collections::{Collection, Thing};
pub(crate) use consent::{Draft, Evidence, Record, STATES};
pub(crate) use contacts::{ContactRow, Grant};
pub(crate) use deliveries::{Attempted, DeliveryRow, Due, Next};
pub(crate) use idempotency::Kept;
pub(crate) use inbox::Delivery;
pub(crate) use key::{ContactKey, LineSet};
pub(crate) use outbox::{Asked, News, Told};
pub(crate) use parked::{Parked, ParkedState};
pub(crate) use search::Search;
pub(crate) use spend::SpendRow;
pub(crate) use transcripts::Untranscribed;
pub(crate) use users::User;

/// How many jobs may wait; more is a disk that cannot follow, and the sender waits.
const JOBS_MAX: usize = 1_024;
/// How many jobs share a commit; more would only make the first of them wait longer.
const BATCH_MAX: usize = 256;

/// Why the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made.
    #[error("cannot make the data folder {path}")]
    MakeFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the gateway's database")]
    Open(#[source] rusqlite::Error),
    /// A statement failed.
    #[error("the gateway's database refused a statement")]
    Statement(#[source] rusqlite::Error),
    /// A record in it cannot be read or written.
    #[error("a record in the gateway's database cannot be read")]
    Record(#[source] serde_json::Error),
    /// A table cannot be written from its records.
    #[error("records cannot be written as a table")]
    Export(#[source] csv::Error),
    /// The thread cannot be started.
    #[error("cannot start the store's thread")]
    Thread(#[source] std::io::Error),
    /// The thread is gone.
    #[error("the store has stopped")]
    Stopped,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Statement(error)
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Record(error)
    }
}

type Answer = Box<dyn FnOnce() + Send>;
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;

/// The gateway's memory. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    jobs: mpsc::SyncSender<Job>,
    /// The place of the newest event on disk.
    newest: watch::Sender<i64>,
}

impl Store {
    /// Opens the database in this folder, or one in memory. What an older version wrote, which knew
    /// one line alone, becomes the first line's.
    ///
    /// # Errors
    ///
    /// What the folder, the database or the system refused.
    pub(crate) fn open(
        folder: Option<&Path>,
        first_line: &PhoneNumberId,
    ) -> Result<Self, StoreError> {
        let connection = match folder {
            Some(folder) => {
                let made = std::fs::create_dir_all(folder);
                made.map_err(|source| StoreError::MakeFolder { path: folder.to_owned(), source })?;
                Connection::open(folder.join("gateway.db"))
            }
            None => Connection::open_in_memory(),
        }
        .map_err(StoreError::Open)?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            .map_err(StoreError::Open)?;
        schema::make(&connection, first_line)?;
        let (jobs, queue) = mpsc::sync_channel(JOBS_MAX);
        let newest = watch::Sender::new(outbox::newest(&connection)?);
        let told = newest.clone();
        thread::Builder::new()
            .name("gateway-store".into())
            .spawn(move || write(&connection, &queue, &told))
            .map_err(StoreError::Thread)?;
        Ok(Self { jobs, newest })
    }

    /// The place of the newest event on disk; changes when there is a newer one, or when an old one
    /// is owed again.
    pub(crate) fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    fn ring(&self) {
        self.newest.send_modify(|_| {});
    }

    /// Hands a job to the thread and does not wait for it; `false` when the queue is full.
    fn post<F>(&self, job: F) -> bool
    where
        F: FnOnce(&Connection) -> Result<(), StoreError> + Send + 'static,
    {
        let job: Job = Box::new(move |connection| {
            if let Err(error) = whole(connection, job) {
                tracing::error!(%error, "a job of the gateway's database failed");
            }
            Box::new(|| {})
        });
        self.jobs.try_send(job).is_ok()
    }

    /// Runs a job on the store's thread and waits until it is on disk.
    async fn run<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = whole(connection, job);
            // Nobody may be waiting any more; the work is done all the same.
            Box::new(move || drop(answer.send(result)))
        });
        match self.jobs.try_send(job) {
            Ok(()) => {}
            Err(mpsc::TrySendError::Full(job)) => {
                let jobs = self.jobs.clone();
                let sent = tokio::task::spawn_blocking(move || jobs.send(job)).await;
                if !matches!(sent, Ok(Ok(()))) {
                    return Err(StoreError::Stopped);
                }
            }
            Err(mpsc::TrySendError::Disconnected(_)) => return Err(StoreError::Stopped),
        }
        answered.await.map_err(|_| StoreError::Stopped)?
    }
}

/// The thread: batches of jobs, one transaction each. It ends when the last [`Store`] is gone.
fn write(connection: &Connection, queue: &mpsc::Receiver<Job>, newest: &watch::Sender<i64>) {
    while let Ok(first) = queue.recv() {
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        let mut answers = vec![first(connection)];
        while answers.len() < BATCH_MAX
            && let Ok(job) = queue.try_recv()
        {
            answers.push(job(connection));
        }
        let committed = begun.and_then(|()| connection.execute_batch("COMMIT"));
        if let Err(error) = committed {
            // Without an answer every caller sees `Stopped` and says so upstream.
            tracing::error!(%error, "the gateway's database cannot commit");
            drop(connection.execute_batch("ROLLBACK"));
            continue;
        }
        for answer in answers {
            answer();
        }
        match outbox::newest(connection) {
            Ok(place) => {
                newest.send_if_modified(|known| std::mem::replace(known, place) < place);
            }
            Err(error) => tracing::error!(%error, "the newest event is not known"),
        }
    }
}

/// Runs a job that is done as a whole or not at all: others share its transaction.
fn whole<T, F>(connection: &Connection, job: F) -> Result<T, StoreError>
where
    F: FnOnce(&Connection) -> Result<T, StoreError>,
{
    connection.execute_batch("SAVEPOINT job")?;
    let result = job(connection);
    let end = if result.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    connection.execute_batch(end)?;
    result
}
