//! What goes between a bot and its call?
//!
//! Reading and writing run side by side, so that a bot that writes and does not read holds nobody up.
//! A bot's last word ("done", "this agent shall have it") counts once the user has heard what it said
//! before. It is lost when its line breaks, closes with an error or is silent too long.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{BotLine, BotNews, BotOrder};
use media::dtmf::Digit;
use switchboard::flow::{FromBot, Key};
use tokio::sync::mpsc;
use wire::bot::{Codec, Command, Event, Start, Target};

use super::{
    Tell, Wish, dial,
    socket::{Came, Reader, Socket, Writer},
    waiting::Waiting,
};
use crate::{config, metrics::Metrics, telemetry::Asking};

/// How often a bot is asked whether it is there.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long the last message may take.
const CLOSE_PATIENCE: Duration = Duration::from_millis(500);
/// The mark behind a bot's last words.
const LAST: &str = "\u{0}last";

/// What a bot last wanted.
type Last = (FromBot, BTreeMap<String, String>);

/// Reaches the bot and carries what is said until either side is done.
pub(super) async fn run(
    (bot, start): (config::Bot, Start),
    (waiting, asking): (Waiting, Option<Asking>),
    line: BotLine,
    mut keys: mpsc::Receiver<Key>,
    tell: Tell,
    metrics: Arc<Metrics>,
) {
    let (orders, mut news, seat) = line.split();
    let dialled = Instant::now();
    let reached = tokio::select! {
        reached = dial::reach(&bot, &waiting, asking) => reached,
        () = gone(&mut keys) => return,
    };
    let Socket { mut writer, mut reader } = match reached {
        Ok(socket) => socket,
        Err(error) => {
            metrics.bot("absent");
            tracing::warn!(bot = bot.name, %error, "a bot is not reached");
            return tell.lost().await;
        }
    };
    metrics.bot("talks");
    metrics.bot_connected(dialled.elapsed());
    tell.wish(Wish::Reached).await;
    // What the user said while nobody heard is not said now.
    while let Ok(BotNews::Heard(_)) = news.try_recv() {}
    let mut codec = Codec::new(bot.protocol, start);
    let reading = Reading { bot: &bot, codec: codec.clone(), orders: &orders, tell: &tell };
    for frame in codec.opening() {
        if writer.send(frame).await.is_err() {
            return tell.lost().await;
        }
    }
    let mut ended = false;
    let last = tokio::select! {
        last = reading.read(&mut reader) => last,
        wrote = write(&mut writer, (&mut codec, &metrics), &mut news, &mut keys) => {
            ended = wrote == Wrote::Over;
            (FromBot::Lost, BTreeMap::new())
        }
    };
    if !ended {
        if last.0 == FromBot::Lost {
            metrics.bot("lost");
            tracing::warn!(bot = bot.name, "a bot is lost in a call");
        } else {
            heard_out(&orders, &mut news, &mut keys).await;
        }
        tell.wish(Wish::Word(last.0, last.1)).await;
    }
    drop((orders, news, seat));
    let bye = async {
        if let Some(frame) = codec.write(&Event::Stop) {
            writer.send(frame).await?;
        }
        writer.close().await
    };
    if !matches!(tokio::time::timeout(CLOSE_PATIENCE, bye).await, Ok(Ok(()))) {
        tracing::debug!(bot = bot.name, "a bot was gone before the goodbye");
    }
}

/// Waits until the call is no longer with this bot; keys pressed before it hears are lost.
async fn gone(keys: &mut mpsc::Receiver<Key>) {
    while keys.recv().await.is_some() {}
}

/// Waits until the user has heard what was said so far, or is no longer with the bot.
async fn heard_out(
    orders: &mpsc::Sender<BotOrder>,
    news: &mut mpsc::Receiver<BotNews>,
    keys: &mut mpsc::Receiver<Key>,
) {
    if orders.send(BotOrder::Mark(LAST.into())).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            told = news.recv() => match told {
                Some(BotNews::Passed(passed)) if passed.name == LAST => return,
                Some(BotNews::Refused { .. }) | None => return,
                Some(BotNews::Heard(_) | BotNews::Passed(_) | BotNews::Cleared(_)) => {}
            },
            key = keys.recv() => if key.is_none() { return },
        }
    }
}

