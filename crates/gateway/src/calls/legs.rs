//! How are a call's two legs opened?
//!
//! WhatsApp's leg has a socket of its own and checks paths itself, since the far end is ice-lite. The
//! agent's browser comes to our one muxed port, where we are ice-lite. Both lie on one media thread. An
//! agent's telephone is one of the house's ([`super::telephone`]).

use std::{net::SocketAddr, time::Duration};

use engine::{
    Engine, LegEvent, LegHandle, MediaWatch, OpenError, OpenLeg, OpenSdes, Password, PayloadTypes,
    SdesKeys, Socket,
};
use media::{
    leg::IceRole,
    sdp::{self, AudioSession, Keying, SdesCrypto, SdpRefusal},
    srtp::{MasterKey, Profile},
    transport::{DtlsRole, LocalTransport, RemoteTransport, Setup},
};
use switchboard::call::LegTrouble;
use terms::{AgentId, LegId};
use tokio::sync::mpsc;
use wire::SdpText;

use super::{hearing::Fed, telephone::Telephone};
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
    /// Our key, where keys stand in the SDPs.
    ours: Option<SdesCrypto>,
    /// Whom it meets once our answer is on its way, where that is not at once.
    meets: Option<FarEnd>,
    /// The payload type of its audio, once it is agreed.
    pub(super) audio: Option<u8>,
    /// What it plays of others; none when it plays something of its own.
    pub(super) fed: Option<Fed>,
}

/// The far end of a leg that agrees on its keys by DTLS.
#[derive(Debug)]
struct FarEnd {
    remote: RemoteTransport,
    role: DtlsRole,
    types: PayloadTypes,
}

/// When WhatsApp learns our answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerGoes {
    /// With `pre_accept`, so the path is made while agents ring.
    AtOnce,
    /// When the call is taken; nobody answers our checks before.
    WhenTaken,
}

impl WhatsappLeg {
    const fn new(handle: LegHandle, audio: Option<u8>) -> Self {
        Self { handle, ours: None, meets: None, audio, fed: None }
    }

    /// Our answer is on its way.
    pub(super) fn meet(&mut self) {
        if let Some(FarEnd { remote, role, types }) = self.meets.take() {
            self.handle.set_remote(remote, role, types);
        }
    }
}

/// The leg towards an agent's browser, or the agent's telephone.
#[derive(Debug)]
pub(super) struct AgentLeg {
    pub(super) agent: AgentId,
    pub(super) at: TalksAt,
    pub(super) handle: LegHandle,
    /// What it plays.
    pub(super) fed: Option<Fed>,
    /// Whether agent and user heard each other over it.
    pub(super) talked: bool,
    /// Whether nobody hears the agent, who wants it so.
    pub(super) muted: bool,
}

/// What an agent talks at.
#[derive(Debug)]
pub(super) enum TalksAt {
    /// A page.
    Console {
        id: ConsoleId,
        events: mpsc::Receiver<LegEvent>,
        /// Our answer to the browser.
        answer: SdpText,
        /// The payload type of its audio.
        audio: u8,
    },
    /// A telephone that registered here.
    Telephone(Box<Telephone>),
}

impl AgentLeg {
    pub(super) fn of_telephone(agent: AgentId, telephone: Telephone) -> Self {
        Self {
            agent,
            handle: telephone.handle.clone(),
            at: TalksAt::Telephone(Box::new(telephone)),
            fed: None,
            talked: false,
            muted: false,
        }
    }

    /// The payload type of its audio, once it is agreed.
    pub(super) fn audio(&self) -> Option<u8> {
        match &self.at {
            TalksAt::Console { audio, .. } => Some(*audio),
            TalksAt::Telephone(telephone) => Some(telephone.agreed.as_ref()?.audio),
        }
    }

    /// The page, where it is one.
    pub(super) const fn console(&self) -> Option<ConsoleId> {
        match &self.at {
            TalksAt::Console { id, .. } => Some(*id),
            TalksAt::Telephone(_) => None,
        }
    }

    /// The telephone, where it is one.
    pub(super) const fn telephone(&self) -> Option<&Telephone> {
        match &self.at {
            TalksAt::Console { .. } => None,
            TalksAt::Telephone(telephone) => Some(telephone),
        }
    }

    pub(super) const fn telephone_mut(&mut self) -> Option<&mut Telephone> {
        match &mut self.at {
            TalksAt::Console { .. } => None,
            TalksAt::Telephone(telephone) => Some(telephone),
        }
    }

    /// Whether it can be spoken to: a telephone may wait to be answered, or hold the call by itself.
    pub(super) fn takes_part(&self) -> bool {
        self.telephone().is_none_or(Telephone::takes_part)
    }

    /// It is left: hung up on, where it did not give the user away.
    pub(super) fn leave(self) {
        if let TalksAt::Telephone(telephone) = self.at
            && telephone.gave_away
        {
            telephone.line.let_go();
        }
    }

    fn events(&mut self) -> &mut mpsc::Receiver<LegEvent> {
        match &mut self.at {
            TalksAt::Console { events, .. } => events,
            TalksAt::Telephone(telephone) => &mut telephone.events,
        }
    }
}

