//! `voicemail`: the caller leaves a message.

use std::time::Duration;

use super::{
    super::{Key, Step, document::Value, record::Voicemail},
    Reader, Table,
    step::Action,
};

pub(super) const VOICEMAIL: Action =
    Action { name: "voicemail", keys: &["end", "silence", "max", "next"], read };

/// How long a caller may say nothing when nothing is said.
const SILENCE_DEFAULT: Duration = Duration::from_secs(5);
/// The longest message when nothing is said.
const MAX_DEFAULT: Duration = Duration::from_secs(120);

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    let pound = Key::new('#').expect("the pound sign is a key");
    Step::Voicemail(Voicemail {
        sound: reader.sound(value),
        end: step.get("end").and_then(|value| reader.key(value)).unwrap_or(pound),
        silence: reader.span(step, "silence", SILENCE_DEFAULT),
        max: reader.span(step, "max", MAX_DEFAULT),
        next: reader.goto(step, "next"),
    })
}
