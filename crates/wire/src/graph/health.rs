//! Can this number do its work? `GET /{PNID}?fields=…,health_status` (fact sheet 1.6).

use serde::{Deserialize, Serialize};
use terms::PhoneNumberId;

use crate::open::open_enum;

/// A business number, with the fields that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Number {
    /// The name users see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_name: Option<String>,
    /// The number, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_phone_number: Option<String>,
    /// Its health.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_status: Option<HealthStatus>,
    /// Its id, always there.
    pub id: PhoneNumberId,
}

/// The health of a number and of everything above it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthStatus {
    /// The worst of all.
    pub can_send_message: Availability,
    /// One entry each.
    #[serde(default)]
    pub entities: Vec<Entity>,
}

open_enum! {
    /// Whether something works.
    Availability {
        /// It does.
        Available = "AVAILABLE",
        /// With limits.
        Limited = "LIMITED",
        /// It does not.
        Blocked = "BLOCKED",
    }
}

open_enum! {
    /// What is judged.
    EntityType {
        /// The number.
        PhoneNumber = "PHONE_NUMBER",
        /// The account.
        Waba = "WABA",
        /// The business above it.
        Business = "BUSINESS",
        /// The app that asks.
        App = "APP",
    }
}

/// One judged thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// Its kind.
    pub entity_type: EntityType,
    /// Its id.
    pub id: String,
    /// Messages.
    pub can_send_message: Availability,
    /// Calls over SIP; only for the number and the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub can_receive_call_sip: Option<Availability>,
    /// Why not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<HealthError>,
}

/// Why something does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthError {
    /// Its code.
    pub error_code: i64,
    /// What is wrong.
    #[serde(default)]
    pub error_description: String,
    /// What to do.
    #[serde(default)]
    pub possible_solution: String,
}
