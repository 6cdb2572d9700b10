//! What does a media thread do all day?

use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crossbeam_channel::Receiver;

use crate::order::Command;
use crate::{Backend, StartError};

/// Everything a media thread starts with.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) index: usize,
    pub(crate) pin: bool,
    pub(crate) backend: Backend,
    pub(crate) muxed: Option<UdpSocket>,
    pub(crate) queue: Receiver<Command>,
    pub(crate) wake: Arc<OwnedFd>,
    pub(crate) legs: Arc<AtomicUsize>,
}

/// Starts the thread and says how it will move datagrams.
pub(crate) fn start(seat: Seat) -> Result<Backend, StartError> {
    std::thread::Builder::new()
        .name(format!("media-{}", seat.index))
        .spawn(move || while seat.queue.recv().is_ok() {})
        .map_err(StartError::Thread)?;

    Ok(Backend::Epoll)
}
