//! `/{PNID}/media`, `/{media_id}` and its link: how do files come and go?
//!
//! The link answers only with the token or key that could have asked for it (fact sheet 12.1), and
//! only for minutes; `GET /{media_id}` gives a fresh one. The 360dialog edition has the same three
//! under `/media`, `/{media_id}` and the link, with its key.

use std::{convert::Infallible, sync::Arc};

use audio::ogg;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use futures_util::stream;
use rules::media_files::{self as law, Upload, UseCase};
use serde_json::json;
use wire::{RequestFault, graph::Success};

use super::{Answer, auth, query, read_up_to, refusals::ApiRefusal};
use crate::{
    directory::Number,
    media_files::{self, LINK_PATH, MediaFile, NewFile},
    world::World,
};

/// What a form has around its file.
const FORM_BYTES: u64 = 64 * 1024;

/// The links' address.
pub(crate) fn router() -> Router<Arc<World>> {
    Router::new()
        .route(LINK_PATH, get(download))
        .route(LINK_PATH.trim_end_matches('/'), get(download))
}

/// `POST`: takes a file.
pub(crate) async fn upload(
    world: &World,
    number: &Number,
    headers: &HeaderMap,
    body: Body,
) -> Answer {
    let book = world.book(number);
    let bytes_max = usize::try_from(law::bytes_max(&book) + FORM_BYTES).unwrap_or(usize::MAX);
    let form = read_form(headers, read_up_to(body, bytes_max).await?).await?;
    if form.product.as_deref() != Some(wire::WHATSAPP) {
        return Err(missing("messaging_product"));
    }
    let Some(file) = form.file else { return Err(missing("file")) };
    let use_case = UseCase::of_upload(form.use_case.as_deref())?;
    let mime = form.mime.or(form.kind).unwrap_or_default();
    let description_chars = form.description.as_deref().map_or(0, |text| text.chars().count());
    let ogg_opus = match use_case {
        UseCase::CallVoicemailAnnouncement => ogg::read(&file).ok().map(|stream| stream.lasts()),
        UseCase::Message
        | UseCase::Voicemail
        | UseCase::CallRecording
        | UseCase::CallTranscript => None,
    };
    let bytes = file.len() as u64;
    law::check(&Upload { mime: &mime, bytes, use_case, ogg_opus, description_chars }, &book)?;
    let new = NewFile {
        number: number.id.clone(),
        mime,
        bytes: file.to_vec(),
        use_case,
        description: form.description,
    };
    let kept = media_files::add(world, new).await?;
    Ok(Json(json!({ "id": kept.id })).into_response())
}

/// The file of a path, if there is one; whoever asks must have the file's number.
pub(super) async fn find(
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
    id: &str,
) -> Result<Option<(Arc<Number>, MediaFile)>, ApiRefusal> {
    let Ok(media_id) = id.parse() else { return Ok(None) };
    let Some(file) = media_files::find(world, &media_id).await? else { return Ok(None) };
    let number = caller(world, headers, uri, &file)?;
    let asked_of = query(uri, "phone_number_id");
    if number.id != file.number || asked_of.is_some_and(|asked| asked != number.id.as_str()) {
        return Err(ApiRefusal::UnknownObject { id: id.to_owned() });
    }
    Ok(Some((number, file)))
}

/// The number whoever asks acts for: the key's, or the file's if the token's app may use it.
fn caller(
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
    file: &MediaFile,
) -> Result<Arc<Number>, ApiRefusal> {
    if headers.contains_key(auth::KEY_HEADER) {
        auth::channel(world, headers)
    } else {
        auth::number(world, headers, uri, file.number.as_str(), "media").map(|(_, number)| number)
    }
}

/// `GET` or `DELETE` of a file.
pub(super) async fn act(
    world: &World,
    method: &Method,
    number: &Number,
    file: &MediaFile,
) -> Answer {
    if method == Method::DELETE {
        media_files::remove(world, &file.id).await?;
        return Ok(Json(Success::bare()).into_response());
    }
    Ok(Json(json!({
        "messaging_product": wire::WHATSAPP,
        "url": media_files::link(world, number, file),
        "mime_type": file.mime,
        "sha256": file.sha256,
        "file_size": file.size,
        "id": file.id,
    }))
    .into_response())
}

async fn download(State(world): State<Arc<World>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    fetch(&world, &parts.headers, &parts.uri)
        .await
        .unwrap_or_else(|refusal| refusal.into_response())
}

async fn fetch(world: &World, headers: &HeaderMap, uri: &Uri) -> Answer {
    if !headers.contains_key(auth::KEY_HEADER) {
        auth::Client::of(world, headers, uri)?;
    }
    let asked = |name| query(uri, name).unwrap_or_default();
    let found = find(world, headers, uri, &asked("mid")).await?;
    let (_, file) = found.ok_or(ApiRefusal::LinkOver)?;
    let until = asked("ext").parse().map_err(|_| ApiRefusal::LinkOver)?;
    if !media_files::opens(&file, until, &asked("hash"), world.clock.now()) {
        return Err(ApiRefusal::LinkOver);
    }
    let bytes = media_files::bytes(world, &file.id).await?.ok_or(ApiRefusal::LinkOver)?;
    // A file of a stranger is never shown as a page of this server.
    let headers = [
        (header::CONTENT_TYPE, file.mime.clone()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.id)),
    ];
    Ok((headers, bytes).into_response())
}

/// The fields of an upload.
#[derive(Default)]
struct Form {
    product: Option<String>,
    use_case: Option<String>,
    kind: Option<String>,
    description: Option<String>,
    /// The type the file's own part names.
    mime: Option<String>,
    file: Option<Bytes>,
}

async fn read_form(headers: &HeaderMap, body: Bytes) -> Result<Form, ApiRefusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let boundary = kind.and_then(|kind| multer::parse_boundary(kind).ok()).ok_or_else(|| {
        ApiRefusal::Parameter("the body must be multipart/form-data with a boundary".to_owned())
    })?;
    let unreadable = |fault: multer::Error| ApiRefusal::Parameter(format!("the form: {fault}"));
    let stream = stream::iter([Ok::<_, Infallible>(body)]);
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await.map_err(unreadable)? {
        let name = part.name().unwrap_or_default().to_owned();
        let mime = part.content_type().map(ToString::to_string);
        if name == "file" {
            form.mime = mime.filter(|mime| mime != "application/octet-stream");
            form.file = Some(part.bytes().await.map_err(unreadable)?);
            continue;
        }
        let text = Some(part.text().await.map_err(unreadable)?);
        match name.as_str() {
            "messaging_product" => form.product = text,
            "use_case" => form.use_case = text,
            "type" => form.kind = text,
            "description" => form.description = text,
            _ => {}
        }
    }
    Ok(form)
}

fn missing(path: &str) -> ApiRefusal {
    ApiRefusal::Body(RequestFault::Missing { path: path.to_owned() })
}
