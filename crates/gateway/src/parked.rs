//! Which calls wait for consent, and when is each placed or given up?
//!
//! A call that lacks nothing but the user's consent may be parked: the user is asked, and when the
//! grant arrives it is placed, whatever the hour. At its deadline, by the platform's clock, it is
//! given up.
//!
//! ```text
//!   Waiting ◀─▶ Placing ─▶ Placed │ GivenUp
//!      └──▶ GivenUp │ Cancelled
//! ```
//!
//! It is on disk before anything is sent. `Placing` is written before `connect` is, and a gateway that
//! finds it at its start gives the call up: so a parked call is never placed twice. Back to `Waiting` goes
//! one whose gateway drains, since nothing was sent then: the next gateway places it.

use std::{sync::Arc, time::Duration};

use terms::{Timestamp, UserRef};

use crate::{
    calls::placing::{self, NotPlaced},
    contacts,
    line::Line,
    office::Office,
    permission_requests::{self, AskError},
    preflight,
    store::{Parked, ParkedState, StoreError},
};

/// How many calls may wait; each is looked at whenever the ledger changes.
const WAITING_MAX: usize = 1_000;
/// How long between two looks at most and at least.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_secs(3_600), Duration::from_millis(100));
/// How long until a platform that did not answer is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// Why a call is not parked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParkError {
    /// One to this user waits.
    #[error("a call to this user is parked already: {0}")]
    Already(String),
    /// Too many wait.
    #[error("{WAITING_MAX} calls are parked; take some back first")]
    Full,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Parks a call for so long and asks the user for consent, where that is allowed.
///
/// # Errors
///
/// Why it is not parked.
pub(crate) async fn park(
    office: &Office,
    line: &Line,
    to: UserRef,
    wait: Duration,
) -> Result<Parked, ParkError> {
    let waiting =
        office.store.waiting_in::<Parked>(line.id().clone(), ParkedState::Waiting).await?;
    if let Some(same) = waiting.iter().find(|parked| parked.user().is_same(&to)) {
        return Err(ParkError::Already(same.parked_id.clone()));
    }
    if waiting.len() >= WAITING_MAX {
        return Err(ParkError::Full);
    }
    let now = line.now();
    let parked = Parked {
        parked_id: uuid::Uuid::now_v7().to_string(),
        phone_number_id: line.id().clone(),
        to: to.clone(),
        user_id: to.user_id().cloned(),
        created_at: now,
        deadline: now + wait,
        state: ParkedState::Waiting,
        request_id: None,
        call_id: None,
        text: None,
    };
    office.store.keep_waiting(parked.clone()).await?;
    let (request_id, text) = match permission_requests::ask(office, line, &to, None, None).await {
        Ok(asked) => (Some(asked.message_id), None),
        Err(AskError::Store(error)) => return Err(error.into()),
        Err(error) => (None, Some(format!("The user was not asked: {error}"))),
    };
    let id = parked.parked_id.clone();
    let change = move |parked: &mut Parked| {
        parked.request_id = request_id;
        parked.text = text;
    };
    let noted = office.store.change_waiting(id.clone(), &[ParkedState::Waiting], change).await?;
    // The ledger wakes the task that gives up; an unasked user changes nothing in it.
    line.ledger.send_modify(|count| *count = count.wrapping_add(1));
    match noted {
        Some(parked) => Ok(parked),
        // The answer was quicker.
        None => Ok(office.store.waiting::<Parked>(id).await?.unwrap_or(parked)),
    }
}

/// Takes a call back; `None` when it does not wait.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn cancel(office: &Office, id: String) -> Result<Option<Parked>, StoreError> {
    let cancel = |parked: &mut Parked| parked.state = ParkedState::Cancelled;
    office.store.change_waiting(id, &[ParkedState::Waiting], cancel).await
}

/// Gives up what the last gateway was placing when it died: nobody knows whether the user was rung.
///
/// # Errors
///
/// The store failed.
pub(crate) async fn give_up_left_behind(office: &Office, line: &Line) -> Result<(), StoreError> {
    for parked in office.store.waiting_in::<Parked>(line.id().clone(), ParkedState::Placing).await?
    {
        let why = "The gateway stopped while it placed the call, which is never tried twice.";
        give_up(office, parked.parked_id, ParkedState::Placing, why.into()).await?;
    }
    Ok(())
}

