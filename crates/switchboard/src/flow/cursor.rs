//! Where in the flow is this caller, and what now?
//!
//! A [`Cursor`] stands on one step. It starts the step with [`Effect`]s, takes what is heard and
//! the time, and walks on. Steps that take no time (`hours`, `branch`, `when`, `set`, `redirect`) are
//! passed at once; the flow's check rules out circles of them.

use std::time::Duration;

use terms::{AgentId, Timestamp};

use super::{
    Caller, Flow, FromBot, FromQueue, FromTrunk, Gather, Key, Sound, Step, ToQueue, Trail,
    bot::{self, Bot, Talk},
    queue::{Out, Queue, Stay},
    record::{Message, Record, Voicemail},
    rings::{Ringing, Rings},
    trunk::{self, Patch, Trunk},
};
use crate::{call::Effect, queue::Left};

/// How much longer than its length a prompt may take before the flow goes on without its end.
const PROMPT_GRACE: Duration = Duration::from_secs(5);

/// A caller's place in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    step: usize,
    /// Whether the last look at opening hours found them closed.
    closed: bool,
    doing: Doing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Doing {
    Playing { until: Timestamp },
    Gathering { keys: String, tries_left: u8, prompting: bool, until: Timestamp },
    Ringing(Rings),
    Queuing(Stay),
    Talking(Talk),
    PutThrough(Patch),
    Leaving(Message),
    Echoing { until: Timestamp },
}

/// What a cursor walks with.
pub(crate) struct Visit<'a> {
    /// The flow.
    pub(crate) flow: &'a Flow,
    /// Who calls.
    pub(crate) caller: &'a Caller,
    /// Where the caller has been.
    pub(crate) trail: &'a mut Trail,
    /// When it is.
    pub(crate) now: Timestamp,
    /// What is to be done.
    pub(crate) effects: &'a mut Vec<Effect>,
}

/// What reaches a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The caller pressed a key.
    Key(Key),
    /// The prompt is at its end.
    PlaybackDone,
    /// These agents are ringing.
    Rung(Vec<AgentId>),
    /// This agent will not take the call.
    Unavailable(AgentId),
    /// The queue has a word for the call.
    Queue(FromQueue),
    /// The bot has a word for the call.
    Bot(FromBot),
    /// The trunk has a word for the call.
    Trunk(FromTrunk),
    /// A caller who leaves a message has said nothing for the step's time.
    Silence,
    /// Time passed.
    Tick,
}

/// Where the caller is after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// In the flow.
    Stays,
    /// The flow hangs up.
    HangsUp,
}

impl Cursor {
    /// Enters the flow at a step, and whether it hangs up at once.
    pub(crate) fn enter(step: usize, visit: &mut Visit<'_>) -> (Self, Progress) {
        let mut cursor = Self { step, closed: false, doing: Doing::Playing { until: visit.now } };
        let progress = cursor.go(step, visit);
        (cursor, progress)
    }

    /// Comes to a trunk step whose telephone rings until then, or talks already.
    pub(crate) fn on_trunk(step: usize, until: Option<Timestamp>, visit: &mut Visit<'_>) -> Self {
        visit.trail.enters(visit.flow.name_of(step));
        let doing = Doing::PutThrough(Patch::go_on(until, visit));
        Self { step, closed: false, doing }
    }

