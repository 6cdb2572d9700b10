//! `GET /{PNID}/call_permissions`: may the business call this user, and may it ask?

use std::time::Duration;

use axum::{Json, response::IntoResponse as _};
use rules::{
    Refusal,
    limits::{self, Use},
    permission::{self, Status},
};
use terms::Direction;
use wire::{
    IsoSpan,
    graph::{
        call::Recipient,
        permission::{
            Action, ActionName, CallPermissions, Limit, Permission, PermissionQuery,
            PermissionStatus,
        },
    },
};

use super::{Answer, refusals::ApiRefusal};
use crate::{calls::place, consent, directory::Number, world::World};

/// Answers a read.
pub(super) async fn show(
    world: &World,
    number: &Number,
    user_wa_id: Option<&str>,
    recipient: Option<&str>,
) -> Answer {
    if !number.calling.calling_enabled() {
        return Err(Refusal::CallingNotEnabled.into());
    }
    let query = PermissionQuery::parse(user_wa_id, recipient).map_err(ApiRefusal::Body)?;
    let (book, now) = (world.book(number), world.clock.now());
    let second = now.unix();
    world.reads.count(&number.id, second, |used| limits::check_permission_reads(used, &book))?;
    let to = match query {
        PermissionQuery::WaId(wa_id) => Recipient::from(wa_id),
        PermissionQuery::UserId(user_id) => Recipient::from(user_id),
    };
    let user = place::find_user(world, &to);
    let pair = match &user {
        Some(user) => consent::load(world, number, user).await?,
        None => consent::Pair::default(),
    };
    let asked = user.as_deref().cloned().unwrap_or_else(|| place::stranger(&to));
    let user_facts = consent::user_facts(world, number, &asked, user.is_some());
    let is_known = user_facts.uncallable.is_none() && !user_facts.blocks_number;
    let facts = permission::Facts {
        number: &consent::number_facts(world, number),
        user: &user_facts,
        consent: &pair.consent,
        window: &pair.window,
        load: &consent::load_of(world, number, &asked, Direction::BusinessInitiated).await?,
    };
    let view = permission::view(facts, &book, now);
    Ok(Json(CallPermissions {
        messaging_product: wire::WHATSAPP.to_owned(),
        permission: Permission {
            status: match view.status {
                _ if !is_known => PermissionStatus::NoPermission,
                Status::NoPermission => PermissionStatus::NoPermission,
                Status::Temporary => PermissionStatus::Temporary,
                Status::Permanent => PermissionStatus::Permanent,
            },
            expiration_time: view.expires_at.filter(|_| is_known),
        },
        actions: vec![
            action(ActionName::SendCallPermissionRequest, &view.request),
            action(ActionName::StartCall, &view.call),
        ],
    })
    .into_response())
}

fn action(action_name: ActionName, action: &permission::Action) -> Action {
    Action {
        action_name,
        can_perform_action: action.allowed,
        limits: action.uses.iter().map(limit).collect(),
    }
}

fn limit(used: &Use) -> Limit {
    Limit {
        time_period: time_period(used.period),
        max_allowed: used.max,
        current_usage: used.used,
        limit_expiration_time: used.allowed_at,
    }
}

/// A day is written in hours, and longer ones in days, as the fact sheet's samples have them (4.6).
fn time_period(period: Duration) -> String {
    const DAY: Duration = Duration::from_hours(24);
    if period == DAY { "PT24H".to_owned() } else { IsoSpan(period).to_string() }
}
