//! What does an RTP packet say, and which protocol is a datagram?
//!
//! One UDP port carries STUN, DTLS, RTP and RTCP; [`classify`] tells them apart by their first two
//! bytes (RFC 7983, RFC 5761). [`RtpHeader::parse`] reads a header without copying; header
//! extensions and contributing sources are stepped over, padding is cut off. [`write_header`]
//! writes the plain twelve bytes, because we mint every packet we send.

use std::ops::Range;

use thiserror::Error;

/// Bytes of a header without contributing sources and extension: all that we ever write.
pub const HEADER_LEN: usize = 12;

/// Which protocol a datagram belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatagramKind {
    /// ICE connectivity checks and consent.
    Stun,
    /// The handshake that makes the SRTP keys.
    Dtls,
    /// Audio and telephone-events, protected.
    Rtp,
    /// Reports about the audio, protected.
    Rtcp,
    /// None of ours: counted and dropped.
    Unknown,
}

/// Names the protocol of a datagram by its first bytes; proves nothing about the rest.
#[must_use]
pub fn classify(datagram: &[u8]) -> DatagramKind {
    match (datagram.first(), datagram.get(1)) {
        (Some(0..=3), _) => DatagramKind::Stun,
        (Some(20..=63), _) => DatagramKind::Dtls,
        (Some(128..=191), Some(192..=223)) => DatagramKind::Rtcp,
        (Some(128..=191), Some(_)) => DatagramKind::Rtp,
        _ => DatagramKind::Unknown,
    }
}

/// The bytes are not an RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RtpError {
    /// The datagram ends inside the header.
    #[error("the packet is shorter than its header")]
    Short,
    /// Not version 2.
    #[error("the packet is not RTP version 2")]
    Version,
    /// The padding count is zero or larger than the payload.
    #[error("the padding does not fit into the payload")]
    Padding,
}

/// The fixed part of an RTP header and where the payload lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// What the payload is, by the numbers agreed in SDP.
    pub payload_type: u8,
    /// First packet after a silence, or of a telephone-event.
    pub marker: bool,
    /// Counts packets, wraps at 65,536.
    pub sequence: u16,
    /// Counts the codec's clock, wraps.
    pub timestamp: u32,
    /// The source of the stream.
    pub ssrc: u32,
    /// Bytes before the payload: header, contributing sources, extension.
    pub header_len: usize,
    /// Bytes of payload, without padding.
    pub payload_len: usize,
}

impl RtpHeader {
    /// Reads the header of a plain (already unprotected) packet.
    ///
    /// # Errors
    ///
    /// Names what makes the bytes not an RTP packet.
    pub fn parse(packet: &[u8]) -> Result<Self, RtpError> {
        let header_len = header_len(packet)?;
        let fixed: &[u8; HEADER_LEN] = packet.first_chunk().ok_or(RtpError::Short)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3] = *fixed;
        let payload = packet.get(header_len..).ok_or(RtpError::Short)?;

        Ok(Self {
            payload_type: kind & 0x7f,
            marker: kind & 0x80 != 0,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([c0, c1, c2, c3]),
            header_len,
            payload_len: unpadded_len(flags, payload)?,
        })
    }

    /// Where the payload lies in the packet that was parsed.
    #[must_use]
    pub const fn payload_range(&self) -> Range<usize> {
        self.header_len..self.header_len + self.payload_len
    }

    /// The payload in the packet that was parsed; empty for another, shorter one.
    #[must_use]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(self.payload_range()).unwrap_or(&[])
    }
}

/// How many bytes lie before the payload. Holds for protected packets too: SRTP leaves the header
/// readable.
///
/// # Errors
///
/// Names what makes the bytes not an RTP packet.
pub fn header_len(packet: &[u8]) -> Result<usize, RtpError> {
    let fixed: &[u8; HEADER_LEN] = packet.first_chunk().ok_or(RtpError::Short)?;
    let flags = fixed[0];
    if flags >> 6 != 2 {
        return Err(RtpError::Version);
    }
    let mut len = HEADER_LEN + 4 * usize::from(flags & 0x0f);
    if flags & 0x10 != 0 {
        let &[_, _, w0, w1] =
            packet.get(len..).and_then(<[u8]>::first_chunk).ok_or(RtpError::Short)?;
        len += 4 + 4 * usize::from(u16::from_be_bytes([w0, w1]));
    }
    if len > packet.len() {
        return Err(RtpError::Short);
    }

    Ok(len)
}

fn unpadded_len(flags: u8, payload: &[u8]) -> Result<usize, RtpError> {
    if flags & 0x20 == 0 {
        return Ok(payload.len());
    }
    let padding = usize::from(*payload.last().ok_or(RtpError::Padding)?);
    if padding == 0 {
        return Err(RtpError::Padding);
    }

    payload.len().checked_sub(padding).ok_or(RtpError::Padding)
}

