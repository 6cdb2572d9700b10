//! What shall be loaded, how much, for how long, and what must come out?

use std::time::Duration;

/// One run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Calls at the same time.
    pub calls: u32,
    /// Calls dialled a second until all are up.
    pub ramp: f64,
    /// How long all of them are held.
    pub hold: Duration,
    /// Calls a second that end while all are held, each replaced by a new one.
    pub churn: f64,
    /// What kinds of calls.
    pub mix: Mix,
    /// Who calls in calls of persons.
    pub direction: Direction,
    /// Every how many calls one is decoded and its tone checked; 0 decodes none.
    pub decode_every: u32,
    /// Calls by which the load grows until quality breaks; absent: all at once.
    pub step: Option<u32>,
    /// What must come out.
    pub targets: Targets,
}

/// How many of each kind, relative to each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mix {
    /// A user and an agent talk.
    pub person: u32,
    /// A user talks with a flow that echoes.
    pub flow: u32,
    /// A user talks with a bot behind a WebSocket.
    pub bot: u32,
}

/// Who starts the calls of persons; flows and bots are always called by a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The user.
    User,
    /// The business.
    Business,
    /// In turns.
    Both,
}

/// What a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A user calls and an agent answers.
    PersonByUser,
    /// An agent calls and a user answers.
    PersonByBusiness,
    /// A user calls and the flow answers.
    Flow,
    /// A user calls and the flow gives the call to a bot.
    Bot,
}

impl Kind {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PersonByUser => "person by user",
            Self::PersonByBusiness => "person by business",
            Self::Flow => "flow",
            Self::Bot => "bot",
        }
    }

    /// Whether an agent is in it.
    #[must_use]
    pub const fn has_agent(self) -> bool {
        match self {
            Self::PersonByUser | Self::PersonByBusiness => true,
            Self::Flow | Self::Bot => false,
        }
    }
}

/// What a good run keeps to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Targets {
    /// Packets lost at most, of all, in percent.
    pub loss_percent: f64,
    /// Quality of all but the worst hundredth of calls, at least.
    pub mos: f64,
    /// One-way delay that a hundredth of the packets may exceed; absent: any.
    pub delay_p99: Option<Duration>,
}

impl Default for Targets {
    fn default() -> Self {
        Self { loss_percent: 0.1, mos: 4.2, delay_p99: None }
    }
}

/// Why a plan cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No calls, no ramp, no kinds.
    #[error("{0} must be more than nothing")]
    Nothing(&'static str),
    /// Calls of businesses reach no flow, and no bot.
    #[error("a business calls people: direction business has no flows and no bots in its mix")]
    FlowByBusiness,
}

