//! Who asks us for something, and what is it?

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rsipstack::sip::prelude::{HeadersExt, ToTypedHeader as _};
use rsipstack::sip::{Header, HostWithPort, Request, StatusCode};
use rsipstack::transaction::transaction::Transaction;
use rsipstack::transport::SipConnection;
use tokio::sync::OwnedSemaphorePermit;
use tracing::debug;

use crate::agent::Desk;
use crate::roads;
use crate::said::{sdp, value};
use crate::{
    CallIn, Manners, Patience, Proof, Realm, Registering, Replaces, Transport, contacts, headers,
};

/// A request outside of any call, to be answered once. Dropped, it is refused with 503.
#[derive(Debug)]
pub enum Incoming {
    /// Somebody calls.
    Invite(IncomingInvite),
    /// A telephone says where it is.
    Register(IncomingRegister),
}

/// Why a request is refused.
#[derive(Clone, PartialEq, Eq)]
pub struct Refusal {
    /// 300 or more.
    pub status: u16,
    /// What stands beside it; the RFC's words where absent.
    pub phrase: Option<String>,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

impl Refusal {
    /// A status with the words of the RFC.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        Self { status, phrase: None, headers: Vec::new() }
    }

    pub(crate) fn code(&self) -> StatusCode {
        match &self.phrase {
            Some(phrase) => StatusCode::Other(self.status, headers::one_line(phrase)),
            None => StatusCode::from(self.status),
        }
    }

    fn headers(&self) -> Vec<Header> {
        self.headers.iter().filter_map(|(name, value)| headers::header(name, value)).collect()
    }
}

impl fmt::Debug for Refusal {
    /// Texts may name somebody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").field("status", &self.status).finish_non_exhaustive()
    }
}

/// A request whose answer is awaited.
struct Asked {
    /// `None` once it is answered.
    transaction: Option<(Transaction, OwnedSemaphorePermit)>,
    desk: Arc<Desk>,
}

/// A call in that nobody has taken or refused yet.
pub struct IncomingInvite {
    asked: Asked,
    /// The user part of the request's URI, with the parameters that follow it there: who is called.
    pub called: String,
    /// The host part of the request's URI.
    pub host: String,
    /// The user part of `From`: who calls.
    pub caller: String,
    /// The name in `From`.
    pub caller_name: Option<String>,
    /// The host part of `From`.
    pub caller_host: String,
    /// The `Call-ID`.
    pub call_id: String,
    /// Its SDP; `None` asks for ours.
    pub offer: Option<String>,
    /// Where it came from.
    pub source: SocketAddr,
    /// How it travelled.
    pub transport: Transport,
}

impl fmt::Debug for IncomingInvite {
    /// Nobody's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingInvite").field("transport", &self.transport).finish_non_exhaustive()
    }
}

/// A telephone that says where it is (RFC 3261, 10).
pub struct IncomingRegister {
    asked: Asked,
    /// The user part of `To`: whose telephone it is.
    pub user: String,
    /// The host part of the request's URI: which registrar is meant.
    pub host: String,
    /// Its `Contact`, as it stands there; `None` asks for what is known, `*` takes all back.
    pub contact: Option<String>,
    /// The `Call-ID`.
    pub call_id: String,
    /// The number of its `CSeq`.
    pub seq: u32,
    /// For how many seconds it is to be known; 0 takes it back.
    pub expires: Option<u32>,
    /// Where it came from.
    pub source: SocketAddr,
    /// How it travelled.
    pub transport: Transport,
}

impl fmt::Debug for IncomingRegister {
    /// Nobody's number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingRegister")
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

impl IncomingInvite {
    #[expect(clippy::result_large_err, reason = "the request goes back whole, to be refused")]
    pub(crate) fn read(
        transaction: Transaction,
        place: OwnedSemaphorePermit,
        desk: Arc<Desk>,
    ) -> Result<Self, (Transaction, OwnedSemaphorePermit)> {
        let read = || {
            let request = &transaction.original;
            let (called, host) = headers::user_and_host(&request.uri.to_string())?;
            let from = request.from_header().ok()?.clone().typed().ok()?;
            let (source, transport) = source(&transaction)?;
            Some(Self {
                asked: Asked { transaction: None, desk: Arc::clone(&desk) },
                called,
                host,
                caller: from.uri.auth.map(|auth| auth.user).unwrap_or_default(),
                caller_name: from.display_name.map(|name| headers::display_name(&name)),
                caller_host: from.uri.host_with_port.host.to_string(),
                call_id: request.call_id_header().ok()?.value().to_string(),
                offer: sdp(request),
                source,
                transport,
            })
        };
        match read() {
            Some(mut invite) => {
                invite.asked.transaction = Some((transaction, place));
                Ok(invite)
            }
            None => Err((transaction, place)),
        }
    }

