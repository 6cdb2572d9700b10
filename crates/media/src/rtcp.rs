//! What do the two ends report about the audio?
//!
//! RTCP after RFC 3550 section 6. A datagram holds several packets one after another; [`parse`]
//! walks them and [`Packet`] shows what we read: reports, the source's name, goodbye. Feedback
//! formats we do not use (transport-cc, NACK) are named and stepped over. [`write_report`] writes
//! what we send: a sender or receiver report with the source's name.

use std::time::Duration;

use thiserror::Error;

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

const SDES_CNAME: u8 = 1;
const BLOCK_LEN: usize = 24;

/// Wall-clock time of a sender report, in seconds since 1900 with 32 bits of fraction. Only
/// differences matter to a receiver, so any steady origin may stand in for 1900.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// Seconds from 1900 to 1970.
    const UNIX_EPOCH: u64 = 2_208_988_800;

    /// From the time since 1970.
    #[must_use]
    pub fn from_unix(since_1970: Duration) -> Self {
        let seconds = since_1970.as_secs().wrapping_add(Self::UNIX_EPOCH) & 0xffff_ffff;
        let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;

        Self(seconds << 32 | fraction)
    }

    /// The middle 32 bits, as reports quote them: units of 1/65,536 s.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "the middle bits are what is asked for")]
    pub const fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }
}

/// What a receiver says about one source it hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Lost since the start; negative when more duplicates than losses came. 24 bits.
    pub cumulative_lost: i32,
    /// The highest sequence number, extended by its rollovers.
    pub highest_sequence: u32,
    /// Interarrival jitter in ticks of the RTP clock.
    pub jitter: u32,
    /// Middle of the last sender report's time; zero when none came.
    pub last_report: u32,
    /// Time since that report in 1/65,536 s.
    pub delay: u32,
}

/// What a sender says about its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderReport {
    /// When the report was made.
    pub ntp: NtpTime,
    /// The stream's clock at that moment.
    pub rtp_timestamp: u32,
    /// Packets sent; wraps.
    pub packets: u32,
    /// Payload bytes sent; wraps.
    pub octets: u32,
}

/// The datagram is not well-formed RTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtcpError {
    /// A packet ends before its parts.
    #[error("a packet is shorter than its parts")]
    Short,
    /// Not version 2.
    #[error("a packet is not RTCP version 2")]
    Version,
}

/// One packet of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// From somebody who sends.
    SenderReport {
        /// Who reports.
        ssrc: u32,
        /// About the own stream.
        report: SenderReport,
        /// About the streams heard.
        blocks: Blocks<'a>,
    },
    /// From somebody who only hears.
    ReceiverReport {
        /// Who reports.
        ssrc: u32,
        /// About the streams heard.
        blocks: Blocks<'a>,
    },
    /// Names a source.
    SourceDescription {
        /// The source, if one is named.
        ssrc: Option<u32>,
        /// Its canonical name, if given.
        cname: Option<&'a [u8]>,
    },
    /// A source leaves. That does not end a WhatsApp call (fact sheet 5.7).
    Goodbye {
        /// The first source that leaves, if one is named.
        ssrc: Option<u32>,
    },
    /// A kind we do not read.
    Other {
        /// Its number.
        packet_type: u8,
    },
}

/// The report blocks of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks<'a>(&'a [u8]);

impl<'a> Blocks<'a> {
    /// Each block in turn.
    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.0.chunks_exact(BLOCK_LEN).filter_map(ReportBlock::read)
    }

    /// What is said about this source.
    #[must_use]
    pub fn about(&self, ssrc: u32) -> Option<ReportBlock> {
        self.iter().find(|block| block.ssrc == ssrc)
    }
}

/// Walks the packets of a plain (already unprotected) datagram. After an error it ends.
pub fn parse(datagram: &[u8]) -> impl Iterator<Item = Result<Packet<'_>, RtcpError>> {
    Walk { rest: datagram }
}

struct Walk<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Walk<'a> {
    type Item = Result<Packet<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let next = split_packet(self.rest).and_then(|(packet, rest)| {
            self.rest = rest;
            Packet::read(packet)
        });
        if next.is_err() {
            self.rest = &[];
        }

        Some(next)
    }
}

