//! What do a user's phones show of a business?
//!
//! A chat is a list of entries in the store; an entry that is added or replaced is shown on every
//! connected phone of the user at once.

use terms::{MessageId, Timestamp, WaId};
use wire::handset::{Chat, ChatEntry, ChatEntryState, ToPhone};

use crate::{directory::Number, store::StoreFault, world::World};

/// Adds an entry, or replaces the one of the same id, and shows it.
pub(crate) async fn add(
    world: &World,
    number: &Number,
    user: &WaId,
    entry: ChatEntry,
) -> Result<(), StoreFault> {
    let json = serde_json::to_string(&entry).map_err(StoreFault::Document)?;
    world.store.save_entry(&key(number, user), entry.id.as_str(), json).await?;
    world.phones.show(user, &ToPhone::Chat { business: number.digits.clone(), entry });
    Ok(())
}

/// The chat as it stands.
pub(crate) async fn load(world: &World, number: &Number, user: &WaId) -> Result<Chat, StoreFault> {
    let rows = world.store.entries(&key(number, user)).await?;
    let entries = rows
        .iter()
        .map(|json| serde_json::from_str(json).map_err(StoreFault::Document))
        .collect::<Result<_, _>>()?;
    Ok(Chat { business: number.digits.clone(), entries })
}

/// One entry of a chat.
pub(crate) async fn entry(
    world: &World,
    number: &Number,
    user: &WaId,
    id: &MessageId,
) -> Result<Option<ChatEntry>, StoreFault> {
    let json = world.store.entry(&key(number, user), id.as_str()).await?;
    json.map(|json| serde_json::from_str(&json).map_err(StoreFault::Document)).transpose()
}

/// In whose chat with this number an entry stands.
pub(crate) async fn user_of(
    world: &World,
    number: &Number,
    id: &MessageId,
) -> Result<Option<WaId>, StoreFault> {
    let prefix = format!("{}/", number.id);
    let chats = world.store.chats_with(id.as_str()).await?;
    let user = |chat: &String| chat.strip_prefix(&prefix)?.parse().ok();
    Ok(chats.iter().find_map(user))
}

/// Shows a request for permission as answered; its buttons go on to work until `until`.
pub(crate) async fn answer_request(
    world: &World,
    number: &Number,
    user: &WaId,
    id: &MessageId,
    state: ChatEntryState,
    until: Timestamp,
) -> Result<(), StoreFault> {
    let Some(mut entry) = entry(world, number, user, id).await? else { return Ok(()) };
    entry.state = Some(state);
    entry.expires_at = Some(until);
    add(world, number, user, entry).await
}

/// Shows that the buttons of a request for permission stopped working; an answer stays as it is.
pub(crate) async fn close_request(
    world: &World,
    number: &Number,
    user: &WaId,
    id: &MessageId,
    now: Timestamp,
) -> Result<(), StoreFault> {
    let Some(mut entry) = entry(world, number, user, id).await? else { return Ok(()) };
    if entry.state == Some(ChatEntryState::Open) {
        entry.state = Some(ChatEntryState::Expired);
    }
    entry.expires_at = Some(now);
    add(world, number, user, entry).await
}

fn key(number: &Number, user: &WaId) -> String {
    format!("{}/{}", number.id, user.as_str())
}
