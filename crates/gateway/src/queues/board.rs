//! What do supervisors see of the queues?

use std::{collections::BTreeMap, time::Duration};

use switchboard::queue::{Floor, Ticket};
use terms::Timestamp;
use wire::console::{AgentState, Colleague, Queue, ServiceLevel, Staff, Waiting};

use super::Guest;
use crate::config;

/// Every queue as it stands.
pub(super) fn draw(
    floor: &Floor,
    queues: &[config::Queue],
    guests: &BTreeMap<Ticket, Guest>,
    agents: &[Colleague],
    now: Timestamp,
) -> Vec<Queue> {
    let queue = |queue: &config::Queue| Queue {
        name: queue.name.clone(),
        skills: queue.skills.iter().cloned().collect(),
        waiting: waiting(floor, queue, guests),
        agents: staff(queue, agents),
        today: today(floor, queue, now),
    };
    queues.iter().map(queue).collect()
}

fn waiting(floor: &Floor, queue: &config::Queue, guests: &BTreeMap<Ticket, Guest>) -> Vec<Waiting> {
    let waiting = |waiting: switchboard::queue::Waiting| {
        let guest = guests.get(&waiting.ticket);
        let (call_id, callback_id) = match waiting.ticket {
            Ticket::Call(call_id) => (Some(call_id), None),
            Ticket::Callback(id) => (None, Some(id)),
        };
        Waiting {
            call_id,
            callback_id,
            contact: guest.map(|guest| guest.contact.clone()).unwrap_or_default(),
            since: waiting.since,
            priority: waiting.priority,
            position: u32::try_from(waiting.position).unwrap_or(u32::MAX),
            estimated_wait_s: waiting.estimate.as_ref().map(Duration::as_secs),
            offered_to: waiting.offered_to,
        }
    };
    floor.waiting(&queue.name).into_iter().map(waiting).collect()
}

fn staff(queue: &config::Queue, agents: &[Colleague]) -> Staff {
    let mut staff = Staff::default();
    for agent in agents {
        if queue.skills.iter().any(|skill| !agent.skills.contains(skill)) {
            continue;
        }
        let count = match agent.state {
            AgentState::Available => &mut staff.available,
            AgentState::Ringing => &mut staff.ringing,
            AgentState::Busy => &mut staff.busy,
            AgentState::WrapUp => &mut staff.wrap_up,
            AgentState::Away => &mut staff.away,
            AgentState::Offline => &mut staff.offline,
        };
        *count += 1;
    }
    staff
}

fn today(floor: &Floor, queue: &config::Queue, now: Timestamp) -> ServiceLevel {
    let tally = floor.today(&queue.name, now);
    ServiceLevel {
        since: tally.map_or(now, |tally| tally.since),
        answered: tally.map_or(0, |tally| tally.answered),
        answered_in_time: tally.map_or(0, |tally| tally.in_time),
        abandoned: tally.map_or(0, |tally| tally.abandoned),
        overflowed: tally.map_or(0, |tally| tally.overflowed),
        callbacks: tally.map_or(0, |tally| tally.callbacks),
        threshold_s: queue.in_time.as_secs(),
        service_level_percent: tally.and_then(|tally| tally.service_level_percent()),
        average_wait_s: tally.and_then(|tally| tally.average_wait()).map(|wait| wait.as_secs()),
    }
}
