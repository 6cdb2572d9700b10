//! Which path leads to the far end, and is it still alive?
//!
//! A thin coat over the `is` agent: one component, one socket, host candidates only. We answer
//! checks from addresses no candidate named, if their integrity is right: WhatsApp's far ends have
//! no way to tell us more candidates later.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use is::stun::{StunMessage, StunPacket};
use is::{Candidate, IceAgent, IceAgentEvent, IceConnectionState, IceCreds, Protocol};

use super::{Checks, LegConfig, Outbox};
use crate::transport::RemoteTransport;

/// The shortest pause between two checks (RFC 8445 14.2 allows 5 ms; 50 ms is its default). Fewer
/// would only matter to peers with many candidates.
const CHECK_PACE: Duration = Duration::from_millis(20);

/// A peer with more candidates than this is not asked on all of them.
const CANDIDATES_MAX: usize = 16;

/// A leg answers checks from this many addresses in its life; NAT rebinding makes few. The agent
/// keeps something about each of them for good.
const PROVEN_MAX: usize = 64;

/// A path whose far end gave no sign for so long has lost its consent, or the far end has moved. The
/// agent asks every three seconds, and in short steps once an answer is missing.
const CONSENT_MISSED: Duration = Duration::from_secs(5);

/// The longest user name the agent can write into a check, both fragments and the colon. RFC 8839
/// lets a fragment have 256 characters; one that does not fit would be a panic.
const USERNAME_MAX: usize = 128;

/// A leg's part in ICE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceRole {
    /// Only answers checks; for an end with a public address.
    Lite,
    /// Checks by itself.
    Full {
        /// Whether it picks the path; an end facing an ice-lite one must.
        controlling: bool,
    },
}

/// The user fragment a STUN request is addressed to; none for anything else.
#[must_use]
pub fn stun_addressee(datagram: &[u8]) -> Option<&str> {
    let message = StunMessage::parse(datagram).ok()?;
    let (addressee, _) = message.username()?.split_once(':')?;

    message.is_binding_request().then_some(addressee)
}

/// The user fragment a STUN request says it comes from; none for anything else.
#[must_use]
pub fn stun_sender(datagram: &[u8]) -> Option<&str> {
    let message = StunMessage::parse(datagram).ok()?;
    let (_, sender) = message.username()?.split_once(':')?;

    message.is_binding_request().then_some(sender)
}

#[derive(Debug)]
pub(super) struct Ice {
    agent: IceAgent,
    local: Vec<SocketAddr>,
    nominated: Option<SocketAddr>,
    proven: Vec<SocketAddr>,
    lost: bool,
    sends_checks: bool,
    checks: Checks,
    remote_ufrag: Option<String>,
    /// When the far end last asked or answered on the nominated path.
    consented: Option<Instant>,
    /// Nothing is heard on the nominated path: the far end may show elsewhere.
    looks_elsewhere: bool,
}

/// What a request says, kept before the agent takes it.
struct Check {
    controlled: bool,
    nominates: bool,
    addressee: String,
    sender: String,
}

impl Check {
    fn read(message: &StunMessage<'_>) -> Option<Self> {
        let (addressee, sender) = message.username()?.split_once(':')?;
        message.is_binding_request().then(|| Self {
            controlled: message.ice_controlled().is_some(),
            nominates: message.use_candidate(),
            addressee: addressee.to_owned(),
            sender: sender.to_owned(),
        })
    }
}

impl Ice {
    pub(super) fn new(config: &LegConfig) -> Self {
        let mut agent = IceAgent::new(IceCreds {
            ufrag: config.credentials.ufrag.clone(),
            pass: config.credentials.pwd.clone(),
        });
        agent.set_timing_advance(CHECK_PACE);
        agent.set_max_candidate_pairs(CANDIDATES_MAX);
        match config.ice {
            IceRole::Lite => {
                agent.set_ice_lite(true);
                agent.set_controlling(false);
                // An ice-lite end is always controlled: in a conflict the other yields, whatever it
                // has drawn (RFC 8445 7.3.1.1).
                agent.set_control_tie_breaker(u64::MAX);
            }
            IceRole::Full { controlling } => agent.set_controlling(controlling),
        }
        // One candidate for each address family: all addresses are one socket, and the agent would
        // otherwise check the same path several times.
        let mut local: Vec<SocketAddr> = Vec::with_capacity(2);
        for addr in &config.local_addrs {
            if local.iter().all(|other| other.is_ipv4() != addr.is_ipv4())
                && let Ok(candidate) = Candidate::host(*addr, Protocol::Udp)
            {
                agent.add_local_candidate(candidate);
                local.push(*addr);
            }
        }

        let sends_checks = !agent.ice_lite();

        Self {
            agent,
            local,
            nominated: None,
            proven: Vec::new(),
            lost: false,
            sends_checks,
            checks: Checks::default(),
            remote_ufrag: None,
            consented: None,
            looks_elsewhere: false,
        }
    }

    pub(super) fn local_ufrag(&self) -> &str {
        &self.agent.local_credentials().ufrag
    }

