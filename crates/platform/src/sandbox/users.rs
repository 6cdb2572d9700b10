//! `/sandbox/v1/users/…`: be a user.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::IntoResponse as _,
};
use handset::Payloads;
use rules::{call::Input, permission::RequestState};
use serde_json::json;
use terms::CallId;
use tokio::sync::oneshot;
use wire::{
    handset::PermissionChoice,
    sandbox::{
        Behaviour, CallPlaced, DecidePermission, NewUser, PermissionAction, PlaceCall, WriteMessage,
    },
};

use super::{Answer, SandboxRefusal, body, state, user};
use crate::{
    calls::{Command, place},
    consent,
    directory::{Number, User},
    phones, users,
    world::World,
};

pub(super) async fn list(State(world): State<Arc<World>>) -> Answer {
    let mut users = Vec::new();
    for user in world.directory.users() {
        users.push(state::shown_user(&world, &user).await?);
    }
    Ok(Json(users).into_response())
}

pub(super) async fn show(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let user = user(&world, &id)?;
    Ok(Json(state::shown_user(&world, &user).await?).into_response())
}

pub(super) async fn add(State(world): State<Arc<World>>, request: Request) -> Answer {
    let new: NewUser = body(request).await?;
    if world.directory.user(&new.wa_id).is_some() {
        let text = "a user of this wa_id is there already".to_owned();
        return Err(SandboxRefusal::Conflict { rule: "users.unique", text });
    }
    let mut user = User {
        country: new.country,
        user_id: new.user_id,
        behaviour: new.behaviour.unwrap_or_default(),
        ..User::named(new.wa_id, new.name)
    };
    user.complete();
    world.directory.save_user(user.clone()).await?;
    let shown = state::shown_user(&world, &user).await?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

pub(super) async fn set_behaviour(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let behaviour: Behaviour = body(request).await?;
    let changed = User { behaviour, ..User::clone(&*user(&world, &id)?) };
    world.directory.save_user(changed.clone()).await?;
    Ok(Json(changed.behaviour).into_response())
}

pub(super) async fn call(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let user = user(&world, &id)?;
    let wanted: PlaceCall = body(request).await?;
    let payloads = Payloads { deeplink: wanted.deeplink_payload, cta: wanted.cta_payload };
    // The phone would hear the same refusal, but without its code.
    place::check(&world, &user, &wanted.to).await?;
    let placed = phones::place(&world, &user, wanted.to, payloads).await;
    let call_id = placed.map_err(|failed| SandboxRefusal::Conflict {
        rule: "phone.failed",
        text: failed.to_string(),
    })?;
    Ok(Json(CallPlaced { call_id }).into_response())
}

pub(super) async fn write_message(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let user = user(&world, &id)?;
    let message: WriteMessage = body(request).await?;
    users::write_message(&world, &user, &message.to, message.text).await?;
    Ok(Json(json!({ "success": true })).into_response())
}

pub(super) async fn decide(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let user = user(&world, &id)?;
    let wanted: DecidePermission = body(request).await?;
    let number = users::business(&world, &wanted.to)?;
    decide_as(&world, &user, &number, wanted.action).await?;
    Ok(Json(json!({ "success": true })).into_response())
}

/// Lets a user decide about being called.
pub(super) async fn decide_as(
    world: &Arc<World>,
    user: &User,
    number: &Number,
    action: PermissionAction,
) -> Result<(), SandboxRefusal> {
    let pair = consent::load(world, number, user).await?;
    let (book, now) = (world.book(number), world.clock.now());
    // The newest request whose buttons work is answered; without one it is a choice in the profile.
    let request = pair
        .consent
        .requests()
        .iter()
        .rev()
        .find(|request| matches!(request.state(&book, now), RequestState::Open { .. }));
    let request = request.map(|request| request.id().clone());
    let choice = match action {
        PermissionAction::AcceptTemporary => PermissionChoice::Temporary,
        PermissionAction::AcceptPermanent => PermissionChoice::Permanent,
        PermissionAction::Reject => PermissionChoice::Reject,
        PermissionAction::Revoke => PermissionChoice::Revoke,
    };
    Ok(users::decide(world, user, &number.digits, request, choice).await?)
}

pub(super) async fn hang_up(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let user = user(&world, &id)?;
    let call_id = end_call(&world, &user).await?;
    Ok(Json(json!({ "success": true, "call_id": call_id })).into_response())
}

/// Ends a user's live call.
pub(super) async fn end_call(world: &World, user: &User) -> Result<CallId, SandboxRefusal> {
    let no_call = || SandboxRefusal::Conflict {
        rule: "call.unknown",
        text: "this user has no live call".to_owned(),
    };
    let call = world.calls.of_user(&user.wa_id).ok_or_else(no_call)?;
    let (reply, answer) = oneshot::channel();
    let command = Command::Act { input: Input::UserHungUp, reply };
    call.inbox.send(command).await.map_err(|_| no_call())?;
    let ended = answer.await.map_err(|_| no_call())?;
    ended.map_err(|refusal| SandboxRefusal::Api(refusal.into()))?;
    Ok(call.id)
}
