//! How does one end of a call reach the other, prove who it is, and exchange protected packets?
//!
//! A [`Leg`] joins three protocols on one UDP path: ICE finds and keeps the path, DTLS over it
//! proves the far end by the fingerprint its SDP named and yields keys, SRTP uses them. It does no
//! IO: datagrams and `now` come in, datagrams leave through an [`Outbox`], [`Leg::next_timeout`]
//! says when it wants to be asked again.
//!
//! ```text
//!          set_remote        a path is nominated         keys, and the certificate is right
//!   New ───────────────▶ Checking ────────▶ Handshaking ────────────────────────────▶ Connected
//!                            └──────────────────┴────────────── Failed(reason) ◀─────────┘
//! ```
//!
//! The DTLS client starts when ICE has nominated a path. A server answers on any path a check of
//! valid integrity came from, because an ice-lite end may see the client's first flight before the
//! nomination. DTLS from elsewhere is counted and dropped, so nobody without the ICE password can
//! disturb a handshake.
//!
//! A far end without ICE is named by [`Leg::set_dtls`]; that leg begins with the handshake.
//!
//! A leg whose keys came another way is made by [`Leg::keyed`] and starts [`LegState::Connected`]; one
//! whose keys will come from the SDPs is made by [`Leg::unkeyed`]. That one may instead be told that
//! nothing is protected ([`Leg::set_plain`]), as in a house's own network.

mod away;
mod dtls;
mod evidence;
mod ice;
mod latch;
mod without_ice;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use thiserror::Error;

pub use self::away::{HandshakeOutcome, HandshakeStep};
use self::away::{Place, Waiting};
pub use self::dtls::{DtlsIdentity, IdentityError};
use self::dtls::{Handshake, Progress};
pub use self::evidence::{Checks, Evidence, HandshakeSeen};
use self::ice::Ice;
pub use self::ice::{IceRole, stun_addressee, stun_sender};
use self::latch::Latch;
use self::without_ice::Known;
use crate::rtp::{DatagramKind, RtpHeader, classify};
use crate::srtp::{KeyingMaterial, MasterKey, Profile, Receiver, Sender, SrtpError};
use crate::transport::{DtlsRole, IceCredentials, RemoteTransport};

/// How long ICE and DTLS together may take from [`Leg::set_remote`]. WhatsApp ends a call 20 s after
/// its answer when no media came, so a set-up slower than this is of no use to anyone.
const SET_UP_MAX: Duration = Duration::from_secs(30);

/// What a leg must know about its own end.
#[derive(Clone, Debug)]
pub struct LegConfig {
    /// Its part in ICE.
    pub ice: IceRole,
    /// Addresses the far end may send to, best first.
    pub local_addrs: Vec<SocketAddr>,
    /// Its user fragment and password.
    pub credentials: IceCredentials,
}

/// Where a leg puts datagrams it wants sent.
pub trait Outbox {
    /// Sends, or drops if the network will not take it: every protocol here repeats itself.
    fn send(&mut self, to: SocketAddr, datagram: &[u8]);
}

/// How far a leg has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegState {
    /// The far end is not known yet.
    New,
    /// Looking for a path.
    Checking,
    /// Agreeing on keys.
    Handshaking,
    /// Packets flow.
    Connected,
    /// Of no more use.
    Failed(LegFailure),
}

/// Why a leg is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum LegFailure {
    /// No path was found in time: nothing of the far end came through, or it never answered.
    #[error("ICE found no path to the far end in time")]
    IceTimeout,
    /// The path that was found has died.
    #[error("the far end stopped answering ICE checks")]
    ConsentLost,
    /// The far end never finished the handshake.
    #[error("the DTLS handshake was not finished in time")]
    DtlsTimeout,
    /// The far end ended the handshake with an alert.
    #[error("the far end refused the DTLS handshake with alert {0}")]
    DtlsAlert(u8),
    /// The two ends have no way of DTLS in common, or the far end broke its rules.
    #[error("no DTLS handshake is possible with the far end")]
    DtlsRefused,
    /// The certificate is not the one the far end's SDP named.
    #[error("the far end's certificate is not the one its SDP named")]
    FingerprintMismatch,
    /// Our own socket cannot be served.
    #[error("the leg's socket cannot be served")]
    Socket,
}

/// Datagrams and packets a leg dropped, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegDrops {
    /// SRTP that failed authentication, or one source too many.
    pub auth: u64,
    /// SRTP seen before, or too old to tell.
    pub replay: u64,
    /// RTP, RTCP or DTLS that does not parse.
    pub malformed: u64,
    /// STUN that does not parse or is not for this leg.
    pub stun: u64,
    /// Unknown protocols, media before keys, DTLS from an unproven address.
    pub unknown: u64,
}

