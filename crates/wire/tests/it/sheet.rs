//! Every JSON example of the fact sheet is read into its type and written back unchanged.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use wire::graph;
use wire::webhook::envelope::{Change, Envelope};

use super::text_of;

/// One example: the line it begins at, and its value.
struct Example {
    line: usize,
    value: Value,
}

fn examples() -> Vec<Example> {
    let text = text_of("../../docs/calling-api.md");
    let mut examples = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((line, fence)) = lines.next() {
        if !fence.starts_with("```") {
            continue;
        }
        let body: String =
            lines.by_ref().map(|(_, text)| text).take_while(|text| *text != "```").collect();
        if fence == "```json" {
            let value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{line}: {e}"));
            examples.push(Example { line: line + 1, value });
        }
    }
    examples
}

fn again<T: DeserializeOwned + Serialize>(value: &Value) -> Result<Value, String> {
    let read: T = serde_json::from_value(value.clone()).map_err(|fault| fault.to_string())?;
    serde_json::to_value(&read).map_err(|fault| fault.to_string())
}

/// Reads a webhook as an endpoint does, and writes it as the platform does.
fn webhook(value: &Value) -> Result<Value, String> {
    let read = Envelope::parse(value.to_string().as_bytes()).map_err(|fault| fault.to_string())?;
    for change in read.changes() {
        if let Change::Unreadable { why, .. } = change {
            return Err(why.clone());
        }
        if let Change::Other { field, .. } = change {
            return Err(format!("field {field} is not known"));
        }
    }
    serde_json::to_value(&read).map_err(|fault| fault.to_string())
}

/// An example that shows one change, or one value of field `calls`, without what is around it.
fn part_of_webhook(value: &Value) -> Result<Value, String> {
    let mut change = value.clone();
    if change.get("field").is_none() {
        change["messaging_product"] = json!("whatsapp");
        change["metadata"] =
            json!({ "display_phone_number": "551140000000", "phone_number_id": "109876543210987" });
        change = json!({ "field": "calls", "value": change });
    }
    let whole = json!({ "object": "whatsapp_business_account",
                        "entry": [{ "id": "201234567890123", "changes": [change] }] });
    let written = webhook(&whole)?;
    if written == whole { Ok(value.clone()) } else { Ok(written) }
}

fn request<T: Serialize, F: std::fmt::Display>(read: Result<T, F>) -> Result<Value, String> {
    let read = read.map_err(|fault| fault.to_string())?;
    serde_json::to_value(&read).map_err(|fault| fault.to_string())
}

/// The example, read and written; `None` if nobody knows what it is.
fn through_its_type(value: &Value) -> Option<Result<Value, String>> {
    let has = |key: &str| value.get(key).is_some();
    let bytes = value.to_string();
    let bytes = bytes.as_bytes();
    Some(if has("object") {
        webhook(value)
    } else if has("field") || value.pointer("/calls/0/event").is_some() {
        part_of_webhook(value)
    } else if has("action") {
        request(graph::call::CallRequest::parse(bytes))
    } else if has("interactive") || has("template") {
        request(graph::message::MessageRequest::parse(bytes))
    } else if has("health_status") {
        again::<graph::health::Number>(value)
    } else if has("components") {
        request(graph::template::NewTemplate::parse(bytes))
    } else if has("call_analytics") {
        again::<graph::analytics::CallAnalytics>(&value["call_analytics"])
            .map(|shown| json!({ "call_analytics": shown, "id": value["id"] }))
    } else if has("storage_configuration") {
        again::<graph::settings::Settings>(value)
    } else if has("calling") {
        request(graph::settings::Settings::parse(bytes))
    } else if has("contacts") {
        again::<graph::message::Sent>(value)
    } else if has("permission") {
        again::<graph::permission::CallPermissions>(value)
    } else if has("calls") {
        again::<graph::call::Connected>(value)
    } else if has("error") {
        again::<graph::error::ErrorBody>(value)
    } else {
        return None;
    })
}

#[test]
fn every_example_of_the_fact_sheet() {
    let examples = examples();
    assert!(examples.len() >= 31, "{} examples", examples.len());
    let mut wrong = String::new();
    for Example { line, value } in examples {
        match through_its_type(&value) {
            Some(Ok(written)) if written == value => {}
            Some(Ok(written)) => {
                wrong.push_str(&format!("line {line}:\n  {value}\n  {written}\n"));
            }
            Some(Err(fault)) => wrong.push_str(&format!("line {line}: {fault}\n")),
            None => wrong.push_str(&format!("line {line}: no type for {value}\n")),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
