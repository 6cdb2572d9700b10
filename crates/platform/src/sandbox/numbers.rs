//! `/sandbox/v1/numbers/{id}/settings` and `…/media`: a number's calling settings, and the files they
//! need, without a token.
//!
//! The same bodies, checks and webhook as Graph's edges of the same names; only a "no" has the
//! sandbox's shape, with the field that is at fault.

use std::sync::Arc;

use axum::{
    extract::{Path, Request, State},
    http::{Uri, header},
    response::IntoResponse as _,
};

use super::{Answer, SandboxRefusal};
use crate::{
    api::{media, query, read, settings},
    directory::{App, Number},
    media_files,
    world::World,
};

pub(super) async fn show_settings(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Answer {
    let number = number(&world, &id)?;
    let with_credentials = query(&uri, "include_sip_credentials").as_deref() == Some("true");
    let app = app_of_server(&world, &number);
    Ok(settings::show(&world, &number, viewer(app.as_deref()), with_credentials))
}

pub(super) async fn change_settings(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let number = number(&world, &id)?;
    let app = app_of_server(&world, &number);
    let body = read(request.into_body()).await?;
    Ok(settings::change(&world, &number.id, viewer(app.as_deref()), &body).await?)
}

/// Takes a file, such as a voicemail's announcement: Graph's form and checks.
pub(super) async fn upload(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let number = number(&world, &id)?;
    let (parts, body) = request.into_parts();
    Ok(media::upload(&world, &number, &parts.headers, body).await?)
}

/// The file itself: an announcement, a voicemail, a recording.
pub(super) async fn file(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let unknown = || SandboxRefusal::Unknown { what: "file" };
    let id = id.parse().map_err(|_| unknown())?;
    let file = media_files::find(&world, &id).await?.ok_or_else(unknown)?;
    let bytes = media_files::bytes(&world, &id).await?.ok_or_else(unknown)?;
    // A file of a stranger is never shown as a page of this server.
    let headers = [
        (header::CONTENT_TYPE, file.mime),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "sandbox".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// Whose server is shown and changed here: that of the one app that has set one.
fn app_of_server(world: &World, number: &Number) -> Option<Arc<App>> {
    match number.calling.sip.as_ref()?.servers.as_slice() {
        [only] => world.directory.app(only.app.as_ref()?),
        _ => None,
    }
}

fn viewer(app: Option<&App>) -> settings::Viewer<'_> {
    app.map_or(settings::Viewer::Direct, settings::Viewer::App)
}

fn number(world: &World, id: &str) -> Result<Arc<Number>, SandboxRefusal> {
    let known = id.parse().ok().and_then(|id| world.directory.number(&id));
    known.ok_or(SandboxRefusal::Unknown { what: "number" })
}
