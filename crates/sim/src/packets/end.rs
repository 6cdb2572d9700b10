//! Who is at an end of a call, and what has it heard?

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use engine::rehearsal::Rehearsal;
use engine::{
    EVENTS_MAX, LegEvent, LegHandle, LegStats, MediaWatch, OpenLeg, Password, PayloadTypes, Repeat,
    Socket, Source,
};
use media::frame::AudioFrame;
use media::leg::IceRole;
use media::mark::{Marks, make_room};
use media::transport::{DtlsRole, LocalTransport, RemoteTransport, Setup};
use terms::LegId;
use tokio::sync::{mpsc, oneshot};

pub(super) fn types() -> PayloadTypes {
    PayloadTypes::opus(111, Some(126))
}

/// Voice that goes on for ever, with room for marks.
pub(super) fn frames() -> Source {
    let frame = |nth: u8| {
        let packet = make_room(&[0x78, nth, 1, 2, 3]).expect("one frame without a count");
        AudioFrame::new(packet).expect("it is no longer than a frame may be")
    };

    Source::Packets((0..50).map(frame).collect(), Repeat::Forever)
}

/// A far end with a media thread of its own.
pub(super) struct End {
    pub(super) addr: SocketAddr,
    pub(super) core: Rehearsal,
    pub(super) leg: Leg,
}

impl End {
    pub(super) fn new(ip: [u8; 4], start: Instant, report_every: Duration) -> Self {
        let mut core = Rehearsal::new((ip, 3480).into(), start, report_every).expect("a thread");
        let leg = Leg::open(&mut core, IceRole::Full { controlling: true }, None, None);
        let addr = *leg.local.addrs.first().expect("a leg has an address");

        Self { addr, core, leg }
    }
}

/// A leg and what it was told.
pub(super) struct Leg {
    /// None once it was closed.
    handle: Option<LegHandle>,
    id: LegId,
    local: LocalTransport,
    is_lite: bool,
    events: mpsc::Receiver<LegEvent>,
    asked: Option<(oneshot::Receiver<LegStats>, oneshot::Receiver<Marks>)>,
    pub(super) is_up: bool,
    pub(super) has_ended: bool,
}

impl Leg {
    pub(super) fn open(
        core: &mut Rehearsal,
        ice: IceRole,
        media_watch: Option<MediaWatch>,
        beside: Option<LegId>,
    ) -> Self {
        let (told, events) = mpsc::channel(EVENTS_MAX);
        let (handle, local) = core
            .open(OpenLeg {
                socket: if ice == IceRole::Lite { Socket::Muxed } else { Socket::Own },
                ice,
                password: Password::Plain,
                cname: "sim".to_owned(),
                media_watch,
                beside,
                events: told,
            })
            .expect("a leg");
        let (id, is_lite) = (handle.id(), ice == IceRole::Lite);
        let handle = Some(handle);

        Self { handle, id, local, is_lite, events, asked: None, is_up: false, has_ended: false }
    }

    pub(super) const fn id(&self) -> LegId {
        self.id
    }

    /// Exchanges the two SDPs: this one offers as a full agent, the other answers.
    pub(super) fn meet(&self, other: &Self) {
        self.order(|leg| {
            leg.set_remote(other.said(Setup::Passive), DtlsRole::Client, types());
        });
        other.order(|leg| {
            leg.set_remote(self.said(Setup::Active), DtlsRole::Server, types());
            leg.watch_from_now();
        });
    }

    pub(super) fn bridge(&self, other: &Self) {
        let (Some(one), Some(another)) = (&self.handle, &other.handle) else { return };
        one.play(Source::Bridge(another.clone()));
        another.play(Source::Bridge(one.clone()));
    }

    /// Opens the gate, with something to play if it is not bridged.
    pub(super) fn speaks(&self, source: Option<Source>) {
        self.order(|leg| {
            if let Some(source) = source {
                leg.play(source);
            }
            leg.send_gate(true);
        });
    }

    pub(super) fn falls_silent(&self) {
        self.order(|leg| leg.play(Source::Silence));
    }

    pub(super) fn mark(&self, tag: u32) {
        self.order(|leg| leg.mark(tag, tag));
    }

    /// Asks for figures; they are there after a turn.
    pub(super) fn ask(&mut self) {
        self.asked = self.handle.as_ref().map(|leg| (leg.stats(), leg.marks()));
    }

    pub(super) fn stats(&mut self) -> LegStats {
        let (stats, _) = self.asked.as_mut().expect("it was asked");
        stats.try_recv().expect("a turn answers")
    }

    pub(super) fn marks(&mut self) -> Marks {
        let (_, marks) = self.asked.as_mut().expect("it was asked");
        marks.try_recv().expect("a turn answers")
    }

    pub(super) fn close(&mut self) {
        self.handle = None;
    }

    /// What it was told since.
    pub(super) fn take_news(&mut self) -> Vec<LegEvent> {
        let mut news = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            self.is_up |= matches!(event, LegEvent::DtlsConnected { .. });
            self.has_ended |= matches!(event, LegEvent::Closed(_));
            news.push(event);
        }
        news
    }

    fn order(&self, order: impl FnOnce(&LegHandle)) {
        if let Some(leg) = &self.handle {
            order(leg);
        }
    }

    fn said(&self, setup: Setup) -> RemoteTransport {
        RemoteTransport {
            ice_ufrag: self.local.ufrag.clone(),
            ice_pwd: self.local.pwd.clone(),
            candidates: self.local.addrs.clone(),
            ice_lite: self.is_lite,
            fingerprint: self.local.fingerprint,
            setup,
        }
    }
}
