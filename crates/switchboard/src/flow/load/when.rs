//! `when`: who calls chooses the next step.

use terms::Country;

use super::{
    super::{
        Step,
        condition::{Case, Compare, Condition, Pattern},
        document::{Entry, Value, What, get},
    },
    Reader, Table,
    step::Action,
    words::suggestion,
};

pub(super) const WHEN: Action = Action { name: "when", keys: &["otherwise"], read };

/// What a case may ask, and where it leads.
const KEYS: [&str; 9] = [
    "caller",
    "user_id",
    "country",
    "payload",
    "language",
    "window",
    "past_calls",
    "variable",
    "next",
];

fn read(reader: &mut Reader<'_>, step: &Table<'_>, value: &Value) -> Step {
    let cases = match &value.what {
        What::List(values) if !values.is_empty() => {
            values.iter().map(|value| case(reader, value)).collect()
        }
        What::List(_)
        | What::Text(_)
        | What::Whole(_)
        | What::Truth(_)
        | What::Table(_)
        | What::Other => {
            let why = "write when = [{ country = [\"BR\"], next = \"step\" }]";
            reader.fault(&value.place, why.into());
            Vec::new()
        }
    };
    Step::When { cases, otherwise: reader.goto(step, "otherwise") }
}

fn case(reader: &mut Reader<'_>, value: &Value) -> Case {
    let What::Table(entries) = &value.what else {
        reader.fault(&value.place, "a case is { payload = \"vip*\", next = \"step\" }".into());
        return Case { conditions: Vec::new(), next: 0 };
    };
    for entry in entries {
        reader.known(&entry.name, &KEYS, "in a case of `when`");
    }
    let conditions: Vec<_> = entries.iter().filter_map(|entry| condition(reader, entry)).collect();
    if entries.iter().all(|entry| entry.name.text == "next") {
        let why = "this case asks nothing: give it a condition, or use `otherwise`";
        reader.fault(&value.place, why.into());
    }
    let next = match get(entries, "next") {
        Some(next) => reader.step_named(next),
        None => {
            reader.fault(&value.place, "this case needs `next`: the step that follows".into());
            0
        }
    };
    Case { conditions, next }
}

fn condition(reader: &mut Reader<'_>, entry: &Entry) -> Option<Condition> {
    let value = &entry.value;
    match entry.name.text.as_str() {
        "caller" => Some(Condition::Caller(numbers(reader, value))),
        "user_id" => Some(Condition::UserId(patterns(reader, value))),
        "country" => Some(Condition::Country(countries(reader, value))),
        "payload" => Some(Condition::Payload(patterns(reader, value))),
        "language" => Some(Condition::Language(patterns(reader, value))),
        "window" => window(reader, value),
        "past_calls" => past_calls(reader, value),
        "variable" => variables(reader, value),
        // `next`, or an unknown key that has its fault.
        _ => None,
    }
}

fn patterns(reader: &mut Reader<'_>, value: &Value) -> Vec<Pattern> {
    reader.texts(value).into_iter().map(Pattern::new).collect()
}

/// Numbers as people write them: what is no digit and no star is left out.
fn numbers(reader: &mut Reader<'_>, value: &Value) -> Vec<Pattern> {
    let mut numbers = Vec::new();
    for text in reader.texts(value) {
        let digits: String =
            text.chars().filter(|sign| sign.is_ascii_digit() || *sign == '*').collect();
        if digits.is_empty() {
            let why = format!("`{text}` is no number: write \"5511988887777\" or \"5511*\"");
            reader.fault(&value.place, why);
        }
        numbers.push(Pattern::new(&digits));
    }
    numbers
}

fn countries(reader: &mut Reader<'_>, value: &Value) -> Vec<Country> {
    let mut countries = Vec::new();
    for text in reader.texts(value) {
        match text.parse() {
            Ok(country) => countries.push(country),
            Err(_) => {
                let why = format!("`{text}` is no country: write two capitals such as \"BR\"");
                reader.fault(&value.place, why);
            }
        }
    }
    countries
}

fn window(reader: &mut Reader<'_>, value: &Value) -> Option<Condition> {
    match reader.text_of(value)? {
        "open" => Some(Condition::WindowOpen(true)),
        "closed" => Some(Condition::WindowOpen(false)),
        other => {
            let hint = suggestion(other, &["open", "closed"]);
            reader.fault(&value.place, format!("a window is \"open\" or \"closed\"{hint}"));
            None
        }
    }
}

fn past_calls(reader: &mut Reader<'_>, value: &Value) -> Option<Condition> {
    let found = match &value.what {
        What::Whole(number) => u32::try_from(*number).ok().map(|number| (Compare::Equal, number)),
        What::Text(text) => Compare::parse(text),
        What::Truth(_) | What::List(_) | What::Table(_) | What::Other => None,
    };
    match found {
        Some((compare, calls)) => Some(Condition::PastCalls(compare, calls)),
        None => {
            let why = "compare the number of past calls: \">=3\", \"<2\" or \"0\"";
            reader.fault(&value.place, why.into());
            None
        }
    }
}

fn variables(reader: &mut Reader<'_>, value: &Value) -> Option<Condition> {
    let What::Table(entries) = &value.what else {
        reader.fault(&value.place, "write variable = { topic = \"bills\" }".into());
        return None;
    };
    for entry in entries {
        if !reader.variables.contains(entry.name.text.as_str()) {
            let known: Vec<&str> = reader.variables.iter().copied().collect();
            let hint = suggestion(&entry.name.text, &known);
            let why = format!("no step sets `{}`{hint}", entry.name.text);
            reader.fault(&entry.name.place, why);
        }
    }
    let wanted = entries
        .iter()
        .map(|entry| (entry.name.text.clone(), patterns(reader, &entry.value)))
        .collect();
    Some(Condition::Variables(wanted))
}
