//! How does a gateway start and stop?
//!
//! It starts with what could go wrong first: the flow, the store, the media ports, the listener. Then
//! it ends what a dead gateway left behind, and acts on the webhooks that one had not. It drains by
//! letting live calls finish while new ones are turned away, and stops by ending those that are left,
//! so that nobody pays for a call without a gateway.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::Router;
use engine::{Bots, Engine, InBandKeys, Mixer};
use sip::Incoming;
use tokio::{
    net::TcpListener,
    runtime::Handle,
    sync::{Notify, mpsc},
    task::{JoinHandle, JoinSet},
};
use wire::trace::Span;

use crate::{
    account_health, api,
    bots::{sids::Sids, waiting::Waiting},
    bucket::{
        Bucket,
        porter::{self, Porter},
    },
    callbacks,
    calls::{orphans, registry::Registry},
    clock, collector,
    config::{Config, Media, Words},
    consent,
    console::session::Sessions,
    dispatch,
    flows::speech::{Speech, SpeechError},
    graph::ClientError,
    hep::Hep,
    keys::Keys,
    line::{Line, Lines},
    metrics::Metrics,
    office::Office,
    organisation::Organisations,
    outbox::{Outbox, deliver, upkeep},
    parked,
    prompts::ShelfError,
    public_address::{self, AskError},
    queues::floor,
    recorder::Recorder,
    recordings,
    scheme::Remote,
    store::{Store, StoreError},
    telemetry::{Telemetry, export},
    tls::{TlsError, TlsListener},
    transcription,
    trunks::{self, Trunks, TrunksError},
    upstream_sip,
};

