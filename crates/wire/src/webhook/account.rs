//! What happened to an account or a number's settings? The fields `account_settings_update` and
//! `account_update` (fact sheet 2.8, 8.5, 11).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use terms::{PhoneNumberId, Timestamp, WaId};

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

/// The price of calls of one market changes for the rest of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeTier {
    /// When.
    #[serde(with = "unix::number")]
    pub tier_update_time: Timestamp,
    /// `CALLING`.
    pub pricing_category: String,
    /// The tier reached, such as `50001:250000`.
    pub tier: String,
    /// The month it holds in, such as `2026-11`.
    pub effective_month: String,
    /// The market.
    pub region: String,
}

/// Something a number may not do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestrictionNotice {
    /// What.
    pub restriction_type: String,
    /// Until when; absent: until the business does something about it.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "unix::number_option")]
    pub expiration: Option<Timestamp>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediation: Option<String>,
}

impl AccountUpdate {
    /// Calls cost less from here on (fact sheet 8.5).
    #[must_use]
    pub fn volume_tier(tier: &VolumeTier) -> Self {
        Self::about(AccountEvent::VolumeTier, None, "volume_tier_info", json!(tier))
    }

    /// A number's quality is low (fact sheet 11).
    #[must_use]
    pub fn violation(number: &WaId, violation_type: &str, remediation: Option<&str>) -> Self {
        let mut violation = json!({ "violation_type": violation_type });
        if let Some(text) = remediation {
            violation["remediation"] = json!(text);
        }
        Self::about(AccountEvent::Violation, Some(number), "violation_info", violation)
    }

    /// Something is taken from a number (fact sheet 11).
    #[must_use]
    pub fn restriction(number: &WaId, restriction: &RestrictionNotice) -> Self {
        let list = json!([restriction]);
        Self::about(AccountEvent::Restriction, Some(number), "restriction_info", list)
    }

    fn about(event: AccountEvent, number: Option<&WaId>, key: &str, value: Value) -> Self {
        let mut more = Map::new();
        if let Some(number) = number {
            more.insert("phone_number".to_owned(), json!(number.as_str()));
        }
        more.insert(key.to_owned(), value);
        Self { event, more }
    }
}
