//! How does a side lie on disk, and how is it read again?
//!
//! As Ogg Opus, encrypted where the business gave a key. What was written without one is read as it is.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use audio::pages::Packets;

use super::{
    FILES,
    sealed::{self, Cut, OpenFault, Sealed, Sealer},
};
use crate::config::RecordingKey;

/// What was said in a recording, among its files.
const TEXT: &str = "transcript";
/// What a plain file begins with.
const OGG: &[u8] = b"OggS";

/// The sides of a recording, in the order of channels; those who said nothing have none.
pub(crate) type Sides = [Option<Packets<Kept>>; 2];

/// Opens the sides of a recording whose files lie in this folder.
pub(super) fn open(
    folder: &Path,
    id: &str,
    keys: &[RecordingKey],
    cut: Cut,
) -> Result<Sides, OpenFault> {
    let [business, user] = FILES.map(|file| opened(&folder.join(file)));
    sides([business?, user?], id, keys, cut)
}

/// The sides of a recording in these files.
pub(super) fn sides(
    files: [Option<File>; 2],
    id: &str,
    keys: &[RecordingKey],
    cut: Cut,
) -> Result<Sides, OpenFault> {
    let side = |file: Option<File>, at| {
        let kept = file.map(|file| Kept::of(file, keys, &name(id, at), cut)).transpose()?;
        Ok(kept.map(Packets::new))
    };
    let [business, user] = files;
    let [of_business, of_user] = FILES;
    Ok([side(business, of_business)?, side(user, of_user)?])
}

/// `None` when there is no such file.
fn opened(path: &Path) -> Result<Option<File>, OpenFault> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(OpenFault::Read(error)),
    }
}

/// A text that belongs to a recording, encrypted where there is a key.
pub(super) fn seal(id: &str, key: Option<&RecordingKey>, text: Vec<u8>) -> io::Result<Vec<u8>> {
    let Some(key) = key else { return Ok(text) };
    let (mut sealer, mut sealed) = Sealer::new(key, &name(id, TEXT), rand::random())?;
    sealed.extend(sealer.seal(&text, true)?);
    Ok(sealed)
}

/// The text again; what was kept without a key as it is.
pub(super) fn unseal(id: &str, keys: &[RecordingKey], kept: Vec<u8>) -> Result<Vec<u8>, OpenFault> {
    if !sealed::is_sealed(&kept) {
        return Ok(kept);
    }
    let mut text = Vec::new();
    let mut sealed = Sealed::open(Cursor::new(kept), keys, &name(id, TEXT), Cut::Refused)?;
    sealed.read_to_end(&mut text).map_err(OpenFault::Read)?;
    Ok(text)
}

/// What binds a file to its place: no file is believed in another's.
pub(super) fn name(id: &str, file: &str) -> String {
    format!("{id}/{file}")
}

/// A side's file being written.
#[derive(Debug)]
pub(super) struct Sink {
    file: File,
    sealer: Option<Sealer>,
}

impl Sink {
    /// Makes the file, which only we may read.
    pub(super) fn create(path: &Path, key: Option<&RecordingKey>, name: &str) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Self::onto(file, key, name)
    }

    /// Writes into this file.
    pub(super) fn onto(file: File, key: Option<&RecordingKey>, name: &str) -> io::Result<Self> {
        let mut sink = Self { file, sealer: None };
        if let Some(key) = key {
            let (sealer, head) = Sealer::new(key, name, rand::random())?;
            sink.file.write_all(&head)?;
            sink.sealer = Some(sealer);
        }
        Ok(sink)
    }

    /// The file, once everything is written.
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Writes whole pages; nothing comes after the last.
    pub(super) fn write(&mut self, pages: &[u8], are_last: bool) -> io::Result<()> {
        match &mut self.sealer {
            Some(sealer) => self.file.write_all(&sealer.seal(pages, are_last)?),
            None => self.file.write_all(pages),
        }
    }
}

/// A side's file being read.
#[derive(Debug)]
pub(crate) enum Kept {
    /// As it was written.
    Plain(BufReader<File>),
    /// Encrypted.
    Sealed(Box<Sealed<BufReader<File>>>),
}

impl Kept {
    pub(super) fn of(
        file: File,
        keys: &[RecordingKey],
        name: &str,
        cut: Cut,
    ) -> Result<Self, OpenFault> {
        let mut begins = Vec::new();
        (&file).take(16).read_to_end(&mut begins).map_err(OpenFault::Read)?;
        let mut file = BufReader::new(file);
        file.rewind().map_err(OpenFault::Read)?;
        if !sealed::is_sealed(&begins) {
            if cut == Cut::Refused && !begins.starts_with(OGG) {
                return Err(OpenFault::Damaged);
            }
            return Ok(Self::Plain(file));
        }
        Ok(Self::Sealed(Box::new(Sealed::open(file, keys, name, cut)?)))
    }
}

impl Read for Kept {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(out),
            Self::Sealed(file) => file.read(out),
        }
    }
}

impl Seek for Kept {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Plain(file) => file.seek(to),
            Self::Sealed(file) => file.seek(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path, keys: &[RecordingKey], cut: Cut) -> Result<Vec<u8>, OpenFault> {
        let file = opened(&folder.join("user.opus"))?.unwrap();
        let mut bytes = Vec::new();
        Kept::of(file, keys, "rec_1/user.opus", cut)?
            .read_to_end(&mut bytes)
            .map_err(OpenFault::Read)?;
        Ok(bytes)
    }

    #[test]
    fn a_text_is_read_with_its_key_and_of_its_own_recording_alone() {
        let key = |byte| RecordingKey::new("key".into(), [byte; 32]);
        let text = b"{\"text\": \"bom dia\"}".to_vec();
        let plain = seal("rec_1", None, text.clone()).unwrap();
        assert_eq!((&plain, unseal("rec_1", &[], plain.clone()).unwrap()), (&text, text.clone()));
        let sealed = seal("rec_1", Some(&key(1)), text.clone()).unwrap();
        assert!(!sealed.windows(7).any(|part| part == b"bom dia"));
        assert_eq!(unseal("rec_1", &[key(2), key(1)], sealed.clone()).unwrap(), text);
        let without = unseal("rec_1", &[key(2)], sealed.clone());
        assert!(matches!(without, Err(OpenFault::Key(id)) if id == key(1).id()));
        let cut = sealed[..sealed.len() - 1].to_vec();
        for (id, kept) in [("rec_2", sealed), ("rec_1", cut)] {
            assert!(matches!(unseal(id, &[key(1)], kept), Err(OpenFault::Damaged)), "{id}");
        }
    }

    #[test]
    fn what_was_written_before_there_was_a_key_is_read_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user.opus");
        let key = RecordingKey::new("key".into(), [1; 32]);
        for key in [None, Some(&key)] {
            let mut sink = Sink::create(&path, key, "rec_1/user.opus").unwrap();
            sink.write(b"OggS one", false).unwrap();
            sink.write(b", two", true).unwrap();
            let keys: Vec<RecordingKey> = vec![RecordingKey::new("key".into(), [1; 32])];
            assert_eq!(read(folder.path(), &keys, Cut::Refused).unwrap(), b"OggS one, two");
            let mut file = std::fs::read(&path).unwrap();
            assert_eq!(file.starts_with(b"OggS"), key.is_none());
            file[0] ^= 1;
            std::fs::write(&path, file).unwrap();
            assert!(matches!(read(folder.path(), &keys, Cut::Refused), Err(OpenFault::Damaged)));
            std::fs::remove_file(&path).unwrap();
        }
        assert!(matches!(opened(&path), Ok(None)));
    }
}
