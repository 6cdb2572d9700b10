//! What does somebody note about a call?

use serde::{Deserialize, Deserializer, Serialize};

/// `PATCH /v1/calls/{id}`: what is absent stays as it is, `null` takes it back.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NoteChange {
    /// In words.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub notes: Option<Option<String>>,
    /// What came of the call: one of the configured codes.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub wrap_up: Option<Option<String>>,
}

impl std::fmt::Debug for NoteChange {
    /// Without the notes, which are about a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NoteChange").field("wrap_up", &self.wrap_up).finish_non_exhaustive()
    }
}

/// A field that is there, `null` or not.
#[expect(clippy::option_option, reason = "absent and null mean different things")]
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_null_are_told_apart() {
        let read = |text| serde_json::from_str::<NoteChange>(text).unwrap();
        assert_eq!(read("{}"), NoteChange::default());
        let cleared = read(r#"{"notes": null, "wrap_up": "sale"}"#);
        assert_eq!((cleared.notes, cleared.wrap_up), (Some(None), Some(Some("sale".into()))));
    }
}
