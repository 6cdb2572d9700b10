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
    rtp: Cipher,
    rtp_sources: Sources,
    /// Reports are rare; packets of audio leave their part out of the cache.
    rtcp: Box<Rtcp>,
}

struct Rtcp {
    profile: Profile,
    cipher: Cipher,
    sources: Sources,
}

impl Receiver {
    /// Derives the keys of the direction.
    #[must_use]
    pub fn new(key: &MasterKey) -> Self {
        Self {
            rtp: Cipher::new(key, Stream::Rtp),
            rtp_sources: Sources::default(),
            rtcp: Box::new(Rtcp {
                profile: key.profile(),
                cipher: Cipher::new(key, Stream::Rtcp),
                sources: Sources::default(),
            }),
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
        let Rtcp { cipher, sources, profile: _ } = &mut *self.rtcp;
        let packet = buf.get_mut(..len).ok_or(SrtpError::Short)?;
        let trailer = RTCP_WORD + cipher.tag_len();
        let plain_len = len.checked_sub(trailer).ok_or(SrtpError::Short)?;
        if plain_len < RTCP_CLEAR {
            return Err(SrtpError::Short);
        }
        let ssrc = rtcp_ssrc(packet).ok_or(SrtpError::Short)?;
        let word = cipher.rtcp_word(packet).ok_or(SrtpError::Short)?;
        let index = u64::from(word & !RTCP_ENCRYPTED);

        let slot = sources.slot(ssrc)?;
        if sources.window(slot).is_replay(index) {
            return Err(SrtpError::Replayed);
        }
        cipher.open_rtcp(packet, ssrc, word).ok_or(SrtpError::Auth)?;
        sources.mark(slot, ssrc, index);

        Ok(plain_len)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("profile", &self.rtcp.profile)
            .field("rtp_sources", &self.rtp_sources.len())
            .field("rtcp_sources", &self.rtcp.sources.len())
            .finish_non_exhaustive()
    }
}

/// The sources that proved themselves, with what each has sent lately. One is the rule, and then no
/// memory is chased for it.
#[derive(Default)]
struct Sources {
    first: Option<u32>,
    sent: Window,
    others: Vec<(u32, Window)>,
}

impl Sources {
    const fn len(&self) -> usize {
        self.first.is_some() as usize + self.others.len()
    }

    /// Where the source is, or would be, kept: zero is the first.
    fn slot(&self, ssrc: u32) -> Result<usize, SrtpError> {
        if self.first.is_none_or(|first| first == ssrc) {
            return Ok(0);
        }
        match self.others.iter().position(|(known, _)| *known == ssrc) {
            Some(other) => Ok(other + 1),
            None if self.len() < SOURCES_MAX => Ok(self.len()),
            None => Err(SrtpError::TooManySources),
        }
    }

    /// What the source has sent; nothing, for a new one.
    fn window(&self, slot: usize) -> Window {
        match slot.checked_sub(1) {
            None => self.sent,
            Some(other) => self.others.get(other).map_or_else(Window::default, |(_, sent)| *sent),
        }
    }

    fn mark(&mut self, slot: usize, ssrc: u32, index: u64) {
        match slot.checked_sub(1) {
            None => {
                self.first = Some(ssrc);
                self.sent.mark(index);
            }
            Some(other) => match self.others.get_mut(other) {
                Some((_, sent)) => sent.mark(index),
                None => {
                    let mut sent = Window::default();
                    sent.mark(index);
                    self.others.push((ssrc, sent));
                }
            },
        }
    }
}