/// Opens WhatsApp's leg on the user's offer; returns it with our answer.
pub(super) fn answer_whatsapp(
    engine: &Engine,
    offer: &SdpText,
    goes: AnswerGoes,
    events: mpsc::Sender<LegEvent>,
) -> Result<(WhatsappLeg, SdpText), LegTrouble> {
    let offer = sdp::parse(offer.as_str()).map_err(theirs)?.session;
    let types = payload_types(&offer).ok_or_else(no_opus)?;
    if let Some(keys) = offer.crypto.as_ref().filter(|_| offer.fingerprint.is_none()) {
        return answer_keyed(engine, &offer, keys, types, events);
    }
    let remote = offer.remote_transport().map_err(theirs)?;
    let (handle, local) = open_whatsapp(engine, None, events)?;
    let answer = sdp::write_gateway_answer(&offer, &local);
    let mut leg = WhatsappLeg::new(handle, Some(types.audio));
    // We write setup:active: ours is the first flight.
    leg.meets = Some(FarEnd { remote, role: DtlsRole::Client, types });
    if goes == AnswerGoes::AtOnce {
        leg.meet();
    }
    Ok((leg, answer.into()))
}

/// The same for an offer with keys in it.
fn answer_keyed(
    engine: &Engine,
    offer: &AudioSession,
    theirs: &SdesCrypto,
    types: PayloadTypes,
    events: mpsc::Sender<LegEvent>,
) -> Result<(WhatsappLeg, SdpText), LegTrouble> {
    let (handle, local) = open_keyed(engine, None, events)?;
    let ours = new_key(theirs.tag);
    let answer = sdp::write_gateway_sdes_answer(offer, &local, &ours);
    handle.set_keys(keys(&ours, theirs, offer.media_addr(), types));
    let leg = WhatsappLeg { ours: Some(ours), ..WhatsappLeg::new(handle, Some(types.audio)) };
    Ok((leg, answer.into()))
}

/// Opens WhatsApp's leg for a call of ours; returns it with our offer.
pub(super) fn offer_whatsapp(
    engine: &Engine,
    beside: Option<LegId>,
    keying: Keying,
    events: mpsc::Sender<LegEvent>,
) -> Result<(WhatsappLeg, SdpText), LegTrouble> {
    match keying {
        Keying::Dtls => {
            let (handle, local) = open_whatsapp(engine, beside, events)?;
            let offer = sdp::write_gateway_offer(&local);
            Ok((WhatsappLeg::new(handle, None), offer.into()))
        }
        Keying::Sdes => {
            let (handle, local) = open_keyed(engine, beside, events)?;
            let ours = new_key(1);
            let offer = sdp::write_gateway_sdes_offer(&local, &ours);
            let leg = WhatsappLeg { ours: Some(ours), ..WhatsappLeg::new(handle, None) };
            Ok((leg, offer.into()))
        }
    }
}

/// Gives WhatsApp's leg the platform's answer, whichever DTLS role it chose.
pub(super) fn apply_answer(leg: &mut WhatsappLeg, answer: &SdpText) -> Result<(), LegTrouble> {
    let answer = sdp::parse(answer.as_str()).map_err(theirs)?.session;
    let types = payload_types(&answer).ok_or_else(no_opus)?;
    if let Some(ours) = &leg.ours {
        let no_key = || LegTrouble::TheirSession("no key for ours in its SDP".into());
        let theirs = answer.crypto.as_ref().ok_or_else(no_key)?;
        leg.audio = Some(types.audio);
        leg.handle.set_keys(keys(ours, theirs, answer.media_addr(), types));
        return Ok(());
    }
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
        at: TalksAt::Console { id: console, events, answer, audio: types.audio },
        handle,
        fed: None,
        talked: false,
        muted: false,
    })
}

/// The next event of the agent's leg; waits for ever while there is none.
pub(super) async fn next_event(leg: &mut Option<AgentLeg>) -> Option<LegEvent> {
    match leg {
        Some(leg) => match leg.events().recv().await {
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

fn open_keyed(
    engine: &Engine,
    beside: Option<LegId>,
    events: mpsc::Sender<LegEvent>,
) -> Result<(LegHandle, LocalTransport), LegTrouble> {
    let media_watch = Some(MediaWatch::default());
    let open = OpenSdes { cname: CNAME.into(), media_watch, beside, events };
    let opened =
        engine.open_sdes(open).map_err(|error| LegTrouble::OurSocket(error.to_string()))?;
    opened.0.fill(true);
    Ok(opened)
}

fn new_key(tag: u32) -> SdesCrypto {
    let mut key_and_salt = [0; 30];
    rand::fill(&mut key_and_salt);
    SdesCrypto { tag, key_and_salt }
}

fn keys(
    ours: &SdesCrypto,
    theirs: &SdesCrypto,
    remote: Option<SocketAddr>,
    payload_types: PayloadTypes,
) -> SdesKeys {
    let key = |crypto: &SdesCrypto| {
        MasterKey::from_inline(Profile::Aes128CmSha1_80, &crypto.key_and_salt)
            .expect("thirty bytes are this profile's key and salt")
    };
    SdesKeys { remote, send_key: key(ours), receive_key: key(theirs), payload_types }
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
