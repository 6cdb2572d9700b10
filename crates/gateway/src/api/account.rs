//! How does our number stand with the platform?

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Serialize;
use switchboard::guard::{Answered, Health};
use terms::{PhoneNumberId, UserRef};

use super::ApiError;
use crate::{
    account_health::{self, is_active},
    console::session::Caller,
    line::Line,
    office::Office,
    store::Notice,
};

/// The numbers and how each stands.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NumberHealthList)]
pub(super) struct Numbers {
    numbers: Vec<NumberHealth>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct NumberHealth {
    number: PhoneNumberId,
    state: Health,
    window_s: u64,
    user_initiated: Rate,
    business_initiated: Rate,
    streaks: Vec<Streak>,
    restrictions: Vec<Restriction>,
    violations: Vec<Notice>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PickupRate)]
struct Rate {
    calls: u64,
    answered: u64,
    /// Absent without calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<f64>,
}

/// A user who does not pick up our calls.
#[derive(Serialize, utoipa::ToSchema)]
struct Streak {
    user: UserRef,
    unanswered: u32,
    revoked_after: u32,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = NumberRestriction)]
struct Restriction {
    active: bool,
    #[serde(flatten)]
    notice: Notice,
}

impl From<Answered> for Rate {
    fn from(Answered { calls, answered }: Answered) -> Self {
        Self { calls, answered, rate: super::share(answered, calls) }
    }
}

/// How each number stands: what it picks up, whom it calls in vain, what the platform said.
#[utoipa::path(get, path = "/v1/health", tag = "cost",
    responses((status = 200, body = Numbers, description = "`{numbers: [{number, state: good|warning|critical, window_s, user_initiated: {calls, answered, rate?}, business_initiated, streaks: [{user, unanswered, revoked_after}], restrictions: [{type, since, until?, active, remediation?}], violations}]}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn health(
    State(office): State<Arc<Office>>,
    caller: Caller,
) -> Result<Json<Numbers>, ApiError> {
    let mut numbers = Vec::new();
    for line in office.lines.of(&caller.organisation) {
        numbers.push(of_line(&office, line).await?);
    }
    Ok(Json(Numbers { numbers }))
}

async fn of_line(office: &Office, line: &Line) -> Result<NumberHealth, ApiError> {
    let standing = account_health::standing(office, line).await?;
    let (guard, now, number) = (&line.config.guard, line.now(), line.id().clone());
    // From one call before something happens.
    let from = guard.streak.nudge_after.saturating_sub(1).max(1);
    let streaks = office.store.streaks(number.clone(), from).await?;
    let streak =
        |(user, unanswered)| Streak { user, unanswered, revoked_after: guard.streak.revoke_after };
    let restriction = |notice: Notice| Restriction { active: is_active(&notice, now), notice };
    Ok(NumberHealth {
        number,
        state: standing.health,
        window_s: guard.pickup.window.as_secs(),
        user_initiated: standing.pickups.by_users.into(),
        business_initiated: standing.pickups.by_us.into(),
        streaks: streaks.into_iter().map(streak).collect(),
        restrictions: standing.restrictions.into_iter().map(restriction).collect(),
        violations: standing.violations,
    })
}
