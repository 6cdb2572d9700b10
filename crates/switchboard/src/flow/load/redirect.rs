//! `redirect`: another document goes on.

use super::{
    super::{
        Step,
        document::{Entry, Value, What, get},
    },
    Reader, Source, Table,
    step::Action,
    words::suggestion,
};

pub(super) const REDIRECT: Action = Action { name: "redirect", keys: &[], read };

/// The documents the steps of a document name.
pub(super) fn targets(root: &[Entry]) -> Vec<String> {
    let Some(Value { what: What::Table(steps), place: _ }) = get(root, "step") else {
        return Vec::new();
    };
    let target = |entry: &Entry| {
        let What::Table(step) = &entry.value.what else { return None };
        let What::Text(name) = &get(step, "redirect")?.what else { return None };
        Some(name.clone())
    };
    steps.iter().filter_map(target).collect()
}

fn read(reader: &mut Reader<'_>, _step: &Table<'_>, value: &Value) -> Step {
    let Some(name) = reader.text_of(value) else { return Step::HangUp };
    let main = reader.supplies.main.as_deref() == Some(name);
    let other = |source: &Source| source.name.as_deref() == Some(name);
    let at = if main { Some(0) } else { reader.sources.iter().position(other) };
    if let Some(&to) = at.and_then(|at| reader.starts.get(at)) {
        return Step::Redirect { to };
    }
    // One that is there and could not be read has its own fault.
    if !reader.supplies.documents.contains_key(name) {
        let known: Vec<&str> = reader.supplies.documents.keys().map(String::as_str).collect();
        let hint = suggestion(name, &known);
        let why =
            format!("no flow is named `{name}`: there is no {name}.toml beside this one{hint}");
        reader.fault(&value.place, why);
    }
    Step::HangUp
}
