//! How does a call get a telephone of the house, and let go of it?
//!
//! A leg beside WhatsApp's is opened before anything rings, for its port stands in our offer. The
//! telephone is rung, answers and hangs up by SIP ([`crate::trunks::line`]); what it does is the
//! switchboard's to judge. Opus passes as it is; what else telephones talk goes by the transcoder, and is offered only
//! where that has a seat. All of it lasts while the switchboard says that the call is on the trunk.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use engine::{LegEvent, LegHandle, MediaWatch, Source};
use media::{
    dtmf::Digit,
    frame::AudioCodec,
    sdp::{self, TrunkVoice},
    transport::LocalTransport,
};
use sip::{End, Invite, Key, Limits, Manners, Target};
use switchboard::{
    call::Input,
    flow::{FromTrunk, NotTaken, ToTrunk},
};
use terms::ReachedBy;
use tokio::{sync::mpsc, time::Instant};
use wire::{
    console::{TrunkPlace, TrunkState},
    event::What,
};

use super::{
    actor::CallActor,
    legs,
    telephone::{Telephone, Turn},
    telephone_keys::Keys,
};
use crate::{
    cdr::TrunkRecord,
    trunks::{
        line::{Happening, Line, Said},
        lines::Known,
        road::Road,
    },
};

/// Who calls where the user's number is not known (RFC 3323).
const ANONYMOUS: &str = "anonymous";
/// How long a telephone may send nothing before it counts as gone: longer than a pause of one that
/// sends nothing while its user is silent.
const LOST_AFTER: Duration = Duration::from_secs(300);
/// How long a key is pressed that a telephone let be heard.
const KEY_MS: u32 = 120;
/// How long the leg may take to tell its figures before the record is written without them.
const FIGURES_WAIT: Duration = Duration::from_millis(300);

impl CallActor {
    /// Tells the trunk; may bring the next input at once.
    pub(super) async fn tell_trunk(&mut self, word: ToTrunk) -> Option<Input> {
        match word {
            ToTrunk::Ring { trunk, extension, ring_for, context } => {
                // One that never said a word was given up.
                self.close_trunk("given_up").await;
                self.ring_extension(trunk, extension, ring_for, &context)
            }
            ToTrunk::Refer { extension, ring_for, context } => {
                let trunk = self.referrer.as_ref()?.telephone.road.trunk.name.clone();
                self.ring_extension(trunk, extension, ring_for, &context)
            }
            ToTrunk::TakeBack(why) => {
                self.take_back(why).await;
                None
            }
            ToTrunk::LetGo => {
                self.let_referrer_go().await;
                None
            }
            ToTrunk::PutThrough => {
                self.put_through();
                None
            }
            ToTrunk::UserRings => {
                self.let_caller_ring();
                None
            }
            ToTrunk::Answer => self.answer_caller(),
        }
    }

    /// What the telephone of this call does.
    pub(super) async fn hear_trunk(&mut self, said: Said) -> Option<Input> {
        if self.is_referrers(&said) {
            return self.hear_referrer(said.what).await;
        }
        let leg = self.trunk.as_mut().filter(|leg| leg.line.number == said.number)?;
        let word = match said.what {
            Happening::Rings => FromTrunk::Rings,
            Happening::Early(early) => {
                let is_heard = leg.early(&early, &self.office.trunks.transcoder);
                return is_heard.then_some(Input::Trunk(FromTrunk::Early));
            }
            Happening::Answers(answer) if leg.calls.is_some() => {
                return self.caller_answers(&answer);
            }
            Happening::Answers(answer) => return self.trunk_answers(&answer).await,
            Happening::Reoffers(reoffer) => turned(leg.reoffered(reoffer)?),
            Happening::AnswersLate(answer) => turned(leg.answered_late(&answer)?),
            Happening::Refers(refer) => {
                self.telephone_refers(refer).await;
                return None;
            }
            Happening::Replaced(caller) => {
                self.telephone_replaced(caller).await;
                return None;
            }
            Happening::Presses(key) => {
                self.relay_key(key);
                return None;
            }
            Happening::Over(end) => return Some(Input::Trunk(self.trunk_over(end).await)),
        };
        Some(Input::Trunk(word))
    }

