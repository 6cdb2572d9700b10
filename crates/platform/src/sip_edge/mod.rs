//! How are calls signalled over SIP in place of Graph and webhooks?
//!
//! The SIP edition (fact sheet 6): one user agent, TLS alone. A user's call to a number in SIP mode
//! becomes an INVITE to its server ([`outgoing`]), an INVITE of a business becomes a call to a user
//! ([`incoming`]); from there the call is the actor's as any other, and a [`Line`] is its way back into
//! the SIP dialog. What is allowed and which status says so stands in [`rules::sip`].

mod incoming;
mod line;
mod outgoing;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use sip::{Asker, Face, Incoming, Listen, Realm, UserAgent};
use tokio::sync::mpsc;

pub(crate) use line::{Line, Order};
pub(crate) use outgoing::begin;
pub use tls::TlsError;

use crate::{Config, config::SipConfig, world::World};

/// Requests that may wait for the edge; more are refused.
const INCOMING_MAX: usize = 256;
/// How long a dialog may ring: the call's own deadlines, by the platform's clock, end it.
const RINGS: Duration = Duration::from_secs(3600);
/// The `User-Agent` of WhatsApp's edge (fact sheet 6.2).
const USER_AGENT: &str = "Facebook SipGateway";
/// What stands for the proxy behind WhatsApp's edge (fact sheet 6.4).
const INNER_PROXY: &str = "sip-proxy.internal.example:8191";
/// The methods it takes (fact sheet 6.2).
const ALLOW: [&str; 6] = ["INVITE", "ACK", "BYE", "CANCEL", "NOTIFY", "OPTIONS"];

/// Why the SIP edge did not start.
#[derive(Debug, thiserror::Error)]
pub enum SipEdgeError {
    /// Its certificates cannot be used.
    #[error("the certificates of the SIP edge cannot be used")]
    Tls(#[source] TlsError),
    /// Its port cannot be had.
    #[error("the SIP edge cannot listen")]
    Listen(#[source] sip::StartError),
}

/// The platform's own SIP user agent.
#[derive(Debug)]
pub(crate) struct Edge {
    agent: UserAgent,
    realm: Realm,
    /// What businesses know the platform by: `wa.meta.vc`.
    domain: String,
}

/// Starts the edge, if one is asked for; calls that come in wait in the channel.
pub(crate) async fn start(
    config: &Config,
) -> Result<Option<(Edge, mpsc::Receiver<Incoming>)>, SipEdgeError> {
    let Some(wanted) = &config.sip else { return Ok(None) };
    let tls = tls::of(wanted, config.data.as_deref()).map_err(SipEdgeError::Tls)?;
    let (ask, incoming) = mpsc::channel(INCOMING_MAX);
    let listen = Listen { plain: None, tls: Some(tls), name: USER_AGENT.to_owned(), timers: false };
    let agent = UserAgent::start_as(listen, face(wanted), Some(ask)).await;
    let edge = Edge {
        agent: agent.map_err(SipEdgeError::Listen)?,
        realm: Realm::strict(wanted.domain.clone(), Asker::Proxy),
        domain: wanted.domain.clone(),
    };
    Ok(Some((edge, incoming)))
}

/// As whom WhatsApp's edge shows itself.
fn face(config: &SipConfig) -> Face {
    Face {
        host: config.host.clone(),
        proxies: Some(vec![INNER_PROXY.to_owned()]),
        contact_uri: vec!["ob".to_owned()],
        contact: vec!["isfocus".to_owned()],
        allows: ALLOW.map(str::to_owned).into(),
        // Said, and never agreed on: a refresh would be a re-INVITE, which is refused (fact sheet 6.2).
        supports: vec!["timer".to_owned()],
        headers: vec![("X-FB-External-Domain".to_owned(), config.domain.clone())],
    }
}

impl Edge {
    /// Where it listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.agent.tls_address()
    }
}

/// Answers what comes in until the platform stops.
pub(crate) async fn serve(world: Arc<World>, mut incoming: mpsc::Receiver<Incoming>) {
    loop {
        let asked = tokio::select! {
            () = world.stopped.cancelled() => return,
            asked = incoming.recv() => asked,
        };
        match asked {
            None => return,
            // Nobody registers with WhatsApp (fact sheet 6.2).
            Some(Incoming::Register(register)) => register.refuse(sip::Refusal::of(403)),
            Some(Incoming::Invite(invite)) => {
                let world = Arc::clone(&world);
                drop(tokio::spawn(async move { incoming::take(&world, invite).await }));
            }
        }
    }
}
