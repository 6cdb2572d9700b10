//! What was recorded, who may hear it, and how does a program steer it?
//!
//! Messages of callers are for whoever may see calls; calls are for supervisors, admins, auditors and
//! programs. Who listened is written down.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use audio::export::{self, Channels, ExportError};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{Path, Query, State, rejection::JsonRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use switchboard::{access::Act, recording::Wish};
use tokio::sync::{mpsc, oneshot};
use wire::event::{Recording, RecordingKind, RecordingState};

use super::{ApiError, calls::call_id, page::Page};
use crate::{
    bucket::BucketFault,
    calls::{order::Asker, registry::Letter},
    console::session::{Caller, Who},
    office::Office,
    recorder::{OpenFault, Sides},
    recordings::{self, ReadFault, RemoveFault},
};

/// How many pieces of a file may wait for a slow reader.
const PIECES_MAX: usize = 8;
/// Bytes of a piece.
const PIECE: usize = 32 * 1024;

/// Recordings, the newest first.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RecordingList)]
pub(super) struct List {
    recordings: Vec<Recording>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Question {
    call_id: Option<String>,
}

/// As which file.
#[derive(Deserialize)]
pub(super) struct Form {
    #[serde(default)]
    format: Format,
    channels: Option<ChannelsWord>,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Ogg,
    Wav,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum ChannelsWord {
    Stereo,
    Mixed,
}

/// What is to become of a recording.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = RecordingChange)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    held: bool,
}

/// What is to become of a call's recording.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = RecordingSteering)]
#[serde(deny_unknown_fields)]
pub(super) struct Steering {
    action: Action,
}

#[derive(Deserialize, Clone, Copy, utoipa::ToSchema)]
#[schema(as = RecordingAction)]
#[serde(rename_all = "lowercase")]
enum Action {
    Start,
    Pause,
    Resume,
    Stop,
}

/// Recordings and messages, the newest first. An agent sees the messages.
#[utoipa::path(get, path = "/v1/recordings", tag = "recordings",
    params(("call_id" = Option<String>, Query, description = "Those of one call"),
           ("limit" = Option<u32>, Query, description = "How many at most; 100 when absent, 1000 at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = List, description = "`{recordings: […], next?}`"),
              (status = 400, body = super::Refused),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 404, body = super::Refused, description = "No call can have this id")))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(Question { call_id: of }): Query<Question>,
    Query(page): Query<Page>,
) -> Result<Json<List>, ApiError> {
    let of = of.filter(|id| !id.is_empty()).map(|id| call_id(&id)).transpose()?;
    let kind = (!caller.may(Act::HearCalls)).then_some(RecordingKind::Voicemail);
    let (lines, after) = (caller.lines(), page.after_moment()?);
    let mut recordings = office.store.recordings(lines, (of, kind), page.to_read(), after).await?;
    let cursor = |it: &Recording| format!("{}.{}", it.started_at.unix_ms(), it.recording_id);
    let next = page.cut(&mut recordings, cursor);
    Ok(Json(List { recordings, next }))
}

/// One recording.
#[utoipa::path(get, path = "/v1/recordings/{id}", tag = "recordings",
    params(("id" = String, Path, description = "The recording's id, `rec_…`")),
    responses((status = 200, body = Recording, description = "The recording"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 404, body = super::Refused)))]
pub(super) async fn one(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Recording>, ApiError> {
    Ok(Json(find(&office, &caller, id).await?))
}

/// What was said, once it is ready. Who asks is written into the audit.
#[utoipa::path(get, path = "/v1/recordings/{id}/audio", tag = "recordings",
    params(("id" = String, Path, description = "The recording's id, `rec_…`"),
           ("format" = Option<String>, Query, description = "`ogg` (Opus; when absent) or `wav` (48 kHz, 16 bit)"),
           ("channels" = Option<String>, Query, description = "`stereo`: the business left, the user right (a call's when absent); or `mixed` (a message's)")),
    responses((status = 200, content_type = "audio/ogg", body = String, description = "The file"),
              (status = 400, body = super::Refused), (status = 401, body = super::Refused),
              (status = 403, body = super::Refused), (status = 404, body = super::Refused),
              (status = 409, body = super::Refused, description = "It still runs, its key or its bucket is not configured, its files were changed or lost, or it could not be fetched from the platform"),
              (status = 502, body = super::Refused, description = "The bucket it lies in does not answer, or refuses")))]
