//! Where do recordings lie once they are made?
//!
//! Where the configuration names a bucket, in it: [`porter`] brings them there and removes them. What is
//! brought is read back before it is believed, and what is fetched is compared with what was brought.

mod fault;
pub(crate) mod porter;

use std::{path::Path, sync::Arc};

use futures_util::TryStreamExt as _;
use object_store::{
    BackoffConfig, ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload,
    RetryConfig, aws::AmazonS3Builder, path::Path as Key,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWrite, AsyncWriteExt as _},
    sync::Semaphore,
};

pub(crate) use fault::BucketFault;

use crate::{config, recorder::FILES};

/// Bytes that are sent at once; what is longer goes in parts.
const PART: usize = 8 * 1024 * 1024;
/// How many recordings are fetched at a time.
const FETCHED_MAX: usize = 8;
/// How long a connection may take.
const CONNECT_MAX: std::time::Duration = std::time::Duration::from_secs(5);
/// How long a request is repeated at once; the porter waits longer between its own.
const REPEATED_FOR: std::time::Duration = std::time::Duration::from_secs(10);

/// What the doctor leaves there for a moment.
const TRIED_OUT: &[u8] = b"offhook doctor";

/// A bucket. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    store: Arc<dyn ObjectStore>,
    prefix: Arc<str>,
    fetches: Arc<Semaphore>,
}

/// A side as it lies in the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Brought {
    /// Which file of the recording.
    pub name: String,
    pub bytes: u64,
    /// What it must hash to, in hexadecimal.
    pub sha256: String,
}

/// What the bucket does with what is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forgets {
    /// It is gone.
    All,
    /// It keeps versions: what is removed is still there.
    Nothing,
}