fn split_packet(bytes: &[u8]) -> Result<(&[u8], &[u8]), RtcpError> {
    let [flags, _, w0, w1] = *bytes.first_chunk().ok_or(RtcpError::Short)?;
    if flags >> 6 != 2 {
        return Err(RtcpError::Version);
    }
    let len = 4 + 4 * usize::from(u16::from_be_bytes([w0, w1]));

    bytes.split_at_checked(len).ok_or(RtcpError::Short)
}

impl<'a> Packet<'a> {
    /// Reads one whole packet.
    fn read(packet: &'a [u8]) -> Result<Self, RtcpError> {
        let ([flags, packet_type, _, _], body) =
            packet.split_first_chunk().ok_or(RtcpError::Short)?;
        let count = usize::from(flags & 0x1f);
        match *packet_type {
            SENDER_REPORT => read_sender_report(body, count),
            RECEIVER_REPORT => {
                let ([ssrc], body) = split_words(body).ok_or(RtcpError::Short)?;
                Ok(Self::ReceiverReport { ssrc, blocks: read_blocks(body, count)? })
            }
            SOURCE_DESCRIPTION => Ok(read_description(body, count)),
            GOODBYE => {
                let ssrc = split_words(body).filter(|_| count > 0).map(|([ssrc], _)| ssrc);
                Ok(Self::Goodbye { ssrc })
            }
            packet_type => Ok(Self::Other { packet_type }),
        }
    }
}

fn read_sender_report(body: &[u8], count: usize) -> Result<Packet<'_>, RtcpError> {
    let ([ssrc, n0, n1, rtp_timestamp, packets, octets], body) =
        split_words(body).ok_or(RtcpError::Short)?;
    let report = SenderReport {
        ntp: NtpTime(u64::from(n0) << 32 | u64::from(n1)),
        rtp_timestamp,
        packets,
        octets,
    };

    Ok(Packet::SenderReport { ssrc, report, blocks: read_blocks(body, count)? })
}

fn read_blocks(body: &[u8], count: usize) -> Result<Blocks<'_>, RtcpError> {
    body.get(..count * BLOCK_LEN).map(Blocks).ok_or(RtcpError::Short)
}

/// Reads the first chunk of a source description; a leg has one source.
fn read_description(body: &[u8], count: usize) -> Packet<'_> {
    let Some(([ssrc], mut items)) = split_words(body).filter(|_| count > 0) else {
        return Packet::SourceDescription { ssrc: None, cname: None };
    };
    let mut cname = None;
    while let Some((&[item, len], rest)) = items.split_first_chunk() {
        let Some((text, rest)) = rest.split_at_checked(usize::from(len)) else {
            break;
        };
        if item == 0 {
            break;
        }
        if item == SDES_CNAME {
            cname = Some(text);
            break;
        }
        items = rest;
    }

    Packet::SourceDescription { ssrc: Some(ssrc), cname }
}

fn split_words<const N: usize>(mut bytes: &[u8]) -> Option<([u32; N], &[u8])> {
    let mut words = [0; N];
    for word in &mut words {
        let (chunk, rest) = bytes.split_first_chunk()?;
        *word = u32::from_be_bytes(*chunk);
        bytes = rest;
    }

    Some((words, bytes))
}

impl ReportBlock {
    fn read(bytes: &[u8]) -> Option<Self> {
        let ([ssrc, lost, highest_sequence, jitter, last_report, delay], _) = split_words(bytes)?;
        let [fraction_lost, ..] = lost.to_be_bytes();
        // The lower 24 bits are signed: shifted up and back down they keep their sign.
        let cumulative_lost = (lost << 8).cast_signed() >> 8;

        Some(Self {
            ssrc,
            fraction_lost,
            cumulative_lost,
            highest_sequence,
            jitter,
            last_report,
            delay,
        })
    }

    fn words(self) -> [u32; 6] {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;

        [
            self.ssrc,
            u32::from(self.fraction_lost) << 24 | lost,
            self.highest_sequence,
            self.jitter,
            self.last_report,
            self.delay,
        ]
    }
}

/// What [`write_report`] writes.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Our source.
    pub ssrc: u32,
    /// About our stream; `None` while nothing was sent since the last report but one.
    pub sender: Option<SenderReport>,
    /// About the stream we hear.
    pub block: Option<ReportBlock>,
    /// Our canonical name, as in the SDP. At most 255 bytes.
    pub cname: &'a str,
}

