//! What does a media thread keep about a leg?
//!
//! What every packet touches lies in one block of whole cache lines; the rest is boxed apart, so that
//! thousands of legs share the cache with nothing but what moves their packets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::dtmf::{DigitReceiver, DigitSender};
use media::leg::{Leg, LegState};
use media::one_key::OneKey;
use media::quality::{Figures, Reception};
use media::stream::{OutgoingStream, SourceId};
use terms::LegId;
use tokio::sync::mpsc;

use super::fill::Fill;
use super::marking::Marking;
use super::spoil::Spoiled;
use super::tell;
use crate::io::SocketId;
use crate::made_up::AllMadeUp;
use crate::order::{Feed, NewLeg};
use crate::tap::TapUse;
use crate::{
    Added, Alive, Drops, LegEvent, LegStats, MediaWatch, PayloadTypes, SetUp, Strays, Tap,
};

/// See the module.
#[repr(align(64))]
pub(super) struct Slot {
    pub(super) leg: Leg,
    pub(super) socket: SocketId,
    /// Where datagrams go; none when the socket is connected there.
    pub(super) to: Option<SocketAddr>,
    pub(super) types: PayloadTypes,
    /// RTP may leave.
    pub(super) gate: bool,
    /// Audio heard is dropped.
    pub(super) muted: bool,
    /// A tap, or a digit on its way out: look at [`Cold`].
    pub(super) tapped: bool,
    pub(super) pressing: bool,
    /// Behind a bad network on purpose: look at [`Cold::spoiled`].
    pub(super) impaired: bool,
    /// The watch has told of silence.
    pub(super) stopped: bool,
    /// Its socket was connected and takes datagrams of everybody: the far end is looked for.
    pub(super) seeks: bool,
    /// Legs that send what this one hears; itself, when it echoes.
    pub(super) feeds: Feeds,
    pub(super) source: SourceId,
    pub(super) stream: OutgoingStream,
    pub(super) reception: Reception,
    /// The far end's current source.
    pub(super) heard: Option<u32>,
    /// When audio last came.
    pub(super) last_heard: Instant,
    pub(super) received: Count,
    pub(super) sent: Count,
    pub(super) cold: Box<Cold>,
}

/// Legs that send what one leg hears. One is the rule, and then no memory is chased for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Feeds {
    first: Option<u32>,
    more: Vec<u32>,
}

impl Feeds {
    pub(super) const fn first(&self) -> Option<&u32> {
        self.first.as_ref()
    }

    pub(super) const fn len(&self) -> usize {
        self.first.is_some() as usize + self.more.len()
    }

    pub(super) fn get(&self, at: usize) -> Option<u32> {
        match at.checked_sub(1) {
            None => self.first,
            Some(at) => self.more.get(at).copied(),
        }
    }

    pub(super) fn add(&mut self, leg: u32) {
        match self.first {
            None => self.first = Some(leg),
            Some(_) => self.more.push(leg),
        }
    }

    pub(super) fn remove(&mut self, leg: u32) {
        self.more.retain(|fed| *fed != leg);
        if self.first == Some(leg) {
            self.first = self.more.pop();
        }
    }
}

/// Packets and their payload bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) packets: u64,
    pub(super) bytes: u64,
}

impl Count {
    pub(super) const fn add(&mut self, payload: usize) {
        self.packets += 1;
        self.bytes += payload as u64;
    }
}

/// The keys that the far end presses.
#[derive(Default)]
pub(super) struct Digits {
    pub(super) events: DigitReceiver,
    /// Those that come as events and as sound are told once.
    pub(super) one_key: OneKey,
}

