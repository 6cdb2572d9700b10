//! Who rings telephones of the house, and are they there?
//!
//! One SIP user agent for all trunks. [`road`] knows a trunk's targets and asks them from time to time
//! whether they are there; [`registered`] are the telephones of agents; [`line`] is one call to a
//! telephone. What becomes of a call is the switchboard's word.

mod dialled;
pub(crate) mod incoming;
pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod registered;
mod replacing;
pub(crate) mod road;
pub(crate) mod tls;

use std::{net::IpAddr, sync::Arc};

use engine::Transcoder;
use sip::{Claim, Incoming, Listen, UserAgent};
use terms::OrganisationId;
use tokio::sync::mpsc;

use self::{lines::Lines, registered::Telephones, road::Road, tls::SipTlsError};
use crate::{config::Config, metrics::Metrics};

/// What we are called in SIP.
const NAME: &str = "offhook";
/// How many who ask us for something may wait to be heard.
const INCOMING_MAX: usize = 256;

/// Every trunk.
#[derive(Debug)]
pub(crate) struct Trunks {
    agent: Option<UserAgent>,
    /// What carries voices to telephones without Opus.
    pub(crate) transcoder: Transcoder,
    /// Those of all trunks.
    pub(crate) lines: Lines,
    roads: Vec<Arc<Road>>,
    /// The telephones of agents.
    pub(crate) telephones: Telephones,
}

/// Why there are none.
#[derive(Debug, thiserror::Error)]
pub enum TrunksError {
    /// The SIP port.
    #[error("[sip] listen")]
    Listen(#[from] sip::StartError),
    /// Certificates.
    #[error("[sip.tls]")]
    Tls(#[from] SipTlsError),
    /// The thread that transcodes.
    #[error("cannot start the transcoder")]
    Transcoder(#[source] std::io::Error),
}

impl Trunks {
    /// Listens, where SIP is configured; who asks us for something is heard of at the other end.
    pub(crate) async fn start(
        config: &Config,
        metrics: &Arc<Metrics>,
    ) -> Result<(Self, mpsc::Receiver<Incoming>), TrunksError> {
        let (ask, incoming) = mpsc::channel(INCOMING_MAX);
        let transcoder = Transcoder::start().map_err(TrunksError::Transcoder)?;
        let transcoder = transcoder.comfort_noise(config.media.comfort_noise);
        let agent = match &config.sip {
            Some(sip) => {
                let tls = Some(tls::tls(sip, metrics)?);
                let name = NAME.to_owned();
                let listen = Listen { plain: Some(sip.listen), tls, name, timers: true };
                Some(UserAgent::start(listen, Some(ask)).await?)
            }
            None => None,
        };
        let roads = config.trunks.iter().cloned().map(|trunk| Arc::new(Road::new(trunk)));
        let (roads, lines) = (roads.collect(), Lines::default());
        let telephones = Telephones::new(&config.telephones);
        Ok((Self { agent, transcoder, lines, roads, telephones }, incoming))
    }

    /// The trunk of this name.
    pub(crate) fn find(&self, organisation: &OrganisationId, name: &str) -> Option<&Arc<Road>> {
        self.of(organisation).find(|road| road.trunk.name == name)
    }

    /// The trunks of an organisation.
    pub(crate) fn of(&self, organisation: &OrganisationId) -> impl Iterator<Item = &Arc<Road>> {
        self.roads.iter().filter(move |road| road.trunk.organisation == *organisation)
    }

    /// Who speaks SIP; nobody where it is not configured, and then there is no trunk.
    pub(crate) const fn agent(&self) -> Option<&UserAgent> {
        self.agent.as_ref()
    }

    /// Whether telephones of some trunk call with what is claimed.
    fn has_caller(&self, claim: &Claim) -> bool {
        let calls_in = self.roads.iter().filter_map(|road| road.trunk.calls_in.as_ref());
        calls_in.into_iter().any(|calls_in| incoming::proves(calls_in, claim))
    }

    /// The address telephones are told to send audio to.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.agent.as_ref().and_then(UserAgent::address).map(|address| address.ip())
    }

    /// The same as the host of a URI.
    pub(crate) fn host(&self) -> Option<String> {
        self.address().map(host)
    }
}

/// Asks every target of every trunk whether it is there, until it is aborted.
pub(crate) async fn watch(office: Arc<crate::office::Office>) {
    let Some(agent) = office.trunks.agent() else { return };
    let roads = office.trunks.roads.iter();
    let watched = roads.map(|road| road.watch(agent, &office.metrics));
    futures_util::future::join(futures_util::future::join_all(watched), registered::watch(&office))
        .await;
}

impl Trunks {
    /// How registrations stand, and who came, for the metrics.
    pub(crate) fn count(&self, metrics: &Metrics) {
        for road in &self.roads {
            let (knows, told) = road.registered();
            if told > 0 {
                metrics.trunk_registered(&road.trunk, knows);
            }
        }
        if !self.telephones.are_none() {
            metrics.telephones_registered(self.telephones.count());
        }
        if let Some(agent) = &self.agent {
            metrics.strangers(agent.strangers());
        }
    }
}

/// What a road tells the metrics.
pub(crate) fn note(metrics: &Metrics, road: &Road) {
    metrics.trunk_targets(&road.trunk, road.well(), road.trunk.targets.len());
}

/// RFC 3261, 25.1.
fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn an_address_of_either_kind_is_a_host() {
        assert_eq!(host(Ipv4Addr::LOCALHOST.into()), "127.0.0.1");
        assert_eq!(host(Ipv6Addr::LOCALHOST.into()), "[::1]");
    }
}