    /// The name of the step the caller is in.
    #[must_use]
    pub fn step_name<'f>(&self, flow: &'f Flow) -> &'f str {
        flow.name_of(self.step)
    }

    /// Whether the caller came outside the opening hours, as far as the flow looked.
    #[must_use]
    pub fn met_closed_hours(&self) -> bool {
        self.closed
    }

    /// Whether this agent is being rung by the flow.
    #[must_use]
    pub fn rings(&self, agent: &AgentId) -> bool {
        match &self.doing {
            Doing::Ringing(rings) => rings.rings(agent),
            Doing::Queuing(stay) => stay.rings(agent),
            Doing::Talking(talk) => talk.rings(agent),
            Doing::Playing { .. }
            | Doing::Gathering { .. }
            | Doing::PutThrough(_)
            | Doing::Leaving(_)
            | Doing::Echoing { .. } => false,
        }
    }

    /// Whether a bot has the caller.
    #[must_use]
    pub fn is_with_bot(&self) -> bool {
        self.doing == Doing::Talking(Talk::Talks)
    }

    /// Whether the caller is on a trunk: a telephone rings or talks.
    #[must_use]
    pub fn is_on_trunk(&self) -> bool {
        matches!(self.doing, Doing::PutThrough(_))
    }

    /// The telephone that has the caller gives the caller to another one; false where none has.
    pub(crate) fn refers(&mut self, extension: &str, visit: &mut Visit<'_>) -> bool {
        let step = visit.flow.steps.get(self.step).map(|named| &named.step);
        let (Doing::PutThrough(patch), Some(Step::Trunk(trunk))) = (&mut self.doing, step) else {
            return false;
        };
        patch.refers(extension, trunk, visit)
    }

    /// Whether a telephone has given the caller to another one, which rings.
    pub(crate) fn is_given_away(&self) -> bool {
        matches!(self.doing, Doing::PutThrough(Patch::Refers { .. }))
    }

    /// What the queue must hear when the call leaves the flow from it.
    pub(crate) fn leaves_queue(&self, left: Left) -> Option<Effect> {
        let waits = matches!(self.doing, Doing::Queuing(_));
        waits.then_some(Effect::Queue(ToQueue::Leave(left)))
    }

    /// Whether keys were pressed that are no answer yet.
    pub(super) fn has_keys(&self) -> bool {
        matches!(&self.doing, Doing::Gathering { keys, .. } if !keys.is_empty())
    }

    /// When the flow must look again, and why.
    #[must_use]
    pub fn next_timeout(&self) -> (Timestamp, &'static str) {
        match &self.doing {
            Doing::Playing { until } => (*until, "the prompt should have ended"),
            Doing::Gathering { until, prompting: true, .. } => {
                (*until, "the prompt of the question should have ended")
            }
            Doing::Gathering { until, prompting: false, .. } => (*until, "the caller's next key"),
            Doing::Ringing(rings) => rings.next_timeout(),
            Doing::Queuing(stay) => stay.next_timeout(),
            Doing::Talking(talk) => talk.next_timeout(),
            Doing::PutThrough(patch) => patch.next_timeout(),
            Doing::Leaving(message) => message.next_timeout(),
            Doing::Echoing { until } => (*until, "the end of the echo"),
        }
    }

    /// Takes what was heard; keys and ends nobody waits for change nothing.
    pub(crate) fn handle(&mut self, heard: &Heard, visit: &mut Visit<'_>) -> Progress {
        let flow = visit.flow;
        let Some(named) = flow.steps.get(self.step) else { return Progress::HangsUp };
        match &named.step {
            Step::Play { next, sound: _ } => match heard {
                Heard::PlaybackDone => self.go(*next, visit),
                Heard::Tick if self.is_due(visit.now) => self.go(*next, visit),
                // A caller who knows the menu presses during the prompt before it.
                Heard::Key(_) if flow.is_question(*next) => {
                    self.go(*next, visit);
                    self.handle(heard, visit)
                }
                Heard::Tick
                | Heard::Key(_)
                | Heard::Rung(_)
                | Heard::Unavailable(_)
                | Heard::Silence
                | Heard::Queue(_)
                | Heard::Bot(_)
                | Heard::Trunk(_) => Progress::Stays,
            },
            Step::Gather(gather) => self.gather(gather, heard, visit),
            Step::Ring(ringing) => self.ring(ringing, heard, visit),
            Step::Queue(queue) => self.queue(queue, heard, visit),
            Step::Bot(bot) => self.talk(bot, heard, visit),
            Step::Trunk(trunk) => self.put_through(trunk, heard, visit),
            Step::Record(record) => self.record(record, heard, visit),
            Step::Voicemail(voicemail) => self.voicemail(voicemail, heard, visit),
            Step::Echo { next, lasting: _ } => {
                if self.is_due(visit.now) {
                    return self.go(*next, visit);
                }
                Progress::Stays
            }
            Step::Hours { .. }
            | Step::Branch { .. }
            | Step::When { .. }
            | Step::Set { .. }
            | Step::Redirect { .. }
            | Step::HangUp => Progress::Stays,
        }
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.next_timeout().0 <= now
    }

    /// Goes to a step and over those that take no time.
    fn go(&mut self, to: usize, visit: &mut Visit<'_>) -> Progress {
        let flow = visit.flow;
        let mut to = to;
        loop {
            self.step = to;
            let Some(named) = flow.steps.get(to) else { return Progress::HangsUp };
            visit.trail.enters(&named.name);
            to = match &named.step {
                Step::Hours { hours, open, closed } => {
                    self.closed = !hours.open_at(visit.now);
                    if self.closed { *closed } else { *open }
                }
                Step::Branch { on, otherwise } => *on.get(visit.trail.keys()).unwrap_or(otherwise),
                Step::When { cases, otherwise } => cases
                    .iter()
                    .find(|case| case.holds(visit.caller, visit.trail))
                    .map_or(*otherwise, |case| case.next),
                Step::Set { values, next } => {
                    for (name, template) in values {
                        let value = template.filled(visit.caller, visit.trail);
                        visit.trail.set(name, &value);
                    }
                    *next
                }
                Step::Redirect { to } => *to,
                Step::Record(record) if record.announce.is_none() => {
                    visit.effects.push(record.word(visit));
                    record.next
                }
                Step::HangUp => return Progress::HangsUp,
                Step::Play { .. }
                | Step::Gather(_)
                | Step::Ring(_)
                | Step::Queue(_)
                | Step::Bot(_)
                | Step::Trunk(_)
                | Step::Record(_)
                | Step::Voicemail(_)
                | Step::Echo { .. } => {
                    self.begin(&named.step, visit);
                    return Progress::Stays;
                }
            };
        }
    }

    fn begin(&mut self, step: &Step, visit: &mut Visit<'_>) {
        match step {
            Step::Play { sound, next: _ } => {
                let lasting = play(sound, false, visit);
                self.doing = Doing::Playing { until: visit.now + lasting };
            }
            Step::Gather(gather) => self.ask(gather, gather.tries, visit),
            Step::Ring(ringing) => {
                match &ringing.playing {
                    Some(sound) => {
                        play(sound, true, visit);
                    }
                    None => visit.effects.push(Effect::PlayNothing),
                }
                visit.effects.push(Effect::Ring(ringing.whom.clone()));
                self.doing = Doing::Ringing(Rings::begin(ringing, visit.now));
            }
            Step::Queue(queue) => self.doing = Doing::Queuing(Stay::begin(queue, visit)),
            Step::Bot(bot) => self.doing = Doing::Talking(Talk::begin(bot, visit)),
            Step::Trunk(trunk) => self.doing = Doing::PutThrough(Patch::begin(trunk, visit)),
            Step::Record(record) => {
                let lasting = record.announce.as_ref().map(|sound| play(sound, false, visit));
                self.doing = Doing::Playing { until: visit.now + lasting.unwrap_or_default() };
            }
            Step::Voicemail(voicemail) => {
                self.doing = Doing::Leaving(Message::begin(voicemail, visit));
            }
            Step::Echo { lasting, next: _ } => {
                visit.effects.push(Effect::Echo);
                self.doing = Doing::Echoing { until: visit.now + *lasting };
            }
            Step::Hours { .. }
            | Step::Branch { .. }
            | Step::When { .. }
            | Step::Set { .. }
            | Step::Redirect { .. }
            | Step::HangUp => {}
        }
    }

    fn ask(&mut self, gather: &Gather, tries: u8, visit: &mut Visit<'_>) {
        let lasting = play(&gather.sound, false, visit);
        self.doing = Doing::Gathering {
            keys: String::new(),
            tries_left: tries.saturating_sub(1),
            prompting: true,
            until: visit.now + lasting,
        };
    }

    fn gather(&mut self, gather: &Gather, heard: &Heard, visit: &mut Visit<'_>) -> Progress {
        let (due, now) = (self.is_due(visit.now), visit.now);
        let Doing::Gathering { keys, tries_left, prompting, until } = &mut self.doing else {
            return Progress::Stays;
        };
        let full = match heard {
            Heard::Key(key) => {
                if std::mem::take(prompting) {
                    visit.effects.push(Effect::PlayNothing);
                }
                *until = now + gather.wait;
                let ends = gather.end == Some(*key);
                if !ends {
                    keys.push(key.sign());
                }
                ends || gather.is_full(keys)
            }
            Heard::PlaybackDone => {
                if std::mem::take(prompting) {
                    *until = now + gather.wait;
                }
                false
            }
            Heard::Tick if due && *prompting => {
                *prompting = false;
                *until = now + gather.wait;
                false
            }
            Heard::Tick if due && keys.is_empty() => {
                let tries = *tries_left;
                return self.ask_again(gather, tries, visit);
            }
            Heard::Tick => due,
            Heard::Rung(_)
            | Heard::Unavailable(_)
            | Heard::Queue(_)
            | Heard::Bot(_)
            | Heard::Trunk(_)
            | Heard::Silence => false,
        };
        if !full {
            return Progress::Stays;
        }
        let (keys, tries) = (std::mem::take(keys), *tries_left);
        let next = gather.answered(&keys);
        visit.trail.answers(keys, gather.private);
        match next {
            Some(next) => self.go(next, visit),
            None => self.ask_again(gather, tries, visit),
        }
    }

    fn ask_again(&mut self, gather: &Gather, tries: u8, visit: &mut Visit<'_>) -> Progress {
        if tries == 0 {
            return self.go(gather.silence, visit);
        }
        self.ask(gather, tries, visit);
        Progress::Stays
    }

    fn ring(&mut self, step: &Ringing, heard: &Heard, visit: &mut Visit<'_>) -> Progress {
        let Doing::Ringing(rings) = &mut self.doing else { return Progress::Stays };
        if !rings.are_over(step, heard, visit) {
            return Progress::Stays;
        }
        visit.effects.push(Effect::StopRinging { taken_by: None });
        self.go(step.no_answer, visit)
    }

    /// The announcement is heard; then the recording begins.
    fn record(&mut self, step: &Record, heard: &Heard, visit: &mut Visit<'_>) -> Progress {
        let due = *heard == Heard::Tick && self.is_due(visit.now);
        if !due && *heard != Heard::PlaybackDone {
            return Progress::Stays;
        }
        visit.effects.push(step.word(visit));
        self.go(step.next, visit)
    }

    fn voicemail(&mut self, step: &Voicemail, heard: &Heard, visit: &mut Visit<'_>) -> Progress {
        let Doing::Leaving(message) = &mut self.doing else { return Progress::Stays };
        if !message.is_left(step, heard, visit) {
            return Progress::Stays;
        }
        self.go(step.next, visit)
    }

    fn queue(&mut self, step: &Queue, heard: &Heard, visit: &mut Visit<'_>) -> Progress {
        let Doing::Queuing(stay) = &mut self.doing else { return Progress::Stays };
        match stay.handle(step, heard, visit) {
            Out::Stays => Progress::Stays,
            Out::To(next) => self.go(next, visit),
        }
    }

    fn put_through(&mut self, step: &Trunk, heard: &Heard, visit: &mut Visit<'_>) -> Progress {
        let Doing::PutThrough(patch) = &mut self.doing else { return Progress::Stays };
        match patch.handle(step, heard, visit) {
            trunk::Out::Stays => Progress::Stays,
            trunk::Out::To(next) => self.go(next, visit),
        }
    }

    fn talk(&mut self, step: &Bot, heard: &Heard, visit: &mut Visit<'_>) -> Progress {
        let Doing::Talking(talk) = &mut self.doing else { return Progress::Stays };
        match talk.handle(step, heard, visit) {
            bot::Out::Stays => Progress::Stays,
            bot::Out::To(next) => self.go(next, visit),
            bot::Out::HangsUp => Progress::HangsUp,
        }
    }
}

/// Plays or speaks; returns how long it may take until its end is reported.
pub(super) fn play(sound: &Sound, forever: bool, visit: &mut Visit<'_>) -> Duration {
    match sound {
        Sound::Prompt(prompt) => {
            visit.effects.push(Effect::Play { prompt: prompt.name.clone(), forever });
            prompt.lasting + PROMPT_GRACE
        }
        Sound::Speech(speech) => {
            let spoken = speech.spoken(visit.caller, visit.trail);
            let lasting = spoken.at_most();
            visit.effects.push(Effect::Say { spoken, forever });
            lasting
        }
    }
}
