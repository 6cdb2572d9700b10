//! Runs media: pinned threads, sockets, the wheel of timers; drives `media` and `audio`.
