//! A thread whose legs only workers hear wakes when timers are due, not for each packet, and still knows when each
//! came.

use std::time::{Duration, Instant};

use engine::{Backend, Direction, Source, ThreadLoad};
use media::srtp::Profile;

use crate::keyed::KeyedCall;
use crate::support::{business, for_each_backend};

for_each_backend!(
    packets_that_wait_are_taken_as_of_when_they_came,
    a_thread_does_not_wake_for_each_packet,
    a_thread_that_passes_packets_on_has_no_leisure,
    an_order_is_obeyed_at_once,
);

/// The network stack begins with stamps when somebody first asks for one.
const SETTLES: Duration = Duration::from_millis(200);

fn load(engine: &engine::Engine) -> ThreadLoad {
    engine.load().pop().unwrap().blocking_recv().unwrap()
}

/// Speaks for a while; how late each packet was taken, and how often the thread woke for each.
fn lateness(
    backend: Backend,
    every: Duration,
    source: impl Fn(&KeyedCall) -> Source,
) -> (Vec<Duration>, f64) {
    let engine = business(backend);
    let mut call = KeyedCall::new(&engine, Profile::AeadAes128Gcm, engine::Socket::Own);
    call.telling.play(source(&call));
    let (tap, mut tapped) = engine::tap(Direction::Received, 1_000);
    call.hearing.listen(tap);
    call.heard();
    let before = load(&engine);
    let sent: Vec<Instant> = (0..200)
        .map(|_| {
            let at = Instant::now();
            call.speaker.speak();
            std::thread::sleep(every);
            at
        })
        .collect();
    std::thread::sleep(Duration::from_millis(50));
    let after = load(&engine);
    let taken: Vec<Instant> = tapped.try_iter().map(|packet| packet.at).collect();
    assert_eq!(taken.len(), sent.len());
    let settled = sent[0] + SETTLES;
    let late = sent.iter().zip(taken).filter(|(sent, _)| **sent > settled);
    let late = late.map(|(sent, taken)| taken.saturating_duration_since(*sent)).collect();
    let turns = after.turns - before.turns;

    (late, turns as f64 / sent.len() as f64)
}

/// Many packets in a wait are still one turn.
fn a_thread_does_not_wake_for_each_packet(backend: Backend) {
    let (_, turns) = lateness(backend, Duration::from_millis(2), |_| Source::Silence);
    assert!(turns < 0.5, "{turns} turns for each packet");
}

/// Whoever opens the next call waits for it.
fn an_order_is_obeyed_at_once(backend: Backend) {
    let engine = business(backend);
    let call = KeyedCall::new(&engine, Profile::AeadAes128Gcm, engine::Socket::Own);
    call.telling.play(Source::Silence);
    let mut took: Vec<Duration> = (0..40)
        .map(|_| {
            let asked = Instant::now();
            call.heard();
            let took = asked.elapsed();
            std::thread::sleep(Duration::from_millis(3));
            took
        })
        .collect();
    took.sort_unstable();
    assert!(took[20] < Duration::from_millis(2), "{took:?}");
}

fn share_below(late: &[Duration], most: Duration) -> f64 {
    late.iter().filter(|late| **late < most).count() as f64 / late.len() as f64
}

fn packets_that_wait_are_taken_as_of_when_they_came(backend: Backend) {
    // One at most in each wait, as in a call.
    let (late, turns) = lateness(backend, Duration::from_millis(13), |_| Source::Silence);
    assert!(turns < 1.8, "{turns} turns for each packet");
    let soon = share_below(&late, Duration::from_millis(1));
    assert!(soon > 0.6, "{soon} as of when they came: {late:?}");
}

fn a_thread_that_passes_packets_on_has_no_leisure(backend: Backend) {
    let bridge = |call: &KeyedCall| Source::Bridge(call.hearing.clone());
    let (late, _) = lateness(backend, Duration::from_millis(3), bridge);
    let soon = share_below(&late, Duration::from_millis(4));
    assert!(soon > 0.6, "{soon} taken soon: {late:?}");
}
