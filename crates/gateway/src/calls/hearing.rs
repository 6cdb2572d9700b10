//! What is each leg fed with?
//!
//! The switchboard says who hears whom. Who hears one other gets that one's packets as they are, who
//! hears several gets a mix, who hears nobody silence; a user who waits gets music. A telephone of another codec than Opus
//! and whoever hears it alone are fed by the transcoder. A leg that is fed rightly is left alone: nobody
//! notices in a call that somebody begins to listen.

use std::sync::Arc;

use engine::{LegHandle, Listener, Repeat, Source, Voice};
use media::{frame::AudioCodec, sdp::TrunkMedia};
use switchboard::call::{Side, State};
use terms::LegId;

use super::{actor::CallActor, legs::AgentLeg, telephone::Telephone};
use crate::prompts::HOLD_MUSIC;

/// What a leg plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fed {
    Silence,
    Music,
    By(LegId),
    Mix,
}

impl CallActor {
    /// Feeds every leg with whom it hears now.
    pub(super) fn arrange(&mut self) {
        if self.are_apart() {
            self.take_mix();
        }
        let mut listeners = Vec::new();
        for side in Side::ALL {
            let hears = self.voices_for(side);
            let is_mixed = self.is_mixed(side, &hears) && self.mix.is_some();
            match self.leg(side).cloned() {
                Some(leg) if is_mixed => {
                    self.set_fed(side, Some(Fed::Mix));
                    listeners.push(Listener { leg, codec: self.codec(side), hears });
                }
                Some(leg) => self.feed_directly(side, &leg, hears.first()),
                None => {}
            }
        }
        if let Some(mix) = &mut self.mix {
            mix.arrange(&listeners);
        }
        self.let_mix_go();
    }

    /// The user's leg plays something of its own.
    pub(super) fn play_to_user(&mut self, source: Source) {
        self.note_playing(&source);
        if let Some(leg) = &mut self.whatsapp {
            leg.fed = None;
            leg.handle.play(source);
        }
    }

    /// The user's leg for somebody who will play something of its own to it.
    pub(super) fn whatsapp_voice(&mut self) -> Option<Voice> {
        let leg = self.whatsapp.as_mut()?;
        leg.fed = None;
        let (audio, codec) = (leg.audio?, AudioCodec::Opus);
        Some(Voice { leg: leg.handle.clone(), audio, codec, noise: None })
    }

    /// Gets the call a seat at the mixer; false when there is none.
    pub(super) fn take_mix(&mut self) -> bool {
        if self.mix.is_none() {
            self.mix = self.office.mixer.open();
        }
        self.mix.is_some()
    }

    /// Leaves the seat, unless it is needed.
    pub(super) fn let_mix_go(&mut self) {
        let is_three_way = matches!(self.call.state(), State::ThreeWay(_));
        if !is_three_way && self.call.supervision().is_none() && !self.are_apart() {
            self.mix = None;
        }
    }

    /// Whether what it hears has to be decoded: several, or one in a codec that is not carried into its own.
    fn is_mixed(&self, side: Side, hears: &[Voice]) -> bool {
        let codec = self.codec(side);
        let is_apart = |voice: &Voice| {
            codec != voice.codec && codec != AudioCodec::Opus && voice.codec != AudioCodec::Opus
        };
        hears.len() > 1 || hears.iter().any(is_apart)
    }

    /// Whether two telephones hear each other that have no codec in common.
    fn are_apart(&self) -> bool {
        let apart = |side: &Side| {
            let hears = self.voices_for(*side);
            hears.len() == 1 && self.is_mixed(*side, &hears)
        };
        Side::ALL.iter().any(apart)
    }

    fn feed_directly(&mut self, side: Side, leg: &LegHandle, voice: Option<&Voice>) {
        let fed = match (voice, side) {
            (Some(voice), _) => Fed::By(voice.leg.id()),
            (None, Side::Whatsapp) => Fed::Music,
            (None, Side::Agent | Side::Consulted | Side::Supervisor) => Fed::Silence,
        };
        if self.fed(side) == Some(fed) {
            return;
        }
        let source = match (voice, fed) {
            (Some(voice), _) => self.source_of(side, voice),
            (None, Fed::Music) => self.music(),
            (None, Fed::Silence | Fed::By(_) | Fed::Mix) => Source::Silence,
        };
        leg.play(source);
        self.set_fed(side, Some(fed));
    }

