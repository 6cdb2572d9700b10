//! How do orders reach a loop that also waits for packets?
//!
//! A thread reads lines and writes to a counter that the loop waits on beside its sockets.

use std::io::BufRead as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use rustix::event::{EventfdFlags, eventfd};
use serde_json::Value;

/// Orders that may wait; whoever gives them waits for answers anyway.
const WAITING_MAX: usize = 64;

pub(crate) struct Orders {
    lines: Receiver<Value>,
    pub(crate) wake: Arc<OwnedFd>,
}

impl Orders {
    pub(crate) fn start() -> std::io::Result<Self> {
        let wake = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let (give, lines) = sync_channel(WAITING_MAX);
        let ring = Arc::clone(&wake);
        std::thread::Builder::new().name("orders".into()).spawn(move || {
            let bell = || rustix::io::write(&*ring, &1_u64.to_ne_bytes());
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { break };
                let order = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if give.send(order).is_err() || bell().is_err() {
                    return;
                }
            }
            drop(give);
            // The loop then sees that no order will come.
            bell().ok();
        })?;

        Ok(Self { lines, wake })
    }

    /// The next order, if one waits; none inside when there will be no more.
    #[expect(clippy::option_option, reason = "nothing yet, and nothing ever again")]
    pub(crate) fn next(&self) -> Option<Option<Value>> {
        match self.lines.try_recv() {
            Ok(order) => Some(Some(order)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(None),
        }
    }
}
