//! Where do recordings lie, and what of them outlives the gateway?

use std::{
    fs::{DirBuilder, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// A folder that only we can read.
#[derive(Debug)]
pub(super) enum Folder {
    /// Beside the database.
    Kept(PathBuf),
    /// Gone with the last who holds it.
    Temporary(TempDir),
}

impl Folder {
    /// Makes it under the data folder, or a temporary one where there is none.
    pub(super) fn open(data: Option<&Path>) -> io::Result<Self> {
        let Some(data) = data else {
            let ours = Permissions::from_mode(0o700);
            let folder = tempfile::Builder::new().prefix("offhook-").permissions(ours).tempdir();
            return folder.map(Self::Temporary);
        };
        let path = data.join("recordings");
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        Ok(Self::Kept(path))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// Removes a temporary one now: a process that ends waits for nobody who holds it.
    pub(super) fn close(&self) {
        let Self::Temporary(folder) = self else { return };
        if let Err(error) = std::fs::remove_dir_all(folder.path())
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::error!(%error, "recordings that nobody keeps cannot be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_beside_the_database_stays() {
        let data = tempfile::tempdir().unwrap();
        for data in [Some(data.path()), None] {
            for closed in [false, true] {
                let folder = Folder::open(data).unwrap();
                let path = folder.path().to_owned();
                assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0);
                std::fs::write(path.join("user.opus"), "OggS").unwrap();
                if closed {
                    folder.close();
                    assert_eq!(path.exists(), data.is_some());
                }
                drop(folder);
                assert_eq!(path.exists(), data.is_some(), "closed: {closed}");
            }
        }
    }
}
