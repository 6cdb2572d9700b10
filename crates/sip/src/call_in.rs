//! Who owns a call in? One task: it asks `answering` what to do and does it with the stack.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use rsipstack::dialog::dialog::{DialogState, DialogStateReceiver};
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::{Header, Request, StatusCode};
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::debug;

use crate::agent::Desk;
use crate::answering::{Answering, Effect, Input, Patience, Told};
use crate::attempt::Seen;
use crate::call::{WISHES_MAX, pass_on};
use crate::holds::Hold;
use crate::parting::Parting;
use crate::refresh::{self, Refresh};
use crate::reoffer::{Ours, Saying};
use crate::said::{Talk, said, sdp, value};
use crate::session::{LEAST, Session, TooBrief};
use crate::{Manners, NEWS_MAX, Refusal, Wish, headers, life};

/// How many orders may wait: more than one call can have.
const ORDERS_MAX: usize = 8;

/// A call in. Dropping it refuses it, or hangs up.
#[derive(Debug)]
pub struct CallIn {
    orders: mpsc::Sender<Order>,
    told: mpsc::Receiver<Told>,
    wishes: mpsc::Receiver<Wish>,
    parting: Parting,
    late: Late,
}

/// What the far end answered to our offer, in its ACK.
type Late = Arc<Mutex<Option<String>>>;

/// Something of a call for whoever has it.
#[derive(Debug)]
pub enum WordIn {
    /// What became of it.
    Told(Told),
    /// What the far end wants.
    Wish(Wish),
}

enum Order {
    Ring { early: Option<String> },
    Answer { answer: String },
    Refuse(Refusal),
    HangUp { headers: Vec<(String, String)> },
}

impl CallIn {
    /// `None` where the INVITE is none a call can be made of; it is refused then.
    pub(crate) fn begin(
        desk: Arc<Desk>,
        transaction: Transaction,
        (place, hold): (OwnedSemaphorePermit, Hold),
        (contact, manners): (&str, &Manners),
        patience: Patience,
    ) -> Option<Self> {
        let asked = desk.has_timer(manners).then(|| asked_for(&transaction.original));
        let session = match asked.unwrap_or(Ok(None)) {
            Ok(session) => session,
            Err(TooBrief) => {
                let least = Header::MinSE(LEAST.to_string().into());
                refuse(transaction, place, StatusCode::SessionIntervalTooSmall, vec![least]);
                return None;
            }
        };
        let (sender, states) = desk.layer.new_dialog_state_channel();
        let transport = transaction.connection.as_ref().map(|way| way.transport());
        let contact = desk.contact_of(contact, transport, manners);
        let made = desk.layer.get_or_create_server_invite(&transaction, sender, None, contact);
        let Ok(dialog) = made else {
            refuse(transaction, place, StatusCode::BadRequest, Vec::new());
            return None;
        };
        let abilities = desk.abilities(false, manners);
        let updates = refresh::takes_update(&transaction.original);
        let call_id = value(&transaction.original, "Call-ID").unwrap_or_default();
        let parting = desk.partings.expect(&call_id);
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        let (tell, told) = mpsc::channel(NEWS_MAX);
        let (wish, wishes) = mpsc::channel(WISHES_MAX);
        let late = Late::default();
        let note = Arc::clone(&late);
        drop(tokio::spawn(async move {
            let serving = tokio::spawn(serve(dialog.clone(), transaction));
            let id = dialog.id();
            let owner = Owner {
                dialog,
                states,
                serving,
                session,
                refreshing: None,
                asks: Arc::default(),
                updates,
                abilities,
                orders: Some(ordered),
                tell,
                wish,
                ours: Ours::default(),
                parting: Vec::new(),
                late: note,
                leaving: None,
            };
            Box::pin(owner.run(patience)).await;
            // The stack below would know it for ever.
            desk.layer.remove_dialog(&id);
            drop((place, hold));
        }));
        Some(Self { orders, told, wishes, parting, late })
    }

    /// Says that it rings (180), or sends audio before the answer (183).
    pub fn ring(&self, early: Option<String>) {
        self.order(Order::Ring { early });
    }

    /// Answers with SDP.
    pub fn answer(&self, answer: String) {
        self.order(Order::Answer { answer });
    }

    /// Refuses it. An answered call is hung up.
    pub fn refuse(&self, refusal: Refusal) {
        self.order(Order::Refuse(refusal));
    }

