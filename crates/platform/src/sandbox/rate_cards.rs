//! `POST /sandbox/v1/rate_cards`: what shall calls and messages cost?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::StatusCode,
    response::IntoResponse as _,
};
use rules::price::Card;
use wire::sandbox::{NewRateCard, RateCardTaken};

use super::{Answer, SandboxRefusal, body};
use crate::{billing, world::World};

/// Takes a card as CSV; one of the same name and currency is replaced.
pub(super) async fn add(State(world): State<Arc<World>>, request: Request) -> Answer {
    let new: NewRateCard = body(request).await?;
    if new.name.trim().is_empty() {
        return Err(SandboxRefusal::Body("name: a card needs one".to_owned()));
    }
    let card = Card::parse(&new.name, &new.csv)
        .map_err(|fault| SandboxRefusal::Body(format!("csv: {fault}")))?;
    let taken = RateCardTaken {
        family: card.family().to_owned(),
        currency: card.currency().to_string(),
        effective: card.effective().map(|day| day.to_string()),
        rates_of: match card {
            Card::Calls(_) => "calls",
            Card::Messages(_) => "messages",
        }
        .to_owned(),
    };
    billing::add_card(&world, &new.name, &new.csv, card).await?;
    Ok((StatusCode::CREATED, Json(taken)).into_response())
}
