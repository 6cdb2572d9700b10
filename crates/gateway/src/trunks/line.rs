//! What goes between a telephone and its call?
//!
//! The call's task begins a line and ends it; a task of the line's own hears what the telephone does
//! and tells it. It decides nothing.

use sip::{Call, End, News, Reoffer, Word};
use tokio::sync::mpsc;

/// Why we hang up (RFC 3326).
const REASON: &str = "Q.850;cause=16;text=\"Normal call clearing\"";

/// A line as the call's task holds it; dropping it hangs up.
#[derive(Debug)]
pub(crate) struct Line {
    /// Tells its words from those of one before.
    pub(crate) number: u64,
    _held: mpsc::Sender<()>,
}

/// What a telephone does.
#[derive(Debug)]
pub(crate) struct Said {
    /// The line's number.
    pub(crate) number: u64,
    /// What.
    pub(crate) what: Happening,
}

/// What a telephone can do.
#[derive(Debug)]
pub(crate) enum Happening {
    /// It rings.
    Rings,
    /// It answered with this SDP.
    Answers(String),
    /// It wants the session changed.
    Reoffers(Reoffer),
    /// The line is over.
    Over(End),
}

impl Line {
    /// Begins: what the telephone does is handed to `tell`'s other end.
    pub(crate) fn begin(number: u64, call: Call, tell: mpsc::Sender<Said>) -> Self {
        let (held, ends) = mpsc::channel(1);
        drop(tokio::spawn(run(number, call, tell, ends)));
        Self { number, _held: held }
    }
}

async fn run(number: u64, mut call: Call, tell: mpsc::Sender<Said>, mut held: mpsc::Receiver<()>) {
    loop {
        let word = tokio::select! {
            word = call.word() => word,
            _ = held.recv() => break,
        };
        let Some(word) = word else { return };
        let Some(what) = happening(word) else { continue };
        // A call that is over does not wait for it.
        drop(tell.send(Said { number, what }).await);
    }
    call.hang_up(Some(REASON));
    // Until the far end knows; the call below has a deadline of its own.
    while call.news().await.is_some() {}
}

fn happening(word: Word) -> Option<Happening> {
    match word {
        Word::News(News::Ringing) => Some(Happening::Rings),
        // What it says before the answer is not passed on.
        Word::News(News::Early(_)) => None,
        Word::News(News::Answered { target: _, answer }) => Some(Happening::Answers(answer)),
        Word::News(News::Ended(end)) => Some(Happening::Over(end)),
        Word::Reoffer(reoffer) => Some(Happening::Reoffers(reoffer)),
    }
}
