//! `GET /sandbox/v1/accounts/{waba_id}/analytics`: the Graph edge `call_analytics`, without a token.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::Uri,
};

use super::{Answer, SandboxRefusal};
use crate::{api::analytics::edge, world::World};

pub(super) async fn show(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let account = id.parse().ok().and_then(|id| world.directory.account(&id));
    let account = account.ok_or(SandboxRefusal::Unknown { what: "account" })?;
    Ok(edge(&world, &account, &uri).await?)
}
