//! Every fault of a request names its field.

use serde_json::{Value, json};
use wire::RequestFault;
use wire::graph::call::CallRequest;
use wire::graph::message::{Content, MessageRequest};
use wire::graph::permission::PermissionQuery;
use wire::graph::settings::Settings;
use wire::graph::subscription::{AppSubscription, CallbackOverride, Dialog360Webhook};
use wire::graph::template::{Given, GivenPart, NewTemplate, Parameter};

use super::value;

/// The golden with one pointer set; `null` removes.
fn with(name: &str, pointer: &str, new: Value) -> Vec<u8> {
    let mut body = value(name);
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap();
    match (parent, new) {
        (Value::Object(map), Value::Null) => drop(map.remove(key)),
        (Value::Object(map), new) => drop(map.insert(key.to_owned(), new)),
        (other, _) => panic!("{other} has no fields"),
    }
    body.to_string().into_bytes()
}

#[track_caller]
fn call(pointer: &str, new: Value, golden: &str) -> String {
    CallRequest::parse(&with(golden, pointer, new)).unwrap_err().to_string()
}

#[test]
fn what_is_not_json_says_where() {
    let fault = CallRequest::parse(b"{\n \"action\": connect}").unwrap_err();
    assert!(matches!(fault, RequestFault::NotJson { line: 2, .. }), "{fault:?}");
    assert_eq!(fault.path(), None);
    let fault = CallRequest::parse(b"[]").unwrap_err();
    assert_eq!(fault.to_string(), "the body must be an object, found an array");
    assert!(CallRequest::parse(b"").is_err());
    assert!(CallRequest::parse(b"\xff\xfe{}").is_err());
    let deep = "[".repeat(100_000);
    assert!(CallRequest::parse(deep.as_bytes()).is_err(), "nesting is bounded");
}

#[test]
fn faults_of_an_action() {
    let product = "messaging_product is required";
    assert_eq!(call("/messaging_product", Value::Null, "call_accept"), product);
    assert_eq!(
        call("/messaging_product", json!("telegram"), "call_accept"),
        "messaging_product is not valid: the only product is whatsapp"
    );
    assert_eq!(call("/action", Value::Null, "call_accept"), "action is required");
    assert_eq!(
        call("/action", json!("hold"), "call_accept"),
        "action must be one of connect, pre_accept, accept, reject, terminate"
    );
    assert_eq!(
        call("/action", json!(1), "call_accept"),
        "action must be a string, found an integer"
    );
    assert_eq!(call("/call_id", Value::Null, "call_reject"), "call_id is required");
    assert_eq!(
        call("/call_id", json!("call-1"), "call_terminate"),
        "call_id is not valid: not a valid call id"
    );
    assert_eq!(call("/session", Value::Null, "call_pre_accept"), "session is required");
    assert_eq!(
        call("/session", json!("v=0"), "call_pre_accept"),
        "session must be an object, found a string"
    );
    assert_eq!(call("/session/sdp", Value::Null, "call_pre_accept"), "session.sdp is required");
    assert_eq!(call("/session/sdp", json!(""), "call_pre_accept"), "session.sdp is required");
    assert_eq!(
        call("/session/sdp_type", json!("offer"), "call_pre_accept"),
        "session.sdp_type is not valid: this action takes an answer"
    );
    assert_eq!(
        call("/session/sdp_type", json!("pranswer"), "call_connect"),
        "session.sdp_type is not valid: must be one of offer, answer"
    );
}

