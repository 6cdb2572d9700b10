//! How long has a side been silent, by the platform's clock?
//!
//! The engine says when a leg last gave a sign of life; the clock says what it showed then. So a test
//! that moves the clock moves the cut at 20 s with it, and a frozen clock holds it. A jump must not
//! take a stream for dead that flows: packets come every 20 ms of real time.

use std::time::{Duration, Instant};

use engine::Alive;
use rules::call::Silence;
use terms::Timestamp;

use super::actor::CallActor;
use crate::clock::Clock;

/// A far end that gave a sign of life so shortly ago is not silent, wherever the clock jumped.
const LIVELY: Duration = Duration::from_millis(500);

/// The watch over an answered call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    /// No media since the answer.
    from_start: Duration,
    /// No media in the running call.
    mid_call: Duration,
    next: Next,
}

/// When to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// By the platform's clock.
    At(Timestamp),
    /// In real time.
    In(Instant),
}

/// What a look at one side says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Silent,
    Again(Next),
}

impl Watch {
    /// A watch that begins with the answer.
    pub(super) fn new(from_start: Duration, mid_call: Duration, now: Timestamp) -> Self {
        Self { from_start, mid_call, next: Next::At(now + from_start.min(mid_call)) }
    }

    /// Returns when it is time to look.
    pub(super) async fn due(self, clock: &Clock) {
        match self.next {
            Next::At(at) => clock.sleep_until(at).await,
            Next::In(at) => tokio::time::sleep_until(at.into()).await,
        }
    }

    fn look(&self, alive: Alive, last: Timestamp, now: Timestamp) -> Look {
        let silent_at = last + if alive.heard { self.mid_call } else { self.from_start };
        if now < silent_at {
            return Look::Again(Next::At(silent_at));
        }
        match LIVELY.checked_sub(alive.idle) {
            Some(rest) if !rest.is_zero() => Look::Again(Next::In(Instant::now() + rest)),
            Some(_) | None => Look::Silent,
        }
    }
}

impl CallActor {
    /// Looks whether a side has been silent for too long.
    pub(super) async fn look_for_silence(&mut self) {
        let Some(watch) = self.watch else { return };
        let business = self.legs.business.handle.stats().await.ok().and_then(|it| it.alive);
        let user = match &self.legs.user {
            Some(user) => user.handle.stats().await.ok().and_then(|it| it.alive),
            None => None,
        };
        let clock = &self.world.clock;
        let (now, instant) = (clock.now(), Instant::now());
        let look = |alive: Alive| {
            let last = instant.checked_sub(alive.idle).unwrap_or(instant);
            watch.look(alive, clock.shown_at(last), now)
        };
        let (business_look, user_look) = (business.map(look), user.map(look));
        let heard = |alive: Option<Alive>| alive.is_some_and(|alive| alive.heard);
        let user_is_silent = user_look == Some(Look::Silent);
        // The two watches begin a moment apart: a business that was never heard is as silent as the user.
        let is_as_silent = user_is_silent && !heard(business);
        let silence = if business_look == Some(Look::Silent) || is_as_silent {
            Some(match (heard(business), heard(user)) {
                (true, _) => Silence::Business,
                (false, true) => Silence::BusinessFromStart,
                (false, false) => Silence::Both,
            })
        } else {
            user_is_silent.then_some(Silence::User)
        };
        self.watch = again([business_look, user_look]).map(|next| Watch { next, ..watch });
        if let Some(silence) = silence {
            self.input(rules::call::Input::MediaSilent(silence)).await;
        }
    }
}

/// The first of the moments to look again.
fn again(looks: [Option<Look>; 2]) -> Option<Next> {
    let waits = looks.into_iter().flatten().filter_map(|look| match look {
        Look::Again(next) => Some(next),
        Look::Silent => None,
    });
    // A look in real time is less than a second away.
    waits.min_by_key(|next| match next {
        Next::In(at) => (0, Some(*at), None),
        Next::At(at) => (1, None, Some(*at)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch::new(Duration::from_secs(20), Duration::from_secs(30), Timestamp::from_unix(100))
    }

    fn look(heard: bool, idle_s: u64, last: i64, now: i64) -> Look {
        let alive = Alive { heard, idle: Duration::from_secs(idle_s) };
        watch().look(alive, Timestamp::from_unix(last), Timestamp::from_unix(now))
    }

    #[test]
    fn silence_from_the_start_is_cut_at_20_s_and_in_the_call_at_30() {
        assert_eq!(look(false, 19, 100, 119), Look::Again(Next::At(Timestamp::from_unix(120))));
        assert_eq!(look(false, 20, 100, 120), Look::Silent);
        assert_eq!(look(true, 29, 100, 129), Look::Again(Next::At(Timestamp::from_unix(130))));
        assert_eq!(look(true, 30, 100, 130), Look::Silent);
    }

    #[test]
    fn a_jump_of_the_clock_cuts_a_silent_call_and_spares_one_that_flows() {
        assert_eq!(look(false, 1, 100, 120), Look::Silent);
        let week = 604_800;
        assert!(matches!(look(true, 0, 100, 100 + week), Look::Again(Next::In(_))));
    }

    #[test]
    fn the_nearer_look_comes_first() {
        let at = |second| Some(Look::Again(Next::At(Timestamp::from_unix(second))));
        assert_eq!(again([at(130), at(120)]), Some(Next::At(Timestamp::from_unix(120))));
        assert_eq!(again([Some(Look::Silent), at(130)]), Some(Next::At(Timestamp::from_unix(130))));
        let soon = Next::In(Instant::now());
        assert_eq!(again([at(1), Some(Look::Again(soon))]), Some(soon));
        assert_eq!(again([Some(Look::Silent), None]), None);
    }
}
