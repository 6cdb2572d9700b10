//! Where do webhooks go, and which apps get them?

use std::sync::Arc;

use axum::{
    Json,
    http::Method,
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use terms::AppId;
use wire::graph::{
    Success,
    subscription::{AppSubscription, CallbackOverride},
};

use super::{Answer, refusals::ApiRefusal};
use crate::{
    directory::{Account, App},
    webhooks::verify_endpoint,
    world::World,
};

/// The only object webhooks are about here.
const OBJECT: &str = "whatsapp_business_account";

/// `POST /{APP}/subscriptions`: sets callback URL and fields, after the handshake.
pub(super) async fn subscribe_app(world: &World, app: &Arc<App>, body: &[u8]) -> Answer {
    let wanted = AppSubscription::parse(body).map_err(ApiRefusal::Body)?;
    set_callback(world, app, wanted.callback_url, Some(wanted.verify_token), wanted.fields).await?;
    Ok(Json(Success::bare()).into_response())
}

/// Sets an app's callback URL and fields once the URL has answered the handshake.
pub(crate) async fn set_callback(
    world: &World,
    app: &App,
    url: String,
    verify_token: Option<String>,
    fields: Vec<String>,
) -> Result<(), ApiRefusal> {
    let verify_token = verify_token.unwrap_or_else(|| app.verify_token.clone());
    if world.handshake {
        verify_endpoint(&world.http, &url, &verify_token)
            .await
            .map_err(|fault| ApiRefusal::Handshake(fault.to_string()))?;
    }
    let changed = App { callback_url: Some(url), verify_token, fields, ..app.clone() };
    world.directory.save_app(changed).await?;
    Ok(())
}

/// `/{WABA}/subscribed_apps`: which apps get this account's webhooks.
pub(super) async fn subscribed_apps(
    world: &World,
    method: &Method,
    app: AppId,
    account: &Account,
    body: &[u8],
) -> Answer {
    let wanted = CallbackOverride::parse(body).map_err(ApiRefusal::Body)?;
    if wanted.override_callback_uri.is_some_and(|url| !url.is_empty()) {
        let text = "override_callback_uri is not supported here; set the app's callback URL";
        return Err(ApiRefusal::Parameter(text.to_owned()));
    }
    if method == Method::GET {
        return Ok(list(world, account));
    }
    let mut changed = account.clone();
    changed.apps.retain(|known| *known != app);
    if method == Method::POST {
        changed.apps.push(app);
    }
    world.directory.save_account(changed).await?;
    Ok(Json(Success::bare()).into_response())
}

fn list(world: &World, account: &Account) -> Response {
    let apps: Vec<_> = account
        .apps
        .iter()
        .filter_map(|id| world.directory.app(id))
        .map(|app| {
            json!({ "whatsapp_business_api_data": { "id": app.id, "name": app.name }, "object": OBJECT })
        })
        .collect();
    Json(json!({ "data": apps })).into_response()
}