#[test]
fn faults_of_a_call_to_a_user() {
    let mut body = value("call_connect");
    body.as_object_mut().unwrap().remove("recipient");
    body["to"] = Value::Null;
    let fault = CallRequest::parse(body.to_string().as_bytes()).unwrap_err();
    assert_eq!(fault, RequestFault::Missing { path: "to".into() });
    assert_eq!(
        call("/to", json!("Ana"), "call_connect"),
        "to is not valid: digits in E.164, with or without +"
    );
    let opaque = |text: String, chars_max| {
        let body = with("call_connect", "/biz_opaque_callback_data", json!(text));
        let read = CallRequest::parse(&body).unwrap();
        read.check_opaque(chars_max).map_err(|fault| fault.to_string())
    };
    let long = "biz_opaque_callback_data has 513 characters, at most 512 are allowed";
    assert_eq!(opaque("x".repeat(513), 512), Err(long.to_owned()));
    assert_eq!(opaque("x".repeat(513), 513), Ok(()), "the bound is the rulebook's");
    assert_eq!(opaque("é".repeat(512), 512), Ok(()), "characters count, not bytes");
    let plus = with("call_connect", "/to", json!("+5511988887777"));
    let CallRequest::Connect(connect) = CallRequest::parse(&plus).unwrap() else { panic!() };
    assert_eq!(connect.to.wa_id.unwrap().as_str(), "5511988887777");
}

#[test]
fn faults_of_a_recording() {
    assert_eq!(
        call("/recording/purpose", Value::Null, "call_accept"),
        "recording.purpose is required"
    );
    let long = with("call_accept", "/recording/purpose", json!("x".repeat(251)));
    assert!(CallRequest::parse(&long).is_ok(), "its length is the rules' question");
    assert_eq!(
        call("/recording/status", json!("ON"), "call_accept"),
        "recording.status is not valid: must be one of ENABLED, DISABLED"
    );
    assert_eq!(
        call("/recording/announcement_language", Value::Null, "call_accept"),
        "recording.announcement_language is required"
    );
}

#[test]
fn unknown_and_foreign_fields_are_tolerated() {
    for (pointer, new) in [
        ("/to", json!("5511988887777")),
        ("/messaging_account_id", json!("1")),
        ("/whatever", json!({ "a": [1, 2] })),
    ] {
        let read = CallRequest::parse(&with("call_accept", pointer, new)).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), value("call_accept"));
    }
}

#[test]
fn faults_of_a_message() {
    let fault = |golden: &str, pointer: &str, new: Value| {
        MessageRequest::parse(&with(golden, pointer, new)).unwrap_err().to_string()
    };
    let button = "/interactive/action/parameters";
    assert_eq!(
        fault("message_call_button", &format!("{button}/ttl_minutes"), json!("1440")),
        "interactive.action.parameters.ttl_minutes must be an integer, found a string"
    );
    assert_eq!(
        fault("message_call_button", "/interactive/body", Value::Null),
        "interactive.body is required"
    );
    assert_eq!(
        fault("message_permission_request", "/interactive/action/name", json!("voice_call")),
        "interactive.action.name is not valid: must be call_permission_request"
    );
    assert_eq!(
        fault("message_text", "/type", json!("sticker")),
        "type names a message type that is not supported here"
    );
    assert_eq!(fault("message_text", "/text/body", json!("")), "text.body is required");
    assert_eq!(
        fault("message_template_button", "/template/language/code", Value::Null),
        "template.language.code is required"
    );
    assert_eq!(
        fault("message_mark_read", "/status", json!("delivered")),
        "status is not valid: must be one of read"
    );
}

#[test]
fn only_a_call_button_is_sent_directly_and_only_as_utility() {
    let fault = |golden: &str, category: &str| {
        MessageRequest::parse(&with(golden, "/category", json!(category))).unwrap_err().to_string()
    };
    assert_eq!(
        fault("message_text", "utility"),
        "category is not valid: only an interactive voice_call message has a category"
    );
    assert_eq!(fault("message_call_button", "marketing"), "category is not valid: must be utility");
    let answers = MessageRequest::parse(&with("message_text", "/context", json!({})));
    assert_eq!(answers.unwrap_err().to_string(), "context.message_id is required");
}

