//! How is an Ogg Opus file written while it is still being spoken, and read when it was cut off?
//!
//! Page by page: each is whole once it is handed out, so a file that ends anywhere can be heard up to
//! its last whole page. Neither way needs more memory than a page.

use std::io::{Read, Seek};

use ::ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};

use crate::{
    ogg::{self, OggError},
    opus,
    track::SILENCE,
};

/// Packets of a page: a second of speech.
const PAGE_PACKETS: usize = 50;

/// The decoder's delay that encoders of phones and browsers have.
pub const PRE_SKIP: u16 = 312;

/// Writes one stream.
pub struct Writer {
    inner: PacketWriter<'static, Vec<u8>>,
    serial: u32,
    granule: u64,
    on_page: usize,
}

impl Writer {
    /// Begins a stream of so many channels, one or two; `serial` names it.
    ///
    /// # Errors
    ///
    /// [`OggError::Write`], never in memory.
    pub fn new(channels: u8, pre_skip: u16, serial: u32) -> Result<Self, OggError> {
        let inner = PacketWriter::new(Vec::new());
        let mut writer = Self { inner, serial, granule: 0, on_page: 0 };
        writer.put(ogg::write_head(channels, pre_skip), PacketWriteEndInfo::EndPage)?;
        writer.put(ogg::write_tags(), PacketWriteEndInfo::EndPage)?;
        Ok(writer)
    }

    /// Takes a packet.
    ///
    /// # Errors
    ///
    /// [`OggError::Packet`] for what is not Opus.
    pub fn push(&mut self, packet: &[u8]) -> Result<(), OggError> {
        let samples = opus::packet_samples(packet).ok_or(OggError::Packet { index: 0 })?;
        self.granule += samples as u64;
        self.on_page += 1;
        let end = if self.on_page >= PAGE_PACKETS {
            self.on_page = 0;
            PacketWriteEndInfo::EndPage
        } else {
            PacketWriteEndInfo::NormalPacket
        };
        self.put(packet.to_vec(), end)
    }

    /// Ends the stream, with a frame of silence.
    ///
    /// # Errors
    ///
    /// [`OggError::Write`], never in memory.
    pub fn end(&mut self) -> Result<(), OggError> {
        self.granule += crate::FRAME_SAMPLES as u64;
        self.put(SILENCE.to_vec(), PacketWriteEndInfo::EndStream)
    }

    /// The whole pages since it was asked last.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.inner.inner_mut())
    }

    fn put(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo) -> Result<(), OggError> {
        let (serial, granule) = (self.serial, self.granule);
        self.inner.write_packet(packet, serial, end, granule).map_err(OggError::Write)
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("granule", &self.granule).finish_non_exhaustive()
    }
}

/// The packets of a file, one by one; they end where it was cut off.
pub struct Packets<R: Read + Seek> {
    inner: PacketReader<R>,
    heads: u8,
    over: bool,
}

impl<R: Read + Seek> Packets<R> {
    /// Reads a file that [`Writer`] wrote.
    pub fn new(file: R) -> Self {
        Self { inner: PacketReader::new(file), heads: 2, over: false }
    }
}

impl<R: Read + Seek> Iterator for Packets<R> {
    type Item = Box<[u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.over {
            let Ok(Some(packet)) = self.inner.read_packet() else {
                self.over = true;
                return None;
            };
            self.over = packet.last_in_stream();
            match self.heads.checked_sub(1) {
                Some(left) => self.heads = left,
                None => return Some(packet.data.into_boxed_slice()),
            }
        }
        None
    }
}

impl<R: Read + Seek> std::fmt::Debug for Packets<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packets").field("over", &self.over).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_file_cut_anywhere_plays_up_to_its_last_whole_page() {
        let mut writer = Writer::new(1, PRE_SKIP, 7).unwrap();
        let (mut file, mut pages) = (writer.take(), Vec::new());
        for n in 0..200u8 {
            writer.push(&[0xf8, n, 1, 2]).unwrap();
            let page = writer.take();
            if !page.is_empty() {
                file.extend(page);
                pages.push((file.len(), usize::from(n) + 1));
            }
        }
        writer.end().unwrap();
        file.extend(writer.take());
        assert_eq!(pages.len(), 4);
        assert_eq!(ogg::read(&file).unwrap().packets.len(), 201);
        assert_eq!(Packets::new(Cursor::new(&file)).count(), 201);
        for cut in 0..file.len() {
            let whole = pages.iter().rfind(|(end, _)| *end <= cut).map(|(_, n)| *n);
            let heard = Packets::new(Cursor::new(&file[..cut])).count();
            assert_eq!(heard, whole.unwrap_or(0), "cut at {cut}");
        }
    }
}
