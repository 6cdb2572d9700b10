//! Where do the bytes lie?
//!
//! One file each in `media/` of the data folder, written under another name first, so that a kill
//! leaves the old state or the new; without a folder in memory, up to a bound.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use terms::MediaId;
use tokio::io::AsyncWriteExt as _;

use crate::store::StoreFault;

/// The folder inside the data folder.
const FOLDER: &str = "media";

/// Bytes kept in memory; a platform that keeps more wants a data folder.
const MEMORY_BYTES_MAX: usize = 1 << 30;

/// The bytes of all files.
#[derive(Debug)]
pub(super) enum Shelf {
    Folder(PathBuf),
    Memory(Mutex<BTreeMap<MediaId, Vec<u8>>>),
}

impl Shelf {
    pub(super) fn open(data: Option<&Path>) -> Result<Self, StoreFault> {
        let Some(data) = data else { return Ok(Self::Memory(Mutex::default())) };
        let folder = data.join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(StoreFault::Folder)?;
        Ok(Self::Folder(folder))
    }

    /// Removes every file of the folder that is none of these: what a kill left half done.
    pub(super) async fn keep_only(&self, known: &BTreeSet<MediaId>) -> Result<(), StoreFault> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let mut files = tokio::fs::read_dir(folder).await.map_err(StoreFault::File)?;
        while let Some(file) = files.next_entry().await.map_err(StoreFault::File)? {
            let id = file.file_name().to_str().and_then(|name| name.parse::<MediaId>().ok());
            if id.is_none_or(|id| !known.contains(&id)) {
                tokio::fs::remove_file(file.path()).await.map_err(StoreFault::File)?;
            }
        }
        Ok(())
    }

    pub(super) async fn put(&self, id: &MediaId, bytes: Vec<u8>) -> Result<(), StoreFault> {
        match self {
            Self::Folder(folder) => {
                write(folder, id.as_str(), &bytes).await.map_err(StoreFault::File)
            }
            Self::Memory(files) => {
                let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
                let held: usize = files.values().map(Vec::len).sum();
                if held + bytes.len() > MEMORY_BYTES_MAX {
                    return Err(StoreFault::File(ErrorKind::StorageFull.into()));
                }
                files.insert(id.clone(), bytes);
                Ok(())
            }
        }
    }

    pub(super) async fn get(&self, id: &MediaId) -> Result<Option<Vec<u8>>, StoreFault> {
        match self {
            Self::Folder(folder) => match tokio::fs::read(folder.join(id.as_str())).await {
                Ok(bytes) => Ok(Some(bytes)),
                Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(None),
                Err(fault) => Err(StoreFault::File(fault)),
            },
            Self::Memory(files) => {
                Ok(files.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned())
            }
        }
    }

    pub(super) async fn remove(&self, id: &MediaId) -> Result<(), StoreFault> {
        match self {
            Self::Folder(folder) => match tokio::fs::remove_file(folder.join(id.as_str())).await {
                Ok(()) => Ok(()),
                Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(()),
                Err(fault) => Err(StoreFault::File(fault)),
            },
            Self::Memory(files) => {
                files.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
                Ok(())
            }
        }
    }
}

async fn write(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = folder.join(format!("{name}.part"));
    let mut file = tokio::fs::File::create(&unfinished).await?;
    file.write_all(bytes).await?;
    file.sync_all().await?;
    tokio::fs::rename(unfinished, folder.join(name)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_kept_replaced_and_removed_in_both_places() {
        let folder = tempfile::tempdir().unwrap();
        let id: MediaId = "1002700000000001".parse().unwrap();
        for data in [None, Some(folder.path())] {
            let shelf = Shelf::open(data).unwrap();
            assert_eq!(shelf.get(&id).await.unwrap(), None);
            shelf.put(&id, b"one".to_vec()).await.unwrap();
            shelf.put(&id, b"two".to_vec()).await.unwrap();
            assert_eq!(shelf.get(&id).await.unwrap().unwrap(), b"two");
            shelf.remove(&id).await.unwrap();
            shelf.remove(&id).await.unwrap();
            assert_eq!(shelf.get(&id).await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn what_a_kill_left_behind_is_removed() {
        let data = tempfile::tempdir().unwrap();
        let shelf = Shelf::open(Some(data.path())).unwrap();
        let [known, orphan]: [MediaId; 2] =
            ["1002700000000001", "1002700000000002"].map(|id| id.parse().unwrap());
        shelf.put(&known, b"one".to_vec()).await.unwrap();
        shelf.put(&orphan, b"two".to_vec()).await.unwrap();
        let half = data.path().join(FOLDER).join("1002700000000003.part");
        std::fs::write(&half, b"thr").unwrap();
        shelf.keep_only(&BTreeSet::from([known.clone()])).await.unwrap();
        assert!(shelf.get(&known).await.unwrap().is_some());
        assert!(shelf.get(&orphan).await.unwrap().is_none() && !half.exists());
    }
}
