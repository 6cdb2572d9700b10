//! How do samples become Opus packets, and back?
//!
//! Thin over libopus, fixed to what a WhatsApp call carries: 48 kHz interface, mono, 20 ms frames,
//! about 20 kbit/s, made for voice, with in-band forward error correction. Whatever a peer sends
//! decodes to mono: libopus mixes a stereo packet down.

use crate::{FRAME_SAMPLES, SAMPLE_RATE};

/// Room for one encoded frame; 20 ms of Opus never needs more than 1,275 bytes (RFC 6716, 3.4).
const PACKET_BYTES_MAX: usize = 1_275;

/// Frames of 20 ms in the longest Opus packet: 120 ms (RFC 6716, 3.2.5).
pub(crate) const PACKET_FRAMES_MAX: usize = 6;

/// Samples of the longest Opus packet.
pub const PACKET_SAMPLES_MAX: usize = PACKET_FRAMES_MAX * FRAME_SAMPLES;

/// libopus refused something.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The encoder or decoder could not be made or set up.
    #[error("cannot set up the Opus codec")]
    SetUp(#[source] ::opus::Error),
    /// The frame could not be encoded.
    #[error("cannot encode an Opus frame")]
    Encode(#[source] ::opus::Error),
    /// The packet is not Opus.
    #[error("cannot decode an Opus packet")]
    Decode(#[source] ::opus::Error),
    /// The frame has the wrong number of samples.
    #[error("a frame has {FRAME_SAMPLES} samples, this one {samples}")]
    FrameLength {
        /// How many it has.
        samples: usize,
    },
}

/// What an encoder aims at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bits per second.
    pub bitrate: i32,
    /// Effort from 0 (cheap) to 10: 39 µs a frame at 0, 138 at 5, 203 at 10 for wideband voice.
    pub complexity: i32,
    /// The loss the in-band error correction prepares for, in percent; 0 turns it off.
    pub loss_percent: i32,
}

/// What WhatsApp takes on average, in bits per second: `maxaveragebitrate` of its SDP.
pub const BITRATE_MAX: i32 = 20_000;

impl Default for Settings {
    fn default() -> Self {
        Self { bitrate: BITRATE_MAX, complexity: 5, loss_percent: 5 }
    }
}

/// How hard an encoder tries, from 0 to 10.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complexity(u8);

impl Complexity {
    /// The cheapest.
    pub const LEAST: Self = Self(0);

    /// `None` above 10.
    #[must_use]
    pub const fn new(effort: u8) -> Option<Self> {
        if effort <= 10 { Some(Self(effort)) } else { None }
    }

    /// As libopus takes it.
    #[must_use]
    pub fn get(self) -> i32 {
        self.0.into()
    }
}

impl Default for Complexity {
    /// Half of what there is: beyond it a voice sounds hardly better.
    fn default() -> Self {
        Self(5)
    }
}

/// Encodes one voice, frame by frame.
pub struct Encoder {
    inner: ::opus::Encoder,
}

impl Encoder {
    /// Starts an encoder.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus refuses a setting.
    pub fn new(settings: Settings) -> Result<Self, CodecError> {
        let build = || {
            let mut inner = ::opus::Encoder::new(
                SAMPLE_RATE,
                ::opus::Channels::Mono,
                ::opus::Application::Voip,
            )?;
            inner.set_bitrate(::opus::Bitrate::Bits(settings.bitrate))?;
            inner.set_complexity(settings.complexity)?;
            inner.set_inband_fec(settings.loss_percent > 0)?;
            inner.set_packet_loss_perc(settings.loss_percent)?;
            Ok(inner)
        };
        Ok(Self { inner: build().map_err(CodecError::SetUp)? })
    }

    /// Starts an encoder of what has nothing above 4 kHz, as a telephone; at 20 kbit/s the others work on what
    /// is not there as well.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus refuses a setting.
    pub fn narrowband(settings: Settings) -> Result<Self, CodecError> {
        let mut encoder = Self::new(settings)?;
        let narrow = ::opus::Bandwidth::Narrowband;
        encoder.inner.set_max_bandwidth(narrow).map_err(CodecError::SetUp)?;
        Ok(encoder)
    }

    /// Encodes one frame of [`FRAME_SAMPLES`].
    ///
    /// # Errors
    ///
    /// [`CodecError::FrameLength`] for another length, [`CodecError::Encode`] from libopus.
    pub fn encode(&mut self, frame: &[i16]) -> Result<Box<[u8]>, CodecError> {
        if frame.len() != FRAME_SAMPLES {
            return Err(CodecError::FrameLength { samples: frame.len() });
        }
        packet(&mut self.inner, frame)
    }

    /// Encodes a whole signal; silence fills the last frame.
    ///
    /// # Errors
    ///
    /// [`CodecError::Encode`] from libopus.
    pub fn encode_all(&mut self, samples: &[i16]) -> Result<Vec<Box<[u8]>>, CodecError> {
        samples
            .chunks(FRAME_SAMPLES)
            .map(|chunk| {
                let mut frame = [0; FRAME_SAMPLES];
                frame[..chunk.len()].copy_from_slice(chunk);
                self.encode(&frame)
            })
            .collect()
    }

    /// Sets the effort, 0 to 10, from the next frame on.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] for another number.
    pub fn set_complexity(&mut self, complexity: i32) -> Result<(), CodecError> {
        self.inner.set_complexity(complexity).map_err(CodecError::SetUp)
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").finish_non_exhaustive()
    }
}

/// Encodes two voices side by side, frame by frame.
pub struct StereoEncoder {
    inner: ::opus::Encoder,
}

impl StereoEncoder {
    /// Starts an encoder; the bit rate is that of both channels together.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus refuses a setting.
    pub fn new(bitrate: i32, complexity: i32) -> Result<Self, CodecError> {
        let build = || {
            // Not Voip: it would mix the two into one at low rates.
            let mut inner = ::opus::Encoder::new(
                SAMPLE_RATE,
                ::opus::Channels::Stereo,
                ::opus::Application::Audio,
            )?;
            inner.set_bitrate(::opus::Bitrate::Bits(bitrate))?;
            inner.set_complexity(complexity)?;
            Ok(inner)
        };
        Ok(Self { inner: build().map_err(CodecError::SetUp)? })
    }

    /// Encodes one frame of [`FRAME_SAMPLES`] of each.
    ///
    /// # Errors
    ///
    /// [`CodecError::FrameLength`] for another length, [`CodecError::Encode`] from libopus.
    pub fn encode(&mut self, left: &[i16], right: &[i16]) -> Result<Box<[u8]>, CodecError> {
        for side in [left, right] {
            if side.len() != FRAME_SAMPLES {
                return Err(CodecError::FrameLength { samples: side.len() });
            }
        }
        let both: Vec<i16> = left.iter().zip(right).flat_map(|(l, r)| [*l, *r]).collect();
        packet(&mut self.inner, &both)
    }

    /// Samples a decoder has to drop at the start.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus does not say.
    pub fn pre_skip(&mut self) -> Result<u16, CodecError> {
        let lookahead = self.inner.get_lookahead().map_err(CodecError::SetUp)?;
        Ok(u16::try_from(lookahead).unwrap_or(0))
    }
}

impl std::fmt::Debug for StereoEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StereoEncoder").finish_non_exhaustive()
    }
}

