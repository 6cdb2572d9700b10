//! How do two streams of packets become one recording?
//!
//! Both are decoded side by side on one line of time, second by second, so that an hour needs no more
//! memory than a second: channel 0 is the business, channel 1 the user. Out come Ogg Opus in stereo
//! and, for the transcriber, a WAV file at 16 kHz for each.

use std::{
    fs::File,
    io::{BufWriter, Seek as _, SeekFrom, Write as _},
    time::Duration,
};

use audio::{
    FRAME_SAMPLES, SAMPLE_RATE,
    keep::Received,
    ogg::{self, OggError, OpusStream},
    opus::{CodecError, StereoEncoder},
    playout::Playout,
    resample, wav,
};
use media::frame::AudioCodec;

use crate::codecs;

/// Bits per second of a recording, both channels.
const BITRATE: i32 = 40_000;

/// Effort of the encoder: an hour takes about half a minute of one core.
const COMPLEXITY: i32 = 3;

/// The rate speech recognition wants.
pub(super) const WAV_RATE: u32 = 16_000;

/// How much is decoded at a time.
const STEP: Duration = Duration::from_secs(1);

/// A packet this late no longer moves what was decoded.
const LATE: Duration = Duration::from_millis(600);

/// Samples of context on both sides of a resampled block.
const CONTEXT: usize = 960;

