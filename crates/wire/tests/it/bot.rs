//! One suite for every protocol of bots: the same wishes and the same news, in each one's words.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use offhook_wire::bot::{
    Codec, Command, Event, Fault, Frame, Protocol, Start, Target, realtime::Persona,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::realtime;

const ALL: [Protocol; 6] = [
    Protocol::Twilio,
    Protocol::Vonage,
    Protocol::Native,
    Protocol::Pipecat,
    Protocol::AudioSocket,
    Protocol::OpenAi,
];

const SID: &str = "CA0123456789abcdef0123456789abcdef";

/// Frames that Pipecat 1.14.0 wrote with its `ProtobufFrameSerializer`, in hexadecimal.
const OF_PIPECAT: &str = include_str!("../golden/bot/pipecat.json");

fn codec(protocol: Protocol) -> Codec {
    Codec::new(
        protocol,
        Start {
            call_id: "wacid.1".into(),
            call_sid: SID.into(),
            stream_sid: "MZ01".into(),
            account_sid: "AC01".into(),
            from: Some("5215550000001".into()),
            to: "551140000000".into(),
            rate: match protocol {
                Protocol::Twilio | Protocol::AudioSocket => 8_000,
                Protocol::Vonage | Protocol::Native | Protocol::Pipecat => 16_000,
                Protocol::OpenAi => 24_000,
            },
            voice_rate: match protocol {
                Protocol::Twilio | Protocol::AudioSocket => 8_000,
                Protocol::Vonage | Protocol::Native => 16_000,
                Protocol::Pipecat | Protocol::OpenAi => 24_000,
            },
            context: BTreeMap::from([("order".to_owned(), "4711".to_owned())]),
            persona: Persona {
                steps: BTreeMap::from([("people".to_owned(), "Always.".to_owned())]),
                ..Persona::default()
            },
        },
    )
}

/// What a message wants last.
fn read(codec: &mut Codec, frame: Frame) -> Result<Option<Command>, Fault> {
    codec.read(frame).map(|mut turn| turn.commands.pop())
}

/// What a bot is told of an event, where that is one frame.
fn write(codec: &mut Codec, event: &Event) -> Option<Frame> {
    let mut turn = codec.write(event);
    assert!(turn.frames.len() <= 1 && turn.commands.is_empty(), "{turn:?}");
    turn.frames.pop()
}

fn said(frame: &Frame) -> Value {
    match frame {
        Frame::Text(text) => serde_json::from_str(text).unwrap(),
        Frame::Binary(bytes) => panic!("{} bytes where text belongs", bytes.len()),
    }
}

/// A field of a protobuf message that has a length, and what it has.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut written = vec![number << 3 | 2];
    let mut rest = content.len();
    while rest >= 0x80 {
        written.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    written.push(rest.to_le_bytes()[0]);
    written.extend(content);
    written
}

/// Our protocol's words in a message of Pipecat's.
fn in_pipecat(text: &Frame) -> Frame {
    let Frame::Text(text) = text else { panic!("a message is text") };
    Frame::Binary(field(4, &field(1, text.as_bytes())))
}

/// A frame that Pipecat wrote.
fn of_pipecat(name: &str) -> Frame {
    let written: BTreeMap<String, String> = serde_json::from_str(OF_PIPECAT).unwrap();
    Frame::Binary(hex::decode(&written[name]).unwrap())
}

