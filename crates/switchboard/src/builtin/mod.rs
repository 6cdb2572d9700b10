//! What does a bot say and do that needs no program?
//!
//! Two bots are built in: one lets users hear themselves, one asks them what they want. Facts of the
//! conversation come in, what the user shall hear goes out. A mark says what was really heard; a key
//! ends what is said at once.

mod language;

use std::{collections::BTreeMap, time::Duration};

pub use language::Language;

use crate::flow::{FromBot, Key};

/// How long after speaking users hear themselves.
pub const ECHO_DELAY: Duration = Duration::from_secs(1);
/// The longest echo test.
const ECHO_MAX: Duration = Duration::from_secs(300);
/// How far apart two marks of the echo are.
const MARKED_EVERY: Duration = Duration::from_secs(1);
/// How long a key may take after the choices were heard.
const KEY_WAIT: Duration = Duration::from_secs(6);
/// How often the choices are read to somebody who takes none.
const TRIES: u8 = 3;
/// What whoever gets the call is told of an echo test: seconds that were heard.
const ECHO_HEARD: &str = "echo_heard_s";

/// Which bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Users hear themselves.
    Echo,
    /// Users choose by keys where they go.
    Ivr,
}

/// Where a call can go from a bot's step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// The language the caller chose in the flow.
    pub language: Option<String>,
    /// Whether there is anything but the end behind `otherwise`.
    pub people: bool,
    /// The step in which a message is left.
    pub message: Option<String>,
}

/// What is said; a recording of each is in the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phrase {
    /// A greeting.
    Welcome,
    /// One: a person.
    Person,
    /// Two: an echo test.
    Echo,
    /// Three: a message.
    Message,
    /// Nine: the end.
    End,
    /// That key is no choice.
    Invalid,
    /// Somebody is fetched.
    Moment,
    /// The end.
    Goodbye,
    /// What an echo test is, and how it ends.
    EchoBegins,
    /// It is over.
    EchoEnds,
}

impl Phrase {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Welcome,
        Self::Person,
        Self::Echo,
        Self::Message,
        Self::End,
        Self::Invalid,
        Self::Moment,
        Self::Goodbye,
        Self::EchoBegins,
        Self::EchoEnds,
    ];
}

/// A place in what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub u32);

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The bot has the call.
    Begin,
    /// The user pressed this.
    Key(Key),
    /// All before this mark was heard.
    Heard(Mark),
    /// What waited to be heard is gone.
    Cleared,
    /// Time passed.
    Tick,
}

/// What is to be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The user shall hear this.
    Say(Phrase),
    /// The user shall hear a short tone.
    Beep,
    /// The user shall hear nothing for so long.
    Pause(Duration),
    /// Whether the user shall hear the user from here on.
    Return(bool),
    /// Say when this is reached.
    Mark(Mark),
    /// Drop what waits to be heard.
    Clear,
    /// The last word, once all was heard; and what whoever gets the call should know.
    Leave(FromBot, BTreeMap<String, String>),
}

/// One conversation of a built-in bot. Time is what passed since it began.
#[derive(Debug)]
pub struct Builtin {
    kind: Kind,
    choices: Choices,
    state: State,
    marks: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// For the call.
    Waits,
    /// What an echo test is is being said up to the mark.
    Announces { mark: Mark },
    /// The user hears the user.
    Echoes { heard_s: u32, marked_at: Duration, until: Duration },
    /// The echo is over as soon as it is known what of it was heard.
    Stops { heard_s: u32 },
    /// The choices are being read up to the mark; afterwards a key is waited for.
    Asks { tries_left: u8, mark: Mark, until: Option<Duration> },
    /// The last word was said.
    Over,
}

impl Builtin {
    /// A conversation that has not begun.
    #[must_use]
    pub fn new(kind: Kind, choices: Choices) -> Self {
        Self { kind, choices, state: State::Waits, marks: 0 }
    }

