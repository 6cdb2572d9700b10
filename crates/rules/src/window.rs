//! Is the customer service window open?
//!
//! A user's message, an answer to a request for permission, a user's call (answered or not) or a
//! user who picks up a business's call starts it or starts it again. Inside it a business may send any message; outside, templates only.

use serde::{Deserialize, Serialize};
use terms::Timestamp;

use crate::{Refusal, rulebook::Rulebook};

/// The service window of one pair of business number and user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Window {
    opened_at: Option<Timestamp>,
}

impl Window {
    /// Opens the window or starts it again; never makes it shorter.
    pub fn open(&mut self, now: Timestamp) {
        self.opened_at = self.opened_at.max(Some(now));
    }

    /// The user answered a request for permission, whatever the answer.
    pub fn open_by_permission_reply(&mut self, book: &Rulebook, now: Timestamp) {
        if book.window.opened_by_permission_reply.value {
            self.open(now);
        }
    }

    /// The user asked to be called back.
    pub fn open_by_callback_request(&mut self, book: &Rulebook, now: Timestamp) {
        if book.window.opened_by_callback_request.value {
            self.open(now);
        }
    }

    /// When it was last started.
    #[must_use]
    pub fn opened_at(&self) -> Option<Timestamp> {
        self.opened_at
    }

    /// When it closes, or closed.
    #[must_use]
    pub fn closes_at(&self, book: &Rulebook) -> Option<Timestamp> {
        self.opened_at.map(|at| at + book.window.length.value)
    }

    /// Open until when? The code of the refusal is that of a call.
    ///
    /// # Errors
    ///
    /// [`Refusal::WindowClosed`].
    pub fn check(&self, book: &Rulebook, now: Timestamp) -> Result<Timestamp, Refusal> {
        self.open_until(book, now, book.eligibility.window_code.value)
    }

    /// As [`Window::check`], for a free-form message.
    ///
    /// # Errors
    ///
    /// [`Refusal::WindowClosed`].
    pub fn check_message(&self, book: &Rulebook, now: Timestamp) -> Result<Timestamp, Refusal> {
        self.open_until(book, now, book.messages.window_code.value)
    }

    fn open_until(&self, book: &Rulebook, now: Timestamp, code: u32) -> Result<Timestamp, Refusal> {
        let closed_at = self.closes_at(book);
        let length = book.window.length.value;
        let closed = Refusal::WindowClosed { length, closed_at, code };
        closed_at.filter(|until| now < *until).ok_or(closed)
    }
}