/// A packet that came through, plain in the caller's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaPacket {
    /// Audio or a telephone-event; the payload lies where the header says.
    Rtp(RtpHeader),
    /// A compound of reports.
    Rtcp {
        /// Its plain length.
        len: usize,
    },
}

/// One end of a call's media.
#[derive(Debug)]
pub struct Leg {
    state: LegState,
    srtp: Option<Srtp>,
    remote: Option<SocketAddr>,
    drops: LegDrops,
    /// Media goes where the far end's first authentic packet came from.
    latches: bool,
    /// Who is believed without keys; only for [`Leg::set_plain`].
    plain: Option<Box<Latch>>,
    /// Everything a packet of audio never touches. A keyed leg has none.
    set_up: Option<Box<SetUp>>,
}

#[derive(Debug)]
struct Srtp {
    sender: Sender,
    receiver: Receiver,
    profile: Profile,
}

#[derive(Debug)]
struct SetUp {
    /// `None` once the far end is known to have none.
    ice: Option<Ice>,
    /// Without ICE: whose DTLS is taken.
    known: Known,
    identity: DtlsIdentity,
    handshake: Option<Place>,
    /// The far end's DTLS is collected, not worked on.
    defers: bool,
    waiting: Waiting,
    seen: HandshakeSeen,
    deadline: Option<Instant>,
}

impl Srtp {
    fn new(send: &MasterKey, receive: &MasterKey) -> Self {
        Self {
            sender: Sender::new(send),
            receiver: Receiver::new(receive),
            profile: send.profile(),
        }
    }

    fn agreed(role: DtlsRole, keys: &KeyingMaterial) -> Self {
        match role {
            DtlsRole::Client => Self::new(&keys.client, &keys.server),
            DtlsRole::Server => Self::new(&keys.server, &keys.client),
        }
    }
}

impl Leg {
    /// A leg that will be keyed by DTLS over ICE.
    #[must_use]
    pub fn new(config: &LegConfig, identity: &DtlsIdentity) -> Self {
        Self {
            state: LegState::New,
            srtp: None,
            remote: None,
            drops: LegDrops::default(),
            latches: false,
            plain: None,
            set_up: Some(Box::new(SetUp {
                ice: Some(Ice::new(config)),
                known: Known::default(),
                identity: identity.clone(),
                handshake: None,
                defers: false,
                waiting: Waiting::default(),
                seen: HandshakeSeen::default(),
                deadline: None,
            })),
        }
    }

    /// A leg whose keys both ends already have: no ICE, no DTLS, nothing to wait for.
    ///
    /// The seam for SDES (RFC 4568), and for measuring without handshakes.
    #[must_use]
    pub fn keyed(send: &MasterKey, receive: &MasterKey, remote: SocketAddr) -> Self {
        Self {
            state: LegState::Connected,
            srtp: Some(Srtp::new(send, receive)),
            remote: Some(remote),
            drops: LegDrops::default(),
            latches: false,
            plain: None,
            set_up: None,
        }
    }

    /// A leg whose keys will come from the two SDPs (RFC 4568): it has no ICE and no DTLS, and waits
    /// for [`Leg::set_keys`].
    #[must_use]
    pub fn unkeyed() -> Self {
        Self {
            state: LegState::New,
            srtp: None,
            remote: None,
            drops: LegDrops::default(),
            latches: true,
            plain: None,
            set_up: None,
        }
    }

    /// Gives the keys of both SDPs, and the address that the far end's names if it does. There is no
    /// ICE that could find another one, so media follows the far end's authentic packets. Only the
    /// first call counts, and only for [`Leg::unkeyed`].
    pub fn set_keys(&mut self, send: &MasterKey, receive: &MasterKey, remote: Option<SocketAddr>) {
        if self.state == LegState::New && self.set_up.is_none() {
            self.srtp = Some(Srtp::new(send, receive));
            self.remote = remote;
            self.state = LegState::Connected;
        }
    }

    /// Says that nothing is protected, and the address that the far end's SDP names if it does. Media
    /// follows the far end's packets once several came from another one. Only the first call counts,
    /// and only for [`Leg::unkeyed`].
    pub fn set_plain(&mut self, remote: Option<SocketAddr>) {
        if self.state == LegState::New && self.set_up.is_none() {
            self.plain = Some(Box::default());
            self.remote = remote;
            self.state = LegState::Connected;
        } else if let (Some(latch), Some(remote)) = (&mut self.plain, remote) {
            **latch = Latch::default();
            self.remote = Some(remote);
        }
    }

