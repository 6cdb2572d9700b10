//! A model of a Realtime service: what it hears and says, what was heard of that, and its tools.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use offhook_wire::bot::{
    Codec, Command, Event, Fault, Frame, Protocol, Start, Target, Turn, realtime::Persona,
};
use serde_json::{Value, json};

/// Bytes of so many milliseconds at 24 kHz.
fn bytes(ms: usize) -> Vec<u8> {
    vec![1; 48 * ms]
}

fn codec() -> Codec {
    codec_of(Persona::default(), 24_000)
}

fn codec_of(persona: Persona, rate: u32) -> Codec {
    Codec::new(
        Protocol::OpenAi,
        Start {
            call_id: "wacid.1".into(),
            call_sid: "CA0123456789abcdef0123456789abcdef".into(),
            stream_sid: "MZ01".into(),
            account_sid: "AC01".into(),
            from: Some("5215550000001".into()),
            to: "551140000000".into(),
            rate,
            voice_rate: rate,
            context: BTreeMap::from([("order".to_owned(), "4711".to_owned())]),
            persona,
        },
    )
}

fn frame(message: &Value) -> Frame {
    Frame::Text(message.to_string())
}

fn said(frames: &[Frame]) -> Vec<Value> {
    let text = |frame: &Frame| match frame {
        Frame::Text(text) => serde_json::from_str(text).unwrap(),
        Frame::Binary(_) => panic!("it speaks text"),
    };
    frames.iter().map(text).collect()
}

fn delta(answer: &str, item: &str, bytes: &[u8]) -> Value {
    json!({"type": "response.output_audio.delta", "event_id": "e", "response_id": answer,
        "item_id": item, "output_index": 0, "content_index": 0, "delta": STANDARD.encode(bytes)})
}

fn tool(name: &str, arguments: &Value) -> Value {
    json!({"type": "response.output_item.done", "event_id": "e", "response_id": "r1",
        "output_index": 1, "item": {"type": "function_call", "id": "i9", "call_id": "c1",
            "name": name, "arguments": arguments.to_string(), "status": "completed"}})
}

fn created(answer: &str) -> Value {
    json!({"type": "response.created", "event_id": "e", "response": {"id": answer}})
}

fn done(answer: &str, status: &str) -> Value {
    json!({"type": "response.done", "event_id": "e", "response": {"id": answer, "status": status,
        "status_details": {"error": {"type": "server_error", "code": "rate_limit_exceeded"}}}})
}

fn speech() -> Value {
    json!({"type": "input_audio_buffer.speech_started", "event_id": "e", "audio_start_ms": 9,
        "item_id": "u1"})
}

fn error(code: &str) -> Value {
    json!({"type": "error", "event_id": "e", "error": {"type": "invalid_request_error",
        "code": code, "message": "Not for a log: +5215550000001", "param": "session.voice"}})
}

/// What the service sends so that this is wanted; nothing where it cannot be.
pub(crate) fn wish(command: &Command) -> Vec<Frame> {
    let messages = match command {
        Command::Audio(bytes) => vec![delta("r1", "i1", bytes)],
        Command::Mark(name) => vec![
            delta("r1", name, &[1, 2]),
            json!({"type": "response.output_audio.done", "item_id": name}),
        ],
        Command::Clear => vec![delta("r1", "i1", &[1, 2]), speech()],
        Command::Transfer { to: Target::Step(step), context } => {
            let mut arguments = json!(context);
            arguments["to"] = json!(step);
            vec![tool("transfer_call", &arguments), done("r1", "completed")]
        }
        Command::Transfer { to: Target::People, context } => {
            vec![tool("transfer_to_person", &json!(context)), done("r1", "completed")]
        }
        Command::End => vec![tool("end_call", &json!({})), done("r1", "completed")],
        Command::Fail => vec![error("session_expired")],
        Command::MustBeHeard(_)
        | Command::Digit(_)
        | Command::HangUp
        | Command::Transfer { to: Target::Agent(_), .. } => Vec::new(),
    };
    messages.iter().map(frame).collect()
}

/// Takes these messages; what all of them come to.
fn take(codec: &mut Codec, messages: &[Value]) -> Turn {
    let mut whole = Turn::default();
    for message in messages {
        let turn = codec.read(frame(message)).unwrap();
        whole.commands.extend(turn.commands);
        whole.frames.extend(turn.frames);
    }
    whole
}

/// What is told when so much was dropped.
fn cleared(codec: &mut Codec, dropped_ms: u64) -> Vec<Value> {
    said(&codec.write(&Event::Cleared { heard_ms: 0, dropped_ms }).frames)
}

