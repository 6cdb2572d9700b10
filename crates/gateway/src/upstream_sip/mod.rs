//! How do WhatsApp's calls come and go by SIP?
//!
//! A line whose configuration says so has an [`Edge`]: our name and password towards the platform, and
//! the way to it. [`incoming`] says whether an INVITE is a user's call of such a line and hands it to a
//! call's task as a webhook would; [`dialogue`] is what that task speaks with then, and tells it in
//! letters what webhooks tell of other calls. [`refusal`] reads the platform's statuses. Who may call, who
//! answers and what is heard do not differ.

pub(crate) mod dialogue;
pub(crate) mod incoming;
mod refusal;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use sip::{Asker, Credentials, Manners, ProbeError, Realm, Target, Transport, UserAgent};
use tokio::net::lookup_host;

use crate::{
    config::{LineSip, Secret},
    line::Line,
    office::Office,
};

/// How often the platform is asked whether it is there: the connection to it stays open by that.
const OPTIONS_EVERY: Duration = Duration::from_secs(60);
/// How long it may take to answer.
const OPTIONS_PATIENCE: Duration = Duration::from_secs(10);
/// How long its name may take to lead somewhere.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(5);
/// How soon a password that could not be read is asked for again.
const PASSWORD_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// A line's end of SIP towards the platform.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) config: LineSip,
    /// Where users' calls are asked for the password.
    realm: Realm,
    /// Known from the configuration, or once the platform told it.
    password: OnceLock<Secret>,
}

impl Edge {
    /// As it is configured.
    pub(crate) fn new(config: LineSip) -> Self {
        let realm = Realm::new(config.hostname.clone(), Asker::Proxy);
        let password = config.password.clone().map_or_else(OnceLock::new, OnceLock::from);
        Self { config, realm, password }
    }

    /// How we behave in its calls: the platform knows us by name, takes no re-INVITE and gives
    /// no calls away.
    fn manners(&self) -> Manners {
        Manners {
            host: Some(self.config.hostname.clone()),
            callee_host: Some(self.config.domain.clone()),
            contact: None,
            no_timer: true,
            no_transfer: true,
            no_replaces: true,
        }
    }

    /// What we prove ourselves with; `None` while the password is not known.
    fn credentials(&self, line: &Line) -> Option<Credentials> {
        let password = self.password.get()?.expose().to_owned();
        Some(Credentials { user: line.digits().to_owned(), password })
    }

    /// The platform. One address: an INVITE is never sent twice.
    pub(crate) async fn target(&self, agent: &UserAgent) -> Option<Target> {
        let (host, port) = &self.config.server;
        let looking = lookup_host((host.as_str(), *port));
        let found = tokio::time::timeout(LOOK_UP_PATIENCE, looking).await.ok()?.ok()?;
        let ours = agent.tls_address().or_else(|| agent.address());
        let is_v4 = ours.is_none_or(|ours| ours.is_ipv4());
        let mut found = found.filter(|address: &SocketAddr| address.is_ipv4() == is_v4);
        Some(Target {
            address: found.next()?,
            host: Some(self.config.domain.as_str().into()),
            transport: Transport::Tls,
            priority: 1,
            weight: 1,
        })
    }

    /// Asks the platform whether it is there; what it answers.
    ///
    /// # Errors
    ///
    /// It does not answer; `None` when its name leads nowhere.
    pub(crate) async fn probe(&self, agent: &UserAgent) -> Result<u16, Option<ProbeError>> {
        let target = self.target(agent).await.ok_or(None)?;
        agent.probe(&target, OPTIONS_PATIENCE).await.map_err(Some)
    }
}

/// Learns the password of a line by SIP and keeps its connection open, for ever.
pub(crate) async fn run(office: Arc<Office>, line: Arc<Line>) {
    let (Some(edge), Some(agent)) = (&line.sip, office.trunks.agent()) else { return };
    learn_password(&line, edge).await;
    let mut was_there = None;
    let mut ticks = tokio::time::interval(OPTIONS_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let is_there = edge.probe(agent).await.is_ok();
        if was_there.replace(is_there) != Some(is_there) {
            if is_there {
                tracing::info!(line = %line.id(), "the platform is there by SIP");
            } else {
                tracing::warn!(line = %line.id(), "the platform does not answer by SIP");
            }
        }
    }
}

async fn learn_password(line: &Line, edge: &Edge) {
    let mut told = false;
    while edge.password.get().is_none() {
        match line.graph.sip_password(&edge.config.hostname).await {
            Ok(Some(password)) => {
                // Only this task sets it.
                drop(edge.password.set(Secret::new(&password)));
                return;
            }
            Ok(None) | Err(_) if told => {}
            Ok(None) => {
                tracing::warn!(line = %line.id(), "the platform knows no SIP server of our name");
                told = true;
            }
            Err(error) => {
                tracing::warn!(line = %line.id(), %error, "the SIP password cannot be read");
                told = true;
            }
        }
        tokio::time::sleep(PASSWORD_AGAIN_AFTER).await;
    }
}
