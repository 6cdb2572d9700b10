//! What does the platform remember?
//!
//! Accounts, users, consent and calls as documents, the webhooks' outbox and journal, and the chats.
//! With a data folder all of it is in one SQLite file and survives a kill at any moment; without one
//! it is the same database in memory.
//!
//! Every method returns after the commit. One room of the store is one file here: [`documents`],
//! [`outbox`], [`queue`], [`chats`], [`usage`], [`figures`]; [`snapshot`] takes and puts back all of it.

mod chats;
mod documents;
mod figures;
mod outbox;
mod queue;
mod snapshot;
mod usage;
mod writer;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

pub(crate) use documents::Kind;
pub(crate) use outbox::{Attempt, DeliveryState, JournalFilter, NewWebhook, WebhookRow};
pub(crate) use snapshot::{RestoreFault, Tables};
pub(crate) use usage::{EndedCall, MessageCost, MessageRow, Meter, SentMessage};
use writer::Writer;

/// The file inside the data folder.
const FILE: &str = "platform.sqlite";

/// The store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The data folder could not be made.
    #[error("cannot make the data folder")]
    Folder(#[source] std::io::Error),
    /// The database file could not be opened or prepared.
    #[error("cannot open the platform's database")]
    Open(#[source] rusqlite::Error),
    /// The writer thread could not be started.
    #[error("cannot start the store's thread")]
    Thread(#[source] std::io::Error),
    /// A statement was refused by the database.
    #[error("the database refused a statement")]
    Statement(#[source] rusqlite::Error),
    /// The transaction was not committed; nothing of it is kept.
    #[error("the database did not commit")]
    Commit,
    /// A document could not be written as, or read from, JSON.
    #[error("a stored document is not readable")]
    Document(#[source] serde_json::Error),
    /// The bytes of a media file could not be written, read or deleted.
    #[error("cannot keep the bytes of a media file")]
    File(#[source] std::io::Error),
    /// The store has been closed.
    #[error("the store is closed")]
    Gone,
}

/// The platform's memory; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    writer: Writer,
    /// How often everything was replaced; changed on the writer's thread alone.
    replaced: Arc<AtomicU64>,
}

/// Which state somebody has read from: another since then makes what they write a stranger's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Age(u64);

impl Store {
    /// Opens the store in `folder`, or in memory without one.
    ///
    /// # Errors
    ///
    /// The folder or the database cannot be opened.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, StoreFault> {
        let file = match folder {
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(StoreFault::Folder)?;
                Some(folder.join(FILE))
            }
            None => None,
        };
        let writer = Writer::start(file.as_deref(), include_str!("schema.sql"))?;
        Ok(Self { writer, replaced: Arc::default() })
    }

    /// Which state is there now.
    pub(crate) fn age(&self) -> Age {
        Age(self.replaced.load(Ordering::Acquire))
    }
}
