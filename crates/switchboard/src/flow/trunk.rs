//! What becomes of a caller who is put through to a telephone of the house?
//!
//! The telephone rings while the caller hears music, or what the trunk lets be heard before the answer
//! (RFC 3960); once it answers the two hear each other. A
//! telephone that holds the call lets the caller hear music again. When it hangs up, or when nobody
//! was there, the flow goes on. Keys of the caller are the telephone's: they cross by themselves.
//!
//! A telephone may give the caller to another one of its trunk. That one rings, and has the caller in
//! its place once it answers; when it does not, the first has the caller again, if it is still there.

use std::{collections::BTreeMap, time::Duration};

use terms::Timestamp;

use super::{Heard, Sound, Template, Visit, cursor::play};
use crate::call::Effect;

/// How much longer than it may ring a call waits for the trunk's word, should none come: other
/// targets of the trunk may have been tried before.
const WORD_GRACE: Duration = Duration::from_secs(60);

/// The variable that says what came of the last trunk.
pub(super) const RESULT: &str = "trunk";

/// A step that puts the call through. Steps are referred to by their place in the flow.
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) trunk: String,
    pub(crate) extension: Template,
    pub(crate) context: Vec<(String, Template)>,
    pub(crate) ring_for: Duration,
    /// Heard while it rings, and on hold.
    pub(crate) music: Sound,
    /// Where the call goes when the telephone hung up.
    pub(crate) next: usize,
    /// Where it goes when it was not answered.
    pub(crate) otherwise: usize,
}

/// What a call wants of a trunk. It is over when the call is no longer on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToTrunk {
    /// Ring a telephone.
    Ring {
        /// The trunk's name.
        trunk: String,
        /// Whom to ring there.
        extension: String,
        /// How long.
        ring_for: Duration,
        /// What it is told about the call.
        context: BTreeMap<String, String>,
    },
    /// The caller and the telephone hear each other from now on.
    PutThrough,
    /// The telephone placed the call: the user's phone rings.
    UserRings,
    /// The telephone placed the call: the user has picked up.
    Answer,
    /// Ring another one in place of the telephone, which stays beside until it is known what comes of it.
    Refer {
        /// Whom to ring, on the same trunk.
        extension: String,
        /// How long.
        ring_for: Duration,
        /// What it is told about the call.
        context: BTreeMap<String, String>,
    },
    /// The telephone that stayed beside has the caller again, for the other one was not to be had.
    TakeBack(NotTaken),
    /// The other one has answered: the telephone that stayed beside may go.
    LetGo,
}

/// What a trunk tells its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromTrunk {
    /// The telephone rings.
    Rings,
    /// It lets be heard what there is before it answers.
    Early,
    /// Somebody answered.
    Answers,
    /// The telephone lets the caller wait.
    Holds,
    /// It is back.
    Resumes,
    /// Nobody is to be had.
    NotTaken(NotTaken),
    /// It hung up.
    HangsUp,
    /// It is not heard of any more.
    Lost,
    /// The one that gave the caller away and stays beside has a word.
    Referrer(FromReferrer),
    /// Another telephone has taken its place, and talks.
    Replaced,
}

/// What a telephone that gave the caller away says while the other one rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromReferrer {
    /// It would let the caller wait, were the caller its.
    Holds,
    /// It would not any more.
    Resumes,
    /// It hung up, or is not heard of any more.
    Leaves,
}

/// Why a telephone was not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// It is busy.
    Busy,
    /// Nobody answered in time.
    NoAnswer,
    /// It does not want the call, or there is no such extension.
    Refused,
    /// The trunk cannot be reached, or there is no seat for the call.
    Unavailable,
}

/// Where a call on a trunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patch {
    Rings {
        until: Timestamp,
    },
    Talks,
    Waits,
    /// The telephone gave the caller to another one, which rings.
    Refers {
        until: Timestamp,
        referrer: Referrer,
    },
}

/// The telephone that gave the caller away, as it would have the caller again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Referrer {
    Talks,
    Waits,
    Gone,
}

/// Where a caller goes who is no longer on the trunk.
pub(super) enum Out {
    To(usize),
    Stays,
}

impl NotTaken {
    /// The word for records and for the variable `trunk`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::NoAnswer => "no_answer",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Trunk {
    /// What the telephone is told about the call.
    fn context(&self, visit: &Visit<'_>) -> BTreeMap<String, String> {
        let fill = |(name, template): &(String, Template)| {
            (name.clone(), template.filled(visit.caller, visit.trail))
        };
        self.context.iter().map(fill).collect()
    }
}

impl Patch {
    pub(super) fn begin(step: &Trunk, visit: &mut Visit<'_>) -> Self {
        let context = step.context(visit);
        let extension = step.extension.filled(visit.caller, visit.trail);
        play(&step.music, true, visit);
        visit.effects.push(Effect::Trunk(ToTrunk::Ring {
            trunk: step.trunk.clone(),
            extension,
            ring_for: step.ring_for,
            context,
        }));
        Self::Rings { until: visit.now + step.ring_for + WORD_GRACE }
    }

    /// A telephone that an agent asked has the caller from here: it talks, or still rings until then.
    pub(super) fn go_on(until: Option<Timestamp>, visit: &mut Visit<'_>) -> Self {
        match until {
            Some(until) => Self::Rings { until },
            None => {
                visit.effects.push(Effect::Trunk(ToTrunk::PutThrough));
                Self::Talks
            }
        }
    }

