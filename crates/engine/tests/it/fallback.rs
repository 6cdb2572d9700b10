//! Where the kernel refuses `io_uring`, epoll is chosen by itself and carries the call.

use engine::{Backend, Config, Direction, Engine, Repeat, Source, StartError};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::support::{LOCALHOST, Party, connect, frames, take};

/// Lets the kernel answer this thread, and all it starts, with an error to `io_uring_setup`: as a
/// container's filter does, or an old kernel.
fn refuse_io_uring(error: i32) {
    let filter = SeccompFilter::new(
        [(libc::SYS_io_uring_setup, vec![])].into_iter().collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(error.unsigned_abs()),
        std::env::consts::ARCH.try_into().unwrap(),
    );
    let filter: BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter(&filter).unwrap();
}

#[test]
fn a_kernel_that_refuses_io_uring_gets_epoll_and_the_call_is_carried() {
    for error in [libc::EPERM, libc::ENOSYS] {
        let refused = std::thread::spawn(move || {
            refuse_io_uring(error);
            let uring = Config { backend: Backend::Uring, ..Config::default() };
            assert!(matches!(
                Engine::start(uring),
                Err(StartError::Uring(why)) if why.raw_os_error() == Some(error)
            ));
            let muxed = Some((LOCALHOST, 0).into());
            let platform = Engine::start(Config { muxed, ..Config::default() }).unwrap();
            let business = Engine::start(Config::default()).unwrap();
            assert_eq!([platform.backend(), business.backend()], [Backend::Epoll; 2]);
            let mut server = Party::lite(&platform, None);
            let mut client = Party::full(&business);
            connect(&mut client, &mut server);
            let mut heard = server.tap(Direction::Received);
            client.leg.play(Source::Packets(frames(1, 30), Repeat::Once));
            assert_eq!(take(&mut heard, 30).len(), 30);
        });
        refused.join().unwrap();
    }
}
