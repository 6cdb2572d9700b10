//! `ring`: agents are asked to take the call.

use std::time::Duration;

use super::{
    super::{
        Ring, Step,
        document::{Value, What},
        rings::Ringing,
    },
    Reader, Table,
    step::Action,
};
use crate::agent::Skills;

pub(super) const RING: Action = Action {
    name: "ring",
    keys: &["skill", "skills", "each", "for", "playing", "no_answer"],
    read,
};

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Ring(Ringing {
        whom: whom(reader, step, value),
        lasting: reader.span(step, "for", Duration::from_secs(20)),
        each: reader.span(step, "each", Duration::from_secs(10)),
        playing: step.get("playing").map(|value| reader.sound(value)),
        no_answer: reader.goto(step, "no_answer"),
    })
}

/// Whom the step rings, of those who know about its skills.
fn whom(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Ring {
    let skills = skills(reader, step);
    match &value.what {
        What::Text(text) if text == "everyone" && skills.is_empty() => return Ring::Everyone,
        What::Text(text) if text == "everyone" => return Ring::Skilled(skills),
        What::Text(text) if text == "longest_idle" => {
            return Ring::LongestIdle { skills, passed: Vec::new() };
        }
        What::List(agents) if !agents.is_empty() => {
            if !skills.is_empty() {
                let why = "agents who are named need no skills: leave `skills` out";
                reader.fault(step.place, why.into());
            }
            let ids = agents.iter().filter_map(|agent| reader.text_of(agent)?.parse().ok());
            return Ring::Only(ids.collect());
        }
        What::Text(_)
        | What::List(_)
        | What::Whole(_)
        | What::Truth(_)
        | What::Table(_)
        | What::Other => {}
    }
    let why = "ring \"everyone\", \"longest_idle\" or a list of agents, as in ring = [\"lia\"]";
    reader.fault(&value.place, why.into());
    Ring::Everyone
}

fn skills(reader: &mut Reader<'_>, step: &Table<'_>) -> Skills {
    let said = [step.get("skill"), step.get("skills")];
    let said = said.into_iter().flatten().flat_map(|value| reader.texts(value));
    said.map(str::to_owned).collect()
}
