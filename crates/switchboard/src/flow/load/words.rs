//! What does this value of a step say?

use std::time::Duration;

use terms::nearest;

use super::{
    super::{
        Key, Prompt, Sound,
        document::{Entry, Name, Value, What, get},
        speech::{Speech, TEXT_MAX},
        template::{BUILT_IN, Template},
        trail::VALUE_MAX,
    },
    Reader, Table,
};

/// The longest name for which another one is suggested.
const NAME_MAX: usize = 64;
/// The longest a step may wait, so that a slip of the pen does not hold a call for a day.
const WAIT_MAX: Duration = Duration::from_secs(600);

impl Reader<'_> {
    /// The step a key of this step names.
    pub(super) fn goto(&mut self, step: &Table<'_>, key: &str) -> usize {
        if let Some(value) = step.get(key) {
            return self.step_named(value);
        }
        self.fault(step.place, format!("it needs `{key}`: the step that follows"));
        0
    }

    /// The name of a queue of the gateway's.
    pub(super) fn queue_named(&mut self, value: &Value) -> String {
        let name = self.text_of(value).unwrap_or_default().to_owned();
        if let Some(queues) = &self.supplies.queues
            && !queues.contains(&name)
        {
            let known: Vec<&str> = queues.iter().map(String::as_str).collect();
            let hint = suggestion(&name, &known);
            self.fault(&value.place, format!("the configuration has no queue `{name}`{hint}"));
        }
        name
    }

    /// The name of a bot of the gateway's.
    pub(super) fn bot_named(&mut self, value: &Value) -> String {
        let name = self.text_of(value).unwrap_or_default().to_owned();
        if let Some(bots) = &self.supplies.bots
            && !bots.contains(&name)
        {
            let known: Vec<&str> = bots.iter().map(String::as_str).collect();
            let hint = suggestion(&name, &known);
            self.fault(&value.place, format!("the configuration has no bot `{name}`{hint}"));
        }
        name
    }

    /// The name of a trunk of the gateway's.
    pub(super) fn trunk_named(&mut self, value: &Value) -> String {
        let name = self.text_of(value).unwrap_or_default().to_owned();
        if let Some(trunks) = &self.supplies.trunks
            && !trunks.contains_key(&name)
        {
            let known: Vec<&str> = trunks.keys().map(String::as_str).collect();
            let hint = suggestion(&name, &known);
            self.fault(&value.place, format!("the configuration has no trunk `{name}`{hint}"));
        }
        name
    }

    /// What whoever gets the call is told about it.
    pub(super) fn context(&mut self, value: &Value) -> Vec<(String, Template)> {
        let What::Table(entries) = &value.what else {
            self.fault(&value.place, "write context = { order = \"{keys}\" }".into());
            return Vec::new();
        };
        let fill =
            |entry: &Entry| (entry.name.text.clone(), self.template(&entry.value, VALUE_MAX));
        entries.iter().map(fill).collect()
    }

    pub(super) fn step_named(&mut self, value: &Value) -> usize {
        let Some(name) = self.text_of(value) else { return 0 };
        let here = self.here;
        let known = || self.names.iter().filter(|known| known.source == here);
        if let Some(index) =
            self.names.iter().position(|known| known.source == here && known.name == name)
        {
            return index;
        }
        let names: Vec<&str> = known().map(|known| known.name.as_str()).collect();
        let hint = suggestion(name, &names);
        self.fault(&value.place, format!("no step is named `{name}`{hint}"));
        0
    }

    /// What is heard: the name of a prompt, or `{ say = "…" }`.
    pub(super) fn sound(&mut self, value: &Value) -> Sound {
        let What::Table(entries) = &value.what else { return Sound::Prompt(self.prompt(value)) };
        for entry in entries {
            self.known(&entry.name, &["say", "language", "voice"], "beside what is said");
        }
        match get(entries, "say") {
            Some(text) => Sound::Speech(self.speech(text, entries)),
            None => {
                let why = "write the name of a prompt, or { say = \"words\" }";
                self.fault(&value.place, why.into());
                Sound::Prompt(Prompt { name: String::new(), lasting: Duration::ZERO })
            }
        }
    }

    fn prompt(&mut self, value: &Value) -> Prompt {
        let name = self.text_of(value).unwrap_or_default().to_owned();
        let lasting = self.supplies.prompts.get(&name).copied();
        if lasting.is_none() && !name.is_empty() {
            let known: Vec<&str> = self.supplies.prompts.keys().map(String::as_str).collect();
            let hint = suggestion(&name, &known);
            let why = format!(
                "no prompt `{name}`: there is neither prompts/{name}.ogg nor prompts/{name}.wav{hint}"
            );
            self.fault(&value.place, why);
        }
        Prompt { name, lasting: lasting.unwrap_or_default() }
    }

    /// A text to speak; language and voice stand beside it.
    pub(super) fn speech(&mut self, text: &Value, beside: &[Entry]) -> Speech {
        if !self.supplies.speech {
            let why = "nothing is set up that speaks: write [speech] command = [\"espeak-ng\", \
                       \"--stdout\"] in the gateway's configuration, or play a prompt";
            self.fault(&text.place, why.into());
        }
        if self.text_of(text).is_some_and(|text| text.trim().is_empty()) {
            self.fault(&text.place, "there is nothing to say: write the words".into());
        }
        let mut word = |key| {
            let value = get(beside, key)?;
            self.word(value)
        };
        let (language, voice) = (word("language"), word("voice"));
        Speech { text: self.template(text, TEXT_MAX), language, voice }
    }

    /// A name of a language or voice: nothing a command could take for an option.
    fn word(&mut self, value: &Value) -> Option<String> {
        let text = self.text_of(value)?;
        let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_+.".contains(sign);
        if text.is_empty() || text.len() > 64 || text.starts_with('-') || !text.chars().all(plain) {
            let why = format!("`{text}` is not a name: write one such as \"pt-br\"");
            self.fault(&value.place, why);
            return None;
        }
        Some(text.to_owned())
    }

    /// A text with places in braces.
    pub(super) fn template(&mut self, value: &Value, max: usize) -> Template {
        let text = self.text_of(value).unwrap_or_default();
        if text.chars().count() > max {
            self.fault(&value.place, format!("this text is longer than {max} signs"));
        }
        let Ok(template) = Template::parse(text) else {
            let why = "braces hold the name of a variable, as in \"Hello {name}\"";
            self.fault(&value.place, why.into());
            return Template::parse("").expect("an empty text has no braces");
        };
        for name in template.places() {
            if BUILT_IN.contains(&name) || self.variables.contains(name) {
                continue;
            }
            let known: Vec<&str> = BUILT_IN.iter().chain(&self.variables).copied().collect();
            let hint = suggestion(name, &known);
            self.fault(&value.place, format!("no step sets `{name}`{hint}"));
        }
        template
    }

    pub(super) fn text_of<'v>(&mut self, value: &'v Value) -> Option<&'v str> {
        if let What::Text(text) = &value.what {
            return Some(text);
        }
        self.fault(&value.place, "this is a text: put it in quotes".into());
        None
    }

    /// A text, or a list of them.
    pub(super) fn texts<'v>(&mut self, value: &'v Value) -> Vec<&'v str> {
        match &value.what {
            What::List(values) if !values.is_empty() => {
                values.iter().filter_map(|value| self.text_of(value)).collect()
            }
            What::List(_) => {
                self.fault(&value.place, "this list is empty".into());
                Vec::new()
            }
            What::Text(text) => vec![text],
            What::Whole(_) | What::Truth(_) | What::Table(_) | What::Other => {
                self.fault(&value.place, "this is a text or a list of texts".into());
                Vec::new()
            }
        }
    }

    pub(super) fn truth(&mut self, step: &Table<'_>, key: &str) -> bool {
        match step.get(key) {
            None => false,
            Some(Value { what: What::Truth(truth), place: _ }) => *truth,
            Some(value) => {
                self.fault(&value.place, format!("`{key}` is true or false"));
                false
            }
        }
    }

    pub(super) fn key(&mut self, value: &Value) -> Option<Key> {
        let text = self.text_of(value)?;
        let mut signs = text.chars();
        if let (Some(sign), None) = (signs.next(), signs.next())
            && let Some(key) = Key::new(sign)
        {
            return Some(key);
        }
        self.fault(&value.place, format!("`{text}` is not one key: write end = \"#\""));
        None
    }

    pub(super) fn number(&mut self, step: &Table<'_>, key: &str, max: i64) -> i64 {
        self.number_from(step, key, (1, max), 1)
    }

    pub(super) fn number_from(
        &mut self,
        step: &Table<'_>,
        key: &str,
        (min, max): (i64, i64),
        default: i64,
    ) -> i64 {
        let Some(value) = step.get(key) else { return default };
        if let What::Whole(number) = value.what
            && (min..=max).contains(&number)
        {
            return number;
        }
        self.fault(&value.place, format!("`{key}` is a whole number from {min} to {max}"));
        default
    }

    pub(super) fn span(&mut self, step: &Table<'_>, key: &str, default: Duration) -> Duration {
        step.get(key).map_or(default, |value| self.span_of(value))
    }

    pub(super) fn span_of(&mut self, value: &Value) -> Duration {
        self.span_up_to(value, WAIT_MAX)
    }

    pub(super) fn span_up_to(&mut self, value: &Value, max: Duration) -> Duration {
        let Some(text) = self.text_of(value) else { return Duration::ZERO };
        match duration(text) {
            Some(span) if !span.is_zero() && span <= max => span,
            _ => {
                let most = max.as_secs() / 60;
                let why = format!(
                    "`{text}` is not a length of time from 1ms to {most}m: write \"5s\", \"500ms\" or \"2m\""
                );
                self.fault(&value.place, why);
                Duration::ZERO
            }
        }
    }

    pub(super) fn known(&mut self, name: &Name, known: &[&str], place: &str) {
        let Name { text, place: at } = name;
        if !known.contains(&text.as_str()) {
            let hint = suggestion(text, known);
            self.fault(at, format!("unknown key `{text}` {place}{hint}"));
        }
    }
}

pub(super) fn suggestion(name: &str, known: &[&str]) -> String {
    // Nobody slips in a name that long, and comparing takes its length squared.
    if name.len() > NAME_MAX {
        return String::new();
    }
    nearest(name, known).map_or_else(String::new, |near| format!(": did you mean `{near}`?"))
}

/// Reads `5s`, `500ms`, `2m` or `1h`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|sign: char| !sign.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        "h" => Some(Duration::from_secs(number.checked_mul(3_600)?)),
        _ => None,
    }
}
