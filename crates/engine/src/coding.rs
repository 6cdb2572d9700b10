//! What is a leg's codec to who decodes and encodes?

use audio::{coding::Coding, g711::Law};
use media::frame::AudioCodec;

/// How a telephone's audio is coded; `None` is Opus.
#[must_use]
pub const fn coding(codec: AudioCodec) -> Option<Coding> {
    match codec {
        AudioCodec::Opus => None,
        AudioCodec::G722 => Some(Coding::G722),
        AudioCodec::Pcmu => Some(Coding::G711(Law::Mu)),
        AudioCodec::Pcma => Some(Coding::G711(Law::A)),
    }
}

#[cfg(test)]
mod tests {
    use audio::{encoder::Encoder, opus, playout::Playout, tone};
    use media::frame::AudioCodec;
    use std::time::Duration;

    use super::*;

    /// As a leg has it that was heard and is filled with silence from then on.
    #[test]
    fn silence_of_every_codec_is_heard_as_silence() {
        let said = tone::sine(440.0, -12.0, 200);
        for codec in [AudioCodec::Opus, AudioCodec::G722, AudioCodec::Pcmu, AudioCodec::Pcma] {
            let (mut encoder, mut playout) = match coding(codec) {
                Some(coding) => (Encoder::telephone(coding), Playout::telephone(coding)),
                None => {
                    (Encoder::opus(opus::Settings::default()).unwrap(), Playout::new().unwrap())
                }
            };
            let mut packets = encoder.push(&said).unwrap();
            packets.extend(std::iter::repeat_n(Box::from(codec.silence_20_ms()), 10));
            for (n, packet) in (0u16..).zip(&packets) {
                let at = Duration::from_millis(20 * u64::from(n));
                playout.push(n, u32::from(n) * codec.samples_20_ms(), at, packet);
            }
            let heard = playout.finish(Duration::from_millis(400));
            assert_eq!(heard.len(), 400 * 48, "{codec:?}");
            let loudest = |ms: std::ops::Range<usize>| {
                heard[ms.start * 48..ms.end * 48].iter().map(|it| it.unsigned_abs()).max().unwrap()
            };
            assert!(loudest(100..200) > 4_000, "{codec:?}");
            assert!(loudest(260..400) < 64, "{codec:?}: {}", loudest(260..400));
        }
    }
}
