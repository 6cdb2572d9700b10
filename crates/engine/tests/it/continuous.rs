//! What a user hears has no gap over 60 ms, whatever feeds it, and whenever that changes.
//!
//! In virtual time, from the moments at which packets leave: what a busy machine adds is not in it. The
//! tests over sockets, here and of the gateway, allow for that.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::rehearsal::{Datagram, Rehearsal};
use engine::{
    Direction, EVENTS_MAX, FrameSink, LegEvent, LegHandle, OpenLeg, Password, Repeat, Socket,
    Source, TapPacket, Tapped, frame_queue, tap,
};
use media::dtmf::Digit;
use media::frame::AudioFrame;
use media::leg::IceRole;
use media::transport::{DtlsRole, LocalTransport, RemoteTransport, Setup};
use tokio::sync::mpsc;

use crate::support::TYPES;

/// The longest that may pass between two packets to the user.
const GAP_MAX: Duration = Duration::from_millis(60);
/// A turn of every media thread: what the gateway's timers are late by.
const TURN: Duration = Duration::from_millis(2);
const FRAME: Duration = Duration::from_millis(20);
/// How uneven the way of the other party's packets is.
const JITTER_MS: u64 = 15;
/// How long each feed lasts; the next one comes at another moment within a frame in each round.
const STEP_MS: u64 = 260;
const ROUNDS: u64 = 7;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn frames(count: u8) -> Arc<[AudioFrame]> {
    (0..count).map(|nth| AudioFrame::new(vec![0x78, nth, 1, 2, 3]).unwrap()).collect()
}

fn voice() -> Source {
    Source::Packets(frames(50), Repeat::Forever)
}

/// A leg and what its SDP would say.
struct End {
    leg: LegHandle,
    local: LocalTransport,
    events: mpsc::Receiver<LegEvent>,
    is_up: bool,
}

impl End {
    fn open(core: &mut Rehearsal, ice: IceRole, beside: Option<&Self>) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let socket = if ice == IceRole::Lite { Socket::Muxed } else { Socket::Own };
        let open = OpenLeg {
            socket,
            ice,
            password: Password::Plain,
            cname: "end".into(),
            media_watch: None,
            beside: beside.map(|end| end.leg.id()),
            events: sender,
        };
        let (leg, local) = core.open(open).unwrap();
        Self { leg, local, events, is_up: false }
    }

    fn said(&self, ice_lite: bool, setup: Setup) -> RemoteTransport {
        RemoteTransport {
            ice_ufrag: self.local.ufrag.clone(),
            ice_pwd: self.local.pwd.clone(),
            candidates: self.local.addrs.clone(),
            ice_lite,
            fingerprint: self.local.fingerprint,
            setup,
        }
    }

    fn looks(&mut self) -> bool {
        while let Ok(event) = self.events.try_recv() {
            self.is_up |= matches!(event, LegEvent::DtlsConnected { .. });
        }
        self.is_up
    }
}

/// The gateway's two legs of a call, and who is at their far ends.
struct Stage {
    start: Instant,
    now: Duration,
    gateway: Rehearsal,
    to_user: End,
    to_other: End,
    /// The user, and an agent or a telephone.
    far: [(Rehearsal, End, SocketAddr); 2],
    /// What is on its way, and when it arrives.
    way: [VecDeque<(Duration, Datagram)>; 2],
    back: Vec<Datagram>,
    sent: u64,
    /// Nothing of the other party arrives before this.
    held_until: Duration,
    /// A worker that gives a frame every 20 ms while it can.
    worker: Option<(FrameSink, Duration)>,
    tapped: Tapped,
    left: Vec<TapPacket>,
}

/// What a feed is called, and what begins it.
type Act<'a> = (&'static str, &'a dyn Fn(&mut Stage));

