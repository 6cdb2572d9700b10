//! Where do a trunk's calls go now?
//!
//! Names are looked up anew each time the targets are asked with OPTIONS whether they are there. The
//! well ones are rung first, by priority and weight; the others last, for a target that cannot be asked
//! may still take a call.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sip::{ProbeError, Registered, Registrar, Registration, Target, Transport, UserAgent};
use terms::Timestamp;
use tokio::sync::watch;

use crate::{
    clock,
    config::{Trunk, TrunkTarget},
    metrics::Metrics,
};

/// How often the names of targets that are never asked are looked up.
const LOOK_UP_EVERY: Duration = Duration::from_secs(30);
/// For how long a registrar is asked to know us.
const REGISTERED_FOR: Duration = Duration::from_secs(300);
/// How long a target may take to answer.
const PROBE_PATIENCE: Duration = Duration::from_secs(4);

/// A trunk and what is known of its targets.
#[derive(Debug)]
pub(crate) struct Road {
    pub(crate) trunk: Trunk,
    known: watch::Sender<Vec<Known>>,
}

/// What is known of a target.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) target: TrunkTarget,
    addresses: Vec<SocketAddr>,
    pub(crate) health: Health,
    /// When it was last asked.
    pub(crate) asked_at: Option<Timestamp>,
    /// Whether it knows where we are, where it is told.
    registration: Option<watch::Receiver<Registration>>,
}

/// How a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It was never asked.
    Unknown,
    /// It answered with this status.
    Well(u16),
    /// It answered that it cannot serve.
    Unavailable(u16),
    /// It does not answer.
    Silent,
    /// It cannot be reached.
    Unreachable,
    /// Its name leads nowhere.
    NoAddress,
}

impl Health {
    pub(crate) const fn is_well(self) -> bool {
        matches!(self, Self::Well(_))
    }

    /// The word for people and programs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Well(_) => "well",
            Self::Unavailable(_) => "unavailable",
            Self::Silent => "silent",
            Self::Unreachable => "unreachable",
            Self::NoAddress => "no_address",
        }
    }

    /// The status it answered with.
    pub(crate) const fn status(self) -> Option<u16> {
        match self {
            Self::Well(status) | Self::Unavailable(status) => Some(status),
            Self::Unknown | Self::Silent | Self::Unreachable | Self::NoAddress => None,
        }
    }
}

impl Road {
    pub(super) fn new(trunk: Trunk) -> Self {
        let known = trunk.targets.iter().map(|target| Known {
            target: target.clone(),
            // An address needs no looking up: a call may come before the first question.
            addresses: target
                .host
                .parse()
                .map(|ip| SocketAddr::new(ip, target.port))
                .into_iter()
                .collect(),
            health: Health::Unknown,
            asked_at: None,
            registration: None,
        });
        let (known, _) = watch::channel(known.collect());
        Self { trunk, known }
    }

    /// Its targets.
    pub(crate) fn targets(&self) -> Vec<Known> {
        self.known.borrow().clone()
    }

    /// Whether one of its targets has this address.
    pub(crate) fn has_address(&self, ip: IpAddr) -> bool {
        let known = self.known.borrow();
        known.iter().any(|known| known.addresses.iter().any(|address| address.ip() == ip))
    }

    /// How many of them know where we are, and how many are told.
    pub(crate) fn registered(&self) -> (usize, usize) {
        let known = self.known.borrow();
        let told = known.iter().filter_map(Known::registration);
        let (mut knows, mut all) = (0, 0);
        for registration in told {
            all += 1;
            knows += usize::from(registration == Registration::Known);
        }
        (knows, all)
    }

    /// How many of them are well.
    pub(crate) fn well(&self) -> usize {
        self.known.borrow().iter().filter(|known| known.health.is_well()).count()
    }

    /// In which order they are rung.
    pub(crate) fn order(&self) -> Vec<Target> {
        self.drawn(|sum| rand::random_range(0..sum))
    }