/// Writes a compound packet, a report and our name, to the front of `buf` and returns its length;
/// `None` when the buffer is too short or the name too long.
pub fn write_report(buf: &mut [u8], report: &Report<'_>) -> Option<usize> {
    let mut out = Writer { buf, len: 0 };
    let packet_type = if report.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT };
    let start = out.begin(u8::from(report.block.is_some()), packet_type)?;
    out.word(report.ssrc)?;
    if let Some(sender) = report.sender {
        out.bytes(&sender.ntp.0.to_be_bytes())?;
        out.word(sender.rtp_timestamp)?;
        out.word(sender.packets)?;
        out.word(sender.octets)?;
    }
    for word in report.block.into_iter().flat_map(ReportBlock::words) {
        out.word(word)?;
    }
    out.end(start)?;
    out.description(report.ssrc, report.cname)?;

    Some(out.len)
}

/// Writes a compound packet that says goodbye: an empty report, our name, and the goodbye. `None`
/// when the buffer is too short or the name too long.
pub fn write_goodbye(buf: &mut [u8], ssrc: u32, cname: &str) -> Option<usize> {
    let report = Report { ssrc, sender: None, block: None, cname };
    let len = write_report(buf, &report)?;
    let mut out = Writer { buf, len };
    let start = out.begin(1, GOODBYE)?;
    out.word(ssrc)?;
    out.end(start)?;

    Some(out.len)
}

