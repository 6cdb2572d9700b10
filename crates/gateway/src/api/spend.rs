//! What does a month cost so far?

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Query, State},
};
use rules::usage::Month;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use terms::{Country, Direction, Money, Timestamp};

use super::ApiError;
use crate::{console::session::Caller, line::Line, office::Office, spending, store::SpendRow};

#[derive(Deserialize)]
pub(super) struct Question {
    /// Such as `2026-11`; this month when absent.
    month: Option<String>,
    /// Only this number of ours; all when absent.
    number: Option<String>,
}

/// A month's calls and what they cost.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Spend {
    month: String,
    from: Timestamp,
    to: Timestamp,
    timezone: String,
    rows: Vec<Row>,
    totals: Vec<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<BudgetView>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SpendRow)]
struct Row {
    number: String,
    direction: Direction,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<Country>,
    calls: u64,
    answered: u64,
    seconds: u64,
    pulses: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unpriced: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid: Option<Money>,
}

/// How much of the budget is spent.
#[derive(Serialize, utoipa::ToSchema)]
struct BudgetView {
    monthly: Money,
    /// Running calls included.
    spent: Money,
    running: Money,
    share: f64,
    warn_at: Vec<f64>,
    stop: bool,
    stopped: bool,
    resets_at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference to the field")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl From<SpendRow> for Row {
    fn from(row: SpendRow) -> Self {
        let SpendRow { number, direction, country, calls, answered, seconds, .. } = row;
        let SpendRow { pulses, unpriced, list, paid, .. } = row;
        Self { number, direction, country, calls, answered, seconds, pulses, unpriced, list, paid }
    }
}

/// What a month cost, by number, direction and country.
#[utoipa::path(get, path = "/v1/spend", tag = "cost",
    params(("month" = Option<String>, Query, description = "Such as `2026-11`, by the account's calendar; this month when absent"),
           ("number" = Option<String>, Query, description = "Only this number of ours: digits or id")),
    responses((status = 200, body = Spend, description = "`{month, from, to, timezone, rows: [{number, direction, country?, calls, answered, seconds, pulses, unpriced?, list?, paid?}], totals, budget?}`"),
              (status = 400, body = super::Refused, description = "Not a month")))]
pub(super) async fn spend(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<Spend>, ApiError> {
    let (lines, line) = super::asked_lines(&office, &caller, question.number.as_deref())?;
    let price = &line.config.price;
    let this_month = price.month_at(line.now());
    let month = match question.month.as_deref() {
        None | Some("") => this_month,
        Some(text) => text.parse().map_err(|error| ApiError::invalid(format!("month: {error}")))?,
    };
    let rows = office.store.spend(lines, month.to_string()).await?;
    let (from, to) = month.span(&price.zone);
    Ok(Json(Spend {
        month: month.to_string(),
        from,
        to,
        timezone: price.zone_name().to_owned(),
        totals: totals(&rows),
        rows: rows.into_iter().map(Row::from).collect(),
        budget: budget(&office, line, month).await?,
    }))
}

/// One sum for each currency.
fn totals(rows: &[SpendRow]) -> Vec<Money> {
    let mut sums: BTreeMap<String, Money> = BTreeMap::new();
    for paid in rows.iter().filter_map(|row| row.paid) {
        let nothing = Money { amount: Decimal::ZERO, currency: paid.currency };
        sums.entry(paid.currency.to_string()).or_insert(nothing).amount += paid.amount;
    }
    sums.into_values().collect()
}

/// Of the number that is named, or the first.
async fn budget(
    office: &Office,
    line: &Line,
    month: Month,
) -> Result<Option<BudgetView>, ApiError> {
    let config = &line.config;
    let Some(budget) = &config.budget else { return Ok(None) };
    let is_now = month == config.price.month_at(line.now());
    let now = spending::of(&office.store, line).await?.filter(|_| is_now);
    let (spent, running) = match &now {
        Some(now) => (now.spent, now.running),
        None => {
            let (number, currency) = (line.id().clone(), budget.monthly.currency);
            let spent = office.store.spent(number, month.to_string(), currency).await?;
            (spent, Decimal::ZERO)
        }
    };
    let (_, resets_at) = month.span(&config.price.zone);
    let share = spent / budget.monthly.amount;
    let as_number = |share: &Decimal| share.round_dp(4).to_string().parse().unwrap_or_default();
    Ok(Some(BudgetView {
        monthly: budget.monthly,
        spent: Money { amount: spent, currency: budget.monthly.currency },
        running: Money { amount: running, currency: budget.monthly.currency },
        share: as_number(&share),
        warn_at: budget.warn_at.iter().map(as_number).collect(),
        stop: budget.stop,
        stopped: budget.verdict(spent, resets_at).is_err(),
        resets_at,
    }))
}
