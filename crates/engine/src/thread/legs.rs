//! Which legs does a media thread serve, and what do datagrams and timers do to them?

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use media::leg::{LegFailure, LegState, MediaPacket, Outbox};
use media::rtcp::NtpTime;
use media::rtp::{DatagramKind, classify};
use media::srtp::TRAILER_MAX;
use media::transport::RemoteTransport;
use terms::LegId;

use super::demux::Demux;
use super::slot::Slot;
use super::wheel::Wheel;
use super::{count, fill, hear, play, report, seek, spoil, tell};
use crate::handshakes::Handshakes;
use crate::io::{BUFFER_LEN, Departures, InPlace, Io, SocketId, Traffic};
use crate::order::{Carrier, Feed, NewLeg, Told};
use crate::uring::prefetch;

/// The owner of the muxed socket in [`Legs::owners`].
const MUXED: u32 = u32::MAX;

/// The owner of no socket.
const NOBODY: u32 = u32::MAX - 1;

/// See the module.
pub(crate) struct Legs {
    pub(super) slots: Vec<Option<Box<Slot>>>,
    free: Vec<u32>,
    by_id: HashMap<LegId, u32>,
    /// By socket: the leg it belongs to.
    owners: Vec<u32>,
    muxed: Option<SocketId>,
    demux: Demux,
    wheel: Wheel,
    due: Vec<(u32, u64)>,
    /// Legs whose path was found, to connect their sockets after the turn.
    pub(super) to_connect: Vec<u32>,
    /// Legs that hear nothing any more, to take datagrams of everybody.
    pub(super) to_reopen: Vec<u32>,
    strangers: u64,
    pub(super) scratch: Box<[u8; BUFFER_LEN]>,
    pub(super) clock: Clock,
    report_every: Duration,
    pub(super) told: Arc<Told>,
    pub(super) handshakes: Handshakes,
    /// Legs whose handshake is under way.
    pub(super) shaking: usize,
    /// There is too much to do for taps.
    taps_rest: bool,
    /// The leg whose packet came last, and on which socket, if it was passed on.
    pub(super) passed_on: Option<(u32, SocketId)>,
    /// When the packet that is being worked on came, if that was before now.
    pub(super) came: Option<Instant>,
    /// When the next one is looked at, and by socket: whether its datagrams are stamped.
    pub(super) look_at: Instant,
    stamped: Vec<bool>,
}

/// Wall time for RTCP, read once: only differences matter to its readers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    at: Instant,
    unix: Duration,
}

impl Clock {
    fn start(now: Instant) -> Self {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { at: now, unix }
    }

    pub(super) fn ntp(self, now: Instant) -> NtpTime {
        NtpTime::from_unix(self.unix + now.saturating_duration_since(self.at))
    }
}

/// A leg's outbox: its socket.
pub(super) struct Via<'a, D> {
    pub(super) out: &'a mut D,
    pub(super) socket: SocketId,
    pub(super) connected: Option<SocketAddr>,
}

impl<D: Departures> Outbox for Via<'_, D> {
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        let to = (self.connected != Some(to)).then_some(to);
        self.out.send(self.socket, to, datagram);
    }
}

