//! Who owns the sockets and the threads, and opens legs?

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use media::leg::{DtlsIdentity, Leg, LegConfig};
use media::transport::{Fingerprint, LocalTransport};
use terms::LegId;
use tokio::sync::oneshot;

use crate::credentials::{self, StreamStart};
use crate::handshakes::{self, Job};
use crate::order::{
    Carrier, Command, NewLeg, ORDERS_MAX, THREADS_MAX, ThreadPort, Told, leg_id, thread_of,
};
use crate::pressure::Room;
use crate::{
    Backend, Config, LegHandle, OpenError, OpenKeyed, OpenLeg, OpenSdes, Socket, StartError,
    ThreadLoad, order, ports, thread,
};

/// The media plane of one process. Clones share it; it stops when the last clone and the last leg
/// are gone.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    identity: DtlsIdentity,
    threads: Vec<ThreadPort>,
    /// Addresses of the muxed port, as far ends are told.
    muxed: Option<Vec<SocketAddr>>,
    backend: Backend,
    opened: AtomicU64,
}

impl Engine {
    /// Makes the DTLS identity, binds the muxed port and starts the threads.
    ///
    /// # Errors
    ///
    /// Says what the configuration or the operating system lacks.
    pub fn start(config: Config) -> Result<Self, StartError> {
        if config.threads == 0 || config.threads > THREADS_MAX {
            return Err(StartError::NoThread);
        }
        if config.muxed.is_some() && config.threads > 1 {
            return Err(StartError::MuxedNeedsOneThread);
        }
        let wildcard = config.bind_ip.is_unspecified()
            || config.muxed.is_some_and(|addr| addr.ip().is_unspecified());
        if wildcard && config.advertised.is_empty() {
            return Err(StartError::NothingToAdvertise);
        }
        let identity = DtlsIdentity::generate().map_err(StartError::Identity)?;
        let muxed_socket = config
            .muxed
            .map(|addr| {
                ports::bind_muxed(addr).map_err(|source| StartError::BindMuxed { addr, source })
            })
            .transpose()?;
        let muxed = muxed_socket
            .as_ref()
            .and_then(|socket| socket.local_addr().ok())
            .map(|addr| advertised(&config, addr.ip(), addr.port()));

        let jobs = handshakes::start(config.handshake_threads).map_err(StartError::Thread)?;
        let mut threads = Vec::with_capacity(config.threads);
        let mut backend = config.backend;
        let mut muxed_socket = muxed_socket;
        for index in 0..config.threads {
            let (port, used) =
                start_thread(&config, index, backend, muxed_socket.take(), jobs.clone())?;
            threads.push(port);
            backend = used;
        }

        let opened = AtomicU64::new(1);
        Ok(Self(Arc::new(Inner { config, identity, threads, muxed, backend, opened })))
    }

