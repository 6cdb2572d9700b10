//! What does each step do, in words?

use std::fmt;

use super::{Flow, Place, Ring, Skills, Sound, Step, Then, record::Turn, step::Way};

/// A step for whoever looks at a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepOutline {
    /// Its name; `document/name` when it is in another document.
    pub name: String,
    /// Where it stands in its document.
    pub place: Place,
    /// The key that names what it does.
    pub action: &'static str,
    /// What it does.
    pub text: String,
    /// The ways on.
    pub next: Vec<WayOutline>,
}

/// A way from one step to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayOutline {
    /// What leads there: keys, a condition or a word such as `silence`; empty for the only way.
    pub on: String,
    /// The step's name.
    pub step: String,
}

impl Flow {
    /// The name of the first step.
    #[must_use]
    pub fn start_name(&self) -> &str {
        self.name_of(self.start)
    }

    /// The steps in words.
    #[must_use]
    pub fn outline(&self) -> Vec<StepOutline> {
        let way = |(on, to): Way| WayOutline { on, step: self.name_of(to).to_owned() };
        self.steps
            .iter()
            .map(|named| StepOutline {
                name: named.name.clone(),
                place: named.place.clone(),
                action: named.step.action(),
                text: named.step.to_string(),
                next: named.step.nexts().into_iter().map(way).collect(),
            })
            .collect()
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hours { .. } => f.write_str("looks whether it is open"),
            Self::Play { sound, next: _ } => write!(f, "{sound}"),
            Self::Gather(gather) => match gather.then {
                Then::Go(_) => write!(f, "{} and waits for keys", gather.sound),
                Then::Choose { .. } => write!(f, "{} and waits for a choice", gather.sound),
            },
            Self::Branch { .. } => f.write_str("looks at the keys"),
            Self::When { .. } => f.write_str("looks at who calls"),
            Self::Set { values, next: _ } => {
                let each = |(name, template): &(String, super::Template)| {
                    format!("{name} = \"{}\"", template.source())
                };
                let values: Vec<String> = values.iter().map(each).collect();
                write!(f, "sets {}", values.join(", "))
            }
            Self::Redirect { .. } => f.write_str("goes on in another document"),
            Self::Ring(ringing) => write!(f, "rings {} for {:?}", ringing.whom, ringing.lasting),
            Self::Queue(queue) => write!(f, "waits in the queue `{}`", queue.entry.queue),
            Self::Bot(bot) => write!(f, "lets the bot `{}` talk", bot.bot),
            Self::Trunk(trunk) => {
                let extension = trunk.extension.source();
                write!(
                    f,
                    "rings {extension} on the trunk `{}` for {:?}",
                    trunk.trunk, trunk.ring_for
                )
            }
            Self::Record(record) => match (record.turn, &record.announce) {
                (Turn::On, Some(sound)) => write!(f, "{sound} and records from here"),
                (Turn::On, None) => f.write_str("records from here"),
                (Turn::Pause, _) => f.write_str("pauses the recording"),
                (Turn::Off, _) => f.write_str("records no more"),
            },
            Self::Voicemail(voicemail) => {
                write!(f, "{} and takes a message", voicemail.sound)
            }
            Self::Echo { lasting, next: _ } => {
                write!(f, "lets the caller hear the caller for {lasting:?}")
            }
            Self::HangUp => f.write_str("hangs up"),
        }
    }
}

impl fmt::Display for Sound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prompt(prompt) => write!(f, "plays `{}`", prompt.name),
            Self::Speech(speech) => write!(f, "says \"{}\"", speech.text.source()),
        }
    }
}

impl fmt::Display for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Only(agents) => {
                let agents: Vec<&str> = agents.iter().map(terms::AgentId::as_str).collect();
                f.write_str(&agents.join(", "))
            }
            Self::Back(agent) => write!(f, "{} again", agent.as_str()),
            Self::Skilled(skills) => write!(f, "everyone who knows {}", list(skills)),
            Self::LongestIdle { skills, passed: _ } if skills.is_empty() => {
                f.write_str("who has been idle longest")
            }
            Self::LongestIdle { skills, passed: _ } => {
                write!(f, "who knows {} and has been idle longest", list(skills))
            }
        }
    }
}

fn list(skills: &Skills) -> String {
    let skills: Vec<&str> = skills.iter().map(String::as_str).collect();
    skills.join(", ")
}
