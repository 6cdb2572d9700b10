//! How does a worker give everybody it serves a turn, again and again?
//!
//! Beside the packet path, on a thread of its own. A turn that was missed is made up for, more are not:
//! who is served has buffers that leave out the rest. Nobody to serve is nothing to do.

use std::time::{Duration, Instant};

use crossbeam_channel::TryRecvError;

use crate::{occupancy::Gauge, workers::Inbox};

/// What a leg takes a frame in.
pub(crate) const FRAME: Duration = Duration::from_millis(20);

/// Serves who comes, once in each `every`, until nobody can come any more. A turn is told whether the
/// thread is hurried: behind, or with so much to do that it soon will be. It says whether there is another one.
/// When everybody had a turn, `after` may tell others of it.
pub(crate) fn serve<T>(
    inbox: &Inbox<T>,
    every: Duration,
    mut turn: impl FnMut(&mut T, bool) -> bool,
    mut after: impl FnMut(&mut [T]),
) {
    let mut served: Vec<T> = Vec::new();
    let mut due = Instant::now();
    let mut gauge = Gauge::new(&inbox.occupancy);
    loop {
        if served.is_empty() {
            gauge.rest();
            let Ok(first) = inbox.new.recv() else { return };
            served.push(*first);
            due = Instant::now();
        }
        // A wait for the inbox would begin with asking it again and again.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        loop {
            match inbox.new.try_recv() {
                Ok(new) => served.push(*new),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let (began, count) = (Instant::now(), served.len());
        let is_behind = began.saturating_duration_since(due) > every;
        let is_hurried = is_behind || gauge.is_hurried();
        served.retain_mut(|each| turn(each, is_hurried));
        after(&mut served);
        let now = Instant::now();
        // Who is a whole turn late was not let on the processor.
        gauge.turn((if is_behind { due } else { began }, now), count);
        due = next(due, every, now);
    }
}

fn next(due: Instant, every: Duration, now: Instant) -> Instant {
    let next = due + every;
    if next + every < now { now } else { next }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, sync::Arc};

    use super::*;

    #[test]
    fn one_missed_turn_is_made_up_for_and_more_are_not() {
        let due = Instant::now();
        assert_eq!(next(due, FRAME, due + FRAME / 2), due + FRAME);
        assert_eq!(next(due, FRAME, due + FRAME * 2), due + FRAME, "at once");
        let late = due + FRAME * 5;
        assert_eq!(next(due, FRAME, late), late);
    }

    #[test]
    fn everybody_gets_turns_until_they_want_no_more() {
        let (new, inbox) = crossbeam_channel::bounded(2);
        let inbox = Inbox { new: inbox, occupancy: Arc::default() };
        new.send(Box::new(1)).unwrap();
        new.send(Box::new(3)).unwrap();
        let (turns, mut new) = (RefCell::new(Vec::new()), Some(new));
        let turn = |left: &mut u32, _| {
            turns.borrow_mut().push(*left);
            *left -= 1;
            if turns.borrow().len() == 6 {
                new = None;
            }
            *left > 0
        };
        serve(&inbox, FRAME, turn, |all| turns.borrow_mut().push(10 * all.iter().sum::<u32>()));
        assert_eq!(turns.into_inner(), [1, 3, 20, 2, 10, 1, 0]);
    }
}
