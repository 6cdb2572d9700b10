//! A few HTTP questions, asked from plain test code.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::Value;

/// `GET` or `POST` with a JSON body and one bearer token; the status and the JSON answer.
pub(crate) fn ask(
    method: &str,
    url: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> (u16, Value) {
    let bearer = token.map(|t| format!("Authorization: Bearer {t}\r\n")).unwrap_or_default();
    ask_with(method, url, &bearer, body)
}

/// The same, with header lines, each with its end.
pub(crate) fn ask_with(
    method: &str,
    url: &str,
    headers: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let rest = url.strip_prefix("http://").expect("a plain HTTP address");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let Ok(mut stream) = TcpStream::connect(host) else { return (0, Value::Null) };
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time limit");
    if stream.write_all(request.as_bytes()).is_err() {
        return (0, Value::Null);
    }
    let mut answer = Vec::new();
    let _cut_short = stream.read_to_end(&mut answer).is_err();
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// A `GET` that must succeed.
pub(crate) fn get(url: &str, token: Option<&str>) -> Value {
    let (status, body) = ask("GET", url, token, None);
    assert_eq!(status, 200, "GET {url}: {body}");
    body
}

/// Posts and returns the cookie that was set.
pub(crate) fn cookie(url: &str, body: &Value) -> String {
    let rest = url.strip_prefix("http://").expect("a plain HTTP address");
    let (host, path) = rest.split_once('/').expect("a path");
    let body = body.to_string();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).expect("the server");
    stream.write_all(request.as_bytes()).expect("asking");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let line = answer.lines().find(|line| line.to_lowercase().starts_with("set-cookie:"));
    let value = line.expect("a cookie").split_once(':').expect("a header").1;
    value.split(';').next().unwrap_or_default().trim().to_owned()
}
