//! Where is a far end that is heard no more?
//!
//! The socket of a leg is connected once the far end's address is proven, and the kernel drops what
//! strangers send. A far end that moves, behind another port of its NAT or to another relay, is such a
//! stranger. So a leg that loses the far end's audio or consent takes datagrams of everybody on its
//! port, until the far end is heard where it was, or a check with the credentials of the call names
//! its new address. Then the socket is connected again. On the muxed port, which is never connected,
//! only the seeking is the same.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::leg::LegFailure;

use super::legs::{Legs, has_failed};
use super::slot::Slot;
use crate::io::Io;

/// A leg that heard audio and then none for so long may be deaf to a far end that moved.
const DEAF_MAX: Duration = Duration::from_secs(2);

/// When a leg begins to seek, if nothing is heard until then.
pub(super) fn next(slot: &Slot) -> Option<Instant> {
    let found = slot.cold.connected.is_some() || (slot.cold.muxed && slot.to.is_some());
    if !found || slot.seeks || has_failed(slot) {
        return None;
    }
    let audio = slot.heard.map(|_| slot.last_heard + DEAF_MAX);
    let consent = slot.leg.consent_missed_at();
    let missed = [audio, consent].into_iter().flatten().min()?;

    Some(missed.max(slot.cold.connected_at + DEAF_MAX))
}

/// Begins, if it is time. True if the socket must be opened for it.
pub(super) fn begins(slot: &mut Slot, now: Instant) -> bool {
    if next(slot).is_none_or(|at| at > now) {
        return false;
    }
    slot.seeks = true;
    slot.cold.missed = slot.leg.remote();
    slot.leg.look_elsewhere(true);

    !slot.cold.muxed
}

/// Authentic audio came to an unconnected socket. True if that is news of where the far end is.
pub(super) fn hears(slot: &mut Slot, from: SocketAddr) -> bool {
    let remote = slot.leg.remote();
    // It was only silent.
    if slot.seeks && remote == Some(from) {
        slot.seeks = false;
        slot.leg.look_elsewhere(false);
        return true;
    }

    slot.to != remote
}

/// Whether the leg's socket is to be connected: its far end's address is known, or known anew.
pub(super) fn meets(slot: &mut Slot) -> bool {
    let remote = slot.leg.remote().filter(|remote| slot.cold.connected != Some(*remote));
    let Some(remote) = remote.filter(|_| !has_failed(slot)) else {
        return false;
    };
    slot.to = Some(remote);
    if slot.seeks && slot.cold.missed != Some(remote) {
        slot.seeks = false;
    }
    // Where the far end is, is only sure once it was heard.
    let sure = !slot.leg.latches() || slot.heard.is_some();

    sure && !slot.seeks && !slot.cold.muxed && !slot.cold.rebound
}

impl Legs {
    /// Connects the sockets of legs whose far end was found.
    pub(super) fn connect_sockets(&mut self, io: &mut impl Io, now: Instant) {
        while let Some(index) = self.to_connect.pop() {
            let Some(slot) = self.slot(index) else {
                continue;
            };
            let (socket, Some(remote)) = (slot.socket, slot.leg.remote()) else {
                continue;
            };
            match io.connect(socket, remote) {
                Ok(()) => {
                    slot.cold.connected = Some(remote);
                    slot.cold.connected_at = now;
                    slot.to = None;
                    slot.leg.look_elsewhere(false);
                }
                Err(error) => {
                    tracing::debug!(%error, leg = %slot.cold.id, "cannot connect a media socket");
                    slot.leg.fail(LegFailure::Socket);
                }
            }
            self.settle(index, now);
        }
    }

    /// Disconnects the sockets of legs that hear nothing any more.
    pub(super) fn reopen_sockets(&mut self, io: &mut impl Io) {
        while let Some(index) = self.to_reopen.pop() {
            let Some(slot) = self.slot(index) else {
                continue;
            };
            // What is queued for a connected socket names no address: it goes first.
            io.flush();
            if let Err(error) = io.disconnect(slot.socket) {
                tracing::debug!(%error, leg = %slot.cold.id, "cannot reopen a media socket");
            }
            slot.cold.connected = None;
            slot.to = slot.leg.remote();
        }
    }
}
