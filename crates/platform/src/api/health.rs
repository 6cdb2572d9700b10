//! What does the health of a number or of an account look like on the wire?

use rules::{
    health::{self, Availability, Health, HealthFacts, Issue, Part},
    quality,
    rulebook::Rulebook,
};
use terms::Direction;
use wire::graph::health as graph;

use crate::{
    directory::{Account, App, Number},
    world::World,
};

/// The health of a number, as the app that asks sees it; a 360dialog key is no app.
pub(super) fn of_number(world: &World, app: Option<&App>, number: &Number) -> graph::HealthStatus {
    let (book, now) = (world.book(number), world.clock.now());
    let account = world.directory.account(&number.account);
    let stopped =
        |direction| quality::stopped_until(&number.restrictions, direction, now).is_some();
    let user_calls_stopped = stopped(Direction::UserInitiated);
    let health = health::health(
        &HealthFacts {
            sip_configured: number.calling.sip_enabled(),
            app_is_live: app.is_none_or(|app| app.is_live),
            is_restricted: user_calls_stopped || stopped(Direction::BusinessInitiated),
            user_calls_stopped,
            payment_valid: account.as_ref().is_some_and(|account| account.payment_valid),
        },
        &book,
    );
    let own = entity(graph::EntityType::PhoneNumber, number.id.to_string(), &health.number, &book);
    let business = account.as_ref().and_then(|account| account.portfolio.clone());
    let mut entities = vec![own];
    entities.extend(above(&health, number.account.to_string(), business, app, &book));
    graph::HealthStatus { can_send_message: availability(health.messages()), entities }
}

/// The health of an account: that of a number with nothing in its own way, without the number.
pub(super) fn of_account(
    world: &World,
    app: Option<&App>,
    account: &Account,
) -> graph::HealthStatus {
    let book = world.book_of(account);
    let health = health::health(
        &HealthFacts {
            sip_configured: true,
            app_is_live: app.is_none_or(|app| app.is_live),
            is_restricted: false,
            user_calls_stopped: false,
            payment_valid: account.payment_valid,
        },
        &book,
    );
    let entities = above(&health, account.id.to_string(), account.portfolio.clone(), app, &book);
    graph::HealthStatus { can_send_message: availability(health.messages()), entities }
}

/// What stands above a number: its account, its business, the app.
fn above(
    health: &Health,
    account: String,
    business: Option<String>,
    app: Option<&App>,
    book: &Rulebook,
) -> Vec<graph::Entity> {
    let business = business.unwrap_or_else(|| account.clone());
    let mut entities = vec![
        entity(graph::EntityType::Waba, account, &health.account, book),
        entity(graph::EntityType::Business, business, &health.business, book),
    ];
    if let Some(app) = app {
        entities.push(entity(graph::EntityType::App, app.id.to_string(), &health.app, book));
    }
    entities
}

fn entity(kind: graph::EntityType, id: String, part: &Part, book: &Rulebook) -> graph::Entity {
    graph::Entity {
        entity_type: kind,
        id,
        can_send_message: availability(part.messages),
        can_receive_call_sip: part.sip.map(availability),
        errors: part.issues.iter().map(|issue| error(*issue, book)).collect(),
    }
}

fn error(issue: Issue, book: &Rulebook) -> graph::HealthError {
    graph::HealthError {
        error_code: i64::from(issue.code(book)),
        error_description: issue.text().to_owned(),
        possible_solution: issue.cure().to_owned(),
    }
}

fn availability(availability: Availability) -> graph::Availability {
    match availability {
        Availability::Available => graph::Availability::Available,
        Availability::Limited => graph::Availability::Limited,
        Availability::Blocked => graph::Availability::Blocked,
    }
}