    /// What makes this side hear this one voice.
    fn source_of(&mut self, side: Side, voice: &Voice) -> Source {
        let codec = self.codec(side);
        if codec == voice.codec {
            return Source::Bridge(voice.leg.clone());
        }
        if codec == AudioCodec::Opus {
            let mut telephones = Side::ALL.into_iter().filter_map(|side| self.telephone(side));
            let speaker = telephones.find(|it| it.handle.id() == voice.leg.id());
            return speaker.map_or(Source::Silence, Telephone::voice);
        }
        let office = Arc::clone(&self.office);
        let telephone = self.telephone_mut(side);
        let source = telephone.and_then(|it| it.hears(voice, &office.trunks.transcoder));
        source.unwrap_or(Source::Silence)
    }

    fn music(&self) -> Source {
        let music = self.line.shelf.prompt(HOLD_MUSIC);
        music.map_or(Source::Silence, |frames| Source::Packets(frames, Repeat::Forever))
    }

    /// Whom this side hears, of those who have a leg.
    fn voices_for(&self, side: Side) -> Vec<Voice> {
        let heard = self.call.heard_by(side).into_iter();
        heard.filter_map(|speaker| self.voice(speaker)).collect()
    }

    fn voice(&self, side: Side) -> Option<Voice> {
        let leg = self.leg(side)?.clone();
        let codec = self.codec(side);
        let audio = match side {
            Side::Whatsapp => self.whatsapp.as_ref()?.audio?,
            Side::Agent => self.agent_leg.as_ref()?.audio()?,
            Side::Consulted => match &self.consulted_leg {
                Some(leg) => leg.audio()?,
                None => self.trunk.as_ref()?.agreed.as_ref()?.audio,
            },
            Side::Supervisor => self.supervisor_leg.as_ref()?.audio()?,
        };
        let noise = self.telephone_as(side).and_then(|media| media.noise);
        Some(Voice { leg, audio, codec, noise })
    }

    /// What this side talks; only a telephone may talk something else than Opus.
    fn codec(&self, side: Side) -> AudioCodec {
        self.telephone_as(side).map_or(AudioCodec::Opus, |media| media.codec)
    }

    /// What this side agreed, where it is a telephone.
    fn telephone_as(&self, side: Side) -> Option<&TrunkMedia> {
        self.telephone(side).and_then(|telephone| telephone.agreed.as_ref())
    }

    fn leg(&self, side: Side) -> Option<&LegHandle> {
        match side {
            Side::Whatsapp => self.whatsapp.as_ref().map(|leg| &leg.handle),
            Side::Agent => taking_part(self.agent_leg.as_ref()),
            Side::Consulted => match &self.consulted_leg {
                Some(leg) => taking_part(Some(leg)),
                None => self.trunk.as_ref().filter(|it| it.takes_part()).map(|it| &it.handle),
            },
            Side::Supervisor => self.supervisor_leg.as_ref().map(|leg| &leg.handle),
        }
    }

    fn fed(&self, side: Side) -> Option<Fed> {
        match side {
            Side::Whatsapp => self.whatsapp.as_ref()?.fed,
            Side::Agent => self.agent_leg.as_ref()?.fed,
            Side::Consulted => match &self.consulted_leg {
                Some(leg) => leg.fed,
                None => self.trunk.as_ref()?.fed,
            },
            Side::Supervisor => self.supervisor_leg.as_ref()?.fed,
        }
    }

    fn set_fed(&mut self, side: Side, fed: Option<Fed>) {
        let place = match side {
            Side::Whatsapp => self.whatsapp.as_mut().map(|leg| &mut leg.fed),
            Side::Agent => self.agent_leg.as_mut().map(|leg| &mut leg.fed),
            Side::Consulted => match &mut self.consulted_leg {
                Some(leg) => Some(&mut leg.fed),
                None => self.trunk.as_mut().map(|leg| &mut leg.fed),
            },
            Side::Supervisor => self.supervisor_leg.as_mut().map(|leg| &mut leg.fed),
        };
        if let Some(place) = place {
            *place = fed;
        }
    }
}

fn taking_part(leg: Option<&AgentLeg>) -> Option<&LegHandle> {
    leg.filter(|leg| leg.takes_part()).map(|leg| &leg.handle)
}