    /// Whether the far end's address is what its packets say.
    #[must_use]
    pub const fn latches(&self) -> bool {
        self.latches
    }

    /// Tells the leg who the far end is and starts looking for a path. Only the first call counts:
    /// a call is never renegotiated. A user fragment that no check can carry leaves no path: the leg
    /// fails at once.
    pub fn set_remote(
        &mut self,
        remote: &RemoteTransport,
        role: DtlsRole,
        now: Instant,
        out: &mut impl Outbox,
    ) {
        let (LegState::New, Some(set_up)) = (self.state, &mut self.set_up) else {
            return;
        };
        if !set_up.ice.as_mut().is_some_and(|ice| ice.set_remote(remote)) {
            self.fail(LegFailure::IceTimeout);
            return;
        }
        let handshake = Handshake::new(&set_up.identity, role, remote.fingerprint, now);
        set_up.handshake = Some(Place::Here(Box::new(handshake)));
        set_up.deadline = Some(now + SET_UP_MAX);
        self.state = LegState::Checking;
        self.handle_timeout(now, out);
    }

    /// Takes one datagram that lies in `buf[..len]`; a packet of media is made plain in place.
    pub fn handle_datagram(
        &mut self,
        from: SocketAddr,
        buf: &mut [u8],
        len: usize,
        now: Instant,
        out: &mut impl Outbox,
    ) -> Option<MediaPacket> {
        let datagram = buf.get(..len)?;
        match classify(datagram) {
            DatagramKind::Rtp if self.plain.is_some() => {
                return self.hear_plain(from, datagram, now);
            }
            DatagramKind::Rtcp if self.plain.is_some() => return self.hear_report(from, len),
            DatagramKind::Rtp => {
                let packet = self.unprotect_rtp(buf, len);
                if packet.is_some() && self.remote != Some(from) {
                    self.hear_elsewhere(from);
                }
                return packet;
            }
            DatagramKind::Rtcp => return self.unprotect_rtcp(buf, len),
            DatagramKind::Stun => self.handle_stun(from, datagram, now, out),
            DatagramKind::Dtls => self.handle_dtls(from, datagram, now, out),
            DatagramKind::Unknown => self.drops.unknown += 1,
        }

        None
    }