/// What a bot of this protocol writes for a wish; nothing where it cannot wish it.
fn wish(protocol: Protocol, command: &Command) -> Option<Frame> {
    let text = |value: Value| Some(Frame::Text(value.to_string()));
    match (protocol, command) {
        (Protocol::Twilio, Command::Audio(bytes)) => text(json!({"event": "media",
            "streamSid": "MZ01", "media": {"payload": STANDARD.encode(bytes)}})),
        (Protocol::Pipecat, Command::Audio(bytes)) => {
            // 24,000 Hz as a varint, and one channel.
            let told = [&field(3, bytes)[..], &[4 << 3, 0xc0, 0xbb, 0x01, 5 << 3, 1]].concat();
            Some(Frame::Binary(field(2, &told)))
        }
        (Protocol::Pipecat, Command::Clear) => Some(Frame::Binary(field(5, &[]))),
        (Protocol::Pipecat, command) => {
            wish(Protocol::Native, command).map(|text| in_pipecat(&text))
        }
        (Protocol::AudioSocket, Command::Audio(bytes)) => {
            Some(Frame::Binary([&[0x10, 0, 4], &bytes[..]].concat()))
        }
        (Protocol::AudioSocket, Command::Digit('5')) => Some(Frame::Binary(vec![3, 0, 1, b'5'])),
        (Protocol::AudioSocket, Command::End) => Some(Frame::Binary(vec![0, 0, 0])),
        (Protocol::AudioSocket, Command::Fail) => Some(Frame::Binary(vec![0xff, 0, 1, 4])),
        (Protocol::AudioSocket, _) => None,
        (Protocol::Vonage | Protocol::Native, Command::Audio(bytes)) => {
            Some(Frame::Binary(bytes.clone()))
        }
        (Protocol::Twilio, Command::Mark(name)) => {
            text(json!({"event": "mark", "streamSid": "MZ01", "mark": {"name": name}}))
        }
        (Protocol::Vonage, Command::Mark(name)) => {
            let payload: Value = serde_json::from_str(name).unwrap_or_else(|_| json!(name));
            text(json!({"action": "notify", "payload": payload}))
        }
        (Protocol::Native, Command::Mark(name)) => text(json!({"type": "mark", "name": name})),
        (Protocol::Twilio, Command::Clear) => text(json!({"event": "clear", "streamSid": "MZ01"})),
        (Protocol::Vonage, Command::Clear) => text(json!({"action": "clear"})),
        (Protocol::Native, Command::Clear) => text(json!({"type": "clear"})),
        (Protocol::Native, Command::MustBeHeard(on)) => {
            text(json!({"type": "section", "must_be_heard": on}))
        }
        (Protocol::Native, Command::Digit(digit)) => text(json!({"type": "dtmf", "digit": digit})),
        (Protocol::Native, Command::Transfer { to: Target::Agent(agent), context }) => {
            text(json!({"type": "transfer", "agent": agent, "context": context}))
        }
        (Protocol::Native, Command::Transfer { to: Target::Step(step), context }) => {
            text(json!({"type": "transfer", "step": step, "context": context}))
        }
        (Protocol::Native, Command::End) => text(json!({"type": "end"})),
        (Protocol::Native, Command::HangUp) => text(json!({"type": "hang_up"})),
        (Protocol::Native, Command::Fail | Command::Transfer { to: Target::People, .. }) => None,
        (Protocol::Twilio | Protocol::Vonage | Protocol::OpenAi, _) => None,
    }
}

/// How many of the wishes a protocol has words for.
fn says(protocol: Protocol) -> usize {
    match protocol {
        Protocol::Twilio | Protocol::Vonage => 3,
        Protocol::AudioSocket => 4,
        Protocol::OpenAi => 7,
        Protocol::Native | Protocol::Pipecat => 9,
    }
}

#[test]
fn every_protocol_understands_what_its_bots_can_wish() {
    let context = BTreeMap::from([("topic".to_owned(), "refund".to_owned())]);
    let wishes = [
        Command::Audio(vec![1, 2, 3, 4]),
        Command::Mark("\"hello\"".into()),
        Command::Clear,
        Command::MustBeHeard(true),
        Command::Digit('5'),
        Command::Transfer { to: Target::Agent("lia".parse().unwrap()), context: context.clone() },
        Command::Transfer { to: Target::Step("people".into()), context: context.clone() },
        Command::Transfer { to: Target::People, context },
        Command::End,
        Command::HangUp,
        Command::Fail,
    ];
    for protocol in ALL {
        let mut understood = 0;
        for command in &wishes {
            let mut codec = codec(protocol);
            let mut frames = match protocol {
                Protocol::OpenAi => realtime::wish(command),
                Protocol::Twilio
                | Protocol::Vonage
                | Protocol::Native
                | Protocol::Pipecat
                | Protocol::AudioSocket => Vec::from_iter(wish(protocol, command)),
            };
            let Some(last) = frames.pop() else { continue };
            for frame in frames {
                read(&mut codec, frame).unwrap();
            }
            assert_eq!(read(&mut codec, last).unwrap().as_ref(), Some(command), "{protocol:?}");
            understood += 1;
        }
        assert_eq!(understood, says(protocol), "{protocol:?}");
    }
}

#[test]
fn start_is_first_and_says_who_calls_and_what_the_flow_knows() {
    let mut twilio = codec(Protocol::Twilio).opening();
    let start = said(&twilio.pop().unwrap());
    assert_eq!(said(&twilio[0])["event"], "connected");
    assert_eq!(
        start,
        json!({"event": "start", "sequenceNumber": "1", "streamSid": "MZ01",
            "start": {"accountSid": "AC01", "callSid": SID, "streamSid": "MZ01",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1},
                "customParameters": {"order": "4711", "call_id": "wacid.1",
                    "from_number": "5215550000001", "to_number": "551140000000"}}})
    );
    assert_eq!(
        said(&codec(Protocol::Vonage).opening()[0]),
        json!({"event": "websocket:connected", "content-type": "audio/l16;rate=16000",
            "call_id": "wacid.1", "from": "5215550000001", "to": "551140000000",
            "order": "4711"})
    );
    assert_eq!(
        said(&codec(Protocol::Native).opening()[0]),
        json!({"type": "start", "version": 1, "call_id": "wacid.1", "stream_id": "MZ01",
            "from": "5215550000001", "to": "551140000000", "context": {"order": "4711"},
            "audio": {"encoding": "l16", "rate": 16_000, "channels": 1, "frame_ms": 20}})
    );
}

