//! `call_analytics` of an account: as a field of `GET /{WABA}`, and as an edge.

use axum::{
    Json,
    http::Uri,
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use wire::graph::{
    analytics::{CallAnalyticsRequest, PARAMETERS},
    fields::{self, Field},
};

use super::{Answer, accounts, query, refusals::ApiRefusal};
use crate::{
    analytics::call_analytics,
    directory::{Account, App},
    world::World,
};

/// The field and the edge.
pub(super) const NAME: &str = "call_analytics";

/// What the rulebook's scopes call a read of figures.
pub(super) const SCOPED: &str = "analytics";

/// Is this a read of the edge, or of an account with its figures?
pub(super) fn is_asked(world: &World, uri: &Uri, id: &str, edge: &str) -> bool {
    if edge == NAME {
        return true;
    }
    let is_account = id.parse().is_ok_and(|id| world.directory.account(&id).is_some());
    is_account && query(uri, "fields").is_some_and(|fields| fields.contains(NAME))
}

/// Answers the edge or the field.
pub(super) async fn answer(
    world: &World,
    app: &App,
    account: &Account,
    uri: &Uri,
    asked: &str,
) -> Answer {
    if asked == NAME {
        edge(world, account, uri).await
    } else {
        show(world, app, account, uri).await
    }
}

/// The figures among the other fields asked for.
async fn show(world: &World, app: &App, account: &Account, uri: &Uri) -> Answer {
    let asked = query(uri, "fields").unwrap_or_default();
    let asked = fields::parse(&asked).map_err(ApiRefusal::Body)?;
    let (figures, others): (Vec<Field>, Vec<Field>) =
        asked.into_iter().partition(|field| field.name == NAME);
    let others: Vec<String> = others.into_iter().map(|field| field.name).collect();
    let mut shown = accounts::read(world, app, account, Some(&others.join(",")))?;
    for field in figures {
        let request = CallAnalyticsRequest::read(&field.parameters).map_err(ApiRefusal::Body)?;
        shown[NAME] = json!(call_analytics(world, account, &request).await?);
    }
    Ok(Json(shown).into_response())
}

/// The edge: the same parameters in the query, the answer in a list as those of other edges.
pub(crate) async fn edge(
    world: &World,
    account: &Account,
    uri: &Uri,
) -> Result<Response, ApiRefusal> {
    let given = PARAMETERS.iter().filter_map(|name| Some(((*name).to_owned(), query(uri, name)?)));
    let parameters: Vec<_> = given.collect();
    let request = CallAnalyticsRequest::read(&parameters).map_err(ApiRefusal::Body)?;
    Ok(Json(json!({ "data": [call_analytics(world, account, &request).await?] })).into_response())
}
