//! Who can take a call now?
//!
//! An agent is offline until a console opens, then away or available as the agent says; or until a
//! telephone registers, which stands there to be rung unless the agent said to be away. An agent is busy
//! while a call holds the agent. After a call in which the agent talked there is a while for
//! wrap-up, which the agent may end early. Ringing does not hold anybody: two calls may ring one
//! agent, and the first [`Roster::claim`] wins.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use terms::{AgentId, CallId, PhoneNumberId, Timestamp};

use crate::flow::Ring;

/// What others see of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// No console is open, and no telephone is registered.
    Offline,
    /// There, but does not take calls.
    Away,
    /// Can be rung.
    Available,
    /// In a call.
    Busy,
    /// Writes down what the last call was about; not to be rung.
    WrapUp,
}

impl Presence {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::Away => "away",
            Self::Available => "available",
            Self::Busy => "busy",
            Self::WrapUp => "wrap_up",
        }
    }
}

/// What an agent knows about, or what a call needs an agent to know about: `billing`, `pt`.
pub type Skills = BTreeSet<String>;

/// What an agent says about taking calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Calls may ring; a wrap-up is done.
    Available,
    /// They may not.
    Away,
    /// They may not until the agent says that the wrap-up is done.
    WrapUp,
}

/// A call in which an agent talked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Talk {
    /// The line it was on.
    pub line: PhoneNumberId,
    /// The call.
    pub call_id: CallId,
}

/// A wrap-up that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedUp {
    /// What it was about.
    pub talk: Talk,
    /// How long it took.
    pub took: Duration,
}

/// All agents of the business and their presence.
#[derive(Debug, Default)]
pub struct Roster {
    desks: BTreeMap<AgentId, Desk>,
    wrap_up: Duration,
    /// Those that are over, until somebody takes them.
    wrapped_up: Vec<WrappedUp>,
}

#[derive(Debug, Default)]
struct Desk {
    skills: Skills,
    consoles: usize,
    /// Whether a telephone is registered.
    telephone: bool,
    /// Whether the agent's last word was to be away.
    said_away: bool,
    available: bool,
    busy: bool,
    wrap_up: WrapUp,
    /// The call it is after, and since when.
    after: Option<(Talk, Timestamp)>,
    /// When the presence last changed.
    since: Option<Timestamp>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum WrapUp {
    #[default]
    No,
    Until(Timestamp),
    UntilSaid,
}

impl Desk {
    fn is_there(&self) -> bool {
        self.consoles > 0 || self.telephone
    }

    fn presence(&self, now: Timestamp) -> Presence {
        let wraps_up = match self.wrap_up {
            WrapUp::No => false,
            WrapUp::Until(until) => until > now,
            WrapUp::UntilSaid => true,
        };
        if self.busy {
            Presence::Busy
        } else if !self.is_there() {
            Presence::Offline
        } else if wraps_up {
            Presence::WrapUp
        } else if self.available {
            Presence::Available
        } else {
            Presence::Away
        }
    }

    /// Changes the desk and notes since when the presence is what it is; the wrap-up that is over with it.
    fn change(&mut self, now: Timestamp, change: impl FnOnce(&mut Self)) -> Option<WrappedUp> {
        let settled = self.settle(now);
        let before = self.presence(now);
        change(self);
        if self.presence(now) != before {
            self.since = Some(now);
        }
        settled.or_else(|| self.wrapped_up(now))
    }

    /// The wrap-up that ended at this time, if one did.
    fn wrapped_up(&mut self, at: Timestamp) -> Option<WrappedUp> {
        let (talk, since) = self.after.take_if(|_| self.wrap_up == WrapUp::No)?;
        Some(WrappedUp { talk, took: at.since(since) })
    }

