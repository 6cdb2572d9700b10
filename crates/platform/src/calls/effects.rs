//! What does the platform do when the rules say so?
//!
//! One match: each effect is one call to the world, but for the webhooks, which are written in one step
//! with the call's record. Nothing is decided here; what cannot be done is logged, because a call goes
//! on without its price but not without its actor. A record that cannot be saved is saved with the
//! next change, and its webhooks with it.

use std::sync::Arc;

use rules::{
    call::{Effect, EndReason, Ending, Notice, Status},
    permission,
    sip::Parting,
};
use terms::Direction;
use tokio::time::Instant;
use wire::{
    handset::{ChatAuthor, ChatEntry, ChatEntryState, ChatKind, EndedReason},
    webhook::envelope::Change,
};

use super::{actor::CallActor, watch::Watch};
use crate::{
    api::chain,
    billing, chats, consent, quality, sdp,
    sip_edge::{self, Order},
    store::{Kind, NewWebhook},
    webhooks::{Lane, Origin, compose},
};

/// Carries out one effect.
pub(super) async fn carry_out(actor: &mut CallActor, effect: Effect) {
    let world = Arc::clone(&actor.world);
    match effect {
        // Webhooks are written with the record, by `webhooks`.
        Effect::SendConnect => send_connect(actor),
        Effect::SendStatus(status) => send_status(actor, status),
        Effect::ApplyAnswer { sdp } => apply_answer(actor, &sdp),
        Effect::SendTerminate(ending) => {
            if let Some(line) = &actor.line {
                line.leave(&ending, actor.facts.direction);
            }
            log("count the call", billing::note_end(&world, &actor.facts, &ending).await);
            log("note the pick-up", quality::note_call(&world, &actor.facts).await);
        }
        Effect::RingUser => world.phones.ring(&world, &actor.facts),
        Effect::TellUser(notice) => tell_user(actor, notice).await,
        Effect::OpenMediaGate => actor.legs.join(),
        Effect::StartWatch { from_start, mid_call } => {
            actor.answered = Some(Instant::now());
            actor.watch = Some(Watch::new(from_start, mid_call, world.clock.now()));
            actor.legs.watch();
        }
        Effect::CloseLegs => {
            actor.keeping.stop();
            actor.legs.close();
        }
        Effect::Announce(plan) => actor.announce(plan),
        Effect::StartCapture => actor.start_capture(),
        Effect::DeliverCapture(plan) => actor.deliver_capture(plan),
        Effect::StartVoicemail => {
            if let Some(line) = &actor.line {
                line.order(Order::Leave(Parting::Cancel));
            }
            actor.start_voicemail();
        }
        Effect::RecordVoicemail => actor.record_voicemail(),
        Effect::DeliverVoicemail => actor.deliver_voicemail(),
        Effect::OpenWindow => {
            let opened = consent::open_window(&world, &actor.facts.number, &actor.facts.user).await;
            log("open the window", opened);
        }
        Effect::GrantCallback => {
            tell_consent(actor, permission::Input::CalledBack { call: actor.facts.id.clone() })
                .await;
        }
        // The call was counted where it was let through, under the lock of its checks.
        Effect::CountPlaced => {}
        Effect::CountConnected => {
            let direction = actor.facts.direction;
            tell_consent(actor, permission::Input::Connected { direction }).await;
        }
        Effect::CountUnanswered => tell_consent(actor, permission::Input::Unanswered).await,
        Effect::Bill { connected: _ } => bill(actor).await,
        Effect::Note(verdict) => {
            actor.record.notes.push(verdict);
            actor.record.set_findings(Vec::new());
        }
    }
}

/// The webhooks of these effects, to be written with the record.
pub(super) fn webhooks(actor: &CallActor, todo: &[Effect]) -> Vec<NewWebhook> {
    let (facts, outbox) = (&actor.facts, &actor.world.outbox);
    let lane = Lane(facts.id.as_str().to_owned());
    let changes = todo.iter().filter_map(|effect| change(actor, effect));
    changes.flat_map(|change| outbox.compose(Origin::Event, &facts.number, &lane, change)).collect()
}