fn truncate(item: &str, ms: u64) -> Value {
    json!({"type": "conversation.item.truncate", "item_id": item, "content_index": 0,
        "audio_end_ms": ms})
}

#[test]
fn it_is_told_who_it_is_what_is_known_and_to_begin() {
    let persona = Persona {
        instructions: "You are Vera.".into(),
        voice: Some("marin".into()),
        greeting: Some("Say hello.".into()),
        steps: BTreeMap::from([("people".to_owned(), "Always.".to_owned())]),
    };
    let opening = said(&codec_of(persona, 24_000).opening());
    let session = &opening[0]["session"];
    assert_eq!(opening[0]["type"], "session.update");
    assert_eq!(session["instructions"], "You are Vera.");
    let pcm = json!({"type": "audio/pcm", "rate": 24_000});
    assert_eq!(session["audio"]["output"], json!({"format": pcm, "voice": "marin"}));
    let turns = json!({"type": "server_vad", "create_response": true, "interrupt_response": true});
    assert_eq!(session["audio"]["input"], json!({"format": pcm, "turn_detection": turns}));
    let tools = session["tools"].as_array().unwrap();
    let names: Vec<&Value> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["end_call", "transfer_to_person", "transfer_call"]);
    assert_eq!(tools[2]["parameters"]["properties"]["to"]["enum"], json!(["people"]));
    let words = |at: usize| opening[at]["item"]["content"][0]["text"].as_str().unwrap();
    assert!(words(1).ends_with("order: 4711") && words(2) == "Say hello.", "{opening:?}");
    assert_eq!(opening[3], json!({"type": "response.create"}));
    assert!(!opening.iter().any(|it| it.to_string().contains("5215550000001")), "nobody's number");

    let quiet = said(&codec_of(Persona::default(), 8_000).opening());
    assert_eq!(quiet.len(), 2, "who has no greeting waits for the user");
    assert_eq!(quiet[0]["session"]["audio"]["output"], json!({"format": {"type": "audio/pcmu"}}));
}

#[test]
fn of_what_is_broken_off_the_service_is_told_how_much_was_heard() {
    let mut codec = codec();
    let said_so_far = [
        created("r1"),
        delta("r1", "i1", &bytes(1_000)),
        delta("r1", "i1", &bytes(500)),
        json!({"type": "response.output_audio.done", "item_id": "i1"}),
        delta("r1", "i2", &bytes(2_000)),
    ];
    let turn = take(&mut codec, &said_so_far);
    assert_eq!(turn.commands.len(), 4, "three pieces and a mark: {turn:?}");
    let turn = take(&mut codec, &[speech()]);
    assert_eq!(turn, Turn { commands: vec![Command::Clear], frames: Vec::new() });

    // What was under way when the user began is not heard; what comes next is.
    let late = take(&mut codec, &[delta("r1", "i2", &bytes(100)), done("r1", "cancelled")]);
    assert_eq!(late, Turn::default());
    let next = take(&mut codec, &[created("r2"), delta("r2", "i3", &bytes(100))]);
    assert_eq!(next.commands, [Command::Audio(bytes(100))]);

    // 2,100 of 3,500 ms are dropped: 100 of the first item and all of the second.
    assert_eq!(cleared(&mut codec, 2_100), [truncate("i1", 1_400), truncate("i2", 0)]);

    let turn = take(&mut codec, &[done("r2", "completed"), created("r3"), speech()]);
    assert_eq!(turn.commands, [Command::Clear]);
    assert_eq!(cleared(&mut codec, 40), [truncate("i3", 60)], "counted anew");
    let unborn = take(&mut codec, &[delta("r3", "i4", &bytes(100))]);
    assert_eq!(unborn, Turn::default(), "it had not begun when the user did");
}

#[test]
fn what_was_heard_whole_is_not_cut() {
    let mut codec = codec();
    let first = |item| {
        [
            delta("r1", item, &bytes(100)),
            json!({"type": "response.output_audio.done", "item_id": item}),
        ]
    };
    take(&mut codec, &first("i1"));
    let passed = |name: &str, cleared| Event::Passed { name: name.into(), cleared };
    assert_eq!(codec.write(&passed("i1", false)), Turn::default());
    assert_eq!(take(&mut codec, &[speech()]), Turn::default(), "nothing waits");

    // The mark passed on the leg before the clear reached it.
    take(&mut codec, &first("i2"));
    take(&mut codec, &[delta("r1", "i3", &bytes(300)), speech()]);
    codec.write(&passed("i2", false));
    assert_eq!(cleared(&mut codec, 220), [truncate("i3", 80)]);
    assert_eq!(codec.write(&passed("i3", true)), Turn::default());
    assert!(cleared(&mut codec, 0).is_empty(), "a clear that nobody asked for");
}

