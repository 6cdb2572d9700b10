//! Where do our SIP messages leave and arrive?

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsipstack::EndpointBuilder;
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::sip::{Header, Method, SipMessage, StatusCodeKind, Uri, typed};
use rsipstack::transaction::endpoint::{EndpointInnerRef, EndpointOption};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::TransportLayer;
use rsipstack::transport::udp::UdpConnection;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::cancels::Cancels;
use crate::face::Mask;
use crate::guests::{Guests, Rules};
use crate::inspector::Inspector;
use crate::origins::{self, Origins};
use crate::parting::Partings;
use crate::pracks::Pracks;
use crate::roads::{Addresses, Roads, sip_address};
use crate::wall::Wall;
use crate::{
    Call, CallError, Credentials, Face, Incoming, Invite, Manners, ProbeError, ReachError,
    Registered, Registrar, StartError, Strangers, Target, Tls, Transport, door, headers, session,
    tls,
};

/// How many calls an agent has at once.
const CALLS_MAX: usize = 10_000;
/// A connection on which nobody speaks is closed: a slow writer holds a place no longer.
pub(crate) const IDLE: Duration = Duration::from_secs(300);

/// Where a user agent listens and who it is.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Address of UDP and TCP; port 0 takes a free one; `None` has neither.
    pub plain: Option<SocketAddr>,
    /// TLS, if it speaks that.
    pub tls: Option<Tls>,
    /// What it is called in `From`, `Contact` and `User-Agent`.
    pub name: String,
    /// Whether it takes part in session timers (RFC 4028).
    pub timers: bool,
}

/// A SIP user agent. Dropping it stops it.
pub struct UserAgent {
    pub(crate) desk: Arc<Desk>,
    calls: Arc<Semaphore>,
    stop: CancellationToken,
}

impl std::fmt::Debug for UserAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserAgent").field("us", &self.desk.us).finish_non_exhaustive()
    }
}

/// What a call needs of its agent.
pub(crate) struct Desk {
    pub(crate) layer: DialogLayerRef,
    pub(crate) roads: Arc<Roads>,
    pub(crate) timers: bool,
    pub(crate) wall: Arc<Wall>,
    pub(crate) face: Face,
    pub(crate) partings: Partings,
    pub(crate) cancels: Arc<Cancels>,
    pub(crate) origins: Arc<Origins>,
    pub(crate) pracks: Arc<Pracks>,
    endpoint: EndpointInnerRef,
    us: Addresses,
    name: String,
}

/// Ports of the system's choice that are asked for.
const PORTS_TRIED: u32 = 8;

type DialogLayerRef = Arc<DialogLayer>;

impl UserAgent {
    /// Binds what it listens on and begins to answer. `ask` hears of calls and registrations that come
    /// in; without it they are refused.
    ///
    /// # Errors
    ///
    /// [`StartError`] when a port cannot be had.
    pub async fn start(
        listen: Listen,
        ask: Option<mpsc::Sender<Incoming>>,
    ) -> Result<Self, StartError> {
        Self::start_as(listen, Face::default(), ask).await
    }

    /// The same with a face of its own.
    ///
    /// # Errors
    ///
    /// [`StartError`] when a port cannot be had.
    pub async fn start_as(
        listen: Listen,
        face: Face,
        ask: Option<mpsc::Sender<Incoming>>,
    ) -> Result<Self, StartError> {
        Self::start_among(listen, face, ask, Rules::default()).await
    }

