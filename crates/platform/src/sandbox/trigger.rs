//! `/sandbox/v1/trigger`: what shall happen, or be told, right away?
//!
//! What the rules know happens by the rules: a user calls, writes, decides, and the webhooks follow.
//! What they cannot be made to do at will is told only: a webhook of the right shape, marked
//! `synthetic` in the journal, with nothing behind it.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Request, State},
    response::IntoResponse as _,
};
use handset::Payloads;
use rules::{
    call::{EndReason, Ending, Status},
    media_files::UseCase,
    permission,
    quality::{Restriction, RestrictionKind, Violation},
};
use terms::{CallId, Direction, MessageId};
use wire::{
    sandbox::{PermissionAction, Trigger, TriggerEvent, Triggered},
    webhook::{
        WebhookError,
        account::{AccountUpdate, VolumeTier},
        envelope::Change,
        message::Delivery,
    },
};

use super::{Answer, SandboxRefusal, body, users as acts};
use crate::{
    billing,
    calls::{Facts, place},
    capture::{self, SampleFault},
    consent,
    directory::{Number, User},
    ids::Stream,
    phones, users,
    webhooks::{Lane, Origin, compose},
    world::World,
};

/// How long the call of `call.completed` and `call.failed` lasted.
const LASTED: Duration = Duration::from_secs(42);

/// Who it happens to.
struct Scene {
    world: Arc<World>,
    user: Arc<User>,
    number: Arc<Number>,
}

pub(super) async fn fire(State(world): State<Arc<World>>, request: Request) -> Answer {
    let wanted: Trigger = body(request).await?;
    let scene = Scene::of(world, &wanted)?;
    let event = wanted.event;
    let triggered = match event {
        TriggerEvent::CallStarted => scene.call().await?,
        TriggerEvent::CallMissed => scene.missed_call().await?,
        TriggerEvent::CallCompleted => scene.ended(event, EndReason::UserHungUp).await?,
        TriggerEvent::CallFailed => scene.ended(event, EndReason::BusinessSilent).await?,
        TriggerEvent::CallRinging => scene.progress(event, Status::Ringing).await?,
        TriggerEvent::CallAccepted => scene.progress(event, Status::Accepted).await?,
        TriggerEvent::CallRejected => scene.progress(event, Status::Rejected).await?,
        TriggerEvent::PermissionGranted => {
            scene.decide(event, PermissionAction::AcceptTemporary).await?
        }
        TriggerEvent::PermissionGrantedPermanent => {
            scene.decide(event, PermissionAction::AcceptPermanent).await?
        }
        TriggerEvent::PermissionRejected => scene.decide(event, PermissionAction::Reject).await?,
        TriggerEvent::PermissionRevoked => scene.decide(event, PermissionAction::Revoke).await?,
        TriggerEvent::PermissionExpired => scene.expire().await?,
        TriggerEvent::MessageText => scene.write(wanted.text).await?,
        TriggerEvent::MessageStatusSent => {
            scene.message(event, wanted.message_id, Delivery::Sent).await?
        }
        TriggerEvent::MessageStatusDelivered => {
            scene.message(event, wanted.message_id, Delivery::Delivered).await?
        }
        TriggerEvent::MessageStatusRead => {
            scene.message(event, wanted.message_id, Delivery::Read).await?
        }
        TriggerEvent::MessageStatusFailed => {
            scene.message(event, wanted.message_id, Delivery::Failed).await?
        }
        TriggerEvent::SettingsUpdated => scene.tell(event, scene.settings()).await?,
        TriggerEvent::AccountViolation => {
            scene.tell(event, scene.violation(Violation::BusinessInitiatedQuality)).await?
        }
        TriggerEvent::AccountViolationPickup => {
            scene.tell(event, scene.violation(Violation::LowPickupRate)).await?
        }
        TriggerEvent::AccountRestriction => {
            scene.tell(event, scene.restriction(RestrictionKind::BusinessInitiated)).await?
        }
        TriggerEvent::AccountRestrictionUserCalls => {
            scene.tell(event, scene.restriction(RestrictionKind::UserInitiated)).await?
        }
        TriggerEvent::AccountRestrictionButton => {
            scene.tell(event, scene.restriction(RestrictionKind::CallButtonHidden)).await?
        }
        TriggerEvent::TierUpdated => scene.tell(event, scene.tier()).await?,
        TriggerEvent::RecordingAvailable => scene.kept(event, UseCase::CallRecording).await?,
        TriggerEvent::TranscriptionAvailable => scene.kept(event, UseCase::CallTranscript).await?,
        TriggerEvent::Voicemail => scene.kept(event, UseCase::Voicemail).await?,
    };
    Ok(Json(triggered).into_response())
}

