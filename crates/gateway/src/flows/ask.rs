//! Which flow does the business want for this call?
//!
//! Its endpoint is asked while the call rings: a signed POST with what is known of the call, answered
//! with a flow in JSON or with 204 for the flow of the configuration. Whatever goes wrong, that flow is
//! used: a caller never waits longer than the timeout for a program of the business.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, StatusCode, header::CONTENT_TYPE, redirect::Policy};
use serde::Serialize;
use switchboard::flow::{Caller, Document, Flow, Supplies};
use terms::{CallId, Timestamp};
use wire::{
    event::signature::{ID_HEADER, TIMESTAMP_HEADER},
    trace,
};

use super::record::Asked;
use crate::{clock, config::FlowEndpoint, graph::ClientError, telemetry::Asking};

/// The longest answer that is read.
const ANSWER_MAX: usize = 64 * 1024;

/// Asks the business's endpoint for flows.
#[derive(Debug, Clone)]
pub(crate) struct FlowClient(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    endpoint: FlowEndpoint,
    /// What the flows of answers may refer to.
    supplies: Supplies,
}

/// What the endpoint is told.
#[derive(Debug, Serialize)]
pub(crate) struct Question {
    /// `flow.asked`.
    #[serde(rename = "type")]
    kind: &'static str,
    call_id: CallId,
    /// The business number, digits.
    number: String,
    started_at: Timestamp,
    #[serde(flatten)]
    caller: CallerFacts,
}

#[derive(Debug, Serialize)]
struct CallerFacts {
    #[serde(skip_serializing_if = "Option::is_none")]
    wa_id: Option<terms::WaId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<terms::UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<terms::Country>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_open: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    past_calls: Option<u32>,
}

/// Why the endpoint's flow cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It took too long.
    #[error("the flow endpoint gave no whole answer within {0:?}")]
    Late(Duration),
    /// It cannot be reached, or the connection broke.
    #[error("the flow endpoint cannot be reached")]
    Unreachable,
    /// It answered with this status.
    #[error("the flow endpoint answered with status {0}")]
    Status(u16),
    /// It answered too much.
    #[error("the flow endpoint answered more than {} KiB", ANSWER_MAX / 1024)]
    TooBig,
    /// It is no flow.
    #[error("the flow endpoint's answer is no flow: {0}")]
    Invalid(String),
}

impl Refusal {
    /// A stable word.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Late(_) => "late",
            Self::Unreachable | Self::Status(_) => "failed",
            Self::TooBig => "too_big",
            Self::Invalid(_) => "invalid",
        }
    }
}

impl Question {
    pub(crate) fn new(
        call_id: CallId,
        number: &str,
        started_at: Timestamp,
        caller: &Caller,
    ) -> Self {
        Self {
            kind: "flow.asked",
            call_id,
            number: number.to_owned(),
            started_at,
            caller: CallerFacts {
                wa_id: caller.number.clone(),
                user_id: caller.user_id.clone(),
                name: caller.name.clone(),
                country: caller.country(),
                payload: caller.payload.clone(),
                window_open: caller.window_open,
                past_calls: caller.past_calls,
            },
        }
    }
}

impl FlowClient {
    /// Asks this endpoint for flows that may refer to these supplies.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up.
    pub(crate) fn new(endpoint: FlowEndpoint, supplies: Supplies) -> Result<Self, ClientError> {
        let client = Client::builder()
            // One packet lost holds up one request, not all of them.
            .http1_only()
            .redirect(Policy::none())
            .user_agent(concat!("offhook/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientError)?;
        Ok(Self(Arc::new(Inner { client, endpoint, supplies })))
    }

    /// Where it asks, without what may be secret there.
    pub(crate) fn address(&self) -> String {
        let url = &self.0.endpoint.url;
        format!("{}{}", url.origin().ascii_serialization(), url.path())
    }

    /// The flow of the answer, and what became of the question; `asking` is its place in the call's
    /// trace.
    pub(crate) async fn ask(
        &self,
        question: &Question,
        asking: Option<Asking>,
    ) -> (Option<Arc<Flow>>, Asked) {
        let timeout = self.0.endpoint.timeout;
        let parent = asking.as_ref().map(Asking::header);
        let asked = tokio::time::timeout(timeout, self.exchange(question, parent)).await;
        let asked = asked.unwrap_or(Err(Refusal::Late(timeout)));
        if let Some(asking) = asking {
            asking.answered("ask_for_flow", asked.as_ref().err().map(|why| why.as_str().into()));
        }
        match asked {
            Ok(Some(flow)) => (Some(Arc::new(flow)), Asked::Answered),
            Ok(None) => (None, Asked::Declined),
            Err(why) => (None, Asked::Refused(why)),
        }
    }

    async fn exchange(
        &self,
        question: &Question,
        parent: Option<String>,
    ) -> Result<Option<Flow>, Refusal> {
        let endpoint = &self.0.endpoint;
        let body = serde_json::to_string(question).expect("a question has only names as keys");
        let (id, now) = (format!("flow_{}", uuid::Uuid::now_v7()), clock::now());
        let mut request = self
            .0
            .client
            .post(endpoint.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ID_HEADER, &id)
            .header(TIMESTAMP_HEADER, now.unix())
            .header(endpoint.key.header(), endpoint.key.sign(&id, now, &body))
            .body(body);
        if let Some(parent) = parent {
            request = request.header(trace::HEADER, parent);
        }
        let mut answer = request.send().await.map_err(|_| Refusal::Unreachable)?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NO_CONTENT => return Ok(None),
            other => return Err(Refusal::Status(other.as_u16())),
        }
        let mut text = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(|_| Refusal::Unreachable)? {
            if text.len() + part.len() > ANSWER_MAX {
                return Err(Refusal::TooBig);
            }
            text.extend_from_slice(&part);
        }
        let document: Document =
            serde_json::from_slice(&text).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let flow = Flow::read(document, &self.0.supplies);
        flow.map(Some).map_err(|faults| Refusal::Invalid(faults.to_string()))
    }
}
