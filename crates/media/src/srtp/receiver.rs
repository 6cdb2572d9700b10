//! One direction of protected packets, from the far side.

use std::fmt;

use super::index::Window;
use super::kdf::Stream;
use super::{
    Cipher, MasterKey, Profile, RTCP_CLEAR, RTCP_ENCRYPTED, RTCP_WORD, SrtpError, rtcp_ssrc,
};
use crate::rtp;

/// How many sources of RTP, and how many of RTCP, one direction may have. A leg has one; a far side
/// that restarts its sender brings a second. Remembering more would let a genuine but broken far
/// side grow our memory; forgetting one would let its old packets in again.
const SOURCES_MAX: usize = 4;

/// Unprotects what arrives. Only a genuine packet changes it.
pub struct Receiver {
    profile: Profile,
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Sources,
    rtcp_sources: Sources,
}

impl Receiver {
    /// Derives the keys of the direction.
    #[must_use]
    pub fn new(key: &MasterKey) -> Self {
        Self {
            profile: key.profile(),
            rtp: Cipher::new(key, Stream::Rtp),
            rtcp: Cipher::new(key, Stream::Rtcp),
            rtp_sources: Sources::default(),
            rtcp_sources: Sources::default(),
        }
    }

    /// Unprotects the RTP packet `buf[..len]` in place and returns its plain length. After an error
    /// the bytes of the packet are of no use.
    ///
    /// # Errors
    ///
    /// Says why the packet was not let in.
    pub fn unprotect_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let packet = buf.get_mut(..len).ok_or(SrtpError::Short)?;
        let plain_len = len.checked_sub(self.rtp.tag_len()).ok_or(SrtpError::Short)?;
        let readable = packet.get(..plain_len).ok_or(SrtpError::Short)?;
        let header_len = rtp::header_len(readable).map_err(|_| SrtpError::Short)?;
        let fixed: &[u8; rtp::HEADER_LEN] = readable.first_chunk().ok_or(SrtpError::Short)?;
        let [_, _, q0, q1, _, _, _, _, s0, s1, s2, s3] = *fixed;
        let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);

        let slot = self.rtp_sources.slot(ssrc)?;
        let window = self.rtp_sources.window(slot);
        let index = window.estimate(u16::from_be_bytes([q0, q1]));
        if window.is_replay(index) {
            return Err(SrtpError::Replayed);
        }
        self.rtp.open_rtp(packet, header_len, ssrc, index).ok_or(SrtpError::Auth)?;
        self.rtp_sources.mark(slot, ssrc, index);

        Ok(plain_len)
    }

    /// Unprotects the compound RTCP packet `buf[..len]` in place and returns its plain length. After
    /// an error the bytes of the packet are of no use.
    ///
    /// # Errors
    ///
    /// Says why the packet was not let in.
    pub fn unprotect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let packet = buf.get_mut(..len).ok_or(SrtpError::Short)?;
        let trailer = RTCP_WORD + self.rtcp.tag_len();
        let plain_len = len.checked_sub(trailer).ok_or(SrtpError::Short)?;
        if plain_len < RTCP_CLEAR {
            return Err(SrtpError::Short);
        }
        let ssrc = rtcp_ssrc(packet).ok_or(SrtpError::Short)?;
        let word = self.rtcp.rtcp_word(packet).ok_or(SrtpError::Short)?;
        let index = u64::from(word & !RTCP_ENCRYPTED);

        let slot = self.rtcp_sources.slot(ssrc)?;
        if self.rtcp_sources.window(slot).is_replay(index) {
            return Err(SrtpError::Replayed);
        }
        self.rtcp.open_rtcp(packet, ssrc, word).ok_or(SrtpError::Auth)?;
        self.rtcp_sources.mark(slot, ssrc, index);

        Ok(plain_len)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("profile", &self.profile)
            .field("rtp_sources", &self.rtp_sources.len)
            .field("rtcp_sources", &self.rtcp_sources.len)
            .finish_non_exhaustive()
    }
}

/// The sources that proved themselves, with what each has sent lately.
#[derive(Default)]
struct Sources {
    windows: [(u32, Window); SOURCES_MAX],
    len: usize,
}

impl Sources {
    /// Where the source is, or would be, kept.
    fn slot(&self, ssrc: u32) -> Result<usize, SrtpError> {
        let known = self.windows.iter().take(self.len).position(|(known, _)| *known == ssrc);
        match known {
            Some(slot) => Ok(slot),
            None if self.len < SOURCES_MAX => Ok(self.len),
            None => Err(SrtpError::TooManySources),
        }
    }

    /// What the source has sent; nothing, for a new one.
    fn window(&self, slot: usize) -> Window {
        self.windows.get(slot).map_or_else(Window::default, |(_, window)| *window)
    }

    fn mark(&mut self, slot: usize, ssrc: u32, index: u64) {
        let Some((known, window)) = self.windows.get_mut(slot) else {
            return;
        };
        *known = ssrc;
        window.mark(index);
        self.len = self.len.max(slot + 1);
    }
}
