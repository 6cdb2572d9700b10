//! What do users think of a business's calls, and does it answer theirs?
//!
//! Feedback and ended calls are counted here; [`rules::quality`] decides. What follows is carried out:
//! the webhooks of `account_update`, the restriction on the number, the hidden call button.

use rules::{
    quality::{Effect, FeedbackCount, PickupCount, Restriction, RestrictionKind, Scope, Standing},
    settings::IconVisibility,
};
use terms::{Direction, PhoneNumberId};
use wire::sandbox::FeedbackKind;

use crate::{
    billing,
    calls::Facts,
    directory::{Number, User},
    phones::businesses,
    store::{Kind, StoreFault},
    webhooks::{Lane, compose},
    world::World,
};

/// A user blocks or reports a business, or takes a block back.
pub(crate) async fn feedback(
    world: &World,
    number: &Number,
    user: &User,
    kind: FeedbackKind,
) -> Result<(), StoreFault> {
    let book = world.book(number);
    match kind {
        FeedbackKind::Block => {
            set_blocked(world, number, user, true).await?;
            count_feedback(world, number, user, "block").await
        }
        FeedbackKind::Report => count_feedback(world, number, user, "report").await,
        FeedbackKind::Unblock => {
            set_blocked(world, number, user, false).await?;
            if rules::quality::counts_after_unblock(&book) {
                return Ok(());
            }
            world.store.remove_feedback(&number.id, &user.wa_id, "block").await
        }
    }
}

async fn set_blocked(
    world: &World,
    number: &Number,
    user: &User,
    blocked: bool,
) -> Result<(), StoreFault> {
    let writing = world.directory.writing().await;
    let known = world.directory.user(&user.wa_id);
    let mut changed = known.map_or_else(|| user.clone(), |known| User::clone(&known));
    let is_new = if blocked {
        changed.blocks.insert(number.id.clone())
    } else {
        changed.blocks.remove(&number.id)
    };
    if is_new { writing.save_user(changed).await } else { Ok(()) }
}

async fn count_feedback(
    world: &World,
    number: &Number,
    user: &User,
    kind: &'static str,
) -> Result<(), StoreFault> {
    let (now, book) = (world.clock.now(), world.book(number));
    let last = last_call(world, number, user).await?;
    let Some(scope) = Scope::of_feedback(last, &book) else { return Ok(()) };
    let about = last.unwrap_or(Direction::BusinessInitiated);
    world.store.add_feedback(&number.id, &user.wa_id, kind, about, now).await?;
    let standing = standing(world, &number.id).await?;
    let since = standing.feedback_from(scope, &book, now);
    let (calls, _) = world.store.count_calls(&number.id, scope.direction, since).await?;
    let negative = world.store.count_feedback(&number.id, scope.direction, since).await?;
    let restrictions = number.restrictions.clone();
    let note = move |standing: &mut Standing| {
        let count = FeedbackCount { negative, calls };
        standing.note_feedback(scope, count, &restrictions, &book, now)
    };
    let effect = world.store.update(Kind::Quality, number.id.as_str(), note).await?;
    carry_out(world, &number.id, effect).await
}

/// The direction of the pair's running call, else of its last.
async fn last_call(
    world: &World,
    number: &Number,
    user: &User,
) -> Result<Option<Direction>, StoreFault> {
    match world.calls.of_pair(&number.id, &user.wa_id) {
        // Only a user's call has an offer of the platform's.
        Some(call) if call.offer.is_some() => Ok(Some(Direction::UserInitiated)),
        Some(_) => Ok(Some(Direction::BusinessInitiated)),
        None => world.store.last_direction(&number.id, &user.wa_id).await,
    }
}

/// A call ended; it is counted already. Users' calls make the pick-up rate.
pub(crate) async fn note_call(world: &World, facts: &Facts) -> Result<(), StoreFault> {
    match facts.direction {
        Direction::UserInitiated => {}
        Direction::BusinessInitiated => return Ok(()),
    }
    let Some(number) = world.directory.number(&facts.number.id) else { return Ok(()) };
    let (now, book) = (world.clock.now(), world.book(&number));
    let since = standing(world, &number.id).await?.pickup_from(&book, now);
    let direction = Some(facts.direction);
    let (calls, answered) = world.store.count_calls(&number.id, direction, since).await?;
    let restrictions = number.restrictions.clone();
    let note = move |standing: &mut Standing| {
        standing.note_user_call(PickupCount { calls, answered }, &restrictions, &book, now)
    };
    let effect = world.store.update(Kind::Quality, number.id.as_str(), note).await?;
    carry_out(world, &number.id, effect).await
}

/// The business changed its settings: a call button it shows again is no longer hidden by a
/// restriction.
pub(crate) async fn note_settings(world: &World, changed: &mut Number) -> Result<(), StoreFault> {
    let shows = changed.calling.call_icon_visibility == Some(IconVisibility::Default);
    let hidden = changed.restrictions.iter().any(|it| it.kind == RestrictionKind::CallButtonHidden);
    if !shows || !hidden {
        return Ok(());
    }
    let (now, mut restrictions) = (world.clock.now(), std::mem::take(&mut changed.restrictions));
    let note = move |standing: &mut Standing| {
        standing.note_icon_shown(&mut restrictions, now);
        restrictions
    };
    changed.restrictions = world.store.update(Kind::Quality, changed.id.as_str(), note).await?;
    Ok(())
}

async fn standing(world: &World, number: &PhoneNumberId) -> Result<Standing, StoreFault> {
    Ok(world.store.load(Kind::Quality, number.as_str()).await?.unwrap_or_default())
}

async fn carry_out(
    world: &World,
    number: &PhoneNumberId,
    effect: Option<Effect>,
) -> Result<(), StoreFault> {
    let Some(number) = world.directory.number(number) else { return Ok(()) };
    let change = match effect {
        None => return Ok(()),
        Some(Effect::Warn(violation)) => compose::violation(&number, violation),
        Some(Effect::Restrict(restriction)) => {
            let change = compose::restriction(&number, &restriction);
            restrict(world, &number.id, restriction).await?;
            change
        }
    };
    world.outbox.emit(&number, &billing::account_lane(&number), change).await
}

/// Puts a restriction on a number. A hidden call button shows in the settings too, which is told as
/// every change of them.
async fn restrict(
    world: &World,
    id: &PhoneNumberId,
    restriction: Restriction,
) -> Result<(), StoreFault> {
    let now = world.clock.now();
    let hides = restriction.kind == RestrictionKind::CallButtonHidden;
    let writing = world.directory.writing().await;
    let Some(number) = world.directory.number(id) else { return Ok(()) };
    let mut changed = Number::clone(&number);
    changed.restrictions.retain(|it| it.is_active(now));
    changed.restrictions.push(restriction);
    let shown = changed.calling.call_icon_visibility;
    if hides {
        changed.calling.call_icon_visibility = Some(IconVisibility::DisableAll);
    }
    writing.save_number(changed.clone()).await?;
    businesses::tell(world, &changed);
    if shown == changed.calling.call_icon_visibility {
        return Ok(());
    }
    let lane = Lane(format!("{id}/settings"));
    world.outbox.emit(&changed, &lane, compose::settings(&changed, now)).await
}
