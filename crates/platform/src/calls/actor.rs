//! Who owns a call?
//!
//! One task a call. Whatever happens to it — an action of the API, its phone, its legs' events, a
//! deadline — comes here one after the other, goes to [`rules::call`], and the effects that come back
//! are carried out in [`super::effects`]. Packets never pass.

use std::{sync::Arc, time::Duration};

use engine::{LegEvent, LegStats, Password, PayloadTypes};
use rules::{
    Refusal,
    call::{Effect, EndReason, Input, LegFailure, State},
};
use terms::{MessageId, Party, Timestamp};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep_until},
};
use wire::sandbox::{GraphFaults, MediaFaults};

use super::{
    effects, findings,
    keeping::Keeping,
    legs::{self, Legs},
    record::{CallRecord, Facts, Finding},
    watch::Watch,
};
use crate::{
    capture::Announcement,
    phones::{PhoneHandle, PhoneId},
    sdp::{self, BusinessSdp, FarEnd},
    sip_edge::Line,
    store::{JournalFilter, NewWebhook},
    world::World,
};

/// How long a phone that lost its connection may come back, or its media go on.
const PHONE_GRACE: Duration = Duration::from_secs(3);

/// How long a closed leg's last figures are waited for.
const CLOSE_GRACE: Duration = Duration::from_millis(500);

/// How often, and after which pause, a call that ended is saved again when the store fails.
const SAVES_MAX: usize = 30;
const SAVE_PAUSE: Duration = Duration::from_secs(1);

/// Something for a call to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// An action of the API or the sandbox.
    Act { input: Input, reply: oneshot::Sender<Result<(), Refusal>> },
    /// The user's phone picks up with its offer; the answer goes to the phone.
    PickUp { phone: PhoneHandle, offer: String },
    /// The user's phone says something.
    FromPhone { phone: PhoneId, input: Input },
    /// A phone lost its connection.
    PhoneGone { phone: PhoneId },
    /// The user's phones that ring now; none could be reached if empty.
    Rung { phones: Vec<PhoneHandle> },
    /// An announcement can be played, or cannot be made.
    Announcement { announcement: Option<Announcement> },
    /// An action carried an SDP that was refused.
    Refused { finding: Finding },
    /// The SIP dialog says something, and perhaps why.
    FromLine { finding: Option<Finding>, inputs: Vec<Input> },
    /// The faults a test asks for have changed.
    Spoil,
    /// How does the call stand?
    Inspect { reply: oneshot::Sender<CallRecord> },
}

/// The task's state.
#[derive(Debug)]
pub(crate) struct CallActor {
    pub(super) world: Arc<World>,
    pub(super) facts: Facts,
    pub(super) record: CallRecord,
    pub(super) legs: Legs,
    /// The dialog of a call that is signalled over SIP.
    pub(super) line: Option<Line>,
    /// Where the business is, not told to its leg yet: it hears our answer only when the user picks up.
    pub(super) far_end: Option<(FarEnd, PayloadTypes)>,
    /// What the business said about its media.
    pub(super) business_sdp: Option<BusinessSdp>,
    pub(super) watch: Option<Watch>,
    /// When the call was answered, and how long after that the business was first heard.
    pub(super) answered: Option<Instant>,
    /// The media faults this call ran under, at any time.
    spoiled: MediaFaults,
    /// The business was heard, and since then our address has changed.
    is_heard: bool,
    is_rebound: bool,
    first_media_after: Option<Duration>,
    /// The phones that ring, or the one that talks.
    pub(super) phones: Vec<PhoneHandle>,
    pub(super) inbox: mpsc::Receiver<Command>,
    /// The business's last figures, where its leg closed before the user's.
    closed_business: Option<Box<LegStats>>,
    /// Webhooks that are written with the record when it is saved next.
    pub(super) untold: Vec<NewWebhook>,
    /// What is played and kept of the call.
    pub(super) keeping: Keeping,
    /// The answer to the phone's offer, given once it rings at the business.
    pub(super) phone_answer: Option<String>,
    /// When the only phone's connection was lost, and what it had sent by then.
    phone_gone: Option<PhoneGone>,
}

#[derive(Debug, Clone, Copy)]
struct PhoneGone {
    look_at: Instant,
    packets: u64,
}

impl CallActor {
    pub(crate) fn new(
        world: Arc<World>,
        facts: Facts,
        record: CallRecord,
        legs: Legs,
        phones: Vec<PhoneHandle>,
        inbox: mpsc::Receiver<Command>,
    ) -> Self {
        Self {
            world,
            facts,
            record,
            legs,
            line: None,
            far_end: None,
            business_sdp: None,
            watch: None,
            answered: None,
            spoiled: MediaFaults::default(),
            is_heard: false,
            is_rebound: false,
            first_media_after: None,
            phones,
            inbox,
            closed_business: None,
            untold: Vec::new(),
            keeping: Keeping::default(),
            phone_answer: None,
            phone_gone: None,
        }
    }

