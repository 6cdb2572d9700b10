//! `bot`: a program talks with the caller.

use super::{
    super::{
        Bot, Step,
        document::{Entry, Value, What},
        template::Template,
        trail::VALUE_MAX,
    },
    Reader, Table,
    step::Action,
};

pub(super) const BOT: Action =
    Action { name: "bot", keys: &["context", "person", "next", "otherwise"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Bot(Bot {
        bot: reader.bot_named(value),
        context: step.get("context").map_or_else(Vec::new, |value| context(reader, value)),
        person: step.get("person").and_then(|value| reader.key(value)),
        next: reader.goto(step, "next"),
        otherwise: reader.goto(step, "otherwise"),
    })
}

fn context(reader: &mut Reader<'_>, value: &Value) -> Vec<(String, Template)> {
    let What::Table(entries) = &value.what else {
        reader.fault(&value.place, "write context = { order = \"{keys}\" }".into());
        return Vec::new();
    };
    let fill = |entry: &Entry| (entry.name.text.clone(), reader.template(&entry.value, VALUE_MAX));
    entries.iter().map(fill).collect()
}
