use super::*;
use crate::{encoder::Encoder, g711::Law, measure::Measure, prompt, tone};

fn packets(ms: usize) -> Vec<Box<[u8]>> {
    prompt::encode(&tone::sine(440.0, -12.0, ms)).unwrap()
}

fn run(first: u16, packets: &[Box<[u8]>], at: impl Fn(u64) -> Option<u64>) -> Heard {
    run_in(JitterBuffer::new().unwrap(), first, packets, at)
}

/// Pulls every 20 ms what comes when `at` says (in ms, none is lost), beginning at `first`.
fn run_in(
    mut buffer: JitterBuffer,
    first: u16,
    packets: &[Box<[u8]>],
    at: impl Fn(u64) -> Option<u64>,
) -> Heard {
    let mut arrivals: Vec<(u64, u16)> = (0..u16::try_from(packets.len()).unwrap())
        .filter_map(|n| Some((at(u64::from(n))?, n)))
        .collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    let (mut measure, mut deepest) = (Measure::default(), 0);
    for now in (10..10 + 20 * (packets.len() as u64 + 10)).step_by(20) {
        while let Some((_, n)) = arrivals.next_if(|(at, _)| *at <= now) {
            buffer.push(first.wrapping_add(n), &packets[usize::from(n)]);
        }
        measure.push(&buffer.pull().unwrap_or([0; FRAME_SAMPLES]));
        deepest = deepest.max(buffer.depth());
    }
    Heard { report: measure.report(), figures: buffer.figures(), deepest, left: buffer.depth() }
}

struct Heard {
    report: crate::measure::Report,
    figures: Figures,
    deepest: usize,
    left: usize,
}

#[test]
fn an_even_stream_is_heard_whole_and_at_most_a_frame_later() {
    let heard = run(65_500, &packets(2_000), |n| Some(n * 20));
    assert!(heard.report.is_tone(440.0), "{:?}", heard.report);
    assert!((1_960..=2_100).contains(&heard.report.loud_ms), "{:?}", heard.report);
    assert_eq!((heard.figures.late, heard.figures.left_out), (0, 0));
    assert!(heard.figures.concealed <= CONCEALED_MAX, "only after its end");
    assert!(heard.deepest <= <JitterBuffer>::PREFILL && heard.left == 0, "{}", heard.deepest);
}

#[test]
fn what_is_lost_or_out_of_order_is_filled_in() {
    let heard = run(7, &packets(2_000), |n| match n % 10 {
        4 => None,
        6 => Some(n * 20 + 21),
        _ => Some(n * 20),
    });
    assert!(heard.report.is_tone(440.0), "{:?}", heard.report);
    assert!(heard.report.loud_ms >= 1_900, "{:?}", heard.report);
    assert!((10..=14).contains(&heard.figures.concealed), "{:?}", heard.figures);
    assert_eq!(heard.figures.late, 0, "waited for");
}

#[test]
fn a_voice_of_a_telephone_is_heard_as_one_in_opus() {
    for coding in [Law::Mu.into(), Law::A.into(), Coding::G722] {
        let packets = Encoder::telephone(coding).push(&tone::sine(440.0, -12.0, 2_000)).unwrap();
        let even = run_in(JitterBuffer::telephone(coding), 65_500, &packets, |n| Some(n * 20));
        assert!(even.report.is_tone(440.0), "{:?}", even.report);
        assert!((1_960..=2_100).contains(&even.report.loud_ms), "{:?}", even.report);
        let lost = |n: u64| (n % 10 != 4).then_some(n * 20);
        let lossy = run_in(JitterBuffer::telephone(coding), 7, &packets, lost);
        assert!((10..=14).contains(&lossy.figures.concealed), "{:?}", lossy.figures);
        assert!(lossy.report.loud_ms >= 1_900, "{:?}", lossy.report);
    }
    let mut buffer = JitterBuffer::telephone(Law::Mu);
    buffer.push(1, b"");
    buffer.push(2, &[0; 1_400]);
    assert_eq!(buffer.depth(), 0, "no packets of a voice");
}

/// A network that holds packets back grows the buffer by what it needs, and no more; once it is
/// even again, that is given back.
#[test]
fn the_buffer_grows_with_the_jitter_and_shrinks_after_it() {
    let held = 48..150;
    let burst = |n: u64| Some(if held.contains(&n) { n / 4 * 80 + 60 } else { n * 20 });
    let heard = run(1, &packets(8_000), burst);
    assert!(heard.report.is_tone(440.0), "{:?}", heard.report);
    assert!(heard.deepest <= <JitterBuffer>::DEPTH_MAX, "{}", heard.deepest);
    assert_eq!(heard.figures.left_out, 0);
    assert!((960..4_800).contains(&heard.figures.shortened), "{:?}", heard.figures);
    assert!(heard.figures.concealed < 20, "{:?}", heard.figures);
}

#[test]
fn a_flood_is_cut_and_a_sender_that_counts_anew_is_heard() {
    let packets = packets(1_000);
    let mut buffer = JitterBuffer::new().unwrap();
    for (n, packet) in (0u16..).zip(&packets) {
        buffer.push(n, packet);
    }
    assert!(buffer.pull().is_some());
    assert!(buffer.depth() <= <JitterBuffer>::PREFILL, "{}", buffer.depth());
    for (n, packet) in (40_000u16..).zip(&packets).take(3) {
        buffer.push(n, packet);
    }
    assert_eq!(buffer.waiting.len(), 3, "far ahead");
    assert!(buffer.pull().is_some());
    for (n, packet) in (39_900u16..).zip(&packets).take(12) {
        buffer.push(n, packet);
    }
    assert_eq!(buffer.waiting.len(), 3, "behind, so often");
    buffer.push(1, b"");
    assert_eq!(buffer.waiting.len(), 3, "not Opus");
}

#[test]
fn a_pause_is_silence_and_costs_no_time() {
    let heard = run(1, &packets(1_000), |n| Some(if n < 25 { n * 20 } else { n * 20 + 160 }));
    assert!(heard.report.loud_ms >= 940, "{:?}", heard.report);
    assert_eq!((heard.figures.late, heard.left), (0, 0));
}
