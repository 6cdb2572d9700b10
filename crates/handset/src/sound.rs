//! What does a phone play, and how is it made?
//!
//! Everything is encoded before the call: playing is copying. Silence is packets of silence, as a
//! phone without discontinuous transmission sends them, so a silent user still has a stream.

use std::{path::PathBuf, sync::Arc};

use audio::prompt::{self, PromptError};
use media::{
    frame::{AudioFrame, FrameError},
    mark,
};
use wire::sandbox::Play;

/// The level of a played tone: loud, and far from clipping.
pub const TONE_DBFS: f32 = -12.0;

/// The range of tones that can be played and recognised.
pub const TONES_HZ: std::ops::RangeInclusive<f64> = 20.0..=4_000.0;

/// Frames of a looped tone or silence at least: a loop has one seam, and this makes it rare.
const LOOP_FRAMES_MIN: usize = 100;

/// Why something cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum SoundError {
    /// Outside of [`TONES_HZ`].
    #[error("a tone of {hz} Hz is outside {} to {} Hz", TONES_HZ.start(), TONES_HZ.end())]
    Tone {
        /// What was asked for.
        hz: f64,
    },
    /// The file cannot be read from disk.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file or tone cannot be turned into Opus.
    #[error("cannot turn it into Opus")]
    Prompt(#[source] PromptError),
    /// A packet of several frames, or one that is too long.
    #[error("a packet has no room for a mark")]
    NoRoom,
    /// The encoder made a packet no RTP payload holds.
    #[error("cannot send it")]
    Frame(#[source] FrameError),
}

/// Makes what `play` asks for.
///
/// # Errors
///
/// [`SoundError`] says what is wrong with the tone or the file.
pub async fn load(play: &Play) -> Result<Arc<[AudioFrame]>, SoundError> {
    match play {
        Play::Silence => frames(&prompt::encode(&silence()).map_err(SoundError::Prompt)?),
        Play::ToneHz(hz) => tone(*hz),
        Play::Wav(path) => {
            let path = PathBuf::from(path);
            let file =
                tokio::fs::read(&path).await.map_err(|source| SoundError::Read { path, source })?;
            frames(&prompt::load(&file).map_err(SoundError::Prompt)?)
        }
    }
}

/// A tone that loops: the packets a phone with `tone_hz` sends, over and over.
///
/// # Errors
///
/// [`SoundError::Tone`] outside of [`TONES_HZ`].
pub fn tone(hz: f64) -> Result<Arc<[AudioFrame]>, SoundError> {
    if !TONES_HZ.contains(&hz) {
        return Err(SoundError::Tone { hz });
    }
    let once = audio::tone::sine_loop(narrow(hz), TONE_DBFS);
    let repeats = (LOOP_FRAMES_MIN * audio::FRAME_SAMPLES).div_ceil(once.len());
    // Encoded twice and only the second half kept: at the seam the encoder is where it was.
    let signal = once.repeat(repeats * 2);
    let packets = prompt::encode(&signal).map_err(SoundError::Prompt)?;
    frames(&packets[packets.len() / 2..])
}

/// The same packets, each with room for a mark.
///
/// # Errors
///
/// [`SoundError::NoRoom`] for packets that are no single frame.
pub fn with_room(frames: &[AudioFrame]) -> Result<Arc<[AudioFrame]>, SoundError> {
    let roomy = |frame: &AudioFrame| {
        let bytes = mark::make_room(frame.bytes()).ok_or(SoundError::NoRoom)?;
        AudioFrame::new(bytes).map_err(SoundError::Frame)
    };
    frames.iter().map(roomy).collect()
}

fn silence() -> Vec<i16> {
    vec![0; LOOP_FRAMES_MIN * audio::FRAME_SAMPLES]
}

fn frames(packets: &[Box<[u8]>]) -> Result<Arc<[AudioFrame]>, SoundError> {
    packets
        .iter()
        .map(|packet| AudioFrame::new(packet.clone()).map_err(SoundError::Frame))
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a tone within TONES_HZ; f32 has 0.0003 Hz there"
)]
fn narrow(hz: f64) -> f32 {
    hz as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::{measure::Measure, opus::Decoder};

    fn heard(frames: &[AudioFrame], repeats: usize) -> audio::measure::Report {
        let mut decoder = Decoder::new().unwrap();
        let mut measure = Measure::default();
        for _ in 0..repeats {
            for frame in frames {
                measure.push(decoder.decode(frame.bytes()).unwrap());
            }
        }
        measure.report()
    }

    #[test]
    fn a_looped_tone_stays_one_tone() {
        for hz in [300.0, 440.0, 1_001.5] {
            let report = heard(&tone(hz).unwrap(), 3);
            assert!(report.is_tone(narrow(hz)), "{hz}: {report:?}");
            let level = report.dbfs.unwrap();
            assert!((level - TONE_DBFS).abs() < 1.5, "{hz}: {level}");
        }
    }

    #[test]
    fn a_mark_is_not_heard() {
        let plain = tone(440.0).unwrap();
        let marked: Vec<AudioFrame> = with_room(&plain)
            .unwrap()
            .iter()
            .zip(0..)
            .map(|(frame, count)| {
                let mut bytes = frame.bytes().to_vec();
                let sent = std::time::Duration::from_secs(99);
                assert!(mark::Mark { tag: 7, count, sent }.write(&mut bytes));
                AudioFrame::new(bytes).unwrap()
            })
            .collect();
        assert_eq!(heard(&marked, 2), heard(&plain, 2));
    }

    #[tokio::test]
    async fn silence_is_packets_without_sound() {
        let frames = load(&Play::Silence).await.unwrap();
        assert_eq!(frames.len(), LOOP_FRAMES_MIN);
        assert_eq!(heard(&frames, 2).loud_ms, 0);
    }

    #[tokio::test]
    async fn what_cannot_be_played_is_named() {
        assert!(matches!(tone(5.0), Err(SoundError::Tone { .. })));
        let missing = load(&Play::Wav("/no/such/file.wav".into())).await;
        assert!(matches!(missing, Err(SoundError::Read { .. })));
    }
}
