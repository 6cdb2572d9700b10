//! What is kept of a call that ended?
//!
//! One [`Cdr`] for each call, written once. A field that was not measured is absent, never zero. The
//! platform's times win over ours: they are what is billed. The price is an estimate by the
//! configured rate card.

mod leg;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use switchboard::call::{EndReason, Fault};
use terms::{AgentId, CallId, Direction, Money, OrganisationId, Party, PhoneNumberId, Timestamp};
use wire::{
    console::{Call, CallState, Peer, Supervising},
    event::RecordingKind,
};

pub use self::leg::LegRecord;
use crate::flows::FlowRecord;

/// The version of a record's shape. It is raised when a field goes or means something else, not when one
/// comes.
pub const SCHEMA: u32 = 1;

/// The record of one ended call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Cdr {
    /// The version of its shape; records from before it was written are of the first.
    #[serde(default = "first_schema")]
    pub schema: u32,
    /// Whose line it was on. Older records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation_id: Option<OrganisationId>,
    /// The call.
    pub call_id: CallId,
    /// The line it was on.
    pub phone_number_id: PhoneNumberId,
    /// Who started it.
    pub direction: Direction,
    /// By what the platform was spoken to, where not by Graph: `sip`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signalling: Option<String>,
    /// The user.
    pub contact: Peer,
    /// The agent who had it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// Who gave it to whom, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transfers: Vec<TransferRecord>,
    /// Who listened, whispered or joined, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supervision: Vec<SupervisionRecord>,
    /// Who brought whom into it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub three_way: Vec<ThreeWayRecord>,
    /// Agents who talked at a telephone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_telephone: Vec<AgentId>,
    /// Whole seconds the user waited on hold, in transfers and consultations; only if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_s: Option<u64>,
    /// The last queue it waited in, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueRecord>,
    /// The bots that were to have it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bots: Vec<BotRecord>,
    /// The telephones of the house that rang for it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trunks: Vec<TrunkRecord>,
    /// When it started.
    pub started_at: Timestamp,
    /// When somebody first rang for it: an agent, or the user of a call of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ringing_at: Option<Timestamp>,
    /// Whole seconds somebody rang for it, taken together; only if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_s: Option<u64>,
    /// When the platform took `accept`, or said that the user picked up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// When the leg towards WhatsApp had its path and its keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_at: Option<Timestamp>,
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
    /// How it ended by the platform's word, `COMPLETED` or `FAILED`; absent when it never told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_status: Option<String>,
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
    /// Whether a user's call met closed opening hours in the flow and no agent; only if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_hours: Option<bool>,
    /// How long each stage of the set-up took that the call came to, in milliseconds:
    /// `webhook_to_pre_accept`, `ring_to_answer`, `accept_to_media`, `media_to_first_audio`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set_up_ms: BTreeMap<String, u64>,
    /// Keys the user pressed; how many, not which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys_pressed: Option<u32>,
    /// The way through flows, if the call was in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowRecord>,
    /// What was recorded of it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recordings: Vec<RecordingRecord>,
    /// Billing steps of a call that costs; an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pulses: Option<u64>,
    /// What it costs by our rate card; an estimate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// What the price was made from. Older records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Box<Cost>>,
    /// Whether the platform never told its figures: times and duration are ours alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// What people wrote about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// What came of it: one of the configured codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up: Option<String>,
    /// Whole seconds its agents were in wrap-up after it, taken together; only if so, and only once they
    /// are done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrap_up_s: Option<u64>,
    /// The agent who noted that last; a program when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noted_by: Option<AgentId>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noted_at: Option<Timestamp>,
    /// The connected time, unrounded: what pulses are counted from.
    #[serde(skip)]
    pub connected: Option<Duration>,
}

/// What the price of a call was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Cost {
    /// The user's market, as the card names it.
    pub market: String,
    /// The rate card.
    pub card: String,
    /// From which day the card holds; absent: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_date: Option<String>,
    /// The tier of the month's minutes the rate is of, such as `0:50000`.
    pub tier: String,
    /// The tier the month was in before this call, if the call left it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_before: Option<String>,
    /// The rate of a minute.
    pub per_minute: Money,
    /// The rate of a pulse.
    pub per_pulse: Money,
    /// The price in the first tier.
    pub list: Money,
    /// The price in the month's tier.
    pub paid: Money,
    /// The month it counts in, such as `2026-11`.
    pub month: String,
}

/// A call that an agent or a telephone gave away: to an agent, or to what stands here, or else to the flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TransferRecord {
    /// When.
    pub at: Timestamp,
    /// The agent who had it; absent where a telephone gave it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<AgentId>,
    /// The trunk of the telephone that had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_trunk: Option<String>,
    /// Which telephone that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_extension: Option<String>,
    /// The agent who has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<AgentId>,
    /// The queue it was put in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The bot that got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
    /// The trunk of the telephone that got it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
    /// Who was rung there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

impl TransferRecord {
    /// From nobody to the flow, until something else stands in it.
    pub(crate) fn new(at: Timestamp) -> Self {
        Self {
            at,
            from: None,
            from_trunk: None,
            from_extension: None,
            to: None,
            queue: None,
            bot: None,
            trunk: None,
            extension: None,
        }
    }
}