    /// The same with rules of its own for connections of others.
    pub(crate) async fn start_among(
        listen: Listen,
        face: Face,
        ask: Option<mpsc::Sender<Incoming>>,
        rules: Rules,
    ) -> Result<Self, StartError> {
        let stop = CancellationToken::new();
        let transports = TransportLayer::new(stop.child_token());
        transports.set_stream_idle_timeout(IDLE);
        let (wall, guests) = (Arc::new(Wall::default()), Arc::new(Guests::new(rules)));
        let heard = Arc::clone(&wall);
        transports.set_whitelist(move |ip| std::future::ready(heard.hears(ip)));
        let doors = Doors::open(&listen, &transports, &stop).await?;
        let (cancels, origins) = (Arc::<Cancels>::default(), Arc::<Origins>::default());
        let pracks = Arc::<Pracks>::default();
        let us = doors.us.at(Transport::Tls).map(|us| us.to_string()).unwrap_or_default();
        let endpoint = EndpointBuilder::new()
            .with_cancel_token(stop.child_token())
            .with_user_agent(&listen.name)
            .with_option(EndpointOption {
                callid_suffix: Some(listen.name.replace(' ', "-")),
                ..EndpointOption::default()
            })
            .with_inspector(Box::new(Inspector {
                mask: Mask::new(&face, &us, Arc::clone(&guests)),
                cancels: Arc::clone(&cancels),
                origins: Arc::clone(&origins),
                pracks: Arc::clone(&pracks),
            }))
            .with_transport_layer(transports)
            .build();
        let incoming = endpoint.incoming_transactions().map_err(stack)?;
        let inner = Arc::clone(&endpoint.inner);
        let layer = Arc::new(DialogLayer::new(Arc::clone(&inner)));
        let trust = listen.tls.map(|tls| tls.connect);
        let roads = Arc::new(Roads::new(
            Arc::clone(&inner),
            doors.us,
            trust,
            (Arc::clone(&wall), guests),
            stop.clone(),
        ));
        drop(tokio::spawn(async move { endpoint.serve().await }));
        let desk = Arc::new(Desk {
            layer,
            roads: Arc::clone(&roads),
            timers: listen.timers,
            wall,
            face,
            partings: Partings::default(),
            cancels,
            origins,
            pracks,
            endpoint: inner,
            us: doors.us,
            name: listen.name,
        });
        drop(tokio::spawn(door::keep(Arc::clone(&desk), incoming, ask)));
        for (listener, tls) in doors.listeners {
            drop(tokio::spawn(Arc::clone(&roads).welcome(listener, tls)));
        }
        Ok(Self { desk, calls: Arc::new(Semaphore::new(CALLS_MAX)), stop })
    }

    /// Where it listens for UDP and TCP.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.desk.us.plain
    }

    /// Where it listens for TLS.
    #[must_use]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.desk.us.tls
    }

    /// Rings a trunk's targets, one after the other.
    ///
    /// # Errors
    ///
    /// [`CallError`]; nothing was sent then.
    pub fn call(&self, invite: Invite) -> Result<Call, CallError> {
        self.call_so(invite, Manners::default())
    }

    /// The same, with manners of its own.
    ///
    /// # Errors
    ///
    /// [`CallError`]; nothing was sent then.
    pub fn call_so(&self, mut invite: Invite, manners: Manners) -> Result<Call, CallError> {
        let extension = headers::user(&invite.extension, "the extension")?;
        invite.extension = headers::user_with(&extension, &invite.user_params)
            .ok_or(CallError::User("what follows the extension"))?;
        invite.caller = headers::user(&invite.caller, "the caller")?;
        let place = Arc::clone(&self.calls).try_acquire_owned().map_err(|_| CallError::Full)?;
        Ok(Call::begin(Arc::clone(&self.desk), (invite, manners), place))
    }

    /// Says at a registrar where we are, and again before it forgets.
    #[must_use]
    pub fn register(&self, registrar: Registrar) -> Registered {
        Registered::begin(Arc::clone(&self.desk), registrar)
    }

    /// Who was turned away.
    #[must_use]
    pub fn strangers(&self) -> Strangers {
        self.desk.wall.strangers()
    }

    /// Makes sure of a connection to a target, and that it is who it says; a call to it takes it.
    ///
    /// # Errors
    ///
    /// [`ReachError`]: why not.
    pub async fn reach(&self, target: &Target) -> Result<(), ReachError> {
        self.desk.roads.ready(target).await.map(drop).map_err(ReachError::from)
    }

    /// Asks a target with OPTIONS whether it is there; the status it answers. A target is well when
    /// that is not 408 or 5xx.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] when it does not answer within `limit`.
    pub async fn probe(&self, target: &Target, limit: Duration) -> Result<u16, ProbeError> {
        let asking = Box::pin(self.desk.ask(target));
        tokio::time::timeout(limit, asking).await.map_err(|_| ProbeError::Silent)?
    }
}

impl Drop for UserAgent {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Desk {
    pub(crate) fn endpoint(&self) -> EndpointInnerRef {
        Arc::clone(&self.endpoint)
    }

