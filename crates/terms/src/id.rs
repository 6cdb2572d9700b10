//! Which thing is meant? One newtype an id, each with its own check.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The longest text accepted as an id; a WACID of today has about 106 characters.
const ID_CHARS_MAX: usize = 256;

/// Why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind}")]
pub struct IdError {
    kind: &'static str,
}

impl IdError {
    pub(crate) fn country() -> Self {
        Self { kind: "country code" }
    }
}

fn is_digits(text: &str, chars_max: usize) -> bool {
    !text.is_empty() && text.len() <= chars_max && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= ID_CHARS_MAX && text.bytes().all(|b| b.is_ascii_graphic())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        pub struct $name(Box<str>);

        impl $name {
            /// The wire form.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err(IdError { kind: $kind }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into()
            }
        }
    };
}

macro_rules! open_id {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

macro_rules! personal_id {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let from = self.0.len().saturating_sub(4);
                write!(f, "…{}", &self.0[from..])
            }
        }
    };
}

text_id!(
    /// A WhatsApp Business Account (WABA).
    WabaId, "WABA id", |t| is_digits(t, 32)
);
text_id!(
    /// A business number's id in the Graph API (PNID).
    PhoneNumberId, "phone number id", |t| is_digits(t, 32)
);
text_id!(
    /// An app that calls the Graph API and receives webhooks.
    AppId, "app id", |t| is_digits(t, 32)
);
text_id!(
    /// One WhatsApp call: `wacid.` and an opaque rest (fact sheet 4.12).
    CallId, "call id", |t| t.starts_with("wacid.") && t.len() > 6 && is_token(t)
);
text_id!(
    /// One message: `wamid.` and an opaque rest; a voicemail's message carries a WACID.
    MessageId, "message id", is_token
);
text_id!(
    /// A media file: an upload, a voicemail, a recording, a transcript.
    MediaId, "media id", |t| is_digits(t, 20)
);
text_id!(
    /// A template of messages.
    TemplateId, "template id", |t| is_digits(t, 32)
);
text_id!(
    /// A person or thing at the business that takes calls.
    AgentId, "agent id", is_token
);
text_id!(
    /// Numbers, people and data that belong together behind one gateway.
    OrganisationId, "organisation id", is_token
);
text_id!(
    /// A phone number as WhatsApp writes it: digits without `+`, kept digit for digit.
    WaId, "wa_id", |t| is_digits(t, 20)
);
text_id!(
    /// A business-scoped user id (BSUID), such as `BR.9021…`.
    UserId, "user id", |t| is_token(t) && t.contains('.')
);

open_id!(WabaId);
open_id!(PhoneNumberId);
open_id!(AppId);
open_id!(CallId);
open_id!(MessageId);
open_id!(MediaId);
open_id!(TemplateId);
open_id!(AgentId);
open_id!(OrganisationId);
personal_id!(WaId);
personal_id!(UserId);

impl CallId {
    /// A short name of this call for logs: the id itself holds both numbers in base64.
    #[must_use]
    pub fn loggable(&self) -> LoggableCallId {
        // FNV-1a, 64 bits: stable between processes, so that two logs can be laid side by side.
        let hash = self.0.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        LoggableCallId(hash)
    }
}

/// A call's name in logs; says nothing of who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LoggableCallId(u64);

impl fmt::Display for LoggableCallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{:016x}", self.0)
    }
}

impl WaId {
    /// Reads a `to` of a request: digits, with or without a leading `+`.
    ///
    /// # Errors
    ///
    /// Anything but 1 to 20 digits.
    pub fn from_dialled(text: &str) -> Result<Self, IdError> {
        text.strip_prefix('+').unwrap_or(text).parse()
    }
}

/// One leg of a call inside one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId(pub u64);

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg-{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wa_id_is_kept_digit_for_digit_and_hidden_in_debug() {
        let id = WaId::from_dialled("+5215550000001").unwrap();
        assert_eq!(id.as_str(), "5215550000001");
        assert_eq!(format!("{id:?}"), "…0001");
    }

    #[test]
    fn a_call_has_a_stable_name_for_logs_that_tells_nobody_apart() {
        let id: CallId = "wacid.HBgNNTIx".parse().unwrap();
        let named = id.loggable().to_string();
        assert_eq!(named, id.loggable().to_string());
        assert!(named.starts_with("call-") && named.len() == 21, "{named}");
        let other: CallId = "wacid.HBgNNTIy".parse().unwrap();
        assert_ne!(other.loggable(), id.loggable());
    }

    #[test]
    fn ids_refuse_what_they_are_not() {
        assert!("551140x".parse::<WaId>().is_err());
        assert!("".parse::<WabaId>().is_err());
        assert!("call-1".parse::<CallId>().is_err());
        assert!("wacid.A b".parse::<CallId>().is_err());
        assert!("wacid.HBgN=".parse::<CallId>().is_ok());
        assert!(serde_json::from_str::<PhoneNumberId>("\"12a\"").is_err());
    }
}
