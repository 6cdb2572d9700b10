//! How are a call's two legs opened?
//!
//! WhatsApp's leg has a socket of its own and checks paths itself, since the far end is ice-lite. The
//! agent's browser comes to our one muxed port, where we are ice-lite. Both lie on one media thread.

use std::time::Duration;

use engine::{
    Engine, LegEvent, LegHandle, MediaWatch, OpenError, OpenLeg, Password, PayloadTypes, Socket,
};
use media::{
    leg::IceRole,
    sdp::{self, AudioSession, SdpRefusal},
    transport::{DtlsRole, LocalTransport, Setup},
};
use switchboard::call::LegTrouble;
use terms::{AgentId, LegId};
use tokio::sync::mpsc;
use wire::SdpText;

use super::hearing::Fed;
use crate::{cdr::LegRecord, events::ConsoleId};

/// From the first audio of a browser on, so long without audio and reports means that it is lost: it
/// sends fifty packets a second, also of silence, and a report every five seconds.
const BROWSER_LOST_AFTER: Duration = Duration::from_secs(10);

/// The name of our source in RTCP and SDP, as in fact sheet 5.3.
const CNAME: &str = "gw";

/// The leg towards WhatsApp.
#[derive(Debug)]
pub(super) struct WhatsappLeg {
    pub(super) handle: LegHandle,
    /// The payload type of its audio, once it is agreed.
    pub(super) audio: Option<u8>,
    /// What it plays of others; none when it plays something of its own.
    pub(super) fed: Option<Fed>,
}

/// The leg towards an agent's browser.
#[derive(Debug)]
pub(super) struct AgentLeg {
    pub(super) agent: AgentId,
    pub(super) console: ConsoleId,
    pub(super) handle: LegHandle,
    /// The payload type of its audio.
    pub(super) audio: u8,
    /// What it plays.
    pub(super) fed: Option<Fed>,
    pub(super) events: mpsc::Receiver<LegEvent>,
    /// Our answer to the browser, until it is sent.
    pub(super) answer: SdpText,
    /// Whether agent and user heard each other over it.
    pub(super) talked: bool,
    /// Whether nobody hears the agent, who wants it so.
    pub(super) muted: bool,
}

/// Opens WhatsApp's leg on the user's offer; returns it with our answer.
pub(super) fn answer_whatsapp(
    engine: &Engine,
    offer: &SdpText,
    events: mpsc::Sender<LegEvent>,
) -> Result<(WhatsappLeg, SdpText), LegTrouble> {
    let offer = sdp::parse(offer.as_str()).map_err(theirs)?.session;
    let types = payload_types(&offer).ok_or_else(no_opus)?;
    let remote = offer.remote_transport().map_err(theirs)?;
    let (handle, local) = open_whatsapp(engine, None, events)?;
    let answer = sdp::write_gateway_answer(&offer, &local);
    // We write setup:active: ours is the first flight.
    handle.set_remote(remote, DtlsRole::Client, types);
    Ok((WhatsappLeg { handle, audio: Some(types.audio), fed: None }, answer.into()))
}

/// Opens WhatsApp's leg for a call of ours; returns it with our offer.
pub(super) fn offer_whatsapp(
    engine: &Engine,
    beside: Option<LegId>,
    events: mpsc::Sender<LegEvent>,
) -> Result<(WhatsappLeg, SdpText), LegTrouble> {
    let (handle, local) = open_whatsapp(engine, beside, events)?;
    let offer = sdp::write_gateway_offer(&local);
    Ok((WhatsappLeg { handle, audio: None, fed: None }, offer.into()))
}

/// Gives WhatsApp's leg the platform's answer, whichever DTLS role it chose.
pub(super) fn apply_answer(leg: &mut WhatsappLeg, answer: &SdpText) -> Result<(), LegTrouble> {
    let answer = sdp::parse(answer.as_str()).map_err(theirs)?.session;
    let types = payload_types(&answer).ok_or_else(no_opus)?;
    let remote = answer.remote_transport().map_err(theirs)?;
    let role = remote.setup.our_role();
    leg.audio = Some(types.audio);
    leg.handle.set_remote(remote, role, types);
    Ok(())
}

