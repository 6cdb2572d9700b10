//! Where can a media file be fetched? `GET /{media_id}` (fact sheet 12.1).

use serde::{Deserialize, Serialize};

/// The answer: a link that works for minutes, with the token of whoever asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaAnswer {
    /// The link.
    pub url: String,
    /// Its size in bytes, where it is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
}

impl std::fmt::Debug for MediaAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaAnswer").field("file_size", &self.file_size).finish_non_exhaustive()
    }
}