#[test]
fn what_pipecat_writes_is_understood_and_another_rate_is_a_fault() {
    let mut codec = codec(Protocol::Pipecat);
    let mut read = |name| read(&mut codec, of_pipecat(name));
    assert_eq!(read("audio").unwrap(), Some(Command::Audio(vec![1, 2, 3, 4])));
    assert_eq!(read("mark").unwrap(), Some(Command::Mark("greeted".into())));
    assert_eq!(read("hang_up").unwrap(), Some(Command::HangUp));
    assert_eq!(read("interruption").unwrap(), Some(Command::Clear));
    for left_alone in ["rtvi", "text"] {
        assert_eq!(read(left_alone).unwrap(), None, "{left_alone}");
    }
    assert!(matches!(read("stereo"), Err(Fault::Rate { rate: 24_000, channels: 2, .. })));
    assert_eq!(codec.opening(), [in_pipecat(&self::codec(Protocol::Native).opening()[0])]);
}

#[test]
fn pipecat_hears_audio_and_news_in_its_frames() {
    let mut codec = codec(Protocol::Pipecat);
    let audio = write(&mut codec, &Event::Audio(vec![7, 8]));
    // 16,000 Hz as a varint, and one channel.
    let told = [&field(3, &[7, 8])[..], &[4 << 3, 0x80, 0x7d, 5 << 3, 1]].concat();
    assert_eq!(audio, Some(Frame::Binary(field(2, &told))));
    let digit = write(&mut codec, &Event::Digit('5')).unwrap();
    assert_eq!(
        digit,
        in_pipecat(&write(&mut self::codec(Protocol::Native), &Event::Digit('5')).unwrap())
    );
}

#[test]
fn asterisks_packets_have_a_kind_a_length_and_the_calls_id_first() {
    let mut codec = codec(Protocol::AudioSocket);
    let id = hex::decode(&SID[2..]).unwrap();
    assert_eq!(codec.opening(), [Frame::Binary([&[1, 0, 16], &id[..]].concat())]);
    let audio = write(&mut codec, &Event::Audio(vec![7; 320]));
    assert_eq!(audio, Some(Frame::Binary([&[0x10, 1, 64], &[7; 320][..]].concat())));
    let digit = write(&mut codec, &Event::Digit('#'));
    assert_eq!(digit, Some(Frame::Binary(vec![3, 0, 1, b'#'])));
    assert_eq!(write(&mut codec, &Event::Stop), Some(Frame::Binary(vec![0, 0, 0])));
    assert_eq!(write(&mut codec, &Event::Passed { name: "n".into(), cleared: false }), None);

    let mut read = |bytes: &[u8]| read(&mut codec, Frame::Binary(bytes.to_vec()));
    for (kind, rate) in [(0x12, 16_000), (0x16, 48_000)] {
        let fault = read(&[kind, 0, 2, 1, 2]).unwrap_err();
        assert!(matches!(fault, Fault::Rate { rate: of, .. } if of == rate), "{fault:?}");
    }
    for broken in [&[][..], &[0x10, 0], &[0x10, 0, 2, 1], &[0x10, 0, 0, 1], &[3, 0, 0]] {
        assert!(read(broken).is_err(), "{broken:?}");
    }
    assert_eq!(read(&[0x42, 0, 1, 9]).unwrap(), None, "a kind that is not known");
}

#[test]
fn twilio_gets_numbers_as_strings_and_every_message_counted() {
    let mut codec = codec(Protocol::Twilio);
    codec.opening();
    let audio = Event::Audio(vec![0xff; 160]);
    let first = said(&write(&mut codec, &audio).unwrap());
    assert_eq!(
        first,
        json!({"event": "media", "sequenceNumber": "2", "streamSid": "MZ01",
            "media": {"track": "inbound", "chunk": "1", "timestamp": "0",
                "payload": STANDARD.encode([0xff; 160])}})
    );
    let cleared = Event::Cleared { heard_ms: 40, dropped_ms: 20 };
    assert_eq!(write(&mut codec, &cleared), None, "it has no word for it");
    let digit = said(&write(&mut codec, &Event::Digit('#')).unwrap());
    assert_eq!(digit["sequenceNumber"], "3");
    assert_eq!(digit["dtmf"], json!({"track": "inbound_track", "digit": "#"}));
    let second = said(&write(&mut codec, &audio).unwrap());
    let media = &second["media"];
    assert_eq!((&media["chunk"], &media["timestamp"]), (&json!("2"), &json!("20")));
    let stop = said(&write(&mut codec, &Event::Stop).unwrap());
    assert_eq!(stop["stop"], json!({"accountSid": "AC01", "callSid": SID}));
}