    /// The telephone's audio path.
    pub(super) fn read_trunk(&self, event: &LegEvent) -> Option<Input> {
        if let LegEvent::Digit(digit) = event {
            self.relay_heard_key(*digit);
        }
        let lost = matches!(event, LegEvent::MediaStopped { .. } | LegEvent::Failed { .. });
        let is_held = self.trunk.as_ref().is_some_and(|leg| leg.state == TrunkState::Held);
        (lost && !is_held).then_some(Input::Trunk(FromTrunk::Lost))
    }

    /// A key that could only be heard goes to the user as one that came as a telephone-event does, where the
    /// two have nobody between them.
    fn relay_heard_key(&self, digit: Digit) {
        let leg = self.trunk.as_ref().filter(|leg| leg.takes_part());
        let is_only_heard =
            leg.and_then(|leg| leg.agreed.as_ref()).is_some_and(|media| media.dtmf.is_none());
        if is_only_heard && self.agent_leg.is_none() && self.call.is_on_trunk() {
            self.with_whatsapp(|leg| leg.send_digit(digit, KEY_MS));
        }
    }

    /// A key that comes beside the sound goes to the user as a telephone-event, where the two have nobody
    /// between them.
    fn relay_key(&self, key: Key) {
        let takes_part = self.trunk.as_ref().is_some_and(Telephone::takes_part);
        if takes_part
            && self.agent_leg.is_none()
            && self.call.is_on_trunk()
            && let Some(digit) = Digit::new(key.sign)
        {
            self.with_whatsapp(|leg| leg.send_digit(digit, key.ms));
        }
    }

    /// A telephone that no longer has the call is hung up on.
    pub(super) async fn leave_trunk_if_over(&mut self) {
        if !self.call.is_on_trunk() {
            self.leave_referrer().await;
            if self.refuse_caller().await {
                return;
            }
            let became = match self.trunk.as_ref().map(|leg| leg.state) {
                Some(TrunkState::Ringing) => "given_up",
                Some(TrunkState::Talking | TrunkState::Held) => "answered",
                None => return,
            };
            self.close_trunk(became).await;
        }
    }

    /// The telephone as consoles see it.
    pub(super) fn trunk_place(&self) -> Option<TrunkPlace> {
        let leg = self.trunk.as_ref()?;
        Some(TrunkPlace {
            name: leg.road.trunk.name.clone(),
            extension: leg.extension.clone(),
            state: leg.state,
        })
    }

    fn ring_extension(
        &mut self,
        trunk: String,
        extension: String,
        ring_for: Duration,
        context: &BTreeMap<String, String>,
    ) -> Option<Input> {
        let refused = self.ring_trunk(&trunk, &extension, ring_for, context).err()?;
        tracing::warn!(trunk, why = refused.as_str(), "a telephone cannot be rung");
        self.office.metrics.trunk(refused.as_str());
        self.note_refused(trunk, extension, refused);
        Some(Input::Trunk(FromTrunk::NotTaken(refused)))
    }

    fn ring_trunk(
        &mut self,
        name: &str,
        extension: &str,
        ring_for: Duration,
        context: &BTreeMap<String, String>,
    ) -> Result<(), NotTaken> {
        let office = Arc::clone(&self.office);
        let road = office.trunks.find(&self.line.organisation.id, name);
        let road = Arc::clone(road.ok_or(NotTaken::Unavailable)?);
        if !road.trunk.extensions.allow(extension) {
            return Err(NotTaken::Refused);
        }
        let way = (road.order(), Manners::default());
        let telephone = self.dial(road, extension, way, ring_for, context)?;
        self.watch_beside("telephone", true);
        self.trunk = Some(telephone);
        Ok(())
    }

