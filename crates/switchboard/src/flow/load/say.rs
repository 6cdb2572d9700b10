//! `say`: a text is spoken.

use super::{
    super::{Sound, Step, document::Value},
    Reader, Table,
    step::Action,
};

pub(super) const SAY: Action = Action { name: "say", keys: &["language", "voice", "next"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    let sound = Sound::Speech(reader.speech(value, step.entries));
    Step::Play { sound, next: reader.goto(step, "next") }
}
