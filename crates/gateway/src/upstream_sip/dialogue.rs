//! What goes between a call's task and the platform, by SIP?
//!
//! The task gives orders; what the platform does comes to it in the letters that webhooks bring of other
//! calls. A dialogue decides nothing. Whoever drops it hangs up.

use std::{sync::Arc, time::Duration};

use sip::{
    Call, CallError, CallIn, End, Invite, Limits, News, Refusal, Told, UserAgent, Wish, Word,
    WordIn,
};
use switchboard::call::{Outcome, Status, Termination};
use terms::{CallId, Timestamp, WaId};
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use wire::SdpText;

use super::{
    Edge,
    refusal::{self, NotPickedUp},
};
use crate::{
    calls::registry::{CallHandle, Figures, Letter},
    line::Line,
    office::Office,
};

/// More orders than a call has.
const ORDERS_MAX: usize = 8;
/// How long each state of a call to a user may last: it rings before the switchboard stops waiting for
/// `connect`, the platform rings for about a minute (fact sheet 3.3), and nothing is tried elsewhere.
const LIMITS: Limits = Limits {
    answers: Duration::from_secs(8),
    progress: Duration::from_secs(15),
    ring: Duration::from_secs(75),
    leave: Duration::from_secs(5),
    quiet: Duration::from_secs(900),
};
/// Why we hang up (RFC 3326).
const REASON: &str = "Q.850;cause=16;text=\"Normal call clearing\"";
/// The platform's own count of a call's seconds.
const DURATION: &str = "x-wa-meta-call-duration";

/// A call's SIP, as its task holds it.
#[derive(Debug)]
pub(crate) struct Dialogue {
    orders: mpsc::Sender<Order>,
}

/// What the task wants.
#[derive(Debug)]
enum Order {
    Ring,
    Answer { sdp: SdpText, taken: oneshot::Sender<()> },
    Refuse(u16),
    Leave,
}

/// Whose dialogue it is.
#[derive(Debug)]
pub(crate) struct Whose {
    pub(crate) line: Arc<Line>,
    pub(crate) call_id: CallId,
    /// The task.
    pub(crate) call: CallHandle,
}

/// A call to a user.
#[derive(Debug)]
pub(crate) struct Placing {
    pub(crate) to: WaId,
    pub(crate) offer: SdpText,
    /// Told once the platform has the call, or why it has not.
    pub(crate) placed: oneshot::Sender<Outcome>,
}

impl Dialogue {
    /// Of a user's call that waits to be answered.
    pub(crate) fn of_user(call: CallIn, whose: Whose) -> Self {
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        drop(tokio::spawn(async move {
            Answering { call, whose, taken: None, start: None }.run(ordered).await;
        }));
        Self { orders }
    }

    /// Of a call to a user, which begins now.
    pub(crate) fn of_business(office: Arc<Office>, whose: Whose, placing: Placing) -> Self {
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        drop(tokio::spawn(async move { place(&office, whose, placing, ordered).await }));
        Self { orders }
    }

    /// The user hears that it rings.
    pub(crate) fn ring(&self) {
        self.order(Order::Ring);
    }

    /// Takes the user's call. Never comes back from a call that is over: that is a letter's to say.
    pub(crate) fn answer(&self, sdp: SdpText) -> impl Future<Output = ()> + use<> {
        let (taken, was_taken) = oneshot::channel();
        self.order(Order::Answer { sdp, taken });
        async move {
            if was_taken.await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Refuses the user's call.
    pub(crate) fn refuse(&self, status: u16) {
        self.order(Order::Refuse(status));
    }

    /// Hangs up, before or after the answer.
    pub(crate) fn leave(&self) {
        self.order(Order::Leave);
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            tracing::debug!("the call by SIP is over");
        }
    }
}

impl Whose {
    fn tell(&self, letter: Letter) {
        if !self.call.send(letter) {
            tracing::debug!("the task of a call by SIP is gone");
        }
    }

    fn status(&self, status: Status) {
        self.tell(Letter::Status { call_id: self.call_id.clone(), status });
    }

