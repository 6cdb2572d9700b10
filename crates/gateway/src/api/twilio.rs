//! How does a bot that was written for Twilio end its call?
//!
//! As Twilio lets it: `POST` with `Status=completed` to the call's resource, or `GET` to see whether
//! it is there, with the account of the bot's configuration as user and its token as password. A call
//! that is over is not there: code 20404.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Form, Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{
    bots::sids::Named,
    calls::{
        order::{Asker, Order},
        registry::Letter,
    },
    config::Bot,
    office::Office,
    store::LineSet,
};

/// What is to become of a call.
#[derive(Deserialize)]
pub(super) struct Update {
    #[serde(rename = "Status")]
    status: Option<String>,
}

/// `GET`: is it there?
pub(super) async fn read(
    State(office): State<Arc<Office>>,
    Path((account, call)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match find(&office, &account, &call, &headers) {
        Ok((sid, _)) => Json(resource(&account, sid, "in-progress")).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// `POST`: end it.
pub(super) async fn update(
    State(office): State<Arc<Office>>,
    Path((account, call)): Path<(String, String)>,
    headers: HeaderMap,
    Form(update): Form<Update>,
) -> Response {
    let (sid, named) = match find(&office, &account, &call, &headers) {
        Ok(found) => found,
        Err(refusal) => return refusal.into_response(),
    };
    if update.status.as_deref() != Some("completed") {
        return Refusal::Unknown.into_response();
    }
    let lines = LineSet::one(&named.line);
    let Some(handle) = office.registry.find(&lines, &named.call_id, None) else {
        return Refusal::Gone.into_response();
    };
    let (answer, done) = oneshot::channel();
    let (order, asker) = (Order::HangUp, Asker::Business);
    // A call that is over by now is ended as well.
    let sent = handle.send(Letter::Do { order, asker, answer });
    if !sent || !matches!(done.await, Ok(Ok(()))) {
        return Refusal::Gone.into_response();
    }
    Json(resource(&account, sid, "completed")).into_response()
}

/// Why not.
#[derive(Debug, Clone, Copy)]
enum Refusal {
    Stranger,
    Gone,
    Unknown,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Stranger => (StatusCode::UNAUTHORIZED, 20_003, "Authenticate"),
            Self::Gone => (StatusCode::NOT_FOUND, 20_404, "The requested resource was not found"),
            Self::Unknown => {
                (StatusCode::BAD_REQUEST, 20_001, "Only Status=completed can be asked for here")
            }
        };
        let body = json!({"code": code, "message": message, "status": status.as_u16(),
            "more_info": format!("https://www.twilio.com/docs/errors/{code}")});
        (status, Json(body)).into_response()
    }
}

fn find<'a>(
    office: &Office,
    account: &str,
    call: &'a str,
    headers: &HeaderMap,
) -> Result<(&'a str, Named), Refusal> {
    let bot = known(office, account, headers).ok_or(Refusal::Stranger)?;
    let sid = call.strip_suffix(".json").unwrap_or(call);
    // Two houses may have written the same account.
    let theirs =
        |named: &Named| named.account_sid == account && named.organisation == bot.organisation;
    let named = office.sids.find(sid).filter(theirs);
    named.map(|named| (sid, named)).ok_or(Refusal::Gone)
}

/// The bot whose account's user and password these are.
fn known<'a>(office: &'a Office, account: &str, headers: &HeaderMap) -> Option<&'a Bot> {
    let said = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let said = said.and_then(|text| text.strip_prefix("Basic "));
    let said = said.and_then(|text| STANDARD.decode(text).ok());
    let said = said.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
    let (_, password) = said.split_once(':').filter(|(user, _)| *user == account)?;
    let mut bots = office.config.bots.iter().filter(|bot| bot.account_sid == account);
    bots.find(|bot| bot.token.as_ref().is_some_and(|token| token.fits(password)))
}

fn resource(account: &str, sid: &str, status: &str) -> Value {
    json!({"sid": sid, "account_sid": account, "status": status,
        "uri": format!("/2010-04-01/Accounts/{account}/Calls/{sid}.json")})
}