/// A supervisor in a call, as long as the same ones heard that one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SupervisionRecord {
    /// Who.
    pub supervisor: AgentId,
    /// Who heard the supervisor.
    pub how: Supervising,
    /// From when.
    pub from: Timestamp,
    /// Until when; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// A call with two of the business in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ThreeWayRecord {
    /// Who had the user.
    pub agent: AgentId,
    /// The agent who was brought in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<AgentId>,
    /// The trunk of the telephone that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
    /// Who was reached there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// From when.
    pub from: Timestamp,
    /// Until when; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
}

/// A recording of the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RecordingRecord {
    /// Its id.
    pub recording_id: String,
    /// Of what.
    pub kind: RecordingKind,
}

/// A call's time in a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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

/// A bot that was to have the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BotRecord {
    /// Its name.
    pub name: String,
    /// When it was given the call.
    pub at: Timestamp,
    /// How that ended: `absent` (it was not reached), `done`, `hung_up`, `to_agent`, `to_step`, `to_people` and `lost` are the
    /// bot's word, `left` is the call's: the user, a person or the flow took it away.
    pub became: String,
    /// Whole seconds it had the user; only if it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talked_s: Option<u64>,
}

/// A telephone of the house that rang for the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TrunkRecord {
    /// The trunk.
    pub name: String,
    /// Whom it rang there.
    pub extension: String,
    /// The `Call-ID` of its INVITE, if one was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sip_call_id: Option<String>,
    /// Whether it placed the call; then it rang at the user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub placed: bool,
    /// What came of it: `answered`, `busy`, `no_answer`, `refused`, `unavailable`, `lost`, `given_up`, or
    /// `replaced` by another one before it answered.
    pub became: String,
    /// Whole seconds it rang.
    pub rang_s: u64,
    /// Whole seconds it talked; only if it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub talked_s: Option<u64>,
    /// What it talked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// The leg towards it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<LegRecord>,
}

impl Cdr {
    /// Whether the caller left a message, and no agent had the call.
    #[must_use]
    pub fn has_message(&self) -> bool {
        let is_message = |it: &RecordingRecord| it.kind == RecordingKind::Voicemail;
        self.agent.is_none() && self.recordings.iter().any(is_message)
    }

    /// The record of a call of which only start, end and reason are known.
    #[must_use]
    pub fn new(
        phone_number_id: PhoneNumberId,
        call_id: CallId,
        direction: Direction,
        contact: Peer,
        started_at: Timestamp,
        ended_at: Timestamp,
        reason: &EndReason,
    ) -> Self {
        let code = code(reason);
        Self {
            schema: SCHEMA,
            organisation_id: None,
            call_id,
            phone_number_id,
            direction,
            signalling: None,
            contact,
            agent: None,
            transfers: Vec::new(),
            supervision: Vec::new(),
            three_way: Vec::new(),
            by_telephone: Vec::new(),
            hold_s: None,
            queue: None,
            bots: Vec::new(),
            trunks: Vec::new(),
            ringing_at: None,
            ring_s: None,
            accepted_at: None,
            media_at: None,
            platform_status: None,
            set_up_ms: BTreeMap::new(),
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
            outside_hours: None,
            keys_pressed: None,
            recordings: Vec::new(),
            flow: None,
            pulses: None,
            price: None,
            cost: None,
            unconfirmed: false,
            notes: None,
            wrap_up: None,
            wrap_up_s: None,
            noted_by: None,
            noted_at: None,
            connected: None,
        }
    }

    /// Fills in when it was picked up and how long it lasted. What that costs is known once it is
    /// written, for then the month before it is.
    pub fn talked(&mut self, answered_at: Timestamp, duration: Duration) {
        self.answered_at = Some(answered_at);
        self.duration_s = Some(duration.as_secs());
        self.connected = Some(duration);
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
        call.by_telephone.clone_from(&self.by_telephone);
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

fn first_schema() -> u32 {
    1
}

/// The code the platform gave, if it gave one.
pub(crate) fn code(reason: &EndReason) -> Option<i64> {
    match reason {
        EndReason::PlatformRefused { code, .. } | EndReason::PlatformReported { code, .. } => {
            Some(*code)
        }
        EndReason::UserHungUp
        | EndReason::CallerGaveUp
        | EndReason::UserRejected
        | EndReason::UserDidNotAnswer
        | EndReason::AgentHungUp(_)
        | EndReason::AgentCancelled(_)
        | EndReason::TelephoneHungUp
        | EndReason::TelephoneCancelled
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
        EndReason::TelephoneHungUp | EndReason::TelephoneCancelled => "telephone",
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
    fn what_was_not_measured_is_absent_and_a_record_is_read_as_it_was_written() {
        let at = Timestamp::from_unix(1_783_000_000);
        let contact = Peer { wa_id: Some("5215550000001".parse().unwrap()), ..Peer::default() };
        let direction = Direction::BusinessInitiated;
        let id: CallId = "wacid.X1".parse().unwrap();
        let line = "1".parse().unwrap();
        let cdr = Cdr::new(line, id, direction, contact, at, at, &EndReason::UserHungUp);
        let body = serde_json::to_value(&cdr).unwrap();
        for absent in ["agent_leg", "pulses", "price", "cost", "notes", "wrap_up", "unconfirmed"] {
            assert_eq!(body.get(absent), None, "{absent}");
        }
        assert_eq!(serde_json::from_value::<Cdr>(body).unwrap(), cdr);
    }
}
