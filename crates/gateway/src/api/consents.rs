//! What do we know of a user's consent, and what proves it?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use switchboard::consent::{Absence, EntryNo, Grant, Standing};
use terms::{Timestamp, WaId};

use super::{ApiError, preflight::number};
use crate::{
    console::session::Caller,
    office::Office,
    store::{LineSet, Page, Record},
};

/// How many entries one page has when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

#[derive(Deserialize)]
pub(super) struct Question {
    /// Only this line's entries.
    from: Option<String>,
    /// Only this user's entries.
    user: Option<String>,
    /// How many at most; 100 when absent, 1000 at most.
    limit: Option<u32>,
    /// Only entries before this one.
    before: Option<i64>,
}

/// Entries, the newest first.
#[derive(Serialize)]
pub(super) struct Entries {
    entries: Vec<Record>,
    /// What to give as `before` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_before: Option<EntryNo>,
}

/// How a user stands, and the entries behind it.
#[derive(Serialize)]
pub(super) struct UserConsent {
    user: WaId,
    state: Summary,
    #[serde(flatten)]
    entries: Entries,
}

/// What all entries of a user add up to.
#[derive(Serialize)]
struct Summary {
    /// `temporary`, `permanent` or `none`.
    permission: &'static str,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    absence: Option<Absence>,
    /// When a temporary one ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// The entry that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<EntryNo>,
    /// When we asked, since the last call that was picked up; what counts towards the limits.
    requests: Vec<Timestamp>,
    /// When calls of ours were picked up; what counts towards the limit.
    connected: Vec<Timestamp>,
    /// Calls of ours in a row that were not picked up.
    unanswered_in_a_row: u32,
}

impl Summary {
    fn of(standing: &Standing, now: Timestamp) -> Self {
        let permission = standing.permission(now);
        Self {
            permission: match permission {
                Ok(Grant::Temporary { .. }) => "temporary",
                Ok(Grant::Permanent) => "permanent",
                Err(_) => "none",
            },
            absence: permission.err(),
            expires_at: standing.expires_at().filter(|at| *at > now),
            proof: standing.proof(),
            requests: standing.requests().to_vec(),
            connected: standing.connected().to_vec(),
            unanswered_in_a_row: standing.unanswered_in_a_row(),
        }
    }
}

/// The consent ledger, the newest entry first.
#[utoipa::path(get, path = "/v1/consents", tag = "consent",
    params(("from" = Option<String>, Query, description = "Only this number of ours: its digits or id"),
           ("user" = Option<String>, Query, description = "Only this user's entries: a number, digits"),
           ("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("before" = Option<i64>, Query, description = "Only entries before this one")),
    responses((status = 200, body = Object, description = "`{entries: [{no, user, number, at, kind, evidence, …}], next_before?}`"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<Entries>, ApiError> {
    let user = question.user.as_deref().map(|text| number(text, "user")).transpose()?;
    let lines = match question.from.as_deref() {
        Some(from) => LineSet::one(caller.line(&office, Some(from))?.id()),
        None => caller.lines(),
    };
    Ok(Json(page(&office, lines, user, &question).await?))
}

/// How a user stands, and the entries behind it.
#[utoipa::path(get, path = "/v1/consents/{wa_id}", tag = "consent",
    params(("wa_id" = String, Path, description = "The user's number, digits"),
           ("from" = Option<String>, Query, description = "Our number: digits or id; may be absent where there is one"),
           ("limit" = Option<u32>, Query, description = "How many entries at most; 100 when absent, 1000 at most"),
           ("before" = Option<i64>, Query, description = "Only entries before this one")),
    responses((status = 200, body = Object, description = "`{user, state: {permission, absence?, expires_at?, proof?, requests, connected, unanswered_in_a_row}, entries, next_before?}`"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused)))]
pub(super) async fn one(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(wa_id): Path<String>,
    Query(question): Query<Question>,
) -> Result<Json<UserConsent>, ApiError> {
    let user = number(&wa_id, "wa_id")?;
    let line = caller.line(&office, question.from.as_deref())?;
    let standing = office.store.standing(line.contact(&user)).await?;
    let state = Summary::of(&standing, line.now());
    let lines = LineSet::one(line.id());
    let entries = page(&office, lines, Some(user.clone()), &question).await?;
    Ok(Json(UserConsent { user, state, entries }))
}

async fn page(
    office: &Office,
    lines: LineSet,
    user: Option<WaId>,
    question: &Question,
) -> Result<Entries, ApiError> {
    let limit = question.limit.unwrap_or(LIMIT.0).clamp(1, LIMIT.1);
    let entries =
        office.store.consents(lines, user, Page { limit, before: question.before }).await?;
    let is_full = entries.len() >= limit as usize;
    let next_before = entries.last().map(|record| record.no).filter(|_| is_full);
    Ok(Entries { entries, next_before })
}
