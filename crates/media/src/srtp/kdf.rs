//! How does one master key become the keys of a stream?
//!
//! By running AES in counter mode over a label (RFC 3711 section 4.3, RFC 6188 for AES-256). Keys
//! are derived once per stream: the key derivation rate is always zero, as DTLS-SRTP prescribes.

use aes::{Aes128, Aes256};
use cipher::{KeyIvInit, StreamCipher};
use ctr::Ctr128BE;
use zeroize::Zeroize;

use super::Profile;
use super::key::{KEY_MAX, MasterKey, SALT_MAX};

/// Which protocol the keys are for; the labels of RFC 3711 section 4.3.2.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Rtp,
    Rtcp,
}

impl Stream {
    const fn first_label(self) -> u8 {
        match self {
            Self::Rtp => 0,
            Self::Rtcp => 3,
        }
    }
}

pub(super) const AUTH_LEN: usize = 20;

/// The keys of one direction and protocol, on their way into a cipher.
pub(super) struct SessionKeys {
    /// Only the first half is used with 128-bit keys.
    pub(super) cipher: [u8; KEY_MAX],
    /// Not used with GCM.
    pub(super) auth: [u8; AUTH_LEN],
    /// Only the first 12 bytes are used with GCM.
    pub(super) salt: [u8; SALT_MAX],
}

impl Drop for SessionKeys {
    fn drop(&mut self) {
        self.cipher.zeroize();
        self.auth.zeroize();
        self.salt.zeroize();
    }
}

pub(super) fn derive(master: &MasterKey, stream: Stream) -> SessionKeys {
    let profile = master.profile();
    let label = stream.first_label();
    let mut keys = SessionKeys { cipher: [0; KEY_MAX], auth: [0; AUTH_LEN], salt: [0; SALT_MAX] };
    keystream(master, label, &mut keys.cipher[..profile.key_len()]);
    match profile {
        Profile::Aes128CmSha1_80 => keystream(master, label + 1, &mut keys.auth),
        Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => {}
    }
    keystream(master, label + 2, &mut keys.salt[..profile.salt_len()]);

    keys
}

/// Fills `out`, which holds zeros, with the keystream for `label`.
fn keystream(master: &MasterKey, label: u8, out: &mut [u8]) {
    let mut counter = [0; 16];
    counter[..SALT_MAX].copy_from_slice(master.salt());
    counter[7] ^= label;
    let fits = "a master key has its profile's length";
    match master.profile() {
        Profile::AeadAes128Gcm | Profile::Aes128CmSha1_80 => {
            Ctr128BE::<Aes128>::new_from_slices(master.key(), &counter)
                .expect(fits)
                .apply_keystream(out);
        }
        Profile::AeadAes256Gcm => {
            Ctr128BE::<Aes256>::new_from_slices(master.key(), &counter)
                .expect(fits)
                .apply_keystream(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use hex::decode;

    use super::*;

    fn labelled(master: &MasterKey, label: u8, len: usize) -> String {
        let mut out = vec![0; len];
        keystream(master, label, &mut out);
        hex::encode(out)
    }

    /// RFC 3711 appendix B.3.
    #[test]
    fn derives_the_keys_of_rfc_3711() {
        let master = MasterKey::new(
            Profile::Aes128CmSha1_80,
            &decode("e1f97a0d3e018be0d64fa32c06de4139").unwrap(),
            &decode("0ec675ad498afeebb6960b3aabe6").unwrap(),
        )
        .unwrap();

        assert_eq!(labelled(&master, 0, 16), "c61e7a93744f39ee10734afe3ff7a087");
        assert_eq!(labelled(&master, 2, 14), "30cbbc08863d8c85d49db34a9ae1");
        assert_eq!(
            labelled(&master, 1, 94),
            "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbce\
             e049646c43d9327ad175578ef72270986371c10c9a369ac2f94a8c5fbcdddc25\
             6d6e919a48b610ef17c2041e474035766b68642c59bbfc2f34db60dbdfb2"
        );

        let keys = derive(&master, Stream::Rtp);
        assert_eq!(hex::encode(&keys.cipher[..16]), "c61e7a93744f39ee10734afe3ff7a087");
        assert_eq!(hex::encode(keys.auth), "cebe321f6ff7716b6fd4ab49af256a156d38baa4");
        assert_eq!(hex::encode(keys.salt), "30cbbc08863d8c85d49db34a9ae1");
    }

    /// RFC 6188 section 7.2. Its salt is that of the counter-mode suites, two bytes longer than GCM's.
    #[test]
    fn derives_the_keys_of_rfc_6188() {
        let mut master = MasterKey::new(
            Profile::AeadAes256Gcm,
            &decode("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6").unwrap(),
            &[0; 12],
        )
        .unwrap();
        master.set_salt(decode("3b04803de51ee7c96423ab5b78d2").unwrap().try_into().unwrap());

        assert_eq!(
            labelled(&master, 0, 32),
            "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
        );
        assert_eq!(labelled(&master, 2, 14), "fa31791685ca444a9e07c6c64e93");
        assert_eq!(labelled(&master, 1, 20), "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
    }

    #[test]
    fn gives_each_protocol_its_own_keys() {
        let master = MasterKey::new(Profile::AeadAes128Gcm, &[7; 16], &[9; 12]).unwrap();
        let (rtp, rtcp) = (derive(&master, Stream::Rtp), derive(&master, Stream::Rtcp));
        assert_eq!(hex::encode(&rtcp.cipher[..16]), labelled(&master, 3, 16));
        assert_eq!(hex::encode(&rtcp.salt[..12]), labelled(&master, 5, 12));
        assert_ne!(rtp.cipher, rtcp.cipher);
        assert_ne!(rtp.salt, rtcp.salt);
    }
}
