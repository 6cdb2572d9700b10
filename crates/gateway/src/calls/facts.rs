//! What is known of a call beside its state?

use std::{collections::BTreeMap, time::Duration};

use switchboard::flow::{FromBot, Room};
use terms::{AgentId, CallId, Timestamp};
use tokio::time::Instant;
use wire::{SdpText, console::Peer};

use super::{
    legs::AgentLeg, placing::Placer, queueing::Stay, registry::Figures, telephone::Telephone,
};
use crate::{
    cdr::{BotRecord, LegRecord, SupervisionRecord, ThreeWayRecord, TransferRecord, TrunkRecord},
    clock,
    flows::record::Asked,
};

/// What is known of the call beside its state.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) call_id: Option<CallId>,
    pub(super) opaque: Option<String>,
    pub(super) contact: Peer,
    pub(super) started_at: Timestamp,
    pub(super) deeplink_payload: Option<String>,
    pub(super) cta_payload: Option<String>,
    /// Their SDP: the offer of a user's call, the answer to ours.
    pub(super) theirs: Option<SdpText>,
    /// Our SDP, the same bytes in `pre_accept` and `accept`.
    pub(super) ours: Option<SdpText>,
    pub(super) agent: Option<AgentId>,
    /// Who waits to hear that the call is placed, until they have.
    pub(super) placer: Option<Placer>,
    pub(super) agent_figures: Option<LegRecord>,
    pub(super) transfers: Vec<TransferRecord>,
    /// Whether an agent had the call and the flow has it now.
    pub(super) is_given: bool,
    /// The last one has no end while it lasts, here and in the next.
    pub(super) supervision: Vec<SupervisionRecord>,
    pub(super) three_way: Vec<ThreeWayRecord>,
    /// Agents who talked at a telephone.
    pub(super) by_telephone: Vec<AgentId>,
    pub(super) waiting: Spells,
    /// Whether agents of ours ring for it.
    pub(super) rings_here: bool,
    pub(super) ringing: Spells,
    pub(super) ringing_at: Option<Timestamp>,
    pub(super) media_at: Option<Timestamp>,
    /// How long WhatsApp's leg took until ICE was connected.
    pub(super) ice_ms: u64,
    /// The queue it waits in, or waited in last.
    pub(super) queue: Option<Stay>,
    /// How many queues it entered.
    pub(super) queues: u32,
    /// How many bots had it.
    pub(super) bots: u64,
    /// The one that has it.
    pub(super) bot_stay: Option<BotStay>,
    pub(super) bot_records: Vec<BotRecord>,
    /// How many telephones rang for it.
    pub(super) trunks: u64,
    /// What became of those that do no more.
    pub(super) trunk_records: Vec<TrunkRecord>,
    /// What the last bot said whoever gets the call should know.
    pub(super) context: BTreeMap<String, String>,
    pub(super) answered: Option<(Timestamp, Instant)>,
    pub(super) over_since: Option<Instant>,
    pub(super) figures: Option<Figures>,
    pub(super) keys_pressed: u32,
    pub(super) step: Option<String>,
    /// What became of asking for a flow, once it is known.
    pub(super) asked: Option<Asked>,
    /// How often what the user hears was changed: a text that is late must not talk into what follows.
    pub(super) sounds: u64,
    pub(super) finished: bool,
}

impl Facts {
    /// An agent talks over this leg.
    pub(super) fn note_telephone(&mut self, leg: &AgentLeg) {
        if leg.telephone().is_some() && !self.by_telephone.contains(&leg.agent) {
            self.by_telephone.push(leg.agent.clone());
        }
    }

    /// Notes who gave the call away, and where to.
    pub(super) fn note_transfer(&mut self, from: AgentId, to: Given<'_>) {
        let mut record = TransferRecord::new(clock::now());
        record.from = Some(from);
        match to {
            Given::Agent(agent) => record.to = Some(agent),
            Given::Flow => {}
            Given::Room(Room::Queue(queue)) => record.queue = Some(queue.clone()),
            Given::Room(Room::Bot(bot)) => record.bot = Some(bot.clone()),
            Given::Room(Room::Trunk { trunk, extension }) => {
                record.trunk = Some(trunk.clone());
                record.extension = Some(extension.clone());
            }
        }
        self.transfers.push(record);
    }

