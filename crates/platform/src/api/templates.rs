//! `/{WABA_ID}/message_templates`: which templates does the business have?
//!
//! Made, listed by pages, read by id, deleted by name. The 360dialog edition has the same under
//! `/v1/configs/templates` (its path is not documented; `docs/fidelity.md`).

use std::sync::Arc;

use axum::{
    Json,
    http::{Method, Uri},
    response::IntoResponse as _,
};
use rules::template::{self, Category, Draft, DraftButton, Part};
use serde_json::{Value, json};
use terms::{TemplateId, Timestamp};
use wire::graph::{
    Success,
    template::{
        Button, Component, Cursors, NewTemplate, Paging, ShownTemplate, TemplateCategory,
        TemplateList, TemplateMade,
    },
};

use super::{Answer, query, refusals::ApiRefusal};
use crate::{
    directory::Account,
    templates::{self, Stored},
    world::World,
};

/// Templates on a page when the request does not say.
const PAGE_DEFAULT: usize = 25;

/// Any request to an account's templates.
pub(super) async fn serve(
    world: &Arc<World>,
    method: &Method,
    account: &Account,
    uri: &Uri,
    body: &[u8],
) -> Answer {
    match *method {
        Method::POST => make(world, account, body).await,
        Method::DELETE => {
            let (name, id) = (query(uri, "name"), query(uri, "hsm_id"));
            delete(world, account, name.as_deref(), id.as_deref()).await
        }
        _ => list(world, account, uri).await,
    }
}

async fn make(world: &Arc<World>, account: &Account, body: &[u8]) -> Answer {
    let new = NewTemplate::parse(body).map_err(ApiRefusal::Body)?;
    let components = json!(new.components);
    let template = template::check(draft(new), &world.book_of(account))?;
    let stored = templates::make(world, account, template, components).await??;
    let made = TemplateMade {
        status: stored.status(world.clock.now()),
        category: category(stored.template.category),
        id: stored.id,
    };
    Ok(Json(made).into_response())
}

/// `GET /{TEMPLATE_ID}`.
pub(super) fn show(world: &World, stored: Stored) -> Answer {
    Ok(Json(shown(stored, world.clock.now())).into_response())
}

async fn list(world: &World, account: &Account, uri: &Uri) -> Answer {
    let now = world.clock.now();
    let wanted = |name: &str| query(uri, name);
    let (name, language) = (wanted("name"), wanted("language"));
    let (status, category) = (wanted("status"), wanted("category"));
    let fits = |shown: &ShownTemplate| {
        let is = |wanted: &Option<String>, found: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(found))
        };
        is(&name, &shown.name)
            && is(&language, &shown.language)
            && is(&status, &word(json!(shown.status)))
            && is(&category, &word(json!(shown.category)))
    };
    let all = templates::of_account(world, &account.id).await?;
    let all: Vec<_> = all.into_iter().map(|it| shown(it, now)).filter(fits).collect();
    Ok(Json(page(all, uri)?).into_response())
}

fn word(value: Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn page(all: Vec<ShownTemplate>, uri: &Uri) -> Result<TemplateList, ApiRefusal> {
    let limit = match query(uri, "limit") {
        Some(text) => text.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| {
            ApiRefusal::Parameter("limit must be a whole number above 0".to_owned())
        })?,
        None => PAGE_DEFAULT,
    };
    let after = query(uri, "after");
    let from = match after.as_deref() {
        Some(after) => {
            all.iter().position(|it| it.id.as_str() == after).map_or(all.len(), |at| at + 1)
        }
        None => 0,
    };
    let is_last = all.len().saturating_sub(from) <= limit;
    let data: Vec<_> = all.into_iter().skip(from).take(limit).collect();
    let ends = data
        .first()
        .zip(data.last())
        .map(|(first, last)| Cursors { before: first.id.to_string(), after: last.id.to_string() });
    let next = |cursors: &Cursors| {
        let path = uri.path().to_owned();
        format!("{path}?limit={limit}&after={}", cursors.after)
    };
    let paging = ends.map(|cursors| Paging { next: (!is_last).then(|| next(&cursors)), cursors });
    Ok(TemplateList { data, paging })
}

/// By name in every language, or one by its id as well.
pub(super) async fn delete(
    world: &World,
    account: &Account,
    name: Option<&str>,
    id: Option<&str>,
) -> Answer {
    let Some(name) = name else {
        return Err(ApiRefusal::Parameter("name is required".to_owned()));
    };
    let all = templates::of_account(world, &account.id).await?;
    let fits = |it: &&Stored| it.template.name == name && id.is_none_or(|id| it.id.as_str() == id);
    let wanted: Vec<_> = all.iter().filter(fits).collect();
    if wanted.is_empty() {
        return Err(ApiRefusal::Parameter(format!("there is no template {name}")));
    }
    for stored in wanted {
        templates::delete(world, stored).await?;
    }
    Ok(Json(Success::bare()).into_response())
}

/// The template of a path, if there is one.
pub(super) async fn of_path(world: &World, id: &str) -> Result<Option<Stored>, ApiRefusal> {
    match id.parse::<TemplateId>() {
        Ok(id) => Ok(templates::of_id(world, &id).await?),
        Err(_) => Ok(None),
    }
}

fn shown(stored: Stored, now: Timestamp) -> ShownTemplate {
    ShownTemplate {
        status: stored.status(now),
        id: stored.id,
        name: stored.template.name,
        language: stored.template.language,
        category: category(stored.template.category),
        parameter_format: "POSITIONAL",
        components: stored.components,
    }
}

fn category(category: Category) -> TemplateCategory {
    match category {
        Category::Marketing => TemplateCategory::Marketing,
        Category::Utility => TemplateCategory::Utility,
    }
}

fn draft(new: NewTemplate) -> Draft {
    Draft {
        name: new.name,
        language: new.language,
        category: match new.category {
            TemplateCategory::Marketing => Category::Marketing,
            TemplateCategory::Utility => Category::Utility,
        },
        parts: new.components.into_iter().map(part).collect(),
    }
}

fn part(component: Component) -> Part {
    match component {
        Component::Header { text, examples } => Part::Header { text, examples },
        Component::Body { text, examples } => Part::Body { text, examples },
        Component::Footer { text } => Part::Footer { text },
        Component::Buttons(buttons) => Part::Buttons(buttons.into_iter().map(button).collect()),
        Component::CallPermissionRequest => Part::CallPermissionRequest,
    }
}

fn button(button: Button) -> DraftButton {
    match button {
        Button::VoiceCall { text, ttl_minutes } => {
            DraftButton::Call { label: text, minutes: ttl_minutes }
        }
        Button::Url { text, url, examples } => DraftButton::Url { label: text, url, examples },
    }
}
