//! What stands between a business number and a user: permission, window, counters?
//!
//! One document a pair, changed in one step by the rules, with the reply webhook in the same step; the
//! line in the chat follows.

use std::sync::Arc;

use rules::{
    Refusal,
    client::Feature,
    eligibility::{self, Load, NumberFacts, RequestForm, UserFacts},
    limits::Rolling,
    permission::{self, Choice, Consent, Effect, Input, Reply},
    quality,
    window::Window,
};
use serde::{Deserialize, Serialize};
use terms::{CallId, Direction, MessageId};
use wire::{
    handset::{ChatAuthor, ChatEntry, ChatEntryState, ChatKind},
    webhook::{
        envelope::Change,
        message::{CallPermissionReply, Response, ResponseSource},
    },
};

use crate::{
    chats,
    directory::{Number, User},
    ids::Stream,
    store::{Kind, NewWebhook, StoreFault},
    webhooks::{Lane, Origin, compose},
    world::World,
};

/// The document of a pair.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) consent: Consent,
    pub(crate) window: Window,
}

/// What stands between the two.
pub(crate) async fn load(world: &World, number: &Number, user: &User) -> Result<Pair, StoreFault> {
    Ok(world.store.load(Kind::Consent, &key(number, user)).await?.unwrap_or_default())
}

/// Opens the service window, or starts it again.
pub(crate) async fn open_window(
    world: &World,
    number: &Number,
    user: &User,
) -> Result<(), StoreFault> {
    let now = world.clock.now();
    let open = move |pair: &mut Pair| pair.window.open(now);
    world.store.update(Kind::Consent, &key(number, user), open).await
}

/// Counts a call the number placed.
pub(crate) async fn count_placed(world: &World, number: &Number) -> Result<(), StoreFault> {
    let now = world.clock.now();
    let day = world.book(number).limits.day.value;
    let count = move |placed: &mut Rolling| placed.record(now, day);
    world.store.update(Kind::Placed, number.id.as_str(), count).await
}

/// Sends a request for permission if the rules allow it, and notes it.
pub(crate) async fn request(
    world: &World,
    number: &Number,
    user: &User,
    user_facts: UserFacts,
    form: RequestForm,
    id: MessageId,
) -> Result<Result<(), Refusal>, StoreFault> {
    let (now, book) = (world.clock.now(), world.book(number));
    let facts = number_facts(world, number);
    let check = move |pair: &mut Pair| {
        let (consent, window) = (&mut pair.consent, &pair.window);
        let permit =
            eligibility::check_request(form, &facts, &user_facts, consent, window, &book, now)?;
        let sent = Input::RequestSent { id, permit };
        consent.handle(sent, &book, facts.kind, now, &mut Vec::new())
    };
    world.store.update(Kind::Consent, &key(number, user), check).await
}

/// A user outside the call hours asks to be called back: the window opens, permission is given.
pub(crate) async fn ask_callback(
    world: &Arc<World>,
    number: &Number,
    user: &User,
    call: CallId,
) -> Result<Result<(), Refusal>, StoreFault> {
    let (now, book) = (world.clock.now(), world.book(number));
    let open = move |pair: &mut Pair| pair.window.open_by_callback_request(&book, now);
    world.store.update(Kind::Consent, &key(number, user), open).await?;
    handle(world, number, user, Input::CalledBack { call }).await
}

/// What a change of a pair's consent leaves to do.
struct Done {
    /// What the user sees in the chat.
    entries: Vec<ChatEntry>,
    /// Requests whose buttons stopped working because a newer one was answered.
    replaced: Vec<MessageId>,
}

