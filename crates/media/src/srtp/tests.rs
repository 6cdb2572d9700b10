//! Whole packets: the vectors of the RFCs, and what two ends may rely on.

use hex::{decode, encode};
use proptest::prelude::*;

use super::kdf::SessionKeys;
use super::*;
use crate::rtp::{Fields, write_header};

const PROFILES: [Profile; 3] =
    [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::Aes128CmSha1_80];

fn pair(profile: Profile) -> (Sender, Receiver) {
    let key = master(profile, 3);

    (Sender::new(&key), Receiver::new(&key))
}

fn master(profile: Profile, seed: u8) -> MasterKey {
    let bytes: Vec<u8> = (0..64).map(|n: u8| n.wrapping_mul(31).wrapping_add(seed)).collect();

    MasterKey::from_inline(profile, &bytes[..profile.key_len() + profile.salt_len()]).unwrap()
}

/// A plain packet with its payload of 40 bytes, in a buffer with room for the trailer.
fn packet(ssrc: u32, sequence: u16) -> (Vec<u8>, usize) {
    let mut buf = vec![0; 12 + 40 + TRAILER_MAX];
    let fields =
        Fields { payload_type: 111, marker: false, sequence, timestamp: u32::from(sequence), ssrc };
    write_header(&mut buf, fields).unwrap();
    buf[12..52].fill(0x5a);

    (buf, 52)
}

fn report(ssrc: u32) -> (Vec<u8>, usize) {
    let mut buf = vec![0; 200];
    let report = crate::rtcp::Report { ssrc, sender: None, block: None, cname: "offhook" };
    let len = crate::rtcp::write_report(&mut buf, &report).unwrap();

    (buf, len)
}

/// A protected packet, ready to arrive.
fn protected(sender: &mut Sender, sequence: u16) -> Vec<u8> {
    let (mut buf, len) = packet(1, sequence);
    let len = sender.protect_rtp(&mut buf, len).unwrap();
    buf.truncate(len);

    buf
}

fn arrive(receiver: &mut Receiver, packet: &[u8]) -> Result<usize, SrtpError> {
    receiver.unprotect_rtp(&mut packet.to_vec(), packet.len())
}

// ---- RFC 7714, sections 16 and 17, and the reference values of libsrtp

fn rfc_7714(key_len: usize) -> Cipher {
    let mut keys = SessionKeys { cipher: [0; 32], auth: [0; 20], salt: [0; 14] };
    for (n, byte) in (0..).zip(&mut keys.cipher) {
        *byte = n;
    }
    keys.salt[..12].copy_from_slice(b"Quid pro quo");

    Cipher::Gcm(if key_len == 16 { Gcm::aes_128(&keys) } else { Gcm::aes_256(&keys) })
}

const RTP: &str = "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120\
                   696e207061727465732074726573";
const SRTP_128: &str = "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f\
                        42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce";
const SRTP_256: &str = "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3\
                        b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13";