    /// The call is over; `start` when it was picked up.
    fn ended(&self, start: Option<Start>, theirs: Option<u64>, error: Option<(i64, String)>) {
        let at = self.line.now();
        let duration_s =
            start.map(|start| theirs.unwrap_or_else(|| start.since.elapsed().as_secs()));
        let termination = Termination { picked_up: start.is_some(), error };
        let start = start.map(|start| start.at);
        let figures = Box::new(Figures { termination, status: None, at, start, duration_s });
        self.tell(Letter::Terminated { call_id: self.call_id.clone(), figures });
    }
}

/// When a call was picked up.
#[derive(Debug, Clone, Copy)]
struct Start {
    at: Timestamp,
    since: Instant,
}

impl Start {
    fn now(line: &Line) -> Self {
        Self { at: line.now(), since: Instant::now() }
    }
}

/// A user's call.
struct Answering {
    call: CallIn,
    whose: Whose,
    taken: Option<oneshot::Sender<()>>,
    start: Option<Start>,
}

impl Answering {
    async fn run(mut self, mut ordered: mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                order = ordered.recv() => match order {
                    Some(order) => self.carry_out(order),
                    None => break,
                },
                word = self.call.word() => match word {
                    Some(WordIn::Told(Told::Standing)) => self.stands(),
                    Some(WordIn::Told(Told::Ended(end))) => return self.ended(end),
                    // The platform sends none (fact sheet 6.2).
                    Some(WordIn::Wish(Wish::Reoffer(reoffer))) => reoffer.refuse(),
                    Some(WordIn::Wish(Wish::Refer(refer))) => refer.refuse(&Refusal::of(603)),
                    Some(WordIn::Wish(Wish::Key(_) | Wish::LateAnswer(_))) => {}
                    None => return,
                },
            }
        }
        self.call.hang_up(Vec::new());
        while self.call.told().await.is_some() {}
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Ring => self.call.ring(None),
            Order::Answer { sdp, taken } => {
                self.taken = Some(taken);
                self.call.answer(sdp.as_str().to_owned());
            }
            Order::Refuse(status) => self.call.refuse(Refusal::of(status)),
            Order::Leave => self.call.hang_up(Vec::new()),
        }
    }

    /// The platform has our answer.
    fn stands(&mut self) {
        self.start = Some(Start::now(&self.whose.line));
        if let Some(taken) = self.taken.take() {
            let heard = taken.send(());
            tracing::debug!(heard = heard.is_ok(), "a call by SIP is taken");
        }
    }

    fn ended(self, end: End) {
        let lost = end == End::Lost && self.start.is_none();
        let error = lost.then(|| (408, "our answer was not acknowledged".to_owned()));
        let theirs = self.call.parting(DURATION).and_then(|text| text.parse().ok());
        self.whose.ended(self.start, theirs, error);
    }
}

async fn place(office: &Office, whose: Whose, placing: Placing, ordered: mpsc::Receiver<Order>) {
    let Placing { to, offer, placed } = placing;
    match begin(office, &whose, &to, offer).await {
        Ok(call) => {
            Calling { call, whose, placed: Some(placed), start: None }.run(ordered).await;
        }
        // A task that is gone needs no answer.
        Err(outcome) => drop(placed.send(outcome)),
    }
}

async fn begin(office: &Office, whose: &Whose, to: &WaId, offer: SdpText) -> Result<Call, Outcome> {
    let unreachable = |why: &str| Outcome::Unreachable { why: why.to_owned() };
    let line = &whose.line;
    let edge = line.sip.as_ref().ok_or_else(|| unreachable("the number is not set to SIP"))?;
    let agent = office.trunks.agent().ok_or_else(|| unreachable("SIP is not spoken here"))?;
    let invite = invite(edge, agent, whose, to, offer).await.map_err(unreachable)?;
    agent.call_so(invite, edge.manners()).map_err(|error| match error {
        CallError::Full => unreachable("as many calls by SIP as there may be are under way"),
        CallError::User(_) => Outcome::Refused { code: 100, text: error.to_string() },
    })
}

