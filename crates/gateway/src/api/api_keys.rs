//! Which keys do programs have, and who makes them?

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use switchboard::access::Scope;
use terms::Timestamp;

use super::{
    ApiError,
    idempotency::{self, Answer, Asked, Whose},
    page::Page,
};
use crate::{
    clock,
    console::session::Caller,
    keys::{KEYS_MAX, Minted},
    office::Office,
    store::ApiKey,
};

/// The longest name.
const NAME_CHARS_MAX: usize = 100;

/// A key as its organisation sees it: never the token.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct KeyAnswer {
    id: String,
    name: String,
    scopes: Vec<&'static str>,
    created_at: Timestamp,
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct KeyList {
    api_keys: Vec<KeyAnswer>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A key that was just made.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct MadeAnswer {
    #[serde(flatten)]
    key: KeyAnswer,
    /// Shown this once.
    token: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MakeKey {
    name: String,
    scopes: Vec<String>,
}

impl From<ApiKey> for KeyAnswer {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            name: key.name,
            scopes: key.scopes.into_iter().map(Scope::as_str).collect(),
            created_at: key.created_at,
            created_by: key.created_by,
            last_used_at: key.used_at,
            revoked_at: key.revoked_at,
        }
    }
}

/// The organisation's keys, the newest first. The one in the configuration file is not among them.
#[utoipa::path(get, path = "/v1/api_keys", tag = "administration",
    params(("limit" = Option<u32>, Query, description = "How many at most; 1000 when absent, and at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = KeyList, description = "`{api_keys: [{id, name, scopes, created_at, created_by, last_used_at?, revoked_at?}], next?}`"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused)))]
pub(super) async fn list(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<KeyList>, ApiError> {
    let keys = office.keys.of(&caller.organisation.id);
    let (keys, next) = page.part(keys, |key| &key.id)?;
    Ok(Json(KeyList { api_keys: keys.into_iter().map(KeyAnswer::from).collect(), next }))
}

/// Make a key. Its token is in this answer and nowhere else.
#[utoipa::path(post, path = "/v1/api_keys", tag = "administration",
    params(("Idempotency-Key" = Option<String>, Header, description = "Acts once; the same key with the same body gets the same answer for 24 hours, but without `token`")),
    request_body(content = MakeKey, description = "`{name, scopes: [\"calls:read\", …]}`"),
    responses((status = 201, body = MadeAnswer, description = "The key with its `token`, `ohk_…`"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 409, body = super::Refused, description = "There are too many"),
              (status = 422, body = super::Refused, description = "There is no such scope")))]
pub(super) async fn make(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Asked { wanted: MakeKey { name, scopes }, mark }: Asked<MakeKey>,
) -> Result<Answer, ApiError> {
    let scopes = known(&scopes)?;
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        let text = format!("name: 1 to {NAME_CHARS_MAX} characters");
        return Err(ApiError::unprocessable("key.name", &text));
    }
    let organisation = caller.organisation.id.clone();
    let acting = mint(Arc::clone(&office), caller, name, scopes);
    idempotency::once(office, Whose::Organisation(&organisation), mark, acting).await
}

/// The token is in the first answer alone: what is kept for repetitions has none.
async fn mint(
    office: Arc<Office>,
    caller: Caller,
    name: String,
    scopes: Vec<Scope>,
) -> Result<Answer, ApiError> {
    let organisation = caller.organisation.id.clone();
    let used = office.keys.of(&organisation).iter().filter(|key| key.revoked_at.is_none()).count();
    if used >= KEYS_MAX {
        return Err(ApiError::conflict("key.too_many", "revoke keys that are not used any more"));
    }
    let Minted { id, token, hash } = Minted::new();
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    let detail = json!({ "name": name, "scopes": words });
    let deed = caller.deed("key.created", &id, Some(detail));
    let (created_at, created_by) = (deed.at, deed.by.clone());
    let key = ApiKey {
        id,
        organisation,
        name,
        scopes,
        hash,
        created_at,
        created_by,
        used_at: None,
        revoked_at: None,
    };
    office.store.add_api_key(key.clone(), deed).await?;
    office.keys.put(key.clone());
    let key = KeyAnswer::from(key);
    Answer::created(&MadeAnswer { key: key.clone(), token })?.but_again(&key)
}

/// Revoke a key: from now on it opens nothing.
#[utoipa::path(delete, path = "/v1/api_keys/{id}", tag = "administration",
    params(("id" = String, Path, description = "The key's id, `key_…`")),
    responses((status = 204, description = "It is revoked, or was before"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 404, body = super::Refused)))]
pub(super) async fn revoke(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let key = office.keys.get(&caller.organisation.id, &id);
    let mut key = key.ok_or_else(|| ApiError::not_found("no key has this id"))?;
    if key.revoked_at.is_none() {
        office.store.revoke_api_key(caller.deed("key.revoked", &id, None)).await?;
        key.revoked_at = Some(clock::now());
        office.keys.put(key);
    }
    Ok(StatusCode::NO_CONTENT)
}

fn known(words: &[String]) -> Result<Vec<Scope>, ApiError> {
    let mut scopes = Vec::new();
    for word in words {
        let scope = Scope::named(word).ok_or_else(|| {
            let all = Scope::ALL.map(Scope::as_str);
            let meant = terms::nearest(word, &all)
                .map_or_else(String::new, |near| format!(": did you mean {near:?}?"));
            let text = format!("scopes: there is no {word:?}{meant} There are {}", all.join(", "));
            ApiError::unprocessable("key.scope", &text)
        })?;
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        return Err(ApiError::unprocessable("key.scope", "scopes: name at least one"));
    }
    Ok(scopes)
}