    /// When to tick at the latest.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Duration> {
        match self.state {
            State::Echoes { marked_at, until, .. } => Some(marked_at.min(until)),
            State::Asks { until, .. } => until,
            State::Waits | State::Announces { .. } | State::Stops { .. } | State::Over => None,
        }
    }

    /// Takes what happened, so long after the beginning.
    #[must_use]
    pub fn handle(&mut self, input: Input, now: Duration) -> Vec<Effect> {
        match (self.state, input) {
            (State::Waits, Input::Begin) => self.begin(),
            (State::Announces { mark }, Input::Heard(heard)) if heard == mark => {
                let marked_at = now + MARKED_EVERY;
                self.state = State::Echoes { heard_s: 0, marked_at, until: now + ECHO_MAX };
                vec![Effect::Pause(ECHO_DELAY), Effect::Return(true)]
            }
            (State::Announces { .. }, Input::Key(_)) => self.stop_echo(0),
            (State::Echoes { heard_s, marked_at, until }, Input::Heard(_)) => {
                self.state = State::Echoes { heard_s: heard_s + 1, marked_at, until };
                Vec::new()
            }
            (State::Echoes { heard_s, .. }, Input::Key(_)) => self.stop_echo(heard_s),
            (State::Echoes { heard_s, until, .. }, Input::Tick) if until <= now => {
                self.stop_echo(heard_s)
            }
            (State::Echoes { heard_s, marked_at, until }, Input::Tick) if marked_at <= now => {
                // From when it was due: a clock that is looked at late does not stretch the seconds.
                let marked_at = marked_at + MARKED_EVERY;
                self.state = State::Echoes { heard_s, marked_at, until };
                vec![Effect::Mark(self.mark())]
            }
            (State::Stops { heard_s }, Input::Heard(_)) => {
                self.state = State::Stops { heard_s: heard_s + 1 };
                Vec::new()
            }
            (State::Stops { heard_s }, Input::Cleared) => self.after_echo(heard_s),
            (State::Asks { tries_left, mark, until: None }, Input::Heard(heard))
                if heard == mark =>
            {
                self.state = State::Asks { tries_left, mark, until: Some(now + KEY_WAIT) };
                Vec::new()
            }
            (State::Asks { tries_left, .. }, Input::Key(key)) => self.choose(key, tries_left),
            (State::Asks { tries_left, until: Some(until), .. }, Input::Tick) if until <= now => {
                self.ask_again(tries_left, Vec::new())
            }
            // What comes too late or too early, and a mark of something else.
            (
                State::Waits
                | State::Announces { .. }
                | State::Echoes { .. }
                | State::Stops { .. }
                | State::Asks { .. }
                | State::Over,
                Input::Begin | Input::Key(_) | Input::Heard(_) | Input::Cleared | Input::Tick,
            ) => Vec::new(),
        }
    }

    fn begin(&mut self) -> Vec<Effect> {
        match self.kind {
            Kind::Echo => self.announce_echo(Vec::new()),
            Kind::Ivr => self.ask(TRIES, vec![Effect::Say(Phrase::Welcome)]),
        }
    }

    fn announce_echo(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        let mark = self.mark();
        self.state = State::Announces { mark };
        effects.extend([Effect::Say(Phrase::EchoBegins), Effect::Beep, Effect::Mark(mark)]);
        effects
    }

    fn stop_echo(&mut self, heard_s: u32) -> Vec<Effect> {
        self.state = State::Stops { heard_s };
        vec![Effect::Return(false), Effect::Clear]
    }

    fn after_echo(&mut self, heard_s: u32) -> Vec<Effect> {
        let over = Effect::Say(Phrase::EchoEnds);
        match self.kind {
            Kind::Echo => {
                let context = [(ECHO_HEARD.to_owned(), heard_s.to_string())].into();
                self.leave(vec![over], FromBot::Done, context)
            }
            Kind::Ivr => self.ask(TRIES, vec![over]),
        }
    }

    fn ask(&mut self, tries_left: u8, mut effects: Vec<Effect>) -> Vec<Effect> {
        let mark = self.mark();
        self.state = State::Asks { tries_left, mark, until: None };
        effects.extend(self.choices().map(Effect::Say));
        effects.push(Effect::Mark(mark));
        effects
    }

    /// What is read to the user.
    fn choices(&self) -> impl Iterator<Item = Phrase> + use<> {
        let person = self.choices.people.then_some(Phrase::Person);
        let message = self.choices.message.is_some().then_some(Phrase::Message);
        person.into_iter().chain([Phrase::Echo]).chain(message).chain([Phrase::End])
    }

    fn choose(&mut self, key: Key, tries_left: u8) -> Vec<Effect> {
        let mut effects = vec![Effect::Clear];
        match (key.sign(), self.choices.people, self.choices.message.clone()) {
            ('0' | '1', true, _) => self.give_to_people(effects),
            ('2', ..) => self.announce_echo(effects),
            ('3', _, Some(step)) => self.leave(effects, FromBot::ToStep(step), BTreeMap::new()),
            ('9', ..) => {
                effects.push(Effect::Say(Phrase::Goodbye));
                self.leave(effects, FromBot::Done, BTreeMap::new())
            }
            _ => {
                effects.push(Effect::Say(Phrase::Invalid));
                self.ask_again(tries_left, effects)
            }
        }
    }

    fn ask_again(&mut self, tries_left: u8, effects: Vec<Effect>) -> Vec<Effect> {
        match tries_left.saturating_sub(1) {
            0 => self.give_to_people(effects),
            left => self.ask(left, effects),
        }
    }

    fn give_to_people(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        let last = if self.choices.people { Phrase::Moment } else { Phrase::Goodbye };
        effects.push(Effect::Say(last));
        self.leave(effects, FromBot::ToPeople, BTreeMap::new())
    }

    fn leave(
        &mut self,
        mut effects: Vec<Effect>,
        word: FromBot,
        context: BTreeMap<String, String>,
    ) -> Vec<Effect> {
        self.state = State::Over;
        effects.push(Effect::Leave(word, context));
        effects
    }

    fn mark(&mut self) -> Mark {
        self.marks += 1;
        Mark(self.marks)
    }
}