/// What only set-up, timers and reports touch.
pub(super) struct Cold {
    pub(super) id: LegId,
    pub(super) muxed: bool,
    pub(super) cname: String,
    pub(super) events: mpsc::Sender<LegEvent>,
    pub(super) events_lost: u64,
    pub(super) taps: Vec<(Tap, TapUse)>,
    pub(super) taps_lost: u64,
    pub(super) made_up: AllMadeUp,
    pub(super) drops: Drops,
    pub(super) feed: Feed,
    pub(super) playing: Playing,
    /// Silence leaves where nothing else does.
    pub(super) fill: Option<Fill>,
    /// When anything but what plays and silence is due.
    pub(super) others_at: Option<Instant>,
    pub(super) digits: Digits,
    pub(super) digit_at: Option<Instant>,
    pub(super) press: Option<Press>,
    pub(super) waiting: Vec<DigitSender>,
    /// The key press of another leg that was passed on last, into a stream that is made here.
    pub(super) relayed: Option<Relayed>,
    pub(super) watch: Watch,
    pub(super) remote_at: Instant,
    pub(super) told: LegState,
    pub(super) set_up: SetUp,
    /// Figures of sources the far end has given up.
    pub(super) past: Figures,
    pub(super) spoiled: Option<Spoiled>,
    pub(super) marking: Option<Box<Marking>>,
    /// The sockets it had before it was rebound.
    pub(super) left_behind: Vec<SocketId>,
    /// It sends from another port than its far end was told, and stays unconnected.
    pub(super) rebound: bool,
    /// Where the far end was when it was heard no more.
    pub(super) missed: Option<SocketAddr>,
    /// Its taps rest: the thread has too much to do.
    pub(super) taps_rest: bool,
    /// Its handshake is under way.
    pub(super) shaking: bool,
    pub(super) ssrc_changes: u32,
    pub(super) strays: Strays,
    pub(super) foreign_type: Option<u8>,
    pub(super) longest_pause: Option<Duration>,
    pub(super) added: Option<Added>,
    /// RTCP packets heard, and when the last one was.
    pub(super) reports: u64,
    pub(super) report_heard: Option<Instant>,
    pub(super) rtt_ms: Option<f32>,
    pub(super) lost_there: Option<f32>,
    pub(super) report_at: Option<Instant>,
    pub(super) reported: u64,
    /// Where the wheel has this leg.
    pub(super) entered: Option<u64>,
    /// The address the socket is connected to, and since when.
    pub(super) connected: Option<SocketAddr>,
    pub(super) connected_at: Instant,
}

impl Cold {
    fn new(
        (id, cname, events): (LegId, String, mpsc::Sender<LegEvent>),
        limits: Option<MediaWatch>,
        connected: Option<SocketAddr>,
        leg: &Leg,
        now: Instant,
    ) -> Self {
        Self {
            id,
            muxed: false,
            cname,
            events,
            events_lost: 0,
            taps: Vec::new(),
            taps_lost: 0,
            made_up: AllMadeUp::default(),
            drops: Drops::default(),
            feed: Feed::Silence,
            playing: Playing::default(),
            fill: None,
            others_at: None,
            digits: Digits::default(),
            digit_at: None,
            press: None,
            waiting: Vec::new(),
            relayed: None,
            watch: Watch { limits, since: None, packets: 0 },
            remote_at: now,
            told: leg.state(),
            set_up: SetUp::default(),
            past: Figures::default(),
            spoiled: None,
            marking: None,
            left_behind: Vec::new(),
            rebound: false,
            missed: None,
            taps_rest: false,
            shaking: false,
            ssrc_changes: 0,
            strays: Strays::default(),
            foreign_type: None,
            longest_pause: None,
            added: None,
            reports: 0,
            report_heard: None,
            rtt_ms: None,
            lost_there: None,
            report_at: leg.is_connected().then_some(now),
            reported: 0,
            entered: None,
            connected,
            connected_at: now,
        }
    }
}

/// How far a prompt has played.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Playing {
    pub(super) next: usize,
    pub(super) at: Option<Instant>,
}

/// A digit on its way out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Press {
    pub(super) digit: DigitSender,
    pub(super) at: Instant,
}

/// A key press on its way from a leg of another codec.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relayed {
    pub(super) ssrc: u32,
    pub(super) timestamp: u32,
    /// The line is its own until then.
    pub(super) until: Instant,
}

/// When silence is worth an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    pub(super) limits: Option<MediaWatch>,
    pub(super) since: Option<Instant>,
    /// What had been received by then.
    pub(super) packets: u64,
}

impl Slot {
    pub(super) fn new(new: NewLeg, socket: SocketId, now: Instant) -> Self {
        let NewLeg { id, leg, connected, stream, cname, media_watch, events, socket: _ } = new;
        let types = connected.map(|(_, types)| types);
        let types = types.unwrap_or(PayloadTypes::opus(UNKNOWN, None));
        let remote = connected.map(|(remote, _)| remote);
        let cold = Cold::new((id, cname, events), media_watch, remote, &leg, now);

        Self {
            leg,
            socket,
            to: None,
            types,
            gate: false,
            muted: false,
            tapped: false,
            pressing: false,
            impaired: false,
            stopped: false,
            seeks: false,
            feeds: Feeds::default(),
            source: source_of(id),
            stream: OutgoingStream::new(stream.ssrc, stream.sequence, stream.timestamp),
            reception: Reception::new(types.codec.clock()),
            heard: None,
            last_heard: now,
            received: Count::default(),
            sent: Count::default(),
            cold: Box::new(cold),
        }
    }

