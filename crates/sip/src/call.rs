//! Who owns a call out? One task: it asks `life` what to do and does it with the stack.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rsipstack::sip::Header;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tracing::debug;

use crate::agent::Desk;
use crate::attempt::{Attempt, Seen};
use crate::headers;
use crate::life::{Effect, Input, Life};
use crate::parting::Parting;
use crate::{Invite, Manners, News, Refusal, Wish};

/// How deep a call's news may lie unread: more than one call can have.
pub const NEWS_MAX: usize = 8;

/// A call out. Dropping it hangs up.
#[derive(Debug)]
pub struct Call {
    orders: mpsc::Sender<HangUp>,
    routes_lost: Arc<AtomicBool>,
    news: mpsc::Receiver<News>,
    wishes: mpsc::Receiver<Wish>,
    parting: Parting,
    refused: Refused,
}

/// How many wishes may lie unread: a change of the session, and keys.
pub(crate) const WISHES_MAX: usize = 16;

/// What the last target that refused said.
type Refused = Arc<Mutex<Option<Refusal>>>;

/// Something of a call for whoever placed it.
#[derive(Debug)]
pub enum Word {
    /// What the far end did.
    News(News),
    /// What it wants.
    Wish(Wish),
}

/// The only order there is, with what the BYE says beside itself, such as a `Reason` (RFC 3326).
#[derive(Debug)]
struct HangUp(Vec<Header>);

impl Call {
    /// Rings the first target; `place` is the call's among those of the agent.
    pub(crate) fn begin(
        desk: Arc<Desk>,
        (invite, manners): (Invite, Manners),
        place: OwnedSemaphorePermit,
    ) -> Self {
        let parting = desk.partings.expect(&headers::one_line(&invite.call_id));
        let refused = Refused::default();
        let note = Arc::clone(&refused);
        let (orders, ordered) = mpsc::channel(1);
        let (tell, news) = mpsc::channel(NEWS_MAX);
        let (wish, wishes) = mpsc::channel(WISHES_MAX);
        let routes_lost = Arc::new(AtomicBool::new(false));
        let lost = Arc::clone(&routes_lost);
        drop(tokio::spawn(async move {
            let owner = Owner {
                desk,
                invite,
                manners,
                refused: note,
                orders: Some(ordered),
                tell,
                wish,
                attempt: None,
                routes_lost: lost,
                saying: Vec::new(),
                next: None,
            };
            let (desk, call_id) = (Arc::clone(&owner.desk), owner.call_id());
            Box::pin(owner.run()).await;
            desk.cancels.forget(&call_id);
            drop(place);
        }));
        Self { orders, routes_lost, news, wishes, parting, refused }
    }

    /// What the far end did; `None` after [`News::Ended`].
    pub async fn news(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// What the far end wants, once answered; `None` when the call is over.
    pub async fn wish(&mut self) -> Option<Wish> {
        self.wishes.recv().await
    }

    /// Whichever of the two comes first; `None` when the call is over and all was heard.
    pub async fn word(&mut self) -> Option<Word> {
        tokio::select! {
            biased;
            Some(wish) = self.wishes.recv() => Some(Word::Wish(wish)),
            news = self.news.recv() => news.map(Word::News),
        }
    }

    /// What the target that refused last said, with its words.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the header of this name said in the far end's BYE, once it hung up.
    #[must_use]
    pub fn parting(&self, name: &str) -> Option<String> {
        self.parting.header(name)
    }

    /// Ends the call: CANCEL before the answer, BYE after it, with a `Reason` such as
    /// `Q.850;cause=16;text="Normal call clearing"`. Asking twice is asking once.
    pub fn hang_up(&self, reason: Option<&str>) {
        let reason = reason.map(|reason| Header::Reason(headers::one_line(reason).into()));
        self.order(HangUp(reason.into_iter().collect()));
    }

    /// The same with further headers of the BYE, name and value.
    pub fn part(&self, headers: &[(String, String)]) {
        let given = headers.iter();
        let given = given.filter_map(|(name, value)| headers::header(name, value));
        self.order(HangUp(given.collect()));
    }

    /// The status of 300 or more that a target answered last.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.refusal().map(|refusal| refusal.status)
    }

    /// Whether the answer did not repeat our `Record-Route` whole and in order (RFC 3261, 12.1.1).
    #[must_use]
    pub fn routes_lost(&self) -> bool {
        self.routes_lost.load(Ordering::Relaxed)
    }

    fn order(&self, order: HangUp) {
        if self.orders.try_send(order).is_err() {
            debug!("the SIP call is ending already");
        }
    }
}

