//! What does `/openapi.json` say?
//!
//! The sandbox API with an example of every body, and the Graph-shaped calls a gateway makes. The
//! committed copy is `openapi/platform.json`; a test compares both and sends every example.

use serde_json::{Value, json};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem, PathsBuilder,
    Required, ResponseBuilder,
    path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    schema::Type,
};

/// One operation of the API.
struct Operation {
    method: HttpMethod,
    path: &'static str,
    summary: &'static str,
    request: Option<Value>,
    status: &'static str,
    answer: Value,
}

/// The document.
pub(crate) fn document() -> OpenApi {
    // Two operations of one path merge into one item.
    let mut paths = PathsBuilder::new();
    let sandbox = sandbox_users().into_iter().chain(sandbox_chats()).chain(sandbox_records());
    let sandbox = sandbox.chain(sandbox_faults()).chain(sandbox_whole()).chain(sandbox_lists());
    let sandbox = sandbox.chain(sandbox_business());
    for operation in sandbox.chain(graph()).chain(graph_reads()) {
        let path = operation.path;
        paths = paths.path(path, item(operation));
    }
    let info = InfoBuilder::new()
        .title("Offhook platform")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The sandbox API of the platform, and its Graph-shaped calling API. Times are RFC 3339 \
             in UTC. A refusal of the sandbox is 409 {rule, code, text}; one of the Graph API has \
             Graph's error envelope.",
        ));
    OpenApiBuilder::new().info(info.build()).paths(paths.build()).build()
}

fn item(operation: Operation) -> PathItem {
    let object = || ObjectBuilder::new().schema_type(Type::Object).build();
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let content = |example: Value| {
        let is_object = example.is_object();
        let content = ContentBuilder::new().example(Some(example));
        if is_object { content.schema(Some(object())).build() } else { content.build() }
    };
    let kind = if operation.path.ends_with(".wav") { "audio/wav" } else { "application/json" };
    let response = ResponseBuilder::new()
        .description(operation.summary)
        .content(kind, content(operation.answer));
    let mut built = OperationBuilder::new()
        .summary(Some(operation.summary))
        .response(operation.status, response.build());
    for name in parameters(operation.path) {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(text()));
        built = built.parameter(parameter.build());
    }
    if let Some(request) = operation.request {
        let body = RequestBodyBuilder::new()
            .required(Some(Required::True))
            .content("application/json", content(request));
        built = built.request_body(Some(body.build()));
    }
    PathItem::new(operation.method, built.build())
}

