//! What is kept of a call that ended?
//!
//! One [`Cdr`] for each call, written once. A field that was not measured is absent, never zero. The
//! platform's times win over ours: they are what is billed. The price is an estimate by the
//! configured rate card.

use std::time::Duration;

use engine::LegStats;
use serde::{Deserialize, Serialize};
use switchboard::call::{EndReason, Fault};
use terms::{AgentId, CallId, Country, Direction, Money, Party, Timestamp};
use wire::console::{Call, CallState, Peer};

use crate::config;

/// The record of one ended call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cdr {
    /// The call.
    pub call_id: CallId,
    /// Who started it.
    pub direction: Direction,
    /// The user.
    pub contact: Peer,
    /// The agent who had it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Who gave it to whom, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<TransferRecord>,
    /// Whole seconds the user waited on hold, in transfers and consultations; only if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_s: Option<u64>,
    /// The last queue it waited in, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueRecord>,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was picked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whole seconds between, as the platform counts; only if picked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
    /// Who ended it: `user`, `agent`, `flow`, `platform` or `gateway`. Older records have no word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// Why it ended: a stable word.
    pub reason: String,
    /// Whose fault, if anybody's: `user`, `business`, `platform` or `gateway`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The same for people.
    pub text: String,
    /// The code the platform gave, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// From the deep link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deeplink_payload: Option<String>,
    /// From the button.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cta_payload: Option<String>,
    /// The leg towards WhatsApp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whatsapp_leg: Option<LegRecord>,
    /// The leg towards the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_leg: Option<LegRecord>,
    /// Keys the user pressed; how many, not which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_pressed: Option<u32>,
    /// Billing steps of a call that costs; an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulses: Option<u64>,
    /// What it costs by our rate card; an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// A call that went from one agent to another, or to the flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferRecord {
    /// When.
    pub at: Timestamp,
    /// Who had it.
    pub from: AgentId,
    /// Who has it; the flow when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<AgentId>,
}

/// A call's time in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueRecord {
    /// The queue.
    pub name: String,
    /// Whole seconds it waited.
    pub waited_s: u64,
    /// How it left: `answered`, `abandoned`, `overflow`, `callback` or `moved_on`.
    pub left: String,
    /// The agents it was offered to, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered_to: Vec<AgentId>,
}

/// What a leg measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LegRecord {
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
}

impl From<&LegStats> for LegRecord {
    fn from(stats: &LegStats) -> Self {
        let heard = stats.received.packets > 0;
        Self {
            received: stats.received.packets,
            lost: stats.received.lost,
            late: stats.received.late,
            duplicates: stats.received.duplicates,
            jitter_ms: heard.then_some(stats.received.jitter_ms),
            round_trip_ms: stats.received.rtt_ms,
            mos: stats.received.mos,
            sent: stats.sent.packets,
            lost_there_percent: stats.sent.lost_percent,
            ice_ms: stats.set_up.ice_ms,
            dtls_ms: stats.set_up.dtls_ms,
            first_media_ms: stats.set_up.first_media_ms,
            unauthentic: stats.drops.auth,
        }
    }
}

impl Cdr {
    /// The record of a call of which only start, end and reason are known.
    #[must_use]
    pub fn new(
        call_id: CallId,
        direction: Direction,
        contact: Peer,
        started_at: Timestamp,
        ended_at: Timestamp,
        reason: &EndReason,
    ) -> Self {
        let code = match reason {
            EndReason::PlatformRefused { code, .. } | EndReason::PlatformReported { code, .. } => {
                Some(*code)
            }
            EndReason::UserHungUp
            | EndReason::CallerGaveUp
            | EndReason::UserRejected
            | EndReason::UserDidNotAnswer
            | EndReason::AgentHungUp(_)
            | EndReason::AgentCancelled(_)
            | EndReason::ProgramHungUp
            | EndReason::FlowHungUp { .. }
            | EndReason::NobodyAnswered
            | EndReason::AgentGone(_)
            | EndReason::PlatformUnreachable { .. }
            | EndReason::SessionUnusable { .. }
            | EndReason::PlatformSilent { .. }
            | EndReason::NoMediaFromWhatsapp { .. }
            | EndReason::WhatsappMediaFailed { .. }
            | EndReason::AgentMediaFailed { .. }
            | EndReason::NoSocket { .. }
            | EndReason::GatewayStopped
            | EndReason::GatewayDied => None,
        };
        Self {
            call_id,
            direction,
            contact,
            agent: None,
            transfers: Vec::new(),
            hold_s: None,
            queue: None,
            started_at,
            answered_at: None,
            ended_at,
            duration_s: None,
            ended_by: Some(ended_by(reason).into()),
            reason: reason.as_str().into(),
            fault: reason.fault().map(|fault| fault.as_str().into()),
            text: reason.text(),
            code,
            deeplink_payload: None,
            cta_payload: None,
            whatsapp_leg: None,
            agent_leg: None,
            keys_pressed: None,
            pulses: None,
            price: None,
        }
    }

