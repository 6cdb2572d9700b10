//! Who asks, and may they ask about this?
//!
//! Meta's edition: a bearer token (or `access_token` in the query) of an app that may act for the
//! number's account, with the scope the rulebook asks for on this edge. Whether the app is subscribed
//! to the account's webhooks is another question. The 360dialog edition: a key that *is* the number.

use std::sync::Arc;

use axum::http::{HeaderMap, Uri, header};
use rules::access;
use terms::{AppId, PhoneNumberId, WabaId};

use super::refusals::ApiRefusal;
use crate::{
    directory::{Account, App, Grant, Number},
    world::World,
};

/// The header of the 360dialog edition.
pub(super) const KEY_HEADER: &str = "d360-api-key";

/// The edge of a request to an object itself.
pub(crate) const SELF: &str = "self";

/// Who asks: an app, with what its token allows.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) app: Arc<App>,
    grant: Grant,
}

impl Client {
    /// Whoever has the token of a request.
    pub(crate) fn of(world: &World, headers: &HeaderMap, uri: &Uri) -> Result<Self, ApiRefusal> {
        let token = token(headers, uri)?;
        let (app, grant) = world.directory.grant_of(&token).ok_or(ApiRefusal::TokenUnknown)?;
        match grant.expires_at {
            Some(at) if grant.is_expired(world.clock.now()) => Err(ApiRefusal::TokenExpired { at }),
            Some(_) | None => Ok(Self { app, grant }),
        }
    }

    /// May this token use this edge of this account's objects?
    pub(crate) fn check(
        &self,
        world: &World,
        account: &Account,
        edge: &str,
    ) -> Result<(), ApiRefusal> {
        if !account.apps.contains(&self.app.id) || !self.grant.covers(&account.id) {
            return Err(ApiRefusal::NotPermitted);
        }
        match access::missing(edge, &self.grant.scopes, &world.book_of(account)) {
            Some(scope) => Err(ApiRefusal::ScopeMissing { scope }),
            None => Ok(()),
        }
    }
}

/// The number of a path, if the request's token may use this edge of it.
pub(crate) fn number(
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
    id: &str,
    edge: &str,
) -> Result<(Client, Arc<Number>), ApiRefusal> {
    let client = Client::of(world, headers, uri)?;
    let unknown = || ApiRefusal::UnknownObject { id: id.to_owned() };
    let found = id.parse::<PhoneNumberId>().ok().and_then(|id| world.directory.number(&id));
    let number = found.ok_or_else(unknown)?;
    let account = world.directory.account(&number.account).ok_or_else(unknown)?;
    client.check(world, &account, edge)?;
    Ok((client, number))
}

/// The account of a path, if the request's token may use this edge of it.
pub(crate) fn account(
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
    id: &str,
    edge: &str,
) -> Result<(Client, Arc<Account>), ApiRefusal> {
    let client = Client::of(world, headers, uri)?;
    let account = id
        .parse::<WabaId>()
        .ok()
        .and_then(|id| world.directory.account(&id))
        .ok_or_else(|| ApiRefusal::UnknownObject { id: id.to_owned() })?;
    client.check(world, &account, edge)?;
    Ok((client, account))
}

/// The app of a path, if the request's token is its own: one of its access tokens, or `id|secret`.
pub(crate) fn own_app(
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
    id: &str,
) -> Result<Arc<App>, ApiRefusal> {
    let token = token(headers, uri)?;
    let app = id.parse::<AppId>().ok().and_then(|id| world.directory.app(&id));
    if let Some(app) = app.as_ref().filter(|app| app.is_own_token(&token)) {
        return Ok(Arc::clone(app));
    }
    let client = Client::of(world, headers, uri)?;
    match app {
        Some(app) if app.id == client.app.id => Ok(app),
        Some(_) => Err(ApiRefusal::NotPermitted),
        None => Err(ApiRefusal::UnknownObject { id: id.to_owned() }),
    }
}

/// The number of a 360dialog key.
pub(crate) fn channel(world: &World, headers: &HeaderMap) -> Result<Arc<Number>, ApiRefusal> {
    let key = headers
        .get(KEY_HEADER)
        .and_then(|value| value.to_str().ok())
        .ok_or(ApiRefusal::TokenMissing)?;
    world.directory.number_of_key(key).ok_or(ApiRefusal::TokenUnknown)
}

/// The token of a request.
pub(crate) fn token(headers: &HeaderMap, uri: &Uri) -> Result<String, ApiRefusal> {
    bearer(headers).or_else(|| super::query(uri, "access_token")).ok_or(ApiRefusal::TokenMissing)
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth");
    let token = token.trim();
    (is_bearer && !token.is_empty()).then(|| token.to_owned())
}
