//! What does the user's phone do with a call?

use rules::call::Input;
use std::time::Duration;

use crate::dice::Dice;

/// What the phone does with a business's call: each step and how long after the call began.
pub(crate) fn rung(dice: &mut Dice) -> Vec<(Duration, Input)> {
    if dice.chance(10) {
        return vec![(dice.ms(100, 4_000), Input::UserUnreachable)];
    }
    let mut steps = vec![(dice.ms(300, 3_000), Input::UserRinging)];
    let decided = dice.ms(3_000, 70_000);
    match dice.roll(10) {
        0..=4 => steps.push((decided, Input::UserPickedUp)),
        5 => steps.push((decided, Input::UserRejected)),
        6 => steps.push((decided, Input::UserBusy)),
        7 => steps.push((decided, Input::UserVanished)),
        _ => {}
    }
    steps
}

/// How the user may end or lose a call that runs or waits.
pub(crate) fn leaves(dice: &mut Dice, longest: Duration) -> Option<(Duration, Input)> {
    let longest_ms = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
    let after = dice.ms(500, longest_ms);
    match dice.roll(10) {
        0..=3 => Some((after, Input::UserHungUp)),
        4 => Some((after, Input::UserVanished)),
        _ => None,
    }
}
