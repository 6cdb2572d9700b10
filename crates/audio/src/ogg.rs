//! How are Opus packets kept in a file?
//!
//! Ogg Opus (RFC 7845): a head, tags, then packets with the granule position, which counts samples at
//! 48 kHz whatever was encoded. One stream a file, mono or stereo; what follows its end is ignored.

use std::{io::Cursor, time::Duration};

use ::ogg::{PacketReader, PacketWriteEndInfo, PacketWriter, reading::OggReadError};

use crate::opus;

/// Packets of one page: a second of speech, so a file cut off loses no more.
const PAGE_PACKETS: usize = 50;

/// The most packets read: an hour of 20 ms. A call plays what it reads from memory.
const PACKETS_MAX: usize = 50 * 3_600;

/// Why a file is not usable Ogg Opus.
#[derive(Debug, thiserror::Error)]
pub enum OggError {
    /// Not Ogg, or damaged.
    #[error("not a readable Ogg file")]
    Malformed(#[source] OggReadError),
    /// Ogg, but the first stream is not Opus of version 1 (RFC 7845, 5.1).
    #[error("the Ogg file's first stream is not Opus")]
    NotOpus,
    /// More channels than a plain mono or stereo stream has.
    #[error("the Opus stream has {channels} channels; one or two can be played")]
    Channels {
        /// How many it has.
        channels: u8,
    },
    /// A packet that is not Opus.
    #[error("packet {index} of the Ogg file is not Opus")]
    Packet {
        /// Counted from the first audio packet.
        index: usize,
    },
    /// Longer than an hour.
    #[error("the Ogg file is longer than an hour")]
    TooLong,
    /// Writing into memory failed.
    #[error("cannot write the Ogg file")]
    Write(#[source] std::io::Error),
}

/// One Opus stream out of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpusStream {
    /// One or two.
    pub channels: u8,
    /// Samples at 48 kHz to drop at the start, before anything is heard.
    pub pre_skip: u16,
    /// The audio packets in order.
    pub packets: Vec<Box<[u8]>>,
}

impl OpusStream {
    /// How long it plays.
    #[must_use]
    pub fn lasts(&self) -> Duration {
        let samples: usize = self.packets.iter().filter_map(|it| opus::packet_samples(it)).sum();
        let heard = samples.saturating_sub(usize::from(self.pre_skip));
        Duration::from_secs_f64(heard as f64 / f64::from(crate::SAMPLE_RATE))
    }
}

/// Reads an Ogg Opus file.
///
/// # Errors
///
/// [`OggError`] says what is wrong with the file.
pub fn read(file: &[u8]) -> Result<OpusStream, OggError> {
    let mut reader = PacketReader::new(Cursor::new(file));
    let head = reader.read_packet().map_err(OggError::Malformed)?.ok_or(OggError::NotOpus)?;
    let serial = head.stream_serial();
    let mut stream = read_head(&head.data)?;
    let mut saw_tags = false;
    while let Some(packet) = reader.read_packet().map_err(OggError::Malformed)? {
        if packet.stream_serial() != serial {
            continue;
        }
        if !saw_tags {
            if !packet.data.starts_with(b"OpusTags") {
                return Err(OggError::NotOpus);
            }
            saw_tags = true;
            continue;
        }
        let index = stream.packets.len();
        if index == PACKETS_MAX {
            return Err(OggError::TooLong);
        }
        opus::packet_samples(&packet.data).ok_or(OggError::Packet { index })?;
        let last = packet.last_in_stream();
        stream.packets.push(packet.data.into_boxed_slice());
        if last {
            break;
        }
    }
    Ok(stream)
}

pub(crate) fn read_head(head: &[u8]) -> Result<OpusStream, OggError> {
    let &[
        b'O',
        b'p',
        b'u',
        b's',
        b'H',
        b'e',
        b'a',
        b'd',
        version,
        channels,
        skip_low,
        skip_high,
        ..,
    ] = head
    else {
        return Err(OggError::NotOpus);
    };
    // Versions 0 to 15 are compatible (RFC 7845, 5.1); 19 bytes is the head without a mapping.
    if version > 15 || head.len() < 19 {
        return Err(OggError::NotOpus);
    }
    if !(1..=2).contains(&channels) || head[18] > 1 {
        return Err(OggError::Channels { channels });
    }
    let pre_skip = u16::from_le_bytes([skip_low, skip_high]);
    Ok(OpusStream { channels, pre_skip, packets: Vec::new() })
}

/// Writes packets as an Ogg Opus file; `serial` names the stream.
///
/// # Errors
///
/// [`OggError::Packet`] for a packet that is not Opus, [`OggError::Write`] never in memory.
pub fn write(stream: &OpusStream, serial: u32) -> Result<Vec<u8>, OggError> {
    let mut writer = PacketWriter::new(Vec::new());
    let mut put = |packet: Vec<u8>, end, granule| {
        writer.write_packet(packet, serial, end, granule).map_err(OggError::Write)
    };
    put(write_head(stream.channels, stream.pre_skip), PacketWriteEndInfo::EndPage, 0)?;
    put(write_tags(), PacketWriteEndInfo::EndPage, 0)?;
    let mut granule = 0;
    for (index, packet) in stream.packets.iter().enumerate() {
        granule += opus::packet_samples(packet).ok_or(OggError::Packet { index })? as u64;
        let end = if index + 1 == stream.packets.len() {
            PacketWriteEndInfo::EndStream
        } else if (index + 1) % PAGE_PACKETS == 0 {
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        put(packet.to_vec(), end, granule)?;
    }
    Ok(writer.into_inner())
}

/// The head of a stream.
pub(crate) fn write_head(channels: u8, pre_skip: u16) -> Vec<u8> {
    let mut head = b"OpusHead".to_vec();
    head.extend([1, channels]);
    head.extend(pre_skip.to_le_bytes());
    head.extend(crate::SAMPLE_RATE.to_le_bytes());
    // No gain, no channel mapping.
    head.extend([0, 0, 0]);
    head
}

/// The tags of a stream: none.
pub(crate) fn write_tags() -> Vec<u8> {
    let mut tags = b"OpusTags".to_vec();
    tags.extend(7u32.to_le_bytes());
    tags.extend(b"offhook");
    tags.extend(0u32.to_le_bytes());
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{opus::Encoder, tone};

    fn stream() -> OpusStream {
        let mut encoder = Encoder::new(opus::Settings::default()).unwrap();
        let packets = encoder.encode_all(&tone::sine(440.0, -20.0, 1_500)).unwrap();
        OpusStream { channels: 1, pre_skip: 312, packets }
    }

    #[test]
    fn what_is_written_is_read_back_with_its_granules() {
        let stream = stream();
        let file = write(&stream, 7).unwrap();
        assert_eq!(read(&file).unwrap(), stream);
        let mut reader = PacketReader::new(Cursor::new(&file));
        let mut granules = vec![];
        while let Some(packet) = reader.read_packet().unwrap() {
            granules.push(packet.absgp_page());
        }
        assert_eq!(granules[..2], [0, 0]);
        assert_eq!(granules[2], 48_000);
        assert_eq!(*granules.last().unwrap(), 75 * 960);
    }

    #[test]
    fn a_stranger_is_named() {
        assert!(matches!(read(b"not ogg at all"), Err(OggError::Malformed(_) | OggError::NotOpus)));
        let mut vorbis = PacketWriter::new(Vec::new());
        vorbis.write_packet(b"\x01vorbis".to_vec(), 1, PacketWriteEndInfo::EndStream, 0).unwrap();
        assert!(matches!(read(&vorbis.into_inner()), Err(OggError::NotOpus)));
        let mut many = stream();
        many.channels = 6;
        assert!(matches!(read(&write(&many, 1).unwrap()), Err(OggError::Channels { channels: 6 })));
        let broken = OpusStream { packets: vec![Box::new([0xff])], ..stream() };
        assert!(matches!(write(&broken, 1), Err(OggError::Packet { index: 0 })));
    }
}
