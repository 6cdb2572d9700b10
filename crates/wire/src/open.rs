//! How does a word survive that this version does not know?
//!
//! Others add words to their enums whenever they like. A word we know becomes its variant (letter
//! case does not matter: documents and traces disagree on it); any other is kept in `Unknown` and
//! written back as it came.

use serde::{Deserialize, Serialize};

/// A closed enum of ours in a place where others may write any word.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Open<T> {
    /// A word we know.
    Known(T),
    /// A word this version does not know, kept as it came.
    Unknown(String),
}

impl<T: Copy> Open<T> {
    /// The known word, if it is one.
    #[must_use]
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(word) => Some(*word),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Open<T> {
    fn from(word: T) -> Self {
        Self::Known(word)
    }
}

/// A text that is one of these words, or one that came later.
#[cfg(feature = "schema")]
pub(crate) fn any_word(words: &[&str]) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    use utoipa::openapi::{ObjectBuilder, schema::Type};
    let text = format!("Others may add words. Known: {}", words.join(", "));
    ObjectBuilder::new().schema_type(Type::String).description(Some(text)).into()
}

/// Declares an enum whose unknown words survive.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$word_doc])* $word,)+
            /// A word this version does not know, kept as it came.
            Unknown(String),
        }

        impl $name {
            /// Every word of the list, as written on the wire.
            pub const WORDS: &'static [&'static str] = &[$($text),+];

            /// The word as written on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$word => $text,)+
                    Self::Unknown(text) => text,
                }
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::open::any_word(Self::WORDS)
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $name {}

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $(if text.eq_ignore_ascii_case($text) {
                    return Self::$word;
                })+
                Self::Unknown(text.to_owned())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                Ok(Self::from(text.as_ref()))
            }
        }
    };
}

pub(crate) use open_enum;
