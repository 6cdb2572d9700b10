//! Where do the console's pages come from?
//!
//! They are built by `xtask` into `web/dist/console` and compiled in. Without them the gateway works,
//! and the page says what to run.

use axum::{
    http::{StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist/console/"]
#[allow_missing = true]
struct Pages;

const NOT_BUILT: &str = "<!doctype html><meta charset=utf-8><title>Offhook console</title>\
<p>The console's pages are not built in. Run <code>cargo xtask demo</code>.</p>";

/// A file of the console, or its first page.
pub(crate) async fn page(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if path.starts_with("v1/") || path.starts_with("webhooks/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let path = if path.is_empty() { "index.html" } else { path };
    if let Some(file) = Pages::get(path) {
        return file_response(path, file);
    }
    match Pages::get("index.html") {
        // A page of the console that lives at its own address.
        Some(file) if !path.contains('.') => file_response("index.html", file),
        Some(_) => StatusCode::NOT_FOUND.into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
    }
}

fn file_response(path: &str, file: rust_embed::EmbeddedFile) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    // Built files carry a hash of their content in their name, pages do not.
    let keep =
        if path.ends_with(".html") { "no-cache" } else { "public, max-age=31536000, immutable" };
    let headers = [
        (header::CONTENT_TYPE, kind.as_ref().to_owned()),
        (header::CACHE_CONTROL, keep.to_owned()),
    ];
    (headers, file.data.into_owned()).into_response()
}
