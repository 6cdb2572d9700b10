//! What shall go wrong, on purpose?
//!
//! A test asks for faults of webhooks, of the Graph API and of media: for everything, or for one
//! call. A section a call has of its own stands in place of the global one. Here they are kept and
//! looked up; each room carries out its own: [`crate::webhooks`] delays, doubles, swaps, drops and
//! mis-signs, [`crate::api`] answers with errors and late, `calls` spoils media.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
};

use terms::CallId;
use wire::sandbox::{self, FaultScope, GraphFaults, MediaFaults, WebhookFaults};

use crate::store::{Kind, Store, StoreFault};

/// Calls that may have faults of their own; a test names a handful.
const CALLS_MAX: usize = 1_000;

/// The id under which the faults of everything are kept; no call id looks like it.
const GLOBAL: &str = "global";

/// The faults asked for; each look takes a lock for the length of a copy.
#[derive(Debug)]
pub(crate) struct Faults {
    scopes: RwLock<Scopes>,
    store: Store,
}

#[derive(Debug, Default)]
struct Scopes {
    global: sandbox::Faults,
    calls: BTreeMap<CallId, sandbox::Faults>,
}

/// Why faults were not set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetFault {
    /// Too many calls have their own.
    #[error("{CALLS_MAX} calls have faults of their own; delete some first")]
    Full,
    /// They could not be kept.
    #[error("the faults could not be kept")]
    Store(#[from] StoreFault),
}

impl Faults {
    /// Loads what an earlier run was asked for.
    pub(crate) async fn load(store: Store) -> Result<Self, StoreFault> {
        let faults = Self { scopes: RwLock::default(), store };
        faults.reload().await?;
        Ok(faults)
    }

    /// Reads everything from the store again.
    pub(crate) async fn reload(&self) -> Result<(), StoreFault> {
        let kept: Vec<sandbox::Faults> = self.store.load_all(Kind::Faults).await?;
        self.write(|scopes| {
            *scopes = Scopes::default();
            for faults in kept {
                scopes.put(faults);
            }
        });
        Ok(())
    }

    /// Replaces the faults of one scope.
    ///
    /// # Errors
    ///
    /// Too many calls have their own, or they could not be kept.
    pub(crate) async fn put(&self, faults: sandbox::Faults) -> Result<(), SetFault> {
        let is_new = |scopes: &Scopes, id| !scopes.calls.contains_key(id);
        let is_full = |scopes: &Scopes| scopes.calls.len() >= CALLS_MAX;
        if let Some(id) = &faults.call_id
            && self.read(|scopes| is_new(scopes, id) && is_full(scopes))
        {
            return Err(SetFault::Full);
        }
        let key = faults.call_id.as_ref().map_or(GLOBAL, CallId::as_str);
        self.store.save(Kind::Faults, key, &faults).await?;
        self.write(|scopes| scopes.put(faults));
        Ok(())
    }

    /// Ends the faults of one call, or all of them.
    pub(crate) async fn clear(&self, call: Option<&CallId>) -> Result<(), StoreFault> {
        self.store.remove(Kind::Faults, call.map(CallId::as_str)).await?;
        self.write(|scopes| match call {
            Some(call) => drop(scopes.calls.remove(call)),
            None => *scopes = Scopes::default(),
        });
        Ok(())
    }

    /// Every scope: the global one first.
    pub(crate) fn all(&self) -> Vec<sandbox::Faults> {
        self.read(|scopes| {
            std::iter::once(&scopes.global).chain(scopes.calls.values()).cloned().collect()
        })
    }

    /// What happens to a call's media.
    pub(crate) fn media(&self, call: &CallId) -> MediaFaults {
        self.read(|scopes| {
            let own = scopes.calls.get(call).and_then(|faults| faults.media);
            own.or(scopes.global.media).unwrap_or_default()
        })
    }

    /// What happens to webhooks: those of a call, or those of none; and who said so.
    pub(crate) fn webhook(&self, call: Option<&CallId>) -> (WebhookFaults, FaultScope) {
        self.read(|scopes| {
            let own = call.and_then(|call| scopes.calls.get(call)).and_then(|it| it.webhook);
            own.map_or_else(
                || (scopes.global.webhook.unwrap_or_default(), FaultScope::Global),
                |own| (own, FaultScope::Call),
            )
        })
    }

    /// What happens to every request of the Graph API.
    pub(crate) fn graph(&self) -> GraphFaults {
        self.read(|scopes| scopes.global.graph).unwrap_or_default()
    }

    /// What happens to the actions on one call, besides what happens to every request.
    pub(crate) fn graph_of(&self, call: &CallId) -> GraphFaults {
        self.read(|scopes| scopes.calls.get(call).and_then(|it| it.graph)).unwrap_or_default()
    }

    fn read<T>(&self, look: impl FnOnce(&Scopes) -> T) -> T {
        look(&self.scopes.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, edit: impl FnOnce(&mut Scopes)) {
        edit(&mut self.scopes.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Scopes {
    fn put(&mut self, faults: sandbox::Faults) {
        match faults.call_id.clone() {
            Some(call) => drop(self.calls.insert(call, faults)),
            None => self.global = faults,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> CallId {
        text.parse().unwrap()
    }

    fn dropping(call: Option<CallId>) -> sandbox::Faults {
        let webhook = Some(WebhookFaults { drop: true, ..WebhookFaults::default() });
        sandbox::Faults { call_id: call, webhook, ..sandbox::Faults::default() }
    }

    #[tokio::test]
    async fn a_calls_section_stands_in_place_of_the_global_one() {
        let faults = Faults::load(Store::open(None).unwrap()).await.unwrap();
        let (one, other) = (id("wacid.1"), id("wacid.2"));
        let media = Some(MediaFaults { silence: true, ..MediaFaults::default() });
        let global = sandbox::Faults { media, ..dropping(None) };
        faults.put(global.clone()).await.unwrap();
        let own = sandbox::Faults {
            call_id: Some(one.clone()),
            webhook: Some(WebhookFaults { delay_ms: 5, ..WebhookFaults::default() }),
            ..sandbox::Faults::default()
        };
        faults.put(own.clone()).await.unwrap();

        let (of_one, scope) = faults.webhook(Some(&one));
        assert_eq!((of_one.delay_ms, of_one.drop, scope), (5, false, FaultScope::Call));
        assert!(faults.webhook(Some(&other)).0.drop && faults.webhook(None).0.drop);
        assert!(faults.media(&one).silence, "a section the call does not have is the global one");
        assert_eq!(faults.all(), [global, own]);

        faults.clear(Some(&one)).await.unwrap();
        assert!(faults.webhook(Some(&one)).0.drop);
        faults.clear(None).await.unwrap();
        assert_eq!(faults.all(), [sandbox::Faults::default()]);
    }

    #[tokio::test]
    async fn faults_outlive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Store::open(Some(folder.path())).unwrap();
        let faults = Faults::load(open()).await.unwrap();
        faults.put(dropping(Some(id("wacid.1")))).await.unwrap();
        let later = Faults::load(open()).await.unwrap();
        assert!(later.webhook(Some(&id("wacid.1"))).0.drop);
        assert!(!later.webhook(None).0.drop);
    }
}
