//! May this call be recorded now?
//!
//! A recording begins when somebody wants it: the configuration once an agent talks, a flow's step or a
//! program. Where the business wants it announced, it begins only after an announcement was heard to its
//! end in this call; one that was cut short or never played refuses it. Pauses keep the line of time.

/// The recording of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recording {
    state: State,
    /// Whether the user heard an announcement to its end.
    announced: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nobody wants it.
    #[default]
    Off,
    /// The announcement is heard; then it begins.
    Announcing,
    /// It runs.
    On,
    /// It runs, and keeps silence.
    Paused,
    /// The call is over.
    Over,
}

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Begin.
    Start,
    /// Keep silence from here.
    Pause,
    /// Go on.
    Resume,
    /// End it.
    Stop,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Somebody wants something.
    Wish(Wish),
    /// An announcement of ours is over: heard to its end, or cut short.
    Announced {
        /// To its end.
        whole: bool,
    },
    /// The call is over.
    CallOver,
}

/// What holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Whether the business wants recordings announced.
    pub must_announce: bool,
    /// Whether we may speak to the user now: an agent has the call, no flow.
    pub may_speak: bool,
    /// Whether the platform records the call.
    pub by_platform: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Let the user hear the announcement.
    Announce,
    /// Record from here.
    Begin,
    /// Keep silence.
    Pause,
    /// Go on.
    Resume,
    /// The recording is at its end.
    End,
}

/// Why nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It must be announced, and was not heard to the end.
    #[error("the user has not heard the announcement to its end")]
    NotAnnounced,
    /// Nobody at the business can steer what the platform does.
    #[error("the platform records this call, from when it is answered until its end")]
    ByPlatform,
    /// It is not in a state for that.
    #[error("the recording does not stand so")]
    OutOfPlace,
}

impl Recording {
    /// Takes what happened and says what to do.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; the recording is as it was, or off where its announcement failed.
    pub fn handle(&mut self, input: Input, facts: Facts) -> Result<Option<Effect>, Refusal> {
        match input {
            Input::Announced { whole } => self.announced(whole),
            Input::CallOver => Ok(self.over()),
            Input::Wish(_) if facts.by_platform => Err(Refusal::ByPlatform),
            Input::Wish(Wish::Start) => self.start(facts),
            Input::Wish(Wish::Pause) => self.turn(State::On, State::Paused, Effect::Pause),
            Input::Wish(Wish::Resume) => self.turn(State::Paused, State::On, Effect::Resume),
            Input::Wish(Wish::Stop) => self.stop(),
        }
    }

    /// Whether the announcement is being heard.
    #[must_use]
    pub fn is_announcing(&self) -> bool {
        self.state == State::Announcing
    }

    /// Whether there is something to stop.
    #[must_use]
    pub fn is_on(&self) -> bool {
        match self.state {
            State::On | State::Paused => true,
            State::Off | State::Announcing | State::Over => false,
        }
    }

    fn start(&mut self, facts: Facts) -> Result<Option<Effect>, Refusal> {
        match self.state {
            State::Paused => self.turn(State::Paused, State::On, Effect::Resume),
            State::On | State::Announcing | State::Over => Err(Refusal::OutOfPlace),
            State::Off if !facts.must_announce || self.announced => {
                self.state = State::On;
                Ok(Some(Effect::Begin))
            }
            State::Off if facts.may_speak => {
                self.state = State::Announcing;
                Ok(Some(Effect::Announce))
            }
            State::Off => Err(Refusal::NotAnnounced),
        }
    }

    fn announced(&mut self, whole: bool) -> Result<Option<Effect>, Refusal> {
        self.announced |= whole;
        match self.state {
            State::Announcing if whole => {
                self.state = State::On;
                Ok(Some(Effect::Begin))
            }
            State::Announcing => {
                self.state = State::Off;
                Err(Refusal::NotAnnounced)
            }
            State::Off | State::On | State::Paused | State::Over => Ok(None),
        }
    }

