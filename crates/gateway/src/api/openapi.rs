//! What does the gateway's interface look like to a machine?

use axum::Json;
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder};

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
    super::rest().into_openapi()
}

/// `GET /openapi.json`
pub(super) async fn answer() -> Json<OpenApi> {
    Json(document())
}
