//! `POST /{PNID}/calls`: what does a business do with a call?

use std::sync::Arc;

use axum::{Json, response::IntoResponse as _};
use rules::{
    Refusal,
    call::Input,
    capture::{self, Plan, Wish},
    eligibility::{self, NumberCleared},
    rulebook::Rulebook,
};
use terms::CallId;
use tokio::sync::oneshot;
use wire::graph::{
    Success,
    call::{CallRequest, Capture, Captures, Connect, Connected},
};

use super::{Answer, faults, refusals::ApiRefusal};
use crate::{
    calls::{CallRecord, Command, findings, place},
    consent,
    directory::Number,
    sdp,
    store::Kind,
    world::World,
};

/// Carries out one action.
pub(super) async fn act(world: &Arc<World>, number: Arc<Number>, body: &[u8]) -> Answer {
    if number.calling.sip_enabled() {
        return Err(Refusal::SipEnabled.into());
    }
    // A number that may not call at all hears so before its body is read (fact sheet 4.7).
    if CallRequest::asks_to_connect(body) {
        clear(world, &number)?;
    }
    let book = world.book(&number);
    let opaque_max = book.call.opaque_chars_max.value as usize;
    let parsed = if book.call.action_required.value {
        CallRequest::parse(body)
    } else {
        CallRequest::parse_by_session(body)
    };
    let wanted = parsed
        .and_then(|call| call.check_opaque(opaque_max).map(|()| call))
        .map_err(ApiRefusal::Body);
    if let Some(call) = wanted.as_ref().ok().and_then(CallRequest::call_id) {
        faults::suffer(world.faults.graph_of(call)).await?;
    }
    match wanted {
        Ok(CallRequest::Connect(connect)) => self::connect(world, number, *connect).await,
        Ok(CallRequest::PreAccept { call_id, sdp }) => {
            check_answer(world, &number, &call_id, "pre_accept", sdp.as_str()).await?;
            let input = Input::PreAccept { sdp: sdp.as_str().into() };
            on_call(world, &number, &call_id, input).await
        }
        Ok(CallRequest::Accept(accept)) => {
            check_answer(world, &number, &accept.call_id, "accept", accept.sdp.as_str()).await?;
            let sdp = accept.sdp.as_str().into();
            let opaque = accept.biz_opaque_callback_data.map(Into::into);
            let capture = plan(&accept.captures, &world.book(&number))?;
            on_call(world, &number, &accept.call_id, Input::Accept { sdp, opaque, capture }).await
        }
        Ok(CallRequest::Reject { call_id }) => {
            on_call(world, &number, &call_id, Input::Reject).await
        }
        Ok(CallRequest::Terminate { call_id }) => {
            on_call(world, &number, &call_id, Input::Terminate).await
        }
        Err(refusal) => Err(refusal),
    }
}

async fn connect(world: &Arc<World>, number: Arc<Number>, connect: Connect) -> Answer {
    let cleared = clear(world, &number)?;
    let book = world.book(&number);
    let capture = plan(&connect.captures, &book)?;
    let offer = place::read_offer(world, &number, connect.sdp.as_str())?;
    let call = place::BusinessCall {
        number,
        to: connect.to,
        offer,
        opaque: connect.biz_opaque_callback_data,
        cleared,
        capture,
        line: None,
    };
    let id = place::from_business(world, call).await?;
    Ok(Json(Connected::new(id)).into_response())
}

/// May this number start calls at all?
fn clear(world: &World, number: &Number) -> Result<NumberCleared, Refusal> {
    let facts = consent::number_facts(world, number);
    eligibility::check_number(&facts, &world.book(number), world.clock.now())
}

/// What is to be kept of a call, if the rules allow it so.
fn plan(captures: &Captures, book: &Rulebook) -> Result<Option<Plan>, Refusal> {
    fn wish(wanted: &Capture) -> Wish<'_> {
        Wish {
            enabled: wanted.enabled,
            purpose: wanted.purpose.as_deref(),
            language: wanted.announcement_language.as_deref(),
        }
    }
    let Captures { recording, transcription } = captures;
    capture::check(recording.as_ref().map(wish), transcription.as_ref().map(wish), book)
}

/// Reads the answer to a live user's call; any other call refuses by its state.
async fn check_answer(
    world: &World,
    number: &Number,
    id: &CallId,
    action: &str,
    answer: &str,
) -> Result<(), ApiRefusal> {
    let live = world.calls.get(id).filter(|call| call.number == number.id);
    let Some(call) = live else { return Ok(()) };
    let Some(offer) = &call.offer else { return Ok(()) };
    let facts = consent::number_facts(world, number);
    if let Err(refusal) = eligibility::check_answer(&facts, &world.book(number)) {
        place::tell_payment_missing(world, number, &refusal).await?;
        return Err(refusal.into());
    }
    let Err(refusal) = sdp::read_business_answer(offer, answer) else { return Ok(()) };
    let finding = findings::session::refused(action, &refusal);
    // A call with a full inbox has worse troubles than a missing verdict.
    drop(call.inbox.try_send(Command::Refused { finding }));
    Err(ApiRefusal::Sdp(refusal))
}

async fn on_call(world: &World, number: &Number, id: &CallId, input: Input) -> Answer {
    tell(world, number, id, input).await?;
    Ok(Json(Success::whatsapp()).into_response())
}

/// Gives an input to a call of this number, live or ended.
async fn tell(world: &World, number: &Number, id: &CallId, input: Input) -> Result<(), ApiRefusal> {
    let live = world.calls.get(id).filter(|call| call.number == number.id);
    if let Some(call) = live {
        let (reply, answer) = oneshot::channel();
        let sent = call.inbox.send(Command::Act { input: input.clone(), reply }).await;
        if sent.is_ok()
            && let Ok(result) = answer.await
        {
            return Ok(result?);
        }
    }
    let record: Option<CallRecord> = world.store.load(Kind::Call, id.as_str()).await?;
    let mut record =
        record.filter(|record| record.number == number.id).ok_or(Refusal::UnknownCall)?;
    // The call is over, so its machine refuses and says why.
    record.call.handle(input, world.clock.now(), &mut Vec::new())?;
    Err(Refusal::UnknownCall.into())
}
