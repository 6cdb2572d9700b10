//! Where does a transcriber find each voice of a recording?
//!
//! In WAV files of one channel, in clear, in a folder only we can read that is gone when the work is.

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{self, BufWriter, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use audio::export::{self, ExportError};

use crate::recorder::Sides;

/// Under the recording's own folder: whatever removes that removes this.
const FOLDER: &str = "voices";
/// The files, in the order of channels.
const FILES: [&str; 2] = ["business.wav", "user.wav"];

/// Why there are no files.
#[derive(Debug, thiserror::Error)]
pub(super) enum VoicesFault {
    #[error("the voices cannot be written")]
    Write(#[source] io::Error),
    #[error("the voices cannot be decoded")]
    Decode(#[source] ExportError),
    #[error("the gateway stops")]
    Stopped,
}

/// The voices of a recording as files, in the order of channels; those who said nothing have none.
#[derive(Debug)]
pub(super) struct Voices {
    folder: PathBuf,
    files: [Option<PathBuf>; 2],
}

impl Voices {
    /// Writes the files of these sides, under the recording's folder.
    pub(super) async fn write(
        folder: PathBuf,
        sides: Sides,
        lasts: Duration,
    ) -> Result<Self, VoicesFault> {
        let work = tokio::task::spawn_blocking(move || write(&folder, sides, lasts));
        work.await.map_err(|_| VoicesFault::Stopped)?
    }

    pub(super) fn files(&self) -> [Option<&Path>; 2] {
        self.files.each_ref().map(Option::as_deref)
    }
}

impl Drop for Voices {
    fn drop(&mut self) {
        remove(&self.folder);
        // One that is not empty has the recording.
        drop(self.folder.parent().map(std::fs::remove_dir));
    }
}

fn write(recording: &Path, sides: Sides, lasts: Duration) -> Result<Voices, VoicesFault> {
    let folder = recording.join(FOLDER);
    // A gateway that was killed may have left one.
    remove(&folder);
    let mut voices = Voices { folder, files: [None, None] };
    for ((file, name), side) in voices.files.iter_mut().zip(FILES).zip(sides) {
        // A side without a file said nothing.
        let Some(side) = side else { continue };
        if !voices.folder.exists() {
            // The recording's own may have gone to the bucket.
            let made = DirBuilder::new().recursive(true).mode(0o700).create(&voices.folder);
            made.map_err(VoicesFault::Write)?;
        }
        let path = voices.folder.join(name);
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let mut wav = BufWriter::new(made.map_err(VoicesFault::Write)?);
        export::write_voice(side, lasts, &mut wav).map_err(VoicesFault::Decode)?;
        wav.flush().map_err(VoicesFault::Write)?;
        *file = Some(path);
    }
    Ok(voices)
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::error!(%error, "voices made for the transcriber cannot be removed");
    }
}
