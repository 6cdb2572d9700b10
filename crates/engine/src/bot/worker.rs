//! What does the bots' thread do every 20 ms?
//!
//! For each conversation: it takes the bot's orders, gives the leg a frame and the bot 20 ms of the
//! user. A conversation ends when nobody has its other end.

use std::collections::VecDeque;

use audio::{
    activity::Turn,
    opus::{CodecError, Complexity},
    spool::{Format, Frame, Full, Spool},
};
use media::frame::{AudioCodec, AudioFrame};
use tokio::sync::mpsc::{self, error::TryRecvError};

use super::{BotNews, BotNotice, BotOrder, FRAMES_MAX, ear::Ear, post::Post};
use crate::{FrameSink, Tapped, effort::Effort, turns, workers::Inbox};

/// Answers that may wait for the bot to read.
const UNSENT_MAX: usize = 2_048;

/// One conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    spool: Spool,
    sink: FrameSink,
    audio: u8,
    packets: Tapped,
    ear: Ear,
    notice: BotNotice,
    orders: mpsc::Receiver<BotOrder>,
    told: mpsc::Sender<BotNews>,
    /// What must not be lost and did not go through yet.
    unsent: VecDeque<BotNews>,
    /// What the bot is to hear of this turn.
    heard: Vec<u8>,
    /// Whether the bot ever said something that must be heard: then what is on its way is not taken back.
    has_sections: bool,
    /// Whether what the user says is said to the user.
    returns: bool,
    leg: Leg,
    effort: Effort,
}

/// Whether the leg takes frames; before it does, what a bot said would be lost and waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leg {
    Unknown,
    /// A frame of silence was laid down for it.
    Asked,
    Takes,
}

/// Serves conversations until none can come any more.
pub(super) fn serve(inbox: &Inbox<Conversation>, mut post: Post) {
    turns::serve(inbox, turns::FRAME, Conversation::turn, |all| {
        for each in all {
            each.tell(&mut post);
        }
        post.hand_over();
    });
}

impl Conversation {
    pub(super) fn new(
        (format, notice): (Format, BotNotice),
        spool: Spool,
        (audio, packets): (u8, Tapped),
        sink: FrameSink,
        (orders, told): (mpsc::Receiver<BotOrder>, mpsc::Sender<BotNews>),
        complexity: Complexity,
    ) -> Result<Self, CodecError> {
        Ok(Self {
            spool,
            sink,
            audio,
            packets,
            ear: Ear::new(format, notice)?,
            notice,
            orders,
            told,
            unsent: VecDeque::new(),
            heard: Vec::new(),
            has_sections: false,
            returns: false,
            leg: Leg::Unknown,
            effort: Effort::new(complexity),
        })
    }

    /// One turn; false once the conversation is over.
    fn turn(&mut self, hurried: bool) -> bool {
        let goes_on = self.take_orders();
        if let Err(fault) = self.speak(hurried) {
            tracing::error!(%fault, "a frame of a bot is lost");
        }
        self.hear();
        goes_on && !self.told.is_closed()
    }

    /// Takes what the bot wants; false when nobody can want anything any more.
    fn take_orders(&mut self) -> bool {
        loop {
            if self.unsent.len() >= UNSENT_MAX {
                // A bot that wants answers and reads none gets no further until it does.
                return !self.orders.is_closed();
            }
            let done = match self.orders.try_recv() {
                Ok(BotOrder::Audio(bytes)) => self.spool.push(&bytes),
                Ok(BotOrder::Mark(name)) => self.spool.mark(name),
                Ok(BotOrder::MustBeHeard(on)) => {
                    self.spool.must_be_heard(on);
                    self.has_sections |= on;
                    Ok(())
                }
                Ok(BotOrder::Return(on)) => {
                    self.returns = on;
                    Ok(())
                }
                Ok(BotOrder::Clear) => {
                    self.clear();
                    Ok(())
                }
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            };
            if let Err(Full { backlog_ms }) = done {
                // One word about it until it is read: a bot that does not listen gets no queue of them.
                let refused = BotNews::Refused { backlog_ms };
                if !matches!(self.unsent.back(), Some(BotNews::Refused { .. })) {
                    self.unsent.push_back(refused);
                }
            }
            self.pass_marks();
        }
    }

