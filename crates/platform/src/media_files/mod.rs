//! Where are the files a business uploads, and those of its voicemails and recordings?
//!
//! A document says what a file is and until when it lives; its bytes lie in the data folder, or in
//! memory without one. The rules decide what may be uploaded and for how long; [`sweep`] deletes by
//! the platform's clock. A file is fetched by a link that works for minutes and is signed with the
//! file's own key, so that an old link says nothing about a new one.

mod shelf;

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rules::media_files::{self as law, UseCase};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use terms::{MediaId, PhoneNumberId, Timestamp};
use tokio::sync::Notify;
use wire::webhook::signature;

use crate::{
    api::chain,
    directory::{Number, same_secret},
    ids::Stream,
    store::{Kind, StoreFault},
    world::World,
};
use shelf::Shelf;

/// The path of every link, as in WhatsApp's.
pub(crate) const LINK_PATH: &str = "/whatsapp_business/attachments/";

/// The first digits of an id, as in the fact sheet's examples; the rest is random.
const ID_PREFIX: &str = "10027";

/// Random digits of an id.
const ID_DIGITS: u32 = 11;

/// A file about to be kept.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) number: PhoneNumberId,
    pub(crate) mime: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) use_case: UseCase,
    pub(crate) description: Option<String>,
}

/// What is known about a file.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct MediaFile {
    pub(crate) id: MediaId,
    pub(crate) number: PhoneNumberId,
    pub(crate) mime: String,
    /// SHA-256 of the bytes, in base64.
    pub(crate) sha256: String,
    pub(crate) size: u64,
    pub(crate) use_case: UseCase,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) added_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<Timestamp>,
    /// Signs the file's links.
    key: String,
}

impl std::fmt::Debug for MediaFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaFile").field("id", &self.id).field("mime", &self.mime).finish()
    }
}

/// The bytes of all files, and when the next one is to go.
#[derive(Debug)]
pub(crate) struct MediaFiles {
    shelf: Shelf,
    next_expiry_ms: AtomicI64,
    sooner: Notify,
}

impl MediaFiles {
    /// Files in `folder`, or in memory without one.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, StoreFault> {
        let shelf = Shelf::open(folder)?;
        Ok(Self { shelf, next_expiry_ms: AtomicI64::new(i64::MAX), sooner: Notify::new() })
    }
}

/// Keeps a file whose content the rules have let through; its life follows from its use.
pub(crate) async fn add(world: &World, new: NewFile) -> Result<MediaFile, StoreFault> {
    let now = world.clock.now();
    let lifetime_of = |number: &Number| law::expires_at(new.use_case, now, &world.book(number));
    let number = world.directory.number(&new.number);
    let file = MediaFile {
        id: new_id(world),
        number: new.number,
        mime: new.mime,
        sha256: BASE64_STANDARD.encode(Sha256::digest(&new.bytes)),
        size: new.bytes.len() as u64,
        use_case: new.use_case,
        description: new.description,
        added_at: now,
        expires_at: number.and_then(|number| lifetime_of(&number)),
        key: world.ids.uuid(Stream::Media).simple().to_string(),
    };
    // The bytes first: a document without bytes would be a lie, bytes without a document are
    // removed by the next start.
    world.media_files.shelf.put(&file.id, new.bytes).await?;
    world.store.save(Kind::MediaFile, file.id.as_str(), &file).await?;
    let ends_ms = file.expires_at.map_or(i64::MAX, Timestamp::unix_ms);
    if ends_ms < world.media_files.next_expiry_ms.load(Ordering::Relaxed) {
        world.media_files.sooner.notify_one();
    }
    Ok(file)
}

/// A file that lives.
pub(crate) async fn find(world: &World, id: &MediaId) -> Result<Option<MediaFile>, StoreFault> {
    let file: Option<MediaFile> = world.store.load(Kind::MediaFile, id.as_str()).await?;
    let now = world.clock.now();
    Ok(file.filter(|file| !is_over(file, now)))
}

/// The bytes of a file.
pub(crate) async fn bytes(world: &World, id: &MediaId) -> Result<Option<Vec<u8>>, StoreFault> {
    world.media_files.shelf.get(id).await
}

