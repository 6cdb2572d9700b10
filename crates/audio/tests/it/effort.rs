//! Does an encoder that is told to try less, or more again, do so from then on?

use std::time::Duration;

use offhook_audio::{
    FRAME_MS, FRAME_SAMPLES,
    coding::Coding,
    encoder::Encoder,
    g711::Law,
    opus::{Complexity, Settings},
    spool::{Format, Frame, Rate, Spool},
    transcode::{Transcode, Way},
};

use crate::prompts;

const LEAST: Complexity = Complexity::LEAST;

type Fault = Box<dyn std::error::Error>;

/// What comes of a prompt with this effort, where the encoder had another one at first.
type Frames = fn(&[i16], first: Complexity, then: Complexity) -> Result<Vec<Box<[u8]>>, Fault>;

fn settings(effort: Complexity) -> Settings {
    Settings { complexity: effort.get(), ..Settings::default() }
}

fn encoded(speech: &[i16], first: Complexity, then: Complexity) -> Result<Vec<Box<[u8]>>, Fault> {
    let mut encoder = Encoder::opus(settings(first))?;
    encoder.set_complexity(then.get())?;
    Ok(encoder.push(speech)?)
}

fn transcoded(
    speech: &[i16],
    first: Complexity,
    then: Complexity,
) -> Result<Vec<Box<[u8]>>, Fault> {
    let telephone = Encoder::telephone(Coding::G722).push(speech)?;
    let mut transcode = Transcode::trying(Way::ToOpus(Coding::G722), first)?;
    transcode.set_complexity(then.get())?;
    let mut frames = Vec::new();
    for (number, packet) in (0u16..).zip(&telephone) {
        let at = Duration::from_millis(u64::from(number) * u64::from(FRAME_MS));
        transcode.push(number, u32::from(number) * 160, at, packet)?;
        frames.extend(transcode.frames(at, 0)?);
    }
    Ok(frames)
}

fn spooled(speech: &[i16], first: Complexity, then: Complexity) -> Result<Vec<Box<[u8]>>, Fault> {
    let format = Format::Linear(Rate::Khz48);
    let mut spool = Spool::new(format, 60_000, settings(first))?;
    spool.set_complexity(then.get())?;
    spool.release();
    spool.push(&format.write(speech)).map_err(|_| "longer than a minute")?;
    let frame = || match spool.pull() {
        Ok(Frame::Sound(frame)) => Some(Ok(frame)),
        Ok(Frame::Silence) => None,
        Err(fault) => Some(Err(fault.into())),
    };
    std::iter::from_fn(frame).collect()
}

#[test]
fn an_encoder_that_is_told_to_try_less_does_and_more_again_too() {
    let (_, speech) = prompts::all().next().expect("there is one");
    let all = Complexity::default();
    for frames in [encoded, transcoded, spooled] as [Frames; 3] {
        let [most, least] = [all, LEAST].map(|effort| frames(&speech, effort, effort).unwrap());
        assert!(most.len() > 40 && most != least, "{} frames", most.len());
        assert!(frames(&speech, all, LEAST).unwrap() == least);
        assert!(frames(&speech, LEAST, all).unwrap() == most);
    }
}

#[test]
fn a_telephones_codec_has_but_one_effort() {
    for coding in [Coding::G711(Law::Mu), Coding::G722] {
        let mut encoder = Encoder::telephone(coding);
        assert!(encoder.set_complexity(0).is_ok());
        assert_eq!(encoder.push(&[0; FRAME_SAMPLES]).unwrap().len(), 1);
    }
}