impl Legs {
    pub(crate) fn new(
        now: Instant,
        report_every: Duration,
        told: Arc<Told>,
        handshakes: Handshakes,
    ) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_id: HashMap::new(),
            owners: Vec::new(),
            muxed: None,
            demux: Demux::default(),
            wheel: Wheel::new(now),
            due: Vec::new(),
            to_connect: Vec::new(),
            to_reopen: Vec::new(),
            strangers: 0,
            scratch: Box::new([0; BUFFER_LEN]),
            clock: Clock::start(now),
            report_every,
            told,
            handshakes,
            shaking: 0,
            taps_rest: false,
            passed_on: None,
            came: None,
            look_at: now,
            stamped: Vec::new(),
        }
    }

    pub(crate) fn set_muxed(&mut self, socket: SocketId) {
        self.muxed = Some(socket);
        self.own(socket, MUXED);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.slots.len() == self.free.len()
    }

    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) const fn strangers(&self) -> u64 {
        self.strangers
    }

    pub(super) fn slot(&mut self, index: u32) -> Option<&mut Slot> {
        self.slots.get_mut(index as usize)?.as_deref_mut()
    }

    /// Begins to serve a leg.
    pub(crate) fn open(&mut self, mut new: NewLeg, io: &mut impl Io, now: Instant) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).unwrap_or(NOBODY)
        });
        self.by_id.insert(new.id, index);
        let keyed = new.connected.map(|(remote, _)| remote);
        let socket = match std::mem::replace(&mut new.socket, Carrier::Muxed) {
            Carrier::New(socket) => io.add(socket, keyed.is_some()).ok(),
            Carrier::Known(socket) => Some(socket),
            Carrier::Muxed => self.muxed,
        };
        let muxed = socket.is_some() && socket == self.muxed;
        let served = socket.is_some();
        let socket = socket.unwrap_or(SocketId(NOBODY));
        let mut slot = Slot::new(new, socket, now);
        slot.cold.muxed = muxed;
        slot.cold.taps_rest = self.taps_rest;
        if !served {
            slot.leg.fail(LegFailure::Socket);
        } else if muxed {
            slot.cold.connected = None;
            if let Some(ufrag) = slot.leg.local_ufrag() {
                self.demux.open(ufrag, index);
            }
            if let Some(remote) = keyed {
                self.demux.prove(remote, index);
            }
        } else {
            self.own(socket, index);
        }
        if let Some(place) = self.slots.get_mut(index as usize) {
            *place = Some(Box::new(slot));
        }
        count(&self.told.legs, self.len());
        self.settle(index, now);
    }

    /// Lets all taps rest, or work again.
    pub(super) fn rest_taps(&mut self, rest: bool) {
        if self.taps_rest == rest {
            return;
        }
        self.taps_rest = rest;
        for slot in self.slots.iter_mut().flatten() {
            slot.cold.taps_rest = rest;
        }
    }

    /// Stops to serve a leg.
    pub(super) fn close(&mut self, index: u32, io: &mut impl Io, now: Instant) {
        self.unfeed(index);
        self.count_handshake(index, true);
        let Some(mut slot) = self.slots.get_mut(index as usize).and_then(Option::take) else {
            return;
        };
        self.by_id.remove(&slot.cold.id);
        report::say_goodbye(&mut slot, &mut self.scratch, io);
        if slot.cold.muxed {
            self.demux.close(slot.leg.local_ufrag(), index);
        }
        for socket in slot.cold.left_behind.iter().copied().chain([slot.socket]) {
            if Some(socket) != self.muxed && socket.0 != NOBODY {
                self.own(socket, NOBODY);
                io.remove(socket);
            }
        }
        for at in 0..slot.feeds.len() {
            if let Some(fed) = slot.feeds.get(at).and_then(|fed| self.slot(fed)) {
                fed.cold.feed = Feed::Silence;
            }
        }
        tell::closed(&mut slot, now);
        self.free.push(index);
        count(&self.told.legs, self.len());
    }

    /// Takes a leg out of the list of whoever feeds it.
    pub(super) fn unfeed(&mut self, index: u32) {
        let Some(slot) = self.slot(index) else {
            return;
        };
        let source = match std::mem::replace(&mut slot.cold.feed, Feed::Silence) {
            Feed::Bridge(source) | Feed::Transcoded(source, _) => self.index_of(source),
            Feed::Echo => Some(index),
            Feed::Silence | Feed::Mix(_) | Feed::Packets(..) => None,
        };
        if let Some(source) = source.and_then(|source| self.slot(source)) {
            source.feeds.remove(index);
        }
    }

    /// Whether nothing that comes leaves again soon: no leg sends what another one hears, in its own codec or
    /// another, and none is being set up. A thread that forwards knows by its first leg.
    pub(super) fn only_workers_listen(&self) -> bool {
        self.slots.iter().flatten().all(|slot| {
            let is_passed_on =
                slot.feeds.len() > 0 || matches!(slot.cold.feed, Feed::Transcoded(..));
            !is_passed_on && (slot.leg.is_connected() || has_failed(slot))
        })
    }

    /// Where a leg is kept. For orders; packets never ask.
    pub(super) fn index_of(&self, id: LegId) -> Option<u32> {
        self.by_id.get(&id).copied()
    }

    /// When the next timers may be due.
    pub(super) fn next_timers(&self) -> Instant {
        self.wheel.next_at()
    }

    /// Runs the timers that are due.
    pub(super) fn run_timers(&mut self, now: Instant, out: &mut impl Departures) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.advance(now, &mut due);
        for (at, (index, entered)) in due.iter().copied().enumerate() {
            self.look_ahead(&due, at);
            let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_deref_mut)
            else {
                continue;
            };
            if slot.cold.entered != Some(entered) {
                continue;
            }
            slot.cold.entered = None;
            // A stream that plays or is filled looks up up to fifty times a second; nothing else changes by it.
            if !slot.impaired && slot.cold.others_at.is_none_or(|at| at > now) {
                play::run(slot, &mut self.scratch, now, out);
                fill::run(slot, &mut self.scratch, now, out);
                if let Some(at) = fill::soonest(slot, now) {
                    slot.cold.entered = Some(self.wheel.enter(index, at, None));
                }
                continue;
            }
            if slot.leg.next_timeout().is_some_and(|(at, _)| at <= now) {
                let mut via = Via { out, socket: slot.socket, connected: slot.cold.connected };
                slot.leg.handle_timeout(now, &mut via);
            }
            play::run(slot, &mut self.scratch, now, out);
            fill::run(slot, &mut self.scratch, now, out);
            if report::is_due(slot, self.report_every, now) {
                report::send(slot, &mut self.scratch, self.clock, now, out);
            }
            tell::watch(slot, now);
            tell::unfinished_digit(slot, now);
            if seek::begins(slot, now) {
                self.to_reopen.push(index);
            }
            if slot.impaired {
                self.release(index, now, out);
            }
            self.settle(index, now);
        }
        due.clear();
        self.due = due;
    }

    /// Lets memory work on the next legs while we work on this one.
    fn look_ahead(&self, due: &[(u32, u64)], at: usize) {
        let ahead = |distance: usize| {
            let (index, _) = due.get(at + distance)?;
            self.slots.get(*index as usize)?.as_deref()
        };
        if let Some(slot) = ahead(2) {
            prefetch(slot);
        }
        if let Some(slot) = ahead(1) {
            prefetch(&*slot.cold);
        }
    }

    /// After anything but a packet of media: tells what changed, and enters the next deadline.
    pub(super) fn settle(&mut self, index: u32, now: Instant) {
        self.count_handshake(index, false);
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_deref_mut) else {
            return;
        };
        tell::state(slot, now);
        if seek::meets(slot) {
            self.to_connect.push(index);
        }
        play::begin(slot, now);
        let deadline = [
            slot.leg.next_timeout().map(|(at, _)| at),
            slot.cold.report_at,
            tell::next_watch(slot),
            tell::next_digit(slot),
            spoil::next(slot),
            seek::next(slot),
        ];
        slot.cold.others_at = deadline.into_iter().flatten().min();
        if let Some(at) = fill::soonest(slot, now) {
            slot.cold.entered = Some(self.wheel.enter(index, at, slot.cold.entered));
        }
    }

    /// Lets strays of this far end be counted as its own.
    pub(super) fn expect(&mut self, index: u32, remote: &RemoteTransport) {
        if self.slot(index).is_some_and(|slot| slot.cold.muxed) {
            self.demux.expect(remote, index);
        }
    }

    /// A datagram that leads to no leg.
    fn stray(&mut self, from: Option<SocketAddr>, datagram: &[u8]) {
        self.strangers += 1;
        let Some(from) = from else {
            return;
        };
        let Some(index) = self.demux.stray(from, datagram) else {
            return;
        };
        let Some(slot) = self.slot(index) else {
            return;
        };
        let strays = &mut slot.cold.strays;
        strays.from = Some(from);
        match classify(datagram) {
            DatagramKind::Stun => strays.checks += 1,
            DatagramKind::Dtls => strays.dtls += 1,
            DatagramKind::Rtp | DatagramKind::Rtcp => strays.media += 1,
            DatagramKind::Unknown => {}
        }
    }

    pub(super) fn own(&mut self, socket: SocketId, owner: u32) {
        let at = socket.0 as usize;
        if self.owners.len() <= at {
            self.owners.resize(at + 1, NOBODY);
        }
        if let Some(place) = self.owners.get_mut(at) {
            *place = owner;
        }
        // The number may have been another socket's.
        if let Some(stamped) = self.stamped.get_mut(at) {
            *stamped = false;
        }
    }

    /// Whether any socket was asked for stamps.
    pub(super) const fn has_stamps(&self) -> bool {
        !self.stamped.is_empty()
    }

    /// Whether the datagrams of a socket were stamped before this one; they are from here on.
    pub(super) fn stamps(&mut self, socket: SocketId) -> bool {
        let at = socket.0 as usize;
        if self.stamped.len() <= at {
            self.stamped.resize(at + 1, false);
        }
        self.stamped.get_mut(at).is_some_and(|stamped| std::mem::replace(stamped, true))
    }

    /// STUN and DTLS, and what they lead to.
    fn set_up(
        &mut self,
        (index, socket): (u32, SocketId),
        from: SocketAddr,
        buf: &mut [u8],
        len: usize,
        now: Instant,
        out: &mut impl Departures,
    ) {
        let defers = self.hands_over();
        let Some(slot) = self.slots.get_mut(index as usize).and_then(Option::as_deref_mut) else {
            return;
        };
        let refused = slot.leg.drops().stun;
        let stun = buf.get(..len).map(classify) == Some(DatagramKind::Stun);
        slot.leg.defer_handshake(defers);
        // A check is answered from where it came to, also by a leg that has moved on.
        let connected = slot.cold.connected.filter(|_| socket == slot.socket);
        let mut via = Via { out, socket, connected };
        let media = slot.leg.handle_datagram(from, buf, len, now, &mut via);
        debug_assert!(media.is_none(), "media goes another way");
        if stun && slot.cold.muxed && slot.leg.drops().stun == refused {
            self.demux.prove(from, index);
        }
        if defers {
            self.hand_over(index, now, out);
        }
        self.settle(index, now);
    }
}