    /// Fills in when it was picked up and how long it lasted, and what that costs.
    pub fn talked(&mut self, answered_at: Timestamp, duration: Duration, price: &config::Price) {
        self.answered_at = Some(answered_at);
        self.duration_s = Some(duration.as_secs());
        if self.direction == Direction::UserInitiated {
            return;
        }
        let country = self.contact.wa_id.as_ref().and_then(Country::of);
        let used = Duration::ZERO;
        let cost = rules::price::price(
            &price.card,
            self.direction,
            country,
            duration,
            used,
            &price.rulebook,
        );
        self.pulses = cost.as_ref().map(|cost| cost.pulses);
        self.price = cost.map(|cost| cost.total);
    }

    /// The record as consoles show it.
    #[must_use]
    pub fn to_call(&self, number: &str) -> Call {
        let mut call = Call::new(
            self.call_id.clone(),
            self.direction,
            CallState::Ended,
            self.contact.clone(),
            number.to_owned(),
            self.started_at,
        );
        call.agent = self.agent.clone();
        call.deeplink_payload = self.deeplink_payload.clone();
        call.cta_payload = self.cta_payload.clone();
        call.answered_at = self.answered_at;
        call.ended_at = Some(self.ended_at);
        call.reason = Some(self.reason.clone());
        call.fault = self.fault.as_deref().and_then(party);
        call.text = Some(self.text.clone());
        call.duration_s = self.duration_s;
        call.pulses = self.pulses;
        call.price = self.price;
        call
    }
}

/// Who ended the call; a caller who gave up may have been cut off by the platform's patience.
fn ended_by(reason: &EndReason) -> &'static str {
    match reason {
        EndReason::UserHungUp
        | EndReason::CallerGaveUp
        | EndReason::UserRejected
        | EndReason::UserDidNotAnswer => "user",
        EndReason::AgentHungUp(_) | EndReason::AgentCancelled(_) | EndReason::AgentGone(_) => {
            "agent"
        }
        EndReason::ProgramHungUp => "program",
        EndReason::FlowHungUp { .. } => "flow",
        EndReason::PlatformRefused { .. }
        | EndReason::PlatformUnreachable { .. }
        | EndReason::PlatformReported { .. } => "platform",
        EndReason::NobodyAnswered
        | EndReason::SessionUnusable { .. }
        | EndReason::PlatformSilent { .. }
        | EndReason::NoMediaFromWhatsapp { .. }
        | EndReason::WhatsappMediaFailed { .. }
        | EndReason::AgentMediaFailed { .. }
        | EndReason::NoSocket { .. }
        | EndReason::GatewayStopped
        | EndReason::GatewayDied => "gateway",
    }
}

/// Whose fault in the words of the wire: the gateway is the business's.
fn party(fault: &str) -> Option<Party> {
    [
        (Fault::User, Party::User),
        (Fault::Business, Party::Business),
        (Fault::Gateway, Party::Business),
        (Fault::Platform, Party::Platform),
    ]
    .into_iter()
    .find(|(known, _)| known.as_str() == fault)
    .map(|(_, party)| party)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_70_seconds_to_mexico_costs_12_pulses() {
        let at = Timestamp::from_unix(1_783_000_000);
        let contact = Peer { wa_id: Some("5215550000001".parse().unwrap()), ..Peer::default() };
        let direction = Direction::BusinessInitiated;
        let id: CallId = "wacid.X1".parse().unwrap();
        let mut cdr = Cdr::new(id, direction, contact, at, at, &EndReason::UserHungUp);
        assert_eq!(cdr.pulses, None);
        cdr.talked(at, Duration::from_secs(70), &config::Price::default());
        assert_eq!(cdr.pulses, Some(12));
        assert_eq!(cdr.price.unwrap().to_string(), "0.12 USD");
        let body = serde_json::to_value(&cdr).unwrap();
        assert_eq!(body.get("agent_leg"), None, "what was not measured is absent");
        assert_eq!(serde_json::from_value::<Cdr>(body).unwrap(), cdr);
    }
}