    /// Lives the call, from the effects of its placing to its end.
    pub(crate) async fn run(mut self, first: Vec<Effect>) {
        self.spoil();
        self.carry_out(first).await;
        while self.record.call.ending().is_none() {
            self.step().await;
        }
        self.finish().await;
    }

    async fn step(&mut self) {
        let deadline = self.record.call.next_timeout().map(|(at, _)| at);
        let look_at = self.phone_gone.map(|gone| gone.look_at);
        let world = Arc::clone(&self.world);
        tokio::select! {
            command = self.inbox.recv() => match command {
                Some(command) => self.obey(command).await,
                None => self.input(Input::PlatformStopped).await,
            },
            Some(event) = self.legs.business.events.recv() => self.business_event(event).await,
            Some(event) = user_event(&mut self.legs.user) => self.user_event(event).await,
            () = until(&world, deadline) => self.input(Input::DeadlineReached).await,
            () = nap(look_at) => self.look_for_phone().await,
            () = watched(&world, self.watch) => self.look_for_silence().await,
            () = world.stop.cancelled() => self.input(Input::PlatformStopped).await,
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Act { input, reply } => {
                let result = self.act(input).await;
                drop(reply.send(result));
            }
            Command::PickUp { phone, offer } => self.pick_up(phone, &offer).await,
            Command::FromPhone { phone, input } => {
                if self.phones.iter().any(|known| known.id() == phone) {
                    self.input(input).await;
                }
            }
            Command::PhoneGone { phone } => self.phone_gone(phone).await,
            Command::Rung { phones } => self.rung(phones).await,
            Command::Announcement { announcement } => {
                self.play_announcement(announcement).await;
            }
            Command::Refused { finding } => self.remark(finding).await,
            Command::FromLine { finding, inputs } => self.hear_line(finding, inputs).await,
            Command::Spoil => self.spoil(),
            Command::Inspect { reply } => {
                self.measure().await;
                drop(reply.send(self.record.clone()));
            }
        }
    }

    /// An action of the API; what its SDP did wrong is remembered.
    async fn act(&mut self, input: Input) -> Result<(), Refusal> {
        let differs = if let State::PreAccepted { sdp: first, .. } = self.record.call.state()
            && let Input::Accept { sdp, .. } | Input::PreAccept { sdp } = &input
            && first != sdp
        {
            Some(findings::session::differs(first, sdp))
        } else {
            None
        };
        let result = self.handle(input).await;
        if let (Err(Refusal::SdpDiffers), Some(finding)) = (&result, differs) {
            self.remark(finding).await;
        }
        result
    }

