//! May the business call this user, and may it ask? `GET /{PNID}/call_permissions` (fact sheet 4.6).

use serde::{Deserialize, Serialize};
use terms::{ReachedBy, Timestamp, UserId, UserRef, WaId};

use crate::{RequestFault, open::open_enum, unix};

/// Whom the question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermissionQuery {
    /// `user_wa_id=`
    WaId(WaId),
    /// `recipient=`
    UserId(UserId),
}

impl From<&UserRef> for PermissionQuery {
    fn from(user: &UserRef) -> Self {
        match user.reached_by() {
            ReachedBy::Number(wa_id) => Self::WaId(wa_id.clone()),
            ReachedBy::UserId(user_id) => Self::UserId(user_id.clone()),
        }
    }
}

impl PermissionQuery {
    /// Reads the two query parameters; `user_wa_id` wins.
    ///
    /// # Errors
    ///
    /// Neither is given, or the given one is not an id.
    pub fn parse(user_wa_id: Option<&str>, recipient: Option<&str>) -> Result<Self, RequestFault> {
        if let Some(text) = user_wa_id {
            // An unescaped `+` arrives as a space.
            return WaId::from_dialled(text.trim_start()).map(Self::WaId).map_err(|_| {
                RequestFault::invalid("user_wa_id", "digits in E.164, with or without +")
            });
        }
        match recipient {
            Some(text) => text
                .parse()
                .map(Self::UserId)
                .map_err(|_| RequestFault::invalid("recipient", "a business-scoped user id")),
            None => Err(RequestFault::Missing { path: "user_wa_id".into() }),
        }
    }
}

/// The whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPermissions {
    /// `whatsapp`.
    #[serde(default = "whatsapp")]
    pub messaging_product: String,
    /// The permission.
    pub permission: Permission,
    /// What may be done now.
    #[serde(default)]
    pub actions: Vec<Action>,
}

pub(super) fn whatsapp() -> String {
    crate::WHATSAPP.into()
}

impl CallPermissions {
    /// The action of this name.
    #[must_use]
    pub fn action(&self, name: &ActionName) -> Option<&Action> {
        self.actions.iter().find(|action| action.action_name == *name)
    }
}

/// The user's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Whether there is one, and of which kind.
    pub status: PermissionStatus,
    /// When a temporary one ends. Documents also call it `expiration`.
    #[serde(
        default,
        alias = "expiration",
        with = "unix::number_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub expiration_time: Option<Timestamp>,
}

open_enum! {
    /// Whether the user may be called.
    PermissionStatus {
        /// Not.
        NoPermission = "no_permission",
        /// For seven days from the user's approval.
        Temporary = "temporary",
        /// Until the user takes it back.
        Permanent = "permanent",
    }
}

/// One thing the business may or may not do, and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Which.
    pub action_name: ActionName,
    /// All limits and the permission considered.
    pub can_perform_action: bool,
    /// The counters behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<Limit>,
}

open_enum! {
    /// What the business may want to do.
    ActionName {
        /// Ask for permission.
        SendCallPermissionRequest = "send_call_permission_request",
        /// Call.
        StartCall = "start_call",
    }
}

/// One counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Its period, an ISO 8601 duration such as `PT24H`.
    pub time_period: String,
    /// Its ceiling.
    pub max_allowed: u32,
    /// How much is used.
    pub current_usage: u32,
    /// When it frees again; only while the limit is reached.
    #[serde(default, with = "unix::number_option", skip_serializing_if = "Option::is_none")]
    pub limit_expiration_time: Option<Timestamp>,
}
