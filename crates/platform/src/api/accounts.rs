//! `/{WABA}`, `/{APP}`, `/me`, `/oauth/access_token` and `/debug_token`: what does a client ask before
//! it starts?

use axum::{
    Json,
    http::{HeaderMap, Uri},
    response::IntoResponse as _,
};
use serde_json::{Value, json};

use super::{Answer, auth, fields::pick, health, query, refusals::ApiRefusal};
use crate::{
    directory::{Account, AccountKind, App},
    world::World,
};

const ACCOUNT_NODE: &str = "WhatsAppBusinessAccount";
const APP_NODE: &str = "Application";

/// `GET /{WABA}`, as the app that asks sees it.
pub(super) fn show(world: &World, app: &App, account: &Account, fields: Option<&str>) -> Answer {
    Ok(Json(read(world, app, account, fields)?).into_response())
}

/// The fields asked for, or the usual ones.
pub(super) fn read(
    world: &World,
    app: &App,
    account: &Account,
    fields: Option<&str>,
) -> Result<Value, ApiRefusal> {
    let value = |field: &str| value(world, app, account, field);
    let usual = "id,name,timezone_id,message_template_namespace";
    pick(ACCOUNT_NODE, account.id.as_str(), fields, usual, value)
}

fn value(world: &World, app: &App, account: &Account, field: &str) -> Option<Value> {
    let portfolio = account.portfolio.as_deref().unwrap_or(account.id.as_str());
    Some(match field {
        "name" => json!(account.name),
        "currency" => json!(account.currency.to_string()),
        "timezone_id" => json!(account.timezone),
        "country" => json!(account.country.map(|country| country.to_string())),
        "message_template_namespace" => json!(format!("waba_{}", account.id)),
        "account_review_status" | "status" => json!("APPROVED"),
        "business_verification_status" => json!("verified"),
        "ownership_type" => json!(match account.kind {
            AccountKind::Production => "SELF",
            AccountKind::Sandbox => "SANDBOX",
        }),
        "owner_business_info" | "on_behalf_of_business_info" => {
            json!({ "id": portfolio, "name": account.name })
        }
        "health_status" => json!(health::of_account(world, Some(app), account)),
        // Whether a payment method is valid is known here, and no more of it.
        "primary_funding_id" => Value::Null,
        _ => return None,
    })
}

/// `GET /{APP}` and `GET /me`.
pub(super) fn show_app(app: &App, fields: Option<&str>) -> Answer {
    let value = |field: &str| (field == "name").then(|| json!(app.name));
    Ok(Json(pick(APP_NODE, app.id.as_str(), fields, "id,name", value)?).into_response())
}

/// `GET /oauth/access_token`: the token of the app itself, for its id and secret.
pub(super) fn app_token(world: &World, uri: &Uri) -> Answer {
    let wanted = |name: &str| {
        query(uri, name).ok_or_else(|| ApiRefusal::Parameter(format!("{name} is required")))
    };
    if wanted("grant_type")? != "client_credentials" {
        let text = "grant_type: the only one here is client_credentials".to_owned();
        return Err(ApiRefusal::Parameter(text));
    }
    let token = format!("{}|{}", wanted("client_id")?, wanted("client_secret")?);
    world.directory.app_of_own_token(&token).ok_or(ApiRefusal::TokenUnknown)?;
    Ok(Json(json!({ "access_token": token, "token_type": "bearer" })).into_response())
}

/// `GET /debug_token?input_token=…`: what a token allows, asked by its own app.
pub(super) fn debug_token(world: &World, headers: &HeaderMap, uri: &Uri) -> Answer {
    let asked = query(uri, "input_token")
        .ok_or_else(|| ApiRefusal::Parameter("input_token is required".to_owned()))?;
    let token = auth::token(headers, uri)?;
    let asker = world.directory.app_of_own_token(&token);
    let asker = match asker {
        Some(app) => app,
        None => auth::Client::of(world, headers, uri)?.app,
    };
    let Some((app, grant)) = world.directory.grant_of(&asked) else {
        let error = json!({ "code": 190, "message": "Malformed access token" });
        return Ok(Json(json!({ "data": { "is_valid": false, "error": error, "scopes": [] } }))
            .into_response());
    };
    if app.id != asker.id {
        return Err(ApiRefusal::NotPermitted);
    }
    let scopes: Vec<_> = grant.scopes.iter().map(|scope| scope.as_str()).collect();
    let granular = |scope: &&str| {
        let accounts: Vec<_> = grant.accounts().iter().map(ToString::to_string).collect();
        if accounts.is_empty() {
            json!({ "scope": scope })
        } else {
            json!({ "scope": scope, "target_ids": accounts })
        }
    };
    Ok(Json(json!({ "data": {
        "app_id": app.id,
        "type": "SYSTEM_USER",
        "application": app.name,
        "expires_at": grant.expires_at.map_or(0, |at| at.unix()),
        "is_valid": !grant.is_expired(world.clock.now()),
        "scopes": scopes,
        "granular_scopes": scopes.iter().map(granular).collect::<Vec<_>>(),
    } }))
    .into_response())
}
