//! What goes between a bot and its call?
//!
//! Three run side by side: one reads the line, one writes it, and between them the conversation takes
//! one thing at a time, what came and what happened:
//!
//! ```text
//!   line ─▶ reading ─▶ came ──▶ ┌──────────────┐ ──▶ orders ─▶ the leg
//!                 news, keys ─▶ │ conversation │ ──▶ wishes ─▶ the call
//!                               └──────────────┘ ──▶ told ──▶ writing ─▶ line
//! ```
//!
//! A bot that writes and does not read holds nobody up. Its last word ("done", "this agent shall have
//! it") counts once the user has heard what it said before. It is lost when its line breaks, closes with
//! an error or is silent too long.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use engine::{BotLine, BotNews, BotOrder};
use media::dtmf::Digit;
use switchboard::flow::{FromBot, Key};
use tokio::sync::mpsc;
use wire::bot::{Codec, Command, Event, Frame, Start, Target, Turn};

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
/// How long what passed a mark may still be on its way through the leg: three frames, and one that
/// is being sent.
const ON_ITS_WAY: Duration = Duration::from_millis(80);
/// What may wait to be taken by the conversation.
const CAME_MAX: usize = 8;
/// What may wait to be written.
const TOLD_MAX: usize = 64;
/// Places in it that news leave free, for what is said in answer to the bot.
const TOLD_FREE: usize = 48;
/// Milliseconds of the user that come at a time.
const HEARD_MS: u64 = 20;
/// The mark behind a bot's last words.
const LAST: &str = "\u{0}last";

/// What a bot last wanted.
type Last = (FromBot, BTreeMap<String, String>);

/// It is gone.
const LOST: Last = (FromBot::Lost, BTreeMap::new());

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
    let is_spoken = forget(&mut news);
    let mut codec = Codec::new(bot.protocol, start);
    for frame in codec.opening() {
        if writer.send(frame).await.is_err() {
            return tell.lost().await;
        }
    }
    let (came, mut comes) = mpsc::channel(CAME_MAX);
    let (told, mut tells) = mpsc::channel(TOLD_MAX);
    let mut conversation = Conversation {
        bot: &bot,
        codec,
        orders: &orders,
        tell: &tell,
        told,
        metrics: &metrics,
        sent_ms: 0,
    };
    conversation.begin(is_spoken);
    let last = tokio::select! {
        last = conversation.run(&mut comes, &mut news, &mut keys) => last,
        () = read(&mut reader, &bot, &came) => Some(LOST),
        () = write(&mut writer, &mut tells) => Some(LOST),
    };
    if let Some(last) = last {
        if last.0 == FromBot::Lost {
            metrics.bot("lost");
            tracing::warn!(bot = bot.name, "a bot is lost in a call");
        } else {
            heard_out(&orders, &mut news, &mut keys).await;
        }
        tell.wish(Wish::Word(last.0, last.1)).await;
    }
    let stop = conversation.codec.write(&Event::Stop);
    drop((orders, news, seat));
    let bye = async {
        while let Ok(frame) = tells.try_recv() {
            writer.send(frame).await?;
        }
        for frame in stop.frames {
            writer.send(frame).await?;
        }
        writer.close().await
    };
    if !matches!(tokio::time::timeout(CLOSE_PATIENCE, bye).await, Ok(Ok(()))) {
        tracing::debug!(bot = bot.name, "a bot was gone before the goodbye");
    }
}

/// What the user said while nobody heard is not said now; whether the user is still speaking.
fn forget(news: &mut mpsc::Receiver<BotNews>) -> bool {
    let mut is_spoken = false;
    while let Ok(told) = news.try_recv() {
        if let BotNews::Speech { speaking, ago_ms: _ } = told {
            is_spoken = speaking;
        }
    }
    is_spoken
}

/// Waits until the call is no longer with this bot; keys pressed before it hears are lost.
async fn gone(keys: &mut mpsc::Receiver<Key>) {
    while keys.recv().await.is_some() {}
}

/// Waits until the user has heard what was said so far, or is no longer with the bot.
pub(super) async fn heard_out(
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
                Some(BotNews::Passed(passed)) if passed.name == LAST => {
                    return tokio::time::sleep(ON_ITS_WAY).await;
                }
                Some(BotNews::Refused { .. }) | None => return,
                Some(
                    BotNews::Heard(_)
                    | BotNews::Passed(_)
                    | BotNews::Cleared(_)
                    | BotNews::Speech { .. }
                    | BotNews::Silence { .. },
                ) => {}
            },
            key = keys.recv() => if key.is_none() { return },
        }
    }
}

/// Hands on what comes; over when nobody takes it.
async fn read(reader: &mut Reader, bot: &config::Bot, came: &mpsc::Sender<Came>) {
    while came.send(reader.next(bot.silence_timeout).await).await.is_ok() {}
}

