//! The business read a user's message.

use rules::Refusal;
use terms::MessageId;
use wire::handset::{ChatAuthor, ChatEntryState, ChatKind};

use crate::{api::refusals::ApiRefusal, chats, directory::Number, world::World};

/// Shows a user's message, and those before it, as read.
pub(super) async fn mark(world: &World, number: &Number, id: &MessageId) -> Result<(), ApiRefusal> {
    let unknown = || Refusal::ParameterInvalid {
        field: "message_id".to_owned(),
        reason: "there is no such message of a user".to_owned(),
    };
    let user = chats::user_of(world, number, id).await?.ok_or_else(unknown)?;
    let chat = chats::load(world, number, &user).await?;
    let by_user = |from| from == ChatAuthor::User;
    let at = chat.entries.iter().position(|it| it.id == *id && by_user(it.from));
    let at = at.ok_or_else(unknown)?;
    let now = world.clock.now();
    for mut entry in chat.entries.into_iter().take(at + 1) {
        let is_message = entry.kind != ChatKind::Call && by_user(entry.from);
        if !is_message || entry.read_at.is_some() {
            continue;
        }
        entry.read_at = Some(now);
        entry.state = Some(ChatEntryState::Read);
        chats::add(world, number, &user, entry).await?;
    }
    Ok(())
}