    /// False when the far end's user fragment is too long for any check of ours.
    #[must_use]
    pub(super) fn set_remote(&mut self, remote: &RemoteTransport) -> bool {
        let username = remote.ice_ufrag.len() + 1 + self.local_ufrag().len();
        if !self.agent.ice_lite() && username > USERNAME_MAX {
            return false;
        }
        if remote.ice_lite && !self.agent.ice_lite() {
            self.agent.set_controlling(true);
        }
        self.remote_ufrag = Some(remote.ice_ufrag.clone());
        self.agent.set_remote_credentials(IceCreds {
            ufrag: remote.ice_ufrag.clone(),
            pass: remote.ice_pwd.clone(),
        });
        for addr in remote.candidates.iter().take(CANDIDATES_MAX) {
            if let Ok(candidate) = Candidate::host(*addr, Protocol::Udp) {
                self.agent.add_remote_candidate(candidate);
            }
        }

        true
    }

    /// Returns whether the datagram was STUN for us.
    pub(super) fn handle_datagram(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
    ) -> bool {
        let Ok(message) = StunMessage::parse(datagram) else {
            return false;
        };
        // The socket may be bound to a wildcard, so the address a datagram was sent to is whichever
        // of ours has its family.
        let Some(destination) = self.local.iter().find(|own| own.is_ipv4() == from.is_ipv4())
        else {
            return false;
        };
        let check = Check::read(&message);
        let packet =
            StunPacket { proto: Protocol::Udp, source: from, destination: *destination, message };

        if !self.is_proven(from) && self.proven.len() >= PROVEN_MAX {
            return false;
        }
        let accepted = self.agent.handle_packet(now, packet);
        if let Some(check) = &check {
            self.count(check, accepted, from);
        }
        if accepted {
            self.prove(from);
            self.follow(from, check.as_ref(), now);
        }
        // The agent draws its conclusions, such as a nomination, only here.
        self.agent.handle_timeout(now);

        accepted
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.agent.handle_timeout(now);
        // A check that came before the far end was known is answered first, and alone.
        if self.agent.poll_timeout().is_none() {
            self.agent.handle_timeout(now);
        }
    }

    pub(super) fn next_timeout(&mut self) -> Option<Instant> {
        self.agent.poll_timeout()
    }

    /// Sends what is waiting and takes note of what changed.
    pub(super) fn flush(&mut self, out: &mut impl Outbox) {
        while let Some(transmit) = self.agent.poll_transmit() {
            out.send(transmit.destination, &transmit.contents);
        }
        while let Some(event) = self.agent.poll_event() {
            match event {
                IceAgentEvent::NominatedSend { destination, .. } => {
                    self.nominated = Some(destination);
                    self.prove(destination);
                }
                IceAgentEvent::IceConnectionStateChange(state) => {
                    self.lost = state == IceConnectionState::Disconnected;
                }
                // Noted when the check came.
                IceAgentEvent::DiscoveredRecv { .. } | IceAgentEvent::IceRestart(_) => {}
            }
        }
    }

    /// Lets the next check of the far end name another path, or not.
    pub(super) const fn look_elsewhere(&mut self, on: bool) {
        self.looks_elsewhere = on;
    }

    /// When the nominated path will have given no sign for too long. An ice-lite end does not ask.
    pub(super) fn consent_missed_at(&self) -> Option<Instant> {
        self.consented.filter(|_| self.sends_checks).map(|at| at + CONSENT_MISSED)
    }

    /// Authentic media came from here. A full far end sends on the path it has chosen, so an ice-lite
    /// one follows it, if its checks came from there too.
    pub(super) fn hear_media(&mut self, from: SocketAddr) -> Option<SocketAddr> {
        if !self.sends_checks && self.nominated.is_some() && self.is_proven(from) {
            self.nominated = Some(from);
        }

        self.nominated
    }

    /// A far end that has moved asks from where it is now, with the credentials of the call. The agent
    /// would hold on to the old path until its last retry; nobody is heard there.
    fn follow(&mut self, from: SocketAddr, check: Option<&Check>, now: Instant) {
        if self.nominated == Some(from) {
            self.consented = Some(now);
            return;
        }
        let Some(check) = check else {
            return;
        };
        let known = self.remote_ufrag.as_ref() == Some(&check.sender);
        let chosen = check.nominates || self.agent.controlling();
        if self.looks_elsewhere && self.nominated.is_some() && known && chosen {
            self.nominated = Some(from);
            self.consented = Some(now);
            self.looks_elsewhere = false;
        }
    }

    pub(super) const fn checks(&self) -> &Checks {
        &self.checks
    }

    fn count(&mut self, check: &Check, accepted: bool, from: SocketAddr) {
        self.checks.from = Some(from);
        if accepted {
            self.checks.accepted += 1;
            self.checks.controlled += u64::from(check.controlled);
            self.checks.nominating += u64::from(check.nominates);
        } else if check.addressee == self.local_ufrag() {
            let known = self.remote_ufrag.as_ref().is_none_or(|ufrag| *ufrag == check.sender);
            self.checks.wrong_password += u64::from(known);
            self.checks.wrong_sender += u64::from(!known);
        }
    }

    pub(super) const fn nominated(&self) -> Option<SocketAddr> {
        self.nominated
    }

    /// Whether a check of valid integrity came from this address.
    pub(super) fn is_proven(&self, addr: SocketAddr) -> bool {
        self.proven.contains(&addr)
    }

    /// Whether the far end took its consent back. An ice-lite end sends no checks that could go
    /// unanswered, so it has none to lose: there silence is the media watch's matter.
    pub(super) const fn is_lost(&self) -> bool {
        self.lost && self.sends_checks
    }

    fn prove(&mut self, addr: SocketAddr) {
        if !self.proven.contains(&addr) {
            self.proven.push(addr);
        }
    }
}
