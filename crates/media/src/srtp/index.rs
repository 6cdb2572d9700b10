//! Which packet of the stream is this, and was it here before?
//!
//! A packet carries 16 bits of its number; the receiver guesses the other 32 (the rollover counter)
//! from the highest number it has proved (RFC 3711 section 3.3.1 and appendix A). The last 128
//! numbers are remembered: 2.5 s of audio, far more than a network reorders. Nothing here changes
//! until [`Window::mark`] is called, and that happens only for a genuine packet.

/// The numbers seen lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Window {
    highest: Option<u64>,
    /// Bit n: the number `highest - n` was seen.
    seen: u128,
}

impl Window {
    /// Whether a number was seen, or is too old to know.
    pub(super) const fn is_replay(&self, index: u64) -> bool {
        match self.highest {
            Some(highest) if index <= highest => {
                let age = highest - index;
                age >= 128 || (self.seen >> age) & 1 == 1
            }
            Some(_) | None => false,
        }
    }

    /// Remembers a number that [`Self::is_replay`] did not know.
    pub(super) const fn mark(&mut self, index: u64) {
        match self.highest {
            Some(highest) if index <= highest => {
                let age = highest - index;
                if age < 128 {
                    self.seen |= 1 << age;
                }
            }
            Some(highest) => {
                let step = index - highest;
                self.seen = if step < 128 { (self.seen << step) | 1 } else { 1 };
                self.highest = Some(index);
            }
            None => {
                self.seen = 1;
                self.highest = Some(index);
            }
        }
    }

    /// The most likely full number of the packet with this sequence number: the one nearest to the
    /// highest seen; the plain sequence number as long as none was.
    pub(super) fn estimate(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            return u64::from(sequence);
        };
        let low = highest & 0xffff;
        let base = highest - low;
        let sequence = u64::from(sequence);
        if low < 0x8000 && sequence > low + 0x8000 {
            // Before the first rollover there is nothing to go back to.
            return base.checked_sub(0x1_0000).unwrap_or(base) + sequence;
        }
        if low >= 0x8000 && sequence < low - 0x8000 {
            return base + 0x1_0000 + sequence;
        }

        base + sequence
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(highest: u64) -> Window {
        let mut window = Window::default();
        window.mark(highest);
        window
    }

    #[test]
    fn guesses_the_rollover_in_both_directions() {
        assert_eq!(Window::default().estimate(40_000), 40_000);
        assert_eq!(at(65_535).estimate(0), 65_536);
        assert_eq!(at(65_530).estimate(3), 65_539);
        assert_eq!(at(65_536).estimate(65_535), 65_535);
        assert_eq!(at(65_540).estimate(65_000), 65_000);
        assert_eq!(at(0x2_ffff).estimate(2), 0x3_0002);
        assert_eq!(at(0x3_0002).estimate(0xfffe), 0x2_fffe);
    }

    #[test]
    fn does_not_go_back_before_the_first_packet() {
        assert_eq!(at(5).estimate(65_535), 65_535);
        assert_eq!(at(5).estimate(40_000), 40_000);
    }

    #[test]
    fn splits_at_half_the_range_as_the_rfc_does() {
        assert_eq!(at(0x1_0010).estimate(0x8010), 0x1_8010);
        assert_eq!(at(0x1_0010).estimate(0x8011), 0x8011);
        assert_eq!(at(0x1_9000).estimate(0x1000), 0x1_1000);
        assert_eq!(at(0x1_9000).estimate(0x0fff), 0x2_0fff);
    }

    #[test]
    fn remembers_128_numbers() {
        let mut window = at(1_000);
        assert!(window.is_replay(1_000));
        assert!(!window.is_replay(873));
        assert!(window.is_replay(872), "too old to know");
        window.mark(873);
        assert!(window.is_replay(873));
        assert!(!window.is_replay(874));

        window.mark(1_001);
        assert!(window.is_replay(1_000));
        assert!(window.is_replay(873));
        assert!(!window.is_replay(999));

        window.mark(2_000);
        assert!(!window.is_replay(1_999));
        assert!(window.is_replay(1_001));
    }

    proptest! {
        #[test]
        fn agrees_with_a_list_of_everything_seen(
            numbers in proptest::collection::vec(0u64..400, 0..200),
        ) {
            let mut window = Window::default();
            let mut seen: Vec<u64> = Vec::new();
            for number in numbers {
                let highest = seen.iter().max().copied();
                let expected = seen.contains(&number)
                    || highest.is_some_and(|highest| number + 128 <= highest);
                prop_assert_eq!(window.is_replay(number), expected, "{}", number);
                if !expected {
                    window.mark(number);
                    seen.push(number);
                }
            }
        }

        #[test]
        fn finds_every_number_near_the_highest(highest in 0u64..1 << 40, off in -0x7fffi64..0x7fff) {
            let number = highest.saturating_add_signed(off);
            let sequence = u16::try_from(number & 0xffff).unwrap();
            prop_assert_eq!(at(highest).estimate(sequence), number);
        }
    }
}