/// Writes what is told, and asks for a sign of life; over when the line breaks and nothing came that
/// says why.
async fn write(writer: &mut Writer, tells: &mut mpsc::Receiver<Frame>) {
    let mut ping = tokio::time::interval(PING_EVERY);
    loop {
        let wrote = tokio::select! {
            frame = tells.recv() => match frame {
                Some(frame) => writer.send(frame).await,
                None => return,
            },
            _ = ping.tick() => writer.ping().await,
        };
        if wrote.is_err() {
            // A line is closed for writing before its goodbye is read.
            return tokio::time::sleep(CLOSE_PATIENCE).await;
        }
    }
}

/// What it takes to talk.
struct Conversation<'a> {
    bot: &'a config::Bot,
    codec: Codec,
    orders: &'a mpsc::Sender<BotOrder>,
    tell: &'a Tell,
    told: mpsc::Sender<Frame>,
    metrics: &'a Metrics,
    /// How much of the user the bot was sent, in milliseconds.
    sent_ms: u64,
}

impl Conversation<'_> {
    /// Tells a bot that comes while the user speaks.
    fn begin(&mut self, is_spoken: bool) {
        if is_spoken {
            let spoken = self.codec.write(&Event::Speech { speaking: true, at_ms: 0 });
            // Nothing waits yet.
            spoken.frames.into_iter().for_each(|frame| drop(self.told.try_send(frame)));
        }
    }

    /// Until the bot's last word; nothing when the call is no longer with it.
    async fn run(
        &mut self,
        comes: &mut mpsc::Receiver<Came>,
        news: &mut mpsc::Receiver<BotNews>,
        keys: &mut mpsc::Receiver<Key>,
    ) -> Option<Last> {
        let mut is_faulty = false;
        loop {
            // What a bot does not read waits in the leg's queue, where the oldest of the user is lost.
            let has_room = self.told.capacity() > TOLD_FREE;
            let turn = tokio::select! {
                came = comes.recv() => match came {
                    Some(Came::Frame(frame)) => self.understand(frame, &mut is_faulty),
                    Some(Came::Alive) => continue,
                    Some(Came::Goodbye) if self.bot.protocol.is_done_when_closed() => {
                        return Some((FromBot::Done, BTreeMap::new()));
                    }
                    Some(Came::Goodbye | Came::Broken) | None => return Some(LOST),
                },
                told = news.recv(), if has_room => {
                    let event = self.event(told?);
                    self.codec.write(&event)
                }
                key = keys.recv() => self.codec.write(&Event::Digit(key?.sign())),
            };
            if let Some(last) = self.take(turn).await {
                return Some(last);
            }
        }
    }

    fn event(&mut self, news: BotNews) -> Event {
        match news {
            BotNews::Heard(bytes) => {
                self.sent_ms += HEARD_MS;
                Event::Audio(bytes)
            }
            BotNews::Passed(passed) => Event::Passed { name: passed.name, cleared: passed.cleared },
            BotNews::Cleared(cleared) => {
                self.metrics.playout_cleared(Duration::from_millis(cleared.dropped_ms));
                Event::Cleared { heard_ms: cleared.heard_ms, dropped_ms: cleared.dropped_ms }
            }
            BotNews::Refused { backlog_ms } => Event::Refused { backlog_ms },
            BotNews::Speech { speaking, ago_ms } => {
                let at_ms = (self.sent_ms + HEARD_MS).saturating_sub(ago_ms);
                Event::Speech { speaking, at_ms }
            }
            BotNews::Silence { ms } => Event::Silence { ms },
        }
    }

    fn understand(&mut self, frame: Frame, is_faulty: &mut bool) -> Turn {
        let fault = match self.codec.read(frame) {
            Ok(turn) => return turn,
            Err(fault) => fault,
        };
        // The first says what is wrong with the bot; it may be wrong 50 times a second.
        if *is_faulty {
            tracing::debug!(bot = self.bot.name, %fault, "a message of a bot is none");
        } else {
            tracing::warn!(bot = self.bot.name, %fault, "a message of a bot is none");
        }
        *is_faulty = true;
        Turn::default()
    }

    /// Does what the bot wants and tells it what it is to know; what it wants last is the answer.
    async fn take(&self, turn: Turn) -> Option<Last> {
        for frame in turn.frames {
            // A bot that asks and asks and does not read is none.
            if self.told.try_send(frame).is_err() {
                return Some(LOST);
            }
        }
        for command in turn.commands {
            if let Some(last) = self.obey(command).await {
                return Some(last);
            }
        }
        None
    }

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
            Command::Transfer { to: Target::People, context } => {
                return Some((FromBot::ToPeople, context));
            }
            Command::End => return Some((FromBot::Done, BTreeMap::new())),
            Command::HangUp => return Some((FromBot::HangsUp, BTreeMap::new())),
            Command::Fail => return Some(LOST),
        };
        // Back-pressure lasts a turn of the worker at most; a worker that is gone ends the call's
        // conversation by itself.
        drop(self.orders.send(order).await);
        None
    }
}
