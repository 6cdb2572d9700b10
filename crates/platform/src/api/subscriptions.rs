//! Where do webhooks go, and which apps get them?

use std::sync::Arc;

use axum::{
    Json,
    http::Method,
    response::{IntoResponse as _, Response},
};
use rules::access;
use serde_json::json;
use terms::{AppId, WabaId};
use wire::{
    RequestFault,
    graph::{
        Success,
        subscription::{AppSubscription, CallbackOverride},
    },
};

use super::{Answer, refusals::ApiRefusal};
use crate::{
    directory::{Account, App, Callback},
    webhooks::verify,
    world::World,
};

/// The only object webhooks are about here.
const OBJECT: &str = "whatsapp_business_account";

/// `POST /{APP}/subscriptions`: sets callback URL and fields, after the handshake.
pub(super) async fn subscribe_app(world: &World, app: &Arc<App>, body: &[u8]) -> Answer {
    let wanted = AppSubscription::parse(body).map_err(ApiRefusal::Body)?;
    if let Some(field) = access::strange_field(&wanted.fields, &world.book_of_app(app)) {
        let text = format!("fields: {field:?} is not a webhook field of {OBJECT}");
        return Err(ApiRefusal::Parameter(text));
    }
    let (url, token) = (wanted.callback_url, Some(wanted.verify_token));
    set_callback(world, app, url, token, Some(wanted.fields)).await?;
    Ok(Json(Success::bare()).into_response())
}

/// Sets an app's callback URL, and fields if any are named, once the URL has answered the handshake.
pub(crate) async fn set_callback(
    world: &World,
    app: &App,
    url: String,
    verify_token: Option<String>,
    fields: Option<Vec<String>>,
) -> Result<(), ApiRefusal> {
    let verify_token = verify_token.unwrap_or_else(|| app.verify_token.clone());
    verify(world, Some(app), &url, &verify_token)
        .await
        .map_err(|fault| ApiRefusal::Handshake(fault.to_string()))?;
    let writing = world.directory.writing().await;
    let mut changed = current_app(world, &app.id)?;
    changed.callback_url = Some(url);
    changed.verify_token = verify_token;
    changed.fields = fields.unwrap_or(changed.fields);
    writing.save_app(changed).await?;
    Ok(())
}

/// The app as it is now: a handshake may have taken seconds.
fn current_app(world: &World, id: &AppId) -> Result<App, ApiRefusal> {
    let unknown = || ApiRefusal::UnknownObject { id: id.to_string() };
    world.directory.app(id).map(|app| App::clone(&app)).ok_or_else(unknown)
}

/// `GET` and `DELETE` of `/{APP}/subscriptions`.
pub(super) async fn subscriptions(world: &World, method: &Method, app: &App) -> Answer {
    if method == Method::DELETE {
        let writing = world.directory.writing().await;
        let now = current_app(world, &app.id)?;
        writing.save_app(App { callback_url: None, fields: Vec::new(), ..now }).await?;
        return Ok(Json(Success::bare()).into_response());
    }
    let fields: Vec<_> = app.fields.iter().map(|name| json!({ "name": name })).collect();
    let mut data = Vec::new();
    if !app.fields.is_empty() {
        data.push(json!({ "object": OBJECT, "callback_url": app.callback_url,
                          "active": app.callback_url.is_some(), "fields": fields }));
    }
    Ok(Json(json!({ "data": data })).into_response())
}

/// The callback an override asks for, once it has answered the handshake; an empty URL is none.
pub(super) async fn overridden(
    world: &World,
    app: &AppId,
    wanted: CallbackOverride,
) -> Result<Option<Callback>, ApiRefusal> {
    let Some(url) = wanted.override_callback_uri.filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    let missing = || {
        let path = "verify_token".to_owned();
        ApiRefusal::Body(RequestFault::Missing { path })
    };
    let verify_token = wanted.verify_token.ok_or_else(missing)?;
    let app = world.directory.app(app);
    verify(world, app.as_deref(), &url, &verify_token)
        .await
        .map_err(|fault| ApiRefusal::Handshake(fault.to_string()))?;
    Ok(Some(Callback { url, verify_token }))
}

/// `/{WABA}/subscribed_apps`: which apps get this account's webhooks, and where.
pub(super) async fn subscribed_apps(
    world: &World,
    method: &Method,
    app: &AppId,
    id: &WabaId,
    body: &[u8],
) -> Answer {
    let callback = if method == Method::POST {
        let wanted = CallbackOverride::parse(body).map_err(ApiRefusal::Body)?;
        overridden(world, app, wanted).await?
    } else {
        None
    };
    let writing = world.directory.writing().await;
    let unknown = || ApiRefusal::UnknownObject { id: id.to_string() };
    let account = world.directory.account(id).ok_or_else(unknown)?;
    let mut changed = Account::clone(&account);
    match *method {
        Method::POST => {
            match callback {
                Some(callback) => drop(changed.overrides.insert(app.clone(), callback)),
                None => drop(changed.overrides.remove(app)),
            }
            changed.subscribe(app);
        }
        Method::DELETE => changed.unsubscribe(app),
        _ => return Ok(list(world, &account)),
    }
    writing.save_account(changed).await?;
    Ok(Json(Success::bare()).into_response())
}

fn list(world: &World, account: &Account) -> Response {
    let apps: Vec<_> = account
        .subscribers()
        .filter_map(|id| world.directory.app(id))
        .map(|app| {
            let link = format!("https://www.facebook.com/games/?app_id={}", app.id);
            let data = json!({ "id": app.id, "name": app.name, "link": link });
            let mut shown = json!({ "whatsapp_business_api_data": data });
            if let Some(callback) = account.overrides.get(&app.id) {
                shown["override_callback_uri"] = json!(callback.url);
            }
            shown
        })
        .collect();
    Json(json!({ "data": apps })).into_response()
}