struct Owner {
    desk: Arc<Desk>,
    invite: Invite,
    manners: Manners,
    refused: Refused,
    /// `None` once hanging up was ordered or nobody is left to order it.
    orders: Option<mpsc::Receiver<HangUp>>,
    tell: mpsc::Sender<News>,
    wish: mpsc::Sender<Wish>,
    attempt: Option<Attempt>,
    routes_lost: Arc<AtomicBool>,
    /// What the BYE says beside itself.
    saying: Vec<Header>,
    /// What an effect already led to.
    next: Option<Input>,
}

impl Owner {
    async fn run(mut self) {
        let begun = Instant::now();
        let (mut life, mut effects) = Life::begin(self.invite.targets.len(), self.invite.limits);
        loop {
            for effect in effects {
                self.carry_out(effect);
            }
            if life.is_over() {
                return;
            }
            let until = life.deadline().map(|deadline| begun + deadline);
            let input = self.input(until).await;
            effects = life.handle(begun.elapsed(), input);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Try(index) => {
                let target = self.invite.targets.get(index);
                self.attempt = target.map(|target| {
                    let what = (&self.invite, &self.manners);
                    Attempt::begin(&self.desk, what, target, index)
                });
                if self.attempt.is_none() {
                    self.next = Some(Input::Broken);
                }
            }
            Effect::Abandon => self.attempt = None,
            Effect::Cancel => {
                let reason = |header: &&Header| matches!(header, Header::Reason(_));
                if let Some(reason) = self.saying.iter().find(reason) {
                    self.desk.cancels.say(&self.call_id(), reason.clone());
                }
                // Where nothing was sent, nothing will be answered.
                if !self.attempt.as_mut().is_some_and(Attempt::cancel) {
                    self.next = Some(Input::Left);
                }
            }
            Effect::Bye => match &mut self.attempt {
                Some(attempt) => attempt.bye(std::mem::take(&mut self.saying)),
                None => self.next = Some(Input::Left),
            },
            Effect::Refresh => {
                if let Some(attempt) = &mut self.attempt {
                    attempt.refresh();
                }
            }
            Effect::Tell(news) => {
                if self.tell.try_send(news).is_err() {
                    debug!("nobody hears what became of the SIP call");
                }
            }
        }
    }

    async fn input(&mut self, until: Option<Instant>) -> Input {
        if let Some(input) = self.next.take() {
            return input;
        }
        loop {
            tokio::select! {
                biased;
                order = ordered(&mut self.orders) => {
                    self.orders = None;
                    self.saying = order.map(|HangUp(saying)| saying).unwrap_or_default();
                    return Input::HangUp;
                }
                seen = seen(&mut self.attempt) => match seen {
                    Seen::Input(input) => {
                        self.note_refusal();
                        let lost = self.attempt.as_ref().is_some_and(|it| it.routes_lost);
                        self.routes_lost.store(lost, Ordering::Relaxed);
                        return input;
                    }
                    Seen::Wish(wish) => {
                        pass_on(&self.wish, wish);
                        return Input::Lives;
                    }
                    Seen::Nothing => {}
                },
                () = deadline(until) => return Input::Deadline,
            }
        }
    }

    fn call_id(&self) -> String {
        headers::one_line(&self.invite.call_id)
    }

    fn note_refusal(&mut self) {
        let said = self.attempt.as_mut().and_then(|attempt| attempt.refusal.take());
        if said.is_some() {
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = said;
        }
    }
}

/// A wish that nobody reads is not granted.
pub(crate) fn pass_on(wishes: &mpsc::Sender<Wish>, wish: Wish) {
    match wishes.try_send(wish).map_err(mpsc::error::TrySendError::into_inner) {
        Ok(()) => {}
        Err(Wish::Reoffer(reoffer)) => reoffer.refuse(),
        Err(Wish::Refer(refer)) => refer.refuse(&Refusal::of(603)),
        Err(Wish::LateAnswer(_)) => debug!("a late answer in a SIP call was not read"),
        Err(Wish::Key(_)) => debug!("a key of a SIP call was not read"),
    }
}

async fn ordered(orders: &mut Option<mpsc::Receiver<HangUp>>) -> Option<HangUp> {
    match orders {
        Some(orders) => orders.recv().await,
        None => std::future::pending().await,
    }
}

async fn seen(attempt: &mut Option<Attempt>) -> Seen {
    match attempt {
        Some(attempt) => attempt.next().await,
        None => std::future::pending().await,
    }
}

async fn deadline(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
