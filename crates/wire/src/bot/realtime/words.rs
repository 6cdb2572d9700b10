//! What do the messages of the Realtime API look like?
//!
//! As generally available since August 2025; the names of audio from the beta are understood too.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use super::heard::{Item, Sent};
use crate::bot::{Fault, Frame, Start, text};

/// The tools a model has.
pub(super) const END: &str = "end_call";
pub(super) const TO_PERSON: &str = "transfer_to_person";
pub(super) const TO_STEP: &str = "transfer_call";

/// The most of one answer: two minutes, at 50 ms a token of speech, are all that may wait to be heard.
const TOKENS_MAX: u32 = 2_400;

/// The longest word of the service that is kept.
const WORD_MAX: usize = 64;

/// Samples a second of µ-law; linear audio has 24,000.
const MU_LAW_RATE: u32 = 8_000;

/// The words of the service; others are ignored.
#[derive(Deserialize)]
#[serde(tag = "type")]
pub(super) enum Said {
    #[serde(rename = "response.created")]
    Created { response: Named },
    #[serde(rename = "response.output_audio.delta", alias = "response.audio.delta")]
    Audio(Piece),
    #[serde(rename = "response.output_audio.done", alias = "response.audio.done")]
    AudioDone { item_id: String },
    #[serde(rename = "input_audio_buffer.speech_started")]
    SpeechStarted {},
    #[serde(rename = "response.output_item.done")]
    ItemDone { item: Made },
    #[serde(rename = "response.done")]
    Done { response: Ended },
    #[serde(rename = "error")]
    Error { error: Trouble },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) id: String,
}

/// A piece of audio.
#[derive(Deserialize)]
pub(super) struct Piece {
    pub(super) response_id: String,
    pub(super) item_id: String,
    #[serde(default)]
    pub(super) content_index: u32,
    pub(super) delta: String,
}

/// What a model made; only what it wants by a tool matters.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Made {
    FunctionCall(Asked),
    #[serde(other)]
    Other,
}

/// A tool a model wants.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) name: String,
    #[serde(default)]
    pub(super) call_id: String,
    arguments: String,
}

/// How an answer ended.
#[derive(Deserialize)]
pub(super) struct Ended {
    pub(super) status: Option<String>,
    status_details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    error: Option<Trouble>,
}

/// Something is wrong.
#[derive(Deserialize, Default, Clone)]
pub(super) struct Trouble {
    pub(super) code: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    param: Option<String>,
}

impl Made {
    pub(super) fn asked(self) -> Option<Asked> {
        match self {
            Self::FunctionCall(asked) => Some(asked),
            Self::Other => None,
        }
    }
}

