//! `queue`: the caller waits for an agent of a queue.

use std::time::Duration;

use super::{
    super::{
        Key, Prompt, Queue, Sound, Step,
        document::{Value, What, get},
        queue::{Announce, MINUTES, POSITION},
    },
    HOLD_MUSIC, Reader, Table,
    step::Action,
};
use crate::queue::{Entry, LENGTH_MAX};

pub(super) const QUEUE: Action = Action {
    name: "queue",
    keys: &[
        "music",
        "announce",
        "notice",
        "every",
        "max_wait",
        "max_length",
        "priority",
        "callback",
        "overflow",
        "no_agents",
    ],
    read,
};

/// The variables a step that tells the position in words sets.
pub(super) const VARIABLES: [&str; 2] = [POSITION, MINUTES];

/// How many may wait when nothing is said.
const LENGTH_DEFAULT: i64 = 100;
/// The highest priority.
const PRIORITY_MAX: i64 = 9;
/// The longest a call may wait in a queue.
const WAIT_MAX: Duration = Duration::from_secs(4 * 3_600);

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Queue(Queue {
        entry: entry(reader, step, value),
        music: match step.get("music") {
            Some(value) => reader.sound(value),
            None => Sound::Prompt(Prompt { name: HOLD_MUSIC.into(), lasting: Duration::ZERO }),
        },
        announce: step.get("announce").map_or(Announce::Nothing, |value| announce(reader, value)),
        notice: step.get("notice").map(|value| reader.sound(value)),
        every: reader.span(step, "every", Duration::from_secs(30)),
        callback: step.get("callback").and_then(|value| callback(reader, value)),
        overflow: reader.goto(step, "overflow"),
        no_agents: step.get("no_agents").map(|value| reader.step_named(value)),
    })
}

fn entry(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Entry {
    let most = i64::try_from(LENGTH_MAX).unwrap_or(i64::MAX);
    let max_length = reader.number_from(step, "max_length", (1, most), LENGTH_DEFAULT);
    let priority = reader.number_from(step, "priority", (0, PRIORITY_MAX), 0);
    Entry {
        queue: reader.queue_named(value),
        priority: u8::try_from(priority).unwrap_or(0),
        max_wait: step.get("max_wait").map(|value| reader.span_up_to(value, WAIT_MAX)),
        max_length: usize::try_from(max_length).unwrap_or(LENGTH_MAX),
        unless_nobody: step.get("no_agents").is_some(),
    }
}

/// Words, or the prompts `NAME-1`, `NAME-2`, … as far as there are any.
fn announce(reader: &mut Reader<'_>, value: &Value) -> Announce {
    if let What::Table(_) = &value.what {
        return Announce::Words(reader.sound(value));
    }
    let Some(name) = reader.text_of(value) else { return Announce::Nothing };
    let prompt = |number: usize| {
        let name = format!("{name}-{number}");
        let lasting = *reader.supplies.prompts.get(&name)?;
        Some(Sound::Prompt(Prompt { name, lasting }))
    };
    let positions: Vec<Sound> = (1..).map_while(prompt).collect();
    if positions.is_empty() {
        let why = format!(
            "no prompt `{name}-1`: positions are said by prompts/{name}-1.wav, {name}-2.wav, …"
        );
        reader.fault(&value.place, why);
    }
    Announce::Prompts(positions)
}

fn callback(reader: &mut Reader<'_>, value: &Value) -> Option<(Key, usize)> {
    let What::Table(entries) = &value.what else {
        reader.fault(&value.place, "write callback = { key = \"1\", next = \"step\" }".into());
        return None;
    };
    for entry in entries {
        reader.known(&entry.name, &["key", "next"], "in `callback`");
    }
    let key = get(entries, "key").and_then(|value| reader.key(value));
    if get(entries, "key").is_none() {
        let why = "`callback` needs `key`: the key that asks for it";
        reader.fault(&value.place, why.into());
    }
    let next = reader.goto(&Table { name: "callback", place: &value.place, entries }, "next");
    Some((key?, next))
}
