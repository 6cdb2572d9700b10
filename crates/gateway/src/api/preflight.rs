//! May this user be called now, until when does the answer hold, and what would it cost?
//!
//! The platform is asked first: it knows the user's word and the limits. Our ledger is the second
//! source, for the window where the rulebook wants one, and when the platform does not answer.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;
use terms::{Country, Direction, Timestamp, WaId};
use wire::{
    console::{PermissionState, Preflight, PreflightPrice},
    graph::permission::{ActionName, CallPermissions, Limit, PermissionStatus},
};

use super::ApiError;
use crate::{
    calls::advice,
    console::session::Caller,
    contacts,
    graph::GraphError,
    office::Office,
    store::{ContactRow, Grant},
};

#[derive(Deserialize)]
pub(super) struct Question {
    /// The user's number, digits.
    to: String,
    /// Our number; there is one.
    from: Option<String>,
}

/// The answer without its price.
struct Answer {
    allowed: bool,
    rule: String,
    evidence: String,
    changes_at: Option<Timestamp>,
}

/// May this user be called, and at what price?
#[utoipa::path(get, path = "/v1/preflight", tag = "calls", 
    params(("to" = String, Query, description = "The user's number, digits"),
           ("from" = Option<String>, Query, description = "Our number; there is one")),
    responses((status = 200, body = Object,
               description = "`{allowed, rule, evidence, changes_at, price: {pulse, per_minute, currency, card}}`"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused)))]
pub(super) async fn preflight(
    State(office): State<Arc<Office>>,
    _caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<Preflight>, ApiError> {
    let to = number(&question.to, "to")?;
    if let Some(from) = &question.from
        && number(from, "from")? != office.config.number.digits
    {
        return Err(ApiError::invalid("from: this is not our number"));
    }
    let answer = match office.graph.permissions(to.clone()).await {
        Ok(permissions) => {
            remember(&office, to.clone(), &permissions).await?;
            let known = office.store.contact(to.clone()).await?;
            by_platform(&office, &permissions, known.as_ref())
        }
        Err(GraphError::Refused { code, text }) => Answer {
            allowed: false,
            rule: format!("platform.{code}"),
            evidence: advice(code, &text),
            changes_at: None,
        },
        Err(GraphError::Unreachable { why }) => {
            by_ledger(&office, office.store.contact(to.clone()).await?.as_ref(), &why)
        }
    };
    Ok(Json(Preflight {
        allowed: answer.allowed,
        rule: answer.rule,
        evidence: answer.evidence,
        changes_at: answer.changes_at,
        price: price(&office, &to),
    }))
}

fn number(text: &str, name: &str) -> Result<WaId, ApiError> {
    // An unescaped `+` arrives as a space.
    let digits = WaId::from_dialled(text.trim_start());
    digits.map_err(|_| ApiError::invalid(format!("{name}: a number in digits")))
}

/// What the platform says goes to the ledger.
async fn remember(office: &Office, to: WaId, said: &CallPermissions) -> Result<(), ApiError> {
    let state = match said.permission.status {
        PermissionStatus::Temporary => PermissionState::Temporary,
        PermissionStatus::Permanent => PermissionState::Permanent,
        PermissionStatus::NoPermission | PermissionStatus::Unknown(_) => PermissionState::None,
    };
    let known = office.store.contact(to.clone()).await?;
    let asked = known.as_ref().is_some_and(|row| row.grant.state == PermissionState::Requested);
    // A user who was never seen and says nothing makes no contact; a request stays a request.
    if state == PermissionState::None && (known.is_none() || asked) {
        return Ok(());
    }
    let grant = Grant {
        state,
        expires_at: said.permission.expiration_time,
        learnt_at: known.and_then(|row| row.grant.learnt_at).max(Some(office.graph.now())),
    };
    Ok(contacts::set_grant(office, to, grant).await?)
}

fn by_platform(office: &Office, said: &CallPermissions, known: Option<&ContactRow>) -> Answer {
    let (kind, until) = match said.permission.status {
        PermissionStatus::Temporary => ("temporary", said.permission.expiration_time),
        PermissionStatus::Permanent => ("permanent", None),
        PermissionStatus::NoPermission | PermissionStatus::Unknown(_) => {
            return no("permission.required", advice(138_006, ""), None);
        }
    };
    let start = said.action(&ActionName::StartCall);
    let reached = start.and_then(|action| action.limits.iter().find(|limit| is_reached(limit)));
    if let Some(limit) = reached {
        let evidence = format!(
            "{} of {} calls in {} are used.",
            limit.current_usage, limit.max_allowed, limit.time_period
        );
        return no("limits.connected_per_day", evidence, limit.limit_expiration_time);
    }
    let window = known.and_then(|row| row.window_until);
    let needs_window = office.config.price.rulebook.eligibility.call_needs_window.value;
    if needs_window && window.is_none_or(|until| until <= office.graph.now()) {
        let evidence = "The user has neither written nor called within 24 hours, as far as we saw, \
                        and this rulebook asks for that.";
        return no("window.open", evidence.into(), None);
    }
    if start.is_some_and(|action| !action.can_perform_action) {
        return no(
            "platform.start_call",
            "The platform says that a call cannot start now.".into(),
            None,
        );
    }
    let until_text = until.map_or_else(String::new, |at| format!(" until {at}"));
    // Where a window is needed, too, whichever ends first changes the answer.
    let changes_at = [until, window.filter(|_| needs_window)].into_iter().flatten().min();
    Answer {
        allowed: true,
        rule: format!("permission.{kind}"),
        evidence: format!("The user has allowed calls{until_text} ({kind})."),
        changes_at,
    }
}

fn is_reached(limit: &Limit) -> bool {
    limit.limit_expiration_time.is_some() || limit.current_usage >= limit.max_allowed
}

fn no(rule: &str, evidence: String, changes_at: Option<Timestamp>) -> Answer {
    Answer { allowed: false, rule: rule.into(), evidence, changes_at }
}

fn by_ledger(office: &Office, known: Option<&ContactRow>, why: &str) -> Answer {
    let now = office.graph.now();
    let grant = known.map(|row| row.grant);
    let stands = grant.is_some_and(|grant| match grant.state {
        PermissionState::Permanent => true,
        PermissionState::Temporary => grant.expires_at.is_some_and(|at| at > now),
        PermissionState::None | PermissionState::Requested => false,
    });
    let said = if stands { "had allowed calls" } else { "had not allowed calls" };
    Answer {
        allowed: stands,
        rule: if stands { "ledger.permission" } else { "permission.required" }.into(),
        evidence: format!(
            "The platform does not answer ({why}); by our own records the user {said}."
        ),
        changes_at: grant.and_then(|grant| grant.expires_at).filter(|_| stands),
    }
}

fn price(office: &Office, to: &WaId) -> Option<PreflightPrice> {
    let price = &office.config.price;
    let minute = Duration::from_secs(60);
    let direction = Direction::BusinessInitiated;
    let country = Country::of(to);
    let cost = rules::price::price(
        &price.card,
        direction,
        country,
        minute,
        Duration::ZERO,
        &price.rulebook,
    )?;
    Some(PreflightPrice {
        pulse: cost.per_pulse.amount.to_string(),
        per_minute: cost.per_minute.amount.to_string(),
        currency: cost.per_pulse.currency.to_string(),
        card: cost.card,
    })
}
