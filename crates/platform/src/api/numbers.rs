//! `GET /{PNID}`: what is this number?

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use serde_json::{Map, Value, json};

use crate::directory::Number;

/// Fields that are shown when none are asked for.
const DEFAULT_FIELDS: &str = "verified_name,display_phone_number,quality_rating,id";

/// Answers with the fields asked for that there are, and the id.
pub(super) fn show(number: &Number, fields: Option<&str>) -> Response {
    let mut shown = Map::new();
    for field in fields.unwrap_or(DEFAULT_FIELDS).split(',').map(str::trim) {
        if let Some(value) = value(number, field) {
            shown.insert(field.to_owned(), value);
        }
    }
    shown.insert("id".to_owned(), json!(number.id));
    Json(shown).into_response()
}

fn value(number: &Number, field: &str) -> Option<Value> {
    Some(match field {
        "verified_name" => json!(number.name),
        "display_phone_number" => json!(number.digits.as_str()),
        "quality_rating" => json!("GREEN"),
        "platform_type" => json!("CLOUD_API"),
        "status" => json!("CONNECTED"),
        "messaging_limit_tier" => json!(format!("TIER_{}", number.tier)),
        "health_status" => health(number),
        _ => return None,
    })
}

fn health(number: &Number) -> Value {
    let number_entity = json!({
        "entity_type": "PHONE_NUMBER",
        "id": number.id,
        "can_send_message": "AVAILABLE",
        "can_receive_call_sip": if number.calling.sip_enabled() { "AVAILABLE" } else { "BLOCKED" },
    });
    let account = json!({
        "entity_type": "WABA",
        "id": number.account,
        "can_send_message": "AVAILABLE",
    });
    json!({ "can_send_message": "AVAILABLE", "entities": [number_entity, account] })
}