/// Why nothing more is written.
#[derive(Debug, PartialEq, Eq)]
enum Wrote {
    /// The call is no longer with this bot.
    Over,
    /// The line broke.
    Broken,
}

async fn write(
    writer: &mut Writer,
    (codec, metrics): (&mut Codec, &Metrics),
    news: &mut mpsc::Receiver<BotNews>,
    keys: &mut mpsc::Receiver<Key>,
) -> Wrote {
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        let frame = tokio::select! {
            told = news.recv() => match told {
                Some(told) => {
                    if let BotNews::Cleared(cleared) = &told {
                        metrics.playout_cleared(Duration::from_millis(cleared.dropped_ms));
                    }
                    codec.write(&event(told))
                }
                None => return Wrote::Over,
            },
            key = keys.recv() => match key {
                Some(key) => codec.write(&Event::Digit(key.sign())),
                None => return Wrote::Over,
            },
            _ = ping.tick() => {
                if writer.ping().await.is_err() {
                    return Wrote::Broken;
                }
                None
            }
        };
        if let Some(frame) = frame
            && writer.send(frame).await.is_err()
        {
            return Wrote::Broken;
        }
    }
}

fn event(news: BotNews) -> Event {
    match news {
        BotNews::Heard(bytes) => Event::Audio(bytes),
        BotNews::Passed(passed) => Event::Passed { name: passed.name, cleared: passed.cleared },
        BotNews::Cleared(cleared) => {
            Event::Cleared { heard_ms: cleared.heard_ms, dropped_ms: cleared.dropped_ms }
        }
        BotNews::Refused { backlog_ms } => Event::Refused { backlog_ms },
    }
}

/// What it takes to read a bot's words.
struct Reading<'a> {
    bot: &'a config::Bot,
    codec: Codec,
    orders: &'a mpsc::Sender<BotOrder>,
    tell: &'a Tell,
}

impl Reading<'_> {
    /// Reads until the bot's last word.
    async fn read(&self, reader: &mut Reader) -> Last {
        let mut is_faulty = false;
        loop {
            let frame = match reader.next(self.bot.silence_timeout).await {
                Came::Frame(frame) => frame,
                Came::Alive => continue,
                Came::Goodbye => return (FromBot::Done, BTreeMap::new()),
                Came::Broken => return (FromBot::Lost, BTreeMap::new()),
            };
            match self.codec.read(frame) {
                Ok(Some(command)) => {
                    if let Some(last) = self.obey(command).await {
                        return last;
                    }
                }
                Ok(None) => {}
                // The first says what is wrong with the bot; it may be wrong 50 times a second.
                Err(fault) if !is_faulty => {
                    is_faulty = true;
                    tracing::warn!(bot = self.bot.name, %fault, "a message of a bot is none");
                }
                Err(fault) => {
                    tracing::debug!(bot = self.bot.name, %fault, "a message of a bot is none");
                }
            }
        }
    }

    /// Does what the bot wants; what it wants last is the answer.
    async fn obey(&self, command: Command) -> Option<Last> {
        let order = match command {
            Command::Audio(bytes) => BotOrder::Audio(bytes),
            Command::Mark(name) => BotOrder::Mark(name),
            Command::Clear => BotOrder::Clear,
            Command::MustBeHeard(on) => BotOrder::MustBeHeard(on),
            Command::Digit(sign) => {
                if let Some(digit) = Digit::new(sign) {
                    self.tell.wish(Wish::Key(digit)).await;
                }
                return None;
            }
            Command::Transfer { to: Target::Agent(agent), context } => {
                return Some((FromBot::ToAgent(agent), context));
            }
            Command::Transfer { to: Target::Step(step), context } => {
                return Some((FromBot::ToStep(step), context));
            }
            Command::End => return Some((FromBot::Done, BTreeMap::new())),
            Command::HangUp => return Some((FromBot::HangsUp, BTreeMap::new())),
            Command::Fail => return Some((FromBot::Lost, BTreeMap::new())),
        };
        // Back-pressure lasts a turn of the worker at most; a worker that is gone ends the call's
        // conversation by itself.
        drop(self.orders.send(order).await);
        None
    }
}