/// Samples per second of a [`WidebandEncoder`]'s signal.
pub const WIDEBAND_RATE: u32 = 16_000;

/// Samples of 20 ms at [`WIDEBAND_RATE`].
pub const WIDEBAND_SAMPLES: usize = 320;

/// Encodes one voice of 16 kHz: what speech synthesis makes, at a third of the samples.
pub struct WidebandEncoder {
    inner: ::opus::Encoder,
}

impl WidebandEncoder {
    /// Starts an encoder.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus refuses a setting.
    pub fn new(settings: Settings) -> Result<Self, CodecError> {
        let build = || {
            let mut inner = ::opus::Encoder::new(
                WIDEBAND_RATE,
                ::opus::Channels::Mono,
                ::opus::Application::Voip,
            )?;
            inner.set_bitrate(::opus::Bitrate::Bits(settings.bitrate))?;
            inner.set_complexity(settings.complexity)?;
            inner.set_inband_fec(settings.loss_percent > 0)?;
            inner.set_packet_loss_perc(settings.loss_percent)?;
            Ok(inner)
        };
        Ok(Self { inner: build().map_err(CodecError::SetUp)? })
    }

    /// Encodes one frame of [`WIDEBAND_SAMPLES`]; silence fills a shorter one.
    ///
    /// # Errors
    ///
    /// [`CodecError::Encode`] from libopus.
    pub fn encode(&mut self, samples: &[i16]) -> Result<Box<[u8]>, CodecError> {
        if samples.len() == WIDEBAND_SAMPLES {
            return packet(&mut self.inner, samples);
        }
        let mut frame = [0; WIDEBAND_SAMPLES];
        for (place, sample) in frame.iter_mut().zip(samples) {
            *place = *sample;
        }
        packet(&mut self.inner, &frame)
    }

