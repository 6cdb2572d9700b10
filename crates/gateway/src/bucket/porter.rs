//! Who brings recordings to the bucket, and removes them there?
//!
//! One task. What it owes stands in the store, so a gateway that was killed goes on where it was. A file
//! that was written here goes once the row says that it lies there. While the bucket does not answer or
//! let us in, one task at a time tries, less and less often; what is wrong with one file alone waits by
//! itself.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{sleep, timeout},
};

use super::{Bucket, BucketFault};
use crate::{
    clock,
    metrics::Metrics,
    recorder::{FILES, Recorder},
    store::{Owed, Store, StoreError, Task},
};

/// How often it is looked for work.
const EVERY: Duration = Duration::from_secs(1);
/// How many recordings are carried at a time.
const CARRIED_MAX: usize = 4;
/// The first wait after a fault; each next one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// The longest wait for the bucket.
const BUCKET_WAIT_MAX: Duration = Duration::from_secs(60);
/// The longest wait for one file.
const FILE_WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Who carries files. Clones share all it has.
#[derive(Debug, Clone)]
pub(crate) struct Porter {
    pub(crate) store: Store,
    pub(crate) recorder: Recorder,
    pub(crate) bucket: Bucket,
    pub(crate) metrics: Arc<Metrics>,
}

/// Why a task was not done.
#[derive(Debug, thiserror::Error)]
enum CarryFault {
    #[error(transparent)]
    Bucket(#[from] BucketFault),
    #[error("the database does not say that it is done")]
    Store(#[from] StoreError),
    #[error("it was not done to its end")]
    Cut(#[from] JoinError),
}

impl CarryFault {
    /// Whether it is of the bucket itself, so that the next file would fare no better.
    fn is_of_all(&self) -> bool {
        match self {
            Self::Bucket(fault) => fault.is_of_all(),
            Self::Store(_) | Self::Cut(_) => false,
        }
    }

    /// One word of ours.
    fn as_str(&self) -> &'static str {
        match self {
            Self::Bucket(fault) => fault.as_str(),
            Self::Store(_) => "store",
            Self::Cut(_) => "cut",
        }
    }
}

type Done = Result<(), CarryFault>;

/// What is under way, and how the bucket answers.
#[derive(Debug, Default)]
struct Work {
    tasks: JoinSet<Done>,
    under_way: BTreeMap<Id, Owed>,
    /// How many faults of the bucket came one after the other.
    faults: u32,
    /// Until then nobody asks it.
    rests_until: Option<Instant>,
}

impl Porter {
    /// Carries for ever.
    pub(crate) async fn run(self) {
        while let Err(error) = self.begin().await {
            tracing::error!(%error, "what is to be brought to the bucket is not known");
            sleep(BUCKET_WAIT_MAX).await;
        }
        let mut work = Work::default();
        loop {
            if let Err(error) = self.start_due(&mut work).await {
                tracing::error!(%error, "what is to be carried cannot be read from the store");
                sleep(FIRST_WAIT).await;
            }
            if let Ok(Some(ended)) = timeout(EVERY, work.tasks.join_next_with_id()).await {
                self.note_end(&mut work, ended).await;
            } else if work.tasks.is_empty() {
                sleep(EVERY).await;
            }
        }
    }

    /// What is ready is owed, and what a killed gateway had brought goes here.
    async fn begin(&self) -> Result<(), StoreError> {
        self.store.bring_all(self.bucket.prefix().to_owned()).await?;
        let folder = self.recorder.folder().to_owned();
        let listed = tokio::task::spawn_blocking(move || names(&folder)).await;
        for id in listed.unwrap_or_default() {
            if self.store.in_bucket(id.clone()).await?.is_some() {
                self.let_go(&id).await;
            }
        }
        Ok(())
    }

    async fn start_due(&self, work: &mut Work) -> Result<(), StoreError> {
        for (task, waiting) in self.store.bucket_waiting().await? {
            self.metrics.bucket_waiting(task.as_str(), waiting);
        }
        if work.rests_until.is_some_and(|until| Instant::now() < until) {
            return Ok(());
        }
        let seats = if work.faults > 0 { 1 } else { CARRIED_MAX };
        let free = seats.saturating_sub(work.under_way.len());
        if free == 0 {
            return Ok(());
        }
        let carried = work.under_way.values().map(|owed| owed.id.clone()).collect();
        for owed in self.store.owed_to_bucket(clock::now(), carried, free).await? {
            let (porter, carried) = (self.clone(), owed.clone());
            let task = work.tasks.spawn(async move { porter.carry(&carried).await });
            work.under_way.insert(task.id(), owed);
        }
        Ok(())
    }

    async fn carry(&self, owed: &Owed) -> Done {
        match owed.task {
            Task::Bring => {
                let folder = self.recorder.folder_of(&owed.id);
                let files = self.bucket.bring(&folder, &owed.path).await?;
                if self.store.brought(owed.id.clone(), files).await? {
                    self.let_go(&owed.id).await;
                }
            }
            Task::Remove => {
                self.bucket.remove(&owed.path).await?;
                self.store.removed_from_bucket(owed.id.clone()).await?;
            }
        }
        Ok(())
    }

    async fn note_end(&self, work: &mut Work, ended: Result<(Id, Done), JoinError>) {
        let (id, done) = match ended {
            Ok((id, done)) => (id, done),
            Err(error) => (error.id(), Err(error.into())),
        };
        if let Some(owed) = work.under_way.remove(&id) {
            self.note(work, owed, done).await;
        }
    }

    async fn note(&self, work: &mut Work, owed: Owed, done: Done) {
        let task = owed.task.as_str();
        let Err(fault) = done else {
            (work.faults, work.rests_until) = (0, None);
            return self.metrics.bucket_task(task, "done");
        };
        let wait = if fault.is_of_all() {
            let wait = wait_after(work.faults, BUCKET_WAIT_MAX);
            work.faults += 1;
            work.rests_until = Some(Instant::now() + wait);
            wait
        } else {
            wait_after(owed.tries, FILE_WAIT_MAX)
        };
        self.metrics.bucket_task(task, fault.as_str());
        tracing::warn!(%fault, task, tries = owed.tries + 1, "a recording waits for the bucket");
        let missed = self.store.bucket_missed(owed, fault.to_string(), clock::now() + wait).await;
        if let Err(error) = missed {
            tracing::error!(%error, task, "a file waits");
        }
    }

    /// Removes what was written here; what else lies there, such as a transcriber's files, is not ours.
    async fn let_go(&self, id: &str) {
        let folder = self.recorder.folder_of(id);
        let gone = tokio::task::spawn_blocking(move || {
            for name in FILES {
                match std::fs::remove_file(folder.join(name)) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error);
                    }
                    Ok(()) | Err(_) => {}
                }
            }
            // One that is not empty stays for who uses it.
            drop(std::fs::remove_dir(folder));
            Ok(())
        });
        if let Ok(Err(error)) = gone.await {
            tracing::error!(%error, "a recording lies in the bucket and is not removed here");
        }
    }
}

