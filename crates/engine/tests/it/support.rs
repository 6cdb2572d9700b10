//! Parties of a call, and ways to wait for what they are told.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::{
    Backend, Config, Direction, EVENTS_MAX, Engine, LegEvent, LegHandle, LegStats, MediaWatch,
    OpenLeg, Password, PayloadTypes, Socket, StartError, TapPacket, Tapped,
};
use media::frame::AudioFrame;
use media::leg::IceRole;
use media::transport::{DtlsRole, LocalTransport, RemoteTransport, Setup};
use tokio::sync::mpsc;

/// Runs a test by epoll and by `io_uring`; where the kernel refuses the second, it says so.
macro_rules! for_each_backend {
    ($($name:ident),+ $(,)?) => {
        mod by_epoll {
            $(#[test] fn $name() { super::$name(engine::Backend::Epoll); })+
        }
        mod by_uring {
            $(#[test] fn $name() {
                if $crate::support::kernel_grants(engine::Backend::Uring) {
                    super::$name(engine::Backend::Uring);
                }
            })+
        }
    };
}
pub(crate) use for_each_backend;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const TYPES: PayloadTypes = PayloadTypes::opus(111, Some(126));

#[expect(clippy::print_stderr, reason = "a test that does not run says so")]
pub(crate) fn kernel_grants(backend: Backend) -> bool {
    match Engine::start(Config { backend, ..Config::default() }) {
        Ok(engine) => {
            assert_eq!(engine.backend(), backend);
            true
        }
        Err(StartError::Uring(error)) => {
            eprintln!("not run: the kernel refuses io_uring here ({error})");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// An engine with a muxed port, as the platform has.
pub(crate) fn platform(backend: Backend) -> Engine {
    let muxed = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    Engine::start(Config { backend, muxed, ..Config::default() }).unwrap()
}

/// Both, with reports that follow each other closely.
pub(crate) fn talkative(backend: Backend) -> (Engine, Engine) {
    let muxed = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let report_every = Duration::from_millis(300);
    let start = |muxed| {
        Engine::start(Config { backend, muxed, report_every, ..Config::default() }).unwrap()
    };

    (start(muxed), start(None))
}

/// An engine whose legs have sockets of their own, as gateway and handset have.
pub(crate) fn business(backend: Backend) -> Engine {
    Engine::start(Config { backend, ..Config::default() }).unwrap()
}

pub(crate) struct Party {
    pub(crate) leg: LegHandle,
    pub(crate) local: LocalTransport,
    pub(crate) lite: bool,
    pub(crate) events: mpsc::Receiver<LegEvent>,
}

impl Party {
    pub(crate) fn lite(engine: &Engine, beside: Option<&Self>) -> Self {
        Self::open(engine, Socket::Muxed, IceRole::Lite, Password::Padded, None, beside)
    }

    pub(crate) fn full(engine: &Engine) -> Self {
        let role = IceRole::Full { controlling: true };
        Self::open(engine, Socket::Own, role, Password::Plain, None, None)
    }

    pub(crate) fn watched(engine: &Engine, watch: MediaWatch) -> Self {
        Self::open(engine, Socket::Muxed, IceRole::Lite, Password::Plain, Some(watch), None)
    }

    pub(crate) fn open(
        engine: &Engine,
        socket: Socket,
        ice: IceRole,
        password: Password,
        media_watch: Option<MediaWatch>,
        beside: Option<&Self>,
    ) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let (leg, local) = engine
            .open(OpenLeg {
                socket,
                ice,
                password,
                cname: "party".into(),
                media_watch,
                beside: beside.map(|party| party.leg.id()),
                events: sender,
            })
            .unwrap();

        Self { leg, local, lite: ice == IceRole::Lite, events }
    }

    /// What this party's SDP would say.
    pub(crate) fn said(&self, setup: Setup) -> RemoteTransport {
        RemoteTransport {
            ice_ufrag: self.local.ufrag.clone(),
            ice_pwd: self.local.pwd.clone(),
            candidates: self.local.addrs.clone(),
            ice_lite: self.lite,
            fingerprint: self.local.fingerprint,
            setup,
        }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.local.addrs[0]
    }

    /// Waits for an event the test looks for; others pass.
    pub(crate) fn wait<T>(&mut self, what: &str, pick: impl Fn(&LegEvent) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        while Instant::now() < until {
            match self.events.try_recv() {
                Ok(event) => match pick(&event) {
                    Some(found) => return found,
                    None => passed.push(event),
                },
                Err(mpsc::error::TryRecvError::Empty) => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(mpsc::error::TryRecvError::Disconnected) => break,
            }
        }
        panic!("no {what}; only {passed:?}");
    }

    pub(crate) fn connected(&mut self) {
        self.wait("DTLS connection", |event| {
            matches!(event, LegEvent::DtlsConnected { .. }).then_some(())
        });
    }

    pub(crate) fn stats(&self) -> LegStats {
        self.leg.stats().blocking_recv().unwrap()
    }

    /// Asserts that nothing the test looks for happens for a while.
    pub(crate) fn never(&mut self, during: Duration, pick: impl Fn(&LegEvent) -> bool) {
        let until = Instant::now() + during;
        while Instant::now() < until {
            match self.events.try_recv() {
                Ok(event) => assert!(!pick(&event), "{event:?}"),
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    pub(crate) fn tap(&self, direction: Direction) -> Tapped {
        let (tap, heard) = engine::tap(direction, 4_096);
        self.leg.listen(tap);
        // Orders are obeyed in turn: with this answered, no packet comes before the tap.
        self.stats();
        heard
    }
}

/// Introduces a DTLS client to a server.
pub(crate) fn introduce(client: &Party, server: &Party) {
    introduce_as(client, server, TYPES);
}

fn introduce_as(client: &Party, server: &Party, types: PayloadTypes) {
    server.leg.set_remote(client.said(Setup::Active), DtlsRole::Server, types);
    client.leg.set_remote(server.said(Setup::Passive), DtlsRole::Client, types);
}

/// A call that is up, with both gates open.
pub(crate) fn connect(client: &mut Party, server: &mut Party) {
    connect_as(client, server, TYPES);
}

/// The same with what the numbers in RTP headers mean.
pub(crate) fn connect_as(client: &mut Party, server: &mut Party, types: PayloadTypes) {
    introduce_as(client, server, types);
    client.connected();
    server.connected();
    client.leg.send_gate(true);
    server.leg.send_gate(true);
}

/// Frames that name themselves: the number, then a pattern.
pub(crate) fn frames(tag: u8, count: u16) -> Arc<[AudioFrame]> {
    (0..count)
        .map(|number| {
            let [n0, n1] = number.to_be_bytes();
            let mut frame = vec![0x48, tag, n0, n1];
            frame.extend((0..40).map(|at| tag.wrapping_mul(31).wrapping_add(at)));
            AudioFrame::new(frame).unwrap()
        })
        .collect()
}

/// Takes packets off a tap until there are enough.
pub(crate) fn take(heard: &mut Tapped, count: usize) -> Vec<TapPacket> {
    let until = Instant::now() + PATIENCE;
    let mut packets = Vec::with_capacity(count);
    while packets.len() < count {
        assert!(Instant::now() < until, "only {} of {count} packets", packets.len());
        match heard.try_recv() {
            Ok(packet) => packets.push(packet),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }

    packets
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// How loud a tone is in samples of 48 kHz, in dBFS; -100 where there is nothing of it.
pub(crate) fn level_of(samples: &[i16], hz: f32) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in (0u32..).zip(samples) {
        let turn = f64::from(n) * f64::from(hz) / 48_000.0 * std::f64::consts::TAU;
        re += f64::from(*sample) * turn.cos();
        im += f64::from(*sample) * turn.sin();
    }
    let amplitude = 2.0 * re.hypot(im) / samples.len().max(1) as f64;

    20.0 * (amplitude / 2f64.sqrt() / 32_768.0).max(1e-5).log10()
}