    /// Sets the effort, 0 to 10, from the next frame on.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] for another number.
    pub fn set_complexity(&mut self, complexity: i32) -> Result<(), CodecError> {
        self.inner.set_complexity(complexity).map_err(CodecError::SetUp)
    }

    /// Forgets what came before: none of it is in the frames to come.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] from libopus.
    pub fn reset(&mut self) -> Result<(), CodecError> {
        self.inner.reset_state().map_err(CodecError::SetUp)
    }
}

impl std::fmt::Debug for WidebandEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WidebandEncoder").finish_non_exhaustive()
    }
}

/// One packet, without room for a longer one.
fn packet(encoder: &mut ::opus::Encoder, samples: &[i16]) -> Result<Box<[u8]>, CodecError> {
    let mut room = [0; PACKET_BYTES_MAX];
    let len = encoder.encode(samples, &mut room).map_err(CodecError::Encode)?;
    Ok(room[..len].into())
}

/// Decodes two voices side by side.
///
/// # Errors
///
/// [`CodecError`] from libopus.
pub fn decode_stereo(packets: &[Box<[u8]>]) -> Result<(Vec<i16>, Vec<i16>), CodecError> {
    let mut decoder = StereoDecoder::new()?;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for packet in packets {
        for &[one, other] in decoder.decode(packet)? {
            left.push(one);
            right.push(other);
        }
    }
    Ok((left, right))
}

/// Decodes one stream of packets to two channels at 48 kHz; of a packet with one both are the same.
pub struct StereoDecoder {
    inner: ::opus::Decoder,
    buffer: Vec<i16>,
}

impl StereoDecoder {
    /// Starts a decoder.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn new() -> Result<Self, CodecError> {
        let inner = ::opus::Decoder::new(SAMPLE_RATE, ::opus::Channels::Stereo);
        let inner = inner.map_err(CodecError::SetUp)?;
        Ok(Self { inner, buffer: vec![0; PACKET_SAMPLES_MAX * 2] })
    }

    /// Decodes one packet: left and right of each moment.
    ///
    /// # Errors
    ///
    /// [`CodecError::Decode`] when the packet is not Opus; the decoder stays usable.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[[i16; 2]], CodecError> {
        if packet.is_empty() {
            return Ok(&[]);
        }
        let decoded = self.inner.decode(packet, &mut self.buffer, false);
        let count = decoded.map_err(CodecError::Decode)?;
        let (moments, _) = self.buffer[..count * 2].as_chunks();
        Ok(moments)
    }
}

impl std::fmt::Debug for StereoDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StereoDecoder").finish_non_exhaustive()
    }
}

/// Decodes one stream of packets to mono samples.
pub struct Decoder {
    inner: ::opus::Decoder,
    rate: u32,
    buffer: Vec<i16>,
}

