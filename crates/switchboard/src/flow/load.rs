//! Is this text a flow, and if not, where and why?
//!
//! The text is read with its positions, so every fault names a line. Reading goes on after a fault:
//! whoever writes a flow sees all of them at once.

mod queue;

use std::{collections::BTreeMap, fmt, time::Duration};

use jiff::tz::TimeZone;
use serde_spanned::Spanned;
use terms::nearest;
use toml::de::{DeTable, DeValue};

use super::{Flow, Gather, Hours, Key, Named, Prompt, Ring, Ringing, Step, check};

/// What each action may say beside itself.
const ACTIONS: [(&str, &[&str]); 8] = [
    ("hours", &["open", "closed"]),
    ("play", &["next"]),
    ("gather", &["digits", "end", "wait", "tries", "next", "silence"]),
    ("branch", &["otherwise"]),
    ("ring", &["skill", "skills", "each", "for", "playing", "no_answer"]),
    ("queue", queue::KEYS),
    ("echo", &["next"]),
    ("hang_up", &[]),
];

/// The longest a step may wait, so that a slip of the pen does not hold a call for a day.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// The longest a call may wait in a queue.
const QUEUE_MAX: Duration = Duration::from_secs(4 * 3_600);
/// The most keys one `gather` takes; numbers of orders and customers are shorter.
const DIGITS_MAX: i64 = 32;
/// The most often a `gather` asks; after nine times the caller has gone.
const TRIES_MAX: i64 = 9;

/// One thing wrong with a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to write.
    pub why: String,
}

/// Everything wrong with a flow, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}line {}: {}", fault.line, fault.why)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

pub(super) fn load(text: &str, prompts: &BTreeMap<String, Duration>) -> Result<Flow, Faults> {
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            return Err(Faults(vec![Fault { line, why: error.message().to_owned() }]));
        }
    };
    let mut reader = Reader::new(text, prompts);
    let flow = reader.document(document.get_ref());
    if reader.faults.is_empty() {
        check::reach(&flow, &mut reader.faults, &reader.lines);
    }
    reader.faults.sort_by_key(|fault| fault.line);
    if reader.faults.is_empty() { Ok(flow) } else { Err(Faults(reader.faults)) }
}

struct Reader<'a> {
    text: &'a str,
    prompts: &'a BTreeMap<String, Duration>,
    zone: TimeZone,
    names: Vec<String>,
    lines: Vec<usize>,
    faults: Vec<Fault>,
}

/// One step's table: its name, its line and its keys.
struct Table<'a> {
    name: &'a str,
    line: usize,
    table: &'a DeTable<'a>,
}

type Value<'a> = &'a Spanned<DeValue<'a>>;

impl<'a> Table<'a> {
    fn get(&self, key: &str) -> Option<Value<'a>> {
        get(self.table, key)
    }
}

