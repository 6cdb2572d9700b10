//! How does a program call a user, now or once the user consents?

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use terms::{AgentId, CallId, WaId};
use wire::console::{Offer, OfferCause, Peer, PlaceCall, Preflight};

use super::{
    ApiError,
    control::known,
    idempotency::{self, Answer},
    preflight::check_ours,
};
use crate::{
    calls::{
        agent_first::{self, NotTaken},
        placing,
    },
    clock,
    console::session::Caller,
    office::Office,
    parked::{self, ParkError},
    preflight,
    store::{Parked, ParkedState},
};

/// How long a call may wait for consent.
const WAIT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(30 * 86_400));
/// How many parked calls are listed when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

/// A call that was placed.
#[derive(Serialize)]
struct Placed {
    call_id: CallId,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentId>,
}

/// Who speaks when the user picks up.
enum Speaker {
    Flow,
    Agent(AgentId),
}

#[derive(Deserialize)]
pub(super) struct PageQuery {
    /// How many at most; 100 when absent, 1000 at most.
    limit: Option<u32>,
}

/// Parked calls, the newest first.
#[derive(Serialize)]
pub(super) struct ParkedList {
    parked_calls: Vec<Parked>,
}

/// Call a user; the flow speaks when the user picks up, or the agent who rings first and takes it.
#[utoipa::path(post, path = "/v1/calls", tag = "calls",
    params(("Idempotency-Key" = Option<String>, Header, description = "Acts once; the same key with the same body gets the same answer for 24 hours")),
    request_body(content = Object, description = "`{to, from?, flow: true, wait_for_consent?}` or `{to, from?, agent}`; `wait_for_consent` is an ISO 8601 duration such as `P2D`"),
    responses((status = 201, body = Object, description = "`{call_id, state: \"placing\", agent?}`, or the parked call `{parked_id, to, state, deadline, …}`"),
              (status = 400, body = super::Refused),
              (status = 409, body = super::Refused, description = "We may not: `{code, text, rule, evidence, changes_at?}`; or the agent: `agent.not_available`, `agent.no_answer`, `agent.declined`"),
              (status = 422, body = super::Refused, description = "The body is no such request, or the key was used for another"),
              (status = 502, body = super::Refused, description = "The platform does not answer; whether it has the call is unknown")))]
