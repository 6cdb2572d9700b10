//! Asterisk's AudioSocket: packets over TCP, one kind, a length, what follows.
//!
//! | Kind | Is |
//! |---|---|
//! | `0x00` | it is over |
//! | `0x01` | the call's id, first: the [`Start::call_sid`] as a UUID |
//! | `0x03` | a key |
//! | `0x10` to `0x18` | linear audio; the kind says the rate |
//! | `0xff` | the far end failed |
//!
//! A [`Frame`] here is one packet with its head. There are no marks and there is nothing to clear with: a
//! program speaks as fast as it is heard, and falls silent.

use super::{Command, Event, Fault, Frame, Start};

/// Bytes before what a packet carries.
pub const HEAD: usize = 3;

const HANG_UP: u8 = 0x00;
const ID: u8 = 0x01;
const KEY: u8 = 0x03;
const AUDIO: u8 = 0x10;
const ERROR: u8 = 0xff;

/// Samples a second of the audio kinds, from [`AUDIO`] on.
const RATES: [u32; 9] = [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

/// How many bytes follow this head.
#[must_use]
pub fn length([_, high, low]: [u8; HEAD]) -> usize {
    usize::from(u16::from_be_bytes([high, low]))
}

pub(super) fn opening(start: &Start) -> Frame {
    let digits = start.call_sid.strip_prefix("CA").unwrap_or_default();
    packet(ID, &hex::decode(digits).unwrap_or_default())
}

pub(super) fn write(rate: u32, event: &Event) -> Option<Frame> {
    match event {
        Event::Audio(bytes) => {
            let kind = (AUDIO..).zip(RATES).find(|(_, of_kind)| *of_kind == rate);
            kind.map(|(kind, _)| packet(kind, bytes))
        }
        Event::Digit(digit) => {
            let mut ascii = [0; 4];
            Some(packet(KEY, digit.encode_utf8(&mut ascii).as_bytes()))
        }
        Event::Stop => Some(packet(HANG_UP, &[])),
        Event::Passed { .. }
        | Event::Cleared { .. }
        | Event::Refused { .. }
        | Event::Speech { .. }
        | Event::Silence { .. } => None,
    }
}

pub(super) fn read(voice_rate: u32, frame: Frame) -> Result<Option<Command>, Fault> {
    let Frame::Binary(mut bytes) = frame else { return Err(Fault::Text) };
    let Some((&head, content)) = bytes.split_first_chunk::<HEAD>() else {
        return Err(Fault::Value { field: "head" });
    };
    if content.len() != length(head) {
        return Err(Fault::Value { field: "length" });
    }
    let rate = head[0].checked_sub(AUDIO).and_then(|kind| RATES.get(usize::from(kind)));
    match (head[0], content, rate) {
        (_, _, Some(&rate)) if rate != voice_rate => {
            Err(Fault::Rate { rate, channels: 1, configured: voice_rate })
        }
        (_, _, Some(_)) => Ok(Some(Command::Audio(bytes.split_off(HEAD)))),
        (HANG_UP, _, None) => Ok(Some(Command::End)),
        (KEY, [digit], None) => Ok(Some(Command::Digit(char::from(*digit)))),
        (KEY, _, None) => Err(Fault::Value { field: "digit" }),
        (ERROR, _, None) => Ok(Some(Command::Fail)),
        (_, _, None) => Ok(None),
    }
}

/// A packet; none of ours is longer than a length can say.
fn packet(kind: u8, content: &[u8]) -> Frame {
    let length = u16::try_from(content.len()).unwrap_or(u16::MAX);
    let [high, low] = length.to_be_bytes();
    let content = &content[..usize::from(length)];
    Frame::Binary([&[kind, high, low], content].concat())
}