fn get<'a>(table: &'a DeTable<'a>, key: &str) -> Option<Value<'a>> {
    table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|&b| b == b'\n').count()
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, prompts: &'a BTreeMap<String, Duration>) -> Self {
        let zone = TimeZone::UTC;
        Self { text, prompts, zone, names: Vec::new(), lines: Vec::new(), faults: Vec::new() }
    }

    fn line<T>(&self, at: &Spanned<T>) -> usize {
        line_of(self.text, at.span().start)
    }

    fn fault(&mut self, line: usize, why: String) {
        self.faults.push(Fault { line, why });
    }

    fn document(&mut self, document: &'a DeTable<'a>) -> Flow {
        for key in document.keys() {
            self.known(key, &["start", "timezone", "step"], "at the top of a flow");
        }
        self.timezone(document);
        let steps = self.steps(document);
        let start = match get(document, "start") {
            Some(value) => self.step_named(value),
            None => {
                self.fault(
                    1,
                    "`start` is missing: name the first step, as in start = \"welcome\"".into(),
                );
                0
            }
        };
        let steps = steps
            .iter()
            .map(|table| Named { name: table.name.to_owned(), step: self.step(table) })
            .collect();
        Flow { start, steps }
    }

    fn timezone(&mut self, document: &'a DeTable<'a>) {
        let Some(value) = get(document, "timezone") else { return };
        let Some(name) = self.text_of(value) else { return };
        match TimeZone::get(name) {
            Ok(zone) => self.zone = zone,
            Err(_) => {
                let why = format!(
                    "no time zone is named `{name}`: write one such as \"America/Sao_Paulo\""
                );
                self.fault(self.line(value), why);
            }
        }
    }

    fn steps(&mut self, document: &'a DeTable<'a>) -> Vec<Table<'a>> {
        let Some(value) = get(document, "step") else {
            self.fault(1, "there are no steps: add one, as in [step.welcome]".into());
            return Vec::new();
        };
        let DeValue::Table(tables) = value.get_ref() else {
            self.fault(self.line(value), "`step` holds tables: write [step.welcome]".into());
            return Vec::new();
        };
        let mut steps = Vec::new();
        for (name, value) in tables {
            let line = self.line(name);
            if let DeValue::Table(table) = value.get_ref() {
                steps.push(Table { name: name.get_ref(), line, table });
            } else {
                self.fault(line, format!("step `{}` is not a table", name.get_ref()));
            }
        }
        self.names = steps.iter().map(|step| step.name.to_owned()).collect();
        self.lines = steps.iter().map(|step| step.line).collect();
        steps
    }

    fn step(&mut self, step: &Table<'a>) -> Step {
        let actions: Vec<_> =
            ACTIONS.iter().filter(|(action, _)| step.get(action).is_some()).collect();
        let &[&(action, keys)] = actions.as_slice() else {
            self.not_one_action(step, actions.len());
            return Step::HangUp;
        };
        let known: Vec<&str> = std::iter::once(action).chain(keys.iter().copied()).collect();
        for key in step.table.keys() {
            self.known(key, &known, &format!("in a `{action}` step"));
        }
        let value = step.get(action).expect("the action was found by its key");
        self.action(step, action, value)
    }

    fn not_one_action(&mut self, step: &Table<'a>, found: usize) {
        let actions = ACTIONS.map(|(action, _)| action);
        let name = step.name;
        if found > 0 {
            self.fault(
                step.line,
                format!("step `{name}` does {found} things: split it, one action a step"),
            );
            return;
        }
        let slip = step.table.keys().find_map(|key| Some((key, nearest(key.get_ref(), &actions)?)));
        if let Some((key, nearest)) = slip {
            let why = format!("unknown key `{}`: did you mean `{nearest}`?", key.get_ref());
            self.fault(self.line(key), why);
            return;
        }
        let why = format!("step `{name}` does nothing: give it one of {}", actions.join(", "));
        self.fault(step.line, why);
    }

    fn action(&mut self, step: &Table<'a>, action: &str, value: Value<'a>) -> Step {
        match action {
            "hours" => Step::Hours {
                hours: self.hours(value),
                open: self.goto(step, "open"),
                closed: self.goto(step, "closed"),
            },
            "play" => Step::Play { prompt: self.prompt(value), next: self.goto(step, "next") },
            "gather" => Step::Gather(self.gather(step, value)),
            "branch" => {
                Step::Branch { on: self.branches(value), otherwise: self.goto(step, "otherwise") }
            }
            "ring" => Step::Ring(self.ring(step, value)),
            "queue" => Step::Queue(self.queue(step, value)),
            "echo" => Step::Echo { lasting: self.span_of(value), next: self.goto(step, "next") },
            // The last of ACTIONS: there is no other name.
            _ => {
                if !matches!(value.get_ref(), DeValue::Boolean(true)) {
                    self.fault(self.line(value), "write hang_up = true".into());
                }
                Step::HangUp
            }
        }
    }

    fn ring(&mut self, step: &Table<'a>, value: Value<'a>) -> Ringing {
        Ringing {
            whom: self.whom_skilled(step, value),
            lasting: self.span(step, "for", Duration::from_secs(20)),
            each: self.span(step, "each", Duration::from_secs(10)),
            playing: step.get("playing").map(|value| self.prompt(value)),
            no_answer: self.goto(step, "no_answer"),
        }
    }

    fn gather(&mut self, step: &Table<'a>, value: Value<'a>) -> Gather {
        Gather {
            prompt: self.prompt(value),
            digits: usize::try_from(self.number(step, "digits", DIGITS_MAX)).unwrap_or(1),
            end: step.get("end").and_then(|value| self.key(value)),
            wait: self.span(step, "wait", Duration::from_secs(5)),
            tries: u8::try_from(self.number(step, "tries", TRIES_MAX)).unwrap_or(1),
            next: self.goto(step, "next"),
            silence: self.goto(step, "silence"),
        }
    }

    fn hours(&mut self, value: Value<'a>) -> Hours {
        let mut hours = Hours::new(self.zone.clone());
        let DeValue::Array(spans) = value.get_ref() else {
            self.fault(
                self.line(value),
                "write hours as a list: hours = [\"mon-fri 08:00-18:00\"]".into(),
            );
            return hours;
        };
        for span in spans {
            let Some(text) = self.text_of(span) else { continue };
            if !hours.add(text) {
                let why = format!(
                    "`{text}` is not opening hours: write \"mon-fri 08:00-18:00\" or \"sat 09:00-13:00\""
                );
                self.fault(self.line(span), why);
            }
        }
        hours
    }

    fn branches(&mut self, value: Value<'a>) -> BTreeMap<String, usize> {
        let DeValue::Table(table) = value.get_ref() else {
            self.fault(self.line(value), "write branch = { \"1\" = \"step\" }".into());
            return BTreeMap::new();
        };
        let mut on = BTreeMap::new();
        for (keys, target) in table {
            let text = keys.get_ref();
            if text.is_empty() || !text.chars().all(|sign| Key::new(sign).is_some()) {
                let why = format!("`{text}` cannot be pressed: a branch is on keys 0-9, * and #");
                self.fault(self.line(keys), why);
            }
            on.insert(text.clone().into_owned(), self.step_named(target));
        }
        on
    }

    fn whom(&mut self, value: Value<'a>) -> Ring {
        if let DeValue::String(text) = value.get_ref()
            && text == "everyone"
        {
            return Ring::Everyone;
        }
        if let DeValue::Array(agents) = value.get_ref()
            && !agents.is_empty()
        {
            let ids = agents.iter().filter_map(|agent| self.text_of(agent)?.parse().ok());
            return Ring::Only(ids.collect());
        }
        self.fault(
            self.line(value),
            "ring \"everyone\", \"longest_idle\" or a list of agents, as in ring = [\"lia\"]"
                .into(),
        );
        Ring::Everyone
    }

    fn prompt(&mut self, value: Value<'a>) -> Prompt {
        let name = self.text_of(value).unwrap_or_default().to_owned();
        let lasting = self.prompts.get(&name).copied();
        if lasting.is_none() && !name.is_empty() {
            let known: Vec<&str> = self.prompts.keys().map(String::as_str).collect();
            let hint = suggestion(&name, &known);
            let why = format!(
                "no prompt `{name}`: there is neither prompts/{name}.ogg nor prompts/{name}.wav{hint}"
            );
            self.fault(self.line(value), why);
        }
        Prompt { name, lasting: lasting.unwrap_or_default() }
    }

    fn goto(&mut self, step: &Table<'a>, key: &str) -> usize {
        if let Some(value) = step.get(key) {
            return self.step_named(value);
        }
        self.fault(step.line, format!("step `{}` needs `{key}`: the step that follows", step.name));
        0
    }

    fn step_named(&mut self, value: Value<'a>) -> usize {
        let Some(name) = self.text_of(value) else { return 0 };
        if let Some(index) = self.names.iter().position(|known| known == name) {
            return index;
        }
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let hint = suggestion(name, &names);
        self.fault(self.line(value), format!("no step is named `{name}`{hint}"));
        0
    }

    fn text_of(&mut self, value: Value<'a>) -> Option<&'a str> {
        if let DeValue::String(text) = value.get_ref() {
            return Some(text);
        }
        self.fault(self.line(value), "this is a text: put it in quotes".into());
        None
    }

    fn key(&mut self, value: Value<'a>) -> Option<Key> {
        let text = self.text_of(value)?;
        let mut signs = text.chars();
        if let (Some(sign), None) = (signs.next(), signs.next())
            && let Some(key) = Key::new(sign)
        {
            return Some(key);
        }
        self.fault(self.line(value), format!("`{text}` is not one key: write end = \"#\""));
        None
    }

    fn number(&mut self, step: &Table<'a>, key: &str, max: i64) -> i64 {
        self.number_from(step, key, 1, max, 1)
    }

    fn number_from(
        &mut self,
        step: &Table<'a>,
        key: &str,
        min: i64,
        max: i64,
        default: i64,
    ) -> i64 {
        let Some(value) = step.get(key) else { return default };
        if let DeValue::Integer(number) = value.get_ref()
            && let Ok(number) = i64::from_str_radix(number.as_str(), number.radix())
            && (min..=max).contains(&number)
        {
            return number;
        }
        self.fault(self.line(value), format!("`{key}` is a whole number from {min} to {max}"));
        default
    }

    fn span(&mut self, step: &Table<'a>, key: &str, default: Duration) -> Duration {
        step.get(key).map_or(default, |value| self.span_of(value))
    }

    fn span_of(&mut self, value: Value<'a>) -> Duration {
        self.span_up_to(value, WAIT_MAX)
    }

    fn span_up_to(&mut self, value: Value<'a>, max: Duration) -> Duration {
        let Some(text) = self.text_of(value) else { return Duration::ZERO };
        match check::duration(text) {
            Some(span) if !span.is_zero() && span <= max => span,
            _ => {
                let most = max.as_secs() / 60;
                let why = format!(
                    "`{text}` is not a length of time from 1ms to {most}m: write \"5s\", \"500ms\" or \"2m\""
                );
                self.fault(self.line(value), why);
                Duration::ZERO
            }
        }
    }

    fn known(&mut self, key: &Spanned<toml::de::DeString<'a>>, known: &[&str], place: &str) {
        let name = key.get_ref();
        if !known.contains(&name.as_ref()) {
            let hint = suggestion(name, known);
            self.fault(self.line(key), format!("unknown key `{name}` {place}{hint}"));
        }
    }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    nearest(name, known).map_or_else(String::new, |near| format!(": did you mean `{near}`?"))
}
