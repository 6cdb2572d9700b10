//! What does every room of the gateway need?

use std::{net::IpAddr, sync::Arc};

use engine::{Bots, Engine, InBandKeys, Mixer};

use crate::{
    bots::{sids::Sids, waiting::Waiting},
    bucket::Bucket,
    calls::registry::Registry,
    config::Config,
    console::session::Sessions,
    flows::speech::Speech,
    hep::Hep,
    keys::Keys,
    line::Lines,
    metrics::Metrics,
    organisation::Organisations,
    outbox::Outbox,
    recorder::Recorder,
    store::Store,
    telemetry::Telemetry,
    trunks::Trunks,
};

/// The shared parts of one gateway. What is of one number is in its [`crate::line::Line`], what is of
/// one organisation in its [`crate::organisation::Organisation`].
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) config: Config,
    pub(crate) engine: Engine,
    pub(crate) mixer: Mixer,
    /// Who listens for keys in what is said.
    pub(crate) in_band_keys: InBandKeys,
    /// Who lets bots hear and speak.
    pub(crate) bots: Bots,
    /// The sockets that bots have opened and where they wait.
    pub(crate) waiting: Waiting,
    /// Who rings telephones of the house.
    pub(crate) trunks: Trunks,
    /// The names of calls that bots of Twilio's know.
    pub(crate) sids: Sids,
    /// The addresses far ends are told; empty means the bound one.
    pub(crate) advertised: Vec<IpAddr>,
    pub(crate) organisations: Organisations,
    pub(crate) lines: Lines,
    /// What programs' keys open.
    pub(crate) keys: Keys,
    pub(crate) store: Store,
    pub(crate) outbox: Outbox,
    /// What writes recordings.
    pub(crate) recorder: Recorder,
    /// Where recordings go once they are made; none where they stay.
    pub(crate) bucket: Option<Bucket>,
    pub(crate) metrics: Arc<Metrics>,
    /// What speaks, if something does.
    pub(crate) speech: Option<Arc<Speech>>,
    pub(crate) telemetry: Telemetry,
    /// None where nobody listens.
    pub(crate) hep: Option<Hep>,
    pub(crate) registry: Registry,
    /// Rung when a webhook has been stored.
    pub(crate) inbox: tokio::sync::Notify,
    pub(crate) sessions: Sessions,
    /// One examination at a time.
    pub(crate) examination: tokio::sync::Semaphore,
    /// The seats of those who read the stream of events.
    pub(crate) readers: Arc<tokio::sync::Semaphore>,
}
