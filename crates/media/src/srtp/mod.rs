//! How is a packet kept secret and genuine on its way?
//!
//! SRTP and SRTCP after RFC 3711 and RFC 7714, in place in the caller's buffer, one object per
//! direction: a [`Sender`] protects what we send, a [`Receiver`] unprotects what arrives. Both are
//! made from a [`MasterKey`], which comes out of a DTLS handshake ([`KeyingMaterial`], RFC 5764) or
//! out of an SDP `crypto` line (RFC 4568).
//!
//! ```text
//!  RTP    header | payload ............ | tag                 (GCM 16, SHA1 10 bytes)
//!  RTCP   8 bytes | rest .............. | tag | E + index     (GCM)
//!         8 bytes | rest .............. | E + index | tag     (AES-CM)
//!         readable  encrypted
//! ```
//!
//! What the types guarantee: a sender never uses an index twice under one key (with GCM that would
//! give the key away); a receiver is changed only by packets that proved to be genuine, so nobody
//! without the key can shift its window, its rollover counter or its list of sources.

mod cm;
mod gcm;
mod index;
mod kdf;
mod key;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;

use thiserror::Error;

use self::cm::Cm;
use self::gcm::Gcm;
use self::kdf::Stream;
pub use self::key::{KeyError, KeyingMaterial, MasterKey};
pub use self::receiver::Receiver;
pub use self::sender::Sender;

/// Spare bytes a buffer needs behind a plain packet; no profile adds more.
pub const TRAILER_MAX: usize = 32;

/// Bytes of an RTCP packet that stay readable: header and sender.
const RTCP_CLEAR: usize = 8;

/// The word behind an SRTCP packet: encrypted flag and index.
const RTCP_WORD: usize = 4;

/// The encrypted flag in the word behind an SRTCP packet.
const RTCP_ENCRYPTED: u32 = 0x8000_0000;

/// How packets are protected; what two ends agree on in the handshake or in SDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// AES-128 in Galois counter mode (RFC 7714): preferred, cheapest on hardware with AES.
    AeadAes128Gcm,
    /// AES-256 in Galois counter mode (RFC 7714).
    AeadAes256Gcm,
    /// AES-128 in counter mode with an 80-bit HMAC-SHA1 tag (RFC 3711): what everybody has.
    Aes128CmSha1_80,
}

impl Profile {
    /// Bytes of the master key.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::Aes128CmSha1_80 => 16,
            Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }

    /// Bytes to export from a DTLS handshake: both directions' keys and salts.
    #[must_use]
    pub const fn exporter_len(self) -> usize {
        2 * (self.key_len() + self.salt_len())
    }
}

/// Why a packet was not let in. Counted by the caller, never logged per packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SrtpError {
    /// Too short, or not a packet of this protocol at all.
    #[error("the packet is too short or malformed")]
    Short,
    /// Seen before, or older than the window remembers.
    #[error("the packet was seen before or is too old")]
    Replayed,
    /// Altered on the way, or made without the key.
    #[error("the packet is not genuine")]
    Auth,
    /// One source more than a direction keeps track of.
    #[error("too many sources")]
    TooManySources,
}

/// One direction and protocol's keys, ready for use.
///
/// Small, with the key itself behind a pointer in both: four of these lie between the counters of a
/// leg, and thousands of legs share the cache.
enum Cipher {
    Gcm(Gcm),
    Cm(Box<Cm>),
}

impl Cipher {
    fn new(key: &MasterKey, stream: Stream) -> Self {
        let session = kdf::derive(key, stream);
        match key.profile() {
            Profile::AeadAes128Gcm => Self::Gcm(Gcm::aes_128(&session)),
            Profile::AeadAes256Gcm => Self::Gcm(Gcm::aes_256(&session)),
            Profile::Aes128CmSha1_80 => Self::Cm(Box::new(Cm::new(&session))),
        }
    }

    const fn tag_len(&self) -> usize {
        match self {
            Self::Gcm(_) => gcm::TAG_LEN,
            Self::Cm(_) => cm::TAG_LEN,
        }
    }

    /// `buf` ends where the tag shall end.
    fn seal_rtp(&self, buf: &mut [u8], header_len: usize, ssrc: u32, index: u64) -> Option<()> {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtp(buf, header_len, ssrc, index),
            Self::Cm(cm) => cm.seal_rtp(buf, header_len, ssrc, index),
        }
    }

    /// `buf` ends where the tag ends; afterwards everything before the tag is plain.
    fn open_rtp(&self, buf: &mut [u8], header_len: usize, ssrc: u32, index: u64) -> Option<()> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtp(buf, header_len, ssrc, index),
            Self::Cm(cm) => cm.open_rtp(buf, header_len, ssrc, index),
        }
    }

    /// `buf` ends where the trailer shall end.
    fn seal_rtcp(&self, buf: &mut [u8], ssrc: u32, index: u32) -> Option<()> {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtcp(buf, ssrc, index),
            Self::Cm(cm) => cm.seal_rtcp(buf, ssrc, index),
        }
    }

    /// The word with the encrypted flag and the index, readable before anything is proved.
    fn rtcp_word(&self, buf: &[u8]) -> Option<u32> {
        let word_end = match self {
            Self::Gcm(_) => buf.len(),
            Self::Cm(_) => buf.len().checked_sub(cm::TAG_LEN)?,
        };
        let word = buf.get(..word_end)?.last_chunk()?;

        Some(u32::from_be_bytes(*word))
    }

    /// `buf` ends where the trailer ends; afterwards everything before the trailer is plain.
    fn open_rtcp(&self, buf: &mut [u8], ssrc: u32, word: u32) -> Option<()> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtcp(buf, ssrc, word),
            Self::Cm(cm) => cm.open_rtcp(buf, ssrc, word),
        }
    }
}

/// The counter a cipher starts from: salt, source and packet index in one block (RFC 3711 4.1.1,
/// RFC 7714 8.1 and 9.1). `N` is the length of the salt, the source ends 6 bytes before its end.
fn nonce<const N: usize>(salt: &[u8; N], ssrc: u32, index: u64) -> [u8; N] {
    const { assert!(N >= 10, "room for source and index") };
    let mut nonce = *salt;
    let (_, tail) = nonce.split_at_mut(N - 10);
    let [_, _, index @ ..] = index.to_be_bytes();
    for (byte, mix) in tail.iter_mut().zip(ssrc.to_be_bytes().into_iter().chain(index)) {
        *byte ^= mix;
    }

    nonce
}

/// The sender named in an RTCP packet.
fn rtcp_ssrc(packet: &[u8]) -> Option<u32> {
    let [flags, _, _, _, s0, s1, s2, s3] = *packet.first_chunk::<RTCP_CLEAR>()?;

    (flags >> 6 == 2).then(|| u32::from_be_bytes([s0, s1, s2, s3]))
}
