//! Where does plain RTP of a far end come from, when its SDP may be wrong and nothing is signed?
//!
//! Behind a NAT a far end's packets come from another address than its SDP names, and media must go
//! there (symmetric RTP, RFC 4961). But anybody can send to our port. So another address is believed
//! only when several packets of one source in sequence came from it, and while the one that is
//! believed is heard nobody else is (`RTP bleed`).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::rtp::RtpHeader;

/// So many packets in sequence prove an address: 60 ms of audio.
const PROOF: u8 = 3;
/// A packet so far ahead of the last is still in sequence; others were lost.
const AHEAD_MAX: u16 = 5;
/// An address that was heard within this time is not given up.
const FAITHFUL: Duration = Duration::from_secs(2);

/// Who is believed, and who asks to be.
#[derive(Debug, Default)]
pub(super) struct Latch {
    /// When [`super::Leg::remote`] was last heard.
    heard_at: Option<Instant>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: u16,
    packets: u8,
}

impl Latch {
    /// Whether the packet is the far end's; if so, `from` is where media goes.
    pub(super) fn believes(
        &mut self,
        remote: Option<SocketAddr>,
        from: SocketAddr,
        header: &RtpHeader,
        now: Instant,
    ) -> bool {
        if remote == Some(from) {
            self.heard_at = Some(now);
            self.candidate = None;
            return true;
        }
        if self.heard_at.is_some_and(|at| now.saturating_duration_since(at) < FAITHFUL) {
            return false;
        }
        let candidate = self.candidate.filter(|known| known.goes_on(from, header));
        let packets = candidate.map_or(1, |known| known.packets + 1);
        if packets >= PROOF {
            self.heard_at = Some(now);
            self.candidate = None;
            return true;
        }
        let (ssrc, sequence) = (header.ssrc, header.sequence);
        self.candidate = Some(Candidate { from, ssrc, sequence, packets });

        false
    }
}

impl Candidate {
    fn goes_on(&self, from: SocketAddr, header: &RtpHeader) -> bool {
        let ahead = header.sequence.wrapping_sub(self.sequence);

        self.from == from && self.ssrc == header.ssrc && (1..=AHEAD_MAX).contains(&ahead)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "an Instant has no other beginning")]

    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn header(ssrc: u32, sequence: u16) -> RtpHeader {
        RtpHeader {
            payload_type: 0,
            marker: false,
            sequence,
            timestamp: 0,
            ssrc,
            header_len: 12,
            payload_len: 160,
        }
    }

    #[test]
    fn three_packets_in_sequence_prove_an_address_and_noise_does_not() {
        let now = Instant::now();
        let mut latch = Latch::default();
        let mut says = |from, ssrc, sequence| {
            latch.believes(Some(at(1)), at(from), &header(ssrc, sequence), now)
        };
        assert!(!says(2, 7, 65_534));
        assert!(!says(2, 7, 65_535));
        assert!(!says(3, 8, 9), "another address begins anew");
        assert!(!says(2, 7, 0));
        assert!(!says(2, 9, 1), "so does another source");
        assert!(!says(2, 9, 1), "and a repetition");
        assert!(!says(2, 9, 2));
        assert!(says(2, 9, 4), "one was lost");
    }

    #[test]
    fn while_the_far_end_is_heard_nobody_else_is() {
        let start = Instant::now();
        let mut latch = Latch::default();
        assert!(latch.believes(Some(at(1)), at(1), &header(7, 1), start));
        for sequence in 1..50 {
            let now = start + Duration::from_millis(20 * u64::from(sequence));
            assert!(!latch.believes(Some(at(1)), at(2), &header(66, sequence), now));
        }
    }

    #[test]
    fn a_far_end_that_fell_silent_may_come_back_from_elsewhere() {
        let start = Instant::now();
        let mut latch = Latch::default();
        assert!(latch.believes(Some(at(1)), at(1), &header(7, 1), start));
        let later = start + Duration::from_secs(3);
        let believed: Vec<bool> = (100..103)
            .map(|sequence| latch.believes(Some(at(1)), at(2), &header(7, sequence), later))
            .collect();
        assert_eq!(believed, [false, false, true]);
    }
}
