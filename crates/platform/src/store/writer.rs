//! How does the database stay fast and never lie?
//!
//! One thread owns the connection. It takes all jobs that wait, runs them in one transaction (each in
//! its own savepoint), commits with full sync, and only then answers: whoever got an answer has it on
//! disk, and a burst costs one sync.

use std::path::Path;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::StoreFault;

/// Jobs that may wait; more means the disk is far behind, and callers wait too.
const JOBS_MAX: usize = 1024;

/// Jobs in one transaction; higher makes the first of them wait longer.
const BATCH_MAX: usize = 256;

/// What runs after the commit, told whether it held.
type Answer = Box<dyn FnOnce(bool) + Send>;
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;

/// The way to the writer thread.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
}

impl Writer {
    /// Opens the database (in memory without a path), prepares it and starts the thread.
    pub(super) fn start(path: Option<&Path>, schema: &str) -> Result<Self, StoreFault> {
        let connection = match path {
            Some(path) => Connection::open(path),
            None => Connection::open_in_memory(),
        }
        .map_err(StoreFault::Open)?;
        prepare(&connection, schema).map_err(StoreFault::Open)?;
        let (jobs, inbox) = mpsc::channel(JOBS_MAX);
        std::thread::Builder::new()
            .name("platform-store".into())
            .spawn(move || run(&connection, inbox))
            .map_err(StoreFault::Thread)?;
        Ok(Self { jobs })
    }

    /// Runs `job` in the next transaction and returns its result once that is committed.
    pub(super) async fn run<T, F>(&self, job: F) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, job);
            Box::new(move |committed| {
                let result = match result {
                    Ok(_) if !committed => Err(StoreFault::Commit),
                    Ok(value) => Ok(value),
                    Err(fault) => Err(StoreFault::Statement(fault)),
                };
                drop(reply.send(result));
            })
        });
        self.jobs.send(job).await.map_err(|_| StoreFault::Gone)?;
        answer.await.map_err(|_| StoreFault::Gone)?
    }
}

fn prepare(connection: &Connection, schema: &str) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    upgrade(connection)?;
    connection.execute_batch(schema)
}

/// Brings the tables of an earlier version to what the schema expects.
fn upgrade(connection: &Connection) -> rusqlite::Result<()> {
    let columns: u32 = connection.query_row(
        "SELECT count(*) FROM pragma_table_info('webhooks') WHERE name IN ('seq', 'ord')",
        [],
        |row| row.get(0),
    )?;
    // The first version's table has one of the two.
    if columns == 1 { connection.execute_batch(include_str!("upgrade-1.sql")) } else { Ok(()) }
}

fn run(connection: &Connection, mut inbox: mpsc::Receiver<Job>) {
    while let Some(first) = inbox.blocking_recv() {
        let began = connection.execute_batch("BEGIN IMMEDIATE").is_ok();
        let mut answers = vec![first(connection)];
        while answers.len() < BATCH_MAX
            && let Ok(job) = inbox.try_recv()
        {
            answers.push(job(connection));
        }
        let committed = began && connection.execute_batch("COMMIT").is_ok();
        if !committed {
            tracing::error!("the platform's database did not commit");
            drop(connection.execute_batch("ROLLBACK"));
        }
        for answer in answers {
            answer(committed);
        }
    }
}

fn in_savepoint<T>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.execute_batch("SAVEPOINT job")?;
    let result = job(connection);
    let end = if result.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
    connection.execute_batch(end)?;
    result
}
