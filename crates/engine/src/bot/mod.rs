//! How does a bot hear and speak on a leg?
//!
//! A worker thread, away from the packet path, takes what the leg hears out of its tap, decodes it and
//! hands it on in the bot's format; and what the bot said goes through a spool, 20 ms at a time:
//!
//! ```text
//!   leg ──tap──▶ jitter buffer ──▶ the bot's rate ──▶ BotNews::Heard ─────┐
//!                                                                         ├── whoever talks with the bot
//!   leg ◀──queue of frames── encoder ◀── spool ◀── BotOrder::Audio ───────┘
//! ```
//!
//! A bot may also have users hear themselves, for which nothing leaves the worker ([`BotOrder::Return`]).
//!
//! What the user hears has no gap: where the bot is silent, frames of silence leave. Marks and answers
//! to a clear are never lost; audio that nobody takes is. There is a worker for each processor; one bot more
//! than they can serve is refused ([`crate::workers`]).

mod ear;
mod post;
mod worker;

use audio::{
    opus::{Complexity, Settings},
    spool::{Cleared, Format, Passed, Spool},
};
use tokio::{runtime::Handle, sync::mpsc};

use self::{post::Post, worker::Conversation};
use crate::{
    Direction, Source, Voice, frame_queue, tap,
    workers::{Seat, Trade, Workers},
};

/// A conversation is a decoder and an encoder: 60 to 300 µs in 20 ms, by the effort and the processor.
const TRADE: Trade = Trade { name: "media-bots", of_one: 0.01, voices: 1 };

/// Orders that may wait for the worker, which looks every 20 ms.
const ORDERS_MAX: usize = 256;

/// What may wait for the bot: about two seconds of the user.
const NEWS_MAX: usize = 100;

/// Packets that may wait for the worker: a second of one leg.
const TAP_PACKETS_MAX: usize = 50;

/// Frames that may wait for the leg.
const FRAMES_MAX: usize = 3;

/// How much of a bot's words may wait to be heard: bots send whole answers at once.
const BACKLOG_MAX_MS: u64 = 120_000;

/// The workers for all bots; clones reach the same ones.
#[derive(Clone, Debug)]
pub struct Bots {
    workers: Workers<Conversation>,
    complexity: Complexity,
}

/// How a bot hears, and how it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BotFormats {
    /// What it is sent.
    pub hears: Format,
    /// What it sends.
    pub speaks: Format,
}

/// What a bot is told of its user beside the voice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BotNotice {
    /// When the user begins to speak and ceases.
    pub speech: bool,
    /// That neither has said anything for so many milliseconds.
    pub silence_ms: Option<u64>,
    /// Whether what the bot said is cleared when the user begins to speak.
    pub barge_in: bool,
    /// Whether the bot is told nothing of the voice itself: it needs none, or has it returned.
    pub without_voice: bool,
}

/// One conversation; it ends when this is dropped. The leg is silent then.
#[derive(Debug)]
pub struct BotLine {
    /// What the bot wants.
    pub orders: mpsc::Sender<BotOrder>,
    /// What it is told.
    pub news: mpsc::Receiver<BotNews>,
    seat: BotSeat,
}

/// The seat of a conversation at the worker.
#[derive(Debug)]
pub struct BotSeat {
    _seat: Seat<Conversation>,
}

/// What a bot wants of its leg.
#[derive(Debug)]
pub enum BotOrder {
    /// The user shall hear these bytes.
    Audio(Vec<u8>),
    /// Say when this is reached.
    Mark(String),
    /// Drop what waits.
    Clear,
    /// Whether what follows must be heard.
    MustBeHeard(bool),
    /// Whether the user shall hear the user from here on, behind what was said so far.
    Return(bool),
}

/// What a bot is told of its leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BotNews {
    /// 20 ms of the user.
    Heard(Vec<u8>),
    /// A mark is behind us.
    Passed(Passed),
    /// A clear was done.
    Cleared(Cleared),
    /// Audio or a mark was not taken, for so many milliseconds wait.
    Refused {
        /// How many.
        backlog_ms: u64,
    },
    /// The user began to speak, or ceased.
    Speech {
        /// Whether the user speaks now.
        speaking: bool,
        /// How long before the end of the next [`BotNews::Heard`] that was, in milliseconds.
        ago_ms: u64,
    },
    /// Nobody has said anything for the time that was asked for.
    Silence {
        /// That time.
        ms: u64,
    },
}

impl BotNotice {
    /// Whether the user must be listened to for it.
    fn listens(self) -> bool {
        self.speech || self.barge_in || self.silence_ms.is_some()
    }
}

impl Bots {
    /// Starts the workers; they end with the last `Bots` and the last conversation. Bots' voices are encoded
    /// with this effort, and with the least while their worker has more to do than it can. Whoever talks with
    /// the bots does so on this runtime.
    ///
    /// # Errors
    ///
    /// The system has no thread for it.
    pub fn start(complexity: Complexity, runtime: &Handle) -> std::io::Result<Self> {
        let workers = Workers::start(TRADE, || {
            let post = Post::new(runtime);
            move |inbox| worker::serve(&inbox, post)
        })?;

        Ok(Self { workers, complexity })
    }

    /// What share of the last second each worker spent in its turns; past 0.8 it is brought nobody more.
    #[must_use]
    pub fn busy(&self) -> Vec<f32> {
        self.workers.busy()
    }

    /// How a bot's voice is encoded: wideband speech.
    #[must_use]
    pub fn settings(complexity: Complexity) -> Settings {
        Settings { complexity: complexity.get(), ..Settings::default() }
    }

    /// Lets a bot hear and speak on this leg, which talks Opus and may send already; `None` when
    /// the workers have all they can serve.
    #[must_use]
    pub fn open(&self, leg: &Voice, formats: BotFormats, notice: BotNotice) -> Option<BotLine> {
        let seat = self.workers.seat()?;
        let spool =
            Spool::new(formats.speaks, BACKLOG_MAX_MS, Self::settings(self.complexity)).ok()?;
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        let (told, news) = mpsc::channel(NEWS_MAX);
        let (sink, frames) = frame_queue(FRAMES_MAX);
        let (tap, packets) = tap(Direction::Received, TAP_PACKETS_MAX);
        let conversation = Conversation::new(
            (formats.hears, notice),
            spool,
            (leg.audio, packets),
            sink,
            (ordered, told),
            self.complexity,
        )
        .ok()?;
        seat.bring(conversation).ok()?;
        leg.leg.carry(tap);
        leg.leg.play(Source::Mix(frames));

        Some(BotLine { orders, news, seat: BotSeat { _seat: seat } })
    }
}

impl BotLine {
    /// Both ends apart, for those who write while they read; the seat is held as long as needed.
    #[must_use]
    pub fn split(self) -> (mpsc::Sender<BotOrder>, mpsc::Receiver<BotNews>, BotSeat) {
        (self.orders, self.news, self.seat)
    }
}