impl Bucket {
    /// The bucket of this configuration; nobody is asked yet.
    ///
    /// # Errors
    ///
    /// The client cannot be made.
    pub(crate) fn open(config: &config::Bucket) -> Result<Self, BucketFault> {
        let client = ClientOptions::new()
            .with_connect_timeout(CONNECT_MAX)
            .with_timeout_disabled()
            .with_read_timeout(config.timeout);
        let retry = RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: 2,
            retry_timeout: REPEATED_FOR,
        };
        let mut builder = AmazonS3Builder::new()
            .with_client_options(client)
            .with_retry(retry)
            .with_region(&config.region)
            .with_bucket_name(&config.name)
            .with_access_key_id(config.access_key.expose())
            .with_secret_access_key(config.secret_key.expose())
            .with_virtual_hosted_style_request(!config.path_style)
            // Not every store takes many names in one request.
            .with_disable_bulk_delete(true);
        if let Some(endpoint) = &config.endpoint {
            builder = builder
                .with_allow_http(endpoint.scheme() == "http")
                .with_endpoint(endpoint.as_str().trim_end_matches('/'));
        }
        let store = builder.build().map_err(BucketFault::of)?;
        Ok(Self::of(Arc::new(store), &config.prefix))
    }

    /// A bucket in this store.
    pub(crate) fn of(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        let fetches = Arc::new(Semaphore::new(FETCHED_MAX));
        Self { store, prefix: prefix.into(), fetches }
    }

    /// What stands in front of every recording's id.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Brings a recording's files from this folder to this path; those that are not there are left out.
    pub(crate) async fn bring(
        &self,
        folder: &Path,
        path: &str,
    ) -> Result<Vec<Brought>, BucketFault> {
        let mut brought = Vec::new();
        for name in FILES {
            let file = match File::open(folder.join(name)).await {
                Ok(file) => file,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(BucketFault::Disk(error)),
            };
            let side = self.send(name, path, file).await?;
            self.copy(path, &side, &mut tokio::io::sink()).await?;
            brought.push(side);
        }
        Ok(brought)
    }

    /// Fetches a recording's sides into files under this folder that nobody else sees, in the order of
    /// channels.
    pub(crate) async fn fetch(
        &self,
        path: &str,
        brought: &[Brought],
        folder: &Path,
    ) -> Result<[Option<std::fs::File>; 2], BucketFault> {
        let _seat = self.fetches.acquire().await;
        let mut files = [None, None];
        for (file, name) in files.iter_mut().zip(FILES) {
            let Some(side) = brought.iter().find(|side| side.name == name) else { continue };
            // Without a name: a kill leaves nothing.
            let here = tempfile::tempfile_in(folder).map_err(BucketFault::Disk)?;
            let mut here = File::from_std(here);
            self.copy(path, side, &mut here).await?;
            here.rewind().await.map_err(BucketFault::Disk)?;
            *file = Some(here.into_std().await);
        }
        Ok(files)
    }

    /// Removes a recording's files, whichever of them are there.
    pub(crate) async fn remove(&self, path: &str) -> Result<(), BucketFault> {
        for name in FILES {
            match self.store.delete(&key(path, name)).await.map_err(BucketFault::of) {
                Ok(()) | Err(BucketFault::Lost) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(())
    }

    /// Writes, reads and removes something that is nobody's. Its name is the same each time: one that a
    /// silent bucket took late goes with the next.
    pub(crate) async fn try_out(&self) -> Result<Forgets, BucketFault> {
        let key = key(&self.prefix, ".doctor");
        let put = self.store.put(&key, PutPayload::from_static(TRIED_OUT)).await;
        let put = put.map_err(BucketFault::of)?;
        let read = async { self.store.get(&key).await?.bytes().await }.await;
        // What cannot be read is removed all the same.
        self.store.delete(&key).await.map_err(BucketFault::of)?;
        if read.map_err(BucketFault::of)? != TRIED_OUT {
            return Err(BucketFault::Changed);
        }
        Ok(if put.version.is_some() { Forgets::Nothing } else { Forgets::All })
    }

    async fn send(&self, name: &str, path: &str, mut file: File) -> Result<Brought, BucketFault> {
        let key = key(path, name);
        let mut sum = Sum::default();
        let first = sum.part(&mut file).await?;
        if first.len() < PART {
            self.store.put(&key, first.into()).await.map_err(BucketFault::of)?;
            return Ok(sum.of(name));
        }
        let mut upload = self.store.put_multipart(&key).await.map_err(BucketFault::of)?;
        let sent = send_parts(upload.as_mut(), first, &mut sum, &mut file).await;
        if let Err(fault) = sent {
            if let Err(error) = upload.abort().await {
                tracing::debug!(%error, "the parts of a file stay in the bucket");
            }
            return Err(fault);
        }
        Ok(sum.of(name))
    }

    /// Copies what was brought; all of it, or it is not believed.
    async fn copy(
        &self,
        path: &str,
        brought: &Brought,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<(), BucketFault> {
        let got = self.store.get(&key(path, &brought.name)).await.map_err(BucketFault::of)?;
        if got.meta.size != brought.bytes {
            return Err(BucketFault::Changed);
        }
        let (mut sum, mut pieces) = (Sum::default(), got.into_stream());
        while let Some(piece) = pieces.try_next().await.map_err(BucketFault::of)? {
            sum.add(&piece);
            to.write_all(&piece).await.map_err(BucketFault::Disk)?;
        }
        to.flush().await.map_err(BucketFault::Disk)?;
        if sum.of(&brought.name) == *brought { Ok(()) } else { Err(BucketFault::Changed) }
    }
}

fn key(path: &str, name: &str) -> Key {
    Key::from_iter(path.split('/').filter(|part| !part.is_empty()).chain([name]))
}

async fn send_parts(
    upload: &mut dyn MultipartUpload,
    first: Vec<u8>,
    sum: &mut Sum,
    file: &mut File,
) -> Result<(), BucketFault> {
    let mut part = first;
    while !part.is_empty() {
        upload.put_part(part.into()).await.map_err(BucketFault::of)?;
        part = sum.part(file).await?;
    }
    upload.complete().await.map(drop).map_err(BucketFault::of)
}

/// What a file has so far.
#[derive(Default)]
struct Sum {
    hash: Sha256,
    bytes: u64,
}

impl Sum {
    /// The next bytes of a file, as many as are sent at once.
    async fn part(&mut self, file: &mut File) -> Result<Vec<u8>, BucketFault> {
        let mut part = Vec::new();
        let read = file.take(PART as u64).read_to_end(&mut part).await;
        read.map_err(BucketFault::Disk)?;
        self.add(&part);
        Ok(part)
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn of(self, name: &str) -> Brought {
        use std::fmt::Write as _;
        let sha256 = self.hash.finalize().iter().fold(String::new(), |mut text, byte| {
            let written = write!(text, "{byte:02x}");
            debug_assert!(written.is_ok(), "a String takes all");
            text
        });
        Brought { name: name.to_owned(), bytes: self.bytes, sha256 }
    }
}
