//! How does a call talk with a program?
//!
//! The call's task begins a conversation and ends it; a task of the conversation's own reaches the bot,
//! carries messages both ways and reports what the bot wants of the call. It decides nothing: what
//! becomes of the call is the switchboard's word. A bot that is built in is reached at once.

mod builtin;
mod dial;
mod phrases;
pub(crate) mod sids;
mod socket;
mod talk;
pub(crate) mod waiting;

use std::{collections::BTreeMap, sync::Arc};

use engine::BotLine;
use media::dtmf::Digit;
use switchboard::{
    builtin::{Builtin, Language},
    flow::{FromBot, Key},
};
use tokio::sync::mpsc;
use wire::bot::Start;

use self::waiting::Waiting;
pub(crate) use self::{builtin::NOTICE, dial::MESSAGE_MAX, phrases::FORMATS};
use crate::{config, metrics::Metrics, telemetry::Asking};

/// Keys that may wait for a bot: more than a hand can press while it is dialled.
const KEYS_MAX: usize = 32;

/// A conversation as the call's task holds it; dropping it ends the conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// Tells its words from those of one before.
    pub(crate) number: u64,
    keys: mpsc::Sender<Key>,
}

/// What a bot wants of its call.
#[derive(Debug)]
pub(crate) struct Said {
    /// The conversation's number.
    pub(crate) number: u64,
    /// What.
    pub(crate) what: Wish,
}

/// What a bot can want of its call.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Nothing yet: it took the call.
    Reached,
    /// Something for the switchboard, and what whoever gets the call should know.
    Word(FromBot, BTreeMap<String, String>),
    /// Send the user this key.
    Key(Digit),
}

impl Conversation {
    /// Begins: what the bot wants is handed to `tell`'s other end; `asking` is the dial's place in the
    /// call's trace.
    pub(crate) fn begin(
        number: u64,
        bot: (config::Bot, Start),
        waiting: Waiting,
        asking: Option<Asking>,
        line: BotLine,
        tell: mpsc::Sender<Said>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (keys, pressed) = mpsc::channel(KEYS_MAX);
        tokio::spawn(talk::run(
            bot,
            (waiting, asking),
            line,
            pressed,
            Tell { number, tell },
            metrics,
        ));
        Self { number, keys }
    }

    /// Begins one with a built-in bot.
    pub(crate) fn begin_builtin(
        number: u64,
        bot: (Builtin, Language),
        line: BotLine,
        tell: mpsc::Sender<Said>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let (keys, pressed) = mpsc::channel(KEYS_MAX);
        tokio::spawn(builtin::run(bot, line, pressed, Tell { number, tell }, metrics));
        Self { number, keys }
    }

    /// The user pressed this; one more than may wait is lost.
    pub(crate) fn press(&self, key: Key) {
        if self.keys.try_send(key).is_err() {
            tracing::debug!("a key is lost on its way to a bot");
        }
    }
}

/// The way to the call's task.
#[derive(Debug)]
struct Tell {
    number: u64,
    tell: mpsc::Sender<Said>,
}

impl Tell {
    async fn wish(&self, what: Wish) {
        // A call that is over does not wait for it.
        drop(self.tell.send(Said { number: self.number, what }).await);
    }

    async fn lost(&self) {
        self.wish(Wish::Word(FromBot::Lost, BTreeMap::new())).await;
    }
}