    fn drawn(&self, mut draw: impl FnMut(u32) -> u32) -> Vec<Target> {
        let known = self.known.borrow();
        let may_take = |known: &&Known| known.health.is_well() || known.health == Health::Unknown;
        let (well, others): (Vec<&Known>, Vec<&Known>) = known.iter().partition(may_take);
        let mut in_order = |known: Vec<&Known>| {
            let targets: Vec<Target> = known.into_iter().flat_map(Known::targets).collect();
            Target::order(&targets, &mut draw)
        };
        [in_order(well), in_order(others)].concat()
    }

    /// Asks them again and again.
    pub(super) async fn watch(&self, agent: &UserAgent, metrics: &Metrics) {
        let every = self.trunk.options_every;
        let mut ticks = tokio::time::interval(every.unwrap_or(LOOK_UP_EVERY));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut registered = Vec::new();
        loop {
            ticks.tick().await;
            let examine = |target| async move {
                let known = look_up(agent, target).await;
                if every.is_some() { ask(agent, known).await } else { known }
            };
            let asked = self.targets().into_iter().map(|known| examine(known.target));
            let mut known = futures_util::future::join_all(asked).await;
            self.register(agent, &mut registered, &mut known);
            self.note(&known);
            self.known.send_replace(known);
            super::note(metrics, self);
        }
    }

    /// Each target that is to know where we are is told at its first address, and anew when that changes.
    fn register(
        &self,
        agent: &UserAgent,
        registered: &mut Vec<(Target, Registered)>,
        known: &mut [Known],
    ) {
        let Some(credentials) = &self.trunk.credentials else { return };
        let told: Vec<Option<Target>> = known.iter().map(Known::to_tell).collect();
        registered.retain(|(target, _)| told.iter().flatten().any(|told| told == target));
        for (known, target) in known.iter_mut().zip(told) {
            let Some(target) = target else { continue };
            if !registered.iter().any(|(told, _)| *told == target) {
                let registrar = Registrar {
                    target: target.clone(),
                    domain: Some(known.target.host.clone()),
                    credentials: credentials.clone(),
                    expires: REGISTERED_FOR,
                };
                registered.push((target.clone(), agent.register(registrar)));
            }
            let ours = registered.iter().find(|(told, _)| *told == target);
            known.registration = ours.map(|(_, ours)| ours.changes());
        }
    }

    /// A target that comes or goes is worth a line.
    fn note(&self, now: &[Known]) {
        for (before, now) in self.known.borrow().iter().zip(now) {
            let trunk = &self.trunk.name;
            match (before.health.is_well(), now.health.is_well()) {
                (false, true) => tracing::info!(trunk, "a target of a trunk is there"),
                (true, false) => {
                    tracing::warn!(trunk, why = now.health.as_str(), "a target of a trunk is gone");
                }
                (false, false)
                    if before.health == Health::Unknown && now.health != Health::Unknown =>
                {
                    tracing::warn!(trunk, why = now.health.as_str(), "a target of a trunk is away");
                }
                (true, true) | (false, false) => {}
            }
        }
    }
}

impl Known {
    /// How the registration there is, where there is one.
    pub(crate) fn registration(&self) -> Option<Registration> {
        self.registration.as_ref().map(|registration| *registration.borrow())
    }

    /// Where it is told where we are.
    fn to_tell(&self) -> Option<Target> {
        self.target.register.then(|| self.targets().next()).flatten()
    }

    fn targets(&self) -> impl Iterator<Item = Target> {
        let TrunkTarget { transport, priority, weight, .. } = self.target;
        // A certificate is for a name, where there is one.
        let named = transport == Transport::Tls && self.target.host.parse::<IpAddr>().is_err();
        let host: Option<Arc<str>> = named.then(|| self.target.host.as_str().into());
        let target =
            move |address| Target { address, host: host.clone(), transport, priority, weight };
        self.addresses.iter().copied().map(target)
    }
}

/// Every target of a trunk, looked up and asked once.
pub(crate) async fn examine(agent: &UserAgent, trunk: &Trunk) -> Vec<Known> {
    let examined = trunk.targets.iter().cloned().map(|target| async move {
        let known = look_up(agent, target).await;
        ask(agent, known).await
    });
    futures_util::future::join_all(examined).await
}

