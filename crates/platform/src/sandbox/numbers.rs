//! `/sandbox/v1/numbers/{id}/settings`: the number's calling settings, without a token.
//!
//! The same bodies, checks and webhook as Graph's `/{PNID}/settings`; only a "no" has the sandbox's
//! shape, with the field that is at fault.

use std::sync::Arc;

use axum::extract::{Path, Request, State};

use super::{Answer, SandboxRefusal};
use crate::{
    api::{read, settings},
    directory::Number,
    world::World,
};

pub(super) async fn show_settings(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
) -> Answer {
    Ok(settings::show(&*number(&world, &id)?))
}

pub(super) async fn change_settings(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let number = number(&world, &id)?;
    Ok(settings::change(&world, &number, &read(request.into_body()).await?).await?)
}

fn number(world: &World, id: &str) -> Result<Arc<Number>, SandboxRefusal> {
    let known = id.parse().ok().and_then(|id| world.directory.number(&id));
    known.ok_or(SandboxRefusal::Unknown { what: "number" })
}
