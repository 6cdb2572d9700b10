//! Who wanted to be called back instead of waiting, and what becomes of it?
//!
//! A callback keeps the place of the call in which it was asked for, or has the place of when a program
//! asked. When its turn comes the platform
//! is asked whether the user may be called, then an agent rings, and whoever takes it calls the user.
//! A user who may not be called is asked for consent; the callback waits outside the queue and comes
//! back to its place when the consent arrives.
//!
//! ```text
//!   Waiting ◀─▶ Offered ─▶ Placing ─▶ Placed │ GivenUp
//!      └───────────┴──▶ Asking ─▶ Waiting        (any but Placing ─▶ GivenUp │ Cancelled)
//! ```
//!
//! It is on disk before the user hears that it is kept. `Placing` is written before `connect` is sent,
//! and a gateway that finds it at its start gives it up: so nobody is called twice.

use std::{sync::Arc, time::Duration};

use switchboard::queue::{Entry, LENGTH_MAX, Left, Overflow, Ticket};
use terms::{AgentId, CallId, Timestamp, UserRef};
use wire::console::{Offer, OfferCause, Peer};

use crate::{
    calls::{
        agent_first,
        placing::{self, NotPlaced},
    },
    clock, contacts,
    line::Line,
    office::Office,
    organisation::Organisation,
    permission_requests::{self, AskError},
    preflight,
    queues::{Guest, ToFloor},
    store::{Callback, CallbackState, StoreError},
};

/// How many may wait for consent or their turn; each is looked at whenever the ledger changes.
const OPEN_MAX: usize = 1_000;
/// How long a user may take to consent: an answer later than this is to something forgotten.
const ASKING_MAX: Duration = Duration::from_secs(3 * 86_400);
/// How often callbacks that wait for consent are looked at when nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// What a user in a queue wants, or a program for a user.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) queue: String,
    pub(crate) priority: u8,
    pub(crate) since: Timestamp,
    pub(crate) contact: Peer,
    /// The call in which the user asked.
    pub(crate) from_call: Option<CallId>,
}

/// What became of a wish to be called back.
#[derive(Debug)]
pub(crate) enum Keeping {
    /// It is kept.
    Kept(Box<Callback>),
    /// The user waits for one in this queue already.
    Already(Box<Callback>),
    /// Nothing names the user.
    NoUser,
    /// Too many wait.
    Full,
}

/// Keeps a callback and its place in the queue. A user who waits for one already keeps that.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn keep(
    office: &Office,
    line: &Line,
    wanted: Wanted,
) -> Result<Keeping, StoreError> {
    use CallbackState::{Asking, Offered, Placing, Waiting};
    let Some(to) = wanted.contact.user() else { return Ok(Keeping::NoUser) };
    // Who asks in a call is not who is being called: what is under way for that one will not reach anybody.
    let under_way: &[CallbackState] = match wanted.from_call {
        Some(_) => &[Waiting, Asking],
        None => &[Waiting, Asking, Offered, Placing],
    };
    let mut open = Vec::new();
    for state in under_way {
        open.extend(waiting(office, line, *state).await?);
    }
    let same = |known: &Callback| {
        known.queue == wanted.queue && known.contact.user().is_some_and(|user| user.is_same(&to))
    };
    if let Some(at) = open.iter().position(same) {
        return Ok(Keeping::Already(Box::new(open.swap_remove(at))));
    }
    if open.len() >= OPEN_MAX {
        return Ok(Keeping::Full);
    }
    let callback = Callback {
        callback_id: uuid::Uuid::now_v7().to_string(),
        phone_number_id: line.id().clone(),
        queue: wanted.queue,
        priority: wanted.priority,
        contact: wanted.contact,
        since: wanted.since,
        state: Waiting,
        from_call: wanted.from_call,
        request_id: None,
        call_id: None,
        text: None,
    };
    office.store.keep_waiting(callback.clone()).await?;
    enter(line, callback.clone()).await;
    Ok(Keeping::Kept(Box::new(callback)))
}

async fn waiting(
    office: &Office,
    line: &Line,
    state: CallbackState,
) -> Result<Vec<Callback>, StoreError> {
    office.store.waiting_in::<Callback>(line.id().clone(), state).await
}

/// Takes a callback back; `None` when it does not wait.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn cancel(office: &Office, id: String) -> Result<Option<Callback>, StoreError> {
    use CallbackState::{Asking, Offered, Waiting};
    let cancel = |callback: &mut Callback| callback.state = CallbackState::Cancelled;
    let cancelled =
        office.store.change_waiting(id.clone(), &[Waiting, Asking, Offered], cancel).await?;
    if let Some(line) = cancelled.as_ref().and_then(|it| office.lines.get(&it.phone_number_id)) {
        leave(line, id, Left::MovedOn).await;
    }
    Ok(cancelled)
}

