//! The committed document is the interface.

use std::path::Path;

#[test]
fn openapi_gateway_json_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/gateway.json");
    let document = serde_json::to_string_pretty(&offhook_gateway::openapi::document()).unwrap();
    let document = format!("{document}\n");
    if std::env::var_os("OPENAPI_UPDATE").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == document,
        "openapi/gateway.json is not current: run OPENAPI_UPDATE=1 cargo test -p offhook-gateway openapi"
    );
}
