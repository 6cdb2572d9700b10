//! What does the gateway's interface look like to a machine?
//!
//! Handlers say what they answer; what holds for all of them is added here: the keys that open a door,
//! the media type of problems, and the problems that any request can meet.

use axum::Json;
use utoipa::openapi::{
    Components, Content, Info, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Response,
    path::Operation,
    security::SecurityScheme,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement},
};
use utoipa::{PartialSchema, ToSchema};

use super::problem::MEDIA_TYPE;
use crate::{cdr::Cdr, console::session::COOKIE};

/// The names of the two keys in the document.
const API_KEY: &str = "api_key";
const SESSION: &str = "session";
/// The one operation under `/v1` that needs no key: it gives one.
const LOG_IN: &str = "log_in";

/// What stands at the top of the document.
pub(super) fn head() -> OpenApi {
    let mut info = Info::new("Offhook gateway", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "Calls, contacts and checks of business numbers. Programs send an API key as bearer token, \
         consoles a session cookie; either sees one organisation's data."
            .into(),
    );
    OpenApiBuilder::new().info(info).build()
}

/// The document of the interface, as committed in `openapi/gateway.json`.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = super::rest().into_openapi();
    for (path, item) in &mut document.paths.paths {
        if path.starts_with("/v1/") {
            for operation in operations(item) {
                complete(operation, path.contains('{'));
            }
        }
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    let components = document.components.get_or_insert_with(Components::default);
    // No operation answers one record alone: it is a line of an export and the data of `call.ended`.
    let mut parts = vec![(Cdr::name().into_owned(), Cdr::schema())];
    Cdr::schemas(&mut parts);
    components.schemas.extend(parts);
    components.add_security_scheme(API_KEY, SecurityScheme::Http(bearer));
    components.add_security_scheme(SESSION, SecurityScheme::ApiKey(cookie));
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

/// What every operation under `/v1` has in common.
fn complete(operation: &mut Operation, names_one: bool) {
    let open = operation.operation_id.as_deref() == Some(LOG_IN);
    let has_body = operation.request_body.is_some();
    if !open {
        let keys = [API_KEY, SESSION].map(|key| SecurityRequirement::new(key, [""; 0]));
        operation.security = Some(keys.to_vec());
        add(operation, "401", "No key, or one that opens nothing");
        add(operation, "403", "The role or the key's scopes do not allow this");
    }
    if has_body || operation.parameters.as_ref().is_some_and(|all| !all.is_empty()) {
        add(operation, "400", "The path, the query or the body cannot be read");
    }
    if names_one {
        add(operation, "404", "Nothing has this id");
    }
    if has_body {
        add(operation, "413", "The body is too large");
        add(operation, "415", "The body is not application/json");
        add(operation, "422", "The body is JSON, but not what is asked for");
    }
    add(operation, "500", "The gateway could not do this");
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.as_str() >= "400"
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response.content.insert(MEDIA_TYPE.to_owned(), content);
        }
    }
}

fn add(operation: &mut Operation, status: &str, description: &str) {
    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| {
        let mut response = Response::new(description);
        let problem = RefOr::Ref(Ref::from_schema_name("Problem"));
        response.content.insert(MEDIA_TYPE.to_owned(), Content::new(Some(problem)).into());
        RefOr::T(response)
    });
}

/// `GET /openapi.json`
pub(super) async fn answer() -> Json<OpenApi> {
    Json(document())
}
