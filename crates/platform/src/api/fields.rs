//! Which fields of an object does a request want?
//!
//! `fields=id,health_status{entities}` names them; what is in braces is not narrowed down. A field
//! that the object does not have is an error, as in the Graph API.

use serde_json::{Map, Value};

use super::refusals::ApiRefusal;

/// The names in a `fields` parameter.
fn names(text: &str) -> Vec<String> {
    let (mut names, mut depth) = (vec![String::new()], 0_u32);
    for letter in text.chars() {
        match letter {
            '{' | '(' => depth += 1,
            '}' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => names.push(String::new()),
            ' ' => {}
            _ if depth == 0 => {
                if let Some(name) = names.last_mut() {
                    name.push(letter);
                }
            }
            _ => {}
        }
    }
    names.into_iter().filter(|name| !name.is_empty()).collect()
}

/// The object with the fields asked for, or the usual ones, and its id.
pub(super) fn pick(
    node: &'static str,
    id: &str,
    wanted: Option<&str>,
    usual: &str,
    value: impl Fn(&str) -> Option<Value>,
) -> Result<Value, ApiRefusal> {
    let mut shown = Map::new();
    for name in names(wanted.unwrap_or(usual)) {
        let unknown = || {
            let text = format!("Tried accessing nonexisting field ({name}) on node type ({node})");
            ApiRefusal::Parameter(text)
        };
        let found = if name == "id" { Some(Value::from(id)) } else { value(&name) };
        shown.insert(name.clone(), found.ok_or_else(unknown)?);
    }
    shown.insert("id".to_owned(), Value::from(id));
    Ok(Value::Object(shown))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_stand_between_commas_outside_of_braces() {
        assert_eq!(
            names("id, health_status{entities,x},status"),
            ["id", "health_status", "status"]
        );
        assert_eq!(names("data.limit(2){a,b},}id"), ["data.limit", "id"]);
        assert!(names(",,").is_empty());
    }

    #[test]
    fn an_unknown_field_is_an_error_and_the_id_is_always_there() {
        let value = |name: &str| (name == "name").then(|| json!("x"));
        assert_eq!(pick("N", "7", None, "name", value).unwrap(), json!({ "name": "x", "id": "7" }));
        let refused = pick("N", "7", Some("colour"), "name", value).unwrap_err().to_string();
        assert!(refused.contains("(colour) on node type (N)"), "{refused}");
    }
}
