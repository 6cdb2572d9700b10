//! Pipecat's frames: protobuf in binary messages, as its `ProtobufFrameSerializer` writes and reads them.
//!
//! Audio, messages and interruptions are all we need of them. An interruption clears; what has no frame
//! of its own (the start, marks, keys, the end) is a message with the JSON of [our protocol](super::native).
//! A bot's own rates differ, each frame names its: one that is not the agreed one is a fault, for it would
//! be heard too high or too low. Text, transcriptions and RTVI's messages are left alone.

use prost::Message as _;

use super::{Command, Event, Fault, Frame, Start, native};

/// `pipecat.Frame`.
#[derive(Clone, PartialEq, prost::Message)]
struct Packed {
    #[prost(oneof = "Kind", tags = "2, 4, 5")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Kind {
    #[prost(message, tag = "2")]
    Audio(Audio),
    #[prost(message, tag = "4")]
    Message(Message),
    #[prost(message, tag = "5")]
    Interruption(Interruption),
}

/// `pipecat.AudioRawFrame`.
#[derive(Clone, PartialEq, prost::Message)]
struct Audio {
    #[prost(bytes = "vec", tag = "3")]
    audio: Vec<u8>,
    #[prost(uint32, tag = "4")]
    sample_rate: u32,
    #[prost(uint32, tag = "5")]
    num_channels: u32,
}

/// `pipecat.MessageFrame`: JSON as text.
#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(string, tag = "1")]
    data: String,
}

/// `pipecat.InterruptionFrame`, of which only that it came matters.
#[derive(Clone, PartialEq, prost::Message)]
struct Interruption {}

pub(super) fn opening(start: &Start) -> Frame {
    packed(native::opening(start), start.rate)
}

pub(super) fn write(rate: u32, event: &Event) -> Option<Frame> {
    native::write(event).map(|frame| packed(frame, rate))
}

pub(super) fn read(voice_rate: u32, frame: Frame) -> Result<Option<Command>, Fault> {
    let Frame::Binary(bytes) = frame else { return Err(Fault::Text) };
    match Packed::decode(bytes.as_slice()).map_err(Fault::Protobuf)?.kind {
        Some(Kind::Audio(Audio { audio, sample_rate, num_channels })) => {
            if (sample_rate, num_channels) != (voice_rate, 1) {
                return Err(Fault::Rate {
                    rate: sample_rate,
                    channels: num_channels,
                    configured: voice_rate,
                });
            }
            Ok(Some(Command::Audio(audio)))
        }
        Some(Kind::Message(Message { data })) => native::read(Frame::Text(data)),
        Some(Kind::Interruption(Interruption {})) => Ok(Some(Command::Clear)),
        None => Ok(None),
    }
}

/// What our protocol says, as Pipecat's frame.
fn packed(frame: Frame, rate: u32) -> Frame {
    let kind = match frame {
        Frame::Text(data) => Kind::Message(Message { data }),
        Frame::Binary(audio) => Kind::Audio(Audio { audio, sample_rate: rate, num_channels: 1 }),
    };
    Frame::Binary(Packed { kind: Some(kind) }.encode_to_vec())
}
