//! Which templates does an account have, and when may one be sent?
//!
//! One document a name and language. A new one waits for its review by the platform's clock; a task
//! then tells the business. After a restart the tasks of templates still under review begin again.

use std::sync::Arc;

use rules::{
    Refusal,
    template::{self, Review, Template},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use terms::{TemplateId, Timestamp, WabaId};
use wire::graph::template::TemplateStatus;

use crate::{
    api::chain,
    directory::Account,
    ids::Stream,
    store::{Kind, StoreFault},
    webhooks::{Lane, Origin, compose},
    world::World,
};

/// A template of an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) id: TemplateId,
    pub(crate) account: WabaId,
    pub(crate) template: Template,
    pub(crate) review: Review,
    /// The components as they were made, with their examples.
    pub(crate) components: Value,
}

impl Stored {
    /// Where it stands at `now`.
    pub(crate) fn status(&self, now: Timestamp) -> TemplateStatus {
        match self.review.at(now) {
            Review::Pending { .. } => TemplateStatus::Pending,
            Review::Approved => TemplateStatus::Approved,
        }
    }
}

/// Makes a template, if there is none of this name and language.
pub(crate) async fn make(
    world: &Arc<World>,
    account: &Account,
    template: Template,
    components: Value,
) -> Result<Result<Stored, Refusal>, StoreFault> {
    let (book, now) = (world.book_of(account), world.clock.now());
    if let Err(refusal) = template::check_count(of_account(world, &account.id).await?.len(), &book)
    {
        return Ok(Err(refusal));
    }
    let id = new_id(world);
    let key = key(&account.id, &template.name, &template.language);
    let review = Review::begin(&book, now);
    let stored = Stored { id, account: account.id.clone(), template, review, components };
    let new = stored.clone();
    let put = move |slot: &mut Option<Stored>| match slot {
        Some(_) => Err(Refusal::TemplateExists {
            name: new.template.name,
            language: new.template.language,
        }),
        None => {
            *slot = Some(new);
            Ok(())
        }
    };
    if let Err(refusal) = world.store.update(Kind::Template, &key, put).await? {
        return Ok(Err(refusal));
    }
    await_review(world, stored.clone());
    Ok(Ok(stored))
}

/// Every template of an account, oldest first.
pub(crate) async fn of_account(world: &World, account: &WabaId) -> Result<Vec<Stored>, StoreFault> {
    let all: Vec<Option<Stored>> = world.store.load_all(Kind::Template).await?;
    Ok(all.into_iter().flatten().filter(|stored| stored.account == *account).collect())
}

/// The template of this name and language.
pub(crate) async fn find(
    world: &World,
    account: &WabaId,
    name: &str,
    language: &str,
) -> Result<Option<Stored>, StoreFault> {
    let found: Option<Option<Stored>> =
        world.store.load(Kind::Template, &key(account, name, language)).await?;
    Ok(found.flatten())
}

/// The template of this id.
pub(crate) async fn of_id(world: &World, id: &TemplateId) -> Result<Option<Stored>, StoreFault> {
    let all: Vec<Option<Stored>> = world.store.load_all(Kind::Template).await?;
    Ok(all.into_iter().flatten().find(|stored| stored.id == *id))
}

/// Deletes a template.
pub(crate) async fn delete(world: &World, stored: &Stored) -> Result<(), StoreFault> {
    let template = &stored.template;
    let key = key(&stored.account, &template.name, &template.language);
    world.store.update(Kind::Template, &key, |slot: &mut Option<Stored>| *slot = None).await
}

/// Begins the reviews of a platform that was started again.
pub(crate) async fn resume(world: &Arc<World>) -> Result<(), StoreFault> {
    let all: Vec<Option<Stored>> = world.store.load_all(Kind::Template).await?;
    for stored in all.into_iter().flatten() {
        await_review(world, stored);
    }
    Ok(())
}

/// Tells the business when the review is over; there are at most as many tasks as templates.
fn await_review(world: &Arc<World>, stored: Stored) {
    let Review::Pending { until } = stored.review else { return };
    let world = Arc::clone(world);
    let tasks = world.tasks.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = world.clock.sleep_until(until) => {}
            () = world.stop.cancelled() => return,
        }
        if let Err(fault) = approve(&world, stored).await {
            tracing::error!(fault = %chain(&fault), "cannot end a template's review");
        }
    });
}

async fn approve(world: &World, reviewed: Stored) -> Result<(), StoreFault> {
    let template = &reviewed.template;
    let key = key(&reviewed.account, &template.name, &template.language);
    let (id, now) = (reviewed.id.clone(), world.clock.now());
    // The event is the account's; it goes out by the endpoints of its first number.
    let numbers = world.directory.numbers();
    let number = numbers.iter().find(|number| number.account == reviewed.account);
    let lane = Lane(format!("{}/templates", reviewed.account));
    let change = compose::template_approved(&reviewed);
    let webhooks = number.map(|number| world.outbox.compose(Origin::Event, number, &lane, change));
    // It may have been deleted, made anew or restored meanwhile.
    let approve = move |slot: &mut Option<Stored>| {
        let Some(stored) = slot.as_mut().filter(|stored| stored.id == id) else {
            return ((), Vec::new());
        };
        let is_over =
            stored.review != Review::Approved && stored.review.at(now) == Review::Approved;
        stored.review = stored.review.at(now);
        ((), webhooks.filter(|_| is_over).unwrap_or_default())
    };
    world.store.update_telling(Kind::Template, &key, approve).await?;
    world.outbox.wake();
    Ok(())
}

fn key(account: &WabaId, name: &str, language: &str) -> String {
    format!("{account}/{name}/{language}")
}

/// Fifteen or sixteen digits, as Graph's ids have.
fn new_id(world: &World) -> TemplateId {
    let number = 1_000_000_000_000_000 + world.ids.number(Stream::Other) % 9_000_000_000_000_000;
    number.to_string().parse().expect("a number is of digits")
}
