//! What is a telephone that rings or talks, to its call?
//!
//! A leg, a line and what both ends agreed. It reads the far end's SDP, answers changes of it, and says
//! what each side hears; who hears whom is the switchboard's word.

use std::sync::Arc;

use engine::{
    FrameQueue, InBandKeys, LegEvent, LegHandle, PayloadTypes, Source, Transcoder, TranscoderSeat,
    Voice,
};
use media::{
    frame::AudioCodec,
    sdp::{self, TrunkKeying, TrunkMedia, TrunkVoice},
    transport::LocalTransport,
};
use sip::Reoffer;
use terms::LegId;
use tokio::{sync::mpsc, time::Instant};
use wire::console::TrunkState;

use super::{hearing::Fed, telephone_keys::Keys};
use crate::{
    cdr::{LegRecord, TrunkRecord},
    trunks::{line::Line, lines::Known, road::Road},
};

/// A telephone that rings or talks.
#[derive(Debug)]
pub(super) struct Telephone {
    pub(super) road: Arc<Road>,
    pub(super) extension: String,
    pub(super) sip_call_id: String,
    pub(super) state: TrunkState,
    pub(super) handle: LegHandle,
    pub(super) local: LocalTransport,
    pub(super) keys: Keys,
    pub(super) codecs: Vec<AudioCodec>,
    pub(super) seat: Option<TranscoderSeat>,
    /// What both ends agreed.
    pub(super) agreed: Option<TrunkMedia>,
    /// What it says, where it does not talk Opus.
    pub(super) heard: Option<FrameQueue>,
    /// What it plays, where the arrangement says so.
    pub(super) fed: Option<Fed>,
    /// What this one of ours says to it, where it does not talk Opus.
    pub(super) told: Option<(LegId, FrameQueue)>,
    pub(super) events: mpsc::Receiver<LegEvent>,
    pub(super) line: Line,
    /// Of our texts in this dialogue, the last one.
    pub(super) version: u64,
    pub(super) rang_at: Instant,
    pub(super) answered_at: Option<Instant>,
    /// With which offer it called us, or with none; where we called it, nothing.
    pub(super) calls: Option<Option<String>>,
    /// Whether it took the place of another one.
    pub(super) replaces: bool,
    /// Whether it gave the user away: it may hang up itself.
    pub(super) gave_away: bool,
    /// By its `Call-ID` it can be named.
    pub(super) _known: Arc<Known>,
}

/// What a telephone does with its call when it offers anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Holds,
    Resumes,
}

impl Telephone {
    /// Whether it talks and listens: it answered, and does not hold the call.
    pub(super) fn takes_part(&self) -> bool {
        self.agreed.is_some() && self.state == TrunkState::Talking
    }

    /// What makes the telephone hear this one of ours.
    pub(super) fn hears(&mut self, other: &Voice, transcoder: &Transcoder) -> Option<Source> {
        let Some(seat) = &self.seat else { return Some(Source::Bridge(other.leg.clone())) };
        let codec = self.agreed.as_ref()?.codec;
        if self.told.as_ref().is_none_or(|(leg, _)| *leg != other.leg.id()) {
            let types = PayloadTypes::opus(other.audio, None);
            let frames = transcoder.carry(seat, &other.leg, types, codec)?;
            self.told = Some((other.leg.id(), frames));
        }
        let (_, frames) = self.told.as_ref()?;
        Some(Source::Transcoded { of: other.leg.clone(), frames: frames.clone() })
    }

    /// What the others hear of it.
    pub(super) fn voice(&self) -> Source {
        let of = self.handle.clone();
        match &self.heard {
            Some(frames) => Source::Transcoded { of, frames: frames.clone() },
            None => Source::Bridge(of),
        }
    }

    /// It lets be heard what there is before it answers; false when that is of no use, or was before.
    pub(super) fn early(&mut self, sdp: &str, transcoder: &Transcoder) -> bool {
        if self.agreed.is_some() {
            return false;
        }
        let Some(media) = self.media(sdp) else { return false };
        self.agree(media, transcoder);
        true
    }

    /// It answered with this SDP; false when that is of no use.
    pub(super) fn answered(&mut self, answer: &str, transcoder: &Transcoder) -> bool {
        // What was agreed before the answer may stand without being repeated (RFC 3261, 13.2.1).
        let media = self.media(answer).or_else(|| self.agreed.clone());
        let Some(media) = media else { return false };
        if self.agreed.as_ref() != Some(&media) {
            self.agree(media, transcoder);
        }
        self.talks();
        true
    }

    /// Our offer, where it called without one.
    pub(super) fn offer(&self) -> String {
        let voice = TrunkVoice { local: &self.local, version: 1, keys: self.keys.ours() };
        sdp::write_trunk_offer(voice, &self.codecs)
    }