#[test]
fn rtp_is_sealed_and_opened_as_in_rfc_7714() {
    for (key_len, srtp) in [(16, SRTP_128), (32, SRTP_256)] {
        let cipher = rfc_7714(key_len);
        let mut buf = decode(RTP).unwrap();
        let plain = buf.clone();
        buf.extend_from_slice(&[0; 16]);

        cipher.seal_rtp(&mut buf, 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(encode(&buf), srtp);
        cipher.open_rtp(&mut buf, 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(&buf[..plain.len()], plain);
    }
}

const RTCP: &str = "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeef\
                    deadbeefdeadbeefdeadbeefdeadbeef";
const SRTCP_128: &str = "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1\
                         730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade\
                         800005d4";
const SRTCP_256: &str = "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1\
                         110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be\
                         800005d4";
const TAG_128: &str = "841dd9683dd78ec92ae58790125f62b3";
const TAG_256: &str = "91db4afbfeee5a978fab4393ed2615fe";

#[test]
fn rtcp_is_sealed_and_opened_as_in_rfc_7714() {
    for (key_len, srtcp) in [(16, SRTCP_128), (32, SRTCP_256)] {
        let cipher = rfc_7714(key_len);
        let mut buf = decode(RTCP).unwrap();
        let plain = buf.clone();
        buf.extend_from_slice(&[0; 20]);

        cipher.seal_rtcp(&mut buf, 0x4d61_7273, 0x5d4).unwrap();
        assert_eq!(encode(&buf), srtcp);
        let word = cipher.rtcp_word(&buf).unwrap();
        assert_eq!(word, 0x8000_05d4);
        cipher.open_rtcp(&mut buf, 0x4d61_7273, word).unwrap();
        assert_eq!(&buf[..plain.len()], plain);
    }
}

#[test]
fn rtcp_that_is_proved_but_not_hidden_is_opened_as_in_rfc_7714() {
    for (key_len, tag) in [(16, TAG_128), (32, TAG_256)] {
        let cipher = rfc_7714(key_len);
        let mut buf = decode(format!("{RTCP}{tag}000005d4")).unwrap();
        let plain_len = buf.len() - 20;
        let word = cipher.rtcp_word(&buf).unwrap();
        cipher.open_rtcp(&mut buf, 0x4d61_7273, word).unwrap();
        assert_eq!(buf[..plain_len], decode(RTCP).unwrap());

        let mut altered = decode(format!("{RTCP}{tag}000005d4")).unwrap();
        altered[20] ^= 1;
        assert!(cipher.open_rtcp(&mut altered, 0x4d61_7273, word).is_none());
    }
}

/// libsrtp's `srtp_validate`: master key to packet, through the key derivation.
#[test]
fn counter_mode_packets_are_those_of_libsrtp() {
    let key = MasterKey::from_inline(
        Profile::Aes128CmSha1_80,
        &decode("e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6").unwrap(),
    )
    .unwrap();
    let mut buf = decode(format!("800f1234decafbadcafebabe{}", "ab".repeat(16))).unwrap();
    buf.resize(28 + TRAILER_MAX, 0);
    let len = Sender::new(&key).protect_rtp(&mut buf, 28).unwrap();
    assert_eq!(
        encode(&buf[..len]),
        "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb"
    );

    let srtcp = "81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798";
    let mut buf = decode(srtcp).unwrap();
    let len = buf.len();
    assert_eq!(Receiver::new(&key).unprotect_rtcp(&mut buf, len), Ok(24));
    assert_eq!(encode(&buf[..24]), format!("81c8000bcafebabe{}", "ab".repeat(16)));

    let mut sender = Sender::new(&key);
    let mut buf = decode(format!("81c8000bcafebabe{}", "ab".repeat(16))).unwrap();
    buf.resize(24 + TRAILER_MAX, 0);
    sender.protect_rtcp(&mut buf.clone(), 24).unwrap();
    let len = sender.protect_rtcp(&mut buf, 24).unwrap();
    assert_eq!(encode(&buf[..len]), srtcp);
}

// ---- What two ends may rely on

#[test]
fn what_one_end_protects_the_other_reads() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        for sequence in [9, 10, 11] {
            let mut bytes = protected(&mut sender, sequence);
            let (plain, plain_len) = packet(1, sequence);
            assert_eq!(bytes[..12], plain[..12], "the header stays readable");
            assert_ne!(bytes[12..52], plain[12..52]);
            let len = bytes.len();
            assert_eq!(receiver.unprotect_rtp(&mut bytes, len), Ok(plain_len));
            assert_eq!(bytes[..plain_len], plain[..plain_len]);
        }
        for _ in 0..3 {
            let (mut buf, plain_len) = report(5);
            let plain = buf[..plain_len].to_vec();
            let len = sender.protect_rtcp(&mut buf, plain_len).unwrap();
            assert!(len <= plain_len + TRAILER_MAX);
            assert_ne!(buf[8..plain_len], plain[8..]);
            assert_eq!(receiver.unprotect_rtcp(&mut buf, len), Ok(plain_len));
            assert_eq!(buf[..plain_len], plain);
        }
    }
}

#[test]
fn contributing_sources_and_extension_stay_readable_and_proved() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let mut buf = vec![0; 12 + 4 + 8 + 10 + TRAILER_MAX];
        let fields = Fields { payload_type: 0, marker: true, sequence: 1, timestamp: 2, ssrc: 3 };
        write_header(&mut buf, fields).unwrap();
        buf[0] |= 0x11;
        buf[16..24].copy_from_slice(&[0xbe, 0xde, 0, 1, 0x10, 0x55, 0, 0]);
        let plain = buf[..34].to_vec();
        let len = sender.protect_rtp(&mut buf, 34).unwrap();
        assert_eq!(buf[..24], plain[..24]);

        let mut altered = buf.clone();
        altered[21] ^= 1;
        assert_eq!(receiver.unprotect_rtp(&mut altered, len), Err(SrtpError::Auth));
        assert_eq!(receiver.unprotect_rtp(&mut buf, len), Ok(34));
        assert_eq!(buf[..34], plain);
    }
}