    /// What our certificate must be named in SDP.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.0.identity.fingerprint()
    }

    /// How datagrams are moved; never [`Backend::Auto`].
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.0.backend
    }

    /// Opens a leg and says what the far end must be told about it.
    ///
    /// # Errors
    ///
    /// Says which resource is missing.
    pub fn open(&self, open: OpenLeg) -> Result<(LegHandle, LocalTransport), OpenError> {
        let thread = self.choose_thread(open.beside)?;
        let place = self.socket(open.socket)?;
        let (new, local) = new_leg(open, self.next_id(thread), place, &self.0.identity);

        Ok((self.hand_over(thread, new)?, local))
    }

    /// Opens a leg whose keys both ends already have; returns the address it is bound to.
    ///
    /// # Errors
    ///
    /// Says which resource is missing.
    pub fn open_keyed(&self, open: OpenKeyed) -> Result<(LegHandle, SocketAddr), OpenError> {
        let thread = self.choose_thread(open.beside)?;
        let (socket, addrs) = self.socket(open.socket)?;
        if let Carrier::New(socket) = &socket {
            socket.connect(open.remote).map_err(OpenError::Connect)?;
        }
        let local = addrs.first().copied().ok_or(OpenError::Stopped)?;
        let new = NewLeg {
            id: self.next_id(thread),
            leg: Leg::keyed(&open.send_key, &open.receive_key, open.remote),
            socket,
            connected: Some((open.remote, open.payload_types)),
            stream: StreamStart::random(),
            cname: open.cname,
            media_watch: open.media_watch,
            events: open.events,
        };

        Ok((self.hand_over(thread, new)?, local))
    }

    /// Opens a leg that waits for the keys of the two SDPs, and says what the far end must be told
    /// about it. Of the transport only addresses and source count: there is no ICE.
    ///
    /// # Errors
    ///
    /// Says which resource is missing.
    pub fn open_sdes(&self, open: OpenSdes) -> Result<(LegHandle, LocalTransport), OpenError> {
        let OpenSdes { cname, media_watch, beside, events } = open;
        let thread = self.choose_thread(beside)?;
        let (socket, addrs) = self.bind()?;
        let stream = StreamStart::random();
        let new = NewLeg {
            id: self.next_id(thread),
            leg: Leg::unkeyed(),
            socket: Carrier::New(socket),
            connected: None,
            stream,
            cname: cname.clone(),
            media_watch,
            events,
        };
        let handle = self.hand_over(thread, new)?;
        let local = LocalTransport {
            addrs,
            ufrag: String::new(),
            pwd: String::new(),
            fingerprint: self.fingerprint(),
            ssrc: stream.ssrc,
            cname,
            session_id: credentials::session_id(),
        };

        Ok((handle, local))
    }

    /// Lets a leg send from another port from now on, as behind a NAT that forgot it. What comes to
    /// the old one still arrives, and checks are answered from where they came to.
    ///
    /// # Errors
    ///
    /// No port is free.
    pub fn rebind(&self, leg: &LegHandle) -> Result<(), OpenError> {
        leg.rebind(self.bind()?.0);

        Ok(())
    }

    /// What each media thread has done so far.
    #[must_use]
    pub fn load(&self) -> Vec<oneshot::Receiver<ThreadLoad>> {
        self.0
            .threads
            .iter()
            .map(|port| {
                let (answer, asked) = oneshot::channel();
                port.send(Command::Load(answer));
                asked
            })
            .collect()
    }

    /// What carries a leg, and what far ends are told of it.
    fn socket(&self, socket: Socket) -> Result<(Carrier, Vec<SocketAddr>), OpenError> {
        match socket {
            Socket::Muxed => {
                Ok((Carrier::Muxed, self.0.muxed.clone().ok_or(OpenError::NoMuxedPort)?))
            }
            Socket::Own => self.bind().map(|(socket, addrs)| (Carrier::New(socket), addrs)),
        }
    }

    fn bind(&self) -> Result<(std::net::UdpSocket, Vec<SocketAddr>), OpenError> {
        let Config { bind_ip, ports, .. } = &self.0.config;
        let socket = ports::bind(*bind_ip, ports).map_err(OpenError::NoPort)?;
        let port = socket.local_addr().map_err(OpenError::NoPort)?.port();

        Ok((socket, advertised(&self.0.config, *bind_ip, port)))
    }

    fn choose_thread(&self, beside: Option<LegId>) -> Result<usize, OpenError> {
        let threads = &self.0.threads;
        match beside {
            Some(leg) if thread_of(leg) < threads.len() => Ok(thread_of(leg)),
            Some(leg) => Err(OpenError::NotBeside(leg)),
            None => threads
                .iter()
                .enumerate()
                .filter(|(_, port)| self.0.config.busy.room_at(port.told.busy()) != Room::None)
                .min_by_key(|(_, port)| port.legs())
                .map(|(index, _)| index)
                .ok_or_else(|| self.too_busy()),
        }
    }

    fn too_busy(&self) -> OpenError {
        let shares = self.0.threads.iter().map(|port| port.told.busy());

        OpenError::Busy { share: shares.fold(1.0, f32::min) }
    }

    fn next_id(&self, thread: usize) -> LegId {
        leg_id(self.0.opened.fetch_add(1, Ordering::Relaxed), thread)
    }

    fn hand_over(&self, thread: usize, new: NewLeg) -> Result<LegHandle, OpenError> {
        let port = self.0.threads.get(thread).ok_or(OpenError::Stopped)?;
        let id = new.id;
        port.told.legs.fetch_add(1, Ordering::Relaxed);
        if !port.send(Command::Open(Box::new(new))) {
            return Err(OpenError::Stopped);
        }

        Ok(LegHandle::new(id, port.clone()))
    }
}

/// A leg on this socket, and what its far end must be told.
pub(crate) fn new_leg(
    open: OpenLeg,
    id: LegId,
    (socket, addrs): (Carrier, Vec<SocketAddr>),
    identity: &DtlsIdentity,
) -> (NewLeg, LocalTransport) {
    let OpenLeg { ice, password, cname, media_watch, events, .. } = open;
    let credentials = credentials::ice(password);
    let stream = StreamStart::random();
    let config = LegConfig { ice, local_addrs: addrs.clone(), credentials };
    let leg = Leg::new(&config, identity);
    let local = LocalTransport {
        addrs,
        ufrag: config.credentials.ufrag,
        pwd: config.credentials.pwd,
        fingerprint: identity.fingerprint(),
        ssrc: stream.ssrc,
        cname: cname.clone(),
        session_id: credentials::session_id(),
    };
    let connected = None;

    (NewLeg { id, leg, socket, connected, stream, cname, media_watch, events }, local)
}

/// Our port at every address far ends are told.
fn advertised(config: &Config, bound: IpAddr, port: u16) -> Vec<SocketAddr> {
    if config.advertised.is_empty() {
        return vec![SocketAddr::new(bound, port)];
    }

    config.advertised.iter().map(|ip| SocketAddr::new(*ip, port)).collect()
}

fn start_thread(
    config: &Config,
    index: usize,
    backend: Backend,
    muxed: Option<std::net::UdpSocket>,
    jobs: Option<crossbeam_channel::Sender<Job>>,
) -> Result<(ThreadPort, Backend), StartError> {
    let wake = Arc::new(order::bell()?);
    let (commands, queue) = crossbeam_channel::bounded(ORDERS_MAX);
    let told = Arc::new(Told::default());
    let port = ThreadPort { commands, wake: Arc::clone(&wake), told: Arc::clone(&told) };
    let Config { pin, report_every, busy, .. } = *config;
    let seat =
        thread::Seat { index, pin, backend, report_every, busy, muxed, queue, wake, told, jobs };

    Ok((port, thread::start(seat)?))
}
