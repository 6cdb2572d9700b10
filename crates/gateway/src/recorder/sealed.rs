//! How is a file encrypted that is still being written, and read when it was cut off?
//!
//! In segments, each with its own proof: the construction STREAM (Hoang, Reyhanitabar, Rogaway, Vizár
//! 2015) over AES-256-GCM with a key for each file, as Tink's AES-GCM-HKDF streams have it; here a
//! segment is as long as what was written at once.
//!
//! ```text
//!   head      "offhook" 1 │ key id, 8 │ salt, 32
//!   segment   length, 4, its first bit set in the last segment │ AES-256-GCM of at most 64 KiB, with its tag
//!   nonce     prefix, 7 │ the segment's number, 4 │ 1 in the last segment, else 0
//!   key, prefix = HKDF-SHA-256(the business's key, salt, "offhook" 1 │ key id │ the file's name)
//! ```
//!
//! So a segment that was changed, left out, repeated or comes from elsewhere is not believed, nor is a
//! file under another name. What is cut off is known by the last segment that is missing.

use std::io::{self, Read, Seek, SeekFrom};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, Nonce, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, KeyType, Salt},
};

use crate::config::{KeyId, RecordingKey};

/// What a file begins with, and the version of this form.
const MAGIC: [u8; 8] = *b"offhook\x01";
/// Bytes of the magic that are the same in every version.
const NAME_BYTES: usize = 7;
const KEY_ID_BYTES: usize = 8;
const SALT_BYTES: usize = 32;
const HEAD_BYTES: usize = MAGIC.len() + KEY_ID_BYTES + SALT_BYTES;
const KEY_BYTES: usize = 32;
const PREFIX_BYTES: usize = 7;
/// The most of a segment, in clear.
const SEGMENT_MAX: usize = 64 * 1024;
/// Stands in the length of the last segment.
const LAST: u32 = 1 << 31;

/// Why an encrypted file cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenFault {
    /// The disk does not give it.
    #[error("a file cannot be read")]
    Read(#[source] io::Error),
    /// Its key is not there.
    #[error("a file is encrypted with the key {0}, which is not configured")]
    Key(KeyId),
    /// It is not what was written.
    #[error("a file was changed or cut off since it was written")]
    Damaged,
    /// It is of a later version.
    #[error("a file is encrypted in a form that only a later version can read")]
    Form,
}

/// Whether a file that ends too early is read up to where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It is: the recording says that it is incomplete.
    Read,
    /// It is not.
    Refused,
}

/// Encrypts one file.
pub(super) struct Sealer {
    cipher: Cipher,
    next: u32,
}

impl Sealer {
    /// Begins a file of this name; `salt` is of chance. Returns the head as well.
    pub(super) fn new(
        key: &RecordingKey,
        name: &str,
        salt: [u8; SALT_BYTES],
    ) -> io::Result<(Self, Vec<u8>)> {
        let cipher = Cipher::new(key, name, &salt).map_err(cannot)?;
        let head = [&MAGIC[..], &key.id().bytes(), &salt].concat();
        Ok((Self { cipher, next: 0 }, head))
    }

    /// Encrypts what is written at once; nothing comes after the last.
    pub(super) fn seal(&mut self, clear: &[u8], is_last: bool) -> io::Result<Vec<u8>> {
        let mut sealed = Vec::with_capacity(clear.len() + 4 + MAX_TAG_LEN);
        let mut pieces = clear.chunks(SEGMENT_MAX).peekable();
        if pieces.peek().is_none() {
            self.segment(&[], is_last, &mut sealed)?;
        }
        while let Some(piece) = pieces.next() {
            self.segment(piece, is_last && pieces.peek().is_none(), &mut sealed)?;
        }
        Ok(sealed)
    }

    fn segment(&mut self, clear: &[u8], is_last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let length = u32::try_from(clear.len() + MAX_TAG_LEN).map_err(io::Error::other)?;
        let length = (if is_last { length | LAST } else { length }).to_be_bytes();
        let mut bytes = clear.to_vec();
        let (key, nonce) = (&self.cipher.key, self.cipher.nonce(self.next, is_last));
        key.seal_in_place_append_tag(nonce, Aad::from(length), &mut bytes).map_err(cannot)?;
        // A nonce is never used again.
        self.next = self.next.checked_add(1).ok_or_else(|| cannot(Unspecified))?;
        out.extend(length);
        out.extend(bytes);
        Ok(())
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("next", &self.next).finish_non_exhaustive()
    }
}

