//! How does one file of two voices become a stream of packets for each?
//!
//! The left channel is the business, the right one the user. Both are decoded side by side and encoded
//! again, frame by frame: an hour needs no more memory than a frame. A file of one channel has both
//! parties in one.

use std::io::{Read, Seek};

use ::ogg::PacketReader;

use crate::{
    FRAME_SAMPLES,
    ogg::{self, OggError},
    opus::{self, CodecError, Encoder, Settings, StereoDecoder},
};

/// What each voice is encoded with: it was encoded before, and nothing of it is lost on the way.
const VOICE: Settings = Settings { bitrate: 32_000, complexity: 3, loss_percent: 0 };

/// Why a file cannot be taken apart.
#[derive(Debug, thiserror::Error)]
pub enum ApartError {
    /// It is no Ogg Opus, or was cut off.
    #[error("it is no whole file of Ogg Opus")]
    Ogg(#[source] OggError),
    /// libopus refuses.
    #[error("cannot decode or encode")]
    Codec(#[source] CodecError),
}

/// A file being taken apart.
pub struct Apart<R: Read + Seek> {
    file: PacketReader<R>,
    serial: u32,
    channels: u8,
    /// Samples that are still to be dropped at the start.
    skip: usize,
    read: usize,
    over: bool,
    decoder: StereoDecoder,
    encoders: [Encoder; 2],
    waiting: [Vec<i16>; 2],
}

impl<R: Read + Seek> Apart<R> {
    /// Begins with a file of Ogg Opus.
    ///
    /// # Errors
    ///
    /// It is none, or libopus has no memory.
    pub fn open(file: R) -> Result<Self, ApartError> {
        let mut file = PacketReader::new(file);
        let head = next(&mut file)?.ok_or(ApartError::Ogg(OggError::NotOpus))?;
        let serial = head.stream_serial();
        let head = ogg::read_head(&head.data).map_err(ApartError::Ogg)?;
        let tags = next(&mut file)?.filter(|tags| tags.data.starts_with(b"OpusTags"));
        if tags.is_none() {
            return Err(ApartError::Ogg(OggError::NotOpus));
        }
        let encoder = || Encoder::new(VOICE).map_err(ApartError::Codec);
        Ok(Self {
            file,
            serial,
            channels: head.channels,
            skip: head.pre_skip.into(),
            read: 0,
            over: false,
            decoder: StereoDecoder::new().map_err(ApartError::Codec)?,
            encoders: [encoder()?, encoder()?],
            waiting: [Vec::new(), Vec::new()],
        })
    }

    /// Whether both parties are in one channel.
    #[must_use]
    pub fn is_mixed(&self) -> bool {
        self.channels == 1
    }

    /// The next 20 ms of each channel as packets, the left one first; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ApartError`]: the rest cannot be read.
    pub fn next_frame(&mut self) -> Result<Option<[Box<[u8]>; 2]>, ApartError> {
        while !self.over && self.waiting[0].len() < FRAME_SAMPLES {
            self.decode_next()?;
        }
        if self.waiting[0].is_empty() {
            return Ok(None);
        }
        let [mut left, mut right] = [const { [0; FRAME_SAMPLES] }; 2];
        for (frame, waiting) in [&mut left, &mut right].into_iter().zip(&mut self.waiting) {
            let count = waiting.len().min(FRAME_SAMPLES);
            for (to, from) in frame.iter_mut().zip(waiting.drain(..count)) {
                *to = from;
            }
        }
        let [business, user] = &mut self.encoders;
        let both = [business.encode(&left), user.encode(&right)];
        let [left, right] = both.map(|packet| packet.map_err(ApartError::Codec));
        Ok(Some([left?, right?]))
    }

    fn decode_next(&mut self) -> Result<(), ApartError> {
        let Some(packet) = next(&mut self.file)? else {
            self.over = true;
            return Ok(());
        };
        if packet.stream_serial() != self.serial {
            return Ok(());
        }
        self.over = packet.last_in_stream();
        let index = self.read;
        self.read += 1;
        let no_opus = || ApartError::Ogg(OggError::Packet { index });
        let samples = opus::packet_samples(&packet.data).ok_or_else(no_opus)?;
        // What cannot be decoded was placed all the same.
        let silence = vec![[0; 2]; samples];
        let moments = self.decoder.decode(&packet.data).unwrap_or(&silence);
        let skipped = self.skip.min(moments.len());
        self.skip -= skipped;
        let [left, right] = &mut self.waiting;
        for &[one, other] in &moments[skipped..] {
            left.push(one);
            right.push(other);
        }
        Ok(())
    }
}

fn next<R: Read + Seek>(file: &mut PacketReader<R>) -> Result<Option<::ogg::Packet>, ApartError> {
    file.read_packet().map_err(|error| ApartError::Ogg(OggError::Malformed(error)))
}

impl<R: Read + Seek> std::fmt::Debug for Apart<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Apart").field("read", &self.read).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{
        export::{self, Channels},
        measure::Measure,
        opus::Decoder,
        pages::PRE_SKIP,
        prompt, tone,
    };