    /// Hangs up, with further headers for the BYE. A call not answered is refused with 480.
    pub fn hang_up(&self, headers: Vec<(String, String)>) {
        self.order(Order::HangUp { headers });
    }

    /// What the header of this name said in the far end's BYE, once it hung up.
    #[must_use]
    pub fn parting(&self, name: &str) -> Option<String> {
        self.parting.header(name)
    }

    /// What the far end answered where our answer was an offer, because its INVITE had none; once the
    /// call stands.
    #[must_use]
    pub fn late_answer(&self) -> Option<String> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What became of it; `None` after [`Told::Ended`].
    pub async fn told(&mut self) -> Option<Told> {
        self.told.recv().await
    }

    /// Whichever comes first: what became of it or what the far end wants; `None` when it is over and all was heard.
    pub async fn word(&mut self) -> Option<WordIn> {
        tokio::select! {
            biased;
            Some(wish) = self.wishes.recv() => Some(WordIn::Wish(wish)),
            told = self.told.recv() => told.map(WordIn::Told),
        }
    }

    fn order(&self, order: Order) {
        if self.orders.try_send(order).is_err() {
            debug!("the SIP call is ending already");
        }
    }
}

fn refuse(
    transaction: Transaction,
    place: OwnedSemaphorePermit,
    status: StatusCode,
    headers: Vec<Header>,
) {
    drop(tokio::spawn(async move {
        crate::door::finish(transaction, status, headers).await;
        drop(place);
    }));
}

/// Repetitions, CANCEL and ACK of the INVITE.
async fn serve(mut dialog: InviteDialog, mut transaction: Transaction) {
    if let Err(fault) = Box::pin(dialog.handle(&mut transaction)).await {
        debug!(%fault, "an INVITE could not be served");
    }
}

/// The session timer a far end asks for that knows of them.
fn asked_for(invite: &Request) -> Result<Option<Session>, TooBrief> {
    let either = |name, short| value(invite, name).or_else(|| value(invite, short));
    let supported = either("Supported", "k").unwrap_or_default();
    match either("Session-Expires", "x") {
        Some(asked) if supported.split(',').any(|word| word.trim() == "timer") => {
            Session::asked(&asked)
        }
        Some(_) | None => Ok(None),
    }
}

struct Owner {
    dialog: InviteDialog,
    states: DialogStateReceiver,
    serving: JoinHandle<()>,
    session: Option<Session>,
    /// Our sign of life under way: whether it was answered.
    refreshing: Option<JoinHandle<bool>>,
    /// Whether an offer of ours waits for its answer.
    asks: Arc<AtomicBool>,
    /// Whether the far end takes UPDATE for one.
    updates: bool,
    /// What we can do, for the answer.
    abilities: Vec<Header>,
    /// `None` once nobody is left to give them.
    orders: Option<mpsc::Receiver<Order>>,
    tell: mpsc::Sender<Told>,
    wish: mpsc::Sender<Wish>,
    ours: Ours,
    /// What the BYE says beside itself.
    parting: Vec<Header>,
    late: Late,
    leaving: Option<JoinHandle<()>>,
}

impl Owner {
    async fn run(mut self, patience: Patience) {
        let begun = Instant::now();
        let mut call = Answering::begin(patience, self.session);
        while !call.is_over() {
            let until = call.deadline().map(|deadline| begun + deadline);
            let Some(input) = self.input(until).await else { continue };
            for effect in call.handle(begun.elapsed(), input) {
                self.carry_out(effect);
            }
        }
        // The refusal is repeated until its ACK by the stack's own task, which has a limit of its own.
        drop(self.serving);
    }

    async fn input(&mut self, until: Option<Instant>) -> Option<Input> {
        tokio::select! {
            biased;
            order = ordered(&mut self.orders) => Some(self.order(order)),
            Some(state) = self.states.recv() => self.heard(state),
            () = left(&mut self.leaving) => {
                self.leaving = None;
                Some(Input::Left)
            }
            answered = refresh::answered(&mut self.refreshing) => {
                self.refreshing = None;
                answered.then_some(Input::Lives)
            }
            () = deadline(until) => Some(Input::Deadline),
        }
    }

