//! How is a media file of the platform's fetched?
//!
//! A link works for minutes, so a fresh one is asked for each time; the token goes where the API itself
//! says. What comes is handed on piece by piece.

use std::time::Duration;

use axum::body::Bytes;
use reqwest::StatusCode;
use terms::MediaId;
use wire::graph::media::MediaAnswer;

use super::{Graph, GraphError, read};

/// How long a file may take.
const DOWNLOAD_MAX: Duration = Duration::from_secs(5 * 60);

/// Why a file was not fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MediaFault {
    /// The platform does not answer, or is broken.
    #[error("the platform does not give the file now")]
    Unreachable,
    /// The platform refuses us.
    #[error("the platform refuses to give the file ({0})")]
    Refused(i64),
    /// It has no such file.
    #[error("the platform has no such file ({0})")]
    Gone(i64),
    /// Its link leads nowhere we would take the token.
    #[error("the platform's link to the file cannot be followed")]
    Link,
    /// The file is longer than any we take.
    #[error("the file has more than {0} bytes")]
    TooMuch(u64),
}

/// A file that is coming.
#[derive(Debug)]
pub(crate) struct Download {
    response: reqwest::Response,
    left: u64,
    bytes_max: u64,
}

impl Graph {
    /// Begins to fetch a file of at most so many bytes.
    ///
    /// # Errors
    ///
    /// [`MediaFault`].
    pub(crate) async fn fetch_media(
        &self,
        file: &MediaId,
        bytes_max: u64,
    ) -> Result<Download, MediaFault> {
        let upstream = &self.inner.upstream;
        let path = upstream.edition.media_path(file);
        let url = format!("{}{path}", upstream.base_url.trim_end_matches('/'));
        let send = || self.send_to::<()>("media", url.clone(), None);
        let answer = self.repeated(send).await.and_then(|body| read(&body));
        let MediaAnswer { url: link, file_size } = answer.map_err(MediaFault::of)?;
        if file_size.is_some_and(|bytes| bytes > bytes_max) {
            return Err(MediaFault::TooMuch(bytes_max));
        }
        let url = upstream.edition.media_url(&upstream.base_url, &link).ok_or(MediaFault::Link)?;
        let (name, value) = upstream.edition.auth_header(upstream.token.expose());
        let request = self.inner.client.get(url).header(name, value).timeout(DOWNLOAD_MAX);
        let response = request.send().await.map_err(|_| MediaFault::Unreachable)?;
        match response.status() {
            status if status.is_success() => Ok(Download { response, left: bytes_max, bytes_max }),
            status if status.is_server_error() => Err(MediaFault::Unreachable),
            // A link may be over before it is followed: the next try asks for another.
            status => Err(MediaFault::Refused(status.as_u16().into())),
        }
    }
}

impl Download {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// The connection broke, or there is too much.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Bytes>, MediaFault> {
        let Some(piece) = self.response.chunk().await.map_err(|_| MediaFault::Unreachable)? else {
            return Ok(None);
        };
        let left = self.left.checked_sub(piece.len() as u64);
        self.left = left.ok_or(MediaFault::TooMuch(self.bytes_max))?;
        Ok(Some(piece))
    }
}

impl MediaFault {
    fn of(error: GraphError) -> Self {
        match error {
            GraphError::Unreachable { .. } => Self::Unreachable,
            GraphError::Refused { code, .. } if is_gone(code) => Self::Gone(code),
            GraphError::Refused { code, .. } => Self::Refused(code),
        }
    }
}

/// Graph's words for an object that is not there, and a front door's.
fn is_gone(code: i64) -> bool {
    matches!(code, 100 | 131_052) || code == i64::from(StatusCode::NOT_FOUND.as_u16())
}
