//! Who may ask what?
//!
//! The one place that says so: every documented route has its row in [`need`], and what has none is
//! closed. The check runs before any handler; whoever passed it is the handler's `Caller`.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use switchboard::access::Act;

use super::ApiError;
use crate::{console::session::Caller, office::Office};

/// What one needs to ask this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing.
    Nothing,
    /// To be somebody.
    Somebody,
    /// To be allowed to do this.
    To(Act),
}

/// What a route needs, by its method and its path as it is documented.
pub(super) fn need(method: &str, path: &str) -> Option<Need> {
    match (method, path) {
        ("POST" | "DELETE", "/v1/session") | ("GET", "/health" | "/ready" | "/metrics") => {
            Some(Need::Nothing)
        }
        ("GET", "/v1/me" | "/v1/numbers") => Some(Need::Somebody),
        _ => of_calls(method, path).or_else(|| of_the_house(method, path)).map(Need::To),
    }
}

/// Of calls, and of who takes them.
fn of_calls(method: &str, path: &str) -> Option<Act> {
    Some(match (method, path) {
        (
            "GET",
            "/v1/calls"
            | "/v1/calls/{id}"
            | "/v1/calls/{id}/diagnosis"
            | "/v1/calls/{id}/events"
            | "/v1/wrap_up_codes"
            | "/v1/cdrs.csv"
            | "/v1/cdrs.jsonl"
            | "/v1/parked_calls"
            | "/v1/queues"
            | "/v1/trunks"
            | "/v1/destinations"
            | "/v1/agents"
            | "/v1/callbacks"
            | "/v1/recordings"
            | "/v1/recordings/{id}"
            | "/v1/recordings/{id}/audio"
            | "/v1/recordings/{id}/transcript"
            | "/v1/preflight",
        ) => Act::ReadCalls,
        (
            "POST",
            "/v1/calls"
            | "/v1/calls/{id}/hold"
            | "/v1/calls/{id}/resume"
            | "/v1/calls/{id}/transfer"
            | "/v1/calls/{id}/consult"
            | "/v1/calls/{id}/hand_over"
            | "/v1/calls/{id}/merge"
            | "/v1/calls/{id}/mute"
            | "/v1/calls/{id}/digits"
            | "/v1/calls/{id}/hang_up"
            | "/v1/calls/{id}/recording"
            | "/v1/callbacks"
            | "/v1/agents/{id}/presence",
        )
        | ("PATCH", "/v1/calls/{id}")
        | ("DELETE", "/v1/parked_calls/{id}" | "/v1/callbacks/{id}") => Act::TakeCalls,
        (
            "POST",
            "/v1/calls/{id}/listen"
            | "/v1/calls/{id}/whisper"
            | "/v1/calls/{id}/join"
            | "/v1/calls/{id}/leave",
        ) => Act::SteerCalls,
        _ => return None,
    })
}

/// Of figures, users, events, people and settings.
fn of_the_house(method: &str, path: &str) -> Option<Act> {
    Some(match (method, path) {
        (
            "GET",
            "/v1/spend" | "/v1/health" | "/v1/analytics" | "/v1/analytics.csv"
            | "/v1/reconciliation",
        ) => Act::ReadFigures,
        ("GET", "/v1/contacts" | "/v1/contacts/{user}" | "/v1/windows") => Act::ReadContacts,
        ("POST", "/v1/messages") => Act::WriteContacts,
        ("GET", "/v1/consents" | "/v1/consents/{user}") => Act::ReadConsent,
        ("POST", "/v1/permission_requests") => Act::AskConsent,
        ("GET", "/v1/events" | "/v1/events/{id}" | "/v1/events/stream") => Act::ReadEvents,
        ("POST", "/v1/events/{id}/redeliver") => Act::Redeliver,
        (
            "GET",
            "/v1/api_keys"
            | "/v1/users"
            | "/v1/audit"
            | "/v1/numbers/{id}/settings"
            | "/v1/flows"
            | "/v1/doctor",
        )
        | ("POST", "/v1/flows/check" | "/v1/flows/dry_run") => Act::ReadHouse,
        ("PATCH", "/v1/numbers/{id}/settings" | "/v1/recordings/{id}")
        | ("POST", "/v1/api_keys" | "/v1/users")
        | ("DELETE", "/v1/api_keys/{id}" | "/v1/recordings/{id}")
        | ("PATCH", "/v1/users/{id}") => Act::Administer,
        _ => return None,
    })
}

/// Lets through whoever may ask.
pub(super) async fn check(
    State(office): State<Arc<Office>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    // A question about the headers of an answer is a question for the answer.
    let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
    let act = match need(method.as_str(), path.as_str()) {
        Some(Need::Nothing) => return next.run(Request::from_parts(parts, body)).await,
        Some(Need::Somebody) => None,
        Some(Need::To(act)) => Some(act),
        // A route without a row is closed, as is a method that no route has.
        None => return ApiError::no_such_method().into_response(),
    };
    let caller = match Caller::from_request_parts(&mut parts, &office).await {
        Ok(caller) => caller,
        Err(refused) => return refused.into_response(),
    };
    if let Some(act) = act.filter(|act| !caller.may(*act)) {
        return ApiError::not_allowed(&caller, act).into_response();
    }
    parts.extensions.insert(caller);
    next.run(Request::from_parts(parts, body)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_route_says_what_it_needs() {
        let document = serde_json::to_value(super::super::openapi::document()).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys() {
                let method = method.to_uppercase();
                assert!(need(&method, path).is_some(), "{method} {path} has no row");
            }
        }
    }
}