    /// What its header of this name says; the first of several.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        value(self.asked.request()?, name)
    }

    /// Whether it wants to take the place of a call (RFC 3891).
    #[must_use]
    pub fn wants_a_place(&self) -> bool {
        self.header("Replaces").is_some()
    }

    /// Which call of ours it is to take the place of.
    ///
    /// # Errors
    ///
    /// How such an INVITE is refused where that is none, or not to be had.
    pub fn replaces(&self) -> Result<Replaces, Refusal> {
        let request = self.asked.request().ok_or_else(|| Refusal::of(481))?;
        Replaces::of(request, &self.asked.desk.layer).map_err(Refusal::of)
    }

    /// What it says of who sent it.
    #[must_use]
    pub fn proof(&self, realm: &Realm) -> Proof {
        self.asked.proof(realm)
    }

    /// Asks for a password.
    pub fn challenge(mut self, realm: &Realm, stale: bool) {
        self.asked.desk.roads.challenged(self.asked.them(self.source));
        self.asked.challenge(realm, stale);
    }

    /// Refuses it.
    pub fn refuse(mut self, refusal: Refusal) {
        self.asked.answer(refusal.code(), refusal.headers());
    }

    /// It is somebody we know, whatever becomes of the call.
    pub fn welcome(&self) {
        self.asked.desk.roads.welcomed(self.asked.them(self.source));
    }

    /// Refuses somebody who is nobody we know: who is turned away ten times within a minute is not
    /// heard for ten.
    pub fn turn_away(self, refusal: Refusal) {
        self.asked.desk.roads.turned_away(self.asked.them(self.source));
        self.refuse(refusal);
    }

    /// Takes it: it waits to ring, to be answered or refused. `contact` is our user in `Contact`.
    #[must_use]
    pub fn take(self, contact: &str, patience: Patience) -> Option<CallIn> {
        self.take_so(contact, patience, &Manners::default())
    }

    /// The same, with manners of its own.
    #[must_use]
    pub fn take_so(
        mut self,
        contact: &str,
        patience: Patience,
        manners: &Manners,
    ) -> Option<CallIn> {
        let them = self.asked.them(self.source);
        let (transaction, place) = self.asked.transaction.take()?;
        self.asked.desk.roads.welcomed(them);
        let hold = self.asked.desk.roads.holds.hold(them);
        CallIn::begin(
            Arc::clone(&self.asked.desk),
            transaction,
            (place, hold),
            (contact, manners),
            patience,
        )
    }
}

impl IncomingRegister {
    #[expect(clippy::result_large_err, reason = "the request goes back whole, to be refused")]
    pub(crate) fn read(
        transaction: Transaction,
        place: OwnedSemaphorePermit,
        desk: Arc<Desk>,
    ) -> Result<Self, (Transaction, OwnedSemaphorePermit)> {
        let read = || {
            let request = &transaction.original;
            let to = request.to_header().ok()?.clone().typed().ok()?;
            let (source, transport) = source(&transaction)?;
            let contact = value(request, "Contact").or_else(|| value(request, "m"));
            Some(Self {
                asked: Asked { transaction: None, desk: Arc::clone(&desk) },
                user: to.uri.auth.map(|auth| auth.user)?,
                host: request.uri.host_with_port.host.to_string(),
                call_id: request.call_id_header().ok()?.value().to_string(),
                seq: request.cseq_header().ok()?.seq().ok()?,
                expires: expires(request, contact.as_deref()),
                contact,
                source,
                transport,
            })
        };
        match read() {
            Some(mut register) => {
                register.asked.transaction = Some((transaction, place));
                Ok(register)
            }
            None => Err((transaction, place)),
        }
    }

    /// What it says of who sent it.
    #[must_use]
    pub fn proof(&self, realm: &Realm) -> Proof {
        self.asked.proof(realm)
    }

    /// Asks for a password.
    pub fn challenge(mut self, realm: &Realm, stale: bool) {
        self.asked.desk.roads.challenged(self.asked.them(self.source));
        self.asked.challenge(realm, stale);
    }

    /// Refuses it.
    pub fn refuse(mut self, refusal: Refusal) {
        self.asked.answer(refusal.code(), refusal.headers());
    }

    /// Refuses somebody who is nobody we know: who is turned away ten times within a minute is not
    /// heard for ten.
    pub fn turn_away(self, refusal: Refusal) {
        self.asked.desk.roads.turned_away(self.asked.them(self.source));
        self.refuse(refusal);
    }

