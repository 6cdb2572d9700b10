//! Meta and 360dialog differ in three values, and in nothing else.

use wire::edition::{Edition, Endpoint, GRAPH_VERSION_DEFAULT, GraphVersion};
use wire::graph::call::{CallRequest, Connected};
use wire::graph::error::ErrorAnswer;
use wire::graph::permission::PermissionQuery;
use wire::graph::{Success, settings::Settings};

use super::golden;

fn meta() -> Edition {
    let phone_number_id = "109876543210987".parse().unwrap();
    Edition::Meta { version: GRAPH_VERSION_DEFAULT, phone_number_id }
}

#[test]
fn every_endpoint_in_both_editions() {
    let user = PermissionQuery::parse(Some("5511988887777"), None).unwrap();
    let bsuid = PermissionQuery::parse(None, Some("BR.ENT.90/2")).unwrap();
    let table = [
        (Endpoint::Calls, "POST", "/calls", "/calling/calls"),
        (Endpoint::WriteSettings, "POST", "/settings", "/calling/settings"),
        (
            Endpoint::ReadSettings { sip_credentials: false },
            "GET",
            "/settings",
            "/calling/settings",
        ),
        (
            Endpoint::ReadSettings { sip_credentials: true },
            "GET",
            "/settings?include_sip_credentials=true",
            "/calling/settings",
        ),
        (
            Endpoint::CallPermissions(&user),
            "GET",
            "/call_permissions?user_wa_id=5511988887777",
            "/calling/permissions/5511988887777",
        ),
        (
            Endpoint::CallPermissions(&bsuid),
            "GET",
            "/call_permissions?recipient=BR.ENT.90%2F2",
            "/calling/permissions/BR.ENT.90%2F2",
        ),
        (Endpoint::Messages, "POST", "/messages", "/messages"),
    ];
    for (endpoint, method, at_meta, at_360) in table {
        assert_eq!(endpoint.method(), method);
        assert_eq!(meta().path(endpoint), format!("/v23.0/109876543210987{at_meta}"));
        assert_eq!(Edition::Dialog360.path(endpoint), at_360);
    }
}

#[test]
fn a_media_file_is_asked_for_and_fetched_where_the_secret_belongs() {
    let file = "1002700000000002".parse().unwrap();
    let at_meta = "/v23.0/1002700000000002?phone_number_id=109876543210987";
    assert_eq!(meta().media_path(&file), at_meta);
    assert_eq!(Edition::Dialog360.media_path(&file), "/1002700000000002");
    let link = "https://media.example/attachments/?mid=1&ext=2";
    let (https, http) = ("https://api.example/", "http://127.0.0.1:4000");
    let dialog = Edition::Dialog360;
    assert_eq!(meta().media_url(https, link).as_deref(), Some(link));
    let at_360 = "https://api.example/attachments/?mid=1&ext=2";
    assert_eq!(dialog.media_url(https, link).as_deref(), Some(at_360));
    let clear = "http://media.example/a";
    assert_eq!(meta().media_url(https, clear), None, "the token would travel in clear");
    assert_eq!(meta().media_url(http, clear).as_deref(), Some(clear));
    for no in ["", "media.example/a", "file:///etc/passwd", "https://"] {
        assert_eq!((meta().media_url(http, no), dialog.media_url(http, no)), (None, None), "{no}");
    }
}

#[test]
fn the_secret_and_the_base_url() {
    assert_eq!(meta().auth_header("demo-token"), ("authorization", "Bearer demo-token".into()));
    let (name, value) = Edition::Dialog360.auth_header("demo-d360-key");
    assert_eq!((name, value.as_str()), ("d360-api-key", "demo-d360-key"));
    assert_eq!(
        meta().url(meta().default_base_url(), Endpoint::Calls),
        "https://graph.facebook.com/v23.0/109876543210987/calls"
    );
    assert_eq!(
        Edition::Dialog360.url(Edition::Dialog360.default_base_url(), Endpoint::Calls),
        "https://waba-v2.360dialog.io/calling/calls"
    );
    assert_eq!(
        Edition::Dialog360.url("http://127.0.0.1:8400/", Endpoint::Messages),
        "http://127.0.0.1:8400/messages"
    );
}

#[test]
fn versions() {
    assert_eq!("v26.0".parse(), Ok(GraphVersion(26)));
    assert_eq!(GraphVersion(17).to_string(), "v17.0");
    for text in ["26.0", "v26", "v.0", "v26.1", "v+6.0", "v1234.0", "v26.0/", ""] {
        assert!(text.parse::<GraphVersion>().is_err(), "{text}");
    }
}

#[test]
fn bodies_are_the_same_so_one_reader_serves_both() {
    // Both forms of success that 360dialog and Meta document.
    for text in [r#"{"messaging_product":"whatsapp","success":true}"#, r#"{"success":true}"#] {
        assert!(serde_json::from_str::<Success>(text).unwrap().success);
    }
    let bare = r#"{"calls":[{"id":"wacid.SAMPLE0077"}],"extra":1}"#;
    let connected: Connected = serde_json::from_str(bare).unwrap();
    assert_eq!(connected.call_id().unwrap().as_str(), "wacid.SAMPLE0077");
    let from_360 = golden("call_pre_accept");
    assert_eq!(CallRequest::parse(from_360.as_bytes()).unwrap().action(), "pre_accept");
    assert!(Settings::parse(golden("settings_request").as_bytes()).is_ok());
}

#[test]
fn every_shape_of_error_is_told_apart() {
    let graph = ErrorAnswer::parse(golden("error_permission").as_bytes());
    assert_eq!(graph.code(), Some(138_006));
    assert_eq!(graph.text(), "No approved call permission from the recipient");
    let own = ErrorAnswer::parse(br#"{"error":"Channel not found"}"#);
    assert_eq!(own, ErrorAnswer::Text("Channel not found".into()));
    let minimal = ErrorAnswer::parse(br#"{"error":{"code":100}}"#);
    assert_eq!((minimal.code(), minimal.text()), (Some(100), ""));
    for bytes in [&b"<html>"[..], b"", b"{}", b"\xff"] {
        assert_eq!(ErrorAnswer::parse(bytes), ErrorAnswer::Unreadable { bytes: bytes.len() });
    }
}
