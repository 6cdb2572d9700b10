//! Which fields are asked for with `fields=`?
//!
//! `id,call_analytics.start(1).end(2).directions(["USER_INITIATED"]),owner{id,name}`: names, each with
//! parameters in parentheses and fields of its own in braces. Inside parentheses brackets nest, and a
//! text in double quotes may hold anything.

use crate::RequestFault;

/// How deep braces may nest; Graph asks for far less.
const DEPTH_MAX: usize = 8;

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its parameters in the order given: name, and what stands in the parentheses.
    pub parameters: Vec<(String, String)>,
    /// What is asked for inside it.
    pub fields: Vec<Self>,
}

/// Reads the value of `fields`.
///
/// # Errors
///
/// It is not such a list; the fault says at which character.
pub fn parse(text: &str) -> Result<Vec<Field>, RequestFault> {
    let mut scanner = Scanner { text, at: 0 };
    let fields = scanner.list(0)?;
    match scanner.peek() {
        None => Ok(fields),
        Some(found) => Err(scanner.fault(&format!("a comma, found {found:?}"))),
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn list(&mut self, depth: usize) -> Result<Vec<Field>, RequestFault> {
        let mut fields = vec![self.field(depth)?];
        while self.take(',') {
            fields.push(self.field(depth)?);
        }
        Ok(fields)
    }

    fn field(&mut self, depth: usize) -> Result<Field, RequestFault> {
        let name = self.name()?;
        let mut parameters = Vec::new();
        while self.take('.') {
            let parameter = self.name()?;
            if !self.take('(') {
                return Err(self.fault("an opening parenthesis"));
            }
            parameters.push((parameter, self.value()?));
        }
        let mut fields = Vec::new();
        if self.take('{') {
            if depth == DEPTH_MAX {
                return Err(self.fault("fewer braces"));
            }
            fields = self.list(depth + 1)?;
            if !self.take('}') {
                return Err(self.fault("a closing brace"));
            }
        }
        Ok(Field { name, parameters, fields })
    }

    fn name(&mut self) -> Result<String, RequestFault> {
        self.skip_spaces();
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.fault("a name"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    /// What stands before the closing parenthesis, which is taken too.
    fn value(&mut self) -> Result<String, RequestFault> {
        let rest = self.rest();
        let (mut open, mut in_text, mut escaped) = (Vec::new(), false, false);
        for (at, c) in rest.char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' if in_text => escaped = true,
                '"' => in_text = !in_text,
                _ if in_text => {}
                '(' => open.push(')'),
                '[' => open.push(']'),
                '{' => open.push('}'),
                ')' if open.is_empty() => {
                    self.at += at + 1;
                    return Ok(rest[..at].trim().to_owned());
                }
                ')' | ']' | '}' if open.pop() != Some(c) => {
                    self.at += at;
                    return Err(self.fault(&format!("no {c:?} without its opening")));
                }
                _ => {}
            }
        }
        self.at = self.text.len();
        Err(self.fault("a closing parenthesis"))
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_spaces();
        self.rest().chars().next()
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fault(&self, expected: &str) -> RequestFault {
        let at = self.text[..self.at].chars().count() + 1;
        RequestFault::invalid("fields", format!("expected {expected} at character {at}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(name: &str, parameters: &[(&str, &str)], fields: Vec<Field>) -> Field {
        let parameters =
            parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Field { name: name.into(), parameters, fields }
    }

    #[test]
    fn the_sheets_own_example_and_more_around_it() {
        let got = parse(
            "id, call_analytics.start(1783000000).end(1783600000).granularity(DAILY)\
             .directions([\"BUSINESS_INITIATED\"]).dimensions([\"country\"]),\
             phone_numbers.limit(2){id,verified_name},name",
        );
        let want = vec![
            field("id", &[], vec![]),
            field(
                "call_analytics",
                &[
                    ("start", "1783000000"),
                    ("end", "1783600000"),
                    ("granularity", "DAILY"),
                    ("directions", "[\"BUSINESS_INITIATED\"]"),
                    ("dimensions", "[\"country\"]"),
                ],
                vec![],
            ),
            field(
                "phone_numbers",
                &[("limit", "2")],
                vec![field("id", &[], vec![]), field("verified_name", &[], vec![])],
            ),
            field("name", &[], vec![]),
        ];
        assert_eq!(got, Ok(want));
    }

    #[test]
    fn parentheses_and_texts_nest() {
        let got = parse(r#"a.b({"x":[1,(2)]}).c("(,)}\")").d()"#).unwrap();
        let want = [("b", r#"{"x":[1,(2)]}"#), ("c", r#""(,)}\")""#), ("d", "")];
        assert_eq!(got, [field("a", &want, vec![])]);
    }

    #[test]
    fn a_fault_says_where() {
        let table = [
            ("", "expected a name at character 1"),
            ("a,", "expected a name at character 3"),
            ("a b", "expected a comma, found 'b' at character 3"),
            ("a.b", "expected an opening parenthesis at character 4"),
            ("a.b(1", "expected a closing parenthesis at character 6"),
            ("a.b([1)", "expected no ')' without its opening at character 7"),
            ("a{b", "expected a closing brace at character 4"),
            ("é", "expected a name at character 1"),
        ];
        for (text, why) in table {
            let fault = parse(text).unwrap_err().to_string();
            assert_eq!(fault, format!("fields is not valid: {why}"), "{text}");
        }
        let deep = "a{".repeat(10) + "a" + &"}".repeat(10);
        assert!(parse(&deep).unwrap_err().to_string().contains("fewer braces"));
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,40}") {
            drop(parse(&text));
        }

        #[test]
        fn almost_fields_do_not_panic(text in "[a(){}\\[\\].,\" \\\\é]{0,40}") {
            drop(parse(&text));
        }
    }
}