/// Deletes a file.
pub(crate) async fn remove(world: &World, id: &MediaId) -> Result<(), StoreFault> {
    world.store.remove(Kind::MediaFile, Some(id.as_str())).await?;
    world.media_files.shelf.remove(id).await
}

/// A link to a file that works from now on, for as long as the rules say.
pub(crate) fn link(world: &World, number: &Number, file: &MediaFile) -> String {
    let until = law::link_until(world.clock.now(), &world.book(number)).unix();
    let (base, id) = (world.public_url(), &file.id);
    format!("{base}{LINK_PATH}?mid={id}&ext={until}&hash={}", link_hash(file, until))
}

/// Whether a link's end and hash open this file now.
pub(crate) fn opens(file: &MediaFile, until: i64, hash: &str, now: Timestamp) -> bool {
    now < Timestamp::from_unix(until) && same_secret(&link_hash(file, until), hash)
}

fn link_hash(file: &MediaFile, until: i64) -> String {
    let signed = signature::sign(&file.key, format!("{}/{until}", file.id).as_bytes());
    signed.trim_start_matches("sha256=").to_owned()
}

/// The bytes of every file, in base64, for a snapshot; the documents are the store's.
pub(crate) async fn contents(world: &World) -> Result<BTreeMap<MediaId, String>, StoreFault> {
    let files: Vec<MediaFile> = world.store.load_all(Kind::MediaFile).await?;
    let mut contents = BTreeMap::new();
    for file in files {
        if let Some(bytes) = world.media_files.shelf.get(&file.id).await? {
            contents.insert(file.id, BASE64_STANDARD.encode(bytes));
        }
    }
    Ok(contents)
}

/// Puts the bytes of a snapshot back.
///
/// # Errors
///
/// A text that is not base64 is left out and told; the store's faults are answered.
pub(crate) async fn restore(
    world: &World,
    contents: BTreeMap<MediaId, String>,
) -> Result<(), StoreFault> {
    for (id, text) in contents {
        match BASE64_STANDARD.decode(text) {
            Ok(bytes) => world.media_files.shelf.put(&id, bytes).await?,
            Err(fault) => tracing::warn!(media = %id, %fault, "a file of a snapshot is unreadable"),
        }
    }
    world.media_files.sooner.notify_one();
    Ok(())
}

/// Removes the bytes that no document knows, before anything is added: what a kill left behind.
pub(crate) async fn tidy(world: &World) -> Result<(), StoreFault> {
    let files: Vec<MediaFile> = world.store.load_all(Kind::MediaFile).await?;
    let known = files.into_iter().map(|file| file.id).collect();
    world.media_files.shelf.keep_only(&known).await
}

/// Deletes what is over, whenever the platform's clock says so, until the server stops.
pub(crate) async fn sweep(world: Arc<World>) {
    loop {
        let next = match sweep_once(&world).await {
            Ok(next) => next,
            Err(fault) => {
                tracing::error!(fault = %chain(&fault), "cannot delete old media files");
                None
            }
        };
        world
            .media_files
            .next_expiry_ms
            .store(next.map_or(i64::MAX, Timestamp::unix_ms), Ordering::Relaxed);
        tokio::select! {
            () = until(&world, next) => {}
            () = world.media_files.sooner.notified() => {}
            () = world.stopped.cancelled() => return,
        }
    }
}

async fn until(world: &World, at: Option<Timestamp>) {
    match at {
        Some(at) => world.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Deletes what is over now; answers when the next file is.
async fn sweep_once(world: &World) -> Result<Option<Timestamp>, StoreFault> {
    let files: Vec<MediaFile> = world.store.load_all(Kind::MediaFile).await?;
    let now = world.clock.now();
    let (over, live): (Vec<_>, Vec<_>) = files.into_iter().partition(|file| is_over(file, now));
    for file in over {
        remove(world, &file.id).await?;
    }
    Ok(live.iter().filter_map(|file| file.expires_at).min())
}

fn is_over(file: &MediaFile, now: Timestamp) -> bool {
    file.expires_at.is_some_and(|at| at <= now)
}

fn new_id(world: &World) -> MediaId {
    let rest = world.ids.number(Stream::Media) % 10u64.pow(ID_DIGITS);
    let digits = ID_DIGITS as usize;
    format!("{ID_PREFIX}{rest:0digits$}").parse().expect("only digits")
}
