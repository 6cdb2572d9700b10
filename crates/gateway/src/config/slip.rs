//! What is wrong with this line of a configuration, and what was meant?

/// A fault of a TOML text in one line, with its number; for an unknown key or word the nearest known one.
#[must_use]
pub fn explain(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map(|span| {
        let before = text.bytes().take(span.start);
        1 + before.filter(|&byte| byte == b'\n').count()
    });
    let why = unknown(error.message()).unwrap_or_else(|| error.message().trim_end().to_owned());
    match line {
        Some(line) => format!("line {line}: {why}"),
        None => why,
    }
}

/// serde's words for an unknown field or variant name it and then all that are known, each in backticks.
fn unknown(message: &str) -> Option<String> {
    let ours = [("unknown field ", "key"), ("unknown variant ", "word")];
    let (rest, what) = ours
        .iter()
        .find_map(|(theirs, ours)| message.strip_prefix(theirs).map(|rest| (rest, ours)))?;
    let mut names = rest.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    let known: Vec<&str> = names.collect();
    Some(match terms::nearest(unknown, &known) {
        Some(near) => format!("unknown {what} `{unknown}`: did you mean `{near}`?"),
        None => format!("unknown {what} `{unknown}`: here stand {}", known.join(", ")),
    })
}
