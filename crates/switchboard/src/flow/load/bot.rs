//! `bot`: a program talks with the caller.

use super::{
    super::{Bot, Step, document::Value},
    Reader, Table,
    step::Action,
};

pub(super) const BOT: Action =
    Action { name: "bot", keys: &["context", "person", "next", "otherwise", "message"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Bot(Bot {
        bot: reader.bot_named(value),
        context: step.get("context").map_or_else(Vec::new, |value| reader.context(value)),
        person: step.get("person").and_then(|value| reader.key(value)),
        next: reader.goto(step, "next"),
        otherwise: reader.goto(step, "otherwise"),
        message: step.get("message").map(|value| reader.step_named(value)),
    })
}
