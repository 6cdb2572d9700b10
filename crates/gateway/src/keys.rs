//! Is this token a key of ours, and what does it open?
//!
//! A token is `ohk_`, the key's id and 256 random bits. Of the last only a hash is kept; it is compared
//! in the same time for every guess. Keys are in the store; all of them are in memory, too, for every
//! request asks.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use terms::{OrganisationId, Timestamp};

use crate::store::{ApiKey, Store, StoreError};

/// What every token begins with, so that one that got lost is recognised.
const TOKEN_PREFIX: &str = "ohk_";
/// What every key's id begins with.
const ID_PREFIX: &str = "key_";
/// How exact the last use is.
const USE_EVERY: Duration = Duration::from_secs(60);
/// How many keys an organisation may have, revoked ones not counted.
pub(crate) const KEYS_MAX: usize = 1_000;

/// Every key.
#[derive(Debug, Default)]
pub(crate) struct Keys(Mutex<BTreeMap<String, ApiKey>>);

/// A key that was just made.
#[derive(Debug)]
pub(crate) struct Minted {
    /// Its id.
    pub(crate) id: String,
    /// What the program sends; nobody sees it again.
    pub(crate) token: String,
    /// What is kept.
    pub(crate) hash: [u8; 32],
}

impl Minted {
    /// A key that nobody can guess.
    pub(crate) fn new() -> Self {
        let name = hex(&rand::random::<[u8; 8]>());
        let token = format!("{TOKEN_PREFIX}{name}_{}", hex(&rand::random::<[u8; 32]>()));
        Self { id: format!("{ID_PREFIX}{name}"), hash: hash(&token), token }
    }
}

impl Keys {
    /// All keys of the store.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let keys = store.api_keys().await?;
        Ok(Self(Mutex::new(keys.into_iter().map(|key| (key.id.clone(), key)).collect())))
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<String, ApiKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of this token, unless it is revoked. The second is when its use is to be noted.
    pub(crate) fn of_token(&self, token: &str, now: Timestamp) -> Option<(ApiKey, bool)> {
        let (name, _) = token.strip_prefix(TOKEN_PREFIX)?.split_once('_')?;
        let mut keys = self.keys();
        let key = keys.get_mut(&format!("{ID_PREFIX}{name}"))?;
        if !is_same(&key.hash, &hash(token)) || key.revoked_at.is_some() {
            return None;
        }
        let note = key.used_at.is_none_or(|used| now.since(used) >= USE_EVERY);
        if note {
            key.used_at = Some(now);
        }
        Some((key.clone(), note))
    }

    /// A key of this organisation.
    pub(crate) fn get(&self, organisation: &OrganisationId, id: &str) -> Option<ApiKey> {
        self.keys().get(id).filter(|key| key.organisation == *organisation).cloned()
    }

    /// The keys of an organisation, those made last first.
    pub(crate) fn of(&self, organisation: &OrganisationId) -> Vec<ApiKey> {
        let keys = self.keys();
        let mine = keys.values().filter(|key| key.organisation == *organisation);
        let mut mine: Vec<_> = mine.cloned().collect();
        mine.sort_by_key(|key| std::cmp::Reverse(key.created_at));
        mine
    }

    /// Adds or replaces a key, as the store has it.
    pub(crate) fn put(&self, key: ApiKey) {
        self.keys().insert(key.id.clone(), key);
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// In the same time for every guess.
fn is_same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    one.iter().zip(other).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use switchboard::access::Scope;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_783_000_000 + seconds)
    }

    #[test]
    fn a_token_opens_its_key_until_that_is_revoked_and_its_use_is_noted_by_the_minute() {
        let Minted { id, token, hash } = Minted::new();
        let mut key = ApiKey {
            id: id.clone(),
            organisation: "default".parse().unwrap(),
            name: "crm".into(),
            scopes: vec![Scope::ReadCalls],
            hash,
            created_at: at(0),
            created_by: "ada".into(),
            used_at: None,
            revoked_at: None,
        };
        let keys = Keys::default();
        keys.put(key.clone());
        let noted = |seconds| keys.of_token(&token, at(seconds)).map(|(_, note)| note);
        assert_eq!([noted(1), noted(2), noted(61)], [Some(true), Some(false), Some(true)]);
        let changed = format!("{}0", &token[..token.len() - 1]);
        let other = if changed == token { token.replace(&token[4..5], "g") } else { changed };
        assert!(keys.of_token(&other, at(2)).is_none());
        assert!(keys.of_token("ohk_", at(2)).is_none() && keys.of_token("x", at(2)).is_none());
        assert!(keys.get(&"other".parse().unwrap(), &id).is_none(), "another organisation's");
        key.revoked_at = Some(at(3));
        keys.put(key);
        assert!(keys.of_token(&token, at(4)).is_none());
    }
}