/// Why there is no recording.
#[derive(Debug, thiserror::Error)]
pub(super) enum FinishFault {
    #[error("cannot decode or encode")]
    Codec(#[source] CodecError),
    #[error("cannot write Ogg Opus")]
    Ogg(#[source] OggError),
    #[error("cannot write the transcriber's WAV file")]
    Wav(#[source] std::io::Error),
}

/// What both sides said, in order of arrival. The user says it in Opus.
#[derive(Debug, Default)]
pub(super) struct Sides {
    pub(super) business: Vec<Received>,
    /// The codec of the business.
    pub(super) codec: AudioCodec,
    pub(super) user: Vec<Received>,
    pub(super) lasts: Duration,
}

impl Sides {
    /// The recording as Ogg Opus.
    pub(super) fn to_ogg(&self) -> Result<Vec<u8>, FinishFault> {
        let mut encoder = StereoEncoder::new(BITRATE, COMPLEXITY).map_err(FinishFault::Codec)?;
        let pre_skip = encoder.pre_skip().map_err(FinishFault::Codec)?;
        let mut packets = Vec::new();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        self.decode(|business, user, last| {
            left.extend_from_slice(business);
            right.extend_from_slice(user);
            if last {
                left.resize(left.len().next_multiple_of(FRAME_SAMPLES), 0);
                right.resize(left.len(), 0);
            }
            let whole = left.len() / FRAME_SAMPLES * FRAME_SAMPLES;
            for (l, r) in
                left[..whole].chunks(FRAME_SAMPLES).zip(right[..whole].chunks(FRAME_SAMPLES))
            {
                packets.push(encoder.encode(l, r).map_err(FinishFault::Codec)?);
            }
            left.drain(..whole);
            right.drain(..whole);
            Ok(())
        })?;
        let stream = OpusStream { channels: 2, pre_skip, packets };
        ogg::write(&stream, 1).map_err(FinishFault::Ogg)
    }

    /// The same as two WAV files at 16 kHz, one voice each: the business, then the user.
    pub(super) fn write_wavs(&self, files: [File; 2]) -> Result<(), FinishFault> {
        let [mut business_wav, mut user_wav] = files.map(Wav::new);
        self.decode(|business, user, last| {
            business_wav.push(business, last)?;
            user_wav.push(user, last)
        })?;
        business_wav.finish()?;
        user_wav.finish()
    }

    /// Hands out both sides' samples, the same count of each, in order of time.
    fn decode(
        &self,
        mut take: impl FnMut(&[i16], &[i16], bool) -> Result<(), FinishFault>,
    ) -> Result<(), FinishFault> {
        let mut business = Side::new(&self.business, self.codec)?;
        let mut user = Side::new(&self.user, AudioCodec::Opus)?;
        let mut at = Duration::ZERO;
        while at < self.lasts {
            at = (at + STEP).min(self.lasts);
            let final_until = at.saturating_sub(LATE);
            take(&business.until(at, final_until), &user.until(at, final_until), false)?;
        }
        take(&business.rest(self.lasts), &user.rest(self.lasts), true)
    }
}

/// One side being decoded.
struct Side<'a> {
    packets: std::iter::Peekable<std::slice::Iter<'a, Received>>,
    playout: Playout,
    waiting: Vec<i16>,
    given: usize,
}

impl<'a> Side<'a> {
    fn new(packets: &'a [Received], codec: AudioCodec) -> Result<Self, FinishFault> {
        let playout = codecs::playout(codec).map_err(FinishFault::Codec)?;
        Ok(Self { packets: packets.iter().peekable(), playout, waiting: Vec::new(), given: 0 })
    }

    /// The samples up to `final_until`, once every packet before `at` is in.
    fn until(&mut self, at: Duration, final_until: Duration) -> Vec<i16> {
        while let Some(packet) = self.packets.next_if(|packet| packet.at < at) {
            self.playout.push(packet.sequence, packet.timestamp, packet.at, &packet.payload);
        }
        self.playout.settle(final_until);
        let taken = self.playout.take();
        self.waiting.extend(taken);
        self.give(samples(final_until))
    }

    /// What is left, filled or cut to the end.
    fn rest(&mut self, end: Duration) -> Vec<i16> {
        let taken = self.playout.finish(end);
        self.waiting.extend(taken);
        let wanted = samples(end).saturating_sub(self.given);
        self.waiting.resize(wanted, 0);
        self.give(samples(end))
    }

    fn give(&mut self, until: usize) -> Vec<i16> {
        let count = until.saturating_sub(self.given).min(self.waiting.len());
        self.given += count;
        self.waiting.drain(..count).collect()
    }
}

fn samples(at: Duration) -> usize {
    let count = at.as_micros() * u128::from(SAMPLE_RATE) / 1_000_000;
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// A WAV file of one voice, written as it comes.
struct Wav {
    file: BufWriter<File>,
    slower: Slower,
    /// Absent until the head is written.
    samples: Option<u32>,
}

impl Wav {
    fn new(file: File) -> Self {
        Self { file: BufWriter::new(file), slower: Slower::new(), samples: None }
    }

    fn push(&mut self, samples: &[i16], last: bool) -> Result<(), FinishFault> {
        if self.samples.is_none() {
            self.file.write_all(&wav::head(1, WAV_RATE, 0)).map_err(FinishFault::Wav)?;
        }
        let slow = self.slower.push(samples, last);
        for sample in &slow {
            self.file.write_all(&sample.to_le_bytes()).map_err(FinishFault::Wav)?;
        }
        let more = u32::try_from(slow.len()).unwrap_or(u32::MAX);
        self.samples = Some(self.samples.unwrap_or(0).saturating_add(more));
        Ok(())
    }

    fn finish(mut self) -> Result<(), FinishFault> {
        let head = wav::head(1, WAV_RATE, self.samples.unwrap_or(0));
        self.file.seek(SeekFrom::Start(0)).map_err(FinishFault::Wav)?;
        self.file.write_all(&head).map_err(FinishFault::Wav)?;
        self.file.flush().map_err(FinishFault::Wav)
    }
}

/// A side brought down to 16 kHz, block by block with context, so that the seams are not heard.
struct Slower {
    waiting: Vec<i16>,
}

impl Slower {
    fn new() -> Self {
        Self { waiting: vec![0; CONTEXT] }
    }

    fn push(&mut self, samples: &[i16], last: bool) -> Vec<i16> {
        self.waiting.extend_from_slice(samples);
        if last {
            self.waiting.extend([0; CONTEXT]);
        }
        let ready = self.waiting.len().saturating_sub(2 * CONTEXT) / 3 * 3;
        if ready == 0 {
            return Vec::new();
        }
        let block = &self.waiting[..ready + 2 * CONTEXT];
        let slow = resample::resample(block, SAMPLE_RATE, WAV_RATE).unwrap_or_default();
        let part = slow.get(CONTEXT / 3..(CONTEXT + ready) / 3).unwrap_or_default().to_vec();
        self.waiting.drain(..ready);
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::{
        g711::{Encoder, Law},
        measure::Measure,
        opus::decode_stereo,
        prompt, tone,
    };

    fn said(hz: f32, from_ms: u64, ms: usize) -> Vec<Received> {
        let packets = prompt::encode(&tone::sine(hz, -12.0, ms)).unwrap();
        (0u16..)
            .zip(packets)
            .map(|(n, payload)| Received {
                sequence: n,
                timestamp: u32::from(n) * 960,
                at: Duration::from_millis(from_ms + u64::from(n) * 20),
                payload,
            })
            .collect()
    }

    fn sides() -> Sides {
        Sides {
            business: said(660.0, 0, 1_500),
            codec: AudioCodec::Opus,
            user: said(440.0, 2_000, 2_000),
            lasts: Duration::from_millis(4_500),
        }
    }

    fn heard(samples: &[i16]) -> audio::measure::Report {
        let mut measure = Measure::default();
        measure.push(samples);
        measure.report()
    }

    #[test]
    fn both_sides_stand_beside_each_other_where_they_spoke() {
        let file = sides().to_ogg().unwrap();
        let stream = ogg::read(&file).unwrap();
        assert_eq!(stream.channels, 2);
        let (business, user) = decode_stereo(&stream.packets).unwrap();
        assert!((216_000..217_000).contains(&business.len()), "{}", business.len());
        assert!(heard(&business[..72_000]).is_tone(660.0));
        assert!(heard(&user[98_000..190_000]).is_tone(440.0));
        let quiet = |samples: &[i16]| heard(samples).loud_ms;
        assert!(quiet(&business[75_000..]) < 40, "{:?}", heard(&business[75_000..]));
        assert!(quiet(&user[..94_000]) < 40, "{:?}", heard(&user[..94_000]));
    }

    #[test]
    fn a_business_of_g711_is_recorded_like_one_of_opus() {
        let frames = Encoder::new(Law::Mu).encode_all(&tone::sine(660.0, -12.0, 1_500));
        let business = (0u16..).zip(frames).map(|(n, payload)| Received {
            sequence: n,
            timestamp: u32::from(n) * 160,
            at: Duration::from_millis(u64::from(n) * 20),
            payload,
        });
        let g711 = Sides { business: business.collect(), codec: AudioCodec::Pcmu, ..sides() };
        let stream = ogg::read(&g711.to_ogg().unwrap()).unwrap();
        let (business, user) = decode_stereo(&stream.packets).unwrap();
        assert!(heard(&business[..72_000]).is_tone(660.0));
        assert!(heard(&user[98_000..190_000]).is_tone(440.0));
    }

    #[test]
    fn the_transcriber_gets_each_voice_at_16_khz() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["business.wav", "user.wav"].map(|name| folder.path().join(name));
        sides().write_wavs([0, 1].map(|n: usize| File::create(&paths[n]).unwrap())).unwrap();
        let at_48 = |path: &std::path::Path| {
            let bytes = std::fs::read(path).unwrap();
            assert_eq!(&bytes[..44], &wav::head(1, 16_000, 72_000));
            wav::read(&bytes).unwrap()
        };
        let (business, user) = (at_48(&paths[0]), at_48(&paths[1]));
        assert!(heard(&business[..70_000]).is_tone(660.0));
        assert!(heard(&user[98_000..190_000]).is_tone(440.0));
    }

    #[test]
    fn nobody_is_silence() {
        let nobody = Sides { lasts: Duration::from_millis(100), ..Sides::default() };
        let stream = ogg::read(&nobody.to_ogg().unwrap()).unwrap();
        assert_eq!(stream.packets.len(), 5);
    }
}