async fn invite(
    edge: &Edge,
    agent: &UserAgent,
    whose: &Whose,
    to: &WaId,
    offer: SdpText,
) -> Result<Invite, &'static str> {
    let line = &whose.line;
    let credentials = edge.credentials(line).ok_or("the SIP password is not known yet")?;
    let target = edge.target(agent).await.ok_or("its name leads nowhere")?;
    Ok(Invite {
        targets: vec![target],
        extension: format!("+{}", to.as_str()),
        call_id: whose.call_id.to_string(),
        user_params: Vec::new(),
        caller: format!("+{}", line.digits()),
        caller_host: Some(edge.config.hostname.clone()),
        caller_name: None,
        credentials: Some(credentials),
        headers: Vec::new(),
        offer: offer.as_str().to_owned(),
        limits: LIMITS,
    })
}

/// A call to a user.
struct Calling {
    call: Call,
    whose: Whose,
    /// Until the platform has the call.
    placed: Option<oneshot::Sender<Outcome>>,
    start: Option<Start>,
}

impl Calling {
    async fn run(mut self, mut ordered: mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                order = ordered.recv() => match order {
                    Some(Order::Leave | Order::Refuse(_)) => self.call.hang_up(Some(REASON)),
                    // A call of ours is answered by the user.
                    Some(Order::Ring | Order::Answer { .. }) => {}
                    None => break,
                },
                word = self.call.word() => match word {
                    Some(Word::News(News::Ended(end))) => return self.ended(end),
                    Some(Word::News(news)) => self.hears(news),
                    // The platform sends none (fact sheet 6.2).
                    Some(Word::Wish(Wish::Reoffer(reoffer))) => reoffer.refuse(),
                    Some(Word::Wish(Wish::Refer(refer))) => refer.refuse(&Refusal::of(603)),
                    Some(Word::Wish(Wish::Key(_) | Wish::LateAnswer(_))) => {}
                    None => return,
                },
            }
        }
        self.call.hang_up(Some(REASON));
        while self.call.news().await.is_some() {}
    }

    fn hears(&mut self, news: News) {
        match news {
            News::Ringing => {
                self.tell_placed(Outcome::Done);
                self.whose.status(Status::Ringing);
            }
            News::Answered { target: _, answer } => {
                self.start = Some(Start::now(&self.whose.line));
                self.tell_placed(Outcome::Done);
                let call_id = self.whose.call_id.clone();
                self.whose.tell(Letter::Answer { call_id, sdp: answer.into() });
                self.whose.status(Status::Accepted);
            }
            // Audio before the answer is not for us: the user has not picked up.
            News::Early(_) | News::Ended(_) => {}
        }
    }

    fn tell_placed(&mut self, outcome: Outcome) {
        if let Some(placed) = self.placed.take() {
            // A task that is gone needs no answer.
            drop(placed.send(outcome));
        }
    }

    fn ended(mut self, end: End) {
        if self.start.is_some() {
            let theirs = self.call.parting(DURATION).and_then(|text| text.parse().ok());
            return self.whose.ended(self.start, theirs, None);
        }
        let said = self.call.refusal();
        let error = match refusal::of(end, said.as_ref()) {
            NotPickedUp::NoAnswer => None,
            NotPickedUp::Declined => {
                self.tell_placed(Outcome::Done);
                self.whose.status(Status::Rejected);
                None
            }
            NotPickedUp::Refused { code, text } => Some(Outcome::Refused { code, text }),
            NotPickedUp::Unreachable => {
                Some(Outcome::Unreachable { why: "no answer by SIP".to_owned() })
            }
        };
        match (error, self.placed.is_some()) {
            (Some(error), true) => self.tell_placed(error),
            (Some(Outcome::Refused { code, text }), false) => {
                self.whose.ended(None, None, Some((code, text)));
            }
            (None | Some(Outcome::Done | Outcome::Unreachable { .. }), _) => {
                self.tell_placed(Outcome::Done);
                self.whose.ended(None, None, None);
            }
        }
    }
}
