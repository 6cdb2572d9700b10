//! How hard does an encoder try while its worker has more to do than it should?
//!
//! The least it can, so that all are heard rather than some heard well, and as hard as before once there is
//! time again ([`crate::turns`]).

use audio::opus::Complexity;

/// The effort of one voice's encoder.
#[derive(Debug)]
pub(crate) struct Effort {
    /// While there is time.
    all: Complexity,
    hurried: bool,
}

impl Effort {
    /// An encoder that was made with this one.
    pub(crate) const fn new(all: Complexity) -> Self {
        Self { all, hurried: false }
    }

    /// What the encoder is to be set to for this turn; `None` where that is what it has.
    pub(crate) fn turn(&mut self, hurried: bool) -> Option<i32> {
        let was_hurried = std::mem::replace(&mut self.hurried, hurried);
        let effort = if hurried { Complexity::LEAST } else { self.all };

        (was_hurried != hurried).then(|| effort.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_least_while_there_is_no_time_and_all_of_it_again() {
        let mut effort = Effort::new(Complexity::new(7).unwrap());
        let turns = [false, true, true, false, false].map(|hurried| effort.turn(hurried));
        assert_eq!(turns, [None, Some(0), None, Some(7), None]);
    }
}