    /// Lets timers run: checks, retransmissions, deadlines.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut impl Outbox) {
        let Some(set_up) = &mut self.set_up else {
            return;
        };
        if matches!(self.state, LegState::Failed(_)) {
            return;
        }
        if let Some(ice) = &mut set_up.ice {
            ice.handle_timeout(now);
        }
        self.poll_ice(now, out);
        self.poll_handshake(now, out);
        self.check_deadline(now);
    }

    /// Whether a handshake has begun and not yet come to anything.
    #[must_use]
    pub fn is_shaking_hands(&self) -> bool {
        let handshake = self.set_up.as_ref().and_then(|set_up| set_up.handshake.as_ref());
        let over = self.srtp.is_some() || matches!(self.state, LegState::Failed(_));

        !over && handshake.is_some_and(Place::has_started)
    }

    /// When the leg wants [`Leg::handle_timeout`] next, and why.
    pub fn next_timeout(&mut self) -> Option<(Instant, &'static str)> {
        let set_up = self.set_up.as_mut()?;
        if matches!(self.state, LegState::New | LegState::Failed(_)) {
            return None;
        }
        let ice = set_up.ice.as_mut().and_then(Ice::next_timeout).map(|at| (at, "ICE check"));
        let dtls = set_up
            .handshake
            .as_ref()
            .and_then(Place::next_timeout)
            .map(|at| (at, "DTLS retransmission"));
        let set_up = set_up.deadline.map(|at| (at, "media set-up takes too long"));

        [ice, dtls, set_up].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Protects the plain RTP packet in `buf[..len]`; `None` without keys or without
    /// [`crate::srtp::TRAILER_MAX`] spare bytes behind it.
    pub fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        if self.plain.is_some() {
            return RtpHeader::parse(buf.get(..len)?).is_ok().then_some(len);
        }
        self.srtp.as_mut()?.sender.protect_rtp(buf, len)
    }

    /// Protects the plain RTCP packet in `buf[..len]`; `None` as for [`Leg::protect_rtp`].
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        if self.plain.is_some() {
            return (len <= buf.len()).then_some(len);
        }
        self.srtp.as_mut()?.sender.protect_rtcp(buf, len)
    }

    /// How far the leg has come.
    #[must_use]
    pub const fn state(&self) -> LegState {
        self.state
    }

    /// Why the leg is of no more use, where it is not.
    #[must_use]
    pub const fn failure(&self) -> Option<LegFailure> {
        match self.state {
            LegState::Failed(reason) => Some(reason),
            LegState::New | LegState::Checking | LegState::Handshaking | LegState::Connected => {
                None
            }
        }
    }

    /// Whether packets of media can leave.
    #[must_use]
    pub const fn is_connected(&self) -> bool {
        matches!(self.state, LegState::Connected)
    }

    /// Where media goes, once proven. ICE may change it during a call.
    #[must_use]
    pub const fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Says that nothing is heard from [`Leg::remote`], or that it is again. Meanwhile a check with the
    /// call's credentials that comes from elsewhere names the new remote: the far end has moved.
    pub fn look_elsewhere(&mut self, on: bool) {
        if let Some(ice) = self.set_up.as_mut().and_then(|set_up| set_up.ice.as_mut()) {
            ice.look_elsewhere(on);
        }
    }

    /// When the far end will have answered no check for too long; only known where we send checks.
    #[must_use]
    pub fn consent_missed_at(&self) -> Option<Instant> {
        self.set_up.as_ref()?.ice.as_ref()?.consent_missed_at()
    }

    /// How packets are protected, once agreed.
    #[must_use]
    pub fn profile(&self) -> Option<Profile> {
        self.srtp.as_ref().map(|srtp| srtp.profile)
    }

    /// What was dropped.
    #[must_use]
    pub const fn drops(&self) -> &LegDrops {
        &self.drops
    }

    /// What the far end was seen doing towards a path and keys; nothing when keyed.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        self.set_up.as_ref().map_or_else(Evidence::default, |set_up| {
            let certificate = set_up.handshake.as_ref().and_then(Place::certificate);
            Evidence {
                checks: set_up.ice.as_ref().map(|ice| *ice.checks()).unwrap_or_default(),
                handshake: HandshakeSeen { certificate, ..set_up.seen },
            }
        })
    }

    /// The user fragment STUN for this leg is addressed to; none when keyed.
    #[must_use]
    pub fn local_ufrag(&self) -> Option<&str> {
        self.set_up.as_ref()?.ice.as_ref().map(Ice::local_ufrag)
    }

    /// Gives the leg up; used where its socket cannot be served.
    pub fn fail(&mut self, reason: LegFailure) {
        if !matches!(self.state, LegState::Failed(_)) {
            self.state = LegState::Failed(reason);
            self.srtp = None;
            self.plain = None;
        }
    }

    /// Authentic audio came from another address than ours goes to.
    #[cold]
    fn hear_elsewhere(&mut self, from: SocketAddr) {
        if self.latches {
            self.remote = Some(from);
        } else if let Some(ice) = self.set_up.as_mut().and_then(|set_up| set_up.ice.as_mut()) {
            self.remote = ice.hear_media(from);
        }
    }

    fn hear_plain(&mut self, from: SocketAddr, packet: &[u8], now: Instant) -> Option<MediaPacket> {
        let Ok(header) = RtpHeader::parse(packet) else {
            self.drops.malformed += 1;
            return None;
        };
        if !self.plain.as_mut()?.believes(self.remote, from, &header, now) {
            self.drops.unknown += 1;
            return None;
        }
        self.remote = Some(from);

        Some(MediaPacket::Rtp(header))
    }

    /// A report of a far end that is not believed says nothing.
    fn hear_report(&mut self, from: SocketAddr, len: usize) -> Option<MediaPacket> {
        if self.remote != Some(from) {
            self.drops.unknown += 1;
            return None;
        }

        Some(MediaPacket::Rtcp { len })
    }

    fn unprotect_rtp(&mut self, buf: &mut [u8], len: usize) -> Option<MediaPacket> {
        let Some(srtp) = &mut self.srtp else {
            self.drops.unknown += 1;
            return None;
        };
        match srtp.receiver.unprotect_rtp(buf, len) {
            Ok(plain) => match RtpHeader::parse(&buf[..plain]) {
                Ok(header) => Some(MediaPacket::Rtp(header)),
                Err(_) => {
                    self.drops.malformed += 1;
                    None
                }
            },
            Err(error) => {
                self.count(error);
                None
            }
        }
    }

    fn unprotect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Option<MediaPacket> {
        let Some(srtp) = &mut self.srtp else {
            self.drops.unknown += 1;
            return None;
        };
        match srtp.receiver.unprotect_rtcp(buf, len) {
            Ok(len) => Some(MediaPacket::Rtcp { len }),
            Err(error) => {
                self.count(error);
                None
            }
        }
    }

    const fn count(&mut self, error: SrtpError) {
        match error {
            SrtpError::Short => self.drops.malformed += 1,
            SrtpError::Replayed => self.drops.replay += 1,
            SrtpError::Auth | SrtpError::TooManySources => self.drops.auth += 1,
        }
    }

    fn handle_stun(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
        out: &mut impl Outbox,
    ) {
        // Nobody would take the answers of a failed leg; they would pile up.
        let failed = matches!(self.state, LegState::Failed(_));
        let set_up = self.set_up.as_mut().filter(|_| !failed);
        let ice = set_up.and_then(|set_up| set_up.ice.as_mut());
        if !ice.is_some_and(|ice| ice.handle_datagram(from, datagram, now)) {
            self.drops.stun += 1;
            return;
        }
        if self.state != LegState::New {
            self.poll_ice(now, out);
            self.poll_handshake(now, out);
        }
    }

    fn handle_dtls(
        &mut self,
        from: SocketAddr,
        datagram: &[u8],
        now: Instant,
        out: &mut impl Outbox,
    ) {
        let Some(set_up) = &mut self.set_up else {
            self.drops.unknown += 1;
            return;
        };
        let is_believed = match &set_up.ice {
            Some(ice) => ice.is_proven(from),
            None => set_up.known.believes(from),
        };
        let (Some(handshake), true) = (&mut set_up.handshake, is_believed) else {
            set_up.seen.unproven += 1;
            self.drops.unknown += 1;
            return;
        };
        if set_up.ice.is_none() && self.srtp.is_none() {
            self.remote = Some(from);
        }
        set_up.seen.note(datagram, handshake.role() == DtlsRole::Client);
        if matches!(self.state, LegState::Failed(_)) {
            return;
        }
        let Some(handshake) = handshake.here().filter(|_| !set_up.defers) else {
            let kept = set_up.waiting.add(from, datagram);
            self.drops.unknown += u64::from(!kept);
            return;
        };
        match handshake.handle_datagram(from, datagram, now) {
            Ok(()) => {}
            Err(None) => self.drops.malformed += 1,
            Err(Some(reason)) => {
                self.drops.malformed += 1;
                // After the keys are agreed, DTLS can no longer take the call down.
                if self.srtp.is_none() {
                    self.fail(reason);
                    return;
                }
            }
        }
        self.poll_handshake(now, out);
    }

    fn poll_ice(&mut self, now: Instant, out: &mut impl Outbox) {
        let Some(set_up) = &mut self.set_up else {
            return;
        };
        let Some(ice) = &mut set_up.ice else {
            return;
        };
        ice.flush(out);
        self.remote = ice.nominated();
        match self.state {
            LegState::Checking if self.remote.is_some() => {
                self.state = LegState::Handshaking;
                if let Some(handshake) = set_up.handshake.as_mut().and_then(Place::here) {
                    handshake.start(now);
                }
                self.connect_if_ready();
            }
            LegState::Connected if ice.is_lost() => self.fail(LegFailure::ConsentLost),
            LegState::New
            | LegState::Checking
            | LegState::Handshaking
            | LegState::Connected
            | LegState::Failed(_) => {}
        }
    }

    fn poll_handshake(&mut self, now: Instant, out: &mut impl Outbox) {
        let Some(set_up) = &mut self.set_up else {
            return;
        };
        let Some(handshake) = set_up.handshake.as_mut().and_then(Place::here) else {
            return;
        };
        match handshake.poll(self.remote, now, out) {
            Ok(Progress::Waiting) => {}
            Ok(Progress::Keys(keys)) => {
                self.srtp = Some(Srtp::agreed(handshake.role(), &keys));
                self.connect_if_ready();
            }
            Err(reason) => {
                if self.srtp.is_none() {
                    self.fail(reason);
                }
            }
        }
    }

    fn connect_if_ready(&mut self) {
        if self.state == LegState::Handshaking && self.srtp.is_some() {
            self.state = LegState::Connected;
            if let Some(set_up) = &mut self.set_up {
                set_up.deadline = None;
            }
        }
    }

    fn check_deadline(&mut self, now: Instant) {
        let due = self.set_up.as_ref().and_then(|set_up| set_up.deadline);
        if due.is_some_and(|at| at <= now) {
            match self.state {
                LegState::New | LegState::Checking => self.fail(LegFailure::IceTimeout),
                LegState::Handshaking => self.fail(LegFailure::DtlsTimeout),
                LegState::Connected | LegState::Failed(_) => {}
            }
        }
    }
}