    /// A wrap-up whose time is over ended then, not when somebody looks.
    fn settle(&mut self, now: Timestamp) -> Option<WrappedUp> {
        let WrapUp::Until(until) = self.wrap_up else { return None };
        if until > now {
            return None;
        }
        let showed = !self.busy && self.is_there();
        self.wrap_up = WrapUp::No;
        if showed {
            self.since = Some(until);
        }
        self.wrapped_up(until)
    }
}

impl Roster {
    /// A roster of these agents with their skills, all offline; who talked gets so long for wrap-up.
    pub fn new(agents: impl IntoIterator<Item = (AgentId, Skills)>, wrap_up: Duration) -> Self {
        let desk = |skills| Desk { skills, ..Desk::default() };
        let desks = agents.into_iter().map(|(id, skills)| (id, desk(skills))).collect();
        Self { desks, wrap_up, wrapped_up: Vec::new() }
    }

    /// Somebody knows about this from now on; who is new is offline, who is known stays as they are.
    pub fn know(&mut self, agent: AgentId, skills: Skills) {
        self.desks.entry(agent).or_default().skills = skills;
    }

    /// A console of this agent opened. Unknown agents are ignored here and below.
    pub fn console_opened(&mut self, agent: &AgentId, now: Timestamp) {
        self.change(agent, now, |desk| desk.consoles += 1);
    }

    /// A console of this agent closed; with the last one the agent stops being available, unless a telephone
    /// is there.
    pub fn console_closed(&mut self, agent: &AgentId, now: Timestamp) {
        self.change(agent, now, |desk| {
            desk.consoles = desk.consoles.saturating_sub(1);
            desk.available &= desk.is_there();
        });
    }

    /// A telephone of this agent is registered, or none is any more. With nothing else there the first one
    /// makes the agent available, and the last one takes that back.
    pub fn telephone(&mut self, agent: &AgentId, registered: bool, now: Timestamp) {
        self.change(agent, now, |desk| {
            let came = registered && !desk.is_there();
            desk.telephone = registered;
            desk.available = desk.is_there() && (desk.available || came && !desk.said_away);
        });
    }

    /// The agent says whether calls may ring.
    pub fn says(&mut self, agent: &AgentId, says: Says, now: Timestamp) {
        self.change(agent, now, |desk| match says {
            Says::Available => {
                (desk.available, desk.said_away, desk.wrap_up) = (true, false, WrapUp::No);
            }
            Says::Away => {
                (desk.available, desk.said_away, desk.wrap_up) = (false, true, WrapUp::No);
            }
            Says::WrapUp => desk.wrap_up = WrapUp::UntilSaid,
        });
    }

    /// Takes the agent for a call; `false` when unknown or taken already.
    #[must_use]
    pub fn claim(&mut self, agent: &AgentId, now: Timestamp) -> bool {
        let mut claimed = false;
        self.change(agent, now, |desk| {
            claimed = !std::mem::replace(&mut desk.busy, true);
            if claimed {
                desk.wrap_up = WrapUp::No;
            }
        });
        claimed
    }

    /// The call that held this agent is over, and nobody talked in it.
    pub fn release(&mut self, agent: &AgentId, now: Timestamp) {
        self.change(agent, now, |desk| desk.busy = false);
    }

    /// The call in which this agent talked is over for the agent.
    pub fn release_to_wrap_up(&mut self, agent: &AgentId, talk: Talk, now: Timestamp) {
        let wrap_up = self.wrap_up;
        self.change(agent, now, |desk| {
            desk.busy = false;
            if !wrap_up.is_zero() {
                desk.wrap_up = WrapUp::Until(now + wrap_up);
                desk.after = Some((talk, now));
            }
        });
    }

    /// Wrap-ups that have ended, each told once.
    pub fn take_wrapped_up(&mut self, now: Timestamp) -> Vec<WrappedUp> {
        self.wrapped_up.extend(self.desks.values_mut().filter_map(|desk| desk.settle(now)));
        std::mem::take(&mut self.wrapped_up)
    }

