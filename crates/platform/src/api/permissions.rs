//! `GET /{PNID}/call_permissions`: may the business call this user, and may it ask?

use axum::{Json, response::IntoResponse as _};
use rules::{
    Refusal,
    limits::{self, DAY, Use},
    permission::{self, Status},
};
use wire::graph::{
    call::Recipient,
    permission::{
        Action, ActionName, CallPermissions, Limit, Permission, PermissionQuery, PermissionStatus,
    },
};

use super::{Answer, refusals::ApiRefusal};
use crate::{
    calls::place,
    consent,
    directory::{Number, User},
    world::World,
};

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
    let view = permission::view(&pair.consent, &book, world.directory.kind_of(number), now);
    let is_callable =
        |user: &User| consent::user_facts(world, number, user, true).uncallable.is_none();
    let is_known = user.as_deref().is_some_and(is_callable);
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
            action(ActionName::SendCallPermissionRequest, is_known, &view.request),
            action(ActionName::StartCall, is_known, &view.call),
        ],
    })
    .into_response())
}

fn action(action_name: ActionName, is_known: bool, action: &permission::Action) -> Action {
    Action {
        action_name,
        can_perform_action: is_known && action.allowed,
        limits: action.uses.iter().map(limit).collect(),
    }
}

fn limit(used: &Use) -> Limit {
    Limit {
        time_period: if used.period == DAY { "PT24H" } else { "P7D" }.to_owned(),
        max_allowed: used.max,
        current_usage: used.used,
        limit_expiration_time: used.allowed_at,
    }
}
