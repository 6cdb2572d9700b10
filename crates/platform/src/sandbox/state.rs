//! `GET /sandbox/v1/state`: what is there?

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State, response::IntoResponse as _};
use rules::{
    limits::{NumberKind, Use},
    permission::{self, Status},
};
use wire::{
    graph::permission::PermissionStatus,
    sandbox::{self, Counter},
};

use super::{Answer, calls, clock};
use crate::{
    consent,
    directory::{Account, AccountKind, App, Grant, Number, User},
    store::StoreFault,
    world::World,
};

pub(super) async fn show(State(world): State<Arc<World>>) -> Answer {
    let mut users = Vec::new();
    for user in world.directory.users() {
        users.push(shown_user(&world, &user).await?);
    }
    Ok(Json(sandbox::State {
        clock: clock::read(&world),
        apps: world.directory.apps().iter().map(|it| shown_app(it)).collect(),
        accounts: world.directory.accounts().iter().map(|it| shown_account(it)).collect(),
        numbers: world.directory.numbers().iter().map(|it| shown_number(&world, it)).collect(),
        users,
        calls: calls::newest(&world).await?,
        rulebooks: world.books.names(),
        rate_cards: world.cards().families().into_iter().map(str::to_owned).collect(),
    })
    .into_response())
}

fn shown_app(app: &App) -> sandbox::App {
    let shown = |grant: Grant| sandbox::TokenScope {
        scopes: grant.scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
        expires_at: grant.expires_at,
        accounts: grant.accounts().to_vec(),
    };
    sandbox::App {
        app_id: app.id.clone(),
        name: app.name.clone(),
        fields: app.fields.clone(),
        callback_url: app.callback_url.clone(),
        is_live: app.is_live,
        tokens: app.grants().map(shown).collect(),
    }
}

fn shown_account(account: &Account) -> sandbox::Account {
    sandbox::Account {
        waba_id: account.id.clone(),
        name: account.name.clone(),
        rulebook: account.rulebook.clone(),
        rate_card: account.rate_card.clone(),
        kind: match account.kind {
            AccountKind::Production => "production",
            AccountKind::Sandbox => "sandbox",
        }
        .to_owned(),
        timezone: account.timezone.clone(),
        country: account.country,
        use_case: account.use_case.clone(),
        apps: account.apps.clone(),
        subscribed_apps: account.subscribers().cloned().collect(),
        currency: account.currency.to_string(),
        payment_valid: account.payment_valid,
    }
}

fn shown_number(world: &World, number: &Number) -> sandbox::Number {
    sandbox::Number {
        phone_number_id: number.id.clone(),
        waba_id: number.account.clone(),
        number: number.digits.clone(),
        name: number.name.clone(),
        country: number.known_country(),
        tier: number.tier,
        kind: match world.directory.kind_of(number) {
            NumberKind::Production => "production",
            NumberKind::Test => "test",
            NumberKind::Sandbox => "sandbox",
        }
        .to_owned(),
        calling_enabled: number.calling.calling_enabled(),
    }
}

/// A user as the sandbox shows one.
pub(super) async fn shown_user(world: &World, user: &User) -> Result<sandbox::User, StoreFault> {
    let mut consents = BTreeMap::new();
    for number in world.directory.numbers() {
        let consent = shown_consent(world, &number, user).await?;
        consents.insert(number.digits.as_str().to_owned(), consent);
    }
    Ok(sandbox::User {
        wa_id: user.wa_id.clone(),
        user_id: user.known_id(),
        name: user.name.clone(),
        country: user.country,
        parent_user_id: user.parent_user_id.clone(),
        username: user.username.clone(),
        hides_number: user.hides_number,
        client: sandbox::Client {
            os: user.client.os.as_str().to_owned(),
            version: user.client.version.map(|version| version.to_string()),
        },
        behaviour: user.behaviour.clone(),
        phone_connected: !world.phones.of(&user.wa_id).is_empty(),
        consents,
    })
}

async fn shown_consent(
    world: &World,
    number: &Number,
    user: &User,
) -> Result<sandbox::Consent, StoreFault> {
    let pair = consent::load(world, number, user).await?;
    let (book, now) = (world.book(number), world.clock.now());
    let (status, permission_expires_at) = permission::status(&pair.consent, now);
    let requests = pair.consent.request_uses(&book, world.directory.kind_of(number), now);
    Ok(sandbox::Consent {
        permission: match status {
            Status::NoPermission => PermissionStatus::NoPermission,
            Status::Temporary => PermissionStatus::Temporary,
            Status::Permanent => PermissionStatus::Permanent,
        },
        permission_expires_at,
        window_open_until: pair.window.check(&book, now).ok(),
        request_open: pair.consent.open_request(&book, now).is_some(),
        unanswered_in_a_row: pair.consent.unanswered_in_a_row(),
        requests: requests.iter().map(counter).collect(),
        calls: vec![counter(&pair.consent.connected_use(&book, now))],
    })
}

fn counter(used: &Use) -> Counter {
    Counter {
        period_s: used.period.as_secs(),
        max: used.max,
        used: used.used,
        allowed_at: used.allowed_at,
    }
}