fn cannot(_: Unspecified) -> io::Error {
    io::Error::other("the cipher refuses")
}

/// Whether a file that begins so is encrypted.
pub(super) fn is_sealed(begins: &[u8]) -> bool {
    begins.starts_with(&MAGIC[..NAME_BYTES])
}

/// An encrypted file being read: clear bytes, anywhere. All of it was proven when it was opened.
pub(crate) struct Sealed<R> {
    file: R,
    cipher: Option<Cipher>,
    segments: Vec<Segment>,
    at: u64,
    /// The segment that is in clear.
    clear: Option<(usize, Vec<u8>)>,
}

/// Where a segment lies in the file, and in what is clear.
#[derive(Debug, Clone, Copy)]
struct Segment {
    at: u64,
    length: u32,
    begins: u64,
    ends: u64,
}

impl<R: Read + Seek> Sealed<R> {
    /// Opens a file of this name from its start.
    pub(super) fn open(
        mut file: R,
        keys: &[RecordingKey],
        name: &str,
        cut: Cut,
    ) -> Result<Self, OpenFault> {
        let head = match read_up_to(&mut file, HEAD_BYTES).map_err(OpenFault::Read)? {
            head if head.len() == HEAD_BYTES => head,
            // Whoever wrote it was stopped at once.
            _ if cut == Cut::Read => return Ok(Self::of(file, None)),
            _ => return Err(OpenFault::Damaged),
        };
        let (magic, rest) = head.split_at(MAGIC.len());
        let (id, salt) = rest.split_at(KEY_ID_BYTES);
        if magic != MAGIC {
            return Err(OpenFault::Form);
        }
        let id = KeyId::of(id.try_into().map_err(|_| OpenFault::Damaged)?);
        let key = keys.iter().find(|key| key.id() == id).ok_or(OpenFault::Key(id))?;
        let cipher = Cipher::new(key, name, salt).map_err(|Unspecified| OpenFault::Damaged)?;
        let mut sealed = Self::of(file, Some(cipher));
        if sealed.prove()? || cut == Cut::Read { Ok(sealed) } else { Err(OpenFault::Damaged) }
    }

    fn of(file: R, cipher: Option<Cipher>) -> Self {
        Self { file, cipher, segments: Vec::new(), at: 0, clear: None }
    }

    /// Notes every segment up to the first that is not there or not believed; whether that is all.
    fn prove(&mut self) -> Result<bool, OpenFault> {
        let mut at = HEAD_BYTES as u64;
        loop {
            let length = read_up_to(&mut self.file, 4).map_err(OpenFault::Read)?;
            let Ok(length) = length.try_into().map(u32::from_be_bytes) else { return Ok(false) };
            let begins = self.clear_bytes();
            let segment = Segment { at: at + 4, length, begins, ends: begins };
            let Some(sealed) = self.sealed(segment).map_err(OpenFault::Read)? else {
                return Ok(false);
            };
            let number = self.segments.len();
            let Some(clear) = self.clear(number, segment, sealed) else {
                // The file's first words are believed or nothing is.
                return if number == 0 { Err(OpenFault::Damaged) } else { Ok(false) };
            };
            self.segments.push(Segment { ends: begins + clear.len() as u64, ..segment });
            at = segment.at + segment.bytes() as u64;
            if segment.is_last() {
                let more = read_up_to(&mut self.file, 1).map_err(OpenFault::Read)?;
                return Ok(more.is_empty());
            }
        }
    }

    /// The bytes of this segment, from where the file is read; `None` when they are not all there.
    fn sealed(&mut self, segment: Segment) -> io::Result<Option<Vec<u8>>> {
        let bytes = segment.bytes();
        if !(MAX_TAG_LEN..=SEGMENT_MAX + MAX_TAG_LEN).contains(&bytes) {
            return Ok(None);
        }
        let sealed = read_up_to(&mut self.file, bytes)?;
        Ok((sealed.len() == bytes).then_some(sealed))
    }