    /// Lets the network be as bad as a test asks.
    pub(super) fn spoil(&mut self) {
        let faults = self.world.faults.media(&self.facts.id);
        self.spoiled = both(self.spoiled, faults);
        if self.spoiled != MediaFaults::default() {
            // The same for the same call, so that a repeated run has the same accidents.
            let seed = self
                .facts
                .id
                .as_str()
                .bytes()
                .fold(1, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(byte)));
            self.legs.spoil(&faults, seed);
        }
        self.rebind();
    }

    /// Changes our address once, in the middle of the call, if a test asks for it.
    fn rebind(&mut self) {
        if self.spoiled.rebind && self.is_heard && !self.is_rebound {
            self.is_rebound = true;
            if let Err(fault) = self.world.engine.rebind(&self.legs.business.handle) {
                tracing::error!(fault = %crate::api::chain(&fault), "cannot change a leg's port");
            }
        }
    }

    async fn hear_line(&mut self, finding: Option<Finding>, inputs: Vec<Input>) {
        if let Some(finding) = finding {
            self.remark(finding).await;
        }
        for input in inputs {
            self.input(input).await;
        }
    }

    /// Remembers something that no figure tells.
    async fn remark(&mut self, finding: Finding) {
        self.record.remark(finding);
        self.save().await;
    }

    /// Gives an input whose refusal nobody waits for.
    pub(super) async fn input(&mut self, input: Input) {
        let name = input.name();
        if let Err(refusal) = self.handle(input).await {
            tracing::debug!(call = %self.facts.id, input = name, %refusal, "not possible now");
        }
    }

    async fn handle(&mut self, input: Input) -> Result<(), Refusal> {
        let now = self.world.clock.now();
        let mut effects = Vec::new();
        self.record.call.handle(input, now, &mut effects)?;
        self.record.note_state(now);
        self.carry_out(effects).await;
        Ok(())
    }

    /// What the business is told is durable in one step with the state that says it was told.
    async fn carry_out(&mut self, todo: Vec<Effect>) {
        // Before the webhook, or a business that dials at once meets its own last call.
        if todo.iter().any(|effect| matches!(effect, Effect::SendTerminate(_))) {
            self.world.calls.free_business(&self.facts.id);
        }
        let webhooks = effects::webhooks(self, &todo);
        self.untold.extend(webhooks);
        self.save().await;
        for effect in todo {
            effects::carry_out(self, effect).await;
        }
        self.save().await;
    }

    async fn save(&mut self) {
        effects::save(self).await;
    }

    async fn business_event(&mut self, event: LegEvent) {
        match event {
            LegEvent::FirstMedia => {
                self.first_media_after = self.answered.map(|at| at.elapsed());
                self.is_heard = true;
                self.rebind();
                self.input(Input::BusinessMediaStarted).await;
            }
            LegEvent::Failed { reason } => {
                let failure = failure(&reason);
                self.input(Input::LegFailed { whose: Party::Business, failure }).await;
            }
            LegEvent::Closed(stats) => {
                self.closed_business = Some(stats);
                let failure = LegFailure::SetUp;
                self.input(Input::LegFailed { whose: Party::Platform, failure }).await;
            }
            LegEvent::IceConnected { .. }
            | LegEvent::DtlsConnected { .. }
            | LegEvent::Digit(_)
            | LegEvent::MediaStopped { .. }
            | LegEvent::MediaResumed => {}
            LegEvent::PlaybackDone => self.played_to(Party::Business).await,
        }
    }

    async fn user_event(&mut self, event: LegEvent) {
        match event {
            LegEvent::Failed { reason } => {
                let failure = failure(&reason);
                self.input(Input::LegFailed { whose: Party::User, failure }).await;
            }
            LegEvent::Closed(_)
            | LegEvent::FirstMedia
            | LegEvent::IceConnected { .. }
            | LegEvent::DtlsConnected { .. }
            | LegEvent::Digit(_)
            | LegEvent::MediaStopped { .. }
            | LegEvent::MediaResumed => {}
            LegEvent::PlaybackDone => self.played_to(Party::User).await,
        }
    }

    async fn rung(&mut self, phones: Vec<PhoneHandle>) {
        if self.legs.user.is_some() || self.record.call.ending().is_some() {
            return;
        }
        self.phones = phones;
        let input =
            if self.phones.is_empty() { Input::UserUnreachable } else { Input::UserRinging };
        self.input(input).await;
    }

    async fn pick_up(&mut self, phone: PhoneHandle, offer: &str) {
        let answer = match self.open_user_leg(offer) {
            Ok(answer) => answer,
            Err(text) => {
                phone.refuse("pick_up", "media.leg", &text);
                return;
            }
        };
        phone.answer(&self.facts.id, answer);
        for other in self.phones.iter().filter(|other| other.id() != phone.id()) {
            other.ended_elsewhere(&self.facts.id);
        }
        self.phones = vec![phone];
        self.phone_gone = None;
        self.input(Input::UserPickedUp).await;
    }

    fn open_user_leg(&mut self, offer: &str) -> Result<String, String> {
        if self.legs.user.is_some() || self.record.call.ending().is_some() {
            return Err("this call has already been picked up".to_owned());
        }
        let offer = sdp::read_phone_offer(offer).map_err(|refusal| refusal.to_string())?;
        let beside = Some(&self.legs.business.handle);
        let mut leg = legs::open(&self.world.engine, Password::Plain, beside)
            .map_err(|_| "the platform has no room for another call".to_owned())?;
        let answer = offer.answer(&leg.local);
        leg.meet(offer.far_end, offer.types);
        self.legs.add_user(leg);
        self.listen();
        Ok(answer)
    }

    /// The id of the call's line in the chat: stable, so that the line is replaced.
    pub(super) fn chat_entry_id(&self) -> MessageId {
        let id = self.facts.id.as_str();
        format!("call.{}", &id[id.len().saturating_sub(24)..]).parse().expect("a part of a call id")
    }

    /// Lets ears listen once the user's payload types are known, and the transcoder once the
    /// business's are.
    pub(super) fn listen(&mut self) {
        self.legs.listen(&self.world.ears);
        self.legs.transcode(&self.world.transcoder);
        if let Some(ears) = &self.legs.ears {
            self.world.recordings.keep(self.facts.id.clone(), ears.user.clone());
        }
    }

    async fn phone_gone(&mut self, phone: PhoneId) {
        let before = self.phones.len();
        self.phones.retain(|known| known.id() != phone);
        if self.phones.is_empty() && before > 0 {
            let packets = self.user_packets().await;
            self.phone_gone = Some(PhoneGone { look_at: Instant::now() + PHONE_GRACE, packets });
        }
    }

    /// A phone without a connection keeps its call only while its media flows.
    async fn look_for_phone(&mut self) {
        let Some(gone) = self.phone_gone else { return };
        let packets = self.user_packets().await;
        if packets > gone.packets {
            self.phone_gone = Some(PhoneGone { look_at: Instant::now() + PHONE_GRACE, packets });
        } else {
            self.phone_gone = None;
            self.input(Input::UserVanished).await;
        }
    }

    async fn user_packets(&self) -> u64 {
        match &self.legs.user {
            Some(user) => user.handle.stats().await.map_or(0, |stats| stats.received.packets),
            None => 0,
        }
    }

    /// Brings the record's figures up to date while the legs are open.
    async fn measure(&mut self) {
        let business = self.legs.business.handle.stats().await.ok();
        let user = match &self.legs.user {
            Some(user) => user.handle.stats().await.ok(),
            None => None,
        };
        self.note_figures(user.as_ref(), business.as_ref());
    }

    fn note_figures(&mut self, user: Option<&LegStats>, business: Option<&LegStats>) {
        let closed = self.closed_business.clone();
        let Some(business) = business.or(closed.as_deref()) else { return };
        (self.record.user_heard, self.record.business_heard) = self.legs.heard(user, business);
        let found = findings::findings(&findings::Seen {
            state: self.record.call.state(),
            business,
            user,
            sdp: self.business_sdp.as_ref(),
            user_heard: self.record.user_heard.as_ref(),
            business_heard: self.record.business_heard.as_ref(),
            first_media_after: self.first_media_after,
            faults: self.spoiled,
        });
        self.record.set_findings(found);
    }

    async fn finish(mut self) {
        self.legs.close();
        let business = last_figures(&mut self.legs.business).await;
        let user = match &mut self.legs.user {
            Some(user) => last_figures(user).await,
            None => None,
        };
        self.note_figures(user.as_ref(), business.as_ref());
        if let Some(finding) = self.not_heard_of().await {
            self.record.remark(finding);
        }
        self.record.settled = true;
        self.save().await;
        for _ in 0..SAVES_MAX {
            if self.untold.is_empty() {
                break;
            }
            tokio::time::sleep(SAVE_PAUSE).await;
            self.save().await;
        }
        self.world.calls.remove(&self.facts.id);
    }
}