#[test]
fn faults_of_a_template() {
    let fault = |golden: &str, pointer: &str, new: Value| {
        NewTemplate::parse(&with(golden, pointer, new)).unwrap_err().to_string()
    };
    let (button, asking) = ("template_call_button", "template_permission_request");
    for (found, said) in [
        (fault(button, "/name", Value::Null), "name is required"),
        (
            fault(button, "/category", json!("AUTHENTICATION")),
            "category is not valid: must be one of MARKETING, UTILITY",
        ),
        (fault(button, "/components", Value::Null), "components is required"),
        (
            fault(button, "/components/1/buttons/0/type", json!("QUICK_REPLY")),
            "components[1].buttons[0].type is not valid: must be one of VOICE_CALL, URL",
        ),
        (
            fault(button, "/components/1/buttons/0/ttl_minutes", json!("1440")),
            "components[1].buttons[0].ttl_minutes must be an integer, found a string",
        ),
        (
            fault(asking, "/components/0/format", json!("IMAGE")),
            "components[0].format is not valid: must be one of TEXT",
        ),
        (
            fault(asking, "/components/1/example", json!({ "body_text": [[7712]] })),
            "components[1].example.body_text[0] must be a string, found an integer",
        ),
    ] {
        assert_eq!(found, said);
    }
}

#[test]
fn the_values_of_a_template_in_a_message() {
    let given = |components: Value| {
        let body = with("message_template_button", "/template/components", components);
        let Ok(MessageRequest::Send { content: Content::Template(template), .. }) =
            MessageRequest::parse(&body)
        else {
            panic!()
        };
        template.given().map_err(|fault| fault.to_string())
    };
    let text = json!([{ "type": "text", "text": "7712" }]);
    let url = json!([{ "type": "button", "sub_type": "url", "index": "1", "parameters": text }]);
    let parameters = vec![Parameter::Text("7712".into())];
    assert_eq!(given(url), Ok(vec![Given { part: GivenPart::Url { index: 1 }, parameters }]));
    let image = json!([{ "type": "HEADER", "parameters": [{ "type": "image", "image": {} }] }]);
    let parameters = vec![Parameter::Other { kind: "image".into() }];
    assert_eq!(given(image), Ok(vec![Given { part: GivenPart::Header, parameters }]));
    assert_eq!(
        given(json!([{ "type": "button", "sub_type": "url", "parameters": text }])),
        Err("template.components[0].index is required".to_owned())
    );
    assert_eq!(
        given(json!([{ "type": "body", "parameters": [{ "type": "text" }] }])),
        Err("template.components[0].parameters[0].text is required".to_owned())
    );
}

#[test]
fn a_button_may_say_nothing_about_itself() {
    let bare = with("message_call_button", "/interactive/action/parameters", Value::Null);
    let Ok(MessageRequest::Send { content: Content::VoiceCall(button), .. }) =
        MessageRequest::parse(&bare)
    else {
        panic!()
    };
    assert_eq!((button.display_text, button.ttl_minutes, button.payload), (None, None, None));
}

#[test]
fn a_session_says_which_action_is_meant_when_none_is_given() {
    let read = |action: Option<&str>, session: Value| {
        let mut body = json!({ "messaging_product": "whatsapp", "to": "5511988887777",
                               "call_id": "wacid.X", "session": session });
        if let Some(action) = action {
            body["action"] = json!(action);
        }
        CallRequest::parse_by_session(body.to_string().as_bytes())
    };
    let session = |kind: &str| json!({ "sdp_type": kind, "sdp": "v=0" });
    assert_eq!(read(None, session("offer")).unwrap().action(), "connect");
    assert_eq!(read(None, session("answer")).unwrap().action(), "accept");
    assert_eq!(read(Some("pre_accept"), session("answer")).unwrap().action(), "pre_accept");
    for nothing in [Value::Null, session("other"), json!({})] {
        assert_eq!(read(None, nothing).unwrap_err().to_string(), "action is required");
    }
}

