//! Who works here, and who changes that?
//!
//! People of the configuration file are shown; it alone changes them. Skills are words of the house's own:
//! queues and rings ask for them by the same words.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, Query, State, rejection::JsonRejection},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use switchboard::agent::Skills;
use terms::{AgentId, Role};

use super::{
    ApiError,
    idempotency::{self, Answer, Asked, Whose},
    page::Page,
};
use crate::{
    config::HashedPassword,
    console::session::Caller,
    office::Office,
    people::{Person, Source},
    store::User,
};

/// The shortest password.
const PASSWORD_CHARS_MIN: usize = 8;
/// The longest name, and the longest password.
const CHARS_MAX: usize = 200;
/// The longest skill.
const SKILL_CHARS_MAX: usize = 64;
/// How many skills one may have.
const SKILLS_MAX: usize = 50;

/// Somebody as an admin sees them: never the password.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct UserRow {
    id: AgentId,
    name: String,
    role: Role,
    skills: Skills,
    disabled: bool,
    /// `file` or `store`.
    source: &'static str,
}

#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct UserList {
    users: Vec<UserRow>,
    /// What to send as `after` to go on; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddUser {
    id: AgentId,
    name: Option<String>,
    role: Role,
    #[serde(default)]
    skills: Skills,
    password: String,
}

#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeUser {
    name: Option<String>,
    role: Option<Role>,
    skills: Option<Skills>,
    password: Option<String>,
    disabled: Option<bool>,
}

impl From<Person> for UserRow {
    fn from(person: Person) -> Self {
        Self {
            id: person.agent.id,
            name: person.agent.name,
            role: person.agent.role,
            skills: person.agent.skills,
            disabled: person.disabled,
            source: person.source.as_str(),
        }
    }
}

/// The people of the caller's organisation.
#[utoipa::path(get, path = "/v1/users", tag = "administration",
    params(("limit" = Option<u32>, Query, description = "How many at most; 1000 when absent, and at most"),
           ("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, body = UserList, description = "`{users: [{id, name, role, skills, disabled, source}], next?}`; `source` is `file` or `store`"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused)))]
pub(super) async fn list(
    caller: Caller,
    Query(page): Query<Page>,
) -> Result<Json<UserList>, ApiError> {
    let people = caller.organisation.consoles.people().all();
    let (people, next) = page.part(people, |person| person.agent.id.as_str())?;
    Ok(Json(UserList { users: people.into_iter().map(UserRow::from).collect(), next }))
}

/// Add somebody.
#[utoipa::path(post, path = "/v1/users", tag = "administration",
    params(("Idempotency-Key" = Option<String>, Header, description = "Acts once; the same key with the same body gets the same answer for 24 hours")),
    request_body(content = AddUser, description = "`{id, name?, role, skills?, password}`; the role is `agent`, `supervisor`, `admin` or `auditor`; `skills` are words that queues and rings ask for"),
    responses((status = 201, body = UserRow, description = "The user"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 409, body = super::Refused, description = "The id is taken"),
              (status = 422, body = super::Refused, description = "The name, a skill or the password cannot be used")))]
pub(super) async fn add(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Asked { wanted, mut mark }: Asked<AddUser>,
) -> Result<Answer, ApiError> {
    mark.body = slow_mark(&wanted.id, mark.body).await?;
    let organisation = caller.organisation.id.clone();
    let acting = put(Arc::clone(&office), caller, wanted);
    idempotency::once(office, Whose::Organisation(&organisation), mark, acting).await
}

async fn put(office: Arc<Office>, caller: Caller, wanted: AddUser) -> Result<Answer, ApiError> {
    let AddUser { id, name, role, skills, password } = wanted;
    let name = name.unwrap_or_else(|| id.to_string());
    check_name(&name)?;
    check_skills(&skills)?;
    let taken = || ApiError::conflict("user.exists", "somebody on this gateway has this id");
    if office.organisations.person(&id).is_some() {
        return Err(taken());
    }
    let password = hashed(password).await?;
    let detail = json!({ "name": name, "role": role, "skills": skills });
    let deed = caller.deed("user.created", id.as_str(), Some(detail));
    let organisation = caller.organisation.id.clone();
    let user = User { id, organisation, name, role, skills, password, disabled: false };
    if !office.store.add_user(user.clone(), deed).await? {
        return Err(taken());
    }
    Answer::created(&admit(&caller, user)?)
}

/// Change somebody; consoles of theirs close, unless the skills alone change.
#[utoipa::path(patch, path = "/v1/users/{id}", tag = "administration",
    params(("id" = String, Path, description = "The log-in name")),
    request_body(content = ChangeUser, description = "`{name?, role?, skills?, password?, disabled?}`; what is absent stays, `skills` replaces all of them"),
    responses((status = 200, body = UserRow, description = "The user"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 404, body = super::Refused),
              (status = 409, body = super::Refused, description = "The configuration file alone changes this one, or it is you"),
              (status = 422, body = super::Refused, description = "The name, a skill or the password cannot be used")))]