    /// Rings a telephone at one of these targets.
    pub(super) fn dial(
        &mut self,
        road: Arc<Road>,
        extension: &str,
        (targets, manners): (Vec<Target>, Manners),
        ring_for: Duration,
        context: &BTreeMap<String, String>,
    ) -> Result<Telephone, NotTaken> {
        let office = Arc::clone(&self.office);
        let seat = office.trunks.transcoder.seat(beside_opus(&road.trunk.codecs));
        let mut codecs = road.trunk.codecs.clone();
        codecs.retain(|codec| *codec == AudioCodec::Opus || seat.is_some());
        if codecs.is_empty() {
            return Err(NotTaken::Unavailable);
        }
        let (events, heard) = mpsc::channel(engine::EVENTS_MAX);
        let keys = Keys::new(road.trunk.srtp);
        let opened = self.open_trunk_leg((&keys, true), events);
        let (handle, local) = opened.ok_or(NotTaken::Unavailable)?;
        let voice = TrunkVoice { local: &local, version: 1, keys: keys.ours() };
        let sip_call_id = format!("{}@offhook", uuid::Uuid::now_v7());
        let invite = Invite {
            targets,
            call_id: sip_call_id.clone(),
            extension: extension.to_owned(),
            user_params: Vec::new(),
            caller: self.caller_user(),
            caller_host: None,
            caller_name: self.facts.contact.name.clone(),
            credentials: road.trunk.credentials.clone(),
            headers: self.context_headers(context),
            offer: sdp::write_trunk_offer(voice, &codecs),
            limits: Limits { ring: ring_for, ..Limits::default() },
        };
        let agent = office.trunks.agent().ok_or(NotTaken::Unavailable)?;
        let call = agent.call_so(invite, manners).map_err(|_| NotTaken::Unavailable)?;
        self.facts.trunks += 1;
        Ok(Telephone {
            _known: self.known(&road, &sip_call_id),
            line: Line::begin(self.facts.trunks, call, self.trunk_tells.clone()),
            road,
            extension: extension.to_owned(),
            sip_call_id,
            state: TrunkState::Ringing,
            handle,
            local,
            keys,
            codecs,
            seat,
            agreed: None,
            heard: None,
            fed: None,
            told: None,
            events: heard,
            version: 1,
            rang_at: Instant::now(),
            answered_at: None,
            calls: None,
            replaces: false,
            gave_away: false,
        })
    }

    /// Makes the telephone that was counted last known by its `Call-ID`.
    pub(super) fn known(&self, road: &Arc<Road>, sip_call_id: &str) -> Arc<Known> {
        let (road, number) = (Arc::clone(road), self.facts.trunks);
        let line = Known { road, number, tell: self.trunk_tells.clone() };
        self.office.trunks.lines.know(sip_call_id, line)
    }

    /// Opens a leg that gets these keys; the flag is whether the first SDP is ours.
    pub(super) fn open_trunk_leg(
        &self,
        (keys, offers): (&Keys, bool),
        events: mpsc::Sender<LegEvent>,
    ) -> Option<(LegHandle, LocalTransport)> {
        let beside = self.whatsapp.as_ref()?.handle.id();
        let watch = MediaWatch { start: LOST_AFTER, mid_call: LOST_AFTER };
        let opened = keys.open(&self.office.engine, (beside, offers), watch, events);
        let opened = opened.inspect_err(|error| tracing::warn!(%error, "a trunk has no leg"));
        let (handle, mut local) = opened.ok()?;
        // The house's telephones reach us where we speak SIP; what WhatsApp is told may be elsewhere.
        if self.office.config.media.bind_ip.is_unspecified()
            && let Some(ip) = self.office.trunks.address()
        {
            local.addrs.iter_mut().for_each(|address| address.set_ip(ip));
        }
        Some((handle, local))
    }

    fn caller_user(&self) -> String {
        let number = self.facts.contact.wa_id.as_ref();
        number.map_or_else(|| ANONYMOUS.to_owned(), |number| format!("+{}", number.as_str()))
    }

    /// What the telephone is told about the call. Names that are none are left out below.
    fn context_headers(&self, context: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let facts = &self.facts;
        let mut headers = Vec::new();
        let mut put = |name: &str, value: Option<&str>| {
            headers.extend(value.map(|value| (format!("X-Offhook-{name}"), value.to_owned())));
        };
        put("Call-Id", facts.call_id.as_ref().map(terms::CallId::as_str));
        put("Number", Some(self.line.digits()));
        put("User", facts.contact.wa_id.as_ref().map(terms::WaId::as_str));
        put("User-Id", facts.contact.user_id.as_ref().map(terms::UserId::as_str));
        let parent = facts.contact.parent_user_id.as_ref();
        put("Parent-User-Id", parent.map(terms::UserId::as_str));
        put("Payload", facts.deeplink_payload.as_deref().or(facts.cta_payload.as_deref()));
        put(
            "Window",
            self.call.caller().window_open.map(|open| if open { "open" } else { "closed" }),
        );
        for (name, value) in context {
            put(&name.replace('_', "-"), Some(value));
        }
        headers.extend(self.asserted_identity());
        headers.extend(self.referral_headers());
        headers
    }

