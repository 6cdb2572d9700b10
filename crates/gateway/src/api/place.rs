//! How does a program call a user, now or once the user consents?

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, Query, State},
    http::HeaderMap,
};
use serde::Serialize;
use terms::{AgentId, CallId, UserRef};
use wire::{
    console::{Offer, OfferCause, Peer, PlaceCall, Preflight},
    trace::TraceParent,
};

use super::{
    ApiError,
    control::known,
    idempotency::{self, Answer, Asked, Whose},
    page::Page,
};
use crate::{
    calls::{
        agent_first::{self, NotTaken},
        placing,
    },
    clock,
    console::session::Caller,
    line::Line,
    office::Office,
    parked::{self, ParkError},
    preflight,
    store::{Parked, ParkedState},
    telemetry,
};

/// How long a call may wait for consent.
const WAIT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(30 * 86_400));

/// A call that was placed.
#[derive(Serialize, utoipa::ToSchema)]
struct Placed {
    call_id: CallId,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<AgentId>,
}

/// What became of it.
#[derive(Serialize, utoipa::ToSchema)]
#[serde(untagged)]
enum Made {
    /// A call.
    Placed(Placed),
    /// It waits for consent.
    Parked(Parked),
}

/// Who speaks when the user picks up.
enum Speaker {
    Flow,
    Agent(AgentId),
}

/// Parked calls, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct ParkedList {
    parked_calls: Vec<Parked>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Call a user; the flow speaks when the user picks up, or the agent who rings first and takes it.
#[utoipa::path(post, path = "/v1/calls", tag = "calls",
    params(("Idempotency-Key" = Option<String>, Header, description = "Acts once; the same key with the same body gets the same answer for 24 hours"),
           ("traceparent" = Option<String>, Header, description = "W3C Trace Context: the trace the call is a part of")),
    request_body(content = PlaceCall, description = "`{to, from?, flow: true, wait_for_consent?}` or `{to, from?, agent}`; `to` is a number, digits, or a BSUID; `wait_for_consent` is an ISO 8601 duration such as `P2D`"),
    responses((status = 201, body = Made, description = "`{call_id, state: \"placing\", agent?}`, or the parked call `{parked_id, to, user_id?, state, deadline, …}`"),
              (status = 400, body = super::Refused),
              (status = 409, body = super::Refused, description = "We may not: a problem with `rule`, `evidence` and `changes_at?`; or the agent: `agent.not_available`, `agent.no_answer`, `agent.declined`"),
              (status = 422, body = super::Refused, description = "The body is no such request, or the key was used for another"),
              (status = 502, body = super::Refused, description = "The platform does not answer; whether it has the call is unknown"),
              (status = 503, body = super::Refused, description = "The call was over before the platform had it; the gateway drains, or has no room")))]
pub(super) async fn place(
    State(office): State<Arc<Office>>,
    caller: Caller,
    headers: HeaderMap,
    Asked { wanted: request, mark }: Asked<PlaceCall>,
) -> Result<Answer, ApiError> {
    let line = Arc::clone(caller.line(&office, request.from.as_deref())?);
    let (speaker, wait) = check(&caller, &line, &request)?;
    let parent = telemetry::parent(&headers);
    let acting = act(Arc::clone(&office), Arc::clone(&line), request.to, speaker, wait, parent);
    idempotency::once(office, Whose::Line(line.id()), mark, acting).await
}

/// Calls that wait for consent, or did.
#[utoipa::path(get, path = "/v1/parked_calls", tag = "calls",
    params(("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = ParkedList, description = "`{parked_calls: [{parked_id, to, user_id?, created_at, deadline, state, request_id?, call_id?, text?}], next?}`"),
              (status = 401, body = super::Refused)))]
