//! What do we know of a user's consent, and what proves it?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use switchboard::consent::{Absence, EntryNo, Grant, Standing};
use terms::{Timestamp, UserId, UserRef};

use super::{ApiError, page::Page, preflight::user};
use crate::{
    console::session::Caller,
    contacts,
    office::Office,
    store::{Evidence, LineSet, Record},
};

#[derive(Deserialize)]
pub(super) struct Whose {
    /// Only this line's entries.
    from: Option<String>,
    /// Only this user's entries.
    user: Option<String>,
}

/// Entries, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Entries {
    #[schema(value_type = Vec<LedgerEntry>)]
    entries: Vec<Record>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An entry as the document has it: what else it has depends on its kind.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it is written by the ledger itself")]
struct LedgerEntry {
    /// Its place in the ledger.
    no: i64,
    /// The number where it is known, else the BSUID.
    user: UserRef,
    /// The BSUID, where known.
    user_id: Option<UserId>,
    /// Our number.
    number: terms::PhoneNumberId,
    /// When.
    at: Timestamp,
    /// What happened, such as `requested` or `granted`.
    kind: String,
    /// What proves it.
    evidence: Evidence,
}

/// How a user stands, and the entries behind it.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct UserConsent {
    /// The number where it is known, else the BSUID.
    user: UserRef,
    /// The BSUID, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    state: Summary,
    #[serde(flatten)]
    entries: Entries,
}

/// What all entries of a user add up to.
#[derive(Serialize, utoipa::ToSchema)]
struct Summary {
    /// `temporary`, `permanent` or `none`.
    permission: &'static str,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    absence: Option<Absence>,
    /// When a temporary one ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// The entry that proves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
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
           ("user" = Option<String>, Query, description = "Only this user's entries: a number, digits, or a BSUID"),
           ("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = Entries, description = "`{entries: [{no, user, user_id?, number, at, kind, evidence, …}], next?}`"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(whose): Query<Whose>,
    Query(page): Query<Page>,
) -> Result<Json<Entries>, ApiError> {
    let user = whose.user.as_deref().map(|text| user(text, "user")).transpose()?;
    let lines = match whose.from.as_deref() {
        Some(from) => LineSet::one(caller.line(&office, Some(from))?.id()),
        None => caller.lines(),
    };
    Ok(Json(entries(&office, lines, user, &page).await?))
}

/// How a user stands, and the entries behind it.
#[utoipa::path(get, path = "/v1/consents/{user}", tag = "consent",
    params(("user" = String, Path, description = "The user's number, digits, or the BSUID"),
           ("from" = Option<String>, Query, description = "Our number: digits or id; may be absent where there is one"),
           ("limit" = Option<u32>, Query, description = "How many entries at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = UserConsent, description = "`{user, user_id?, state: {permission, absence?, expires_at?, proof?, requests, connected, unanswered_in_a_row}, entries, next?}`"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused)))]
pub(super) async fn one(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(named): Path<String>,
    Query(whose): Query<Whose>,
    Query(page): Query<Page>,
) -> Result<Json<UserConsent>, ApiError> {
    let user = user(&named, "user")?;
    let line = caller.line(&office, whose.from.as_deref())?;
    let user = contacts::complete(&office, line, user).await?;
    let standing = office.store.standing(line.contact(&user)).await?;
    let state = Summary::of(&standing, line.now());
    let lines = LineSet::one(line.id());
    let entries = entries(&office, lines, Some(user.clone()), &page).await?;
    let user_id = user.user_id().cloned();
    Ok(Json(UserConsent { user, user_id, state, entries }))
}

async fn entries(
    office: &Office,
    lines: LineSet,
    user: Option<UserRef>,
    page: &Page,
) -> Result<Entries, ApiError> {
    let after = page.after_number()?;
    let mut entries = office.store.consents(lines, user, page.to_read(), after).await?;
    let next = page.cut(&mut entries, |record| record.no.0.to_string());
    Ok(Entries { entries, next })
}
