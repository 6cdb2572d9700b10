//! How does a bot that opens its sockets itself come to its calls?
//!
//! `GET /v1/bots/{name}/connect` upgrades to a WebSocket on which the bot waits for one call. It shows the
//! token of its configuration; that, not the path alone, says whose bot it is.

use std::sync::Arc;

use axum::{
    extract::{Path, State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use wire::bot::SUBPROTOCOL;

use super::ApiError;
use crate::{bots, config::Bot, office::Office};

/// `GET /v1/bots/{name}/connect`
pub(super) async fn connect(
    State(office): State<Arc<Office>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(bot) = known(&office, &name, &headers) else {
        return ApiError::unauthorised().into_response();
    };
    let Some(place) = office.waiting.place((bot.organisation.clone(), name)) else {
        let detail = "as many sockets of this bot wait as may";
        return ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_waiting", detail)
            .into_response();
    };
    let patience = bot.silence_timeout;
    upgrade
        .protocols([SUBPROTOCOL])
        .max_message_size(bots::MESSAGE_MAX)
        .max_frame_size(bots::MESSAGE_MAX)
        .on_upgrade(move |socket| place.wait(socket, patience))
}

/// The bot of this name whose token is shown.
fn known<'a>(office: &'a Office, name: &str, headers: &HeaderMap) -> Option<&'a Bot> {
    let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let shown = shown.and_then(|text| text.strip_prefix("Bearer "))?;
    let mut bots = office.config.bots.iter().filter(|bot| bot.name == name && bot.url.is_none());
    bots.find(|bot| bot.token.as_ref().is_some_and(|token| token.fits(shown)))
}
