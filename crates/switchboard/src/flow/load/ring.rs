//! `ring`: agents are asked to take the call.

use std::time::Duration;

use super::{
    super::{
        Ring, Step,
        document::{Value, What},
    },
    Reader, Table,
    step::Action,
};

pub(super) const RING: Action =
    Action { name: "ring", keys: &["for", "playing", "no_answer"], read };

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Ring {
        whom: whom(reader, value),
        lasting: reader.span(step, "for", Duration::from_secs(20)),
        playing: step.get("playing").map(|value| reader.sound(value)),
        no_answer: reader.goto(step, "no_answer"),
    }
}

fn whom(reader: &mut Reader<'_>, value: &Value) -> Ring {
    if let What::Text(text) = &value.what
        && text == "everyone"
    {
        return Ring::Everyone;
    }
    if let What::List(agents) = &value.what
        && !agents.is_empty()
    {
        let ids = agents.iter().filter_map(|agent| reader.text_of(agent)?.parse().ok());
        return Ring::Only(ids.collect());
    }
    let why = "ring \"everyone\" or a list of agents, as in ring = [\"lia\"]";
    reader.fault(&value.place, why.into());
    Ring::Everyone
}
