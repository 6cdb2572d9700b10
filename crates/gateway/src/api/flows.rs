//! What do the flows say, and where would a caller go?

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{Query, State},
};
use serde::{Deserialize, Serialize};
use switchboard::flow::{Caller as FlowCaller, Document, Fault, Faults, Flow, Place, StepOutline};
use terms::{Timestamp, WaId};
use utoipa::ToSchema;

use super::ApiError;
use crate::{console::session::Caller, line::Line, office::Office};

/// The most questions a dry run answers.
const ANSWERS_MAX: usize = 100;

/// The flows as they are configured.
#[derive(Serialize, ToSchema)]
pub(super) struct Flows {
    /// The flow's document and those it redirects to.
    documents: Vec<DocumentView>,
    /// The first step; absent without a flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    steps: Vec<StepView>,
    /// What can be played.
    prompts: Vec<PromptView>,
    /// Whether texts can be spoken.
    speech: bool,
    /// Whom a flow is asked for when a user calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct DocumentView {
    name: String,
    /// Whether it is the one that calls begin in.
    main: bool,
    /// TOML.
    text: String,
}

#[derive(Serialize, ToSchema)]
struct PromptView {
    name: String,
    seconds: f64,
}

/// A step in words.
#[derive(Serialize, ToSchema)]
struct StepView {
    /// `document/name` when it is in another document.
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// The key that names what it does.
    action: &'static str,
    text: String,
    next: Vec<WayView>,
}

#[derive(Serialize, ToSchema)]
struct WayView {
    /// Keys, a condition or a word such as `silence`; empty for the only way.
    on: String,
    step: String,
}

/// One thing wrong with a flow.
#[derive(Serialize, ToSchema)]
struct FaultView {
    /// The document, when it is not the one that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    /// The line of a TOML text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    /// The place in a JSON document.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    /// What is wrong and what to write.
    why: String,
    /// All of it in one line.
    text: String,
}

#[derive(Deserialize)]
pub(super) struct Which {
    /// Our number, digits or id.
    from: Option<String>,
}

/// A flow to check.
#[derive(Deserialize, ToSchema)]
pub(super) struct Check {
    /// Our number, digits or id; may be absent where there is one.
    from: Option<String>,
    /// TOML, or JSON when it begins with a brace.
    text: String,
}

/// What is wrong with a flow, or what it does.
#[derive(Serialize, ToSchema)]
pub(super) struct Checked {
    faults: Vec<FaultView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<String>,
    /// Empty when there are faults.
    steps: Vec<StepView>,
}

/// Who calls, when, and what is pressed. What is absent is not known.
#[derive(Deserialize, ToSchema)]
pub(super) struct DryRun {
    /// Our number, digits or id; may be absent where there is one.
    from: Option<String>,
    /// A flow to try; the configured one when absent.
    text: Option<String>,
    /// Digits.
    #[schema(value_type = Option<String>)]
    caller: Option<WaId>,
    name: Option<String>,
    /// RFC 3339 with an offset; now when absent.
    #[schema(value_type = Option<String>)]
    at: Option<jiff::Timestamp>,
    /// The answers to questions, in order; then the caller is silent.
    #[serde(default)]
    keys: Vec<String>,
    payload: Option<String>,
    /// `open` or `closed`.
    window: Option<Window>,
    past_calls: Option<u32>,
}

#[derive(Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Window {
    Open,
    Closed,
}

/// The way a caller would go.
#[derive(Serialize, ToSchema)]
pub(super) struct Walked {
    path: Vec<LineView>,
    /// `hangs up`, or `goes on` when there was no end in sight.
    end: &'static str,
    /// What was set.
    variables: BTreeMap<String, String>,
}

#[derive(Serialize, ToSchema)]
struct LineView {
    /// Seconds after the flow answered.
    at_s: f64,
    step: String,
    text: String,
}

