//! What happens to calls whose platform died?
//!
//! Their records say where they stood; their media is gone. Each is ended by the rules as a failure of
//! the platform, and its terminate webhook goes out: a call never stays open because a process died.

use std::sync::Arc;

use rules::call::{Effect, Ending, Input, State};
use terms::Direction;

use super::record::{CallRecord, Facts};
use crate::{
    api::chain,
    billing, quality,
    store::{Kind, StoreFault},
    webhooks::{Lane, compose},
    world::World,
};

/// Ends every call that was live when the platform stopped; answers how many.
pub(crate) async fn end_orphans(world: &Arc<World>) -> Result<usize, StoreFault> {
    let records: Vec<CallRecord> = world.store.load_all(Kind::Call).await?;
    let mut ended = 0;
    for record in records.into_iter().filter(|record| !record.settled) {
        end(world, record).await?;
        ended += 1;
    }
    Ok(ended)
}

async fn end(world: &Arc<World>, mut record: CallRecord) -> Result<(), StoreFault> {
    let now = world.clock.now();
    let mut effects = Vec::new();
    // In voicemail the business may have been told when it began.
    let mut is_told = matches!(record.call.state(), State::Voicemail { .. });
    let ending = match record.call.ending() {
        // It ended, but the process died before all was told; a second terminate is harmless.
        Some(ending) => Some(*ending),
        None => {
            if let Err(refusal) = record.call.handle(Input::PlatformStopped, now, &mut effects) {
                tracing::error!(%refusal, "cannot end an orphaned call");
            }
            is_told &= !effects.iter().any(|it| matches!(it, Effect::SendTerminate(_)));
            record.call.ending().copied()
        }
    };
    record.note_state(now);
    if let (Some(ending), Some(facts)) = (ending.filter(|_| !is_told), facts(world, &record)) {
        billing::note_end(world, &facts, &ending).await?;
        quality::note_call(world, &facts).await?;
        if facts.direction == Direction::BusinessInitiated {
            let price = billing::call(world, &facts, &ending).await?;
            record.price = price.or(record.price);
        }
        tell(world, &facts, &ending, record.call.opaque()).await?;
    }
    record.settled = true;
    world.store.save(Kind::Call, record.id.as_str(), &record).await
}

async fn tell(
    world: &World,
    facts: &Facts,
    ending: &Ending,
    opaque: Option<&str>,
) -> Result<(), StoreFault> {
    let lane = Lane(facts.id.as_str().to_owned());
    let change = compose::terminate(facts, ending, opaque, &world.book(&facts.number));
    world.outbox.emit(&facts.number, &lane, change).await.inspect_err(|fault| {
        tracing::error!(fault = %chain(fault), "cannot write a webhook");
    })
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
