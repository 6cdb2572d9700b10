//! How does a thread wait for what the kernel has to tell?
//!
//! For so many completions or so long, in one system call. At leisure it waits for orders alone and looks
//! afterwards: a wait that is to take no time would set a timer all the same, and on a virtual machine
//! nothing in a turn costs more than that. Then it takes whatever has come, or as much as there are buffers;
//! after so much it does not wait again, for it may have left something.

use std::io;

use io_uring::EnterFlags;
use io_uring::types::{SubmitArgs, Timespec};

use super::pool::BUFFERS;
use super::{Done, Uring};
use crate::io::Wait;
use crate::order;

/// What one look can find.
const ENOUGH: usize = BUFFERS as usize;

impl Uring {
    /// Waits, and keeps what the kernel told.
    pub(super) fn wait(&mut self, wait: Wait) -> io::Result<()> {
        if wait.stamped {
            // Nothing of ours may wait for it.
            self.sends.submit();
            if self.done.len() < ENOUGH {
                order::rest(&self.wake, wait.at_most);
            }
            self.look()?;
        } else {
            let timeout = Timespec::from(wait.at_most);
            let args = SubmitArgs::new().timespec(&timeout);
            entered(self.sends.ring.submitter().submit_with_args(wait.batch, &args))?;
        }
        if self.sends.ring.submission().is_empty() {
            self.sends.copies.used = 0;
        }
        self.done.clear();
        self.done.extend(self.sends.ring.completion().map(|entry| Done {
            tag: entry.user_data(),
            result: entry.result(),
            flags: entry.flags(),
        }));

        Ok(())
    }

    /// Lets the kernel tell what has happened already. In one go it tells of twenty sockets.
    fn look(&mut self) -> io::Result<()> {
        let flags = EnterFlags::GETEVENTS.bits();
        let mut told = self.sends.ring.completion().len();
        loop {
            // SAFETY: nothing is submitted, and there is no argument.
            let looked =
                unsafe { self.sends.ring.submitter().enter::<libc::sigset_t>(0, 0, flags, None) };
            entered(looked)?;
            let before = std::mem::replace(&mut told, self.sends.ring.completion().len());
            if told == before || told >= ENOUGH {
                return Ok(());
            }
        }
    }
}

/// What the kernel says to a call in which nothing, or not enough, happened is no fault.
fn entered(answer: io::Result<usize>) -> io::Result<()> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) => match error.raw_os_error() {
            Some(libc::ETIME | libc::EINTR | libc::EAGAIN | libc::EBUSY) => Ok(()),
            _ => Err(error),
        },
    }
}
