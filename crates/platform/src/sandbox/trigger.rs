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
    call::{EndReason, Ending},
    permission::{self, Status},
};
use terms::{CallId, Direction, MessageId};
use wire::{
    sandbox::{PermissionAction, Trigger, TriggerEvent, Triggered},
    webhook::{
        WebhookError,
        account::{AccountUpdate, RestrictionNotice, VolumeTier},
        envelope::Change,
        message::Delivery,
    },
};

use super::{Answer, SandboxRefusal, body, users as acts};
use crate::{
    calls::{Facts, place},
    consent,
    directory::{Number, User},
    ids::Stream,
    phones, users,
    webhooks::{Lane, Origin, compose},
    world::World,
};

/// How long the call of `call.completed` lasted.
const LASTED: Duration = Duration::from_secs(42);

/// How long the restriction of `account.restriction` lasts: the fact sheet's first step.
const RESTRICTED: Duration = Duration::from_secs(7 * 86_400);

/// Who it happens to.
struct Scene {
    world: Arc<World>,
    user: Arc<User>,
    number: Arc<Number>,
}

pub(super) async fn fire(State(world): State<Arc<World>>, request: Request) -> Answer {
    let wanted: Trigger = body(request).await?;
    let scene = Scene::of(world, &wanted)?;
    let triggered = match wanted.event {
        TriggerEvent::CallStarted => scene.call().await?,
        TriggerEvent::CallMissed => scene.missed_call().await?,
        TriggerEvent::PermissionGranted
        | TriggerEvent::PermissionGrantedPermanent
        | TriggerEvent::PermissionRejected
        | TriggerEvent::PermissionRevoked => scene.decide(wanted.event).await?,
        TriggerEvent::PermissionExpired => scene.expire().await?,
        TriggerEvent::MessageText => scene.write(wanted.text).await?,
        TriggerEvent::CallCompleted
        | TriggerEvent::MessageStatusFailed
        | TriggerEvent::SettingsUpdated
        | TriggerEvent::AccountViolation
        | TriggerEvent::AccountRestriction
        | TriggerEvent::TierUpdated => scene.tell(wanted).await?,
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
        acts::end_call(&self.world, &self.user).await?;
        Ok(Triggered { event: TriggerEvent::CallMissed, ..called })
    }

    async fn decide(&self, event: TriggerEvent) -> Result<Triggered, SandboxRefusal> {
        let action = match event {
            TriggerEvent::PermissionGrantedPermanent => PermissionAction::AcceptPermanent,
            TriggerEvent::PermissionRejected => PermissionAction::Reject,
            TriggerEvent::PermissionRevoked => PermissionAction::Revoke,
            TriggerEvent::PermissionGranted
            | TriggerEvent::PermissionExpired
            | TriggerEvent::CallStarted
            | TriggerEvent::CallMissed
            | TriggerEvent::CallCompleted
            | TriggerEvent::MessageText
            | TriggerEvent::MessageStatusFailed
            | TriggerEvent::SettingsUpdated
            | TriggerEvent::AccountViolation
            | TriggerEvent::AccountRestriction
            | TriggerEvent::TierUpdated => PermissionAction::AcceptTemporary,
        };
        acts::decide_as(&self.world, &self.user, &self.number, action, None).await?;
        Ok(happened(event))
    }

    /// A permission ends by itself and silently: all there is to do is to wait.
    async fn expire(&self) -> Result<Triggered, SandboxRefusal> {
        let (world, number) = (&self.world, &self.number);
        let pair = consent::load(world, number, &self.user).await?;
        let kind = world.directory.kind_of(number);
        let view = permission::view(&pair.consent, &world.book(number), kind, world.clock.now());
        let ends = match view.status {
            Status::Temporary => view.expires_at,
            Status::NoPermission | Status::Permanent => None,
        };
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
    async fn tell(&self, wanted: Trigger) -> Result<Triggered, SandboxRefusal> {
        let (event, number, now) = (wanted.event, &self.number, self.world.clock.now());
        let call_id = (event == TriggerEvent::CallCompleted).then(|| self.new_call_id());
        let message_id = (event == TriggerEvent::MessageStatusFailed)
            .then(|| wanted.message_id.unwrap_or_else(|| self.new_message_id()));
        let change = match (&call_id, &message_id) {
            (Some(id), _) => self.completed(id),
            (None, Some(id)) => self.failed(id),
            (None, None) => match event {
                TriggerEvent::SettingsUpdated => compose::settings(number, now),
                TriggerEvent::AccountRestriction => self.restriction(),
                TriggerEvent::TierUpdated => self.tier(),
                TriggerEvent::AccountViolation
                | TriggerEvent::CallStarted
                | TriggerEvent::CallMissed
                | TriggerEvent::CallCompleted
                | TriggerEvent::PermissionGranted
                | TriggerEvent::PermissionGrantedPermanent
                | TriggerEvent::PermissionRejected
                | TriggerEvent::PermissionRevoked
                | TriggerEvent::PermissionExpired
                | TriggerEvent::MessageText
                | TriggerEvent::MessageStatusFailed => self.violation(),
            },
        };
        let lane = Lane(format!("{}/trigger", number.id));
        let webhooks = self.world.outbox.emit_as(Origin::Trigger, number, &lane, change).await?;
        Ok(Triggered { event, synthetic: true, call_id, message_id, webhooks })
    }

    fn completed(&self, id: &CallId) -> Change {
        let now = self.world.clock.now();
        let facts = Facts {
            id: id.clone(),
            direction: Direction::UserInitiated,
            user: Arc::clone(&self.user),
            number: Arc::clone(&self.number),
            deeplink_payload: None,
            cta_payload: None,
            platform_sdp: String::new(),
        };
        let ending = Ending {
            reason: EndReason::UserHungUp,
            answered_at: Some(now - LASTED),
            ended_at: now,
        };
        compose::terminate(&facts, &ending, None)
    }

    fn failed(&self, id: &MessageId) -> Change {
        let now = self.world.clock.now();
        let error = WebhookError::new(131_026, "Message undeliverable", "triggered by a test");
        let (number, user, id) = (&self.number, &self.user, id.clone());
        compose::message_status(number, user, id, Delivery::Failed, Some(error), now)
    }

    fn violation(&self) -> Change {
        let update = AccountUpdate::violation(&self.number.digits, VIOLATION, None);
        Change::AccountUpdate(Box::new(update))
    }

    fn restriction(&self) -> Change {
        let notice = RestrictionNotice {
            restriction_type: RESTRICTION.to_owned(),
            expiration: Some(self.world.clock.now() + RESTRICTED),
            remediation: None,
        };
        Change::AccountUpdate(Box::new(AccountUpdate::restriction(&self.number.digits, &notice)))
    }

    fn tier(&self) -> Change {
        let now = self.world.clock.now();
        let tier = VolumeTier {
            tier_update_time: now,
            pricing_category: "CALLING".to_owned(),
            tier: "50001:250000".to_owned(),
            effective_month: now.to_jiff().strftime("%Y-%m").to_string(),
            region: self.user.country.map_or_else(|| "Other".to_owned(), |it| it.to_string()),
        };
        Change::AccountUpdate(Box::new(AccountUpdate::volume_tier(&tier)))
    }

    fn new_call_id(&self) -> CallId {
        let random = self.world.ids.bytes(Stream::Call);
        let (user, business) = (&self.user.wa_id, &self.number.digits);
        wire::wacid::wacid(user, business, Direction::UserInitiated, random)
    }

    fn new_message_id(&self) -> MessageId {
        wire::wacid::wamid(&self.user.wa_id, self.world.ids.bytes(Stream::Message))
    }
}

/// A violation and a restriction as the fact sheet's section 11 names them.
const VIOLATION: &str = "LOW_BUSINESS_INITIATED_CALLING_QUALITY";
const RESTRICTION: &str = "RESTRICTED_BUSINESS_INITIATED_CALLING";

fn happened(event: TriggerEvent) -> Triggered {
    Triggered { event, synthetic: false, call_id: None, message_id: None, webhooks: Vec::new() }
}
