//! Which calls were there?

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Path, Query, State},
};
use serde::{Deserialize, Serialize};
use terms::{AgentId, CallId, Country, Direction, Timestamp, UserId, WaId};
use tokio::sync::oneshot;
use wire::console::{Call, CallState};

use super::ApiError;
use crate::{
    calls::registry::{Letter, Look},
    cdr::{
        BotRecord, Cdr, Cost, LegRecord, QueueRecord, RecordingRecord, SupervisionRecord,
        ThreeWayRecord, TransferRecord, TrunkRecord,
    },
    console::session::Caller,
    flows::FlowRecord,
    line::Lines,
    office::Office,
    store::Search,
};

/// How many records one page has when nothing is said, and at most.
const LIMIT: (u32, u32) = (100, 1_000);

#[derive(Deserialize)]
pub(super) struct Question {
    /// Who called, in any case.
    direction: Option<String>,
    /// `live`, `ended`, or a state of a call.
    state: Option<String>,
    /// The agent who had it.
    agent: Option<String>,
    /// The user's country, two letters.
    country: Option<String>,
    /// Why it ended.
    reason: Option<String>,
    /// Whether it was a user's call that nobody answered.
    missed: Option<bool>,
    /// A part of the user's number, id or name.
    contact: Option<String>,
    /// Calls that started from then on.
    from: Option<String>,
    /// Calls that started before then.
    to: Option<String>,
    /// A part of the notes.
    text: Option<String>,
    /// What came of it.
    wrap_up: Option<String>,
    /// How many at most; 100 when absent, 1000 at most.
    limit: Option<u32>,
    /// Where the last page ended.
    after: Option<String>,
    /// The same, as it was called first.
    cursor: Option<String>,
    /// Whether running calls come first; they do not when absent.
    live: Option<bool>,
}

/// A list of calls, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CallList {
    calls: Vec<CallRow>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A call with what was measured.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct CallRow {
    #[serde(flatten)]
    call: Call,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    whatsapp_leg: Option<LegRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_leg: Option<LegRecord>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    set_up_ms: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keys_pressed: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transfers: Vec<TransferRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    supervision: Vec<SupervisionRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    three_way: Vec<ThreeWayRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_s: Option<u64>,
    #[serde(rename = "queue_record", skip_serializing_if = "Option::is_none")]
    queue: Option<QueueRecord>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trunks: Vec<TrunkRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<FlowRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recordings: Vec<RecordingRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Box<Cost>>,
    #[serde(flatten)]
    course: Course,
    #[serde(flatten)]
    noted: NotedOf,
}

/// How far a call that ended came, and when.
#[derive(Default, Serialize, utoipa::ToSchema)]
struct Course {
    #[serde(skip_serializing_if = "Option::is_none")]
    ringing_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ring_s: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bots: Vec<BotRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    platform_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signalling: Option<String>,
}

/// What was noted of a call.
#[derive(Default, Serialize, utoipa::ToSchema)]
struct NotedOf {
    #[serde(skip_serializing_if = "Option::is_none")]
    notes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrap_up: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    noted_by: Option<AgentId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    noted_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrap_up_s: Option<u64>,
}

impl CallRow {
    fn ended(cdr: Cdr, lines: &Lines) -> Self {
        Self {
            call: cdr.to_call(lines.digits(&cdr.phone_number_id)),
            started_at: cdr.started_at,
            code: cdr.code,
            whatsapp_leg: cdr.whatsapp_leg,
            agent_leg: cdr.agent_leg,
            set_up_ms: cdr.set_up_ms,
            keys_pressed: cdr.keys_pressed,
            recordings: cdr.recordings,
            transfers: cdr.transfers,
            supervision: cdr.supervision,
            three_way: cdr.three_way,
            hold_s: cdr.hold_s,
            flow: cdr.flow,
            queue: cdr.queue,
            trunks: cdr.trunks,
            step: None,
            waiting_for: None,
            cost: cdr.cost,
            course: Course {
                ringing_at: cdr.ringing_at,
                ring_s: cdr.ring_s,
                accepted_at: cdr.accepted_at,
                media_at: cdr.media_at,
                bots: cdr.bots,
                platform_status: cdr.platform_status,
                signalling: cdr.signalling,
            },
            noted: NotedOf {
                notes: cdr.notes,
                wrap_up: cdr.wrap_up,
                noted_by: cdr.noted_by,
                noted_at: cdr.noted_at,
                wrap_up_s: cdr.wrap_up_s,
            },
        }
    }

