//! What does the health of a number look like on the wire?

use rules::{
    health::{self, Availability, HealthFacts, Issue, Part},
    quality,
    rulebook::Rulebook,
};
use terms::Direction;
use wire::graph::health as graph;

use crate::{
    directory::{App, Number},
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
    let business = account.as_ref().and_then(|account| account.portfolio.clone());
    let business = business.unwrap_or_else(|| number.account.to_string());
    let mut entities = vec![
        entity(graph::EntityType::PhoneNumber, number.id.to_string(), &health.number, &book),
        entity(graph::EntityType::Waba, number.account.to_string(), &health.account, &book),
        entity(graph::EntityType::Business, business, &health.business, &book),
    ];
    if let Some(app) = app {
        entities.push(entity(graph::EntityType::App, app.id.to_string(), &health.app, &book));
    }
    graph::HealthStatus { can_send_message: availability(health.messages()), entities }
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
