//! Who ends a call whose gateway died?
//!
//! Whoever finds it: at start, every call that was running gets its record and is terminated
//! upstream, again and again while the platform does not answer. A call we placed whose id we never
//! learnt is recognised by the opaque data in its first webhook.

use std::{sync::Arc, time::Duration};

use switchboard::call::{EndReason, Outcome};
use terms::CallId;

use crate::{
    calls::registry::Figures,
    cdr::Cdr,
    clock,
    line::Line,
    office::Office,
    outbox::news,
    store::{LineSet, LiveCall, StoreError},
};

/// How often a dead platform is asked, and how long between: two minutes in all. By then it has
/// ended the call itself, for no media reaches it.
const TRIES: u32 = 24;
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Ends every call that was running when the last gateway stopped.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn end_left_behind(office: &Arc<Office>) -> Result<usize, StoreError> {
    let calls = office.store.live_calls().await?;
    let count = calls.len();
    for call in calls {
        match office.lines.get(&call.phone_number_id) {
            Some(line) => end(office, line, call).await?,
            // Without its keys nobody here can end it. It stays, for whoever has them again.
            None => tracing::warn!(call = %call.call_id.loggable(), "a call's line is gone"),
        }
    }
    Ok(count)
}

/// Records a call nobody owns and ends it upstream.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn end(
    office: &Arc<Office>,
    line: &Arc<Line>,
    call: LiveCall,
) -> Result<(), StoreError> {
    let reason = EndReason::GatewayDied;
    let call_id = call.call_id.clone();
    let (number, contact) = (line.id().clone(), call.contact.clone());
    let (direction, start, now) = (call.direction, call.started_at, clock::now());
    let mut cdr = Cdr::new(number, call_id.clone(), direction, contact, start, now, &reason);
    cdr.answered_at = call.answered_at;
    cdr.deeplink_payload.clone_from(&call.deeplink_payload);
    cdr.cta_payload.clone_from(&call.cta_payload);
    office.store.save_live(call).await?;
    let end = news::of_end(&cdr, line.digits());
    office.store.save_cdr(cdr, end).await?;
    tracing::warn!(call = %call_id.loggable(), "ending a call that a dead gateway left behind");
    tokio::spawn(terminate(Arc::clone(office), Arc::clone(line), call_id));
    Ok(())
}

async fn terminate(office: Arc<Office>, line: Arc<Line>, call_id: CallId) {
    for _ in 0..TRIES {
        match line.graph.terminate(call_id.clone()).await {
            // A refusal means that the platform has no such running call.
            Outcome::Done | Outcome::Refused { .. } => break,
            Outcome::Unreachable { .. } => tokio::time::sleep(AGAIN_AFTER).await,
        }
    }
    if let Err(error) = office.store.forget_live(line.id().clone(), call_id).await {
        tracing::error!(%error, "an ended call is still on disk");
    }
}

/// The platform's figures of a call came after its record was written.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn amend(
    office: &Office,
    line: &Line,
    mut cdr: Cdr,
    figures: &Figures,
) -> Result<(), StoreError> {
    if cdr.duration_s.is_some() {
        return Ok(());
    }
    if let (Some(start), Some(seconds)) = (figures.start, figures.duration_s) {
        cdr.talked(start, Duration::from_secs(seconds), &line.config.price);
        cdr.ended_at = figures.at;
        let news = news::of_amendment(&cdr);
        office.store.amend_cdr(cdr, news).await?;
    }
    Ok(())
}

/// As [`amend`], for a call whose task has just written the record.
pub(crate) async fn amend_late(office: &Office, line: &Line, call_id: CallId, figures: &Figures) {
    let amended = match office.store.cdr(LineSet::one(line.id()), call_id).await {
        Ok(Some(cdr)) => amend(office, line, cdr, figures).await,
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = amended {
        tracing::error!(%error, "the platform's figures of a call are lost");
    }
}
