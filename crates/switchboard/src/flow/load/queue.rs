//! What does a `queue` step say?

use std::time::Duration;

use toml::de::DeValue;

use super::{Reader, Table, Value};
use crate::{
    agent::Skills,
    flow::{Key, Prompt, Queue, Ring},
    queue::{Entry, LENGTH_MAX},
};

/// What a `queue` step may say beside its queue.
pub(super) const KEYS: &[&str] = &[
    "music",
    "announce",
    "say",
    "every",
    "max_wait",
    "max_length",
    "priority",
    "callback",
    "overflow",
    "no_agents",
];

/// The music where none is named; every gateway has it.
const HOLD_MUSIC: &str = "hold";
/// How many may wait when nothing is said.
const LENGTH_DEFAULT: i64 = 100;
/// The highest priority.
const PRIORITY_MAX: i64 = 9;

impl<'a> Reader<'a> {
    pub(super) fn queue(&mut self, step: &Table<'a>, value: Value<'a>) -> Queue {
        let queue = self.text_of(value).unwrap_or_default().to_owned();
        let unless_nobody = step.get("no_agents").is_some();
        let entry = Entry {
            queue,
            priority: u8::try_from(self.number_from(step, "priority", 0, PRIORITY_MAX, 0))
                .unwrap_or(0),
            max_wait: step.get("max_wait").map(|value| self.span_up_to(value, super::QUEUE_MAX)),
            max_length: usize::try_from(self.max_length(step)).unwrap_or(LENGTH_MAX),
            unless_nobody,
        };
        Queue {
            entry,
            music: match step.get("music") {
                Some(value) => self.prompt(value),
                None => Prompt { name: HOLD_MUSIC.into(), lasting: Duration::ZERO },
            },
            positions: step.get("announce").map_or_else(Vec::new, |value| self.positions(value)),
            say: step.get("say").map(|value| self.prompt(value)),
            every: self.span(step, "every", Duration::from_secs(30)),
            callback: step.get("callback").and_then(|value| self.callback(value)),
            overflow: self.goto(step, "overflow"),
            no_agents: step.get("no_agents").map(|value| self.step_named(value)),
        }
    }

    fn max_length(&mut self, step: &Table<'a>) -> i64 {
        let max = i64::try_from(LENGTH_MAX).unwrap_or(i64::MAX);
        self.number_from(step, "max_length", 1, max, LENGTH_DEFAULT)
    }

    /// The prompts `NAME-1`, `NAME-2`, … as far as there are any.
    fn positions(&mut self, value: Value<'a>) -> Vec<Prompt> {
        let Some(name) = self.text_of(value) else { return Vec::new() };
        let prompt = |number: usize| {
            let name = format!("{name}-{number}");
            let lasting = *self.prompts.get(&name)?;
            Some(Prompt { name, lasting })
        };
        let positions: Vec<Prompt> = (1..).map_while(prompt).collect();
        if positions.is_empty() {
            let why = format!(
                "no prompt `{name}-1`: positions are said by prompts/{name}-1.wav, {name}-2.wav, …"
            );
            self.fault(self.line(value), why);
        }
        positions
    }

    fn callback(&mut self, value: Value<'a>) -> Option<(Key, usize)> {
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(
                self.line(value),
                "write callback = { key = \"1\", next = \"step\" }".into(),
            );
            return None;
        };
        for key in table.keys() {
            self.known(key, &["key", "next"], "in `callback`");
        }
        let part = Table { name: "callback", line: self.line(value), table };
        let key = part.get("key").and_then(|value| self.key(value));
        if part.get("key").is_none() {
            self.fault(part.line, "`callback` needs `key`: the key that asks for it".into());
        }
        let next = self.goto(&part, "next");
        Some((key?, next))
    }

    /// Whom a ring step rings, of those who know about its `skills`.
    pub(super) fn whom_skilled(&mut self, step: &Table<'a>, value: Value<'a>) -> Ring {
        let skills = self.skills(step);
        let longest_idle =
            matches!(value.get_ref(), DeValue::String(text) if text == "longest_idle");
        if longest_idle {
            return Ring::LongestIdle { skills, passed: Vec::new() };
        }
        let whom = self.whom(value);
        match whom {
            Ring::Everyone if !skills.is_empty() => Ring::Skilled(skills),
            Ring::Only(_) if !skills.is_empty() => {
                let why = "agents who are named need no skills: leave `skills` out";
                self.fault(step.line, why.into());
                whom
            }
            Ring::Everyone | Ring::Only(_) | Ring::Skilled(_) | Ring::LongestIdle { .. } => whom,
        }
    }

    fn skills(&mut self, step: &Table<'a>) -> Skills {
        let mut skills = Skills::new();
        if let Some(value) = step.get("skill") {
            skills.extend(self.text_of(value).map(str::to_owned));
        }
        let Some(value) = step.get("skills") else { return skills };
        let DeValue::Array(several) = value.get_ref() else {
            self.fault(self.line(value), "write skills as a list: skills = [\"billing\"]".into());
            return skills;
        };
        skills.extend(several.iter().filter_map(|skill| self.text_of(skill)).map(str::to_owned));
        skills
    }
}
