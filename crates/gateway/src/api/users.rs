//! Who works here, and who changes that?
//!
//! People of the configuration file are shown; it alone changes them. Skills are words of the house's own:
//! queues and rings ask for them by the same words.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use switchboard::agent::Skills;
use terms::{AgentId, Role};

use super::ApiError;
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
#[derive(Serialize)]
pub(super) struct UserRow {
    id: AgentId,
    name: String,
    role: Role,
    skills: Skills,
    disabled: bool,
    /// `file` or `store`.
    source: &'static str,
}

#[derive(Serialize)]
pub(super) struct UserList {
    users: Vec<UserRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AddUser {
    id: AgentId,
    name: Option<String>,
    role: Role,
    #[serde(default)]
    skills: Skills,
    password: String,
}

#[derive(Deserialize)]
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
    responses((status = 200, body = Object, description = "`{users: [{id, name, role, skills, disabled, source}]}`; `source` is `file` or `store`"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused)))]
pub(super) async fn list(caller: Caller) -> Json<UserList> {
    let people = caller.organisation.consoles.people().all();
    Json(UserList { users: people.into_iter().map(UserRow::from).collect() })
}

/// Add somebody.
#[utoipa::path(post, path = "/v1/users", tag = "administration",
    request_body(content = Object, description = "`{id, name?, role, skills?, password}`; the role is `agent`, `supervisor`, `admin` or `auditor`; `skills` are words that queues and rings ask for"),
    responses((status = 201, body = Object, description = "The user"),
              (status = 401, body = super::Refused), (status = 403, body = super::Refused),
              (status = 409, body = super::Refused, description = "The id is taken"),
              (status = 422, body = super::Refused, description = "The name, a skill or the password cannot be used")))]
pub(super) async fn add(
    State(office): State<Arc<Office>>,
    caller: Caller,
    body: Result<Json<AddUser>, JsonRejection>,
) -> Result<(StatusCode, Json<UserRow>), ApiError> {
    let Json(AddUser { id, name, role, skills, password }) = body?;
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
    Ok((StatusCode::CREATED, Json(admit(&caller, user)?)))
}

/// Change somebody; consoles of theirs close, unless the skills alone change.
#[utoipa::path(patch, path = "/v1/users/{id}", tag = "administration",
    params(("id" = String, Path, description = "The log-in name")),
    request_body(content = Object, description = "`{name?, role?, skills?, password?, disabled?}`; what is absent stays, `skills` replaces all of them"),
    responses((status = 200, body = Object, description = "The user"),
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
