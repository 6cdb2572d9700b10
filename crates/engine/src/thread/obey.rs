//! What does each order do to its leg?

use std::net::UdpSocket;
use std::time::Instant;

use media::dtmf::DigitSender;
use media::leg::Leg;
use terms::LegId;

use super::fill::Fill;
use super::legs::{Legs, Via};
use super::marking::Marking;
use super::slot::Slot;
use super::spoil::Spoiled;
use super::{play, tell};
use crate::PayloadTypes;
use crate::io::Io;
use crate::order::{Feed, Order};

/// Taps one leg may have: a recorder, a bot and a listener in both directions, and to spare.
const TAPS_MAX: usize = 8;

impl Legs {
    /// Carries out an order; one to a closed leg is late and ignored.
    pub(crate) fn obey(&mut self, id: LegId, order: Order, io: &mut impl Io, now: Instant) {
        let Some(index) = self.index_of(id) else {
            return;
        };
        match order {
            Order::Close => return self.close(index, io, now),
            Order::Play(feed) => self.play(index, feed),
            Order::SetRemote(remote, role, types) => {
                self.expect(index, &remote);
                self.introduce(index, types, io, now, |leg, via| {
                    leg.set_remote(&remote, role, now, via);
                });
            }
            // Without the names of ICE nobody could be told from others on the muxed port.
            Order::SetDtls(end) if self.slot(index).is_some_and(|slot| !slot.cold.muxed) => {
                let far_end = (end.role, end.fingerprint);
                self.introduce(index, end.payload_types, io, now, |leg, via| {
                    leg.set_dtls(end.remote, far_end, now, via);
                });
            }
            Order::SetDtls(_) => {}
            Order::SetKeys(keys) => self.with(index, |slot| {
                slot.agree(keys.payload_types);
                slot.cold.remote_at = now;
                slot.leg.set_keys(&keys.send_key, &keys.receive_key, keys.remote);
            }),
            Order::SetPlain(end) => self.with(index, |slot| {
                slot.agree(end.payload_types);
                slot.cold.remote_at = now;
                slot.leg.set_plain(end.remote);
            }),
            Order::SendGate(open) => self.with(index, |slot| {
                slot.gate = open;
                slot.stream.interrupt();
            }),
            Order::Fill(on) => self.with(index, |slot| slot.cold.fill = on.then(Fill::default)),
            Order::Mute(on) => self.mute(index, on),
            Order::Impair(how) => self.with(index, |slot| {
                // What still waits goes its way.
                slot.impaired = !how.is_none() || slot.impaired;
                if slot.impaired {
                    slot.cold.spoiled.get_or_insert_with(|| Spoiled::new(how, now)).change(how);
                }
            }),
            Order::Rebind(socket) => self.rebind(index, socket, io),
            Order::WatchFrom(since) => self.with(index, |slot| tell::watch_from(slot, since)),
            Order::SendDigit(digit, duration_ms) => {
                self.with(index, |slot| play::press(slot, DigitSender::new(digit, duration_ms)));
            }
            Order::HeardKey(digit) => self.with(index, |slot| tell::heard_key(slot, digit, now)),
            Order::Listen(tap, tap_use) => self.with(index, |slot| {
                if slot.cold.taps.len() < TAPS_MAX {
                    slot.cold.made_up.hear_of(tap.made_up.clone());
                    slot.cold.taps.push((tap, tap_use));
                    slot.tapped = true;
                }
            }),
            Order::Mark { tag, expects } => self.with(index, |slot| {
                slot.cold.marking = Some(Box::new(Marking::new(tag, expects)));
                slot.tapped = true;
            }),
            Order::Marks(answer) => self.with(index, |slot| {
                if let Some(marking) = &slot.cold.marking {
                    drop(answer.send(marking.heard().clone()));
                }
            }),
            Order::Stats(answer) => self.with(index, |slot| {
                // Whoever asked may have gone.
                drop(answer.send(slot.stats(now)));
            }),
        }
        self.settle(index, now);
    }

    fn with(&mut self, index: u32, change: impl FnOnce(&mut Slot)) {
        if let Some(slot) = self.slot(index) {
            change(slot);
        }
    }

    /// The leg learns who its far end is, by what `meet` tells it.
    fn introduce<I: Io>(
        &mut self,
        index: u32,
        types: PayloadTypes,
        io: &mut I,
        now: Instant,
        meet: impl FnOnce(&mut Leg, &mut Via<'_, I>),
    ) {
        let Some(slot) = self.slot(index) else {
            return;
        };
        slot.agree(types);
        slot.cold.remote_at = now;
        let mut via = Via { out: io, socket: slot.socket, connected: slot.cold.connected };
        meet(&mut slot.leg, &mut via);
    }

    /// The leg leaves its socket for another; both stay its own.
    fn rebind(&mut self, index: u32, socket: UdpSocket, io: &mut impl Io) {
        let Some(slot) = self.slot(index).filter(|slot| slot.cold.left_behind.is_empty()) else {
            return;
        };
        let Ok(socket) = io.add(socket, false) else {
            return;
        };
        let old = std::mem::replace(&mut slot.socket, socket);
        slot.cold.left_behind.push(old);
        // The new one is not connected to anybody.
        slot.to = slot.leg.remote();
        slot.cold.connected = None;
        slot.cold.rebound = true;
        self.own(socket, index);
    }

    /// What a muted leg does not pass on is not lost to those it feeds.
    fn mute(&mut self, index: u32, on: bool) {
        let Some(slot) = self.slot(index) else {
            return;
        };
        slot.muted = on;
        for at in 0..slot.feeds.len() {
            let fed = self.slot(index).and_then(|slot| slot.feeds.get(at));
            if let Some(fed) = fed.and_then(|fed| self.slot(fed)) {
                fed.stream.interrupt();
            }
        }
    }

    fn play(&mut self, index: u32, feed: Feed) {
        self.unfeed(index);
        let source = match &feed {
            Feed::Bridge(source) | Feed::Transcoded(source, _) => self.index_of(*source),
            Feed::Echo => Some(index),
            Feed::Silence | Feed::Mix(_) | Feed::Packets(..) => None,
        };
        if let Some(source) = source.and_then(|source| self.slot(source)) {
            source.feeds.add(index);
        }
        self.with(index, |slot| {
            slot.cold.feed = feed;
            slot.stream.interrupt();
            play::rewind(slot);
        });
    }
}