fn change(actor: &CallActor, effect: &Effect) -> Option<Change> {
    let (facts, opaque, at) = (&actor.facts, actor.record.call.opaque(), actor.world.clock.now());
    let by_sip = facts.number.calling.sip_enabled();
    if !facts.number.calling.tells_calls() {
        return None;
    }
    match effect {
        Effect::SendConnect if by_sip => Some(compose::created(facts, opaque, at)),
        Effect::SendStatus(_) if by_sip => None,
        Effect::SendConnect => Some(compose::connect(facts, opaque, at)),
        Effect::SendStatus(status) => Some(compose::status(facts, *status, opaque, at)),
        Effect::SendTerminate(ending) => {
            let book = actor.world.book(&facts.number);
            Some(compose::terminate(facts, ending, opaque, &book))
        }
        Effect::ApplyAnswer { .. }
        | Effect::RingUser
        | Effect::TellUser(_)
        | Effect::OpenMediaGate
        | Effect::StartWatch { .. }
        | Effect::CloseLegs
        | Effect::Announce(_)
        | Effect::StartCapture
        | Effect::DeliverCapture(_)
        | Effect::StartVoicemail
        | Effect::RecordVoicemail
        | Effect::DeliverVoicemail
        | Effect::OpenWindow
        | Effect::GrantCallback
        | Effect::CountPlaced
        | Effect::CountConnected
        | Effect::CountUnanswered
        | Effect::Bill { .. }
        | Effect::Note(_) => None,
    }
}

/// A user's call to a number in SIP mode goes to its server.
fn send_connect(actor: &mut CallActor) {
    let is_users = actor.facts.direction == Direction::UserInitiated;
    if is_users && actor.facts.number.calling.sip_enabled() {
        actor.line = Some(sip_edge::begin(&actor.world, &actor.facts));
    }
}

/// The caller over SIP hears it ring, and our answer when the user picks up.
fn send_status(actor: &mut CallActor, status: Status) {
    let Some(line) = &actor.line else { return };
    match status {
        Status::Ringing => line.order(Order::Ring),
        Status::Accepted => {
            line.order(Order::Answer(actor.facts.platform_sdp.clone()));
            if let Some((far_end, types)) = actor.far_end.take() {
                actor.legs.business.meet(far_end, types);
                actor.legs.transcode(&actor.world.transcoder);
            }
        }
        // The end that follows says it.
        Status::Rejected => {}
    }
}

/// Saves a call's record, with the webhooks that are not written yet.
pub(super) async fn save(actor: &mut CallActor) {
    let (record, untold) = (&actor.record, actor.untold.clone());
    let store = &actor.world.store;
    match store.save_telling(Kind::Call, record.id.as_str(), record, untold).await {
        Ok(()) if actor.untold.is_empty() => {}
        Ok(()) => {
            actor.untold.clear();
            actor.world.outbox.wake();
        }
        Err(fault) => tracing::error!(fault = %chain(&fault), "cannot save the call"),
    }
}

fn apply_answer(actor: &mut CallActor, text: &str) {
    // The API read this answer before it gave it to the rules; what fails here fails the leg.
    let Some(offer) = actor.facts.offer() else { return };
    let Ok(answer) = sdp::read_business_answer(&offer, text) else { return };
    actor.business_sdp = Some(answer.for_diagnosis(&actor.legs.business.local));
    actor.legs.business.meet(answer.far_end, answer.types);
    actor.legs.transcode(&actor.world.transcoder);
}

async fn tell_user(actor: &mut CallActor, notice: Notice) {
    let id = &actor.facts.id.clone();
    match notice {
        Notice::Ringing => {
            let answer = actor.phone_answer.take();
            for phone in &actor.phones {
                phone.calling(id);
                if let Some(answer) = &answer {
                    phone.answer(id, answer.clone());
                }
            }
        }
        Notice::Voicemail { at } => actor.phones.iter().for_each(|phone| phone.voicemail(id, at)),
        Notice::Answered { at } => actor.phones.iter().for_each(|phone| phone.accepted(id, at)),
        Notice::Ended(ending) => {
            actor.world.calls.free_user(id);
            let duration_s = ending.duration_s().and_then(|seconds| u64::try_from(seconds).ok());
            let reason = ended_reason(ending.reason);
            for phone in &actor.phones {
                phone.ended(id, reason.clone(), ending.reason.text(), duration_s);
            }
            note_in_chat(actor, &ending, duration_s).await;
        }
    }
}