pub(super) async fn list_parked(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<ParkedList>, ApiError> {
    let (lines, after) = (caller.lines(), page.after_moment()?);
    let mut parked_calls = office.store.waiting_of::<Parked>(lines, page.to_read(), after).await?;
    let next = page.cut(&mut parked_calls, |parked| {
        format!("{}.{}", parked.created_at.unix_ms(), parked.parked_id)
    });
    Ok(Json(ParkedList { parked_calls, next }))
}

/// Take a parked call back.
#[utoipa::path(delete, path = "/v1/parked_calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "The parked call's id")),
    responses((status = 200, body = Parked, description = "The parked call, `cancelled`"),
              (status = 404, body = super::Refused),
              (status = 409, body = super::Refused, description = "It does not wait any more")))]
pub(super) async fn cancel_parked(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Parked>, ApiError> {
    let mine = |parked: &Parked| caller.organisation.lines.contains(&parked.phone_number_id);
    let known = office.store.waiting::<Parked>(id.clone()).await?.filter(mine);
    known.ok_or_else(|| ApiError::not_found("no parked call has this id"))?;
    if let Some(parked) = parked::cancel(&office, id.clone()).await? {
        return Ok(Json(parked));
    }
    let known = office.store.waiting::<Parked>(id).await?;
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
fn check(
    caller: &Caller,
    line: &Line,
    request: &PlaceCall,
) -> Result<(Speaker, Option<Duration>), ApiError> {
    let speaker = match (&request.agent, request.flow) {
        (Some(agent), false) => {
            known(caller, agent)?;
            if request.wait_for_consent.is_some() {
                let why = "wait_for_consent: only with the flow; who knows when the agent is free";
                return Err(ApiError::invalid(why));
            }
            Speaker::Agent(agent.clone())
        }
        (None, true) if line.shelf.flow.is_none() => {
            let why = "flow: this number has none; set `flow` in the configuration";
            return Err(ApiError::invalid(why));
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
    line: Arc<Line>,
    to: UserRef,
    speaker: Speaker,
    wait: Option<Duration>,
    parent: Option<TraceParent>,
) -> Result<Answer, ApiError> {
    let contact = office.store.contact(line.contact(&to)).await?;
    let name = contact.as_ref().and_then(|contact| contact.name.clone());
    let to = contact.map_or(to, |contact| contact.user);
    let answer = preflight::check(&office, &line, &to).await?;
    if answer.allowed {
        let (call_id, agent) = match speaker {
            Speaker::Flow => (placing::by_flow(&office, &line, to, name, parent).await?, None),
            Speaker::Agent(agent) => {
                let call = by_agent(&office, &line, &agent, (to, name), parent).await?;
                (call, Some(agent))
            }
        };
        return Answer::created(&Made::Placed(Placed { call_id, state: "placing", agent }));
    }
    match wait {
        Some(wait) if answer.rule == preflight::PERMISSION_REQUIRED => {
            Answer::created(&Made::Parked(parked::park(&office, &line, to, wait).await?))
        }
        Some(_) | None => Err(refused(answer)),
    }
}

/// Rings the agent and calls the user for who takes it.
async fn by_agent(
    office: &Arc<Office>,
    line: &Arc<Line>,
    agent: &AgentId,
    (to, name): (UserRef, Option<String>),
    parent: Option<TraceParent>,
) -> Result<CallId, ApiError> {
    let ring_for = office.config.ring_for;
    let offer = Offer {
        offer_id: uuid::Uuid::now_v7().to_string(),
        to: Peer::of(&to, name.clone()),
        cause: OfferCause::Program,
        queue: None,
        waiting_since: None,
        until: clock::now() + ring_for,
    };
    let cleared = placing::clear(office, line, &to).await?;
    let taken = agent_first::ring(&line.organisation, agent, offer, ring_for).await?;
    Ok(agent_first::place(office, line, taken, (cleared, name), parent).await?)
}

fn refused(answer: Preflight) -> ApiError {
    ApiError::by_rule(answer.rule, (answer.evidence, answer.said), answer.changes_at)
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