#[test]
fn samples_of_mu_law_are_counted_as_such_and_the_beta_is_understood() {
    let mut codec = codec_of(Persona::default(), 8_000);
    let mut beta = delta("r1", "i1", &[7; 800]);
    beta["type"] = json!("response.audio.delta");
    let turn = take(&mut codec, &[beta, json!({"type": "response.audio.done", "item_id": "i1"})]);
    assert_eq!(turn.commands, [Command::Audio(vec![7; 800]), Command::Mark("i1".into())]);
    take(&mut codec, &[speech()]);
    assert_eq!(cleared(&mut codec, 30), [truncate("i1", 70)]);
}

#[test]
fn keys_are_one_message_when_the_hand_rests_and_break_in_at_once() {
    let mut codec = codec();
    take(&mut codec, &[created("r1"), delta("r1", "i1", &bytes(900))]);
    let turn = codec.write(&Event::Digit('4'));
    assert_eq!(turn.commands, [Command::Clear]);
    assert_eq!(said(&turn.frames)[0]["type"], "response.cancel");
    assert_eq!(cleared(&mut codec, 500), [truncate("i1", 400)]);
    assert_eq!(codec.write(&Event::Digit('7')), Turn::default());
    take(&mut codec, &[done("r1", "cancelled")]);

    let audio = Event::Audio(vec![0; 960]);
    for _ in 0..74 {
        let frames = said(&codec.write(&audio).frames);
        assert_eq!((frames.len(), &frames[0]["type"]), (1, &json!("input_audio_buffer.append")));
    }
    let frames = said(&codec.write(&audio).frames);
    assert_eq!(frames.len(), 3, "{frames:?}");
    let text = frames[1]["item"]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains(" 47)") && frames[1]["item"]["role"] == "user", "{text}");
    assert_eq!(frames[2], json!({"type": "response.create"}));

    // A hash ends a number; while an answer is under way the next one is asked for when it is over.
    take(&mut codec, &[created("r2")]);
    let frames = said(&codec.write(&Event::Digit('#')).frames);
    assert_eq!((frames.len(), &frames[0]["type"]), (2, &json!("response.cancel")));
    assert_eq!(said(&codec.write(&audio).frames).len(), 1);
    take(&mut codec, &[done("r2", "cancelled")]);
    assert_eq!(said(&codec.write(&audio).frames)[1], json!({"type": "response.create"}));
    assert_eq!(said(&codec.write(&audio).frames).len(), 1, "once");
}

#[test]
fn a_tool_counts_when_its_answer_is_complete_and_one_that_is_none_is_said_to_be() {
    let mut codec = codec();
    let nothing = take(&mut codec, &[tool("end_call", &json!({})), done("r1", "cancelled")]);
    assert_eq!(nothing, Turn::default(), "the user broke in");
    let turn = take(&mut codec, &[done("r1", "completed")]);
    assert_eq!(turn, Turn::default(), "and it is forgotten");
    for (name, arguments) in [("fly", json!({})), ("transfer_call", json!({"to": "nowhere"}))] {
        let turn = take(&mut codec, &[tool(name, &arguments), done("r1", "completed")]);
        let told = said(&turn.frames);
        assert_eq!((&told[0]["item"]["call_id"], turn.commands.len()), (&json!("c1"), 0));
        let next = said(&codec.write(&Event::Audio(vec![0; 960])).frames);
        assert_eq!(next[1], json!({"type": "response.create"}), "it goes on");
        take(&mut codec, &[created("r1")]);
    }
}

#[test]
fn what_fails_is_tried_again_once_and_said_without_its_sentence() {
    let mut codec = codec();
    let fault = codec.read(frame(&done("r1", "failed"))).unwrap_err();
    assert_eq!(fault.to_string(), "the service reports rate_limit_exceeded ()");
    let again = said(&codec.write(&Event::Audio(vec![0; 960])).frames);
    assert_eq!(again[1], json!({"type": "response.create"}));
    assert_eq!(take(&mut codec, &[done("r2", "failed")]).commands, [Command::Fail]);

    let fault = codec.read(frame(&error("invalid_value"))).unwrap_err();
    assert!(matches!(&fault, Fault::Reported { code, about }
        if code == "invalid_value" && about == "session.voice"));
    assert!(!fault.to_string().contains("5215550000001"));
    assert_eq!(take(&mut codec, &[error("response_cancel_not_active")]), Turn::default());
}
