//! In which order do the callers of one queue wait?

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use terms::{AgentId, Timestamp};

use super::{Entry, Left, Rules, Tally, Ticket};

/// How much of the average the newest call is: the last ten or so count.
const NEWEST: u32 = 5;

/// One queue.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) rules: Rules,
    /// In order: the first has position 1.
    pub(super) places: Vec<Place>,
    /// How long an agent is taken by a call of this queue, wrap-up included: a moving average.
    pub(super) handling: Option<Duration>,
    pub(super) tally: Tally,
}

/// Who waits, and where.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) ticket: Ticket,
    pub(super) priority: u8,
    pub(super) since: Timestamp,
    pub(super) until: Option<Timestamp>,
    /// Who did not take it, and when they may be asked again.
    pub(super) passed: BTreeMap<AgentId, Timestamp>,
    /// The position that was told last.
    pub(super) told: Option<usize>,
}

/// Who waits, for supervisors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who.
    pub ticket: Ticket,
    /// Since when.
    pub since: Timestamp,
    /// Higher goes first.
    pub priority: u8,
    /// From 1.
    pub position: usize,
    /// How long it will probably wait.
    pub estimate: Option<Duration>,
    /// At whom it rings.
    pub offered_to: Option<AgentId>,
}

impl Place {
    pub(super) fn new(ticket: Ticket, entry: &Entry, since: Timestamp) -> Self {
        let until = match ticket {
            Ticket::Call(_) => entry.max_wait.map(|wait| since + wait),
            // Nobody holds a phone to an ear.
            Ticket::Callback(_) => None,
        };
        let (priority, passed) = (entry.priority, BTreeMap::new());
        Self { ticket, priority, since, until, passed, told: None }
    }

    pub(super) fn order(&self) -> (Reverse<u8>, Timestamp) {
        (Reverse(self.priority), self.since)
    }
}

impl Line {
    pub(super) fn new(rules: Rules, now: Timestamp) -> Self {
        Self { rules, places: Vec::new(), handling: None, tally: Tally::new(now) }
    }

    /// Behind everybody who came before or has a higher priority.
    pub(super) fn enter(&mut self, place: Place) {
        let at = self.places.partition_point(|other| other.order() <= place.order());
        self.places.insert(at, place);
    }

    pub(super) fn take(&mut self, ticket: &Ticket) -> Option<Place> {
        let at = self.places.iter().position(|place| place.ticket == *ticket)?;
        Some(self.places.remove(at))
    }

    pub(super) fn position(&self, ticket: &Ticket) -> Option<usize> {
        Some(self.places.iter().position(|place| place.ticket == *ticket)? + 1)
    }

    pub(super) fn handled_in(&mut self, time: Duration) {
        self.handling = Some(match self.handling {
            Some(average) => (average * (NEWEST - 1) + time) / NEWEST,
            None => time,
        });
    }

    pub(super) fn count(&mut self, left: &Left, waited: Duration, now: Timestamp) {
        self.tally = self.tally.today(&self.rules.zone, now);
        self.tally.count(left, waited, self.rules.in_time);
    }
}
