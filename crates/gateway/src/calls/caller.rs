//! How does a telephone of the house call a user, and what does it hear?
//!
//! It comes by a trunk, or it is an agent's ([`super::agent_calls`]). Its leg is opened beside WhatsApp's when that is offered. It hears that the user's phone rings, is
//! answered when the user has picked up, and is refused with a status that says why when nothing comes
//! of it. From the answer on it is a telephone as any other in a call ([`super::telephone`]).

use std::sync::Arc;

use engine::{LegEvent, LegHandle, TranscoderSeat};
use media::{
    frame::AudioCodec,
    sdp::{self, TrunkMedia},
    transport::LocalTransport,
};
use sip::{CallIn, Refusal};
use switchboard::{
    call::{EndReason, Input, LegTrouble, State},
    flow::FromTrunk,
};
use tokio::{sync::mpsc, time::Instant};
use wire::{console::TrunkState, event::What};

use super::{
    actor::CallActor, legs::AgentLeg, telephone::Telephone, telephone_keys::Keys,
    trunk::beside_opus,
};
use crate::trunks::{line::Line, road::Road};

/// A telephone that calls, taken and not yet answered.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) road: Arc<Road>,
    pub(crate) extension: String,
    pub(crate) sip_call_id: String,
    /// `None`: it wants ours.
    pub(crate) offer: Option<String>,
    pub(crate) call: CallIn,
}

/// What a telephone that comes is given.
#[derive(Debug)]
pub(super) struct Seat {
    codecs: Vec<AudioCodec>,
    keys: Keys,
    transcoder: Option<TranscoderSeat>,
    handle: LegHandle,
    local: LocalTransport,
    events: mpsc::Receiver<LegEvent>,
}

/// Whether a telephone of this trunk can be heard with this offer.
pub(crate) fn is_usable(road: &Road, offer: &str) -> bool {
    agreed(road, offer).is_some()
}

fn agreed(road: &Road, offer: &str) -> Option<TrunkMedia> {
    let session = sdp::parse(offer).ok()?.session;
    TrunkMedia::of(&session, &road.trunk.codecs, road.trunk.takes()).ok()
}

impl CallActor {
    /// Opens the leg of the telephone that placed the call, if one did.
    pub(super) fn seat_caller(&mut self) -> Option<Input> {
        let caller = self.caller.take()?;
        let agent = self.call.state().agent().cloned();
        match (self.seat(&caller), agent) {
            (Ok(seat), Some(agent)) => {
                let telephone = self.seated(caller, seat);
                self.agent_leg = Some(AgentLeg::of_telephone(agent, telephone));
                None
            }
            (Ok(seat), None) => {
                self.watch_beside("telephone", true);
                self.trunk = Some(self.seated(caller, seat));
                None
            }
            (Err(why), agent) => {
                if let Some(agent) = agent {
                    self.line.consoles().release(&agent, None);
                }
                Some(Input::LegUnusable(LegTrouble::OurSocket(why.to_owned())))
            }
        }
    }

    /// There is no leg to put a telephone beside that called.
    pub(super) fn lose_caller(&mut self) {
        if self.caller.take().is_some()
            && let Some(agent) = self.call.state().agent()
        {
            self.line.consoles().release(agent, None);
        }
    }

