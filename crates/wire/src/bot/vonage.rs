//! Vonage's WebSocket: linear audio in binary frames, the rest as text.
//!
//! `notify` is its mark: the payload, any JSON, comes back when it is reached.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Command, Event, Fault, Frame, Start, mark, text};

/// How long a key counts as pressed, in milliseconds: not known, so what phones do.
const KEY_MS: u32 = 120;

/// The words of a bot; others are ignored.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "lowercase")]
enum Said {
    Clear,
    Notify {
        payload: Value,
    },
    #[serde(other)]
    Other,
}

pub(super) fn opening(start: &Start) -> Frame {
    let mut message = Map::new();
    // What the flow says stands beside the protocol's own keys, and never in their place.
    for (name, value) in &start.context {
        message.insert(name.clone(), json!(value));
    }
    message.insert("event".into(), json!("websocket:connected"));
    message.insert("content-type".into(), json!(format!("audio/l16;rate={}", start.rate)));
    message.insert("call_id".into(), json!(start.call_id));
    message.insert("to".into(), json!(start.to));
    if let Some(from) = &start.from {
        message.insert("from".into(), json!(from));
    }
    text(&Value::Object(message))
}

pub(super) fn write(event: &Event) -> Option<Frame> {
    Some(match event {
        Event::Audio(bytes) => Frame::Binary(bytes.clone()),
        Event::Digit(digit) => {
            text(&json!({"event": "websocket:dtmf", "digit": digit, "duration": KEY_MS}))
        }
        Event::Passed { name, cleared: _ } => {
            let payload = serde_json::from_str(name).unwrap_or_else(|_| json!(name));
            text(&json!({"event": "websocket:notify", "payload": payload}))
        }
        Event::Cleared { .. } => text(&json!({"event": "websocket:cleared"})),
        Event::Stop => text(&json!({"event": "websocket:disconnected"})),
        Event::Refused { .. } | Event::Speech { .. } | Event::Silence { .. } => return None,
    })
}

pub(super) fn read(frame: Frame) -> Result<Option<Command>, Fault> {
    let text = match frame {
        Frame::Binary(bytes) => return Ok(Some(Command::Audio(bytes))),
        Frame::Text(text) => text,
    };
    match serde_json::from_str(&text).map_err(Fault::Json)? {
        Said::Clear => Ok(Some(Command::Clear)),
        Said::Notify { payload } => mark(payload.to_string()),
        Said::Other => Ok(None),
    }
}