    fn clear(&mut self) {
        match self.spool.clear() {
            Ok(mut cleared) => {
                // What the leg has not taken yet is not heard either.
                let back = if self.has_sections { 0 } else { self.sink.drain() };
                let back_ms = (20 * back).min(cleared.heard_ms);
                cleared.heard_ms -= back_ms;
                cleared.dropped_ms += back_ms;
                self.unsent.push_back(BotNews::Cleared(cleared));
            }
            Err(fault) => tracing::error!(%fault, "what a bot said is not cleared"),
        }
    }

    fn pass_marks(&mut self) {
        while let Some(passed) = self.spool.passed() {
            self.unsent.push_back(BotNews::Passed(passed));
        }
    }

    fn speak(&mut self, hurried: bool) -> Result<(), CodecError> {
        if let Some(complexity) = self.effort.turn(hurried) {
            self.spool.set_complexity(complexity)?;
        }
        let waiting = self.sink.waiting();
        match self.leg {
            Leg::Unknown => self.leg = Leg::Asked,
            Leg::Asked if waiting > 0 => return Ok(()),
            Leg::Asked => {
                self.leg = Leg::Takes;
                self.spool.release();
            }
            Leg::Takes => {}
        }
        // A leg that is behind hears what waits later, not less: the bot is told what was heard.
        if waiting >= FRAMES_MAX {
            return Ok(());
        }
        let packet = match self.spool.pull()? {
            Frame::Sound(packet) => packet,
            // Silence makes nobody later.
            Frame::Silence if waiting > 1 => return Ok(()),
            Frame::Silence => AudioCodec::Opus.silence_20_ms().into(),
        };
        self.pass_marks();
        if let Ok(frame) = AudioFrame::new(packet) {
            self.sink.push(frame);
        }
        Ok(())
    }

    /// Takes what the user said.
    fn hear(&mut self) {
        // Whether the leg is still there is told by others.
        let _may_come = self.packets.each(|head, payload| {
            if head.pt == self.audio {
                self.ear.push(head.sequence, payload);
            }
        });
        let is_answered = self.spool.backlog_ms() > 0;
        self.heard.clear();
        let turns = self.ear.pull(is_answered, &mut self.heard);
        self.packets.tell_made_up(self.ear.concealed());
        self.notice(turns, is_answered);
        if self.returns && self.spool.push(&self.heard).is_err() {
            tracing::debug!("what a user said is not returned: too much waits");
        }
    }

    /// Tells what happened, and then what the user said.
    fn tell(&mut self, post: &mut Post) {
        while let Some(news) = self.unsent.pop_front() {
            if let Err(news) = post.put(&self.told, news) {
                self.unsent.push_front(news);
                break;
            }
        }
        if self.notice.without_voice {
            return;
        }
        // A bot that does not read loses what was said, and hears the newest again once it reads.
        drop(post.put(&self.told, BotNews::Heard(std::mem::take(&mut self.heard))));
    }

    /// Notices what the user does.
    fn notice(&mut self, turns: Vec<Turn>, is_answered: bool) {
        let now_ms = self.ear.heard_ms();
        for turn in turns {
            match turn {
                Turn::Began { at_ms } => {
                    self.tell_speech(true, now_ms.saturating_sub(at_ms));
                    if self.notice.barge_in && is_answered {
                        self.clear();
                        self.pass_marks();
                    }
                }
                Turn::Ceased { at_ms } => {
                    self.tell_speech(false, now_ms.saturating_sub(at_ms));
                }
                Turn::Silent { ms } => self.unsent.push_back(BotNews::Silence { ms }),
            }
        }
    }

    fn tell_speech(&mut self, speaking: bool, ago_ms: u64) {
        // A bot that reads nothing gets no queue of it.
        if self.notice.speech && self.unsent.len() < UNSENT_MAX {
            self.unsent.push_back(BotNews::Speech { speaking, ago_ms });
        }
    }
}