    /// Notes which telephone gave the call to which other one of its trunk.
    pub(super) fn note_referral(&mut self, from: &Telephone, extension: String) {
        let mut record = TransferRecord::new(clock::now());
        let trunk = &from.road.trunk.name;
        (record.from_trunk, record.from_extension) =
            (Some(trunk.clone()), Some(from.extension.clone()));
        (record.trunk, record.extension) = (Some(trunk.clone()), Some(extension));
        self.transfers.push(record);
    }
}

/// Where an agent gave the call.
#[derive(Debug)]
pub(super) enum Given<'a> {
    Agent(AgentId),
    Flow,
    Room(&'a Room),
}

/// How long something lasted, all its times taken together.
#[derive(Debug, Default)]
pub(super) struct Spells {
    since: Option<Instant>,
    so_far: Duration,
    /// How often.
    times: u32,
}

/// It began or ceased, for the so manieth time.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turned {
    Began(u32),
    Ceased(u32),
}

impl Spells {
    /// It lasts now, or does not.
    pub(super) fn note(&mut self, lasts: bool, now: Instant) -> Option<Turned> {
        match (lasts, self.since) {
            (true, None) => {
                self.since = Some(now);
                self.times += 1;
                Some(Turned::Began(self.times))
            }
            (false, Some(since)) => {
                self.so_far += now.saturating_duration_since(since);
                self.since = None;
                Some(Turned::Ceased(self.times))
            }
            (true, Some(_)) | (false, None) => None,
        }
    }

    /// None when it never did.
    pub(super) fn seconds(&self) -> Option<u64> {
        (!self.so_far.is_zero()).then_some(self.so_far.as_secs())
    }
}

/// A bot's time with the call, while it lasts.
#[derive(Debug)]
pub(super) struct BotStay {
    name: String,
    at: Timestamp,
    reached: Option<Instant>,
    /// Its last word.
    said: Option<&'static str>,
}

impl BotStay {
    pub(super) fn begin(name: String) -> Self {
        Self { name, at: clock::now(), reached: None, said: None }
    }

    /// The bot took the call.
    pub(super) fn reached(&mut self, now: Instant) {
        self.reached = Some(now);
    }

    /// What it wants of the call.
    pub(super) fn says(&mut self, word: &FromBot) {
        self.said = Some(match word {
            FromBot::Done => "done",
            FromBot::Lost if self.reached.is_none() => "absent",
            FromBot::Lost => "lost",
            FromBot::HangsUp => "hung_up",
            FromBot::ToAgent(_) => "to_agent",
            FromBot::ToStep(_) => "to_step",
            FromBot::ToPeople => "to_people",
        });
    }

    pub(super) fn record(self, now: Instant) -> BotRecord {
        BotRecord {
            name: self.name,
            at: self.at,
            became: self.said.unwrap_or("left").to_owned(),
            talked_s: self.reached.map(|since| now.saturating_duration_since(since).as_secs()),
        }
    }
}

impl Facts {
    pub(super) fn new(contact: Peer, started_at: Timestamp) -> Self {
        Self {
            call_id: None,
            opaque: None,
            contact,
            started_at,
            deeplink_payload: None,
            cta_payload: None,
            theirs: None,
            ours: None,
            agent: None,
            placer: None,
            agent_figures: None,
            transfers: Vec::new(),
            is_given: false,
            supervision: Vec::new(),
            three_way: Vec::new(),
            by_telephone: Vec::new(),
            waiting: Spells::default(),
            rings_here: false,
            ringing: Spells::default(),
            ringing_at: None,
            media_at: None,
            ice_ms: 0,
            queue: None,
            queues: 0,
            bots: 0,
            bot_stay: None,
            bot_records: Vec::new(),
            trunks: 0,
            trunk_records: Vec::new(),
            context: BTreeMap::new(),
            answered: None,
            over_since: None,
            figures: None,
            keys_pressed: 0,
            step: None,
            asked: None,
            sounds: 0,
            finished: false,
        }
    }
}