pub(super) async fn hear(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(form): Query<Form>,
) -> Result<Response, ApiError> {
    let recording = find(&office, &caller, id).await?;
    match recording.state {
        RecordingState::Ready => {}
        RecordingState::Recording => {
            return Err(ApiError::conflict("out_of_place", "it still runs"));
        }
        RecordingState::Failed => {
            let why = recording.why.as_deref().unwrap_or("nobody knows why");
            let what = format!("it could not be fetched from the platform: {why}");
            return Err(ApiError::conflict("recording.lost", what));
        }
    }
    let lasts = recordings::lasts(&office, &recording).await?;
    let sides = recordings::sides(&office, &recording).await?;
    let deed = caller.deed("recording.heard", &recording.recording_id, None);
    office.store.keep_deed(deed).await?;
    let apart = recording.kind == RecordingKind::Call && !recording.mixed;
    let channels = match form.channels {
        Some(ChannelsWord::Stereo) => Channels::Stereo,
        Some(ChannelsWord::Mixed) => Channels::Mixed,
        None if apart => Channels::Stereo,
        None => Channels::Mixed,
    };
    let (sender, pieces) = mpsc::channel(PIECES_MAX);
    let format = form.format;
    tokio::task::spawn_blocking(move || {
        let mut pipe = Pipe { sender, waiting: Vec::with_capacity(PIECE) };
        let written = write(sides, format, channels, lasts, &mut pipe);
        // A reader that is gone does not want the rest.
        if let Err(error) = written.and_then(|()| pipe.flush().map_err(ExportError::Write)) {
            tracing::debug!(%error, "a recording was not read to its end");
        }
    });
    let stream = futures_util::stream::unfold(pieces, |mut pieces| async {
        let piece: Bytes = pieces.recv().await?;
        Some((Ok::<_, io::Error>(piece), pieces))
    });
    let kind = match format {
        Format::Ogg => "audio/ogg",
        Format::Wav => "audio/wav",
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// Hold a recording beyond its time, or no longer.
#[utoipa::path(patch, path = "/v1/recordings/{id}", tag = "recordings",
    params(("id" = String, Path, description = "The recording's id, `rec_…`")),
    request_body(content = Change, description = "`{held}`"),
    responses((status = 200, body = Recording, description = "The recording"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 404, body = super::Refused), (status = 422, body = super::Refused)))]
pub(super) async fn hold(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Recording>, ApiError> {
    let Json(Change { held }) = body?;
    let act = if held { "recording.held" } else { "recording.released" };
    let deed = caller.deed(act, &id, None);
    let changed = office.store.hold_recording(caller.lines(), id, held, deed).await?;
    changed.map(Json).ok_or_else(unknown)
}

/// Remove a recording for ever.
#[utoipa::path(delete, path = "/v1/recordings/{id}", tag = "recordings",
    params(("id" = String, Path, description = "The recording's id, `rec_…`")),
    responses((status = 204, description = "It is gone; what lies in the bucket goes as soon as that answers"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 404, body = super::Refused),
              (status = 409, body = super::Refused, description = "It still runs, or is held")))]
