//! What does a business ask over HTTP?
//!
//! Meta's edition is one table: an optional version, an object's id, an edge. The 360dialog edition
//! has its own addresses and the same bodies. Every request is authenticated before its body is read,
//! and every "no" has a row in [`refusals`].

mod accounts;
pub(crate) mod analytics;
pub(crate) mod auth;
mod calls;
mod dialog;
mod envelope;
mod faults;
mod fields;
mod health;
pub(crate) mod media;
mod messages;
mod numbers;
mod parameters;
mod permissions;
pub(crate) mod refusals;
pub(crate) mod settings;
mod subscriptions;
mod templates;

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, Uri, request::Parts},
    response::{IntoResponse as _, Response},
};

pub(crate) use dialog::router as dialog_router;
pub(crate) use envelope::chain;
pub(crate) use faults::fail_on_demand;
pub(crate) use media::router as media_router;
use refusals::ApiRefusal;
use settings::Viewer;
pub(crate) use subscriptions::set_callback;

use rules::access;

use crate::{directory::Number, world::World};

/// The largest body of a request: SDP and texts are far below.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

type Answer = Result<Response, ApiRefusal>;

/// Any address that is nobody else's: Meta's Graph API.
pub(crate) async fn graph(State(world): State<Arc<World>>, request: Request) -> Response {
    let version = match version(&world, request.uri().path()) {
        Ok(version) => version,
        Err(refusal) => return refusal.into_response(),
    };
    let key = dialog::key_alone(request.headers());
    let mut response = match (answer(&world, request).await, key) {
        (Ok(response), _) => response,
        (Err(refusal), Some(key)) => dialog::refuse(&world, Some(&key), refusal),
        (Err(refusal), None) => refusal.into_response(),
    };
    if let Ok(value) = HeaderValue::try_from(format!("v{version}.0")) {
        response.headers_mut().insert("facebook-api-version", value);
    }
    response
}

/// The version of the API a path means, by the rulebook of its object's account; an app goes by that
/// of the first account it may act for.
fn version(world: &World, path: &str) -> Result<u32, ApiRefusal> {
    let first = path.trim_matches('/').split('/').next();
    let asked = first.filter(|part| is_version(part));
    // A number too long to be one of a version is newer than any.
    let asked =
        asked.and_then(|part| Some(part[1..].split_once('.')?.0.parse().unwrap_or(u32::MAX)));
    let id = split(path).map(|(id, _)| id);
    let number = id.and_then(|id| world.directory.number(&id.parse().ok()?));
    let account = id.and_then(|id| world.directory.account(&id.parse().ok()?));
    let app = id.and_then(|id| world.directory.app(&id.parse().ok()?));
    let book = match (number, account, app) {
        (Some(number), _, _) => world.book(&number),
        (None, Some(account), _) => world.book_of(&account),
        (None, None, Some(app)) => world.book_of_app(&app),
        (None, None, None) => world.books.base(),
    };
    Ok(access::version(asked, &book)?)
}