#[test]
fn every_altered_bit_is_noticed() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let genuine = protected(&mut sender, 700);
        // The version bits and the length of the header decide whether it is a packet at all.
        for bit in 8..genuine.len() * 8 {
            let mut altered = genuine.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(arrive(&mut receiver, &altered), Err(SrtpError::Auth), "bit {bit}");
        }
        assert!(arrive(&mut receiver, &genuine).is_ok());
        assert_eq!(arrive(&mut receiver, &genuine), Err(SrtpError::Replayed));

        let (mut buf, len) = report(5);
        let len = sender.protect_rtcp(&mut buf, len).unwrap();
        for bit in 8..len * 8 {
            let mut altered = buf.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(receiver.unprotect_rtcp(&mut altered, len), Err(SrtpError::Auth));
        }
        assert!(receiver.unprotect_rtcp(&mut buf.clone(), len).is_ok());
        assert_eq!(receiver.unprotect_rtcp(&mut buf, len), Err(SrtpError::Replayed));
    }
}

#[test]
fn other_keys_do_not_open_it() {
    for profile in PROFILES {
        let (mut sender, _) = pair(profile);
        let mut stranger = Receiver::new(&master(profile, 4));
        assert_eq!(arrive(&mut stranger, &protected(&mut sender, 1)), Err(SrtpError::Auth));
    }
}

#[test]
fn the_rollover_counter_follows_reordering_around_the_wrap() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let order = [65_530, 65_533, 1, 65_534, 0, 65_535, 3, 65_531, 2, 65_532];
        let mut sorted: Vec<u16> = order.to_vec();
        sorted.sort_by_key(|sequence| sequence.wrapping_sub(65_530));
        let packets: Vec<(u16, Vec<u8>)> =
            sorted.iter().map(|&sequence| (sequence, protected(&mut sender, sequence))).collect();

        for sequence in order {
            let (_, bytes) = packets.iter().find(|(known, _)| *known == sequence).unwrap();
            assert!(arrive(&mut receiver, bytes).is_ok(), "{sequence}");
            assert_eq!(arrive(&mut receiver, bytes), Err(SrtpError::Replayed), "{sequence}");
        }
    }
}

#[test]
fn a_sender_that_passes_on_reordered_packets_keeps_the_rollover_counter() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        for sequence in [65_534, 0, 65_535, 2, 1, 3] {
            let bytes = protected(&mut sender, sequence);
            assert!(arrive(&mut receiver, &bytes).is_ok(), "{sequence}");
        }
    }
}

#[test]
fn the_rollover_counter_counts_many_wraps() {
    let (mut sender, mut receiver) = pair(Profile::Aes128CmSha1_80);
    // Jumps of nearly half the range: 40 packets pass the wrap 19 times.
    for step in 0..40u32 {
        let sequence = u16::try_from(step * 32_000 % 65_536).unwrap();
        let bytes = protected(&mut sender, sequence);
        assert!(arrive(&mut receiver, &bytes).is_ok(), "step {step}");
    }
}

#[test]
fn the_window_lets_in_what_is_late_and_keeps_out_what_is_too_late() {
    let (mut sender, mut receiver) = pair(Profile::AeadAes128Gcm);
    let packets: Vec<Vec<u8>> = (0..200).map(|n| protected(&mut sender, n)).collect();
    assert!(arrive(&mut receiver, &packets[150]).is_ok());
    assert!(arrive(&mut receiver, &packets[23]).is_ok(), "127 behind");
    assert_eq!(arrive(&mut receiver, &packets[22]), Err(SrtpError::Replayed), "128 behind");
    assert_eq!(arrive(&mut receiver, &packets[23]), Err(SrtpError::Replayed));
    assert!(arrive(&mut receiver, &packets[199]).is_ok());
    assert_eq!(arrive(&mut receiver, &packets[150]), Err(SrtpError::Replayed));
}

#[test]
fn a_forged_packet_changes_nothing() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        assert!(arrive(&mut receiver, &protected(&mut sender, 100)).is_ok());
        let next = protected(&mut sender, 101);

        // Far ahead in sequence, of new sources, and with the next packet's own number.
        for n in 0..500u16 {
            let mut forged = next.clone();
            forged[2..4].copy_from_slice(&n.wrapping_mul(211).wrapping_add(101).to_be_bytes());
            forged[8..12].copy_from_slice(&u32::from(1 + n % 7).to_be_bytes());
            forged[20] ^= 1;
            assert!(matches!(
                arrive(&mut receiver, &forged),
                Err(SrtpError::Auth | SrtpError::Replayed)
            ));
        }
        assert!(arrive(&mut receiver, &next).is_ok());
        assert!(arrive(&mut receiver, &protected(&mut sender, 102)).is_ok());
    }
}