    fn stop(&mut self) -> Result<Option<Effect>, Refusal> {
        match self.state {
            State::On | State::Paused => {
                self.state = State::Off;
                Ok(Some(Effect::End))
            }
            State::Off | State::Announcing | State::Over => Err(Refusal::OutOfPlace),
        }
    }

    fn over(&mut self) -> Option<Effect> {
        let was_on = self.is_on();
        self.state = State::Over;
        was_on.then_some(Effect::End)
    }

    fn turn(&mut self, from: State, to: State, effect: Effect) -> Result<Option<Effect>, Refusal> {
        if self.state != from {
            return Err(Refusal::OutOfPlace);
        }
        self.state = to;
        Ok(Some(effect))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Facts = Facts { must_announce: false, may_speak: false, by_platform: false };
    const MUST: Facts = Facts { must_announce: true, may_speak: true, by_platform: false };
    const START: Input = Input::Wish(Wish::Start);

    #[test]
    fn nothing_is_recorded_before_an_announcement_was_heard_to_its_end() {
        let mut call = Recording::default();
        let in_flow = Facts { may_speak: false, ..MUST };
        assert_eq!(call.handle(START, in_flow), Err(Refusal::NotAnnounced));
        assert_eq!(call.handle(START, MUST), Ok(Some(Effect::Announce)));
        let cut = Input::Announced { whole: false };
        assert_eq!(call.handle(cut, MUST), Err(Refusal::NotAnnounced));
        assert!(!call.is_on());
        assert_eq!(call.handle(START, MUST), Ok(Some(Effect::Announce)));
        assert!(call.is_announcing());
        let whole = Input::Announced { whole: true };
        assert_eq!(call.handle(whole, MUST), Ok(Some(Effect::Begin)));
        assert_eq!(call.handle(Input::Wish(Wish::Stop), MUST), Ok(Some(Effect::End)));
        // Announced once is announced for this call.
        assert_eq!(call.handle(START, in_flow), Ok(Some(Effect::Begin)));
        assert_eq!(call.handle(Input::CallOver, MUST), Ok(Some(Effect::End)));
        assert_eq!(call.handle(START, MUST), Err(Refusal::OutOfPlace));
    }

    #[test]
    fn what_the_platform_records_nobody_steers() {
        let mut call = Recording::default();
        let theirs = Facts { by_platform: true, ..FREE };
        for wish in [Wish::Start, Wish::Pause, Wish::Resume, Wish::Stop] {
            assert_eq!(call.handle(Input::Wish(wish), theirs), Err(Refusal::ByPlatform));
        }
        assert_eq!(call.handle(Input::CallOver, theirs), Ok(None));
    }

    #[test]
    fn it_pauses_and_goes_on_only_while_it_runs() {
        let mut call = Recording::default();
        let wish = |call: &mut Recording, wish| call.handle(Input::Wish(wish), FREE);
        assert_eq!(wish(&mut call, Wish::Pause), Err(Refusal::OutOfPlace));
        assert_eq!(wish(&mut call, Wish::Start), Ok(Some(Effect::Begin)));
        assert_eq!(wish(&mut call, Wish::Start), Err(Refusal::OutOfPlace));
        assert_eq!(wish(&mut call, Wish::Pause), Ok(Some(Effect::Pause)));
        assert_eq!(wish(&mut call, Wish::Start), Ok(Some(Effect::Resume)));
        assert_eq!(wish(&mut call, Wish::Pause), Ok(Some(Effect::Pause)));
        assert_eq!(wish(&mut call, Wish::Resume), Ok(Some(Effect::Resume)));
        assert_eq!(call.handle(Input::Announced { whole: true }, FREE), Ok(None));
        assert_eq!(wish(&mut call, Wish::Stop), Ok(Some(Effect::End)));
        assert_eq!(call.handle(Input::CallOver, FREE), Ok(None));
    }
}