impl Asked {
    /// The arguments that are text.
    pub(super) fn facts(&self) -> BTreeMap<String, String> {
        let facts: BTreeMap<String, Value> =
            serde_json::from_str(&self.arguments).unwrap_or_default();
        let text = |(name, value)| match value {
            Value::String(value) => Some((name, value)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        };
        facts.into_iter().filter_map(text).collect()
    }
}

impl Ended {
    pub(super) fn trouble(self) -> Trouble {
        self.status_details.and_then(|details| details.error).unwrap_or_default()
    }
}

impl Trouble {
    /// Its code and field, which say nothing of anybody; its sentence may.
    pub(super) fn fault(&self) -> Fault {
        let word = |text: Option<&String>| {
            let is_sign = |c: &char| c.is_ascii_alphanumeric() || "._-[]".contains(*c);
            text.map_or_else(String::new, |text| {
                text.chars().filter(is_sign).take(WORD_MAX).collect()
            })
        };
        let code = word(self.code.as_ref().or(self.kind.as_ref()));
        Fault::Reported { code, about: word(self.param.as_ref()) }
    }
}

/// How many samples so many bytes are.
pub(super) fn samples(rate: u32, bytes: usize) -> Sent {
    let size = if rate == MU_LAW_RATE { 1 } else { 2 };
    Sent { samples: (bytes / size) as u64, of_a_ms: u64::from(rate / 1_000) }
}

pub(super) fn session(start: &Start) -> Frame {
    let persona = &start.persona;
    let format = |rate| match rate {
        MU_LAW_RATE => json!({"type": "audio/pcmu"}),
        rate => json!({"type": "audio/pcm", "rate": rate}),
    };
    let mut output = json!({"format": format(start.voice_rate)});
    if let Some(voice) = &persona.voice {
        output["voice"] = json!(voice);
    }
    let mut session = json!({"type": "realtime", "output_modalities": ["audio"],
        "max_output_tokens": TOKENS_MAX, "tools": tools(&persona.steps), "tool_choice": "auto",
        "audio": {"output": output, "input": {"format": format(start.rate), "turn_detection":
            {"type": "server_vad", "create_response": true, "interrupt_response": true}}}});
    if !persona.instructions.is_empty() {
        session["instructions"] = json!(persona.instructions);
    }
    text(&json!({"type": "session.update", "session": session}))
}

fn tools(steps: &BTreeMap<String, String>) -> Vec<Value> {
    let summary = json!({"type": "string",
        "description": "What the user wants and has said so far, for whoever takes the call."});
    let mut tools = vec![
        tool(
            END,
            "Ends the conversation. Call it once you have said goodbye.",
            json!({"type": "object", "properties": {}}),
        ),
        tool(
            TO_PERSON,
            "Gives the call to a person. Call it when the user asks for one, or when you cannot help. \
             Tell the user first.",
            json!({"type": "object", "properties": {"summary": summary}}),
        ),
    ];
    if !steps.is_empty() {
        let when: Vec<String> =
            steps.iter().map(|(step, when)| format!("{step}: {when}")).collect();
        let to = json!({"type": "string", "enum": steps.keys().collect::<Vec<_>>(),
            "description": when.join("\n")});
        tools.push(tool(
            TO_STEP,
            "Gives the call to one of these places. Tell the user first.",
            json!({"type": "object", "properties": {"to": to, "summary": summary},
                "required": ["to"]}),
        ));
    }
    tools
}

fn tool(name: &str, description: &str, parameters: Value) -> Value {
    json!({"type": "function", "name": name, "description": description, "parameters": parameters})
}

/// What the flow knows about the call.
pub(super) fn known(context: &BTreeMap<String, String>) -> Frame {
    let facts: Vec<String> =
        context.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    told(&format!("What is known about this call:\n{}", facts.join("\n")))
}

/// What the house tells the model.
pub(super) fn told(words: &str) -> Frame {
    message("system", words)
}

/// Keys of the user's.
pub(super) fn pressed(keys: &str) -> Frame {
    message("user", &format!("(The user pressed these keys of the phone: {keys})"))
}

fn message(role: &str, words: &str) -> Frame {
    text(&json!({"type": "conversation.item.create", "item": {"type": "message", "role": role,
        "content": [{"type": "input_text", "text": words}]}}))
}

/// A tool was wanted that is none.
pub(super) fn unknown(call_id: &str) -> Frame {
    text(&json!({"type": "conversation.item.create", "item": {"type": "function_call_output",
        "call_id": call_id, "output": "There is no such tool or place; nothing was done."}}))
}

pub(super) fn append(bytes: &[u8]) -> Frame {
    text(&json!({"type": "input_audio_buffer.append", "audio": STANDARD.encode(bytes)}))
}

pub(super) fn answer() -> Frame {
    text(&json!({"type": "response.create"}))
}

pub(super) fn cancel(response_id: &str) -> Frame {
    text(&json!({"type": "response.cancel", "response_id": response_id}))
}

pub(super) fn truncate(item: &Item) -> Frame {
    text(&json!({"type": "conversation.item.truncate", "item_id": item.id,
        "content_index": item.content_index, "audio_end_ms": item.heard_ms}))
}