    /// What it says, for [`crate::Bindings`]; `None` where that is nothing that can be read.
    #[must_use]
    pub fn registering(&self) -> Option<Registering> {
        let (transaction, _) = self.asked.transaction.as_ref()?;
        let request = &transaction.original;
        let named = |header: &&Header| header.name().eq_ignore_ascii_case("Contact");
        let values = request.headers.iter().filter(named).map(|header| header.value());
        let them = far_end(transaction).filter(|_| self.transport != Transport::Udp);
        let them = them.unwrap_or(self.source);
        let hold = self.asked.desk.roads.holds.hold(them);
        Some(Registering {
            contacts: contacts::read(values)?,
            expires: value(request, "Expires").and_then(|expires| expires.parse().ok()),
            call_id: self.call_id.clone(),
            seq: self.seq,
            origin: self.asked.desk.origins.hold(them, self.transport, hold),
        })
    }

    /// Says what is known of somebody: URIs, and for how many seconds yet.
    pub fn known(mut self, known: Vec<(String, u32)>) {
        self.asked.desk.roads.welcomed(self.asked.them(self.source));
        let contact = |(uri, seconds)| Header::Contact(format!("<{uri}>;expires={seconds}").into());
        self.asked.answer(StatusCode::OK, known.into_iter().map(contact).collect());
    }

    /// Knows the telephone for so many seconds; 0 forgets it.
    pub fn accept(mut self, expires: u32) {
        self.asked.desk.roads.welcomed(self.asked.them(self.source));
        let contact = self.contact.take().filter(|contact| expires > 0 && contact != "*");
        let contact = contact.map(|contact| {
            let bare = contact.split(";expires=").next().unwrap_or_default();
            Header::Contact(format!("{bare};expires={expires}").into())
        });
        let mut headers = vec![Header::Expires(expires.to_string().into())];
        headers.extend(contact);
        self.asked.answer(StatusCode::OK, headers);
    }
}

impl Asked {
    fn request(&self) -> Option<&Request> {
        self.transaction.as_ref().map(|(transaction, _)| &transaction.original)
    }

    /// The other end of the way it came: not what `Via` says, unless there is no other.
    fn them(&self, source: SocketAddr) -> SocketAddr {
        let asked = self.transaction.as_ref();
        asked.and_then(|(transaction, _)| far_end(transaction)).unwrap_or(source)
    }

    fn proof(&self, realm: &Realm) -> Proof {
        self.request().map_or(Proof::None, |request| realm.proof(request))
    }

    fn challenge(&mut self, realm: &Realm, stale: bool) {
        let status = match realm.asker() {
            crate::Asker::User => StatusCode::Unauthorized,
            crate::Asker::Proxy => StatusCode::ProxyAuthenticationRequired,
        };
        self.answer(status, vec![realm.challenge(stale)]);
    }

    fn answer(&mut self, status: StatusCode, headers: Vec<Header>) {
        let Some((transaction, place)) = self.transaction.take() else { return };
        drop(tokio::spawn(async move {
            crate::door::finish(transaction, status, headers).await;
            drop(place);
        }));
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if self.transaction.is_some() {
            debug!("nobody answered a SIP request");
            self.answer(StatusCode::ServiceUnavailable, Vec::new());
        }
    }
}

/// The other end of the connection it came by: not what `Via` says.
fn far_end(transaction: &Transaction) -> Option<SocketAddr> {
    let them = transaction.connection.as_ref().and_then(|way| way.get_remote_addr());
    them.and_then(|them| them.get_socketaddr().ok())
}

/// Where a request came from, by what the transport wrote into its first `Via`.
fn source(transaction: &Transaction) -> Option<(SocketAddr, Transport)> {
    let via = transaction.original.via_header().ok()?;
    let (transport, host) = SipConnection::parse_target_from_via(via).ok()?;
    let transport = roads::transport(transport)?;
    Some((SocketAddr::new(ip(&host)?, port(&host, transport)), transport))
}

fn ip(host: &HostWithPort) -> Option<IpAddr> {
    host.host.to_string().trim_matches(|c| c == '[' || c == ']').parse().ok()
}

fn port(host: &HostWithPort, transport: Transport) -> u16 {
    host.port.as_ref().map_or_else(|| transport.port(), |port| port.value())
}

/// The contact's own word comes before the request's (RFC 3261, 10.2.1.1).
fn expires(request: &Request, contact: Option<&str>) -> Option<u32> {
    let own = contact.and_then(|contact| contact.split(";expires=").nth(1));
    let own = own.and_then(|rest| rest.split([';', ',', ' ']).next()?.parse().ok());
    own.or_else(|| value(request, "Expires")?.parse().ok())
}
