//! Where do the pages come from: the user's phone and the manager?
//!
//! The web build lies in `web/dist` and is embedded in the binary. Without it everything else
//! works and the page says how to get it.

use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Redirect, Response},
    routing::get,
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../web/dist/phone/"]
#[allow_missing = true]
struct PhonePages;

#[derive(RustEmbed)]
#[folder = "../../web/dist/manager/"]
#[allow_missing = true]
struct ManagerPages;

const INDEX: &str = "index.html";

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Offhook</title>\
<body style=\"font-family:system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem\">\
<h1>The pages are not built</h1>\
<p>This server was built without its web pages. Run <code>cargo xtask demo</code> in the repository: \
it builds them and starts the demo. The API and the sandbox API work as they are.</p>";

/// `/`, `/phone`, `/manager`, their files, and the deep link `/call/{digits}`.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async || Redirect::temporary("/phone")))
        .route("/phone", get(async || file::<PhonePages>(INDEX)))
        .route("/phone/", get(async || file::<PhonePages>(INDEX)))
        .route("/phone/{*path}", get(async |Path(path): Path<String>| file::<PhonePages>(&path)))
        .route("/call/{digits}", get(async || file::<PhonePages>(INDEX)))
        .route("/manager", get(async || file::<ManagerPages>(INDEX)))
        .route("/manager/", get(async || file::<ManagerPages>(INDEX)))
        .route(
            "/manager/{*path}",
            get(async |Path(path): Path<String>| file::<ManagerPages>(&path)),
        )
}

/// The file, or the index for an address inside the page.
fn file<Pages: RustEmbed>(path: &str) -> Response {
    let found = Pages::get(path).map(|file| (path, file));
    let is_asset = path.starts_with("assets/");
    let found = match found {
        None if !is_asset => Pages::get(INDEX).map(|file| (INDEX, file)),
        other => other,
    };
    match found {
        Some((path, file)) => {
            let kind = mime_guess::from_path(path).first_or_octet_stream();
            let cache = if is_asset { "public, max-age=31536000, immutable" } else { "no-cache" };
            let headers = [
                (header::CONTENT_TYPE, kind.as_ref().to_owned()),
                (header::CACHE_CONTROL, cache.to_owned()),
            ];
            (headers, file.data).into_response()
        }
        None if is_asset => StatusCode::NOT_FOUND.into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, Html(NOT_BUILT)).into_response(),
    }
}