/// Gives the rules what happened, and carries out what follows.
pub(crate) async fn handle(
    world: &Arc<World>,
    number: &Number,
    user: &User,
    input: Input,
) -> Result<Result<(), Refusal>, StoreFault> {
    let (now, book) = (world.clock.now(), world.book(number));
    let answered = match &input {
        Input::Answered { request: Some(id), choice } => Some((id.clone(), *choice)),
        Input::RequestSent { .. }
        | Input::RequestDelivered { .. }
        | Input::RequestFailed { .. }
        | Input::Answered { request: None, .. }
        | Input::Revoked
        | Input::CalledBack { .. }
        | Input::Connected { .. }
        | Input::Unanswered => None,
    };
    let (kind, is_reply) = (world.directory.kind_of(number), answered.is_some());
    let scene = (Arc::clone(world), number.clone(), user.clone());
    let edit = move |pair: &mut Pair| {
        let (mut effects, (world, number, user)) = (Vec::new(), scene);
        let before = pair.consent.replaced_requests();
        if let Err(refusal) = pair.consent.handle(input, &book, kind, now, &mut effects) {
            return (Err(refusal), Vec::new());
        }
        if is_reply {
            pair.window.open_by_permission_reply(&book, now);
        }
        let mut replaced = pair.consent.replaced_requests();
        replaced.retain(|id| !before.contains(id));
        let (entries, webhooks) = told(&world, &number, &user, effects);
        (Ok(Done { entries, replaced }), webhooks)
    };
    let changed: Result<Done, Refusal> =
        world.store.update_telling(Kind::Consent, &key(number, user), edit).await?;
    let Done { entries, replaced } = match changed {
        Ok(done) => done,
        Err(refusal) => return Ok(Err(refusal)),
    };
    world.outbox.wake();
    for id in replaced {
        chats::close_request(world, number, &user.wa_id, &id, now).await?;
    }
    if let Some((id, choice)) = answered {
        let until = now + world.book(number).permission.answered_lifetime.value;
        let state = entry_state(choice);
        chats::answer_request(world, number, &user.wa_id, &id, state, until).await?;
    }
    for entry in entries {
        chats::add(world, number, &user.wa_id, entry).await?;
    }
    Ok(Ok(()))
}

/// What the user sees in the chat, and what the business is told.
fn told(
    world: &World,
    number: &Number,
    user: &User,
    effects: Vec<Effect>,
) -> (Vec<ChatEntry>, Vec<NewWebhook>) {
    let (mut entries, mut webhooks) = (Vec::new(), Vec::new());
    for effect in effects {
        match effect {
            Effect::SendReply(reply) => {
                let (entry, change) = reply_told(world, number, user, &reply);
                entries.push(entry);
                let lane = lane(number, user);
                webhooks.extend(world.outbox.compose(Origin::Event, number, &lane, change));
            }
            Effect::Nudge { unanswered } => entries.push(nudge(world, number, user, unanswered)),
        }
    }
    (entries, webhooks)
}

fn reply_told(world: &World, number: &Number, user: &User, reply: &Reply) -> (ChatEntry, Change) {
    let now = world.clock.now();
    let id = wire::wacid::wamid(&user.wa_id, world.ids.bytes(Stream::Message));
    let about = match &reply.context {
        permission::Context::Request(id) => Some(id.clone()),
        permission::Context::Call(id) => id.as_str().parse().ok(),
        permission::Context::None => None,
    };
    let mut entry = ChatEntry::new(id.clone(), now, ChatAuthor::System, ChatKind::PermissionReply);
    entry.state = Some(reply_state(reply));
    entry.expires_at = reply.expires_at;
    let body = CallPermissionReply {
        response: match reply.response {
            permission::Response::Accept => Response::Accept,
            permission::Response::Reject => Response::Reject,
        },
        is_permanent: reply.is_permanent,
        expiration_timestamp: reply.expires_at,
        response_source: Some(match reply.source {
            permission::Source::UserAction => ResponseSource::UserAction,
            permission::Source::Automatic => ResponseSource::Automatic,
        }),
    };
    (entry, compose::permission_reply(number, user, id, body, about, now))
}

