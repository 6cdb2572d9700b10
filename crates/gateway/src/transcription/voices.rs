//! Where does a transcriber find each voice of a recording?
//!
//! In WAV files of one channel, in a folder only we can read that is gone when the work is.

use std::{
    fs::{DirBuilder, File},
    io::{self, BufReader, BufWriter, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use audio::{
    export::{self, ExportError},
    pages::Packets,
};

use crate::recorder::FILES;

/// Under the recording's own folder: whatever removes that removes this.
const FOLDER: &str = "voices";

/// Why there are no files.
#[derive(Debug, thiserror::Error)]
pub(super) enum VoicesFault {
    #[error("the voices cannot be read")]
    Read(#[source] io::Error),
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
    /// Writes the files of a recording that lies in this folder.
    pub(super) async fn write(folder: PathBuf, lasts: Duration) -> Result<Self, VoicesFault> {
        let work = tokio::task::spawn_blocking(move || write(&folder, lasts));
        work.await.map_err(|_| VoicesFault::Stopped)?
    }

    pub(super) fn files(&self) -> [Option<&Path>; 2] {
        self.files.each_ref().map(Option::as_deref)
    }
}

impl Drop for Voices {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

fn write(recording: &Path, lasts: Duration) -> Result<Voices, VoicesFault> {
    let folder = recording.join(FOLDER);
    // A gateway that was killed may have left one.
    remove(&folder);
    let mut voices = Voices { folder, files: [None, None] };
    for (file, name) in voices.files.iter_mut().zip(FILES) {
        let side = match File::open(recording.join(name)) {
            Ok(side) => side,
            // A side without a file said nothing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(VoicesFault::Read(error)),
        };
        if !voices.folder.exists() {
            let made = DirBuilder::new().mode(0o700).create(&voices.folder);
            made.map_err(VoicesFault::Write)?;
        }
        let path = voices.folder.join(name).with_extension("wav");
        let mut wav = BufWriter::new(File::create(&path).map_err(VoicesFault::Write)?);
        export::write_voice(Packets::new(BufReader::new(side)), lasts, &mut wav)
            .map_err(VoicesFault::Decode)?;
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
