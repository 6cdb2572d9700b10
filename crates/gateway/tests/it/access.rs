//! Keys and their scopes, people and their roles.

use reqwest::Method;
use serde_json::{Value, json};

use crate::desk::Desk;

pub(crate) struct Asked {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

pub(crate) async fn ask(
    desk: &Desk,
    method: Method,
    path: &str,
    by: By<'_>,
    body: Option<Value>,
) -> Asked {
    let mut request = desk.http.request(method, desk.url(path));
    request = match by {
        By::Key(token) => request.bearer_auth(token),
        By::Session(cookie) => request.header("cookie", cookie),
    };
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    Asked { status, body: answer.json().await.unwrap_or_default() }
}

#[derive(Clone, Copy)]
pub(crate) enum By<'a> {
    Key(&'a str),
    Session(&'a str),
}

pub(crate) const HOUSE: By<'static> = By::Key("demo-api-key");

pub(crate) async fn log_in(desk: &Desk, user: &str, password: &str) -> Option<String> {
    let login = json!({"user": user, "password": password});
    let answer = desk.http.post(desk.url("/v1/session")).json(&login).send().await.unwrap();
    let cookie = answer.headers().get("set-cookie")?.to_str().unwrap();
    Some(cookie.split(';').next().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_what_its_scopes_say_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(folder.path()), |_| {}).await;
    let wanted = json!({"name": "crm", "scopes": ["calls:read", "events"]});
    let made = ask(&desk, Method::POST, "/v1/api_keys", HOUSE, Some(wanted)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let (token, id) = (made.body["token"].as_str().unwrap(), made.body["id"].as_str().unwrap());
    assert!(token.starts_with("ohk_") && token.len() > 64, "256 random bits");
    let crm = By::Key(token);
    for (path, status) in [("/v1/calls", 200), ("/v1/events", 200), ("/v1/contacts", 403)] {
        assert_eq!(ask(&desk, Method::GET, path, crm, None).await.status, status, "{path}");
    }
    let call = json!({"to": "5215550000001", "flow": true});
    let refused = ask(&desk, Method::POST, "/v1/calls", crm, Some(call)).await;
    let code = (refused.status, &refused.body["code"], &refused.body["scope"]);
    assert_eq!(code, (403, &json!("forbidden"), &json!("calls:write")), "{}", refused.body);
    let more = json!({"name": "more", "scopes": ["admin"]});
    let refused = ask(&desk, Method::POST, "/v1/api_keys", crm, Some(more)).await;
    assert_eq!(refused.status, 403, "a key makes no key that opens more");

    let list = ask(&desk, Method::GET, "/v1/api_keys", HOUSE, None).await.body;
    assert!(list["api_keys"][0]["last_used_at"].is_string(), "{list}");
    assert!(!list.to_string().contains(token), "a token is shown once");
    for file in ["gateway.db", "gateway.db-wal"] {
        let bytes = std::fs::read(folder.path().join(file)).unwrap();
        let secret = token.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "nor is it in {file}");
    }
    let revoke = format!("/v1/api_keys/{id}");
    assert_eq!(ask(&desk, Method::DELETE, &revoke, HOUSE, None).await.status, 204);
    assert_eq!(ask(&desk, Method::GET, "/v1/calls", crm, None).await.status, 401);
    assert_eq!(ask(&desk, Method::GET, "/v1/calls", By::Key("ohk_1_2"), None).await.status, 401);
    let wrong = json!({"name": "x", "scopes": ["calls:reed"]});
    let refused = ask(&desk, Method::POST, "/v1/api_keys", HOUSE, Some(wrong)).await;
    assert!(refused.body["detail"].as_str().unwrap().contains("did you mean \"calls:read\""));
    let audit = ask(&desk, Method::GET, "/v1/audit", HOUSE, None).await.body;
    let acts: Vec<_> = audit["entries"].as_array().unwrap().iter().map(|e| &e["act"]).collect();
    assert_eq!(acts, ["key.revoked", "key.created"], "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_added_changed_and_may_do_what_their_role_says() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::start_with(Some(folder.path()), |_| {}).await;
    let add = async |id: &str, role: &str| {
        let user =
            json!({"id": id, "role": role, "skills": ["billing"], "password": "a long word"});
        ask(&desk, Method::POST, "/v1/users", HOUSE, Some(user)).await.status
    };
    assert_eq!((add("nina", "admin").await, add("otto", "auditor").await), (201, 201));
    assert_eq!((add("nina", "agent").await, add("lia", "admin").await), (409, 409), "taken");
    let nina = log_in(&desk, "nina", "a long word").await.expect("she may log in");
    let otto = log_in(&desk, "otto", "a long word").await.expect("he may log in");
    let lia = log_in(&desk, "lia", "demo").await.unwrap();
    let message = || Some(json!({"to": "5215550000001", "text": "Hello"}));
    for (who, cookie, reads, writes, house, keys) in [
        ("agent", &lia, 200, 200, 403, 403),
        ("auditor", &otto, 200, 403, 200, 403),
        ("admin", &nina, 200, 200, 200, 422),
    ] {
        let by = By::Session(cookie);
        let status = async |method, path, body| ask(&desk, method, path, by, body).await.status;
        let none = Some(json!({"name": "x", "scopes": []}));
        let seen = [
            status(Method::GET, "/v1/calls", None).await,
            status(Method::POST, "/v1/messages", message()).await,
            status(Method::GET, "/v1/audit", None).await,
            status(Method::POST, "/v1/api_keys", none).await,
        ];
        assert_eq!(seen, [reads, writes, house, keys], "{who}");
    }
    let mut page = desk.open_console(&otto).await;
    page.next("hello").await;
    page.send(json!({"type": "presence", "state": "available"})).await;
    assert_eq!(page.next("refused").await["code"], "forbidden");
    let shut = Some(json!({"disabled": true}));
    let by = By::Session(&nina);
    assert_eq!(ask(&desk, Method::PATCH, "/v1/users/lia", by, shut.clone()).await.status, 409);
    assert_eq!(ask(&desk, Method::PATCH, "/v1/users/nina", by, shut.clone()).await.status, 409);
    assert_eq!(ask(&desk, Method::PATCH, "/v1/users/otto", by, shut).await.status, 200);
    page.closed().await;
    let by = By::Session(&otto);
    assert_eq!(ask(&desk, Method::GET, "/v1/calls", by, None).await.status, 401);
    assert!(log_in(&desk, "otto", "a long word").await.is_none(), "the log-in is shut");
    let audit = desk.get("/v1/audit").await;
    assert_eq!(
        (&audit["entries"][0]["by"], &audit["entries"][0]["act"]),
        (&json!("nina"), &json!("user.changed"))
    );
    assert!(!audit.to_string().contains("a long word"));
    desk.gateway.stop().await;
    let desk = Desk::start_with(Some(folder.path()), |_| {}).await;
    assert!(log_in(&desk, "nina", "a long word").await.is_some(), "people outlive a restart");
    let users = desk.get("/v1/users").await;
    let nina = users["users"].as_array().unwrap().iter().find(|user| user["id"] == "nina");
    assert_eq!(nina.unwrap()["skills"], json!(["billing"]), "with their skills");
    assert!(log_in(&desk, "otto", "a long word").await.is_none());
}
