//! AES in Galois counter mode: secrecy and proof in one pass (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};

use super::kdf::SessionKeys;
use super::{RTCP_CLEAR, RTCP_ENCRYPTED, RTCP_WORD, nonce};

pub(super) const TAG_LEN: usize = 16;
const SALT_LEN: usize = 12;

pub(super) struct Gcm {
    key: LessSafeKey,
    salt: [u8; SALT_LEN],
}

impl Gcm {
    pub(super) fn aes_128(keys: &SessionKeys) -> Self {
        Self::new(&AES_128_GCM, &keys.cipher[..16], keys)
    }

    pub(super) fn aes_256(keys: &SessionKeys) -> Self {
        Self::new(&AES_256_GCM, &keys.cipher, keys)
    }

    fn new(algorithm: &'static Algorithm, key: &[u8], keys: &SessionKeys) -> Self {
        let key = UnboundKey::new(algorithm, key).expect("the key has the algorithm's length");
        let salt = *keys.salt.first_chunk().expect("14 bytes hold 12");

        Self { key: LessSafeKey::new(key), salt }
    }

    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        Nonce::assume_unique_for_key(nonce(&self.salt, ssrc, index))
    }

    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        let (header, rest) = buf.split_at_mut_checked(header_len)?;
        let (payload, tag_out) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        let nonce = self.nonce(ssrc, index);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload).ok()?;
        tag_out.copy_from_slice(tag.as_ref());

        Some(())
    }

    pub(super) fn open_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        let (header, sealed) = buf.split_at_mut_checked(header_len)?;
        let nonce = self.nonce(ssrc, index);

        self.key.open_in_place(nonce, Aad::from(&*header), sealed).ok().map(drop)
    }

    pub(super) fn seal_rtcp(&self, buf: &mut [u8], ssrc: u32, index: u32) -> Option<()> {
        let word = index | RTCP_ENCRYPTED;
        let (packet, word_out) = buf.split_last_chunk_mut::<RTCP_WORD>()?;
        word_out.copy_from_slice(&word.to_be_bytes());
        let (clear, rest) = packet.split_first_chunk_mut::<RTCP_CLEAR>()?;
        let (body, tag_out) = rest.split_last_chunk_mut::<TAG_LEN>()?;
        let nonce = self.nonce(ssrc, u64::from(index));
        let aad = rtcp_aad(clear, word);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), body).ok()?;
        tag_out.copy_from_slice(tag.as_ref());

        Some(())
    }

    pub(super) fn open_rtcp(&self, buf: &mut [u8], ssrc: u32, word: u32) -> Option<()> {
        let nonce = self.nonce(ssrc, u64::from(word & !RTCP_ENCRYPTED));
        if word & RTCP_ENCRYPTED == 0 {
            return self.check_readable_rtcp(buf, nonce, word);
        }
        let (packet, _) = buf.split_last_chunk_mut::<RTCP_WORD>()?;
        let (clear, sealed) = packet.split_first_chunk_mut::<RTCP_CLEAR>()?;
        let aad = rtcp_aad(clear, word);

        self.key.open_in_place(nonce, Aad::from(aad), sealed).ok().map(drop)
    }

    /// A packet whose sender chose to prove but not to hide it: everything but the tag is proved,
    /// packet and word in one run, so the word moves over the tag.
    fn check_readable_rtcp(&self, buf: &mut [u8], nonce: Nonce, word: u32) -> Option<()> {
        let (packet_and_tag, _) = buf.split_last_chunk_mut::<RTCP_WORD>()?;
        let (_, tag) = packet_and_tag.split_last_chunk::<TAG_LEN>()?;
        let tag = *tag;
        let packet_len = packet_and_tag.len() - TAG_LEN;
        let proved = buf.get_mut(..packet_len + RTCP_WORD)?;
        proved.last_chunk_mut::<RTCP_WORD>()?.copy_from_slice(&word.to_be_bytes());

        self.key.open_separate_gather(nonce, Aad::from(&*proved), &[], &tag, &mut []).ok()
    }
}

fn rtcp_aad(clear: &[u8; RTCP_CLEAR], word: u32) -> [u8; RTCP_CLEAR + RTCP_WORD] {
    let mut aad = [0; RTCP_CLEAR + RTCP_WORD];
    aad[..RTCP_CLEAR].copy_from_slice(clear);
    aad[RTCP_CLEAR..].copy_from_slice(&word.to_be_bytes());

    aad
}
