//! What shall happen, or be told, right away?

use serde::{Deserialize, Serialize};
use terms::{CallId, MessageId, WaId};

/// `POST /sandbox/v1/trigger`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// What.
    pub event: TriggerEvent,
    /// The user; the first one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<WaId>,
    /// The business number; the first one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<WaId>,
    /// The words of `message.text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The message of `message.status.…`; made up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
}

/// What was triggered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggered {
    /// What.
    pub event: TriggerEvent,
    /// Whether only webhooks were made, with nothing behind them.
    pub synthetic: bool,
    /// The call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// The rows of the journal, of a synthetic event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub webhooks: Vec<String>,
}

macro_rules! events {
    ($($(#[doc = $words:literal])+ $name:ident = $text:literal,)+) => {
        /// What can be triggered.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum TriggerEvent {
            $($(#[doc = $words])+ #[serde(rename = $text)] $name,)+
        }

        impl TriggerEvent {
            /// Every event, in the order people look for them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }

            /// What it does, for people.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self { $(Self::$name => concat!($($words),+),)+ }
            }
        }
    };
}

events! {
    /// The user calls; the business's phone rings.
    CallStarted = "call.started",
    /// The user calls and hangs up before anybody answers.
    CallMissed = "call.missed",
    /// Webhook only: a call of 42 seconds ended.
    CallCompleted = "call.completed",
    /// Webhook only: a call failed, because no media came from the business.
    CallFailed = "call.failed",
    /// Webhook only: a call of the business rings at the user.
    CallRinging = "call.ringing",
    /// Webhook only: the user picked up a call of the business.
    CallAccepted = "call.accepted",
    /// Webhook only: the user declined a call of the business.
    CallRejected = "call.rejected",
    /// The user allows calls for a while.
    PermissionGranted = "permission.granted",
    /// The user allows calls until further notice.
    PermissionGrantedPermanent = "permission.granted_permanent",
    /// The user refuses calls.
    PermissionRejected = "permission.rejected",
    /// The user takes a permission back.
    PermissionRevoked = "permission.revoked",
    /// The clock is advanced to the end of the user's temporary permission.
    PermissionExpired = "permission.expired",
    /// The user writes.
    MessageText = "message.text",
    /// Webhook only: a message of the business is on its way.
    MessageStatusSent = "message.status.sent",
    /// Webhook only: a message of the business arrived.
    MessageStatusDelivered = "message.status.delivered",
    /// Webhook only: a message of the business was read.
    MessageStatusRead = "message.status.read",
    /// Webhook only: a message of the business did not arrive.
    MessageStatusFailed = "message.status.failed",
    /// Webhook only: the number's settings as they are.
    SettingsUpdated = "settings.updated",
    /// Webhook only: the number's quality is low.
    AccountViolation = "account.violation",
    /// Webhook only: the number may not call users for a week.
    AccountRestriction = "account.restriction",
    /// Webhook only: the number may not be called for a week.
    AccountRestrictionUserCalls = "account.restriction.user_calls",
    /// Webhook only: too few calls are answered.
    AccountViolationPickup = "account.violation.pickup_rate",
    /// Webhook only: the call button is hidden, because too few calls are answered.
    AccountRestrictionButton = "account.restriction.call_button",
    /// Webhook only: calls cost less from here on.
    TierUpdated = "tier.updated",
    /// Webhook and file only: a second of a tone as the recording of a call.
    RecordingAvailable = "recording.available",
    /// Webhook and file only: an empty transcript of a call.
    TranscriptionAvailable = "transcription.available",
    /// Webhook and file only: a second of a tone as a voicemail.
    Voicemail = "voicemail",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_its_name() {
        for event in TriggerEvent::ALL {
            let json = serde_json::to_value(event).unwrap();
            assert_eq!(json, event.name());
            assert_eq!(serde_json::from_value::<TriggerEvent>(json).unwrap(), *event);
            assert!(event.words().ends_with('.'), "{}", event.words());
        }
    }
}
