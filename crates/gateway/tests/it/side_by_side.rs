//! Both sides of a recording stay side by side, however long the talk. `cargo xtask soak recording` is its
//! long form.

use std::{sync::Arc, time::Duration};

use audio::tone;
use engine::{Repeat, Source};
use media::frame::AudioFrame;

use crate::{
    desk::{CALL, Desk, terminate},
    recordings::{AGENT_HZ, USER_HZ, ready, records_talks, spoken, wav},
    voice::Voice,
};

/// How often both speak, and for how long.
const EVERY: Duration = Duration::from_millis(1_500);
const WORD_MS: usize = 200;
/// How long the talk is; the long form says another.
const SECONDS: u64 = 15;
/// How far the sides may move against each other, and lie apart: each speaks at a tick of its own of 20 ms.
const MOVED_MAX_MS: f64 = 20.0;
const APART_MAX_MS: f64 = 60.0;
/// What one looks at to find where a word begins: 5 ms.
const WINDOW: usize = 240;

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_recording_stay_side_by_side() {
    let seconds = std::env::var("OFFHOOK_RECORDING_S").map_or(SECONDS, |s| s.parse().unwrap());
    let desk = Desk::start_with(None, records_talks).await;
    let (user, browser, lia) = Box::pin(spoken(&desk)).await;
    // A console that does not read answers no ping, and its agent is gone.
    tokio::spawn(lia.stays());
    for voice in [&user, &browser] {
        voice.leg.play(Source::Silence);
    }
    let words = usize::try_from(seconds * 1_000).unwrap() / EVERY.as_millis() as usize;
    let mut turn = tokio::time::interval(EVERY);
    turn.tick().await;
    for _ in 0..words {
        turn.tick().await;
        say(&user, USER_HZ);
        say(&browser, AGENT_HZ);
    }
    tokio::time::sleep(EVERY).await;
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(9))).await;
    let recordings = ready(&desk, 1).await;
    let channels = wav(&desk, &recordings[0], 2).await;
    let found = [onsets(&channels[0]), onsets(&channels[1])];
    // The last ones are the words; what comes before is the talk they follow.
    let last = |all: &[f64]| all[all.len().saturating_sub(words)..].to_vec();
    let [said, heard] = found.each_ref().map(|all| last(all));
    assert_eq!((said.len(), heard.len()), (words, words), "{found:?}");
    let apart: Vec<f64> = said.iter().zip(&heard).map(|(said, heard)| said - heard).collect();
    let third = words / 3;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let moved = mean(&apart[words - third..]) - mean(&apart[..third]);
    let most = apart.iter().map(|ms| ms.abs()).fold(0.0, f64::max);
    println!("{words} words in {seconds} s: at most {most:.1} ms apart, moved by {moved:.1} ms");
    assert!(moved.abs() <= MOVED_MAX_MS, "moved by {moved} ms: {apart:?}");
    assert!(most <= APART_MAX_MS, "{apart:?}");
}

fn say(voice: &Voice, hz: f32) {
    let packets = audio::prompt::encode(&tone::sine(hz, -12.0, WORD_MS)).unwrap();
    let frames: Arc<[AudioFrame]> =
        packets.into_iter().map(|packet| AudioFrame::new(packet).unwrap()).collect();
    voice.leg.play(Source::Packets(frames, Repeat::Once));
}

/// Where sound begins after half a second without, in milliseconds.
fn onsets(samples: &[i16]) -> Vec<f64> {
    let mut onsets = Vec::new();
    let mut quiet = 0;
    for (nth, window) in samples.chunks(WINDOW).enumerate() {
        if window.iter().any(|sample| sample.unsigned_abs() > 1_500) {
            if quiet > 100 {
                onsets.push(nth as f64 * 5.0);
            }
            quiet = 0;
        } else {
            quiet += 1;
        }
    }
    onsets
}
