//! What was said in a recording, in writing?
//!
//! For whoever may hear it. Who reads is written down.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
};
use serde::Serialize;
use wire::{
    event::TranscriptState,
    transcript::{Transcript, TranscriptSegment},
};

use super::{ApiError, recordings};
use crate::{console::session::Caller, office::Office, transcription};

/// What was said.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RecordingTranscript)]
pub(super) struct Written {
    recording_id: String,
    state: TranscriptState,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    text: String,
    segments: Vec<TranscriptSegment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What was said, in writing, by speaker and time. Who asks is written into the audit.
#[utoipa::path(get, path = "/v1/recordings/{id}/transcript", tag = "recordings",
    params(("id" = String, Path, description = "The recording's id, `rec_…`")),
    responses((status = 200, body = Written, description = "`{recording_id, state, language?, text, segments: [{id, speaker, channel, start, end, text, confidence, words}], why?}`; `failed` has a `why` and no words"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 404, body = super::Refused, description = "No such recording, or nobody writes it down"),
              (status = 409, body = super::Refused, description = "Not yet, or its key is not configured")))]
pub(super) async fn read(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Written>, ApiError> {
    let recording = recordings::find(&office, &caller, id).await?;
    let recording_id = recording.recording_id;
    let state = match recording.transcript {
        None => return Err(ApiError::not_found("nobody writes down what is said in it")),
        Some(TranscriptState::Waiting) => {
            return Err(ApiError::conflict("out_of_place", "it is not written down yet"));
        }
        Some(state @ (TranscriptState::Ready | TranscriptState::Failed)) => state,
    };
    let gone = || ApiError::not_found("no recording has this id");
    let row = office.store.transcript(recording_id.clone()).await?.ok_or_else(gone)?;
    let transcript = match row.kept {
        Some(kept) => transcription::read(&office, &recording_id, kept)?,
        None => Transcript::default(),
    };
    office.store.keep_deed(caller.deed("recording.read", &recording_id, None)).await?;
    let Transcript { text, language, segments, .. } = transcript;
    let language = Some(language).filter(|language| !language.is_empty());
    Ok(Json(Written { recording_id, state, language, text, segments, why: row.why }))
}
