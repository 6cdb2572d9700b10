//! What do our calls add up to, by time, country, agent or direction?

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use terms::{Money, Timestamp};

use super::{ApiError, cdrs::table};
use crate::{
    console::session::Caller,
    office::Office,
    spans::{self, Each, SPANS_MAX, Span},
    store::{Grouped, Grouping},
};

/// How far back a question without `from` looks.
const BACK: Duration = Duration::from_secs(7 * 86_400);

#[derive(Deserialize)]
pub(super) struct Question {
    /// Calls that started from then on; seven days before `to` when absent.
    from: Option<String>,
    /// Calls that started before then; now when absent.
    to: Option<String>,
    /// What rows are made by; days when absent.
    by: Option<By>,
    /// Only this number of ours; all when absent.
    number: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = AnalyticsBy)]
#[serde(rename_all = "snake_case")]
enum By {
    Day,
    Hour,
    Country,
    Agent,
    Direction,
}

impl By {
    fn each(self) -> Option<Each> {
        match self {
            Self::Day => Some(Each::Day),
            Self::Hour => Some(Each::Hour),
            Self::Country | Self::Agent | Self::Direction => None,
        }
    }
}

/// The figures of a span.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Analytics {
    by: By,
    from: Timestamp,
    to: Timestamp,
    timezone: String,
    rows: Vec<Row>,
    total: Figures,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AnalyticsRow)]
struct Row {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<Timestamp>,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AnalyticsFigures)]
struct Figures {
    calls: u64,
    answered: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_rate: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration: Option<Lasted>,
    cost: Vec<Money>,
    missed: BTreeMap<String, u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AnalyticsWaiting)]
struct Waiting {
    p50_s: f64,
    p95_s: f64,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AnalyticsDuration)]
struct Lasted {
    sum_s: u64,
    mean_s: f64,
}

impl From<Grouped> for Figures {
    fn from(group: Grouped) -> Self {
        let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f64();
        Self {
            calls: group.calls,
            answered: group.answered,
            answer_rate: super::share(group.answered, group.calls),
            waiting: group
                .wait_ms
                .map(|(p50, p95)| Waiting { p50_s: seconds(p50), p95_s: seconds(p95) }),
            duration: group.duration.map(|(sum_s, count)| Lasted {
                sum_s,
                // A tenth of a second is finer than what was measured.
                mean_s: (Duration::from_secs(sum_s).as_secs_f64()
                    / Duration::from_secs(count.max(1)).as_secs_f64()
                    * 10.0)
                    .round()
                    / 10.0,
            }),
            cost: group.cost,
            missed: group.missed,
        }
    }
}

/// What calls add up to. Days and hours are those of the account's zone; those without calls have a
/// row, too.
#[utoipa::path(get, path = "/v1/analytics", tag = "cost",
    params(("from" = Option<String>, Query, description = "Calls that started from then on: RFC 3339, or a date of the account's zone; 7 days before `to` when absent"),
           ("to" = Option<String>, Query, description = "Calls that started before then; now when absent"),
           ("by" = Option<String>, Query, description = "`day`, `hour`, `country`, `agent` or `direction`"),
           ("number" = Option<String>, Query, description = "Only this number of ours: digits or id")),
    responses((status = 200, body = Analytics, description = "`{by, from, to, timezone, rows: [{key?, start?, end?, calls, answered, answer_rate?, waiting?: {p50_s, p95_s}, duration?: {sum_s, mean_s}, cost, missed: {reason: count}}], total}`"),
              (status = 400, body = super::Refused, description = "Not a span, or one with too many rows")))]
pub(super) async fn analytics(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<Analytics>, ApiError> {
    Ok(Json(read(&office, &caller, &question).await?))
}

/// The same as a table.
#[utoipa::path(get, path = "/v1/analytics.csv", tag = "cost",
    params(("from" = Option<String>, Query, description = "As in `/v1/analytics`"),
           ("to" = Option<String>, Query, description = "As in `/v1/analytics`"),
           ("by" = Option<String>, Query, description = "As in `/v1/analytics`"),
           ("number" = Option<String>, Query, description = "As in `/v1/analytics`")),
    responses((status = 200, content_type = "text/csv", body = String, description = "One line a row; what is not known is empty"),
              (status = 400, body = super::Refused, description = "Not a span, or one with too many rows")))]
