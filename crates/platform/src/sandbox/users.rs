//! `/sandbox/v1/users/…`: be a user.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
    response::IntoResponse as _,
};
use handset::Payloads;
use rules::call::Input;
use serde_json::json;
use terms::{CallId, MessageId};
use tokio::sync::oneshot;
use wire::{
    handset::PermissionChoice,
    sandbox::{
        AskCallback, Behaviour, CallPlaced, ChangedUser, DecidePermission, NewUser,
        PermissionAction, PlaceCall, ReadChat, WriteMessage,
    },
};

use super::{Answer, SandboxRefusal, body, state, user};
use crate::{
    calls::{CallHandle, Command, place},
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
    let writing = world.directory.writing().await;
    if world.directory.user(&new.wa_id).is_some() {
        let text = "a user of this wa_id is there already".to_owned();
        return Err(SandboxRefusal::Conflict { rule: "users.unique", text });
    }
    let mut user = User {
        country: new.country,
        user_id: new.user_id,
        parent_user_id: new.parent_user_id,
        username: new.username,
        hides_number: new.hides_number,
        client: new.client.map(client).transpose()?.unwrap_or_default(),
        behaviour: new.behaviour.unwrap_or_default(),
        ..User::named(new.wa_id, new.name)
    };
    user.complete();
    check_ids(&world, &user)?;
    writing.save_user(user.clone()).await?;
    drop(writing);
    let shown = state::shown_user(&world, &user).await?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

pub(super) async fn change(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let wanted: ChangedUser = body(request).await?;
    let writing = world.directory.writing().await;
    let mut user = User::clone(&*user(&world, &id)?);
    user.name = wanted.name.unwrap_or(user.name);
    user.country = wanted.country.or(user.country);
    user.user_id = wanted.user_id.or(user.user_id);
    if let Some(text) = wanted.parent_user_id {
        let wrong = |_| SandboxRefusal::Body("parent_user_id: not a user id".to_owned());
        user.parent_user_id =
            if text.is_empty() { None } else { Some(text.parse().map_err(wrong)?) };
    }
    if let Some(username) = wanted.username {
        user.username = Some(username).filter(|name| !name.is_empty());
    }
    user.hides_number = wanted.hides_number.unwrap_or(user.hides_number);
    if let Some(wanted) = wanted.client {
        user.client = client(wanted)?;
    }
    check_ids(&world, &user)?;
    writing.save_user(user.clone()).await?;
    drop(writing);
    Ok(Json(state::shown_user(&world, &user).await?).into_response())
}

/// An app in the rules' words.
fn client(wanted: wire::sandbox::Client) -> Result<rules::client::Client, SandboxRefusal> {
    let read = serde_json::to_value(wanted).and_then(serde_json::from_value);
    read.map_err(|fault| SandboxRefusal::Body(format!("client: {fault}")))
}

/// Nobody else may have the ids of this user.
fn check_ids(world: &World, user: &User) -> Result<(), SandboxRefusal> {
    let ids = [user.user_id.as_ref(), user.parent_user_id.as_ref()];
    let is_taken = |id| world.directory.user_of(id).is_some_and(|it| it.wa_id != user.wa_id);
    if ids.into_iter().flatten().any(is_taken) {
        let text = "another user has this user_id or parent_user_id".to_owned();
        return Err(SandboxRefusal::Conflict { rule: "users.unique", text });
    }
    Ok(())
}

pub(super) async fn set_behaviour(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let behaviour: Behaviour = body(request).await?;
    let writing = world.directory.writing().await;
    let changed = User { behaviour, ..User::clone(&*user(&world, &id)?) };
    writing.save_user(changed.clone()).await?;
    Ok(Json(changed.behaviour).into_response())
}

pub(super) async fn call(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let user = user(&world, &id)?;
    let wanted: PlaceCall = body(request).await?;
    let PlaceCall { to, deeplink_payload: deeplink, cta_payload: cta, button } = wanted;
    // The phone would hear the same refusal, but without its code.
    place::check(&world, &user, &to, button.as_ref()).await?;
    let payloads = Payloads { deeplink, cta, button };
    let placed = phones::place(&world, &user, to, payloads).await;
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
    users::write_message(&world, &user, &message.to, message.text, message.reply_to).await?;
    Ok(Json(json!({ "success": true })).into_response())
}

pub(super) async fn read_chat(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let user = user(&world, &id)?;
    let chat: ReadChat = body(request).await?;
    users::read_chat(&world, &user, &chat.to).await?;
    Ok(Json(json!({ "success": true })).into_response())
}

pub(super) async fn ask_callback(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let user = user(&world, &id)?;
    let wanted: AskCallback = body(request).await?;
    users::ask_callback(&world, &user, &wanted.to).await?;
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
    let place = match (wanted.request_id, wanted.in_profile) {
        (Some(_), true) => {
            let text = "in_profile: a request is not answered there; leave request_id out";
            return Err(SandboxRefusal::Body(text.to_owned()));
        }
        (Some(id), false) => Place::Request(id),
        (None, true) => Place::Profile,
        (None, false) => Place::Newest,
    };
    decide_as(&world, &user, &number, wanted.action, place).await?;
    Ok(Json(json!({ "success": true })).into_response())
}

/// Where a user decides about being called.
#[derive(Debug)]
pub(super) enum Place {
    /// On this request.
    Request(MessageId),
    /// On the newest request whose buttons work, else in the profile.
    Newest,
    /// In the business's profile.
    Profile,
}

/// Lets a user decide about being called.
pub(super) async fn decide_as(
    world: &Arc<World>,
    user: &User,
    number: &Number,
    action: PermissionAction,
    place: Place,
) -> Result<(), SandboxRefusal> {
    let request = match place {
        Place::Request(id) => Some(id),
        Place::Newest => {
            let pair = consent::load(world, number, user).await?;
            let open = pair.consent.open_request(&world.book(number), world.clock.now());
            open.map(|request| request.id().clone())
        }
        Place::Profile => None,
    };
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

/// Ends a user's newest live call.
async fn end_call(world: &World, user: &User) -> Result<CallId, SandboxRefusal> {
    end(world.calls.of_user(&user.wa_id)).await
}

/// Lets the user hang up this call.
pub(super) async fn end(call: Option<CallHandle>) -> Result<CallId, SandboxRefusal> {
    let no_call = || SandboxRefusal::Conflict {
        rule: "call.unknown",
        text: "this user has no live call".to_owned(),
    };
    let call = call.ok_or_else(no_call)?;
    let (reply, answer) = oneshot::channel();
    let command = Command::Act { input: Input::UserHungUp, reply };
    call.inbox.send(command).await.map_err(|_| no_call())?;
    let ended = answer.await.map_err(|_| no_call())?;
    ended.map_err(|refusal| SandboxRefusal::Api(refusal.into()))?;
    Ok(call.id)
}