    /// Whom a ring reaches now.
    #[must_use]
    pub fn reached_by(&self, ring: &Ring, now: Timestamp) -> Vec<AgentId> {
        let free = |id: &&AgentId| self.presence(id, now) == Presence::Available;
        match ring {
            Ring::Everyone => self.desks.keys().filter(free).cloned().collect(),
            Ring::Only(agents) => agents.iter().filter(free).cloned().collect(),
            Ring::Back(agent) => {
                let there =
                    matches!(self.presence(agent, now), Presence::Available | Presence::WrapUp);
                there.then(|| agent.clone()).into_iter().collect()
            }
            Ring::Skilled(skills) => self
                .desks
                .keys()
                .filter(free)
                .filter(|id| self.knows(id, skills))
                .cloned()
                .collect(),
            Ring::LongestIdle { skills, passed } => self
                .desks
                .keys()
                .filter(free)
                .filter(|id| self.knows(id, skills) && !passed.contains(id))
                .min_by_key(|id| self.idle_since(id, now))
                .into_iter()
                .cloned()
                .collect(),
        }
    }

    /// The presence of one agent; an unknown one is offline.
    #[must_use]
    pub fn presence(&self, agent: &AgentId, now: Timestamp) -> Presence {
        self.desks.get(agent).map_or(Presence::Offline, |desk| desk.presence(now))
    }

    /// Since when the agent's presence is what it is; `None` when it never changed.
    #[must_use]
    pub fn since(&self, agent: &AgentId, now: Timestamp) -> Option<Timestamp> {
        let desk = self.desks.get(agent)?;
        match desk.wrap_up {
            WrapUp::Until(until) if until <= now && !desk.busy && desk.is_there() => Some(until),
            WrapUp::Until(_) | WrapUp::UntilSaid | WrapUp::No => desk.since,
        }
    }

    /// Since when an available agent waits for a call.
    #[must_use]
    pub fn idle_since(&self, agent: &AgentId, now: Timestamp) -> Option<Timestamp> {
        let available = self.presence(agent, now) == Presence::Available;
        available.then(|| self.since(agent, now)).flatten()
    }

    /// When the agent's wrap-up ends by itself.
    #[must_use]
    pub fn wrap_up_until(&self, agent: &AgentId, now: Timestamp) -> Option<Timestamp> {
        let desk = self.desks.get(agent)?;
        match desk.wrap_up {
            WrapUp::Until(until) if desk.presence(now) == Presence::WrapUp => Some(until),
            WrapUp::Until(_) | WrapUp::UntilSaid | WrapUp::No => None,
        }
    }

    /// When the next wrap-up ends by itself.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.desks.keys().filter_map(|id| self.wrap_up_until(id, now)).min()
    }

    /// Whether a telephone of this agent is registered.
    #[must_use]
    pub fn has_telephone(&self, agent: &AgentId) -> bool {
        self.desks.get(agent).is_some_and(|desk| desk.telephone)
    }

    /// What this agent knows about.
    #[must_use]
    pub fn skills(&self, agent: &AgentId) -> Option<&Skills> {
        self.desks.get(agent).map(|desk| &desk.skills)
    }

    fn knows(&self, agent: &AgentId, skills: &Skills) -> bool {
        self.skills(agent).is_some_and(|known| skills.is_subset(known))
    }