/// The names in braces of a path.
fn parameters(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn get(path: &'static str, summary: &'static str, answer: Value) -> Operation {
    Operation { method: HttpMethod::Get, path, summary, request: None, status: "200", answer }
}

fn post(path: &'static str, summary: &'static str, request: Value, answer: Value) -> Operation {
    let (method, status) = (HttpMethod::Post, "200");
    Operation { method, path, summary, request: Some(request), status, answer }
}

/// The points of one day.
fn analytics() -> Value {
    json!({ "data": [{ "granularity": "DAILY", "directions": ["BUSINESS_INITIATED"],
        "data_points": [{ "start": 1_783_036_800, "end": 1_783_123_200, "country": "BR",
                          "cost": 0.4914, "count": 35, "average_duration": 75 }] }] })
}

/// The business's side; the keys are those of a seed file.
fn sandbox_business() -> Vec<Operation> {
    let app = json!({ "id": "401234567890555", "name": "Second app", "secret": "s", "verify_token": "v",
                      "tokens": [{ "token": "second-token",
                                   "scopes": ["whatsapp_business_messaging"] }],
                      "fields": ["calls"], "is_live": true });
    let account = json!({ "id": "201234567890555", "name": "Second", "currency": "EUR",
                          "timezone": "Europe/Berlin", "country": "DE", "use_case": "service",
                          "payment_valid": true, "rulebook": "2026-10", "rate_card": "example",
                          "apps": ["401234567890123"] });
    let number = json!({ "id": "109876543210555", "account": "201234567890123",
                         "digits": "551140000555", "name": "Second number", "tier": 2000,
                         "kind": "test", "allowed_recipients": ["5215550000001"] });
    let added = |path, summary, body: Value| Operation {
        status: "201",
        ..post(path, summary, body.clone(), body)
    };
    let changed = |path, summary, changes: Value, answer: Value| Operation {
        method: HttpMethod::Put,
        ..post(path, summary, changes, answer)
    };
    vec![
        added("/sandbox/v1/apps", "Adds an app with its tokens", app.clone()),
        changed(
            "/sandbox/v1/apps/{id}",
            "Changes an app; what is not named stays, null clears",
            json!({ "tokens": [{ "token": "third-token", "expires_at": "2026-11-29T18:00:00Z",
                                 "scopes": ["whatsapp_business_management"] }],
                    "fields": ["calls", "messages"], "is_live": false }),
            app,
        ),
        added("/sandbox/v1/accounts", "Adds an account", account.clone()),
        changed(
            "/sandbox/v1/accounts/{id}",
            "Changes an account; what is not named stays, null clears",
            json!({ "payment_valid": false, "use_case": "marketing", "rulebook": "2025-beta" }),
            account,
        ),
        added("/sandbox/v1/numbers", "Adds a business number", number.clone()),
        changed(
            "/sandbox/v1/numbers/{id}",
            "Changes a number; what is not named stays, null clears",
            json!({ "tier": 10000, "country": "MX", "allowed_recipients": [] }),
            number,
        ),
        changed(
            "/sandbox/v1/users/{wa_id}",
            "Changes a user; an empty text clears",
            json!({ "username": "ana.souza", "parent_user_id": "MX.ENT.1", "hides_number": false,
                    "client": { "os": "ios", "version": "2.25.27" } }),
            json!({ "wa_id": "5215550000001", "user_id": "MX.1", "username": "ana.souza" }),
        ),
    ]
}

/// What a client reads when it starts.
fn graph_reads() -> Vec<Operation> {
    vec![
        get(
            "/v23.0/{waba_id}/phone_numbers",
            "The account's numbers, page by page (fields, limit, after in the query)",
            json!({ "data": [{ "id": "109876543210987", "verified_name": "Loja Aurora" }],
                    "paging": { "cursors": { "before": "MTA5", "after": "MTA5" } } }),
        ),
        get(
            "/v23.0/{waba_id}/subscribed_apps",
            "The apps that get the account's webhooks; POST subscribes the token's app, DELETE ends it",
            json!({ "data": [{ "whatsapp_business_api_data": { "id": "401234567890123" } }] }),
        ),
        get(
            "/v23.0/debug_token",
            "What a token allows (input_token in the query)",
            json!({ "data": { "app_id": "401234567890123", "is_valid": true, "scopes": [] } }),
        ),
        get(
            "/v23.0/oauth/access_token",
            "The app's own token, for /{app_id} and its edges (client_id, client_secret and \
             grant_type=client_credentials in the query)",
            json!({ "access_token": "401234567890123|secret", "token_type": "bearer" }),
        ),
        post(
            "/v23.0/{app_id}/subscriptions",
            "Sets the app's callback URL and webhook fields, after the handshake; as JSON, as a form \
             or in the query. GET reads them, DELETE ends them",
            json!({ "object": "whatsapp_business_account", "fields": "calls,messages",
                    "callback_url": "http://127.0.0.1:8500/webhooks/whatsapp",
                    "verify_token": "v" }),
            json!({ "success": true }),
        ),
        get("/v23.0/me", "The app of the token", json!({ "id": "401234567890123", "name": "App" })),
    ]
}

fn sandbox_users() -> Vec<Operation> {
    let done = || json!({ "success": true });
    let behaviour = || {
        json!({ "answer": { "after_ms": 2000 }, "play": { "tone_hz": 440.0 },
                "dtmf": [{ "digit": "1", "at_ms": 2000 }], "hang_up": { "after_ms": 10000 },
                "permission": "temporary" })
    };
    let clock = || json!({ "now": "2026-11-22T18:00:00Z", "mode": "running" });
    vec![
        get(
            "/sandbox/v1/state",
            "Everything there is",
            json!({ "clock": clock(), "apps": [], "accounts": [], "numbers": [], "users": [],
                    "calls": [] }),
        ),
        Operation {
            status: "201",
            ..post(
                "/sandbox/v1/users",
                "Adds a user",
                json!({ "wa_id": "5511977776666", "name": "Dora" }),
                json!({ "wa_id": "5511977776666", "user_id": "BR.123", "name": "Dora",
                        "country": "BR", "behaviour": behaviour(), "phone_connected": false }),
            )
        },
        Operation {
            method: HttpMethod::Put,
            ..post(
                "/sandbox/v1/users/{wa_id}/behaviour",
                "Says how the user's scripted phone reacts",
                behaviour(),
                behaviour(),
            )
        },
        post(
            "/sandbox/v1/users/{wa_id}/call",
            "The user calls a business; answered when it rings",
            json!({ "to": "551140000000", "deeplink_payload": "src=site", "cta_payload": "order=7" }),
            json!({ "call_id": "wacid.SAMPLE0001" }),
        ),
        post(
            "/sandbox/v1/users/{wa_id}/message",
            "The user writes: opens the service window",
            json!({ "to": "551140000000", "text": "hello" }),
            done(),
        ),
        post(
            "/sandbox/v1/users/{wa_id}/permission",
            "The user decides about being called: accept_temporary, accept_permanent, reject, revoke",
            json!({ "to": "551140000000", "action": "accept_temporary" }),
            done(),
        ),
        post(
            "/sandbox/v1/users/{wa_id}/feedback",
            "The user blocks, reports or unblocks a business",
            json!({ "to": "551140000000", "kind": "block" }),
            done(),
        ),
        post(
            "/sandbox/v1/users/{wa_id}/hang_up",
            "Ends the user's live call",
            json!({}),
            json!({ "success": true, "call_id": "wacid.SAMPLE0001" }),
        ),
    ]
}

fn sandbox_whole() -> Vec<Operation> {
    let snapshot = || {
        json!({ "product": "offhook-platform", "version": 1,
                "clock": { "now": "2026-11-22T18:00:00Z", "mode": "running" },
                "ids": { "run": 0, "drawn": {} }, "tables": {}, "media": {} })
    };
    vec![
        get(
            "/sandbox/v1/snapshot",
            "The whole state as one document; POST it to put it back, which ends live calls first",
            snapshot(),
        ),
        post(
            "/sandbox/v1/trigger",
            "Makes something happen, or be told, right away: see offhook trigger --list",
            json!({ "event": "message.text", "from": "5215550000001", "to": "551140000000" }),
            json!({ "event": "message.text", "synthetic": false }),
        ),
    ]
}

fn sandbox_faults() -> Vec<Operation> {
    let path = "/sandbox/v1/faults";
    let webhook = || {
        json!({ "delay_ms": 2000, "duplicate": true, "reorder": false, "drop": false,
                "bad_signature": false })
    };
    let of_a_call = || {
        json!({ "call_id": "wacid.SAMPLE0001", "webhook": webhook(),
                "graph": { "status": 503, "latency_ms": 250 },
                "media": { "loss": 0.05, "jitter_ms": 40, "silence": false, "rebind": false,
                           "no_dtls": false } })
    };
    let shown = json!([{ "webhook": webhook() }, of_a_call()]);
    vec![
        get(path, "What goes wrong on purpose: for everything, then for single calls", shown),
        Operation {
            method: HttpMethod::Put,
            ..post(
                path,
                "Replaces the faults of one call, or without call_id those of everything",
                of_a_call(),
                of_a_call(),
            )
        },
        Operation {
            method: HttpMethod::Delete,
            ..get(
                path,
                "Ends the faults of the call in ?call_id=, or all of them",
                json!({ "success": true }),
            )
        },
    ]
}

fn sandbox_chats() -> Vec<Operation> {
    let done = || json!({ "success": true });
    vec![
        post(
            "/sandbox/v1/users/{wa_id}/read",
            "The user looks at the chat: the business's messages are read",
            json!({ "to": "551140000000" }),
            done(),
        ),
        post(
            "/sandbox/v1/users/{wa_id}/callback",
            "Outside the call hours, the user asks to be called back",
            json!({ "to": "551140000000" }),
            done(),
        ),
    ]
}

fn sandbox_records() -> Vec<Operation> {
    let clock = || json!({ "now": "2026-11-22T18:00:00Z", "mode": "running" });
    vec![
        get(
            "/sandbox/v1/calls/{id}",
            "What happened in a call and how it sounded",
            json!({ "call_id": "wacid.SAMPLE0001", "direction": "USER_INITIATED", "state": "ended",
                    "states": [{ "state": "offered", "at": "2026-11-22T18:00:00Z" }],
                    "legs": { "user": { "heard": { "dbfs": -15.1, "tone_hz": 440.0, "packets": 250,
                                                   "lost": 0, "jitter_ms": 0.4, "mos": 4.4 } } },
                    "verdicts": [{ "code": "no_pre_accept", "text": "…", "fix": "…" }],
                    "price": { "amount": "0.12", "currency": "USD" },
                    "messages": [{ "id": "wamid.SAMPLE", "category": "SERVICE", "charge": "billed",
                                   "price": { "amount": "0.01", "currency": "USD" } }] }),
        ),
        get(
            "/sandbox/v1/calls/{id}/recording.wav",
            "What the user's phone heard (left) and said (right)",
            json!("RIFF…"),
        ),
        get(
            "/sandbox/v1/accounts/{waba_id}/analytics",
            "Figures of the account's calls: the parameters of call_analytics in the query",
            analytics(),
        ),
        get(
            "/sandbox/v1/accounts/{waba_id}/messages",
            "What the account's messages of a month cost (?month=2026-11; the current one without)",
            json!({ "month": "2026-11",
                    "totals": [{ "category": "SERVICE", "charge": "billed", "count": 1,
                                 "price": { "amount": "0.01", "currency": "USD" } }],
                    "messages": [{ "id": "wamid.SAMPLE", "at": "2026-11-22T18:00:00Z",
                                   "number": "109876543210987", "user": "5215550000001",
                                   "category": "SERVICE", "charge": "billed",
                                   "price": { "amount": "0.01", "currency": "USD" } }] }),
        ),
        Operation {
            status: "201",
            ..post(
                "/sandbox/v1/rate_cards",
                "Adds a rate card, of calls or of messages, as its header says",
                json!({ "name": "ours-2026-10-01", "csv": "Market,Currency,0+\nOther,EUR,0.02\n" }),
                json!({ "family": "ours", "currency": "EUR", "effective": "2026-10-01",
                        "rates_of": "calls" }),
            )
        },
        get("/sandbox/v1/clock", "What time it is", clock()),
        post(
            "/sandbox/v1/clock",
            "Moves the clock: one of advance, set, mode",
            json!({ "advance": "P7D" }),
            clock(),
        ),
        get(
            "/sandbox/v1/webhooks",
            "The newest webhooks, oldest first",
            json!([{ "id": "wh_0", "field": "calls", "body": {}, "signature": "sha256=…",
                     "url": "http://127.0.0.1:8500/webhooks/whatsapp",
                     "attempts": [{ "at": "2026-11-22T18:00:00Z", "status": 200 }],
                     "state": "delivered" }]),
        ),
        post(
            "/sandbox/v1/webhooks/{id}/redeliver",
            "Sends a webhook again",
            json!({}),
            json!({ "success": true }),
        ),
    ]
}

fn sandbox_lists() -> Vec<Operation> {
    let counter = json!({ "period_s": 86400, "max": 1, "used": 0 });
    let consent = json!({ "permission": "temporary", "permission_expires_at": "2026-11-29T18:00:00Z",
                          "window_open_until": "2026-11-23T18:00:00Z", "request_open": false,
                          "unanswered_in_a_row": 0, "requests": [counter], "calls": [counter] });
    let user = json!({ "wa_id": "5215550000001", "user_id": "MX.123", "name": "Ana", "country": "MX",
                       "consents": { "551140000000": consent } });
    let settings = json!({ "calling": { "status": "ENABLED" } });
    vec![
        get("/sandbox/v1/users", "Every user, with what each allows which number", json!([user])),
        get("/sandbox/v1/users/{wa_id}", "One user", user),
        get(
            "/sandbox/v1/media/{id}",
            "The bytes of a media file; multipart/form-data, as Graph's, to \
             /sandbox/v1/numbers/{phone_number_id}/media uploads one",
            json!("OggS…"),
        ),
        get(
            "/sandbox/v1/calls",
            "Calls, newest first; limit and before in the query, next is the next page's before",
            json!({ "calls": [{ "call_id": "wacid.SAMPLE0001", "direction": "USER_INITIATED",
                                "state": "ended", "user": "5215550000001",
                                "business": "551140000000", "placed_at": "2026-11-22T18:00:00Z",
                                "end": { "reason": "user_hung_up", "party": "user",
                                         "text": "The user hung up.",
                                         "at": "2026-11-22T18:01:00Z", "connected_ms": 55000 },
                                "verdicts": 0 }],
                    "next": "wacid.SAMPLE0001" }),
        ),
        get(
            "/sandbox/v1/numbers/{phone_number_id}/settings",
            "The number's calling settings, as Graph shows them",
            settings.clone(),
        ),
        post(
            "/sandbox/v1/numbers/{phone_number_id}/settings",
            "Changes them: Graph's body, checks and webhook, without a token",
            settings,
            json!({ "success": true }),
        ),
    ]
}

fn graph() -> Vec<Operation> {
    let number = "109876543210987";
    vec![
        post(
            "/v23.0/{phone_number_id}/calls",
            "connect, pre_accept, accept, reject or terminate a call",
            json!({ "messaging_product": "whatsapp", "call_id": "wacid.SAMPLE0001", "action": "terminate" }),
            json!({ "messaging_product": "whatsapp", "success": true }),
        ),
        post(
            "/v23.0/{phone_number_id}/messages",
            "Sends a text, a request for call permission, a call button or a template",
            json!({ "messaging_product": "whatsapp", "to": "5215550000001", "type": "interactive",
                    "interactive": { "type": "call_permission_request",
                                     "action": { "name": "call_permission_request" } } }),
            json!({ "messaging_product": "whatsapp", "messages": [{ "id": "wamid.SAMPLE" }] }),
        ),
        post(
            "/v23.0/{waba_id}/message_templates",
            "Makes a template, perhaps with a call button or a request for call permission",
            json!({ "name": "call_us", "category": "UTILITY", "language": "en", "components": [
                { "type": "BODY", "text": "You can call us on WhatsApp." },
                { "type": "BUTTONS", "buttons": [
                    { "type": "voice_call", "text": "Call Now", "ttl_minutes": 1440 }] }] }),
            json!({ "id": "1002700000000009", "status": "PENDING", "category": "UTILITY" }),
        ),
        get(
            "/v23.0/{waba_id}/message_templates",
            "The templates; name, language, status, category, limit and after in the query",
            json!({ "data": [], "paging": {} }),
        ),
        Operation {
            method: HttpMethod::Delete,
            ..get(
                "/v23.0/{waba_id}/message_templates",
                "Deletes a template: name, and perhaps hsm_id, in the query",
                json!({ "success": true }),
            )
        },
        get(
            "/v23.0/{phone_number_id}/call_permissions",
            "May the business call this user (user_wa_id or recipient in the query)?",
            json!({ "messaging_product": "whatsapp", "permission": { "status": "no_permission" },
                    "actions": [] }),
        ),
        get(
            "/v23.0/{phone_number_id}/settings",
            "The number's calling settings; POST the same shape to change them",
            json!({ "calling": { "status": "ENABLED" } }),
        ),
        get(
            "/v23.0/{media_id}",
            "A media file and a link to it that works for minutes; DELETE removes it. POST of \
             multipart/form-data (file, messaging_product, use_case) to /{phone_number_id}/media \
             uploads one",
            json!({ "messaging_product": "whatsapp", "id": "1002700000000001",
                    "mime_type": "audio/ogg", "sha256": "mYb2c0…=", "file_size": 12345,
                    "url": "http://127.0.0.1:8400/whatsapp_business/attachments/?mid=1002700000000001" }),
        ),
        get(
            "/v23.0/{waba_id}/call_analytics",
            "Figures of the account's calls: start, end, granularity and more in the query",
            analytics(),
        ),
        get(
            "/v23.0/{phone_number_id}",
            "The number itself",
            json!({ "id": number, "verified_name": "Loja Aurora" }),
        ),
    ]
}