impl Plan {
    /// Whether it can be carried out.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn check(&self) -> Result<(), PlanError> {
        let nothing = [
            ("calls", self.calls == 0),
            ("ramp", self.ramp.is_nan() || self.ramp <= 0.0),
            ("hold", self.hold.is_zero()),
            ("mix", self.mix == Mix::default()),
            ("step", self.step == Some(0)),
        ];
        if let Some((what, _)) = nothing.iter().find(|(_, is_nothing)| *is_nothing) {
            return Err(PlanError::Nothing(what));
        }
        if self.direction == Direction::Business && self.mix.flow + self.mix.bot > 0 {
            return Err(PlanError::FlowByBusiness);
        }
        Ok(())
    }

    /// What the call at `seat` is, counted from 0: kinds alternate as evenly as the mix allows.
    #[must_use]
    pub fn kind(&self, seat: u32) -> Kind {
        let persons = self.persons_before(seat);
        if self.persons_before(seat + 1) == persons {
            let bots = |seat| self.bots_before(seat);
            return if bots(seat + 1) == bots(seat) { Kind::Flow } else { Kind::Bot };
        }
        match self.direction {
            Direction::User => Kind::PersonByUser,
            Direction::Business => Kind::PersonByBusiness,
            Direction::Both if persons.is_multiple_of(2) => Kind::PersonByUser,
            Direction::Both => Kind::PersonByBusiness,
        }
    }

    /// How many agents it takes.
    #[must_use]
    pub fn agents(&self) -> u32 {
        u32::try_from(self.persons_before(self.calls)).unwrap_or(u32::MAX)
    }

    /// Whether the call at `seat` is decoded.
    #[must_use]
    pub fn decodes(&self, seat: u32) -> bool {
        self.decode_every > 0 && seat.is_multiple_of(self.decode_every)
    }

    /// How many calls are held at each level.
    #[must_use]
    pub fn levels(&self) -> Vec<u32> {
        let Some(step) = self.step else { return vec![self.calls] };
        let mut levels: Vec<u32> = (1..)
            .map_while(|n| step.checked_mul(n))
            .take_while(|calls| *calls < self.calls)
            .collect();
        levels.push(self.calls);
        levels
    }

    fn persons_before(&self, seat: u32) -> u64 {
        let Mix { person, flow, bot } = self.mix;
        u64::from(seat) * u64::from(person) / u64::from(person + flow + bot).max(1)
    }

    /// Of those that are no persons.
    fn bots_before(&self, seat: u32) -> u64 {
        let Mix { person: _, flow, bot } = self.mix;
        let others = u64::from(seat) - self.persons_before(seat);
        others * u64::from(bot) / u64::from(flow + bot).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan((person, flow, bot): (u32, u32, u32), direction: Direction) -> Plan {
        Plan {
            calls: 20,
            ramp: 5.0,
            hold: Duration::from_secs(1),
            churn: 0.0,
            mix: Mix { person, flow, bot },
            direction,
            decode_every: 10,
            step: None,
            targets: Targets::default(),
        }
    }

    fn count(plan: &Plan, kind: Kind) -> usize {
        (0..plan.calls).filter(|seat| plan.kind(*seat) == kind).count()
    }

    #[test]
    fn kinds_come_as_the_mix_says() {
        let mixed = plan((1, 3, 0), Direction::Both);
        assert_eq!(count(&mixed, Kind::Flow), 15);
        assert_eq!(count(&mixed, Kind::PersonByUser), 3);
        assert_eq!(count(&mixed, Kind::PersonByBusiness), 2);
        assert_eq!(mixed.agents(), 5);
        assert_eq!(count(&plan((0, 1, 0), Direction::User), Kind::Flow), 20);
        assert_eq!(count(&plan((1, 0, 0), Direction::Business), Kind::PersonByBusiness), 20);
        let all = plan((1, 1, 2), Direction::User);
        let each = [Kind::PersonByUser, Kind::Flow, Kind::Bot].map(|kind| count(&all, kind));
        assert_eq!(each, [5, 5, 10]);
        let (early, late) =
            ((0..8).map(|seat| all.kind(seat)), (12..20).map(|seat| all.kind(seat)));
        let bots =
            |kinds: &mut dyn Iterator<Item = Kind>| kinds.filter(|it| *it == Kind::Bot).count();
        assert_eq!([bots(&mut { early }), bots(&mut { late })], [4, 4], "evenly");
        assert_eq!(count(&plan((0, 0, 1), Direction::User), Kind::Bot), 20);
    }

    #[test]
    fn a_plan_of_nothing_is_refused() {
        let good = plan((1, 1, 0), Direction::User);
        assert_eq!(good.check(), Ok(()));
        let none = |change: fn(&mut Plan)| {
            let mut plan = plan((1, 1, 0), Direction::User);
            change(&mut plan);
            plan.check()
        };
        assert_eq!(none(|it| it.calls = 0), Err(PlanError::Nothing("calls")));
        assert_eq!(none(|it| it.ramp = 0.0), Err(PlanError::Nothing("ramp")));
        assert_eq!(none(|it| it.hold = Duration::ZERO), Err(PlanError::Nothing("hold")));
        assert_eq!(none(|it| it.step = Some(0)), Err(PlanError::Nothing("step")));
        assert_eq!(none(|it| it.mix = Mix::default()), Err(PlanError::Nothing("mix")));
        assert_eq!(none(|it| it.direction = Direction::Business), Err(PlanError::FlowByBusiness));
    }

    #[test]
    fn levels_end_at_the_calls_asked_for() {
        let mut stairs = plan((0, 1, 0), Direction::User);
        assert_eq!(stairs.levels(), [20]);
        stairs.step = Some(8);
        assert_eq!(stairs.levels(), [8, 16, 20]);
        stairs.step = Some(20);
        assert_eq!(stairs.levels(), [20]);
    }
}
