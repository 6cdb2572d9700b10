//! What do those who watch the gateway learn of this call?
//!
//! Metrics, the call's trace and HOMER. Nothing here decides anything, and nobody waits for it.

use std::time::{Duration, Instant};

use switchboard::call::{EndReason, State};
use terms::CallId;

use super::{actor::CallActor, timeline::Point};
use crate::{
    cdr::{Cdr, code},
    clock,
    graph::{Graph, Witness},
    telemetry::Asking,
};

impl CallActor {
    /// The call passes a point of its set-up.
    pub(super) fn pass(&mut self, point: Point) {
        for (stage, took) in self.timeline.pass(point, Instant::now()) {
            self.office.metrics.set_up(stage, took);
        }
    }

    /// The call is in a state.
    pub(super) fn watch_state(&mut self) {
        let state = self.call.state();
        let (name, is_over) = (state.as_str(), state.is_over());
        let points = points(state);
        for point in points {
            self.pass(*point);
        }
        if let Some(trace) = self.trace.as_mut().filter(|_| !is_over) {
            trace.enter(name, clock::now());
        }
    }

    /// Something begins, or is over, that lasts beside the call's states.
    pub(super) fn watch_beside(&mut self, name: &'static str, lasts: bool) {
        let Some(trace) = &mut self.trace else { return };
        if lasts { trace.begin(name, clock::now()) } else { trace.finish(name, clock::now()) }
    }

    /// A part of the media's set-up is done, which took so long.
    pub(super) fn watch_set_up(&self, name: &'static str, took: Duration) {
        let Some(trace) = &self.trace else { return };
        let now = clock::now();
        trace.note(name, now - took, now);
    }

    /// Counts the legs it has and no longer has.
    pub(super) fn watch_legs(&mut self) {
        let ours = [&self.agent_leg, &self.consulted_leg, &self.supervisor_leg];
        let now = LegCounts {
            whatsapp: i64::from(!self.facts.finished),
            agent: i64::try_from(ours.into_iter().flatten().count()).unwrap_or_default(),
            bot: i64::from(self.bot.is_some()),
            telephone: i64::from(self.trunk.is_some()) + i64::from(self.referrer.is_some()),
        };
        let before = std::mem::replace(&mut self.legs_counted, now);
        let (line, direction) = (self.line.id(), self.call.direction());
        for (leg, change) in now.since(before) {
            self.office.metrics.legs(line, direction, leg, change);
        }
    }

    /// A moment within a state.
    pub(super) fn watch_moment(&mut self, point: Point, name: &'static str) {
        self.pass(point);
        if let Some(trace) = &self.trace {
            let now = clock::now();
            trace.note(name, now, now);
        }
    }

    /// The platform, asked as a part of what the call does now.
    pub(super) fn graph(&self) -> Graph {
        self.line.graph.seen_by(Witness {
            telemetry: self.office.telemetry.clone(),
            within: self.trace.as_ref().map(|trace| trace.now()),
            hep: self.office.hep.clone(),
            call_id: self.facts.call_id.clone(),
        })
    }

    /// A question to a bot or a program of the business, as a part of what the call does now; `None`
    /// where nobody traces the call.
    pub(super) fn asking(&self) -> Option<Asking> {
        self.trace.as_ref().map(|trace| self.office.telemetry.request(trace.now()))
    }

    /// The call is over, with its record where it has one.
    pub(super) fn watch_end(&mut self, reason: &EndReason, cdr: Option<&Cdr>) {
        let direction = self.call.direction();
        let fault = reason.fault().map(|fault| fault.as_str());
        self.watch_legs();
        let metrics = &self.office.metrics;
        let picked_up = cdr.is_some_and(|cdr| cdr.answered_at.is_some());
        metrics.call_ended(direction, reason, picked_up, code(reason));
        if let Some(cdr) = cdr {
            metrics.cost(cdr);
        }
        if let Some(seconds) = cdr.and_then(|cdr| cdr.duration_s) {
            metrics.talked(direction, seconds);
        }
        let legs = cdr.map(|cdr| [("whatsapp", &cdr.whatsapp_leg), ("agent", &cdr.agent_leg)]);
        for (leg, record) in legs.into_iter().flatten() {
            let Some(record) = record else { continue };
            metrics.leg(leg, record);
            if let (Some(hep), Some(cdr)) = (&self.office.hep, cdr) {
                hep.quality(&cdr.call_id, leg, record);
            }
        }
        if let Some(trace) = self.trace.take() {
            let call_id = cdr.map(|cdr| &cdr.call_id);
            trace.end(call_id, direction, reason.as_str(), fault, clock::now());
        }
    }

    /// What is told of the call from now on carries its trace.
    pub(super) fn note_trace(&self, call_id: &CallId) {
        if let Some(trace) = &self.trace {
            let line = self.line.id();
            self.office.store.note_trace(line, call_id, trace.root(), clock::now());
        }
    }
}

/// How many legs of each kind a call has.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LegCounts {
    /// One from the beginning to the record.
    whatsapp: i64,
    agent: i64,
    bot: i64,
    telephone: i64,
}

impl LegCounts {
    /// What became more or fewer.
    fn since(self, before: Self) -> impl Iterator<Item = (&'static str, i64)> {
        let kinds = [
            ("whatsapp", self.whatsapp - before.whatsapp),
            ("agent", self.agent - before.agent),
            ("bot", self.bot - before.bot),
            ("telephone", self.telephone - before.telephone),
        ];
        kinds.into_iter().filter(|(_, change)| *change != 0)
    }
}

/// The points of the set-up that a call in this state has passed.
fn points(state: &State) -> &'static [Point] {
    match state {
        State::Opening
        | State::Placing(_)
        | State::Dialing(_)
        | State::Ending { .. }
        | State::Ended { .. } => &[],
        State::Offered(_) | State::Ringing(_) => &[Point::Ringing],
        State::Accepting { .. } => &[Point::Answered],
        State::Joining { .. }
        | State::InFlow(_)
        | State::Bridged { .. }
        | State::Held(_)
        | State::Transferring(_)
        | State::Consulting(_)
        | State::Inquiring(_)
        | State::ThreeWay(_) => &[Point::Answered, Point::Accepted],
    }
}