    fn clear(&self, number: usize, segment: Segment, mut sealed: Vec<u8>) -> Option<Vec<u8>> {
        let cipher = self.cipher.as_ref()?;
        let nonce = cipher.nonce(u32::try_from(number).ok()?, segment.is_last());
        let proof = Aad::from(segment.length.to_be_bytes());
        let clear = cipher.key.open_in_place(nonce, proof, &mut sealed).ok()?.len();
        sealed.truncate(clear);
        Some(sealed)
    }

    fn clear_bytes(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.ends)
    }
}

impl<R: Read + Seek> Read for Sealed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let number = self.segments.partition_point(|segment| segment.ends <= self.at);
        let Some(segment) = self.segments.get(number).copied() else { return Ok(0) };
        if self.clear.as_ref().is_none_or(|(here, _)| *here != number) {
            self.file.seek(SeekFrom::Start(segment.at))?;
            let sealed = self.sealed(segment)?;
            let clear = sealed.and_then(|sealed| self.clear(number, segment, sealed));
            self.clear = Some((number, clear.ok_or(io::ErrorKind::InvalidData)?));
        }
        let from = usize::try_from(self.at - segment.begins).map_err(io::Error::other)?;
        let clear = self.clear.as_ref().and_then(|(_, clear)| clear.get(from..));
        let count = clear.unwrap_or_default().read(out)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Sealed<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.clear_bytes().checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

impl<R> std::fmt::Debug for Sealed<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").field("segments", &self.segments.len()).finish_non_exhaustive()
    }
}

impl Segment {
    fn is_last(self) -> bool {
        self.length & LAST != 0
    }

    fn bytes(self) -> usize {
        usize::try_from(self.length & !LAST).unwrap_or(usize::MAX)
    }
}

