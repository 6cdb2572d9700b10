//! Two legs of ours that talk in memory.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use offhook_media::leg::{DtlsIdentity, IceRole, Leg, LegConfig, LegDrops, MediaPacket, Outbox};
use offhook_media::rtcp::{self, Report};
use offhook_media::rtp::{self, Fields};
use offhook_media::transport::{DtlsRole, IceCredentials, RemoteTransport, Setup};

pub(crate) const SIZE: usize = 2_048;

pub(crate) fn identity() -> &'static DtlsIdentity {
    static IDENTITY: OnceLock<DtlsIdentity> = OnceLock::new();

    IDENTITY.get_or_init(|| DtlsIdentity::generate().unwrap())
}

#[derive(Default)]
pub(crate) struct Mail(pub(crate) Vec<(SocketAddr, Vec<u8>)>);

impl Outbox for Mail {
    fn send(&mut self, to: SocketAddr, datagram: &[u8]) {
        self.0.push((to, datagram.to_vec()));
    }
}

pub(crate) struct End {
    pub(crate) leg: Leg,
    pub(crate) addr: SocketAddr,
    pub(crate) mail: Mail,
    sequence: u16,
    /// Media packets that came through.
    pub(crate) heard: usize,
}

impl End {
    pub(crate) fn new(ice: IceRole, port: u16) -> Self {
        let addr = ([127, 0, 0, 1], port).into();
        let config = LegConfig { ice, local_addrs: vec![addr], credentials: credentials_of(addr) };

        Self {
            leg: Leg::new(&config, identity()),
            addr,
            mail: Mail::default(),
            sequence: 0,
            heard: 0,
        }
    }

    pub(crate) fn receive(&mut self, from: SocketAddr, datagram: &[u8], now: Instant) {
        let mut buf = [0; SIZE];
        let len = datagram.len().min(SIZE);
        buf[..len].copy_from_slice(&datagram[..len]);
        match self.leg.handle_datagram(from, &mut buf, len, now, &mut self.mail) {
            Some(MediaPacket::Rtp(header)) => {
                self.heard += 1;
                assert_eq!(header.payload(&buf).len(), 40);
            }
            Some(MediaPacket::Rtcp { len }) => {
                self.heard += 1;
                assert!(rtcp::parse(&buf[..len]).all(|packet| packet.is_ok()));
            }
            None => {}
        }
    }

    /// A protected packet of audio, and now and then one of RTCP.
    pub(crate) fn speak(&mut self) -> Option<Vec<u8>> {
        let mut buf = vec![0; 400];
        self.sequence += 1;
        let len = if self.sequence.is_multiple_of(5) {
            let report = Report { ssrc: 7, sender: None, block: None, cname: "x" };
            let len = rtcp::write_report(&mut buf, &report)?;
            self.leg.protect_rtcp(&mut buf, len)?
        } else {
            let fields = Fields {
                payload_type: 111,
                marker: false,
                sequence: self.sequence,
                timestamp: 960 * u32::from(self.sequence),
                ssrc: 7,
            };
            rtp::write_header(&mut buf, fields)?;
            self.leg.protect_rtp(&mut buf, rtp::HEADER_LEN + 40)?
        };
        buf.truncate(len);

        Some(buf)
    }
}

fn credentials_of(addr: SocketAddr) -> IceCredentials {
    IceCredentials {
        ufrag: format!("uf{}", addr.port()),
        pwd: format!("a-password-that-is-long-enough-{}", addr.port()),
    }
}

