//! What can be asked over HTTP?
//!
//! REST for programs (bearer API key) and consoles (cookie), the console's WebSocket, the webhook, and
//! what operators read. An answer that says no is a [`problem`].

mod access;
mod account;
mod agents;
mod analytics;
mod api_keys;
pub mod asyncapi;
mod audit;
mod bots;
mod call_events;
mod calls;
mod cdrs;
mod consents;
mod contacts;
mod control;
mod diagnosis;
mod doctor;
mod events;
mod flows;
mod idempotency;
mod notes;
mod number_settings;
mod numbers;
pub mod openapi;
mod operations;
mod page;
mod place;
mod preflight;
mod problem;
mod queues;
mod reconciliation;
mod recordings;
mod session;
mod spend;
pub(crate) mod stream;
mod supervision;
mod transcripts;
mod trunks;
mod twilio;
mod users;
mod windows;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, middleware, routing::get};
use jiff::tz::TimeZone;
use terms::Timestamp;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(crate) use self::problem::{ApiError, Refused};
use crate::{
    console::{session::Caller, socket},
    line::Line,
    office::Office,
    pages, spans,
    store::LineSet,
    webhook,
};

/// The longest body of a request by a program or console.
const REQUEST_MAX: usize = 64 * 1024;

/// Every route.
pub(crate) fn router(office: Arc<Office>) -> Router {
    let hook =
        Router::new().route("/webhooks/whatsapp", get(webhook::handshake).post(webhook::receive));
    let (rest, _) = rest().split_for_parts();
    let rest = rest.route_layer(middleware::from_fn_with_state(Arc::clone(&office), access::check));
    Router::new()
        .merge(rest)
        .route("/v1/console/ws", get(socket::open))
        .route("/v1/bots/{name}/connect", get(bots::connect))
        .route("/openapi.json", get(openapi::answer))
        .route(
            "/2010-04-01/Accounts/{account}/Calls/{call}",
            get(twilio::read).post(twilio::update),
        )
        .layer(DefaultBodyLimit::max(REQUEST_MAX))
        .merge(hook)
        .fallback(pages::page)
        .layer(CatchPanicLayer::new())
        .layer(middleware::from_fn(problem::render))
        .with_state(office)
}

/// The documented routes.
fn rest() -> OpenApiRouter<Arc<Office>> {
    OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(session::log_in, session::log_out))
        .routes(routes!(session::me))
        .routes(routes!(calls::list, place::place))
        .routes(routes!(calls::one, notes::note))
        .routes(routes!(notes::codes))
        .routes(routes!(control::hold))
        .routes(routes!(control::resume))
        .routes(routes!(control::transfer))
        .routes(routes!(control::consult))
        .routes(routes!(control::hand_over))
        .routes(routes!(control::merge))
        .routes(routes!(supervision::listen))
        .routes(routes!(supervision::whisper))
        .routes(routes!(supervision::join))
        .routes(routes!(supervision::leave))
        .routes(routes!(control::mute))
        .routes(routes!(control::digits))
        .routes(routes!(control::hang_up))
        .routes(routes!(recordings::steer))
        .routes(routes!(recordings::list))
        .routes(routes!(recordings::one, recordings::hold, recordings::remove))
        .routes(routes!(recordings::hear))
        .routes(routes!(transcripts::read))
        .routes(routes!(diagnosis::diagnosis))
        .routes(routes!(call_events::list))
        .routes(routes!(cdrs::csv))
        .routes(routes!(cdrs::jsonl))
        .routes(routes!(spend::spend))
        .routes(routes!(account::health))
        .routes(routes!(analytics::analytics))
        .routes(routes!(analytics::csv))
        .routes(routes!(reconciliation::reconciliation))
        .routes(routes!(windows::list))
        .routes(routes!(events::list))
        .routes(routes!(events::one))
        .routes(routes!(events::redeliver))
        .routes(routes!(stream::stream))
        .routes(routes!(flows::list))
        .routes(routes!(flows::check))
        .routes(routes!(flows::dry_run))
        .routes(routes!(preflight::preflight))
        .routes(routes!(place::list_parked))
        .routes(routes!(place::cancel_parked))
        .routes(routes!(queues::list))
        .routes(routes!(trunks::list))
        .routes(routes!(trunks::destinations))
        .routes(routes!(queues::list_callbacks, queues::add_callback))
        .routes(routes!(queues::cancel_callback))
        .routes(routes!(agents::list))
        .routes(routes!(agents::set_presence))
        .routes(routes!(consents::list))
        .routes(routes!(consents::one))
        .routes(routes!(contacts::list))
        .routes(routes!(contacts::one))
        .routes(routes!(contacts::ask_permission))
        .routes(routes!(contacts::write))
        .routes(routes!(doctor::examine))
        .routes(routes!(number_settings::read_settings, number_settings::change_settings))
        .routes(routes!(numbers::list))
        .routes(routes!(api_keys::list, api_keys::make))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::change))
        .routes(routes!(audit::list))
        .routes(routes!(operations::health))
        .routes(routes!(operations::ready))
        .routes(routes!(operations::metrics))
}

/// So many of so many; absent of none.
fn share(part: u64, whole: u64) -> Option<f64> {
    let thousandths = part.checked_mul(1_000)?.checked_div(whole)?;
    u32::try_from(thousandths).ok().map(|thousandths| f64::from(thousandths) / 1_000.0)
}

/// The number a question is about; the first of the caller's when none is named.
fn first_line<'a>(office: &'a Office, caller: &Caller) -> Result<&'a Arc<Line>, ApiError> {
    let mut mine = office.lines.iter().filter(|line| caller.organisation.lines.contains(line.id()));
    mine.next().ok_or_else(|| ApiError::not_found("this organisation has no number"))
}

/// The lines a question is about, and the one whose calendar it is asked in: the one that is named,
/// else all of the caller's and the first of them.
fn asked_lines<'a>(
    office: &'a Office,
    caller: &Caller,
    number: Option<&str>,
) -> Result<(LineSet, &'a Arc<Line>), ApiError> {
    match number.filter(|number| !number.is_empty()) {
        Some(number) => {
            let line = caller.line(office, Some(number))?;
            Ok((LineSet::one(line.id()), line))
        }
        None => Ok((caller.lines(), first_line(office, caller)?)),
    }
}

/// A moment of a query, or the midnight in this zone a date begins with.
fn moment_in(
    text: Option<&str>,
    name: &str,
    zone: &TimeZone,
) -> Result<Option<Timestamp>, ApiError> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let at = spans::moment(text, zone).ok_or_else(|| {
        ApiError::invalid(format!("{name}: a time such as 2026-11-28T09:00:00Z, or a date"))
    })?;
    Ok(Some(at))
}
