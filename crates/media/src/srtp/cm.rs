//! AES in counter mode with an HMAC-SHA1 tag of 80 bits (RFC 3711).
//!
//! The expanded AES key and the keyed state of the HMAC are made once; setting them up per packet
//! would cost more than the packet.

use aes::Aes128Enc;
use cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroize;

use super::kdf::SessionKeys;
use super::{RTCP_CLEAR, RTCP_ENCRYPTED, RTCP_WORD, nonce};

pub(super) const TAG_LEN: usize = 10;
const SALT_LEN: usize = 14;

pub(super) struct Cm {
    key: Aes128Enc,
    salt: [u8; SALT_LEN],
    auth: Hmac<Sha1>,
}

impl Drop for Cm {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

impl Cm {
    pub(super) fn new(keys: &SessionKeys) -> Self {
        let fits = "a session key has its algorithm's length";

        Self {
            key: Aes128Enc::new_from_slice(&keys.cipher[..16]).expect(fits),
            salt: keys.salt,
            auth: Hmac::new_from_slice(&keys.auth).expect(fits),
        }
    }

    pub(super) fn seal_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        let (packet, tag_out) = buf.split_last_chunk_mut::<TAG_LEN>()?;
        self.apply(packet.get_mut(header_len..)?, ssrc, index);
        let tag = self.mac(packet, rollover(index)).finalize().into_bytes();
        *tag_out = *tag.first_chunk()?;

        Some(())
    }

    pub(super) fn open_rtp(
        &self,
        buf: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Option<()> {
        let (packet, tag) = buf.split_last_chunk_mut::<TAG_LEN>()?;
        self.mac(packet, rollover(index)).verify_truncated_left(tag).ok()?;
        self.apply(packet.get_mut(header_len..)?, ssrc, index);

        Some(())
    }

    pub(super) fn seal_rtcp(&self, buf: &mut [u8], ssrc: u32, index: u32) -> Option<()> {
        let word = (index | RTCP_ENCRYPTED).to_be_bytes();
        let (packet_and_word, tag_out) = buf.split_last_chunk_mut::<TAG_LEN>()?;
        let (packet, word_out) = packet_and_word.split_last_chunk_mut::<RTCP_WORD>()?;
        self.apply(packet.get_mut(RTCP_CLEAR..)?, ssrc, u64::from(index));
        *word_out = word;
        let tag = self.mac(packet, word).finalize().into_bytes();
        *tag_out = *tag.first_chunk()?;

        Some(())
    }

    pub(super) fn open_rtcp(&self, buf: &mut [u8], ssrc: u32, word: u32) -> Option<()> {
        let (packet_and_word, tag) = buf.split_last_chunk_mut::<TAG_LEN>()?;
        let (packet, _) = packet_and_word.split_last_chunk_mut::<RTCP_WORD>()?;
        self.mac(packet, word.to_be_bytes()).verify_truncated_left(tag).ok()?;
        if word & RTCP_ENCRYPTED != 0 {
            let index = u64::from(word & !RTCP_ENCRYPTED);
            self.apply(packet.get_mut(RTCP_CLEAR..)?, ssrc, index);
        }

        Some(())
    }

    /// The tag covers the packet and four bytes more: the rollover counter, which does not travel,
    /// or the word behind an RTCP packet.
    fn mac(&self, packet: &[u8], more: [u8; 4]) -> Hmac<Sha1> {
        let mut mac = self.auth.clone();
        mac.update(packet);
        mac.update(&more);

        mac
    }

    fn apply(&self, bytes: &mut [u8], ssrc: u32, index: u64) {
        let mut counter = [0; 16];
        counter[..SALT_LEN].copy_from_slice(&nonce(&self.salt, ssrc, index));
        let core = CtrCore::<&Aes128Enc, Ctr128BE>::inner_iv_init(&self.key, &counter.into());
        StreamCipherCoreWrapper::from_core(core).apply_keystream(bytes);
    }
}

fn rollover(index: u64) -> [u8; 4] {
    let [_, _, rollover @ .., _, _] = index.to_be_bytes();

    rollover
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 appendix B.2: the keystream at its start and where the block counter carries over.
    #[test]
    fn makes_the_keystream_of_rfc_3711() {
        let mut keys = SessionKeys { cipher: [0; 32], auth: [0; 20], salt: [0; 14] };
        keys.cipher[..16]
            .copy_from_slice(&hex::decode("2b7e151628aed2a6abf7158809cf4f3c").unwrap());
        keys.salt.copy_from_slice(&hex::decode("f0f1f2f3f4f5f6f7f8f9fafbfcfd").unwrap());
        let mut stream = vec![0; 0xff02 * 16];
        Cm::new(&keys).apply(&mut stream, 0, 0);

        let block = |n: usize| hex::encode(&stream[n * 16..][..16]);
        assert_eq!(block(0), "e03ead0935c95e80e166b16dd92b4eb4");
        assert_eq!(block(1), "d23513162b02d0f72a43a2fe4a5f97ab");
        assert_eq!(block(2), "41e95b3bb0a2e8dd477901e4fca894c0");
        assert_eq!(block(0xfeff), "ec8cdf7398607cb0f2d21675ea9ea1e4");
        assert_eq!(block(0xff00), "362b7c3c6773516318a077d7fc5073ae");
        assert_eq!(block(0xff01), "6a2cc3787889374fbeb4c81b17ba6c44");
    }
}
