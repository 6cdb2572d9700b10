//! What happens to calls whose platform died?
//!
//! Their records say where they stood; their media is gone. Each is ended by the rules as a failure of
//! the platform at the last moment that one is known to have lived, and its terminate webhook goes
//! out: a call never stays open because a process died, and nobody pays for the outage.

use std::sync::Arc;

use rules::call::{Effect, Ending, Input};
use terms::{Direction, Timestamp};

use super::{
    alive,
    record::{CallRecord, Facts},
};
use crate::{
    billing, quality,
    store::{Kind, NewWebhook, StoreFault},
    webhooks::{Lane, Origin, compose},
    world::World,
};

/// Ends every call that was live when the platform stopped; answers how many.
pub(crate) async fn end_orphans(world: &Arc<World>) -> Result<usize, StoreFault> {
    let records: Vec<CallRecord> = world.store.load_all(Kind::Call).await?;
    let alive_at = alive::last(&world.store).await?;
    let mut ended = 0;
    for record in records.into_iter().filter(|record| !record.settled) {
        end(world, record, alive_at).await?;
        ended += 1;
    }
    Ok(ended)
}

async fn end(
    world: &Arc<World>,
    mut record: CallRecord,
    alive_at: Option<Timestamp>,
) -> Result<(), StoreFault> {
    let now = lived_until(&record, alive_at, world.clock.now());
    let mut effects = Vec::new();
    if record.call.ending().is_none()
        && let Err(refusal) = record.call.handle(Input::PlatformStopped, now, &mut effects)
    {
        tracing::error!(%refusal, "cannot end an orphaned call");
    }
    record.note_state(now);
    let mut webhooks = Vec::new();
    if let (Some(ending), Some(facts)) = (record.call.ending().copied(), facts(world, &record)) {
        billing::note_end(world, &facts, &ending).await?;
        quality::note_call(world, &facts).await?;
        if facts.direction == Direction::BusinessInitiated {
            let price = billing::call(world, &facts, &ending).await?;
            record.price = price.or(record.price);
        }
        // A record that says more than that was saved together with its terminate.
        if effects.iter().any(|effect| matches!(effect, Effect::SendTerminate(_))) {
            webhooks = terminate(world, &facts, &ending, record.call.opaque());
        }
    }
    record.settled = true;
    world.store.save_telling(Kind::Call, record.id.as_str(), &record, webhooks).await?;
    world.outbox.wake();
    Ok(())
}

/// The last moment the call is known to have lived: its last change, or a later sign of life. A clock
/// that was set back meanwhile goes before both.
fn lived_until(record: &CallRecord, alive_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let changed_at = record.states.last().map(|change| change.at);
    changed_at.max(alive_at).map_or(now, |at| at.min(now))
}

fn terminate(
    world: &World,
    facts: &Facts,
    ending: &Ending,
    opaque: Option<&str>,
) -> Vec<NewWebhook> {
    if !facts.number.calling.tells_calls() {
        return Vec::new();
    }
    let lane = Lane(facts.id.as_str().to_owned());
    let change = compose::terminate(facts, ending, opaque, &world.book(&facts.number));
    world.outbox.compose(Origin::Event, &facts.number, &lane, change)
}

/// The facts of a recorded call; its SDP is of no more use.
fn facts(world: &World, record: &CallRecord) -> Option<Facts> {
    let direction: Direction = record.direction;
    Some(Facts {
        id: record.id.clone(),
        direction,
        user: world.directory.user(&record.user)?,
        number: world.directory.number(&record.number)?,
        deeplink_payload: record.deeplink_payload.clone(),
        cta_payload: record.cta_payload.clone(),
        platform_sdp: String::new(),
    })
}
