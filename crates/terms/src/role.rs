//! Which kinds of people work at the business?

use serde::{Deserialize, Serialize};

/// What somebody is there for; what each may do is `switchboard::access`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Takes and places calls.
    Agent,
    /// Sees and steers everybody's.
    Supervisor,
    /// Manages people, keys and settings as well.
    Admin,
    /// Reads everything and changes nothing.
    Auditor,
}

impl Role {
    /// Its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }
}