    /// A leg for a telephone that comes; what is missing where there is none.
    pub(super) fn seat(&self, caller: &Caller) -> Result<Seat, &'static str> {
        let theirs = caller.offer.as_ref().map(|offer| agreed(&caller.road, offer));
        let (mut codecs, keying) = match theirs {
            Some(Some(media)) => (vec![media.codec], media.keys.keying()),
            Some(None) => (Vec::new(), caller.road.trunk.srtp),
            None => (caller.road.trunk.codecs.clone(), caller.road.trunk.srtp),
        };
        let keys = Keys::new(keying);
        let transcoder = self.office.trunks.transcoder.seat(beside_opus(&codecs));
        codecs.retain(|codec| *codec == AudioCodec::Opus || transcoder.is_some());
        if codecs.is_empty() {
            return Err("no codec, or as many calls are transcoded as can be");
        }
        let (events, heard) = mpsc::channel(engine::EVENTS_MAX);
        let opened = self.open_trunk_leg((&keys, caller.offer.is_none()), events);
        let (handle, local) = opened.ok_or("no socket")?;
        Ok(Seat { codecs, keys, transcoder, handle, local, events: heard })
    }

    /// The telephone that has come, in its seat.
    pub(super) fn seated(&mut self, caller: Caller, seat: Seat) -> Telephone {
        self.facts.trunks += 1;
        let number = self.facts.trunks;
        Telephone {
            _known: self.known(&caller.road, &caller.sip_call_id),
            line: Line::begin_in(number, caller.call, self.trunk_tells.clone()),
            keys: seat.keys,
            codecs: seat.codecs,
            road: caller.road,
            extension: caller.extension,
            sip_call_id: caller.sip_call_id,
            state: TrunkState::Ringing,
            handle: seat.handle,
            local: seat.local,
            seat: seat.transcoder,
            agreed: None,
            heard: None,
            fed: None,
            told: None,
            events: seat.events,
            version: 1,
            rang_at: Instant::now(),
            answered_at: None,
            calls: Some(caller.offer),
            replaces: false,
            gave_away: false,
        }
    }

    /// The user's phone rings.
    pub(super) fn let_caller_ring(&self) {
        if let Some(leg) = &self.trunk {
            leg.line.rings();
        }
    }

    /// The user has picked up.
    pub(super) fn answer_caller(&mut self) -> Option<Input> {
        let leg = self.trunk.as_mut()?;
        let Some(offer) = leg.calls.clone()? else {
            leg.line.answers(leg.offer());
            return None;
        };
        let Some(answer) = leg.answer(&offer, &self.office.trunks.transcoder) else {
            return Some(Input::Trunk(FromTrunk::Lost));
        };
        leg.line.answers(answer);
        self.caller_talks();
        None
    }

    /// A telephone that called without an offer has answered ours.
    pub(super) fn caller_answers(&mut self, answer: &str) -> Option<Input> {
        let leg = self.trunk.as_mut()?;
        if !leg.answered(answer, &self.office.trunks.transcoder) {
            return Some(Input::Trunk(FromTrunk::Lost));
        }
        self.caller_talks();
        if self.trunk.as_ref().is_some_and(|leg| leg.replaces) {
            return Some(Input::Trunk(FromTrunk::Replaced));
        }
        self.put_through();
        None
    }

    pub(super) fn caller_talks(&self) {
        let Some(leg) = &self.trunk else { return };
        leg.listen_for_keys(&self.office.in_band_keys);
        let who = format!("{} {}", leg.road.trunk.name, leg.extension);
        self.office.metrics.trunk("answered");
        self.tell_outside_by(&who, What::CallAnswered);
    }

    /// A telephone whose call came to nothing hears why; false where none waits.
    pub(super) async fn refuse_caller(&mut self) -> bool {
        let waits = |leg: &&Telephone| leg.calls.is_some() && leg.answered_at.is_none();
        let Some(leg) = self.trunk.as_ref().filter(waits) else { return false };
        let (State::Ending { reason, .. } | State::Ended { reason }) = self.call.state() else {
            return false;
        };
        let (status, became) = verdict(reason);
        leg.line.refuses(Refusal { status, phrase: Some(reason.text()), headers: Vec::new() });
        self.office.metrics.trunk(became);
        self.close_trunk(became).await;
        true
    }

    /// What became of a telephone that placed the call and hung up.
    pub(super) fn caller_became(&self) -> &'static str {
        let answered = self.trunk.as_ref().is_some_and(|leg| leg.answered_at.is_some());
        if answered { "answered" } else { "given_up" }
    }
}

/// What a telephone is answered whose call ended so before the user picked up.
pub(super) fn verdict(reason: &EndReason) -> (u16, &'static str) {
    match reason {
        EndReason::UserRejected => (486, "busy"),
        EndReason::UserDidNotAnswer => (480, "no_answer"),
        EndReason::PlatformRefused { .. } | EndReason::PlatformReported { .. } => (403, "refused"),
        EndReason::TelephoneCancelled | EndReason::AgentCancelled(_) => (487, "given_up"),
        EndReason::UserHungUp
        | EndReason::CallerGaveUp
        | EndReason::AgentHungUp(_)
        | EndReason::TelephoneHungUp
        | EndReason::ProgramHungUp
        | EndReason::FlowHungUp { .. }
        | EndReason::NobodyAnswered
        | EndReason::AgentGone(_)
        | EndReason::PlatformUnreachable { .. }
        | EndReason::SessionUnusable { .. }
        | EndReason::PlatformSilent { .. }
        | EndReason::NoMediaFromWhatsapp { .. }
        | EndReason::WhatsappMediaFailed { .. }
        | EndReason::AgentMediaFailed { .. }
        | EndReason::NoSocket { .. }
        | EndReason::GatewayStopped
        | EndReason::GatewayDied => (503, "unavailable"),
    }
}