    fn live(call: Call) -> Self {
        Self {
            started_at: call.since,
            call,
            code: None,
            whatsapp_leg: None,
            agent_leg: None,
            set_up_ms: BTreeMap::new(),
            keys_pressed: None,
            recordings: Vec::new(),
            transfers: Vec::new(),
            supervision: Vec::new(),
            three_way: Vec::new(),
            hold_s: None,
            flow: None,
            queue: None,
            trunks: Vec::new(),
            step: None,
            waiting_for: None,
            cost: None,
            course: Course::default(),
            noted: NotedOf::default(),
        }
    }
}

/// The records of ended calls that fit, the newest first.
#[utoipa::path(get, path = "/v1/calls", tag = "calls",
    params(("direction" = Option<String>, Query, description = "`USER_INITIATED` or `BUSINESS_INITIATED`"),
           ("state" = Option<String>, Query, description = "`live`, `ended`, or one state such as `held`"),
           ("agent" = Option<String>, Query, description = "The agent who had it"),
           ("country" = Option<String>, Query, description = "The user's country, such as `BR`"),
           ("reason" = Option<String>, Query, description = "Why it ended, such as `caller_gave_up`"),
           ("missed" = Option<bool>, Query, description = "Whether it was a user's call that nobody answered"),
           ("contact" = Option<String>, Query, description = "A part of the user's number, id or name"),
           ("from" = Option<String>, Query, description = "Calls that started from then on: RFC 3339, or a date of the account's zone"),
           ("to" = Option<String>, Query, description = "Calls that started before then"),
           ("text" = Option<String>, Query, description = "A part of the notes"),
           ("wrap_up" = Option<String>, Query, description = "What came of it"),
           ("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before"),
           ("cursor" = Option<String>, Query, description = "The same as `after`, as it was called first"),
           ("live" = Option<bool>, Query, description = "Whether running calls come first, on the first page")),
    responses((status = 200, body = CallList, description = "`{calls: […], next?}`, one record for each call"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(question): Query<Question>,
) -> Result<Json<CallList>, ApiError> {
    let search = search(&office, &caller, &question)?;
    let mut calls = Vec::new();
    let states = Wanted::of(question.state.as_deref(), question.live == Some(true))?;
    if states.has_live() && search.before.is_none() {
        let live = caller.organisation.consoles.live().into_iter();
        let fitting = live.filter(|call| states.fits(call.state) && fits(call, &search));
        calls.extend(fitting.map(CallRow::live));
    }
    let mut next = None;
    if states.has_ended() {
        // One more than asked for says whether there is another page.
        let limit = search.limit;
        let more = Search { limit: limit + 1, ..search };
        let mut records = office.store.search(more).await?;
        let is_last = records.len() <= limit as usize;
        records.truncate(limit as usize);
        next = records
            .last()
            .filter(|_| !is_last)
            .map(|cdr| format!("{}.{}", cdr.started_at.unix_ms(), cdr.call_id));
        calls.extend(records.into_iter().map(|cdr| CallRow::ended(cdr, &office.lines)));
    }
    Ok(Json(CallList { calls, next }))
}

/// Which states are asked for.
#[derive(Clone, Copy)]
enum Wanted {
    /// Ended calls, and the live ones where they are asked for.
    Any { live: bool },
    /// Live ones.
    Live,
    /// Ended ones.
    Ended,
    /// Live ones in this state.
    One(CallState),
}

impl Wanted {
    fn of(state: Option<&str>, live: bool) -> Result<Self, ApiError> {
        match state.filter(|word| !word.is_empty()) {
            None => Ok(Self::Any { live }),
            Some("live") => Ok(Self::Live),
            Some("ended") => Ok(Self::Ended),
            Some(word) => {
                let state = serde_json::from_value(serde_json::Value::from(word));
                let wrong = |_| ApiError::invalid("state: live, ended, or one such as held");
                state.map(Self::One).map_err(wrong)
            }
        }
    }

    fn has_live(self) -> bool {
        match self {
            Self::Any { live } => live,
            Self::Live | Self::One(_) => true,
            Self::Ended => false,
        }
    }

    fn has_ended(self) -> bool {
        matches!(self, Self::Any { .. } | Self::Ended)
    }

    fn fits(self, state: CallState) -> bool {
        match self {
            Self::Any { .. } | Self::Live => true,
            Self::One(wanted) => wanted == state,
            Self::Ended => false,
        }
    }
}

fn search(office: &Office, caller: &Caller, question: &Question) -> Result<Search, ApiError> {
    let zone = &super::first_line(office, caller)?.config.price.zone;
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let direction = text(&question.direction).map(|word| direction(&word)).transpose()?;
    let after = text(&question.after).or_else(|| text(&question.cursor));
    let before = after.map(|after| place(&after)).transpose()?;
    Ok(Search {
        lines: caller.lines(),
        direction,
        agent: text(&question.agent),
        country: text(&question.country).map(|country| country.to_ascii_uppercase()),
        reason: text(&question.reason),
        missed: question.missed,
        contact: text(&question.contact),
        from: super::moment_in(question.from.as_deref(), "from", zone)?,
        to: super::moment_in(question.to.as_deref(), "to", zone)?,
        text: text(&question.text),
        wrap_up: text(&question.wrap_up),
        before,
        limit: question.limit.unwrap_or(LIMIT.0).clamp(1, LIMIT.1),
    })
}

fn direction(word: &str) -> Result<Direction, ApiError> {
    [Direction::UserInitiated, Direction::BusinessInitiated]
        .into_iter()
        .find(|direction| direction.as_str().eq_ignore_ascii_case(word))
        .ok_or_else(|| ApiError::invalid("direction: USER_INITIATED or BUSINESS_INITIATED"))
}

fn place(after: &str) -> Result<(i64, String), ApiError> {
    let parts = after.split_once('.');
    let read = parts.and_then(|(at, id)| Some((at.parse().ok()?, id.to_owned())));
    read.ok_or_else(|| ApiError::invalid("after: not a `next` of this list"))
}

/// Whether a running call fits: what is known at its end alone, none has yet.
fn fits(call: &Call, search: &Search) -> bool {
    let is = |wanted: Option<&str>, found: Option<&str>| wanted.is_none() || wanted == found;
    let contact = &call.contact;
    let country = contact.country();
    let parts = [
        contact.name.as_deref(),
        contact.wa_id.as_ref().map(WaId::as_str),
        contact.user_id.as_ref().map(UserId::as_str),
    ];
    let has = |part: &String| {
        let part = part.to_lowercase();
        parts.into_iter().flatten().any(|text| text.to_lowercase().contains(&part))
    };
    search.direction.is_none_or(|direction| direction == call.direction)
        && is(search.agent.as_deref(), call.agent.as_ref().map(AgentId::as_str))
        && is(search.country.as_deref(), country.as_ref().map(Country::as_str))
        && search.contact.as_ref().is_none_or(has)
        && search.from.is_none_or(|from| call.since >= from)
        && search.to.is_none_or(|to| call.since < to)
        && search.reason.is_none()
        && search.missed != Some(true)
        && search.text.is_none()
        && search.wrap_up.is_none()
}

/// One call, running or ended.
#[utoipa::path(get, path = "/v1/calls/{id}", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    responses((status = 200, body = CallRow, description = "The call with what was measured"),
              (status = 404, body = super::Refused)))]
