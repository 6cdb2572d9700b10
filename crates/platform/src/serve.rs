//! How does a platform start and stop?
//!
//! Started in the order of its needs: store, directory, media, webhooks, HTTP. Calls that were live
//! when an earlier run died are ended before anything is answered. Stopped politely: calls end with
//! their webhooks, recordings are finished, the outbox gets a moment to empty, then sockets close.

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock, RwLock},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderValue, header::DATE},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use engine::{Engine, Transcoder};
use rules::{price::Cards, rulebook::RulebookError};
use terms::{Timestamp, WabaId};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config, SeedError, StoreFault,
    api::{self, refusals::ApiRefusal},
    billing,
    books::Books,
    calls::{Ears, Recordings, Registry, alive, restart},
    capture::{Scratch, Tools},
    directory::{Account, Directory},
    faults::Faults,
    ids::Ids,
    media_files::{self, MediaFiles},
    openapi, pages, phones, sandbox,
    seed::{Seed, Shelf},
    sip_edge::{self, Edge, SipEdgeError},
    store::{Kind, Store},
    templates,
    webhooks::{Clients, Deliverer, Outbox, check_url},
    world::{CLOCK, PerSecond, World},
};

/// How long calls may take to end when the server stops.
const END_CALLS: Duration = Duration::from_secs(3);

/// How long recordings and transcripts of the calls that ended may take when the server stops.
const FINISH_CAPTURES: Duration = Duration::from_secs(30);

/// How long the outbox may take to empty when the server stops; what is left stays in it.
const EMPTY_OUTBOX: Duration = Duration::from_secs(2);