impl Traffic for Legs {
    fn came(&mut self, at: Instant) {
        self.came = Some(at);
    }

    fn expect(&self, socket: SocketId, from: Option<SocketAddr>, nearer: bool) {
        let slot_of = |index: u32| self.slots.get(index as usize)?.as_deref();
        let owner = match (self.owners.get(socket.0 as usize), from) {
            (Some(&MUXED), Some(from)) => self.demux.proven(from),
            (owner, _) => owner.copied(),
        };
        let Some(slot) = owner.and_then(slot_of) else {
            return;
        };
        if !nearer {
            prefetch(slot);
        } else if let Some(fed) = slot.feeds.first().and_then(|fed| slot_of(*fed)) {
            prefetch(fed);
        }
    }

    fn datagram(
        &mut self,
        socket: SocketId,
        from: Option<SocketAddr>,
        buf: &mut [u8],
        len: usize,
        now: Instant,
        out: &mut impl Departures,
    ) -> Option<InPlace> {
        self.passed_on = None;
        let came = self.came.take();
        let owner = self.owners.get(socket.0 as usize).copied().unwrap_or(NOBODY);
        let index = match (owner, from) {
            (MUXED, Some(from)) => self.demux.find(from, buf.get(..len)?),
            (MUXED | NOBODY, _) => None,
            (index, _) => Some(index),
        };
        let Some(slot) = index
            .and_then(|index| self.slots.get_mut(index as usize))
            .and_then(Option::as_deref_mut)
        else {
            self.stray(from, buf.get(..len)?);
            return None;
        };
        let index = index?;
        // A datagram that fills the buffer may be cut off, and what leaves in place needs room.
        if len + TRAILER_MAX > buf.len() {
            slot.cold.drops.malformed += 1;
            return None;
        }
        let from = from.or_else(|| slot.leg.remote())?;
        match classify(buf.get(..len)?) {
            DatagramKind::Rtp | DatagramKind::Rtcp => {}
            DatagramKind::Dtls if slot.impaired && spoil::drops_dtls(slot) => return None,
            DatagramKind::Stun | DatagramKind::Dtls | DatagramKind::Unknown => {
                self.set_up((index, socket), from, buf, len, now, out);
                return None;
            }
        }
        if slot.impaired && !spoil::arrives(slot, from, buf.get(..len)?, now) {
            return None;
        }
        self.came = came;
        let leaving = self.media(index, from, buf, len, now, out)?;
        self.passed_on = Some((index, socket));

        Some(leaving)
    }
}