impl Stage {
    fn new(fills: bool) -> Self {
        let start = Instant::now() + Duration::from_secs(1);
        let core = |ip: [u8; 4]| Rehearsal::new((ip, 3480).into(), start, ms(1_000)).unwrap();
        let mut gateway = core([10, 0, 0, 1]);
        let to_user = End::open(&mut gateway, IceRole::Lite, None);
        let to_other = End::open(&mut gateway, IceRole::Lite, Some(&to_user));
        let far = [[10, 0, 1, 1], [10, 0, 2, 1]].map(|ip| {
            let mut core = core(ip);
            let end = End::open(&mut core, IceRole::Full { controlling: true }, None);
            let addr = end.local.addrs[0];
            (core, end, addr)
        });
        for (near, (_, end, _)) in [&to_user, &to_other].into_iter().zip(&far) {
            end.leg.set_remote(near.said(true, Setup::Passive), DtlsRole::Client, TYPES);
            near.leg.set_remote(end.said(false, Setup::Active), DtlsRole::Server, TYPES);
            near.leg.send_gate(true);
            end.leg.send_gate(true);
        }
        let (tap, tapped) = tap(Direction::Sent, 1_024);
        let (now, held_until) = (Duration::ZERO, Duration::ZERO);
        let (way, back, left) = (Default::default(), Vec::new(), Vec::new());
        let (sent, worker) = (0, None);
        let mut stage = Self {
            start,
            now,
            gateway,
            to_user,
            to_other,
            far,
            way,
            back,
            sent,
            held_until,
            worker,
            tapped,
            left,
        };
        while !stage.is_up() {
            assert!(stage.now < Duration::from_secs(40), "no media path");
            stage.turn();
        }
        stage.to_user.leg.fill(fills);
        stage.to_user.leg.listen(tap);
        stage.far[1].1.leg.play(voice());
        stage
    }

    fn is_up(&mut self) -> bool {
        let [(_, user, _), (_, other, _)] = &mut self.far;
        [&mut self.to_user, &mut self.to_other, user, other].into_iter().all(End::looks)
    }

    fn turn(&mut self) {
        self.now += TURN;
        let (now, at) = (self.now, self.start + self.now);
        if let Some((sink, due)) = &mut self.worker
            && *due <= now
        {
            sink.push(frames(1)[0].clone());
            *due += FRAME;
        }
        let mut arrived = Vec::new();
        for way in &mut self.way {
            while way.front().is_some_and(|(due, _)| *due <= now) {
                arrived.extend(way.pop_front().map(|(_, datagram)| datagram));
            }
        }
        let back = std::mem::replace(&mut self.back, self.gateway.turn(at, arrived));
        for (nth, (core, _, addr)) in self.far.iter_mut().enumerate() {
            let own = back.iter().filter(|it| it.to == *addr).cloned().collect();
            for datagram in core.turn(at, own) {
                self.sent += 1;
                // Uneven, and in order.
                let jitter = ms(self.sent.wrapping_mul(0x9E37_79B9) % JITTER_MS);
                let newest = self.way[nth].back().map_or(Duration::ZERO, |(due, _)| *due);
                let held = if nth == 1 { self.held_until } else { Duration::ZERO };
                self.way[nth].push_back(((now + jitter).max(newest).max(held), datagram));
            }
        }
        self.left.extend(self.tapped.try_iter());
    }

    fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        while self.now < until {
            self.turn();
        }
    }

    fn bridge(&self) {
        self.to_user.leg.play(Source::Bridge(self.to_other.leg.clone()));
    }

    /// A worker begins; where its frames come.
    fn works(&mut self) -> engine::FrameQueue {
        let (sink, queue) = frame_queue(6);
        self.worker = Some((sink, self.now));
        queue
    }

    fn worker_is_held_up(&mut self, span: Duration) {
        if let Some((_, due)) = &mut self.worker {
            *due += span;
        }
    }

    /// Every feed of the user's leg after another, each `step` long; the longest gap while each lasted.
    fn feeds(&mut self, step: Duration) -> Vec<(&'static str, Duration)> {
        let digit = Digit::new('5').unwrap();
        let other = self.far[1].1.leg.clone();
        let mut gaps = Vec::new();
        let acts: [Act<'_>; 17] = [
            ("an agent", &|stage| {
                other.play(voice());
                stage.bridge();
            }),
            ("music on hold", &|stage| stage.to_user.leg.play(voice())),
            ("the agent again", &|stage| stage.bridge()),
            ("the agent's network is held up", &|stage| stage.held_until = stage.now + ms(150)),
            ("the agent presses a key", &|_| other.send_digit(digit, 100)),
            ("the agent is quiet", &|_| other.play(Source::Silence)),
            ("the agent speaks", &|_| other.play(voice())),
            ("a transfer nobody has taken", &|stage| stage.to_user.leg.play(Source::Silence)),
            ("a prompt that ends", &|stage| {
                stage.to_user.leg.play(Source::Packets(frames(5), Repeat::Once));
            }),
            ("a bot", &|stage| {
                let words = stage.works();
                stage.to_user.leg.play(Source::Mix(words));
            }),
            ("the bot's worker is held up", &|stage| stage.worker_is_held_up(ms(150))),
            ("a key press to the user", &|stage| stage.to_user.leg.send_digit(digit, 100)),
            ("a telephone of another codec", &|stage| {
                // What it says comes from the worker alone.
                other.play(Source::Silence);
                let (frames, of) = (stage.works(), stage.to_other.leg.clone());
                stage.to_user.leg.play(Source::Transcoded { of, frames });
            }),
            ("the telephone presses a key", &|_| other.send_digit(digit, 100)),
            ("the telephone is quiet", &|stage| stage.worker_is_held_up(step)),
            ("the telephone speaks", &|_| {}),
            ("nobody", &|stage| {
                stage.worker = None;
                stage.to_user.leg.play(Source::Silence);
            }),
        ];
        for (what, act) in acts {
            act(self);
            let from = self.left.len().saturating_sub(1);
            self.pass(step);
            let gap = |pair: &[TapPacket]| pair[1].at - pair[0].at;
            let longest = self.left[from..].windows(2).map(gap).max().unwrap_or(step);
            let last = self.left.last().map_or(step, |it| (self.start + self.now) - it.at);
            gaps.push((what, longest.max(last)));
        }
        gaps
    }
}

#[test]
fn no_feed_and_no_change_of_feeds_leaves_a_gap_over_60_ms() {
    let mut stage = Stage::new(true);
    for round in 0..ROUNDS {
        for (what, gap) in stage.feeds(ms(STEP_MS + 3 * round)) {
            assert!(gap <= GAP_MAX, "{what}, round {round}: a gap of {gap:?}");
        }
    }
    for pair in stage.left.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1), "no number is left out");
    }
    let mut asked = stage.far[0].1.leg.stats();
    stage.turn();
    let stats = asked.try_recv().unwrap();
    assert_eq!(stats.ssrc_changes, 0, "one source");
    assert!(stats.received.packets + 20 > stage.left.len() as u64, "they arrive: {stats:?}");
}

/// Opus with DTX sends one frame in 400 ms while its speaker is silent (RFC 6716, 2.1.9).
const DTX_EVERY: Duration = Duration::from_millis(400);

/// The other party speaks, and is silent with DTX, three times; the longest gap the user has.
fn pauses_with_dtx(fills: bool) -> Duration {
    let mut stage = Stage::new(fills);
    let other = stage.far[1].1.leg.clone();
    stage.bridge();
    stage.pass(ms(300));
    let from = stage.left.len() - 1;
    for _ in 0..3 {
        for _ in 0..4 {
            other.play(Source::Packets(frames(1), Repeat::Once));
            stage.pass(DTX_EVERY);
        }
        other.play(voice());
        stage.pass(ms(330));
    }
    stage.left[from..].windows(2).map(|pair| pair[1].at - pair[0].at).max().unwrap()
}

#[test]
fn a_party_that_is_silent_with_dtx_leaves_the_user_no_gap() {
    let gap = pauses_with_dtx(true);
    assert!(gap <= GAP_MAX, "a gap of {gap:?}");
    let without = pauses_with_dtx(false);
    assert!(without + ms(60) > DTX_EVERY, "it was sparse: {without:?}");
}

/// What finds no gap must be able to.
#[test]
fn without_silence_between_there_are_gaps() {
    let gaps = Stage::new(false).feeds(ms(STEP_MS));
    let found = |wanted| gaps.iter().any(|(what, gap)| *what == wanted && *gap > GAP_MAX);
    assert!(found("the agent is quiet") && found("the telephone is quiet"), "{gaps:?}");
}
