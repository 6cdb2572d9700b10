//! How much of what a leg heard had to be made up?
//!
//! Whoever decodes a leg for somebody to hear (a bot, a mix, a telephone of another codec) tells how many
//! frames it restored or concealed; the leg adds up what each of them has told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What one of them has told, shared by both.
#[derive(Clone, Debug, Default)]
pub(crate) struct MadeUp(Arc<AtomicU64>);

/// What all of them have told a leg.
#[derive(Debug, Default)]
pub(crate) struct AllMadeUp {
    /// By those who are gone.
    before: Option<u64>,
    now: Vec<MadeUp>,
}

impl MadeUp {
    /// So many frames until now.
    pub(crate) fn tell(&self, frames: u64) {
        // One more than there are: zero is nothing told.
        self.0.store(frames.saturating_add(1), Ordering::Relaxed);
    }

    fn told(&self) -> Option<u64> {
        self.0.load(Ordering::Relaxed).checked_sub(1)
    }

    fn is_over(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

impl AllMadeUp {
    /// One more will tell; those who are gone are kept as a sum.
    pub(crate) fn hear_of(&mut self, one: MadeUp) {
        let before = &mut self.before;
        self.now.retain(|one| {
            let is_over = one.is_over();
            if is_over {
                *before = sum(*before, one.told());
            }

            !is_over
        });
        self.now.push(one);
    }

    /// Frames; none when nobody has told any number.
    pub(crate) fn frames(&self) -> Option<u64> {
        self.now.iter().map(MadeUp::told).fold(self.before, sum)
    }
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_stays_when_its_teller_is_gone_and_who_is_gone_is_not_kept() {
        let mut all = AllMadeUp::default();
        assert_eq!(all.frames(), None);
        let bot = MadeUp::default();
        all.hear_of(bot.clone());
        assert_eq!(all.frames(), None, "it has not told");
        bot.tell(0);
        assert_eq!(all.frames(), Some(0));
        bot.tell(3);
        drop(bot);
        for frames in 1..=100 {
            let mix = MadeUp::default();
            all.hear_of(mix.clone());
            mix.tell(frames);
        }
        assert_eq!(all.frames(), Some(3 + 5_050));
        assert_eq!(all.now.len(), 1);
    }
}
