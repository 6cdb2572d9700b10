//! What stands between a business number and a user: permission, window, counters?
//!
//! One document a pair, changed in one step by the rules; what follows (the reply webhook, the line in
//! the chat) is carried out here.

use std::sync::Arc;

use rules::{
    Refusal,
    client::Feature,
    eligibility::{self, Load, NumberFacts, RequestForm, UserFacts},
    limits::{DAY, Rolling},
    permission::{self, Choice, Consent, Effect, Input, Reply},
    quality,
    window::Window,
};
use serde::{Deserialize, Serialize};
use terms::{CallId, Direction, MessageId};
use wire::{
    handset::{ChatAuthor, ChatEntry, ChatEntryState, ChatKind},
    webhook::message::{CallPermissionReply, Response, ResponseSource},
};

use crate::{
    chats,
    directory::{Number, User},
    ids::Stream,
    store::{Kind, StoreFault},
    webhooks::{Lane, compose},
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
    let count = move |placed: &mut Rolling| placed.record(now, DAY);
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
    let kind = world.directory.kind_of(number);
    let edit = move |pair: &mut Pair| {
        let mut effects = Vec::new();
        pair.consent.handle(input, &book, kind, now, &mut effects)?;
        Ok(effects)
    };
    let effects: Result<Vec<Effect>, Refusal> =
        world.store.update(Kind::Consent, &key(number, user), edit).await?;
    let effects = match effects {
        Ok(effects) => effects,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some((id, choice)) = answered {
        chats::answer_request(world, number, &user.wa_id, &id, entry_state(choice)).await?;
    }
    for effect in effects {
        match effect {
            Effect::SendReply(reply) => tell_reply(world, number, user, reply).await?,
            Effect::Nudge { unanswered } => nudge(world, number, user, unanswered).await?,
        }
    }
    Ok(Ok(()))
}

async fn tell_reply(
    world: &World,
    number: &Number,
    user: &User,
    reply: Reply,
) -> Result<(), StoreFault> {
    let now = world.clock.now();
    let id = wire::wacid::wamid(&user.wa_id, world.ids.bytes(Stream::Message));
    let about = match &reply.context {
        permission::Context::Request(id) => Some(id.clone()),
        permission::Context::Call(id) => id.as_str().parse().ok(),
        permission::Context::None => None,
    };
    let mut entry = ChatEntry::new(id.clone(), now, ChatAuthor::System, ChatKind::PermissionReply);
    entry.state = Some(reply_state(&reply));
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
    let change = compose::permission_reply(number, user, id, body, about, now);
    world.outbox.emit(number, &lane(number, user), change).await?;
    chats::add(world, number, &user.wa_id, entry).await
}

async fn nudge(
    world: &World,
    number: &Number,
    user: &User,
    unanswered: u32,
) -> Result<(), StoreFault> {
    let id = wire::wacid::wamid(&user.wa_id, world.ids.bytes(Stream::Message));
    let mut entry = ChatEntry::new(id, world.clock.now(), ChatAuthor::System, ChatKind::Text);
    entry.text = Some(format!(
        "You missed {unanswered} calls of {} in a row. Do you still want to be called? You can \
         change this in the business's profile.",
        number.name
    ));
    chats::add(world, number, &user.wa_id, entry).await
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
            is_on_whatsapp: false,
            app_is_recent: true,
            shows_buttons: true,
            on_allowed_list,
        };
    }
    let book = world.book(number);
    let is_callable = user.client.is_callable(&book);
    let has_blocked = user.blocks.contains(&number.id);
    UserFacts {
        uncallable: if has_blocked {
            Some("the user has blocked this business")
        } else {
            (!is_callable).then_some("only phones take part in calls with a business")
        },
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
    let placed_max = world.book(number).limits.placed_per_day.value;
    let running = world.calls.running(&user.wa_id, &number.id, &number.account);
    Ok(Load {
        placed: placed.usage(placed_max, DAY, world.clock.now()),
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