#[test]
fn each_source_has_its_own_count_and_a_fifth_is_refused() {
    let key = master(Profile::AeadAes256Gcm, 3);
    let mut receiver = Receiver::new(&key);
    let from = |ssrc: u32, sequence: u16| {
        let (mut buf, len) = packet(ssrc, sequence);
        let len = Sender::new(&key).protect_rtp(&mut buf, len).unwrap();
        buf.truncate(len);
        buf
    };
    for ssrc in 1..=4 {
        assert!(arrive(&mut receiver, &from(ssrc, 7)).is_ok());
        assert_eq!(arrive(&mut receiver, &from(ssrc, 7)), Err(SrtpError::Replayed));
    }
    assert_eq!(arrive(&mut receiver, &from(5, 7)), Err(SrtpError::TooManySources));
    assert!(arrive(&mut receiver, &from(2, 8)).is_ok());
}

#[test]
fn a_number_is_never_used_twice_under_one_key() {
    for profile in PROFILES {
        let (mut sender, _) = pair(profile);
        protected(&mut sender, 10);
        let (mut again, len) = packet(1, 10);
        let before = again.clone();
        assert_eq!(sender.protect_rtp(&mut again, len), None);
        assert_eq!(again, before);
        let (mut other, len) = packet(2, 11);
        assert_eq!(sender.protect_rtp(&mut other, len), None, "one source per sender");
        protected(&mut sender, 500);
        let (mut old, len) = packet(1, 300);
        assert_eq!(sender.protect_rtp(&mut old, len), None, "too old to know");
    }
}

#[test]
fn a_buffer_without_room_is_refused_before_a_number_is_spent() {
    for profile in PROFILES {
        let (mut sender, mut receiver) = pair(profile);
        let (mut buf, len) = packet(1, 1);
        assert_eq!(sender.protect_rtp(&mut buf[..len + 9], len), None);
        let (mut rtcp, rtcp_len) = report(1);
        assert_eq!(sender.protect_rtcp(&mut rtcp[..rtcp_len + 4], rtcp_len), None);
        assert_eq!(sender.protect_rtp(&mut [], 12), None);
        assert!(arrive(&mut receiver, &protected(&mut sender, 1)).is_ok());
    }
}

#[test]
fn nothing_shows_a_key() {
    let (sender, receiver) = pair(Profile::AeadAes128Gcm);
    assert_eq!(
        format!("{sender:?} {receiver:?}"),
        "Sender { profile: AeadAes128Gcm, ssrc: None, rtcp_index: 0, .. } \
         Receiver { profile: AeadAes128Gcm, rtp_sources: 0, rtcp_sources: 0, .. }"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..120),
        flags in prop_oneof![Just(0x80u8), any::<u8>()],
        len in 0usize..140,
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = flags;
        }
        for profile in PROFILES {
            let (mut sender, mut receiver) = pair(profile);
            prop_assert!(receiver.unprotect_rtp(&mut bytes.clone(), len).is_err());
            prop_assert!(receiver.unprotect_rtcp(&mut bytes.clone(), len).is_err());
            prop_assert_eq!(receiver.unprotect_rtp(&mut bytes.clone(), bytes.len()).ok(), None);
            prop_assert_eq!(receiver.unprotect_rtcp(&mut bytes.clone(), bytes.len()).ok(), None);
            let _ = sender.protect_rtp(&mut bytes.clone(), len);
            let _ = sender.protect_rtcp(&mut bytes.clone(), len);
        }
    }

    #[test]
    fn any_payload_comes_back(
        payload in proptest::collection::vec(any::<u8>(), 0..1300),
        sequence in any::<u16>(),
        ssrc in any::<u32>(),
    ) {
        for profile in PROFILES {
            let (mut sender, mut receiver) = pair(profile);
            let mut buf = vec![0; 12];
            let fields = Fields { payload_type: 111, marker: false, sequence, timestamp: 0, ssrc };
            write_header(&mut buf, fields).unwrap();
            buf.extend_from_slice(&payload);
            let len = buf.len();
            buf.resize(len + TRAILER_MAX, 0);
            let sealed = sender.protect_rtp(&mut buf, len).unwrap();
            prop_assert_eq!(receiver.unprotect_rtp(&mut buf, sealed), Ok(len));
            prop_assert_eq!(&buf[12..len], &payload[..]);
        }
    }
}