    fn order(&mut self, order: Option<Order>) -> Input {
        match order {
            Some(Order::Ring { early }) => Input::Ring { early },
            Some(Order::Answer { answer }) => Input::Answer { answer },
            Some(Order::Refuse(refusal)) => Input::Refuse(refusal),
            Some(Order::HangUp { headers }) => {
                let headers = headers.iter();
                self.parting =
                    headers.filter_map(|(name, value)| headers::header(name, value)).collect();
                Input::HangUp
            }
            None => {
                self.orders = None;
                Input::HangUp
            }
        }
    }

    fn heard(&self, state: DialogState) -> Option<Input> {
        let acknowledges = matches!(state, DialogState::Confirmed(..));
        match said(state, &Talk { dialog: &self.dialog, ours: &self.ours, asks: &self.asks }) {
            Seen::Input(life::Input::TheyLeft) => Some(Input::TheyLeft),
            Seen::Input(life::Input::Unacknowledged) => Some(Input::Unacknowledged),
            Seen::Input(life::Input::Lives) => Some(Input::Lives),
            Seen::Nothing if acknowledges => {
                let answer = self.dialog.last_remote_ack().and_then(|ack| sdp(&ack));
                *self.late.lock().unwrap_or_else(PoisonError::into_inner) = answer;
                Some(Input::Acknowledged)
            }
            Seen::Input(_) | Seen::Nothing => None,
            Seen::Wish(wish) => {
                // Where we refresh, a key of theirs lengthens nothing.
                let is_ours = self.session.is_some_and(|session| session.ours);
                let lives = !is_ours || matches!(wish, Wish::Reoffer(_));
                pass_on(&self.wish, wish);
                lives.then_some(Input::Lives)
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let done = match effect {
            Effect::Ring { early } => {
                let headers = early.is_some().then(|| vec![Header::ContentType(SDP.into())]);
                self.dialog.ringing(headers, early.map(String::into_bytes))
            }
            Effect::Answer { answer } => self.answer(answer),
            Effect::Refuse(refusal) => self.dialog.reject(Some(refusal.code()), None),
            Effect::Refresh => {
                self.refresh();
                Ok(())
            }
            Effect::Bye => {
                self.bye();
                Ok(())
            }
            Effect::Tell(told) => {
                if self.tell.try_send(told).is_err() {
                    debug!("nobody hears what became of the SIP call");
                }
                Ok(())
            }
        };
        if let Err(fault) = done {
            debug!(%fault, "a SIP call in could not be answered");
        }
    }

    #[expect(clippy::result_large_err, reason = "as large as the stack below makes it")]
    fn answer(&self, answer: String) -> rsipstack::Result<()> {
        let mut headers = vec![Header::ContentType(SDP.into())];
        headers.extend(self.abilities.iter().cloned());
        if let Some(session) = self.session {
            headers.push(Header::Require("timer".into()));
            headers.push(Header::SessionExpires(session.said().into()));
            headers.push(Header::MinSE(LEAST.to_string().into()));
        }
        *self.ours.lock().unwrap_or_else(PoisonError::into_inner) = Saying::of(answer.clone());
        self.dialog.accept(Some(headers), Some(answer.into_bytes()))
    }

    fn refresh(&mut self) {
        if self.refreshing.is_some() {
            return; // One that met theirs is still being tried.
        }
        let refresh = Refresh {
            dialog: self.dialog.clone(),
            ours: Arc::clone(&self.ours),
            asks: Arc::clone(&self.asks),
            placed: false,
        };
        self.refreshing = Some(refresh::spawn(refresh, self.updates));
    }

    fn bye(&mut self) {
        let (dialog, headers) = (self.dialog.clone(), std::mem::take(&mut self.parting));
        self.leaving = Some(tokio::spawn(async move {
            if Box::pin(dialog.bye_with_headers(Some(headers))).await.is_err() {
                debug!("a BYE was not answered");
            }
        }));
    }
}

const SDP: &str = "application/sdp";

async fn ordered(orders: &mut Option<mpsc::Receiver<Order>>) -> Option<Order> {
    match orders {
        Some(orders) => orders.recv().await,
        None => std::future::pending().await,
    }
}

async fn left(leaving: &mut Option<JoinHandle<()>>) {
    match leaving {
        // A BYE whose task failed was not answered: the same.
        Some(leaving) => drop(leaving.await),
        None => std::future::pending().await,
    }
}

async fn deadline(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}