impl Scene {
    fn of(world: Arc<World>, wanted: &Trigger) -> Result<Self, SandboxRefusal> {
        let unknown = |what| SandboxRefusal::Unknown { what };
        let user = match &wanted.from {
            Some(wa_id) => world.directory.user(wa_id),
            None => world.directory.users().into_iter().next(),
        };
        let number = match &wanted.to {
            Some(digits) => world.directory.number_of(digits),
            None => world.directory.numbers().into_iter().next(),
        };
        let (user, number) = (
            user.ok_or_else(|| unknown("user"))?,
            number.ok_or_else(|| unknown("business number"))?,
        );
        Ok(Self { world, user, number })
    }

    async fn call(&self) -> Result<Triggered, SandboxRefusal> {
        let (world, to) = (&self.world, self.number.digits.clone());
        place::check(world, &self.user, &to, None).await?;
        let placed = phones::place(world, &self.user, to, Payloads::default()).await;
        let id = placed.map_err(|failed| SandboxRefusal::Conflict {
            rule: "phone.failed",
            text: failed.to_string(),
        })?;
        Ok(Triggered { call_id: Some(id), ..happened(TriggerEvent::CallStarted) })
    }

    async fn missed_call(&self) -> Result<Triggered, SandboxRefusal> {
        let called = self.call().await?;
        acts::end(called.call_id.as_ref().and_then(|id| self.world.calls.get(id))).await?;
        Ok(Triggered { event: TriggerEvent::CallMissed, ..called })
    }

    async fn decide(
        &self,
        event: TriggerEvent,
        action: PermissionAction,
    ) -> Result<Triggered, SandboxRefusal> {
        acts::decide_as(&self.world, &self.user, &self.number, action, acts::Place::Newest).await?;
        Ok(happened(event))
    }

    /// A permission ends by itself and silently: all there is to do is to wait.
    async fn expire(&self) -> Result<Triggered, SandboxRefusal> {
        let (world, number) = (&self.world, &self.number);
        let pair = consent::load(world, number, &self.user).await?;
        // Only a temporary one has an end.
        let (_, ends) = permission::status(&pair.consent, world.clock.now());
        let ends = ends.ok_or_else(|| SandboxRefusal::Conflict {
            rule: "permission.none",
            text: "this user has given no permission that expires".to_owned(),
        })?;
        world.clock.set(ends);
        world.keep_clock().await?;
        Ok(happened(TriggerEvent::PermissionExpired))
    }

    async fn write(&self, text: Option<String>) -> Result<Triggered, SandboxRefusal> {
        let text = text.unwrap_or_else(|| "Hello".to_owned());
        users::write_message(&self.world, &self.user, &self.number.digits, text, None).await?;
        Ok(happened(TriggerEvent::MessageText))
    }

    /// Tells what did not happen.
    async fn tell(&self, event: TriggerEvent, change: Change) -> Result<Triggered, SandboxRefusal> {
        let lane = Lane(format!("{}/trigger", self.number.id));
        let outbox = &self.world.outbox;
        let webhooks = outbox.emit_as(Origin::Trigger, &self.number, &lane, change).await?;
        Ok(Triggered { event, synthetic: true, call_id: None, message_id: None, webhooks })
    }

