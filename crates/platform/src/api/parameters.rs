//! How do a client's parameters come: as JSON, as a form, or in the query?
//!
//! Graph takes each. Clients send a subscription in any of the three: a body of JSON, `curl -d` with a
//! form that holds the token too, or everything in the query of a POST. Here they become the one JSON
//! body that [`wire`] reads.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Uri, header, request::Parts},
};
use serde_json::{Map, Value};

use super::{auth, percent_decoded, read, refusals::ApiRefusal};

const TOKEN: &str = "access_token";

/// Moves a token that came in a form to where every other one is. Only then is the body of a request
/// read before its token is known.
pub(super) async fn take_token(parts: &mut Parts, body: Body) -> Result<Body, ApiRefusal> {
    if auth::token(&parts.headers, &parts.uri).is_ok() || !is_form(&parts.headers) {
        return Ok(body);
    }
    let bytes = read(body).await?;
    let token = pairs(&bytes).into_iter().find(|(name, _)| name == TOKEN);
    let bearer = token.and_then(|(_, it)| HeaderValue::try_from(format!("Bearer {it}")).ok());
    if let Some(bearer) = bearer {
        parts.headers.insert(header::AUTHORIZATION, bearer);
    }
    Ok(Body::from(bytes))
}

/// The parameters of a request as one JSON body; what the body says goes before the query. A body that
/// is no object stays as it is, for whoever reads it to say so.
pub(super) fn merged(headers: &HeaderMap, uri: &Uri, body: &[u8]) -> Vec<u8> {
    let text = body.trim_ascii();
    let mut map = if text.is_empty() {
        Map::new()
    } else if is_form(headers) && !text.starts_with(b"{") {
        as_values(pairs(text))
    } else {
        match serde_json::from_slice(text) {
            Ok(Value::Object(map)) => map,
            Ok(_) | Err(_) => return body.to_vec(),
        }
    };
    for (name, value) in as_values(pairs(uri.query().unwrap_or_default().as_bytes())) {
        map.entry(name).or_insert(value);
    }
    map.remove(TOKEN);
    Value::Object(map).to_string().into_bytes()
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

fn pairs(form: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(form);
    let decoded = |text: &str| percent_decoded(&text.replace('+', " "));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    text.split('&').filter(|it| !it.is_empty()).map(pair).collect()
}

/// An object or a list in a form is JSON in a text.
fn as_values(pairs: Vec<(String, String)>) -> Map<String, Value> {
    let value = |text: String| {
        let is_nested = text.starts_with(['{', '[']);
        let nested = is_nested.then(|| serde_json::from_str(&text).ok()).flatten();
        nested.unwrap_or(Value::String(text))
    };
    pairs.into_iter().map(|(name, text)| (name, value(text))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn merge(kind: &str, uri: &str, body: &str) -> Value {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, kind.parse().unwrap())]);
        serde_json::from_slice(&merged(&headers, &uri.parse().unwrap(), body.as_bytes())).unwrap()
    }

    #[test]
    fn json_a_form_and_the_query_say_the_same() {
        let wanted = json!({ "fields": ["calls"], "verify_token": "a b+c" });
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        let text = "access_token=t&fields=%5B%22calls%22%5D&verify_token=a+b%2Bc";
        assert_eq!(merge("application/json", "/x?access_token=t", &wanted.to_string()), wanted);
        assert_eq!(merge(form, "/x", text), wanted);
        assert_eq!(merge("text/plain", &format!("/x?{text}"), ""), wanted);
        assert_eq!(merge(form, "/x", &wanted.to_string()), wanted, "curl says form by itself");
    }

    #[test]
    fn the_body_goes_before_the_query_and_both_count() {
        let body = json!({ "object": "o", "fields": "calls" }).to_string();
        let both = merge("application/json", "/x?fields=messages&verify_token=v", &body);
        assert_eq!(both, json!({ "object": "o", "fields": "calls", "verify_token": "v" }));
    }

    #[test]
    fn what_is_no_object_stays_for_the_reader_to_refuse() {
        for body in ["[1]", "{\"a\":", "7"] {
            let merged = merged(&HeaderMap::new(), &"/x?a=b".parse().unwrap(), body.as_bytes());
            assert_eq!(merged, body.as_bytes());
        }
    }
}
