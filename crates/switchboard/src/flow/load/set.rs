//! `set`: something is remembered with the call.

use super::{
    super::{
        Step,
        document::{Entry, Name, Value, What},
        template::BUILT_IN,
        trail::VALUE_MAX,
    },
    Reader, Table,
    step::Action,
};

pub(super) const SET: Action = Action { name: "set", keys: &["next"], read };

/// The longest name of a variable, in signs.
const NAME_MAX: usize = 32;
/// The most variables of a flow.
const VARIABLES_MAX: usize = 32;

/// The variables a step sets.
pub(super) fn names<'a>(step: &Table<'a>) -> impl Iterator<Item = &'a str> {
    let entries = match step.get("set") {
        Some(Value { what: What::Table(entries), place: _ }) => entries.as_slice(),
        Some(_) | None => &[],
    };
    entries.iter().map(|entry| entry.name.text.as_str())
}

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    let mut values = Vec::new();
    if let What::Table(entries) = &value.what {
        for Entry { name, value } in entries {
            name_of(reader, name);
            values.push((name.text.clone(), reader.template(value, VALUE_MAX)));
        }
    } else {
        reader.fault(&value.place, "write set = { topic = \"bills\" }".into());
    }
    if reader.variables.len() > VARIABLES_MAX {
        reader.fault(&value.place, format!("a flow has at most {VARIABLES_MAX} variables"));
    }
    Step::Set { values, next: reader.goto(step, "next") }
}

fn name_of(reader: &mut Reader<'_>, name: &Name) {
    let text = &name.text;
    if BUILT_IN.contains(&text.as_str()) {
        reader.fault(&name.place, format!("`{text}` is known already: choose another name"));
    }
    let plain = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_';
    if text.is_empty() || text.len() > NAME_MAX || !text.chars().all(plain) {
        let why = format!("`{text}` is no name: write small letters, digits and _");
        reader.fault(&name.place, why);
    }
}
