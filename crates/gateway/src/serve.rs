//! How does a gateway start and stop?
//!
//! It starts with what could go wrong first: the flow, the store, the media ports, the listener. Then
//! it ends what a dead gateway left behind, and acts on the webhooks that one had not. It drains by
//! letting live calls finish while new ones are turned away, and stops by ending those that are left,
//! so that nobody pays for a call without a gateway.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use engine::Engine;
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{JoinHandle, JoinSet},
};

use crate::{
    api, callbacks,
    calls::{agent_first::Offers, orphans, registry::Registry},
    clock,
    config::Config,
    consent,
    console::session::Sessions,
    dispatch,
    events::Consoles,
    graph::{ClientError, Graph},
    metrics::Metrics,
    office::Office,
    outbox::{Outbox, deliver, upkeep},
    parked,
    prompts::{Shelf, ShelfError},
    queues::{Queues, floor},
    scheme::Remote,
    store::{Store, StoreError},
    tls::{TlsError, TlsListener},
};

/// How long a stop waits for the platform to confirm the ends of live calls.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The flow or a prompt.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// The flow waits in a queue that is not configured.
    #[error("the flow waits in the queue `{0}`: add [[queues]] with name = \"{0}\"")]
    NoQueue(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The media engine.
    #[error("cannot start the media engine")]
    Engine(#[source] engine::StartError),
    /// The certificate or its key.
    #[error("[tls] cannot be used")]
    Tls(#[from] TlsError),
    /// The HTTP port.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

/// A gateway that runs. Dropping it leaves calls as a crash would; use [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    office: Arc<Office>,
    address: SocketAddr,
    stop: Arc<Notify>,
    server: JoinHandle<()>,
    /// Who acts on webhooks, on time, on consent and on who waits.
    tasks: [JoinHandle<()>; 5],
    outbox: JoinSet<()>,
}

/// Starts a gateway.
///
/// # Errors
///
/// The first thing that does not start.
pub async fn serve(config: Config) -> Result<Running, StartError> {
    // The first of several in one process wins; they are the same.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let shelf = Shelf::load(config.flow.as_ref())?;
    know_queues(&config, &shelf)?;
    let source = format!("/numbers/{}", config.number.phone_number_id);
    let store = Store::open(config.data_dir.as_deref(), &source)?;
    store.forget_old_keys(clock::now()).await?;
    let engine = Engine::start(engine::Config {
        threads: 1,
        bind_ip: config.media.bind_ip,
        advertised: config.media.advertised.clone(),
        ports: config.media.ports.clone(),
        muxed: Some(config.media.browsers),
        busy: config.media.busy,
        ..engine::Config::default()
    })
    .map_err(StartError::Engine)?;
    let listen = |source| StartError::Listen { address: config.http, source };
    let listener = TcpListener::bind(config.http).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let metrics = Arc::new(Metrics::default());
    let office = Arc::new(Office {
        graph: Graph::new(config.upstream.clone(), Arc::clone(&metrics))?,
        consoles: Consoles::new(config.agents.clone(), config.wrap_up),
        registry: Registry::new(),
        queues: Queues::new(),
        offers: Offers::default(),
        inbox: Notify::new(),
        ledger: tokio::sync::watch::Sender::new(0),
        sessions: Sessions::default(),
        readers: api::stream::seats(),
        config,
        engine,
        outbox: Outbox::new(store.clone(), Arc::clone(&metrics)),
        store,
        metrics,
        shelf,
    });
    let listening = match office.config.tls.clone() {
        Some(files) => {
            let metrics = Arc::clone(&office.metrics);
            Listening::Tls(TlsListener::start(listener, address, files, metrics)?)
        }
        None => Listening::Plain(listener),
    };
    let outbox = start_outbox(&office).await?;
    let left = orphans::end_left_behind(&office).await?;
    parked::give_up_left_behind(&office).await?;
    let queues = tokio::spawn(floor::run(Arc::clone(&office)));
    callbacks::take_up_left_behind(&office).await?;
    tracing::info!(%address, left_behind = left, "gateway runs");
    let stop = Arc::new(Notify::new());
    let server = tokio::spawn(run(listening, Arc::clone(&office), Arc::clone(&stop)));
    let tasks = [
        tokio::spawn(dispatch::run(Arc::clone(&office))),
        tokio::spawn(consent::run(Arc::clone(&office))),
        tokio::spawn(parked::run(Arc::clone(&office))),
        tokio::spawn(callbacks::run(Arc::clone(&office))),
        queues,
    ];
    Ok(Running { office, address, stop, server, tasks, outbox })
}

/// Where a flow waits, there is a queue.
fn know_queues(config: &Config, shelf: &Shelf) -> Result<(), StartError> {
    let wanted = shelf.flow.iter().flat_map(|flow| flow.queues());
    let mut unknown = wanted.filter(|name| config.queues.iter().all(|queue| queue.name != *name));
    unknown.next().map_or(Ok(()), |name| Err(StartError::NoQueue(name.to_owned())))
}

/// Endpoints are known before anything happens, so a new one gets all that follows.
async fn start_outbox(office: &Arc<Office>) -> Result<JoinSet<()>, StartError> {
    let client = deliver::client(office.config.events.timeout)?;
    let mut tasks = JoinSet::new();
    for endpoint in &office.config.events.endpoints {
        office.store.know_endpoint(endpoint.name.clone()).await?;
        let endpoint = Arc::new(endpoint.clone());
        tasks.spawn(deliver::run(Arc::clone(office), endpoint, client.clone()));
    }
    tasks.spawn(upkeep::run(Arc::clone(office)));
    Ok(tasks)
}

enum Listening {
    Plain(TcpListener),
    Tls(TlsListener),
}

impl Listening {
    async fn serve(self, router: Router) -> std::io::Result<()> {
        let service = router.into_make_service_with_connect_info::<Remote>();
        match self {
            Self::Plain(listener) => axum::serve(listener, service).await,
            Self::Tls(listener) => axum::serve(listener, service).await,
        }
    }
}

async fn run(listening: Listening, office: Arc<Office>, stop: Arc<Notify>) {
    tokio::select! {
        result = listening.serve(api::router(office)) => {
            if let Err(error) = result {
                tracing::error!(%error, "the gateway no longer listens");
            }
        }
        () = stop.notified() => {}
    }
}

impl Running {
    /// Where HTTP listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes and places no more calls, and waits until the live ones are over or the configured time
    /// is; then [`Running::stop`] ends what is left. May be given up at any time.
    pub async fn drain(&self) {
        let office = &self.office;
        let limit = office.config.drain_for;
        tracing::info!(calls = office.registry.count(), ?limit, "the gateway drains");
        office.registry.close_doors();
        office.metrics.draining();
        office.consoles.drain(clock::now() + limit);
        if tokio::time::timeout(limit, office.registry.run_dry()).await.is_err() {
            tracing::warn!(calls = office.registry.count(), "calls outlast the drain");
        }
    }

    /// Ends live calls politely, waits until they are recorded, and stops.
    pub async fn stop(mut self) {
        // Webhooks are still taken: the platform's terminate webhooks bring the figures.
        self.office.registry.stop(STOP_PATIENCE).await;
        self.stop.notify_one();
        for task in &self.tasks {
            task.abort();
        }
        // What is not delivered is on disk; the next gateway goes on.
        self.outbox.shutdown().await;
        drop(self.server.await);
    }
}