/// Why an agent's browser cannot have a leg.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AgentLegError {
    /// Its offer cannot be used.
    #[error("the browser's offer cannot be used")]
    Offer(#[source] SdpRefusal),
    /// Its offer has no codec of ours.
    #[error("the browser offers no opus/48000/2")]
    NoOpus,
    /// We have no leg for it.
    #[error("no media leg can be opened")]
    Open(#[source] OpenError),
}

/// Opens the agent's leg beside WhatsApp's.
pub(super) fn answer_agent(
    engine: &Engine,
    beside: Option<LegId>,
    agent: AgentId,
    console: ConsoleId,
    offer: &SdpText,
) -> Result<AgentLeg, AgentLegError> {
    let offer = sdp::parse(offer.as_str()).map_err(AgentLegError::Offer)?.session;
    let types = payload_types(&offer).ok_or(AgentLegError::NoOpus)?;
    let remote = offer.remote_transport().map_err(AgentLegError::Offer)?;
    let (sender, events) = mpsc::channel(engine::EVENTS_MAX);
    let open = OpenLeg {
        socket: Socket::Muxed,
        ice: IceRole::Lite,
        password: Password::Plain,
        cname: CNAME.into(),
        media_watch: Some(MediaWatch { mid_call: BROWSER_LOST_AFTER, ..MediaWatch::default() }),
        beside,
        events: sender,
    };
    let (handle, local) = engine.open(open).map_err(AgentLegError::Open)?;
    let answer = sdp::write_browser_answer(&offer, &local).into();
    // We answer passive unless the browser insists on waiting.
    let role = match offer.setup {
        Some(Setup::Passive) => DtlsRole::Client,
        Some(Setup::Active | Setup::Actpass) | None => DtlsRole::Server,
    };
    handle.set_remote(remote, role, types);
    handle.watch_from_now();
    handle.send_gate(true);
    Ok(AgentLeg {
        agent,
        console,
        handle,
        audio: types.audio,
        fed: None,
        events,
        answer,
        talked: false,
        muted: false,
    })
}

/// The next event of the agent's leg; waits for ever while there is none.
pub(super) async fn next_event(leg: &mut Option<AgentLeg>) -> Option<LegEvent> {
    match leg {
        Some(leg) => match leg.events.recv().await {
            Some(event) => Some(event),
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

/// What a leg has measured so far, if it tells in time.
pub(super) async fn figures(leg: &LegHandle, patience: Duration) -> Option<LegRecord> {
    let told = tokio::time::timeout(patience, leg.stats()).await;
    told.ok()?.ok().map(|stats| LegRecord::from(&stats))
}

fn open_whatsapp(
    engine: &Engine,
    beside: Option<LegId>,
    events: mpsc::Sender<LegEvent>,
) -> Result<(LegHandle, LocalTransport), LegTrouble> {
    let open = OpenLeg {
        socket: Socket::Own,
        ice: IceRole::Full { controlling: true },
        password: Password::Plain,
        cname: CNAME.into(),
        media_watch: Some(MediaWatch::default()),
        beside,
        events,
    };
    let opened = engine.open(open).map_err(|error| LegTrouble::OurSocket(error.to_string()))?;
    opened.0.fill(true);
    Ok(opened)
}

fn payload_types(session: &AudioSession) -> Option<PayloadTypes> {
    Some(PayloadTypes::opus(session.opus_pt()?, session.dtmf_pt()))
}

fn no_opus() -> LegTrouble {
    LegTrouble::TheirSession("no opus/48000/2 among its formats".into())
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function for map_err")]
fn theirs(refusal: SdpRefusal) -> LegTrouble {
    LegTrouble::TheirSession(refusal.to_string())
}