    /// Who calls, by the number where that is known, else by the BSUID: the caller hides the number
    /// and yet is somebody, whom a PBX may know from an earlier call.
    fn asserted_identity(&self) -> Option<(String, String)> {
        let host = self.office.trunks.host()?;
        let contact = &self.facts.contact;
        let user = match contact.user()?.reached_by() {
            ReachedBy::Number(number) => format!("+{}", number.as_str()),
            ReachedBy::UserId(user_id) => user_id.as_str().to_owned(),
        };
        let name = contact.name.as_deref().unwrap_or_default().replace(['"', '\\'], "");
        Some(("P-Asserted-Identity".to_owned(), format!("\"{name}\" <sip:{user}@{host}>")))
    }

    async fn trunk_answers(&mut self, answer: &str) -> Option<Input> {
        let leg = self.trunk.as_mut()?;
        if !leg.answered(answer, &self.office.trunks.transcoder) {
            tracing::warn!(trunk = leg.road.trunk.name, "a telephone's answer cannot be used");
            self.close_trunk("unavailable").await;
            return Some(Input::Trunk(FromTrunk::NotTaken(NotTaken::Unavailable)));
        }
        leg.listen_for_keys(&self.office.in_band_keys);
        let who = format!("{} {}", leg.road.trunk.name, leg.extension);
        self.office.metrics.trunk("answered");
        self.tell_outside_by(&who, What::CallAnswered);
        Some(Input::Trunk(FromTrunk::Answers))
    }

    async fn trunk_over(&mut self, end: End) -> FromTrunk {
        if self.trunk.as_ref().is_some_and(|leg| leg.calls.is_some()) {
            let lost = end == End::Lost;
            self.close_trunk(if lost { "lost" } else { self.caller_became() }).await;
            return if lost { FromTrunk::Lost } else { FromTrunk::HangsUp };
        }
        let answered = self.trunk.as_ref().is_some_and(|leg| leg.answered_at.is_some());
        let (word, became) = match (end, answered) {
            (End::Lost, true) => (FromTrunk::Lost, "lost"),
            (_, true) => (FromTrunk::HangsUp, "answered"),
            (End::Busy, false) => (FromTrunk::NotTaken(NotTaken::Busy), "busy"),
            (End::NoAnswer | End::Ours, false) => {
                (FromTrunk::NotTaken(NotTaken::NoAnswer), "no_answer")
            }
            (End::Refused(_), false) => (FromTrunk::NotTaken(NotTaken::Refused), "refused"),
            (End::Unavailable | End::Theirs | End::Lost, false) => {
                (FromTrunk::NotTaken(NotTaken::Unavailable), "unavailable")
            }
        };
        if !answered {
            self.office.metrics.trunk(became);
        }
        self.close_trunk(became).await;
        word
    }

    /// User and telephone hear each other, for the flow.
    pub(super) fn put_through(&mut self) {
        let Some(user) = self.whatsapp_voice() else { return };
        let Some(leg) = self.trunk.as_mut() else { return };
        let Some(to_telephone) = leg.hears(&user, &self.office.trunks.transcoder) else { return };
        leg.fed = None;
        leg.handle.play(to_telephone);
        let from_telephone = leg.voice();
        self.play_to_user(from_telephone);
        self.let_mix_go();
    }

    pub(super) async fn close_trunk(&mut self, became: &str) {
        let Some(leg) = self.trunk.take() else { return };
        self.watch_beside("telephone", false);
        drop(self.close_telephone(leg, became).await);
    }

    /// What is left of a telephone that has no part in the call: its line.
    pub(super) async fn close_telephone(&mut self, leg: Telephone, became: &str) -> Line {
        leg.handle.play(Source::Silence);
        let figures = legs::figures(&leg.handle, FIGURES_WAIT).await;
        leg.handle.close();
        self.facts.trunk_records.push(leg.record(became, figures));
        leg.line
    }

    /// A telephone that was not even rung is in the record, too.
    fn note_refused(&mut self, name: String, extension: String, why: NotTaken) {
        self.facts.trunk_records.push(TrunkRecord {
            name,
            extension,
            sip_call_id: None,
            placed: false,
            became: why.as_str().to_owned(),
            rang_s: 0,
            talked_s: None,
            codec: None,
            leg: None,
        });
    }
}

const fn turned(turn: Turn) -> FromTrunk {
    match turn {
        Turn::Holds => FromTrunk::Holds,
        Turn::Resumes => FromTrunk::Resumes,
    }
}

pub(super) fn beside_opus(codecs: &[AudioCodec]) -> Vec<AudioCodec> {
    codecs.iter().copied().filter(|codec| *codec != AudioCodec::Opus).collect()
}
