//! A thread with too much to do lets taps rest first, then takes on no call; it forwards always.

use std::time::{Duration, Instant};

use engine::{Backend, BusyLimits, Config, Direction, Engine, OpenError};
use media::srtp::Profile;

use crate::keyed::KeyedCall;
use crate::support::{LOCALHOST, PATIENCE, for_each_backend, until};

for_each_backend!(a_busy_thread_refuses_calls_and_forwards_all_it_has);

/// Packets that any machine's thread has too much to do with; a fast one has not with 60,000.
const SENT_MAX: usize = 200_000;

fn open(engine: &Engine, beside: Option<&engine::LegHandle>) -> Result<(), OpenError> {
    let (events, _) = tokio::sync::mpsc::channel(1);
    let opened = engine.open(engine::OpenLeg {
        socket: engine::Socket::Muxed,
        ice: media::leg::IceRole::Lite,
        password: engine::Password::Plain,
        cname: "late".into(),
        media_watch: None,
        beside: beside.map(engine::LegHandle::id),
        events,
    });
    opened.map(drop)
}

fn share(engine: &Engine) -> f32 {
    engine.load().pop().unwrap().blocking_recv().unwrap().busy
}

fn a_busy_thread_refuses_calls_and_forwards_all_it_has(backend: Backend) {
    let busy = BusyLimits { taps: 0.03, calls: 0.08 };
    let muxed = Some((LOCALHOST, 0).into());
    let engine = Engine::start(Config { backend, muxed, busy, ..Config::default() }).unwrap();
    let mut call = KeyedCall::new(&engine, Profile::AeadAes128Gcm, engine::Socket::Own);
    let (tap, mut tapped) = engine::tap(Direction::Received, SENT_MAX);
    call.hearing.listen(tap);
    let (tap, mut carried) = engine::tap(Direction::Received, SENT_MAX);
    call.hearing.carry(tap);
    // With this answered, both taps are there.
    call.heard();
    assert!(open(&engine, None).is_ok(), "an idle thread takes a call");

    // Half as many packets again each second, so that no second jumps over both marks, until taps have
    // given way while calls still went, and a call is refused. A second in which the machine did other
    // things may refuse one before: that says nothing.
    let (start, mut sent, mut lost, mut taps_first) = (Instant::now(), 0u64, 0, false);
    let mut due = 0.0;
    let refused = loop {
        assert!(start.elapsed() < 2 * PATIENCE, "taps first: {taps_first}, at {}", share(&engine));
        assert!(sent < SENT_MAX as u64, "taps first: {taps_first}, at {}", share(&engine));
        due += 1.5_f64.powf(start.elapsed().as_secs_f64());
        while due >= 1.0 {
            call.speaker.speak();
            sent += 1;
            due -= 1.0;
        }
        std::thread::sleep(Duration::from_millis(1));
        let lost_before = std::mem::replace(&mut lost, call.heard().taps_lost);
        match open(&engine, None) {
            Ok(()) => taps_first |= lost > lost_before,
            Err(refusal) if taps_first => break refusal,
            Err(_) => {}
        }
    };
    let OpenError::Busy { share: at } = refused else { panic!("another refusal") };
    assert!(at > busy.calls, "{at}");
    assert!(open(&engine, Some(&call.hearing)).is_ok(), "a call that is there gets its leg");

    until("all is worked on", || call.heard().received.packets == sent);
    let (heard, told) = (call.heard(), call.told());
    assert_eq!(told.sent.packets, sent, "forwarding gives way to nothing");
    let taken = tapped.try_iter().count() as u64;
    assert_eq!(taken + heard.taps_lost, sent, "every packet was tapped or counted");
    assert_eq!(carried.try_iter().count() as u64, sent, "what another leg sends is forwarding");
    assert!(taken > 0, "the tap worked while there was time");

    until("the thread has time again", || open(&engine, None).is_ok());
    until("and for taps", || share(&engine) < busy.taps);
    std::thread::sleep(Duration::from_millis(20));
    call.speaker.speak();
    until("the tap works again", || tapped.try_recv().is_ok());
}