/// A call in memory: a gateway's leg (full ICE, DTLS client) and a platform's (ice-lite, server).
pub(crate) struct Two {
    pub(crate) gateway: End,
    pub(crate) platform: End,
    pub(crate) now: Instant,
    platform_is_lite: bool,
    /// Everything genuine that was sent, with the end it was for.
    pub(crate) said: Vec<(Towards, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Towards {
    Gateway,
    Platform,
}

impl Two {
    pub(crate) fn new() -> Self {
        Self::with(IceRole::Lite)
    }

    /// The same with a far end that checks by itself, as a browser does.
    pub(crate) fn full() -> Self {
        Self::with(IceRole::Full { controlling: false })
    }

    fn with(platform: IceRole) -> Self {
        Self {
            gateway: End::new(IceRole::Full { controlling: true }, 5_000),
            platform: End::new(platform, 6_000),
            now: crate::any_instant(),
            platform_is_lite: platform == IceRole::Lite,
            said: Vec::new(),
        }
    }

    /// Tells both ends who the other is.
    pub(crate) fn introduce(&mut self) {
        self.introduce_to(Towards::Gateway);
        self.introduce_to(Towards::Platform);
    }

    /// Tells one end who the other is.
    pub(crate) fn introduce_to(&mut self, whom: Towards) {
        let (now, lite) = (self.now, self.platform_is_lite);
        let (gateway, platform) = (&mut self.gateway, &mut self.platform);
        let (end, other, role, ice_lite, setup) = match whom {
            Towards::Gateway => (gateway, platform.addr, DtlsRole::Client, lite, Setup::Passive),
            Towards::Platform => (platform, gateway.addr, DtlsRole::Server, false, Setup::Active),
        };
        let IceCredentials { ufrag, pwd } = credentials_of(other);
        let remote = RemoteTransport {
            ice_ufrag: ufrag,
            ice_pwd: pwd,
            candidates: vec![other],
            ice_lite,
            fingerprint: identity().fingerprint(),
            setup,
        };
        end.leg.set_remote(&remote, role, now, &mut end.mail);
    }

    /// Ten milliseconds: timers, then everything that was sent arrives.
    pub(crate) fn step(&mut self) {
        self.now += Duration::from_millis(10);
        for end in [&mut self.gateway, &mut self.platform] {
            // Only when it asked for it, as an engine does.
            if end.leg.next_timeout().is_some_and(|(at, _)| at <= self.now) {
                end.leg.handle_timeout(self.now, &mut end.mail);
            }
        }
        self.deliver();
    }

    pub(crate) fn deliver(&mut self) {
        for _ in 0..20 {
            let to_platform = std::mem::take(&mut self.gateway.mail.0);
            let to_gateway = std::mem::take(&mut self.platform.mail.0);
            if to_platform.is_empty() && to_gateway.is_empty() {
                return;
            }
            for (to, datagram) in to_platform {
                if to == self.platform.addr {
                    self.platform.receive(self.gateway.addr, &datagram, self.now);
                    self.said.push((Towards::Platform, datagram));
                }
            }
            for (to, datagram) in to_gateway {
                if to == self.gateway.addr {
                    self.gateway.receive(self.platform.addr, &datagram, self.now);
                    self.said.push((Towards::Gateway, datagram));
                }
            }
        }
        panic!("the legs never stop talking");
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.gateway.leg.is_connected() && self.platform.leg.is_connected()
    }

    /// Runs until packets can flow; `disturb` may interfere after every step.
    pub(crate) fn connect(&mut self, disturb: impl FnMut(&mut Self, usize)) {
        self.introduce();
        self.run_until_connected(disturb);
    }

    /// As [`Self::connect`], for two that know each other.
    pub(crate) fn run_until_connected(&mut self, mut disturb: impl FnMut(&mut Self, usize)) {
        for step in 0..500 {
            self.step();
            disturb(self, step);
            self.deliver();
            if self.is_connected() {
                return;
            }
        }
        panic!("{:?} {:?}", self.gateway.leg.state(), self.platform.leg.state());
    }

    /// Both speak; both must hear everything.
    pub(crate) fn talk(&mut self, packets: usize) {
        let before = (self.gateway.heard, self.platform.heard);
        for _ in 0..packets {
            let spoken = self.gateway.speak().unwrap();
            self.platform.receive(self.gateway.addr, &spoken, self.now);
            self.said.push((Towards::Platform, spoken));
            let spoken = self.platform.speak().unwrap();
            self.gateway.receive(self.platform.addr, &spoken, self.now);
            self.said.push((Towards::Gateway, spoken));
            self.step();
        }
        let after = (self.gateway.heard, self.platform.heard);
        assert_eq!(after, (before.0 + packets, before.1 + packets));
    }

    pub(crate) fn end(&mut self, towards: Towards) -> (&mut End, SocketAddr) {
        match towards {
            Towards::Gateway => (&mut self.gateway, self.platform.addr),
            Towards::Platform => (&mut self.platform, self.gateway.addr),
        }
    }

    pub(crate) fn drops(&mut self, towards: Towards) -> u64 {
        let LegDrops { auth, replay, malformed, stun, unknown } = *self.end(towards).0.leg.drops();

        auth + replay + malformed + stun + unknown
    }
}