    /// The INVITE for one target; `None` when it cannot be written.
    pub(crate) fn option(
        &self,
        invite: &Invite,
        manners: &Manners,
        target: &Target,
    ) -> Option<InviteOption> {
        let given = invite.headers.iter();
        let given = given.filter_map(|(name, value)| headers::header(name, value));
        let abilities = self.abilities(true, manners);
        let timer = [
            Header::SessionExpires(session::ASKED.to_string().into()),
            Header::MinSE(session::LEAST.to_string().into()),
        ];
        let timer = timer.into_iter().filter(|_| self.has_timer(manners));
        let way = manners.contact.as_ref().map(|_| origins::way_to(target));
        Some(InviteOption {
            caller_display_name: invite.caller_name.as_deref().map(headers::display_name),
            caller: self.caller(invite, target.transport)?,
            callee: match &manners.contact {
                Some(contact) => Uri::try_from(contact.as_str()).ok()?,
                None => {
                    let host = manners.callee_host.as_deref();
                    headers::callee(&invite.extension, target, host)?
                }
            },
            destination: Some(sip_address(target.address, target.transport)),
            contact: self.contact_out(invite, target.transport, manners)?,
            credential: invite.credentials.as_ref().map(credential),
            offer: Some(invite.offer.clone().into_bytes()),
            call_id: Some(headers::one_line(&invite.call_id)),
            headers: Some(abilities.into_iter().chain(timer).chain(given).chain(way).collect()),
            ..InviteOption::default()
        })
    }

    fn caller(&self, invite: &Invite, transport: Transport) -> Option<Uri> {
        let host = match &invite.caller_host {
            Some(host) => headers::host(host)?.to_owned(),
            None => self.us.at(transport)?.to_string(),
        };
        Uri::try_from(format!("sip:{}@{host}", invite.caller).as_str()).ok()
    }

    /// Whether a call takes part in session timers.
    pub(crate) const fn has_timer(&self, manners: &Manners) -> bool {
        self.timers && !manners.no_timer
    }

    /// What we can do in a call, and what giving it to somebody else needs; `reliable` is what comes before
    /// an answer to us.
    pub(crate) fn abilities(&self, reliable: bool, manners: &Manners) -> Vec<Header> {
        if !self.face.supports.is_empty() {
            return vec![Header::Supported(self.face.supports.join(", ").into())];
        }
        let transfers = !manners.no_transfer && self.face.allows.is_empty();
        let all = [
            (self.has_timer(manners), "timer"),
            (reliable && self.face.takes(Method::PRack), "100rel"),
            (transfers && !manners.no_replaces, "replaces"),
            (transfers, "norefersub"),
        ];
        let words: Vec<_> = all.iter().filter(|(can, _)| *can).map(|(_, word)| *word).collect();
        let supported = (!words.is_empty()).then(|| Header::Supported(words.join(", ").into()));
        let allow = transfers.then(|| Header::Allow(headers::ALLOW.into()));
        supported.into_iter().chain(allow).collect()
    }

    /// Our `Contact` in a call that came in by `transport`.
    pub(crate) fn contact_of(
        &self,
        user: &str,
        transport: Option<rsipstack::sip::Transport>,
        manners: &Manners,
    ) -> Option<Uri> {
        let transport = match transport? {
            rsipstack::sip::Transport::Tcp => Transport::Tcp,
            rsipstack::sip::Transport::Tls => Transport::Tls,
            rsipstack::sip::Transport::Udp
            | rsipstack::sip::Transport::TlsSctp
            | rsipstack::sip::Transport::Sctp
            | rsipstack::sip::Transport::Ws
            | rsipstack::sip::Transport::Wss => Transport::Udp,
        };
        let user = headers::user(user, "our contact").ok()?;
        self.contact(&user, transport, manners)
    }

    /// Our `Contact` in a call out.
    fn contact_out(&self, invite: &Invite, transport: Transport, manners: &Manners) -> Option<Uri> {
        let user = if self.face.is_plain() { &self.name } else { &invite.caller };
        self.contact(user, transport, manners)
    }

    /// Where we are reached in a call.
    pub(crate) fn contact(
        &self,
        user: &str,
        transport: Transport,
        manners: &Manners,
    ) -> Option<Uri> {
        let us = self.us.at(transport)?;
        let us = match (&manners.host, &self.face.host) {
            (Some(host), _) if us.port() == transport.port() => headers::host(host)?.to_owned(),
            (Some(host), _) => format!("{}:{}", headers::host(host)?, us.port()),
            (None, Some(host)) => headers::host(host)?.to_owned(),
            (None, None) => us.to_string(),
        };
        let more: String = self.face.contact_uri.iter().flat_map(|it| [";", it]).collect();
        let how = match transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        };
        Uri::try_from(format!("sip:{user}@{us}{how}{more}").as_str()).ok()
    }

