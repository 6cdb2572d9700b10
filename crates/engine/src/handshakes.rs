//! Who computes DTLS handshakes when many arrive at once?
//!
//! A step of a handshake takes as long as hundreds of packets of audio. A few are done where they
//! arrive; when more are under way on a media thread, their steps go to these threads, so that the
//! calls it already has are not held up. They yield the processor to media threads, and a step that
//! finds no room is dropped like a datagram: DTLS repeats itself.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use media::leg::{HandshakeOutcome, HandshakeStep};
use terms::LegId;

/// Steps that wait for a thread. Two threads do as many in less than a second, and a handshake that
/// waited longer would have been repeated.
const STEPS_MAX: usize = 1_024;

/// How far behind media threads these stand where they share a processor.
const NICE: i32 = 10;

/// A step for one of the threads.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) leg: LegId,
    pub(crate) step: HandshakeStep,
    pub(crate) back: Back,
}

/// How a step comes back to its media thread.
#[derive(Clone, Debug)]
pub(crate) struct Back {
    pub(crate) done: Sender<Done>,
    pub(crate) wake: Arc<OwnedFd>,
}

/// A step that was done.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) leg: LegId,
    pub(crate) outcome: HandshakeOutcome,
}

/// Starts threads that stop when the last sender of jobs is gone; none for none.
pub(crate) fn start(threads: usize) -> io::Result<Option<Sender<Job>>> {
    if threads == 0 {
        return Ok(None);
    }
    let (jobs, queue) = bounded(STEPS_MAX);
    for index in 0..threads {
        let queue = queue.clone();
        std::thread::Builder::new()
            .name(format!("handshakes-{index}"))
            .spawn(move || work(&queue))?;
    }

    Ok(Some(jobs))
}

fn work(queue: &Receiver<Job>) {
    let us = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(us), NICE) {
        tracing::debug!(%error, "a handshake thread competes with media threads");
    }
    for Job { leg, step, back } in queue {
        let outcome = step.run(Instant::now());
        if back.done.send(Done { leg, outcome }).is_ok() {
            // A counter at its maximum wakes as well.
            rustix::io::write(&*back.wake, &1u64.to_ne_bytes()).ok();
        }
    }
}

/// A media thread's end of it.
#[derive(Debug)]
pub(crate) struct Handshakes {
    /// None where the media thread does every step itself.
    jobs: Option<Sender<Job>>,
    back: Back,
    done: Receiver<Done>,
    pub(crate) handed_over: u64,
    pub(crate) shed: u64,
}

impl Handshakes {
    pub(crate) fn new(jobs: Option<Sender<Job>>, wake: Arc<OwnedFd>) -> Self {
        // Whoever has a step to bring back waits; the media thread never does.
        let (tell, done) = bounded(STEPS_MAX);
        Self { jobs, back: Back { done: tell, wake }, done, handed_over: 0, shed: 0 }
    }

    /// Whether there is anybody to hand a step over to.
    pub(crate) const fn has_threads(&self) -> bool {
        self.jobs.is_some()
    }

    /// Hands a step over; what came of it instead, when there is no room.
    pub(crate) fn hand_over(
        &mut self,
        leg: LegId,
        step: HandshakeStep,
    ) -> Option<HandshakeOutcome> {
        let job = Job { leg, step, back: self.back.clone() };
        let refused = match &self.jobs {
            Some(jobs) => jobs.try_send(job).err().map(crossbeam_channel::TrySendError::into_inner),
            None => Some(job),
        };
        let Some(Job { step, .. }) = refused else {
            self.handed_over += 1;
            return None;
        };
        self.shed += 1;

        Some(step.cancel())
    }

    /// The next step that was done.
    pub(crate) fn next_done(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }
}