async fn look_up(agent: &UserAgent, target: TrunkTarget) -> Known {
    let looked_up = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let is_v4 = agent.address().is_none_or(|ours| ours.is_ipv4());
    // One socket speaks one family.
    let addresses: Vec<SocketAddr> = looked_up
        .map(|found| found.filter(|address| address.is_ipv4() == is_v4).collect())
        .unwrap_or_default();
    let health = if addresses.is_empty() { Health::NoAddress } else { Health::Unknown };
    Known { target, addresses, health, asked_at: None, registration: None }
}

async fn ask(agent: &UserAgent, mut known: Known) -> Known {
    known.asked_at = Some(clock::now());
    let asked =
        known.targets().map(|target| async move { agent.probe(&target, PROBE_PATIENCE).await });
    for answer in futures_util::future::join_all(asked).await {
        let health = match answer {
            Ok(status @ (408 | 500..=599)) => Health::Unavailable(status),
            Ok(status) => Health::Well(status),
            Err(ProbeError::Silent) => Health::Silent,
            Err(ProbeError::Connect(_) | ProbeError::Send(_)) => Health::Unreachable,
        };
        // One of several addresses is enough.
        if !known.health.is_well() {
            known.health = health;
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use media::{frame::AudioCodec, sdp::TrunkKeying};
    use switchboard::trunk::Extensions;

    use super::*;

    /// A road to targets of these ports, priorities and weights.
    fn road(targets: &[(u16, u16, u16)]) -> Road {
        let target = |&(port, priority, weight): &(u16, u16, u16)| TrunkTarget {
            host: "127.0.0.1".into(),
            port,
            transport: Transport::Udp,
            register: false,
            priority,
            weight,
        };
        Road::new(Trunk {
            name: "pbx".into(),
            organisation: "aurora".parse().expect("an id"),
            targets: targets.iter().map(target).collect(),
            extensions: Extensions::parse(&["2XX".to_owned()]).expect("extensions"),
            codecs: vec![AudioCodec::Opus],
            srtp: TrunkKeying::Open,
            in_band_keys: true,
            credentials: None,
            options_every: None,
            calls_in: None,
        })
    }

    fn is(road: &Road, port: u16, health: Health) {
        road.known.send_modify(|known| {
            let its = known.iter_mut().find(|known| known.target.port == port);
            its.expect("a target").health = health;
        });
    }

    fn ports(road: &Road, draw: impl FnMut(u32) -> u32) -> Vec<u16> {
        road.drawn(draw).iter().map(|target| target.address.port()).collect()
    }

    #[test]
    fn who_is_well_is_rung_before_who_is_not_whatever_the_priority() {
        let road = road(&[(1, 1, 1), (2, 2, 1), (3, 3, 1)]);
        assert_eq!(ports(&road, |_| 0), [1, 2, 3], "nobody was asked yet");
        is(&road, 3, Health::Well(200));
        is(&road, 1, Health::Silent);
        assert_eq!(ports(&road, |_| 0), [2, 3, 1], "one that was never asked may take a call");
        is(&road, 2, Health::Unavailable(503));
        assert_eq!(ports(&road, |_| 0), [3, 1, 2], "who is not well is rung all the same");
        is(&road, 3, Health::Unreachable);
        assert_eq!(ports(&road, |_| 0), [1, 2, 3]);
        is(&road, 1, Health::Well(404));
        assert_eq!(ports(&road, |_| 0), [1, 2, 3]);
    }

    #[test]
    fn among_those_that_are_well_the_weight_has_its_share() {
        let road = road(&[(1, 1, 1), (2, 1, 3), (3, 1, 4)]);
        let firsts = |weight: u32| {
            let drawn = (0..weight).map(|mark| ports(&road, |sum| mark % sum)[0]);
            [1, 2, 3].map(|port| drawn.clone().filter(|first| *first == port).count())
        };
        assert_eq!(firsts(8), [1, 3, 4]);
        // One that is gone has no share; the others have theirs.
        is(&road, 3, Health::Silent);
        assert_eq!(firsts(4), [1, 3, 0]);
    }

    #[test]
    fn a_target_whose_name_leads_nowhere_is_not_rung() {
        let road = road(&[(1, 1, 1), (2, 1, 1)]);
        road.known.send_modify(|known| known[0].addresses.clear());
        assert_eq!(ports(&road, |_| 0), [2]);
    }
}
