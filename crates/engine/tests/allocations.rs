//! Does the way of a packet allocate? Counted by the allocator itself, in a process of its own.
//!
//! Everything that runs while it is counted is the media thread and this thread, which sends from
//! memory it has.
#![expect(unsafe_code, reason = "an allocator that counts is one")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

extern crate offhook_engine as engine;

#[path = "it/keyed.rs"]
#[expect(dead_code, reason = "shared with the other tests")]
mod keyed;
#[path = "it/support.rs"]
#[expect(dead_code, unused_macros, unused_imports, reason = "shared with the other tests")]
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use engine::{Backend, Config, Direction, Engine, Socket, Tapped};
use media::srtp::Profile;

use keyed::KeyedCall;
use support::{LOCALHOST, TYPES, kernel_grants};

/// Counts every request for memory.
struct Counting;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as asked of us.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as asked of us.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        REQUESTS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as asked of us.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Packets before counting begins: what grows once has grown.
const WARM_UP: usize = 800;

const COUNTED: usize = 400;

/// For a packet that should be there at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often memory was asked for while so many packets were heard, tapped, forwarded and received.
fn requests(backend: Backend, profile: Profile, socket: Socket) -> u64 {
    let engine = Engine::start(Config {
        backend,
        muxed: Some((LOCALHOST, 0).into()),
        // Reports are no packets of audio.
        report_every: Duration::from_secs(3_600),
        ..Config::default()
    })
    .unwrap();
    let mut call = KeyedCall::new(&engine, profile, socket);
    let (tap, mut heard) = engine::tap(Direction::Received, 64);
    call.hearing.listen(tap);
    let (tap, mut told) = engine::tap(Direction::Sent, 64);
    call.telling.listen(tap);
    // The taps are there once a later order was answered.
    for leg in [&call.hearing, &call.telling] {
        leg.stats().blocking_recv().unwrap();
    }
    let mut packet = [0; 512];
    let mut pass = |packets: usize| {
        for _ in 0..packets {
            call.speaker.speak();
            // The first report may come between.
            while call.listener.recv(&mut packet).unwrap() > 0 && packet[1] & 0x7F != TYPES.audio {}
            take(&mut heard);
            take(&mut told);
            // The first second of the busy share is among the warm-up.
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    pass(WARM_UP);
    let before = REQUESTS.load(Ordering::Relaxed);
    pass(COUNTED);
    let after = REQUESTS.load(Ordering::Relaxed);
    assert_eq!(call.told().sent.packets, (WARM_UP + COUNTED) as u64);

    after - before
}

/// Takes one packet off a tap.
fn take(tapped: &mut Tapped) {
    let until = Instant::now() + PATIENCE;
    while tapped.try_recv().is_err() {
        assert!(Instant::now() < until, "a packet was not tapped");
        std::thread::sleep(Duration::from_micros(50));
    }
}

/// One test: another beside it would be counted as well.
#[test]
fn a_forwarded_and_tapped_packet_allocates_nothing() {
    let before = REQUESTS.load(Ordering::Relaxed);
    drop(std::hint::black_box(Box::new(1)));
    assert!(REQUESTS.load(Ordering::Relaxed) > before, "the allocator counts");
    for backend in [Backend::Epoll, Backend::Uring] {
        if !kernel_grants(backend) {
            continue;
        }
        for profile in [Profile::AeadAes128Gcm, Profile::AeadAes256Gcm, Profile::Aes128CmSha1_80] {
            for socket in [Socket::Own, Socket::Muxed] {
                let requests = requests(backend, profile, socket);
                assert_eq!(requests, 0, "{backend:?}, {profile:?}, {socket:?}");
            }
        }
    }
}