/// Leaves the call's line in the chat.
async fn note_in_chat(actor: &CallActor, ending: &Ending, duration_s: Option<u64>) {
    let facts = &actor.facts;
    let from = match facts.direction {
        Direction::UserInitiated => ChatAuthor::User,
        Direction::BusinessInitiated => ChatAuthor::Business,
    };
    let placed_at = actor.record.call.placed_at();
    let mut entry = ChatEntry::new(actor.chat_entry_id(), placed_at, from, ChatKind::Call);
    entry.state = Some(match ending.answered_at {
        Some(_) => ChatEntryState::Completed,
        None => match ending.reason {
            EndReason::UserRejected | EndReason::BusinessRejected => ChatEntryState::Rejected,
            EndReason::UserHungUp
            | EndReason::BusinessTerminated
            | EndReason::BusinessDidNotAnswer
            | EndReason::BusinessUnreachable
            | EndReason::UserDidNotAnswer
            | EndReason::UserBusy
            | EndReason::UserUnreachable
            | EndReason::UserVanished
            | EndReason::BusinessSilentFromStart
            | EndReason::BusinessSilent
            | EndReason::UserSilent
            | EndReason::NobodySpoke
            | EndReason::UserSetUpFailed
            | EndReason::UserRelayFailed
            | EndReason::BusinessLegFailed
            | EndReason::PlatformFailed => ChatEntryState::Missed,
        },
    });
    entry.call_id = Some(facts.id.clone());
    entry.duration_s = duration_s;
    log(
        "note the call in the chat",
        chats::add(&actor.world, &facts.number, &facts.user.wa_id, entry).await,
    );
}

/// Prices the call; its ending says how long it was.
async fn bill(actor: &mut CallActor) {
    let Some(ending) = actor.record.call.ending().copied() else { return };
    match billing::call(&actor.world, &actor.facts, &ending).await {
        Ok(price) => actor.record.price = price,
        Err(fault) => tracing::error!(fault = %chain(&fault), "cannot price the call"),
    }
}

async fn tell_consent(actor: &CallActor, input: permission::Input) {
    let (world, facts) = (&actor.world, &actor.facts);
    match consent::handle(world, &facts.number, &facts.user, input).await {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) => tracing::debug!(%refusal, "consent stays as it is"),
        Err(fault) => tracing::error!(fault = %chain(&fault), "cannot note the user's consent"),
    }
}

fn ended_reason(reason: EndReason) -> EndedReason {
    match reason {
        EndReason::UserHungUp => EndedReason::UserHungUp,
        EndReason::BusinessTerminated => EndedReason::BusinessHungUp,
        EndReason::BusinessRejected => EndedReason::BusinessRejected,
        EndReason::UserRejected | EndReason::UserBusy => EndedReason::UserRejected,
        EndReason::BusinessDidNotAnswer
        | EndReason::UserDidNotAnswer
        | EndReason::UserUnreachable => EndedReason::NotAnswered,
        EndReason::UserVanished
        | EndReason::BusinessSilentFromStart
        | EndReason::BusinessSilent
        | EndReason::UserSilent
        | EndReason::NobodySpoke => EndedReason::MediaLost,
        EndReason::BusinessUnreachable
        | EndReason::UserSetUpFailed
        | EndReason::UserRelayFailed
        | EndReason::BusinessLegFailed
        | EndReason::PlatformFailed => EndedReason::Failed,
    }
}

fn log(what: &str, result: Result<(), crate::store::StoreFault>) {
    if let Err(fault) = result {
        tracing::error!(fault = %chain(&fault), "cannot {what}");
    }
}
