//! How does a built-in bot talk with its user?
//!
//! It speaks through the same worker as a program would, and needs not hear: what is returned to the user
//! never leaves the worker. What it says and does is the switchboard's word; here its words become audio,
//! and what happened on the leg becomes its input.

use std::{
    collections::BTreeMap,
    pin::pin,
    sync::{Arc, LazyLock},
    time::Duration,
};

use engine::{BotLine, BotNews, BotNotice, BotOrder};
use switchboard::{
    builtin::{Builtin, Effect, Input, Language, Mark},
    flow::{FromBot, Key},
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    Tell, Wish,
    phrases::{FORMAT, Phrases},
    talk::heard_out,
};
use crate::metrics::Metrics;

/// What a built-in bot is told: no more than what became of its words.
pub(crate) const NOTICE: BotNotice =
    BotNotice { speech: false, silence_ms: None, barge_in: false, without_voice: true };

/// How exactly a built-in bot keeps its time.
const TICK: Duration = Duration::from_millis(100);

/// What their ticks are counted from.
static CLOCK: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What the bot last wanted.
type Last = (FromBot, BTreeMap<String, String>);

/// Talks until the bot has said its last word or the call is no longer with it.
pub(super) async fn run(
    (bot, language): (Builtin, Language),
    line: BotLine,
    mut keys: mpsc::Receiver<Key>,
    tell: Tell,
    metrics: Arc<Metrics>,
) {
    let Some(phrases) = Phrases::of(language).await else {
        metrics.bot("absent");
        return tell.lost().await;
    };
    metrics.bot("talks");
    tell.wish(Wish::Reached).await;
    let (orders, mut news, _seat) = line.split();
    let mut conversation = Conversation { bot, phrases, orders, metrics };
    if let Some((word, context)) = conversation.talk(&mut news, &mut keys).await {
        heard_out(&conversation.orders, &mut news, &mut keys).await;
        tell.wish(Wish::Word(word, context)).await;
    }
}

/// The next moment at which all bots look at their clocks: one wake for as many as are due.
fn together(at: Instant) -> Instant {
    let since = at.saturating_duration_since(*CLOCK).as_nanos();
    let ticks = since.div_ceil(TICK.as_nanos());
    *CLOCK + TICK * u32::try_from(ticks).unwrap_or(u32::MAX)
}

/// One conversation.
struct Conversation {
    bot: Builtin,
    phrases: &'static Phrases,
    orders: mpsc::Sender<BotOrder>,
    metrics: Arc<Metrics>,
}

impl Conversation {
    /// Until the bot's last word; nothing when the call is no longer with it.
    async fn talk(
        &mut self,
        news: &mut mpsc::Receiver<BotNews>,
        keys: &mut mpsc::Receiver<Key>,
    ) -> Option<Last> {
        let began = Instant::now();
        let mut happened = Some(Input::Begin);
        // Set when the bot names another time, and not for all it is told.
        let (mut timer, mut due) = (pin!(tokio::time::sleep(Duration::ZERO)), None);
        loop {
            if let Some(input) = happened
                && let Some(last) = self.take(input, began.elapsed()).await
            {
                return Some(last);
            }
            let named = self.bot.next_timeout();
            if std::mem::replace(&mut due, named) != named {
                timer.as_mut().reset(together(began + named.unwrap_or_default()));
            }
            happened = tokio::select! {
                told = news.recv() => self.input(told?),
                key = keys.recv() => Some(Input::Key(key?)),
                () = timer.as_mut(), if due.is_some() => Some(Input::Tick),
            };
        }
    }

    async fn take(&mut self, input: Input, now: Duration) -> Option<Last> {
        for effect in self.bot.handle(input, now) {
            let order = match effect {
                Effect::Say(phrase) => BotOrder::Audio(self.phrases.said(phrase)),
                Effect::Beep => BotOrder::Audio(self.phrases.beep()),
                Effect::Pause(lasting) => BotOrder::Audio(silence(lasting)),
                Effect::Return(on) => BotOrder::Return(on),
                Effect::Mark(Mark(number)) => BotOrder::Mark(number.to_string()),
                Effect::Clear => BotOrder::Clear,
                Effect::Leave(word, context) => return Some((word, context)),
            };
            // A worker that is gone ends the conversation by itself.
            drop(self.orders.send(order).await);
        }
        None
    }

    fn input(&self, told: BotNews) -> Option<Input> {
        match told {
            BotNews::Passed(passed) if !passed.cleared => {
                passed.name.parse().ok().map(|number| Input::Heard(Mark(number)))
            }
            BotNews::Cleared(cleared) => {
                self.metrics.playout_cleared(Duration::from_millis(cleared.dropped_ms));
                Some(Input::Cleared)
            }
            BotNews::Heard(_)
            | BotNews::Passed(_)
            | BotNews::Refused { .. }
            | BotNews::Speech { .. }
            | BotNews::Silence { .. } => None,
        }
    }
}

fn silence(lasting: Duration) -> Vec<u8> {
    let samples = u128::from(FORMAT.rate()) * lasting.as_millis() / 1_000;
    FORMAT.write(&vec![0; usize::try_from(samples).unwrap_or_default()])
}