/// How often the outbox is looked at while stopping.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often a callback URL that does not answer yet is asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Why a platform did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be opened or read.
    #[error("cannot open the platform's state")]
    Store(#[source] StoreFault),
    /// The HTTP port cannot be bound.
    #[error("cannot listen on {addr}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Media cannot be started.
    #[error("cannot start media")]
    Media(#[source] engine::StartError),
    /// A thread cannot be started.
    #[error("cannot start a worker thread")]
    Thread(#[source] std::io::Error),
    /// The public URL is none.
    #[error("the public URL {0:?} is not a valid http or https URL")]
    PublicUrl(String),
    /// The seed names what is not there.
    #[error("cannot use the seed")]
    Seed(#[source] SeedError),
    /// A configured rule does not exist or cannot have its value.
    #[error("cannot replace a rule")]
    Rules(#[source] RulebookError),
    /// A kept account replaces a rule that does not exist, or not beside the configured ones.
    #[error("account {account} cannot replace a rule")]
    AccountRules {
        /// The account.
        account: WabaId,
        /// Which rule, and why.
        #[source]
        source: RulebookError,
    },
    /// Calls over SIP cannot be taken.
    #[error("cannot start the SIP edge")]
    Sip(#[source] SipEdgeError),
    /// The HTTP client for webhooks cannot be made.
    #[error("cannot make the webhooks' HTTP client")]
    Client(#[source] reqwest::Error),
}

/// A callback URL was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the callback URL was not taken: {0}")]
pub struct CallbackError(String);

/// A started platform. Dropping it leaves it running; [`Running::shutdown`] ends it.
#[derive(Debug)]
pub struct Running {
    /// Where HTTP listens.
    pub addr: SocketAddr,
    world: Arc<World>,
    stop_webhooks: CancellationToken,
}

/// Starts a platform.
///
/// # Errors
///
/// What could not be opened, bound or started.
pub async fn serve(config: Config) -> Result<Running, StartError> {
    let listener = TcpListener::bind(config.http)
        .await
        .map_err(|source| StartError::Listen { addr: config.http, source })?;
    let addr =
        listener.local_addr().map_err(|source| StartError::Listen { addr: config.http, source })?;
    let wake = Arc::new(Notify::new());
    let (edge, incoming) = sip_edge::start(&config).await.map_err(StartError::Sip)?.unzip();
    let world = Arc::new(make_world(&config, addr, Arc::clone(&wake), edge).await?);
    media_files::tidy(&world).await.map_err(StartError::Store)?;
    templates::resume(&world).await.map_err(StartError::Store)?;
    let orphans = restart::end_orphans(&world).await.map_err(StartError::Store)?;
    if orphans > 0 {
        tracing::warn!(calls = orphans, "ended calls of an earlier run");
    }

    let stop_webhooks = CancellationToken::new();
    let deliverer = Deliverer::new(Arc::clone(&world), config.webhook_timeout, wake);
    tokio::spawn(deliverer.run(stop_webhooks.clone()));
    tokio::spawn(media_files::sweep(Arc::clone(&world)));
    tokio::spawn(alive::keep(Arc::clone(&world)));
    listen(&world, listener);
    if let Some(incoming) = incoming {
        tokio::spawn(sip_edge::serve(Arc::clone(&world), incoming));
    }
    if let Some(url) = config.webhook_url {
        let world = Arc::clone(&world);
        tokio::spawn(async move { set_until_taken(&world, &url).await });
    }
    Ok(Running { addr, world, stop_webhooks })
}

async fn make_world(
    config: &Config,
    addr: SocketAddr,
    wake: Arc<Notify>,
    sip: Option<Edge>,
) -> Result<World, StartError> {
    let books = Arc::new(Books::new(&config.rules).map_err(StartError::Rules)?);
    let store = Store::open(config.data.as_deref()).map_err(StartError::Store)?;
    resume_clock(config, &store).await.map_err(StartError::Store)?;
    let seed = config.seed.clone();
    let first_cards = first_cards(config);
    let shelf = Shelf { cards: &first_cards, books: &books };
    seed.check(Some(&shelf)).map_err(StartError::Seed)?;
    let directory = fill_directory(&store, seed, &books, config.clock.now()).await?;
    let faults = Faults::load(store.clone()).await.map_err(StartError::Store)?;
    let faults = Arc::new(faults);
    let run = count_run(&store).await.map_err(StartError::Store)?;
    let ids = Arc::new(Ids::new(config.randomness, run));
    let outbox = Outbox::new(
        directory.clone(),
        store.clone(),
        config.clock.clone(),
        Arc::clone(&faults),
        Arc::clone(&ids),
        Arc::clone(&books),
        wake,
    );
    let engine = start_engine(config)?;
    let handset_engine = Engine::start(engine::Config::default()).map_err(StartError::Media)?;
    let media_files = MediaFiles::open(config.data.as_deref()).map_err(StartError::Store)?;
    let tools = Tools {
        speech: config.speech.clone(),
        transcriber: config.transcriber.clone(),
        scratch: Scratch::open(config.data.as_deref()).map_err(StartError::Store)?,
    };
    let clients = Clients::new(config.webhook_roots.as_deref()).map_err(StartError::Client)?;
    let kept_cards = billing::kept_cards(&store).await.map_err(StartError::Store)?;
    let world = World {
        clock: config.clock.clone(),
        store,
        directory,
        outbox,
        faults,
        ids,
        media_files,
        tools,
        engine,
        handset_engine,
        ears: Ears::start().map_err(StartError::Thread)?,
        transcoder: Transcoder::start().map_err(StartError::Thread)?,
        recordings: Recordings::default(),
        calls: Registry::default(),
        calls_max: config.calls_max,
        phones: phones::Phones::default(),
        sip,
        clients,
        handshake: config.handshake,
        sandbox_token: config.sandbox_token.clone(),
        placing: tokio::sync::Mutex::new(()),
        delivering: tokio::sync::Mutex::new(()),
        reads: PerSecond::default(),
        messages: PerSecond::default(),
        books,
        cards: RwLock::default(),
        first_cards,
        public_url: config.public_url.as_deref().map(read_public_url).transpose()?,
        address: OnceLock::from(addr),
        tasks: TaskTracker::new(),
        captures: TaskTracker::new(),
        stop: CancellationToken::new(),
        stopped: CancellationToken::new(),
    };
    world.reset_cards(kept_cards);
    Ok(world)
}

/// Everyone the store has, or the seed's where it has nobody.
async fn fill_directory(
    store: &Store,
    seed: Seed,
    books: &Books,
    now: Timestamp,
) -> Result<Directory, StartError> {
    let directory = Directory::load(store.clone()).await.map_err(StartError::Store)?;
    if directory.is_empty() {
        let settled = seed.settle(books, now).map_err(StartError::Seed)?;
        directory.writing().await.fill(settled).await.map_err(StartError::Store)?;
    }
    for account in directory.accounts() {
        check_rules(books, &account)?;
    }
    Ok(directory)
}

fn read_public_url(text: &str) -> Result<String, StartError> {
    check_url(text).map_err(|_| StartError::PublicUrl(text.to_owned()))?;
    Ok(text.trim_end_matches('/').to_owned())
}

/// Lets the clock go on as an earlier run on this data folder left it.
async fn resume_clock(config: &Config, store: &Store) -> Result<(), StoreFault> {
    if let Some(kept) = store.load(Kind::Server, CLOCK).await? {
        config.clock.resume(kept);
    }
    Ok(())
}

/// Which run on this data folder this is, from 0.
async fn count_run(store: &Store) -> Result<u64, StoreFault> {
    store.update(Kind::Server, "runs", |runs: &mut u64| std::mem::replace(runs, *runs + 1)).await
}

/// A kept account was checked against the rules of an earlier start.
fn check_rules(books: &Books, account: &Account) -> Result<(), StartError> {
    books
        .check(account)
        .map_err(|source| StartError::AccountRules { account: account.id.clone(), source })
}

/// The shipped rate cards and the configured ones.
fn first_cards(config: &Config) -> Arc<Cards> {
    let mut cards = Cards::shipped();
    config.rate_cards.iter().cloned().for_each(|card| cards.add(card));
    Arc::new(cards)
}

fn start_engine(config: &Config) -> Result<Engine, StartError> {
    Engine::start(engine::Config {
        threads: 1,
        bind_ip: config.media.ip(),
        advertised: config.advertised.clone(),
        muxed: Some(config.media),
        busy: config.busy,
        ..engine::Config::default()
    })
    .map_err(StartError::Media)
}

fn listen(world: &Arc<World>, listener: TcpListener) {
    let fail = from_fn_with_state(Arc::clone(world), api::fail_on_demand);
    let dialog = api::dialog_router().route_layer(fail);
    let router: Router = Router::new()
        .route("/phone/ws", get(phones::open))
        .route("/openapi.json", get(async || Json(openapi::document())))
        .merge(sandbox::router(world))
        .merge(dialog)
        .merge(api::media_router())
        .merge(pages::router())
        .fallback(api::graph)
        .layer(from_fn_with_state(Arc::clone(world), date_by_test_clock))
        .with_state(Arc::clone(world));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopped = world.stopped.clone();
    tokio::spawn(async move {
        let served =
            axum::serve(listener, service).with_graceful_shutdown(stopped.cancelled_owned()).await;
        if let Err(fault) = served {
            tracing::error!(%fault, "HTTP stopped");
        }
    });
}

/// Answers carry the platform's own time, so that a client can follow a clock that was moved.
async fn date_by_test_clock(
    State(world): State<Arc<World>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    let now = world.clock.now().to_jiff().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(value) = HeaderValue::try_from(now) {
        response.headers_mut().insert(DATE, value);
    }
    response
}

/// Sets the first app's callback URL, asking until it answers the handshake: platform and endpoint
/// may start in any order.
async fn set_until_taken(world: &World, url: &str) {
    let mut is_said = false;
    while !world.stopped.is_cancelled() {
        match set_callback(world, url).await {
            Ok(()) => return tracing::info!("the callback URL is set"),
            Err(refusal) if !is_said => {
                tracing::warn!(%refusal, "the callback URL is not taken yet");
                is_said = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn set_callback(world: &World, url: &str) -> Result<(), ApiRefusal> {
    let Some(app) = world.directory.apps().into_iter().next() else { return Ok(()) };
    api::set_callback(world, &app, url.to_owned(), None, None).await
}

impl Running {
    /// The base URL of HTTP as seen from this machine.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.world.base_url()
    }

    /// Where the SIP edge listens, if there is one.
    #[must_use]
    pub fn sip_address(&self) -> Option<SocketAddr> {
        self.world.sip.as_ref().and_then(Edge::address)
    }

    /// Sets the callback URL of the seed's first app, after the handshake if it is on.
    ///
    /// # Errors
    ///
    /// The URL did not answer as a webhook endpoint does.
    pub async fn set_callback(&self, url: &str) -> Result<(), CallbackError> {
        set_callback(&self.world, url).await.map_err(|refusal| CallbackError(refusal.to_string()))
    }

    /// Ends calls politely, lets their recordings be made and the outbox empty for a moment, and stops.
    pub async fn shutdown(self) {
        self.world.stop.cancel();
        self.world.tasks.close();
        drop(tokio::time::timeout(END_CALLS, self.world.tasks.wait()).await);
        self.captures_finished().await;
        drop(tokio::time::timeout(EMPTY_OUTBOX, self.outbox_empty()).await);
        self.stop_webhooks.cancel();
        self.world.stopped.cancel();
    }

    async fn captures_finished(&self) {
        let captures = &self.world.captures;
        captures.close();
        if captures.is_empty() {
            return;
        }
        tracing::info!(count = captures.len(), "recordings and transcripts are being finished");
        if tokio::time::timeout(FINISH_CAPTURES, captures.wait()).await.is_err() {
            tracing::error!(count = captures.len(), "recordings and transcripts are lost");
        }
    }

    async fn outbox_empty(&self) {
        let is_due = async || {
            let now = self.world.clock.now();
            self.world.store.has_due(now).await.unwrap_or(false)
        };
        while is_due().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
