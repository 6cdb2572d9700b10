//! How does one call go, again and again?
//!
//! A seat is one of the calls at the same time: a user's phone, and an agent where the kind has one.
//! It dials when it is told to, talks until it is told to hang up, and tells what came of it.

use std::time::{Duration, Instant};

use audio::measure::Report;
use handset::{Closed, Heard, Tags};
use terms::WaId;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use crate::{
    agent::{Agent, News as AgentNews},
    caller::Caller,
    outcome::{End, Ending, Hearing, Outcome, Sight, Stage, Tone},
    plan::Kind,
    sound::{self, Voice},
};

/// How long a call may take to be answered; the platform gives up after 60 s at the latest.
const SET_UP_MAX: Duration = Duration::from_secs(65);

/// How long the other side may take to confirm an end.
const END_MAX: Duration = Duration::from_secs(20);

/// What a seat is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Dial.
    Dial,
    /// Say what was heard so far.
    Look,
    /// Hang up.
    HangUp,
}

/// What a seat tells.
#[derive(Debug)]
pub(crate) enum News {
    /// The call is answered.
    Up,
    /// What was heard so far.
    Seen(Sight),
    /// The call is over.
    Over(Box<Outcome>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) number: u32,
    pub(crate) kind: Kind,
    pub(crate) user: WaId,
    pub(crate) business: WaId,
    pub(crate) caller: Caller,
    pub(crate) agent: Option<Agent>,
    /// What the bot hears.
    pub(crate) bot: Option<watch::Receiver<Option<Report>>>,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) news: mpsc::Sender<(u32, News)>,
}

/// A call that is being made.
#[derive(Debug, Default)]
struct Attempt {
    call: u32,
    stages: Vec<(Stage, Duration)>,
}

impl Attempt {
    fn took(&mut self, stage: Stage, since: Instant) {
        self.stages.push((stage, since.elapsed()));
    }
}

impl Seat {
    pub(crate) async fn run(mut self) {
        let mut calls = 0;
        while let Some(order) = self.orders.recv().await {
            // Anything else came too late for the last call.
            if order == Order::Dial {
                let outcome = self.call(calls).await;
                calls += 1;
                self.tell(News::Over(Box::new(outcome))).await;
            }
        }
    }

    async fn call(&mut self, call: u32) -> Outcome {
        let mut attempt = Attempt { call, ..Attempt::default() };
        let set_up = timeout(SET_UP_MAX, self.set_up(&mut attempt)).await;
        let failed = match set_up {
            Ok(Ok(())) => None,
            Ok(Err(why)) => Some(why),
            Err(_) => Some(format!("not answered within {} s", SET_UP_MAX.as_secs())),
        };
        let (ending, sight) = match failed {
            Some(why) => (Ending::NotSetUp(why), Sight::default()),
            None => {
                self.tell(News::Up).await;
                self.talk(call).await
            }
        };
        self.part(attempt, ending, sight).await
    }

    /// Returns when both are on the line.
    async fn set_up(&mut self, attempt: &mut Attempt) -> Result<(), String> {
        let (user, agent) = (Voice::User(self.number), Voice::Agent(self.number));
        let tags = sound::tags(user, self.other(), attempt.call);
        self.caller.mark(tags).await?;
        let agents_tags = sound::tags(agent, user, attempt.call);
        match self.kind {
            Kind::Flow | Kind::Bot => self.dial(attempt).await,
            Kind::PersonByUser => self.dial_agent(attempt, agents_tags).await,
            Kind::PersonByBusiness => self.take_call(attempt, agents_tags).await,
        }
    }

    /// Whom the user hears: a flow gives back what was said.
    const fn other(&self) -> Voice {
        match self.kind {
            Kind::Flow => Voice::User(self.number),
            Kind::PersonByUser | Kind::PersonByBusiness | Kind::Bot => Voice::Agent(self.number),
        }
    }

    async fn dial(&self, attempt: &mut Attempt) -> Result<(), String> {
        let dialled = Instant::now();
        self.caller.call(&self.business).await?;
        attempt.took(Stage::Ring, dialled);
        self.caller.answered().await?;
        attempt.took(Stage::Answer, dialled);
        Ok(())
    }