    fn change(&mut self, agent: &AgentId, now: Timestamp, change: impl FnOnce(&mut Desk)) {
        if let Some(desk) = self.desks.get_mut(agent) {
            self.wrapped_up.extend(desk.change(now, change));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> AgentId {
        text.parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_783_000_000 + seconds)
    }

    fn talk(number: &str) -> Talk {
        Talk { line: "1".parse().unwrap(), call_id: format!("wacid.{number}").parse().unwrap() }
    }

    fn skills(words: &[&str]) -> Skills {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    /// Lia knows billing and Portuguese, Rui billing alone; both take calls, Rui first.
    fn roster(wrap_up_s: u64) -> Roster {
        let agents = [(id("lia"), skills(&["billing", "pt"])), (id("rui"), skills(&["billing"]))];
        let mut roster = Roster::new(agents, Duration::from_secs(wrap_up_s));
        for (second, agent) in [(0, "rui"), (1, "lia")] {
            roster.console_opened(&id(agent), at(second));
            roster.says(&id(agent), Says::Available, at(second));
        }
        roster
    }

    #[test]
    fn only_available_agents_ring_and_the_first_claim_wins() {
        let mut roster = roster(0);
        let now = at(2);
        assert_eq!(roster.reached_by(&Ring::Everyone, now), [id("lia"), id("rui")]);
        assert!(roster.claim(&id("lia"), now));
        assert!(!roster.claim(&id("lia"), now));
        assert_eq!(roster.reached_by(&Ring::Only(vec![id("lia")]), now), []);
        roster.release(&id("lia"), now);
        roster.console_closed(&id("lia"), now);
        assert_eq!(roster.presence(&id("lia"), now), Presence::Offline);
        roster.console_opened(&id("lia"), now);
        assert_eq!(roster.presence(&id("lia"), now), Presence::Away, "a new console starts away");
    }

    #[test]
    fn a_telephone_is_there_to_be_rung_unless_its_agent_said_to_be_away() {
        let lia = id("lia");
        let mut roster = Roster::new([(lia.clone(), Skills::new())], Duration::from_secs(60));
        let mut stands = |what: &str, change: &dyn Fn(&mut Roster), presence| {
            change(&mut roster);
            assert_eq!(roster.presence(&lia, at(0)), presence, "{what}");
        };
        let comes = |roster: &mut Roster| roster.telephone(&id("lia"), true, at(0));
        let goes = |roster: &mut Roster| roster.telephone(&id("lia"), false, at(0));
        let opens = |roster: &mut Roster| roster.console_opened(&id("lia"), at(0));
        let closes = |roster: &mut Roster| roster.console_closed(&id("lia"), at(0));
        let says = |says| move |roster: &mut Roster| roster.says(&id("lia"), says, at(0));
        stands("a telephone", &comes, Presence::Available);
        stands("says it again", &comes, Presence::Available);
        stands("and a console", &opens, Presence::Available);
        stands("one of the two", &closes, Presence::Available);
        stands("nothing", &goes, Presence::Offline);
        stands("a console alone", &opens, Presence::Away);
        stands("a telephone beside it changes nothing", &comes, Presence::Away);
        stands("who says so is there", &says(Says::Available), Presence::Available);
        stands("the telephone goes", &goes, Presence::Available);
        stands("and comes", &comes, Presence::Available);
        stands("away at both", &says(Says::Away), Presence::Away);
        stands("the console closes", &closes, Presence::Away);
        stands("the telephone goes, too", &goes, Presence::Offline);
        stands("it is back, and its agent said to be away", &comes, Presence::Away);
        stands("until another word", &says(Says::Available), Presence::Available);
    }

    #[test]
    fn an_agent_with_a_telephone_alone_has_a_wrap_up() {
        let lia = id("lia");
        let mut roster = Roster::new([(lia.clone(), Skills::new())], Duration::from_secs(60));
        roster.telephone(&lia, true, at(0));
        assert!(roster.claim(&lia, at(1)));
        roster.release_to_wrap_up(&lia, talk("1"), at(10));
        assert_eq!(roster.presence(&lia, at(11)), Presence::WrapUp);
        assert_eq!(roster.presence(&lia, at(70)), Presence::Available);
        assert_eq!(roster.since(&lia, at(70)), Some(at(70)));
        assert!(roster.has_telephone(&lia) && !roster.has_telephone(&id("rui")));
    }

    #[test]
    fn a_call_comes_back_to_who_gave_it_away_in_the_wrap_up_too() {
        let mut roster = roster(60);
        let (lia, now) = (id("lia"), at(0));
        roster.console_opened(&lia, now);
        roster.says(&lia, Says::Available, now);
        assert!(roster.claim(&lia, now));
        assert_eq!(roster.reached_by(&Ring::Back(lia.clone()), now), [], "in a call");
        roster.release_to_wrap_up(&lia, talk("1"), now);
        assert_eq!(roster.reached_by(&Ring::Only(vec![lia.clone()]), now), []);
        assert_eq!(roster.reached_by(&Ring::Back(lia.clone()), now), [id("lia")]);
        assert!(roster.claim(&lia, now));
    }

    #[test]
    fn the_longest_idle_who_knows_the_subject_rings_first() {
        let mut roster = roster(0);
        let ring = |words: &[&str], passed: &[&str]| Ring::LongestIdle {
            skills: skills(words),
            passed: passed.iter().map(|agent| id(agent)).collect(),
        };
        assert_eq!(roster.reached_by(&ring(&["billing"], &[]), at(5)), [id("rui")]);
        assert_eq!(roster.reached_by(&ring(&["billing"], &["rui"]), at(5)), [id("lia")]);
        assert_eq!(roster.reached_by(&ring(&["billing", "pt"], &[]), at(5)), [id("lia")]);
        assert_eq!(roster.reached_by(&ring(&["tax"], &[]), at(5)), []);
        assert_eq!(roster.reached_by(&Ring::Skilled(skills(&["pt"])), at(5)), [id("lia")]);
        assert!(roster.claim(&id("rui"), at(6)));
        roster.release(&id("rui"), at(7));
        assert_eq!(roster.reached_by(&ring(&["billing"], &[]), at(8)), [id("lia")], "rui is back");
    }

    #[test]
    fn how_long_a_wrap_up_took_is_told_once_and_by_whatever_ended_it() {
        let mut roster = roster(30);
        let (lia, rui) = (id("lia"), id("rui"));
        let took =
            |number, seconds| WrappedUp { talk: talk(number), took: Duration::from_secs(seconds) };
        for (agent, number) in [(&lia, "1"), (&rui, "2")] {
            assert!(roster.claim(agent, at(10)));
            roster.release_to_wrap_up(agent, talk(number), at(20));
        }
        assert_eq!(roster.take_wrapped_up(at(49)), [], "both are at it");
        assert!(roster.claim(&rui, at(49)), "another call");
        assert_eq!(roster.take_wrapped_up(at(60)), [took("2", 29), took("1", 30)]);
        assert_eq!(roster.take_wrapped_up(at(60)), [], "once");
        roster.release_to_wrap_up(&rui, talk("3"), at(70));
        roster.says(&rui, Says::WrapUp, at(80));
        assert_eq!(roster.take_wrapped_up(at(200)), [], "until the agent says so");
        roster.says(&rui, Says::Away, at(200));
        assert_eq!(roster.take_wrapped_up(at(201)), [took("3", 130)]);
        roster.says(&rui, Says::WrapUp, at(210));
        roster.says(&rui, Says::Available, at(220));
        assert_eq!(roster.take_wrapped_up(at(220)), [], "after no call");
    }

    #[test]
    fn wrap_up_follows_a_talk_and_ends_by_time_or_word() {
        let mut roster = roster(30);
        let lia = id("lia");
        assert!(roster.claim(&lia, at(10)));
        roster.release(&lia, at(11));
        assert_eq!(roster.presence(&lia, at(11)), Presence::Available, "nobody talked");
        assert!(roster.claim(&lia, at(20)));
        roster.release_to_wrap_up(&lia, talk("1"), at(40));
        assert_eq!(roster.presence(&lia, at(69)), Presence::WrapUp);
        assert_eq!(roster.next_change(at(69)), Some(at(70)));
        assert_eq!(roster.presence(&lia, at(70)), Presence::Available);
        assert_eq!(roster.idle_since(&lia, at(99)), Some(at(70)), "since it ended, not was seen");
        roster.console_opened(&lia, at(99));
        assert_eq!(roster.idle_since(&lia, at(99)), Some(at(70)));

        assert!(roster.claim(&lia, at(100)));
        roster.release_to_wrap_up(&lia, talk("2"), at(110));
        roster.says(&lia, Says::Available, at(115));
        assert_eq!(roster.idle_since(&lia, at(116)), Some(at(115)), "done early");
        roster.says(&lia, Says::WrapUp, at(120));
        assert_eq!(roster.presence(&lia, at(9_999)), Presence::WrapUp, "until the agent says so");
        assert_eq!(roster.wrap_up_until(&lia, at(121)), None);
        roster.says(&lia, Says::Away, at(10_000));
        assert_eq!(roster.presence(&lia, at(10_000)), Presence::Away);
    }
}
