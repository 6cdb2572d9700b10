//! `gather` and `menu`: the caller answers a question with keys.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{
        Gather, Prompt, Sound, Step, Then,
        document::{Value, What},
    },
    Reader, Table,
    branch::branches,
    step::Action,
};

pub(super) const GATHER: Action = Action {
    name: "gather",
    keys: &["digits", "end", "wait", "tries", "private", "next", "silence"],
    read: read_gather,
};

pub(super) const MENU: Action = Action {
    name: "menu",
    keys: &["prompt", "say", "language", "voice", "wait", "tries", "silence", "otherwise"],
    read: read_menu,
};

/// The most keys one `gather` takes; numbers of orders and customers are shorter.
const DIGITS_MAX: i64 = 32;
/// The most often a question is asked; after nine times the caller has gone.
const TRIES_MAX: i64 = 9;
/// How long the next key is waited for when nothing is said.
const WAIT_DEFAULT: Duration = Duration::from_secs(5);

fn read_gather(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    Step::Gather(Gather {
        sound: reader.sound(value),
        digits: usize::try_from(reader.number(step, "digits", DIGITS_MAX)).unwrap_or(1),
        end: step.get("end").and_then(|value| reader.key(value)),
        wait: reader.span(step, "wait", WAIT_DEFAULT),
        tries: tries(reader, step),
        private: reader.truth(step, "private"),
        then: Then::Go(reader.goto(step, "next")),
        silence: reader.goto(step, "silence"),
    })
}

fn read_menu(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    let on = choices(reader, value);
    let digits = on.keys().map(|keys| keys.chars().count()).max().unwrap_or(1);
    let otherwise = step.get("otherwise").map(|value| reader.step_named(value));
    Step::Gather(Gather {
        sound: question(reader, step),
        digits,
        end: None,
        wait: reader.span(step, "wait", WAIT_DEFAULT),
        tries: tries(reader, step),
        private: false,
        then: Then::Choose { on, otherwise },
        silence: reader.goto(step, "silence"),
    })
}

fn choices(reader: &mut Reader<'_>, value: &Value) -> BTreeMap<String, usize> {
    if let What::Table(entries) = &value.what
        && !entries.is_empty()
    {
        return branches(reader, entries);
    }
    reader.fault(&value.place, "write menu = { \"1\" = \"step\", \"2\" = \"step\" }".into());
    BTreeMap::new()
}

/// What a menu asks: a prompt, or a text.
fn question(reader: &mut Reader<'_>, step: &Table<'_>) -> Sound {
    match (step.get("prompt"), step.get("say")) {
        (Some(prompt), None) => reader.sound(prompt),
        (None, Some(text)) => Sound::Speech(reader.speech(text, step.entries)),
        (_, _) => {
            reader.fault(step.place, "a menu asks by `prompt` or by `say`, one of them".into());
            Sound::Prompt(Prompt { name: String::new(), lasting: Duration::ZERO })
        }
    }
}

fn tries(reader: &mut Reader<'_>, step: &Table<'_>) -> u8 {
    u8::try_from(reader.number(step, "tries", TRIES_MAX)).unwrap_or(1)
}
