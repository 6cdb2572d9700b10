//! The request for permission to call, and the call button, both in free form.

use rules::{
    button::{self, CallButton},
    eligibility::{RequestForm, Shows},
    price::Category,
};
use wire::{
    graph::message::CallButton as WantedButton,
    handset::{ChatEntry, ChatKind},
};

use super::{Letter, Written};
use crate::{api::refusals::ApiRefusal, consent};

/// Asks for permission to call.
pub(super) async fn request(
    letter: &Letter<'_>,
    body: Option<String>,
) -> Result<Written, ApiRefusal> {
    ask(letter, RequestForm::FreeForm).await?;
    let mut entry = letter.request_entry();
    entry.text = body;
    Ok(Written { entry, shows: Shows::PermissionRequest, ..Written::plain(letter) })
}

/// Notes a request if the rules allow it.
pub(super) async fn ask(letter: &Letter<'_>, form: RequestForm) -> Result<(), ApiRefusal> {
    let Letter { world, number, user, id, .. } = letter;
    consent::request(world, number, user, letter.user_facts(), form, id.clone()).await??;
    Ok(())
}

/// A button that calls the business.
pub(super) async fn button(
    letter: &Letter<'_>,
    wanted: WantedButton,
    is_direct: bool,
) -> Result<Written, ApiRefusal> {
    let Letter { world, number, .. } = letter;
    let book = world.book(number);
    button::check_sender(consent::number_facts(world, number).country, &book)?;
    let form = button::form_of(is_direct, &book)?;
    let WantedButton { body, display_text, ttl_minutes, payload } = wanted;
    let button = CallButton::of_message(display_text, ttl_minutes, payload, &book)?;
    letter.check(form).await?;
    let mut entry = letter.entry(ChatKind::CallButton);
    entry.text = Some(body);
    put(&mut entry, button);
    let category = if is_direct { Category::Utility } else { Category::Service };
    Ok(Written { entry, shows: Shows::CallButton, category, status: None })
}

/// Puts a button under an entry. A request for permission keeps its own end.
pub(super) fn put(entry: &mut ChatEntry, button: CallButton) {
    if entry.kind != ChatKind::PermissionRequest {
        entry.kind = ChatKind::CallButton;
        entry.expires_at = Some(entry.at + button.lifetime);
    }
    entry.button_text = Some(button.label);
    entry.payload = button.payload;
}