/// The flows, in text and in words.
#[utoipa::path(get, path = "/v1/flows", tag = "flows",
    params(("from" = Option<String>, Query, description = "Our number: digits or id; may be absent where there is one")),
    responses((status = 200, body = Flows), (status = 401, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(which): Query<Which>,
) -> Result<Json<Flows>, ApiError> {
    let line = caller.line(&office, which.from.as_deref())?;
    let shelf = &line.shelf;
    let prompt = |(name, lasting): (&String, &std::time::Duration)| PromptView {
        name: name.clone(),
        seconds: lasting.as_secs_f64(),
    };
    let document = |(index, document): (usize, &crate::prompts::FlowDocument)| DocumentView {
        name: document.name.clone(),
        main: index == 0,
        text: document.text.clone(),
    };
    Ok(Json(Flows {
        documents: shelf.documents.iter().enumerate().map(document).collect(),
        start: shelf.flow.as_ref().map(|flow| flow.start_name().to_owned()),
        steps: shelf.flow.as_ref().map_or_else(Vec::new, |flow| steps(flow)),
        prompts: shelf.supplies.prompts.iter().map(prompt).collect(),
        speech: shelf.supplies.speech,
        asked: line.asker.as_ref().map(crate::flows::ask::FlowClient::address),
    }))
}

/// What is wrong with this flow? Nothing is saved.
#[utoipa::path(post, path = "/v1/flows/check", tag = "flows", request_body = Check,
    responses((status = 200, body = Checked), (status = 401, body = super::Refused)))]
pub(super) async fn check(
    State(office): State<Arc<Office>>,
    caller: Caller,
    body: Result<Json<Check>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<Checked>, ApiError> {
    let Json(body) = body?;
    let line = caller.line(&office, body.from.as_deref())?;
    Ok(Json(match read(line, &body.text) {
        Ok(flow) => Checked {
            faults: Vec::new(),
            start: Some(flow.start_name().to_owned()),
            steps: steps(&flow),
        },
        Err(Faults(faults)) => Checked {
            faults: faults.into_iter().map(fault).collect(),
            start: None,
            steps: Vec::new(),
        },
    }))
}

/// Where would this caller go? Nobody is called.
#[utoipa::path(post, path = "/v1/flows/dry_run", tag = "flows", request_body = DryRun,
    responses((status = 200, body = Walked),
              (status = 422, body = super::Refused, description = "The flow has faults, or there is none"),
              (status = 401, body = super::Refused)))]
pub(super) async fn dry_run(
    State(office): State<Arc<Office>>,
    caller: Caller,
    body: Result<Json<DryRun>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<Walked>, ApiError> {
    let Json(run) = body?;
    let line = caller.line(&office, run.from.as_deref())?;
    let flow = match &run.text {
        Some(text) => Arc::new(
            read(line, text)
                .map_err(|faults| ApiError::unprocessable("flow", &faults.to_string()))?,
        ),
        None => line.shelf.flow.clone().ok_or_else(|| {
            ApiError::unprocessable("no_flow", "no flow is configured: send one as `text`")
        })?,
    };
    let caller = FlowCaller {
        number: run.caller,
        user_id: None,
        name: run.name,
        payload: run.payload,
        window_open: run.window.map(|window| matches!(window, Window::Open)),
        past_calls: run.past_calls,
    };
    let at =
        run.at.map_or_else(crate::clock::now, |at| Timestamp::from_unix_ms(at.as_millisecond()));
    let answers: Vec<String> = run.keys.into_iter().take(ANSWERS_MAX).collect();
    let trace = flow.trace(&caller, at, &answers);
    let line = |line: switchboard::flow::TraceLine| LineView {
        at_s: line.after.as_secs_f64(),
        step: line.step,
        text: line.text,
    };
    Ok(Json(Walked {
        path: trace.lines.into_iter().map(line).collect(),
        end: if trace.ends { "hangs up" } else { "goes on" },
        variables: trace.trail.variables().clone(),
    }))
}

/// A text that somebody sent, with what the configured flow may refer to.
fn read(line: &Line, text: &str) -> Result<Flow, Faults> {
    let supplies = &line.shelf.supplies;
    if !text.trim_start().starts_with('{') {
        return Flow::load(text, supplies);
    }
    let document: Document = serde_json::from_str(text)
        .map_err(|error| Faults(vec![Fault::new(Place::Line(error.line()), error.to_string())]))?;
    Flow::read(document, supplies)
}

fn steps(flow: &Flow) -> Vec<StepView> {
    let step = |step: StepOutline| {
        let (line, path) = place(step.place);
        let way = |way: switchboard::flow::WayOutline| WayView { on: way.on, step: way.step };
        StepView {
            name: step.name,
            line,
            path,
            action: step.action,
            text: step.text,
            next: step.next.into_iter().map(way).collect(),
        }
    };
    flow.outline().into_iter().map(step).collect()
}

fn fault(fault: Fault) -> FaultView {
    let text = fault.to_string();
    let Fault { document, place: at, step, why } = fault;
    let (line, path) = place(at);
    FaultView { document, line, path, step, why, text }
}

fn place(place: Place) -> (Option<usize>, Option<String>) {
    match place {
        Place::Line(line) => (Some(line), None),
        Place::Path(path) => (None, Some(path)),
    }
}