    async fn dial_agent(&mut self, attempt: &mut Attempt, tags: Tags) -> Result<(), String> {
        let Some(agent) = self.agent.as_mut() else { return Err("no agent".to_owned()) };
        agent.expect(self.user.clone(), tags).await;
        await_ready(agent).await?;
        let dialled = Instant::now();
        self.caller.call(&self.business).await?;
        attempt.took(Stage::Ring, dialled);
        let rung = await_answer(agent).await?;
        attempt.stages.push((Stage::Reach, rung.saturating_duration_since(dialled)));
        self.caller.answered().await?;
        attempt.took(Stage::Answer, dialled);
        Ok(())
    }

    async fn take_call(&mut self, attempt: &mut Attempt, tags: Tags) -> Result<(), String> {
        let Some(agent) = self.agent.as_mut() else { return Err("no agent".to_owned()) };
        let dialled = Instant::now();
        agent.place(self.user.clone(), tags).await;
        let reached = tokio::select! {
            rung = self.caller.rung() => rung,
            refused = await_refusal(agent) => Err(refused),
        };
        reached?;
        attempt.took(Stage::Reach, dialled);
        self.caller.pick_up().await?;
        let connected = await_connection(agent).await?;
        attempt.stages.push((Stage::Answer, connected.saturating_duration_since(dialled)));
        Ok(())
    }

    /// Talks until told to hang up, or until the call is over.
    async fn talk(&mut self, call: u32) -> (Ending, Sight) {
        loop {
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Look) => {
                        let sight = self.look(call).await;
                        self.tell(News::Seen(sight)).await;
                    }
                    Some(Order::HangUp) | None => {
                        let sight = self.look(call).await;
                        return (Ending::HungUp, sight);
                    }
                    Some(Order::Dial) => {}
                },
                early = ended_early(&self.caller, self.agent.as_mut()) => {
                    let sight = self.look(call).await;
                    return (Ending::Early(early), sight);
                }
            }
        }
    }

    /// What both ends have heard so far, and how much the other one had sent by then.
    async fn look(&self, call: u32) -> Sight {
        let Some((heard, Some(marks))) = self.caller.look().await else {
            return Sight { call, ends: Vec::new() };
        };
        let agent = match &self.agent {
            Some(agent) => agent.look().await,
            None => None,
        };
        let Some((agents_marks, agents_heard)) = agent else {
            let user = match self.kind {
                Kind::Bot => Hearing::by_rtp(&heard, &marks),
                Kind::PersonByUser | Kind::PersonByBusiness | Kind::Flow => {
                    Hearing { end: End::User, marks, sent: heard.sent }
                }
            };
            return Sight { call, ends: vec![user] };
        };
        let user = Hearing { end: End::User, marks, sent: agents_heard.sent };
        let agent = Hearing { end: End::Agent, marks: agents_marks, sent: heard.sent };
        Sight { call, ends: vec![user, agent] }
    }

    /// Ends whatever there is, and sums up.
    async fn part(&mut self, attempt: Attempt, ending: Ending, sight: Sight) -> Outcome {
        if self.caller.is_in_call() {
            self.caller.hang_up().await;
            drop(timeout(END_MAX, self.caller.ended()).await);
        }
        let agents = match self.agent.as_mut() {
            Some(agent) => leave(agent, &ending).await,
            None => None,
        };
        let heard = self.caller.look().await.map(|(heard, _)| heard);
        let mut stages = attempt.stages;
        let mut tones = Vec::new();
        let user = Voice::User(self.number);
        let is_set_up = !matches!(ending, Ending::NotSetUp(_));
        if let Some(heard) = heard.filter(|_| is_set_up) {
            stages.extend(media_stages(&heard, End::User));
            tones.extend(tone(End::User, self.other(), heard.sound));
        }
        if let Some(heard) = agents.map(|closed| closed.heard).filter(|_| is_set_up) {
            stages.extend(media_stages(&heard, End::Agent));
            tones.extend(tone(End::Agent, user, heard.sound));
        }
        if let Some(bot) = self.bot.as_ref().filter(|_| is_set_up) {
            tones.extend(tone(End::Bot, user, *bot.borrow()));
        }
        let (seat, call, kind) = (self.number, attempt.call, self.kind);
        Outcome { seat, call, kind, stages, ending, sight, tones }
    }

    async fn tell(&self, news: News) {
        // The run may be over already.
        drop(self.news.send((self.number, news)).await);
    }
}