    pub(super) fn next_timeout(self) -> (Timestamp, &'static str) {
        match self {
            Self::Rings { until } | Self::Refers { until, referrer: _ } => {
                (until, "a word of the trunk")
            }
            Self::Talks | Self::Waits => {
                (Timestamp::from_unix_ms(i64::MAX), "the telephone to hang up")
            }
        }
    }

    /// The telephone gives the caller to another one; false where it has nobody to give.
    pub(super) fn refers(&mut self, extension: &str, step: &Trunk, visit: &mut Visit<'_>) -> bool {
        let referrer = match self {
            Self::Talks => Referrer::Talks,
            Self::Waits => Referrer::Waits,
            Self::Rings { .. } | Self::Refers { .. } => return false,
        };
        play(&step.music, true, visit);
        let (extension, ring_for) = (extension.to_owned(), step.ring_for);
        let refer = ToTrunk::Refer { extension, ring_for, context: step.context(visit) };
        visit.effects.extend([Effect::Trunk(refer), Effect::Tell]);
        *self = Self::Refers { until: visit.now + step.ring_for + WORD_GRACE, referrer };
        true
    }

    /// Takes what was heard.
    pub(super) fn handle(&mut self, step: &Trunk, heard: &Heard, visit: &mut Visit<'_>) -> Out {
        match heard {
            Heard::Trunk(word) => self.word(step, *word, visit),
            Heard::Tick if self.next_timeout().0 <= visit.now => {
                self.not_taken(step, NotTaken::NoAnswer, visit)
            }
            Heard::Tick
            | Heard::Key(_)
            | Heard::PlaybackDone
            | Heard::Rung(_)
            | Heard::Unavailable(_)
            | Heard::Queue(_)
            | Heard::Bot(_)
            | Heard::Silence => Out::Stays,
        }
    }

    fn word(&mut self, step: &Trunk, word: FromTrunk, visit: &mut Visit<'_>) -> Out {
        match (word, *self) {
            (FromTrunk::Answers, Self::Rings { .. })
            | (FromTrunk::Resumes, Self::Waits)
            | (FromTrunk::Replaced, Self::Rings { .. } | Self::Talks | Self::Waits) => {
                *self = Self::Talks;
                visit.effects.extend([Effect::Trunk(ToTrunk::PutThrough), Effect::Tell]);
            }
            (FromTrunk::Answers | FromTrunk::Replaced, Self::Refers { .. }) => {
                *self = Self::Talks;
                let put_through = Effect::Trunk(ToTrunk::PutThrough);
                visit.effects.extend([put_through, Effect::Trunk(ToTrunk::LetGo), Effect::Tell]);
            }
            (FromTrunk::Referrer(word), Self::Refers { until, referrer }) => {
                *self = Self::Refers { until, referrer: referrer.after(word) };
            }
            (FromTrunk::Holds, Self::Talks) => {
                *self = Self::Waits;
                play(&step.music, true, visit);
                visit.effects.push(Effect::Tell);
            }
            (FromTrunk::Rings, Self::Rings { .. } | Self::Refers { .. }) => {
                visit.effects.push(Effect::Tell);
            }
            (FromTrunk::Early, Self::Rings { .. } | Self::Refers { .. }) => {
                visit.effects.push(Effect::Trunk(ToTrunk::PutThrough));
            }
            (FromTrunk::NotTaken(why), Self::Rings { .. } | Self::Refers { .. }) => {
                return self.not_taken(step, why, visit);
            }
            (FromTrunk::HangsUp | FromTrunk::Lost, Self::Rings { .. } | Self::Refers { .. }) => {
                return self.not_taken(step, NotTaken::Unavailable, visit);
            }
            (FromTrunk::HangsUp, Self::Talks | Self::Waits) => {
                visit.trail.set(RESULT, "answered");
                return Out::To(step.next);
            }
            (FromTrunk::Lost, Self::Talks | Self::Waits) => {
                visit.trail.set(RESULT, "lost");
                return Out::To(step.otherwise);
            }
            (
                FromTrunk::Rings
                | FromTrunk::Early
                | FromTrunk::Answers
                | FromTrunk::Holds
                | FromTrunk::Resumes
                | FromTrunk::NotTaken(_)
                | FromTrunk::Referrer(_),
                _,
            ) => {}
        }
        Out::Stays
    }

    /// Who rings is not to be had: whoever gave the caller there has the caller again, else the flow.
    fn not_taken(&mut self, step: &Trunk, why: NotTaken, visit: &mut Visit<'_>) -> Out {
        let back = match self {
            Self::Refers { referrer, until: _ } => *referrer,
            Self::Rings { .. } | Self::Talks | Self::Waits => Referrer::Gone,
        };
        match back {
            Referrer::Talks => {
                *self = Self::Talks;
                let back = Effect::Trunk(ToTrunk::TakeBack(why));
                let put_through = Effect::Trunk(ToTrunk::PutThrough);
                visit.effects.extend([back, put_through, Effect::Tell]);
            }
            Referrer::Waits => {
                *self = Self::Waits;
                visit.effects.push(Effect::Trunk(ToTrunk::TakeBack(why)));
                play(&step.music, true, visit);
                visit.effects.push(Effect::Tell);
            }
            Referrer::Gone => {
                visit.trail.set(RESULT, why.as_str());
                return Out::To(step.otherwise);
            }
        }
        Out::Stays
    }
}

impl Referrer {
    fn after(self, word: FromReferrer) -> Self {
        match (self, word) {
            (Self::Gone, _) | (_, FromReferrer::Leaves) => Self::Gone,
            (_, FromReferrer::Holds) => Self::Waits,
            (_, FromReferrer::Resumes) => Self::Talks,
        }
    }
}