pub(super) async fn one(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<CallRow>, ApiError> {
    Ok(Json(row(&office, &caller, call_id(&id)?).await?))
}

/// One call as the list has it.
pub(super) async fn row(
    office: &Office,
    caller: &Caller,
    call_id: CallId,
) -> Result<CallRow, ApiError> {
    if let Some(call) = caller.organisation.consoles.live_call(&call_id) {
        let mut row = CallRow::live(call);
        if let Some(look) = look(office, caller, &call_id).await {
            // A call that only waits for the platform's last word has no record to show yet.
            let running = look.call.filter(|call| call.state != CallState::Ended);
            row.call = running.unwrap_or(row.call);
            row.whatsapp_leg = look.whatsapp_leg;
            row.agent_leg = look.agent_leg;
            row.flow = look.flow;
            row.step = look.step;
            row.waiting_for = look.waiting_for;
        }
        if let Some(noted) = office.store.notes(caller.lines(), call_id).await? {
            let (notes, wrap_up) = (noted.notes, noted.wrap_up);
            row.noted = NotedOf {
                notes,
                wrap_up,
                noted_by: noted.by,
                noted_at: Some(noted.at),
                wrap_up_s: None,
            };
        }
        return Ok(row);
    }
    let cdr = office.store.cdr(caller.lines(), call_id).await?;
    let cdr = cdr.ok_or_else(|| ApiError::not_found("no call has this id"))?;
    Ok(CallRow::ended(cdr, &office.lines))
}

pub(super) fn call_id(text: &str) -> Result<CallId, ApiError> {
    text.parse().map_err(|_| ApiError::not_found("no call has this id"))
}

/// What the task of a live call says about it.
pub(super) async fn look(office: &Office, caller: &Caller, call_id: &CallId) -> Option<Look> {
    let (answer, answered) = oneshot::channel();
    let handle = office.registry.find(&caller.organisation.lines, call_id, None)?;
    if !handle.send(Letter::Look(answer)) {
        return None;
    }
    answered.await.ok()
}
