//! What happens next, and when?
//!
//! The queue of everything under way: requests, answers, webhooks, timers, and what people do.

use std::collections::BTreeMap;

use rules::call::{Ending, Input as PlatformInput, Status};
use switchboard::call::{Input as BusinessInput, Outcome};
use terms::Timestamp;

/// Which call, by order of their beginning.
pub(crate) type CallNo = usize;

/// One thing under way.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// The user or the business does something new.
    Act,
    /// A request reaches the platform; the answer may get lost on its way back.
    Request { call: CallNo, action: Action, answer_lost: bool },
    /// A request's outcome reaches the gateway.
    Answer { call: CallNo, action: Action, outcome: Outcome },
    /// An attempt to deliver a webhook.
    Webhook { call: CallNo, hook: Hook, attempts: u32, created_at: Timestamp },
    /// Something happens to the call on the platform's side.
    Platform { call: CallNo, input: PlatformInput },
    /// The platform's watch for the business's first media.
    FirstMediaWatch { call: CallNo },
    /// Something happens to the call on the gateway's side.
    Business { call: CallNo, input: BusinessInput },
    /// The gateway's watch for the user's first media.
    HearingWatch { call: CallNo },
}

/// What the gateway asks of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Connect,
    PreAccept,
    Accept,
    Reject,
    Terminate,
}

/// What the platform tells the gateway.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hook {
    Connect,
    Status(Status),
    Terminate(Ending),
}

/// The queue; what is due at the same moment comes in the order it was posted.
#[derive(Debug, Default)]
pub(crate) struct Post {
    queue: BTreeMap<(Timestamp, u64), Event>,
    posted: u64,
}

impl Post {
    pub(crate) fn put(&mut self, at: Timestamp, event: Event) {
        self.posted += 1;
        self.queue.insert((at, self.posted), event);
    }

    pub(crate) fn next(&mut self) -> Option<(Timestamp, Event)> {
        self.queue.pop_first().map(|((at, _), event)| (at, event))
    }
}