async fn answer(world: &Arc<World>, request: Request) -> Answer {
    faults::suffer(world.faults.graph()).await?;
    let (mut parts, body) = request.into_parts();
    let body = parameters::take_token(&mut parts, body).await?;
    let Some((id, edge)) = split(parts.uri.path()) else { return Err(ApiRefusal::UnknownPath) };
    let (headers, uri) = (&parts.headers, &parts.uri);
    match (&parts.method, edge) {
        (&Method::POST, "calls") => {
            let (_, number, body) = written(world, &parts, id, edge, body).await?;
            calls::act(world, number, &body).await
        }
        (&Method::POST, "messages") => {
            let (_, number, body) = written(world, &parts, id, edge, body).await?;
            messages::send(world, &number, &body).await
        }
        (&Method::GET, "call_permissions") => {
            let (_, number) = auth::number(world, headers, uri, id, edge)?;
            let (user, recipient) = (query(uri, "user_wa_id"), query(uri, "recipient"));
            permissions::show(world, &number, user.as_deref(), recipient.as_deref()).await
        }
        (&Method::GET, "settings") => show_settings(world, headers, uri, id),
        (&Method::POST, "settings") => {
            let (client, number, body) = written(world, &parts, id, edge, body).await?;
            settings::change(world, &number.id, Viewer::App(&client.app), &body).await
        }
        (&Method::POST, "media") => {
            let (_, number) = auth::number(world, headers, uri, id, edge)?;
            media::upload(world, &number, headers, body).await
        }
        (&Method::GET | &Method::DELETE, "")
            if let Some((number, file)) = media::find(world, headers, uri, id).await? =>
        {
            media::act(world, &parts.method, &number, &file).await
        }
        (&Method::GET, "" | analytics::NAME) if analytics::is_asked(world, uri, id, edge) => {
            let (client, account) = auth::account(world, headers, uri, id, analytics::SCOPED)?;
            analytics::answer(world, &client.app, &account, uri, edge).await
        }
        (&Method::GET, "") if let Some(stored) = templates::of_path(world, id).await? => {
            auth::account(world, headers, uri, stored.account.as_str(), "message_templates")?;
            templates::show(world, stored)
        }
        (&Method::GET, "") => show(world, headers, uri, id),
        (&Method::GET, "access_token") if id == "oauth" => accounts::app_token(world, uri),
        (&Method::POST, "") => {
            let edge = "webhook_configuration";
            let (client, number, body) = written(world, &parts, id, edge, body).await?;
            let body = parameters::merged(headers, uri, &body);
            numbers::change(world, &client.app.id, &number.id, &body).await
        }
        _ => answer_for_owner(world, &parts, id, edge, body).await,
    }
}

/// Who writes to which number, and what. Nobody unknown has a body read; what the token and the number
/// are is what they are once it is there.
async fn written(
    world: &World,
    parts: &Parts,
    id: &str,
    edge: &str,
    body: Body,
) -> Result<(auth::Client, Arc<Number>, Bytes), ApiRefusal> {
    auth::number(world, &parts.headers, &parts.uri, id, edge)?;
    let body = read(body).await?;
    let (client, number) = auth::number(world, &parts.headers, &parts.uri, id, edge)?;
    Ok((client, number, body))
}

/// The edges of accounts and apps.
async fn answer_for_owner(
    world: &Arc<World>,
    parts: &Parts,
    id: &str,
    edge: &str,
    body: Body,
) -> Answer {
    let (headers, uri) = (&parts.headers, &parts.uri);
    match (&parts.method, edge) {
        (&Method::GET | &Method::POST | &Method::DELETE, "message_templates") => {
            let (_, account) = auth::account(world, headers, uri, id, edge)?;
            templates::serve(world, &parts.method, &account, uri, &read(body).await?).await
        }
        (&Method::GET, "phone_numbers") => {
            let (client, account) = auth::account(world, headers, uri, id, edge)?;
            numbers::list(world, Some(&client.app), &account, uri)
        }
        (&Method::GET | &Method::DELETE, "subscriptions") => {
            let app = auth::own_app(world, headers, uri, id)?;
            subscriptions::subscriptions(world, &parts.method, &app).await
        }
        (&Method::POST, "subscriptions") => {
            let app = auth::own_app(world, headers, uri, id)?;
            let body = parameters::merged(headers, uri, &read(body).await?);
            subscriptions::subscribe_app(world, &app, &body).await
        }
        (&Method::GET | &Method::POST | &Method::DELETE, "subscribed_apps") => {
            let (client, account) = auth::account(world, headers, uri, id, edge)?;
            let body = parameters::merged(headers, uri, &read(body).await?);
            subscriptions::subscribed_apps(world, &parts.method, &client.app.id, &account.id, &body)
                .await
        }
        _ => {
            auth::Client::of(world, headers, uri)?;
            Err(ApiRefusal::UnknownPath)
        }
    }
}

/// `GET` of a number's settings; the SIP password is a field of its own.
fn show_settings(world: &World, headers: &HeaderMap, uri: &Uri, id: &str) -> Answer {
    let (client, number) = auth::number(world, headers, uri, id, "settings")?;
    let wanted = query(uri, "include_sip_credentials").is_some_and(|it| it == "true");
    if wanted {
        auth::number(world, headers, uri, id, "sip_credentials")?;
    }
    Ok(settings::show(world, &number, Viewer::App(&client.app), wanted))
}