    /// What answers the offer with which it called; `None` when that is of no use.
    pub(super) fn answer(&mut self, offer: &str, transcoder: &Transcoder) -> Option<String> {
        let media = self.media(offer)?;
        self.keys.answer(&media.keys);
        let voice = TrunkVoice { local: &self.local, version: 1, keys: self.keys.ours() };
        let answer = sdp::write_trunk_answer(voice, &media);
        self.agree(media, transcoder);
        self.talks();
        Some(answer)
    }

    fn agree(&mut self, media: TrunkMedia, transcoder: &Transcoder) {
        self.keys.meet(&self.handle, &media);
        if let Some(seat) = self.seat.as_ref().filter(|_| media.codec != AudioCodec::Opus) {
            let types = payload_types(&media);
            self.heard = transcoder.carry(seat, &self.handle, types, AudioCodec::Opus);
        } else {
            self.seat = None;
        }
        self.agreed = Some(media);
        self.handle.send_gate(true);
        self.handle.fill(true);
    }

    fn talks(&mut self) {
        self.answered_at = Some(Instant::now());
        self.state = TrunkState::Talking;
        self.handle.watch_from_now();
    }

    /// One that agreed no telephone-events may let its keys be heard.
    pub(super) fn listen_for_keys(&self, in_band_keys: &InBandKeys) {
        let wanted = self.road.trunk.in_band_keys;
        let media = self.agreed.as_ref().filter(|media| wanted && media.dtmf.is_none());
        let Some(media) = media else { return };
        if !in_band_keys.listen(&self.handle, payload_types(media)) {
            tracing::warn!("a telephone's keys are not heard: too many are listened to");
        }
    }

    /// What a far end's SDP means here; `None` when it means nothing.
    fn media(&self, text: &str) -> Option<TrunkMedia> {
        let session = sdp::parse(text).ok()?.session;
        TrunkMedia::of(&session, &self.codecs, &[self.keys.keying()]).ok()
    }

    /// The telephone holds the call or comes back to it; a change of anything else is refused, and a
    /// question whether we are still here is answered.
    pub(super) fn reoffered(&mut self, reoffer: Reoffer) -> Option<Turn> {
        let Some(agreed) = self.agreed.clone() else {
            reoffer.refuse();
            return None;
        };
        self.version += 1;
        let voice =
            TrunkVoice { local: &self.local, version: self.version, keys: self.keys.ours() };
        let Some(offer) = reoffer.offer() else {
            reoffer.accept(sdp::write_trunk_offer_again(voice, &agreed));
            return None;
        };
        let Some(media) = still(&agreed, offer) else {
            reoffer.refuse();
            return None;
        };
        reoffer.accept(sdp::write_trunk_answer(voice, &media));
        self.changes(&media)
    }

    /// It answered our offer, for which it had asked: that counts as an offer of its own does.
    pub(super) fn answered_late(&mut self, answer: &str) -> Option<Turn> {
        let Some(media) = self.agreed.as_ref().and_then(|agreed| still(agreed, answer)) else {
            tracing::warn!("what a telephone answers to our offer is another call: all stays");
            return None;
        };
        self.changes(&media)
    }

    fn changes(&mut self, media: &TrunkMedia) -> Option<Turn> {
        if self.keys.keying() == TrunkKeying::Open && !media.is_held() {
            self.keys.meet(&self.handle, media);
        }
        match (media.is_held(), self.state) {
            (true, TrunkState::Talking) => {
                self.state = TrunkState::Held;
                self.fed = None;
                self.handle.play(Source::Silence);
                Some(Turn::Holds)
            }
            (false, TrunkState::Held) => {
                self.state = TrunkState::Talking;
                Some(Turn::Resumes)
            }
            (true | false, _) => None,
        }
    }

    pub(super) fn record(&self, became: &str, leg: Option<LegRecord>) -> TrunkRecord {
        let rang = self.answered_at.unwrap_or_else(Instant::now) - self.rang_at;
        TrunkRecord {
            name: self.road.trunk.name.clone(),
            extension: self.extension.clone(),
            sip_call_id: Some(self.sip_call_id.clone()),
            placed: self.calls.is_some() && !self.replaces,
            became: became.to_owned(),
            rang_s: rang.as_secs(),
            talked_s: self.answered_at.map(|at| at.elapsed().as_secs()),
            codec: self.agreed.as_ref().map(|media| media.codec.as_str().to_owned()),
            leg,
        }
    }
}

pub(super) fn payload_types(media: &TrunkMedia) -> PayloadTypes {
    PayloadTypes { audio: media.audio, codec: media.codec, dtmf: media.dtmf, noise: media.noise }
}

/// What a later SDP means in a call agreed so; `None` where it would be another one.
fn still(agreed: &TrunkMedia, text: &str) -> Option<TrunkMedia> {
    agreed.still(&sdp::parse(text).ok()?.session)
}

/// The next event of the telephone's leg; waits for ever while there is none.
pub(super) async fn next_event(leg: &mut Option<Telephone>) -> Option<LegEvent> {
    let Some(leg) = leg else { return std::future::pending().await };
    match leg.events.recv().await {
        Some(event) => Some(event),
        None => std::future::pending().await,
    }
}