fn read_up_to(file: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    file.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The key of one file, and what its nonces begin with.
struct Cipher {
    key: LessSafeKey,
    prefix: [u8; PREFIX_BYTES],
}

impl Cipher {
    fn new(key: &RecordingKey, name: &str, salt: &[u8]) -> Result<Self, Unspecified> {
        let drawn = Salt::new(HKDF_SHA256, salt).extract(key.expose());
        let mut bytes = [0; KEY_BYTES + PREFIX_BYTES];
        drawn.expand(&[&MAGIC, &key.id().bytes(), name.as_bytes()], OfFile)?.fill(&mut bytes)?;
        let (own, prefix) = bytes.split_at(KEY_BYTES);
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, own)?);
        Ok(Self { key, prefix: prefix.try_into().map_err(|_| Unspecified)? })
    }

    fn nonce(&self, number: u32, is_last: bool) -> Nonce {
        let mut nonce = [0; PREFIX_BYTES + 5];
        nonce[..PREFIX_BYTES].copy_from_slice(&self.prefix);
        nonce[PREFIX_BYTES..PREFIX_BYTES + 4].copy_from_slice(&number.to_be_bytes());
        nonce[PREFIX_BYTES + 4] = u8::from(is_last);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// How much is drawn for a file.
struct OfFile;

impl KeyType for OfFile {
    fn len(&self) -> usize {
        KEY_BYTES + PREFIX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const NAME: &str = "rec_1/user.opus";

    fn key(byte: u8) -> RecordingKey {
        RecordingKey::new("key".into(), [byte; 32])
    }

    /// A file of these segments, and where each ends in it.
    fn file(segments: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
        let (mut sealer, mut file) = Sealer::new(&key(1), NAME, [9; SALT_BYTES]).unwrap();
        let mut ends = vec![];
        for (nth, segment) in segments.iter().enumerate() {
            file.extend(sealer.seal(segment, nth + 1 == segments.len()).unwrap());
            ends.push(file.len());
        }
        (file, ends)
    }

    fn read(file: &[u8], cut: Cut) -> Result<Vec<u8>, OpenFault> {
        let mut clear = Vec::new();
        let mut sealed = Sealed::open(Cursor::new(file), &[key(2), key(1)], NAME, cut)?;
        sealed.read_to_end(&mut clear).map_err(OpenFault::Read)?;
        Ok(clear)
    }

    #[test]
    fn what_was_written_is_read_from_anywhere_and_not_seen_in_the_file() {
        let long = vec![7; SEGMENT_MAX + 5];
        let segments: [&[u8]; 4] = [b"OggS one ", b"", &long, b" last"];
        let (file, _) = file(&segments);
        let clear = segments.concat();
        assert_eq!(read(&file, Cut::Refused).unwrap(), clear);
        assert!(is_sealed(&file) && !file.windows(4).any(|it| it == b"OggS"));
        let keys = [key(1)];
        let mut sealed = Sealed::open(Cursor::new(&file), &keys, NAME, Cut::Refused).unwrap();
        for at in [clear.len() - 3, 4, SEGMENT_MAX + 8, 9, 0] {
            let mut piece = [0; 5];
            sealed.seek(SeekFrom::Start(at as u64)).unwrap();
            let count = sealed.read(&mut piece).unwrap();
            assert!(count > 0 && piece[..count] == clear[at..at + count], "at {at}");
        }
        assert_eq!(sealed.seek(SeekFrom::End(-2)).unwrap(), clear.len() as u64 - 2);
        assert!(sealed.seek(SeekFrom::Current(-100_000)).is_err());
    }

    #[test]
    fn a_file_cut_anywhere_is_read_up_to_its_last_whole_segment_or_refused() {
        let segments: [&[u8]; 4] = [b"the head", b"second one", b"third", b"the end"];
        let (file, ends) = file(&segments);
        for cut in 0..file.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let clear = read(&file[..cut], Cut::Read).unwrap();
            assert_eq!(clear, segments[..whole].concat(), "cut at {cut}");
            let refused = read(&file[..cut], Cut::Refused);
            assert!(matches!(refused, Err(OpenFault::Damaged)), "cut at {cut}: {refused:?}");
        }
    }

    #[test]
    fn no_bit_can_be_changed_and_what_is_read_of_a_changed_file_was_written() {
        let segments: [&[u8]; 3] = [b"the head", b"second one", b"the end"];
        let (file, _) = file(&segments);
        let clear = segments.concat();
        for bit in 0..file.len() * 8 {
            let mut changed = file.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&changed, Cut::Refused).is_err(), "bit {bit}");
            if let Ok(part) = read(&changed, Cut::Read) {
                assert!(part.len() < clear.len() && clear.starts_with(&part), "bit {bit}");
            }
        }
    }

    #[test]
    fn segments_are_not_swapped_repeated_left_out_or_added() {
        let segments: [&[u8]; 4] = [b"the head", b"yes", b"no!", b"end"];
        let (file, ends) = file(&segments);
        let part = |nth: usize| &file[ends[nth - 1]..ends[nth]];
        let head = &file[..ends[0]];
        for order in [[2, 1, 3].as_slice(), &[1, 1, 2, 3], &[2, 3], &[1, 3], &[1, 2, 3, 3], &[3]] {
            let parts = order.iter().flat_map(|nth| part(*nth));
            let changed: Vec<u8> = head.iter().chain(parts).copied().collect();
            assert!(matches!(read(&changed, Cut::Refused), Err(OpenFault::Damaged)), "{order:?}");
            assert!(segments.concat().starts_with(&read(&changed, Cut::Read).unwrap()));
        }
    }

    #[test]
    fn another_key_another_name_and_a_later_form_are_told_apart() {
        let (file, _) = file(&[b"the head", b"end"]);
        let open = |file: &[u8], keys: &[RecordingKey], name| {
            Sealed::open(Cursor::new(file.to_vec()), keys, name, Cut::Read).map(drop)
        };
        let fault = open(&file, &[key(2)], NAME).unwrap_err();
        assert!(matches!(fault, OpenFault::Key(id) if id == key(1).id()), "{fault}");
        assert!(fault.to_string().contains(&key(1).id().to_string()), "{fault}");
        let elsewhere = open(&file, &[key(1)], "rec_1/business.opus");
        assert!(matches!(elsewhere, Err(OpenFault::Damaged)), "{elsewhere:?}");
        let mut later = file;
        later[NAME_BYTES] = 2;
        assert!(is_sealed(&later));
        assert!(matches!(open(&later, &[key(1)], NAME), Err(OpenFault::Form)));
    }
}
