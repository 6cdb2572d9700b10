//! Which business numbers are there?

use std::collections::BTreeMap;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use terms::{AppId, Country, PhoneNumberId, WaId, WabaId};

use rules::{
    limits::NumberKind,
    quality::Restriction,
    settings::{CallingSettings, SipPassword},
};

use super::Callback;

/// A business number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Number {
    pub(crate) id: PhoneNumberId,
    pub(crate) account: WabaId,
    pub(crate) digits: WaId,
    pub(crate) name: String,
    pub(crate) tier: u32,
    /// The country in place of the one its digits say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<Country>,
    #[serde(default)]
    pub(crate) kind: NumberKind,
    /// The only users a test number may reach, and others the rulebook names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) allowed_recipients: Vec<WaId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) d360_key: Option<String>,
    /// The 360dialog edition's channel webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) channel_webhook: Option<ChannelWebhook>,
    /// Where an app gets this number's webhooks instead of at its account's or its own URL.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) callback_overrides: BTreeMap<AppId, Callback>,
    /// What it may not do for a while, for low quality.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) restrictions: Vec<Restriction>,
    #[serde(default)]
    pub(crate) calling: CallingSettings,
    /// Settings of other features, kept and shown, without effect.
    #[serde(default, skip_serializing_if = "OtherSettings::is_empty")]
    pub(crate) other_settings: OtherSettings,
}

/// The other features of the settings' endpoint, as they came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OtherSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storage_configuration: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_identity_change: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payload_encryption: Option<Value>,
}

impl OtherSettings {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Number {
    /// Its country.
    pub(crate) fn known_country(&self) -> Option<Country> {
        self.country.or_else(|| Country::of(&self.digits))
    }

    /// Gives every SIP server a password of its own (fact sheet 2.3).
    pub(crate) fn draw_passwords(&mut self) {
        for server in self.calling.sip.iter_mut().flat_map(|sip| &mut sip.servers) {
            if server.password.is_none() {
                let secret: [u8; 24] = rand::random();
                server.password = Some(SipPassword(BASE64_URL_SAFE_NO_PAD.encode(secret)));
            }
        }
    }
}

/// Where the 360dialog edition sends a number's webhooks, and with which headers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChannelWebhook {
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
}
