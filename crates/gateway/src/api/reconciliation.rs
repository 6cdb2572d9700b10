//! Where do our figures and the platform's differ?

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Query, State},
};
use rules::reconciliation::{Cell, Differs, Figures, Suspect, reconcile};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use terms::{Country, Direction, Timestamp};
use wire::graph::analytics::{CallAnalyticsRequest, DataPoint, Dimension, Granularity, Metric};

use super::ApiError;
use crate::{
    console::session::Caller,
    line::Line,
    office::Office,
    spans::{self, Each},
};

/// The longest time one question compares: a month and the days an account's months differ by.
const SPAN_MAX: Duration = Duration::from_secs(32 * 86_400);

#[derive(Deserialize)]
pub(super) struct Question {
    /// The first day; seven days before `to` when absent.
    from: Option<String>,
    /// The day after the last; the beginning of today when absent.
    to: Option<String>,
    /// Our number: digits or id; may be absent where there is one.
    number: Option<String>,
}

/// The differences of a span.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Reconciliation {
    from: Timestamp,
    to: Timestamp,
    timezone: String,
    /// How many days, countries and directions were compared.
    cells: usize,
    differences: Vec<Difference>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Difference {
    day: String,
    direction: Direction,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Country>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ours: Option<Figures>,
    #[serde(skip_serializing_if = "Option::is_none")]
    theirs: Option<Figures>,
    differs: Vec<Differs>,
    calls: Vec<Suspect>,
}

/// Compares our records with the platform's `call_analytics`, day by day.
#[utoipa::path(get, path = "/v1/reconciliation", tag = "cost",
    params(("from" = Option<String>, Query, description = "The first day, by the account's calendar; 7 days before `to` when absent"),
           ("to" = Option<String>, Query, description = "The day after the last; today when absent"),
           ("number" = Option<String>, Query, description = "Our number: digits or id; may be absent where there is one")),
    responses((status = 200, body = Reconciliation, description = "`{from, to, timezone, cells, differences: [{day, direction, country?, ours?: {calls, mean_s?, cost?}, theirs?, differs: [calls|duration|cost], calls: [{call_id, why}]}]}`"),
              (status = 400, body = super::Refused, description = "Not a span, or a longer one than a month"),
              (status = 409, body = super::Refused, description = "The account is not configured, or this platform tells no figures"),
              (status = 502, body = super::Refused, description = "The platform does not answer")))]
pub(super) async fn reconciliation(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<Reconciliation>, ApiError> {
    let line = caller.line(&office, question.number.as_deref())?;
    let zone = &line.config.price.zone;
    let (from, to) = span(line, &question)?;
    let account = line.config.account.as_ref().ok_or_else(|| {
        let text = "set `account` of the number: the id of its account at the platform";
        ApiError::conflict("no_account", text)
    })?;
    let request = CallAnalyticsRequest {
        start: from,
        end: to,
        granularity: Granularity::Daily,
        phone_numbers: vec![line.config.number.digits.clone()],
        country_codes: Vec::new(),
        directions: Vec::new(),
        dimensions: vec![Dimension::Direction, Dimension::Country],
        metric_types: vec![Metric::Count, Metric::Cost, Metric::AverageDuration],
    };
    let figures = line.graph.call_analytics(account, &request).await?;
    let figures = figures.ok_or_else(|| {
        ApiError::conflict("not_offered", "this platform tells no figures of calls")
    })?;
    let theirs: Vec<_> = figures.data_points.iter().filter_map(theirs).collect();
    let ours = office.store.counted_calls(line.id().clone(), (from, to)).await?;
    let (cells, differences) = reconcile(&ours, &theirs, zone);
    let differences = differences.into_iter().map(|found| Difference {
        day: spans::label(found.cell.day, Each::Day, zone),
        direction: found.cell.direction,
        country: found.cell.country,
        ours: found.ours,
        theirs: found.theirs,
        differs: found.differs,
        calls: found.calls,
    });
    Ok(Json(Reconciliation {
        from,
        to,
        timezone: line.config.price.zone_name().to_owned(),
        cells,
        differences: differences.collect(),
    }))
}

/// Whole days: the platform gives no parts of one.
fn span(line: &Line, question: &Question) -> Result<(Timestamp, Timestamp), ApiError> {
    let zone = &line.config.price.zone;
    let day = |at| rules::analytics::Granularity::Daily.bucket(zone, at);
    let to = super::moment_in(question.to.as_deref(), "to", zone)?;
    let to = to.unwrap_or_else(|| day(line.now()).start);
    let from = super::moment_in(question.from.as_deref(), "from", zone)?;
    let from = from.unwrap_or(to - Duration::from_secs(7 * 86_400));
    let from = day(from).start;
    let to = if day(to).start == to { to } else { day(to).end };
    if to <= from || to.since(from) > SPAN_MAX {
        return Err(ApiError::invalid("from, to: a day to a month"));
    }
    Ok((from, to))
}

/// A point of the platform; one without a direction or a count compares with nothing.
fn theirs(point: &DataPoint) -> Option<(Cell, Figures)> {
    let cell = Cell { day: point.start, direction: point.direction?, country: point.country };
    let figures = Figures {
        calls: point.count?,
        mean_s: point.average_duration,
        cost: point.cost.and_then(|cost| cost.to_string().parse::<Decimal>().ok()),
    };
    Some((cell, figures))
}
