//! How is a request read field by field?
//!
//! [`Fields`] is one object of the body together with its path. Each getter answers the value or the
//! [`RequestFault`] that names the path. Unknown fields are ignored, as Graph does; `null` counts as
//! missing.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::{JsonKind, RequestFault, SdpText};

type Read<T> = Result<T, RequestFault>;

/// Reads the body as one JSON object.
pub(crate) fn body(bytes: &[u8]) -> Read<Map<String, Value>> {
    let value: Value = serde_json::from_slice(bytes).map_err(|fault| RequestFault::NotJson {
        line: fault.line(),
        column: fault.column(),
        why: reason(&fault),
    })?;
    let found = JsonKind::of(&value);
    let Value::Object(map) = value else {
        let path = "the body".into();
        return Err(RequestFault::WrongType { path, wanted: JsonKind::Object, found });
    };
    Ok(map)
}

/// The parser's words without its own "at line …".
fn reason(fault: &serde_json::Error) -> String {
    let text = fault.to_string();
    text.split(" at line ").next().unwrap_or("unreadable").to_owned()
}

/// One object of a request, and where it is.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: &'a str,
}

impl<'a> Fields<'a> {
    pub(crate) fn root(map: &'a Map<String, Value>) -> Self {
        Self { map, path: "" }
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub(crate) fn missing(&self, name: &str) -> RequestFault {
        RequestFault::Missing { path: self.path_of(name) }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    fn typed<T>(
        &self,
        name: &str,
        wanted: JsonKind,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Read<Option<T>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| RequestFault::WrongType {
            path: self.path_of(name),
            wanted,
            found: JsonKind::of(value),
        })
    }

    pub(crate) fn text(&self, name: &str) -> Read<Option<&'a str>> {
        self.typed(name, JsonKind::String, Value::as_str)
    }

    pub(crate) fn required_text(&self, name: &str) -> Read<&'a str> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    /// A text that is a typed value, such as an id.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> Read<Option<T>>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.text(name)? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|why: T::Err| RequestFault::invalid(self.path_of(name), why.to_string()))
    }

    /// One of a list of words, exactly as written.
    pub(crate) fn word<T>(&self, name: &str, words: &[&'static str]) -> Read<Option<T>>
    where
        T: for<'t> From<&'t str>,
    {
        let Some(text) = self.text(name)? else { return Ok(None) };
        check_word(&self.path_of(name), text, words)?;
        Ok(Some(T::from(text)))
    }

    pub(crate) fn integer(&self, name: &str) -> Read<Option<i64>> {
        self.typed(name, JsonKind::Integer, Value::as_i64)
    }

    pub(crate) fn list(&self, name: &str) -> Read<Option<&'a [Value]>> {
        self.typed(name, JsonKind::Array, |value| value.as_array().map(Vec::as_slice))
    }

    /// A list of texts.
    pub(crate) fn texts(&self, name: &str) -> Read<Option<Vec<String>>> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        list.iter()
            .enumerate()
            .map(|(at, value)| {
                value.as_str().map(str::to_owned).ok_or_else(|| RequestFault::WrongType {
                    path: format!("{}[{at}]", self.path_of(name)),
                    wanted: JsonKind::String,
                    found: JsonKind::of(value),
                })
            })
            .collect::<Read<Vec<_>>>()
            .map(Some)
    }

    /// The texts of the first list in a list.
    pub(crate) fn nested_texts(&self, name: &str) -> Read<Option<Vec<String>>> {
        let Some(first) = self.list(name)?.and_then(<[Value]>::first) else { return Ok(None) };
        let path = format!("{}[0]", self.path_of(name));
        let wrong = |wanted, found: &Value| RequestFault::WrongType {
            path: path.clone(),
            wanted,
            found: JsonKind::of(found),
        };
        let list = first.as_array().ok_or_else(|| wrong(JsonKind::Array, first))?;
        let text = |value: &Value| {
            value.as_str().map(str::to_owned).ok_or_else(|| wrong(JsonKind::String, value))
        };
        list.iter().map(text).collect::<Read<Vec<_>>>().map(Some)
    }

    /// Reads an object field with `read`.
    pub(crate) fn object<T>(
        &self,
        name: &str,
        read: impl FnOnce(Fields<'_>) -> Read<T>,
    ) -> Read<Option<T>> {
        let Some(map) = self.typed(name, JsonKind::Object, Value::as_object)? else {
            return Ok(None);
        };
        let path = self.path_of(name);
        read(Fields { map, path: &path }).map(Some)
    }

    pub(crate) fn required_object<T>(
        &self,
        name: &str,
        read: impl FnOnce(Fields<'_>) -> Read<T>,
    ) -> Read<T> {
        self.object(name, read)?.ok_or_else(|| self.missing(name))
    }

    /// Reads each object of a list with `read`.
    pub(crate) fn objects<T>(
        &self,
        name: &str,
        read: impl Fn(Fields<'_>) -> Read<T>,
    ) -> Read<Option<Vec<T>>> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        let mut out = Vec::with_capacity(list.len());
        for (at, value) in list.iter().enumerate() {
            let path = format!("{}[{at}]", self.path_of(name));
            let Some(map) = value.as_object() else {
                let found = JsonKind::of(value);
                return Err(RequestFault::WrongType { path, wanted: JsonKind::Object, found });
            };
            out.push(read(Fields { map, path: &path })?);
        }
        Ok(Some(out))
    }

    /// Every field of this object, all of which must be texts.
    pub(crate) fn text_pairs(&self) -> Read<Vec<(String, String)>> {
        let mut pairs = Vec::with_capacity(self.map.len());
        for name in self.map.keys() {
            pairs.push((name.clone(), self.required_text(name)?.to_owned()));
        }
        Ok(pairs)
    }

    /// `messaging_product`, which must be `whatsapp`.
    pub(crate) fn messaging_product(&self) -> Read<()> {
        match self.required_text("messaging_product")? {
            crate::WHATSAPP => Ok(()),
            _ => Err(RequestFault::invalid(
                self.path_of("messaging_product"),
                "the only product is whatsapp",
            )),
        }
    }

    pub(crate) fn required_sdp(&self, name: &str) -> Read<SdpText> {
        match self.required_text(name)? {
            "" => Err(self.missing(name)),
            text => Ok(SdpText::from(text)),
        }
    }
}

/// Whether a text is one of the words, exactly as written.
pub(crate) fn check_word(path: &str, text: &str, words: &[&'static str]) -> Read<()> {
    if words.contains(&text) {
        return Ok(());
    }
    Err(RequestFault::invalid(path, format!("must be one of {}", words.join(", "))))
}
