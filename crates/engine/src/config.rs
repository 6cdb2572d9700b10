//! What must an engine know before it starts?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use thiserror::Error;

use crate::BusyLimits;

/// RFC 3550 6.2 asks for five seconds; WhatsApp ends a held call after 30 s without any.
const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Two finish a handshake in less time than its datagrams travel, and idle they cost nothing.
const HANDSHAKE_THREADS: usize = 2;

/// How an engine is set up; fixed for its life.
#[derive(Clone, Debug)]
pub struct Config {
    /// Media threads. One carries a few thousand calls; a call never moves between them.
    pub threads: usize,
    /// Whether thread *n* stays on processor *n*.
    pub pin: bool,
    /// How datagrams are moved.
    pub backend: Backend,
    /// Where sockets are bound; a wildcard is fine when [`Config::advertised`] says what to tell.
    pub bind_ip: IpAddr,
    /// Addresses far ends are told, best first; empty means [`Config::bind_ip`].
    pub advertised: Vec<IpAddr>,
    /// Ports of legs with a socket of their own; `0..=0` lets the kernel choose.
    pub ports: RangeInclusive<u16>,
    /// The one shared port of [`crate::Socket::Muxed`] legs. It lives on one thread, so an engine
    /// that has it has one thread.
    pub muxed: Option<SocketAddr>,
    /// Between two RTCP reports of a leg, give or take a tenth.
    pub report_every: Duration,
    /// How busy a media thread may be before something gives way.
    pub busy: BusyLimits,
    /// Threads that compute DTLS handshakes when many arrive at once; without any, media threads do.
    pub handshake_threads: usize,
}

impl Default for Config {
    /// One unpinned thread on the loopback address with ports of the kernel's choice.
    fn default() -> Self {
        Self {
            threads: 1,
            pin: false,
            backend: Backend::Auto,
            bind_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            advertised: Vec::new(),
            ports: 0..=0,
            muxed: None,
            report_every: REPORT_EVERY,
            busy: BusyLimits::default(),
            handshake_threads: HANDSHAKE_THREADS,
        }
    }
}

/// How datagrams are moved between the kernel and us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// `io_uring` where the kernel grants it, else epoll.
    #[default]
    Auto,
    /// `io_uring`, or the engine does not start.
    Uring,
    /// epoll.
    Epoll,
}

/// Why an engine did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Without a thread nothing would move.
    #[error("an engine needs at least one media thread")]
    NoThread,
    /// The muxed port cannot be shared between threads.
    #[error("a muxed port lives on one thread; set threads to 1 or leave the port out")]
    MuxedNeedsOneThread,
    /// A wildcard is no address a far end can send to.
    #[error("bound to a wildcard address: say which addresses to advertise")]
    NothingToAdvertise,
    /// The muxed port could not be bound.
    #[error("cannot bind the muxed media port {addr}")]
    BindMuxed {
        /// The address asked for.
        addr: SocketAddr,
        /// What the kernel said.
        #[source]
        source: std::io::Error,
    },
    /// The kernel refuses `io_uring` or a part of it we need.
    #[error("the kernel does not grant io_uring as it is needed here")]
    Uring(#[source] std::io::Error),
    /// No epoll instance or event counter.
    #[error("cannot make the descriptors a media thread waits on")]
    Epoll(#[source] std::io::Error),
    /// The operating system has no thread for us.
    #[error("cannot start a media thread")]
    Thread(#[source] std::io::Error),
    /// Our own certificate or the DTLS configuration.
    #[error("cannot make the DTLS identity")]
    Identity(#[source] media::leg::IdentityError),
}