/// What the last gateway left of a line: those it was placing are given up, the others wait on.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn take_up_left_behind(office: &Office, line: &Line) -> Result<(), StoreError> {
    for callback in waiting(office, line, CallbackState::Placing).await? {
        let why = "The gateway stopped while it placed the call, which is never tried twice.";
        give_up(office, callback.callback_id, why.into()).await?;
    }
    for callback in waiting(office, line, CallbackState::Offered).await? {
        let again = |callback: &mut Callback| callback.state = CallbackState::Waiting;
        let id = callback.callback_id;
        office.store.change_waiting(id, &[CallbackState::Offered], again).await?;
    }
    for callback in waiting(office, line, CallbackState::Waiting).await? {
        enter(line, callback).await;
    }
    Ok(())
}

/// Brings a line's callbacks back to their queue when their user consents, for ever.
pub(crate) async fn run(office: Arc<Office>, line: Arc<Line>) {
    let mut ledger = line.ledger.subscribe();
    loop {
        if let Err(error) = look(&office, &line).await {
            tracing::error!(%error, "callbacks cannot be looked at");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Ok(()) = ledger.changed() => {}
        }
    }
}

async fn look(office: &Office, line: &Line) -> Result<(), StoreError> {
    for callback in waiting(office, line, CallbackState::Asking).await? {
        if clock::now().since(callback.since) > ASKING_MAX {
            let why = "The user had not consented when the time was over.";
            give_up(office, callback.callback_id, why.into()).await?;
            continue;
        }
        let Some(to) = callback.contact.user() else { continue };
        let standing = office.store.standing(line.contact(&to)).await?;
        if standing.permission(line.now()).is_err() {
            continue;
        }
        back(office, line, callback.callback_id, &[CallbackState::Asking]).await?;
    }
    Ok(())
}

/// Its turn came: this agent may call the user.
pub(crate) async fn offer(
    office: Arc<Office>,
    house: Arc<Organisation>,
    id: String,
    agent: AgentId,
) {
    let passes = ToFloor::Passes { ticket: Ticket::Callback(id.clone()), agent: agent.clone() };
    match try_to_call(&office, &house, id, agent).await {
        Ok(Turn::Over) => {}
        Ok(Turn::Passed) => house.queues.tell(passes).await,
        Err(error) => {
            tracing::error!(%error, "a callback cannot be placed");
            house.queues.tell(passes).await;
        }
    }
}

/// The queue does not keep it.
pub(crate) async fn turned_away(office: Arc<Office>, id: String, why: Overflow) {
    let why = match why {
        Overflow::NoQueue => "Its queue is no longer configured.",
        Overflow::Full | Overflow::WaitedTooLong | Overflow::NobodyThere => "Its queue is full.",
    };
    if let Err(error) = give_up(&office, id, why.into()).await {
        tracing::error!(%error, "what became of a callback is not on disk");
    }
}

/// What came of an offer.
enum Turn {
    /// It left the queue.
    Over,
    /// The next agent may.
    Passed,
}

async fn try_to_call(
    office: &Arc<Office>,
    house: &Organisation,
    id: String,
    agent: AgentId,
) -> Result<Turn, StoreError> {
    if house.consoles.draining_until().is_some() {
        return Ok(Turn::Passed);
    }
    let offered = |callback: &mut Callback| callback.state = CallbackState::Offered;
    let taken = office.store.change_waiting(id.clone(), &[CallbackState::Waiting], offered).await?;
    let Some(callback) = taken else { return not_waiting(office, house, id).await };
    let (Some(line), Some(to)) =
        (office.lines.get(&callback.phone_number_id), callback.contact.user())
    else {
        give_up(office, id, "Its number is no longer configured.".into()).await?;
        return Ok(Turn::Over);
    };
    let to = contacts::complete(office, line, to).await?;
    let may = preflight::check(office, line, &to).await?;
    if !may.allowed {
        return not_allowed(office, line, callback, &to, &may).await;
    }
    let cleared = match placing::clear(office, line, &to).await {
        Ok(cleared) => cleared,
        Err(why) => {
            leave(line, id.clone(), Left::MovedOn).await;
            give_up(office, id, why.to_string()).await?;
            return Ok(Turn::Over);
        }
    };
    let ring_for = house.queues.ring_for(&callback.queue).unwrap_or(office.config.ring_for);
    let offer = shown(&callback, ring_for);
    let Ok(taken) = agent_first::ring(house, &agent, offer, ring_for).await else {
        let back = |callback: &mut Callback| callback.state = CallbackState::Waiting;
        office.store.change_waiting(id, &[CallbackState::Offered], back).await?;
        return Ok(Turn::Passed);
    };
    let placing = |callback: &mut Callback| callback.state = CallbackState::Placing;
    let placing = office.store.change_waiting(id.clone(), &[CallbackState::Offered], placing).await;
    if !matches!(placing, Ok(Some(_))) {
        // Cancelled while it rang, or not on disk: nobody is called.
        house.consoles.release(&agent, None);
        return placing.map(|_| Turn::Over);
    }
    leave(line, id.clone(), Left::Answered(agent)).await;
    let called = (cleared, callback.contact.name);
    let placed = agent_first::place(office, line, taken, called, None).await;
    came_of_it(office, line, id, placed).await?;
    Ok(Turn::Over)
}