/// Places and gives up a line's parked calls, for ever.
pub(crate) async fn run(office: Arc<Office>, line: Arc<Line>) {
    let mut ledger = line.ledger.subscribe();
    let mut clock = line.graph.clock().watch();
    let (longest, shortest) = LOOK_EVERY;
    loop {
        let wait = match look(&office, &line).await {
            Ok(Some(next)) => next.since(line.now()).clamp(shortest, longest),
            Ok(None) => longest,
            Err(error) => {
                tracing::error!(%error, "parked calls cannot be looked at");
                Duration::from_secs(1)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            Ok(()) = ledger.changed() => {}
            Ok(()) = clock.changed() => {}
        }
    }
}

/// Looks at every waiting call; says when to look again.
async fn look(office: &Arc<Office>, line: &Arc<Line>) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<Timestamp> = None;
    for parked in office.store.waiting_in::<Parked>(line.id().clone(), ParkedState::Waiting).await?
    {
        let now = line.now();
        if parked.deadline <= now {
            let why = "The user had not consented when the time was over.";
            give_up(office, parked.parked_id, ParkedState::Waiting, why.into()).await?;
            continue;
        }
        let standing = office.store.standing(line.contact(&parked.user())).await?;
        let again = if standing.permission(now).is_ok() {
            place_if_allowed(office, line, &parked).await?
        } else {
            None
        };
        let at = again.map_or(parked.deadline, |again| again.min(parked.deadline));
        next = Some(next.map_or(at, |known| known.min(at)));
    }
    Ok(next)
}

/// Places a call whose user consented, unless something else is in its way; says when to look again.
async fn place_if_allowed(
    office: &Arc<Office>,
    line: &Arc<Line>,
    parked: &Parked,
) -> Result<Option<Timestamp>, StoreError> {
    let to = contacts::complete(office, line, parked.user()).await?;
    let answer = preflight::check(office, line, &to).await?;
    if answer.rule == preflight::OUR_WORD_ALONE {
        return Ok(Some(line.now() + AGAIN_AFTER));
    }
    if !answer.allowed {
        return Ok(answer.changes_at);
    }
    let id = parked.parked_id.clone();
    let take = |parked: &mut Parked| parked.state = ParkedState::Placing;
    if let Some(taken) = office.store.change_waiting(id, &[ParkedState::Waiting], take).await? {
        tokio::spawn(place(Arc::clone(office), Arc::clone(line), taken));
    }
    Ok(None)
}

async fn place(office: Arc<Office>, line: Arc<Line>, parked: Parked) {
    let (user, id) = (parked.user(), parked.parked_id);
    let contact = office.store.contact(line.contact(&user)).await.ok().flatten();
    let name = contact.as_ref().and_then(|contact| contact.name.clone());
    let to = contact.map_or(user, |contact| contact.user);
    let noted = match placing::by_flow(&office, &line, to, name, None).await {
        Ok(call_id) => {
            let placed = move |parked: &mut Parked| {
                parked.state = ParkedState::Placed;
                parked.call_id = Some(call_id);
                parked.text = None;
            };
            office.store.change_waiting(id, &[ParkedState::Placing], placed).await.map(drop)
        }
        Err(NotPlaced::Stopping) => put_back(&office, id).await,
        Err(why) => give_up(&office, id, ParkedState::Placing, why.to_string()).await,
    };
    if let Err(error) = noted {
        tracing::error!(%error, "what became of a parked call is not on disk");
    }
}

/// It waits for the next gateway.
async fn put_back(office: &Office, id: String) -> Result<(), StoreError> {
    let change = |parked: &mut Parked| {
        parked.state = ParkedState::Waiting;
        parked.text = Some("The gateway is being stopped; the next one places the call.".into());
    };
    office.store.change_waiting(id, &[ParkedState::Placing], change).await.map(drop)
}

async fn give_up(
    office: &Office,
    id: String,
    from: ParkedState,
    why: String,
) -> Result<(), StoreError> {
    let change = move |parked: &mut Parked| {
        parked.state = ParkedState::GivenUp;
        parked.text = Some(why);
    };
    office.store.change_waiting(id, &[from], change).await.map(drop)
}