    /// Learns what the numbers in RTP headers mean, and with them the clock.
    pub(super) fn agree(&mut self, types: PayloadTypes) {
        self.types = types;
        self.stream.set_codec(types.codec);
        if self.heard.is_none() {
            self.reception = Reception::new(types.codec.clock());
        }
    }

    /// Whether RTP may leave and can be protected.
    pub(super) const fn can_send(&self) -> bool {
        self.gate && self.leg.is_connected()
    }

    /// The figures of all sources together, and the rest.
    pub(super) fn stats(&self, now: Instant) -> LegStats {
        let Cold { past, .. } = &*self.cold;
        let figures = self.reception.figures();
        let (lost, expected) = (past.lost + figures.lost, past.expected + figures.expected);
        let drops = self.leg.drops();
        let mos = (self.received.packets > 0).then(|| {
            let loss = Figures { lost, expected, ..figures }.loss();
            media::quality::mos(loss, figures.jitter_ms, self.cold.rtt_ms.unwrap_or(0.0))
        });

        LegStats {
            codec: (self.types.audio != UNKNOWN).then_some(self.types.codec),
            received: crate::Received {
                packets: self.received.packets,
                bytes: self.received.bytes,
                lost,
                late: past.late + figures.late,
                duplicates: past.duplicates + figures.duplicates,
                jitter_ms: figures.jitter_ms,
                rtt_ms: self.cold.rtt_ms,
                mos,
                reports: self.cold.reports,
                longest_pause: self.cold.longest_pause,
                foreign_type: self.cold.foreign_type,
                added: self.cold.added,
                made_up: self.cold.made_up.frames(),
            },
            sent: crate::Sent {
                packets: self.sent.packets,
                bytes: self.sent.bytes,
                lost_percent: self.cold.lost_there,
            },
            drops: Drops {
                auth: drops.auth,
                replay: drops.replay,
                malformed: self.cold.drops.malformed + drops.malformed,
                stun: drops.stun,
                unknown: self.cold.drops.unknown + drops.unknown,
                gate: self.cold.drops.gate,
                impaired: self.cold.drops.impaired,
                payload_type: self.cold.drops.payload_type,
            },
            set_up: self.cold.set_up,
            evidence: self.leg.evidence(),
            failed: self.leg.failure(),
            strays: self.cold.strays,
            alive: tell::life(self)
                .map(|(heard, last)| Alive { heard, idle: now.saturating_duration_since(last) }),
            ssrc_changes: self.cold.ssrc_changes,
            remote: self.leg.remote(),
            events_lost: self.cold.events_lost,
            taps_lost: self.cold.taps_lost,
        }
    }
}

/// No RTP header carries this: payload types have seven bits.
const UNKNOWN: u8 = 255;

/// The name of what a leg hears, for the streams it feeds.
#[expect(clippy::cast_possible_truncation, reason = "ids of one call do not differ by 2^32")]
const fn source_of(id: LegId) -> SourceId {
    SourceId(id.0 as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_hold_each_leg_once_and_let_any_go() {
        let mut feeds = Feeds::default();
        for leg in [4, 5, 6] {
            feeds.add(leg);
        }
        feeds.remove(4);
        let mut left: Vec<u32> = (0..feeds.len()).filter_map(|at| feeds.get(at)).collect();
        left.sort_unstable();
        assert_eq!((left, feeds.get(2)), (vec![5, 6], None));
        feeds.remove(6);
        assert_eq!((feeds.len(), feeds.first()), (1, Some(&5)));
        feeds.remove(5);
        feeds.remove(5);
        assert_eq!((feeds.len(), feeds.first()), (0, None));
    }

    /// What a packet touches stays within the lines that are asked for ahead.
    #[test]
    fn a_leg_is_small() {
        assert!(size_of::<Slot>() <= 20 * 64, "{} bytes", size_of::<Slot>());
    }
}