fn shown(callback: &Callback, ring_for: Duration) -> Offer {
    Offer {
        offer_id: callback.callback_id.clone(),
        to: callback.contact.clone(),
        cause: OfferCause::Callback,
        queue: Some(callback.queue.clone()),
        waiting_since: Some(callback.since),
        until: clock::now() + ring_for,
    }
}

async fn came_of_it(
    office: &Office,
    line: &Line,
    id: String,
    placed: Result<CallId, NotPlaced>,
) -> Result<(), StoreError> {
    match placed {
        Ok(call_id) => {
            let placed = move |callback: &mut Callback| {
                callback.state = CallbackState::Placed;
                callback.call_id = Some(call_id);
            };
            office.store.change_waiting(id, &[CallbackState::Placing], placed).await.map(drop)
        }
        // Back to its place; a gateway that stops leaves it to the next one.
        Err(NotPlaced::Stopping | NotPlaced::NoLeg(_)) => {
            back(office, line, id, &[CallbackState::Placing]).await
        }
        Err(
            why @ (NotPlaced::Refused { .. }
            | NotPlaced::Held(_)
            | NotPlaced::Unreachable { .. }
            | NotPlaced::Ended { .. }),
        ) => give_up(office, id, why.to_string()).await,
    }
}

/// Into the queue again.
async fn back(
    office: &Office,
    line: &Line,
    id: String,
    from: &'static [CallbackState],
) -> Result<(), StoreError> {
    let waits = |callback: &mut Callback| {
        callback.state = CallbackState::Waiting;
        callback.text = None;
    };
    if let Some(callback) = office.store.change_waiting(id, from, waits).await? {
        enter(line, callback).await;
    }
    Ok(())
}

/// The agent before has not quite let go of it, or it is over.
async fn not_waiting(
    office: &Office,
    house: &Organisation,
    id: String,
) -> Result<Turn, StoreError> {
    let known = office.store.waiting::<Callback>(id.clone()).await?;
    let letting_go = known.is_some_and(|callback| {
        matches!(callback.state, CallbackState::Waiting | CallbackState::Offered)
    });
    if letting_go {
        return Ok(Turn::Passed);
    }
    house.queues.tell(leaves(id, Left::MovedOn)).await;
    Ok(Turn::Over)
}

/// Out of the queue: until the user consents, where that is what lacks, or for good.
async fn not_allowed(
    office: &Office,
    line: &Line,
    callback: Callback,
    to: &UserRef,
    answer: &wire::console::Preflight,
) -> Result<Turn, StoreError> {
    let id = callback.callback_id;
    leave(line, id.clone(), Left::MovedOn).await;
    if answer.rule != preflight::PERMISSION_REQUIRED {
        give_up(office, id, answer.evidence.clone()).await?;
        return Ok(Turn::Over);
    }
    let asking = |callback: &mut Callback| callback.state = CallbackState::Asking;
    office.store.change_waiting(id.clone(), &[CallbackState::Offered], asking).await?;
    let (request_id, text) = match permission_requests::ask(office, line, to, None, None).await {
        Ok(asked) => (Some(asked.message_id), "The user was asked for consent.".to_owned()),
        Err(AskError::Store(error)) => return Err(error),
        Err(error) => (None, format!("The user was not asked: {error}")),
    };
    let note = move |callback: &mut Callback| {
        callback.request_id = request_id;
        callback.text = Some(text);
    };
    office.store.change_waiting(id, &[CallbackState::Asking], note).await?;
    // The answer may have been quicker than our note.
    line.ledger.send_modify(|count| *count = count.wrapping_add(1));
    Ok(Turn::Over)
}

async fn enter(line: &Line, callback: Callback) {
    let entry = Entry {
        queue: callback.queue,
        priority: callback.priority,
        max_wait: None,
        max_length: LENGTH_MAX,
        unless_nobody: false,
    };
    let ticket = Ticket::Callback(callback.callback_id);
    let guest = Guest { contact: callback.contact, call: None };
    let entered = ToFloor::Enters { ticket, entry, since: callback.since, guest };
    line.organisation.queues.tell(entered).await;
}

async fn leave(line: &Line, id: String, left: Left) {
    line.organisation.queues.tell(leaves(id, left)).await;
}

fn leaves(id: String, left: Left) -> ToFloor {
    ToFloor::Leaves { ticket: Ticket::Callback(id), left }
}

async fn give_up(office: &Office, id: String, why: String) -> Result<(), StoreError> {
    use CallbackState::{Asking, Offered, Placing, Waiting};
    let change = move |callback: &mut Callback| {
        callback.state = CallbackState::GivenUp;
        callback.text = Some(why);
    };
    let open = &[Waiting, Asking, Offered, Placing];
    office.store.change_waiting(id, open, change).await.map(drop)
}
