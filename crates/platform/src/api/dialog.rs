//! How does the same API look at 360dialog?
//!
//! Other addresses, a key instead of a token, the same bodies: the key is the number (fact sheet
//! 10.6).

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse as _, Response},
    routing::{delete, get, post},
};
use rules::rulebook::DialogErrors;
use serde_json::json;
use wire::graph::subscription::Dialog360Webhook;

use super::{
    Answer, auth, calls, media, messages, permissions, read, refusals::ApiRefusal, settings,
    templates,
};
use crate::{
    directory::{Account, ChannelWebhook, Number},
    webhooks::check_url,
    world::World,
};

/// The edition's addresses.
pub(crate) fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/calling/calls", post(act))
        .route("/calling/settings", get(show_settings).post(change_settings))
        .route("/calling/permissions/{user}", get(show_permissions))
        .route("/messages", post(send))
        .route("/media", post(upload))
        .route("/v1/configs/templates", get(templates_of).post(templates_of))
        .route("/v1/configs/templates/{name}", delete(delete_template))
        .route("/v1/configs/webhook", get(show_webhook).post(set_webhook))
}

async fn act(State(world): State<Arc<World>>, request: Request) -> Response {
    respond(&world, async {
        let (number, body) = keyed(&world, request).await?;
        calls::act(&world, number, &body).await
    })
    .await
}

async fn upload(State(world): State<Arc<World>>, request: Request) -> Response {
    respond(&world, async {
        let number = auth::channel(&world, request.headers())?;
        let (parts, body) = request.into_parts();
        media::upload(&world, &number, &parts.headers, body).await
    })
    .await
}

async fn send(State(world): State<Arc<World>>, request: Request) -> Response {
    respond(&world, async {
        let (number, body) = keyed(&world, request).await?;
        messages::send(&world, &number, &body).await
    })
    .await
}

async fn show_settings(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    respond(&world, async {
        let number = auth::channel(&world, &headers)?;
        Ok(settings::show(&world, &number, settings::Viewer::Direct, true))
    })
    .await
}

async fn change_settings(State(world): State<Arc<World>>, request: Request) -> Response {
    respond(&world, async {
        let (number, body) = keyed(&world, request).await?;
        settings::change(&world, &number.id, settings::Viewer::Direct, &body).await
    })
    .await
}

async fn show_permissions(
    State(world): State<Arc<World>>,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Response {
    respond(&world, async {
        let number = auth::channel(&world, &headers)?;
        // `consumer_whatsapp_id` is a number or, for a user who hides it, a BSUID.
        let digits = user.strip_prefix('+').unwrap_or(&user);
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        let (wa_id, recipient) =
            if is_number { (Some(&*user), None) } else { (None, Some(&*user)) };
        permissions::show(&world, &number, wa_id, recipient).await
    })
    .await
}

async fn templates_of(State(world): State<Arc<World>>, request: Request) -> Response {
    respond(&world, async {
        let account = account(&world, request.headers())?;
        let (parts, body) = request.into_parts();
        templates::serve(&world, &parts.method, &account, &parts.uri, &read(body).await?).await
    })
    .await
}

async fn delete_template(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    respond(&world, async {
        let account = account(&world, &headers)?;
        templates::delete(&world, &account, Some(&name), None).await
    })
    .await
}

/// The number of a request's key as it is once the body is there, and the body.
async fn keyed(world: &World, request: Request) -> Result<(Arc<Number>, Bytes), ApiRefusal> {
    let (parts, body) = request.into_parts();
    auth::channel(world, &parts.headers)?;
    let body = read(body).await?;
    Ok((auth::channel(world, &parts.headers)?, body))
}

/// The account of a key's number.
fn account(world: &World, headers: &HeaderMap) -> Result<Arc<Account>, ApiRefusal> {
    let number = auth::channel(world, headers)?;
    let unknown = || ApiRefusal::UnknownObject { id: number.account.to_string() };
    world.directory.account(&number.account).ok_or_else(unknown)
}

async fn show_webhook(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    respond(&world, async {
        let number = auth::channel(&world, &headers)?;
        let url = number.channel_webhook.as_ref().map(|webhook| webhook.url.as_str());
        Ok(Json(json!({ "url": url })).into_response())
    })
    .await
}

async fn set_webhook(State(world): State<Arc<World>>, request: Request) -> Response {
    respond(&world, async {
        let (number, body) = keyed(&world, request).await?;
        let wanted = Dialog360Webhook::parse(&body).map_err(ApiRefusal::Body)?;
        check_url(&wanted.url).map_err(|fault| ApiRefusal::Parameter(fault.to_string()))?;
        let headers: BTreeMap<_, _> = wanted.headers.into_iter().collect();
        let answer = Json(json!({ "url": wanted.url })).into_response();
        let channel_webhook = Some(ChannelWebhook { url: wanted.url, headers });
        let writing = world.directory.writing().await;
        let number = world.directory.number(&number.id).unwrap_or(number);
        writing.save_number(Number { channel_webhook, ..Number::clone(&number) }).await?;
        Ok(answer)
    })
    .await
}

/// The key of a request that has no token beside it: one for this edition.
pub(super) fn key_alone(headers: &HeaderMap) -> Option<String> {
    let key = headers.get(auth::KEY_HEADER).filter(|_| !headers.contains_key(AUTHORIZATION))?;
    Some(key.to_str().unwrap_or_default().to_owned())
}

/// A refusal as this edition says it: its own as a text, those of Meta's API in their envelope.
pub(super) fn refuse(world: &World, key: Option<&str>, refusal: ApiRefusal) -> Response {
    let number = key.and_then(|key| world.directory.number_of_key(key));
    let book = number.map_or_else(|| world.books.base(), |number| world.book(&number));
    let is_text = book.access.dialog_errors.value == DialogErrors::Text;
    let is_key = matches!(refusal, ApiRefusal::TokenMissing | ApiRefusal::TokenUnknown);
    let is_path = matches!(refusal, ApiRefusal::UnknownPath);
    if !is_text || !(is_key || is_path) {
        return refusal.into_response();
    }
    let status = if is_key { StatusCode::UNAUTHORIZED } else { StatusCode::NOT_FOUND };
    (status, Json(json!({ "error": refusal.to_string() }))).into_response()
}

/// Only a known key has an account with rules of its own, and it is not refused by this edition here.
async fn respond(world: &World, answer: impl Future<Output = Answer>) -> Response {
    answer.await.unwrap_or_else(|refusal| refuse(world, None, refusal))
}
