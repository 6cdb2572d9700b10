//! What does every part of the platform share?
//!
//! One [`World`] a server: clock, store, directory, outbox, media, live calls, phones. Parts get it
//! whole; each of its fields guards itself.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
};

use engine::{Engine, Transcoder};
use rules::{
    Refusal,
    price::{Card, Cards},
    rulebook::Rulebook,
};
use terms::PhoneNumberId;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    books::Books,
    calls::{Ears, Recordings, Registry},
    capture::Tools,
    clock::Clock,
    directory::{Account, App, Directory, Number},
    faults::Faults,
    ids::Ids,
    media_files::MediaFiles,
    phones::Phones,
    sip_edge::Edge,
    store::{Kind, Store, StoreFault},
    webhooks::{Clients, Outbox},
};

/// The document that says where the clock stands.
pub(crate) const CLOCK: &str = "clock";

/// Everything that is shared.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) directory: Directory,
    pub(crate) outbox: Outbox,
    /// What a test wants to go wrong.
    pub(crate) faults: Arc<Faults>,
    /// Where every id comes from.
    pub(crate) ids: Arc<Ids>,
    pub(crate) media_files: MediaFiles,
    /// The commands an operator lent.
    pub(crate) tools: Tools,
    pub(crate) engine: Engine,
    /// The scripted users' own media.
    pub(crate) handset_engine: Engine,
    pub(crate) ears: Ears,
    /// Between Opus and G.711.
    pub(crate) transcoder: Transcoder,
    pub(crate) recordings: Recordings,
    pub(crate) calls: Registry,
    pub(crate) phones: Phones,
    /// Calls over SIP, if it has an edge for them.
    pub(crate) sip: Option<Edge>,
    /// Requests to the businesses' endpoints, each as whom its app says.
    pub(crate) clients: Clients,
    pub(crate) handshake: bool,
    pub(crate) sandbox_token: Option<String>,
    /// Calls that may be live at a time.
    pub(crate) calls_max: usize,
    /// Held from the check of a new call until it is counted, so that two cannot pass one limit.
    pub(crate) placing: tokio::sync::Mutex<()>,
    /// Held while due webhooks are looked for, and while another state comes.
    pub(crate) delivering: tokio::sync::Mutex<()>,
    /// Reads of permissions.
    pub(crate) reads: PerSecond,
    /// Messages sent.
    pub(crate) messages: PerSecond,
    /// The rulebooks.
    pub(crate) books: Arc<Books>,
    /// The rate cards: those shipped, those configured, those added.
    pub(crate) cards: RwLock<Arc<Cards>>,
    /// The same without those added.
    pub(crate) first_cards: Arc<Cards>,
    /// Where clients reach this server, if not where it listens; without a slash at its end.
    pub(crate) public_url: Option<String>,
    /// Where this server listens; known once it does.
    pub(crate) address: OnceLock<SocketAddr>,
    /// The calls' tasks.
    pub(crate) tasks: TaskTracker,
    /// Recordings, transcripts and voicemails that are being made.
    pub(crate) captures: TaskTracker,
    /// Calls end politely.
    pub(crate) stop: CancellationToken,
    /// Sockets close.
    pub(crate) stopped: CancellationToken,
}

impl World {
    /// The rulebook of a number's account.
    pub(crate) fn book(&self, number: &Number) -> Arc<Rulebook> {
        let account = self.directory.account(&number.account);
        account.map_or_else(|| self.books.base(), |account| self.book_of(&account))
    }

    /// An account's rulebook.
    pub(crate) fn book_of(&self, account: &Account) -> Arc<Rulebook> {
        self.books.of(account)
    }

    /// The rulebook of the first account an app may act for.
    pub(crate) fn book_of_app(&self, app: &App) -> Arc<Rulebook> {
        let accounts = self.directory.accounts();
        let first = accounts.iter().find(|account| account.apps.contains(&app.id));
        first.map_or_else(|| self.books.base(), |account| self.book_of(account))
    }

    /// The rate cards as they are now.
    pub(crate) fn cards(&self) -> Arc<Cards> {
        Arc::clone(&self.cards.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a rate card, or replaces one.
    pub(crate) fn add_card(&self, card: Card) {
        let mut cards = self.cards.write().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut cards).add(card);
    }

    /// Puts these added cards in place of all that were added.
    pub(crate) fn reset_cards(&self, added: Vec<Card>) {
        let mut all = Cards::clone(&self.first_cards);
        added.into_iter().for_each(|card| all.add(card));
        *self.cards.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(all);
    }

    /// Keeps where the clock stands, for the next run on this data folder.
    pub(crate) async fn keep_clock(&self) -> Result<(), StoreFault> {
        self.store.save(Kind::Server, CLOCK, &self.clock.kept()).await
    }

    /// Where clients reach this server: the beginning of every link that is handed out.
    pub(crate) fn public_url(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| self.base_url())
    }

    /// Where this server is reached from inside.
    pub(crate) fn base_url(&self) -> String {
        let address = self.address.get().copied();
        let address = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        if address.ip().is_unspecified() {
            format!("http://127.0.0.1:{}", address.port())
        } else {
            format!("http://{address}")
        }
    }
}

/// How often each number did something in the current second.
#[derive(Debug, Default)]
pub(crate) struct PerSecond {
    counts: Mutex<BTreeMap<PhoneNumberId, (i64, u32)>>,
}

impl PerSecond {
    /// Forgets what was counted.
    pub(crate) fn reset(&self) {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Counts one more, if the rule lets a number that did it so often do it again.
    ///
    /// # Errors
    ///
    /// The rule's refusal.
    pub(crate) fn count(
        &self,
        number: &PhoneNumberId,
        second: i64,
        check: impl FnOnce(u32) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(number.clone()).or_insert((second, 0));
        if count.0 != second {
            *count = (second, 0);
        }
        check(count.1)?;
        count.1 += 1;
        Ok(())
    }
}