/// How long a stop waits for the platform to confirm the ends of live calls.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// How long a stop waits for the receiver of traces to take the last ones.
const TRACES_PATIENCE: Duration = Duration::from_secs(3);

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The flow or a prompt.
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    /// A text of the flow.
    #[error("the text of the step `{step}` cannot be spoken")]
    Speech {
        /// The step.
        step: String,
        /// Why.
        #[source]
        source: SpeechError,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The public address.
    #[error("[media] advertised = \"auto\": the public address cannot be found")]
    PublicAddress(#[source] AskError),
    /// The media engine.
    #[error("cannot start the media engine")]
    Engine(#[source] engine::StartError),
    /// The thread that mixes.
    #[error("cannot start the mixer")]
    Mixer(#[source] std::io::Error),
    /// The thread that listens for keys.
    #[error("cannot start the thread that listens for keys")]
    InBandKeys(#[source] std::io::Error),
    /// The thread that carries bots' words.
    #[error("cannot start the bots' thread")]
    Bots(#[source] std::io::Error),
    /// The trunks.
    #[error(transparent)]
    Trunks(#[from] TrunksError),
    /// The folder of recordings, or the thread that writes them.
    #[error("cannot start the recorder")]
    Recorder(#[source] std::io::Error),
    /// The client of the bucket.
    #[error("[recording.bucket] cannot be used: {0}")]
    Bucket(String),
    /// A bucket whose files nobody would know after a restart.
    #[error("[recording.bucket]: set data_dir, or nobody knows later what lies in the bucket")]
    BucketForgotten,
    /// What announces recordings.
    #[error("[recording] announcement: there is no prompt `{0}`")]
    Announcement(String),
    /// The certificate or its key.
    #[error("[tls] cannot be used")]
    Tls(#[from] TlsError),
    /// The socket towards HOMER.
    #[error("[hep] cannot be used")]
    Hep(#[source] std::io::Error),
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
    /// Who acts on webhooks, on time, consent, health and callbacks of each line, on those who wait, and
    /// who watches our address.
    tasks: JoinSet<()>,
    outbox: JoinSet<()>,
    traces: Option<Traces>,
}

/// The task that sends traces on.
#[derive(Debug)]
struct Traces {
    stop: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Starts a gateway.
///
/// # Errors
///
/// The first thing that does not start.
pub async fn serve(config: Config) -> Result<Running, StartError> {
    // The first of several in one process wins; they are the same.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let metrics = Arc::new(Metrics::default());
    metrics.started(clock::now());
    let organisations = Organisations::new(&config);
    let lines = Lines::start(&config, &organisations, &metrics)?;
    let speech = speech(&config, &lines).await?;
    let first_line = &config.lines.first.number.phone_number_id;
    let store = Store::open(config.data_dir.as_deref(), first_line)?;
    store.forget_old_keys(clock::now()).await?;
    let advertised = advertised(&config.media).await?;
    let keys = Keys::load(&store).await?;
    organisations.admit(store.users().await?);
    organisations.warn_of_unknown_skills();
    store.forget_traces(clock::now() - config.events.keep).await?;
    announcement(&config, &lines)?;
    let recorder = recorder(&config)?;
    let engine = engine(&config.media, &advertised)?;
    let (trunks, incoming) = Trunks::start(&config, &metrics).await?;
    let listen = |source| StartError::Listen { address: config.http, source };
    let listener = TcpListener::bind(config.http).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (telemetry, spans) = Telemetry::new(Arc::clone(&metrics), config.telemetry.is_some());
    let traces = match &config.telemetry {
        Some(to) => Some(Traces::start(to.otlp.clone(), spans, Arc::clone(&metrics))?),
        None => None,
    };
    let hep = config.hep.map(|to| Hep::open(&to, address, Arc::clone(&metrics)));
    let hep = hep.transpose().map_err(StartError::Hep)?;
    let office = Arc::new(Office {
        organisations,
        lines,
        keys,
        registry: Registry::new(),
        inbox: Notify::new(),
        sessions: Sessions::default(),
        readers: api::stream::seats(),
        examination: tokio::sync::Semaphore::new(1),
        bucket: bucket(&config)?,
        mixer: mixer(&config.media)?,
        bots: bots(&config.media)?,
        config,
        engine,
        in_band_keys: InBandKeys::start().map_err(StartError::InBandKeys)?,
        waiting: Waiting::default(),
        trunks,
        sids: Sids::default(),
        advertised,
        recorder,
        outbox: Outbox::new(store.clone(), Arc::clone(&metrics)),
        store,
        metrics,
        speech,
        telemetry,
        hep,
    });
    let listening = Listening::new(listener, address, &office)?;
    let outbox = start_outbox(&office).await?;
    for line in office.lines.iter() {
        office.store.catch_up_figures(line.tariff()).await?;
    }
    let left = orphans::end_left_behind(&office).await?;
    let mut tasks = take_up(&office).await?;
    tracing::info!(%address, left_behind = left, "gateway runs");
    let stop = Arc::new(Notify::new());
    let server = tokio::spawn(run(listening, Arc::clone(&office), Arc::clone(&stop)));
    start_tasks(&office, incoming, &mut tasks);
    Ok(Running { office, address, stop, server, tasks, outbox, traces })
}

/// Goes on with what the last gateway left; who waits already comes to the queues.
async fn take_up(office: &Arc<Office>) -> Result<JoinSet<()>, StartError> {
    recordings::end_left_behind(office).await?;
    if office.bucket.is_none() {
        porter::warn_without_bucket(&office.store).await?;
    }
    let mut tasks = JoinSet::new();
    for house in office.organisations.iter() {
        tasks.spawn(floor::run(Arc::clone(office), Arc::clone(house)));
    }
    for line in office.lines.iter() {
        parked::give_up_left_behind(office, line).await?;
        callbacks::take_up_left_behind(office, line).await?;
    }
    Ok(tasks)
}

fn mixer(media: &Media) -> Result<Mixer, StartError> {
    let mixer = Mixer::start().map_err(StartError::Mixer)?;
    Ok(mixer.comfort_noise(media.comfort_noise))
}

fn bots(media: &Media) -> Result<Bots, StartError> {
    Bots::start(media.bot_complexity, &Handle::current()).map_err(StartError::Bots)
}

/// Whoever is to be told that calls are recorded must be told something.
fn announcement(config: &Config, lines: &Lines) -> Result<(), StartError> {
    let Some(Words::Prompt(name)) = &config.recording.announcement else { return Ok(()) };
    let is_there = |line: &Arc<Line>| line.shelf.prompt(name).is_some();
    if lines.iter().all(is_there) {
        return Ok(());
    }
    Err(StartError::Announcement(name.clone()))
}

/// Beside the database, or where nothing outlives the process.
fn recorder(config: &Config) -> Result<Recorder, StartError> {
    let data = config.data_dir.as_deref();
    Recorder::start(data, &config.recording).map_err(StartError::Recorder)
}

/// What lies in the bucket must not be forgotten.
fn bucket(config: &Config) -> Result<Option<Bucket>, StartError> {
    let Some(bucket) = &config.recording.bucket else { return Ok(None) };
    if config.data_dir.is_none() {
        return Err(StartError::BucketForgotten);
    }
    Bucket::open(bucket).map(Some).map_err(|fault| StartError::Bucket(fault.to_string()))
}

/// What the flow says to everybody is made before anybody calls.
async fn speech(config: &Config, lines: &Lines) -> Result<Option<Arc<Speech>>, StartError> {
    let Some(command) = config.speech.clone() else { return Ok(None) };
    let speech = Speech::new(command, config.data_dir.as_deref());
    for flow in lines.iter().filter_map(|line| line.shelf.flow.as_ref()) {
        let prepared = speech.prepare(flow).await;
        prepared.map_err(|(step, source)| StartError::Speech { step, source })?;
    }
    Ok(Some(Arc::new(speech)))
}

/// The addresses far ends are told: what the STUN server sees comes first.
async fn advertised(media: &Media) -> Result<Vec<IpAddr>, StartError> {
    let mut advertised = media.advertised.clone();
    if let Some(server) = media.stun.as_ref().filter(|_| media.ask_public) {
        let seen = public_address::find(media, server).await.map_err(StartError::PublicAddress)?;
        advertised.insert(0, seen.public.ip());
        tracing::info!("the public address is known");
    }
    Ok(advertised)
}

fn engine(media: &Media, advertised: &[IpAddr]) -> Result<Engine, StartError> {
    Engine::start(engine::Config {
        threads: 1,
        bind_ip: media.bind_ip,
        advertised: advertised.to_vec(),
        ports: media.ports.clone(),
        muxed: Some(media.browsers),
        busy: media.busy,
        ..engine::Config::default()
    })
    .map_err(StartError::Engine)
}

fn start_tasks(office: &Arc<Office>, incoming: mpsc::Receiver<Incoming>, tasks: &mut JoinSet<()>) {
    tasks.spawn(dispatch::run(Arc::clone(office)));
    tasks.spawn(public_address::watch(Arc::clone(office)));
    tasks.spawn(recordings::run(Arc::clone(office)));
    tasks.spawn(transcription::run(Arc::clone(office)));
    tasks.spawn(collector::run(Arc::clone(office)));
    if let Some(bucket) = office.bucket.clone() {
        let (store, recorder) = (office.store.clone(), office.recorder.clone());
        tasks.spawn(Porter { store, recorder, bucket, metrics: Arc::clone(&office.metrics) }.run());
    }
    tasks.spawn(trunks::watch(Arc::clone(office)));
    tasks.spawn(trunks::incoming::run(Arc::clone(office), incoming));
    for line in office.lines.iter() {
        tasks.spawn(consent::run(Arc::clone(office), Arc::clone(line)));
        tasks.spawn(parked::run(Arc::clone(office), Arc::clone(line)));
        tasks.spawn(account_health::run(Arc::clone(office), Arc::clone(line)));
        tasks.spawn(callbacks::run(Arc::clone(office), Arc::clone(line)));
        tasks.spawn(upstream_sip::run(Arc::clone(office), Arc::clone(line)));
    }
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

impl Traces {
    fn start(
        otlp: String,
        spans: mpsc::Receiver<Span>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, StartError> {
        let client = deliver::client(TRACES_PATIENCE)?;
        let stop = Arc::new(Notify::new());
        let task = tokio::spawn(export::run(otlp, client, spans, metrics, Arc::clone(&stop)));
        Ok(Self { stop, task })
    }
}

enum Listening {
    Plain(TcpListener),
    Tls(TlsListener),
}

impl Listening {
    fn new(
        listener: TcpListener,
        address: SocketAddr,
        office: &Office,
    ) -> Result<Self, StartError> {
        let Some(files) = office.config.tls.clone() else { return Ok(Self::Plain(listener)) };
        let metrics = Arc::clone(&office.metrics);
        Ok(Self::Tls(TlsListener::start(listener, address, files, metrics)?))
    }

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
    /// What its rooms share, for tests of one of them.
    #[cfg(test)]
    pub(crate) fn office(&self) -> &Arc<Office> {
        &self.office
    }

    /// Where HTTP listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it speaks SIP over UDP and TCP, if it does.
    #[must_use]
    pub fn sip_address(&self) -> Option<SocketAddr> {
        self.office.trunks.agent().and_then(sip::UserAgent::address)
    }

    /// Where it speaks SIP over TLS, if it does.
    #[must_use]
    pub fn sip_tls_address(&self) -> Option<SocketAddr> {
        self.office.trunks.agent().and_then(sip::UserAgent::tls_address)
    }

    /// Takes and places no more calls, and waits until the live ones are over or the configured time
    /// is; then [`Running::stop`] ends what is left. May be given up at any time.
    pub async fn drain(&self) {
        let office = &self.office;
        let limit = office.config.drain_for;
        tracing::info!(calls = office.registry.count(), ?limit, "the gateway drains");
        office.registry.close_doors();
        office.metrics.draining();
        for organisation in office.organisations.iter() {
            organisation.consoles.drain(clock::now() + limit);
        }
        if tokio::time::timeout(limit, office.registry.run_dry()).await.is_err() {
            tracing::warn!(calls = office.registry.count(), "calls outlast the drain");
        }
    }

    /// Ends live calls politely, waits until they are recorded, and stops.
    pub async fn stop(mut self) {
        // Webhooks are still taken: the platform's terminate webhooks bring the figures.
        self.office.registry.stop(STOP_PATIENCE).await;
        self.stop.notify_one();
        self.tasks.abort_all();
        // What is not delivered is on disk; the next gateway goes on.
        self.outbox.shutdown().await;
        drop(self.server.await);
        self.office.recorder.close();
        if let Some(traces) = self.traces {
            traces.stop.notify_one();
            drop(tokio::time::timeout(TRACES_PATIENCE, traces.task).await);
        }
    }
}
