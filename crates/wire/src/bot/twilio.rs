//! Twilio's Media Streams: JSON, µ-law in base64, numbers as strings.
//!
//! A mark comes back when what was sent before it was played or cleared. Both `start.streamSid` and
//! `start.callSid` must be there: bots recognise us by them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;

use super::{Command, Event, Fault, Frame, Start, mark, text};

/// The words of a bot; others are ignored.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Said {
    Media {
        media: Media,
    },
    Mark {
        mark: Name,
    },
    Clear,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Media {
    payload: String,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

pub(super) fn opening(start: &Start) -> Vec<Frame> {
    let Start {
        call_id,
        call_sid,
        stream_sid,
        account_sid,
        from,
        to,
        rate,
        context,
        voice_rate: _,
        persona: _,
    } = start;
    let mut parameters = context.clone();
    parameters.insert("call_id".into(), call_id.clone());
    parameters.insert("to_number".into(), to.clone());
    if let Some(from) = from {
        parameters.insert("from_number".into(), from.clone());
    }
    vec![
        text(&json!({"event": "connected", "protocol": "Call", "version": "1.0.0"})),
        text(&json!({"event": "start", "sequenceNumber": "1", "streamSid": stream_sid,
            "start": {"accountSid": account_sid, "callSid": call_sid, "streamSid": stream_sid,
                "tracks": ["inbound"], "customParameters": parameters,
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": rate, "channels": 1}}})),
    ]
}

/// The event as the message of this number; audio is the so manieth chunk and begins at so many ms.
pub(super) fn write(
    start: &Start,
    sequence: u64,
    (chunk, at_ms): (u64, u64),
    event: &Event,
) -> Option<Frame> {
    let (word, body) = match event {
        Event::Audio(bytes) => (
            "media",
            json!({"track": "inbound", "chunk": chunk.to_string(), "timestamp": at_ms.to_string(),
                "payload": STANDARD.encode(bytes)}),
        ),
        Event::Digit(digit) => ("dtmf", json!({"track": "inbound_track", "digit": digit})),
        Event::Passed { name, cleared: _ } => ("mark", json!({"name": name})),
        Event::Stop => {
            ("stop", json!({"accountSid": start.account_sid, "callSid": start.call_sid}))
        }
        Event::Cleared { .. }
        | Event::Refused { .. }
        | Event::Speech { .. }
        | Event::Silence { .. } => return None,
    };
    Some(text(&json!({"event": word, "sequenceNumber": sequence.to_string(),
        "streamSid": start.stream_sid, word: body})))
}

pub(super) fn read(frame: Frame) -> Result<Option<Command>, Fault> {
    let Frame::Text(text) = frame else { return Err(Fault::Binary) };
    match serde_json::from_str(&text).map_err(Fault::Json)? {
        Said::Media { media } => {
            let bytes = STANDARD.decode(media.payload).map_err(Fault::Base64)?;
            Ok(Some(Command::Audio(bytes)))
        }
        Said::Mark { mark: Name { name } } => mark(name),
        Said::Clear => Ok(Some(Command::Clear)),
        Said::Other => Ok(None),
    }
}