impl Decoder {
    /// Starts a decoder of 48 kHz.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn new() -> Result<Self, CodecError> {
        Self::at(SAMPLE_RATE, FRAME_SAMPLES)
    }

    /// Starts a decoder of 16 kHz: what is above 8 kHz is not heard, and costs nothing.
    ///
    /// # Errors
    ///
    /// [`CodecError::SetUp`] when libopus has no memory.
    pub fn wideband() -> Result<Self, CodecError> {
        Self::at(WIDEBAND_RATE, WIDEBAND_SAMPLES)
    }

    fn at(rate: u32, frame: usize) -> Result<Self, CodecError> {
        let inner =
            ::opus::Decoder::new(rate, ::opus::Channels::Mono).map_err(CodecError::SetUp)?;
        Ok(Self { inner, rate, buffer: vec![0; PACKET_FRAMES_MAX * frame] })
    }

    /// How many samples a packet stands for here; `None` when it is not Opus.
    pub(crate) fn packet_samples(&self, packet: &[u8]) -> Option<usize> {
        let samples = ::opus::packet::get_nb_samples(packet, self.rate).ok()?;
        (1..=self.buffer.len()).contains(&samples).then_some(samples)
    }

    /// Decodes one packet.
    ///
    /// # Errors
    ///
    /// [`CodecError::Decode`] when the packet is not Opus; the decoder stays usable.
    pub fn decode(&mut self, packet: &[u8]) -> Result<&[i16], CodecError> {
        if packet.is_empty() {
            return Ok(&[]);
        }
        self.run(packet, self.buffer.len(), false)
    }

    /// Guesses `samples` that never arrived from what came before (a multiple of 2.5 ms).
    ///
    /// # Errors
    ///
    /// [`CodecError::Decode`] when libopus refuses the length.
    pub fn conceal(&mut self, samples: usize) -> Result<&[i16], CodecError> {
        self.run(&[], samples.min(self.buffer.len()), false)
    }

    /// Restores the `samples` just before `next`, from the copy `next` may carry; without a copy
    /// libopus conceals.
    ///
    /// # Errors
    ///
    /// [`CodecError::Decode`] when `next` is not Opus.
    pub fn recover(&mut self, next: &[u8], samples: usize) -> Result<&[i16], CodecError> {
        self.run(next, samples.min(self.buffer.len()), true)
    }

    fn run(&mut self, packet: &[u8], samples: usize, fec: bool) -> Result<&[i16], CodecError> {
        let room = &mut self.buffer[..samples];
        let count = self.inner.decode(packet, room, fec).map_err(CodecError::Decode)?;
        Ok(&self.buffer[..count])
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

/// How many samples a packet stands for at 48 kHz; `None` when it is not Opus.
#[must_use]
pub fn packet_samples(packet: &[u8]) -> Option<usize> {
    let samples = ::opus::packet::get_nb_samples(packet, SAMPLE_RATE).ok()?;
    (1..=PACKET_SAMPLES_MAX).contains(&samples).then_some(samples)
}

/// Whether a packet carries one channel.
#[must_use]
pub fn is_mono(packet: &[u8]) -> bool {
    packet.first().is_some_and(|toc| toc & 0b100 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{measure::Measure, tone};

    /// What legs send where nobody speaks.
    #[test]
    fn an_empty_celt_frame_is_twenty_milliseconds_of_nothing() {
        let mut decoder = Decoder::new().unwrap();
        assert_eq!(decoder.decode(&[0xF8, 0xFF, 0xFE]).unwrap(), [0; FRAME_SAMPLES]);
    }

    #[test]
    fn a_tone_survives_and_costs_what_was_asked() {
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        let packets = encoder.encode_all(&tone::sine(440.0, -20.0, 2_000)).unwrap();
        assert_eq!(packets.len(), 100);
        let bytes: usize = packets.iter().map(|p| p.len()).sum();
        assert!((2_000..8_000).contains(&bytes), "2 s took {bytes} bytes");

        let mut decoder = Decoder::new().unwrap();
        let mut heard = Measure::default();
        for packet in &packets {
            assert_eq!(packet_samples(packet), Some(FRAME_SAMPLES));
            assert!(is_mono(packet));
            heard.push(decoder.decode(packet).unwrap());
        }
        let report = heard.report();
        let hz = report.tone_hz.unwrap();
        assert!((hz - 440.0).abs() < 4.4, "{hz}");
        let level = report.dbfs.unwrap();
        assert!((level + 20.0).abs() < 1.5, "{level}");
    }

    #[test]
    fn a_lost_packet_is_restored_from_the_next() {
        let mut encoder =
            Encoder::new(Settings { loss_percent: 30, ..Settings::default() }).unwrap();
        let packets = encoder.encode_all(&tone::sine(300.0, -12.0, 1_000)).unwrap();
        let mut decoder = Decoder::new().unwrap();
        for packet in &packets[..25] {
            decoder.decode(packet).unwrap();
        }
        let restored = decoder.recover(&packets[26], FRAME_SAMPLES).unwrap();
        assert_eq!(restored.len(), FRAME_SAMPLES);
        assert!(restored.iter().any(|s| s.unsigned_abs() > 2_000));
        assert_eq!(decoder.conceal(FRAME_SAMPLES).unwrap().len(), FRAME_SAMPLES);
    }

    #[test]
    fn a_wrong_frame_length_is_named() {
        let mut encoder = Encoder::new(Settings::default()).unwrap();
        let refused = encoder.encode(&[0; 100]).unwrap_err();
        assert!(matches!(refused, CodecError::FrameLength { samples: 100 }));
    }
}
