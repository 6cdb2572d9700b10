//! Where are the `{{1}}`, `{{2}}`, … of a text?

/// The numbers of a text's variables, in the order they stand there.
///
/// # Errors
///
/// Braces that hold anything but a number.
pub(super) fn numbers(text: &str) -> Result<Vec<u32>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let inner = &rest[at + 2..];
        let Some(end) = inner.find("}}") else {
            return Err("a variable is not closed; write {{1}}".to_owned());
        };
        let name = inner[..end].trim();
        match name.parse() {
            Ok(number) if number > 0 => found.push(number),
            Ok(_) | Err(_) => {
                return Err(format!(
                    "{{{{{name}}}}} is no variable here; write {{{{1}}}}, {{{{2}}}}, …"
                ));
            }
        }
        rest = &inner[end + 2..];
    }
    Ok(found)
}

/// How many values a text wants: its variables must be 1, 2, … without a gap.
///
/// # Errors
///
/// What is wrong with them.
pub(super) fn count(text: &str) -> Result<usize, String> {
    let mut found = numbers(text)?;
    found.sort_unstable();
    found.dedup();
    let is_gapless = found.iter().zip(1..).all(|(number, wanted)| *number == wanted);
    if is_gapless {
        return Ok(found.len());
    }
    Err("variables must be numbered 1, 2, … without a gap".to_owned())
}

/// The text with its variables replaced by these values. Values are not looked into.
pub(super) fn replaced(text: &str, values: &[String]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        let inner = &rest[at + 2..];
        let Some(end) = inner.find("}}") else { break };
        out.push_str(&rest[..at]);
        let number: usize = inner[..end].trim().parse().unwrap_or(0);
        if let Some(value) = number.checked_sub(1).and_then(|place| values.get(place)) {
            out.push_str(value);
        }
        rest = &inner[end + 2..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_numbered_from_one_without_a_gap() {
        assert_eq!(count("plain"), Ok(0));
        assert_eq!(count("{{2}} before {{ 1 }} and {{1}} again"), Ok(2));
        for bad in ["{{2}}", "{{1}} {{3}}", "{{0}}", "{{name}}", "{{1", "{{}}"] {
            assert!(count(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_value_is_taken_as_it_is() {
        let values = ["{{2}}".to_owned(), "b".to_owned()];
        assert_eq!(replaced("{{1}}-{{2}}-{{1}}.", &values), "{{2}}-b-{{2}}.");
    }
}