/// Twice as long each time, and by chance up to half as long again: many gateways do not ask at once.
pub(crate) fn wait_after(tries: u32, longest: Duration) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(1 << tries.min(16)).min(longest);
    wait.mul_f64(1.0 + rand::random::<f64>() / 2.0)
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Says what nobody carries.
pub(crate) async fn warn_without_bucket(store: &Store) -> Result<(), StoreError> {
    let recordings = store.of_bucket().await?;
    if recordings > 0 {
        tracing::error!(recordings, "recordings are of a bucket, and none is configured");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt as _;
    use object_store::{
        ObjectStore as _, ObjectStoreExt as _, memory::InMemory, path::Path as Key,
    };
    use wire::event::Recording;

    use super::*;
    use crate::config;

    struct Desk {
        _data: tempfile::TempDir,
        store: Arc<InMemory>,
        porter: Porter,
    }

    fn recording(id: &str, state: &str) -> Recording {
        let body = serde_json::json!({"recording_id": id, "phone_number_id": "109876543210987",
            "call_id": "wacid.1", "contact": {"wa_id": "5215550000001"}, "kind": "call",
            "state": state, "started_at": "2026-11-01T10:00:00Z"});
        serde_json::from_value(body).unwrap()
    }

    impl Desk {
        fn new() -> Self {
            let data = tempfile::tempdir().unwrap();
            let line = "109876543210987".parse().unwrap();
            let memory = Arc::new(InMemory::new());
            let porter = Porter {
                store: Store::open(Some(data.path()), &line).unwrap(),
                recorder: Recorder::start(Some(data.path()), &config::Recording::default())
                    .unwrap(),
                bucket: Bucket::of(Arc::clone(&memory) as _, "calls/"),
                metrics: Arc::default(),
            };
            Self { _data: data, store: memory, porter }
        }

        /// A recording that was made, with these sides.
        async fn made(&self, id: &str, sides: &[(&str, &[u8])]) {
            let folder = self.porter.recorder.folder_of(id);
            std::fs::create_dir_all(&folder).unwrap();
            for (name, bytes) in sides {
                std::fs::write(folder.join(name), bytes).unwrap();
            }
            let path = Some(format!("calls/{id}"));
            let kept = self.porter.store.keep_recording(recording(id, "ready"), path, clock::now());
            kept.await.unwrap();
        }

        /// Does all that is due, without the waits of [`Porter::run`].
        async fn all_done(&self) {
            loop {
                let due = self.porter.store.owed_to_bucket(clock::now(), Vec::new(), 9);
                let due = due.await.unwrap();
                if due.is_empty() {
                    return;
                }
                for owed in due {
                    self.porter.carry(&owed).await.unwrap();
                }
            }
        }

        async fn objects(&self) -> Vec<String> {
            let listed: Vec<_> = self.store.list(None).try_collect().await.unwrap();
            listed.into_iter().map(|object| object.location.to_string()).collect()
        }
    }

    #[tokio::test]
    async fn a_recording_goes_to_the_bucket_and_comes_back_as_it_was() {
        let desk = Desk::new();
        let long: Vec<u8> = (0..20_000_000_u32).map(|it| it.to_le_bytes()[1]).collect();
        let sides = [("business.opus", b"OggS says".as_slice()), ("user.opus", &long)];
        desk.made("rec_1", &sides).await;
        assert_eq!(desk.porter.store.in_bucket("rec_1".into()).await.unwrap(), None);
        desk.all_done().await;
        assert!(!desk.porter.recorder.folder_of("rec_1").exists(), "nothing stays here");
        let there = desk.porter.store.in_bucket("rec_1".into()).await.unwrap().unwrap();
        let folder = desk.porter.recorder.folder().to_owned();
        let files = desk.porter.bucket.fetch(&there.path, &there.files, &folder).await.unwrap();
        for (file, (name, bytes)) in files.into_iter().zip(sides) {
            let mut read = Vec::new();
            std::io::Read::read_to_end(&mut file.unwrap(), &mut read).unwrap();
            assert!(read == bytes, "{name}");
        }
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "what is fetched has no name");
    }

    #[tokio::test]
    async fn what_was_changed_or_lost_in_the_bucket_is_told_apart() {
        let desk = Desk::new();
        desk.made("rec_1", &[("user.opus", b"OggS said")]).await;
        desk.all_done().await;
        let there = desk.porter.store.in_bucket("rec_1".into()).await.unwrap().unwrap();
        let key = Key::from("calls/rec_1/user.opus");
        let fetched = async || {
            let folder = desk.porter.recorder.folder();
            desk.porter.bucket.fetch(&there.path, &there.files, folder).await
        };
        let [business, user] = fetched().await.unwrap();
        assert!(business.is_none() && user.is_some(), "a side that said nothing has no file");
        for changed in ["OggS sAid", "OggS said more"] {
            desk.store.put(&key, changed.into()).await.unwrap();
            assert!(matches!(fetched().await, Err(BucketFault::Changed)), "{changed}");
        }
        desk.store.delete(&key).await.unwrap();
        assert!(matches!(fetched().await, Err(BucketFault::Lost)));
    }

    #[tokio::test]
    async fn what_nobody_wants_goes_from_the_bucket_also_when_it_was_on_its_way() {
        let desk = Desk::new();
        let forget = async |id: &str| {
            desk.porter.store.forget_recording(id.to_owned(), None).await.unwrap();
        };
        desk.made("rec_1", &[("user.opus", b"OggS")]).await;
        desk.all_done().await;
        assert_eq!(desk.objects().await, ["calls/rec_1/user.opus"]);
        forget("rec_1").await;
        desk.all_done().await;
        assert_eq!(desk.objects().await, Vec::<String>::new());

        desk.made("rec_2", &[("user.opus", b"OggS")]).await;
        let due = desk.porter.store.owed_to_bucket(clock::now(), Vec::new(), 9).await.unwrap();
        forget("rec_2").await;
        desk.porter.carry(&due[0]).await.unwrap();
        assert_eq!(desk.objects().await, ["calls/rec_2/user.opus"], "it was on its way");
        desk.all_done().await;
        assert_eq!(desk.objects().await, Vec::<String>::new());
        let waiting = desk.porter.store.bucket_waiting().await.unwrap();
        assert_eq!(waiting.map(|(_, count)| count), [0, 0]);
    }

    #[tokio::test]
    async fn a_gateway_that_begins_goes_on_where_a_killed_one_was() {
        let desk = Desk::new();
        desk.made("rec_1", &[("user.opus", b"OggS")]).await;
        let folder = desk.porter.recorder.folder_of("rec_1");
        std::fs::create_dir(folder.join("voices")).unwrap();
        let due = desk.porter.store.owed_to_bucket(clock::now(), Vec::new(), 9).await.unwrap();
        let files = desk.porter.bucket.bring(&folder, &due[0].path).await.unwrap();
        desk.porter.store.brought("rec_1".into(), files).await.unwrap();
        // One that was made before there was a bucket, and one that still runs.
        for (id, state) in [("rec_old", "ready"), ("rec_now", "recording")] {
            let kept = desk.porter.store.keep_recording(recording(id, state), None, clock::now());
            kept.await.unwrap();
        }
        desk.porter.begin().await.unwrap();
        let left: Vec<_> = std::fs::read_dir(&folder).unwrap().flatten().collect();
        assert_eq!(left.len(), 1, "the transcriber's files stay: {left:?}");
        let due = desk.porter.store.owed_to_bucket(clock::now(), Vec::new(), 9).await.unwrap();
        let due: Vec<_> = due.iter().map(|owed| (owed.path.as_str(), owed.task)).collect();
        assert_eq!(due, [("calls/rec_old", Task::Bring)]);
    }

    #[test]
    fn waits_double_up_to_the_longest_and_by_chance() {
        for (tries, least) in [(0, 2), (1, 4), (4, 32), (5, 60), (99, 60)] {
            let wait = wait_after(tries, BUCKET_WAIT_MAX);
            let least = Duration::from_secs(least);
            assert!(wait >= least && wait <= least.mul_f64(1.5), "{tries}: {wait:?}");
        }
    }
}