fn nudge(world: &World, number: &Number, user: &User, unanswered: u32) -> ChatEntry {
    let id = wire::wacid::wamid(&user.wa_id, world.ids.bytes(Stream::Message));
    let mut entry = ChatEntry::new(id, world.clock.now(), ChatAuthor::System, ChatKind::Text);
    entry.text = Some(format!(
        "You missed {unanswered} calls of {} in a row. Do you still want to be called? You can \
         change this in the business's profile.",
        number.name
    ));
    entry
}

fn reply_state(reply: &Reply) -> ChatEntryState {
    match (reply.response, reply.is_permanent) {
        (permission::Response::Accept, Some(true)) => ChatEntryState::Permanent,
        (permission::Response::Accept, Some(false) | None) => ChatEntryState::Temporary,
        (permission::Response::Reject, _) => match reply.context {
            permission::Context::None => ChatEntryState::Revoked,
            permission::Context::Request(_) | permission::Context::Call(_) => {
                ChatEntryState::Rejected
            }
        },
    }
}

fn entry_state(choice: Choice) -> ChatEntryState {
    match choice {
        Choice::Temporary => ChatEntryState::Temporary,
        Choice::Permanent => ChatEntryState::Permanent,
        Choice::Reject => ChatEntryState::Rejected,
    }
}

/// What the rules know about a number.
pub(crate) fn number_facts(world: &World, number: &Number) -> NumberFacts {
    let payment_valid =
        world.directory.account(&number.account).is_some_and(|account| account.payment_valid);
    let now = world.clock.now();
    let restricted_until = |direction| quality::stopped_until(&number.restrictions, direction, now);
    NumberFacts {
        country: number.known_country(),
        kind: world.directory.kind_of(number),
        sip_enabled: number.calling.sip_enabled(),
        calling_enabled: number.calling.calling_enabled(),
        business_calls_restricted_until: restricted_until(Direction::BusinessInitiated),
        user_calls_restricted_until: restricted_until(Direction::UserInitiated),
        payment_valid,
    }
}

/// What the rules know about a user; one who is not known is not on WhatsApp.
pub(crate) fn user_facts(world: &World, number: &Number, user: &User, is_known: bool) -> UserFacts {
    let on_allowed_list = number.allowed_recipients.contains(&user.wa_id);
    if !is_known {
        return UserFacts {
            uncallable: Some("this number is not on WhatsApp"),
            blocks_number: false,
            is_on_whatsapp: false,
            app_is_recent: true,
            shows_buttons: true,
            on_allowed_list,
        };
    }
    let book = world.book(number);
    let is_callable = user.client.is_callable(&book);
    let why = "only phones take part in calls with a business";
    UserFacts {
        uncallable: (!is_callable).then_some(why),
        blocks_number: user.blocks.contains(&number.id),
        is_on_whatsapp: true,
        app_is_recent: user.client.supports(Feature::BusinessCalls, &book),
        shows_buttons: user.client.supports(Feature::CallButton, &book),
        on_allowed_list,
    }
}

/// How busy the number and its account are, for a new call of this direction.
pub(crate) async fn load_of(
    world: &World,
    number: &Number,
    user: &User,
    direction: Direction,
) -> Result<Load, StoreFault> {
    let placed: Rolling =
        world.store.load(Kind::Placed, number.id.as_str()).await?.unwrap_or_default();
    let book = world.book(number);
    let running = world.calls.running(&user.wa_id, &number.id, &number.account);
    Ok(Load {
        placed: placed.usage(
            book.limits.placed_per_day.value,
            book.limits.day.value,
            world.clock.now(),
        ),
        running_of_number: running.number,
        running_of_account: running.account,
        pair_in_call: match direction {
            Direction::UserInitiated => running.pair_of_user > 0,
            Direction::BusinessInitiated => running.pair_of_business > 0,
        },
    })
}

/// The lane of a pair's messages.
pub(crate) fn lane(number: &Number, user: &User) -> Lane {
    Lane(key(number, user))
}

fn key(number: &Number, user: &User) -> String {
    format!("{}/{}", number.id, user.wa_id.as_str())
}
