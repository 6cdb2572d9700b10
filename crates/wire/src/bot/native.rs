//! Our own protocol, `offhook.bot.v1`: JSON beside binary linear audio.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use terms::AgentId;

use super::{Command, Event, FRAME_MS, Fault, Frame, Start, Target, context, mark, text};

/// The words of a bot; others are ignored, for a newer bot may know more.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Said {
    Mark {
        name: String,
    },
    Clear,
    Section {
        must_be_heard: bool,
    },
    Dtmf {
        digit: char,
    },
    Transfer {
        agent: Option<AgentId>,
        step: Option<String>,
        #[serde(default)]
        context: BTreeMap<String, String>,
    },
    End,
    HangUp,
    #[serde(other)]
    Other,
}

pub(super) fn opening(start: &Start) -> Frame {
    text(&json!({"type": "start", "version": 1, "call_id": start.call_id,
        "stream_id": start.stream_sid, "from": start.from, "to": start.to,
        "audio": {"encoding": "l16", "rate": start.rate, "channels": 1, "frame_ms": FRAME_MS},
        "context": start.context}))
}

pub(super) fn write(event: &Event) -> Option<Frame> {
    Some(match event {
        Event::Audio(bytes) => Frame::Binary(bytes.clone()),
        Event::Digit(digit) => text(&json!({"type": "dtmf", "digit": digit})),
        Event::Passed { name, cleared } => {
            text(&json!({"type": "mark", "name": name, "cleared": cleared}))
        }
        Event::Cleared { heard_ms, dropped_ms } => {
            text(&json!({"type": "cleared", "heard_ms": heard_ms, "dropped_ms": dropped_ms}))
        }
        Event::Refused { backlog_ms } => {
            text(&json!({"type": "refused", "backlog_ms": backlog_ms}))
        }
        Event::Stop => text(&json!({"type": "stop"})),
    })
}

pub(super) fn read(frame: Frame) -> Result<Option<Command>, Fault> {
    let text = match frame {
        Frame::Binary(bytes) => return Ok(Some(Command::Audio(bytes))),
        Frame::Text(text) => text,
    };
    let command = match serde_json::from_str(&text).map_err(Fault::Json)? {
        Said::Mark { name } => return mark(name),
        Said::Clear => Command::Clear,
        Said::Section { must_be_heard } => Command::MustBeHeard(must_be_heard),
        Said::Dtmf { digit } => Command::Digit(digit),
        Said::Transfer { agent, step, context: facts } => {
            let to = match (agent, step) {
                (Some(agent), None) => Target::Agent(agent),
                (None, Some(step)) => Target::Step(step),
                (Some(_), Some(_)) | (None, None) => return Err(Fault::Value { field: "agent" }),
            };
            Command::Transfer { to, context: context(facts) }
        }
        Said::End => Command::End,
        Said::HangUp => Command::HangUp,
        Said::Other => return Ok(None),
    };
    Ok(Some(command))
}
