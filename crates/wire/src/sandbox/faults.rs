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

/// Who asked for a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultScope {
    /// The faults of everything.
    Global,
    /// The faults of one call.
    Call,
}

/// What a fault did to one webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultDone {
    /// What was done.
    pub fault: WebhookFault,
    /// Who asked for it.
    pub scope: FaultScope,
    /// By how long it came late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
    /// Which webhook it repeats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
}

/// A kind of fault of webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookFault {
    /// It comes late.
    Delay,
    /// It is a second copy.
    Duplicate,
    /// The next one may overtake it.
    Reorder,
    /// It is not sent.
    Drop,
    /// Its signature is wrong.
    BadSignature,
}

/// Why faults cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultsError {
    /// A status that is no refusal and no failure.
    #[error("graph.status: 400 to 599")]
    Status,
    /// More than an hour of a wait that is spent in real time.
    #[error("{0}: at most 3600000")]
    TooLong(&'static str),
    /// No share.
    #[error("media.loss: 0 to 1")]
    Loss,
}

/// The longest real wait that may be asked for.
const WAIT_MS_MAX: u64 = 3_600_000;

impl Faults {
    /// Whether all of it can be carried out.
    ///
    /// # Errors
    ///
    /// The field that cannot.
    pub fn check(&self) -> Result<(), FaultsError> {
        let (graph, media) = (self.graph.unwrap_or_default(), self.media.unwrap_or_default());
        if graph.status.is_some_and(|status| !(400..600).contains(&status)) {
            return Err(FaultsError::Status);
        }
        if graph.latency_ms > WAIT_MS_MAX {
            return Err(FaultsError::TooLong("graph.latency_ms"));
        }
        if media.jitter_ms > WAIT_MS_MAX {
            return Err(FaultsError::TooLong("media.jitter_ms"));
        }
        if !(0.0..=1.0).contains(&media.loss) {
            return Err(FaultsError::Loss);
        }
        Ok(())
    }
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
