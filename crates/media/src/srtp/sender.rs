//! One direction of protected packets, from our side.

use std::fmt;

use super::index::Window;
use super::kdf::Stream;
use super::{Cipher, MasterKey, Profile, RTCP_ENCRYPTED, RTCP_WORD, rtcp_ssrc};
use crate::rtp;

/// After this many packets a key is used up (RFC 3711 section 9.2).
const RTP_INDEX_END: u64 = 1 << 48;

/// Protects what we send: RTP of one source, and RTCP.
///
/// It answers `None` for a packet that must not leave: malformed, of another source, without room
/// for the trailer, with a sequence number that was used before, or under a used-up key.
///
/// The first sequence number of the stream should be below 32,768: a receiver that misses the
/// packets before the first rollover can otherwise never find its place (RFC 3711 section 3.3.1).
pub struct Sender {
    rtp: Cipher,
    ssrc: Option<u32>,
    sent: Window,
    /// Reports are rare; packets of audio leave their part out of the cache.
    rtcp: Box<Rtcp>,
}

struct Rtcp {
    profile: Profile,
    cipher: Cipher,
    index: u32,
}

impl Sender {
    /// Derives the keys of the direction.
    #[must_use]
    pub fn new(key: &MasterKey) -> Self {
        Self {
            rtp: Cipher::new(key, Stream::Rtp),
            ssrc: None,
            sent: Window::default(),
            rtcp: Box::new(Rtcp {
                profile: key.profile(),
                cipher: Cipher::new(key, Stream::Rtcp),
                index: 0,
            }),
        }
    }

    /// Protects the RTP packet `buf[..len]` in place and returns its new length. At least
    /// [`super::TRAILER_MAX`] spare bytes should follow the packet.
    pub fn protect_rtp(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        let header = rtp::RtpHeader::parse(buf.get(..len)?).ok()?;
        if self.ssrc.is_some_and(|ssrc| ssrc != header.ssrc) {
            return None;
        }
        let index = self.sent.estimate(header.sequence);
        if index >= RTP_INDEX_END || self.sent.is_replay(index) {
            return None;
        }
        let protected = buf.get_mut(..len + self.rtp.tag_len())?;
        let protected_len = protected.len();
        // Marked before the cipher runs, so that no failure can lead to a second use.
        self.sent.mark(index);
        self.ssrc = Some(header.ssrc);
        self.rtp.seal_rtp(protected, header.header_len, header.ssrc, index)?;

        Some(protected_len)
    }

    /// Protects the compound RTCP packet `buf[..len]` in place and returns its new length. At least
    /// [`super::TRAILER_MAX`] spare bytes should follow the packet.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Option<usize> {
        let Rtcp { cipher, index: next, profile: _ } = &mut *self.rtcp;
        let ssrc = rtcp_ssrc(buf.get(..len)?)?;
        let protected = buf.get_mut(..len + RTCP_WORD + cipher.tag_len())?;
        let protected_len = protected.len();
        let index = *next;
        if index >= RTCP_ENCRYPTED {
            return None;
        }
        *next += 1;
        cipher.seal_rtcp(protected, ssrc, index)?;

        Some(protected_len)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender")
            .field("profile", &self.rtcp.profile)
            .field("ssrc", &self.ssrc)
            .field("rtcp_index", &self.rtcp.index)
            .finish_non_exhaustive()
    }
}