    async fn ended(
        &self,
        event: TriggerEvent,
        reason: EndReason,
    ) -> Result<Triggered, SandboxRefusal> {
        let now = self.world.clock.now();
        let ending = Ending { reason, answered_at: Some(now - LASTED), ended_at: now };
        let facts = self.facts(Direction::UserInitiated);
        let book = self.world.book(&self.number);
        let change = compose::terminate(&facts, &ending, None, &book);
        let told = self.tell(event, change).await?;
        Ok(Triggered { call_id: Some(facts.id), ..told })
    }

    async fn progress(
        &self,
        event: TriggerEvent,
        status: Status,
    ) -> Result<Triggered, SandboxRefusal> {
        let facts = self.facts(Direction::BusinessInitiated);
        let change = compose::status(&facts, status, None, self.world.clock.now());
        let told = self.tell(event, change).await?;
        Ok(Triggered { call_id: Some(facts.id), ..told })
    }

    async fn message(
        &self,
        event: TriggerEvent,
        about: Option<MessageId>,
        delivery: Delivery,
    ) -> Result<Triggered, SandboxRefusal> {
        let id = about.unwrap_or_else(|| self.new_message_id());
        let error = (delivery == Delivery::Failed)
            .then(|| WebhookError::new(131_026, "Message undeliverable", "triggered by a test"));
        let (number, user, now) = (&self.number, &self.user, self.world.clock.now());
        let change = compose::message_status(number, user, id.clone(), delivery, error, now);
        let told = self.tell(event, change).await?;
        Ok(Triggered { message_id: Some(id), ..told })
    }

    /// Tells of a file that can be fetched, though no call made it.
    async fn kept(
        &self,
        event: TriggerEvent,
        use_case: UseCase,
    ) -> Result<Triggered, SandboxRefusal> {
        let facts = self.facts(Direction::UserInitiated);
        let sample = capture::sample(&self.world, &facts, use_case).await;
        let change = sample.map_err(|fault| match fault {
            SampleFault::Store(fault) => fault.into(),
            SampleFault::NotMade(text) => SandboxRefusal::Conflict { rule: "trigger.sample", text },
        })?;
        let told = self.tell(event, change).await?;
        Ok(Triggered { call_id: Some(facts.id), ..told })
    }

    /// A call that never was.
    fn facts(&self, direction: Direction) -> Facts {
        Facts {
            id: self.new_call_id(direction),
            direction,
            user: Arc::clone(&self.user),
            number: Arc::clone(&self.number),
            deeplink_payload: None,
            cta_payload: None,
            platform_sdp: String::new(),
        }
    }

    fn settings(&self) -> Change {
        compose::settings(&self.number, self.world.clock.now())
    }

    fn violation(&self, violation: Violation) -> Change {
        compose::violation(&self.number, violation)
    }

    fn restriction(&self, kind: RestrictionKind) -> Change {
        let length = self.world.book(&self.number).quality.restriction_length.value;
        let until = match kind {
            RestrictionKind::CallButtonHidden => None,
            RestrictionKind::BusinessInitiated
            | RestrictionKind::UserInitiated
            | RestrictionKind::Both => Some(self.world.clock.now() + length),
        };
        let reason = "triggered by a test".to_owned();
        compose::restriction(&self.number, &Restriction { kind, reason, until })
    }

    fn tier(&self) -> Change {
        let (region, month) = billing::market_now(&self.world, &self.number, &self.user);
        let tier = VolumeTier {
            tier_update_time: self.world.clock.now(),
            pricing_category: "CALLING".to_owned(),
            tier: "50001:250000".to_owned(),
            effective_month: month.to_string(),
            region,
        };
        Change::AccountUpdate(Box::new(AccountUpdate::volume_tier(&tier)))
    }

    fn new_call_id(&self, direction: Direction) -> CallId {
        let random = self.world.ids.bytes(Stream::Call);
        let (user, business) = (&self.user.wa_id, &self.number.digits);
        wire::wacid::wacid(user, business, direction, random)
    }

    fn new_message_id(&self) -> MessageId {
        wire::wacid::wamid(&self.user.wa_id, self.world.ids.bytes(Stream::Message))
    }
}

fn happened(event: TriggerEvent) -> Triggered {
    Triggered { event, synthetic: false, call_id: None, message_id: None, webhooks: Vec::new() }
}
