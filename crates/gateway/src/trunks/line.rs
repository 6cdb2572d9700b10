//! What goes between a telephone and its call?
//!
//! The call's task begins a line and ends it; a task of the line's own hears what the telephone does
//! and tells it. It decides nothing.

use std::time::Duration;

use sip::{Call, CallIn, End, Key, News, Refer, Refusal, Reoffer, Told, Wish, Word, WordIn};
use tokio::sync::mpsc;

use crate::calls::caller::Caller;

/// Why we hang up (RFC 3326).
const REASON: &str = "Q.850;cause=16;text=\"Normal call clearing\"";

/// The same to one that rings while another was picked up.
const ELSEWHERE: &str = "SIP;cause=200;text=\"Call completed elsewhere\"";

/// A line as the call's task holds it; dropping it hangs up.
#[derive(Debug)]
pub(crate) struct Line {
    /// Tells its words from those of one before.
    pub(crate) number: u64,
    held: mpsc::Sender<ToTelephone>,
}

/// What a telephone is told.
#[derive(Debug)]
enum ToTelephone {
    /// Another was picked up.
    Elsewhere,
    Rings,
    Answers(String),
    Refuses(Refusal),
}

/// How many words for it may wait: more than one call has.
const WORDS_MAX: usize = 4;
/// How long a telephone that is done may take to hang up itself.
const LEAVES: Duration = Duration::from_secs(2);

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
    /// It lets be heard what there is before it answers, by this SDP.
    Early(String),
    /// It answered with this SDP.
    Answers(String),
    /// It wants the session changed.
    Reoffers(Reoffer),
    /// It answered an offer that it asked us for in a call that stands.
    AnswersLate(String),
    /// It presses a key, and says so beside the sound.
    Presses(Key),
    /// It wants another one to have the user.
    Refers(Refer),
    /// Another one wants its place.
    Replaced(Caller),
    /// The line is over.
    Over(End),
}

impl Line {
    /// Begins: what the telephone does is handed to `tell`'s other end.
    pub(crate) fn begin(number: u64, call: Call, tell: mpsc::Sender<Said>) -> Self {
        let (held, ends) = mpsc::channel(1);
        drop(tokio::spawn(run(number, call, tell, ends)));
        Self { number, held }
    }

    /// Begins with a telephone that calls.
    pub(crate) fn begin_in(number: u64, call: CallIn, tell: mpsc::Sender<Said>) -> Self {
        let (held, words) = mpsc::channel(WORDS_MAX);
        drop(tokio::spawn(run_in(number, call, tell, words)));
        Self { number, held }
    }

    /// Hangs up, for another was picked up.
    pub(crate) fn taken_elsewhere(self) {
        self.tell(ToTelephone::Elsewhere);
    }

    /// The telephone that calls is to hear that it rings.
    pub(crate) fn rings(&self) {
        self.tell(ToTelephone::Rings);
    }

    /// The telephone that calls is answered with SDP.
    pub(crate) fn answers(&self, answer: String) {
        self.tell(ToTelephone::Answers(answer));
    }

    /// The telephone that calls is refused.
    pub(crate) fn refuses(&self, refusal: Refusal) {
        self.tell(ToTelephone::Refuses(refusal));
    }

    /// Lets the telephone hang up, and hangs up when it does not.
    pub(crate) fn let_go(self) {
        drop(tokio::spawn(async move {
            // Over, or not: both is fine.
            drop(tokio::time::timeout(LEAVES, self.held.closed()).await);
        }));
    }

    fn tell(&self, word: ToTelephone) {
        // One whose line is over hears nothing more.
        drop(self.held.try_send(word));
    }
}

async fn run_in(
    number: u64,
    mut call: CallIn,
    tell: mpsc::Sender<Said>,
    mut words: mpsc::Receiver<ToTelephone>,
) {
    loop {
        let word = tokio::select! {
            word = call.word() => word,
            told = words.recv() => match told {
                Some(ToTelephone::Rings) => { call.ring(None); continue }
                Some(ToTelephone::Answers(answer)) => { call.answer(answer); continue }
                Some(ToTelephone::Refuses(refusal)) => { call.refuse(refusal); continue }
                Some(ToTelephone::Elsewhere) | None => break,
            },
        };
        let Some(word) = word else { return };
        let what = match word {
            // An INVITE without an offer is answered in the ACK.
            WordIn::Told(Told::Standing) => match call.late_answer() {
                Some(answer) => Happening::Answers(answer),
                None => continue,
            },
            WordIn::Told(Told::Ended(end)) => Happening::Over(end),
            WordIn::Wish(wish) => wished(wish),
        };
        // A call that is over does not wait for it.
        drop(tell.send(Said { number, what }).await);
    }
    call.hang_up(vec![("Reason".to_owned(), REASON.to_owned())]);
    // Until the far end knows; the call below has a deadline of its own.
    while call.told().await.is_some() {}
}

async fn run(
    number: u64,
    mut call: Call,
    tell: mpsc::Sender<Said>,
    mut held: mpsc::Receiver<ToTelephone>,
) {
    loop {
        let word = tokio::select! {
            word = call.word() => word,
            told = held.recv() => {
                let elsewhere = matches!(told, Some(ToTelephone::Elsewhere));
                call.hang_up(Some(if elsewhere { ELSEWHERE } else { REASON }));
                break;
            }
        };
        let Some(word) = word else { return };
        let what = happening(word);
        // A call that is over does not wait for it.
        drop(tell.send(Said { number, what }).await);
    }
    // Until the far end knows; the call below has a deadline of its own.
    while call.news().await.is_some() {}
}

fn happening(word: Word) -> Happening {
    match word {
        Word::News(News::Ringing) => Happening::Rings,
        Word::News(News::Early(early)) => Happening::Early(early),
        Word::News(News::Answered { target: _, answer }) => Happening::Answers(answer),
        Word::News(News::Ended(end)) => Happening::Over(end),
        Word::Wish(wish) => wished(wish),
    }
}

fn wished(wish: Wish) -> Happening {
    match wish {
        Wish::Reoffer(reoffer) => Happening::Reoffers(reoffer),
        Wish::LateAnswer(answer) => Happening::AnswersLate(answer),
        Wish::Key(key) => Happening::Presses(key),
        Wish::Refer(refer) => Happening::Refers(refer),
    }
}