#[test]
fn marks_clears_and_keys_come_in_each_ones_words() {
    let passed = Event::Passed { name: "\"hello\"".into(), cleared: true };
    let cleared = Event::Cleared { heard_ms: 40, dropped_ms: 20 };
    let mut twilio = codec(Protocol::Twilio);
    assert_eq!(said(&write(&mut twilio, &passed).unwrap())["mark"], json!({"name": "\"hello\""}));
    let mut vonage = codec(Protocol::Vonage);
    let notify = said(&write(&mut vonage, &passed).unwrap());
    assert_eq!(notify, json!({"event": "websocket:notify", "payload": "hello"}));
    assert_eq!(said(&write(&mut vonage, &cleared).unwrap()), json!({"event": "websocket:cleared"}));
    assert_eq!(said(&write(&mut vonage, &Event::Digit('1')).unwrap())["digit"], "1");
    let mut native = codec(Protocol::Native);
    assert_eq!(
        said(&write(&mut native, &passed).unwrap()),
        json!({"type": "mark", "name": "\"hello\"", "cleared": true})
    );
    assert_eq!(
        said(&write(&mut native, &cleared).unwrap()),
        json!({"type": "cleared", "heard_ms": 40, "dropped_ms": 20})
    );
    assert_eq!(
        said(&write(&mut native, &Event::Refused { backlog_ms: 9 }).unwrap())["type"],
        "refused"
    );
    let speech = Event::Speech { speaking: true, at_ms: 1_260 };
    assert_eq!(
        said(&write(&mut native, &speech).unwrap()),
        json!({"type": "speech", "speaking": true, "at_ms": 1_260})
    );
    let silence = Event::Silence { ms: 8_000 };
    assert_eq!(
        said(&write(&mut native, &silence).unwrap()),
        json!({"type": "silence", "ms": 8_000})
    );
    for other in [&mut twilio, &mut vonage] {
        assert!(write(other, &speech).is_none() && write(other, &silence).is_none());
    }
    for codec in [&mut vonage, &mut native] {
        let frame = write(codec, &Event::Audio(vec![7, 8])).unwrap();
        assert_eq!(frame, Frame::Binary(vec![7, 8]));
    }
}

#[test]
fn what_is_no_message_is_a_fault_and_what_is_unknown_is_left_alone() {
    for protocol in ALL {
        let mut codec = codec(protocol);
        let written = |text: &str| match protocol {
            Protocol::Pipecat => in_pipecat(&Frame::Text(text.into())),
            Protocol::Twilio
            | Protocol::Vonage
            | Protocol::Native
            | Protocol::AudioSocket
            | Protocol::OpenAi => Frame::Text(text.into()),
        };
        if protocol == Protocol::AudioSocket {
            assert!(codec.read(written("{}")).is_err(), "it knows no text");
            continue;
        }
        for text in ["", "{", "[]", "7", r#"{"event":7}"#] {
            assert!(codec.read(written(text)).is_err(), "{protocol:?} {text}");
        }
        let unknown = json!({"event": "hum", "action": "hum", "type": "hum"}).to_string();
        assert_eq!(read(&mut codec, written(&unknown)).unwrap(), None, "{protocol:?}");
        let long = Command::Mark("n".repeat(2_000));
        let long = wish(protocol, &long).unwrap_or_else(|| realtime::wish(&long).remove(0));
        assert!(codec.read(long).is_err(), "{protocol:?}");
    }
    let mut twilio = codec(Protocol::Twilio);
    assert!(twilio.read(Frame::Binary(vec![1])).is_err());
    let payload = json!({"event": "media", "media": {"payload": "***"}}).to_string();
    assert!(twilio.read(Frame::Text(payload)).is_err());
    let mut pipecat = codec(Protocol::Pipecat);
    assert!(pipecat.read(Frame::Text("{}".into())).is_err());
    assert!(pipecat.read(Frame::Binary(vec![0xff; 9])).is_err());
    let both = json!({"type": "transfer", "agent": "lia", "step": "people"}).to_string();
    assert!(codec(Protocol::Native).read(Frame::Text(both)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_a_bot_sends_breaks_us(text in "\\PC{0,60}", bytes in any::<Vec<u8>>()) {
        for protocol in ALL {
            let mut codec = codec(protocol);
            drop(codec.read(Frame::Text(text.clone())));
            drop(codec.read(Frame::Binary(bytes.clone())));
        }
    }
}
