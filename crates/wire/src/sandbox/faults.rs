//! What shall go wrong?

use serde::{Deserialize, Serialize};
use terms::CallId;

/// `PUT /sandbox/v1/faults`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Only this call; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// What happens to webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookFaults>,
    /// What happens to requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<GraphFaults>,
    /// What happens to media.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaFaults>,
}

/// What happens to webhooks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookFaults {
    /// They come late.
    pub delay_ms: u64,
    /// They come twice.
    pub duplicate: bool,
    /// They come in another order.
    pub reorder: bool,
    /// They do not come.
    pub drop: bool,
    /// Their signature is wrong.
    pub bad_signature: bool,
}

/// What happens to requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphFaults {
    /// They are answered with this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// They are answered late.
    pub latency_ms: u64,
}

/// What happens to media.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaFaults {
    /// Share of packets lost, 0 to 1.
    pub loss: f64,
    /// Packets come late by up to this.
    pub jitter_ms: u64,
    /// Nothing is heard.
    pub silence: bool,
    /// The address changes.
    pub rebind: bool,
    /// The handshake never happens.
    pub no_dtls: bool,
}
