//! `/sandbox/v1/apps`, `…/accounts`, `…/numbers`: make and change the business's side.
//!
//! The keys are those of a seed file, and so are the checks: the world with the new thing in it must
//! be one a seed could say, and a new number's settings ones a business could have made. A change names
//! only what changes; `null` clears. A callback URL is asked first, as when an app sets it; only a
//! seed's is taken unasked, since it may start before its endpoint.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::IntoResponse as _,
};
use rules::access;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Answer, SandboxRefusal, body};
use crate::{
    api::refusals::ApiRefusal,
    directory::{Account, App, NewNumber, Number},
    phones::businesses,
    seed::{Seed, Shelf},
    webhooks::verify,
    world::World,
};

/// What may change of an app; its callback URL is set over Graph, after the handshake.
const APP_KEYS: [&str; 8] = [
    "name",
    "secret",
    "verify_token",
    "access_tokens",
    "tokens",
    "fields",
    "is_live",
    "client_certificate",
];

/// What may change of an account.
const ACCOUNT_KEYS: [&str; 13] = [
    "name",
    "currency",
    "timezone",
    "use_case",
    "payment_valid",
    "rulebook",
    "rules",
    "rate_card",
    "country",
    "kind",
    "portfolio",
    "apps",
    "subscribed_apps",
];

/// What may change of a number; its calling settings have an address of their own.
const NUMBER_KEYS: [&str; 6] =
    ["name", "tier", "country", "kind", "allowed_recipients", "d360_key"];

pub(super) async fn add_app(State(world): State<Arc<World>>, request: Request) -> Answer {
    let app: App = body(request).await?;
    let writing = world.directory.writing().await;
    let mut seed = current(&world);
    seed.apps.push(app.clone());
    check(&world, &seed)?;
    if let Some(url) = &app.callback_url {
        verify(&world, Some(&app), url, &app.verify_token)
            .await
            .map_err(|fault| ApiRefusal::Handshake(fault.to_string()))?;
    }
    writing.save_app(app.clone()).await?;
    Ok((StatusCode::CREATED, Json(app)).into_response())
}

pub(super) async fn add_account(State(world): State<Arc<World>>, request: Request) -> Answer {
    let account: Account = body(request).await?;
    let writing = world.directory.writing().await;
    let mut seed = current(&world);
    seed.accounts.push(account.clone());
    check(&world, &seed)?;
    writing.save_account(account.clone()).await?;
    Ok((StatusCode::CREATED, Json(account)).into_response())
}

pub(super) async fn add_number(State(world): State<Arc<World>>, request: Request) -> Answer {
    let new: NewNumber = body(request).await?;
    let writing = world.directory.writing().await;
    let mut seed = current(&world);
    seed.numbers.push(new.clone());
    check(&world, &seed)?;
    let account = world.directory.account(&new.account);
    let account = account.ok_or(SandboxRefusal::Unknown { what: "account" })?;
    let (key, webhook) = (new.d360_key.is_some(), new.channel_webhook.is_some());
    let is_heard = world.directory.is_heard(&account) || account.is_heard_by_channel(key, webhook);
    let book = world.book_of(&account);
    let number = new.settle(&account, is_heard, &book, world.clock.now());
    let number = number.map_err(ApiRefusal::from)?;
    writing.save_number(number.clone()).await?;
    businesses::tell(&world, &number);
    Ok((StatusCode::CREATED, Json(number)).into_response())
}

pub(super) async fn change_app(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let changes = body(request).await?;
    let writing = world.directory.writing().await;
    let known = id.parse().ok().and_then(|id| world.directory.app(&id));
    let known = known.ok_or(SandboxRefusal::Unknown { what: "app" })?;
    let changed: App = changed(&*known, changes, &APP_KEYS)?;
    if let Some(field) = access::strange_field(&changed.fields, &world.book_of_app(&changed)) {
        return Err(SandboxRefusal::Body(format!("fields: {field:?} is no webhook field")));
    }
    let mut seed = current(&world);
    seed.apps.retain(|app| app.id != changed.id);
    seed.apps.push(changed.clone());
    check(&world, &seed)?;
    writing.save_app(changed.clone()).await?;
    Ok(Json(changed).into_response())
}

pub(super) async fn change_account(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let changes: Map<String, Value> = body(request).await?;
    let writing = world.directory.writing().await;
    let known = id.parse().ok().and_then(|id| world.directory.account(&id));
    let known = known.ok_or(SandboxRefusal::Unknown { what: "account" })?;
    let names_subscribers = changes.contains_key("subscribed_apps");
    let mut changed: Account = changed(&*known, changes, &ACCOUNT_KEYS)?;
    if let (false, Some(subscribed)) = (names_subscribers, &mut changed.subscribed_apps) {
        // An app that may no longer act for the account hears of it no more.
        subscribed.retain(|app| changed.apps.contains(app));
    }
    let mut seed = current(&world);
    seed.accounts.retain(|account| account.id != changed.id);
    seed.accounts.push(changed.clone());
    check(&world, &seed)?;
    writing.save_account(changed.clone()).await?;
    Ok(Json(changed).into_response())
}

pub(super) async fn change_number(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let changes = body(request).await?;
    let writing = world.directory.writing().await;
    let known = id.parse().ok().and_then(|id| world.directory.number(&id));
    let known = known.ok_or(SandboxRefusal::Unknown { what: "number" })?;
    let changed: Number = changed(&*known, changes, &NUMBER_KEYS)?;
    let mut seed = current(&world);
    seed.numbers.retain(|number| number.id != changed.id);
    seed.numbers.push(NewNumber::from(&changed));
    check(&world, &seed)?;
    writing.save_number(changed.clone()).await?;
    businesses::tell(&world, &changed);
    Ok(Json(changed).into_response())
}

/// The thing with some of its keys replaced.
fn changed<T: Serialize + DeserializeOwned>(
    known: &T,
    changes: Map<String, Value>,
    keys: &[&str],
) -> Result<T, SandboxRefusal> {
    let wrong = |fault: serde_json::Error| SandboxRefusal::Body(fault.to_string());
    let mut document = serde_json::to_value(known).map_err(wrong)?;
    for (key, value) in changes {
        if !keys.contains(&key.as_str()) {
            let text = format!("{key}: cannot be changed here; it is one of {}", keys.join(", "));
            return Err(SandboxRefusal::Body(text));
        }
        document[&key] = value;
    }
    serde_path_to_error::deserialize(document)
        .map_err(|fault| SandboxRefusal::Body(format!("{}: {}", fault.path(), fault.inner())))
}

/// Everybody there is now, as a seed would say it.
fn current(world: &World) -> Seed {
    let directory = &world.directory;
    Seed {
        apps: directory.apps().iter().map(|it| App::clone(it)).collect(),
        accounts: directory.accounts().iter().map(|it| Account::clone(it)).collect(),
        numbers: directory.numbers().iter().map(|it| NewNumber::from(&**it)).collect(),
        users: Vec::new(),
    }
}

fn check(world: &World, seed: &Seed) -> Result<(), SandboxRefusal> {
    let cards = world.cards();
    let shelf = Shelf { cards: &cards, books: &world.books };
    seed.check(Some(&shelf)).map_err(|fault| SandboxRefusal::Conflict {
        rule: "accounts.valid",
        text: fault.to_string(),
    })
}
