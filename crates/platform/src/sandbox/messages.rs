//! `GET /sandbox/v1/accounts/{waba_id}/messages?month=2026-11`: what did an account's messages cost?
//!
//! Those of one calendar month in the account's zone, of a call or not, apart from what its calls cost:
//! the newest one by one, all of them by category and charge.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    sync::Arc,
};

use axum::{
    Json,
    extract::{Path, State},
    http::Uri,
    response::IntoResponse as _,
};
use serde::Serialize;
use terms::{Money, Timestamp};

use super::{Answer, SandboxRefusal};
use crate::{api::query, billing, store::MessageRow, world::World};

/// Messages that are listed at once, the newest.
const LISTED_MAX: usize = 1000;

#[derive(Serialize)]
struct Messages {
    month: String,
    totals: Vec<Total>,
    messages: VecDeque<Shown>,
}

/// All messages of a category that were charged alike.
#[derive(Serialize)]
struct Total {
    category: String,
    charge: String,
    count: u64,
    /// Absent where one of them has no price, or another currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    at: Timestamp,
    number: String,
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<String>,
    category: String,
    charge: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<Money>,
}

pub(super) async fn list(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let account = id.parse().ok().and_then(|id| world.directory.account(&id));
    let account = account.ok_or(SandboxRefusal::Unknown { what: "account" })?;
    let month = query(&uri, "month")
        .unwrap_or_else(|| billing::month(&account, world.clock.now()).to_string());
    let span = billing::month_span(&account, &month)
        .ok_or_else(|| SandboxRefusal::Body("month: a month such as 2026-11".to_owned()))?;
    let mut messages = VecDeque::new();
    let mut totals = BTreeMap::new();
    let take = |row: MessageRow| {
        count(&mut totals, &row);
        messages.push_front(shown(row));
        messages.truncate(LISTED_MAX);
    };
    world.store.messages_between(&account.id, span, take).await?;
    Ok(Json(Messages { month, totals: totals.into_values().collect(), messages }).into_response())
}

fn count(totals: &mut BTreeMap<(String, String), Total>, row: &MessageRow) {
    let (category, charge) = (row.category.clone(), row.charge.clone());
    let total = match totals.entry((category.clone(), charge.clone())) {
        Entry::Vacant(new) => {
            new.insert(Total { category, charge, count: 1, price: row.cost });
            return;
        }
        Entry::Occupied(known) => known.into_mut(),
    };
    total.count += 1;
    total.price = total
        .price
        .zip(row.cost)
        .filter(|(sum, cost)| sum.currency == cost.currency)
        .map(|(sum, cost)| Money { amount: (sum.amount + cost.amount).normalize(), ..sum });
}

fn shown(row: MessageRow) -> Shown {
    Shown {
        id: row.id,
        at: row.at,
        number: row.number,
        user: row.user,
        call_id: row.call,
        category: row.category,
        charge: row.charge,
        price: row.cost,
    }
}