/// `GET` of an object itself.
fn show(world: &World, headers: &HeaderMap, uri: &Uri, id: &str) -> Answer {
    let fields = query(uri, "fields");
    match id {
        "debug_token" => return accounts::debug_token(world, headers, uri),
        "me" => {
            let client = auth::Client::of(world, headers, uri)?;
            return accounts::show_app(&client.app, fields.as_deref());
        }
        _ => {}
    }
    if id.parse().is_ok_and(|id| world.directory.account(&id).is_some()) {
        let (client, account) = auth::account(world, headers, uri, id, auth::SELF)?;
        return accounts::show(world, &client.app, &account, fields.as_deref());
    }
    if id.parse().is_ok_and(|id| world.directory.app(&id).is_some()) {
        let app = auth::own_app(world, headers, uri, id)?;
        return accounts::show_app(&app, fields.as_deref());
    }
    let (client, number) = auth::number(world, headers, uri, id, auth::SELF)?;
    numbers::show(world, Some(&client.app), &number, fields.as_deref())
}

/// Objects that have a name instead of an id, each with its only edge.
const NAMED: [(&str, &str); 3] = [("me", ""), ("debug_token", ""), ("oauth", "access_token")];

/// The object's id and the edge of a path, its version left out.
fn split(path: &str) -> Option<(&str, &str)> {
    let mut parts = path.trim_matches('/').split('/').peekable();
    if parts.peek().is_some_and(|part| is_version(part)) {
        parts.next();
    }
    let id = parts.next().filter(|id| !id.is_empty())?;
    let edge = parts.next().unwrap_or("");
    if !NAMED.contains(&(id, edge)) && !id.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    parts.next().is_none().then_some((id, edge))
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').and_then(|rest| rest.split_once('.')).is_some_and(|(major, minor)| {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        is_number(major) && is_number(minor)
    })
}

/// Reads a body of bounded size in bounded time.
pub(crate) async fn read(body: Body) -> Result<Bytes, ApiRefusal> {
    read_up_to(body, BODY_BYTES_MAX).await
}

async fn read_up_to(body: Body, bytes_max: usize) -> Result<Bytes, ApiRefusal> {
    let too_large = || ApiRefusal::TooLarge { bytes_max };
    match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(ApiRefusal::Parameter("the body did not arrive in time".to_owned())),
    }
}

/// A value of the query, percent-decoded; `+` stays a plus, as phone numbers need it.
pub(crate) fn query(uri: &Uri, name: &str) -> Option<String> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| percent_decoded(value)).next()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let pair = if byte == b'%' { ahead.next().zip(ahead.next()) } else { None };
        let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match pair.and_then(|(high, low)| Some(digit(high)? << 4 | digit(low)?)) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = ahead;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_version_id_edge() {
        assert_eq!(split("/v23.0/109/calls"), Some(("109", "calls")));
        assert_eq!(split("/109/calls"), Some(("109", "calls")));
        assert_eq!(split("/v23.0/109"), Some(("109", "")));
        assert_eq!(split("/v23.0/me"), Some(("me", "")));
        assert_eq!(split("/oauth/access_token"), Some(("oauth", "access_token")));
        for bad in
            ["/oauth", "/", "/v23.0", "/v23.0/me/calls", "/v23.0/109/calls/1", "/x/109/calls"]
        {
            assert_eq!(split(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_query_keeps_plus_and_decodes_percent() {
        let uri: Uri = "/x?user_wa_id=%2B52155&recipient=+1&bad=%2".parse().unwrap();
        assert_eq!(query(&uri, "user_wa_id").as_deref(), Some("+52155"));
        assert_eq!(query(&uri, "recipient").as_deref(), Some("+1"));
        assert_eq!(query(&uri, "bad").as_deref(), Some("%2"));
        assert_eq!(query(&uri, "none"), None);
    }
}