/// Rows of the journal that are looked at for a call's `connect`: one or two an app.
const CONNECT_ROWS_MAX: u32 = 256;

impl CallActor {
    /// Why a call that nobody answered did not reach the business, if it did not.
    async fn not_heard_of(&self) -> Option<Finding> {
        let reason = self.record.call.ending()?.reason;
        if reason != EndReason::BusinessDidNotAnswer || self.line.is_some() {
            return None;
        }
        let id = Some(self.facts.id.as_str().to_owned());
        let filter = JournalFilter { call_id: id, ..JournalFilter::default() };
        let rows = self.world.store.webhooks(filter, CONNECT_ROWS_MAX).await;
        let faults = &self.world.faults;
        let (all, own) = (faults.graph(), faults.graph_of(&self.facts.id));
        let graph = GraphFaults { status: own.status.or(all.status), ..own };
        match rows {
            Ok(rows) => findings::delivery::of_connect(&rows, graph),
            Err(fault) => {
                tracing::error!(fault = %crate::api::chain(&fault), "cannot read the journal");
                None
            }
        }
    }
}

async fn last_figures(leg: &mut legs::Leg) -> Option<LegStats> {
    let closed = async {
        while let Some(event) = leg.events.recv().await {
            if let LegEvent::Closed(stats) = event {
                return Some(*stats);
            }
        }
        None
    };
    tokio::time::timeout(CLOSE_GRACE, closed).await.ok().flatten()
}

/// Faults a call ran under, at one time or another.
fn both(before: MediaFaults, since: MediaFaults) -> MediaFaults {
    MediaFaults {
        loss: before.loss.max(since.loss),
        jitter_ms: before.jitter_ms.max(since.jitter_ms),
        silence: before.silence || since.silence,
        rebind: before.rebind || since.rebind,
        no_dtls: before.no_dtls || since.no_dtls,
    }
}

async fn user_event(leg: &mut Option<legs::Leg>) -> Option<LegEvent> {
    match leg {
        Some(user) => user.events.recv().await,
        None => std::future::pending().await,
    }
}

async fn until(world: &World, deadline: Option<Timestamp>) {
    match deadline {
        Some(at) => world.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn watched(world: &World, watch: Option<Watch>) {
    match watch {
        Some(watch) => watch.due(&world.clock).await,
        None => std::future::pending().await,
    }
}

async fn nap(look_at: Option<Instant>) {
    match look_at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn failure(reason: &media::leg::LegFailure) -> LegFailure {
    sdp::leg_failure(reason)
}