pub(super) async fn csv(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Response, ApiError> {
    let read = read(&office, &caller, &question).await?;
    let head = COLUMNS.map(str::to_owned);
    let lines = std::iter::once(head).chain(read.rows.iter().map(cells));
    let body: Bytes = table(lines)?;
    let name = "attachment; filename=\"analytics.csv\"";
    let headers =
        [(header::CONTENT_TYPE, "text/csv; charset=utf-8"), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

const COLUMNS: [&str; 11] = [
    "key",
    "calls",
    "answered",
    "answer_rate",
    "waiting_p50_s",
    "waiting_p95_s",
    "duration_sum_s",
    "duration_mean_s",
    "cost_amount",
    "cost_currency",
    "missed",
];

fn cells(row: &Row) -> [String; COLUMNS.len()] {
    let figures = &row.figures;
    let or_empty = |number: Option<f64>| number.map(|it| it.to_string()).unwrap_or_default();
    let (waiting, duration) = (figures.waiting.as_ref(), figures.duration.as_ref());
    // Calls in several currencies have no one sum.
    let cost = match figures.cost.as_slice() {
        [only] => Some(only),
        [] | [_, _, ..] => None,
    };
    let missed = figures.missed.iter().map(|(reason, count)| format!("{reason}={count}"));
    [
        row.key.clone().unwrap_or_default(),
        figures.calls.to_string(),
        figures.answered.to_string(),
        or_empty(figures.answer_rate),
        or_empty(waiting.map(|it| it.p50_s)),
        or_empty(waiting.map(|it| it.p95_s)),
        duration.map(|it| it.sum_s.to_string()).unwrap_or_default(),
        or_empty(duration.map(|it| it.mean_s)),
        cost.map(|it| it.amount.to_string()).unwrap_or_default(),
        cost.map(|it| it.currency.to_string()).unwrap_or_default(),
        missed.collect::<Vec<_>>().join(" "),
    ]
}

async fn read(
    office: &Office,
    caller: &Caller,
    question: &Question,
) -> Result<Analytics, ApiError> {
    let (lines, line) = super::asked_lines(office, caller, question.number.as_deref())?;
    let zone = &line.config.price.zone;
    let by = question.by.unwrap_or(By::Day);
    let to = super::moment_in(question.to.as_deref(), "to", zone)?;
    let to = to.unwrap_or_else(|| line.now());
    let from = super::moment_in(question.from.as_deref(), "from", zone)?.unwrap_or(to - BACK);
    let span = (from, to);
    let spans = match by.each() {
        Some(each) => Some((each, spans::tile(span, each, zone).ok_or_else(too_many)?)),
        None => None,
    };
    let grouping = match by {
        By::Day | By::Hour => {
            Grouping::Spans(spans.as_ref().map(|(_, spans)| spans.clone()).unwrap_or_default())
        }
        By::Country => Grouping::Country,
        By::Agent => Grouping::Agent,
        By::Direction => Grouping::Direction,
    };
    let groups = office.store.analytics(lines.clone(), span, grouping).await?;
    let mut all = office.store.analytics(lines, span, Grouping::All).await?;
    let rows = match spans {
        Some((each, spans)) => timeline(groups, &spans, |at| spans::label(at, each, zone)),
        None => groups.into_iter().map(row).collect(),
    };
    let total = all.remove(&Some(String::new())).unwrap_or_default().into();
    let timezone = line.config.price.zone_name().to_owned();
    Ok(Analytics { by, from, to, timezone, rows, total })
}

fn row((key, group): (Option<String>, Grouped)) -> Row {
    Row { key, start: None, end: None, figures: group.into() }
}

fn timeline(
    mut groups: BTreeMap<Option<String>, Grouped>,
    spans: &[Span],
    label: impl Fn(Timestamp) -> String,
) -> Vec<Row> {
    let row = |(place, (start, end)): (usize, &Span)| Row {
        key: Some(label(*start)),
        start: Some(*start),
        end: Some(*end),
        figures: groups.remove(&Some(place.to_string())).unwrap_or_default().into(),
    };
    spans.iter().enumerate().map(row).collect()
}

fn too_many() -> ApiError {
    ApiError::invalid(format!("from, to: more than {SPANS_MAX} rows; ask for less, or by day"))
}
