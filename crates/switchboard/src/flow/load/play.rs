//! `play`: a prompt is heard.

use super::{
    super::{Step, document::Value},
    Reader, Table,
    step::Action,
};

pub(super) const PLAY: Action = Action { name: "play", keys: &["next"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Play { sound: reader.sound(value), next: reader.goto(step, "next") }
}
