//! How does a model talk that hears and speaks? OpenAI's Realtime API over a WebSocket; we are the client.
//!
//! The service says when the user speaks, and wants to know how much of its words was heard by then:
//!
//! ```text
//!   delta ─▶ Audio          speech_started ─▶ Clear ─▶ (engine) ─▶ Cleared ─▶ truncate each item
//!   audio done ─▶ Mark ─▶ (engine) ─▶ Passed: the item was heard whole
//! ```
//!
//! Of an item so much was heard as was sent of it less what the clear dropped, which is the end of what
//! was sent; so nothing is measured by a clock. Keys become one message when the hand rests, counted in
//! frames of the user's. What the model wants by a tool it gets when its answer is complete: one that
//! was broken off wants nothing.

mod heard;
mod words;

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use self::{
    heard::Heard,
    words::{Asked, Ended, Piece, Said, Trouble},
};
use super::{Command, Event, Fault, Frame, NAME_MAX, Start, Target, Turn, context};

/// Frames without a key after which those pressed are told: a second and a half.
const KEYS_REST: u32 = 75;
/// Keys of one message.
const KEYS_MAX: usize = 64;
/// Answers in a row that may fail before the bot counts as lost: the user hears nothing meanwhile.
const FAILURES_MAX: u32 = 2;

/// Who a model is in a call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Persona {
    /// What it is told about its work.
    pub instructions: String,
    /// By which voice it speaks; the service's choice when absent.
    pub voice: Option<String>,
    /// What it is told to begin with; without it the user speaks first.
    pub greeting: Option<String>,
    /// The steps of the flow it may give a call to, and when it should.
    pub steps: BTreeMap<String, String>,
}

/// One conversation with a model.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    answer: Answer,
    /// Whether an answer is wanted as soon as none is under way.
    is_wanted: bool,
    /// The answer that was broken off: what still comes of it is not heard.
    broken_off: Option<String>,
    heard: Heard,
    asked: Option<Asked>,
    failures: u32,
    keys: String,
    resting: u32,
}

/// The model's answer: the service makes one at a time.
#[derive(Debug, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    None,
    /// We asked for one.
    Awaited,
    /// It is made; by this id it can be broken off.
    UnderWay(String),
}

impl Conversation {
    pub(super) fn opening(&mut self, start: &Start) -> Vec<Frame> {
        let mut frames = vec![words::session(start)];
        if !start.context.is_empty() {
            frames.push(words::known(&start.context));
        }
        if let Some(greeting) = &start.persona.greeting {
            frames.push(words::told(greeting));
            frames.push(self.want_answer());
        }
        frames
    }

    pub(super) fn write(&mut self, event: &Event) -> Turn {
        match event {
            Event::Audio(bytes) => self.user_heard(bytes),
            Event::Digit(digit) => self.key(*digit),
            Event::Passed { name, cleared } => {
                if !cleared {
                    self.heard.whole(name);
                }
                Turn::default()
            }
            Event::Cleared { dropped_ms, heard_ms: _ } => {
                let items = self.heard.cleared(*dropped_ms);
                Turn { commands: Vec::new(), frames: items.iter().map(words::truncate).collect() }
            }
            // So much waits that nobody will listen to its end.
            Event::Refused { .. } => {
                Turn { commands: Vec::new(), frames: self.break_off().into_iter().collect() }
            }
            // The service hears for itself when the user speaks.
            Event::Speech { .. } | Event::Silence { .. } | Event::Stop => Turn::default(),
        }
    }

    pub(super) fn read(&mut self, start: &Start, frame: Frame) -> Result<Turn, Fault> {
        let Frame::Text(text) = frame else { return Err(Fault::Binary) };
        match serde_json::from_str(&text).map_err(Fault::Json)? {
            Said::Created { response } => self.answer = Answer::UnderWay(response.id),
            Said::Audio(piece) => return self.speaks(start, piece),
            Said::AudioDone { item_id } => {
                let mark = self.heard.done(&item_id).then_some(Command::Mark(item_id));
                return Ok(commands(mark));
            }
            Said::SpeechStarted {} => return Ok(self.silence()),
            Said::ItemDone { item } => self.asked = self.asked.take().or_else(|| item.asked()),
            Said::Done { response } => return self.answered(start, response),
            Said::Error { error } => return self.trouble(&error),
            Said::Other => {}
        }
        Ok(Turn::default())
    }

    /// What the user said goes out; it is also what tells how long nothing was pressed.
    fn user_heard(&mut self, bytes: &[u8]) -> Turn {
        let mut turn = Turn { commands: Vec::new(), frames: vec![words::append(bytes)] };
        self.resting += 1;
        if !self.keys.is_empty() && self.resting >= KEYS_REST {
            self.press(&mut turn);
        }
        if self.is_wanted && self.answer == Answer::None {
            turn.frames.push(self.want_answer());
        }
        turn
    }