impl Legs {
    /// RTP and RTCP.
    fn media(
        &mut self,
        index: u32,
        from: SocketAddr,
        buf: &mut [u8],
        len: usize,
        now: Instant,
        out: &mut impl Departures,
    ) -> Option<InPlace> {
        let slot = self.slots.get_mut(index as usize)?.as_deref_mut()?;
        let mut via = Via { out, socket: slot.socket, connected: None };
        match slot.leg.handle_datagram(from, buf, len, now, &mut via)? {
            MediaPacket::Rtp(header) => {
                // Only an unconnected socket hears a far end from elsewhere.
                if slot.to.is_some() && seek::hears(slot, from) {
                    self.settle(index, now);
                }
                hear::rtp(self, index, &header, buf, now, out)
            }
            MediaPacket::Rtcp { len } => {
                report::hear(slot, buf.get(..len)?, self.clock, now);
                self.settle(index, now);
                None
            }
        }
    }

    /// Lets go what an impaired leg has held up for long enough.
    fn release(&mut self, index: u32, now: Instant, out: &mut impl Departures) {
        while let Some(held) = self.slot(index).and_then(|slot| spoil::next_arrival(slot, now)) {
            let mut buf = [0u8; BUFFER_LEN];
            let (Some(place), Some(from)) = (buf.get_mut(..held.datagram.len()), held.from) else {
                continue;
            };
            place.copy_from_slice(&held.datagram);
            let leaving = self.media(index, from, &mut buf, held.datagram.len(), now, out);
            if let Some(InPlace { socket, to, start, len }) = leaving
                && let Some(datagram) = buf.get(start..start + len)
            {
                out.send(socket, to, datagram);
            }
        }
        while let Some(slot) = self.slot(index)
            && let Some(held) = spoil::next_departure(slot, now)
        {
            out.send(slot.socket, slot.to, &held.datagram);
        }
    }
}

/// Whether a leg has failed; it is then left alone.
pub(super) const fn has_failed(slot: &Slot) -> bool {
    matches!(slot.leg.state(), LegState::Failed(_))
}
