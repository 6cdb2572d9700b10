//! What travels, read and written: goldens, both editions, faults that name the field, and hostile
//! bytes.

#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

extern crate offhook_wire as wire;

mod bot;
mod editions;
mod golden;
mod hostile;
mod realtime;
mod requests;
mod sandbox_types;
mod sheet;
mod web_agrees;
mod webhooks;

use serde_json::Value;

/// The text of a golden.
fn golden(name: &str) -> String {
    text_of(&format!("tests/golden/{name}.json"))
}

/// The text of a file, by its path from this crate.
#[expect(clippy::disallowed_methods, reason = "goldens are files")]
fn text_of(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{path}: {fault}"))
}

fn value(name: &str) -> Value {
    serde_json::from_str(&golden(name)).unwrap()
}
