//! Can hostile bytes bring a reader or a decoder down?

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use offhook_audio::{coding::Coding, g722, ogg, opus, playout::Playout, prompt, tone, wav};
use proptest::{collection::vec, prelude::*};

fn ogg_file() -> Vec<u8> {
    let packets = prompt::encode(&tone::sine(440.0, -20.0, 300)).unwrap();
    ogg::write(&ogg::OpusStream { channels: 1, pre_skip: 312, packets }, 1).unwrap()
}

/// A valid file with some bytes replaced and its end cut off.
fn damaged(file: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let len = file.len();
    (vec((0..len, any::<u8>()), 0..8), 0..=len).prop_map(move |(changes, end)| {
        let mut file = file.clone();
        for (at, byte) in changes {
            file[at] = byte;
        }
        file.truncate(end);
        file
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_damaged_wav_file_is_read_or_refused(
        file in damaged(wav::write_stereo(&tone::sine(440.0, -20.0, 20), &[]).unwrap())
    ) {
        drop(prompt::load(&file));
    }

    #[test]
    fn a_damaged_ogg_file_is_read_or_refused(file in damaged(ogg_file())) {
        drop(prompt::load(&file));
    }

    #[test]
    fn any_bytes_after_a_magic_are_read_or_refused(
        magic in prop::sample::select(vec![&b"RIFF"[..], b"OggS", b""]),
        rest in vec(any::<u8>(), 0..400),
    ) {
        drop(prompt::load(&[magic, &rest].concat()));
    }

    #[test]
    fn any_packet_is_decoded_or_refused(packets in vec(vec(any::<u8>(), 0..300), 1..6)) {
        let mut decoder = opus::Decoder::new().unwrap();
        for packet in packets {
            drop(decoder.decode(&packet).map(<[i16]>::len));
            drop(decoder.recover(&packet, 960).map(<[i16]>::len));
        }
    }

    /// Of G.722 every byte is a code; what may not happen is that one stays loud, or that it panics.
    #[test]
    fn any_bytes_are_g722_and_over_when_they_are(
        packets in vec(vec(any::<u8>(), 0..1_000), 1..12)
    ) {
        let mut decoder = g722::Decoder::new();
        for packet in packets {
            prop_assert_eq!(decoder.decode(&packet).len(), 6 * packet.len());
        }
        decoder.decode(&[0xFD; 480]);
        let after = decoder.decode(&[0xFD; 160]);
        prop_assert!(after.iter().all(|sample| sample.abs() < 128));
    }

    /// Samples of any shape, as hard as they come.
    #[test]
    fn any_samples_become_g722(said in vec(prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX)], 0..4_000)) {
        let frames = g722::Encoder::new().encode_all(&said);
        prop_assert_eq!(frames.len(), said.len().div_ceil(960));
    }

    /// Any sequence, timestamp and order of arrival: the line of time stays as long as it lasted.
    #[test]
    fn a_hostile_stream_stays_on_the_line_of_time(
        is_g722 in any::<bool>(),
        packets in vec((any::<u16>(), any::<u32>(), 0u64..2_000, vec(any::<u8>(), 0..60)), 1..150)
    ) {
        let mut playout =
            if is_g722 { Playout::telephone(Coding::G722) } else { Playout::new().unwrap() };
        let mut samples = 0;
        for (sequence, timestamp, at, payload) in packets {
            playout.push(sequence, timestamp, Duration::from_millis(at), &payload);
            samples += playout.take().len();
        }
        samples += playout.finish(Duration::from_secs(2)).len();
        prop_assert!(samples >= 96_000);
        // 150 packets of at most 120 ms each, and their concealment, beyond the last arrival.
        prop_assert!(samples < 96_000 + 24_000 + 150 * 6 * 5_760);
    }
}
