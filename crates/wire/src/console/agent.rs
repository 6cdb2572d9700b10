//! Who works here?

use serde::{Deserialize, Serialize};
use terms::{AgentId, OrganisationId, Timestamp};

pub use terms::Role;

/// Whether an agent takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Yes.
    Available,
    /// No.
    Away,
    /// Not until the agent says so: the last call is being written down.
    WrapUp,
}

/// How an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AgentState {
    /// Takes calls.
    Available,
    /// Takes none.
    Away,
    /// A call rings.
    Ringing,
    /// In a call.
    Busy,
    /// After a call; takes none yet.
    WrapUp,
    /// No console is open.
    Offline,
}

/// Who is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Agent {
    /// The id.
    pub id: AgentId,
    /// The name.
    pub name: String,
    /// What the agent may do.
    pub role: Role,
    /// How the agent stands.
    pub state: AgentState,
}

/// Whose numbers, people and data somebody sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// The name.
    pub name: String,
}

/// Another agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Colleague {
    /// The id.
    pub id: AgentId,
    /// The name.
    pub name: String,
    /// How the agent stands.
    pub state: AgentState,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// When a wrap-up ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up_until: Option<Timestamp>,
    /// What the agent knows about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// Whether a telephone of the agent is registered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub telephone: bool,
}

/// `POST /v1/session`
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    /// The agent's id.
    pub user: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for LogIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogIn").field("user", &self.user).finish_non_exhaustive()
    }
}
