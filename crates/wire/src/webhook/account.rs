//! What happened to an account or a number's settings? The fields `account_settings_update` and
//! `account_update` (fact sheet 2.8, 8.5, 11).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use terms::{PhoneNumberId, Timestamp};

use super::call::whatsapp;
use crate::{graph::settings::Calling, open::open_enum, unix};

/// The value of a change in `account_settings_update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingsUpdate {
    /// `whatsapp`.
    #[serde(default = "whatsapp")]
    pub messaging_product: String,
    /// When.
    #[serde(with = "unix::text")]
    pub timestamp: Timestamp,
    /// What kind.
    #[serde(rename = "type")]
    pub kind: SettingsType,
    /// The number's settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_settings: Option<PhoneNumberSettings>,
}

open_enum! {
    /// Whose settings changed.
    SettingsType {
        /// A number's. Documents also write it in capitals.
        PhoneNumber = "phone_number_settings",
    }
}

/// A number and its calling settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhoneNumberSettings {
    /// Which number.
    pub phone_number_id: PhoneNumberId,
    /// Its settings, as a read answers them.
    pub calling: Calling,
}

impl SettingsUpdate {
    /// The settings of a number after a change.
    #[must_use]
    pub fn new(phone_number_id: PhoneNumberId, calling: Calling, timestamp: Timestamp) -> Self {
        Self {
            messaging_product: whatsapp(),
            timestamp,
            kind: SettingsType::PhoneNumber,
            phone_number_settings: Some(PhoneNumberSettings { phone_number_id, calling }),
        }
    }
}

open_enum! {
    /// What happened to an account.
    AccountEvent {
        /// Quality is low.
        Violation = "ACCOUNT_VIOLATION",
        /// Something is not allowed for a while.
        Restriction = "ACCOUNT_RESTRICTION",
        /// Calls cost less from here on.
        VolumeTier = "VOLUME_BASED_PRICING_TIER_UPDATE",
    }
}

/// The value of a change in `account_update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountUpdate {
    /// What happened.
    pub event: AccountEvent,
    /// The details of the event (`violation_info`, `restriction_info`, …), as they came.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