/// What [`write_header`] writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// What the payload is; only the low seven bits are sent.
    pub payload_type: u8,
    /// First packet after a silence, or of a telephone-event.
    pub marker: bool,
    /// Counts packets.
    pub sequence: u16,
    /// Counts the codec's clock.
    pub timestamp: u32,
    /// The source of the stream.
    pub ssrc: u32,
}

/// Writes a plain header to the front of `packet` and returns its length, [`HEADER_LEN`]; `None`
/// when the buffer is too short.
pub fn write_header(packet: &mut [u8], fields: Fields) -> Option<usize> {
    let header: &mut [u8; HEADER_LEN] = packet.first_chunk_mut()?;
    header[0] = 0x80;
    header[1] = (fields.payload_type & 0x7f) | (u8::from(fields.marker) << 7);
    header[2..4].copy_from_slice(&fields.sequence.to_be_bytes());
    header[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    header[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());

    Some(HEADER_LEN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Fields {
        Fields {
            payload_type: 111,
            marker: true,
            sequence: 65_535,
            timestamp: 7,
            ssrc: 0xdead_beef,
        }
    }

    #[test]
    fn reads_back_what_it_writes() {
        let mut packet = [0xaa; 20];
        assert_eq!(write_header(&mut packet, sample()), Some(12));

        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!((header.payload_type, header.marker), (111, true));
        assert_eq!((header.sequence, header.timestamp, header.ssrc), (65_535, 7, 0xdead_beef));
        assert_eq!(header.payload(&packet), &[0xaa; 8]);
        assert_eq!(write_header(&mut [0; 11], sample()), None);
    }

    #[test]
    fn steps_over_sources_and_extension_and_cuts_padding() {
        let mut packet = vec![0; 12];
        write_header(&mut packet, sample()).unwrap();
        packet[0] = 0x80 | 0x20 | 0x10 | 2;
        packet.extend_from_slice(&[0; 8]);
        packet.extend_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0x7f, 0, 0]);
        packet.extend_from_slice(&[1, 2, 3, 0, 0, 3]);

        let header = RtpHeader::parse(&packet).unwrap();
        assert_eq!(header.header_len, 28);
        assert_eq!(header.payload(&packet), &[1, 2, 3]);
    }

    #[test]
    fn refuses_padding_that_does_not_fit() {
        let mut packet = vec![0; 14];
        write_header(&mut packet, sample()).unwrap();
        packet[0] |= 0x20;
        assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Padding));
        packet[13] = 3;
        assert_eq!(RtpHeader::parse(&packet), Err(RtpError::Padding));
        packet[13] = 2;
        assert_eq!(RtpHeader::parse(&packet).unwrap().payload_len, 0);
        assert_eq!(RtpHeader::parse(&packet[..12]), Err(RtpError::Padding));
    }

    #[test]
    fn refuses_what_ends_early_and_other_versions() {
        assert_eq!(RtpHeader::parse(&[]), Err(RtpError::Short));
        assert_eq!(RtpHeader::parse(&[0x40; 12]), Err(RtpError::Version));
        assert_eq!(RtpHeader::parse(&[0x81; 12]), Err(RtpError::Short));
        assert_eq!(RtpHeader::parse(&[0x90; 15]), Err(RtpError::Short));
        assert_eq!(RtpHeader::parse(&[0x90; 16]), Err(RtpError::Short));
    }

    #[test]
    fn tells_the_protocols_of_one_port_apart() {
        use DatagramKind::{Dtls, Rtcp, Rtp, Stun, Unknown};
        let cases: [(&[u8], DatagramKind); 12] = [
            (&[], Unknown),
            (&[0], Stun),
            (&[3, 1], Stun),
            (&[4, 1], Unknown),
            (&[20, 254], Dtls),
            (&[63], Dtls),
            (&[64, 0], Unknown),
            (&[128], Unknown),
            (&[128, 111], Rtp),
            (&[128, 111 | 128], Rtp),
            (&[191, 200], Rtcp),
            (&[192, 200], Unknown),
        ];
        for (bytes, kind) in cases {
            assert_eq!(classify(bytes), kind, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(classify(&bytes) == DatagramKind::Stun, matches!(bytes.first(), Some(0..=3)));
            if let Ok(header) = RtpHeader::parse(&bytes) {
                prop_assert!(header.payload_range().end <= bytes.len());
                prop_assert_eq!(header.payload(&bytes).len(), header.payload_len);
            }
        }

        #[test]
        fn any_bytes_that_look_like_rtp_give_a_value(
            mut bytes in proptest::collection::vec(any::<u8>(), 12..80),
            flags in 0x80u8..0xc0,
        ) {
            bytes[0] = flags;
            if let Ok(header) = RtpHeader::parse(&bytes) {
                prop_assert!(header.payload_range().end <= bytes.len());
            }
        }
    }
}