async fn await_ready(agent: &mut Agent) -> Result<(), String> {
    loop {
        match next(agent).await? {
            AgentNews::Ready => return Ok(()),
            AgentNews::Refused { code, text } => return Err(refused(&code, &text)),
            // Of the call before.
            AgentNews::Over { .. }
            | AgentNews::Ringing(_)
            | AgentNews::Answered
            | AgentNews::Connected(_) => {}
        }
    }
}

/// Waits until the agent has taken the call; returns when it rang there.
async fn await_answer(agent: &mut Agent) -> Result<Instant, String> {
    let mut rung = Instant::now();
    loop {
        match next(agent).await? {
            AgentNews::Ringing(at) => rung = at,
            AgentNews::Answered => return Ok(rung),
            AgentNews::Refused { code, text } => return Err(refused(&code, &text)),
            AgentNews::Over { reason, .. } => return Err(format!("ended at the agent: {reason}")),
            AgentNews::Ready | AgentNews::Connected(_) => {}
        }
    }
}

async fn await_connection(agent: &mut Agent) -> Result<Instant, String> {
    loop {
        match next(agent).await? {
            AgentNews::Connected(at) => return Ok(at),
            AgentNews::Refused { code, text } => return Err(refused(&code, &text)),
            AgentNews::Over { reason, .. } => return Err(format!("ended at the agent: {reason}")),
            AgentNews::Ready | AgentNews::Answered | AgentNews::Ringing(_) => {}
        }
    }
}

/// Waits until the agent's call has come to nothing; for ever when it goes well.
async fn await_refusal(agent: &mut Agent) -> String {
    loop {
        match next(agent).await {
            Ok(AgentNews::Refused { code, text }) => return refused(&code, &text),
            Ok(AgentNews::Over { reason, .. }) => return format!("ended at the agent: {reason}"),
            Ok(AgentNews::Ready | AgentNews::Answered | AgentNews::Ringing(_)) => {}
            Ok(AgentNews::Connected(_)) => std::future::pending().await,
            Err(gone) => return gone,
        }
    }
}

async fn next(agent: &mut Agent) -> Result<AgentNews, String> {
    agent.next().await.ok_or_else(|| "the agent's console is closed".to_owned())
}

/// Waits until either end says that the call is over.
async fn ended_early(caller: &Caller, agent: Option<&mut Agent>) -> String {
    let at_user = async { format!("ended at the user: {}", caller.ended().await) };
    let at_agent = async {
        match agent {
            Some(agent) => loop {
                match next(agent).await {
                    Ok(AgentNews::Over { reason, .. }) => {
                        return format!("ended at the agent: {reason}");
                    }
                    Ok(_) => {}
                    Err(gone) => return gone,
                }
            },
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        why = at_user => why,
        why = at_agent => why,
    }
}

/// Waits until the agent's call is over too; returns what was heard there.
async fn leave(agent: &mut Agent, ending: &Ending) -> Option<Box<Closed>> {
    match ending {
        Ending::HungUp => {}
        // The agent has told its end already, or has nothing to tell.
        Ending::Early(_) | Ending::NotSetUp(_) => {
            agent.hang_up().await;
            return None;
        }
    }
    let over = async {
        loop {
            match agent.next().await {
                Some(AgentNews::Over { closed, .. }) => return closed,
                Some(_) => {}
                None => return None,
            }
        }
    };
    match timeout(END_MAX, over).await {
        Ok(closed) => closed,
        Err(_) => {
            agent.hang_up().await;
            None
        }
    }
}

fn media_stages(heard: &Heard, end: End) -> Vec<(Stage, Duration)> {
    let set_up = heard.set_up;
    let [ice, dtls, media] = match end {
        End::User => [Stage::UserIce, Stage::UserDtls, Stage::UserMedia],
        End::Agent => [Stage::AgentIce, Stage::AgentDtls, Stage::AgentMedia],
        End::Bot => return Vec::new(),
    };
    [(ice, set_up.ice_ms), (dtls, set_up.dtls_ms), (media, set_up.first_media_ms)]
        .into_iter()
        .filter_map(|(stage, ms)| Some((stage, Duration::from_millis(ms?))))
        .collect()
}

fn tone(end: End, voice: Voice, sound: Option<Report>) -> Option<Tone> {
    let sound = sound?;
    let expected_hz = voice.hz();
    Some(Tone { end, expected_hz, heard_hz: sound.tone_hz, is_right: sound.is_tone(expected_hz) })
}

fn refused(code: &str, text: &str) -> String {
    format!("refused to the agent ({code}): {text}")
}