struct Writer<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.len.checked_add(bytes.len())?;
        self.buf.get_mut(self.len..end)?.copy_from_slice(bytes);
        self.len = end;

        Some(())
    }

    fn word(&mut self, word: u32) -> Option<()> {
        self.bytes(&word.to_be_bytes())
    }

    /// Begins a packet; its length is filled in by [`Self::end`].
    fn begin(&mut self, count: u8, packet_type: u8) -> Option<usize> {
        let start = self.len;
        self.bytes(&[0x80 | count, packet_type, 0, 0])?;

        Some(start)
    }

    fn end(&mut self, start: usize) -> Option<()> {
        let words = u16::try_from((self.len - start) / 4 - 1).ok()?;
        self.buf.get_mut(start + 2..start + 4)?.copy_from_slice(&words.to_be_bytes());

        Some(())
    }

    fn description(&mut self, ssrc: u32, cname: &str) -> Option<()> {
        let start = self.begin(1, SOURCE_DESCRIPTION)?;
        self.word(ssrc)?;
        self.bytes(&[SDES_CNAME, u8::try_from(cname.len()).ok()?])?;
        self.bytes(cname.as_bytes())?;
        // At least one zero ends the list, then up to the next word.
        let zeros = 4 - (self.len - start) % 4;
        self.bytes([0; 4].get(..zeros)?)?;

        self.end(start)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 0x0102_0304,
        fraction_lost: 64,
        cumulative_lost: -2,
        highest_sequence: 0x0001_ffff,
        jitter: 96,
        last_report: 0xb44d_b705,
        delay: 0x0005_4000,
    };

    const SENDER: SenderReport = SenderReport {
        ntp: NtpTime(0x1234_b44d_b705_2000),
        rtp_timestamp: 960,
        packets: 50,
        octets: 2_000,
    };

    fn written(report: &Report<'_>) -> Vec<u8> {
        let mut buf = [0xee; 200];
        let len = write_report(&mut buf, report).unwrap();
        buf[..len].to_vec()
    }

    #[test]
    fn a_sender_report_has_the_layout_of_rfc_3550() {
        let report = Report { ssrc: 7, sender: Some(SENDER), block: Some(BLOCK), cname: "gw" };
        assert_eq!(
            hex::encode(written(&report)),
            concat!(
                "81c8000c", "00000007", "1234b44d", "b7052000", "000003c0", "00000032", "000007d0",
                "01020304", "40fffffe", "0001ffff", "00000060", "b44db705", "00054000", "81ca0003",
                "00000007", "01026777", "00000000",
            )
        );
    }

    #[test]
    fn reads_back_what_it_writes() {
        let report = Report { ssrc: 7, sender: Some(SENDER), block: Some(BLOCK), cname: "offhook" };
        let bytes = written(&report);
        let packets: Vec<Packet<'_>> = parse(&bytes).collect::<Result<_, _>>().unwrap();
        let [Packet::SenderReport { ssrc: 7, report, blocks }, description] = packets[..] else {
            panic!("{packets:?}");
        };
        assert_eq!(report, SENDER);
        assert_eq!(blocks.iter().collect::<Vec<_>>(), [BLOCK]);
        assert_eq!(blocks.about(BLOCK.ssrc), Some(BLOCK));
        assert_eq!(blocks.about(1), None);
        assert_eq!(
            description,
            Packet::SourceDescription { ssrc: Some(7), cname: Some(b"offhook") }
        );

        let report = Report { ssrc: 7, sender: None, block: None, cname: "" };
        let bytes = written(&report);
        let packets: Vec<Packet<'_>> = parse(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(packets[0], Packet::ReceiverReport { ssrc: 7, blocks: Blocks(&[]) });
        assert_eq!(packets[1], Packet::SourceDescription { ssrc: Some(7), cname: Some(b"") });
    }

    #[test]
    fn a_name_is_padded_to_whole_words_with_at_least_one_zero() {
        for (cname, words) in [("", 3), ("a", 3), ("ab", 4), ("abcde", 4), ("abcdef", 5)] {
            let report = Report { ssrc: 7, sender: None, block: None, cname };
            let bytes = written(&report);
            assert_eq!(bytes.len(), 8 + words * 4, "{cname}");
            assert_eq!(bytes.last(), Some(&0));
        }
        let long = "x".repeat(256);
        let report = Report { ssrc: 7, sender: None, block: None, cname: &long };
        assert_eq!(write_report(&mut [0; 500], &report), None);
    }

    #[test]
    fn says_goodbye_behind_a_report() {
        let mut buf = [0; 100];
        let len = write_goodbye(&mut buf, 9, "me").unwrap();
        let packets: Vec<Packet<'_>> = parse(&buf[..len]).collect::<Result<_, _>>().unwrap();
        assert!(matches!(packets[0], Packet::ReceiverReport { ssrc: 9, .. }));
        assert_eq!(packets[2], Packet::Goodbye { ssrc: Some(9) });
        for short in 0..len {
            assert_eq!(write_goodbye(&mut buf[..short], 9, "me"), None, "{short}");
        }
    }

    #[test]
    fn steps_over_kinds_it_does_not_read() {
        let mut bytes = hex::decode("8fcd000300000001000000020000000f").unwrap();
        bytes.extend(written(&Report { ssrc: 7, sender: None, block: None, cname: "" }));
        let packets: Vec<Packet<'_>> = parse(&bytes).collect::<Result<_, _>>().unwrap();
        assert_eq!(packets[0], Packet::Other { packet_type: 205 });
        assert_eq!(packets.len(), 3);
    }

    #[test]
    fn names_what_is_wrong_and_stops() {
        let all =
            |hex: &str| parse(&hex::decode(hex).unwrap()).map(|p| p.err()).collect::<Vec<_>>();
        assert_eq!(all(""), []);
        assert_eq!(all("80c9"), [Some(RtcpError::Short)]);
        assert_eq!(all("40c90000"), [Some(RtcpError::Version)]);
        assert_eq!(all("80c90002"), [Some(RtcpError::Short)]);
        assert_eq!(all("80c90000"), [Some(RtcpError::Short)], "no reporter");
        assert_eq!(all("81c9000100000001"), [Some(RtcpError::Short)], "a block is missing");
        assert_eq!(all("80c800010000000180c9000100000001"), [Some(RtcpError::Short)]);
        assert_eq!(all("80c900010000000100"), [None, Some(RtcpError::Short)]);
        assert_eq!(all("80cb0000"), [None], "an empty goodbye is allowed");
    }

    #[test]
    fn wall_clock_time_is_that_of_ntp() {
        let time = NtpTime::from_unix(Duration::new(1, 500_000_000));
        assert_eq!(time, NtpTime(2_208_988_801 << 32 | 0x8000_0000));
        assert_eq!(time.middle(), 0x7e81_8000);
    }

    proptest! {
        #[test]
        fn any_bytes_give_values(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
            kind in 198u8..208,
        ) {
            let packets = parse(&bytes).count();
            prop_assert!(packets <= bytes.len() / 4 + 1);
            if let [flags, packet_type, w0, w1, ..] = &mut bytes[..] {
                (*flags, *packet_type, *w0, *w1) = (*flags | 0x80 & 0xbf, kind, 0, *w1 % 50);
            }
            for packet in parse(&bytes).flatten() {
                if let Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. } =
                    packet
                {
                    prop_assert!(blocks.iter().count() < 32);
                }
            }
        }
    }
}
