//! What does it cost the bots' thread to notice that a user speaks? Printed, and bounded generously: the figures
//! in `docs/bots.md` are of an idle machine.

use std::time::{Duration, Instant};

use audio::{
    FRAME_SAMPLES,
    activity::Activity,
    prompt,
    spool::{Format, Hearing, Rate},
};

const VOICE: &[u8] = include_bytes!("../../../../demo/prompts/echo.ogg");

#[test]
fn listening_for_speech_costs_little() {
    let samples = prompt::samples(VOICE).expect("a prompt");
    let (frames, _) = samples.as_chunks::<FRAME_SAMPLES>();
    let mut activity = Activity::new(None);
    let listening = usual(frames, |frame| {
        activity.hear(frame, false);
    });
    let mut hearing = Hearing::new(Format::Linear(Rate::Khz16));
    let down = usual(frames, |frame| {
        hearing.write(frame);
    });
    println!("for 20 ms: {listening:?} to notice speech, {down:?} to bring it to 16 kHz");
    assert!(listening < Duration::from_millis(1), "{listening:?}");
}

/// How long half of the frames take at most.
fn usual(frames: &[[i16; FRAME_SAMPLES]], mut work: impl FnMut(&[i16; FRAME_SAMPLES])) -> Duration {
    let mut took: Vec<Duration> = frames
        .iter()
        .map(|frame| {
            let began = Instant::now();
            work(frame);
            began.elapsed()
        })
        .collect();
    took.sort();
    took[took.len() / 2]
}
