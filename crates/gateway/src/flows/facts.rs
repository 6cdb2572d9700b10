//! What does a flow know of the user who calls?

use switchboard::flow::Caller;
use terms::UserRef;
use wire::console::Peer;

use crate::{line::Line, office::Office, store::StoreError};

/// The facts before the call is noted: a call opens the window itself.
pub(crate) async fn of_incoming(
    office: &Office,
    line: &Line,
    contact: &Peer,
    payload: Option<String>,
) -> Result<Caller, StoreError> {
    let Some(user) = contact.user() else {
        return Ok(Caller { name: contact.name.clone(), payload, ..Caller::default() });
    };
    let row = office.store.contact(line.contact(&user)).await?;
    let until = row.as_ref().and_then(|row| row.window_until);
    let window_open = Some(until.is_some_and(|until| until > line.now()));
    let past_calls = Some(office.store.calls_with(line.contact(&user)).await?);
    let user = row.map_or(user.clone(), |row| user.or(row.user));
    Ok(Caller {
        number: user.wa_id().cloned(),
        user_id: user.user_id().cloned(),
        name: contact.name.clone(),
        payload,
        window_open,
        past_calls,
    })
}

/// Of a user whom the business calls.
pub(crate) fn of_placed(to: &UserRef, name: Option<&str>) -> Caller {
    Caller {
        number: to.wa_id().cloned(),
        user_id: to.user_id().cloned(),
        name: name.map(str::to_owned),
        ..Caller::default()
    }
}
