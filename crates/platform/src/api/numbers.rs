//! `/{PNID}` and `/{WABA}/phone_numbers`: what are these numbers?

use axum::{Json, http::Uri, response::IntoResponse as _};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rules::quality;
use serde_json::{Value, json};
use terms::{AppId, Direction, PhoneNumberId};
use wire::graph::{Success, subscription::CallbackOverride};

use super::{Answer, fields::pick, health, query, refusals::ApiRefusal, subscriptions};
use crate::{
    directory::{Account, App, Number},
    world::World,
};

const NODE: &str = "WhatsAppBusinessPhoneNumber";

/// Fields that are shown when none are asked for.
const USUAL: &str = "verified_name,code_verification_status,display_phone_number,quality_rating,\
                     platform_type,throughput,webhook_configuration,id";

/// Numbers of a page, unless the request says otherwise; and the most it may say.
const PAGE: usize = 25;
const PAGE_MAX: usize = 100;

/// Answers with the fields asked for, and the id.
pub(super) fn show(
    world: &World,
    app: Option<&App>,
    number: &Number,
    fields: Option<&str>,
) -> Answer {
    Ok(Json(shown(world, app, number, fields)?).into_response())
}

fn shown(
    world: &World,
    app: Option<&App>,
    number: &Number,
    fields: Option<&str>,
) -> Result<Value, ApiRefusal> {
    let value = |field: &str| value(world, app, number, field);
    pick(NODE, number.id.as_str(), fields, USUAL, value)
}

fn value(world: &World, app: Option<&App>, number: &Number, field: &str) -> Option<Value> {
    let is_for_tests = world.directory.kind_of(number).is_for_tests();
    Some(match field {
        "verified_name" => json!(number.name),
        "display_phone_number" => json!(number.digits.as_str()),
        "quality_rating" => json!(quality_rating(world, number)),
        "quality_score" => json!({ "score": quality_rating(world, number) }),
        "code_verification_status" => json!("VERIFIED"),
        "platform_type" => json!("CLOUD_API"),
        "throughput" => json!({ "level": "STANDARD" }),
        "messaging_limit_tier" | "whatsapp_business_manager_messaging_limit" => {
            json!(tier_name(number.tier))
        }
        "webhook_configuration" => webhook_configuration(world, app.map(|app| &app.id), number),
        "status" => json!("CONNECTED"),
        "name_status" | "new_name_status" => json!("APPROVED"),
        "is_official_business_account" | "is_on_biz_app" | "is_preverified_number" => json!(false),
        "is_pin_enabled" => json!(true),
        "account_mode" => json!(if is_for_tests { "SANDBOX" } else { "LIVE" }),
        "host_platform" => json!("NOT_APPLICABLE"),
        "search_visibility" => json!("NON_VISIBLE"),
        // Documented, and without anything behind them here.
        "certificate"
        | "new_certificate"
        | "conversational_automation"
        | "eligibility_for_api_business_global_search"
        | "last_onboarded_time" => Value::Null,
        "country_code" => json!(number.known_country().map(|country| country.to_string())),
        "health_status" => json!(health::of_number(world, app, number)),
        _ => return None,
    })
}

/// `GREEN`, or `RED` while calling is restricted for low quality.
fn quality_rating(world: &World, number: &Number) -> &'static str {
    let now = world.clock.now();
    let stopped =
        |direction| quality::stopped_until(&number.restrictions, direction, now).is_some();
    if stopped(Direction::BusinessInitiated) || stopped(Direction::UserInitiated) {
        "RED"
    } else {
        "GREEN"
    }
}

/// `TIER_250`, `TIER_2K`, `TIER_100K`.
fn tier_name(tier: u32) -> String {
    if tier >= 1000 && tier.is_multiple_of(1000) {
        format!("TIER_{}K", tier / 1000)
    } else {
        format!("TIER_{tier}")
    }
}

/// Where the app that asks gets this number's webhooks, level by level.
fn webhook_configuration(world: &World, app: Option<&AppId>, number: &Number) -> Value {
    let mut shown = json!({});
    if let Some(url) = app.and_then(|id| world.directory.app(id)?.callback_url.clone()) {
        shown["application"] = json!(url);
    }
    let account = world.directory.account(&number.account);
    let of_account = |id: &AppId| Some(account.as_ref()?.overrides.get(id)?.url.clone());
    if let Some(url) = app.and_then(of_account) {
        shown["whatsapp_business_account"] = json!(url);
    }
    if let Some(callback) = app.and_then(|id| number.callback_overrides.get(id)) {
        shown["phone_number"] = json!(callback.url);
    }
    shown
}

/// `POST /{PNID}`: the webhooks of this number go elsewhere, for the app that asks; an empty text ends
/// that.
pub(super) async fn change(world: &World, app: &AppId, id: &PhoneNumberId, body: &[u8]) -> Answer {
    let wanted = CallbackOverride::parse_number(body).map_err(ApiRefusal::Body)?;
    let callback = subscriptions::overridden(world, app, wanted).await?;
    let writing = world.directory.writing().await;
    let unknown = || ApiRefusal::UnknownObject { id: id.to_string() };
    let number = world.directory.number(id).ok_or_else(unknown)?;
    let mut changed = Number::clone(&number);
    match callback {
        Some(callback) => drop(changed.callback_overrides.insert(app.clone(), callback)),
        None => drop(changed.callback_overrides.remove(app)),
    }
    writing.save_number(changed).await?;
    Ok(Json(Success::bare()).into_response())
}

/// `GET /{WABA}/phone_numbers`: page by page, in the order of their ids.
pub(super) fn list(world: &World, app: Option<&App>, account: &Account, uri: &Uri) -> Answer {
    let limit = query(uri, "limit").and_then(|text| text.parse::<usize>().ok());
    let limit = limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let after = query(uri, "after").map(|cursor| read_cursor(&cursor)).transpose()?;
    let numbers = world.directory.numbers();
    let mut rest = numbers
        .iter()
        .filter(|number| number.account == account.id)
        .filter(|number| after.as_ref().is_none_or(|after| number.id > *after));
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let fields = query(uri, "fields");
    let data = page.iter().map(|number| shown(world, app, number, fields.as_deref()));
    let data: Vec<Value> = data.collect::<Result<_, _>>()?;
    let mut answer = json!({ "data": data });
    if let (Some(first), Some(last)) = (page.first(), page.last()) {
        let (before, after) = (cursor(&first.id), cursor(&last.id));
        answer["paging"] = json!({ "cursors": { "before": before, "after": after } });
        if rest.next().is_some() {
            let base = format!("{}{}", world.public_url(), uri.path());
            answer["paging"]["next"] = json!(format!("{base}?limit={limit}&after={after}"));
        }
    }
    Ok(Json(answer).into_response())
}

fn cursor(id: &PhoneNumberId) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(id.as_str())
}

fn read_cursor(cursor: &str) -> Result<PhoneNumberId, ApiRefusal> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok())
        .ok_or_else(|| ApiRefusal::Parameter("after: not a cursor of this list".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_named_in_thousands() {
        let names = [250, 1_000, 2_000, 10_000, 100_000].map(tier_name);
        assert_eq!(names, ["TIER_250", "TIER_1K", "TIER_2K", "TIER_10K", "TIER_100K"]);
    }

    #[test]
    fn a_cursor_is_read_back_and_another_text_is_none() {
        let id: PhoneNumberId = "109876543210987".parse().unwrap();
        assert_eq!(read_cursor(&cursor(&id)).unwrap(), id);
        for bad in ["", "%", "eA", "////"] {
            assert!(read_cursor(bad).is_err(), "{bad}");
        }
    }
}
