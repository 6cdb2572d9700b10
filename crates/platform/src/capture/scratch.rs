//! Where does a voice lie while a command reads it?
//!
//! In a folder that only this user can read: inside the data folder, where the next start removes what
//! a kill left behind, or without one among the machine's temporary files.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::store::StoreFault;

/// The folder inside the data folder.
const FOLDER: &str = "scratch";

/// Where folders of short lives are made.
#[derive(Debug, Clone)]
pub(crate) struct Scratch {
    base: PathBuf,
}

/// A folder that goes with all in it when dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
}

impl Scratch {
    /// Removes what an earlier run left in the data folder.
    pub(crate) fn open(data: Option<&Path>) -> Result<Self, StoreFault> {
        let Some(data) = data else { return Ok(Self { base: std::env::temp_dir() }) };
        let base = data.join(FOLDER);
        match std::fs::remove_dir_all(&base) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
                return Err(StoreFault::Folder(fault));
            }
            Ok(()) | Err(_) => {}
        }
        private(&base).map_err(StoreFault::Folder)?;
        Ok(Self { base })
    }

    /// A new folder, empty.
    pub(super) fn folder(&self) -> io::Result<Folder> {
        let path = self.base.join(format!("offhook-{}", uuid::Uuid::new_v4().simple()));
        private(&path)?;
        Ok(Folder { path })
    }
}

impl Folder {
    /// A new file in it, and where it lies.
    pub(super) fn file(&self, name: &str) -> io::Result<(File, PathBuf)> {
        let path = self.path.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok((file, path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(fault) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%fault, "a transcriber's folder is left behind");
        }
    }
}

fn private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn nobody_else_reads_it_and_nothing_is_left() {
        let data = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for data in [None, Some(data.path())] {
            let folder = Scratch::open(data).unwrap().folder().unwrap();
            let (_, path) = folder.file("a.wav").unwrap();
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
            drop(folder);
            assert!(!path.parent().unwrap().exists());
        }
        // A kill leaves the folder to the next start.
        let left = Scratch::open(Some(data.path())).unwrap().folder().unwrap();
        let (_, path) = left.file("a.wav").unwrap();
        std::mem::forget(left);
        Scratch::open(Some(data.path())).unwrap();
        assert!(!path.exists());
    }
}