pub(super) async fn remove(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let recording = find(&office, &caller, id).await?;
    if recording.held || recording.state == RecordingState::Recording {
        return Err(ApiError::conflict("out_of_place", "it still runs, or is held"));
    }
    let deed = caller.deed("recording.removed", &recording.recording_id, None);
    recordings::remove(&office, &recording, Some(deed)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Start, pause, resume or stop the recording of a running call.
#[utoipa::path(post, path = "/v1/calls/{id}/recording", tag = "calls",
    params(("id" = String, Path, description = "The call's id, `wacid.…`")),
    request_body(content = Steering, description = "`{action}`: `start`, `pause`, `resume` or `stop`"),
    responses((status = 204, description = "It is so; a start may wait for the announcement"),
              (status = 401, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such call runs"),
              (status = 409, body = super::Refused, description = "Not possible as the call stands"),
              (status = 422, body = super::Refused)))]
pub(super) async fn steer(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<Steering>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(Steering { action }) = body?;
    let wish = match action {
        Action::Start => Wish::Start,
        Action::Pause => Wish::Pause,
        Action::Resume => Wish::Resume,
        Action::Stop => Wish::Stop,
    };
    let asker = match &caller.who {
        Who::Agent(agent) if !caller.may(Act::SteerCalls) => Asker::Agent(agent.id.clone()),
        Who::Agent(_) | Who::Program(_) => Asker::Business,
    };
    let over = || ApiError::not_found("no call of this id runs");
    let call = office.registry.find(&caller.lines(), &call_id(&id)?, None).ok_or_else(over)?;
    let (answer, answered) = oneshot::channel();
    if !call.send(Letter::Record { wish, asker, answer }) {
        return Err(over());
    }
    match answered.await {
        Ok(Ok(())) => Ok(StatusCode::NO_CONTENT),
        Ok(Err(text)) => Err(ApiError::new(StatusCode::CONFLICT, "out_of_place", text)),
        Err(_) => Err(over()),
    }
}

/// A recording this caller may hear.
pub(super) async fn find(
    office: &Office,
    caller: &Caller,
    id: String,
) -> Result<Recording, ApiError> {
    let recording = office.store.recording(caller.lines(), id).await?.ok_or_else(unknown)?;
    match recording.kind {
        RecordingKind::Call if !caller.may(Act::HearCalls) => {
            Err(ApiError::not_allowed(caller, Act::HearCalls))
        }
        RecordingKind::Call | RecordingKind::Voicemail => Ok(recording),
    }
}

impl From<RemoveFault> for ApiError {
    fn from(fault: RemoveFault) -> Self {
        match fault {
            RemoveFault::Store(error) => error.into(),
            RemoveFault::Files(error) => {
                tracing::error!(%error, "a recording's files cannot be removed");
                Self::internal("its files cannot be removed; it is still there")
            }
        }
    }
}

impl From<ReadFault> for ApiError {
    fn from(fault: ReadFault) -> Self {
        let bucket = match fault {
            ReadFault::Open(fault) => return fault.into(),
            ReadFault::Store(error) => return error.into(),
            ReadFault::NoBucket => {
                let what = format!("{fault}: name it in [recording.bucket]");
                return Self::conflict("recording.bucket_missing", what);
            }
            ReadFault::Bucket(fault) => fault,
        };
        tracing::warn!(fault = %bucket, "a recording cannot be fetched");
        match bucket {
            BucketFault::Unreachable(_) => Self::new(
                StatusCode::BAD_GATEWAY,
                "recording.bucket_unreachable",
                bucket.to_string(),
            ),
            BucketFault::Denied(_) | BucketFault::Absent | BucketFault::Refused(_) => {
                Self::new(StatusCode::BAD_GATEWAY, "recording.bucket_refused", bucket.to_string())
            }
            BucketFault::Lost => Self::conflict("recording.lost", bucket.to_string()),
            BucketFault::Changed | BucketFault::Disk(_) => {
                Self::conflict("recording.unreadable", bucket.to_string())
            }
        }
    }
}

impl From<OpenFault> for ApiError {
    fn from(fault: OpenFault) -> Self {
        tracing::warn!(%fault, "a recording cannot be read");
        match fault {
            OpenFault::Key(_) => {
                let what = format!("{fault}: name its file in [recording] old_key_files");
                Self::conflict("recording.key_missing", what)
            }
            OpenFault::Read(_) | OpenFault::Damaged | OpenFault::Form => {
                Self::conflict("recording.unreadable", fault.to_string())
            }
        }
    }
}

fn unknown() -> ApiError {
    ApiError::not_found("no recording has this id")
}

fn write(
    sides: Sides,
    format: Format,
    channels: Channels,
    lasts: Duration,
    out: &mut Pipe,
) -> Result<(), ExportError> {
    // A side without a file said nothing.
    let sides = sides.map(|side| side.into_iter().flatten());
    match format {
        Format::Ogg => export::write_ogg(sides, channels, lasts, out),
        Format::Wav => export::write_wav(sides, channels, lasts, out),
    }
}

/// What is written goes to whoever reads the answer, in pieces.
struct Pipe {
    sender: mpsc::Sender<Bytes>,
    waiting: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.waiting));
        self.sender.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