pub(super) async fn place(
    State(office): State<Arc<Office>>,
    _caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Answer, ApiError> {
    let Json(request) = Json::<PlaceCall>::from_bytes(&body)?;
    let (speaker, wait) = check(&office, &request)?;
    let acting = act(Arc::clone(&office), request.to, speaker, wait);
    idempotency::once(office, &headers, &body, acting).await
}

/// Calls that wait for consent, or did.
#[utoipa::path(get, path = "/v1/parked_calls", tag = "calls",
    params(("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most")),
    responses((status = 200, body = Object, description = "`{parked_calls: [{parked_id, to, created_at, deadline, state, request_id?, call_id?, text?}]}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list_parked(
    State(office): State<Arc<Office>>,
    _caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<ParkedList>, ApiError> {
    let limit = page.limit.unwrap_or(LIMIT.0).min(LIMIT.1);
    Ok(Json(ParkedList { parked_calls: office.store.parked_calls(limit).await? }))
}

/// Take a parked call back.
#[utoipa::path(delete, path = "/v1/parked_calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "The parked call's id")),
    responses((status = 200, body = Object, description = "The parked call, `cancelled`"),
              (status = 404, body = super::Refused),
              (status = 409, body = super::Refused, description = "It does not wait any more")))]
pub(super) async fn cancel_parked(
    State(office): State<Arc<Office>>,
    _caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Parked>, ApiError> {
    if let Some(parked) = parked::cancel(&office, id.clone()).await? {
        return Ok(Json(parked));
    }
    let known = office.store.parked_call(id).await?;
    let known = known.ok_or_else(|| ApiError::not_found("no parked call has this id"))?;
    Err(ApiError::conflict(
        "parked.not_waiting",
        match known.state {
            ParkedState::Waiting | ParkedState::Placing => "the call is being placed",
            ParkedState::Placed => "the call was placed",
            ParkedState::GivenUp => "the call was given up",
            ParkedState::Cancelled => "the call was taken back before",
        },
    ))
}

/// What is wrong with the request by itself; else how long it may wait for consent.
fn check(office: &Office, request: &PlaceCall) -> Result<(Speaker, Option<Duration>), ApiError> {
    if let Some(from) = &request.from {
        check_ours(office, from)?;
    }
    let speaker = match (&request.agent, request.flow) {
        (Some(agent), false) => {
            known(office, agent)?;
            if request.wait_for_consent.is_some() {
                let why = "wait_for_consent: only with the flow; who knows when the agent is free";
                return Err(ApiError::invalid(why));
            }
            Speaker::Agent(agent.clone())
        }
        (None, true) if office.shelf.flow.is_none() => {
            return Err(ApiError::invalid("flow: this gateway has none; set `flow` in its file"));
        }
        (None, true) => Speaker::Flow,
        (None, false) | (Some(_), true) => {
            return Err(ApiError::invalid("write either flow: true or the agent who speaks"));
        }
    };
    Ok((speaker, request.wait_for_consent.as_deref().map(wait_of).transpose()?))
}

fn wait_of(text: &str) -> Result<Duration, ApiError> {
    let (shortest, longest) = WAIT;
    let span: Option<jiff::Span> = text.parse().ok();
    let exact = span.and_then(|span| {
        span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?.try_into().ok()
    });
    exact.filter(|wait| (shortest..=longest).contains(wait)).ok_or_else(|| {
        ApiError::invalid(
            "wait_for_consent: an ISO 8601 duration of a minute to 30 days, such as \"P2D\"",
        )
    })
}

async fn act(
    office: Arc<Office>,
    to: WaId,
    speaker: Speaker,
    wait: Option<Duration>,
) -> Result<Answer, ApiError> {
    let answer = preflight::check(&office, &to).await?;
    if answer.allowed {
        let contact = office.store.contact(to.clone()).await?;
        let name = contact.and_then(|contact| contact.name);
        let (call_id, agent) = match speaker {
            Speaker::Flow => (placing::by_flow(&office, to, name).await?, None),
            Speaker::Agent(agent) => {
                (place_by_agent(&office, &agent, to, name).await?, Some(agent))
            }
        };
        return created(&Placed { call_id, state: "placing", agent });
    }
    match wait {
        Some(wait) if answer.rule == preflight::PERMISSION_REQUIRED => {
            created(&parked::park(&office, to, wait).await?)
        }
        Some(_) | None => Err(refused(answer)),
    }
}

/// Rings the agent and calls the user for who takes it.
async fn place_by_agent(
    office: &Arc<Office>,
    agent: &AgentId,
    to: WaId,
    name: Option<String>,
) -> Result<CallId, ApiError> {
    let ring_for = office.config.ring_for;
    let offer = Offer {
        offer_id: uuid::Uuid::now_v7().to_string(),
        to: Peer { name: name.clone(), wa_id: Some(to.clone()), user_id: None },
        cause: OfferCause::Program,
        queue: None,
        waiting_since: None,
        until: clock::now() + ring_for,
    };
    let taken = agent_first::ring(office, agent, offer, ring_for).await?;
    Ok(agent_first::place(office, taken, to, name).await?)
}

fn created(body: &impl Serialize) -> Result<Answer, ApiError> {
    let body = serde_json::to_string(body);
    let body = body.map_err(|_| ApiError::internal("the answer cannot be written"))?;
    Ok(Answer { status: StatusCode::CREATED, body })
}

fn refused(answer: Preflight) -> ApiError {
    ApiError::by_rule(answer.rule, answer.evidence, answer.changes_at)
}

impl From<NotTaken> for ApiError {
    fn from(error: NotTaken) -> Self {
        Self::conflict(error.as_str(), error.to_string())
    }
}

impl From<ParkError> for ApiError {
    fn from(error: ParkError) -> Self {
        match error {
            ParkError::Already(_) => Self::conflict("parked.already", error.to_string()),
            ParkError::Full => Self::conflict("parked.full", error.to_string()),
            ParkError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_minute_to_thirty_days() {
        let hours = |text: &str| wait_of(text).ok().map(|wait| wait.as_secs() / 3_600);
        assert_eq!(hours("P2D"), Some(48));
        assert_eq!(hours("P1W"), Some(168));
        assert_eq!(hours("PT90M"), Some(1));
        assert_eq!(hours("P30D"), Some(720));
        for wrong in ["", "2 days ago", "PT59S", "P31D", "-P2D", "P1M", "P99999999999D"] {
            assert_eq!(hours(wrong), None, "{wrong}");
        }
    }
}