    /// A second and a half: the business at 440 Hz, the user at 660 Hz for the first second.
    fn file(channels: Channels) -> Vec<u8> {
        let sides = [440.0, 660.0]
            .map(|hz| prompt::encode(&tone::sine(hz, -12.0, 1_000)).unwrap().into_iter());
        let mut file = Vec::new();
        let lasts = std::time::Duration::from_millis(1_500);
        export::write_ogg(sides, channels, lasts, &mut file).unwrap();
        file
    }

    fn taken_apart(file: &[u8]) -> Result<[Vec<Box<[u8]>>; 2], ApartError> {
        let mut apart = Apart::open(Cursor::new(file))?;
        let mut sides = [Vec::new(), Vec::new()];
        while let Some(frame) = apart.next_frame()? {
            sides.iter_mut().zip(frame).for_each(|(side, packet)| side.push(packet));
        }
        Ok(sides)
    }

    fn is_tone(packets: &[Box<[u8]>], hz: f32) -> bool {
        let mut decoder = Decoder::new().unwrap();
        let mut samples = Vec::new();
        packets.iter().for_each(|it| samples.extend(decoder.decode(it).unwrap()));
        let mut measure = Measure::default();
        measure.push(&samples[PRE_SKIP.into()..44_000]);
        measure.report().is_tone(hz)
    }

    #[test]
    fn each_channel_becomes_a_stream_of_its_own_and_as_long() {
        let file = file(Channels::Stereo);
        assert!(!Apart::open(Cursor::new(&file)).unwrap().is_mixed());
        let [business, user] = taken_apart(&file).unwrap();
        assert!(business.len().abs_diff(75) <= 1 && business.len() == user.len());
        assert!(is_tone(&business, 440.0) && is_tone(&user, 660.0));
        assert!(!is_tone(&business, 660.0) && !is_tone(&user, 440.0));
        assert!(business.iter().chain(&user).all(|packet| opus::is_mono(packet)));
    }

    #[test]
    fn a_file_of_one_channel_says_so() {
        let file = file(Channels::Mixed);
        assert!(Apart::open(Cursor::new(&file)).unwrap().is_mixed());
        let [left, right] = taken_apart(&file).unwrap();
        assert_eq!(left.len(), right.len());
    }

    #[test]
    fn what_is_no_ogg_opus_ends_in_an_error_and_never_in_a_panic() {
        let good = file(Channels::Stereo);
        for no in [b"".as_slice(), b"RIFF", &good[..30], &[0; 4_000]] {
            assert!(taken_apart(no).is_err());
        }
        for at in (0..good.len()).step_by(7) {
            let mut changed = good.clone();
            changed[at] ^= 0x55;
            // A checksum of Ogg's or a head that is none; what is left is Opus.
            drop(taken_apart(&changed));
        }
    }
}
