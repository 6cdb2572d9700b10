//! Who asks, and may they ask about this?
//!
//! Meta's edition: a bearer token (or `access_token` in the query) of an app that is subscribed to the
//! number's account. The 360dialog edition: a key that *is* the number.

use std::sync::Arc;

use axum::http::{HeaderMap, Uri, header};
use terms::{AppId, PhoneNumberId, WabaId};

use super::refusals::ApiRefusal;
use crate::{
    directory::{Account, App, Caller, Directory, Number, same_secret},
    world::World,
};

/// The header of the 360dialog edition.
pub(super) const KEY_HEADER: &str = "d360-api-key";

/// The app behind the request's token.
pub(crate) fn app(world: &World, headers: &HeaderMap, uri: &Uri) -> Result<AppId, ApiRefusal> {
    let token = bearer(headers).or_else(|| query_token(uri)).ok_or(ApiRefusal::TokenMissing)?;
    match world.directory.caller_of_token(&token) {
        Some(Caller::App(app)) => Ok(app),
        Some(Caller::Channel(_)) | None => Err(ApiRefusal::TokenUnknown),
    }
}

/// The number of a path, if the request's app may use it.
pub(crate) fn number(
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
    id: &str,
) -> Result<Arc<Number>, ApiRefusal> {
    let app = app(world, headers, uri)?;
    let number = id
        .parse::<PhoneNumberId>()
        .ok()
        .and_then(|id| world.directory.number(&id))
        .ok_or_else(|| ApiRefusal::UnknownObject { id: id.to_owned() })?;
    check_access(&world.directory, &app, &number.account)?;
    Ok(number)
}

/// The account of a path, if the request's app may use it.
pub(crate) fn account(
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
    id: &str,
) -> Result<(AppId, Arc<Account>), ApiRefusal> {
    let app = app(world, headers, uri)?;
    let account = id
        .parse::<WabaId>()
        .ok()
        .and_then(|id| world.directory.account(&id))
        .ok_or_else(|| ApiRefusal::UnknownObject { id: id.to_owned() })?;
    Ok((app, account))
}

/// The app of a path, if the request's token is its own: one of its access tokens, or `id|secret`.
pub(crate) fn own_app(
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
    id: &str,
) -> Result<Arc<App>, ApiRefusal> {
    let token = bearer(headers).or_else(|| query_token(uri)).ok_or(ApiRefusal::TokenMissing)?;
    let app = id.parse::<AppId>().ok().and_then(|id| world.directory.app(&id));
    let own = |app: &App| same_secret(&format!("{}|{}", app.id, app.secret), &token);
    match (app, world.directory.caller_of_token(&token)) {
        (Some(app), _) if own(&app) => Ok(app),
        (_, None | Some(Caller::Channel(_))) => Err(ApiRefusal::TokenUnknown),
        (Some(app), Some(Caller::App(caller))) if caller == app.id => Ok(app),
        (Some(_), Some(Caller::App(_))) => Err(ApiRefusal::NotPermitted),
        (None, Some(Caller::App(_))) => Err(ApiRefusal::UnknownObject { id: id.to_owned() }),
    }
}

/// The number of a 360dialog key.
pub(crate) fn channel(world: &World, headers: &HeaderMap) -> Result<Arc<Number>, ApiRefusal> {
    let key = headers
        .get(KEY_HEADER)
        .and_then(|value| value.to_str().ok())
        .ok_or(ApiRefusal::TokenMissing)?;
    match world.directory.caller_of_key(key) {
        Some(Caller::Channel(id)) => world.directory.number(&id).ok_or(ApiRefusal::TokenUnknown),
        Some(Caller::App(_)) | None => Err(ApiRefusal::TokenUnknown),
    }
}

fn check_access(directory: &Directory, app: &AppId, account: &WabaId) -> Result<(), ApiRefusal> {
    let allowed = directory.account(account).is_some_and(|account| account.apps.contains(app));
    if allowed { Ok(()) } else { Err(ApiRefusal::NotPermitted) }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth");
    let token = token.trim();
    (is_bearer && !token.is_empty()).then(|| token.to_owned())
}

fn query_token(uri: &Uri) -> Option<String> {
    super::query(uri, "access_token")
}
