//! When, in the API's two spellings?
//!
//! Webhooks write Unix seconds as a string, answers as a number; real payloads mix them up. Both are
//! read everywhere; `text` writes the string, `number` the number. Use as
//! `#[serde(with = "unix::text")]`, and the `_option` forms for a field that may be missing.

use serde::{Deserialize, Deserializer, Serializer, de::Error};
use terms::Timestamp;

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(i64),
    Text(String),
}

impl Seconds {
    fn timestamp<E: Error>(self) -> Result<Timestamp, E> {
        match self {
            Self::Number(seconds) => Ok(Timestamp::from_unix(seconds)),
            Self::Text(text) => text
                .parse()
                .map(Timestamp::from_unix)
                .map_err(|_| E::custom("not a time in Unix seconds")),
        }
    }
}

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    Seconds::deserialize(from)?.timestamp()
}

fn read_option<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Option::<Seconds>::deserialize(from)?.map(Seconds::timestamp).transpose()
}

/// Unix seconds, written as a string.
pub mod text {
    use super::*;

    /// Reads either spelling.
    ///
    /// # Errors
    ///
    /// Neither spelling.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        read(from)
    }

    /// Writes a string.
    ///
    /// # Errors
    ///
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&at.unix().to_string())
    }
}

/// Unix seconds or nothing, written as a string.
pub mod text_option {
    use super::*;

    /// Reads either spelling.
    ///
    /// # Errors
    ///
    /// Neither spelling.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        read_option(from)
    }

    /// Writes a string, or null.
    ///
    /// # Errors
    ///
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => text::serialize(at, to),
            None => to.serialize_none(),
        }
    }
}

/// Unix seconds, written as a number.
pub mod number {
    use super::*;

    /// Reads either spelling.
    ///
    /// # Errors
    ///
    /// Neither spelling.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        read(from)
    }

    /// Writes a number.
    ///
    /// # Errors
    ///
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(at: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.unix())
    }
}

/// Unix seconds or nothing, written as a number.
pub mod number_option {
    use super::*;

    /// Reads either spelling.
    ///
    /// # Errors
    ///
    /// Neither spelling.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        read_option(from)
    }

    /// Writes a number, or null.
    ///
    /// # Errors
    ///
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => to.serialize_i64(at.unix()),
            None => to.serialize_none(),
        }
    }
}
