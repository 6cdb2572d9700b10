//! The way of a message to the user's chat, and its statuses.

use std::{sync::Arc, time::Duration};

use rules::{
    eligibility::{self, Shows},
    permission::Input,
};
use terms::MessageId;
use wire::{
    handset::{ChatKind, PermissionChoice},
    sandbox::PermissionHabit,
    webhook::{WebhookError, message::Delivery},
};

use super::{Letter, Written};
use crate::{
    api::refusals::ApiRefusal,
    billing, chats, consent,
    directory::{Number, User},
    store::StoreFault,
    users,
    webhooks::compose,
    world::World,
};

/// How long a scripted user looks at a request before deciding.
const DECISION_PAUSE: Duration = Duration::from_millis(500);

/// Shows a message to the user, or says why it cannot be shown.
pub(super) async fn deliver(letter: Letter<'_>, written: Written) -> Result<(), ApiRefusal> {
    let Letter { world, number, ref user, ref id, .. } = letter;
    if let Err(refusal) = eligibility::check_delivery(written.shows, &letter.user_facts()) {
        tell(&letter, Delivery::Sent, None).await?;
        let refusal = ApiRefusal::Rule(refusal);
        let row = refusal.row();
        let error = WebhookError::new(i64::from(row.code), row.title, &refusal.to_string());
        tell(&letter, Delivery::Failed, Some(error)).await?;
        if written.shows == Shows::PermissionRequest {
            let failed = Input::RequestFailed { id: id.clone() };
            consent::handle(world, number, user, failed).await??;
        }
        return Ok(());
    }
    if user.blocks.contains(&number.id) {
        // It waits on the server for good: sent, never delivered, and the business is not told why.
        return Ok(tell(&letter, Delivery::Sent, None).await?);
    }
    // What does not arrive is not paid for.
    billing::message(world, number, user, id, written.category).await?;
    let is_request = written.entry.kind == ChatKind::PermissionRequest;
    chats::add(world, number, &user.wa_id, written.entry).await?;
    for delivery in [Delivery::Sent, Delivery::Delivered] {
        tell(&letter, delivery, None).await?;
    }
    if is_request {
        let delivered = Input::RequestDelivered { id: id.clone() };
        consent::handle(world, number, user, delivered).await??;
        decide_by_habit(world, number, user, id.clone());
    }
    Ok(())
}

async fn tell(
    letter: &Letter<'_>,
    delivery: Delivery,
    error: Option<WebhookError>,
) -> Result<(), StoreFault> {
    let Letter { world, number, user, id, .. } = letter;
    let now = world.clock.now();
    let change = compose::message_status(number, user, id.clone(), delivery, error, now);
    world.outbox.emit(number, &consent::lane(number, user), change).await
}

/// A user without a phone decides as their behaviour says.
fn decide_by_habit(world: &Arc<World>, number: &Arc<Number>, user: &Arc<User>, id: MessageId) {
    let choice = match user.behaviour.permission {
        PermissionHabit::Temporary => PermissionChoice::Temporary,
        PermissionHabit::Permanent => PermissionChoice::Permanent,
        PermissionHabit::Reject => PermissionChoice::Reject,
        PermissionHabit::Ignore => return,
    };
    if !world.phones.of(&user.wa_id).is_empty() {
        return;
    }
    let (world, number, user) = (Arc::clone(world), Arc::clone(number), Arc::clone(user));
    let tasks = world.tasks.clone();
    tasks.spawn(async move {
        tokio::time::sleep(DECISION_PAUSE).await;
        let decided = users::decide(&world, &user, &number.digits, Some(id), choice).await;
        if let Err(refusal) = decided {
            tracing::debug!(%refusal, "a scripted user could not decide");
        }
    });
}
