//! How does a recording that somebody else made come to lie on disk?
//!
//! What comes is written into a file without a name, encrypted where there is a key: a kill leaves
//! nothing. Once all of it is there and is what was told of, it is taken apart into the files that every
//! recording has.

use std::{
    fs::{DirBuilder, File},
    io::{self, Seek as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use audio::{
    FRAME_MS,
    apart::{Apart, ApartError},
    pages::{PRE_SKIP, Writer},
};
use sha2::{Digest as _, Sha256};

use super::{
    FILES,
    kept::{self, Kept, Sink},
    sealed::{Cut, OpenFault},
};
use crate::config::RecordingKey;

/// What binds what came to its recording, among its files.
const CAME: &str = "came";

/// A recording that is coming.
#[derive(Debug)]
pub(crate) struct Intake {
    folder: PathBuf,
    id: String,
    key: Option<RecordingKey>,
    sink: Sink,
    hash: Sha256,
}

/// What was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How long it plays.
    pub(crate) lasts: Duration,
    /// Whether both parties are in one.
    pub(crate) mixed: bool,
}

/// Why it was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeFault {
    /// What came is not what was told of.
    #[error("what came is not the file that the platform told of")]
    Changed,
    /// It is no sound.
    #[error("what came is no recording")]
    Sound(#[source] ApartError),
    /// The disk.
    #[error("it cannot be written or read on this machine")]
    Disk(#[source] io::Error),
}

impl Intake {
    pub(super) fn begin(folder: &Path, id: String, key: Option<RecordingKey>) -> io::Result<Self> {
        let file = tempfile::tempfile_in(folder)?;
        let sink = Sink::onto(file, key.as_ref(), &kept::name(&id, CAME))?;
        Ok(Self { folder: folder.join(&id), id, key, sink, hash: Sha256::new() })
    }

    /// The next piece of the file.
    ///
    /// # Errors
    ///
    /// The disk.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Result<(), IntakeFault> {
        self.hash.update(piece);
        self.sink.write(piece, false).map_err(IntakeFault::Disk)
    }

    /// All is there: this is its SHA-256.
    ///
    /// # Errors
    ///
    /// [`IntakeFault`]; then there are no files.
    pub(crate) fn finish(mut self, sha256: &[u8]) -> Result<Taken, IntakeFault> {
        if self.hash.finalize_reset().as_slice() != sha256 {
            return Err(IntakeFault::Changed);
        }
        self.sink.write(&[], true).map_err(IntakeFault::Disk)?;
        // A try that was killed may have left them.
        remove(&self.folder).map_err(IntakeFault::Disk)?;
        let folder = self.folder.clone();
        let taken = self.take_apart();
        if taken.is_err() {
            remove(&folder).map_err(IntakeFault::Disk)?;
        }
        taken
    }

    fn take_apart(self) -> Result<Taken, IntakeFault> {
        let Self { folder, id, key, sink, hash: _ } = self;
        let mut apart = Apart::open(reader(sink.into_file(), key.as_ref(), &id)?)
            .map_err(IntakeFault::Sound)?;
        DirBuilder::new().mode(0o700).create(&folder).map_err(IntakeFault::Disk)?;
        let side = |serial, file: &str| {
            let sink = Sink::create(&folder.join(file), key.as_ref(), &kept::name(&id, file))?;
            Side::begin(sink, serial)
        };
        let [business, user] = FILES;
        let mixed = apart.is_mixed();
        // Nobody knows whose words one channel has; they lie where a message lies.
        let business = if mixed { None } else { Some(side(1, business)) };
        let mut business = business.transpose().map_err(IntakeFault::Disk)?;
        let mut user = side(2, user).map_err(IntakeFault::Disk)?;
        let mut frames = 0;
        while let Some([said, heard]) = apart.next_frame().map_err(IntakeFault::Sound)? {
            frames += 1;
            if let Some(business) = &mut business {
                business.push(&said).map_err(IntakeFault::Disk)?;
            }
            user.push(&heard).map_err(IntakeFault::Disk)?;
        }
        for side in business.into_iter().chain([user]) {
            side.end().map_err(IntakeFault::Disk)?;
        }
        Ok(Taken { lasts: Duration::from_millis(u64::from(FRAME_MS)) * frames, mixed })
    }
}

fn reader(mut file: File, key: Option<&RecordingKey>, id: &str) -> Result<Kept, IntakeFault> {
    let keys: Vec<RecordingKey> = key.cloned().into_iter().collect();
    file.rewind().map_err(IntakeFault::Disk)?;
    // What begins like no Ogg is told by who reads it.
    Kept::of(file, &keys, &kept::name(id, CAME), Cut::Read).map_err(|fault| match fault {
        OpenFault::Read(error) => IntakeFault::Disk(error),
        OpenFault::Key(_) | OpenFault::Damaged | OpenFault::Form => {
            IntakeFault::Disk(io::Error::other(fault))
        }
    })
}

fn remove(folder: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// One side's file.
#[derive(Debug)]
struct Side {
    writer: Writer,
    sink: Sink,
}

impl Side {
    fn begin(sink: Sink, serial: u32) -> io::Result<Self> {
        let writer = Writer::new(1, PRE_SKIP, serial).map_err(io::Error::other)?;
        Ok(Self { writer, sink })
    }

    fn push(&mut self, packet: &[u8]) -> io::Result<()> {
        self.writer.push(packet).map_err(io::Error::other)?;
        let pages = self.writer.take();
        if pages.is_empty() { Ok(()) } else { self.sink.write(&pages, false) }
    }

    fn end(mut self) -> io::Result<()> {
        self.writer.end().map_err(io::Error::other)?;
        self.sink.write(&self.writer.take(), true)
    }
}

#[cfg(test)]
mod tests {
    use audio::{
        export::{self, Channels},
        prompt, tone,
    };

    use super::*;
    use crate::{config, recorder::Recorder};

    fn file(channels: Channels) -> Vec<u8> {
        let sides = [440.0, 660.0]
            .map(|hz| prompt::encode(&tone::sine(hz, -12.0, 1_000)).unwrap().into_iter());
        let mut file = Vec::new();
        export::write_ogg(sides, channels, Duration::from_secs(1), &mut file).unwrap();
        file
    }

    fn taken(
        recorder: &Recorder,
        file: &[u8],
        told: &[u8],
    ) -> Result<(Taken, [bool; 2]), IntakeFault> {
        let mut intake = recorder.intake("rec_1".into()).map_err(IntakeFault::Disk)?;
        for piece in file.chunks(700) {
            intake.take(piece)?;
        }
        let taken = intake.finish(&Sha256::digest(told))?;
        let sides = recorder.open("rec_1", Cut::Refused);
        let sides = sides.map_err(|fault| IntakeFault::Disk(io::Error::other(fault)))?;
        let is_there = sides.each_ref().map(Option::is_some);
        for side in sides.into_iter().flatten() {
            assert!(side.count().abs_diff(51) <= 1);
        }
        Ok((taken, is_there))
    }

    #[test]
    fn two_channels_become_the_two_files_of_a_recording_encrypted_or_not() {
        let data = tempfile::tempdir().unwrap();
        let key = RecordingKey::new("key".into(), [7; 32]);
        for key in [None, Some(key)] {
            let config = config::Recording { key: key.clone(), ..config::Recording::default() };
            let recorder = Recorder::start(Some(data.path()), &config).unwrap();
            let stereo = file(Channels::Stereo);
            // The second one finds what the first one left.
            let (got, sides) = taken(&recorder, &stereo, &stereo).unwrap();
            assert!(got.lasts.abs_diff(Duration::from_secs(1)) <= Duration::from_millis(40));
            assert_eq!((got.mixed, sides), (false, [true, true]));
            let on_disk = std::fs::read(recorder.folder_of("rec_1").join(FILES[0])).unwrap();
            assert_eq!(on_disk.starts_with(b"OggS"), key.is_none());
        }
    }

    #[test]
    fn one_channel_is_both_in_one() {
        let recorder = Recorder::start(None, &config::Recording::default()).unwrap();
        let mono = file(Channels::Mixed);
        let (got, sides) = taken(&recorder, &mono, &mono).unwrap();
        assert_eq!((got.mixed, sides), (true, [false, true]));
    }

    #[test]
    fn what_is_not_what_was_told_of_or_no_sound_leaves_nothing() {
        let recorder = Recorder::start(None, &config::Recording::default()).unwrap();
        let stereo = file(Channels::Stereo);
        let changed = taken(&recorder, &stereo, b"something else");
        assert!(matches!(changed, Err(IntakeFault::Changed)), "{changed:?}");
        for no_sound in [b"<html>".as_slice(), &stereo[..40], b""] {
            let fault = taken(&recorder, no_sound, no_sound);
            assert!(matches!(fault, Err(IntakeFault::Sound(_))), "{fault:?}");
        }
        assert_eq!(std::fs::read_dir(recorder.folder()).unwrap().count(), 0);
    }
}
