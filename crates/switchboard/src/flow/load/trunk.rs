//! `trunk`: a telephone of the house rings.

use std::time::Duration;

use super::{
    super::{
        Prompt, Sound, Step,
        document::Value,
        template::Template,
        trunk::{RESULT, Trunk},
    },
    HOLD_MUSIC, Reader, Table,
    step::Action,
};
use crate::trunk::EXTENSION_MAX;

pub(super) const TRUNK: Action = Action {
    name: "trunk",
    keys: &["extension", "context", "for", "playing", "next", "otherwise"],
    read,
};

/// The variable such a step sets.
pub(super) const VARIABLE: &str = RESULT;

/// How long a telephone rings when nothing is said.
const RING_FOR_DEFAULT: Duration = Duration::from_secs(30);

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    let trunk = reader.trunk_named(value);
    Step::Trunk(Trunk {
        extension: extension(reader, step, &trunk),
        trunk,
        context: step.get("context").map_or_else(Vec::new, |value| reader.context(value)),
        ring_for: reader.span(step, "for", RING_FOR_DEFAULT),
        music: match step.get("playing") {
            Some(value) => reader.sound(value),
            None => Sound::Prompt(Prompt { name: HOLD_MUSIC.into(), lasting: Duration::ZERO }),
        },
        next: reader.goto(step, "next"),
        otherwise: reader.goto(step, "otherwise"),
    })
}

/// Whom to ring. One that is the same for every caller is looked at now, others when they are known.
fn extension(reader: &mut Reader<'_>, step: &Table<'_>, trunk: &str) -> Template {
    let Some(value) = step.get("extension") else {
        reader.fault(step.place, "it needs `extension`: whom to ring on the trunk".into());
        return Template::fixed("");
    };
    let template = reader.template(value, EXTENSION_MAX);
    let known = reader.supplies.trunks.as_ref().and_then(|trunks| trunks.get(trunk));
    if let Some(extensions) = known.filter(|_| template.is_fixed())
        && !extensions.allow(&template.source())
    {
        let said = template.source();
        let why = format!("the trunk `{trunk}` has no extension `{said}`, only {extensions}");
        reader.fault(&value.place, why);
    }
    template
}
