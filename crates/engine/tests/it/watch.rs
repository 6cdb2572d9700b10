//! Silence that lasts too long is told, once, and its end as well.

use std::time::Duration;

use engine::{Backend, LegEvent, MediaWatch, Repeat, Source};

use crate::support::{Party, business, connect, for_each_backend, frames, platform, talkative};

for_each_backend!(silence_is_told_from_the_start_and_in_the_call, reports_keep_a_quiet_call_alive);

const START: Duration = Duration::from_millis(300);
const MID_CALL: Duration = Duration::from_millis(500);

fn stopped(event: &LegEvent) -> Option<u64> {
    match event {
        LegEvent::MediaStopped { for_ms, .. } => Some(*for_ms),
        _ => None,
    }
}

fn silence_is_told_from_the_start_and_in_the_call(backend: Backend) {
    let (platform, business) = (platform(backend), business(backend));
    let mut server = Party::watched(&platform, MediaWatch { start: START, mid_call: MID_CALL });
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    // Without a start there is no watch.
    server.never(START * 2, |event| stopped(event).is_some());

    server.leg.watch_from_now();
    let for_ms = server.wait("silence at the start", stopped);
    assert!((300..600).contains(&for_ms), "{for_ms}");
    server.never(START * 2, |event| stopped(event).is_some());

    client.leg.play(Source::Packets(frames(1, 10), Repeat::Once));
    server.wait("media again", |event| matches!(event, LegEvent::MediaResumed).then_some(()));
    let for_ms = server.wait("silence in the call", stopped);
    assert!((500..900).contains(&for_ms), "{for_ms}");
    client.leg.play(Source::Packets(frames(1, 10), Repeat::Once));
    server.wait("media again", |event| matches!(event, LegEvent::MediaResumed).then_some(()));
}

fn reports_keep_a_quiet_call_alive(backend: Backend) {
    let (platform, business) = talkative(backend);
    // Longer than the pause between two reports.
    let mid_call = Duration::from_millis(1_000);
    let mut server = Party::watched(&platform, MediaWatch { start: mid_call, mid_call });
    let mut client = Party::full(&business);
    connect(&mut client, &mut server);
    server.leg.watch_from_now();
    client.leg.play(Source::Packets(frames(1, 3), Repeat::Once));
    server.never(Duration::from_millis(2_000), |event| stopped(event).is_some());
    // The far end is gone, and with it its reports.
    client.leg.close();
    drop(client);
    server.wait("silence in the call", stopped);
}
