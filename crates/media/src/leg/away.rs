//! How is a handshake computed elsewhere while its leg goes on?
//!
//! A step of a handshake costs as much as hundreds of packets. Whoever serves many legs on one thread
//! can let a leg only collect the far end's DTLS ([`super::Leg::defer_handshake`]), take the step to do
//! ([`super::Leg::next_step`]), run it wherever there is time, and bring back what came of it
//! ([`super::Leg::take_back`]). What arrives meanwhile waits for the next step.

use std::net::SocketAddr;
use std::time::Instant;

use super::dtls::{Handshake, Progress};
use super::{Leg, LegFailure, LegState, Outbox, Srtp};
use crate::transport::{DtlsRole, Fingerprint};

/// Datagrams that wait for one step; a flight has fewer, and whoever sent them sends them again.
const WAITING_MAX: usize = 16;

impl Leg {
    /// Lets the far end's DTLS only be collected for [`Leg::next_step`], or be worked on at once.
    pub fn defer_handshake(&mut self, on: bool) {
        if let Some(set_up) = &mut self.set_up {
            set_up.defers = on;
        }
    }

    /// The step there is to do for DTLS that was collected, if the one before it is back. Its outcome
    /// belongs to [`Leg::take_back`].
    pub fn next_step(&mut self) -> Option<HandshakeStep> {
        let set_up = self.set_up.as_mut().filter(|set_up| !set_up.waiting.is_empty())?;

        set_up.handshake.as_mut()?.take(&mut set_up.waiting, self.remote)
    }

    /// Takes what came of a step of this leg. There may be a next one.
    pub fn take_back(&mut self, outcome: HandshakeOutcome, now: Instant, out: &mut impl Outbox) {
        let HandshakeOutcome { handshake, replies, srtp, failure, malformed } = outcome;
        let Some(set_up) = &mut self.set_up else {
            return;
        };
        set_up.handshake = Some(Place::Here(handshake));
        self.drops.malformed += malformed;
        if matches!(self.state, LegState::Failed(_)) {
            return;
        }
        for (to, datagram) in replies {
            out.send(to, &datagram);
        }
        if let Some(srtp) = srtp {
            self.srtp = Some(*srtp);
        }
        // After the keys are agreed, DTLS can no longer take the call down.
        if let Some(reason) = failure
            && self.srtp.is_none()
        {
            self.fail(reason);
            return;
        }
        self.connect_if_ready();
        self.poll_handshake(now, out);
    }
}

/// The far end's datagrams that wait for a step.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<(SocketAddr, Box<[u8]>)>);

impl Waiting {
    /// False when there is no room.
    #[must_use]
    pub(super) fn add(&mut self, from: SocketAddr, datagram: &[u8]) -> bool {
        let room = self.0.len() < WAITING_MAX;
        if room {
            self.0.push((from, datagram.into()));
        }

        room
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where a leg's handshake is.
#[derive(Debug)]
pub(super) enum Place {
    Here(Box<Handshake>),
    /// Taken for a step; what the leg must know of it meanwhile.
    Away {
        role: DtlsRole,
        certificate: Option<Fingerprint>,
    },
}

impl Place {
    pub(super) const fn role(&self) -> DtlsRole {
        match self {
            Self::Here(handshake) => handshake.role(),
            Self::Away { role, .. } => *role,
        }
    }

    pub(super) const fn certificate(&self) -> Option<Fingerprint> {
        match self {
            Self::Here(handshake) => handshake.certificate(),
            Self::Away { certificate, .. } => *certificate,
        }
    }

    pub(super) const fn has_started(&self) -> bool {
        match self {
            Self::Here(handshake) => handshake.has_started(),
            Self::Away { .. } => true,
        }
    }

    pub(super) const fn next_timeout(&self) -> Option<Instant> {
        match self {
            Self::Here(handshake) => handshake.next_timeout(),
            Self::Away { .. } => None,
        }
    }

    pub(super) fn here(&mut self) -> Option<&mut Handshake> {
        match self {
            Self::Here(handshake) => Some(handshake),
            Self::Away { .. } => None,
        }
    }

    /// Takes the handshake away for a step over what waits, unless it is away.
    pub(super) fn take(
        &mut self,
        waiting: &mut Waiting,
        nominated: Option<SocketAddr>,
    ) -> Option<HandshakeStep> {
        let away = Self::Away { role: self.role(), certificate: self.certificate() };
        match std::mem::replace(self, away) {
            Self::Here(handshake) => Some(HandshakeStep {
                handshake,
                nominated,
                datagrams: std::mem::take(&mut waiting.0),
            }),
            Self::Away { .. } => None,
        }
    }
}

/// A leg's handshake and what the far end sent it; see the module.
#[derive(Debug)]
#[must_use = "the leg waits for it to come back"]
pub struct HandshakeStep {
    handshake: Box<Handshake>,
    nominated: Option<SocketAddr>,
    datagrams: Vec<(SocketAddr, Box<[u8]>)>,
}

/// A handshake after a step.
#[derive(Debug)]
#[must_use = "the leg waits for it to come back"]
pub struct HandshakeOutcome {
    pub(super) handshake: Box<Handshake>,
    /// What leaves for the far end, in order.
    pub(super) replies: Vec<(SocketAddr, Box<[u8]>)>,
    /// The keys, once.
    pub(super) srtp: Option<Box<Srtp>>,
    pub(super) failure: Option<LegFailure>,
    pub(super) malformed: u64,
}

impl HandshakeStep {
    /// Does the step: the expensive part.
    pub fn run(self, now: Instant) -> HandshakeOutcome {
        let Self { mut handshake, nominated, datagrams } = self;
        let (mut malformed, mut failure) = (0, None);
        for (from, datagram) in datagrams {
            if let Err(reason) = handshake.handle_datagram(from, &datagram, now) {
                malformed += 1;
                failure = failure.or(reason);
            }
        }
        let mut replies = Replies(Vec::new());
        let srtp = match failure {
            Some(_) => None,
            None => match handshake.poll(nominated, now, &mut replies) {
                Ok(Progress::Waiting) => None,
                Ok(Progress::Keys(keys)) => Some(Box::new(Srtp::agreed(handshake.role(), &keys))),
                Err(reason) => {
                    failure = Some(reason);
                    None
                }
            },
        };

        HandshakeOutcome { handshake, replies: replies.0, srtp, failure, malformed }
    }

    /// Gives the handshake back without the step; its datagrams are lost.
    pub fn cancel(self) -> HandshakeOutcome {
        let Self { handshake, nominated: _, datagrams: _ } = self;

        HandshakeOutcome { handshake, replies: Vec::new(), srtp: None, failure: None, malformed: 0 }
    }
}

struct Replies(Vec<(SocketAddr, Box<[u8]>)>);

impl Outbox for Replies {
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        self.0.push((to, datagram.into()));
    }
}