    async fn ask(&self, target: &Target) -> Result<u16, ProbeError> {
        self.roads.ready(target).await.map_err(ProbeError::Connect)?;
        let mut asked = self.options(target).map_err(|fault| send(*fault))?;
        asked.send().await.map_err(send)?;
        while let Some(message) = asked.receive().await {
            if let SipMessage::Response(response) = message
                && response.status_code.kind() != StatusCodeKind::Provisional
            {
                return Ok(response.status_code.code());
            }
        }
        Err(ProbeError::Silent)
    }

    fn options(&self, target: &Target) -> Result<Transaction, Box<rsipstack::Error>> {
        let nowhere = || Box::new(rsipstack::Error::Error("listening nowhere".to_owned()));
        let us = self.us.at(target.transport).ok_or_else(nowhere)?;
        let at = sip_address(target.address, target.transport);
        let via = sip_address(us, target.transport);
        let us = sip_address(us, target.transport);
        let uri = Uri::from(at.addr.clone());
        let from = typed::From { display_name: None, uri: us.addr.into(), params: Vec::new() };
        let to = typed::To { display_name: None, uri: uri.clone(), params: Vec::new() };
        let mut request = self.endpoint.make_request(
            Method::Options,
            uri,
            self.endpoint.get_via(Some(via), None)?,
            from.with_tag(rsipstack::transaction::make_tag()),
            to,
            self.layer.increment_last_seq(),
            None,
        );
        request.headers.push(Header::ContentLength(0.into()));
        let key = TransactionKey::from_request(&request, TransactionRole::Client)?;
        let mut asked = Transaction::new_client(key, request, Arc::clone(&self.endpoint), None);
        asked.destination = Some(at);
        Ok(asked)
    }
}

pub(crate) fn credential(credentials: &Credentials) -> Credential {
    Credential {
        username: credentials.user.clone(),
        password: credentials.password.clone(),
        ..Credential::default()
    }
}

/// What we listen on.
struct Doors {
    us: Addresses,
    listeners: Vec<(TcpListener, Option<Arc<ServerConfig>>)>,
}

impl Doors {
    async fn open(
        listen: &Listen,
        transports: &TransportLayer,
        stop: &CancellationToken,
    ) -> Result<Self, StartError> {
        let mut doors = Self { us: Addresses { plain: None, tls: None }, listeners: Vec::new() };
        if let Some(address) = listen.plain {
            let (udp, tcp, us) = one_port(address, stop).await?;
            transports.add_transport(udp.into());
            doors.us.plain = Some(us);
            doors.listeners.push((tcp, None));
        }
        if let Some((address, config)) = listen.tls.as_ref().and_then(|tls| tls.accept.clone()) {
            let at = |fault| bind("TLS", fault);
            let listener = TcpListener::bind(address).await.map_err(at)?;
            let us = listener.local_addr().map_err(at)?;
            transports.add_transport(tls::door(us).await.map_err(at)?);
            doors.us.tls = Some(us);
            doors.listeners.push((listener, Some(config)));
        }
        match doors.us.at(Transport::Tls) {
            Some(_) => Ok(doors),
            None => Err(StartError::Nowhere),
        }
    }
}

/// One port for UDP and TCP. One that the system chose may be taken for TCP; then another is asked for.
async fn one_port(
    address: SocketAddr,
    stop: &CancellationToken,
) -> Result<(UdpConnection, TcpListener, SocketAddr), StartError> {
    let mut left = if address.port() == 0 { PORTS_TRIED } else { 1 };
    loop {
        let udp = UdpConnection::create_connection(address, None, Some(stop.child_token()))
            .await
            .map_err(|fault| bind("UDP", std::io::Error::other(fault)))?;
        let us = udp.get_addr().get_socketaddr().map_err(stack)?;
        left -= 1;
        match TcpListener::bind(us).await {
            Ok(tcp) => return Ok((udp, tcp, us)),
            Err(fault) if left > 0 && fault.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(fault) => return Err(bind("TCP", fault)),
        }
    }
}

fn bind(transport: &'static str, source: std::io::Error) -> StartError {
    StartError::Bind { transport, source }
}

fn stack(fault: rsipstack::Error) -> StartError {
    StartError::Stack(Box::new(fault))
}

fn send(fault: rsipstack::Error) -> ProbeError {
    ProbeError::Send(Box::new(fault))
}