#[test]
fn faults_of_settings() {
    let fault = |pointer: &str, new: Value| {
        Settings::parse(&with("settings_request", pointer, new)).unwrap_err().to_string()
    };
    assert_eq!(
        fault("/calling/status", json!("NOT_SET")),
        "calling.status is not valid: must be one of ENABLED, DISABLED"
    );
    assert_eq!(
        fault("/calling/status", json!("enabled")),
        "calling.status is not valid: must be one of ENABLED, DISABLED"
    );
    assert_eq!(
        fault("/calling/call_hours/weekly_operating_hours", Value::Null),
        "calling.call_hours.weekly_operating_hours is required"
    );
    assert_eq!(
        fault("/calling/audio/additional_codecs", json!(["PCMA", "G729"])),
        "calling.audio.additional_codecs[1] is not valid: must be one of PCMA, PCMU"
    );
    assert_eq!(
        fault("/calling/call_icons/restrict_to_user_countries", json!(["Brazil"])),
        "calling.call_icons.restrict_to_user_countries[0] is not valid: an ISO 3166-1 alpha-2 country code"
    );
    for port in [json!(0), json!(65_536), json!(-1), json!("x"), json!("99999")] {
        assert_eq!(
            fault("/calling/sip/servers", json!([{ "hostname": "a", "port": port }])),
            "calling.sip.servers[0].port is not valid: a TCP port",
            "{port}"
        );
    }
    // How many servers there may be, and how long a parameter, is a rule's question.
    let long = json!({ "k": "v".repeat(129) });
    let two = json!([{ "hostname": "a" }, { "hostname": "b", "request_uri_user_params": long }]);
    assert!(Settings::parse(&with("settings_request", "/calling/sip/servers", two)).is_ok());
    let text_port = json!([{ "hostname": "a", "port": "5061" }]);
    assert!(Settings::parse(&with("settings_request", "/calling/sip/servers", text_port)).is_ok());
}

#[test]
fn a_holiday_may_use_either_name_of_its_times() {
    let other = json!([{ "date": "2026-12-25", "open_time": "0000", "close_time": "2359" }]);
    let body = with("settings_request", "/calling/call_hours/holiday_schedule", other);
    assert_eq!(
        serde_json::to_value(Settings::parse(&body).unwrap()).unwrap(),
        value("settings_request"),
        "start_time and end_time are written"
    );
}

#[test]
fn the_permission_query() {
    let by_number = PermissionQuery::parse(Some(" 5511988887777"), Some("BR.1")).unwrap();
    assert!(matches!(by_number, PermissionQuery::WaId(user) if user.as_str() == "5511988887777"));
    assert!(matches!(PermissionQuery::parse(None, Some("BR.1")), Ok(PermissionQuery::UserId(_))));
    for (user, recipient, path) in [
        (None, None, "user_wa_id"),
        (Some("x"), None, "user_wa_id"),
        (None, Some("x"), "recipient"),
    ] {
        let fault = PermissionQuery::parse(user, recipient).unwrap_err();
        assert_eq!(fault.path(), Some(path));
    }
}

#[test]
fn subscriptions() {
    let body = json!({ "object": "whatsapp_business_account", "callback_url": "http://127.0.0.1/h",
        "fields": "calls, messages", "verify_token": "t" });
    let read = AppSubscription::parse(body.to_string().as_bytes()).unwrap();
    assert_eq!(read.fields, ["calls", "messages"]);
    assert_eq!(CallbackOverride::parse(b" \n"), Ok(CallbackOverride::default()));
    let number = br#"{"webhook_configuration":{"override_callback_uri":""}}"#;
    let read = CallbackOverride::parse_number(number).unwrap();
    assert_eq!(read.override_callback_uri.as_deref(), Some(""));
    let read = Dialog360Webhook::parse(br#"{"url":"http://h","headers":{"x-key":"1"}}"#).unwrap();
    assert_eq!(read.headers, [("x-key".to_owned(), "1".to_owned())]);
    let fault =
        Dialog360Webhook::parse(br#"{"url":"http://h","headers":{"x-key":1}}"#).unwrap_err();
    assert_eq!(fault.path(), Some("headers.x-key"));
}
