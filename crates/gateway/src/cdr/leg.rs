//! What did a leg measure?

use std::time::Duration;

use engine::LegStats;
use serde::{Deserialize, Serialize};
use switchboard::diagnosis::Leg;

/// What a frame lasts.
const FRAME_MS: u64 = 20;

/// What a leg measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LegRecord {
    /// What both ends agreed to talk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// Audio packets that arrived.
    pub received: u64,
    /// Those that never came.
    pub lost: u64,
    /// Those that came after a later one.
    pub late: u64,
    /// Those that came twice.
    pub duplicates: u64,
    /// How unevenly they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_ms: Option<f32>,
    /// There and back, by RTCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ms: Option<f32>,
    /// How much of it was restored or concealed for whoever heard it decoded: a bot, a mix, a telephone of
    /// another codec. Absent where nobody did: what is passed on is concealed where it is heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concealed_ms: Option<u64>,
    /// What the gateway added to the way of its packets on average, from the network stack's taking one to
    /// giving it back; of those that were passed on as they came, by samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_ms: Option<f32>,
    /// And at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_most_ms: Option<f32>,
    /// Estimated quality, 1 to 4.5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mos: Option<f32>,
    /// Audio packets that left.
    pub sent: u64,
    /// What the far end says it missed of them, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_there_percent: Option<f32>,
    /// How long ICE took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ice_ms: Option<u64>,
    /// How long it took until keys were agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dtls_ms: Option<u64>,
    /// How long it took until the first audio came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_media_ms: Option<u64>,
    /// Packets that failed authentication.
    pub unauthentic: u64,
    /// Payload bytes of the audio that arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_bytes: Option<u64>,
    /// The newest payload type that was not agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign_type: Option<u8>,
    /// ICE checks of the far end that reached us, right ones and wrong ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<u64>,
    /// Why its audio path failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// The DTLS alert with which the far end ended the handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<u8>,
}

impl LegRecord {
    /// What a diagnosis looks at.
    pub(crate) fn facts(&self) -> Leg {
        Leg {
            received: self.received,
            received_bytes: self.received_bytes,
            lost: self.lost,
            jitter_ms: self.jitter_ms,
            sent: self.sent,
            lost_there_percent: self.lost_there_percent,
            ice_ms: self.ice_ms,
            dtls_ms: self.dtls_ms,
            unauthentic: self.unauthentic,
            foreign_type: self.foreign_type,
            checks: self.checks,
            alert: self.alert,
        }
    }
}

impl LegRecord {
    /// The part of the far end's audio that never came; `None` when none was to come.
    #[must_use]
    pub fn lost_ratio(&self) -> Option<f64> {
        let sent = self.received.saturating_add(self.lost);
        (sent > 0).then(|| self.lost as f64 / sent as f64)
    }
}

impl From<&LegStats> for LegRecord {
    fn from(stats: &LegStats) -> Self {
        let heard = stats.received.packets > 0;
        let checks = &stats.evidence.checks;
        Self {
            codec: stats.codec.map(|codec| codec.as_str().to_owned()),
            received: stats.received.packets,
            lost: stats.received.lost,
            late: stats.received.late,
            duplicates: stats.received.duplicates,
            jitter_ms: heard.then_some(stats.received.jitter_ms),
            round_trip_ms: stats.received.rtt_ms,
            concealed_ms: stats.received.made_up.map(|frames| frames.saturating_mul(FRAME_MS)),
            added_ms: stats.received.added.map(|added| ms(added.mean())),
            added_most_ms: stats.received.added.map(|added| ms(added.most)),
            mos: stats.received.mos,
            sent: stats.sent.packets,
            lost_there_percent: stats.sent.lost_percent,
            ice_ms: stats.set_up.ice_ms,
            dtls_ms: stats.set_up.dtls_ms,
            first_media_ms: stats.set_up.first_media_ms,
            unauthentic: stats.drops.auth,
            received_bytes: Some(stats.received.bytes),
            foreign_type: stats.received.foreign_type,
            checks: Some(checks.accepted + checks.wrong_password + checks.wrong_sender),
            alert: stats.evidence.handshake.alert,
            failed: stats.failed.map(|reason| reason.to_string()),
        }
    }
}

/// In milliseconds, to the thousandth.
fn ms(duration: Duration) -> f32 {
    let micros = u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
    micros as f32 / 1_000.0
}