pub(super) async fn change(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Result<Json<ChangeUser>, JsonRejection>,
) -> Result<Json<UserRow>, ApiError> {
    let Json(mut wanted) = body?;
    let unknown = || ApiError::not_found("nobody here has this id");
    let id: AgentId = id.parse().map_err(|_| unknown())?;
    let person = caller.organisation.consoles.people().person(&id).ok_or_else(unknown)?;
    if person.source == Source::File {
        let text = "this one stands in the configuration file, which alone changes it";
        return Err(ApiError::conflict("user.in_file", text));
    }
    let shuts_out = wanted.disabled == Some(true) || wanted.role.is_some_and(|r| r != Role::Admin);
    if caller.agent().is_some_and(|agent| agent.id == id) && shuts_out {
        let text = "another admin must do this, so that one is left";
        return Err(ApiError::conflict("user.self", text));
    }
    if let Some(name) = &wanted.name {
        check_name(name)?;
    }
    if let Some(skills) = &wanted.skills {
        check_skills(skills)?;
    }
    let detail = wanted.detail();
    let stays_in = wanted.is_of_skills_alone();
    let password = match wanted.password.take() {
        Some(password) => Some(hashed(password).await?),
        None => None,
    };
    let deed = caller.deed("user.changed", id.as_str(), Some(detail));
    let ChangeUser { name, role, skills, password: _, disabled } = wanted;
    let change = move |user: &mut User| {
        user.name = name.unwrap_or_else(|| std::mem::take(&mut user.name));
        user.role = role.unwrap_or(user.role);
        user.skills = skills.unwrap_or_else(|| std::mem::take(&mut user.skills));
        user.disabled = disabled.unwrap_or(user.disabled);
        user.password = password.unwrap_or_else(|| std::mem::take(&mut user.password));
    };
    let changed = office.store.change_user(id, deed, change).await?.ok_or_else(unknown)?;
    if stays_in {
        let person = person_of(changed)?;
        caller.organisation.consoles.learn(person.clone());
        return Ok(Json(person.into()));
    }
    office.sessions.end(&changed.id);
    Ok(Json(admit(&caller, changed)?))
}

impl ChangeUser {
    /// What the audit log may know of it.
    fn detail(&self) -> Value {
        json!({ "name": self.name, "role": self.role, "skills": self.skills,
            "disabled": self.disabled, "password": self.password.as_ref().map(|_| "changed") })
    }

    fn is_of_skills_alone(&self) -> bool {
        let Self { name, role, skills, password, disabled } = self;
        skills.is_some()
            && name.is_none()
            && role.is_none()
            && password.is_none()
            && disabled.is_none()
    }
}

fn admit(caller: &Caller, user: User) -> Result<UserRow, ApiError> {
    let person = person_of(user)?;
    caller.organisation.consoles.admit(person.clone());
    Ok(person.into())
}

fn person_of(user: User) -> Result<Person, ApiError> {
    Person::of_store(user).ok_or_else(|| ApiError::internal("the password was not hashed"))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if name.is_empty() || name.chars().count() > CHARS_MAX {
        let text = format!("name: 1 to {CHARS_MAX} characters");
        return Err(ApiError::unprocessable("user.name", &text));
    }
    Ok(())
}

/// A skill is a word or some, without what separates skills where people write several.
fn check_skills(skills: &Skills) -> Result<(), ApiError> {
    let is_word = |skill: &String| {
        let length = skill.chars().count();
        (1..=SKILL_CHARS_MAX).contains(&length) && skill.trim() == skill && !skill.contains(',')
    };
    if skills.len() > SKILLS_MAX || !skills.iter().all(is_word) {
        let text = format!(
            "skills: at most {SKILLS_MAX}, each of 1 to {SKILL_CHARS_MAX} characters, without commas \
             and without spaces around it"
        );
        return Err(ApiError::unprocessable("user.skills", &text));
    }
    Ok(())
}

/// What a repetition is known by. The body has a password, which must not be easier to guess from what
/// is kept of it than from its own hash.
async fn slow_mark(id: &AgentId, body: Bytes) -> Result<Bytes, ApiError> {
    let salt = Sha256::digest(id.as_str());
    let marked = tokio::task::spawn_blocking(move || {
        let mut mark = [0; 32];
        argon2::Argon2::default().hash_password_into(&body, &salt, &mut mark).map(|()| mark)
    });
    match marked.await {
        Ok(Ok(mark)) => Ok(Bytes::copy_from_slice(&mark)),
        Ok(Err(_)) | Err(_) => Err(ApiError::internal("the request could not be marked")),
    }
}

/// Slow by intent, so beside the other requests.
async fn hashed(password: String) -> Result<String, ApiError> {
    let length = password.chars().count();
    if !(PASSWORD_CHARS_MIN..=CHARS_MAX).contains(&length) {
        let text = format!("password: {PASSWORD_CHARS_MIN} to {CHARS_MAX} characters");
        return Err(ApiError::unprocessable("user.password", &text));
    }
    let hash = tokio::task::spawn_blocking(move || HashedPassword::hash(&password)).await;
    let hash = hash.map_err(|_| ApiError::internal("the password could not be hashed"))?;
    Ok(hash.as_str().to_owned())
}
