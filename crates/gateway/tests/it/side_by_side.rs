//! Both sides of a recording stay side by side, however long the talk. `cargo xtask soak recording` is its
//! long form.
//!
//! What counts is when each word left who said it, by the taps of their legs: each speaks at a tick of its
//! own of 20 ms, and a machine may stop one of them for a while.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use audio::tone;
use engine::{Direction, Repeat, Source, Tapped};
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
/// How far a word of one side may lie from where it was said beside the other's.
const APART_MAX_MS: f64 = 20.0;
/// What one looks at to find where a word begins: 5 ms.
const WINDOW: usize = 240;

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_of_a_recording_stay_side_by_side() {
    let seconds = std::env::var("OFFHOOK_RECORDING_S").map_or(SECONDS, |s| s.parse().unwrap());
    let desk = Desk::start_with(None, records_talks).await;
    let (user, browser, lia) = Box::pin(spoken(&desk)).await;
    // A console that does not read answers no ping, and its agent is gone.
    tokio::spawn(lia.stays());
    let mut said = [&user, &browser].map(|voice| {
        voice.leg.play(Source::Silence);
        Words::of(voice)
    });
    let words = usize::try_from(seconds * 1_000).unwrap() / EVERY.as_millis() as usize;
    let mut turn = tokio::time::interval(EVERY);
    turn.tick().await;
    for _ in 0..words {
        turn.tick().await;
        said.iter_mut().for_each(Words::listen);
        say(&user, USER_HZ);
        say(&browser, AGENT_HZ);
    }
    tokio::time::sleep(EVERY).await;
    said.iter_mut().for_each(Words::listen);
    desk.webhook(&terminate(CALL, "USER_INITIATED", Some(9))).await;
    let recordings = ready(&desk, 1).await;
    let channels = wav(&desk, &recordings[0], 2).await;
    let found = [onsets(&channels[0]), onsets(&channels[1])];
    // The business is the left channel. The last ones are the words; before them is the talk they follow.
    let last = |all: &[f64]| all[all.len().saturating_sub(words)..].to_vec();
    let [kept_browser, kept_user] = found.each_ref().map(|all| last(all));
    let [user, browser] = said.map(|words| words.began);
    let count = [kept_user.len(), kept_browser.len(), user.len(), browser.len()];
    assert_eq!(count, [words; 4], "{found:?}");
    let between = |(user, browser): (&Instant, &Instant)| {
        user.saturating_duration_since(*browser).as_secs_f64() * 1_000.0
            - browser.saturating_duration_since(*user).as_secs_f64() * 1_000.0
    };
    let said: Vec<f64> = user.iter().zip(&browser).map(between).collect();
    let kept: Vec<f64> = kept_user.iter().zip(&kept_browser).map(|(user, it)| user - it).collect();
    let off: Vec<f64> = said.iter().zip(&kept).map(|(said, kept)| kept - said).collect();
    let most = |all: &[f64]| all.iter().map(|ms| ms.abs()).fold(0.0, f64::max);
    println!(
        "{words} words in {seconds} s: said at most {:.1} ms apart, kept at most {:.1} ms from that",
        most(&said),
        most(&off)
    );
    assert!(most(&off) <= APART_MAX_MS, "said {said:?}, kept {kept:?}");
}

/// When what somebody says begins.
struct Words {
    sent: Tapped,
    newest: Option<Instant>,
    began: Vec<Instant>,
}

impl Words {
    fn of(voice: &Voice) -> Self {
        let (tap, sent) = engine::tap(Direction::Sent, 256);
        voice.leg.listen(tap);
        Self { sent, newest: None, began: Vec::new() }
    }

    /// Takes what left since the last time.
    fn listen(&mut self) {
        let Self { sent, newest, began } = self;
        sent.each(|head, _| {
            let before = newest.replace(head.at);
            if before.is_none_or(|before| head.at > before + EVERY / 2) {
                began.push(head.at);
            }
        });
    }
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
