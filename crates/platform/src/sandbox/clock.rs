//! `/sandbox/v1/clock`: what time is it, and what time should it be?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    response::IntoResponse as _,
};
use wire::sandbox::{Clock, ClockCommand, ClockMode};

use super::{Answer, SandboxRefusal, body};
use crate::{clock::Mode, world::World};

pub(super) async fn show(State(world): State<Arc<World>>) -> Json<Clock> {
    Json(read(&world))
}

pub(super) async fn change(State(world): State<Arc<World>>, request: Request) -> Answer {
    match body::<ClockCommand>(request).await? {
        ClockCommand::Advance(by) => {
            let advanced = world.clock.advance(&by);
            advanced.map_err(|fault| SandboxRefusal::Body(format!("advance: {fault}")))?;
        }
        ClockCommand::Set(at) => world.clock.set(at),
        ClockCommand::Mode(ClockMode::Frozen) => world.clock.set_mode(Mode::Frozen),
        ClockCommand::Mode(ClockMode::Running) => world.clock.set_mode(Mode::Running),
    }
    world.keep_clock().await?;
    Ok(Json(read(&world)).into_response())
}

pub(super) fn read(world: &World) -> Clock {
    let mode = match world.clock.mode() {
        Mode::Running => ClockMode::Running,
        Mode::Frozen => ClockMode::Frozen,
    };
    Clock { now: world.clock.now(), mode }
}