    /// A key breaks in as a word does. The hash ends a number, so nobody waits for more.
    fn key(&mut self, digit: char) -> Turn {
        let mut turn = self.interrupt();
        self.keys.push(digit);
        self.resting = 0;
        if digit == '#' || self.keys.len() >= KEYS_MAX {
            self.press(&mut turn);
        }
        turn
    }

    fn press(&mut self, turn: &mut Turn) {
        // The model may have spoken again since the first key.
        let interrupted = self.interrupt();
        turn.commands.extend(interrupted.commands);
        turn.frames.extend(interrupted.frames);
        turn.frames.push(words::pressed(&std::mem::take(&mut self.keys)));
        self.is_wanted = true;
    }

    fn speaks(&mut self, start: &Start, piece: Piece) -> Result<Turn, Fault> {
        if self.broken_off.as_ref() == Some(&piece.response_id) {
            return Ok(Turn::default());
        }
        if piece.item_id.len() > NAME_MAX {
            return Err(Fault::Value { field: "item_id" });
        }
        let bytes = STANDARD.decode(&piece.delta).map_err(Fault::Base64)?;
        let before = self.heard.said(&piece, words::samples(start.voice_rate, bytes.len()));
        let mark = before.map(Command::Mark);
        Ok(commands(mark.into_iter().chain([Command::Audio(bytes)])))
    }

    /// The user breaks in by a key, of which the service knows nothing.
    fn interrupt(&mut self) -> Turn {
        let cancel = self.break_off();
        Turn { frames: cancel.into_iter().collect(), ..self.silence() }
    }

    /// The user breaks in: the service has broken its answer off by itself, as the session says.
    fn silence(&mut self) -> Turn {
        let of_items = self.heard.cut();
        let turn = commands(of_items.is_some().then_some(Command::Clear));
        self.broken_off = match &self.answer {
            // One that has not begun to speak is broken off as well.
            Answer::UnderWay(id) => Some(id.clone()),
            Answer::None | Answer::Awaited => of_items.or_else(|| self.broken_off.take()),
        };
        turn
    }

    fn break_off(&mut self) -> Option<Frame> {
        let Answer::UnderWay(id) = &self.answer else { return None };
        if self.broken_off.as_ref() == Some(id) {
            return None;
        }
        self.broken_off = Some(id.clone());
        Some(words::cancel(id))
    }

    fn want_answer(&mut self) -> Frame {
        self.is_wanted = false;
        self.answer = Answer::Awaited;
        words::answer()
    }

    /// An answer is over.
    fn answered(&mut self, start: &Start, ended: Ended) -> Result<Turn, Fault> {
        let asked = self.asked.take();
        self.answer = Answer::None;
        match ended.status.as_deref() {
            Some("failed") => {
                self.failures += 1;
                if self.failures >= FAILURES_MAX {
                    return Ok(commands([Command::Fail]));
                }
                self.is_wanted = true;
                Err(ended.trouble().fault())
            }
            Some("cancelled" | "incomplete") => Ok(Turn::default()),
            _ => {
                self.failures = 0;
                Ok(asked.map_or_else(Turn::default, |asked| self.obey(start, asked)))
            }
        }
    }

    fn obey(&mut self, start: &Start, asked: Asked) -> Turn {
        let mut facts = asked.facts();
        let to = match asked.name.as_str() {
            words::END => return commands([Command::End]),
            words::TO_PERSON => Some(Target::People),
            words::TO_STEP => {
                let step = facts.remove("to").filter(|step| start.persona.steps.contains_key(step));
                step.map(Target::Step)
            }
            _ => None,
        };
        match to {
            Some(to) => commands([Command::Transfer { to, context: context(facts) }]),
            None => {
                self.is_wanted = true;
                Turn { commands: Vec::new(), frames: vec![words::unknown(&asked.call_id)] }
            }
        }
    }

    fn trouble(&mut self, error: &Trouble) -> Result<Turn, Fault> {
        match error.code.as_deref() {
            Some("session_expired") => Ok(commands([Command::Fail])),
            // It was complete before it could be broken off.
            Some("response_cancel_not_active") => Ok(Turn::default()),
            // The user was quicker; what we told is in the next one.
            Some("conversation_already_has_active_response") => {
                self.is_wanted = true;
                Ok(Turn::default())
            }
            _ => {
                if self.answer == Answer::Awaited {
                    self.answer = Answer::None;
                }
                Err(error.fault())
            }
        }
    }
}

fn commands(commands: impl IntoIterator<Item = Command>) -> Turn {
    Turn { commands: commands.into_iter().collect(), frames: Vec::new() }
}
